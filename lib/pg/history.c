/* The history table and its SQL.  Knows nothing of plans' reasons or files. */
#include "pg/history.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "sql/catalog.h"
#include "sql/quote.h"

#define DEFAULT_SCHEMA "migrate"
#define DEFAULT_TABLE "history"

enum {
    MAX_NAME_BYTES = 63, /* PostgreSQL cuts longer identifiers */
};

bool
mg_history_table_parse(const char *text, MgArena *arena, MgHistoryTable *ret, MgError *err)
{
    if (text == NULL)
        text = DEFAULT_SCHEMA "." DEFAULT_TABLE;
    const char *dot = strchr(text, '.');
    size_t schema_bytes = dot == NULL ? 0 : (size_t)(dot - text);
    size_t table_bytes = dot == NULL ? 0 : strlen(dot + 1);
    if (schema_bytes == 0 || table_bytes == 0 || schema_bytes > MAX_NAME_BYTES ||
        table_bytes > MAX_NAME_BYTES || strchr(dot + 1, '.') != NULL ||
        strpbrk(text, "\"'\\") != NULL) {
        mg_fail(err, MG_E_USAGE, "\"%s\" does not name a history table", text);
        mg_error_hint(err, "Write it as schema.table, for example --history app.migrations.");
        return false;
    }
    MgHistoryTable table = { .shown = mg_arena_text(arena, text),
                             .schema = mg_arena_text_n(arena, text, schema_bytes),
                             .table = mg_arena_text(arena, dot + 1) };
    table.sql = mg_arena_format(arena, "%s.%s", mg_sql_identifier(table.schema, arena),
                                mg_sql_identifier(table.table, arena));
    table.is_default = strcmp(table.schema, DEFAULT_SCHEMA) == 0;
    *ret = table;
    return true;
}

/* ---- Reading --------------------------------------------------------------- */

enum {
    FACT_EXISTS,
    FACT_HAS_SCHEMA,
    FACT_HIDES_ROWS,
    FACT_IS_EMPTY,
    FACT_COMMENT,
    FACT_IS_SHARED,
};

/* Before 14 obj_description() is SQL that is read with the session's search_path. */
static const char comment_sql[] =
    "(SELECT t.description FROM pg_catalog.pg_description t WHERE t.objoid " MG_EQ " %s"
    " AND t.classoid " MG_EQ
    " 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND t.objsubid " MG_EQ " 0)";

const char *
mg_history_facts_sql(const MgHistoryTable *table, MgArena *arena)
{
    /*
     * Empty: no table of the user's own; an extension's and another history do not count.  What a
     * database is made with, but schema public, has numbers below 16384.  Every run plans this, and
     * what a plan looks up for a join or an IN makes each later change of a table cost more.
     */
    return mg_arena_format(
        arena,
        "SELECT h.oid IS NOT NULL, pg_catalog.to_regnamespace(%s) IS NOT NULL,"
        " coalesce(pg_catalog.row_security_active(h.oid), false),"
        " CASE WHEN h.oid IS NULL THEN NOT EXISTS (SELECT FROM pg_catalog.pg_class c"
        " WHERE (c.relnamespace " MG_EQ " 2200::pg_catalog.oid OR c.relnamespace " MG_GE
        " 16384::pg_catalog.oid) AND (c.relkind " MG_EQ " 'r' OR c.relkind " MG_EQ " 'p')"
        " AND c.relpersistence " MG_NE " 't' AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d"
        " WHERE d.classid " MG_EQ
        " 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND d.objid " MG_EQ " c.oid"
        " AND d.deptype " MG_EQ " 'e' OFFSET 0) AND NOT coalesce(%s, '') " MG_LIKE
        " '" MG_HISTORY_LAYOUT_COMMENT "%%') END, %s,"
        " EXISTS (SELECT FROM pg_catalog.pg_default_acl)"
        " OR EXISTS (SELECT FROM pg_catalog.pg_event_trigger)"
        " FROM (SELECT pg_catalog.to_regclass(%s)::pg_catalog.oid AS oid) h",
        mg_sql_literal(mg_sql_identifier(table->schema, arena), arena),
        mg_arena_format(arena, comment_sql, "c.oid"), mg_arena_format(arena, comment_sql, "h.oid"),
        mg_sql_literal(table->sql, arena));
}

