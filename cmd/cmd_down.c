/*
 * migrate down: revert the newest.  It removes data, so on a database of another
 * machine it shows what it would do and asks, or wants --yes where nobody can
 * be asked.
 */
#include <stddef.h>

#include "action.h"
#include "base/text.h"
#include "cmd.h"
#include "goal.h"
#include "talk.h"

typedef struct Args {
    MgPolicyArgs policy;
    const char *to;
    int64_t wait_turn_ms;
    bool is_from_history;
} Args;

static const MgOpt opts[] = {
    { .name = "to",
      .type = MG_OPT_TEXT,
      .argument = "V",
      .help = "revert everything newer than this version, which stays applied",
      .offset = offsetof(Args, to) },
    { .name = "from-history",
      .help = "run down scripts that are stored in the history and have no file here",
      .offset = offsetof(Args, is_from_history) },
    MG_ACTION_OPTS(offsetof(Args, policy), offsetof(Args, wait_turn_ms)),
    { .name = NULL },
};

static const char *
ask(const MgPlan *plan, MgArena *arena)
{
    return mg_arena_format(arena, "revert %zu %s", plan->n_steps,
                           mg_text_plural((int64_t)plan->n_steps, "migration", "migrations"));
}

static void
print_done(MgTalk *talk, const MgOutcome *outcome)
{
    char elapsed[32];
    mg_text_duration(outcome->elapsed_us, elapsed, sizeof elapsed);
    if (outcome->n_reverted == 0 && outcome->head == NULL)
        mg_talk_result(talk, "done", "nothing to do, nothing is applied");
    else if (outcome->n_reverted == 0)
        mg_talk_result(talk, "done", "nothing to do, now at %s", outcome->head);
    else if (outcome->head == NULL)
        mg_talk_result(talk, "done", "%d reverted in %s, nothing is applied now",
                       outcome->n_reverted, elapsed);
    else
        mg_talk_result(talk, "done", "%d reverted in %s, now at %s", outcome->n_reverted, elapsed,
                       outcome->head);
}

static bool
run(const MgRun *run, int *ret_status, MgError *err)
{
    (void)ret_status;
    const Args *args = run->args;
    MgAction action = { .goal = { .kind = MG_GOAL_DOWN,
                                  .is_from_history_allowed = args->is_from_history },
                        .consent = { .action = "reverting",
                                     .look = "migrate status",
                                     .note = "nothing was reverted" },
                        .policy = args->policy,
                        .wait_turn_ms = args->wait_turn_ms,
                        .ask = ask,
                        .print_done = print_done };
    return mg_goal_parse(run, args->to, &action.goal, err) && mg_action_run(run, &action, err);
}

static const char *const examples[] = {
    "migrate down",
    "revert the newest migration",
    "migrate down 2 --yes",
    "revert the newest two without being asked",
    "migrate down --to 20260305080000",
    "revert everything newer than that one",
    NULL,
};

const MgCmd cmd_down = {
    .name = "down",
    .argument = "[N]",
    .summary = "revert the newest migration, or the newest N",
    .about =
        "Revert the newest migration, or the newest N, by their down scripts, the last one\n"
        "applied first. Repeatable ones have no way back and stay, also with --to 0; the next\n"
        "\"up\" runs them again, since what a down script drops may take theirs along. On a\n"
        "database of another machine it shows the plan and asks; where nobody can be asked it\n"
        "needs --yes.",
    .opts = opts,
    .args_bytes = sizeof(Args),
    .formats = MG_CMD_JSON | MG_CMD_MARKDOWN,
    .max_words = 1,
    .examples = examples,
    .run = run,
};
