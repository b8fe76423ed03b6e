/* Names of hosts, as far as nobody has to be asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "pg/conn_resolve.h"

static void
test_resolve__addresses_are_no_names(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        bool is_address;
    } cases[] = {
        { "127.0.0.1", true },        { "::1", true },         { "fe80::1%eth0", true },
        { "localhost", false },       { "db.example", false }, { "127.1", false },
        { "1.2.3.4.example", false }, { "", false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (mg_is_address(cases[i].host) != cases[i].is_address)
            fail_msg("%s", cases[i].host);
}

/* Without files and name servers: the resolver reads these by itself. */
static void
test_resolve__several_at_once(void **state)
{
    (void)state;
    MgArena arena = { 0 };
    MgError err;
    MgLookup lookups[] = { { .name = "127.1" }, { .name = "a b" }, { .name = "0x7f000002" } };
    MgLookupLimit limit = { .until_ms = mg_clock_ms() + 60000, .cancel_fd = -1 };
    assert_true(mg_resolve(lookups, 3, &limit, &arena, &err));
    assert_int_equal(lookups[0].n_addresses, 1);
    assert_string_equal(lookups[0].addresses[0], "127.0.0.1");
    assert_null(lookups[0].failure);
    assert_int_equal(lookups[1].n_addresses, 0);
    assert_non_null(lookups[1].failure);
    assert_string_equal(lookups[2].addresses[0], "127.0.0.2");
    mg_arena_release(&arena);
}

static void
test_resolve__time_and_cancel(void **state)
{
    (void)state;
    MgArena arena = { 0 };
    MgError err;
    MgLookup late = { .name = "a.invalid" }, cancelled = { .name = "a.invalid" };
    MgLookupLimit limit = { .until_ms = mg_clock_ms() - 1, .limit_ms = 2000, .cancel_fd = -1 };
    int fds[2];
    assert_true(mg_resolve(&late, 1, &limit, &arena, &err));
    assert_int_equal(late.n_addresses, 0);
    assert_string_equal(late.failure, "no answer after 2 s");
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    limit.cancel_fd = fds[0];
    assert_false(mg_resolve(&cancelled, 1, &limit, &arena, &err));
    assert_int_equal(err.code, MG_E_CANCELLED);
    assert_string_equal(err.message, "interrupted");
    close(fds[0]);
    close(fds[1]);
    mg_arena_release(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resolve__addresses_are_no_names),
        cmocka_unit_test(test_resolve__several_at_once),
        cmocka_unit_test(test_resolve__time_and_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
