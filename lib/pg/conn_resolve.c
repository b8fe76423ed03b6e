#include "pg/conn_resolve.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "pg/conn_child.h"

enum {
    ANSWER_BYTES = 4096,
    ADDRESS_BYTES = 80, /* an IPv6 address with the name of its interface */
};

/* The child's answer: lines of addresses, or one line of why there are none behind this. */
static const char no_address[] = "! ";

typedef struct Asked {
    pid_t child;
    int fd; /* -1: all is said */
    char answer[ANSWER_BYTES];
    size_t answer_bytes;
} Asked;

bool
mg_is_address(const char *host)
{
    struct in6_addr room; /* for both kinds */
    /* A ":" stands in no name, but a scope may follow an IPv6 address: "fe80::1%eth0". */
    return strchr(host, ':') != NULL || inet_pton(AF_INET, host, &room) == 1;
}

/* ---- The child ---- */

/* One write for all: less than a pipe takes at once. */
static void
answer(int fd, const char *text, size_t size_bytes)
{
    (void)!write(fd, text, size_bytes);
}

/* As libpq asks.  Nobody may be left to end it: then it ends by itself. */
static _Noreturn void
ask(const char *name, int64_t limit_ms, int fd)
{
    (void)signal(SIGALRM, SIG_DFL);
    (void)alarm((unsigned)(limit_ms / 1000 + 2));
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    struct addrinfo *list = NULL;
    char text[ANSWER_BYTES];
    size_t n = 0;
    int failure = getaddrinfo(name, NULL, &hints, &list);
    for (struct addrinfo *at = list; failure == 0 && at != NULL && n + ADDRESS_BYTES < sizeof text;
         at = at->ai_next) {
        char address[ADDRESS_BYTES];
        if ((at->ai_family == AF_INET || at->ai_family == AF_INET6) &&
            getnameinfo(at->ai_addr, at->ai_addrlen, address, sizeof address, NULL, 0,
                        NI_NUMERICHOST) == 0)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s\n", address);
    }
    if (n == 0)
        n = (size_t)snprintf(text, sizeof text, "%s%s\n", no_address,
                             gai_strerror(failure == 0 ? EAI_NONAME : failure));
    answer(fd, text, n);
    _exit(0);
}

static bool
start(const char *name, int64_t limit_ms, Asked *ret)
{
    int fds[2];
    if (pipe(fds) != 0)
        return false;
    for (int i = 0; i < 2; i++)
        (void)fcntl(fds[i], F_SETFD, FD_CLOEXEC);
    pid_t child = mg_child_start();
    if (child == 0)
        ask(name, limit_ms, fds[1]);
    (void)close(fds[1]);
    if (child < 0) {
        (void)close(fds[0]);
        return false;
    }
    *ret = (Asked){ .child = child, .fd = fds[0] };
    return true;
}

/* ---- Here ---- */

static void
finish(Asked *asked)
{
    (void)close(asked->fd);
    asked->fd = -1;
    (void)mg_child_reap(asked->child, true);
}

static void
take(Asked *asked)
{
    size_t room = sizeof asked->answer - asked->answer_bytes;
    ssize_t n = read(asked->fd, asked->answer + asked->answer_bytes, room);
    if (n > 0)
        asked->answer_bytes += (size_t)n;
    else if (n == 0 || errno != EINTR)
        finish(asked);
}

static void
read_answer(const Asked *asked, MgArena *arena, MgLookup *lookup)
{
    const char *at = asked->answer, *end = at + asked->answer_bytes;
    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        if (line_end == NULL)
            break;
        const char *line = mg_arena_text_n(arena, at, (size_t)(line_end - at));
        if (mg_text_starts(line, no_address))
            lookup->failure = line + sizeof no_address - 1;
        else if (lookup->n_addresses < MG_MAX_ADDRESSES)
            lookup->addresses[lookup->n_addresses++] = line;
        at = line_end + 1;
    }
    if (lookup->n_addresses == 0 && lookup->failure == NULL)
        lookup->failure = "the look-up was ended";
}

/* Until all is said or the time is over; false when cancelled. */
static bool
wait_for_answers(Asked *asked, size_t n, const MgLookupLimit *limit)
{
    for (;;) {
        struct pollfd fds[MG_MAX_LOOKUPS + 1];
        size_t n_open = 0;
        for (size_t i = 0; i < n; i++) {
            fds[i] = (struct pollfd){ .fd = asked[i].fd, .events = POLLIN };
            n_open += asked[i].fd >= 0;
        }
        fds[n] = (struct pollfd){ .fd = limit->cancel_fd, .events = POLLIN };
        int64_t left_ms = limit->until_ms - mg_clock_ms();
        if (n_open == 0)
            return true;
        int ready = poll(fds, (nfds_t)n + 1,
                         left_ms < 0           ? 0
                         : left_ms > INT32_MAX ? INT32_MAX
                                               : (int)left_ms);
        if (ready > 0 && fds[n].revents != 0)
            return false;
        for (size_t i = 0; i < n && ready > 0; i++)
            if (asked[i].fd >= 0 && fds[i].revents != 0)
                take(&asked[i]);
        if (ready <= 0 && mg_clock_ms() >= limit->until_ms)
            return true;
    }
}

bool
mg_resolve(MgLookup *lookups, size_t n, const MgLookupLimit *limit, MgArena *arena, MgError *err)
{
    Asked *asked = mg_arena_alloc_array(arena, n, sizeof *asked);
    size_t n_started = 0;
    assert(n <= MG_MAX_LOOKUPS);

    while (n_started < n && start(lookups[n_started].name, limit->limit_ms, &asked[n_started]))
        n_started++;
    if (n_started < n)
        (void)mg_fail_sys(err, MG_E_SYSTEM, "could not start a process for looking up a host");
    bool is_cancelled = n_started == n && !wait_for_answers(asked, n, limit);
    for (size_t i = 0; i < n_started; i++) {
        bool is_late = asked[i].fd >= 0;
        char duration[32];
        if (is_late)
            finish(&asked[i]);
        read_answer(&asked[i], arena, &lookups[i]);
        if (is_late) {
            mg_text_duration(limit->limit_ms * 1000, duration, sizeof duration);
            lookups[i].failure = mg_arena_format(arena, "no answer after %s", duration);
        }
    }
    if (is_cancelled)
        return mg_fail(err, MG_E_CANCELLED, "interrupted");
    return n_started == n;
}
