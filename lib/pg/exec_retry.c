/*
 * When a failure is not the end: a lock that was not to be had, a deadlock, a
 * serialization failure.  The whole transaction is rolled back and tried again;
 * a savepoint would keep the locks taken before it for all the pauses.  In a
 * no-transaction migration that is the statement, or its BEGIN ... COMMIT; what
 * ran outside any transaction is never tried again.
 */
#include "pg/exec_parts.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "sql/catalog.h"

enum {
    PAUSE_FACTOR = 5, /* others get five times as long as we stood in their way */
    MAX_GROWTH = 6,
    RACE_PAUSE_MS = 20,
    MAX_RUN_US = 30 * 1000000,
    SLACK_US = 100 * 1000,
};

static void
emit_waiting(const MgExec *exec, const char *label, const char *text)
{
    exec->input->on_event(exec->input->payload,
                          &(MgEvent){ .kind = MG_EVENT_WAITING, .migration = label, .text = text });
}

/* ---- May it be tried again? ----------------------------------------------------------- */

/* Two runs of different histories may make the schema at once: that heals at once. */
static bool
is_creation_race(const MgExec *exec)
{
    return exec->failed_tag.role == MG_ROLE_CREATE_HISTORY &&
           strcmp(exec->failed_sqlstate, "23505") == 0;
}

static bool
is_passing(const MgExec *exec)
{
    static const char *const sqlstates[] = {
        "55P03", /* lock_timeout */
        "40P01", /* deadlock */
        "40001", /* serialization failure */
    };
    for (size_t i = 0; i < sizeof sqlstates / sizeof *sqlstates; i++)
        if (strcmp(sqlstates[i], exec->failed_sqlstate) == 0)
            return true;
    return is_creation_race(exec);
}

int64_t
mg_exec_lock_timeout_ms(const MgExec *exec, size_t step_i)
{
    const MgScript *script = exec->input->steps[step_i].script;
    return script->lock_timeout_ms > 0 ? script->lock_timeout_ms : exec->input->lock_timeout_ms;
}

/* A sight is of the failed statement when it was taken while that waited for its lock.  Answers
 * tell nothing of that: the server sends those before the failure together with it. */
static bool
is_blocker_seen(const MgExec *exec)
{
    return exec->sight_us != 0 && exec->sight.n_blockers > 0 &&
           strcmp(exec->failed_sqlstate, "55P03") == 0 &&
           mg_clock_us() - exec->sight_us <
               mg_exec_lock_timeout_ms(exec, exec->failed_tag.item) * 1000 + SLACK_US;
}

/* Longer from try to try, since each of ours stops those who queue behind it. */
static int64_t
pause_ms(const MgExec *exec)
{
    int growth = exec->n_tries < MAX_GROWTH ? exec->n_tries : MAX_GROWTH;
    int64_t ms = is_creation_race(exec)
                     ? RACE_PAUSE_MS
                     : mg_exec_lock_timeout_ms(exec, exec->failed_tag.item) * PAUSE_FACTOR * growth;
    return ms + (int64_t)(mg_clock_random() % (uint64_t)(ms / 2));
}

/*
 * The time that was given is used: before its end there is a last try, behind a
 * shorter pause, but at least one as long as others were kept waiting.  False:
 * no try fits any more.
 */
static bool
fit_pause(const MgExec *exec, int64_t left_ms, int64_t *pause)
{
    int64_t wait_ms = mg_exec_lock_timeout_ms(exec, exec->failed_tag.item);
    int64_t try_ms = (mg_clock_us() - exec->began_us) / 1000; /* as long as the one that failed */
    if (try_ms < wait_ms && !is_creation_race(exec))
        try_ms = wait_ms;
    if (*pause + try_ms <= left_ms)
        return true;
    *pause = left_ms - try_ms;
    return *pause > 0 && *pause >= wait_ms;
}

/* Did it fail in a transaction that has left nothing behind?  Behind a statement that ran outside
 * one, its mark is not: what is done but not marked so would run twice. */
