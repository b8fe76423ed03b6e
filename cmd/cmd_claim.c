/* migrate claim: tie the database to one environment, or give it free. */
#include <stddef.h>
#include <string.h>

#include "base/text.h"
#include "cmd.h"
#include "consent.h"
#include "policy.h"
#include "talk.h"

enum {
    MAX_ENVIRONMENT_BYTES = 63,
};

typedef struct Args {
    MgPolicyArgs policy;
    int64_t wait_turn_ms;
    bool is_show, is_release;
} Args;

static const MgOpt opts[] = {
    { .name = "show", .help = "tell whose it is", .offset = offsetof(Args, is_show) },
    { .name = "release", .help = "give it free", .offset = offsetof(Args, is_release) },
    MG_WAIT_TURN_OPT(offsetof(Args, wait_turn_ms)),
    MG_POLICY_OPTS(offsetof(Args, policy)),
    { .name = NULL },
};

/* A run could never name another. */
static bool
is_name(const char *word)
{
    size_t size_bytes = strlen(word);
    for (size_t i = 0; i < size_bytes; i++)
        if ((unsigned char)word[i] < ' ' || word[i] == '\x7f')
            return false;
    return size_bytes > 0 && word[0] != ' ' && word[size_bytes - 1] != ' ';
}

static bool
check(const MgRun *run, MgError *err)
{
    const Args *args = run->args;
    int n_wanted = (int)run->words.n + args->is_show + args->is_release;
    if (n_wanted != 1)
        return mg_cmd_usage("claim", err, "give an environment, --show or --release");
    if (run->words.n == 1 && strlen(run->words.items[0]) > MAX_ENVIRONMENT_BYTES)
        return mg_cmd_usage("claim", err, "an environment has at most %d bytes",
                            MAX_ENVIRONMENT_BYTES);
    if (run->words.n == 1 && !is_name(run->words.items[0]))
        return mg_cmd_usage("claim", err,
                            "an environment has a name without blanks at its ends"
                            " and without control characters");
    return true;
}

/* "production since 2026-03-01 09:12 UTC, claimed by vercel dpl_5Kd1vQ" */
static const char *
describe(const MgRun *run, const MgClaimed *claimed)
{
    char minute[32];
    mg_text_minute(claimed->at_ms, minute, sizeof minute);
    return mg_arena_format(run->arena, "%s since %s UTC, claimed by %s%s%s", claimed->environment,
                           minute, claimed->by, claimed->is_elsewhere ? " at " : "",
                           claimed->is_elsewhere ? claimed->hosts : "");
}

static void
print(const MgRun *run, const MgClaimed *claimed)
{
    const Args *args = run->args;
    if (claimed->environment == NULL)
        mg_talk_result(run->talk, args->is_show ? "claim" : "done",
                       "this database belongs to no environment");
    else if (args->is_show && claimed->is_elsewhere)
        mg_talk_result(run->talk, "claim",
                       "this database belongs to no environment here; elsewhere it is %s",
                       describe(run, claimed));
    else if (args->is_show)
        mg_talk_result(run->talk, "claim", "%s", describe(run, claimed));
    else if (args->is_release)
        mg_talk_result(run->talk, "done", "released: it was %s", describe(run, claimed));
    else if (claimed->is_changed)
        mg_talk_result(run->talk, "done", "this database belongs to environment %s from now on",
                       claimed->environment);
    else
        mg_talk_result(run->talk, "done", "nothing to do: %s", describe(run, claimed));
}

/* The claim is what keeps other environments away: it does not go unasked. */
static bool
confirm_release(const MgRun *run, MgContext *context, MgError *err)
{
    const MgTarget *target = mg_target(context);
    MgConsent consent = { .action = "releasing a claim",
                          .look = "migrate claim --show",
                          .note = "nothing was changed",
                          .ends_claim = true };
    bool must_ask;
    MgClaimed claimed;
    if (!mg_consent_check(run, context, &consent, &must_ask, err))
        return false;
    if (!must_ask)
        return true;
    if (!mg_claim_show(context, &claimed, err))
        return false;
    return claimed.environment == NULL ||
           mg_consent_ask(run, &consent,
                          mg_arena_format(run->arena, "release %s at %s, which is %s?",
                                          target->database, target->host, describe(run, &claimed)),
                          err);
}

static bool
run(const MgRun *run, int *ret_status, MgError *err)
{
    (void)ret_status;
    const Args *args = run->args;
    /* Migrations are of no interest here. */
    const MgFile no_files[1] = { { .name = NULL } };
    MgOptions options;
    if (!check(run, err))
        return false;
    mg_cmd_options(run, &options);
    mg_policy_options(&args->policy, &options);
    options.wait_turn_ms = args->wait_turn_ms;
    options.files = no_files;
    options.is_reading = args->is_show;
    MgContext *context = NULL;
    MgClaimed claimed;
    if (!mg_open(&options, &context, err))
        return false;
    bool ok = args->is_show ? mg_claim_show(context, &claimed, err)
              : args->is_release
                  ? confirm_release(run, context, err) && mg_claim_release(context, &claimed, err)
                  : mg_claim_make(context, run->words.items[0], &claimed, err);
    if (ok)
        print(run, &claimed);
    mg_close(context);
    return ok;
}

static const char *const examples[] = {
    "migrate claim production",
    "only runs for production may migrate it from now on",
    "migrate claim --show",
    "whose it is",
    "migrate claim --release",
    "any run may migrate it again",
    NULL,
};

const MgCmd cmd_claim = {
    .name = "claim",
    .argument = "ENV",
    .summary = "tie this database to one environment",
    .about =
        "A claimed database is migrated only by runs for the environment that claimed it, so a\n"
        "preview build whose variables point to production is refused. A run that a platform\n"
        "tells to be for production claims the database by itself. A claim holds for the host\n"
        "it was made at: a branch of the database, which has another, is free. Where such a claim\n"
        "is met on this machine over a session that is not direct, a tunnel may lead to the\n"
        "claimed database, so what asks elsewhere asks there too; in a copy, --release ends it.\n"
        "\n"
        "To release the claim of a database of another machine it asks; where nobody can be asked\n"
        "it needs --yes.",
    .opts = opts,
    .args_bytes = sizeof(Args),
    .max_words = 1,
    .examples = examples,
    .run = run,
};
