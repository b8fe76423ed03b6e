/* migrate up: apply what is pending. */
#include <stddef.h>

#include "base/error.h"
#include "base/text.h"
#include "cmd.h"
#include "consent.h"
#include "goal.h"
#include "policy.h"
#include "show.h"
#include "talk.h"

typedef struct Args {
    MgPolicyArgs policy;
    const char *to;
    int64_t wait_turn_ms;
    bool is_late, is_strict, is_not_empty, is_scratch;
    bool is_dry_run, is_one_transaction, is_rehearsal;
} Args;

static const MgOpt opts[] = {
    { .name = "to",
      .type = MG_OPT_TEXT,
      .argument = "V",
      .help = "apply up to and including this version, name or file",
      .offset = offsetof(Args, to) },
    { .name = "late",
      .help = "also apply migrations older than the newest applied one",
      .offset = offsetof(Args, is_late) },
    { .name = "strict",
      .help = "refuse when the history holds migrations without a file",
      .offset = offsetof(Args, is_strict) },
    { .name = "allow-not-empty",
      .help = "start a history in a database that has tables already",
      .offset = offsetof(Args, is_not_empty) },
    { .name = "single-transaction",
      .help = "all in one transaction: if one fails, none is applied",
      .offset = offsetof(Args, is_one_transaction) },
    { .name = "dry-run",
      .help = "only show what would be done, as \"migrate plan\" does",
      .offset = offsetof(Args, is_dry_run) },
    { .name = "rehearse",
      .help = "run everything in one transaction, with its locks, and roll it back",
      .offset = offsetof(Args, is_rehearsal) },
    MG_WAIT_TURN_OPT(offsetof(Args, wait_turn_ms)),
    { .name = "scratch",
      .help = "try the migrations on a throw-away server of this machine",
      .offset = offsetof(Args, is_scratch) },
    MG_POLICY_OPTS(offsetof(Args, policy)),
    { .name = NULL },
};

static void
print_done(MgTalk *talk, const MgOutcome *outcome)
{
    char elapsed[32];
    mg_text_duration(outcome->elapsed_us, elapsed, sizeof elapsed);
    if (outcome->n_tried > 0) {
        mg_talk_result(talk, "done", "%d tried in %s and rolled back, nothing was kept",
                       outcome->n_tried, elapsed);
        return;
    }
    const char *now = outcome->head == NULL ? "" : ", now at ";
    const char *head = outcome->head == NULL ? "" : outcome->head;
    if (outcome->n_applied > 0)
        mg_talk_result(talk, "done", "%d applied in %s%s%s", outcome->n_applied, elapsed, now,
                       head);
    else if (outcome->done_by_other != NULL)
        mg_talk_result(talk, "done", "nothing left to do: %s%s%s", outcome->done_by_other, now,
                       head);
    else
        mg_talk_result(talk, "done", "nothing to do%s%s", now, head);
}

/* The locks are those of the real run, and last to its end. */
static bool
confirm(const MgRun *run, MgContext *context, MgError *err)
{
    const MgTarget *target = mg_target(context);
    MgConsent consent = { .action = "rehearsing",
                          .look = "migrate plan",
                          .note = "nothing was run" };
    bool must_ask;
    if (!mg_consent_check(run, context, &consent, &must_ask, err))
        return false;
    if (must_ask &&
        !mg_consent_ask(run, &consent,
                        mg_arena_format(run->arena, "rehearse in %s at %s, with its locks?",
                                        target->database, target->host),
                        err))
        return false;
    mg_talk_aside(run->talk, "note",
                  "a rehearsal takes the locks of the real run and holds them until it is rolled "
                  "back");
    return true;
}

static bool
run_on(const MgRun *run, const MgScratch *scratch, const MgGoal *goal, MgError *err)
{
    const Args *args = run->args;
    MgOptions options;
    mg_cmd_options(run, &options);
    options.wait_turn_ms = args->wait_turn_ms;
    mg_policy_options(&args->policy, &options);
    if (scratch != NULL) {
        options.url = mg_scratch_url(scratch);
        options.url_from = "--scratch";
        options.keeps_notebook = false; /* nobody asks for it again */
        options.env = "";               /* it is nobody's */
    }
    options.is_skippable = true;
    bool has_document = mg_show_begin_document(run);
    MgContext *context = NULL;
    MgOutcome outcome = { 0 };
    MgRunResult result = { .direction = MG_UP,
                           .is_rehearsal = goal->is_rehearsal,
                           .outcome = &outcome };
    bool ok = mg_open(&options, &context, err);
    if (ok)
        result.skipped = mg_skipped(context);
    if (ok && result.skipped == NULL) {
        result.target = mg_target(context);
        ok = (!goal->is_rehearsal || confirm(run, context, err)) &&
             mg_run(context, goal, &outcome, err);
    }
    if (has_document)
        mg_show_outcome(run, &result, ok ? NULL : err);
    else if (ok && !mg_cmd_is_skipped(run, context))
        print_done(run->talk, &outcome);
    mg_close(context);
    return ok;
}

static bool
run(const MgRun *run, int *ret_status, MgError *err)
{
    const Args *args = run->args;
    MgGoal goal = { .kind = MG_GOAL_UP,
                    .is_late_allowed = args->is_late,
                    .is_strict = args->is_strict,
                    .is_not_empty_allowed = args->is_not_empty,
                    .is_one_transaction = args->is_one_transaction,
                    .is_rehearsal = args->is_rehearsal };
    if (!mg_goal_parse(run, args->to, &goal, err))
        return false;
    if (args->is_dry_run && (args->is_rehearsal || args->is_scratch))
        return mg_cmd_usage("up", err, "--dry-run runs nothing, and --%s does",
                            args->is_scratch ? "scratch" : "rehearse");
    if (args->is_dry_run)
        return mg_show_plan(run, &goal, ret_status, err);
    if (!args->is_scratch)
        return run_on(run, NULL, &goal, err);
    const char *named = mg_cmd_named_database(run->common);
    if (named != NULL)
        return mg_cmd_usage("up", err, "--scratch and --%s name two databases", named);
    MgScratch *scratch = NULL;
    if (!mg_scratch_open(run->environment, &scratch, err))
        return false;
    bool ok = run_on(run, scratch, &goal, err);
    if (!ok)
        mg_error_note(err, MG_SCRATCH_NOTE);
    mg_scratch_close(scratch);
    return ok;
}

static const char *const examples[] = {
    "migrate up",
    "apply everything that is pending",
    "migrate up 1",
    "apply the next one",
    "migrate up --to 20260310083000",
    "apply up to and including that one",
    "migrate up --rehearse",
    "try them on the database itself and roll all of it back",
    "migrate up --output json",
    "one JSON document of what was applied, and of the error if there was one",
    "migrate up --scratch",
    "try all of them on a throw-away server",
    NULL,
};

const MgCmd cmd_up = {
    .name = "up",
    .argument = "[N]",
    .summary = "apply all pending migrations, or the next N",
    .about =
        "Apply all pending migrations, or the next N, in the order of their versions. Each\n"
        "commits together with its row in the history, so a run that fails leaves nothing\n"
        "half done. Any number of runs may start at once: one works, the others wait for it.\n"
        "\n"
        "A rehearsal waits for locks and blocks others as the real run would, until its end; on\n"
        "another machine it needs --yes. What no rollback undoes stays: values taken from\n"
        "sequences, and what functions do outside the database.",
    .opts = opts,
    .args_bytes = sizeof(Args),
    .formats = MG_CMD_JSON | MG_CMD_MARKDOWN,
    .max_words = 1,
    .examples = examples,
    .run = run,
};
