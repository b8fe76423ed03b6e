/* What the files of the connection share: nobody else includes this. */
#ifndef MG_PG_CONN_LIBPQ_H
#define MG_PG_CONN_LIBPQ_H

#include <sys/types.h>

#include "pg/conn.h"

struct pg_conn;
struct pg_cancel;
struct pg_result;

/* An address and the name that it was found by; NULL: it was given. */
typedef struct MgAddress {
    const char *name, *address;
} MgAddress;

/* The names of a URL looked up. */
typedef struct MgAddressed {
    /* Lists for libpq of one length, an entry for each address; NULL: as they are. */
    const char *hosts, *addresses, *ports;
    bool is_nowhere;     /* no entry is left */
    const char *failure; /* of the first name without addresses, in libpq's words; or NULL */
    struct {
        MgAddress *items;
        size_t n, cap;
    } known;
} MgAddressed;

/* An operation that was sent and has not been answered. */
typedef struct MgFlying {
    MgOpKind kind;
    MgTag tag;
    size_t size_bytes; /* of its SQL, as a measure of the memory it holds in libpq */
} MgFlying;

struct MgConn {
    struct pg_conn *pg;
    struct pg_cancel *cancel; /* prepared while it is not needed */
    const MgUrl *url;
    MgArena arena;
    MgAddressed addressed;
    int cancel_fd;
    bool is_cancelled;
    bool is_given_up;   /* answers are missing: what they said is not known */
    bool has_vanished;  /* the server's host does not answer any more */
    pid_t cancel_child; /* sends a cancel; 0 = none */
    void (*on_notice)(void *payload, const MgTag *front, const char *text);
    void *notice_payload;
    int64_t (*on_wait)(void *payload);
    void *wait_payload;
    int64_t wait_due_ms; /* of mg_clock_ms: when on_wait wants to be called */
    void (*on_statement)(void *payload, const char *text);
    void *payload;
    char server_version[32];
    /* A ring of operations in flight. */
    MgFlying *flying;
    size_t n_flying, first_flying, cap_flying;
    size_t flying_bytes;
};

/* What a wait ended with. */
typedef enum MgWaited {
    MG_WAITED_READY,
    MG_WAITED_TIME,
    MG_WAITED_CANCEL,
    MG_WAITED_BROKEN
} MgWaited;

/*
 * Wait until the socket can be read (or, when asked, written), cancel_fd is
 * readable, or until_ms of mg_clock_ms has come (INT64_MAX: never).
 */
MgWaited mg_conn_wait(MgConn *conn, bool for_write, int64_t until_ms);

/* Fill err with MG_E_CONNECTION_LOST and libpq's reason, without secrets. */
bool mg_conn_fail_lost(MgConn *conn, MgError *err);

/* Tell of a statement that is sent. */
void mg_conn_tell_statement(MgConn *conn, const char *sql);

/*
 * Look up the hosts' names of the first n of these parameters, which have room
 * for three more, in at most limit_ms.  Fails with MG_E_CANCELLED.
 */
MG_CHECK bool mg_conn_look_up(MgConn *conn, const char **keys, const char **values, size_t n,
                              int64_t limit_ms, MgAddressed *ret, MgError *err);
/* The name that an address, of that many bytes, was looked up by; or NULL. */
const char *mg_conn_name_of(const MgConn *conn, const char *address, size_t size_bytes);

/* Ask the server to stop what it runs; may be repeated. */
void mg_conn_send_cancel(MgConn *conn);
/* Is no cancel on its way?  When final, end it. */
bool mg_conn_reap_cancel(MgConn *conn, bool is_final);

/* What to do about a refused connection to host (may be NULL); or NULL. */
const char *mg_conn_advice(const char *reason, const char *host);
/* The same for any error of a session, where the words are a pooler's and never a server's. */
const char *mg_conn_poolers_advice(const char *reason);
/* Does a pooler say by it that it has no backend now?  Later it may have one. */
bool mg_conn_is_pool_full(const char *reason);

struct MgResult {
    struct pg_result *pg;
    bool *is_kept; /* somebody else clears it */
};

/* Does it want to send rows to the client, or to get some?  That has no place in a pipeline. */
bool mg_pg_is_copy(const struct pg_result *result);
/* Fill err from a result of libpq. */
bool mg_fail_pg(const struct pg_result *result, MgErrorCode code, MgError *err);

#endif
