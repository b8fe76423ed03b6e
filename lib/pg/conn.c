/*
 * The pipeline: operations out, results in, over one poll loop.
 * Knows libpq, as the other files of its family do (conn_*.c) and no other of this folder.
 */
#include "pg/conn.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include <libpq-fe.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/mask.h"
#include "base/text.h"
#include "pg/conn_libpq.h"

enum {
    /* Bounds on what is sent and unanswered: libpq keeps a copy of each statement, and something
     * for each operation.  A server takes longer for so many than any line to it does. */
    MAX_FLYING = 1 << 13,
    MAX_FLYING_BYTES = 2 << 20,
    FLUSH_BYTES = 64 << 10,
    /* A cancel that arrives between two messages is dropped by the server: repeat it. */
    CANCEL_REPEAT_MS = 200,
    CANCEL_MAX_MS = 1500,
};

/* ---- What it tells ---- */

void
mg_conn_on_notice(MgConn *conn,
                  void (*on_notice)(void *payload, const MgTag *front, const char *text),
                  void *payload)
{
    conn->on_notice = on_notice;
    conn->notice_payload = payload;
}

void
mg_conn_tell_statement(MgConn *conn, const char *sql)
{
    if (conn->on_statement == NULL)
        return;
    MG_CLEANUP(buf) MgBuf shown = { 0 };
    mg_buf_add(&shown, sql);
    mg_mask_passwords(shown.text, shown.size_bytes);
    conn->on_statement(conn->payload, mg_buf_text(&shown));
}

bool
mg_conn_is_in_transaction(const MgConn *conn)
{
    PGTransactionStatusType status = PQtransactionStatus(conn->pg);
    return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}

bool
mg_conn_is_given_up(const MgConn *conn)
{
    return conn->is_given_up;
}

bool
mg_conn_fail_lost(MgConn *conn, MgError *err)
{
    const char *reason = mg_url_mask(conn->url, PQerrorMessage(conn->pg), &conn->arena);
    mg_fail(err, MG_E_CONNECTION_LOST, "the connection to the server was lost");
    if (conn->has_vanished)
        mg_error_detail(err, "The server's host does not answer any more.");
    else if (reason[0] != '\0')
        mg_error_detail(err, "%.*s", (int)strcspn(reason, "\n"), reason);
    return false;
}

/* ---- The pipeline -------------------------------------------------------- */

/* How a run goes on. */
typedef enum MgPhase {
    PHASE_SENDING,  /* operations are asked for and sent */
    PHASE_DRAINING, /* all is sent; results still arrive */
} MgPhase;

typedef struct MgPipeline {
    MgConn *conn;
    const MgRun *run;
    MgError *err;
    MgPhase phase;
    bool is_failed;          /* err is filled */
    bool is_synced;          /* the last operation sent was a Sync */
    bool is_blocked;         /* output waits for the socket */
    size_t unflushed_bytes;  /* queued in libpq since the last flush */
    bool has_result;         /* the first operation in flight has given a result */
    MgTag last_tag;          /* of the newest operation whose results are all in */
    int64_t silence_ms;      /* when on_silence wants to be called */
    int64_t cancel_next_ms;  /* when the next cancel goes out, INT64_MAX = not cancelling */
    int64_t cancel_until_ms; /* when waiting for the cancel's effect ends */
} MgPipeline;

static void
push_flying(MgConn *conn, MgFlying item)
{
    if (conn->n_flying == conn->cap_flying) {
        size_t cap = conn->cap_flying == 0 ? 64 : conn->cap_flying * 2;
        MgFlying *ring = mg_realloc(NULL, cap * sizeof *ring);
        for (size_t i = 0; i < conn->n_flying; i++)
            ring[i] = conn->flying[(conn->first_flying + i) % conn->cap_flying];
        mg_free(conn->flying);
        conn->flying = ring;
        conn->first_flying = 0;
        conn->cap_flying = cap;
    }
    conn->flying[(conn->first_flying + conn->n_flying) % conn->cap_flying] = item;
    conn->n_flying++;
    conn->flying_bytes += item.size_bytes;
}

