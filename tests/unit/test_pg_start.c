/* What is said of a server that cannot notice that a run was killed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pg/start.h"

#define LEFT_OUT                                                                                   \
    " client_connection_check_interval, which was left out: if this run is killed, its lock is "   \
    "free only when the statement under way has ended"

static void
test_start__unwatched(void **state)
{
    (void)state;
    static const struct {
        const char *known;
        int server_version;
        const char *expect;
    } cases[] = {
        { " tcp_keepalives_idle TimeZone ", 130000, "this server has no" LEFT_OUT },
        { " tcp_keepalives_idle TimeZone ", 139999, "this server has no" LEFT_OUT },
        { " tcp_keepalives_idle TimeZone ", 140000,
          "this server's system does not support" LEFT_OUT },
        { " tcp_keepalives_idle TimeZone ", 150000,
          "this server's system does not support" LEFT_OUT },
        { " ", 130000, "this server has no" LEFT_OUT },
        { " my.client_connection_check_interval ", 130000, "this server has no" LEFT_OUT },
        /* What the server has set counts, not its version: some take it over into older ones. */
        { " client_connection_check_interval TimeZone ", 130000, NULL },
        { " client_connection_check_interval ", 140000, NULL },
        { " TimeZone client_connection_check_interval ", 150000, NULL },
        /* Not our session: nothing was set. */
        { NULL, 130000, NULL },
        { NULL, 150000, NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *seen = mg_start_unwatched(cases[i].known, cases[i].server_version);
        if (cases[i].expect == NULL)
            assert_null(seen);
        else
            assert_string_equal(seen, cases[i].expect);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_start__unwatched) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