static bool
is_in_transaction(const MgExec *exec, const MgStep *step)
{
    return step->is_transactional || (exec->unmarked.n == 0 && !mg_exec_is_awaited_refused(exec));
}

/* Has the file, unseen, made prepared statements or dropped ours?  Once it is known, all of them
 * are dropped behind it. */
static bool
deals_unseen(MgExec *exec)
{
    const MgStep *step = &exec->input->steps[exec->failed_tag.item];
    int role = exec->failed_tag.role;
    bool is_made = role == MG_ROLE_CLEAN && strcmp(exec->failed_sqlstate, "42704") == 0;
    /* Behind the fence: before it this might be another backend, which is left alone. */
    bool is_behind_fence = role == MG_ROLE_SET || role == MG_ROLE_CLEAN || role == MG_ROLE_RECORD ||
                           role == MG_ROLE_LAST_COMMIT;
    bool is_dropped = is_behind_fence && strcmp(exec->failed_sqlstate, "26000") == 0;
    if (exec->dealing == step || (!is_made && !is_dropped))
        return false;
    exec->dealing = step;
    MgEvent event = { .kind = MG_EVENT_NOTE,
                      .text = mg_arena_format(exec->arena,
                                              "%s is run again: it has made or dropped prepared"
                                              " statements unseen, and is to leave none behind",
                                              step->entry->label) };
    exec->input->on_event(exec->input->payload, &event);
    return true;
}

static bool
is_retryable(MgExec *exec)
{
    size_t step_i = exec->failed_tag.item;
    const MgStep *step = &exec->input->steps[step_i];
    bool can_repeat = is_in_transaction(exec, step);
    int64_t now_ms = mg_clock_ms(), ran_us = mg_clock_us() - exec->began_us;

    if (!is_passing(exec))
        return false;
    /* The time for trying counts from a transaction's first failure. */
    if (exec->retry_step != step_i || exec->retry_until_ms == 0) {
        exec->retry_until_ms = now_ms + exec->input->lock_retry_ms;
        exec->n_tries = 0;
    }
    exec->retry_step = step_i;
    exec->n_tries++;
    if (is_creation_race(exec))
        return now_ms < exec->retry_until_ms;
    exec->is_too_long = can_repeat && ran_us > MAX_RUN_US;
    mg_text_duration(ran_us, exec->ran, sizeof exec->ran);
    return can_repeat && !step->script->is_retry_off && !exec->is_too_long;
}

/* ---- What else there is to say --------------------------------------------------------- */

/* A lock was waited for in vain: who has it is the half of the answer that helps. */
static void
add_blocker(const MgExec *exec, MgError *err)
{
    const MgStep *step = &exec->input->steps[exec->failed_tag.item];
    bool is_seen = is_blocker_seen(exec);
    if (is_seen) {
        MgError before = *err;
        mg_error_detail(err, "It was blocked by %s.%s%s", exec->sight.blocker,
                        before.detail[0] == '\0' ? "" : "\n", before.detail);
    }
    if (exec->is_too_long)
        mg_error_hint(err,
                      "It is not tried again, since its transaction had run for %s: put this "
                      "statement into a %s of its own.",
                      exec->ran, step->is_transactional ? "migration" : "transaction");
    else if (is_seen && exec->sight.blocker_pid > 0)
        mg_error_hint(err,
                      "Run again when that session is done, or end it: SELECT "
                      "pg_terminate_backend(%d);",
                      exec->sight.blocker_pid);
}

typedef struct MgTimeoutRead {
    char session[32]; /* the session's own setting, '0' when it has none */
    char origin[160]; /* "role app", "database shop"; "" = none of them has one */
    char origin_limit[32];
} MgTimeoutRead;

