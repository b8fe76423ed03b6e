/* Walking: what comes in which order, directives as they are written, places. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "source/format.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void
test_walk__directives_as_written(void **state)
{
    (void)state;
    static const struct {
        const char *comment;
        MgDirectiveKind kind;
        const char *name, *value;
    } cases[] = {
        { "-- migrate:up", MG_DIRECTIVE_UP, "up", "" },
        { "--migrate:down nothing", MG_DIRECTIVE_DOWN, "down", "nothing" },
        { "-- \t MIGRATE:no-transaction\t", MG_DIRECTIVE_NO_TRANSACTION, "no-transaction", "" },
        { "-- migrate:lock-timeout \t 5 s ", MG_DIRECTIVE_LOCK_TIMEOUT, "lock-timeout", "5 s" },
        { "-- migrate:statement-timeout 1h", MG_DIRECTIVE_STATEMENT_TIMEOUT, "statement-timeout",
          "1h" },
        { "-- migrate:retry no", MG_DIRECTIVE_RETRY, "retry", "no" },
        { "-- migrate:Up", MG_N_DIRECTIVES, "Up", "" },
        { "-- migrate: up", MG_N_DIRECTIVES, "", "up" },
        { "-- migrate:", MG_N_DIRECTIVES, "", "" },
        { "-- migrate:retr no", MG_N_DIRECTIVES, "retr", "no" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        MgDirective directive;
        MgSpan comment = { 0, strlen(cases[i].comment) };
        assert_true(mg_directive_parse(cases[i].comment, comment, &directive));
        assert_int_equal(directive.kind, cases[i].kind);
        assert_int_equal(directive.name_bytes, strlen(cases[i].name));
        assert_memory_equal(directive.name, cases[i].name, directive.name_bytes);
        assert_int_equal(directive.value_bytes, strlen(cases[i].value));
        assert_memory_equal(directive.value, cases[i].value, directive.value_bytes);
    }
    static const char *const others[] = {
        "",
        "-",
        "--",
        "-- ",
        "-- migrate",
        "-- migrate up",
        "-- x migrate:up",
        "/* migrate:up */",
        "-- -- migrate:up",
        "--\xC2\xA0migrate:up",
    };
    for (size_t i = 0; i < COUNT(others); i++) {
        MgDirective directive;
        assert_false(mg_directive_parse(others[i], (MgSpan){ 0, strlen(others[i]) }, &directive));
    }
}

static void
add_text(void *payload, const char *text, size_t size_bytes)
{
    mg_buf_add_n(payload, text, size_bytes);
}

/* Every item of a text, in order. */
static void
walk(const char *text, MgBuf *ret)
{
    static const char *const words[] = {
        [MG_WALK_DIRECTIVE] = "directive",
        [MG_WALK_STATEMENT] = "statement",
        [MG_WALK_COPY_DATA] = "data",
        [MG_WALK_COPY_END] = "data end",
        [MG_WALK_END] = "end",
    };
    MgReader reader;
    MgWalk walk;
    MgWalkItem item;
    MgError err;
    mg_reader_open_text("x.sql", text, strlen(text), MG_SPAN_ALL, 1, &reader);
    mg_walk_init(&walk, &reader, NULL, NULL);
    do {
        if (!mg_walk_next(&walk, &item, &err)) {
            mg_buf_format(ret, "%d:%d %s", err.line, err.column, err.message);
            return;
        }
        mg_buf_format(ret, "%s", words[item.kind]);
        if (item.kind != MG_WALK_END)
            mg_buf_format(ret, " %d [%.*s] ", mg_walk_line(&walk, item.span.begin),
                          (int)(item.span.end - item.span.begin), text + item.span.begin);
    } while (item.kind != MG_WALK_END);
}

static void
test_walk__items_in_order(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expect;
    } cases[] = {
        { "", "end" },
        { " ;; -- a\n", "end" },
        { "a;b", "statement 1 [a] statement 1 [b] end" },
        { "-- migrate:retry no\na -- migrate:up\n;\n-- migrate:down\n-- migrate:up\n",
          "directive 1 [-- migrate:retry no] statement 2 [a] directive 2 [-- migrate:up]"
          " directive 4 [-- migrate:down] directive 5 [-- migrate:up] end" },
        { "a\n(\n-- migrate:up\n)", "statement 1 [a\n(\n-- migrate:up\n)] end" },
        { "COPY a FROM STDIN;\n-- migrate:up\n\\.\n-- migrate:up\n",
          "statement 1 [COPY a FROM STDIN] data 2 [-- migrate:up\n] data end 3 [\\.]"
          " directive 4 [-- migrate:up] end" },
        { "a;\n 'b", "statement 1 [a] 2:2 unterminated quoted string" },
        { "\xEF\xBB\xBF'b", "1:1 unterminated quoted string" },
        { "\\restrict x'\n-- migrate:up\n\\unrestrict x'", "directive 2 [-- migrate:up] end" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        MgBuf buf = { 0 };
        walk(cases[i].text, &buf);
        assert_string_equal(mg_buf_text(&buf), cases[i].expect);
        mg_buf_release(&buf);
    }
}

