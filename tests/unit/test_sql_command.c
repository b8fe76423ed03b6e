/* Psql commands: what is passed over, and each refusal with its hint. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sql/command.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define KEY_79 "0123456789012345678901234567890123456789012345678901234567890123456789012345678"

/* The place's text, the message and the hint; "passed" when there is no error. */
static void
take(MgScan *scan, const char *line, bool is_in_statement, char *ret, size_t ret_bytes)
{
    MgScanItem item;
    MgScanResult result =
        mg_command_take(scan, line, (MgSpan){ 0, strlen(line) }, is_in_statement, &item);
    if (result == MG_SCAN_STATEMENT) {
        (void)snprintf(ret, ret_bytes, "passed");
        return;
    }
    assert_int_equal(result, MG_SCAN_ERROR);
    (void)snprintf(ret, ret_bytes, "%.*s: %s%s%s", (int)(item.span.end - item.span.begin),
                   line + item.span.begin, item.message, item.hint != NULL ? " | " : "",
                   item.hint != NULL ? item.hint : "");
}

static void
test_command__refuses_with_hint(void **state)
{
    (void)state;
    static const struct {
        const char *line, *expected;
    } cases[] = {
        { "\\i x.sql", "\\i: psql command is not SQL | Put the text of that file into this one." },
        { "\\include_relative x", "\\include_relative: psql command is not SQL | Put the text of "
                                  "that file into this one." },
        { "\\copy t from 'f'", "\\copy: psql command is not SQL | Use COPY ... FROM STDIN with the "
                               "data in the lines behind it." },
        { "\\connect db", "\\connect: psql command is not SQL | A migration runs in the database "
                          "that migrate is connected to." },
        { "\\c", "\\c: psql command is not SQL | A migration runs in the database that migrate is "
                 "connected to." },
        { "\\gexec",
          "\\gexec: psql command is not SQL | End the statement with a semicolon instead." },
        { "\\set ON_ERROR_STOP on", "\\set: psql command is not SQL | Write values where they are "
                                    "used; the first error stops a migration without it." },
        { "\\if :x", "\\if: psql command is not SQL | Use a DO block for conditions." },
        { "\\encoding utf8",
          "\\encoding: psql command is not SQL | Delete the line; files are read as UTF-8." },
        { "\\echo hello", "\\echo: psql command is not SQL | Delete the line; it changes nothing "
                          "in the database." },
        { "\\.", "\\.: end mark of COPY data without COPY data | Only COPY ... FROM STDIN takes "
                 "data from the file." },
        { "\\;", "\\;: psql command is not SQL | Only \\restrict and \\unrestrict, as pg_dump "
                 "writes them, are passed over." },
        { "\\x\x01 y", "\\x\x01: psql command is not SQL | Only \\restrict and \\unrestrict, as "
                       "pg_dump writes them, are passed over." },
        { "\\", "\\: psql command is not SQL | Only \\restrict and \\unrestrict, as pg_dump writes "
                "them, are passed over." },
        { "\\restricted k", "\\restricted: psql command is not SQL | Only \\restrict and "
                            "\\unrestrict, as pg_dump writes them, are passed over." },
        { "\\unrestrict k", "\\unrestrict: \\unrestrict without \\restrict" },
        { "\\restrict", "\\restrict: \\restrict takes one key" },
        { "\\restrict a b", "\\restrict: \\restrict takes one key" },
        { "\\restrict " KEY_79 "9", KEY_79 "9: the key of \\restrict is longer than 79 bytes" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        MgScan scan;
        char taken[512];
        mg_scan_init(&scan, false);
        take(&scan, cases[i].line, false, taken, sizeof taken);
        assert_string_equal(taken, cases[i].expected);
        assert_false(scan.is_restricted);
    }
}

static void
test_command__pairs_restrict(void **state)
{
    (void)state;
    MgScan scan;
    char taken[512];
    mg_scan_init(&scan, false);
    take(&scan, "\\restrict " KEY_79, false, taken, sizeof taken);
    assert_string_equal(taken, "passed");
    assert_true(scan.is_restricted);
    take(&scan, "\\restrict a", false, taken, sizeof taken);
    assert_string_equal(taken, "\\restrict: \\restrict behind another \\restrict");
    take(&scan, "\\unrestrict a", false, taken, sizeof taken);
    assert_string_equal(taken, "\\unrestrict: \\unrestrict with another key than \\restrict");
    take(&scan, "\\unrestrict " KEY_79 " a", false, taken, sizeof taken);
    assert_string_equal(taken, "\\unrestrict: \\unrestrict with another key than \\restrict");
    take(&scan, "\\unrestrict\t" KEY_79 " ", false, taken, sizeof taken);
    assert_string_equal(taken, "passed");
    assert_false(scan.is_restricted);
}

static void
test_command__refuses_inside_statement(void **state)
{
    (void)state;
    static const char expected[] =
        ": psql command inside a statement | End the statement before it with a semicolon.";
    MgScan scan;
    char taken[512];
    mg_scan_init(&scan, false);
    take(&scan, "\\restrict k", true, taken, sizeof taken);
    assert_string_equal(strchr(taken, ':'), expected);
    take(&scan, "\\unrestrict k", true, taken, sizeof taken);
    assert_string_equal(strchr(taken, ':'), expected);
    assert_false(scan.is_restricted);
    take(&scan, "\\g", true, taken, sizeof taken);
    assert_string_equal(
        taken, "\\g: psql command is not SQL | End the statement with a semicolon instead.");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_command__refuses_with_hint),
        cmocka_unit_test(test_command__pairs_restrict),
        cmocka_unit_test(test_command__refuses_inside_statement),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
