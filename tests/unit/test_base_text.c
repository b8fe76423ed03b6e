/* Text: every rule with its borders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void
test_text__valid_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size_bytes, valid_bytes;
    } cases[] = {
        { "", 0, 0 },
        { "abc", 3, 3 },
        { "ab\0c", 4, 2 },
        { "12345678abcdefgh", 16, 16 },
        { "12345678\0abcdefg", 16, 8 },
        { "1234567\0abcdefgh", 16, 7 },
        { "1234567\xc3\xa9rst", 12, 12 },
        { "\xc3\xa9", 2, 2 },
        { "\xc3", 1, 0 },
        { "\xc3(", 2, 0 },
        { "\x80", 1, 0 },
        { "\xc1\xbf", 2, 0 },     /* overlong */
        { "\xe0\x9f\xbf", 3, 0 }, /* overlong */
        { "\xe0\xa0\x80", 3, 3 },
        { "\xe2\x82\xac", 3, 3 },
        { "\xe2\x82(", 3, 0 },
        { "\xe2\x82", 2, 0 },
        { "\xed\x9f\xbf", 3, 3 },
        { "\xed\xa0\x80", 3, 0 },     /* surrogate */
        { "\xf0\x8f\xbf\xbf", 4, 0 }, /* overlong */
        { "\xf0\x9f\x98\x80", 4, 4 },
        { "\xf0\x9f\x98(", 4, 0 },
        { "\xf4\x8f\xbf\xbf", 4, 4 },
        { "\xf4\x90\x80\x80", 4, 0 }, /* above U+10FFFF */
        { "\xf5\x80\x80\x80", 4, 0 },
        { "ok \xff", 4, 3 },
        { "12345678\xff", 9, 8 },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(mg_text_valid_utf8(cases[i].text, cases[i].size_bytes),
                         cases[i].valid_bytes);
}

static void
test_text__cut(void **state)
{
    (void)state;
    assert_int_equal(mg_text_cut("abc", 3, 3), 3);
    assert_int_equal(mg_text_cut("abc", 3, 2), 2);
    assert_int_equal(mg_text_cut("a\xc3\xa9z", 4, 2), 1);
    assert_int_equal(mg_text_cut("a\xc3\xa9z", 4, 3), 3);
    assert_int_equal(mg_text_cut("\xf0\x9f\x98\x80z", 5, 3), 0);
}

static void
test_text__characters_and_width(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t characters, width;
    } cases[] = {
        { "", 0, 0 },
        { "abc", 3, 3 },
        { "a\tb", 3, 3 },
        { "\x01", 1, 1 },
        { "\xc3\xa9t\xc3\xa9", 3, 3 },
        { "e\xcc\x81", 2, 1 },        /* a combining accent */
        { "\xe6\xbc\xa2", 1, 2 },     /* CJK */
        { "\xf0\x9f\x98\x80", 1, 2 }, /* emoji */
        { "\xc2\x85", 1, 1 },         /* a C1 control */
        { "\xff!", 2, 2 },            /* not UTF-8 */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t size_bytes = strlen(cases[i].text);
        assert_int_equal(mg_text_characters(cases[i].text, size_bytes), cases[i].characters);
        assert_int_equal(mg_text_width(cases[i].text, size_bytes), cases[i].width);
    }
}

static void
test_text__copy(void **state)
{
    (void)state;
    char dst[8];
    mg_text_copy(dst, sizeof dst, "seven77");
    assert_string_equal(dst, "seven77");
    mg_text_copy(dst, sizeof dst, "eighteen");
    assert_string_equal(dst, "eigh...");
    mg_text_copy(dst, sizeof dst, "abc\xc3\xa9-long");
    assert_string_equal(dst, "abc...");
}

