/* Streams and terminals.  Pipes stand for both: what makes a terminal is set by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "term.h"

static void
read_all(int fd, char *ret, size_t ret_bytes)
{
    ssize_t n = read(fd, ret, ret_bytes - 1);
    assert_true(n >= 0);
    ret[n] = '\0';
}

static void
test_term__pipe_is_plain(void **state)
{
    (void)state;
    char columns[] = "COLUMNS=200", terminal[] = "TERM=xterm";
    char *environment[] = { columns, terminal, NULL };
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    MgTerm term;
    mg_term_open(fds[1], false, environment, &term);
    assert_int_equal(term.fd, fds[1]);
    assert_false(term.is_terminal);
    assert_false(term.has_colour);
    assert_int_equal(term.width, 0);
    assert_string_equal(mg_term_begin(&term, MG_RED), "");
    assert_string_equal(mg_term_end(&term, MG_RED), "");
    char got[64];
    mg_term_write(&term, "text\n", 5);
    read_all(fds[0], got, sizeof got);
    assert_string_equal(got, "text\n");
    close(fds[0]);
    close(fds[1]);
    mg_term_write(&term, "nobody reads\n", 13);
}

static void
test_term__colours(void **state)
{
    (void)state;
    MgTerm term = { .is_terminal = true, .has_colour = true, .width = 80 };
    assert_string_equal(mg_term_begin(&term, MG_GREEN), "\033[32m");
    assert_string_equal(mg_term_end(&term, MG_GREEN), "\033[0m");
    assert_string_equal(mg_term_begin(&term, MG_PLAIN), "");
    assert_string_equal(mg_term_end(&term, MG_PLAIN), "");
}

static void
test_term__live_line_fits(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    MgTerm term = { .fd = fds[1], .is_terminal = true, .width = 6 };
    char got[64];
    mg_term_live(&term, "12345");
    read_all(fds[0], got, sizeof got);
    assert_string_equal(got, "\r\033[K12345");
    mg_term_live(&term, "1234\xc3\xbc"
                        "6");
    read_all(fds[0], got, sizeof got);
    assert_string_equal(got, "\r\033[K1234\xc3\xbc");
    mg_term_clear_live(&term);
    read_all(fds[0], got, sizeof got);
    assert_string_equal(got, "\r\033[K");
    close(fds[0]);
    close(fds[1]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_term__pipe_is_plain),
        cmocka_unit_test(test_term__colours),
        cmocka_unit_test(test_term__live_line_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
