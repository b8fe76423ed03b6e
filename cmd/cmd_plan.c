/* migrate plan: what up would do, or why it would refuse. */
#include <stddef.h>

#include "cmd.h"
#include "goal.h"
#include "show.h"
#include "talk.h"

typedef struct Args {
    const char *to;
    bool is_late, is_strict;
} Args;

static const MgOpt opts[] = {
    { .name = "to",
      .type = MG_OPT_TEXT,
      .argument = "V",
      .help = "up to and including this version, name or file",
      .offset = offsetof(Args, to) },
    { .name = "late",
      .help = "with migrations older than the newest applied one",
      .offset = offsetof(Args, is_late) },
    { .name = "strict",
      .help = "refuse when the history holds migrations without a file",
      .offset = offsetof(Args, is_strict) },
    { .name = NULL },
};

/* With a refusal the steps are no promise; the errors say all there is. */
static bool
has_table(const MgPlan *plan)
{
    return plan->n_refusals == 0;
}

static int
judge(const MgRun *run, const MgPlan *plan)
{
    for (size_t i = 0; i < plan->n_refusals; i++)
        mg_talk_error(run->talk, &plan->refusals[i]);
    return plan->n_refusals == 0 ? 0 : mg_error_exit_status(plan->refusals[0].code);
}

bool
mg_show_plan(const MgRun *run, const MgGoal *goal, int *ret_status, MgError *err)
{
    const MgShow show = {
        .goal = *goal, .write = mg_write_plan, .has_table = has_table, .judge = judge
    };
    return mg_show(run, &show, ret_status, err);
}

static bool
run(const MgRun *run, int *ret_status, MgError *err)
{
    const Args *args = run->args;
    MgGoal goal = { .kind = MG_GOAL_UP,
                    .is_late_allowed = args->is_late,
                    .is_strict = args->is_strict };
    return mg_goal_parse(run, args->to, &goal, err) && mg_show_plan(run, &goal, ret_status, err);
}

static const char *const examples[] = {
    "migrate plan",
    "the steps of the next up",
    "migrate plan --output markdown",
    "the same for a pull request",
    NULL,
};

const MgCmd cmd_plan = {
    .name = "plan",
    .argument = "[N]",
    .summary = "what up would do",
    .about =
        "Show the steps that \"migrate up\" would take and how each would run, or why it would\n"
        "refuse. It reads only, takes no lock and changes nothing.",
    .opts = opts,
    .args_bytes = sizeof(Args),
    .formats = MG_CMD_JSON | MG_CMD_MARKDOWN,
    .max_words = 1,
    .examples = examples,
    .run = run,
};
