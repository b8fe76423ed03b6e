/* migrate renumber: put a late migration, or one of two with one version, to the end. */
#include <stddef.h>
#include <time.h>

#include "base/buf.h"
#include "base/error.h"
#include "cmd.h"
#include "consent.h"
#include "policy.h"
#include "row.h"
#include "talk.h"

enum {
    PATH_BYTES = 512,
};

typedef struct Args {
    MgPolicyArgs policy;
    int64_t wait_turn_ms;
    bool is_files_only;
} Args;

static const MgOpt opts[] = {
    { .name = "files-only",
      .help = "rename the files and ask no database",
      .offset = offsetof(Args, is_files_only) },
    MG_WAIT_TURN_OPT(offsetof(Args, wait_turn_ms)),
    MG_POLICY_OPTS(offsetof(Args, policy)),
    { .name = NULL },
};

static void
set_options(const MgRun *run, MgOptions *ret)
{
    const Args *args = run->args;
    mg_cmd_options(run, ret);
    mg_policy_options(&args->policy, ret);
    ret->wait_turn_ms = args->wait_turn_ms;
}

/*
 * What is applied, before any file is touched: the new version must be behind
 * the newest.  The files cannot be read yet when two have one version.
 */
static bool
find_applied(const MgRun *run, bool *ret_has_target, MgRenumber *ret, MgError *err)
{
    const MgFile no_files[1] = { { .name = NULL } };
    const MgGoal goal = { .kind = MG_GOAL_UP };
    const MgPlan *plan = NULL;
    MgContext *context = NULL;
    MgOptions options;
    set_options(run, &options);
    options.files = no_files;
    options.on_event = NULL;
    options.keeps_notebook = false;
    bool ok = mg_open(&options, &context, err);
    *ret_has_target = ok || err->code != MG_E_NO_TARGET;
    ok = ok ? mg_plan(context, &goal, &plan, err) : !*ret_has_target;
    size_t n = ok && plan != NULL ? plan->n_entries : 0;
    const char **labels = mg_arena_alloc_array(run->arena, n + 1, sizeof *labels);
    for (size_t i = 0; i < n; i++) /* without files every entry is one of the history */
        labels[i] = mg_arena_text(run->arena, plan->entries[i].label);
    ret->applied = labels;
    ret->n_applied = n;
    if (n > 0 && plan->head != NULL)
        ret->above = mg_arena_text(run->arena, plan->head);
    mg_close(context);
    return ok;
}

/* With the files under their new names: the row of the same content, if there is one. */
static bool
change_row(const MgRun *run, const MgRenumbered *renumbered, const MgRepairPlan **ret,
           MgContext **ret_context, MgError *err)
{
    const MgRepair repair = { .kind = MG_REPAIR_RENUMBER,
                              .version = renumbered->to,
                              .from = renumbered->old_version };
    MgConsent consent = {
        .action = "renumbering a row of the history",
        .look = "migrate status",
        .note = "nothing was changed, and the files have their old names",
    };
    MgOptions options;
    bool must_ask;
    set_options(run, &options);
    return mg_open(&options, ret_context, err) && mg_plan_repair(*ret_context, &repair, ret, err) &&
           ((*ret)->n_changes == 0 ||
            (mg_consent_check(run, *ret_context, &consent, &must_ask, err) &&
             (!must_ask || mg_row_ask(run, *ret, &consent, err)) &&
             mg_repair(*ret_context, &repair, ret, err)));
}

static void
undo(const MgRun *run, const MgRenumbered *renumbered, MgError *err)
{
    MgError failure;
    if (mg_renumber_undo(renumbered, &failure))
        mg_error_note(err, "nothing was changed, and the files have their old names");
    else
        mg_talk_aside(run->talk, "warning", failure.message);
}

static void
print(const MgRun *run, const MgRenumbered *renumbered, const MgRepairPlan *plan)
{
    for (size_t i = 0; i < renumbered->n_files; i++)
        mg_talk_result(run->talk, "renamed", "%s -> %s", renumbered->files[i].from,
                       renumbered->files[i].to);
    if (plan != NULL && plan->n_changes > 0)
        mg_row_print(run, plan);
    else if (plan != NULL)
        mg_talk_result(run->talk, "done", "%s is %s now; it is not applied here", renumbered->from,
                       renumbered->to);
    else
        mg_talk_result(run->talk, "done", "%s is %s now; no database was asked", renumbered->from,
                       renumbered->to);
}

static bool
run(const MgRun *run, int *ret_status, MgError *err)
{
    (void)ret_status;
    const Args *args = run->args;
    char dir[PATH_BYTES] = "";
    struct timespec now = { .tv_sec = 0 };
    bool has_target = false;
    MgOptions options;
    MgRenumber renumber = { .dir = dir, .version = run->words.items[0] };
    MgRenumbered renumbered;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    renumber.now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    set_options(run, &options);
    if (!mg_setting(&options, "dir", dir, sizeof dir, err) ||
        (!args->is_files_only && !find_applied(run, &has_target, &renumber, err)) ||
        !mg_renumber(&renumber, &renumbered, err)) {
        if (err->note[0] == '\0')
            mg_error_note(err, "nothing was changed");
        return false;
    }
    if (renumbered.n_files == 0) {
        mg_talk_result(run->talk, "done", "nothing to do, %s is the newest already",
                       renumbered.from);
        return true;
    }
    MgContext *context = NULL;
    const MgRepairPlan *plan = NULL;
    bool ok = !has_target || change_row(run, &renumbered, &plan, &context, err);
    if (ok)
        print(run, &renumbered, plan);
    else
        undo(run, &renumbered, err);
    mg_close(context);
    return ok;
}

static const char *const examples[] = {
    "migrate renumber 20260307160000",
    "it was merged late: put it behind what is applied",
    "migrate renumber 0007_add_coupons --files-only",
    "of two migrations with version 0007, this one gets the next number",
    NULL,
};

const MgCmd cmd_renumber = {
    .name = "renumber",
    .argument = "V",
    .summary = "give a late or colliding migration a version at the end",
    .about =
        "Rename the files of a migration so that it is the newest: its version becomes the date\n"
        "and time in UTC, or the next number where the folder counts. Where the database has it\n"
        "already, its row gets the new version too; other databases know it by its content. A\n"
        "database of another machine is changed only when asked, or with --yes. If anything\n"
        "fails, the files get their old names back.",
    .opts = opts,
    .args_bytes = sizeof(Args),
    .min_words = 1,
    .max_words = 1,
    .is_behind = true,
    .examples = examples,
    .run = run,
};
