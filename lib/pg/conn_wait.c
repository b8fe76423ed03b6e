/* Waiting for the server or the caller's cancel descriptor, and asking the server to stop. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "base/clock.h"
#include "pg/conn_child.h"
#include "pg/conn_libpq.h"

enum {
    LOOK_MS = 5 * 1000,
    VANISHED_MS = 20 * 1000,
};

/*
 * Has the server's host acknowledged nothing for long, though asked again and
 * again?  Linux goes on asking for a quarter of an hour.  TCP_USER_TIMEOUT would
 * end that, but also give up a host that lives and has no room, since its server
 * has been busy with a statement for that long: to say so is an answer.
 * Keepalives, for when nothing is on its way, are the system's.
 */
static bool
has_vanished(const MgConn *conn)
{
#ifdef __linux__
    struct tcp_info tcp = { 0 };
    socklen_t size_bytes = sizeof tcp;
    /* Opening has its own limit; a Unix socket knows no such thing. */
    if (PQstatus(conn->pg) != CONNECTION_OK ||
        getsockopt(PQsocket(conn->pg), IPPROTO_TCP, TCP_INFO, &tcp, &size_bytes) != 0)
        return false;
    /* A single question may be on its way just now. */
    return tcp.tcpi_retransmits + tcp.tcpi_probes > 1 && tcp.tcpi_last_ack_recv >= VANISHED_MS;
#else
    (void)conn;
    return false;
#endif
}

MgWaited
mg_conn_wait(MgConn *conn, bool for_write, int64_t until_ms)
{
    for (;;) {
        struct pollfd fds[2] = {
            { .fd = PQsocket(conn->pg), .events = (short)(POLLIN | (for_write ? POLLOUT : 0)) },
            { .fd = conn->is_cancelled ? -1 : conn->cancel_fd, .events = POLLIN },
        };
        int timeout_ms = LOOK_MS;
        if (until_ms != INT64_MAX) {
            int64_t left_ms = until_ms - mg_clock_ms();
            timeout_ms = left_ms < 0 ? 0 : left_ms < LOOK_MS ? (int)left_ms : LOOK_MS;
        }
        int n = poll(fds, 2, timeout_ms);
        if (n < 0 && errno == EINTR)
            continue;
        conn->has_vanished = n == 0 && has_vanished(conn);
        if (n < 0 || conn->has_vanished)
            return MG_WAITED_BROKEN;
        if (fds[1].revents != 0)
            return MG_WAITED_CANCEL;
        if (n > 0)
            return MG_WAITED_READY;
        if (until_ms != INT64_MAX && mg_clock_ms() >= until_ms)
            return MG_WAITED_TIME;
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
 * PQcancel sends its key in clear, whatever the session does.  libpq 17 can also
 * ask as the session was made.
 */
static void
ask_to_stop(const MgConn *conn)
{
#ifdef LIBPQ_HAS_ASYNC_CANCEL
    if (PQsslInUse(conn->pg) == 1 || PQgssEncInUse(conn->pg) == 1) {
        PGcancelConn *request = PQcancelCreate(conn->pg);
        (void)PQcancelBlocking(request);
        PQcancelFinish(request);
        return;
    }
#endif
    char reason[256];
    (void)PQcancel(conn->cancel, reason, sizeof reason);
}

/* A request has no time limit, and the path to the server may be dead: a child sends it. */
void
mg_conn_send_cancel(MgConn *conn)
{
    if (conn->cancel == NULL || !mg_conn_reap_cancel(conn, false))
        return; /* the last one is still on its way */
    pid_t child = mg_child_start();
    if (child == 0) {
        ask_to_stop(conn);
        _exit(0);
    }
    if (child > 0)
        conn->cancel_child = child;
    else
        ask_to_stop(conn);
}

bool
mg_conn_reap_cancel(MgConn *conn, bool is_final)
{
    if (conn->cancel_child == 0)
        return true;
    if (!mg_child_reap(conn->cancel_child, is_final))
        return false;
    conn->cancel_child = 0;
    return true;
}