/* Of an answer.  Each value of each row costs memory and time, so numbers come in one. */
enum {
    ROW_NUMBERS,
    ROW_VERSION,
    ROW_NAME,
    ROW_KIND,
    ROW_UP_DIGEST,
    ROW_TOKEN_DIGEST,
    ROW_DOWN_DIGEST,
    ROW_BY,
    ROW_COMMIT,
    ROW_DOWN_SCRIPT, /* where it is wanted */
};

/* Behind the numbers stand the digests of what is done of a half-run one, or this. */
#define NO_DIGEST "-"

const char *
mg_history_rows_sql(const MgHistoryTable *table, int n_down, MgArena *arena)
{
    const char *down = "";
    if (n_down > 0)
        down = mg_arena_format(arena,
                               ", CASE WHEN pg_catalog.row_number() OVER (PARTITION BY kind " MG_EQ
                               " 'repeatable' ORDER BY id DESC) " MG_LE
                               " %d THEN down_script END AS down",
                               n_down);
    /* A column that an older layout lacks is that of "absent": names mean the innermost table. */
    return mg_arena_format(
        arena,
        "SELECT r.numbers, r.version, r.name, r.kind, r.up_digest, r.token_digest, r.down_digest,"
        " r.applied_by, r.git_commit%s FROM (SELECT 0 AS down_statements, 0 AS down_started,"
        " 0 AS down_done, NULL::pg_catalog.text AS down_prefix_digest) absent CROSS JOIN LATERAL ("
        "SELECT id, version, name, kind, up_digest, token_digest, down_digest, applied_by,"
        " git_commit%s,"
        /* Null is left out by it, and what stands behind would be taken for another number. */
        " pg_catalog.concat_ws(' ', id, coalesce(statements, 0), coalesce(statements_started, 0),"
        " coalesce(statements_done, 0),"
        /* Of ten thousand rows; numeric, which extract gives, takes twice as long. */
        " coalesce((pg_catalog.date_part('epoch', applied_at) " MG_TIMES
        " 1000::float)::bigint, 0),"
        " coalesce((pg_catalog.date_part('epoch', duration) " MG_TIMES
        " 1000000::float)::bigint, 0),"
        " coalesce(down_statements, 0), coalesce(down_started, 0), coalesce(down_done, 0),"
        /* Whatever a down script took along may have been a repeatable's. */
        " CASE WHEN kind " MG_EQ " 'repeatable' AND applied_at " MG_LT
        " (SELECT pg_catalog.max(g.reverted_at) FROM %s g"
        " WHERE g.version IS NOT NULL AND g.kind " MG_NE " '" MG_HISTORY_CLAIM_KIND "')"
        " THEN 1 ELSE 0 END, coalesce(prefix_digest, '" NO_DIGEST
        "'), coalesce(down_prefix_digest, '" NO_DIGEST "')) AS numbers"
        " FROM %s WHERE reverted_at IS NULL) r ORDER BY r.id",
        n_down > 0 ? ", r.down" : "", down, table->sql, table->sql);
}

static int
parse_layout(const char *comment)
{
    const char *at = comment == NULL ? NULL : strstr(comment, MG_HISTORY_LAYOUT_COMMENT);
    int layout = 0;
    if (at == NULL)
        return 0;
    for (at += sizeof MG_HISTORY_LAYOUT_COMMENT - 1; *at >= '0' && *at <= '9' && layout < 10000;
         at++)
        layout = layout * 10 + (*at - '0');
    return layout;
}

