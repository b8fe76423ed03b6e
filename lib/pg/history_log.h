/*
 * The history as an audit log: every row, also those that were reverted.  Reads
 * tables of any layout: a column that is not there is absent.
 */
#ifndef MG_PG_HISTORY_LOG_H
#define MG_PG_HISTORY_LOG_H

#include "base/arena.h"
#include "base/error.h"
#include "pg/conn.h"
#include "pg/history.h"

/*
 * The newest first: an application, and what undid it, are two entries.  A
 * repeatable that ran again has replaced its row and reverted nothing.  Empty
 * when there is no history yet.
 */
MG_CHECK bool mg_history_log(MgConn *conn, const MgHistoryTable *table, MgArena *arena,
                             MgLogEntry **ret, size_t *ret_n, MgError *err);

#endif