static void
test_walk__tells_all_text_once_without_mark(void **state)
{
    (void)state;
    static const char text[] = "\xEF\xBB\xBF-- a\nb; c;\n -- d";
    MgReader reader;
    MgWalk walk;
    MgWalkItem item = { 0 };
    MgError err;
    MgBuf told = { 0 };
    mg_reader_open_text("x.sql", text, sizeof text - 1, MG_SPAN_ALL, 1, &reader);
    mg_walk_init(&walk, &reader, add_text, &told);
    do
        assert_true(mg_walk_next(&walk, &item, &err));
    while (item.kind != MG_WALK_END);
    assert_string_equal(mg_buf_text(&told), text + 3);
    mg_buf_release(&told);
}

static void
test_walk__restarts_inside_a_statement(void **state)
{
    (void)state;
    static const char text[] = "a (\n-- here\nCOPY b FROM STDIN;\n)";
    MgReader reader;
    MgWalk walk;
    MgWalkItem item;
    MgError err;
    mg_reader_open_text("x.sql", text, sizeof text - 1, MG_SPAN_ALL, 1, &reader);
    mg_walk_init(&walk, &reader, NULL, NULL);
    assert_true(mg_walk_next(&walk, &item, &err));
    assert_int_equal(item.span.end, sizeof text - 1);
    mg_walk_restart(&walk, (size_t)(strchr(text, '-') - text));
    assert_true(mg_walk_next(&walk, &item, &err));
    assert_int_equal(item.kind, MG_WALK_STATEMENT);
    assert_memory_equal(text + item.span.begin, "COPY b", 6);
    assert_true(mg_walk_next(&walk, &item, &err));
    assert_int_equal(item.kind, MG_WALK_COPY_DATA);
}

static void
test_walk__shows_places(void **state)
{
    (void)state;
    static const char text[] = "\xEF\xBB\xBF\xC3\xA9 ab\r\n\tcd";
    MgReader reader;
    MgWalk walk;
    MgError err;
    mg_reader_open_text("x.sql", text, sizeof text - 1, MG_SPAN_ALL, 7, &reader);
    mg_walk_init(&walk, &reader, NULL, NULL);

    mg_fail(&err, MG_E_FILE, "x");
    mg_walk_show(&walk, (MgSpan){ 6, 8 }, &err);
    assert_string_equal(err.place, "x.sql");
    assert_int_equal(err.line, 7);
    assert_int_equal(err.column, 3);
    assert_string_equal(err.excerpt, "   |\n 7 | \xC3\xA9 ab\n   |   ^^");
    mg_walk_show(&walk, (MgSpan){ 12, 12 }, &err);
    assert_int_equal(err.line, 8);
    assert_int_equal(err.column, 3);
    assert_string_equal(err.excerpt, "   |\n 7 | \xC3\xA9 ab\n 8 | \tcd\n   | \t ^");
    mg_walk_show(&walk, (MgSpan){ 0, 3 }, &err);
    assert_int_equal(err.line, 7);
    assert_int_equal(err.column, 1);
}

static void
test_walk__masks_passwords(void **state)
{
    (void)state;
    /* The word is cut off in front of the line's middle. */
    static const char text[] = "CREATE ROLE app PASSWORD                                  "
                               "                     'hunter2' \\gset";
    MgReader reader;
    MgWalk walk;
    MgError err;
    mg_reader_open_text("x.sql", text, sizeof text - 1, MG_SPAN_ALL, 1, &reader);
    mg_walk_init(&walk, &reader, NULL, NULL);
    mg_fail(&err, MG_E_FILE, "x");
    mg_walk_show(&walk, (MgSpan){ sizeof text - 6, sizeof text - 1 }, &err);
    assert_null(strstr(err.excerpt, "PASSWORD"));
    assert_non_null(strstr(err.excerpt, " '*******' \\gset\n"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walk__directives_as_written),
        cmocka_unit_test(test_walk__items_in_order),
        cmocka_unit_test(test_walk__tells_all_text_once_without_mark),
        cmocka_unit_test(test_walk__restarts_inside_a_statement),
        cmocka_unit_test(test_walk__shows_places),
        cmocka_unit_test(test_walk__masks_passwords),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