bool
mg_history_take_facts(const MgHistoryTable *table, const MgResult *result, MgHistoryFacts *ret,
                      MgError *err)
{
    if (mg_result_is_error(result))
        return mg_history_fail_reading(table, result, err);

    MgHistoryFacts facts = { .exists = mg_result_bool(result, 0, FACT_EXISTS),
                             .has_schema = mg_result_bool(result, 0, FACT_HAS_SCHEMA),
                             .hides_rows = mg_result_bool(result, 0, FACT_HIDES_ROWS),
                             .is_database_empty = mg_result_bool(result, 0, FACT_IS_EMPTY),
                             .is_shared = mg_result_bool(result, 0, FACT_IS_SHARED),
                             .layout = parse_layout(mg_result_text(result, 0, FACT_COMMENT)) };
    if (facts.layout > MG_HISTORY_LAYOUT) {
        mg_fail(err, MG_E_HISTORY, "history table \"%s\" has layout %d, this program knows %d",
                table->shown, facts.layout, MG_HISTORY_LAYOUT);
        mg_error_hint(err, "A newer migrate has worked here: use that version or a later one.");
        mg_error_note(err, "nothing was applied");
        return false;
    }
    if (!facts.exists && !facts.has_schema && !table->is_default) {
        mg_fail(err, MG_E_HISTORY, "schema \"%s\" of the history table does not exist",
                table->schema);
        mg_error_hint(err, "Make it first, or keep the history elsewhere: --history schema.table");
        mg_error_note(err, "nothing was applied");
        return false;
    }
    if (facts.hides_rows) {
        mg_fail(err, MG_E_HISTORY, "row security on \"%s\" hides rows from this role",
                table->shown);
        mg_error_detail(err, "A history that looks empty would apply every migration again.");
        mg_error_hint(err,
                      "Run as the table's owner, or: ALTER TABLE %s DISABLE ROW LEVEL "
                      "SECURITY;",
                      table->shown);
        mg_error_note(err, "nothing was applied");
        return false;
    }
    *ret = facts;
    return true;
}

static int64_t
take_number(const char **at)
{
    bool is_negative = **at == '-';
    uint64_t number = 0;
    for (*at += is_negative; **at >= '0' && **at <= '9'; ++*at)
        number = number * 10 + (uint64_t)(**at - '0');
    *at += **at == ' ';
    return (int64_t)(is_negative ? 0 - number : number);
}

static const char *
take_prefix(const char **at, MgArena *arena)
{
    size_t n = strcspn(*at, " ");
    const char *begin = *at;
    *at += n;
    *at += **at == ' ';
    return strncmp(begin, NO_DIGEST, n) == 0 ? NULL : mg_arena_text_n(arena, begin, n);
}

static MgClaim
make_claim(const MgApplied *row)
{
    bool is_ours = row->version != NULL && mg_text_starts(row->version, MG_HISTORY_CLAIM_VERSION);
    return (MgClaim){ .id = row->id,
                      .hosts = is_ours ? row->version + strlen(MG_HISTORY_CLAIM_VERSION) : "",
                      .environment = row->name,
                      .at_ms = row->applied_at_ms,
                      .by = row->applied_by };
}

/* Its texts are the result's. */
static MgApplied
take_row(const MgResult *result, int row, MgArena *arena)
{
    const char *at = mg_result_text(result, row, ROW_NUMBERS);
    MgApplied ret = { .id = take_number(&at) };
    ret.n_statements = (int)take_number(&at);
    ret.n_statements_started = (int)take_number(&at);
    ret.n_statements_done = (int)take_number(&at);
    ret.applied_at_ms = take_number(&at);
    ret.duration_us = take_number(&at);
    ret.down.n_statements = (int)take_number(&at);
    ret.down.n_started = (int)take_number(&at);
    ret.down.n_done = (int)take_number(&at);
    ret.is_stale = take_number(&at) != 0;
    ret.prefix_digest = take_prefix(&at, arena);
    ret.down.prefix_digest = take_prefix(&at, arena);
    ret.version = mg_result_text(result, row, ROW_VERSION);
    ret.name = mg_result_text(result, row, ROW_NAME);
    ret.kind = mg_kind_of(mg_result_text(result, row, ROW_KIND));
    ret.digest = mg_result_text(result, row, ROW_UP_DIGEST);
    ret.token_digest = mg_result_text(result, row, ROW_TOKEN_DIGEST);
    ret.down_digest = mg_result_text(result, row, ROW_DOWN_DIGEST);
    ret.applied_by = mg_result_text(result, row, ROW_BY);
    ret.commit = mg_result_text(result, row, ROW_COMMIT);
    if (mg_result_n_columns(result) > ROW_DOWN_SCRIPT)
        ret.down_text = mg_result_text(result, row, ROW_DOWN_SCRIPT);
    return ret;
}

