/* Concurrent index builds: what an earlier try left behind, and whether the new one is valid. */
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
look(MgExec *exec, MgIndexBuild *ret_build, MgIndexState *ret, const char **ret_name, MgError *err)
{
    size_t size_bytes;
    const char *sql = statement(exec, &size_bytes);
    *ret = MG_INDEX_ABSENT;
    return !mg_index_build_parse(sql, size_bytes, &exec->step_arena, ret_build) ||
           mg_index_look(exec->input->conn, ret_build, &exec->step_arena, ret, ret_name, err);
}

static bool
fail_invalid(MgExec *exec, const MgTag *tag, const char *name, const char *why, MgError *err)
{
    mg_fail(err, MG_E_SQL, "index %s is invalid: %s", name, why);
    mg_exec_place_failure(exec, tag, 0, err);
    mg_error_hint(err, "Drop it and run again: DROP INDEX CONCURRENTLY %s;", name);
    return false;
}

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

bool
mg_exec_before_index(MgExec *exec, MgError *err)
{
    const MgStep *step = mg_exec_step(exec);
    MgScriptRun *run = &exec->run;
    /* Only a build that was marked as started is known to be ours. */
    bool is_ours = step->is_fate_unknown && run->n_fetched == step->resume_at + 1;
    MgIndexBuild build = { 0 };
    MgIndexState state = MG_INDEX_ABSENT;
    const char *name = NULL;

    exec->has_looked = true;
    if (is_ours && !drop_leftovers(exec, err))
        return false;
    if (!look(exec, &build, &state, &name, err))
        return false;
    if (build.name == NULL)
        return true; /* which one would be its leftover cannot be told */
    switch (state) {
    case MG_INDEX_ABSENT:
        return true;
    case MG_INDEX_VALID:
        /* The earlier try was cut off after the build: the next mark says that it is done. */
        if (is_ours)
            run->has_peeked = false;
        return true;
    case MG_INDEX_INVALID:
        break;
    }
    if (!is_ours) {
        MgTag tag = mg_script_run_tag(run, MG_ROLE_STATEMENT, exec->step_i);
        return fail_invalid(exec, &tag, name, "an earlier build of it failed", err);
    }
    exec->input->on_event(
        exec->input->payload,
        &(MgEvent){ .kind = MG_EVENT_NOTE,
                    .migration = step->entry->label,
                    .text = mg_arena_format(
                        &exec->step_arena,
                        "index %s, left invalid by an earlier try, is built again", name) });
    return mg_index_drop(exec->input->conn, name, &exec->step_arena, err);
}

bool
mg_exec_after_index(MgExec *exec, MgError *err)
{
    MgIndexBuild build = { 0 };
    MgIndexState state = MG_INDEX_ABSENT;
    const char *name = NULL;

    if (!look(exec, &build, &state, &name, err))
        return false;
    if (state != MG_INDEX_INVALID)
        return true;
    return fail_invalid(exec, &exec->statement_tag, name,
                        "the server reported success, but the build did not finish", err);
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
