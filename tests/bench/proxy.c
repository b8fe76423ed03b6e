/*
 * A network of our own: a TCP proxy that delays and counts.
 *
 * usage: bench_proxy SERVER_PORT RTT_MS
 *
 * Listens on a free port of 127.0.0.1, which is the first line that it prints,
 * and connects to 127.0.0.1:SERVER_PORT.  Each byte is handed on RTT/2 after it
 * came, however many are on the way: a delay, no limit of speed.  Connecting
 * costs one RTT, as it does over a real line.  Towards the server it uses the
 * client's own port on 127.0.0.2, so the server sees the port that the client
 * sees, as over a real line.
 *
 * A line on standard input is answered by one with what was counted since the
 * last, and at its end the program ends.  Counted are connections, bytes, and
 * round trips: one for connecting, then one each time that an answer comes to
 * a client that has been silent for a whole RTT before it sent.  So whoever
 * sends without waiting for answers is not charged, and who waits for room is.
 * At RTT 0 every turn of direction counts, waited for or not.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_LINES = 64,
    CHUNK_BYTES = 64 << 10,
    MAX_QUEUED_BYTES = 64 << 20, /* then it reads no more, like a full pipe */
};

/* Bytes on their way. */
typedef struct Chunk {
    struct Chunk *next;
    int64_t due_us;
    size_t size_bytes, sent_bytes;
    char bytes[];
} Chunk;

typedef struct Queue {
    Chunk *first, *last;
    size_t size_bytes;
    bool is_ended; /* nothing more will come */
    bool is_shut;  /* and that was handed on */
} Queue;

/* One connection: what [0] the client and [1] the server sent. */
typedef struct Line {
    int fds[2];
    Queue queues[2];
    int64_t open_us;   /* when the client is connected, as it would be over a real line */
    int64_t client_us; /* when the client last sent; 0 = never */
    bool is_answered;  /* what the client sent last */
} Line;

typedef struct Counted {
    int64_t connections, trips, bytes[2];
} Counted;

static Line lines[MAX_LINES];
static size_t n_lines;
static Counted counted;
static int64_t rtt_us;
static uint16_t server_port;

static int64_t
now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void
die(const char *what)
{
    perror(what);
    exit(2);
}

static void
set_up(int fd)
{
    int on = 1;
    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
        die("could not set up a socket");
}

/* ---- Counting ------------------------------------------------------------ */

static void
count_bytes(Line *line, int side, size_t size_bytes, int64_t at_us)
{
    counted.bytes[side] += (int64_t)size_bytes;
    if (side == 1) {
        /* What a client that has left is told about it nobody waits for. */
        counted.trips += !line->is_answered && !line->queues[0].is_ended;
        line->is_answered = true;
        return;
    }
    if (line->client_us == 0 || (line->is_answered && at_us - line->client_us >= rtt_us))
        line->is_answered = false;
    line->client_us = at_us;
}

/* ---- Lines ---------------------------------------------------------------- */

