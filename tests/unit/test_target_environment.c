/* Variables by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "target/environment.h"

static const char *const environment[] = { "PATHS=no", "PATH=/bin", "EMPTY=", "PATH=/second",
                                           NULL };

static void
test_environment__gets_values(void **state)
{
    (void)state;
    assert_string_equal(mg_environment_get((char *const *)environment, "PATH"), "/bin");
    assert_null(mg_environment_get((char *const *)environment, "EMPTY"));
    assert_null(mg_environment_get((char *const *)environment, "PAT"));
    assert_null(mg_environment_get(NULL, "PATH"));
}

static void
test_environment__tells_empty_from_unset(void **state)
{
    (void)state;
    assert_string_equal(mg_environment_find((char *const *)environment, "EMPTY"), "");
    assert_null(mg_environment_find((char *const *)environment, "PAT"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_environment__gets_values),
        cmocka_unit_test(test_environment__tells_empty_from_unset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
