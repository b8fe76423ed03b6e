/* migrate redo: down and up of the newest migration in one run, for the desk. */
#include <stddef.h>

#include "action.h"
#include "base/text.h"
#include "cmd.h"
#include "talk.h"

typedef struct Args {
    MgPolicyArgs policy;
    int64_t wait_turn_ms;
    bool is_from_history;
} Args;

static const MgOpt opts[] = {
    { .name = "from-history",
      .help = "run the down script that is stored in the history when the files have none",
      .offset = offsetof(Args, is_from_history) },
    MG_ACTION_OPTS(offsetof(Args, policy), offsetof(Args, wait_turn_ms)),
    { .name = NULL },
};

static const char *
ask(const MgPlan *plan, MgArena *arena)
{
    return mg_arena_format(arena, "revert %s and apply it again", plan->steps[0].entry->label);
}

static void
print_done(MgTalk *talk, const MgOutcome *outcome)
{
    char elapsed[32];
    mg_text_duration(outcome->elapsed_us, elapsed, sizeof elapsed);
    if (outcome->n_applied == 0)
        mg_talk_result(talk, "done", "nothing to do, nothing is applied");
    else
        mg_talk_result(talk, "done", "reverted and applied again in %s, now at %s", elapsed,
                       outcome->head);
}

static bool
run(const MgRun *run, int *ret_status, MgError *err)
{
    (void)ret_status;
    const Args *args = run->args;
    MgAction action = { .goal = { .kind = MG_GOAL_REDO,
                                  .is_from_history_allowed = args->is_from_history },
                        .consent = { .action = "reverting",
                                     .look = "migrate status",
                                     .note = "nothing was reverted" },
                        .policy = args->policy,
                        .wait_turn_ms = args->wait_turn_ms,
                        .ask = ask,
                        .print_done = print_done };
    return mg_action_run(run, &action, err);
}

static const char *const examples[] = {
    "migrate redo",
    "after an edit of the newest migration",
    NULL,
};

const MgCmd cmd_redo = {
    .name = "redo",
    .summary = "revert the newest migration and apply it again",
    .about = "Revert the newest migration by its down script and apply it again from its file, in\n"
             "one run, and behind it the repeatable ones, whose views it may have taken along. It\n"
             "is for the desk, where a migration is still being written: the data of what it\n"
             "reverts is lost. On a database of another machine it asks, or needs --yes.",
    .opts = opts,
    .args_bytes = sizeof(Args),
    .examples = examples,
    .run = run,
};
