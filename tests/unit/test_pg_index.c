/* What a CREATE INDEX CONCURRENTLY and a REINDEX say, in the spellings that people use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pg/index.h"

/* "table: name", "-" for a name that the server chooses. */
static const char *
describe(const char *sql, MgArena *arena)
{
    MgIndexBuild build;
    if (!mg_index_build_parse(sql, strlen(sql), arena, &build))
        return "no";
    return mg_arena_format(arena, "%s: %s", build.table, build.name == NULL ? "-" : build.name);
}

static void
test_index__reads_spellings(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *expect;
    } cases[] = {
        { "CREATE INDEX CONCURRENTLY i ON t (a)", "t: i" },
        { "create unique index concurrently i on t using btree (lower(a)) where a > 1", "t: i" },
        { "CREATE INDEX CONCURRENTLY ON t (a)", "t: -" },
        { "CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)", "t: i" },
        { "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON ONLY t (a)", "t: i" },
        { "CREATE INDEX CONCURRENTLY i ON s.t (a)", "s.t: i" },
        { "CREATE INDEX CONCURRENTLY i ON \"S\".\"T x\"(a)", "\"S\".\"T x\": i" },
        { "CREATE INDEX CONCURRENTLY i ON s . t (a)", "s . t: i" },
        { "CREATE INDEX CONCURRENTLY i ON t(a)", "t: i" },
        { "CREATE INDEX CONCURRENTLY i ON t", "t: i" },
        { "CREATE INDEX CONCURRENTLY Orders_By_Day ON Orders (day)", "Orders: orders_by_day" },
        { "CREATE INDEX CONCURRENTLY \"Orders By Day\" ON t (a)", "t: Orders By Day" },
        { "CREATE INDEX CONCURRENTLY \"a\"\"b\" ON t (a)", "t: a\"b" },
        { "CREATE INDEX CONCURRENTLY \"\"\"\" ON t (a)", "t: \"" },
        { "CREATE INDEX CONCURRENTLY \"on\" ON t (a)", "t: on" },
        { "CREATE INDEX CONCURRENTLY gr\xC3\xB6\xC3\x9F"
          "e ON t (a)",
          "t: gr\xC3\xB6\xC3\x9F"
          "e" },
        { "CREATE INDEX CONCURRENTLY caf\xC3\x89_X ON t (a)", "t: caf\xC3\x89_x" },
        { "/* why */ CREATE -- here\n INDEX\r\n\tCONCURRENTLY/**/i ON\n  t (a)", "t: i" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        assert_string_equal(describe(cases[i].sql, &arena), cases[i].expect);
        mg_arena_release(&arena);
    }
}

static void
test_index__is_no_such_statement(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "CREATE",
        "CREATE UNIQUE",
        "CREATE INDEX",
        "CREATE INDEX i ON t (a)",
        "CREATE INDEX CONCURRENTLY",
        "CREATE INDEX CONCURRENTLY i",
        "CREATE INDEX CONCURRENTLY i t (a)",
        "CREATE INDEX CONCURRENTLY i ON",
        "CREATE INDEX CONCURRENTLY i ON ONLY",
        "CREATE INDEX CONCURRENTLY IF",
        "CREATE INDEX CONCURRENTLY IF EXISTS i ON t (a)",
        "CREATE INDEX CONCURRENTLY IF NOT i ON t (a)",
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS",
        "CREATE \"index\" CONCURRENTLY i ON t (a)",
        "CREATE TABLE t (a int)",
        "REINDEX INDEX CONCURRENTLY i",
        "DROP INDEX CONCURRENTLY i",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        assert_string_equal(describe(cases[i], &arena), "no");
        mg_arena_release(&arena);
    }
}

/* Nothing behind the statement's last byte counts, and ret stays as it was. */
static void
test_index__ends_where_told(void **state)
{
    (void)state;
    static const char sql[] = "CREATE INDEX CONCURRENTLY i ON t (a)";
    MgArena arena = { 0 };
    MgIndexBuild build = { .table = "before" };
    assert_false(
        mg_index_build_parse(sql, strlen("CREATE INDEX CONCURRENTLY i ON "), &arena, &build));
    assert_string_equal(build.table, "before");
    assert_true(
        mg_index_build_parse(sql, strlen("CREATE INDEX CONCURRENTLY i ON t"), &arena, &build));
    assert_string_equal(build.table, "t");
    mg_arena_release(&arena);
}

