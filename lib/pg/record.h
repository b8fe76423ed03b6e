/*
 * Recording migrations without running them: all rows in one transaction behind
 * the fence.
 */
#ifndef MG_PG_RECORD_H
#define MG_PG_RECORD_H

#include "base/arena.h"
#include "base/error.h"
#include "migrate.h"
#include "pg/conn.h"
#include "pg/history.h"
#include "pg/lock.h"

#define MG_AS_BASELINE "as a baseline, not run"

typedef struct MgRecordInput {
    MgConn *conn; /* proved, and holding lock */
    const MgLock *lock;
    const MgHistoryTable *table;
    const MgHistoryFacts *facts; /* the table is made first when it is not there */
    const MgNewClaim *claim;     /* to be written with it, or NULL */
    const MgStep *steps;
    size_t n_steps;
    MgRecorder by;
    void (*on_event)(void *payload, const MgEvent *event); /* never NULL */
    void *payload;
} MgRecordInput;

/*
 * Add a row of kind baseline for each step, all or none, and tell each one when
 * it is committed.  Fails with MG_E_FENCE, MG_E_HISTORY, MG_E_PERMISSION,
 * MG_E_SERVER, MG_E_CANCELLED or MG_E_CONNECTION_LOST.
 */
MG_CHECK bool mg_record_baseline(const MgRecordInput *input, MgArena *arena, MgOutcome *ret,
                                 MgError *err);

#endif
