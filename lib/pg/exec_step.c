/*
 * Making operations: the order inside a step (exec.h).  Nothing is sent here
 * and nothing awaited; a stage fills the queue, and says when the pipeline has
 * to end before it can go on.
 */
#include "pg/exec_parts.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "pg/start.h"

enum {
    /* So that results and progress arrive and a bounded window never stalls. */
    FLUSH_STATEMENTS = 64,
    FLUSH_BYTES = 64 << 10,
    MAX_STORED_DOWN_BYTES = 1 << 20,
};

static const char fence_name[] = "migrate_fence";
static const char record_name[] = "migrate_record";
static const char progress_name[] = "migrate_progress";
static const char finish_name[] = "migrate_finish";
static const char revert_name[] = "migrate_revert";

/*
 * What one migration leaves behind never reaches the next.  All parts of
 * DISCARD ALL but the one that would drop our lock; our own settings follow.
 */
static const char *const hygiene[] = {
    "CLOSE ALL",         "SET SESSION AUTHORIZATION DEFAULT",
    "RESET ALL",         "DEALLOCATE ALL",
    "UNLISTEN *",        "DISCARD TEMP",
    "DISCARD SEQUENCES", mg_session_settings_sql,
};

const MgStep *
mg_exec_step(const MgExec *exec)
{
    return &exec->input->steps[exec->step_i];
}

/* The next operations are those of step_i, from its beginning. */
static void
begin_step(MgExec *exec, size_t step_i)
{
    mg_script_run_close(&exec->run);
    exec->step_i = step_i;
    exec->stage = MG_STAGE_OPEN;
    exec->is_in_group = false;
    exec->has_row = step_i < exec->input->n_steps && mg_exec_step(exec)->direction == MG_UP &&
                    mg_exec_step(exec)->row_id != 0;
}

void
mg_exec_rewind(MgExec *exec, size_t step_i)
{
    exec->n_queued = exec->n_sent = 0;
    exec->pause = MG_PAUSE_NONE;
    begin_step(exec, step_i);
}

/* ---- The queue --------------------------------------------------------------- */

static void
push(MgExec *exec, MgOp op)
{
    assert(exec->n_queued < MG_EXEC_QUEUE);
    exec->queue[exec->n_queued++] = op;
}

static void
push_sql(MgExec *exec, MgRole role, const char *sql)
{
    push(exec, (MgOp){ .kind = MG_OP_QUERY,
                       .sql = sql,
                       .tag = { .role = (int)role, .item = exec->step_i } });
}

static void
push_prepare(MgExec *exec, const char *name, const char *sql)
{
    push(exec, (MgOp){ .kind = MG_OP_PREPARE,
                       .name = name,
                       .sql = sql,
                       .tag = { .role = MG_ROLE_PREPARE, .item = exec->step_i } });
}

static void
push_execute(MgExec *exec, MgRole role, const char *name, const char *const *params, int n_params)
{
    push(exec, (MgOp){ .kind = MG_OP_EXECUTE,
                       .name = name,
                       .params = params,
                       .n_params = n_params,
                       .tag = { .role = (int)role, .item = exec->step_i } });
}

static void
push_flush(MgExec *exec)
{
    push(exec, (MgOp){ .kind = MG_OP_FLUSH });
    exec->n_unflushed = 0;
    exec->unflushed_bytes = 0;
}

