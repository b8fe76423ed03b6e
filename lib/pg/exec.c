/*
 * Execution: drives the pipeline, does what cannot be in it (COPY, awaited
 * statements, retries) and tells what happened.
 */
#include "pg/exec.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "pg/exec_parts.h"

enum {
    RUNNING_FIRST_US = 10 * 1000000, /* silence is what gets builds cancelled */
    RUNNING_TENS_US = 60 * 1000000,
    RUNNING_LATER_US = 60 * 1000000,
    RETRY_PAUSE_MS = 5000, /* five times the session's lock_timeout */
    RACE_PAUSE_MS = 20,
    RETRY_MAX_RUN_US = 30 * 1000000,
};

static void
emit(const MgExec *exec, MgEventKind kind, const char *migration, int64_t duration_us,
     const char *text)
{
    exec->input->on_event(exec->input->payload, &(MgEvent){ .kind = kind,
                                                            .migration = migration,
                                                            .duration_us = duration_us,
                                                            .text = text });
}

/* ---- Results ---------------------------------------------------------------------- */

static bool
on_committed(MgExec *exec, const MgTag *tag, const MgResult *result, MgError *err)
{
    const MgStep *step = &exec->input->steps[tag->item];
    exec->began_us = exec->result_us;
    if (strcmp(mg_result_tag(result), "COMMIT") != 0) {
        mg_fail(err, MG_E_SERVER, "the transaction was rolled back at its end");
        mg_error_at(err, step->script->path, 0, 0);
        return false;
    }
    exec->unmarked.n = 0; /* its mark is committed */
    if (tag->role != MG_ROLE_LAST_COMMIT)
        return true;
    exec->n_committed++;
    if (step->direction == MG_UP)
        exec->ret->n_applied++;
    else
        exec->ret->n_reverted++;
    emit(exec, step->direction == MG_UP ? MG_EVENT_APPLIED : MG_EVENT_REVERTED, step->entry->label,
         exec->duration_us, step->is_transactional ? NULL : "no transaction");
    return true;
}

static bool
on_result(void *payload, const MgTag *tag, const MgResult *result, MgError *err)
{
    MgExec *exec = payload;

    exec->result_us = mg_clock_us();
    exec->running_us = 0;
    if (mg_result_is_error(result))
        return mg_exec_fail(exec, tag, result, err);
    switch ((MgRole)tag->role) {
    case MG_ROLE_RECORD:
    case MG_ROLE_MARK:
        if (mg_result_n_rows(result) == 1)
            exec->duration_us = mg_result_int(result, 0, 1);
        return true;
    case MG_ROLE_COMMIT:
    case MG_ROLE_LAST_COMMIT:
        return on_committed(exec, tag, result, err);
    case MG_ROLE_CREATE_HISTORY:
        exec->is_history_made |= strcmp(mg_result_tag(result), "COMMIT") == 0;
        return true;
    case MG_ROLE_STATEMENT:
        /* Also behind a cancel: what succeeded is done.  An index is looked at first. */
        if (exec->pause == MG_PAUSE_AWAIT && tag->item == exec->step_i &&
            tag->number == exec->run.n_fetched && !exec->run.stmt.builds_index)
            mg_exec_note_done(exec);
        return true;
    case MG_ROLE_NONE:
    case MG_ROLE_PREPARE:
    case MG_ROLE_BEGIN:
    case MG_ROLE_SET:
    case MG_ROLE_FENCE:
    case MG_ROLE_DEADLINE:
    case MG_ROLE_CONSTRAINTS:
        break;
    }
    return true;
}

/* Only the file's own statements: what ours provoke is of no use to anybody. */
static void
on_notice(void *payload, const MgTag *front, const char *text)
{
    const MgExec *exec = payload;
    if (front->role == MG_ROLE_STATEMENT)
        emit(exec, MG_EVENT_NOTICE, exec->input->steps[front->item].entry->label, 0, text);
}

/* When "running" is due again: every 10 s of the first minute, then every minute. */
static int64_t
next_running_us(int64_t silent_us)
{
    int64_t step_us = silent_us < RUNNING_TENS_US ? RUNNING_FIRST_US : RUNNING_LATER_US;
    return (silent_us / step_us + 1) * step_us;
}

