/*
 * One connection to a server, non-blocking underneath.
 *
 * Statements are sent as operations of a pipeline: queued without waiting,
 * results handed to a callback in order.  Every wait also listens to the
 * caller's cancel descriptor and ends at a deadline.  Knows nothing of locks,
 * migrations or plans.
 */
#ifndef MG_PG_CONN_H
#define MG_PG_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include "target/url.h"

typedef struct MgConn MgConn;
typedef struct MgResult MgResult; /* one result, valid inside the callback, unless it is kept */

typedef struct MgConnOptions {
    const MgUrl *url;
    const char *application_name; /* sent in the startup packet: the proof reads it back */
    int64_t wait_server_ms;       /* how long to try again; 0 = one try */
    int64_t deadline_ms;          /* of mg_clock_ms: no try and no pause lasts longer; 0 = none */
    int cancel_fd;                /* -1 = none */
    const MgConn *like;           /* connect to the same host and address as this one; or NULL */
    int64_t attempt_ms;           /* time limit of one attempt; 0 = 10 s */
    /* Every statement that is sent, with passwords masked. */
    void (*on_statement)(void *payload, const char *text);
    /* The server is not up yet: said for each new reason, and every 10 s after.  waited_ms is 0 the
     * first time.  False, with err, ends it. */
    bool (*on_waiting)(void *payload, const char *text, int64_t waited_ms, MgError *err);
    void *payload;
} MgConnOptions;

/*
 * Connect; try again with jittered backoff while the server may still come up
 * (refused, timeout, DNS, 57P03, 53300, wake-up messages), never for a bad
 * password.  Fails with MG_E_UNREACHABLE, _CREDENTIALS, _CANCELLED or, where
 * the deadline ends the waiting, _DEADLINE; no message holds the password.
 */
MG_CHECK bool mg_conn_open(const MgConnOptions *options, MgConn **ret, MgError *err);
void mg_conn_close(MgConn *conn); /* NULL is fine */

/* ---- Operations --------------------------------------------------------- */

typedef enum MgOpKind {
    MG_OP_QUERY,   /* one statement */
    MG_OP_PREPARE, /* name, sql */
    MG_OP_EXECUTE, /* name, params */
    MG_OP_FLUSH,   /* the server sends what it has; has no result of its own */
    MG_OP_SYNC,    /* ends an implicit transaction, and the skipping after an error */
} MgOpKind;

/* The caller's own words about an operation, handed back with its result. */
typedef struct MgTag {
    int role;
    size_t item;
    MgSpan span;
    int line;
    int number;        /* of the statement in its script, 1-based */
    int n_done;        /* statements of the script that count as done with it */
    const char *label; /* static, or alive as long as the run */
} MgTag;

typedef struct MgOp {
    MgOpKind kind;
    const char *name;          /* of the prepared statement */
    const char *sql;           /* NUL-terminated; read before the next op is asked for */
    const char *const *params; /* text format; NULL = null */
    int n_params;
    MgTag tag;
} MgOp;

typedef enum MgNext { MG_NEXT_OP, MG_NEXT_END, MG_NEXT_FAILED } MgNext;

typedef struct MgRun {
    /* Give the next operation; MG_NEXT_FAILED fills err. */
    MgNext (*next)(void *payload, MgOp *ret, MgError *err);
    /*
     * One result arrived.  An error result is handed over once; what the
     * server skips after it is not.  Returning true goes on behind the next
     * Sync; false (err filled, mg_result_fail does it) ends the run: nothing
     * more is sent but a Sync.
     */
    bool (*on_result)(void *payload, const MgTag *tag, const MgResult *result, MgError *err);
    /*
     * While results are awaited: front is the operation whose result is next.
     * Returns when to be called again (mg_clock_ms).  May be NULL.
     */
    int64_t (*on_silence)(void *payload, const MgTag *front);
    /* All results that have come are handed over: called before a wait.  May be NULL. */
    void (*on_idle)(void *payload);
    void *payload;
    int64_t deadline_ms; /* of mg_clock_ms: then cancel, fail with MG_E_DEADLINE; 0 = none */
    /* At the deadline leave it at that: no cancel, the connection is good for closing only. */
    bool is_probe;
} MgRun;

/*
 * Run operations until next says MG_NEXT_END and all results are in.  A Sync is
 * added at the end when the caller's last operation is none.  On failure the
 * pipeline is drained; a transaction may still be open.  Fails with the
 * callbacks' errors, MG_E_CONNECTION_LOST, _CANCELLED or _DEADLINE.
 */
MG_CHECK bool mg_conn_run(MgConn *conn, const MgRun *run, MgError *err);

/* The same for an array; tag.item is the operation's index. */
MG_CHECK bool mg_conn_run_ops(MgConn *conn, const MgOp *ops, size_t n_ops,
                              bool (*on_result)(void *payload, const MgTag *tag,
                                                const MgResult *result, MgError *err),
                              void *payload, MgError *err);

/*
 * A NOTICE or WARNING of the server, "NOTICE: relation ... skipping", and the
 * operation whose result is next.  NULL turns it off, as at the beginning.
 */
void mg_conn_on_notice(MgConn *conn,
                       void (*on_notice)(void *payload, const MgTag *front, const char *text),
                       void *payload);