static void
push_begin(MgExec *exec)
{
    push_sql(exec, MG_ROLE_BEGIN, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE");
}

static void
push_fence(MgExec *exec)
{
    push_execute(exec, MG_ROLE_FENCE, fence_name, NULL, 0);
}

/* The statements that are used all the time are prepared once; what the plan lacks is left out. */
static void
push_prepares(MgExec *exec)
{
    bool has_up = false, has_down = false, has_marks = false;
    for (size_t i = exec->step_i; i < exec->input->n_steps; i++) {
        const MgStep *step = &exec->input->steps[i];
        has_up |= step->direction == MG_UP;
        has_down |= step->direction == MG_DOWN;
        has_marks |= step->direction == MG_UP && !step->is_transactional;
    }
    push_prepare(exec, fence_name, mg_arena_format(exec->arena, "SELECT %s", exec->fence));
    if (has_up)
        push_prepare(exec, record_name, exec->record_sql);
    if (has_marks) {
        push_prepare(exec, progress_name, exec->progress_sql);
        push_prepare(exec, finish_name, exec->finish_sql);
    }
    if (has_down)
        push_prepare(exec, revert_name, exec->revert_sql);
    exec->must_prepare = false;
}

static void
push_hygiene(MgExec *exec)
{
    for (size_t i = 0; i < sizeof hygiene / sizeof *hygiene; i++)
        push_sql(exec, MG_ROLE_SET, hygiene[i]);
    push_prepares(exec);
}

/* Copy the fetched statement and queue it. */
static void
push_statement(MgExec *exec)
{
    MgScriptRun *run = &exec->run;
    size_t size_bytes = run->item.span.end - run->item.span.begin;

    mg_buf_clear(&exec->sql);
    mg_buf_add_n(&exec->sql, run->reader.text + run->item.span.begin, size_bytes);
    exec->statement_tag = mg_script_run_tag(run, MG_ROLE_STATEMENT, exec->step_i);
    run->has_peeked = false;
    if (run->stmt.is_copy_data) {
        exec->pause = MG_PAUSE_COPY;
        return;
    }
    push(exec, (MgOp){ .kind = MG_OP_QUERY, .sql = exec->sql.text, .tag = exec->statement_tag });
    exec->n_unflushed++;
    exec->unflushed_bytes += size_bytes;
    if (run->stmt.can_be_slow || exec->n_unflushed >= FLUSH_STATEMENTS ||
        exec->unflushed_bytes >= FLUSH_BYTES)
        push_flush(exec);
}

/* ---- The history row ----------------------------------------------------------- */

/*
 * Text of the down script for the history, with the directives above a file's
 * first section, so that its digest fits; NULL when there is none or it is too long.
 */
static bool
load_down(MgExec *exec, const MgMigration *migration, const char **ret, MgError *err)
{
    *ret = NULL;
    if (!migration->has_down)
        return true;
    MG_CLEANUP(reader) MgReader reader = { .fd = -1 };
    if (!mg_script_open(&migration->down, &reader, err))
        return false;
    if (reader.is_whole && reader.size_bytes <= MAX_STORED_DOWN_BYTES)
        *ret = mg_arena_format(&exec->step_arena, "%s%.*s",
                               migration->down.inherited == NULL ? "" : migration->down.inherited,
                               (int)reader.size_bytes, reader.text);
    return true;
}

/* The history row of the current step: a new one, or the end of the one that marks have made. */
static bool
push_record(MgExec *exec, MgRole role, int n_started, int n_done, MgError *err)
{
    bool is_finish = exec->has_row && role == MG_ROLE_RECORD;
    const MgStep *step = mg_exec_step(exec);
    MgRecord record = { .migration = step->migration,
                        .row_id = step->row_id,
                        .applied_by = exec->input->applied_by,
                        .commit = exec->input->commit,
                        .run_url = exec->input->run_url,
                        .prefix_digest =
                            n_done < n_started ? exec->run.before_digest : exec->run.prefix_digest,
                        .awaited_us = exec->awaited_us,
                        .n_statements_started = n_started,
                        .n_statements_done = n_done };
    if (!load_down(exec, step->migration, &record.down_text, err))
        return false;
    exec->awaited_us = 0;
    const char **params = mg_arena_alloc_array(&exec->step_arena, MG_FINISH_PARAMS, sizeof *params);
    mg_history_record_params(&record, &exec->step_arena, params);
    push_execute(exec, role, is_finish ? finish_name : record_name, params,
                 is_finish ? MG_FINISH_PARAMS : MG_RECORD_PARAMS);
    return true;
}

static void
push_revert(MgExec *exec)
{
    const char **params = mg_arena_alloc_array(&exec->step_arena, 2, sizeof *params);
    params[0] = mg_arena_format(&exec->step_arena, "%" PRId64, mg_exec_step(exec)->row_id);
    params[1] = exec->input->applied_by;
    push_execute(exec, MG_ROLE_RECORD, revert_name, params, 2);
}

void
mg_exec_progress_params(MgExec *exec, const MgStep *step, int n_started, int n_done,
                        const char *prefix_digest, const char *params[MG_PROGRESS_PARAMS])
{
    MgArena *arena = &exec->step_arena;
    int n = 0;
    params[n++] = mg_history_key(step->migration, step->row_id, arena);
    params[n++] = mg_arena_format(arena, "%d", n_started);
    params[n++] = mg_arena_format(arena, "%d", n_done);
    params[n++] = mg_arena_format(arena, "%" PRId64, exec->awaited_us);
    params[n++] = mg_arena_text(arena, prefix_digest);
    assert(n == MG_PROGRESS_PARAMS);
    exec->awaited_us = 0;
}

/* Progress of a no-transaction migration: its row is made by the first mark. */
static bool
push_mark(MgExec *exec, int n_started, int n_done, MgError *err)
{
    if (mg_exec_step(exec)->direction == MG_DOWN)
        return true;
    if (!exec->has_row) {
        bool is_ok = push_record(exec, MG_ROLE_MARK, n_started, n_done, err);
        exec->has_row = true;
        return is_ok;
    }
    const char **params =
        mg_arena_alloc_array(&exec->step_arena, MG_PROGRESS_PARAMS, sizeof *params);
    mg_exec_progress_params(exec, mg_exec_step(exec), n_started, n_done,
                            n_done < n_started ? exec->run.before_digest : exec->run.prefix_digest,
                            params);
    push_execute(exec, MG_ROLE_MARK, progress_name, params, MG_PROGRESS_PARAMS);
    return true;
}

/* ---- Stages ---------------------------------------------------------------------- */

static void
push_timeout(MgExec *exec, const char *name, int64_t timeout_ms)
{
    if (timeout_ms >= 0)
        push_sql(exec, MG_ROLE_SET,
                 mg_arena_format(&exec->step_arena, "SET LOCAL %s = %" PRId64, name, timeout_ms));
}

static void
push_directives(MgExec *exec)
{
    push_timeout(exec, "lock_timeout", exec->run.script->lock_timeout_ms);
    push_timeout(exec, "statement_timeout", exec->run.script->statement_timeout_ms);
}

static bool
fail_deadline(const MgExec *exec, MgError *err)
{
    mg_fail(err, MG_E_DEADLINE, "the time for this run is over");
    mg_error_detail(err, "%s was not started.", mg_exec_step(exec)->entry->label);
    mg_error_hint(err, "Run again to go on.");
    return false;
}

/* What goes before a step's own operations: the history table, our prepared statements. */
static void
push_first(MgExec *exec)
{
    if (exec->must_create_history) {
        int n = mg_history_create_ops(exec->input->table, exec->input->facts, exec->fence,
                                      &exec->step_arena, exec->queue);
        for (int i = 0; i < n; i++)
            exec->queue[i].tag = (MgTag){ .role = MG_ROLE_CREATE_HISTORY, .item = exec->step_i };
        exec->n_queued = (size_t)n;
        exec->must_create_history = false;
    }
    if (exec->must_prepare) {
        /* In a transaction of their own: parsing takes a snapshot, and the step's BEGIN sets a
         * level. */
        push_sql(exec, MG_ROLE_PREPARE, "BEGIN");
        push_prepares(exec);
        push_sql(exec, MG_ROLE_PREPARE, "COMMIT");
    }
}

static bool
open_step(MgExec *exec, MgError *err)
{
    const MgExecInput *input = exec->input;
    const MgStep *step = mg_exec_step(exec);

    if (input->deadline_ms != 0 && mg_clock_ms() >= input->deadline_ms)
        return fail_deadline(exec, err);
    if (!mg_script_run_open(&exec->run, step->script, !mg_conn_has_standard_strings(input->conn),
                            err))
        return false;
    mg_arena_release(&exec->step_arena);
    push_first(exec);
    if (!step->is_transactional) {
        exec->stage = MG_STAGE_PIECE;
        return true;
    }
    push_begin(exec);
    push_directives(exec);
    exec->stage = MG_STAGE_LEADING;
    return true;
}

static bool
fetch(MgExec *exec, MgError *err)
{
    return mg_script_run_fetch(&exec->run, mg_conn_server_version(exec->input->conn), err);
}

/* SET TRANSACTION is only valid before the transaction's first query, which the fence is. */
static bool
send_leading(MgExec *exec, MgError *err)
{
    if (!fetch(exec, err))
        return false;
    if (exec->run.has_peeked && exec->run.stmt.is_set_transaction) {
        push_statement(exec);
        return true;
    }
    push_fence(exec);
    exec->stage = MG_STAGE_STATEMENTS;
    return true;
}

static bool
send_statement(MgExec *exec, MgError *err)
{
    if (!fetch(exec, err))
        return false;
    if (exec->run.has_peeked)
        push_statement(exec);
    else
        exec->stage = MG_STAGE_END;
    return true;
}

static void
finish_step(MgExec *exec, MgRole last_commit)
{
    push_sql(exec, last_commit, "COMMIT");
    push_flush(exec);
    /* The queue still points into step_arena, which is emptied when the next step opens. */
    begin_step(exec, exec->step_i + 1);
}

static bool
send_end(MgExec *exec, MgError *err)
{
    const MgStep *step = mg_exec_step(exec);

    /* A deferred constraint fails here, with a name, instead of at COMMIT. */
    push_sql(exec, MG_ROLE_CONSTRAINTS, "SET CONSTRAINTS ALL IMMEDIATE");
    if (step->script->can_touch_session)
        push_hygiene(exec);
    if (step->direction == MG_DOWN)
        push_revert(exec);
    else if (!push_record(exec, MG_ROLE_RECORD, step->script->n_statements,
                          step->script->n_statements, err))
        return false;
    finish_step(exec, MG_ROLE_LAST_COMMIT);
    return true;
}

/* No transaction: a statement that refuses one stands between two committed marks. */
static bool
send_refusing(MgExec *exec, MgError *err)
{
    int n = exec->run.n_fetched;
    if (exec->run.stmt.builds_index && !exec->has_looked) {
        exec->pause = MG_PAUSE_LOOK;
        return true;
    }
    exec->has_looked = false;
    push_begin(exec);
    push_fence(exec);
    /* lock_timeout also counts waits for old snapshots of unrelated tables (platform.md 0.3). */
    push_sql(exec, MG_ROLE_SET, "SET lock_timeout = 0");
    if (!push_mark(exec, n, n - 1, err))
        return false;
    push_sql(exec, MG_ROLE_COMMIT, "COMMIT");
    push_statement(exec);
    exec->pause = MG_PAUSE_AWAIT;
    return true;
}

/* No transaction asked for, but this one can have its mark in its own: its fate is always known. */
static bool
send_willing(MgExec *exec, MgError *err)
{
    int n = exec->run.n_fetched;
    push_begin(exec);
    push_directives(exec);
    push_fence(exec);
    push_statement(exec);
    if (exec->pause == MG_PAUSE_COPY) {
        exec->stage = MG_STAGE_COPIED; /* a COPY ends the pipeline for itself */
        return true;
    }
    if (!push_mark(exec, n, n, err))
        return false;
    push_sql(exec, MG_ROLE_COMMIT, "COMMIT");
    return true;
}

/* No transaction asked for, but the file has BEGIN and COMMIT of its own: one mark for them all. */
static bool
send_grouped(MgExec *exec, MgError *err)
{
    MgScriptRun *run = &exec->run;
    switch (run->stmt.transaction_control) {
    case MG_TX_BEGIN:
        push_begin(exec);
        push_directives(exec);
        push_fence(exec);
        exec->is_in_group = true;
        break;
    case MG_TX_COMMIT:
        if (!push_mark(exec, run->n_fetched, run->n_fetched, err))
            return false;
        push_sql(exec, MG_ROLE_COMMIT, "COMMIT");
        exec->is_in_group = false;
        break;
    case MG_TX_NONE:
    case MG_TX_OTHER:
        push_statement(exec);
        return true;
    }
    run->has_peeked = false;
    return true;
}

/* What an earlier try has done must still stand in front of what is left. */
static bool
check_prefix(const MgExec *exec, MgError *err)
{
    const MgStep *step = mg_exec_step(exec);
    const char *wanted = step->prefix_digest;
    if (wanted == NULL || strcmp(wanted, exec->run.prefix_digest) == 0)
        return true;
    mg_fail(err, MG_E_PARTIAL, "statements of \"%s\" were edited after they had run",
            step->entry->label);
    mg_error_at(err, step->script->path, 0, 0);
    mg_error_detail(err, "It stopped half-way; the first %d of its statements are done.",
                    step->resume_at);
    mg_error_hint(err, "Leave those as they were, and mend only what follows.");
    mg_error_note(err, "nothing of it was applied by this run");
    return false;
}

static bool
send_piece(MgExec *exec, MgError *err)
{
    if (!fetch(exec, err))
        return false;
    MgScriptRun *run = &exec->run;
    if (!run->has_peeked) {
        exec->stage = MG_STAGE_LAST_MARK;
        return true;
    }
    const MgStep *step = mg_exec_step(exec);
    if (run->n_fetched <= step->resume_at) {
        run->has_peeked = false; /* done by an earlier try */
        return run->n_fetched < step->resume_at || check_prefix(exec, err);
    }
    if (run->stmt.transaction_control == MG_TX_BEGIN || exec->is_in_group)
        return send_grouped(exec, err);
    return run->stmt.refuses_transaction ? send_refusing(exec, err) : send_willing(exec, err);
}

static bool
send_copied(MgExec *exec, MgError *err)
{
    if (!push_mark(exec, exec->run.n_fetched, exec->run.n_fetched, err))
        return false;
    push_sql(exec, MG_ROLE_COMMIT, "COMMIT");
    exec->stage = MG_STAGE_PIECE;
    return true;
}

static bool
send_last_mark(MgExec *exec, MgError *err)
{
    const MgStep *step = mg_exec_step(exec);
    int n = step->script->n_statements;

    push_begin(exec);
    push_fence(exec);
    push_hygiene(exec);
    if (step->direction == MG_DOWN)
        push_revert(exec);
    else if (!push_record(exec, MG_ROLE_RECORD, n, n, err))
        return false;
    finish_step(exec, MG_ROLE_LAST_COMMIT);
    return true;
}

static bool (*const stages[])(MgExec *exec, MgError *err) = {
    [MG_STAGE_OPEN] = open_step,
    [MG_STAGE_LEADING] = send_leading,
    [MG_STAGE_STATEMENTS] = send_statement,
    [MG_STAGE_END] = send_end,
    [MG_STAGE_PIECE] = send_piece,
    [MG_STAGE_COPIED] = send_copied,
    [MG_STAGE_LAST_MARK] = send_last_mark,
};

MgNext
mg_exec_next(void *payload, MgOp *ret, MgError *err)
{
    MgExec *exec = payload;

    while (exec->n_sent == exec->n_queued) {
        exec->n_queued = exec->n_sent = 0;
        if (exec->pause != MG_PAUSE_NONE || exec->step_i == exec->input->n_steps)
            return MG_NEXT_END;
        if (!stages[exec->stage](exec, err)) {
            exec->failed_tag = (MgTag){ .item = exec->step_i };
            return MG_NEXT_FAILED;
        }
    }
    *ret = exec->queue[exec->n_sent++];
    return MG_NEXT_OP;
}
