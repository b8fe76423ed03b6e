/* Notices in streams: which are shown, and what is said of the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "notices.h"

/* How many of n are shown; "%d" in format is their number. */
static int
take(MgNotices *notices, int n, const char *format)
{
    int n_shown = 0;
    MgArena arena = { 0 };
    for (int i = 0; i < n; i++) {
        MG_CLEANUP(buf) MgBuf text = { 0 };
        const char *at = strstr(format, "%d");
        if (at == NULL)
            mg_buf_add(&text, format);
        else
            mg_buf_format(&text, "%.*s%d%s", (int)(at - format), format, i, at + 2);
        n_shown += mg_notices_take(notices, "1_a", mg_buf_text(&text));
    }
    mg_arena_release(&arena);
    return n_shown;
}

static void
check_end(MgNotices *notices, const char *expect)
{
    MG_CLEANUP(buf) MgBuf text = { 0 };
    mg_notices_end(notices, &text);
    assert_string_equal(mg_buf_text(&text), expect);
    assert_false(mg_notices_is_over(notices, "1_a"));
}

static void
test_notices__shows_the_first_of_a_kind(void **state)
{
    (void)state;
    MgNotices notices = { .n_others = 0 };
    assert_int_equal(take(&notices, 10, "WARNING: row %d (line 3, DO)"), 10);
    check_end(&notices, "");
    assert_int_equal(take(&notices, 1000, "WARNING: row %d (line 3, DO)"), 10);
    assert_int_equal(take(&notices, 12, "WARNING: skipping \"t%d\"\nDETAIL: %d"), 10);
    assert_int_equal(take(&notices, 1, "WARNING: skipping it"), 1);
    assert_int_equal(take(&notices, 11, "NOTICE: row %d (line 3, DO)"), 10);
    check_end(&notices, "1_a: 990 more like \"WARNING: row 0 (line 3, DO)\"; --verbose shows all\n"
                        "1_a: 2 more like \"WARNING: skipping \"t0\"\"; --verbose shows all\n"
                        "1_a: 1 more like \"NOTICE: row 0 (line 3, DO)\"; --verbose shows all\n");
    /* Then it begins anew. */
    assert_int_equal(take(&notices, 11, "NOTICE: row %d (line 3, DO)"), 10);
    check_end(&notices, "1_a: 1 more like \"NOTICE: row 0 (line 3, DO)\"; --verbose shows all\n");
}

static void
test_notices__of_too_many_kinds_are_counted(void **state)
{
    (void)state;
    MgNotices notices = { .n_others = 0 };
    char text[64] = "NOTICE: ";
    int n_shown = 0;
    for (int i = 0; i < 60; i++) {
        text[8 + i / 2] = (char)('a' + i % 2 * 2);
        n_shown += mg_notices_take(&notices, "1_a", text);
    }
    assert_int_equal(n_shown, 50);
    check_end(&notices, "1_a: 10 more; --verbose shows all\n");
}

static void
test_notices__are_of_one_migration(void **state)
{
    (void)state;
    MgNotices notices = { .n_others = 0 };
    assert_false(mg_notices_is_over(&notices, "1_a"));
    assert_true(mg_notices_take(&notices, "1_a", "x"));
    assert_false(mg_notices_is_over(&notices, "1_a"));
    assert_true(mg_notices_is_over(&notices, "2_b"));
    assert_true(mg_notices_is_over(&notices, NULL));
    check_end(&notices, "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_notices__shows_the_first_of_a_kind),
        cmocka_unit_test(test_notices__of_too_many_kinds_are_counted),
        cmocka_unit_test(test_notices__are_of_one_migration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
