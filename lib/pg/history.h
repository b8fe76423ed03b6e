/*
 * The history table: what the server says was applied.  All SQL about it is
 * here, always schema-qualified.
 *
 * One row is one application of one migration; undoing it sets reverted_at
 * and keeps the row.  The table's comment carries its layout version.
 */
#ifndef MG_PG_HISTORY_H
#define MG_PG_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "pg/conn.h"
#include "plan/plan.h"
#include "sql/catalog.h"

enum {
    /* 2: environment, claims; 3: how far a down script got; 4: no checks */
    MG_HISTORY_LAYOUT = 4,
    MG_HISTORY_MAX_PREPARE_OPS = 11,
};

#define MG_HISTORY_LAYOUT_COMMENT "migrate history, layout "
/* A claim is a row too: its release is in the history like everything else.  Its version cannot be
 * a migration's, so that the unique index keeps a second one of the same hosts away. */
#define MG_HISTORY_CLAIM_KIND "claim"
#define MG_HISTORY_CLAIM_VERSION "claim:"

typedef struct MgHistoryTable {
    const char *schema, *table;
    const char *sql;   /* quoted: "migrate"."history" */
    const char *shown; /* migrate.history */
    bool is_default;   /* its schema is ours to make */
    const char *role;  /* who works with it, for words; NULL: not known */
} MgHistoryTable;

/* Parse "schema.table"; NULL gives migrate.history.  Fails with MG_E_USAGE. */
MG_CHECK bool mg_history_table_parse(const char *text, MgArena *arena, MgHistoryTable *ret,
                                     MgError *err);

/* ---- Reading --------------------------------------------------------------- */

/* Facts about the table that decide whether it may be used. */
typedef struct MgHistoryFacts {
    bool exists, has_schema;
    bool hides_rows; /* row security is active for this role */
    bool is_database_empty;
    bool is_shared; /* default privileges or an event trigger may give others what is made */
    int layout;     /* 0 when the comment does not tell */
} MgHistoryFacts;

/* Two queries for one flight, in this order; the stored down scripts of the newest n_down rows. */
const char *mg_history_facts_sql(const MgHistoryTable *table, MgArena *arena);
const char *mg_history_rows_sql(const MgHistoryTable *table, int n_down, MgArena *arena);

/* Take the answers; the rows' error 42P01 means that there is no history yet.  The rows' result is
 * kept, as long as arena. */
MG_CHECK bool mg_history_take_facts(const MgHistoryTable *table, const MgResult *result,
                                    MgHistoryFacts *ret, MgError *err);
MG_CHECK bool mg_history_take_rows(const MgHistoryTable *table, const MgResult *result,
                                   MgArena *arena, MgHistory *ret, MgError *err);

/* Its rows cannot be read: fill err from the server's answer.  Returns false. */
bool mg_history_fail_reading(const MgHistoryTable *table, const MgResult *result, MgError *err);

/* ---- Writing --------------------------------------------------------------- */

/*
 * A statement that makes or changes the history was refused: fill err from the
 * server's answer.  The casts that fail where the lock or a row is not what it
 * was become MG_E_FENCE and MG_E_HISTORY; their own words never show.  facts
 * are those of the start.  Sets no note: the caller knows what was done before.
 * Returns false.
 */
bool mg_history_fail_writing(const MgHistoryTable *table, const MgHistoryFacts *facts,
                             const MgConn *conn, const MgResult *result, MgError *err);

/* In the words of the cast that fails for a row, in every language of a server. */
#define MG_HISTORY_ROW_GONE "history: a row is gone"
/* An int8 that fails at run time, so nothing commits. */
#define MG_HISTORY_NO_ROW                                                                          \
    "('" MG_HISTORY_ROW_GONE ", backend ' " MG_CAT                                                 \
    " pg_catalog.pg_backend_pid()::pg_catalog.text)::pg_catalog.int8"

/* A claim to be written: this target belongs to one environment. */
typedef struct MgNewClaim {
    const char *hosts, *environment;
    const char *applied_by, *commit, *run_url; /* the last two NULL: unknown */
} MgNewClaim;

/*
 * Operations that make the table usable, in one transaction behind the fence:
 * make it, and the schema when it is ours, readable and writable by its owner
 * alone (with a right to it strangers could plant a down script), or bring
 * an older layout up to date; then write the claim, if there is one.  Returns
 * how many, 0 when there is nothing to do.
 */
