/*
 * Statements: one row per rule.  Each row is scanned as a whole and through
 * windows of many sizes, which must make no difference.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sql/scan.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum {
    RENDERED_BYTES = 4096,
    MAX_STEP = 40,
};

typedef struct Rendering {
    char text[RENDERED_BYTES];
    size_t n;
    size_t data_end; /* where the data of the last item ends, 0 = it was no data */
} Rendering;

/*
 * A statement is [text], data {text}, its end mark <text>, an error
 * "!begin-end message | hint".
 */
static void
render(Rendering *ret, MgScanResult result, const MgScanItem *item, const char *text, size_t base)
{
    static const char *const marks[] = {
        [MG_SCAN_STATEMENT] = "[]",
        [MG_SCAN_COPY_DATA] = "{}",
        [MG_SCAN_COPY_END] = "<>",
    };
    MgSpan span = { base + item->span.begin, base + item->span.end };
    char *end = ret->text + ret->n;
    size_t rest = sizeof ret->text - ret->n;
    if (result == MG_SCAN_ERROR) {
        ret->n +=
            (size_t)snprintf(end, rest, "!%zu-%zu %s%s%s", span.begin, span.end, item->message,
                             item->hint != NULL ? " | " : "", item->hint != NULL ? item->hint : "");
        return;
    }
    bool is_data = result == MG_SCAN_COPY_DATA;
    if (is_data && ret->data_end == span.begin) { /* cut by a window */
        end--;
        rest++;
        ret->n +=
            (size_t)snprintf(end, rest, "%.*s}", (int)(span.end - span.begin), text + span.begin) -
            1;
    } else if (result != MG_SCAN_END) {
        ret->n +=
            (size_t)snprintf(end, rest, "%c%.*s%c", marks[result][0], (int)(span.end - span.begin),
                             text + span.begin, marks[result][1]);
    }
    ret->data_end = is_data ? span.end : 0;
    assert_true(ret->n < sizeof ret->text);
}

typedef struct Windows {
    size_t step;      /* bytes that each slide shows more */
    bool is_end_late; /* the end of the text is known only after it was reached */
    bool has_backslash_quotes;
} Windows;

/* Scan text as a reader with windows would. */
static void
scan(const char *text, size_t size_bytes, Windows windows, Rendering *ret)
{
    MgScan scan;
    MgScanResult result;
    size_t base = 0, end = windows.step < size_bytes ? windows.step : size_bytes;
    bool is_whole = end == size_bytes && !windows.is_end_late;
    *ret = (Rendering){ .n = 0 };
    mg_scan_init(&scan, windows.has_backslash_quotes);
    do {
        size_t n = end - base;
        char *window = malloc(n > 0 ? n : 1); /* of just this size, for the sanitizer */
        MgScanItem item;
        assert_non_null(window);
        memcpy(window, text + base, n);
        result = mg_scan_next(&scan, window, n, is_whole, &item);
        free(window);
        if (result == MG_SCAN_MORE) {
            assert_false(is_whole);
            assert_true(scan.at <= n);
            is_whole =
                end == size_bytes || (!windows.is_end_late && end + windows.step >= size_bytes);
            base += scan.at;
            mg_scan_slid(&scan);
            end = size_bytes - end > windows.step ? end + windows.step : size_bytes;
            continue;
        }
        assert_true(item.span.begin <= item.span.end && item.span.end <= n);
        render(ret, result, &item, text, base);
    } while (result != MG_SCAN_END && result != MG_SCAN_ERROR);
}

static void
check_bytes(const char *text, size_t size_bytes, const char *expected, bool has_backslash_quotes)
{
    Rendering rendering;
    Windows windows = { size_bytes + 1, false, has_backslash_quotes };
    scan(text, size_bytes, windows, &rendering);
    assert_string_equal(rendering.text, expected);
    for (windows.step = 1; windows.step < MAX_STEP; windows.step++) {
        windows.is_end_late = !windows.is_end_late;
        scan(text, size_bytes, windows, &rendering);
        assert_string_equal(rendering.text, expected);
        windows.is_end_late = !windows.is_end_late;
        scan(text, size_bytes, windows, &rendering);
        assert_string_equal(rendering.text, expected);
        windows.is_end_late = !windows.is_end_late;
    }
}