static bool
on_timeout(void *payload, const MgTag *tag, const MgResult *result, MgError *err)
{
    MgTimeoutRead *read = payload;
    (void)tag;
    (void)err;
    if (mg_result_is_error(result) || mg_result_n_rows(result) != 1)
        return true;
    const char *origin = mg_result_text(result, 0, 1), *limit = mg_result_text(result, 0, 2);
    mg_text_copy(read->session, sizeof read->session, mg_result_text(result, 0, 0));
    if (origin != NULL && limit != NULL) {
        mg_text_copy(read->origin, sizeof read->origin, origin);
        mg_text_copy(read->origin_limit, sizeof read->origin_limit, limit);
    }
    return true;
}

/* The closest setting wins on the server: of a role in a database, a role, a database, all. */
static const char timeout_sql[] =
    "SELECT pg_catalog.current_setting('statement_timeout'), o.origin, o.value FROM (SELECT) one"
    " LEFT JOIN LATERAL (SELECT pg_catalog.concat_ws(' in ', 'role ' " MG_CAT
    " r.rolname::pg_catalog.text, 'database ' " MG_CAT " d.datname::pg_catalog.text)"
    " AS origin, pg_catalog.substr(c.setting, 19) AS value"
    " FROM pg_catalog.pg_db_role_setting s"
    " CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) c(setting)"
    " LEFT JOIN pg_catalog.pg_roles r ON r.oid " MG_EQ " s.setrole"
    " LEFT JOIN pg_catalog.pg_database d ON d.oid " MG_EQ " s.setdatabase"
    " WHERE c.setting " MG_LIKE " 'statement_timeout=%' AND (s.setrole " MG_EQ
    " 0::pg_catalog.oid OR r.rolname " MG_EQ " "
    "session_user)"
    " AND (s.setdatabase " MG_EQ " 0::pg_catalog.oid OR d.datname " MG_EQ
    " pg_catalog.current_database())"
    " ORDER BY s.setrole " MG_EQ " 0::pg_catalog.oid, s.setdatabase " MG_EQ
    " 0::pg_catalog.oid LIMIT 1) o ON true";

/* A time limit ended a statement: whose limit is it? */
static void
add_timeout(MgExec *exec, MgError *err)
{
    const MgScript *script = exec->input->steps[exec->failed_tag.item].script;
    MgTimeoutRead read = { .session = "" };
    const MgOp ops[] = {
        { .kind = MG_OP_QUERY, .sql = "ROLLBACK" },
        { .kind = MG_OP_QUERY, .sql = timeout_sql },
    };
    size_t first = mg_conn_is_in_transaction(exec->input->conn) ? 0 : 1;
    MgError ignored; /* the failure itself has been told */
    if (script->statement_timeout_ms > 0) {
        mg_error_detail(err, "The limit is that of the file's own \"-- migrate:statement-timeout\" "
                             "line.");
        mg_error_hint(err, "Raise it there; 0 means no limit.");
        return;
    }
    (void)!mg_conn_run_ops(exec->input->conn, ops + first, 2 - first, on_timeout, &read, &ignored);
    if (read.session[0] != '\0' && strcmp(read.session, "0") != 0)
        mg_error_detail(err, "This session's statement_timeout is %s%s%s.", read.session,
                        read.origin[0] == '\0' ? "" : ", set for ", read.origin);
    else if (read.origin[0] != '\0')
        mg_error_detail(err,
                        "The run itself sets no limit: the file has set one, or has reset "
                        "statement_timeout to the %s that are set for %s.",
                        read.origin_limit, read.origin);
    else
        mg_error_detail(err, "The run itself sets no limit: the file has set statement_timeout.");
    mg_error_hint(err, "Give this migration a limit of its own, 0 for none, in a line at its top:\n"
                       "-- migrate:statement-timeout 30min");
}

static void
explain(MgExec *exec, MgError *err)
{
    if (err->code != MG_E_SQL)
        return;
    if (strcmp(exec->failed_sqlstate, "55P03") == 0)
        add_blocker(exec, err);
    else if (strcmp(exec->failed_sqlstate, "55P04") == 0)
        mg_error_hint(
            err, "%s",
            exec->input->is_one_transaction
                ? "A value of ALTER TYPE ... ADD VALUE can be used only after its COMMIT: give "
                  "each "
                  "migration a transaction of its own."
                : "A value of ALTER TYPE ... ADD VALUE can be used only after its COMMIT: put that "
                  "into a migration of its own, in front of this one.");
    /* The same SQLSTATE stands for a pg_cancel_backend of somebody. */
    else if (strcmp(exec->failed_sqlstate, "57014") == 0 && strstr(err->message, "user") == NULL)
        add_timeout(exec, err);
}

