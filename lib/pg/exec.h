/*
 * Execution: the steps of a plan, sent through one pipeline.
 *
 * Order inside a transactional migration: BEGIN; SET LOCAL of its directives;
 * its leading SET TRANSACTION; fence; statements; SET CONSTRAINTS ALL
 * IMMEDIATE; hygiene; history row with the fence in its condition; COMMIT;
 * Flush.  No Sync between migrations: the server skips
 * everything behind the first error, which is exactly "stop at the first
 * failure, keep what committed".  A migration counts as applied when its
 * COMMIT has answered COMMIT.
 *
 * A statement that refuses a transaction is sent behind a committed mark and
 * awaited: BEGIN; fence; lock_timeout 0; mark started; COMMIT; statement; Sync.
 * No Sync stands before it: a failed fence would not stop it.  Its end must be
 * known before more is sent, since it may report success with its last part
 * uncommitted; then "BEGIN; fence; mark done; COMMIT" goes in front of whatever
 * comes next, so each costs one round trip.  A COPY costs three: libpq leaves
 * the pipeline when all answers are read, sends data when the server has asked
 * for them, and goes back behind the last answer.
 */
#ifndef MG_PG_EXEC_H
#define MG_PG_EXEC_H

#include <stdint.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/error.h"
#include "migrate.h"
#include "pg/conn.h"
#include "pg/history.h"
#include "pg/lock.h"
#include "source/source.h"

typedef struct MgExecInput {
    MgConn *conn;                      /* proved, and holding lock */
    const MgConnOptions *conn_options; /* for a second look while it works; NULL: none */
    const MgLock *lock;
    const MgHistoryTable *table;
    const MgHistoryFacts *facts; /* the table is made first when it is not there */
    const char *settings_sql;    /* applies the session settings again */
    const MgStep *steps;
    size_t n_steps;
    bool is_one_transaction; /* all of them, which are transactional and go up; */
    bool is_rehearsal;       /* and it is rolled back at its end */
    size_t n_before;         /* steps that this run had done before a connection broke */
    MgRecorder by;
    const MgNewClaim *claim;           /* written before the first step; NULL: none */
    int64_t lock_timeout_ms;           /* of the session */
    int64_t lock_retry_ms;             /* how long a migration is tried again; 0 = one try */
    int64_t deadline_ms;               /* of mg_clock_ms; no step starts later; 0 = none */
    int64_t server_deadline_us;        /* the same by the server's clock, since 1970 */
    bool is_live;                      /* tell MG_EVENT_PROGRESS too */
    void (*on_claimed)(void *payload); /* the claim is committed; NULL without one */
    void (*on_event)(void *payload, const MgEvent *event); /* never NULL */
    void (*on_idle)(void *payload);                        /* as MgOptions has it; never NULL */
    void *payload;
} MgExecInput;

/*
 * Run the steps.  ret counts what is committed, also on failure.  After a
 * failure the connection may be inside a failed transaction: close it.  Fails
 * with MG_E_SQL and file:line:column, MG_E_FENCE, MG_E_CHANGED, MG_E_FILE,
 * MG_E_PERMISSION, MG_E_DEADLINE, MG_E_CANCELLED or MG_E_CONNECTION_LOST.
 */
MG_CHECK bool mg_exec(const MgExecInput *input, MgArena *arena, MgOutcome *ret, MgError *err);

/*
 * The digest over the tokens of a script's first n statements, as marks record
 * it, and the same without the last of them.  script is of a no-transaction
 * migration and has that many.
 */
MG_CHECK bool mg_exec_prefix_digest(const MgConn *conn, const MgScript *script, int n,
                                    char ret_before[MG_DIGEST_HEX_BYTES],
                                    char ret[MG_DIGEST_HEX_BYTES], MgError *err);
/* MG_E_PARTIAL: the first n_done statements are not those that ran.  Returns false. */
bool mg_exec_fail_prefix(const char *label, const MgScript *script, int n_done, MgError *err);

#endif
