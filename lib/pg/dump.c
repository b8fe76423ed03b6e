/*
 * pg_dump: which one, and running it.  It connects by itself, so it gets the
 * address of the server that we are connected to and the password by its
 * environment, which only this user can read.
 */
#include "pg/dump.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "pg/programs.h"
#include "target/environment.h"

enum {
    MAX_SCHEMA_BYTES = 512 << 20,
    MAX_SAID_BYTES = 64 << 10,
    SHOWN_SAID_BYTES = 1500,
    MAX_MAJOR = 1000,
    SERVER_MAJOR = 10000, /* 150004 is version 15 */
    READ_BYTES = 64 << 10,
};

#define LOCK_WAIT_FLAG "--lock-wait-timeout=60s" /* for a table that a migration holds */

/* ---- Finding it ------------------------------------------------------------ */

typedef struct Search {
    char *const *environment;
    MgArena *arena;
    int wanted; /* major version of the server */
    const char *best;
    int best_major;
    MgBuf seen; /* "15.20 in /usr/lib/postgresql/15/bin/pg_dump", ... */
} Search;

/* 15 of "pg_dump (PostgreSQL) 15.20 (Debian ...)"; 0 when it says something else. */
static int
major_of(const char *answer, const char **ret_version)
{
    int major = 0;
    const char *at = strstr(answer, "(PostgreSQL) ");
    if (at == NULL)
        return 0;
    *ret_version = at += strlen("(PostgreSQL) ");
    for (; *at >= '0' && *at <= '9' && major < MAX_MAJOR; at++)
        major = major * 10 + (*at - '0');
    return major;
}

/* A link to a program of another name is a wrapper, which would choose a version of its own. */
static bool
is_wrapper(const char *path)
{
    char *real = realpath(path, NULL);
    const char *name = real == NULL ? NULL : strrchr(real, '/');
    bool is_other = name != NULL && strcmp(name, "/pg_dump") != 0;
    mg_free(real);
    return is_other;
}

static void
try_program(Search *search, const char *path)
{
    if (path == NULL || search->best_major == search->wanted || is_wrapper(path))
        return;
    char *argv[] = { mg_arena_text(search->arena, path), mg_arena_text(search->arena, "--version"),
                     NULL };
    const char *answer = mg_program_ask(argv, search->environment, search->arena);
    const char *version = "";
    int major = answer == NULL ? 0 : major_of(answer, &version);
    if (major == 0)
        return;
    mg_buf_format(&search->seen, "%s%.*s in %s", search->seen.size_bytes == 0 ? "" : ", ",
                  (int)strcspn(version, " "), version, path);
    bool is_nearer = search->best == NULL || major < search->best_major;
    if (major >= search->wanted && is_nearer) {
        search->best = path;
        search->best_major = major;
    }
}

static void
try_path(Search *search, const char *path)
{
    while (path != NULL && *path != '\0') {
        size_t size_bytes = strcspn(path, ":");
        if (*path == '/')
            try_program(search, mg_program_in(path, size_bytes, "pg_dump", search->arena));
        path += size_bytes;
        path += *path == ':' ? 1 : 0;
    }
}

static void
try_places(Search *search, const char *pattern)
{
    glob_t places;
    if (glob(pattern, 0, NULL, &places) != 0)
        return;
    for (size_t i = 0; i < places.gl_pathc; i++)
        try_program(search, mg_program_in(places.gl_pathv[i], strlen(places.gl_pathv[i]), "pg_dump",
                                          search->arena));
    globfree(&places);
}

static void
try_pg_config(Search *search, const char *path)
{
    const char *pg_config = mg_program_on_path(path, "pg_config", search->arena);
    if (pg_config == NULL || search->best_major == search->wanted)
        return;
    char *argv[] = { mg_arena_text(search->arena, pg_config),
                     mg_arena_text(search->arena, "--bindir"), NULL };
    const char *folder = mg_program_ask(argv, search->environment, search->arena);
    if (folder != NULL)
        try_program(search, mg_program_in(folder, strlen(folder), "pg_dump", search->arena));
}

static bool
fail_absent(const Search *search, MgError *err)
{
    if (search->seen.size_bytes == 0) {
        (void)mg_fail(err, MG_E_NO_POSTGRES, "could not find the program \"pg_dump\"");
        mg_error_detail(err,
                        "Looked into PATH, %s, %s and other usual places, and asked"
                        " pg_config.",
                        mg_usual_places[0], mg_usual_places[1]);
    } else {
        (void)mg_fail(err, MG_E_NO_POSTGRES, "no pg_dump here is new enough for PostgreSQL %d",
                      search->wanted);
        mg_error_detail(err, "Found: %s.", mg_buf_text(&search->seen));
    }
    mg_error_hint(err,
                  "Install version %d of PostgreSQL's client programs, or a later one: apt-get "
                  "install postgresql-client-%d, brew install libpq.",
                  search->wanted, search->wanted);
    mg_error_hint(err, "If it is installed somewhere else, add the folder of \"pg_dump\" to PATH.");
    mg_error_note(err, "nothing was written");
    return false;
}

