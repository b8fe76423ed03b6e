/*
 * migrate scratch: a throw-away server, migrated, for the time of one command
 * or until a signal.
 *
 * stdout belongs to the command that is run, or holds the URL alone, so what
 * up would say about each migration is not said here.
 */
#include "cmd.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "talk.h"

enum {
    DIR_BYTES = 512,
    WAIT_MIN_MS = 1,
    WAIT_MAX_MS = 20, /* longest time between the end of the command and ours */
    SIGNALLED = 128,  /* exit status of a command that a signal ended: 128 + its number */
};

typedef struct Args {
    bool is_empty;
} Args;

static const MgOpt opts[] = {
    { .name = "empty",
      .type = MG_OPT_FLAG,
      .help = "leave the server without migrations",
      .offset = offsetof(Args, is_empty) },
    { .name = NULL },
};

/* ---- Migrating ------------------------------------------------------------- */

/* Only what one should not miss. */
static void
on_event(void *payload, const MgEvent *event)
{
    if (event->kind == MG_EVENT_WARNING)
        mg_talk_event(payload, event);
}

/* A folder that nobody named may be absent: then there is nothing to migrate. */
static bool
has_migrations(const MgRun *run)
{
    struct stat found;
    char dir[DIR_BYTES];
    MgOptions options;
    MgError err;
    mg_cmd_options(run, &options);
    /* What is wrong with the configuration is said when it is opened. */
    return run->common->dir != NULL || !mg_setting(&options, "dir", dir, sizeof dir, &err) ||
           stat(dir, &found) == 0;
}

static bool
migrate(const MgRun *run, const char *url, MgError *err)
{
    MgOptions options;
    mg_cmd_options(run, &options);
    options.env = ""; /* it is nobody's */
    options.url = url;
    options.url_from = "migrate scratch";
    options.keeps_notebook = false; /* nobody asks for it again */
    options.on_event = on_event;
    options.payload = run->talk;

    MgContext *context = NULL;
    MgGoal goal = { .kind = MG_GOAL_UP };
    MgOutcome outcome;
    if (!mg_open(&options, &context, err))
        return false;
    bool is_ok = mg_run(context, &goal, &outcome, err);
    mg_close(context);
    return is_ok;
}

/* ---- The command ------------------------------------------------------------ */

/* Does Ctrl-C go to our process group, so that the command gets it without us? */
static bool
is_in_front(void)
{
    return tcgetpgrp(STDIN_FILENO) == getpgrp() || tcgetpgrp(STDERR_FILENO) == getpgrp();
}

static bool
start_command(const MgRun *run, MgScratch *scratch, pid_t *ret, MgError *err)
{
    /* No program run on a scratch server may find its way to a real one. */
    char *const *environment = NULL;
    if (!mg_scratch_environment(scratch, run->environment, &environment, err))
        return false;
    /* Whatever we ignore or block, the command starts as if from a shell. */
    sigset_t none, keyboard;
    posix_spawnattr_t attributes;
    (void)sigemptyset(&none);
    (void)sigemptyset(&keyboard);
    (void)sigaddset(&keyboard, SIGINT);
    (void)sigaddset(&keyboard, SIGQUIT);
    (void)sigaddset(&keyboard, SIGPIPE);
    (void)sigaddset(&keyboard, SIGXFSZ);
    (void)posix_spawnattr_init(&attributes);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setsigdefault(&attributes, &keyboard);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int failure =
        posix_spawnp(ret, run->words.items[0], NULL, &attributes, run->words.items, environment);
    (void)posix_spawnattr_destroy(&attributes);
    if (failure == 0)
        return true;
    return mg_fail(err, MG_E_USAGE, "could not run \"%s\": %s", mg_cmd_shown(run->words.items[0]),
                   strerror(failure));
}

/* The signal that cancel_fd became readable for. */
static int
read_signal(int cancel_fd)
{
    unsigned char number = 0;
    if (read(cancel_fd, &number, 1) != 1 || number == 0)
        return SIGTERM;
    return number;
}

