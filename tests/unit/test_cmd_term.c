/* Streams and terminals.  Pipes stand for both: what makes a terminal is set by hand. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
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

/* The reader is a child that begins when the pipe is full. */
static void
write_more_than_fits(const int fds[2])
{
    static char text[1 << 18];
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        size_t n = 0;
        close(fds[1]);
        for (ssize_t got = 1; got > 0; n += (size_t)got)
            got = read(fds[0], text, sizeof text);
        _exit(n == sizeof text ? 0 : 1);
    }
    close(fds[0]);
    memset(text, 'x', sizeof text);
    assert_true(mg_term_write(&(MgTerm){ .fd = fds[1] }, text, sizeof text));
    close(fds[1]);
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
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
    assert_true(mg_term_write(&term, "text\n", 5));
    read_all(fds[0], got, sizeof got);
    assert_string_equal(got, "text\n");
    close(fds[0]);
    assert_false(mg_term_write(&(MgTerm){ .fd = -1 }, "text\n", 5));
    assert_int_equal(errno, EBADF);
    /* A pipe that does not block is waited for. */
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
    write_more_than_fits(fds);
}

static void
test_term__a_reader_that_left_is_no_failure(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    close(fds[0]);
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    assert_true(mg_term_write(&(MgTerm){ .fd = fds[1] }, "nobody reads\n", 13));
    (void)signal(SIGPIPE, before);
    close(fds[1]);
}

/* -1 where none can be made: a sandbox without /dev/pts. */
static int
open_terminal(int *ret_master)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0)
        return -1;
    int fd = -1;
    if (grantpt(master) == 0 && unlockpt(master) == 0)
        fd = open(ptsname(master), O_RDWR | O_NOCTTY);
    if (fd < 0)
        close(master);
    *ret_master = master;
    return fd;
}

typedef struct TerminalCase {
    unsigned short columns; /* 0: the terminal does not tell */
    bool is_colorless;
    const char *environment[4];
    int expect_width;
    bool expect_colour;
} TerminalCase;

static void
test_term__looks_at_terminals(void **state)
{
    (void)state;
    static const TerminalCase cases[] = {
        { 72, false, { "TERM=xterm" }, 72, true },
        { 240, false, { "TERM=xterm", "NO_COLOR=" }, 100, true },
        { 72, true, { "TERM=xterm" }, 72, false },
        { 72, false, { "COLUMNS=60", "NO_COLOR=1" }, 72, false },
        { 0, false, { "COLUMNS=60", "TERM=dumb" }, 60, false },
        { 0, false, { "COLUMNS=0" }, 80, true },
        { 0, false, { "COLUMNSX=60", "COLUMNS=wide" }, 80, true },
        { 0, false, { NULL }, 80, true },
    };
    int master = -1;
    int fd = open_terminal(&master);
    assert_true(fd >= 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct winsize size = { .ws_col = cases[i].columns, .ws_row = 24 };
        assert_int_equal(ioctl(fd, TIOCSWINSZ, &size), 0);
        MgTerm term;
        mg_term_open(fd, cases[i].is_colorless, (char *const *)cases[i].environment, &term);
        assert_true(term.is_terminal);
        assert_int_equal(term.width, cases[i].expect_width);
        assert_int_equal(term.has_colour, cases[i].expect_colour);
    }
    close(fd);
    close(master);
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
        cmocka_unit_test(test_term__a_reader_that_left_is_no_failure),
        cmocka_unit_test(test_term__looks_at_terminals),
        cmocka_unit_test(test_term__colours),
        cmocka_unit_test(test_term__live_line_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