static void
test_text__age(void **state)
{
    (void)state;
    static const struct {
        int64_t age_ms;
        const char *expect;
    } cases[] = {
        { -5000, "just now" },    { 0, "just now" },         { 59999, "just now" },
        { 60000, "1 min ago" },   { 3599999, "59 min ago" }, { 3600000, "1 h ago" },
        { 86399999, "23 h ago" }, { 86400000, "1 day ago" }, { 12 * 86400000, "12 days ago" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char age[32];
        mg_text_age(cases[i].age_ms, age, sizeof age);
        assert_string_equal(age, cases[i].expect);
    }
}

static void
test_text__defuse(void **state)
{
    (void)state;
    static const struct {
        const char *text, *with_lines, *without;
    } cases[] = {
        { "", "", "" },
        { "a\x1b[31mRED\x7f\r\x01\x1f ~", "a?[31mRED???? ~", "a?[31mRED???? ~" },
        { "a\n\tb", "a\n\tb", "a  b" },
        { "\xc2\x80\xc2\x9f\xc2\xa0\xc3\xa9", "????\xc2\xa0\xc3\xa9", "????\xc2\xa0\xc3\xa9" },
        { "\xc2", "\xc2", "\xc2" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[32];
        mg_text_copy(text, sizeof text, cases[i].text);
        mg_text_defuse(text, true);
        assert_string_equal(text, cases[i].with_lines);
        mg_text_copy(text, sizeof text, cases[i].text);
        mg_text_defuse(text, false);
        assert_string_equal(text, cases[i].without);
    }
}

static void
test_text__starts_ends_fold(void **state)
{
    (void)state;
    assert_true(mg_text_starts("abc", "ab"));
    assert_true(mg_text_starts("abc", ""));
    assert_false(mg_text_starts("ab", "abc"));
    assert_true(mg_text_ends("x.up.sql", ".sql"));
    assert_false(mg_text_ends("sql", ".sql"));
    assert_false(mg_text_ends("x.sqL", ".sql"));
    assert_true(mg_text_equal_fold("Begin", "bEGIN"));
    assert_false(mg_text_equal_fold("Begin", "begi"));
    assert_false(mg_text_equal_fold("begi", "begin"));
    assert_false(mg_text_equal_fold("be[in", "be{in"));
    assert_true(mg_text_equal_fold_n("BEGINNING", 5, "begin"));
    assert_false(mg_text_equal_fold_n("BEGINNING", 6, "begin"));
}

static void
test_text__parse_uint(void **state)
{
    (void)state;
    uint64_t value = 77;
    assert_true(mg_text_parse_uint("0", 10, &value));
    assert_int_equal(value, 0);
    assert_true(mg_text_parse_uint("007", 7, &value));
    assert_int_equal(value, 7);
    assert_true(mg_text_parse_uint("18446744073709551615", UINT64_MAX, &value));
    assert_true(value == UINT64_MAX);
    value = 77;
    static const char *const wrong[] = { "",   "8",  "-1",
                                         "+1", " 1", "1 ",
                                         "1x", "x",  "99999999999999999999" };
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_false(mg_text_parse_uint(wrong[i], 7, &value));
    assert_false(mg_text_parse_uint("18446744073709551616", UINT64_MAX, &value));
    assert_false(mg_text_parse_uint("5", 3, &value));
    assert_int_equal(value, 77);
}

static void
test_text__parse_duration(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        { "250ms", 250 },
        { "5s", 5000 },
        { "10min", 600000 },
        { "2h", 7200000 },
        { "0s", 0 },
        { "596h", 2145600000 },
        { "597h", -1 },
        { "2147483647ms", INT32_MAX },
        { "2147483648ms", -1 },
        { "5", -1 },
        { "", -1 },
        { "s", -1 },
        { "-5s", -1 },
        { "5 s", -1 },
        { "5S", -1 },
        { "5m", -1 },
        { "5sec", -1 },
        { "1.5s", -1 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t ms = -1;
        bool is_parsed = mg_text_parse_duration_ms(cases[i].text, &ms);
        assert_int_equal(is_parsed, cases[i].ms >= 0);
        assert_int_equal(ms, cases[i].ms);
    }
}

static void
test_text__duration(void **state)
{
    (void)state;
    static const struct {
        int64_t us;
        const char *text;
    } cases[] = {
        { -5, "<1 ms" },
        { 0, "<1 ms" },
        { 999, "<1 ms" },
        { 1000, "1 ms" },
        { 1499, "1 ms" },
        { 1500, "2 ms" },
        { 41000, "41 ms" },
        { 180000, "180 ms" },
        { 999499, "999 ms" },
        { 999500, "1 s" },
        { 1049999, "1 s" },
        { 1050000, "1.1 s" },
        { 2400000, "2.4 s" },
        { 12400000, "12.4 s" },
        { 59949999, "59.9 s" },
        { 59950000, "1 min" },
        { 60499999, "1 min" },
        { 61000000, "1 min 1 s" },
        { 200000000, "3 min 20 s" },
        { 300000000, "5 min" },
        { 3599499999, "59 min 59 s" },
        { 3599500000, "1 h" },
        { 7500000000, "2 h 5 min" },
        { 360000000000, "100 h" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[32];
        mg_text_duration(cases[i].us, text, sizeof text);
        assert_string_equal(text, cases[i].text);
    }
}

static void
test_text__times(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *minute, *iso;
    } cases[] = {
        { 0, "1970-01-01 00:00", "1970-01-01T00:00:00Z" },
        { 1772356353999, "2026-03-01 09:12", "2026-03-01T09:12:33Z" },
        { 951782400000, "2000-02-29 00:00", "2000-02-29T00:00:00Z" },
        { -1, "1969-12-31 23:59", "1969-12-31T23:59:59Z" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[32];
        mg_text_minute(cases[i].ms, text, sizeof text);
        assert_string_equal(text, cases[i].minute);
        mg_text_iso(cases[i].ms, text, sizeof text);
        assert_string_equal(text, cases[i].iso);
    }
    char small[8];
    mg_text_iso(0, small, sizeof small);
    assert_string_equal(small, "");
}

static void
test_text__plural(void **state)
{
    (void)state;
    assert_string_equal(mg_text_plural(1, "migration", "migrations"), "migration");
    assert_string_equal(mg_text_plural(0, "migration", "migrations"), "migrations");
    assert_string_equal(mg_text_plural(2, "migration", "migrations"), "migrations");
}

static void
test_text__distance(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        int distance;
    } cases[] = {
        { "", "", 0 },         { "", "abc", 3 },          { "abc", "", 3 },
        { "up", "up", 0 },     { "statsu", "status", 1 }, { "stats", "status", 1 },
        { "plam", "plan", 1 }, { "dwon", "down", 1 },     { "kitten", "sitting", 3 },
        { "ca", "abc", 3 },    { "new", "up", 3 },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(mg_text_distance(cases[i].a, cases[i].b), cases[i].distance);

    char text[66] = { 0 };
    memset(text, 'a', 64);
    assert_int_equal(mg_text_distance(text, text), 0);
    text[64] = 'a';
    assert_int_equal(mg_text_distance(text, "a"), 65);
    assert_int_equal(mg_text_distance("a", text), 65);
}

static void
test_text__words_and_what_is_pasted(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t word;
        const char *paste; /* "" = none */
    } cases[] = {
        { "", 0, "" },
        { "one two", 3, "" },
        { "\"migrate up\" applies", 12, "" },
        { "(\"migrate url\", too) x", 15, "" },
        { "\"never closed x", 6, "" },
        { "a\"b c\nd\" x", 3, "" },
        { "\"1234567890 1234567890 1234567890 1234567890 1234567890 1234567890 1234567890 "
          "1234567\"",
          11, "" },
        { "Run it: migrate up", 3, "migrate up" },
        { "Or: this: one", 3, "one" },
        { "Or: a sentence.", 3, "" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *text = cases[i].text;
        assert_int_equal(mg_text_word(text), cases[i].word);
        assert_string_equal(text + mg_text_paste_begin(text, strlen(text)), cases[i].paste);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text__valid_utf8),
        cmocka_unit_test(test_text__cut),
        cmocka_unit_test(test_text__characters_and_width),
        cmocka_unit_test(test_text__copy),
        cmocka_unit_test(test_text__age),
        cmocka_unit_test(test_text__defuse),
        cmocka_unit_test(test_text__starts_ends_fold),
        cmocka_unit_test(test_text__parse_uint),
        cmocka_unit_test(test_text__parse_duration),
        cmocka_unit_test(test_text__duration),
        cmocka_unit_test(test_text__times),
        cmocka_unit_test(test_text__plural),
        cmocka_unit_test(test_text__distance),
        cmocka_unit_test(test_text__words_and_what_is_pasted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
