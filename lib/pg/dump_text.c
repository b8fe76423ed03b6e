/* What pg_dump writes, and the history behind it, as text.  Pure. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "pg/dump.h"
#include "sql/quote.h"

/* Without the settings that come and go with versions: they are about big data and long waits. */
static const char head[] = "--\n"
                           "-- The schema and the history of its migrations, by \"migrate dump\"\n"
                           "--\n"
                           "\n"
                           "SET client_encoding = 'UTF8';\n"
                           "SET standard_conforming_strings = on;\n"
                           "SET search_path = '';\n"
                           "SET check_function_bodies = false;\n"
                           "SET xmloption = content;\n"
                           "SET client_min_messages = warning;\n";

/* The lines of pg_dump's head, which ours stands for. */
static const char *const known_heads[] = {
    "--",
    "\\restrict ",
    "SET ",
    "SELECT pg_catalog.set_config('search_path'",
};

static bool
is_known_head(const char *line, size_t size_bytes)
{
    if (size_bytes == 0)
        return true;
    for (size_t i = 0; i < sizeof known_heads / sizeof *known_heads; i++) {
        size_t known_bytes = strlen(known_heads[i]);
        if (size_bytes >= known_bytes && memcmp(line, known_heads[i], known_bytes) == 0)
            return true;
    }
    return false;
}

static size_t
line_bytes(const char *text, size_t begin, size_t end)
{
    const char *found = memchr(text + begin, '\n', end - begin);
    return found == NULL ? end - begin : (size_t)(found - (text + begin));
}

static bool
begins_with(const char *text, size_t begin, size_t end, const char *prefix)
{
    size_t prefix_bytes = strlen(prefix);
    return end - begin >= prefix_bytes && memcmp(text + begin, prefix, prefix_bytes) == 0;
}

/* Where the last comment of pg_dump stands; the end when there is none. */
static size_t
find_tail(const char *text, size_t size_bytes)
{
    static const char tail[] = "--\n-- PostgreSQL database dump complete\n";
    size_t found = size_bytes;
    for (size_t at = 0; at < size_bytes; at += line_bytes(text, at, size_bytes) + 1)
        if (begins_with(text, at, size_bytes, tail))
            found = at;
    return found;
}

void
mg_dump_add_schema(const char *text, size_t size_bytes, MgBuf *ret)
{
    size_t end = find_tail(text, size_bytes), at = 0;
    mg_buf_add(ret, head);
    while (at < end && !begins_with(text, at, end, "--\n-- Name: ")) {
        size_t n = line_bytes(text, at, end);
        if (!is_known_head(text + at, n)) {
            mg_buf_add_n(ret, text + at, n);
            mg_buf_add_char(ret, '\n');
        }
        at += n + 1;
    }
    while (end > at && text[end - 1] == '\n')
        end--;
    if (at >= end)
        return;
    mg_buf_add_char(ret, '\n');
    mg_buf_add_n(ret, text + at, end - at);
    mg_buf_add_char(ret, '\n');
}

/* Versioned ones by version, then repeatables by name: the order of the files. */
static int
compare_rows(const void *a, const void *b)
{
    const MgApplied *left = *(const MgApplied *const *)a, *right = *(const MgApplied *const *)b;
    if ((left->version == NULL) != (right->version == NULL))
        return left->version == NULL ? 1 : -1;
    int order = left->version == NULL ? 0 : mg_version_compare(left->version, right->version);
    return order != 0 ? order : strcmp(left->name, right->name);
}

static void
add_text(MgBuf *ret, const char *text, MgArena *arena)
{
    mg_buf_format(ret, ", %s", mg_sql_literal(text, arena));
}

/* When, by whom and with what it was applied is another story in each database. */
static void
add_row(const MgHistoryTable *table, const MgApplied *row, MgArena *arena, MgBuf *ret)
{
    mg_buf_format(ret,
                  "INSERT INTO %s (version, name, kind, up_digest, token_digest, down_script,"
                  " down_digest,\n    statements, statements_started, statements_done,"
                  " prefix_digest, applied_by, tool_version)\nVALUES (%s",
                  table->sql, mg_sql_literal(row->version, arena));
    add_text(ret, row->name, arena);
    add_text(ret, mg_kind_name(row->kind), arena);
    add_text(ret, row->digest, arena);
    add_text(ret, row->token_digest, arena);
    add_text(ret, row->down_text, arena);
    add_text(ret, row->down_digest, arena);
    mg_buf_format(ret, ",\n    %d, %d, %d", row->n_statements, row->n_statements_started,
                  row->n_statements_done);
    add_text(ret, row->prefix_digest, arena);
    mg_buf_add(ret, ", 'migrate dump', 'dump');\n");
}

void
mg_dump_add_history(const MgHistoryTable *table, const MgHistory *history, MgArena *arena,
                    MgBuf *ret)
{
    const MgApplied **rows = mg_arena_alloc_array(arena, history->n + 1, sizeof *rows);
    for (size_t i = 0; i < history->n; i++)
        rows[i] = &history->items[i];
    if (history->n > 0)
        qsort(rows, history->n, sizeof *rows, compare_rows);
    mg_buf_format(ret, "\n\n--\n-- Migrations that are applied here, for %s\n--\n\n", table->shown);
    for (size_t i = 0; i < history->n; i++)
        add_row(table, rows[i], arena, ret);
    mg_buf_format(
        ret, "%s--\n-- Default privileges of this server may have given it to others\n--\n\n%s;\n",
        history->n > 0 ? "\n" : "", mg_history_revoke_sql(table, arena));
}
