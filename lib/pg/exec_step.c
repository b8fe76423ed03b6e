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
#include "sql/catalog.h"

enum {
    /* So that results and progress arrive and a bounded window never stalls. */
    FLUSH_STATEMENTS = 64,
    FLUSH_COMMITS = 16, /* each one wakes both ends up, which costs more than a tiny migration */
    FLUSH_BYTES = 64 << 10,
};

/* The part of hygiene that comes behind our row: its number must not be the next file's lastval().
 */
static const char forget_sequences[] = "DISCARD SEQUENCES";

/* One transaction for all: as they were before SET CONSTRAINTS ALL IMMEDIATE of the step before. */
static const char defer_again[] =
    "DO $migrate$ DECLARE names pg_catalog.text; BEGIN"
    " SELECT pg_catalog.string_agg(pg_catalog.format('%I.%I', n.nspname, c.conname), ', ')"
    " INTO names FROM pg_catalog.pg_constraint c"
    " JOIN pg_catalog.pg_namespace n ON n.oid " MG_EQ " c.connamespace WHERE c.condeferred;"
    " IF names IS NOT NULL THEN EXECUTE 'SET CONSTRAINTS ' " MG_CAT " names " MG_CAT
    " ' DEFERRED'; END IF;"
    " END $migrate$";

const MgStep *
mg_exec_step(const MgExec *exec)
{
    return &exec->input->steps[exec->step_i];
}

/* The next operations are those of step_i, from its beginning; what is committed is passed over. */
static void
begin_step(MgExec *exec, size_t step_i)
{
    mg_script_run_close(&exec->run);
    exec->step_i = step_i;
    exec->stage = MG_STAGE_OPEN;
    exec->is_in_group = false;
    exec->has_looked = false;
    exec->has_own_timeouts = false;
    exec->is_mark_due = false;
    bool is_begun = mg_exec_is_begun(exec, step_i);
    bool is_up = step_i < exec->input->n_steps && mg_exec_step(exec)->direction == MG_UP;
    exec->n_kept = is_begun ? exec->mark_n_done : 0;
    /* To revert there is one, and what it says stays true. */
    exec->is_row_refreshed = !is_up || is_begun;
    exec->has_row = !is_up || is_begun || mg_exec_step(exec)->row_id != 0;
}

void
mg_exec_rewind(MgExec *exec, size_t step_i)
{
    exec->n_queued = exec->n_sent = 0;
    exec->pause = MG_PAUSE_NONE;
    begin_step(exec, step_i);
}

/* ---- The queue --------------------------------------------------------------- */

void
mg_exec_push(MgExec *exec, MgOp op)
{
    assert(exec->n_queued < MG_EXEC_QUEUE);
    exec->queue[exec->n_queued++] = op;
}

void
mg_exec_push_sql(MgExec *exec, MgRole role, const char *sql)
{
    mg_exec_push(exec, (MgOp){ .kind = MG_OP_QUERY,
                               .sql = sql,
                               .tag = { .role = (int)role, .item = exec->step_i } });
}

static void
push_prepare(MgExec *exec, const char *name, const char *sql)
{
    mg_exec_push(exec, (MgOp){ .kind = MG_OP_PREPARE,
                               .name = name,
                               .sql = sql,
                               .tag = { .role = MG_ROLE_PREPARE, .item = exec->step_i } });
}

void
mg_exec_push_own(MgExec *exec, MgRole role, int own, const char *const *params, int n_params)
{
    bool is_prepared = mg_exec_step(exec)->is_transactional;
    mg_exec_push(exec, (MgOp){ .kind = is_prepared ? MG_OP_EXECUTE : MG_OP_QUERY,
                               .name = exec->own[own].name,
                               .sql = is_prepared ? NULL : exec->own[own].sql,
                               .params = params,
                               .n_params = n_params,
                               .tag = { .role = (int)role, .item = exec->step_i } });
}

void
mg_exec_push_flush(MgExec *exec)
{
    mg_exec_push(exec, (MgOp){ .kind = MG_OP_FLUSH });
    exec->n_unflushed = 0;
    exec->n_unflushed_commits = 0;
    exec->unflushed_bytes = 0;
}

