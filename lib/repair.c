/*
 * Repairs of the history, wired: read and say what would change; or prove the
 * session, take the lock, look again, and change the one row behind the fence.
 */
#include "context.h"

#include <string.h>

#include "base/error.h"
#include "pg/exec.h"
#include "plan/repair.h"

static const MgGoal reading_goal = { .kind = MG_GOAL_UP };

/* A settled statement stays checked: its tokens go into the digest of what is done. */
static bool
find_prefix(MgContext *context, const MgRepair *repair, const MgMatch *match, const char **ret,
            MgError *err)
{
    const MgScript *script = mg_match_script(match);
    *ret = NULL;
    if (repair->kind != MG_REPAIR_DONE || script == NULL ||
        repair->statement > script->n_statements)
        return true;
    char *digest = mg_arena_alloc(&context->arena, MG_DIGEST_HEX_BYTES);
    char before[MG_DIGEST_HEX_BYTES];
    if (!mg_exec_prefix_digest(context->conn, script, repair->statement, before, digest, err))
        return false;
    MgProgress progress = mg_applied_progress(match->row);
    if (progress.prefix_digest != NULL && strcmp(progress.prefix_digest, before) != 0)
        return mg_exec_fail_prefix(match->entry->label, script, progress.n_done, err);
    *ret = digest;
    return true;
}

static bool
read_down(MgContext *context, const MgRepair *repair, const MgMatch *match, const char **ret,
          MgError *err)
{
    *ret = NULL;
    return repair->kind != MG_REPAIR_ACCEPT_FILE || !match->file->has_down ||
           mg_script_read_stored(match->file->down, &context->arena, ret, err);
}

static bool
build(MgContext *context, const MgRepair *repair, MgRepairPlan *ret, MgError *err)
{
    MgMatch match;
    MgRepairTexts texts = { .by = context->applied_by };
    if (!mg_repair_find(repair, &context->source, &context->start.history, &context->arena, &match,
                        err) ||
        !find_prefix(context, repair, &match, &texts.prefix_digest, err) ||
        !read_down(context, repair, &match, &texts.down_text, err))
        return false;
    mg_repair_build(repair, &match, &texts, &context->arena, ret);
    ret->target = context->target;
    ret->history = context->table.shown;
    return true;
}

static bool
analyse_files(MgContext *context, MgError *err)
{
    return mg_files_analyse(context, err) || mg_fail_noted(err, "no connection was made");
}

bool
mg_plan_repair(MgContext *context, const MgRepair *repair, const MgRepairPlan **ret, MgError *err)
{
    MgRepairPlan *plan = MG_NEW_IN(&context->arena, MgRepairPlan);
    bool is_ok = mg_check_opened(context, err) && analyse_files(context, err) &&
                 mg_begin_reading(context, &reading_goal, err) && build(context, repair, plan, err);
    mg_disconnect(context);
    if (!is_ok)
        return false;
    mg_notes_seen(context);
    *ret = plan;
    return true;
}

/* ---- Writing ----------------------------------------------------------------------------------
 */

static bool
on_written(void *payload, const MgTag *tag, const MgResult *result, MgError *err)
{
    const MgContext *context = payload;
    (void)tag;
    return !mg_result_is_error(result) ||
           mg_history_fail_writing(&context->table, &context->start.facts, context->conn, result,
                                   err);
}

static bool
write_row(MgContext *context, const MgRepairPlan *plan, MgError *err)
{
    MgArena *arena = &context->arena;
    if (plan->n_changes == 0)
        return true;
    MgOp op = { .kind = MG_OP_QUERY,
                .sql = mg_history_repair_sql(&context->table, plan->row_id, plan->changes,
                                             plan->n_changes,
                                             mg_lock_fence_sql(&context->lock, arena), arena) };
    if (mg_conn_run_ops(context->conn, &op, 1, on_written, context, err))
        return true;
    if (err->note[0] == '\0')
        mg_error_note(err, err->code == MG_E_CONNECTION_LOST
                               ? "whether the history was changed is not known: run it again"
                               : "nothing was changed");
    return false;
}

/* "repair 3 --statement 2 done" */
static const char *
command_of(const MgRepair *repair, MgArena *arena)
{
    static const char *const options[] = {
        [MG_REPAIR_ACCEPT_FILE] = " --accept-file", [MG_REPAIR_MARK_REVERTED] = " --mark-reverted"
    };
    const char *option = "";
    if (repair->kind == MG_REPAIR_DONE || repair->kind == MG_REPAIR_AGAIN)
        option = mg_arena_format(arena, " --statement %d %s", repair->statement,
                                 repair->kind == MG_REPAIR_DONE ? "done" : "again");
    else if (repair->kind == MG_REPAIR_RENUMBER)
        return mg_arena_format(arena, "renumber %s", repair->from);
    else
        option = options[repair->kind];
    return mg_arena_format(arena, "repair %s%s", repair->version, option);
}

static bool
begin(MgContext *context, const MgRepair *repair, MgError *err)
{
    const MgTurn turn = { .goal = &reading_goal,
                          .command = command_of(repair, &context->arena),
                          .done = "changed" };
    return mg_check_opened(context, err) && analyse_files(context, err) &&
           mg_turn_begin(context, &turn, err) && mg_turn_wait(context, &turn, err);
}

bool
mg_repair(MgContext *context, const MgRepair *repair, const MgRepairPlan **ret, MgError *err)
{
    MgRepairPlan *plan = MG_NEW_IN(&context->arena, MgRepairPlan);
    MgOutcome outcome = { 0 };
    mg_notes_begin(context);
    bool is_ok = begin(context, repair, err) && build(context, repair, plan, err) &&
                 write_row(context, plan, err);
    if (is_ok && plan->n_changes > 0) {
        outcome.n_recorded = 1;
        mg_notes_step(context, "repaired", plan->label);
    }
    mg_notes_look(context, is_ok ? NULL : err);
    mg_disconnect(context);
    mg_notes_end(context, &outcome, is_ok ? NULL : err);
    if (is_ok)
        *ret = plan;
    return is_ok;
}