bool
mg_dump_find(char *const *environment, const char *const *places, int server_version,
             MgArena *arena, const char **ret, MgError *err)
{
    const char *path = mg_environment_get(environment, "PATH");
    Search search = { .environment = environment,
                      .arena = arena,
                      .wanted = server_version / SERVER_MAJOR };
    try_path(&search, path);
    for (size_t i = 0; places[i] != NULL; i++)
        try_places(&search, places[i]);
    try_pg_config(&search, path);
    if (search.best == NULL)
        (void)fail_absent(&search, err);
    else
        *ret = search.best;
    mg_buf_release(&search.seen);
    return search.best != NULL;
}

/* ---- What it is given ------------------------------------------------------- */

typedef struct Words {
    char **items;
    size_t n, cap;
} Words;

/* "host='/tmp/x' port='5432'": everything about the connection but the secret and our own. */
static bool
make_conninfo(const MgParams *params, MgArena *arena, const char **ret, const char **ret_password,
              MgError *err)
{
    MG_CLEANUP(buf) MgBuf text = { 0 };
    for (size_t i = 0; i < params->n; i++) {
        const char *key = params->items[i].key, *value = params->items[i].value;
        if (value == NULL || strcmp(key, "application_name") == 0 ||
            strcmp(key, "client_encoding") == 0)
            continue;
        if (strcmp(key, "password") == 0) {
            *ret_password = value;
            continue;
        }
        if (strcmp(key, "sslpassword") == 0) {
            (void)mg_fail(err, MG_E_CONFIG, "pg_dump cannot be given the URL's sslpassword");
            mg_error_detail(err, "It takes it as an argument only, which others can read.");
            mg_error_hint(err, "Use a client key without a password for it.");
            return false;
        }
        mg_buf_format(&text, "%s='", key);
        for (; *value != '\0'; value++) {
            if (*value == '\'' || *value == '\\')
                mg_buf_add_char(&text, '\\');
            mg_buf_add_char(&text, *value);
        }
        mg_buf_add(&text, "' ");
    }
    mg_buf_add(&text, "application_name='migrate dump'");
    *ret = mg_arena_text(arena, mg_buf_text(&text));
    return true;
}

static char *const *
make_argv(const MgDumpInput *input, const char *conninfo, MgArena *arena)
{
    static const char *const flags[] = {
        "--schema-only",   "--no-password",      "--no-tablespaces",
        "--encoding=UTF8", "--no-subscriptions", LOCK_WAIT_FLAG,
    };
    Words words = { 0 };
    MG_PUSH(arena, &words, mg_arena_text(arena, input->program));
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        MG_PUSH(arena, &words, mg_arena_text(arena, flags[i]));
    MG_PUSH(arena, &words, mg_arena_format(arena, "--snapshot=%s", input->snapshot));
    if (!input->has_owners) {
        MG_PUSH(arena, &words, mg_arena_text(arena, "--no-owner"));
        MG_PUSH(arena, &words, mg_arena_text(arena, "--no-privileges"));
    }
    if (input->role != NULL)
        MG_PUSH(arena, &words, mg_arena_format(arena, "--role=%s", input->role));
    MG_PUSH(arena, &words, mg_arena_format(arena, "--dbname=%s", conninfo));
    MG_PUSH(arena, &words, NULL);
    return words.items;
}

static char *const *
make_environment(char *const *environment, const char *password, MgArena *arena)
{
    static const char *const ours[] = { "LC_ALL=", "PG_COLOR=" };
    Words words = { 0 };
    for (; environment != NULL && *environment != NULL; environment++) {
        bool is_ours = password != NULL && mg_text_starts(*environment, "PGPASSWORD=");
        for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
            is_ours = is_ours || mg_text_starts(*environment, ours[i]);
        if (!is_ours)
            MG_PUSH(arena, &words, *environment);
    }
    MG_PUSH(arena, &words, mg_arena_text(arena, "LC_ALL=C"));
    if (password != NULL)
        MG_PUSH(arena, &words, mg_arena_format(arena, "PGPASSWORD=%s", password));
    MG_PUSH(arena, &words, NULL);
    return words.items;
}

/* ---- Running it --------------------------------------------------------------- */

typedef struct Child {
    pid_t pid;
    int out, said; /* what it writes, read by us; -1 when it is over */
} Child;

static bool
make_pipes(int ret[2][2])
{
    for (int i = 0; i < 2; i++) {
        if (pipe(ret[i]) != 0) {
            if (i == 1) {
                (void)close(ret[0][0]);
                (void)close(ret[0][1]);
            }
            return false;
        }
        (void)fcntl(ret[i][0], F_SETFD, FD_CLOEXEC);
        (void)fcntl(ret[i][1], F_SETFD, FD_CLOEXEC);
    }
    return true;
}

