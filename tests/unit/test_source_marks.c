/* Marks of other tools: which lines are some, and what is said of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "source/format.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void
test_marks__are_lines_of_other_tools(void **state)
{
    (void)state;
    static const struct {
        const char *comment, *tool; /* NULL: nobody's */
    } cases[] = {
        { "-- +goose Down", "goose" },
        { "--+GOOSE  DOWN", "goose" },
        { "-- +goose Down -- why", "goose" },
        { "-- +goose Up", NULL },
        { "-- + goose Down", NULL },
        { "-- +migrate Down notransaction", "sql-migrate" },
        { "-- +micrate Down", "micrate" },
        { "---- create above / drop below ----", "tern" },
        { "---- Create above / drop below", "tern" },
        { "-- create above", NULL },
        { "-- Down Migration", "node-pg-migrate" },
        { "---  down \t migration ---", "node-pg-migrate" },
        { "-- down migration is left out", NULL },
        { "-- Downmigration", NULL },
        { "-- the down migration", NULL },
        { "--//@UNDO", "MyBatis Migrations" },
        { "-- //@UNDO ", "MyBatis Migrations" },
        { "-- @undo", "MyBatis Migrations" },
        { "-- @undone", NULL },
        { "-- rambler down", "Rambler" },
        { "-- scrambler down", NULL },
        { "-- rambler downs", NULL },
        { "-- ==== DOWN ====", "shmig" },
        { "-- ====  down  ====--", "shmig" },
        { "-- DOWN", NULL },
        { "-- ==== DOWN", NULL },
        { "-- === SHUT DOWN ===", NULL },
        { "--- !Downs", "Play" },
        { "-- !Downs", "Play" },
        { "--liquibase formatted sql", "Liquibase" },
        { "-- liquibase formatted sql splitStatements:false", "Liquibase" },
        { "--rollback DROP TABLE t", NULL },
        { "-- migrate:down", NULL },
        { "--", NULL },
        { "-", NULL },
        { "- +goose Down", NULL },
        { "/* +goose Down */", NULL },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const MgForeignMark *mark = mg_mark_find(cases[i].comment, strlen(cases[i].comment));
        const char *tool = mark == NULL ? "none" : mark->tool;
        if (strcmp(tool, cases[i].tool == NULL ? "none" : cases[i].tool) != 0)
            fail_msg("%s: %s", cases[i].comment, tool);
        if (mark != NULL && !mg_mark_may_stand(cases[i].comment, strlen(cases[i].comment)))
            fail_msg("%s may stand", cases[i].comment);
    }
    /* What stands behind the comment is none of it. */
    assert_null(mg_mark_find("-- +goose Down", 13));
    assert_non_null(mg_mark_find("-- @UNDO it", 8));
}

static void
test_marks__may_stand_anywhere_in_a_text(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool may_stand;
    } cases[] = {
        { "", false },
        { "-", false },
        { "--", false },
        { "a - b -- c\n--\n-+goose Down", false },
        { "SELECT 1; -- Down Migration\n", true },
        { "-- -- -- // rambler down\nDROP", true },
        { "----------\n-- @UNDO\n", true },
        { "--\n-- Down Migration", true },
        { "--\rDown Migration", false },
        { "'-- @UNDO\n'", true },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        if (mg_mark_may_stand(cases[i].text, strlen(cases[i].text)) != cases[i].may_stand)
            fail_msg("%s", cases[i].text);
}

static void
test_marks__are_refused_by_name(void **state)
{
    (void)state;
    MgError err;
    mg_mark_refuse(mg_mark_find("--//@UNDO", 9), &err);
    assert_string_equal(err.message, "\"-- //@UNDO\" is a line of MyBatis Migrations, and what"
                                     " stands behind it would run too");
    assert_string_equal(err.hint[0],
                        "Name the file VERSION_NAME.sql, and write \"-- migrate:up\" and"
                        " \"-- migrate:down\" instead of such lines.");
    mg_mark_refuse(mg_mark_find("--liquibase formatted sql", 25), &err);
    assert_string_equal(err.message, "\"--liquibase formatted sql\" is a line of Liquibase, whose"
                                     " attributes would not count");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_marks__are_lines_of_other_tools),
        cmocka_unit_test(test_marks__may_stand_anywhere_in_a_text),
        cmocka_unit_test(test_marks__are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
