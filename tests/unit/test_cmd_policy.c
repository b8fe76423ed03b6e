/* Which sessions up and down accept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy.h"

static void
test_policy__fills_the_options(void **state)
{
    (void)state;
    assert_string_equal(mg_connections[0], "direct");
    assert_string_equal(mg_connections[1], "session");
    assert_null(mg_connections[2]);
    for (int i = 0; i < 6; i++) {
        MgPolicyArgs args = { .connection = i % 3, .is_direct_derived = i / 3 == 1 };
        MgOptions options;
        mg_options_init(&options);
        mg_policy_options(&args, &options);
        assert_int_equal(options.is_session_declined, i % 3 == 1);
        assert_int_equal(options.is_session_accepted, i % 3 == 2);
        assert_int_equal(options.is_direct_derived, i / 3 == 1);
        assert_false(options.is_reading);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policy__fills_the_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
