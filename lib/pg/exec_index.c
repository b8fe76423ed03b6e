/* Indexes that are built and dropped concurrently: what an earlier try left behind, and whether the
 * new one is valid. */
#include "pg/exec_parts.h"

#include <string.h>

#include "pg/index.h"

/* The statement that is fetched or has been sent. */
static const char *
statement(const MgExec *exec, size_t *ret_bytes)
{
    const MgScriptRun *run = &exec->run;
    if (run->has_peeked) {
        *ret_bytes = run->item.span.end - run->item.span.begin;
        return run->reader.text + run->item.span.begin;
    }
    *ret_bytes = exec->sql.size_bytes;
    return exec->sql.text;
}

static bool
parse(const MgExec *exec, MgArena *arena, MgIndexBuild *ret)
{
    size_t size_bytes;
    const char *sql = statement(exec, &size_bytes);
    return mg_index_build_parse(sql, size_bytes, arena, ret);
}

static bool
look(MgExec *exec, MgIndexBuild *ret_build, MgIndexState *ret, const char **ret_name, MgError *err)
{
    *ret = MG_INDEX_ABSENT;
    return !parse(exec, &exec->step_arena, ret_build) ||
           mg_index_look(exec->input->conn, ret_build, &exec->step_arena, ret, ret_name, err);
}

/* ---- In the pipeline -------------------------------------------------------------- */

void
mg_exec_push_index_free(MgExec *exec)
{
    MgIndexBuild build = { 0 };
    MgOp op;
    if (!parse(exec, &exec->step_arena, &build) || build.name == NULL)
        return; /* without a name none stands in its way */
    mg_index_check_op(&build, &exec->step_arena, &op);
    op.tag = mg_script_run_tag(&exec->run, MG_ROLE_INDEX_FREE, exec->step_i);
    mg_exec_push(exec, op);
}

bool
mg_exec_index_built(MgExec *exec)
{
    MgIndexBuild build = { 0 };
    if (!exec->run.stmt.builds_index || !parse(exec, exec->arena, &build))
        return false;
    mg_index_check_op(&build, exec->arena, &exec->unseen);
    exec->unseen.tag = exec->statement_tag;
    exec->unseen.tag.role = MG_ROLE_INDEX_VALID;
    return true;
}

bool
mg_exec_fail_index(MgExec *exec, const MgTag *tag, const MgResult *result, MgError *err)
{
    mg_result_fail(result, MG_E_SERVER, err);
    const char *name = mg_index_checked_name(err, &exec->step_arena);
    MgTag statement_tag = *tag;
    statement_tag.role = MG_ROLE_STATEMENT;
    if (name != NULL) {
        mg_fail(err, MG_E_SQL, "index %s is invalid: %s", name,
                tag->role == MG_ROLE_INDEX_FREE
                    ? "an earlier build of it failed"
                    : "the server reported success, but the build did not finish");
        mg_error_hint(err, "Drop it and run again: DROP INDEX CONCURRENTLY %s;", name);
    }
    mg_exec_place_failure(exec, &statement_tag, 0, err);
    return false;
}

/* ---- What an earlier try has left ------------------------------------------------- */

static bool
find_leftovers(MgExec *exec, MgNames *ret, MgError *err)
{
    size_t size_bytes;
    const char *sql = statement(exec, &size_bytes);
    MgReindex reindex;
    *ret = (MgNames){ 0 };
    return !mg_reindex_parse(sql, size_bytes, &exec->step_arena, &reindex) ||
           mg_reindex_leftovers(exec->input->conn, &reindex, &exec->step_arena, ret, err);
}

/* A REINDEX may run again as it is, but the server never takes away what a cut-off one left. */
static bool
drop_leftovers(MgExec *exec, MgError *err)
{
    MgNames names;
    if (!find_leftovers(exec, &names, err))
        return false;
    for (size_t i = 0; i < names.n; i++) {
        const char *text = mg_arena_format(
            &exec->step_arena, "index %s, left by an earlier try, is dropped", names.items[i]);
        exec->input->on_event(exec->input->payload,
                              &(MgEvent){ .kind = MG_EVENT_NOTE,
                                          .migration = mg_exec_step(exec)->entry->label,
                                          .text = text });
        if (!mg_index_drop(exec->input->conn, names.items[i], &exec->step_arena, err))
            return false;
    }
    return true;
}

/* Only what was marked as started is known to be ours. */
bool
mg_exec_is_index_begun(const MgExec *exec)
{
    const MgStep *step = mg_exec_step(exec);
    const MgStmt *stmt = &exec->run.stmt;
    return (stmt->builds_index || stmt->drops_index) && step->is_fate_unknown &&
           exec->run.n_fetched == step->resume_at + 1;
}

/* What is gone was dropped; what is still there, perhaps invalid, is dropped again. */
static bool
before_drop(MgExec *exec, MgError *err)
{
    size_t size_bytes;
    const char *sql = statement(exec, &size_bytes);
    const char *name = mg_index_drop_parse(sql, size_bytes, &exec->step_arena);
    bool is_there = true;
    if (name != NULL && !mg_index_is_there(exec->input->conn, name, &is_there, err))
        return false;
    if (!is_there)
        exec->run.has_peeked = false;
    return true;
}

bool
mg_exec_before_index(MgExec *exec, MgError *err)
{
    MgIndexBuild build = { 0 };
    MgIndexState state = MG_INDEX_ABSENT;
    const char *name = NULL;

    exec->has_looked = true;
    if (exec->run.stmt.drops_index)
        return before_drop(exec, err);
    if (!drop_leftovers(exec, err) || !look(exec, &build, &state, &name, err))
        return false;
    if (build.name == NULL || state == MG_INDEX_ABSENT)
        return true; /* without a name, which one would be its leftover cannot be told */
    if (state == MG_INDEX_VALID) {
        /* The earlier try was cut off after the build: the next mark says that it is done. */
        exec->run.has_peeked = false;
        return true;
    }
    exec->input->on_event(
        exec->input->payload,
        &(MgEvent){ .kind = MG_EVENT_NOTE,
                    .migration = mg_exec_step(exec)->entry->label,
                    .text = mg_arena_format(
                        &exec->step_arena,
                        "index %s, left invalid by an earlier try, is built again", name) });
    return mg_index_drop(exec->input->conn, name, &exec->step_arena, err);
}

bool
mg_exec_left_index(MgExec *exec)
{
    MgIndexBuild build = { 0 };
    MgIndexState state = MG_INDEX_ABSENT;
    const char *name = NULL;
    MgNames names;
    MgError ignored; /* what cannot be seen stays marked as started */
    return !look(exec, &build, &state, &name, &ignored) || state == MG_INDEX_INVALID ||
           !find_leftovers(exec, &names, &ignored) || names.n > 0;
}
