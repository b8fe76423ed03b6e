#include "pg/history_log.h"

#include <stdlib.h>
#include <string.h>

#include "sql/catalog.h"

enum {
    COLUMN_ID,
    COLUMN_VERSION,
    COLUMN_NAME,
    COLUMN_KIND,
    COLUMN_IS_PARTIAL,
    COLUMN_APPLIED_AT,
    COLUMN_DURATION,
    COLUMN_BY,
    COLUMN_COMMIT,
    COLUMN_RUN_URL,
    COLUMN_TOOL,
    COLUMN_ENVIRONMENT,
    COLUMN_REVERTED_AT,
    COLUMN_REVERTED_BY,
    COLUMN_IS_REPLACED,
};

typedef struct Reading {
    const MgHistoryTable *table;
    MgArena *arena;
    struct {
        MgLogEntry *items;
        size_t n, cap;
    } entries;
} Reading;

static const char *
log_sql(const MgHistoryTable *table, MgArena *arena)
{
    /* By way of JSON a column may be missing.  Without what is long in it. */
    return mg_arena_format(
        arena,
        "SELECT h.id, h.version, h.name, h.kind,"
        " h.statements_done " MG_LT " h.statements OR h.statements_started " MG_GT
        " h.statements_done"
        " OR h.reverted_at IS NULL AND (pg_catalog.to_jsonb(h) " MG_JSON_TEXT
        " 'down_started')::pg_catalog.int4 " MG_GT " 0,"
        " (extract(epoch FROM h.applied_at)::numeric " MG_TIMES " 1000::numeric)::bigint,"
        " (extract(epoch FROM h.duration)::numeric " MG_TIMES
        " 1000000::numeric)::bigint, h.applied_by, "
        "h.git_commit,"
        " h.run_url, h.tool_version,"
        " pg_catalog.to_jsonb(h) " MG_JSON_TEXT " 'environment',"
        " (extract(epoch FROM h.reverted_at)::numeric " MG_TIMES
        " 1000::numeric)::bigint, h.reverted_by,"
        " h.kind " MG_EQ " 'repeatable' AND EXISTS (SELECT FROM %s n WHERE n.kind " MG_EQ
        " 'repeatable'"
        " AND n.name " MG_EQ " h.name AND n.id " MG_GT " h.id) FROM %s h ORDER BY h.id",
        table->sql, table->sql);
}

/* X(kind, what, undone): kinds of rows that are not just an application. */
static const struct {
    const char *kind, *what, *undone;
} kinds[] = {
    { "baseline", "baseline", "reverted" },
    { "adopted", "adopted", "reverted" },
    { "claim", "claimed", "released" },
};

/* A claim names an environment, and no version of a migration. */
static void
name_entry(MgLogEntry *entry, MgArena *arena)
{
    if (entry->name == NULL)
        entry->name = "";
    if (strcmp(entry->what, "claimed") == 0) {
        entry->version = NULL;
        entry->label = mg_arena_format(arena, "environment %s", entry->name);
    } else if (entry->version == NULL) {
        entry->label = mg_arena_format(arena, "R__%s", entry->name);
    } else if (entry->name[0] == '\0') {
        entry->label = entry->version;
    } else {
        entry->label = mg_arena_format(arena, "%s_%s", entry->version, entry->name);
    }
}

static const char *
text_at(const Reading *reading, const MgResult *result, int row, int column)
{
    return mg_arena_text(reading->arena, mg_result_text(result, row, column));
}

static void
take_row(Reading *reading, const MgResult *result, int row)
{
    MgArena *arena = reading->arena;
    bool is_partial = mg_result_bool(result, row, COLUMN_IS_PARTIAL);
    const char *undone = "reverted";
    MgLogEntry entry = { .at_ms = mg_result_int(result, row, COLUMN_APPLIED_AT),
                         .what = is_partial ? "partial" : "applied",
                         .version = text_at(reading, result, row, COLUMN_VERSION),
                         .name = text_at(reading, result, row, COLUMN_NAME),
                         .kind = text_at(reading, result, row, COLUMN_KIND),
                         .duration_us = mg_result_int(result, row, COLUMN_DURATION),
                         .by = text_at(reading, result, row, COLUMN_BY),
                         .commit = text_at(reading, result, row, COLUMN_COMMIT),
                         .run_url = text_at(reading, result, row, COLUMN_RUN_URL),
                         .environment = text_at(reading, result, row, COLUMN_ENVIRONMENT),
                         .tool = text_at(reading, result, row, COLUMN_TOOL),
                         .row_id = mg_result_int(result, row, COLUMN_ID) };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (entry.kind != NULL && strcmp(entry.kind, kinds[i].kind) == 0) {
            entry.what = kinds[i].what;
            undone = kinds[i].undone;
        }
    }
    name_entry(&entry, arena);
    MG_PUSH(arena, &reading->entries, entry);
    int64_t reverted_at_ms = mg_result_int(result, row, COLUMN_REVERTED_AT);
    if (reverted_at_ms == 0 || mg_result_bool(result, row, COLUMN_IS_REPLACED))
        return;
    MgLogEntry reverted = { .at_ms = reverted_at_ms,
                            .what = undone,
                            .version = entry.version,
                            .name = entry.name,
                            .label = entry.label,
                            .kind = entry.kind,
                            .by = text_at(reading, result, row, COLUMN_REVERTED_BY),
                            .is_undoing = true,
                            .row_id = entry.row_id };
    MG_PUSH(arena, &reading->entries, reverted);
}

static bool
on_result(void *payload, const MgTag *tag, const MgResult *result, MgError *err)
{
    Reading *reading = payload;
    (void)tag;
    if (strcmp(mg_result_sqlstate(result), "42P01") == 0)
        return true; /* no history yet */
    if (mg_result_is_error(result))
        return mg_history_fail_reading(reading->table, result, err);
    for (int row = 0; row < mg_result_n_rows(result); row++)
        take_row(reading, result, row);
    return true;
}

/* The newest first; what has happened at the same moment, by rows, and a revert behind its row. */
static int
compare(const void *a, const void *b)
{
    const MgLogEntry *entry_a = a, *entry_b = b;
    if (entry_a->at_ms != entry_b->at_ms)
        return entry_a->at_ms < entry_b->at_ms ? 1 : -1;
    if (entry_a->row_id != entry_b->row_id)
        return entry_a->row_id < entry_b->row_id ? 1 : -1;
    return entry_b->is_undoing - entry_a->is_undoing;
}

bool
mg_history_log(MgConn *conn, const MgHistoryTable *table, MgArena *arena, MgLogEntry **ret,
               size_t *ret_n, MgError *err)
{
    Reading reading = { .table = table, .arena = arena };
    const MgOp ops[] = { { .kind = MG_OP_QUERY, .sql = log_sql(table, arena) },
                         { .kind = MG_OP_SYNC } };
    if (!mg_conn_run_ops(conn, ops, sizeof ops / sizeof *ops, on_result, &reading, err))
        return false;
    if (reading.entries.n > 0) /* qsort takes no null */
        qsort(reading.entries.items, reading.entries.n, sizeof *reading.entries.items, compare);
    *ret = reading.entries.items;
    *ret_n = reading.entries.n;
    return true;
}
