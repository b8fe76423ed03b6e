/* The clocks: their units, and that one of them never goes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"

static void
test_clock__never_goes_back(void **state)
{
    (void)state;
    int64_t before_us = mg_clock_us();
    for (int i = 0; i < 1000; i++) {
        int64_t now_us = mg_clock_us();
        assert_true(now_us >= before_us);
        before_us = now_us;
    }
}

/* Both ask one clock: read between two others, it lies between them. */
static void
test_clock__units(void **state)
{
    (void)state;
    int64_t before_us = mg_clock_us();
    int64_t now_ms = mg_clock_ms();
    int64_t after_us = mg_clock_us();
    assert_true(before_us > 0);
    assert_true(before_us / 1000 <= now_ms && now_ms <= after_us / 1000);
}

static void
test_clock__wall(void **state)
{
    (void)state;
    struct timespec before, after;
    assert_int_equal(clock_gettime(CLOCK_REALTIME, &before), 0);
    int64_t now_ms = mg_clock_wall_ms();
    assert_int_equal(clock_gettime(CLOCK_REALTIME, &after), 0);
    assert_true((int64_t)before.tv_sec * 1000 + before.tv_nsec / 1000000 <= now_ms);
    assert_true(now_ms <= (int64_t)after.tv_sec * 1000 + after.tv_nsec / 1000000);
}

/* Of 64 numbers, none is like another and each bit has been 0 and 1: by chance once in 2^50. */
static void
test_clock__chance(void **state)
{
    (void)state;
    enum { N = 64 };
    uint64_t numbers[N], ones = 0, zeros = 0;
    for (int i = 0; i < N; i++) {
        numbers[i] = mg_clock_random();
        ones |= numbers[i];
        zeros |= ~numbers[i];
        for (int k = 0; k < i; k++)
            assert_true(numbers[i] != numbers[k]);
    }
    assert_true(ones == UINT64_MAX);
    assert_true(zeros == UINT64_MAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock__never_goes_back),
        cmocka_unit_test(test_clock__units),
        cmocka_unit_test(test_clock__wall),
        cmocka_unit_test(test_clock__chance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
