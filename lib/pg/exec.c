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
#include "sql/catalog.h"

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

/* One transaction for all: what its records have said is true now. */
static void
on_all_committed(MgExec *exec)
{
    exec->n_committed = exec->input->n_steps;
    if (exec->input->is_rehearsal)
        return; /* each was told when it had been tried */
    for (size_t i = 0; i < exec->input->n_steps; i++)
        emit(exec, MG_EVENT_APPLIED, exec->input->steps[i].entry->label, exec->durations_us[i],
             NULL);
    exec->ret->n_applied += (int)exec->input->n_steps;
}

static void
on_recorded(MgExec *exec, const MgTag *tag)
{
    if (exec->durations_us != NULL)
        exec->durations_us[tag->item] = exec->duration_us;
    if (!exec->input->is_rehearsal)
        return;
    exec->ret->n_tried = (int)tag->item + 1;
    emit(exec, MG_EVENT_TRIED, exec->input->steps[tag->item].entry->label, exec->duration_us, NULL);
}

/* The marks of a down script tell each what was new, those of an up script the sum of its row. */
static void
take_duration(MgExec *exec, const MgTag *tag, const MgResult *result)
{
    bool is_down = exec->input->steps[tag->item].direction == MG_DOWN;
    if (mg_result_n_rows(result) != 1)
        return;
    exec->duration_us = mg_result_int(result, 0, 0);
    if (is_down && tag->role == MG_ROLE_MARK) {
        exec->reverting_us += exec->duration_us;
    } else if (is_down) {
        exec->duration_us += exec->reverting_us;
        exec->reverting_us = 0;
    }
}

static bool
on_committed(MgExec *exec, const MgTag *tag, const MgResult *result, MgError *err)
{
    const MgStep *step = &exec->input->steps[tag->item];
    const char *wanted = exec->input->is_rehearsal ? "ROLLBACK" : "COMMIT";
    exec->began_us = exec->result_us;
    if (strcmp(mg_result_tag(result), wanted) != 0) {
        mg_fail(err, MG_E_SERVER, "the transaction was rolled back at its end");
        mg_error_at(err, step->script->path, 0, 0);
        return false;
    }
    exec->unmarked.n = 0; /* its mark is committed */
    if (tag->role != MG_ROLE_LAST_COMMIT) {
        exec->has_mark = true;
        exec->mark_step = tag->item;
        exec->mark_n_done = tag->n_done;
        exec->retry_until_ms = 0; /* each transaction has the whole time for trying */
        return true;
    }
    if (exec->input->is_one_transaction) {
        on_all_committed(exec);
        return true;
    }
    exec->n_committed++;
    if (step->direction == MG_UP)
        exec->ret->n_applied++;
    else
        exec->ret->n_reverted++;
    emit(exec, step->direction == MG_UP ? MG_EVENT_APPLIED : MG_EVENT_REVERTED, step->entry->label,
         exec->duration_us, step->is_transactional ? NULL : "no transaction");
    return true;
}

/* The history is there, and with it the claim. */
static void
on_prepared(MgExec *exec)
{
    exec->is_history_made = true;
    if (exec->input->on_claimed != NULL)
        exec->input->on_claimed(exec->input->payload);
}

