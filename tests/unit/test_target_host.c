/* The hosts of a URL, one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "target/host.h"

static void
test_host__goes_through_the_list(void **state)
{
    (void)state;
    static const struct {
        const char *url, *expect;
    } cases[] = {
        { "postgresql://h/d", "h:5432" },
        { "postgresql://H.Example.COM.:5433/d", "h.example.com:5433" },
        { "postgresql://h1:1,h2:2,:3/d", "h1:1 h2:2 :3" },
        { "host=h1,h2 port=6432", "h1:6432 h2:6432" },
        { "host=h1,h2 port=1,", "h1:1 h2:5432" },
        { "postgresql:///d", ":5432" },
        { "port=5433", ":5433" },
        { "hostaddr=10.0.0.1", "10.0.0.1:5432" },
        { "host=/tmp", "/tmp:5432" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        MgBuf text = { 0 };
        MgUrl url;
        MgError err;
        MgHost host;
        assert_true(mg_url_parse(cases[i].url, "--url", NULL, &arena, &url, &err));
        for (size_t k = 0; mg_host_at(&url, k, &host); k++)
            mg_buf_format(&text, "%s%s:%d", k == 0 ? "" : " ", host.name, host.port);
        assert_string_equal(mg_buf_text(&text), cases[i].expect);
        mg_buf_release(&text);
        mg_arena_release(&arena);
    }
}

static void
test_host__cuts_a_long_name(void **state)
{
    (void)state;
    MgArena arena = { 0 };
    MgBuf text = { 0 };
    MgUrl url;
    MgError err;
    MgHost host;
    mg_buf_add(&text, "host=");
    mg_buf_add_repeated(&text, 'h', 400);
    assert_true(mg_url_parse(mg_buf_text(&text), "--url", NULL, &arena, &url, &err));
    assert_true(mg_host_at(&url, 0, &host));
    assert_int_equal(strlen(host.name), MG_HOST_MAX_BYTES - 1);
    mg_buf_release(&text);
    mg_arena_release(&arena);
}

static void
test_host__reads_ports(void **state)
{
    (void)state;
    static const struct {
        const char *ports;
        bool is_valid;
        int first;
    } cases[] = {
        { "", true, 0 },         { "5432", true, 5432 },   { "1,2", true, 1 },
        { ",2", true, 0 },       { "65535", true, 65535 }, { "0", false, 0 },
        { "1,65536", false, 0 }, { "x", false, 0 },        { "1,-2", false, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        int first = -1;
        assert_int_equal(mg_ports_parse(cases[i].ports, &arena, &first), cases[i].is_valid);
        assert_int_equal(first, cases[i].is_valid ? cases[i].first : -1);
        mg_arena_release(&arena);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host__goes_through_the_list),
        cmocka_unit_test(test_host__cuts_a_long_name),
        cmocka_unit_test(test_host__reads_ports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
