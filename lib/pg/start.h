/*
 * The start of a session in one flight: Q1; Sync; Q2; Sync.
 *
 * Q1 is the proof and, behind a condition on the server that repeats it, the
 * session's settings and the lock attempt: nothing is left on a backend that
 * is not ours.  Its Sync ends that transaction, so that Q2 reads the history
 * with a snapshot taken after the lock.
 */
#ifndef MG_PG_START_H
#define MG_PG_START_H

#include "base/arena.h"
#include "base/error.h"
#include "pg/conn.h"
#include "pg/history.h"
#include "pg/lock.h"
#include "pg/prove.h"
#include "plan/plan.h"

/* What a session of ours is set to. */
typedef struct MgSessionSettings {
    const char *search_path; /* NULL: the role's own */
    const char *role;        /* SET ROLE; NULL: the one that logged in */
    const char *timezone;
    const char *login; /* who logs in, for words */
    int64_t lock_timeout_ms;
    int64_t statement_timeout_ms; /* 0 = none, negative = the role's own */
    int64_t idle_timeout_ms;      /* in a transaction; 0 = none */
} MgSessionSettings;

typedef struct MgStartInput {
    const MgProofClaim *claim;
    const MgHistoryTable *table;
    const MgSessionSettings *settings;
    bool is_writing;     /* take the lock and apply the session settings */
    bool is_noting;      /* ask for the server's identity too */
    int n_down;          /* load the stored down scripts of so many newest rows */
    int64_t deadline_ms; /* of mg_clock_ms, for the answers; 0: none but their own limit */
} MgStartInput;

typedef struct MgStart {
    MgProof proof;
    /* Meaningful only when writing. */
    MgLockState lock_state;
    const char *unwatched;    /* mg_start_unwatched of this server */
    const char *settings_sql; /* applies the session settings again, behind a RESET ALL */
    MgHistoryFacts facts;
    MgHistory history;
    bool has_history;              /* it was read */
    const char *system_identifier; /* "" when it was not asked for, or the server does not tell */
    int64_t database_oid;          /* 0: the same */
} MgStart;

/* Why a setting of the user's, such as the role, could not be made; false, as mg_fail is. */
bool mg_start_fail_settings(const MgSessionSettings *settings, const MgResult *result,
                            MgError *err);

/*
 * Why this server cannot notice that a run was killed, as a warning; NULL: it
 * can, or nothing was set.  known: the names that it has set, each with a space
 * on both sides; NULL: the session is not ours.
 */
const char *mg_start_unwatched(const char *known, int server_version);

/* lock->backend_pid is set from the proof. */
MG_CHECK bool mg_start(MgConn *conn, const MgStartInput *input, MgLock *lock, MgArena *arena,
                       MgStart *ret, MgError *err);

/* Q2 again, with a new snapshot: facts and history only. */
MG_CHECK bool mg_start_read_again(MgConn *conn, const MgStartInput *input, MgArena *arena,
                                  MgStart *ret, MgError *err);

#endif