typedef struct Case {
    const char *text, *expected;
} Case;

static void
check_all(const Case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check_bytes(cases[i].text, strlen(cases[i].text), cases[i].expected, false);
}

static void
test_scan__splits_statements(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "", "" },
        { " \n\t", "" },
        { "-- nothing", "" },
        { "/* nothing */ ; ;;-- more\n;", "" },
        { "SELECT 1", "[SELECT 1]" },
        { "SELECT 1;", "[SELECT 1]" },
        { " SELECT 1 ;SELECT 2", "[SELECT 1][SELECT 2]" },
        { ";SELECT 1;;SELECT 2;", "[SELECT 1][SELECT 2]" },
        { "-- a\nSELECT 1 -- b\n; /* c */ SELECT /* d */ 2 /* e */",
          "[SELECT 1][SELECT /* d */ 2]" },
        { "SELECT 1;\r\nSELECT\r\n2;\r\n", "[SELECT 1][SELECT\r\n2]" },
        { "SELECT 1 -- a;\rFROM b;\rSELECT 2", "[SELECT 1 -- a;\rFROM b][SELECT 2]" },
        { "\xef\xbb\xbfSELECT 1;", "[SELECT 1]" },
        { "\xef\xbb\xbf", "" },
        { "\xef\xbb", "!0-1 invalid UTF-8 | Save the file as UTF-8." },
        { "SELECT 1;\xef\xbb\xbfSELECT 2", "[SELECT 1][\xef\xbb\xbfSELECT 2]" },
        { "SELECT ';' || \";\" || $$;$$ || $a$;$$;$a$; x",
          "[SELECT ';' || \";\" || $$;$$ || $a$;$$;$a$][x]" },
        { "SELECT 'a\\'; SELECT E'\\';'", "[SELECT 'a\\'][SELECT E'\\';']" },
        { "SELECT 'a'\n ';b'; c", "[SELECT 'a'\n ';b'][c]" },
        { "SELECT 'a' --;\n; c", "[SELECT 'a'][c]" },
        { "SELECT a$$;b$$;", "[SELECT a$$][b$$]" },
        { "/* ; /* ; */ ; */ a; b", "[a][b]" },
        { "SELECT a[1;2]; b", "[SELECT a[1][2]][b]" },
        { "(SELECT 1); (b;c)", "[(SELECT 1)][(b;c)]" },
        { "CREATE RULE r AS ON INSERT TO t DO (a; (b;) c;); d",
          "[CREATE RULE r AS ON INSERT TO t DO (a; (b;) c;)][d]" },
        { "a); b)", "[a)][b)]" }, /* the depth is never below 0 */
        { "SELECT :'x', :y, ':z;'", "[SELECT :'x', :y, ':z;']" },
        { "SELECT '\xe2\x82\xac' AS \xc3\xa9", "[SELECT '\xe2\x82\xac' AS \xc3\xa9]" },
    };
    check_all(cases, COUNT(cases));
}

static void
test_scan__keeps_bodies_together(void **state)
{
    (void)state;
#define BODY(text)                                                                                 \
    {                                                                                              \
        text "; z", "[" text "][z]"                                                                \
    }
    static const Case cases[] = {
        BODY("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END"),
        BODY("create or replace procedure p() begin atomic end"),
        BODY("CREATE FUNCTION f() BEGIN /* a */ ATOMIC SELECT CASE WHEN a THEN b END; END"),
        BODY("CREATE FUNCTION f() BEGIN ATOMIC SELECT 1 AS end; SELECT s.case, case; END"),
        BODY("CREATE FUNCTION begin(begin int, atomic int) BEGIN ATOMIC SELECT begin; END"),
        BODY("CREATE FUNCTION begin() RETURNS begin BEGIN ATOMIC; ; END"),
        BODY("CREATE FUNCTION begin begin ATOMIC SELECT (end; END); END"),
        BODY("CREATE FUNCTION f(a int DEFAULT (begin atomic)) RETURN a"),
        BODY("CREATE FUNCTION f() AS $$ BEGIN ATOMIC $$"),
        BODY("CREATE FUNCTION f() \"BEGIN\" ATOMIC"),
        BODY("CREATE FUNCTION f() BEGIN \"atomic\""),
        BODY("CREATE FUNCTION f() BEGIN"),
        BODY("CREATE TABLE begin atomic"),
        BODY("CREATE OR x FUNCTION f() BEGIN ATOMIC"),
        BODY("CREATE OR REPLACE x FUNCTION f() BEGIN ATOMIC"),
        BODY("DROP FUNCTION f BEGIN ATOMIC"),
        BODY("(CREATE) FUNCTION f BEGIN ATOMIC"),
        BODY("DO $$ BEGIN; END $$"),
        BODY("CREATE SCHEMA s CREATE TABLE t ()"),
        { "BEGIN; ATOMIC; END", "[BEGIN][ATOMIC][END]" },
    };
#undef BODY
    check_all(cases, COUNT(cases));
}