/* Somebody may have written to the table by hand: what no run writes is not guessed at. */
static bool
check_row(const MgHistoryTable *table, const MgApplied *row, const char *kind, MgError *err)
{
    bool is_known = kind != NULL && (strcmp(kind, mg_kind_name(row->kind)) == 0 ||
                                     strcmp(kind, MG_HISTORY_CLAIM_KIND) == 0);
    if (!is_known)
        mg_fail(err, MG_E_HISTORY,
                "row %" PRId64 " of history table \"%s\" is of no known kind: \"%s\"", row->id,
                table->shown, kind == NULL ? "" : kind);
    else if (row->name == NULL || (row->version == NULL && row->kind != MG_REPEATABLE))
        mg_fail(err, MG_E_HISTORY, "row %" PRId64 " of history table \"%s\" has no %s", row->id,
                table->shown, row->name == NULL ? "name" : "version");
    else
        return true;
    mg_error_detail(err, "No run writes such a row.");
    mg_error_hint(err, "Take back what was changed in the table by hand.");
    mg_error_note(err, "nothing was applied");
    return false;
}

bool
mg_history_take_rows(const MgHistoryTable *table, const MgResult *result, MgArena *arena,
                     MgHistory *ret, MgError *err)
{
    MgHistory history = { 0 };

    if (strcmp(mg_result_sqlstate(result), "42P01") == 0) {
        *ret = history;
        return true;
    }
    if (mg_result_is_error(result))
        return mg_history_fail_reading(table, result, err);

    history.exists = true;
    history.cap = (size_t)mg_result_n_rows(result);
    history.items = mg_arena_room(arena, history.cap, sizeof *history.items);
    mg_result_keep(result, arena);
    for (int row = 0; row < mg_result_n_rows(result); row++) {
        const char *kind = mg_result_text(result, row, ROW_KIND);
        MgApplied *item = &history.items[history.n];
        *item = take_row(result, row, arena);
        if (!check_row(table, item, kind, err))
            return false;
        if (strcmp(kind, MG_HISTORY_CLAIM_KIND) == 0)
            MG_PUSH(arena, &history.claims, make_claim(item));
        else
            history.n++;
    }
    *ret = history;
    return true;
}

/* ---- Rows ------------------------------------------------------------------ */

void
mg_history_record_params(const MgRecord *record, MgArena *arena,
                         const char *params[MG_FINISH_PARAMS])
{
    const MgMigration *migration = record->migration;
    const MgScript *up = migration->up;
    int n = 0;

    params[n++] = migration->version;
    params[n++] = migration->name;
    params[n++] = mg_kind_name(migration->kind);
    params[n++] = up->digest;
    params[n++] = up->token_digest;
    params[n++] = record->down_text;
    params[n++] = migration->down_digest;
    params[n++] = mg_arena_format(arena, "%d", up->n_statements);
    params[n++] = mg_arena_format(arena, "%d", record->n_statements_started);
    params[n++] = mg_arena_format(arena, "%d", record->n_statements_done);
    params[n++] = record->prefix_digest[0] == '\0' ? NULL : record->prefix_digest;
    params[n++] = mg_arena_format(arena, "%" PRId64, record->awaited_us);
    params[n++] = mg_history_key(migration, record->row_id, arena);
    assert(n == MG_FINISH_PARAMS);
}

/* Exactly one row must have been changed: anything else fails at run time, so nothing commits. */
#define ONE_ROW                                                                                    \
    " SELECT CASE WHEN pg_catalog.count(*) " MG_EQ " 1 THEN pg_catalog.max(duration_us) "          \
    "ELSE " MG_HISTORY_NO_ROW " END FROM changed"