static void
pop_flying(MgConn *conn)
{
    assert(conn->n_flying > 0);
    conn->flying_bytes -= conn->flying[conn->first_flying].size_bytes;
    conn->first_flying = (conn->first_flying + 1) % conn->cap_flying;
    conn->n_flying--;
}

/* err is filled: send nothing more. */
static void
fail_run(MgPipeline *pipeline)
{
    pipeline->is_failed = true;
    pipeline->phase = PHASE_DRAINING;
}

static bool
send_op(MgPipeline *pipeline, const MgOp *op)
{
    MgConn *conn = pipeline->conn;
    int ok = 0;

    if (op->kind == MG_OP_QUERY || op->kind == MG_OP_EXECUTE)
        mg_conn_tell_statement(conn, op->kind == MG_OP_QUERY ? op->sql : op->name);
    switch (op->kind) {
    case MG_OP_QUERY:
        ok = PQsendQueryParams(conn->pg, op->sql, op->n_params, NULL, op->params, NULL, NULL, 0);
        break;
    case MG_OP_PREPARE:
        ok = PQsendPrepare(conn->pg, op->name, op->sql, 0, NULL);
        break;
    case MG_OP_EXECUTE:
        ok = PQsendQueryPrepared(conn->pg, op->name, op->n_params, op->params, NULL, NULL, 0);
        break;
    case MG_OP_FLUSH:
        ok = PQsendFlushRequest(conn->pg);
        break;
    case MG_OP_SYNC:
        ok = PQpipelineSync(conn->pg);
        break;
    }
    if (ok != 1) {
        return false; /* libpq refuses only on a broken connection */
    }
    if (op->kind != MG_OP_FLUSH)
        push_flying(conn, (MgFlying){ .kind = op->kind,
                                      .tag = op->tag,
                                      .size_bytes = op->sql == NULL ? 0 : strlen(op->sql) });
    pipeline->is_synced = op->kind == MG_OP_SYNC;
    return true;
}

/* Queue operations as long as sending does not block.  False when the connection is gone. */
static bool
send_ops(MgPipeline *pipeline)
{
    MgConn *conn = pipeline->conn;

    while (pipeline->phase == PHASE_SENDING && !pipeline->is_blocked &&
           conn->n_flying < MAX_FLYING && conn->flying_bytes < MAX_FLYING_BYTES) {
        MgOp op = { 0 };
        switch (pipeline->run->next(pipeline->run->payload, &op, pipeline->err)) {
        case MG_NEXT_OP:
            if (!send_op(pipeline, &op))
                return false;
            break;
        case MG_NEXT_END:
            pipeline->phase = PHASE_DRAINING;
            break;
        case MG_NEXT_FAILED:
            fail_run(pipeline);
            break;
        }
        /* libpq buffers without limit, and tries the socket at every call behind a full buffer. */
        pipeline->unflushed_bytes += op.sql == NULL ? 0 : strlen(op.sql);
        if (pipeline->unflushed_bytes >= FLUSH_BYTES) {
            pipeline->is_blocked = PQflush(conn->pg) == 1;
            pipeline->unflushed_bytes = 0;
        }
    }
    if (pipeline->phase == PHASE_DRAINING && !pipeline->is_synced)
        return send_op(pipeline, &(MgOp){ .kind = MG_OP_SYNC });
    /* The window is full: without a Flush the server may keep the answers that would open it. */
    bool is_full = pipeline->phase == PHASE_SENDING && !pipeline->is_blocked;
    return !is_full || PQsendFlushRequest(conn->pg) == 1;
}

/*
 * Give the caller a result.  Behind a failure of our own making (a cancel, a
 * deadline) statements still succeed or fail, COMMIT too: the caller hears of
 * them, but the first error is the one that counts.
 */
static void
hand_over(MgPipeline *pipeline, const MgTag *tag, const MgResult *result)
{
    const MgRun *run = pipeline->run;
    MgError later;
    bool was_failed = pipeline->is_failed;
    if (!run->on_result(run->payload, tag, result, was_failed ? &later : pipeline->err))
        fail_run(pipeline);
}

/* False when the connection is of no more use.  Hand one result to the caller, or note that the
 * operation in front is done. */