/* "kind name", "-" for the current database. */
static const char *
describe_reindex(const char *sql, MgArena *arena)
{
    MgReindex reindex;
    if (!mg_reindex_parse(sql, strlen(sql), arena, &reindex))
        return "no";
    return mg_arena_format(arena, "%s %s", reindex.kind, reindex.name == NULL ? "-" : reindex.name);
}

static void
test_reindex__reads_spellings(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *expect;
    } cases[] = {
        { "REINDEX INDEX CONCURRENTLY i", "index i" },
        { "reindex table concurrently s.t", "table s.t" },
        { "REINDEX (CONCURRENTLY) INDEX i", "index i" },
        { "REINDEX (VERBOSE, CONCURRENTLY true, TABLESPACE x) TABLE \"T x\"", "table \"T x\"" },
        { "REINDEX (VERBOSE) INDEX CONCURRENTLY s . i", "index s . i" },
        { "REINDEX SCHEMA CONCURRENTLY app", "schema app" },
        { "REINDEX DATABASE CONCURRENTLY shop", "database shop" },
        { "REINDEX SYSTEM shop", "system shop" },
        { "REINDEX DATABASE CONCURRENTLY", "database -" },
        { "REINDEX DATABASE", "database -" },
        { "/* why */ REINDEX -- here\n INDEX\tCONCURRENTLY/**/i", "index i" },
        { "REINDEX INDEX \"concurrently\"", "index \"concurrently\"" },
        { "", "no" },
        { "REINDEX", "no" },
        { "REINDEX (", "no" },
        { "REINDEX (VERBOSE", "no" },
        { "REINDEX (VERBOSE)", "no" },
        { "REINDEX VIEW v", "no" },
        { "REINDEX \"index\" i", "no" },
        { "CREATE INDEX CONCURRENTLY i ON t (a)", "no" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        assert_string_equal(describe_reindex(cases[i].sql, &arena), cases[i].expect);
        mg_arena_release(&arena);
    }
}

static void
test_index__reads_drops(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *expect;
    } cases[] = {
        { "DROP INDEX CONCURRENTLY i", "i" },
        { "drop index concurrently if exists s.\"I x\" restrict", "s.\"I x\"" },
        { "/* why */ DROP -- here\n INDEX\tCONCURRENTLY/**/i CASCADE", "i" },
        { "DROP INDEX CONCURRENTLY", NULL },
        { "DROP INDEX CONCURRENTLY IF", NULL },
        { "DROP INDEX CONCURRENTLY IF EXISTS", NULL },
        { "DROP INDEX i", NULL },
        { "DROP TABLE t", NULL },
        { "", NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        const char *name = mg_index_drop_parse(cases[i].sql, strlen(cases[i].sql), &arena);
        if (cases[i].expect == NULL)
            assert_null(name);
        else
            assert_string_equal(name, cases[i].expect);
        mg_arena_release(&arena);
    }
}

/* The server's words are of any language; the name is whatever somebody called an index. */
static void
test_index__takes_the_name_out_of_an_error(void **state)
{
    (void)state;
    static const struct {
        const char *message, *expect;
    } cases[] = {
        { "invalid input syntax for type integer: \"index: public.i :index\"", "public.i" },
        { "ung\xC3\xBCltige Eingabesyntax f\xC3\xBCr Typ integer: \xC2\xBBindex: a.\"b c\" "
          ":index\xC2\xAB",
          "a.\"b c\"" },
        { "integer: \"index: a.\" :index \" :index\"", "a.\" :index \"" },
        { "integer: \"index: a.\"index: x\" :index\"", "a.\"index: x\"" },
        { "integer: \"index: a.i", NULL },
        { "integer: \"a.i :index\"", NULL },
        { "permission denied for schema a", NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        MgError err = { 0 };
        mg_text_copy(err.message, sizeof err.message, cases[i].message);
        const char *name = mg_index_checked_name(&err, &arena);
        if (cases[i].expect == NULL)
            assert_null(name);
        else
            assert_string_equal(name, cases[i].expect);
        mg_arena_release(&arena);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_index__reads_spellings),
        cmocka_unit_test(test_index__is_no_such_statement),
        cmocka_unit_test(test_index__ends_where_told),
        cmocka_unit_test(test_reindex__reads_spellings),
        cmocka_unit_test(test_index__reads_drops),
        cmocka_unit_test(test_index__takes_the_name_out_of_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