/* Signals are passed on; the command decides what it does with them. */
static int
wait_for_command(const MgRun *run, pid_t pid)
{
    int status = 0;
    int wait_ms = WAIT_MIN_MS;
    for (;;) {
        pid_t found = waitpid(pid, &status, WNOHANG);
        if (found == pid)
            break;
        if (found < 0 && errno != EINTR)
            return 1;
        struct pollfd fd = { .fd = run->cancel_fd, .events = POLLIN };
        if (poll(&fd, 1, wait_ms) > 0)
            (void)kill(pid, read_signal(run->cancel_fd));
        wait_ms = wait_ms * 2 < WAIT_MAX_MS ? wait_ms * 2 : WAIT_MAX_MS;
    }
    return WIFSIGNALED(status) ? SIGNALLED + WTERMSIG(status) : WEXITSTATUS(status);
}

static bool
run_command(const MgRun *run, MgScratch *scratch, int *ret_status, MgError *err)
{
    pid_t pid = 0;
    if (is_in_front()) {
        /* As system(3) does: "migrate scratch psql" must survive a Ctrl-C that psql survives. */
        struct sigaction ignore = { .sa_handler = SIG_IGN };
        (void)sigaction(SIGINT, &ignore, NULL);
        (void)sigaction(SIGQUIT, &ignore, NULL);
    }
    if (!start_command(run, scratch, &pid, err))
        return false;
    *ret_status = wait_for_command(run, pid);
    return true;
}

/* Alone: the URL for whoever asked, and then nothing until a signal. */
static void
wait_for_signal(const MgRun *run, const char *url)
{
    mg_talk_write(run->talk, url, strlen(url));
    mg_talk_write(run->talk, "\n", 1);
    struct pollfd fd = { .fd = run->cancel_fd, .events = POLLIN };
    while (poll(&fd, 1, -1) < 0 && errno == EINTR)
        continue;
}

static bool
run_scratch(const MgRun *run, int *ret_status, MgError *err)
{
    const Args *args = run->args;
    const char *named = mg_cmd_named_database(run->common);
    if (named != NULL)
        return mg_cmd_usage("scratch", err,
                            "scratch makes a database of its own; --%s names another", named);
    MgScratch *scratch = NULL;
    if (!mg_scratch_open(run->environment, &scratch, err))
        return false;
    const char *url = mg_scratch_url(scratch);
    bool is_ok = args->is_empty || !has_migrations(run) || migrate(run, url, err);
    if (!is_ok)
        mg_error_note(err, MG_SCRATCH_NOTE);
    if (is_ok && run->words.n > 0)
        is_ok = run_command(run, scratch, ret_status, err);
    else if (is_ok)
        wait_for_signal(run, url);
    mg_scratch_close(scratch);
    return is_ok;
}

const MgCmd cmd_scratch = {
    .name = "scratch",
    .argument = "[-- COMMAND...]",
    .summary = "a throw-away PostgreSQL, migrated, for one command",
    .about = "Start a PostgreSQL of its own from locally installed programs, in a private\n"
             "folder and on a Unix socket, apply the migrations, and run COMMAND on it.\n"
             "There DATABASE_URL, every other variable that is known to name a database or\n"
             "holds the URL of one, and libpq's variables lead to that server, also those\n"
             "that a file .env* or prisma/schema.prisma of this folder names, so that what\n"
             "COMMAND loads does not lead elsewhere. The exit status is COMMAND's. Without\n"
             "COMMAND the URL is printed and the server lives until a signal. In any case\n"
             "it is stopped and removed afterwards.",
    .opts = opts,
    .args_bytes = sizeof(Args),
    .min_words = 0,
    .max_words = SIZE_MAX,
    .stops_at_word = true,
    .is_behind = true,
    .examples =
        (const char *const[]){ "migrate scratch -- npm test",
                               "run the tests on a freshly migrated server", "migrate scratch psql",
                               "look at the schema that the files make", "migrate scratch --empty",
                               "an empty server, until Ctrl-C", NULL },
    .run = run_scratch,
};