void
mg_exec_push_begin(MgExec *exec)
{
    mg_exec_push_sql(exec, MG_ROLE_BEGIN, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE");
}

void
mg_exec_push_fence(MgExec *exec)
{
    mg_exec_push_own(exec, MG_ROLE_FENCE, MG_OWN_FENCE, NULL, 0);
}

void
mg_exec_push_first_fence(MgExec *exec)
{
    mg_exec_push_fence(exec);
    if (exec->input->server_deadline_us != 0)
        mg_exec_push_sql(exec, MG_ROLE_DEADLINE, exec->deadline_sql);
}

/* What is used all the time is prepared once; what the plan does not need is left out.  A plan
 * reverts before it applies. */
static void
push_prepares(MgExec *exec)
{
    const MgStep *next = mg_exec_step(exec), *last = &exec->input->steps[exec->input->n_steps - 1];
    bool is_needed[MG_N_OWN] = { [MG_OWN_BEGIN] = !exec->input->is_one_transaction,
                                 [MG_OWN_COMMIT] = !exec->input->is_one_transaction,
                                 [MG_OWN_FENCE] = true,
                                 [MG_OWN_REVERT] = next->direction == MG_DOWN,
                                 [MG_OWN_RECORD] = last->direction == MG_UP };
    for (int i = 0; i < MG_N_OWN; i++)
        if (is_needed[i])
            push_prepare(exec, exec->own[i].name, exec->own[i].sql);
    exec->must_prepare = false;
}

/*
 * What one migration leaves behind never reaches the next: all parts of DISCARD
 * ALL but the one that would drop our lock, and our own settings follow.
 *
 * Prepared statements that the file has made or dropped would take ours with
 * them.  So the last part only looks for such, and fails, unless it is known:
 * then the transaction is tried again and all are dropped behind it.
 */
void
mg_exec_push_hygiene(MgExec *exec)
{
    const MgStep *step = mg_exec_step(exec);
    bool can_repeat = step->is_transactional && !exec->input->is_one_transaction &&
                      !step->script->is_retry_off && exec->dealing != step;
    for (int i = MG_OWN_CLOSE_CURSORS; i <= MG_OWN_CLEAN; i++) {
        if (can_repeat && !exec->has_cleaners)
            push_prepare(exec, exec->own[i].name, exec->own[i].sql);
        if (can_repeat)
            mg_exec_push_own(exec, i == MG_OWN_CLEAN ? MG_ROLE_CLEAN : MG_ROLE_SET, i, NULL, 0);
        else if (i != MG_OWN_CLEAN)
            mg_exec_push_sql(exec, MG_ROLE_SET, exec->own[i].sql);
    }
    exec->has_cleaners = can_repeat;
    if (can_repeat)
        return;
    mg_exec_push_sql(exec, MG_ROLE_SET, "DEALLOCATE ALL");
    mg_exec_push_sql(exec, MG_ROLE_SET, exec->release_sql);
    mg_exec_push_sql(exec, MG_ROLE_SET, exec->input->settings_sql);
    exec->must_prepare = true;
    if (step->is_transactional)
        push_prepares(exec); /* its own row and COMMIT come next */
}

/* Copy the fetched statement and queue it. */
void
mg_exec_push_statement(MgExec *exec)
{
    MgScriptRun *run = &exec->run;
    size_t size_bytes = run->item.span.end - run->item.span.begin;

    mg_buf_clear(&exec->sql);
    mg_buf_add_n(&exec->sql, run->reader.text + run->item.span.begin, size_bytes);
    exec->statement_tag = mg_script_run_tag(run, MG_ROLE_STATEMENT, exec->step_i);
    run->has_peeked = false;
    if (run->stmt.deals_with_prepared)
        exec->dealing = mg_exec_step(exec);
    if (run->stmt.is_copy_data) {
        exec->pause = MG_PAUSE_COPY;
        return;
    }
    if (run->stmt.can_be_slow && exec->n_unflushed > 0)
        mg_exec_push_flush(exec); /* else the results before it wait as long as it runs */
    mg_exec_push(exec,
                 (MgOp){ .kind = MG_OP_QUERY, .sql = exec->sql.text, .tag = exec->statement_tag });
    exec->n_unflushed++;
    exec->unflushed_bytes += size_bytes;
    if (exec->n_unflushed >= FLUSH_STATEMENTS || exec->unflushed_bytes >= FLUSH_BYTES)
        mg_exec_push_flush(exec);
}

/* ---- The history row ----------------------------------------------------------- */

/* A repeatable that runs again replaces its live row. */
static void
push_close(MgExec *exec)
{
    const char **params = mg_arena_alloc_array(&exec->step_arena, 2, sizeof *params);
    params[0] = mg_exec_step(exec)->migration->name;
    params[1] = exec->input->by.applied_by;
    mg_exec_push(exec, (MgOp){ .kind = MG_OP_QUERY,
                               .sql = mg_history_close_sql(exec->input->table, &exec->step_arena),
                               .params = params,
                               .n_params = 2,
                               .tag = { .role = MG_ROLE_CLOSE, .item = exec->step_i } });
}

/* The history row of the current step: a new one, or the end of the one that marks have made. */
bool
mg_exec_push_record(MgExec *exec, MgRole role, int n_started, int n_done, MgError *err)
{
    bool is_finish = exec->has_row; /* marks have made it */
    const MgStep *step = mg_exec_step(exec);
    MgRecord record = { .migration = step->migration,
                        .row_id = step->row_id,
                        .prefix_digest =
                            n_done < n_started ? exec->run.before_digest : exec->run.prefix_digest,
                        .awaited_us = exec->awaited_us,
                        .n_statements_started = n_started,
                        .n_statements_done = n_done };
    if (step->migration->has_down &&
        !mg_script_read_stored(step->migration->down, &exec->step_arena, &record.down_text, err))
        return false;
    exec->awaited_us = 0;
    bool has_more = !is_finish && !step->is_transactional;
    if (!is_finish && step->migration->kind == MG_REPEATABLE)
        push_close(exec);
    const char **params = mg_arena_alloc_array(&exec->step_arena, MG_FINISH_PARAMS, sizeof *params);
    mg_history_record_params(&record, &exec->step_arena, params);
    if (is_finish)
        mg_exec_push_own(exec, role, MG_OWN_FINISH, params, MG_FINISH_PARAMS);
    else if (step->is_transactional)
        mg_exec_push_own(exec, role, MG_OWN_RECORD, params, MG_WHOLE_PARAMS);
    else
        mg_exec_push_own(exec, role, MG_OWN_FIRST_MARK, params, MG_RECORD_PARAMS);
    if (has_more)
        mg_exec_push_sql(exec, MG_ROLE_SET, forget_sequences);
    return true;
}

void
mg_exec_push_revert(MgExec *exec)
{
    MgArena *arena = &exec->step_arena;
    const char **params = mg_arena_alloc_array(arena, MG_REVERT_PARAMS, sizeof *params);
    params[0] = mg_arena_format(arena, "%" PRId64, mg_exec_step(exec)->row_id);
    params[1] = exec->input->by.applied_by;
    params[2] = mg_arena_format(arena, "%" PRId64, exec->awaited_us);
    exec->awaited_us = 0;
    mg_exec_push_own(exec, MG_ROLE_RECORD, MG_OWN_REVERT, params, MG_REVERT_PARAMS);
}

/* ---- Stages ---------------------------------------------------------------------- */

static void
push_timeout(MgExec *exec, const char *name, int64_t timeout_ms)
{
    if (timeout_ms >= 0)
        mg_exec_push_sql(
            exec, MG_ROLE_SET,
            mg_arena_format(&exec->step_arena, "SET LOCAL %s = %" PRId64, name, timeout_ms));
}

void
mg_exec_push_directives(MgExec *exec)
{
    push_timeout(exec, "lock_timeout", exec->run.script->lock_timeout_ms);
    push_timeout(exec, "statement_timeout", exec->run.script->statement_timeout_ms);
}

bool
mg_exec_fail_deadline(const MgStep *step, MgError *err)
{
    mg_fail(err, MG_E_DEADLINE, "the time for this run is over");
    mg_error_detail(err, "%s was not started.", step->entry->label);
    mg_error_hint(err, "Run again to go on.");
    return false;
}

/* What goes before a step's own operations: the history table, our prepared statements. */
static void
push_first(MgExec *exec)
{
    bool is_begun = false;
    if (exec->must_create_history) {
        int n = mg_history_prepare_ops(exec->input->table, exec->input->facts, exec->input->claim,
                                       exec->fence, &exec->step_arena, exec->queue);
        for (int i = 0; i < n; i++)
            exec->queue[i].tag = (MgTag){ .role = MG_ROLE_CREATE_HISTORY, .item = exec->step_i };
        exec->n_queued = (size_t)n;
        if (exec->input->is_one_transaction && n > 0)
            exec->n_queued--; /* its COMMIT: the steps come into the same transaction */
        is_begun = n > 0;
        exec->must_create_history = false;
    }
    if (exec->input->is_one_transaction && !is_begun)
        mg_exec_push_begin(exec);
    bool must_prepare = exec->must_prepare && mg_exec_step(exec)->is_transactional;
    if (must_prepare && exec->input->is_one_transaction) {
        push_prepares(exec);
    } else if (must_prepare) {
        /* In a transaction of their own: parsing takes a snapshot, and the file may set a level. */
        mg_exec_push_sql(exec, MG_ROLE_PREPARE, "BEGIN");
        push_prepares(exec);
        mg_exec_push_sql(exec, MG_ROLE_PREPARE, "COMMIT");
    }
}

static bool
open_step(MgExec *exec, MgError *err)
{
    const MgExecInput *input = exec->input;
    const MgStep *step = mg_exec_step(exec);

    if (input->deadline_ms != 0 && mg_clock_ms() >= input->deadline_ms)
        return mg_exec_fail_deadline(step, err);
    if (!mg_script_run_open(&exec->run, step->script, !mg_conn_has_standard_strings(input->conn),
                            err))
        return false;
    exec->run.is_chained = !step->is_transactional; /* also of a script that was mended to be so */
    mg_arena_release(&exec->step_arena);
    if (!input->is_one_transaction || exec->step_i == 0)
        push_first(exec);
    /* The session's lock_timeout bounds what others wait for; this one may be longer. */
    if (exec->n_unflushed > 0 && (!step->is_transactional || step->script->lock_timeout_ms >= 0))
        mg_exec_push_flush(exec);
    if (!step->is_transactional) {
        exec->stage = MG_STAGE_PIECE;
        return true;
    }
    if (!input->is_one_transaction)
        mg_exec_push_own(exec, MG_ROLE_BEGIN, MG_OWN_BEGIN, NULL, 0);
    else if (exec->step_i > 0)
        mg_exec_push_sql(exec, MG_ROLE_CONSTRAINTS, defer_again);
    mg_exec_push_directives(exec);
    exec->stage = MG_STAGE_LEADING;
    return true;
}

bool
mg_exec_fetch(MgExec *exec, MgError *err)
{
    return mg_script_run_fetch(&exec->run, mg_conn_server_version(exec->input->conn), err);
}

/* SET TRANSACTION is only valid before the transaction's first query, which the fence is. */
static bool
send_leading(MgExec *exec, MgError *err)
{
    if (!mg_exec_fetch(exec, err))
        return false;
    if (exec->run.has_peeked && exec->run.stmt.is_set_transaction) {
        mg_exec_push_statement(exec);
        return true;
    }
    mg_exec_push_first_fence(exec);
    exec->stage = MG_STAGE_STATEMENTS;
    return true;
}

static bool
send_statement(MgExec *exec, MgError *err)
{
    if (!mg_exec_fetch(exec, err))
        return false;
    if (exec->run.has_peeked)
        mg_exec_push_statement(exec);
    else
        exec->stage = MG_STAGE_END;
    return true;
}

void
mg_exec_finish_step(MgExec *exec)
{
    bool is_last = exec->step_i + 1 == exec->input->n_steps;
    if (!is_last && mg_exec_step(exec)[1].script->can_touch_session)
        mg_exec_push_sql(exec, MG_ROLE_SET, forget_sequences);
    if (!exec->input->is_one_transaction)
        mg_exec_push_own(exec, MG_ROLE_LAST_COMMIT, MG_OWN_COMMIT, NULL, 0);
    else if (is_last)
        mg_exec_push_sql(exec, MG_ROLE_LAST_COMMIT,
                         exec->input->is_rehearsal ? "ROLLBACK" : "COMMIT");
    exec->n_unflushed++;
    exec->n_unflushed_commits++;
    if (exec->n_unflushed_commits >= FLUSH_COMMITS || exec->input->is_rehearsal)
        mg_exec_push_flush(exec);
    /* The queue still points into step_arena, which is emptied when the next step opens. */
    begin_step(exec, exec->step_i + 1);
}

static bool
send_end(MgExec *exec, MgError *err)
{
    const MgStep *step = mg_exec_step(exec);

    /* A deferred constraint fails here, with a name, instead of at COMMIT.  What cannot touch the
     * session writes no rows either. */
    if (step->script->can_touch_session) {
        mg_exec_push_sql(exec, MG_ROLE_CONSTRAINTS, "SET CONSTRAINTS ALL IMMEDIATE");
        mg_exec_push_hygiene(exec);
    } else if (exec->input->is_one_transaction) {
        mg_exec_push_sql(exec, MG_ROLE_SET,
                         exec->input->settings_sql); /* its directives end here */
    }
    if (step->direction == MG_DOWN)
        mg_exec_push_revert(exec);
    else if (!mg_exec_push_record(exec, MG_ROLE_RECORD, step->script->n_statements,
                                  step->script->n_statements, err))
        return false;
    mg_exec_finish_step(exec);
    return true;
}

static bool (*const stages[])(MgExec *exec, MgError *err) = {
    [MG_STAGE_OPEN] = open_step,
    [MG_STAGE_LEADING] = send_leading,
    [MG_STAGE_STATEMENTS] = send_statement,
    [MG_STAGE_END] = send_end,
    [MG_STAGE_PIECE] = mg_exec_send_piece,
    [MG_STAGE_COPIED] = mg_exec_send_copied,
    [MG_STAGE_LAST_MARK] = mg_exec_send_last_mark,
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
            if (!exec->has_failed)
                exec->failed_tag = (MgTag){ .item = exec->step_i };
            exec->has_failed = true;
            return MG_NEXT_FAILED;
        }
    }
    *ret = exec->queue[exec->n_sent++];
    return MG_NEXT_OP;
}