static bool
take_result(MgPipeline *pipeline, PGresult *pg)
{
    MgConn *conn = pipeline->conn;
    MgFlying front = conn->flying[conn->first_flying];
    ExecStatusType status = PQresultStatus(pg);
    bool is_kept = false;

    if (status == PGRES_PIPELINE_SYNC) {
        assert(front.kind == MG_OP_SYNC);
        pop_flying(conn);
        pipeline->has_result = false;
    } else {
        /* At a Sync that is an error: what stood outside a transaction was not committed, though it
         * had succeeded.  The Sync itself is still to come. */
        bool is_sync = front.kind == MG_OP_SYNC;
        pipeline->has_result = !is_sync;
        pipeline->silence_ms = 0; /* it begins anew */
        if (status != PGRES_PIPELINE_ABORTED)
            hand_over(pipeline, is_sync ? &pipeline->last_tag : &front.tag,
                      &(MgResult){ pg, &is_kept });
    }
    /* libpq would repeat the result of a COPY for ever. */
    bool is_over = mg_pg_is_copy(pg);
    if (!is_kept)
        PQclear(pg);
    return !is_over;
}

/* Take all results that are there.  False when the connection is gone. */
static bool
take_results(MgPipeline *pipeline)
{
    MgConn *conn = pipeline->conn;

    if (PQconsumeInput(conn->pg) != 1)
        return false;
    while (conn->n_flying > 0 && !PQisBusy(conn->pg)) {
        PGresult *pg = PQgetResult(conn->pg);
        if (pg != NULL) {
            if (!take_result(pipeline, pg) || PQstatus(conn->pg) == CONNECTION_BAD)
                return false;
        } else if (pipeline->has_result) {
            pipeline->last_tag = conn->flying[conn->first_flying].tag;
            pop_flying(conn);
            pipeline->has_result = false;
        } else if (PQstatus(conn->pg) == CONNECTION_BAD) {
            return false;
        }
    }
    return true;
}

/* Stop asking for operations, make the server stop, and keep draining for a while. */
static void
start_cancel(MgPipeline *pipeline, MgErrorCode code, const char *message)
{
    if (!pipeline->is_failed)
        mg_fail(pipeline->err, code, "%s", message);
    fail_run(pipeline);
    pipeline->cancel_next_ms = mg_clock_ms();
    pipeline->cancel_until_ms = mg_clock_ms() + CANCEL_MAX_MS;
}

