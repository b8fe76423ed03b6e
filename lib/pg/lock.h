/*
 * One run per target at a time: a session advisory lock, its nonce, the fence.
 *
 * Key: the first 8 bytes of SHA-256("migrate" NUL schema NUL table) of the
 * history table, big-endian, as a signed bigint.  Advisory locks are per
 * database already, so schemas of one database are migrated side by side.
 * Taken by polling pg_try_advisory_lock: a session that waits inside
 * pg_advisory_lock() holds a snapshot, and the holder's CREATE INDEX
 * CONCURRENTLY would wait for it (seen with PostgreSQL 15).  With it goes a
 * second lock on a random key, the nonce, which survives RESET ALL and tells
 * two owners of one shared backend apart.
 * Both are taken twice.  The server counts how often a session holds a lock, so
 * the fence can ask whether it is held by giving it back once and taking it
 * again: the lock itself is never free, and only memory of the backend's own
 * is touched.  Asking pg_locks would copy all locks of the server.
 */
#ifndef MG_PG_LOCK_H
#define MG_PG_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "pg/conn.h"

typedef struct MgLock {
    int64_t key;
    int64_t nonce;
    int backend_pid; /* of the proof; set by whoever proved */
} MgLock;

/* Key and a fresh nonce for a history table; nothing is taken. */
MgLock mg_lock_init(const char *schema, const char *table);

typedef enum MgLockState {
    MG_LOCK_NOT_OURS, /* the proof failed on the server: nothing was taken */
    MG_LOCK_SHARED,   /* this backend already held the lock: it is not ours alone */
    MG_LOCK_HELD,
    MG_LOCK_BUSY,
} MgLockState;

/* An SQL expression that tries to take both locks and gives a word for mg_lock_state. */
const char *mg_lock_take_sql(const MgLock *lock, MgArena *arena);
MgLockState mg_lock_state(const char *word);

/* Try once, in an own transaction. */
MG_CHECK bool mg_lock_try(MgConn *conn, const MgLock *lock, MgArena *arena, MgLockState *ret,
                          MgError *err);

/*
 * How a run names itself in the middle of its application_name, for whoever
 * waits for it: "vercel dpl_8Hq2vN,4f2a91c".  At most max_bytes of printable
 * ASCII without quotes, so that it can stand in SQL and in ps; what is too long
 * loses the end of by, never the commit.  commit may be NULL.
 */
const char *mg_lock_owner(const char *by, const char *commit, size_t max_bytes, MgArena *arena);

/* The other session that holds the lock. */
typedef struct MgHolder {
    int pid;            /* 0: nobody holds it now */
    const char *name;   /* "app@host", "vercel dpl_8Hq2vN"; else its application_name or user */
    const char *commit; /* the first digits of the commit that it deploys, or NULL */
    const char *since;  /* "12:03:58", UTC, when it connected */
    const char *runs;   /* "runs CREATE INDEX CONCURRENTLY since 12 s", "is silent since 3 s" */
} MgHolder;

MG_CHECK bool mg_lock_holder(MgConn *conn, const MgLock *lock, MgArena *arena, MgHolder *ret,
                             MgError *err);

/* The same for a flight of the caller's own: its query, and its answer. */
const char *mg_lock_holder_sql(const MgLock *lock, MgArena *arena);
MG_CHECK bool mg_lock_take_holder(const MgResult *result, MgArena *arena, MgHolder *ret,
                                  MgError *err);

/*
 * The fence: an SQL expression that is true as long as this is the proved
 * backend and it holds both locks, and else fails at run time (42704, with
 * MG_LOCK_LOST in its words, whatever the server's language), so that nothing
 * behind it commits.  A few microseconds, no round trip.
 */
#define MG_LOCK_LOST "fence: this backend does not hold our lock"
const char *mg_lock_fence_sql(const MgLock *lock, MgArena *arena);

/*
 * A query that lets go of every other session advisory lock of this backend: a
 * migration's own must not reach the next.  Those of its transaction stay.
 */
const char *mg_lock_release_others_sql(const MgLock *lock, MgArena *arena);

#endif
