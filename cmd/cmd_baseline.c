/* migrate baseline: the beginning of a history in a database that has a schema already. */
#include <stddef.h>

#include "action.h"
#include "base/text.h"
#include "cmd.h"
#include "talk.h"

typedef struct Args {
    MgPolicyArgs policy;
    int64_t wait_turn_ms;
} Args;

static const MgOpt opts[] = {
    MG_ACTION_OPTS(offsetof(Args, policy), offsetof(Args, wait_turn_ms)),
    { .name = NULL },
};

static const char *
ask(const MgPlan *plan, MgArena *arena)
{
    return mg_arena_format(arena, "record %zu %s as applied, without running %s", plan->n_steps,
                           mg_text_plural((int64_t)plan->n_steps, "migration", "migrations"),
                           mg_text_plural((int64_t)plan->n_steps, "it", "them"));
}

static void
print_done(MgTalk *talk, const MgOutcome *outcome)
{
    if (outcome->n_recorded == 0)
        mg_talk_result(talk, "done", "nothing to do, now at %s", outcome->head);
    else
        mg_talk_result(talk, "done", "%d recorded, none run, now at %s", outcome->n_recorded,
                       outcome->head);
}

static bool
run(const MgRun *run, int *ret_status, MgError *err)
{
    (void)ret_status;
    const Args *args = run->args;
    MgAction action = { .goal = { .kind = MG_GOAL_BASELINE, .to = run->words.items[0] },
                        .consent = { .action = "writing to the history",
                                     .look = "migrate status",
                                     .note = "nothing was recorded" },
                        .policy = args->policy,
                        .wait_turn_ms = args->wait_turn_ms,
                        .ask = ask,
                        .print_done = print_done };
    return mg_action_run(run, &action, err);
}

static const char *const examples[] = {
    "migrate baseline 20260302141500",
    "the database has all up to that one; \"migrate up\" applies what is newer",
    NULL,
};

const MgCmd cmd_baseline = {
    .name = "baseline",
    .argument = "V",
    .summary = "record everything up to V as applied, without running it",
    .about =
        "Record every migration up to and including V as applied, without running it: for a\n"
        "database that got its schema in another way. One row for each file goes into the\n"
        "history, marked as baseline. Nothing may be applied that is newer than V. On a\n"
        "database of another machine it shows the plan and asks; where nobody can be asked it\n"
        "needs --yes.",
    .opts = opts,
    .args_bytes = sizeof(Args),
    .min_words = 1,
    .max_words = 1,
    .examples = examples,
    .run = run,
};
