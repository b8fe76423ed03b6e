/*
 * What the pipeline cannot carry: COPY ... FROM STDIN (the server would take
 * the Sync as data), and questions that pgpool-II answers in the simple
 * protocol only.
 */
#include "pg/conn.h"

#include <stdint.h>
#include <stdlib.h>

#include <libpq-fe.h>

#include "base/clock.h"
#include "base/text.h"
#include "pg/conn_libpq.h"

enum {
    MAX_DATA_BYTES = 1 << 16, /* one CopyData message */
};

void
mg_conn_on_wait(MgConn *conn, int64_t (*on_wait)(void *payload), void *payload)
{
    conn->on_wait = on_wait;
    conn->wait_payload = payload;
    conn->wait_due_ms = 0;
}

/* As mg_conn_wait; on_wait is called meanwhile. */
static MgWaited
wait_watched(MgConn *conn, bool for_write, int64_t until_ms)
{
    for (;;) {
        int64_t due_ms = until_ms;
        if (conn->on_wait != NULL && mg_clock_ms() >= conn->wait_due_ms)
            conn->wait_due_ms = conn->on_wait(conn->wait_payload);
        if (conn->on_wait != NULL && conn->wait_due_ms < due_ms)
            due_ms = conn->wait_due_ms;
        MgWaited waited = mg_conn_wait(conn, for_write, due_ms);
        if (waited != MG_WAITED_TIME || due_ms == until_ms)
            return waited;
    }
}

static bool
wait_or_fail(MgConn *conn, bool for_write, int64_t until_ms, MgError *err)
{
    switch (wait_watched(conn, for_write, until_ms)) {
    case MG_WAITED_READY:
        return PQconsumeInput(conn->pg) == 1 || mg_conn_fail_lost(conn, err);
    case MG_WAITED_TIME:
        return mg_fail(err, MG_E_DEADLINE, "no answer in time");
    case MG_WAITED_CANCEL:
        conn->is_cancelled = true;
        conn->is_given_up = true;
        mg_conn_send_cancel(conn);
        return mg_fail(err, MG_E_CANCELLED, "interrupted");
    case MG_WAITED_BROKEN:
        break;
    }
    return mg_conn_fail_lost(conn, err);
}

static bool
flush(MgConn *conn, MgError *err)
{
    for (;;) {
        int flushed = PQflush(conn->pg);
        if (flushed == 0)
            return true;
        if (flushed < 0)
            return mg_conn_fail_lost(conn, err);
        if (!wait_or_fail(conn, true, INT64_MAX, err))
            return false;
    }
}

/* The next result; NULL in *ret at the end of the statement. */
static bool
next_result(MgConn *conn, int64_t until_ms, PGresult **ret, MgError *err)
{
    while (PQisBusy(conn->pg))
        if (!wait_or_fail(conn, false, until_ms, err))
            return false;
    *ret = PQgetResult(conn->pg);
    return true;
}

/* A statement by the simple protocol, outside the pipeline. */
static bool
send_simple(MgConn *conn, const char *sql, MgError *err)
{
    mg_conn_tell_statement(conn, sql);
    if (PQexitPipelineMode(conn->pg) != 1 || PQsendQuery(conn->pg, sql) != 1)
        return mg_conn_fail_lost(conn, err);
    return flush(conn, err);
}

static bool
fail_statement(const PGresult *pg, int *ret_position, MgError *err)
{
    uint64_t position = 0;
    const char *text = PQresultErrorField(pg, PG_DIAG_STATEMENT_POSITION);
    if (ret_position != NULL && text != NULL && mg_text_parse_uint(text, INT32_MAX, &position))
        *ret_position = (int)position;
    return mg_fail_pg(pg, MG_E_SQL, err);
}

/* Read to the end of the statement and go back into pipeline mode; true when nothing failed. */
static bool
finish(MgConn *conn, MgError *err)
{
    bool is_ok = true;
    for (;;) {
        PGresult *pg = NULL;
        if (!next_result(conn, INT64_MAX, &pg, err))
            return false;
        if (pg == NULL)
            break;
        if (PQresultStatus(pg) == PGRES_FATAL_ERROR && is_ok)
            is_ok = fail_statement(pg, NULL, err);
        PQclear(pg);
    }
    if (PQenterPipelineMode(conn->pg) != 1)
        return is_ok ? mg_conn_fail_lost(conn, err) : false;
    return is_ok;
}

bool
mg_conn_copy_begin(MgConn *conn, const char *sql, int *ret_position, MgError *err)
{
    *ret_position = 0;
    PGresult *pg = NULL;
    if (!send_simple(conn, sql, err) || !next_result(conn, INT64_MAX, &pg, err))
        return false;
    ExecStatusType status = PQresultStatus(pg);
    if (status == PGRES_COPY_IN) {
        PQclear(pg);
        return true;
    }
    if (status == PGRES_FATAL_ERROR)
        fail_statement(pg, ret_position, err);
    else
        mg_fail(err, MG_E_SQL, "the server does not read data for this COPY");
    PQclear(pg);
    MgError ignored;
    (void)!finish(conn, &ignored);
    return false;
}

bool
mg_conn_copy_data(MgConn *conn, const char *bytes, size_t size_bytes, MgError *err)
{
    while (size_bytes > 0) {
        size_t n = size_bytes < MAX_DATA_BYTES ? size_bytes : MAX_DATA_BYTES;
        int put = PQputCopyData(conn->pg, bytes, (int)n);
        if (put < 0)
            return mg_conn_fail_lost(conn, err);
        if (put == 1) {
            bytes += n;
            size_bytes -= n;
        }
        if (!flush(conn, err))
            return false;
    }
    return true;
}

bool
mg_conn_copy_end(MgConn *conn, MgError *err)
{
    int put = 0;
    while ((put = PQputCopyEnd(conn->pg, NULL)) == 0)
        if (!flush(conn, err))
            return false;
    if (put < 0)
        return mg_conn_fail_lost(conn, err);
    return flush(conn, err) && finish(conn, err);
}

bool
mg_conn_answers_row(MgConn *conn, const char *sql, int64_t limit_ms, bool *ret, MgError *err)
{
    int64_t until_ms = mg_clock_ms() + limit_ms;
    PGresult *pg = NULL;

    *ret = false;
    if (!send_simple(conn, sql, err))
        return false;
    do {
        PQclear(pg);
        if (!next_result(conn, until_ms, &pg, err))
            return false;
        *ret |= PQresultStatus(pg) == PGRES_TUPLES_OK && PQntuples(pg) > 0;
    } while (pg != NULL);
    return PQenterPipelineMode(conn->pg) == 1 || mg_conn_fail_lost(conn, err);
}