static int64_t
on_silence(void *payload, const MgTag *front)
{
    MgExec *exec = payload;
    int64_t silent_us = mg_clock_us() - exec->result_us;
    if (exec->running_us == 0)
        exec->running_us = RUNNING_FIRST_US;
    if (silent_us >= exec->running_us) {
        emit(exec, MG_EVENT_RUNNING, exec->input->steps[front->item].entry->label, silent_us,
             front->label);
        exec->running_us = next_running_us(silent_us);
    }
    return mg_clock_ms() + (exec->running_us - silent_us) / 1000 + 1;
}

/* ---- Outside the pipeline ---------------------------------------------------------- */

/* Send the data that follows the COPY in its script. */
static bool
send_copy_data(MgExec *exec, MgError *err)
{
    MgScriptRun *run = &exec->run;
    MgReader *reader = &run->reader;
    for (;;) {
        switch (mg_scan_next(&run->scan, reader->text, reader->size_bytes, reader->is_whole,
                             &run->item)) {
        case MG_SCAN_COPY_DATA:
            if (!mg_conn_copy_data(exec->input->conn, reader->text + run->item.span.begin,
                                   run->item.span.end - run->item.span.begin, err))
                return false;
            break;
        case MG_SCAN_MORE:
            if (!mg_script_run_slide(run, err))
                return false;
            break;
        case MG_SCAN_COPY_END:
        case MG_SCAN_END:
            return true;
        case MG_SCAN_STATEMENT:
        case MG_SCAN_ERROR:
            return mg_fail(err, MG_E_FILE, "the data of this COPY cannot be read");
        }
    }
}

static bool
run_copy(MgExec *exec, MgError *err)
{
    MgConn *conn = exec->input->conn;
    int position = 0;

    if (mg_conn_copy_begin(conn, exec->sql.text, &position, err) && send_copy_data(exec, err) &&
        mg_conn_copy_end(conn, err)) {
        exec->result_us = mg_clock_us();
        return true;
    }
    exec->has_failed = true;
    exec->failed_tag = exec->statement_tag;
    mg_text_copy(exec->failed_sqlstate, sizeof exec->failed_sqlstate, err->sqlstate);
    if (err->code == MG_E_SQL)
        mg_exec_place_failure(exec, &exec->statement_tag, position, err);
    return false;
}

/* ---- Retry ------------------------------------------------------------------------- */

static bool
must_prepare_history(const MgExecInput *input)
{
    return mg_history_must_prepare(input->facts) || input->claim != NULL;
}

/* Two runs of different histories may make the schema at once: that heals at once. */
static bool
is_creation_race(const MgExec *exec)
{
    return exec->failed_tag.role == MG_ROLE_CREATE_HISTORY &&
           strcmp(exec->failed_sqlstate, "23505") == 0;
}

static bool
is_retryable(MgExec *exec)
{
    static const char *const sqlstates[] = {
        "55P03", /* lock_timeout */
        "40P01", /* deadlock */
        "40001", /* serialization failure */
    };
    size_t step_i = exec->failed_tag.item;
    const MgStep *step = &exec->input->steps[step_i];
    int64_t now_ms = mg_clock_ms();

    /* The time for trying counts from a migration's first failure. */
    if (exec->retry_step != step_i || exec->retry_until_ms == 0)
        exec->retry_until_ms = now_ms + exec->input->lock_retry_ms;
    exec->retry_step = step_i;
    if (is_creation_race(exec))
        return now_ms < exec->retry_until_ms;
    if (!step->is_transactional || step->script->is_retry_off ||
        mg_clock_us() - exec->began_us > RETRY_MAX_RUN_US ||
        now_ms + RETRY_PAUSE_MS > exec->retry_until_ms)
        return false;
    for (size_t i = 0; i < sizeof sqlstates / sizeof *sqlstates; i++)
        if (strcmp(sqlstates[i], exec->failed_sqlstate) == 0)
            return true;
    return false;
}

/* Roll the failed migration back, wait, and begin with it again. */
static bool
prepare_retry(MgExec *exec, MgError *err)
{
    int64_t pause_ms = is_creation_race(exec) ? RACE_PAUSE_MS : RETRY_PAUSE_MS;
    pause_ms += (int64_t)(mg_clock_random() % (uint64_t)(pause_ms / 2));
    char pause[32], text[768];
    mg_text_duration(pause_ms * 1000, pause, sizeof pause);
    snprintf(text, sizeof text, "%s; trying again in %s", err->message, pause);
    emit(exec, MG_EVENT_WAITING, exec->input->steps[exec->failed_tag.item].entry->label, 0, text);

    const MgOp ops[] = {
        { .kind = MG_OP_QUERY, .sql = "ROLLBACK" },
        { .kind = MG_OP_QUERY, .sql = "DEALLOCATE ALL" },
    };
    size_t first = mg_conn_is_in_transaction(exec->input->conn) ? 0 : 1;
    if (!mg_conn_run_ops(exec->input->conn, ops + first, 2 - first, NULL, NULL, err) ||
        !mg_conn_pause(exec->input->conn, pause_ms, err))
        return false;
    exec->must_prepare = true;
    exec->must_create_history = must_prepare_history(exec->input) && !exec->is_history_made;
    mg_exec_rewind(exec, exec->n_committed);
    return true;
}