static void
test_scan__reports_what_is_open(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "a; SELECT 'b;\nc",
          "[a]!10-11 unterminated quoted string | Write '' for a single quote inside a string." },
        { "SELECT e'b\\';",
          "!7-9 unterminated quoted string | Write '' for a single quote inside a string." },
        { "'b", "!0-1 unterminated quoted string | Write '' for a single quote inside a string." },
        { "SELECT 'b'\n'c",
          "!11-12 unterminated quoted string | Write '' for a single quote inside a string." },
        { "SELECT \"b;", "!7-8 unterminated quoted identifier" },
        { "SELECT U&\"b;", "!7-10 unterminated quoted identifier" },
        { "SELECT $a$;$A$", "!7-10 unterminated dollar-quoted string | It ends at the very same "
                            "$tag$, in the same case." },
        { "SELECT $$;", "!7-9 unterminated dollar-quoted string | It ends at the very same $tag$, "
                        "in the same case." },
        { "a; /* b /* c */",
          "[a]!3-5 unterminated comment | Comments nest: each /* needs a */ of its own." },
        { "a /* b", "!2-4 unterminated comment | Comments nest: each /* needs a */ of its own." },
        { "a (b (c);d", "!2-3 unterminated parenthesis | A semicolon inside parentheses does not "
                        "end a statement." },
        { "a (b) (c", "!6-7 unterminated parenthesis | A semicolon inside parentheses does not end "
                      "a statement." },
        { "CREATE FUNCTION f() BEGIN ATOMIC SELECT 1 END; a;",
          "!20-25 BEGIN ATOMIC without END | Each statement of the body needs a semicolon, also "
          "the last one before END." },
        { "CREATE FUNCTION f() BEGIN ATOMIC SELECT 1",
          "!20-25 BEGIN ATOMIC without END | Each statement of the body needs a semicolon, also "
          "the last one before END." },
        { "CREATE FUNCTION f() BEGIN ATOMIC",
          "!20-25 BEGIN ATOMIC without END | Each statement of the body needs a semicolon, also "
          "the last one before END." },
    };
    check_all(cases, COUNT(cases));
}

