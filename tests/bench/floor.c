/*
 * The floor: how fast can the migrations of a folder be applied at all?
 *
 * usage: bench_floor CONNINFO FOLDER
 *        bench_floor --read FOLDER
 *
 * With --read no server is asked: every file is opened, read once and goes
 * through SHA-256 once, which is the least that a run with nothing to do owes to
 * its files.  libpq is loaded, since such a run cannot do without it.
 *
 * Else it is a bare program on libpq: no proof, no fence, no digests, no scanner, no
 * hygiene.  It takes a lock, makes a small history table, reads it, and sends
 * every file of the folder, in the order of their names, in one pipeline: BEGIN,
 * its statements (a statement ends where a line does that ends in ";"), a
 * prepared INSERT into the history, COMMIT.  What it cannot do (COPY, a file
 * above 1 GB, a failure in the middle) does not matter here.
 */
#define OPENSSL_API_COMPAT 0x10100000L /* the functions of 1.1 are faster than those of 3 */

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libpq-fe.h>
#include <openssl/sha.h>

/* What lives until the end. */
static PGconn *conn;
static PGresult *rows;
static struct dirent **entries;
static char **applied;
static int n_applied;

static void
die(const char *what)
{
    fprintf(stderr, "floor: %s: %s\n", what, PQerrorMessage(conn));
    exit(1);
}

static void
check(int is_ok)
{
    if (is_ok != 1)
        die("could not send");
}

/* Send what is queued and take what comes, until the newest Sync is answered. */
static void
drain(PGresult **ret_rows)
{
    check(PQpipelineSync(conn));
    for (;;) {
        int left = PQflush(conn);
        struct pollfd fd = { .fd = PQsocket(conn),
                             .events = (short)(POLLIN | (left == 1 ? POLLOUT : 0)) };
        if (left < 0 || poll(&fd, 1, -1) < 0 || PQconsumeInput(conn) != 1)
            die("lost");
        while (!PQisBusy(conn)) {
            PGresult *result = PQgetResult(conn);
            if (result == NULL)
                continue; /* between two statements */
            ExecStatusType status = PQresultStatus(result);
            if (status == PGRES_FATAL_ERROR)
                die("failed");
            if (status == PGRES_PIPELINE_SYNC) {
                PQclear(result);
                return;
            }
            if (status == PGRES_TUPLES_OK && ret_rows != NULL) {
                PQclear(*ret_rows);
                *ret_rows = result;
            } else {
                PQclear(result);
            }
        }
    }
}

static void
query(const char *sql)
{
    check(PQsendQueryParams(conn, sql, 0, NULL, NULL, NULL, NULL, 0));
}

static int
is_file(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot != NULL && strcmp(dot, ".sql") == 0;
}

static int
compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
read_state(void)
{
    query("SELECT pg_try_advisory_lock(42)");
    query("CREATE TABLE IF NOT EXISTS floor_history (version text PRIMARY KEY,"
          " applied_at timestamptz NOT NULL DEFAULT clock_timestamp())");
    query("SELECT version FROM floor_history");
    drain(&rows);
    n_applied = PQntuples(rows);
    applied = calloc((size_t)n_applied + 1, sizeof *applied);
    for (int i = 0; i < n_applied; i++)
        applied[i] = PQgetvalue(rows, i, 0);
    qsort(applied, (size_t)n_applied, sizeof *applied, compare);
}

static char *
read_file(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0)
        die(path);
    size_t size_bytes = (size_t)ftell(file);
    char *text = malloc(size_bytes + 1);
    rewind(file);
    if (text == NULL || fread(text, 1, size_bytes, file) != size_bytes)
        die(path);
    text[size_bytes] = '\0';
    fclose(file);
    return text;
}

static void
send_file(const char *folder, const char *name)
{
    char *text = read_file(folder, name);
    query("BEGIN");
    for (char *at = text, *end; *at != '\0'; at = end) {
        end = strstr(at, ";\n");
        if (end == NULL) {
            end = at + strlen(at);
        } else {
            end[0] = '\0';
            end += 2;
        }
        query(at);
    }
    const char *params[] = { name };
    check(PQsendQueryPrepared(conn, "record", 1, params, NULL, NULL, 0));
    query("COMMIT");
    free(text);
}

static void
read_folder(const char *folder)
{
    static char text[1 << 20];
    int folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int n = scandir(folder, &entries, is_file, alphasort);
    if (n < 0)
        die(folder);
    for (int i = 0; i < n; i++) {
        int fd = openat(folder_fd, entries[i]->d_name, O_RDONLY | O_CLOEXEC);
        ssize_t size_bytes = read(fd, text, sizeof text);
        if (size_bytes < 0 || close(fd) != 0)
            die(entries[i]->d_name);
        SHA256_CTX state;
        unsigned char bytes[SHA256_DIGEST_LENGTH];
        SHA256_Init(&state);
        SHA256_Update(&state, text, (size_t)size_bytes);
        SHA256_Final(bytes, &state);
    }
    (void)close(folder_fd);
}

int
main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("usage: bench_floor CONNINFO FOLDER, or --read FOLDER\n", stderr);
        return 2;
    }
    if (strcmp(argv[1], "--read") == 0) {
        read_folder(argv[2]);
        return 0;
    }
    conn = PQconnectdb(argv[1]);
    if (PQstatus(conn) != CONNECTION_OK || PQsetnonblocking(conn, 1) != 0 ||
        PQenterPipelineMode(conn) != 1)
        die("could not connect");
    read_state();
    int n = scandir(argv[2], &entries, is_file, alphasort);
    bool is_prepared = false;
    for (int i = 0; i < n; i++) {
        char *name = entries[i]->d_name;
        if (bsearch(&name, applied, (size_t)n_applied, sizeof *applied, compare) != NULL)
            continue;
        if (!is_prepared)
            check(PQsendPrepare(conn, "record", "INSERT INTO floor_history (version) VALUES ($1)",
                                0, NULL));
        is_prepared = true;
        send_file(argv[2], name);
    }
    if (is_prepared)
        drain(NULL);
    PQfinish(conn);
    return 0;
}