/* ---- All steps ---------------------------------------------------------------------- */

/* What the pipeline was ended for, if anything. */
static bool
serve_pause(MgExec *exec, MgError *err)
{
    MgPause pause = exec->pause;
    exec->pause = MG_PAUSE_NONE;
    switch (pause) {
    case MG_PAUSE_COPY:
        return run_copy(exec, err);
    case MG_PAUSE_LOOK:
        return mg_exec_before_index(exec, err);
    case MG_PAUSE_AWAIT:
        exec->awaited_us = mg_clock_us() - exec->began_us; /* since the mark's COMMIT */
        if (exec->run.stmt.builds_index && !mg_exec_after_index(exec, err))
            return false;
        mg_exec_note_done(exec);
        exec->is_mark_due = true;
        break;
    case MG_PAUSE_NONE:
        break;
    }
    return true;
}

static bool
run_steps(MgExec *exec, MgError *err)
{
    const MgRun run = {
        .next = mg_exec_next, .on_result = on_result, .on_silence = on_silence, .payload = exec
    };

    while (exec->step_i < exec->input->n_steps || exec->pause != MG_PAUSE_NONE) {
        exec->result_us = exec->began_us = mg_clock_us();
        exec->has_failed = false;
        exec->failed_sqlstate[0] = '\0';
        /* Until an operation fails, a failure is the newest step's. */
        exec->failed_tag =
            (MgTag){ .item = exec->step_i < exec->input->n_steps ? exec->step_i
                                                                 : exec->input->n_steps - 1 };
        if (mg_conn_run(exec->input->conn, &run, err) && serve_pause(exec, err))
            continue;
        mg_exec_record_known(exec);
        if (!is_retryable(exec) || !prepare_retry(exec, err))
            return false;
    }
    return true;
}

bool
mg_exec(const MgExecInput *input, MgArena *arena, MgOutcome *ret, MgError *err)
{
    MgExec exec = { .input = input,
                    .arena = arena,
                    .ret = ret,
                    .must_create_history = must_prepare_history(input),
                    .must_prepare = true,
                    .sql = { .max_bytes = MG_READER_MAX_WINDOW_BYTES } };
    exec.fence = mg_lock_fence_sql(input->lock, arena);
    exec.own[MG_OWN_FENCE] =
        (MgOwn){ "migrate_fence", mg_arena_format(arena, "SELECT %s", exec.fence) };
    exec.own[MG_OWN_RECORD] =
        (MgOwn){ "migrate_record", mg_history_record_sql(input->table, exec.fence, arena) };
    exec.own[MG_OWN_REVERT] =
        (MgOwn){ "migrate_revert", mg_history_revert_sql(input->table, exec.fence, arena) };
    exec.own[MG_OWN_PROGRESS].sql = mg_history_progress_sql(input->table, exec.fence, arena);
    exec.own[MG_OWN_FINISH].sql = mg_history_finish_sql(input->table, exec.fence, arena);
    exec.deadline_sql = mg_arena_format(
        arena,
        "SELECT CASE WHEN extract(epoch FROM pg_catalog.clock_timestamp()) * 1000000 < %" PRId64
        " THEN 1 ELSE ('deadline, backend ' || pg_catalog.pg_backend_pid())::pg_catalog.int4 END",
        input->server_deadline_us);
    mg_exec_rewind(&exec, 0);
    mg_conn_on_notice(input->conn, on_notice, &exec);
    bool is_ok = run_steps(&exec, err);
    if (!is_ok && err->note[0] == '\0' && exec.n_committed < input->n_steps)
        mg_exec_note_state(&exec, exec.n_committed, 0, err);
    mg_conn_on_notice(input->conn, NULL, NULL);

    mg_script_run_close(&exec.run);
    mg_arena_release(&exec.step_arena);
    mg_buf_release(&exec.sql);
    return is_ok;
}