static void
test_scan__refuses_bad_bytes(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "a; b\xff;", "[a]!4-5 invalid UTF-8 | Save the file as UTF-8." },
        { "a; -- \xff", "[a]!6-7 invalid UTF-8 | Save the file as UTF-8." },
        { "a; -- \xff\n", "[a]!6-7 invalid UTF-8 | Save the file as UTF-8." },
        { "/*\xc3*/", "!2-3 invalid UTF-8 | Save the file as UTF-8." },
        { "'\xe2\x82", "!1-2 invalid UTF-8 | Save the file as UTF-8." }, /* before the open quote */
        { "'\xe2\x82'", "!1-2 invalid UTF-8 | Save the file as UTF-8." },
        { "a('\xc3' \\i", "!3-4 invalid UTF-8 | Save the file as UTF-8." },
        { "\\i \xff", "!3-4 invalid UTF-8 | Save the file as UTF-8." },
        { "a \xf0\x9f\x98\x80 \xf0\x9f\x98 b", "!7-8 invalid UTF-8 | Save the file as UTF-8." },
        { "\xff\xfe", "!0-1 invalid UTF-8 | Save the file as UTF-8." },
        { "COPY t FROM stdin;\na\nb\xff\n\\.\n",
          "[COPY t FROM stdin]{a\n}!22-23 invalid UTF-8 | Save the file as UTF-8." },
        { "COPY t FROM stdin;\n\xff",
          "[COPY t FROM stdin]!19-20 invalid UTF-8 | Save the file as UTF-8." },
        { "COPY t FROM stdin; -- \xff\n",
          "[COPY t FROM stdin]!22-23 invalid UTF-8 | Save the file as UTF-8." },
    };
    check_all(cases, COUNT(cases));
    check_bytes("a;\0b", 4, "[a]!2-3 NUL byte | Save the file as UTF-8.", false);
    check_bytes("'\0';", 4, "!1-2 NUL byte | Save the file as UTF-8.", false);
    check_bytes("--\0", 3, "!2-3 NUL byte | Save the file as UTF-8.", false);
    check_bytes("S\0E\0", 4, "!1-2 NUL byte | Save the file as UTF-8.", false);
}

static void
test_scan__reads_copy_data(void **state)
{
    (void)state;
#define COPY "COPY t FROM stdin"
    static const Case cases[] = {
        { COPY ";\n1\t'\n2;\n\\.\nSELECT 1;", "[" COPY "]{1\t'\n2;\n}<\\.>[SELECT 1]" },
        { COPY ";\r\n1\r\n\\.\r\nSELECT 1;", "[" COPY "]{1\r\n}<\\.>[SELECT 1]" },
        { COPY ";\n\\.\n", "[" COPY "]<\\.>" },
        { COPY ";\n1\n\\.", "[" COPY "]{1\n}<\\.>" },
        { COPY ";\n1\n2", "[" COPY "]{1\n2}<>" },
        { COPY ";\n1\n", "[" COPY "]{1\n}<>" },
        { COPY ";", "[" COPY "]<>" },
        { COPY, "[" COPY "]<>" },
        { COPY ";\n", "[" COPY "]<>" },
        { COPY ";\n\\. \n \\.\n\\.x\n\\.\r\r\n\\\n.\n\\.\n",
          "[" COPY "]{\\. \n \\.\n\\.x\n\\.\r\r\n\\\n.\n}<\\.>" },
        { COPY ";\n\n\\.\n", "[" COPY "]{\n}<\\.>" },
        { COPY ";\n\\.\r", "[" COPY "]{\\.\r}<>" },
        { COPY " ; \t-- a;'\n1\n\\.\na", "[" COPY "]{1\n}<\\.>[a]" },
        { COPY "\n;\n1\n\\.\na", "[" COPY "]{1\n}<\\.>[a]" },
        { COPY "; -", "[" COPY "]!19-20 text behind COPY ... FROM STDIN on its line | Put it "
                      "behind the data, on a line of its own." },
        { COPY "; SELECT 1;\n", "[" COPY "]!19-20 text behind COPY ... FROM STDIN on its line | "
                                "Put it behind the data, on a line of its own." },
        { COPY ";/**/\n", "[" COPY "]!18-19 text behind COPY ... FROM STDIN on its line | Put it "
                          "behind the data, on a line of its own." },
        { COPY "; -- a\rSELECT 1\n", "[" COPY "]!24-25 text behind COPY ... FROM STDIN on its line "
                                     "| Put it behind the data, on a line of its own." },
        { "COPY \"stdin\" FROM 'f';\n1;", "[COPY \"stdin\" FROM 'f'][1]" },
        { "SELECT 1;COPY t(a) FROM STDOUT WITH (FORMAT csv);\n\"\n\\.\n",
          "[SELECT 1][COPY t(a) FROM STDOUT WITH (FORMAT csv)]{\"\n}<\\.>" },
        { COPY ";\n1\n\\.\n" COPY ";\n2\n\\.\n", "[" COPY "]{1\n}<\\.>[" COPY "]{2\n}<\\.>" },
    };
#undef COPY
    check_all(cases, COUNT(cases));
}

