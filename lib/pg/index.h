/*
 * Indexes that are built concurrently: the server may report success for, or
 * leave behind, an index that is INVALID and serves no query; IF NOT EXISTS
 * then skips it for ever (seen with PostgreSQL 15).
 */
#ifndef MG_PG_INDEX_H
#define MG_PG_INDEX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"
#include "pg/conn.h"

/* What a CREATE INDEX CONCURRENTLY says. */
typedef struct MgIndexBuild {
    const char *table; /* as written, quotes and schema included */
    const char *name;  /* as the catalog has it; NULL when the server chooses */
} MgIndexBuild;

/* False when the statement is not a CREATE INDEX. */
bool mg_index_build_parse(const char *sql, size_t size_bytes, MgArena *arena, MgIndexBuild *ret);

typedef enum MgIndexState { MG_INDEX_ABSENT, MG_INDEX_VALID, MG_INDEX_INVALID } MgIndexState;

/*
 * Look for the index; for an unnamed one, at the newest index of its table.
 * *ret_name is its quoted, qualified name when it is there, in arena.
 */
MG_CHECK bool mg_index_look(MgConn *conn, const MgIndexBuild *build, MgArena *arena,
                            MgIndexState *ret, const char **ret_name, MgError *err);

/*
 * An operation that fails when the index is there and invalid, so that a
 * transaction with it does not commit; its error tells the quoted, qualified
 * name, and mg_index_checked_name takes it out (NULL: that error is another).
 * build must live as long as the operation.
 */
void mg_index_check_op(const MgIndexBuild *build, MgArena *arena, MgOp *ret);
const char *mg_index_checked_name(const MgError *err, MgArena *arena);

/* What a REINDEX ... CONCURRENTLY says. */
typedef struct MgReindex {
    const char *kind; /* "index", "table", "schema", "database" or "system" */
    const char *name; /* as written; NULL: the current database */
} MgReindex;

/* False when the statement is no REINDEX. */
bool mg_reindex_parse(const char *sql, size_t size_bytes, MgArena *arena, MgReindex *ret);

typedef struct MgNames {
    const char **items; /* quoted, qualified */
    size_t n, cap;
} MgNames;

/*
 * What a REINDEX that was cut off has left: invalid indexes whose names end in
 * _ccnew or _ccold, and which nobody builds at the moment.
 */
MG_CHECK bool mg_reindex_leftovers(MgConn *conn, const MgReindex *reindex, MgArena *arena,
                                   MgNames *ret, MgError *err);

/* The index of a DROP INDEX CONCURRENTLY, as written; NULL when it is none. */
const char *mg_index_drop_parse(const char *sql, size_t size_bytes, MgArena *arena);
/* Is there a relation of that name, in the session's search path? */
MG_CHECK bool mg_index_is_there(MgConn *conn, const char *name, bool *ret, MgError *err);

/* Drop an invalid index without blocking anybody. */
MG_CHECK bool mg_index_drop(MgConn *conn, const char *name, MgArena *arena, MgError *err);

#endif