int mg_history_prepare_ops(const MgHistoryTable *table, const MgHistoryFacts *facts,
                           const MgNewClaim *claim, const char *fence_sql, MgArena *arena,
                           MgOp ret[MG_HISTORY_MAX_PREPARE_OPS]);
/* Is there anything to make or to bring up to date? */
bool mg_history_must_prepare(const MgHistoryFacts *facts);

/* Who records, which is the same in every row of a run: it stands in the statement itself. */
typedef struct MgRecorder {
    const char *applied_by;
    const char *commit, *run_url, *environment; /* NULL: unknown */
} MgRecorder;

/* What is recorded of one application; text parameters for the statements below. */
enum {
    MG_WHOLE_PARAMS = 8,
    MG_RECORD_PARAMS = 12,
    MG_FINISH_PARAMS = 13, /* those and the key */
    MG_PROGRESS_PARAMS = 5,
    MG_REVERT_PARAMS = 3,
};

typedef struct MgRecord {
    const MgMigration *migration;
    int64_t row_id;            /* of the row to finish; 0: by version or name */
    const char *down_text;     /* NULL: none */
    const char *prefix_digest; /* "": none */
    int64_t awaited_us;        /* spent outside any transaction */
    int n_statements_started, n_statements_done;
} MgRecord;

/* What an INSERT is of; each takes the first so many of the parameters. */
typedef enum MgRecordKind {
    MG_RECORD_WHOLE,      /* a migration with its transaction: MG_WHOLE_PARAMS */
    MG_RECORD_OF_ALL,     /* the same, where others stand in the same transaction */
    MG_RECORD_FIRST_MARK, /* the begin of a no-transaction migration: MG_RECORD_PARAMS */
} MgRecordKind;

/* Fill params; numbers are formatted into arena. */
void mg_history_record_params(const MgRecord *record, MgArena *arena,
                              const char *params[MG_FINISH_PARAMS]);

/* INSERT of an application, if the fence holds; one row or an error.  Answers its duration in us.
 */
const char *mg_history_record_sql(const MgHistoryTable *table, const char *fence_sql,
                                  const MgRecorder *by, MgRecordKind kind, MgArena *arena);
/*
 * A repeatable runs again: its live row is history.  $1 name, $2 by whom.
 * Comes before the INSERT, in its transaction.
 */
const char *mg_history_close_sql(const MgHistoryTable *table, MgArena *arena);
/*
 * Progress of a no-transaction migration: $1 key, $2 started, $3 done, $4 us
 * more, $5 prefix digest.  One row or an error; answers the duration in us.
 */
const char *mg_history_progress_sql(const MgHistoryTable *table, const char *fence_sql,
                                    MgArena *arena);
/*
 * The same of a no-transaction down script: $1 id, $2 its statements, $3
 * started, $4 done, $5 prefix digest.  With none started it is as if it had never run.  Answers
 * the us of this transaction: a row's own duration is that of its application.
 */
const char *mg_history_down_progress_sql(const MgHistoryTable *table, const char *fence_sql,
                                         MgArena *arena);
/* Its end: the parameters of a record, for the row that is there; the file may have been mended. */
const char *mg_history_finish_sql(const MgHistoryTable *table, const char *fence_sql,
                                  const MgRecorder *by, MgArena *arena);
/* Take away what was given to others: the table, its sequence. */
const char *mg_history_revoke_sql(const MgHistoryTable *table, MgArena *arena);
/* Undo an application: $1 id, $2 by whom, $3 us more.  One row or error; answers the duration in
 * us. */
const char *mg_history_revert_sql(const MgHistoryTable *table, const char *fence_sql,
                                  MgArena *arena);
/* Change values of one live row, when they are still as they were; one row or an error. */
const char *mg_history_repair_sql(const MgHistoryTable *table, int64_t row_id,
                                  const MgChange *changes, size_t n_changes, const char *fence_sql,
                                  MgArena *arena);
/* Release a claim; one row or an error. */
const char *mg_history_release_sql(const MgHistoryTable *table, int64_t id, const char *by,
                                   const char *fence_sql, MgArena *arena);
/* The key of a live row: "#" and its id, else the version, or "R:" and the name. */
const char *mg_history_key(const MgMigration *migration, int64_t row_id, MgArena *arena);

#endif
