/* Waiting for the server or the caller's cancel descriptor, and asking the server to stop. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "base/clock.h"
#include "pg/conn_libpq.h"

MgWaited
mg_conn_wait(MgConn *conn, bool for_write, int64_t until_ms)
{
    for (;;) {
        struct pollfd fds[2] = {
            { .fd = PQsocket(conn->pg), .events = (short)(POLLIN | (for_write ? POLLOUT : 0)) },
            { .fd = conn->is_cancelled ? -1 : conn->cancel_fd, .events = POLLIN },
        };
        int timeout_ms = -1;
        if (until_ms != INT64_MAX) {
            int64_t left_ms = until_ms - mg_clock_ms();
            if (left_ms < 0)
                left_ms = 0;
            timeout_ms = left_ms > INT32_MAX ? INT32_MAX : (int)left_ms;
        }
        int n = poll(fds, 2, timeout_ms);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return MG_WAITED_BROKEN;
        if (fds[1].revents != 0)
            return MG_WAITED_CANCEL;
        return n == 0 ? MG_WAITED_TIME : MG_WAITED_READY;
    }
}

bool
mg_conn_pause(MgConn *conn, int64_t pause_ms, MgError *err)
{
    int64_t until_ms = mg_clock_ms() + pause_ms;
    struct pollfd fd = { .fd = conn->cancel_fd, .events = POLLIN };
    for (;;) {
        int64_t left_ms = until_ms - mg_clock_ms();
        if (left_ms <= 0)
            return true;
        int n = poll(&fd, 1, left_ms > INT32_MAX ? INT32_MAX : (int)left_ms);
        if (n > 0) {
            conn->is_cancelled = true;
            return mg_fail(err, MG_E_CANCELLED, "interrupted");
        }
        if (n < 0 && errno != EINTR)
            return mg_fail_sys(err, MG_E_SYSTEM, "could not wait");
    }
}

/*
 * PQcancel has no time limit, and the path to the server may be dead: a child
 * sends the request, which is allowed even in a signal handler.
 */
void
mg_conn_send_cancel(MgConn *conn)
{
    char reason[256];
    if (conn->cancel == NULL || !mg_conn_reap_cancel(conn, false))
        return; /* the last one is still on its way */
    pid_t child = fork();
    if (child == 0) {
        (void)PQcancel(conn->cancel, reason, sizeof reason);
        _exit(0);
    }
    if (child > 0)
        conn->cancel_child = child;
    else
        (void)PQcancel(conn->cancel, reason, sizeof reason);
}

bool
mg_conn_reap_cancel(MgConn *conn, bool is_final)
{
    if (conn->cancel_child == 0)
        return true;
    if (is_final)
        (void)kill(conn->cancel_child, SIGKILL);
    /* Whoever uses the library may have reaped it: then waitpid fails, which is as well. */
    if (waitpid(conn->cancel_child, NULL, is_final ? 0 : WNOHANG) == 0)
        return false;
    conn->cancel_child = 0;
    return true;
}
