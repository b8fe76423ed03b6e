/* The second look.  Knows nothing of locks of ours, migrations or plans. */
#include "pg/blockers.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/mask.h"
#include "base/text.h"
#include "sql/catalog.h"

enum {
    CONNECT_MS = 1000,
    ANSWER_MS = 500,
    OPEN_AGAIN_MS = 30 * 1000,
    MAX_FAILURES = 3,
    QUERY_BYTES = 64,     /* of one that is shown */
    COPY_SERVER = 140000, /* pg_stat_progress_copy is there since 14 */
};

/* ---- Progress ---------------------------------------------------------------------- */

/* Shares of the phases, roughly as long as they take; what is not here tells nothing. */
static const struct {
    const char *command, *phase; /* beginnings */
    int from, to;
} phases[] = {
    { "CREATE INDEX CONCURRENTLY", "waiting for writers before build", 0, 0 },
    { "CREATE INDEX CONCURRENTLY", "building index: scanning table", 0, 40 },
    { "CREATE INDEX CONCURRENTLY", "building index: sorting", 40, 40 },
    { "CREATE INDEX CONCURRENTLY", "building index: loading", 40, 60 },
    { "CREATE INDEX CONCURRENTLY", "building index", 0, 60 },
    { "CREATE INDEX CONCURRENTLY", "waiting for writers before validation", 60, 60 },
    { "CREATE INDEX CONCURRENTLY", "index validation: scanning index", 60, 70 },
    { "CREATE INDEX CONCURRENTLY", "index validation: sorting", 70, 70 },
    { "CREATE INDEX CONCURRENTLY", "index validation: scanning table", 70, 99 },
    { "CREATE INDEX CONCURRENTLY", "waiting for", 99, 99 },
    { "REINDEX CONCURRENTLY", "building index: scanning table", 0, 40 },
    { "REINDEX CONCURRENTLY", "building index: sorting", 40, 40 },
    { "REINDEX CONCURRENTLY", "building index: loading", 40, 60 },
    { "REINDEX CONCURRENTLY", "building index", 0, 60 },
    { "REINDEX CONCURRENTLY", "waiting for writers before validation", 60, 60 },
    { "REINDEX CONCURRENTLY", "index validation: scanning index", 60, 70 },
    { "REINDEX CONCURRENTLY", "index validation: sorting", 70, 70 },
    { "REINDEX CONCURRENTLY", "index validation: scanning table", 70, 99 },
    { "REINDEX CONCURRENTLY", "waiting for", 99, 99 },
    { "CREATE INDEX", "building index: scanning table", 0, 70 },
    { "CREATE INDEX", "building index: sorting", 70, 70 },
    { "CREATE INDEX", "building index: loading", 70, 99 },
    { "CREATE INDEX", "building index", 0, 99 },
    { "REINDEX", "building index: scanning table", 0, 70 },
    { "REINDEX", "building index: sorting", 70, 70 },
    { "REINDEX", "building index: loading", 70, 99 },
    { "REINDEX", "building index", 0, 99 },
    { "VACUUM FULL", "seq scanning heap", 0, 60 },
    { "VACUUM FULL", "rebuilding index", 60, 99 },
    { "CLUSTER", "seq scanning heap", 0, 50 },
    { "CLUSTER", "sorting tuples", 50, 50 },
    { "CLUSTER", "writing new heap", 50, 70 },
    { "CLUSTER", "rebuilding index", 70, 99 },
    { "VACUUM", "scanning heap", 0, 70 },
    { "VACUUM", "vacuuming indexes", 70, 70 },
    { "VACUUM", "vacuuming heap", 70, 99 },
    { "ANALYZE", "acquiring sample rows", 0, 80 },
    { "COPY", "", 0, 100 },
};

int
mg_progress_percent(const char *command, const char *phase, int64_t done, int64_t total)
{
    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++) {
        if (!mg_text_starts(command, phases[i].command) || !mg_text_starts(phase, phases[i].phase))
            continue;
        int share = phases[i].to - phases[i].from;
        if (share == 0)
            return phases[i].from;
        if (total <= 0)
            return -1;
        double part = (double)(done > total ? total : done) / (double)total;
        int percent = phases[i].from + (int)(part * share);
        return percent > 99 ? 99 : percent; /* 100 is said by the statement's end */
    }
    return -1;
}