static bool
on_result(void *payload, const MgTag *tag, const MgResult *result, MgError *err)
{
    MgExec *exec = payload;

    bool is_awaited = exec->pause == MG_PAUSE_AWAIT && tag->role == MG_ROLE_STATEMENT &&
                      tag->item == exec->step_i && tag->number == exec->run.n_fetched;
    if (mg_result_is_error(result)) {
        if (is_awaited)
            exec->unmarked.n = 0; /* it may have succeeded before, and failed to commit */
        return mg_exec_fail(exec, tag, result, err);
    }
    mg_exec_watch_answered(exec);
    switch ((MgRole)tag->role) {
    case MG_ROLE_RECORD:
    case MG_ROLE_MARK:
        take_duration(exec, tag, result);
        if (tag->role == MG_ROLE_RECORD)
            on_recorded(exec, tag);
        return true;
    case MG_ROLE_COMMIT:
    case MG_ROLE_LAST_COMMIT:
        return on_committed(exec, tag, result, err);
    case MG_ROLE_CREATE_HISTORY:
        if (strcmp(mg_result_tag(result), "COMMIT") == 0)
            on_prepared(exec);
        return true;
    case MG_ROLE_STATEMENT:
        /* Also behind a cancel: what succeeded is done. */
        if (is_awaited)
            mg_exec_note_done(exec);
        return true;
    case MG_ROLE_INDEX_VALID:
        exec->is_unseen = false;
        return true;
    case MG_ROLE_NONE:
    case MG_ROLE_PREPARE:
    case MG_ROLE_BEGIN:
    case MG_ROLE_SET:
    case MG_ROLE_CLEAN:
    case MG_ROLE_CLOSE:
    case MG_ROLE_FENCE:
    case MG_ROLE_INDEX_FREE:
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
    const MgTag *tag = exec->is_copying ? &exec->statement_tag : front;
    if (tag->role != MG_ROLE_STATEMENT)
        return;
    MG_CLEANUP(buf) MgBuf told = { 0 };
    size_t first_bytes = strcspn(text, "\n");
    mg_buf_format(&told, "%.*s (line %d, %s)%s", (int)first_bytes, text, tag->line, tag->label,
                  text + first_bytes);
    emit(exec, MG_EVENT_NOTICE, exec->input->steps[tag->item].entry->label, 0, mg_buf_text(&told));
}

/* ---- Outside the pipeline ---------------------------------------------------------- */

/* Errors in the data count its lines. */
static void
note_copy_begin(MgExec *exec)
{
    MgScriptRun *run = &exec->run;
    if (exec->copy_line != 0)
        return;
    exec->copy_line = mg_script_run_tag(run, MG_ROLE_STATEMENT, exec->step_i).line;
    exec->copy_offset = run->reader.offset + run->item.span.begin;
}

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
            note_copy_begin(exec);
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

static int64_t
on_copy_wait(void *payload)
{
    MgExec *exec = payload;
    return mg_exec_on_silence(exec, &exec->statement_tag);
}

static bool
run_copy(MgExec *exec, MgError *err)
{
    MgConn *conn = exec->input->conn;
    int position = 0;

    exec->copy_line = 0;
    exec->is_copying = true;
    mg_exec_watch_answered(exec);
    mg_conn_on_wait(conn, on_copy_wait, exec);
    bool is_ok = mg_conn_copy_begin(conn, exec->sql.text, &position, err) &&
                 send_copy_data(exec, err) && mg_conn_copy_end(conn, err);
    mg_conn_on_wait(conn, NULL, NULL);
    exec->is_copying = false;
    if (is_ok) {
        mg_exec_watch_answered(exec);
        return true;
    }
    exec->has_failed = true;
    exec->failed_tag = exec->statement_tag;
    mg_text_copy(exec->failed_sqlstate, sizeof exec->failed_sqlstate, err->sqlstate);
    if (err->code == MG_E_SQL && position == 0 && mg_exec_place_copy(exec, err))
        mg_exec_note_state(exec, exec->statement_tag.item, exec->statement_tag.number, err);
    else if (err->code == MG_E_SQL)
        mg_exec_place_failure(exec, &exec->statement_tag, position, err);
    return false;
}

/* ---- The history table --------------------------------------------------------------- */

bool
mg_exec_must_prepare_history(const MgExec *exec)
{
    return !exec->is_history_made &&
           (mg_history_must_prepare(exec->input->facts) || exec->input->claim != NULL);
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
        exec->awaited_us += mg_clock_us() - exec->began_us; /* since the mark's COMMIT */
        exec->is_mark_due = true;
        break;
    case MG_PAUSE_NONE:
        break;
    }
    return true;
}

static void
on_idle(void *payload)
{
    const MgExec *exec = payload;
    exec->input->on_idle(exec->input->payload);
}

static bool
run_steps(MgExec *exec, MgError *err)
{
    const MgRun run = { .next = mg_exec_next,
                        .on_result = on_result,
                        .on_silence = mg_exec_on_silence,
                        .on_idle = on_idle,
                        .payload = exec };

    while (exec->step_i < exec->input->n_steps || exec->pause != MG_PAUSE_NONE) {
        mg_exec_watch_answered(exec);
        if (!mg_conn_is_in_transaction(exec->input->conn)) /* else a COPY was in its middle */
            exec->began_us = exec->result_us;
        exec->has_failed = false;
        exec->failed_sqlstate[0] = '\0';
        /* Until an operation fails, a failure is the newest step's. */
        exec->failed_tag =
            (MgTag){ .item = exec->step_i < exec->input->n_steps ? exec->step_i
                                                                 : exec->input->n_steps - 1 };
        bool is_ok = mg_conn_run(exec->input->conn, &run, err);
        on_idle(exec);
        if (is_ok && serve_pause(exec, err))
            continue;
        mg_exec_record_known(exec);
        if (!mg_exec_retry(exec, err))
            return false;
    }
    return true;
}

