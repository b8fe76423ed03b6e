/* The buffer: appending, its maximum, reuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

static void
test_buf__appends(void **state)
{
    (void)state;
    MgBuf buf = { 0 };
    assert_string_equal(mg_buf_text(&buf), "");
    mg_buf_add(&buf, "ab");
    mg_buf_add_n(&buf, "cdef", 2);
    mg_buf_add_n(&buf, NULL, 0);
    mg_buf_add_char(&buf, '-');
    mg_buf_add_repeated(&buf, '.', 3);
    mg_buf_format(&buf, "%d %s", 7, "x");
    assert_string_equal(mg_buf_text(&buf), "abcd-...7 x");
    assert_int_equal(buf.size_bytes, 11);
    assert_false(buf.is_cut);
    mg_buf_release(&buf);
    assert_string_equal(mg_buf_text(&buf), "");
}

static void
test_buf__grows(void **state)
{
    (void)state;
    MgBuf buf = { 0 };
    for (int i = 0; i < 10000; i++)
        mg_buf_format(&buf, "%04d", i);
    mg_buf_add_repeated(&buf, 'x', 100000);
    assert_int_equal(buf.size_bytes, 140000);
    assert_memory_equal(buf.text + 4 * 9999, "9999xx", 6);
    assert_int_equal(strlen(buf.text), buf.size_bytes);
    mg_buf_release(&buf);
}

static void
test_buf__stops_at_its_maximum(void **state)
{
    (void)state;
    MgBuf buf = { .max_bytes = 6 };
    mg_buf_add(&buf, "abcd");
    assert_false(buf.is_cut);
    mg_buf_format(&buf, "%s", "efgh");
    assert_true(buf.is_cut);
    assert_string_equal(mg_buf_text(&buf), "abcdef");
    mg_buf_add_repeated(&buf, 'x', 9);
    mg_buf_add(&buf, "y");
    assert_string_equal(mg_buf_text(&buf), "abcdef");

    mg_buf_clear(&buf);
    assert_false(buf.is_cut);
    assert_string_equal(mg_buf_text(&buf), "");
    mg_buf_add(&buf, "123456");
    assert_false(buf.is_cut);
    mg_buf_release(&buf);
    assert_int_equal(buf.max_bytes, 6);
    mg_buf_clear(&buf);
    assert_string_equal(mg_buf_text(&buf), "");
}

static void
test_buf__markdown(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expect;
    } cases[] = {
        { "", "" },
        { "20260309101500_add_order_totals", "20260309101500_add_order_totals" },
        { "__a b__", "\\_\\_a b\\_\\_" },
        { "_a_", "\\_a\\_" },
        { "table \"_a\", \"b_\"", "table \"\\_a\", \"b\\_\"" },
        { "a|b `c` \\ *d* <e> [f]", "a\\|b \\`c\\` \\\\ \\*d\\* \\<e> \\[f]" },
        { "# ~~a~~ &lt; \r\n b", "\\# \\~\\~a\\~\\~ \\&lt;    b" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MG_CLEANUP(buf) MgBuf buf = { 0 };
        mg_buf_add_markdown(&buf, cases[i].text);
        assert_string_equal(mg_buf_text(&buf), cases[i].expect);
    }
}

static void
test_buf__cleanup(void **state)
{
    (void)state;
    /* The leak checker is the assertion. */
    MG_CLEANUP(buf) MgBuf buf = { 0 };
    mg_buf_add(&buf, "gone at the end of the scope");
    assert_int_equal(buf.size_bytes, 28);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buf__appends),
        cmocka_unit_test(test_buf__grows),
        cmocka_unit_test(test_buf__stops_at_its_maximum),
        cmocka_unit_test(test_buf__markdown),
        cmocka_unit_test(test_buf__cleanup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