static const char progress_sql[] =
    "SELECT command, phase, CASE WHEN phase " MG_LIKE
    " '%%loading%%' THEN tuples_done ELSE blocks_done"
    " END, CASE WHEN phase " MG_LIKE " '%%loading%%' THEN tuples_total ELSE blocks_total END"
    " FROM pg_catalog.pg_stat_progress_create_index WHERE pid " MG_EQ " %d"
    " UNION ALL SELECT command, phase, heap_blks_scanned, heap_blks_total"
    " FROM pg_catalog.pg_stat_progress_cluster WHERE pid " MG_EQ " %d"
    " UNION ALL SELECT 'VACUUM', phase, CASE WHEN phase " MG_EQ
    " 'scanning heap' THEN heap_blks_scanned"
    " ELSE heap_blks_vacuumed END, heap_blks_total"
    " FROM pg_catalog.pg_stat_progress_vacuum WHERE pid " MG_EQ " %d"
    " UNION ALL SELECT 'ANALYZE', phase, sample_blks_scanned, sample_blks_total"
    " FROM pg_catalog.pg_stat_progress_analyze WHERE pid " MG_EQ " %d";

static const char progress_of_copy_sql[] =
    "%s UNION ALL SELECT 'COPY', '', bytes_processed, bytes_total"
    " FROM pg_catalog.pg_stat_progress_copy WHERE pid " MG_EQ " %d";

/* ---- Who is in the way --------------------------------------------------------------- */

enum { COLUMN_PID, COLUMN_NAME, COLUMN_STATE, COLUMN_AGE, COLUMN_QUERY, COLUMN_N };

/*
 * Of several the one that waits for nobody itself: it is the reason.  A
 * prepared transaction shows as pid 0.
 */
static const char *
blockers_sql(int backend_pid, MgArena *arena)
{
    return mg_arena_format(
        arena,
        "SELECT b.pid, coalesce(CASE WHEN a.application_name " MG_NE
        " '' THEN a.application_name END,"
        " CASE WHEN a.backend_type " MG_NE
        " 'client backend' THEN a.backend_type END, a.usename, ''), a.state,"
        " (extract(epoch FROM pg_catalog.clock_timestamp() " MG_MINUS " a.xact_start)::numeric"
        " " MG_TIMES " 1000000::numeric)::bigint,"
        " pg_catalog.left(coalesce(a.query, ''), 2000), pg_catalog.count(*) OVER ()"
        " FROM (SELECT DISTINCT u.pid FROM"
        " pg_catalog.unnest(pg_catalog.pg_blocking_pids(%d)) u(pid)) b"
        " LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid " MG_EQ " b.pid"
        " ORDER BY pg_catalog.cardinality(pg_catalog.pg_blocking_pids(b.pid)), a.xact_start"
        " LIMIT 1",
        backend_pid);
}

/* In one line.  Masked before it is cut: the end of a password may be what tells it. */
static void
show_query(const char *query, char ret[QUERY_BYTES])
{
    MG_CLEANUP(buf) MgBuf masked = { 0 };
    MG_CLEANUP(buf) MgBuf line = { 0 };
    mg_buf_add(&masked, query);
    mg_mask_passwords(masked.text, masked.size_bytes);
    for (const char *at = mg_buf_text(&masked); *at != '\0'; at++) {
        bool is_blank = strchr(" \t\r\n\f\v", *at) != NULL;
        if (!is_blank)
            mg_buf_add_char(&line, *at);
        else if (line.size_bytes > 0 && line.text[line.size_bytes - 1] != ' ')
            mg_buf_add_char(&line, ' ');
    }
    while (line.size_bytes > 0 && strchr("; ", line.text[line.size_bytes - 1]) != NULL)
        line.text[--line.size_bytes] = '\0';
    mg_text_copy(ret, QUERY_BYTES, mg_buf_text(&line));
}