/* Hygiene (exec_step.c), in its order. */
static void
make_cleaners(MgExec *exec)
{
    exec->own[MG_OWN_CLOSE_CURSORS] = (MgOwn){ "migrate_close_cursors", "CLOSE ALL" };
    exec->own[MG_OWN_RESET_SESSION_USER] =
        (MgOwn){ "migrate_reset_session_user", "SET SESSION AUTHORIZATION DEFAULT" };
    exec->own[MG_OWN_RESET_ALL] = (MgOwn){ "migrate_reset_all", "RESET ALL" };
    exec->own[MG_OWN_UNLISTEN] = (MgOwn){ "migrate_unlisten", "UNLISTEN *" };
    exec->own[MG_OWN_DISCARD_TEMP] = (MgOwn){ "migrate_discard_temp", "DISCARD TEMP" };
    /* As the fence does, it fails by the name of a setting. */
    exec->own[MG_OWN_CLEAN] =
        (MgOwn){ "migrate_clean",
                 mg_arena_format(exec->arena,
                                 "%s, (%s), CASE WHEN EXISTS (SELECT FROM"
                                 " pg_catalog.pg_prepared_statement() p WHERE p.from_sql) THEN"
                                 " pg_catalog.current_setting('clean: statements were prepared')"
                                 " IS NULL ELSE true END",
                                 exec->input->settings_sql, exec->release_sql) };
}

/* Our own SQL. */
static void
make_own(MgExec *exec)
{
    const MgExecInput *input = exec->input;
    MgArena *arena = exec->arena;
    exec->fence = mg_lock_fence_sql(input->lock, arena);
    /* The session's settings say the level and that it writes. */
    exec->own[MG_OWN_BEGIN] = (MgOwn){ "migrate_begin", "BEGIN" };
    exec->own[MG_OWN_COMMIT] = (MgOwn){ "migrate_commit", "COMMIT" };
    exec->own[MG_OWN_FENCE] =
        (MgOwn){ "migrate_fence", mg_arena_format(arena, "SELECT %s", exec->fence) };
    exec->own[MG_OWN_RECORD] = (MgOwn){
        "migrate_record",
        mg_history_record_sql(input->table, exec->fence, &input->by,
                              input->is_one_transaction ? MG_RECORD_OF_ALL : MG_RECORD_WHOLE, arena)
    };
    exec->own[MG_OWN_FIRST_MARK].sql =
        mg_history_record_sql(input->table, exec->fence, &input->by, MG_RECORD_FIRST_MARK, arena);
    exec->own[MG_OWN_REVERT] =
        (MgOwn){ "migrate_revert", mg_history_revert_sql(input->table, exec->fence, arena) };
    exec->own[MG_OWN_PROGRESS].sql = mg_history_progress_sql(input->table, exec->fence, arena);
    exec->own[MG_OWN_DOWN_PROGRESS].sql =
        mg_history_down_progress_sql(input->table, exec->fence, arena);
    exec->own[MG_OWN_FINISH].sql =
        mg_history_finish_sql(input->table, exec->fence, &input->by, arena);
    exec->release_sql = mg_lock_release_others_sql(input->lock, arena);
    make_cleaners(exec);
    exec->deadline_sql =
        mg_arena_format(arena,
                        "SELECT CASE WHEN extract(epoch FROM pg_catalog.clock_timestamp())::numeric"
                        " " MG_TIMES " 1000000::numeric " MG_LT " %" PRId64 "::numeric"
                        " THEN 1 ELSE ('deadline, backend ' " MG_CAT " "
                        "pg_catalog.pg_backend_pid()::pg_catalog.text)::pg_catalog.int4 END",
                        input->server_deadline_us);
}

bool
mg_exec(const MgExecInput *input, MgArena *arena, MgOutcome *ret, MgError *err)
{
    MgExec exec = { .input = input,
                    .arena = arena,
                    .ret = ret,
                    .must_prepare = true,
                    .watch = { .options = input->conn_options,
                               .watched = input->conn,
                               .backend_pid = input->lock->backend_pid },
                    .sql = { .max_bytes = MG_READER_MAX_WINDOW_BYTES } };
    if (input->is_one_transaction)
        exec.durations_us = mg_arena_alloc_array(arena, input->n_steps, sizeof *exec.durations_us);
    exec.must_create_history = mg_exec_must_prepare_history(&exec);
    make_own(&exec);
    mg_exec_rewind(&exec, 0);
    mg_conn_on_notice(input->conn, on_notice, &exec);
    bool is_ok = run_steps(&exec, err);
    if (!is_ok && err->note[0] == '\0' && exec.n_committed < input->n_steps)
        mg_exec_note_state(&exec, exec.n_committed, 0, err);
    mg_conn_on_notice(input->conn, NULL, NULL);
    mg_watch_close(&exec.watch);

    mg_script_run_close(&exec.run);
    mg_arena_release(&exec.step_arena);
    mg_buf_release(&exec.sql);
    return is_ok;
}
