/* The words of states and kinds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plan/plan.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void
test_state_name__is_one_word(void **state)
{
    (void)state;
    static const char *const words[] = { "applied", "pending", "late",    "drifted", "missing",
                                         "ahead",   "partial", "changed", "stale" };
    assert_int_equal(COUNT(words), MG_N_STATES);
    for (size_t i = 0; i < COUNT(words); i++)
        assert_string_equal(mg_state_name((MgState)i), words[i]);
}

static void
test_kind_name__is_as_in_history(void **state)
{
    (void)state;
    static const char *const words[] = { "versioned", "repeatable", "baseline", "adopted" };
    assert_int_equal(COUNT(words), MG_N_KINDS);
    for (size_t i = 0; i < COUNT(words); i++)
        assert_string_equal(mg_kind_name((MgKind)i), words[i]);
}

static void
test_kind_of__knows_every_word(void **state)
{
    (void)state;
    for (int i = 0; i < MG_N_KINDS; i++)
        assert_int_equal(mg_kind_of(mg_kind_name((MgKind)i)), i);
    /* A row of a newer program is one of a version. */
    assert_int_equal(mg_kind_of("squashed"), MG_VERSIONED);
    assert_int_equal(mg_kind_of(NULL), MG_VERSIONED);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_state_name__is_one_word),
        cmocka_unit_test(test_kind_name__is_as_in_history),
        cmocka_unit_test(test_kind_of__knows_every_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