#define DURATION                                                                                   \
    " RETURNING (pg_catalog.date_part('epoch', duration) " MG_TIMES " 1000000::float)::bigint AS " \
    "duration_us)"

/* The values of the columns that are the same in every row of a run. */
static const char *
values_of(const MgRecorder *by, MgArena *arena)
{
    return mg_arena_format(arena, "%s, %s, %s, %s, '" MG_VERSION "'",
                           mg_sql_literal(by->applied_by, arena), mg_sql_literal(by->commit, arena),
                           mg_sql_literal(by->run_url, arena),
                           mg_sql_literal(by->environment, arena));
}

const char *
mg_history_record_sql(const MgHistoryTable *table, const char *fence_sql, const MgRecorder *by,
                      MgRecordKind kind, MgArena *arena)
{
    const char *begin = "pg_catalog.now()";
    if (kind == MG_RECORD_OF_ALL)
        begin = mg_arena_format(arena,
                                "greatest(pg_catalog.now(), (SELECT b.applied_at FROM %s b"
                                " ORDER BY b.id DESC LIMIT 1))",
                                table->sql);
    bool is_mark = kind == MG_RECORD_FIRST_MARK;
    /* Every migration starts this plan, and what is in it costs more than the row: so no more
     * parameters than differ, and a sub-select instead of aggregates. */
    return mg_arena_format(
        arena,
        "WITH changed AS ("
        "INSERT INTO %s (version, name, kind, up_digest, token_digest, down_script, down_digest,"
        " statements, statements_started, statements_done, prefix_digest, applied_by, git_commit,"
        " run_url, environment, tool_version, duration)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, %s, %s, CASE WHEN %s THEN"
        " (pg_catalog.clock_timestamp() " MG_MINUS " %s)%s END)" DURATION
        " SELECT coalesce((SELECT duration_us FROM changed), " MG_HISTORY_NO_ROW ")",
        table->sql, is_mark ? "$9, $10, $11" : "$8, $8, NULL", values_of(by, arena), fence_sql,
        begin, is_mark ? " " MG_PLUS " ($12::float " MG_TIMES " interval '1 microsecond')" : "");
}

const char *
mg_history_close_sql(const MgHistoryTable *table, MgArena *arena)
{
    return mg_arena_format(arena,
                           "UPDATE %s SET reverted_at = pg_catalog.clock_timestamp(),"
                           " reverted_by = $2 WHERE version IS NULL AND name " MG_EQ
                           " $1::pg_catalog.text"
                           " AND reverted_at IS NULL",
                           table->sql);
}

/* The live row of a key as mg_history_key writes it. */
#define ROW_OF(key)                                                                                \
    " WHERE (" key " " MG_EQ " ('#' " MG_CAT " id::pg_catalog.text) OR " key " " MG_EQ             \
    " coalesce(version, 'R:' " MG_CAT " name)) AND reverted_at IS NULL"

const char *
mg_history_progress_sql(const MgHistoryTable *table, const char *fence_sql, MgArena *arena)
{
    return mg_arena_format(
        arena,
        "WITH changed AS (UPDATE %s SET statements_started = $2, statements_done = $3,"
        " duration = duration " MG_PLUS " (pg_catalog.clock_timestamp() " MG_MINUS
        " pg_catalog.now())"
        " " MG_PLUS " ($4::float " MG_TIMES " interval '1 microsecond'), prefix_digest = "
        "$5" ROW_OF("$1::pg_catalog.text") " AND %s" DURATION ONE_ROW,
        table->sql, fence_sql);
}

const char *
mg_history_down_progress_sql(const MgHistoryTable *table, const char *fence_sql, MgArena *arena)
{
    return mg_arena_format(
        arena,
        "WITH changed AS (UPDATE %s SET down_statements = $2, down_started = $3,"
        " down_done = $4, down_prefix_digest = $5 WHERE id " MG_EQ " $1::bigint"
        " AND reverted_at IS NULL AND %s"
        " RETURNING (pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() " MG_MINUS
        " pg_catalog.now()) " MG_TIMES " 1000000::float)::bigint AS duration_us)" ONE_ROW,
        table->sql, fence_sql);
}