static void
test_scan__takes_psql_commands(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "\\restrict aB1\n\nSELECT 1;\n\\unrestrict aB1\n", "[SELECT 1]" },
        { "\\restrict aB1", "" },
        { "\\restrict aB1\r\nSELECT 1;\\unrestrict aB1\r\nSELECT 2", "[SELECT 1][SELECT 2]" },
        { "\\restrict a\n\\unrestrict b\n",
          "!12-23 \\unrestrict with another key than \\restrict" },
        { "SELECT 1; \\i x",
          "[SELECT 1]!10-12 psql command is not SQL | Put the text of that file into this one." },
        { "SELECT 1 \\gset\n",
          "!9-14 psql command is not SQL | End the statement with a semicolon instead." },
        { "SELECT 1 \\restrict x\n",
          "!9-18 psql command inside a statement | End the statement before it with a semicolon." },
        { "\\.\n", "!0-2 end mark of COPY data without COPY data | Only COPY ... FROM STDIN takes "
                   "data from the file." },
    };
    check_all(cases, COUNT(cases));
}

static void
test_scan__follows_settings(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "SET standard_conforming_strings = off; SELECT '\\';'; x",
          "[SET standard_conforming_strings = off][SELECT '\\';'][x]" },
        { "SET standard_conforming_strings = off; RESET ALL; SELECT '\\'; x",
          "[SET standard_conforming_strings = off][RESET ALL][SELECT '\\'][x]" },
        { "SET client_encoding = 'UTF8'; x", "[SET client_encoding = 'UTF8'][x]" },
        { "a; SET client_encoding = latin1; x", "[a]!25-31 client_encoding must stay UTF8 | Save "
                                                "the file as UTF-8 and delete this statement." },
        { "SET client_encoding = latin1", "!22-28 client_encoding must stay UTF8 | Save the file "
                                          "as UTF-8 and delete this statement." },
    };
    check_all(cases, COUNT(cases));
    check_bytes("SELECT '\\';'; x", 15, "[SELECT '\\';'][x]", true);
    const char *text = "SET standard_conforming_strings = on; SELECT '\\'; x";
    check_bytes(text, strlen(text), "[SET standard_conforming_strings = on][SELECT '\\'][x]", true);
}

/* Blanks and comments are done with at once, so that a window need not hold them. */
static void
test_scan__drops_what_it_passed(void **state)
{
    (void)state;
    MgScan scan;
    MgScanItem item;
    const char *text = "  /* a */ ;\n  SELECT";
    mg_scan_init(&scan, false);
    assert_int_equal(mg_scan_next(&scan, text, strlen(text), false, &item), MG_SCAN_MORE);
    assert_int_equal(scan.at, 14);
    mg_scan_slid(&scan);
    assert_int_equal(scan.at, 0);
    assert_int_equal(mg_scan_next(&scan, "SELECT 1;  ", 11, false, &item), MG_SCAN_STATEMENT);
    assert_int_equal(scan.at, 9);
    assert_int_equal(mg_scan_next(&scan, "SELECT 1;  ", 11, false, &item), MG_SCAN_MORE);
    assert_int_equal(scan.at, 11);
}

/* The end is an item that can be asked for again. */
static void
test_scan__stays_at_end(void **state)
{
    (void)state;
    MgScan scan;
    MgScanItem item;
    mg_scan_init(&scan, false);
    assert_int_equal(mg_scan_next(&scan, NULL, 0, true, &item), MG_SCAN_END);
    assert_int_equal(mg_scan_next(&scan, NULL, 0, true, &item), MG_SCAN_END);
    assert_int_equal(item.span.begin, 0);
    assert_int_equal(item.span.end, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scan__splits_statements),
        cmocka_unit_test(test_scan__keeps_bodies_together),
        cmocka_unit_test(test_scan__reports_what_is_open),
        cmocka_unit_test(test_scan__refuses_bad_bytes),
        cmocka_unit_test(test_scan__reads_copy_data),
        cmocka_unit_test(test_scan__takes_psql_commands),
        cmocka_unit_test(test_scan__follows_settings),
        cmocka_unit_test(test_scan__drops_what_it_passed),
        cmocka_unit_test(test_scan__stays_at_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
