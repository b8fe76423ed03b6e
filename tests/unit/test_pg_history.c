/* The name of the history table, and the keys of its rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pg/history.h"

#define NAME_63 "a23456789_123456789_123456789_123456789_123456789_123456789_123"

static void
test_history__table_names(void **state)
{
    (void)state;
    static const struct {
        const char *text, *schema, *table, *sql;
        bool is_default;
    } cases[] = {
        { NULL, "migrate", "history", "\"migrate\".\"history\"", true },
        { "migrate.history", "migrate", "history", "\"migrate\".\"history\"", true },
        { "migrate.other", "migrate", "other", "\"migrate\".\"other\"", true },
        { "app.migrations", "app", "migrations", "\"app\".\"migrations\"", false },
        { "App.Schema_Version", "App", "Schema_Version", "\"App\".\"Schema_Version\"", false },
        { "my app.the table", "my app", "the table", "\"my app\".\"the table\"", false },
        { "s.\xC3\xB6", "s", "\xC3\xB6", "\"s\".\"\xC3\xB6\"", false },
        { NAME_63 "." NAME_63, NAME_63, NAME_63, "\"" NAME_63 "\".\"" NAME_63 "\"", false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        MgHistoryTable table;
        MgError err;
        assert_true(mg_history_table_parse(cases[i].text, &arena, &table, &err));
        assert_string_equal(table.schema, cases[i].schema);
        assert_string_equal(table.table, cases[i].table);
        assert_string_equal(table.sql, cases[i].sql);
        assert_string_equal(table.shown, cases[i].text == NULL ? "migrate.history" : cases[i].text);
        assert_int_equal(table.is_default, cases[i].is_default);
        mg_arena_release(&arena);
    }
}

static void
test_history__refuses_names(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",        "history", ".",     ".history",    "migrate.",       "a.b.c",     "a..b",
        "\"a\".b", "a.b'c",   "a\\.b", NAME_63 "x.b", "a." NAME_63 "x", "a.b; -- '",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        MgHistoryTable table = { .shown = "before" };
        MgError err;
        assert_false(mg_history_table_parse(cases[i], &arena, &table, &err));
        assert_int_equal(err.code, MG_E_USAGE);
        assert_string_equal(
            err.message, mg_arena_format(&arena, "\"%s\" does not name a history table", cases[i]));
        assert_string_equal(err.hint[0],
                            "Write it as schema.table, for example --history app.migrations.");
        assert_string_equal(table.shown, "before");
        mg_arena_release(&arena);
    }
}

static void
test_history__keys(void **state)
{
    (void)state;
    MgArena arena = { 0 };
    MgMigration versioned = { .version = "0007", .name = "x" };
    MgMigration repeatable = { .name = "report", .kind = MG_REPEATABLE };
    assert_string_equal(mg_history_key(&versioned, 0, &arena), "0007");
    assert_string_equal(mg_history_key(&repeatable, 0, &arena), "R:report");
    assert_string_equal(mg_history_key(&repeatable, 12, &arena), "#12");
    assert_string_equal(mg_history_key(NULL, 12, &arena), "#12");
    mg_arena_release(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_history__table_names),
        cmocka_unit_test(test_history__refuses_names),
        cmocka_unit_test(test_history__keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