const char *
mg_history_finish_sql(const MgHistoryTable *table, const char *fence_sql, const MgRecorder *by,
                      MgArena *arena)
{
    return mg_arena_format(
        arena,
        "WITH changed AS (UPDATE %s SET version = $1, name = $2, kind = $3, up_digest = $4,"
        " token_digest = $5, down_script = $6, down_digest = $7, statements = $8,"
        " statements_started = $9, statements_done = $10, prefix_digest = $11,"
        " (applied_by, git_commit, run_url, environment, tool_version) = ROW (%s),"
        " duration = duration " MG_PLUS " (pg_catalog.clock_timestamp() " MG_MINUS
        " pg_catalog.now()) " MG_PLUS " ($12::float " MG_TIMES
        " interval '1 microsecond')" ROW_OF("$13::pg_catalog.text") " AND %s" DURATION ONE_ROW,
        table->sql, values_of(by, arena), fence_sql);
}

const char *
mg_history_revert_sql(const MgHistoryTable *table, const char *fence_sql, MgArena *arena)
{
    return mg_arena_format(
        arena,
        "WITH changed AS (UPDATE %s SET reverted_at = pg_catalog.clock_timestamp(),"
        " reverted_by = $2 WHERE id " MG_EQ " $1::bigint AND reverted_at IS NULL AND %s"
        " RETURNING (pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() " MG_MINUS
        " pg_catalog.now()) " MG_TIMES " 1000000::float)::bigint " MG_PLUS
        " $3::bigint AS duration_us)" ONE_ROW,
        table->sql, fence_sql);
}

const char *
mg_history_repair_sql(const MgHistoryTable *table, int64_t row_id, const MgChange *changes,
                      size_t n_changes, const char *fence_sql, MgArena *arena)
{
    MG_CLEANUP(buf) MgBuf set = { 0 };
    MG_CLEANUP(buf) MgBuf where = { 0 };
    for (size_t i = 0; i < n_changes; i++) {
        mg_buf_format(&set, "%s%s = %s", i == 0 ? "" : ", ", changes[i].column,
                      mg_sql_literal(changes[i].to, arena));
        if (!changes[i].is_blind)
            mg_buf_format(&where,
                          changes[i].from == NULL ? " AND %s IS NULL" : " AND %s " MG_EQ " %s",
                          changes[i].column, mg_sql_literal(changes[i].from, arena));
    }
    return mg_arena_format(arena,
                           "WITH changed AS (UPDATE %s SET %s WHERE id " MG_EQ " %" PRId64
                           " AND reverted_at IS NULL%s AND %s"
                           " RETURNING 0::bigint AS duration_us)" ONE_ROW,
                           table->sql, mg_buf_text(&set), row_id, mg_buf_text(&where), fence_sql);
}

const char *
mg_history_release_sql(const MgHistoryTable *table, int64_t id, const char *by,
                       const char *fence_sql, MgArena *arena)
{
    return mg_arena_format(arena,
                           "WITH changed AS (UPDATE %s SET reverted_at ="
                           " pg_catalog.clock_timestamp(), reverted_by = %s WHERE id " MG_EQ
                           " %" PRId64 " AND kind " MG_EQ " '" MG_HISTORY_CLAIM_KIND
                           "' AND reverted_at IS NULL AND %s"
                           " RETURNING 0::bigint AS duration_us)" ONE_ROW,
                           table->sql, mg_sql_literal(by, arena), id, fence_sql);
}

const char *
mg_history_key(const MgMigration *migration, int64_t row_id, MgArena *arena)
{
    if (row_id != 0)
        return mg_arena_format(arena, "#%" PRId64, row_id);
    return migration->version != NULL ? migration->version
                                      : mg_arena_format(arena, "R:%s", migration->name);
}