static bool
start(char *const *argv, char *const *environment, Child *ret, MgError *err)
{
    int pipes[2][2];
    if (!make_pipes(pipes))
        return mg_fail_sys(err, MG_E_SYSTEM, "could not make a pipe");
    sigset_t none, usual;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    (void)sigemptyset(&none);
    (void)sigemptyset(&usual);
    (void)sigaddset(&usual, SIGPIPE);
    (void)posix_spawnattr_init(&attributes);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setsigdefault(&attributes, &usual);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_adddup2(&actions, pipes[0][1], STDOUT_FILENO);
    (void)posix_spawn_file_actions_adddup2(&actions, pipes[1][1], STDERR_FILENO);
    errno = posix_spawn(&ret->pid, argv[0], &actions, &attributes, argv, environment);
    bool is_ok = errno == 0 || mg_fail_sys(err, MG_E_SYSTEM, "could not run \"%s\"", argv[0]);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attributes);
    for (int i = 0; i < 2; i++) {
        (void)close(pipes[i][1]);
        if (!is_ok)
            (void)close(pipes[i][0]);
    }
    ret->out = pipes[0][0];
    ret->said = pipes[1][0];
    return is_ok;
}

/* Reads what is there; at its end *fd is -1. */
static void
take(int *fd, MgBuf *ret, char *piece)
{
    ssize_t n = read(*fd, piece, READ_BYTES);
    if (n > 0) {
        mg_buf_add_n(ret, piece, (size_t)n);
    } else if (n == 0 || errno != EINTR) {
        (void)close(*fd);
        *fd = -1;
    }
}

/* Until both ends are closed.  False: cancelled. */
static bool
collect(Child *child, int cancel_fd, MgArena *arena, MgBuf *out, MgBuf *said)
{
    char *piece = mg_arena_alloc(arena, READ_BYTES);
    while (child->out >= 0 || child->said >= 0) {
        struct pollfd fds[] = { { .fd = child->out, .events = POLLIN },
                                { .fd = child->said, .events = POLLIN },
                                { .fd = cancel_fd, .events = POLLIN } };
        if (poll(fds, 3, -1) < 0 && errno != EINTR)
            return false;
        if (fds[2].revents != 0)
            return false;
        if (fds[0].revents != 0)
            take(&child->out, out, piece);
        if (fds[1].revents != 0)
            take(&child->said, said, piece);
    }
    struct pollfd cancel = { .fd = cancel_fd, .events = POLLIN };
    return poll(&cancel, 1, 0) <= 0;
}

/* It, or NULL: nothing. */
static const char *
shown(const MgConn *conn, const MgBuf *said, MgArena *arena)
{
    size_t size_bytes = said->size_bytes;
    const char *text = mg_buf_text(said);
    while (size_bytes > 0 && text[size_bytes - 1] == '\n')
        size_bytes--;
    if (size_bytes == 0)
        return NULL;
    size_bytes = mg_text_valid_utf8(text, size_bytes);
    char *copy = mg_arena_text_n(arena, text, mg_text_cut(text, size_bytes, SHOWN_SAID_BYTES));
    mg_text_defuse(copy, true);
    return mg_conn_mask(conn, copy, arena);
}

static bool
fail_ended(const MgDumpInput *input, int status, const char *said, MgError *err)
{
    (void)mg_fail(err, MG_E_SERVER, "pg_dump ended with %s %d",
                  WIFSIGNALED(status) ? "signal" : "status",
                  WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    mg_error_at(err, input->program, 0, 0);
    if (said != NULL)
        mg_error_detail(err, "It said:\n%s", said);
    mg_error_note(err, "nothing was written");
    return false;
}

bool
mg_dump_run(const MgDumpInput *input, MgArena *arena, MgBuf *ret, const char **ret_warnings,
            MgError *err)
{
    MgParams params;
    const char *conninfo = NULL, *password = NULL;
    MG_CLEANUP(buf) MgBuf said = { .max_bytes = MAX_SAID_BYTES };
    Child child = { 0 };
    int status = 0;
    mg_conn_params(input->conn, arena, &params);
    if (!make_conninfo(&params, arena, &conninfo, &password, err) ||
        !start(make_argv(input, conninfo, arena),
               make_environment(input->environment, password, arena), &child, err))
        return false;
    ret->max_bytes = MAX_SCHEMA_BYTES;
    bool is_cancelled = !collect(&child, input->cancel_fd, arena, ret, &said);
    if (is_cancelled)
        (void)kill(child.pid, SIGTERM);
    if (child.out >= 0)
        (void)close(child.out);
    if (child.said >= 0)
        (void)close(child.said);
    while (waitpid(child.pid, &status, 0) < 0 && errno == EINTR)
        continue;
    const char *text = shown(input->conn, &said, arena);
    if (is_cancelled)
        return mg_fail(err, MG_E_CANCELLED, "the dump was interrupted");
    if (status != 0)
        return fail_ended(input, status, text, err);
    if (ret->is_cut)
        return mg_fail(err, MG_E_SERVER, "the schema is larger than %d MiB",
                       MAX_SCHEMA_BYTES >> 20);
    *ret_warnings = text;
    return true;
}
