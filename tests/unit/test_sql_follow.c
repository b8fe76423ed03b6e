/* What a statement means for the text behind it: one row per spelling. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sql/follow.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static MgScanResult
follow(MgScan *scan, const char *text, MgScanItem *ret)
{
    MgStmtHead head;
    MgLex lex = { .text = text,
                  .size_bytes = strlen(text),
                  .is_whole = true,
                  .has_backslash_quotes = scan->has_backslash_quotes };
    mg_head_begin(&head, &lex);
    return mg_follow_statement(scan, &head, ret);
}

/* Follow from each of the two states; '0' and '1' tell which one comes out. */
static void
check_strings(const char *text, bool had_backslash_quotes, const char *expected)
{
    char outcome[] = "??";
    for (int i = 0; i < 2; i++) {
        MgScan scan;
        MgScanItem item;
        mg_scan_init(&scan, had_backslash_quotes);
        scan.has_backslash_quotes = i == 1;
        assert_int_equal(follow(&scan, text, &item), MG_SCAN_STATEMENT);
        assert_false(scan.is_copy_line_pending);
        outcome[i] = scan.has_backslash_quotes ? '1' : '0';
    }
    assert_string_equal(outcome, expected);
}

static void
test_follow__standard_conforming_strings(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *expected; /* has_backslash_quotes behind it, when it was false and true */
    } cases[] = {
        { "SET standard_conforming_strings = off", "11" },
        { "SET standard_conforming_strings = on", "00" },
        { "set Session STANDARD_conforming_strings to 'OFF'", "11" },
        { "SET LOCAL standard_conforming_strings TO \"on\"", "00" },
        { "SET \"standard_conforming_strings\" = false", "11" },
        { "SET standard_conforming_strings = f", "11" },
        { "SET standard_conforming_strings = no", "11" },
        { "SET standard_conforming_strings=0", "11" },
        { "SET standard_conforming_strings = of", "11" },
        { "SET standard_conforming_strings = 1", "00" },
        { "SET standard_conforming_strings = y", "00" },
        { "SET standard_conforming_strings = E'tru'", "00" },
        { "SET standard_conforming_strings /* a */ TO -- b\n DEFAULT", "00" },
        { "SET standard_conforming_strings = o", "01" },
        { "SET standard_conforming_strings = ''", "01" },
        { "SET standard_conforming_strings = offf", "01" },
        { "SET standard_conforming_strings = x", "01" },
        { "SET standard_conforming_strings off", "01" },
        { "SET standard_conforming_strings TO", "01" },
        { "SET standard_conforming_strings", "01" },
        { "SET SESSION", "01" },
        { "SET", "01" },
        { "SET search_path = off", "01" },
        { "SETS standard_conforming_strings = off", "01" },
        { "'SET' standard_conforming_strings = off", "01" },
        { "RESET ALL", "00" },
        { "RESET standard_conforming_strings", "00" },
        { "reset \"standard_conforming_strings\"", "00" },
        { "RESET search_path", "01" },
        { "RESET", "01" },
        { "DISCARD ALL", "00" },
        { "DISCARD TEMP", "01" },
        { "COPY t TO STDOUT", "01" },
        { "SELECT 'standard_conforming_strings'", "01" },
        { "", "01" },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        check_strings(cases[i].text, false, cases[i].expected);
    check_strings("RESET ALL", true, "11");
    check_strings("SET standard_conforming_strings = DEFAULT", true, "11");
    check_strings("SET standard_conforming_strings = 'default'", true, "01");
}

static void
test_follow__client_encoding(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *place; /* what is refused, NULL = nothing */
    } cases[] = {
        { "SET client_encoding = 'UTF8'", NULL },
        { "SET client_encoding TO utf8", NULL },
        { "SET SESSION client_encoding = 'utf-8'", NULL },
        { "SET client_encoding = \"Unicode\"", NULL },
        { "SET client_encoding = 'SQL_ASCII'", NULL },
        { "SET client_encoding = DEFAULT", NULL },
        { "SET NAMES 'UTF8'", NULL },
        { "SET NAMES", NULL },
        { "SET client_encoding = 'LATIN1'", "'LATIN1'" },
        { "SET LOCAL client_encoding TO sjis", "sjis" },
        { "SET \"client_encoding\" = 'utf88'", "'utf88'" },
        { "SET client_encoding = ''", "''" },
        { "SET NAMES 'win1252'", "'win1252'" },
        { "RESET client_encoding", NULL },
        { "SELECT client_encoding = 'LATIN1'", NULL },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        MgScan scan;
        MgScanItem item = { .message = NULL };
        const char *text = cases[i].text;
        mg_scan_init(&scan, false);
        MgScanResult result = follow(&scan, text, &item);
        if (cases[i].place == NULL) {
            assert_int_equal(result, MG_SCAN_STATEMENT);
            continue;
        }
        assert_int_equal(result, MG_SCAN_ERROR);
        assert_string_equal(item.message, "client_encoding must stay UTF8");
        assert_string_equal(item.hint, "Save the file as UTF-8 and delete this statement.");
        assert_int_equal(item.span.end - item.span.begin, strlen(cases[i].place));
        assert_memory_equal(text + item.span.begin, cases[i].place, strlen(cases[i].place));
    }
}

static void
test_follow__copy_data(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_copy_data, has_backslash_quotes;
    } cases[] = {
        { "COPY t FROM STDIN", true, false },
        { "COPY t TO 'f'", false, false },
        { "SELECT 1 FROM stdin", false, false },
        { "COPY (SELECT '\\') FROM stdin", true, false },
        { "COPY (SELECT '\\')') FROM stdin", true, true },
        { "COPY (SELECT '\\')') FROM stdin", false, false },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        MgScan scan;
        MgScanItem item;
        const char *text = cases[i].text;
        mg_scan_init(&scan, cases[i].has_backslash_quotes);
        assert_int_equal(follow(&scan, text, &item), MG_SCAN_STATEMENT);
        assert_int_equal(scan.is_copy_line_pending, cases[i].is_copy_data);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_follow__standard_conforming_strings),
        cmocka_unit_test(test_follow__client_encoding),
        cmocka_unit_test(test_follow__copy_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
