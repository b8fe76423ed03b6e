/* Terminals by their few common sequences; ncurses would be far more than is needed. */
#include "term.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/text.h"

enum {
    DEFAULT_COLUMNS = 80,
    PATIENCE_MS = 1000, /* with a reader that takes nothing, when the run is to end */
};

static const volatile sig_atomic_t *end_flag;

static const char *const sequences[] = {
    [MG_PLAIN] = "",         [MG_BOLD] = "\033[1m",    [MG_RED] = "\033[1;31m",
    [MG_GREEN] = "\033[32m", [MG_YELLOW] = "\033[33m", [MG_CYAN] = "\033[36m",
};

const char *
mg_term_variable(char *const *environment, const char *name)
{
    size_t name_bytes = strlen(name);
    for (; environment != NULL && *environment != NULL; environment++) {
        if (strncmp(*environment, name, name_bytes) == 0 && (*environment)[name_bytes] == '=')
            return *environment + name_bytes + 1;
    }
    return "";
}

static int
find_width(int fd, char *const *environment)
{
    struct winsize size = { .ws_col = 0 };
    uint64_t columns = 0;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        columns = size.ws_col;
    else if (!mg_text_parse_uint(mg_term_variable(environment, "COLUMNS"), UINT16_MAX, &columns) ||
             columns == 0)
        columns = DEFAULT_COLUMNS;
    return columns > MG_TERM_MAX_COLUMNS ? MG_TERM_MAX_COLUMNS : (int)columns;
}

void
mg_term_open(int fd, bool is_colorless, char *const *environment, MgTerm *ret)
{
    *ret = (MgTerm){ .fd = fd, .is_terminal = isatty(fd) == 1 };
    if (!ret->is_terminal)
        return;
    ret->width = find_width(fd, environment);
    ret->has_live = strcmp(mg_term_variable(environment, "TERM"), "dumb") != 0;
    ret->has_colour =
        ret->has_live && !is_colorless && *mg_term_variable(environment, "NO_COLOR") == '\0';
}

void
mg_term_measure(MgTerm *term)
{
    struct winsize size = { .ws_col = 0 };
    if (ioctl(term->fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        term->width = size.ws_col > MG_TERM_MAX_COLUMNS ? MG_TERM_MAX_COLUMNS : size.ws_col;
}

/* Some parents, node among them, give us pipes that do not block. */
static bool
wait_until_writable(int fd)
{
    struct pollfd waiting = { .fd = fd, .events = POLLOUT };
    return poll(&waiting, 1, -1) >= 0 || errno == EINTR;
}

void
mg_term_end_by(const volatile sig_atomic_t *flag)
{
    end_flag = flag;
}

static bool
is_ending(void)
{
    return end_flag != NULL && *end_flag != 0;
}

/* A signal ends a write that waits, so that this is looked at before the next one. */
static bool
is_given_up(const MgTerm *term)
{
    static int patience_ms = PATIENCE_MS; /* for all streams and writes together */
    struct pollfd fd = { .fd = term->fd, .events = POLLOUT };
    int n;
    do
        n = poll(&fd, 1, patience_ms);
    while (n < 0 && errno == EINTR);
    if (n == 0)
        patience_ms = 0;
    return n == 0;
}

bool
mg_term_write(const MgTerm *term, const char *text, size_t size_bytes)
{
    while (size_bytes > 0) {
        if (is_ending() && is_given_up(term))
            return true;
        /* So much goes into a pipe that can take anything. */
        bool is_cut = is_ending() && size_bytes > PIPE_BUF;
        ssize_t n = write(term->fd, text, is_cut ? PIPE_BUF : size_bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN && wait_until_writable(term->fd))
            continue;
        if (n < 0)
            return errno == EPIPE;
        text += n;
        size_bytes -= (size_t)n;
    }
    return true;
}

const char *
mg_term_begin(const MgTerm *term, MgColour colour)
{
    return term->has_colour ? sequences[colour] : "";
}

const char *
mg_term_end(const MgTerm *term, MgColour colour)
{
    return term->has_colour && colour != MG_PLAIN ? "\033[0m" : "";
}

void
mg_term_live(const MgTerm *term, const char *text)
{
    /* The last column stays free: some terminals wrap when it is written. */
    size_t size_bytes = strlen(text);
    while (size_bytes > 0 && mg_text_width(text, size_bytes) >= (size_t)term->width)
        size_bytes = mg_text_cut(text, size_bytes, size_bytes - 1);
    MG_CLEANUP(buf) MgBuf line = { 0 };
    mg_buf_add(&line, "\r\033[K");
    mg_buf_add_n(&line, text, size_bytes);
    (void)mg_term_write(term, mg_buf_text(&line), line.size_bytes);
}

void
mg_term_clear_live(const MgTerm *term)
{
    (void)mg_term_write(term, "\r\033[K", strlen("\r\033[K"));
}