/* ---- Again ------------------------------------------------------------------------------ */

static bool
fail_deadline(const MgExec *exec, MgError *err)
{
    MgError lock = *err;
    mg_fail(err, MG_E_DEADLINE, "the time for this run is over");
    mg_error_detail(err, "%s waited for a lock: %s.%s%s",
                    exec->input->steps[exec->failed_tag.item].entry->label, lock.message,
                    lock.detail[0] == '\0' ? "" : "\n", lock.detail);
    mg_error_hint(err, "Run again to go on.");
    mg_exec_note_state(exec, exec->failed_tag.item, exec->failed_tag.number, err);
    return false;
}

static void
tell_retry(const MgExec *exec, int64_t pause, const MgError *err)
{
    bool is_seen = is_blocker_seen(exec);
    char shown[32], text[sizeof err->message + 64];
    mg_text_duration(pause * 1000, shown, sizeof shown);
    snprintf(text, sizeof text, "%s%s; trying again in %s", is_seen ? "blocked by " : "",
             is_seen ? exec->sight.blocker : err->message, shown);
    emit_waiting(exec, exec->input->steps[exec->failed_tag.item].entry->label, text);
}

/* Roll back, wait, and begin with the failed migration again.  Once a part of it is committed, the
 * session is left as that has made it: our own statements are prepared anew at its end. */
static bool
begin_again(MgExec *exec, int64_t pause, MgError *err)
{
    const MgOp ops[] = {
        { .kind = MG_OP_QUERY, .sql = "ROLLBACK" },
        { .kind = MG_OP_QUERY, .sql = "DEALLOCATE ALL" },
        /* A rollback keeps them, and whoever is in the way may wait for one. */
        { .kind = MG_OP_QUERY, .sql = exec->release_sql },
    };
    bool is_begun = mg_exec_is_begun(exec, exec->n_committed);
    size_t first = mg_conn_is_in_transaction(exec->input->conn) ? 0 : 1, end = is_begun ? 1 : 3;
    if (!mg_conn_run_ops(exec->input->conn, ops + first, end - first, NULL, NULL, err))
        return false;
    int64_t begin_ms = mg_clock_ms();
    if (pause > 0 && exec->watch.conn == NULL && !is_creation_race(exec))
        mg_exec_watch_look(exec); /* opens what the next try is watched by */
    pause -= mg_clock_ms() - begin_ms;
    if (!mg_conn_pause(exec->input->conn, pause, err))
        return false;
    exec->must_prepare = !is_begun;
    exec->has_cleaners = false;
    exec->must_create_history = mg_exec_must_prepare_history(exec);
    mg_exec_rewind(exec, exec->n_committed);
    return true;
}

bool
mg_exec_retry(MgExec *exec, MgError *err)
{
    int64_t deadline_ms = exec->input->deadline_ms;
    if (err->code != MG_E_CANCELLED && (mg_exec_moves_outside(exec) || deals_unseen(exec)))
        return begin_again(exec, 0, err);
    if (err->code == MG_E_CANCELLED || !is_retryable(exec)) {
        explain(exec, err);
        return false;
    }
    bool ends_at_deadline = deadline_ms != 0 && deadline_ms < exec->retry_until_ms;
    int64_t until_ms = ends_at_deadline ? deadline_ms : exec->retry_until_ms;
    int64_t pause = pause_ms(exec);
    if (fit_pause(exec, until_ms - mg_clock_ms(), &pause)) {
        tell_retry(exec, pause, err);
        return begin_again(exec, pause, err);
    }
    explain(exec, err);
    return ends_at_deadline && fail_deadline(exec, err);
}