static int64_t
earliest(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* What time asks for: repeated cancels, the deadline, the caller's silence. */
static bool
serve_clock(MgPipeline *pipeline)
{
    int64_t now_ms = mg_clock_ms();
    bool is_cancelling = pipeline->cancel_next_ms != INT64_MAX;

    if (is_cancelling && now_ms >= pipeline->cancel_until_ms)
        return false;
    if (is_cancelling && now_ms >= pipeline->cancel_next_ms) {
        mg_conn_send_cancel(pipeline->conn);
        pipeline->cancel_next_ms = now_ms + CANCEL_REPEAT_MS;
    }
    bool is_late = pipeline->run->deadline_ms != 0 && now_ms >= pipeline->run->deadline_ms;
    if (is_late && pipeline->run->is_probe) {
        if (!pipeline->is_failed)
            mg_fail(pipeline->err, MG_E_DEADLINE, "no answer in time");
        fail_run(pipeline);
        return false;
    }
    if (!is_cancelling && is_late)
        start_cancel(pipeline, MG_E_DEADLINE, "the time for this run is over");
    if (!pipeline->is_failed && pipeline->conn->n_flying > 0 && pipeline->run->on_silence != NULL &&
        now_ms >= pipeline->silence_ms)
        pipeline->silence_ms = pipeline->run->on_silence(
            pipeline->run->payload, &pipeline->conn->flying[pipeline->conn->first_flying].tag);
    return true;
}

/* Wait for the socket or the clock.  False when the connection is given up. */
static bool
wait_for_more(MgPipeline *pipeline)
{
    int64_t until_ms = pipeline->cancel_next_ms;
    if (!pipeline->is_failed) {
        if (pipeline->run->on_silence != NULL)
            until_ms = earliest(until_ms, pipeline->silence_ms);
        if (pipeline->run->deadline_ms != 0)
            until_ms = earliest(until_ms, pipeline->run->deadline_ms);
    }
    switch (mg_conn_wait(pipeline->conn, pipeline->is_blocked, until_ms)) {
    case MG_WAITED_READY:
    case MG_WAITED_TIME:
        return true;
    case MG_WAITED_CANCEL:
        pipeline->conn->is_cancelled = true;
        start_cancel(pipeline, MG_E_CANCELLED, "interrupted");
        return true;
    case MG_WAITED_BROKEN:
        break;
    }
    return false;
}

/* The connection cannot be used any more: forget what was in flight. */
static bool
give_up(MgPipeline *pipeline)
{
    MgConn *conn = pipeline->conn;
    if (!pipeline->is_failed)
        mg_conn_fail_lost(conn, pipeline->err);
    conn->n_flying = 0;
    conn->flying_bytes = 0;
    conn->is_given_up = true;
    return false;
}

bool
mg_conn_run(MgConn *conn, const MgRun *run, MgError *err)
{
    MgPipeline pipeline = { .conn = conn,
                            .run = run,
                            .err = err,
                            .is_synced = true,
                            .silence_ms = mg_clock_ms(),
                            .cancel_next_ms = INT64_MAX };
    assert(conn->n_flying == 0);

    for (;;) {
        if (!send_ops(&pipeline))
            return give_up(&pipeline);
        int flushed = PQflush(conn->pg);
        if (flushed < 0)
            return give_up(&pipeline);
        bool was_blocked = pipeline.is_blocked;
        pipeline.is_blocked = flushed == 1;
        if (was_blocked && !pipeline.is_blocked && pipeline.phase == PHASE_SENDING)
            continue; /* there is room again: sending goes on before any waiting */
        if (pipeline.phase == PHASE_DRAINING && conn->n_flying == 0)
            return !pipeline.is_failed;
        if (run->on_idle != NULL)
            run->on_idle(run->payload);
        if (!serve_clock(&pipeline) || !wait_for_more(&pipeline) || !take_results(&pipeline))
            return give_up(&pipeline);
    }
}

/* ---- An array of operations ---------------------------------------------- */

typedef struct MgOps {
    const MgOp *items;
    size_t n, sent;
    bool (*on_result)(void *payload, const MgTag *tag, const MgResult *result, MgError *err);
    void *payload;
} MgOps;

static MgNext
next_of_array(void *payload, MgOp *ret, MgError *err)
{
    MgOps *ops = payload;
    (void)err;
    if (ops->sent == ops->n)
        return MG_NEXT_END;
    *ret = ops->items[ops->sent];
    ret->tag.item = ops->sent++;
    return MG_NEXT_OP;
}

static bool
on_array_result(void *payload, const MgTag *tag, const MgResult *result, MgError *err)
{
    MgOps *ops = payload;
    if (ops->on_result != NULL)
        return ops->on_result(ops->payload, tag, result, err);
    return !mg_result_is_error(result) || mg_result_fail(result, MG_E_SERVER, err);
}

bool
mg_conn_probe(MgConn *conn, const MgOp *items, size_t n,
              bool (*on_result)(void *, const MgTag *, const MgResult *, MgError *), void *payload,
              int64_t limit_ms, bool *ret_is_late, MgError *err)
{
    MgOps ops = { .items = items, .n = n, .on_result = on_result, .payload = payload };
    MgRun run = { .next = next_of_array,
                  .on_result = on_array_result,
                  .payload = &ops,
                  .deadline_ms = mg_clock_ms() + limit_ms,
                  .is_probe = true };
    *ret_is_late = false;
    if (mg_conn_run(conn, &run, err))
        return true;
    *ret_is_late = err->code == MG_E_DEADLINE;
    return *ret_is_late;
}

bool
mg_conn_run_ops(MgConn *conn, const MgOp *items, size_t n,
                bool (*on_result)(void *, const MgTag *, const MgResult *, MgError *),
                void *payload, MgError *err)
{
    MgOps ops = { .items = items, .n = n, .on_result = on_result, .payload = payload };
    MgRun run = { .next = next_of_array, .on_result = on_array_result, .payload = &ops };
    return mg_conn_run(conn, &run, err);
}
