/* Excerpts: the whole text of each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/excerpt.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define TEN "0123456789"
#define FIFTY TEN TEN TEN TEN TEN
#define WIDE_TEN "\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2"

static const struct {
    const char *name, *text;
    int first_line;
    const char *at; /* text that the place is the beginning of; NULL: the end */
    size_t width_chars;
    const char *expect;
} cases[] = {
    { "the golden one", "-- money\nUPDATE orders\n   SET gross = amuont * quantity\n WHERE true;\n",
      2, "amuont", 6,
      "   |\n 3 | UPDATE orders\n 4 |    SET gross = amuont * quantity\n   |                "
      "^^^^^^" },
    { "first line has none before it", "SELECT 1", 1, "1", 1,
      "   |\n 1 | SELECT 1\n   |        ^" },
    { "no caret", "SELECT 1", 1, "SELECT", 0, "   |\n 1 | SELECT 1" },
    { "a blank line before is left out", "a\n \t\nb", 1, "b", 1, "   |\n 3 | b\n   | ^" },
    { "an empty line", "a\n\nb", 1, "\nb", 1, "   |\n 1 | a\n 2 |\n   | ^" },
    { "CRLF is not shown", "a;\r\nbad;\r\nc", 9, "bad", 3, "   |\n 9 | a;\n10 | bad;\n   | ^^^" },
    { "the \\n of a CRLF is on its line", "a;\r\nbad;\r\nc", 9, "\nc", 1,
      "   |\n 9 | a;\n10 | bad;\n   |     ^" },
    { "a lone CR ends a line", "a;\rbad;\rc", 9, "bad", 3, "   |\n 9 | a;\n10 | bad;\n   | ^^^" },
    { "carets stop at the line's end", "x 'abc\ndef", 1, "'abc", 99,
      "   |\n 1 | x 'abc\n   |   ^^^^" },
    { "at the end of the text", "SELECT", 1, NULL, 1, "   |\n 1 | SELECT\n   |       ^" },
    { "three digits widen the gutter", "a\nb", 99, "b", 1, "    |\n 99 | a\n100 | b\n    | ^" },
    { "two digits do not", "a\nb", 98, "b", 1, "   |\n98 | a\n99 | b\n   | ^" },
    { "tabs stand below tabs", "\tSET\tx = y", 7, "y", 1,
      "   |\n 7 | \tSET\tx = y\n   | \t   \t    ^" },
    { "wide and combining characters", "\xe6\xbc\xa2 e\xcc\x81 bad\xe6\xbc\xa2", 1, "bad", 4,
      "   |\n 1 | \xe6\xbc\xa2 e\xcc\x81 bad\xe6\xbc\xa2\n   |      ^^^^^" },
    { "what steers a terminal is shown as ?", "a\x1b[2J\x7f\xc2\x9b!", 1, "!", 1,
      "   |\n 1 | a?[2J?\?!\n   |        ^" },
    { "invalid UTF-8 is shown as ?", "a\xff\xe2\x82 b\xe6", 1, "b", 9,
      "   |\n 1 | a??? b?\n   |      ^^" },
    { "ninety columns fit", FIFTY TEN TEN TEN TEN, 1, "0", 1,
      "   |\n 1 | " FIFTY TEN TEN TEN TEN "\n   | ^" },
    { "cut behind the place", FIFTY FIFTY, 1, "0", 1,
      "   |\n 1 | " FIFTY TEN TEN TEN "0123456...\n   | ^" },
    { "cut before the place", FIFTY FIFTY "x" TEN, 1, "x", 1,
      "   |\n 1 | ..." TEN TEN TEN TEN "x" TEN
      "\n   |                                            ^" },
    { "cut on both sides", FIFTY FIFTY "x" FIFTY FIFTY, 1, "x", 1,
      "   |\n 1 | ..." TEN TEN TEN TEN "x" TEN TEN TEN TEN "012...\n"
      "   |                                            ^" },
    { "the line before is cut too", FIFTY FIFTY "\nx", 1, "x", 1,
      "   |\n 1 | " FIFTY TEN TEN TEN "0123456...\n 2 | x\n   | ^" },
    { "wide characters are not cut in the middle",
      WIDE_TEN WIDE_TEN WIDE_TEN WIDE_TEN WIDE_TEN WIDE_TEN WIDE_TEN WIDE_TEN WIDE_TEN WIDE_TEN, 1,
      WIDE_TEN, 1,
      "   |\n 1 | " WIDE_TEN WIDE_TEN WIDE_TEN WIDE_TEN WIDE_TEN WIDE_TEN WIDE_TEN WIDE_TEN
      "\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2...\n   | ^^" },
};