/* The server says nothing of others' sessions to a role without the right to see them. */
static void
describe_blocker(const MgResult *result, MgSight *ret)
{
    const char *state = mg_result_text(result, 0, COLUMN_STATE);
    const char *query = mg_result_text(result, 0, COLUMN_QUERY);
    char age[32];
    MG_CLEANUP(buf) MgBuf text = { 0 };

    mg_text_duration(mg_result_int(result, 0, COLUMN_AGE), age, sizeof age);
    ret->blocker_pid = (int)mg_result_int(result, 0, COLUMN_PID);
    ret->n_blockers = (int)mg_result_int(result, 0, COLUMN_N);
    if (ret->blocker_pid == 0)
        mg_buf_add(&text, "a prepared transaction");
    else
        mg_buf_format(&text, "pid %d (%s)", ret->blocker_pid,
                      mg_result_text(result, 0, COLUMN_NAME));
    if (state != NULL && strcmp(state, "active") != 0)
        mg_buf_format(&text, ", %s for %s", state, age);
    else if (state != NULL && mg_result_int(result, 0, COLUMN_AGE) > 0)
        mg_buf_format(&text, ", at work for %s", age);
    if (state != NULL && query[0] != '\0') {
        char shown[QUERY_BYTES];
        show_query(query, shown);
        mg_buf_format(&text, ": %s", shown);
    }
    if (ret->n_blockers > 1)
        mg_buf_format(&text, "; and %d more", ret->n_blockers - 1);
    mg_text_copy(ret->blocker, sizeof ret->blocker, mg_buf_text(&text));
}

/* ---- Looking --------------------------------------------------------------------------- */

enum { OP_BLOCKERS, OP_PROGRESS, N_OPS };

static bool
on_result(void *payload, const MgTag *tag, const MgResult *result, MgError *err)
{
    MgSight *sight = payload;
    if (mg_result_is_error(result))
        return mg_result_fail(result, MG_E_SERVER, err);
    if (mg_result_n_rows(result) == 0)
        return true;
    if (tag->item == OP_BLOCKERS)
        describe_blocker(result, sight);
    else
        sight->percent =
            mg_progress_percent(mg_result_text(result, 0, 0), mg_result_text(result, 0, 1),
                                mg_result_int(result, 0, 2), mg_result_int(result, 0, 3));
    return true;
}

static bool
open_watch(MgWatch *watch)
{
    MgConnOptions options = { .url = watch->options->url,
                              .application_name = "migrate/" MG_VERSION " watch",
                              .cancel_fd = watch->options->cancel_fd,
                              .like = watch->watched,
                              .attempt_ms = CONNECT_MS,
                              .on_statement = watch->options->on_statement,
                              .payload = watch->options->payload };
    MgError ignored; /* nothing can be seen, which is all it means */
    return mg_conn_open(&options, &watch->conn, &ignored);
}

static bool
ask(MgWatch *watch, MgSight *ret)
{
    MgArena arena = { 0 };
    int pid = watch->backend_pid;
    const char *progress = mg_arena_format(&arena, progress_sql, pid, pid, pid, pid);
    if (mg_conn_server_version(watch->conn) >= COPY_SERVER)
        progress = mg_arena_format(&arena, progress_of_copy_sql, progress, pid);
    const MgOp ops[N_OPS] = {
        [OP_BLOCKERS] = { .kind = MG_OP_QUERY, .sql = blockers_sql(pid, &arena) },
        [OP_PROGRESS] = { .kind = MG_OP_QUERY, .sql = progress },
    };
    MgSight sight = { .percent = -1 };
    MgError ignored; /* as above */
    bool is_late = false;
    bool is_ok =
        mg_conn_probe(watch->conn, ops, N_OPS, on_result, &sight, ANSWER_MS, &is_late, &ignored) &&
        !is_late;
    mg_arena_release(&arena);
    if (is_ok)
        *ret = sight;
    return is_ok;
}

bool
mg_watch_look(MgWatch *watch, MgSight *ret)
{
    if (watch->options == NULL || watch->n_failures >= MAX_FAILURES)
        return false;
    if (watch->conn == NULL && mg_clock_ms() < watch->next_open_ms)
        return false;
    if ((watch->conn != NULL || open_watch(watch)) && ask(watch, ret)) {
        watch->n_failures = 0;
        return true;
    }
    watch->n_failures++;
    watch->next_open_ms = mg_clock_ms() + OPEN_AGAIN_MS;
    mg_watch_close(watch);
    return false;
}

void
mg_watch_close(MgWatch *watch)
{
    mg_conn_close(watch->conn);
    watch->conn = NULL;
}
