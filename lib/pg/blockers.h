/*
 * A second look at the server while our own session is busy: who blocks it, and
 * how far its statement is.
 *
 * The look goes through a short second connection that never holds a
 * transaction: one that did would be waited for by the very CREATE INDEX
 * CONCURRENTLY it looks at (seen with PostgreSQL 15).  A look that fails is no
 * error: nothing is known then, and after a few failures it is left alone.
 */
#ifndef MG_PG_BLOCKERS_H
#define MG_PG_BLOCKERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "pg/conn.h"

/* The session that is watched, and the connection it is watched by. */
typedef struct MgWatch {
    const MgConnOptions *options; /* of the watched session; NULL: never look */
    const MgConn *watched;
    int backend_pid;
    MgConn *conn;         /* NULL: not open */
    int64_t next_open_ms; /* of mg_clock_ms: not opened before */
    int n_failures;
} MgWatch;

/* What was seen. */
typedef struct MgSight {
    int n_blockers; /* 0: nobody is in the way */
    int blocker_pid;
    char blocker[320]; /* "pid 4711 (psql), idle in transaction for 3 min: LOCK TABLE a" */
    int percent;       /* of the running statement; -1: the server does not tell */
} MgSight;

/* Look; takes at most about a second.  False: nothing could be seen. */
bool mg_watch_look(MgWatch *watch, MgSight *ret);
void mg_watch_close(MgWatch *watch);

/*
 * How far a command is by its view pg_stat_progress_*: in percent of the whole
 * command, of which each phase has a share; -1 when the phase is not known.
 */
int mg_progress_percent(const char *command, const char *phase, int64_t done, int64_t total);

#endif
