/*
 * Histories that other tools have left in a database: told by their columns,
 * since several tools use one name.  They are read and never written.
 */
#ifndef MG_PG_FOREIGN_H
#define MG_PG_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"
#include "pg/conn.h"

typedef struct MgForeignHistory {
    const char *tool;   /* "golang-migrate" */
    const char *table;  /* "public.schema_migrations" */
    int64_t n_applied;  /* rows; -1: not read, for want of rights or by row security */
    const char *newest; /* as the tool names it: a version or a name; NULL: none */
    bool is_position;   /* it holds the newest version and no other */
    bool is_dirty;      /* the tool stopped half-way, and says so */
} MgForeignHistory;

typedef struct MgForeignHistories {
    MgForeignHistory *items;
    size_t n, cap;
} MgForeignHistories;

/* Fails with MG_E_SERVER and what mg_conn_run fails with. */
MG_CHECK bool mg_foreign_read(MgConn *conn, MgArena *arena, MgForeignHistories *ret, MgError *err);

#endif