/*
 * Operations whose answers may never come, such as through a full pool: after
 * limit_ms *ret_is_late is true and the connection is good for closing only.
 */
MG_CHECK bool mg_conn_probe(MgConn *conn, const MgOp *ops, size_t n_ops,
                            bool (*on_result)(void *payload, const MgTag *tag,
                                              const MgResult *result, MgError *err),
                            void *payload, int64_t limit_ms, bool *ret_is_late, MgError *err);

/* Was the connection given up with answers missing?  Then what it ran may be done or not. */
bool mg_conn_is_given_up(const MgConn *conn);

/* As of the last Sync. */
bool mg_conn_is_in_transaction(const MgConn *conn);

/* Wait, unless cancelled. */
MG_CHECK bool mg_conn_pause(MgConn *conn, int64_t pause_ms, MgError *err);

/* While a COPY goes on: on_wait returns when to be called again (mg_clock_ms).  NULL: no more. */
void mg_conn_on_wait(MgConn *conn, int64_t (*on_wait)(void *payload), void *payload);

/*
 * COPY ... FROM STDIN, outside the pipeline: begin, any number of data calls,
 * end.  A failure ends the COPY and leaves the transaction to be rolled back;
 * *ret_position is the server's position in sql, 0 when it gave none.
 */
MG_CHECK bool mg_conn_copy_begin(MgConn *conn, const char *sql, int *ret_position, MgError *err);
MG_CHECK bool mg_conn_copy_data(MgConn *conn, const char *bytes, size_t size_bytes, MgError *err);
MG_CHECK bool mg_conn_copy_end(MgConn *conn, MgError *err);

/*
 * Does the statement, sent by the simple protocol, answer with a row?  An error
 * is no.  Fails with MG_E_DEADLINE after limit_ms: then the connection is good
 * for closing only.
 */
MG_CHECK bool mg_conn_answers_row(MgConn *conn, const char *sql, int64_t limit_ms, bool *ret,
                                  MgError *err);

/* ---- Results ------------------------------------------------------------ */

bool mg_result_is_error(const MgResult *result);
const char *mg_result_sqlstate(const MgResult *result); /* "" when it is no error */
/* Did the session end with it? */
bool mg_result_is_end(const MgResult *result);
/* Fill err from an error result; returns false. */
bool mg_result_fail(const MgResult *result, MgErrorCode code, MgError *err);
/* 1-based position in characters in the statement; 0 when the server gave none. */
int mg_result_position(const MgResult *result);
/* The server's CONTEXT, and the query inside a function that failed; NULL when it gave none. */
const char *mg_result_context(const MgResult *result);
const char *mg_result_internal_query(const MgResult *result);
int mg_result_internal_position(const MgResult *result); /* in that query */
int mg_result_n_rows(const MgResult *result);
int mg_result_n_columns(const MgResult *result);
/* Its texts stay valid as long as arena: for a result of many rows, which is not copied then. */
void mg_result_keep(const MgResult *result, MgArena *arena);
/* Text of a value, NULL for null; valid as long as result. */
const char *mg_result_text(const MgResult *result, int row, int column);
int64_t mg_result_int(const MgResult *result, int row, int column); /* 0 for null */
bool mg_result_bool(const MgResult *result, int row, int column);
/* "COMMIT", "INSERT 0 1". */
const char *mg_result_tag(const MgResult *result);

/* ---- Facts about the connection ----------------------------------------- */

int mg_conn_server_version(const MgConn *conn);              /* 150004 */
const char *mg_conn_server_version_text(const MgConn *conn); /* "15.4" */
/* BackendKeyData's pid; 0 when the server sent none. */
int mg_conn_key_pid(const MgConn *conn);
/* Our own port as we see it; -1 on a Unix socket. */
int mg_conn_local_port(const MgConn *conn);
/*
 * On a Unix socket: is the process that listens there the parent of key_pid,
 * as a postmaster is of its backends?  False where the system cannot tell.
 */
bool mg_conn_socket_is_postmasters(const MgConn *conn);
bool mg_conn_has_standard_strings(const MgConn *conn);
/* An SQL_ASCII database: positions in statements count bytes. */
bool mg_conn_counts_bytes(const MgConn *conn);
const char *mg_conn_host(const MgConn *conn);
const char *mg_conn_port(const MgConn *conn);
const char *mg_conn_database(const MgConn *conn);
const char *mg_conn_user(const MgConn *conn);
bool mg_conn_is_local(const MgConn *conn);

/* Parameters that lead to the very server of this connection; the password may be among them. */
void mg_conn_params(const MgConn *conn, MgArena *arena, MgParams *ret);
/* text without the password of the connection's URL. */
const char *mg_conn_mask(const MgConn *conn, const char *text, MgArena *arena);

typedef struct MgConnTls {
    const char *protocol; /* "TLSv1.3"; NULL: no TLS */
    const char *mode;     /* sslmode */
    bool is_certificate_verified, is_host_verified;
    bool is_gss;    /* encrypted by GSSAPI instead */
    bool is_socket; /* a Unix socket: nothing to encrypt */
} MgConnTls;

MgConnTls mg_conn_tls(const MgConn *conn, MgArena *arena);

#endif
