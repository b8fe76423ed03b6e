/*
 * migrate repair: bring a row of the history in line with what is true.  It
 * never touches the schema.
 */
#include <stddef.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"
#include "cmd.h"
#include "consent.h"
#include "policy.h"
#include "row.h"
#include "talk.h"

enum {
    MAX_STATEMENT = 100000000,
};

typedef struct Args {
    MgPolicyArgs policy;
    const char *statement;
    int64_t wait_turn_ms;
    bool is_accept_file, is_mark_reverted;
} Args;

static const MgOpt opts[] = {
    { .name = "statement",
      .type = MG_OPT_TEXT,
      .argument = "K",
      .help = "settle its statement K, whose fate is not known: done, or to run again",
      .offset = offsetof(Args, statement) },
    { .name = "accept-file",
      .help = "record its edited file as it is now: the database agrees with it",
      .offset = offsetof(Args, is_accept_file) },
    { .name = "mark-reverted",
      .help = "its file is gone and the database is without it: record that, run nothing",
      .offset = offsetof(Args, is_mark_reverted) },
    MG_WAIT_TURN_OPT(offsetof(Args, wait_turn_ms)),
    MG_POLICY_OPTS(offsetof(Args, policy)),
    { .name = NULL },
};

static const struct {
    const char *word;
    MgRepairKind kind;
} fates[] = { { "done", MG_REPAIR_DONE }, { "again", MG_REPAIR_AGAIN } };

/* V --statement K done|again */
static bool
parse_statement(const MgRun *run, MgRepair *ret, MgError *err)
{
    const Args *args = run->args;
    uint64_t statement;
    if (!mg_text_parse_uint(args->statement, MAX_STATEMENT, &statement) || statement == 0)
        return mg_cmd_usage("repair", err, "\"%s\" is no number of a statement",
                            mg_cmd_shown(args->statement));
    ret->statement = (int)statement;
    for (size_t i = 0; run->words.n == 2 && i < sizeof fates / sizeof *fates; i++) {
        if (strcmp(run->words.items[1], fates[i].word) == 0) {
            ret->kind = fates[i].kind;
            return true;
        }
    }
    (void)mg_fail(err, MG_E_USAGE, "say \"done\" or \"again\" of statement %d", ret->statement);
    mg_error_hint(err, "If it took effect: migrate repair %s --statement %d done",
                  mg_cmd_shown(ret->version), ret->statement);
    mg_error_hint(err, "If it is to run again: migrate repair %s --statement %d again",
                  mg_cmd_shown(ret->version), ret->statement);
    return false;
}

static bool
parse(const MgRun *run, MgRepair *ret, MgError *err)
{
    const Args *args = run->args;
    *ret = (MgRepair){ .version = run->words.items[0] };
    int n_said = (args->statement != NULL) + args->is_accept_file + args->is_mark_reverted;
    if (n_said > 1)
        return mg_cmd_usage("repair", err,
                            "only one of --statement, --accept-file and"
                            " --mark-reverted can be true");
    if (args->statement != NULL)
        return parse_statement(run, ret, err);
    if (n_said == 0)
        return mg_cmd_usage("repair", err,
                            "say what is true: --accept-file, --mark-reverted or"
                            " --statement K done|again");
    if (run->words.n > 1)
        return mg_cmd_usage("repair", err, "\"%s\" is one word too many",
                            mg_cmd_shown(run->words.items[1]));
    ret->kind = args->is_accept_file ? MG_REPAIR_ACCEPT_FILE : MG_REPAIR_MARK_REVERTED;
    return true;
}

/* True when the run may go on. */
static bool
confirm(const MgRun *run, MgContext *context, const MgRepair *repair, MgError *err)
{
    MgConsent consent = { .action = "repairing the history",
                          .look = "migrate status",
                          .note = "nothing was changed" };
    bool must_ask;
    if (!mg_consent_check(run, context, &consent, &must_ask, err))
        return false;
    const MgRepairPlan *plan = NULL;
    return !must_ask || (mg_plan_repair(context, repair, &plan, err) &&
                         (plan->n_changes == 0 || mg_row_ask(run, plan, &consent, err)));
}

static bool
run(const MgRun *run, int *ret_status, MgError *err)
{
    (void)ret_status;
    const Args *args = run->args;
    MgRepair repair;
    if (!parse(run, &repair, err))
        return false;
    MgOptions options;
    mg_cmd_options(run, &options);
    options.wait_turn_ms = args->wait_turn_ms;
    mg_policy_options(&args->policy, &options);
    MgContext *context = NULL;
    if (!mg_open(&options, &context, err))
        return false;
    const MgRepairPlan *plan = NULL;
    bool ok = confirm(run, context, &repair, err) && mg_repair(context, &repair, &plan, err);
    if (ok)
        mg_row_print(run, plan);
    mg_close(context);
    return ok;
}

static const char *const examples[] = {
    "migrate repair 20260302141500 --accept-file",
    "it was edited, and the database agrees with the edit",
    "migrate repair 20260310083000 --statement 2 done",
    "its second statement took effect: go on behind it",
    "migrate repair 20260310083000 --statement 2 again",
    "it did not: the next run begins with it",
    NULL,
};

const MgCmd cmd_repair = {
    .name = "repair",
    .argument = "V",
    .summary = "accept an edited file, or settle a half-run migration",
    .about =
        "Record in the history what is true of a migration: that the database agrees with its\n"
        "edited file, that it is without a migration whose file is gone, or how a statement\n"
        "ended when the run that knew it is gone. It changes one row, and says which values; it\n"
        "never touches the schema. On a database of another machine it asks; where nobody can\n"
        "be asked it needs --yes.",
    .opts = opts,
    .args_bytes = sizeof(Args),
    .min_words = 1,
    .max_words = 2,
    .examples = examples,
    .run = run,
};