static void
open_line(int listener)
{
    struct sockaddr_in address = { 0 };
    socklen_t size = sizeof address;
    int client = accept(listener, (struct sockaddr *)&address, &size);
    if (client < 0)
        return;
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    (void)setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons(server_port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    if (n_lines == MAX_LINES || bind(server, (struct sockaddr *)&address, sizeof address) != 0 ||
        connect(server, (struct sockaddr *)&to, sizeof to) != 0) {
        perror("could not connect to the server");
        close(server);
        close(client);
        return;
    }
    set_up(client);
    set_up(server);
    lines[n_lines++] =
        (Line){ .fds = { client, server }, .open_us = now_us() + rtt_us, .is_answered = true };
    counted.connections++;
    counted.trips++;
}

static void
close_line(size_t i)
{
    for (int side = 0; side < 2; side++) {
        close(lines[i].fds[side]);
        for (Chunk *chunk = lines[i].queues[side].first, *next; chunk != NULL; chunk = next) {
            next = chunk->next;
            free(chunk);
        }
    }
    lines[i] = lines[--n_lines];
}

/* Take what a side has sent.  False when the connection is broken. */
static bool
take(Line *line, int side)
{
    Queue *queue = &line->queues[side];
    Chunk *chunk = malloc(sizeof *chunk + CHUNK_BYTES);
    if (chunk == NULL)
        die("malloc");
    ssize_t n = read(line->fds[side], chunk->bytes, CHUNK_BYTES);
    int64_t at_us = now_us();
    if (n <= 0) {
        free(chunk);
        queue->is_ended = n == 0;
        return n == 0 || errno == EAGAIN;
    }
    /* A client that is not connected yet could not have sent. */
    if (side == 0 && at_us < line->open_us)
        at_us = line->open_us;
    *chunk = (Chunk){ .due_us = at_us + rtt_us / 2, .size_bytes = (size_t)n };
    if (queue->first == NULL)
        queue->first = chunk;
    else
        queue->last->next = chunk;
    queue->last = chunk;
    queue->size_bytes += (size_t)n;
    count_bytes(line, side, (size_t)n, at_us);
    return true;
}

/* Hand on what is due.  False when the connection is broken. */
static bool
hand_on(Line *line, int side, int64_t at_us)
{
    Queue *queue = &line->queues[side];
    for (Chunk *chunk; (chunk = queue->first) != NULL && chunk->due_us <= at_us;) {
        ssize_t n = send(line->fds[!side], chunk->bytes + chunk->sent_bytes,
                         chunk->size_bytes - chunk->sent_bytes, MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN;
        chunk->sent_bytes += (size_t)n;
        if (chunk->sent_bytes < chunk->size_bytes)
            return true;
        queue->first = chunk->next;
        queue->size_bytes -= chunk->size_bytes;
        free(chunk);
    }
    if (queue->first == NULL && queue->is_ended && !queue->is_shut) {
        (void)shutdown(line->fds[!side], SHUT_WR);
        queue->is_shut = true;
    }
    return true;
}

/* What to wait for on both ends; *until_us becomes the earliest chunk that is not due yet. */
static void
await(const Line *line, int64_t at_us, struct pollfd fds[2], int64_t *until_us)
{
    for (int side = 0; side < 2; side++)
        fds[side] = (struct pollfd){ .fd = line->fds[side] };
    for (int side = 0; side < 2; side++) {
        const Queue *queue = &line->queues[side];
        if (!queue->is_ended && queue->size_bytes < MAX_QUEUED_BYTES)
            fds[side].events |= POLLIN;
        if (queue->first == NULL)
            continue;
        if (queue->first->due_us <= at_us)
            fds[!side].events |= POLLOUT;
        else if (queue->first->due_us < *until_us)
            *until_us = queue->first->due_us;
    }
    for (int side = 0; side < 2; side++)
        if (fds[side].events == 0)
            fds[side].fd = -1; /* a hang-up would be told again and again */
}

static bool
serve_line(Line *line, const struct pollfd fds[2])
{
    for (int side = 0; side < 2; side++)
        if ((fds[side].revents & (POLLIN | POLLHUP | POLLERR)) != 0 &&
            (fds[side].events & POLLIN) != 0 && !take(line, side))
            return false;
    int64_t at_us = now_us();
    for (int side = 0; side < 2; side++)
        if (!hand_on(line, side, at_us))
            return false;
    return !line->queues[0].is_shut || !line->queues[1].is_shut;
}

/* ---- The program ------------------------------------------------------------ */

static int
listen_on_loopback(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(fd, 16) != 0 || getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        die("could not listen");
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

/* False at the end of the input. */
static bool
answer(void)
{
    char asked[64];
    if (read(STDIN_FILENO, asked, sizeof asked) <= 0)
        return false;
    printf("%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n", counted.connections, counted.trips,
           counted.bytes[0], counted.bytes[1]);
    fflush(stdout);
    counted = (Counted){ 0 };
    return true;
}

static void
serve(int listener)
{
    for (;;) {
        struct pollfd fds[2 + 2 * MAX_LINES];
        int64_t at_us = now_us(), until_us = INT64_MAX;
        fds[0] = (struct pollfd){ .fd = STDIN_FILENO, .events = POLLIN };
        fds[1] = (struct pollfd){ .fd = listener, .events = POLLIN };
        for (size_t i = 0; i < n_lines; i++)
            await(&lines[i], at_us, fds + 2 + 2 * i, &until_us);

        int64_t left_us = until_us - at_us;
        struct timespec left = { .tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000 };
        if (ppoll(fds, 2 + 2 * n_lines, until_us == INT64_MAX ? NULL : &left, NULL) < 0 &&
            errno != EINTR)
            die("ppoll");
        /* From the last: closing one moves the last into its place. */
        for (size_t i = n_lines; i-- > 0;)
            if (!serve_line(&lines[i], fds + 2 + 2 * i))
                close_line(i);
        if (fds[1].revents != 0)
            open_line(listener);
        if (fds[0].revents != 0 && !answer())
            return;
    }
}

int
main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("usage: bench_proxy SERVER_PORT RTT_MS\n", stderr);
        return 2;
    }
    server_port = (uint16_t)strtoul(argv[1], NULL, 10);
    rtt_us = (int64_t)(strtod(argv[2], NULL) * 1000);
    serve(listen_on_loopback());
    return 0;
}
