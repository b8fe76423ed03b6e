/* migrate status: the state of every migration. */
#include <stddef.h>
#include <stdio.h>

#include "cmd.h"
#include "show.h"
#include "talk.h"

typedef struct Args {
    bool has_exit_code, is_strict, is_all, is_pending, is_offline;
} Args;

static const MgOpt opts[] = {
    { .name = "all",
      .help = "every migration, not only the newest ten of those that are applied",
      .offset = offsetof(Args, is_all) },
    { .name = "pending", .help = "only what up would apply", .offset = offsetof(Args, is_pending) },
    { .name = "offline",
      .help = "ask the notebook of this machine, not the database",
      .offset = offsetof(Args, is_offline) },
    { .name = "exit-code",
      .help = "exit with 10 when migrations are pending, with the refusal's status when up would "
              "refuse",
      .offset = offsetof(Args, has_exit_code) },
    { .name = "strict",
      .help = "migrations without a file count as a refusal",
      .offset = offsetof(Args, is_strict) },
    { .name = NULL },
};

static bool
is_pending(const MgPlan *plan)
{
    static const MgState pending[] = { MG_STATE_PENDING, MG_STATE_LATE, MG_STATE_PARTIAL,
                                       MG_STATE_CHANGED, MG_STATE_STALE };
    for (size_t i = 0; i < sizeof pending / sizeof *pending; i++) {
        if (plan->counts[pending[i]] > 0)
            return true;
    }
    return false;
}

static int
judge(const MgRun *run, const MgPlan *plan)
{
    const Args *args = run->args;
    for (size_t i = 0; i < plan->n_refusals; i++)
        mg_talk_refusal(run->talk, &plan->refusals[i]);
    if (!args->has_exit_code)
        return 0;
    if (plan->n_refusals > 0)
        return mg_error_exit_status(plan->refusals[0].code);
    return is_pending(plan) ? mg_error_exit_status(MG_E_PENDING) : 0;
}

static bool
run(const MgRun *run, int *ret_status, MgError *err)
{
    const Args *args = run->args;
    if (args->is_all && args->is_pending)
        return mg_cmd_usage("status", err, "--all and --pending cannot be combined");
    if (args->is_offline && run->common->has_no_state)
        return mg_cmd_usage("status", err, "--offline and --no-state cannot be combined");
    MgShow show = { .rows = args->is_all       ? MG_ROWS_ALL
                            : args->is_pending ? MG_ROWS_PENDING
                                               : MG_ROWS_GLANCE,
                    .is_offline = args->is_offline,
                    .goal = { .kind = MG_GOAL_UP, .is_strict = args->is_strict },
                    .write = mg_write_status,
                    .judge = judge };
    return mg_show(run, &show, ret_status, err);
}

static const char *const examples[] = {
    "migrate status",
    "what is applied, pending or wrong",
    "migrate status --exit-code",
    "10 when migrations are pending, for scripts",
    "migrate status --offline",
    "as this machine saw it last, without a server",
    "migrate status --output json",
    "one JSON document",
    "migrate status --output html > status.html",
    "one page with a timeline",
    NULL,
};

const MgCmd cmd_status = {
    .name = "status",
    .summary = "what is applied, pending or wrong",
    .about =
        "Compare the files with the history of the database and show the state of every\n"
        "migration: all that is pending or wrong, and the newest ten that are applied. It reads\n"
        "only and takes no lock.",
    .opts = opts,
    .args_bytes = sizeof(Args),
    .formats = MG_CMD_JSON | MG_CMD_MARKDOWN | MG_CMD_HTML,
    .examples = examples,
    .run = run,
};