static void
test_excerpt__cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *text = cases[i].text;
        size_t size_bytes = strlen(text);
        size_t at =
            cases[i].at == NULL ? size_bytes + 9 : (size_t)(strstr(text, cases[i].at) - text);
        MgBuf buf = { 0 };
        mg_excerpt(text, size_bytes, cases[i].first_line, at, cases[i].width_chars, &buf);
        if (strcmp(mg_buf_text(&buf), cases[i].expect) != 0)
            print_error("%s:\n%s\n", cases[i].name, mg_buf_text(&buf));
        assert_string_equal(mg_buf_text(&buf), cases[i].expect);
        mg_buf_release(&buf);
    }
}

static void
test_excerpt__empty_text(void **state)
{
    (void)state;
    MgBuf buf = { 0 };
    mg_excerpt("", 0, 1, 0, 1, &buf);
    assert_string_equal(mg_buf_text(&buf), "   |\n 1 |\n   | ^");
    mg_buf_release(&buf);
}

/* A line of a megabyte: only what is round the place is looked at, also in the middle of letters.
 */
static void
test_excerpt__very_long_line(void **state)
{
    (void)state;
    static char text[1 << 20];
    for (size_t i = 0; i + 1 < sizeof text; i += 2) {
        text[i] = '\xc3';
        text[i + 1] = '\xa9';
    }
    text[500000] = 'x';
    text[500001] = 'y';
    MgBuf buf = { 0 };
    mg_excerpt(text, sizeof text, 3, 500000, 2, &buf);
    const char *shown = mg_buf_text(&buf);
    assert_true(strncmp(shown, "   |\n 3 | ...\xc3\xa9", 15) == 0);
    const char *place = strstr(shown, "\xc3\xa9xy\xc3\xa9");
    assert_non_null(place);
    assert_non_null(strstr(shown, "\xc3\xa9...\n   |"));
    assert_string_equal(shown + buf.size_bytes - 3, " ^^");
    assert_null(strchr(shown, '?'));
    mg_buf_release(&buf);

    mg_excerpt(text, sizeof text, 3, 500002 + 1, 1, &buf);
    assert_null(strchr(mg_buf_text(&buf), '?'));
    mg_buf_release(&buf);
}

/* Every place of a mixed text: never out of bounds, always three or four lines. */
static void
test_excerpt__every_place(void **state)
{
    (void)state;
    const char *text = "a\r\n\r\n\tb\xc3\xa9\n\n\xf0\x9f\x98\x80\xff\r\rc";
    size_t size_bytes = strlen(text);
    for (size_t at = 0; at <= size_bytes; at++) {
        MgBuf buf = { 0 };
        mg_excerpt(text, size_bytes, 1, at, 1, &buf);
        size_t n_lines = 1;
        for (const char *c = mg_buf_text(&buf); *c != '\0'; c++)
            n_lines += *c == '\n';
        assert_true(n_lines == 3 || n_lines == 4);
        assert_true(strchr(mg_buf_text(&buf), '^') != NULL);
        mg_buf_release(&buf);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_excerpt__cases),
        cmocka_unit_test(test_excerpt__empty_text),
        cmocka_unit_test(test_excerpt__very_long_line),
        cmocka_unit_test(test_excerpt__every_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
