/*
 * The guard of a scratch server: one child process that owns the server.
 *
 * The server must never outlive us, not even when we are killed with -9.  So
 * we hold one end of a socket and the guard the other: when ours is closed,
 * for whatever reason, the guard ends what it runs and removes the folder.
 * That is the only way to stop, so it is tried at every run.
 *
 * Between fork and exec only async-signal-safe calls are made: the program we
 * are a part of may have threads.
 */
#include "pg/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"

enum {
    END_MS = 10000, /* for a program to leave after SIGQUIT, before SIGKILL */
    END_TICK_MS = 2,
    STRAGGLER_MS = 500, /* for what it started and left behind */
};

/* The program the guard runs now. */
typedef struct Job {
    pid_t pid;    /* 0: none */
    int alive_fd; /* at its end when the program and all it started are gone; -1 */
} Job;

/* What the guard knows beside the plan. */
typedef struct Post {
    const MgGuardPlan *plan;
    int fd;
    int max_fd;           /* highest descriptor that was open at the fork */
    const sigset_t *mask; /* the caller's, for the programs */
} Post;

static void
tell(const Post *post, MgGuardStep step, int value)
{
    MgGuardReport report = { .step = step, .value = value };
    (void)!send(post->fd, &report, sizeof report, MSG_NOSIGNAL);
}

static void
close_on_exec(int fd)
{
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* Dispositions that are "ignore" would reach the programs through exec. */
static void
reset_signals(void)
{
    struct sigaction plain = { .sa_handler = SIG_DFL };
    for (int number = 1; number < NSIG; number++)
        (void)sigaction(number, &plain, NULL);
}

static void
close_others(const Post *post)
{
    for (int fd = 0; fd <= post->max_fd; fd++)
        if (fd != post->fd)
            (void)close(fd);
    /* Nothing else may become 0, 1 or 2. */
    int null_fd = open("/dev/null", O_RDWR);
    while (null_fd >= 0 && null_fd <= STDERR_FILENO)
        null_fd = dup(null_fd);
    if (null_fd > STDERR_FILENO)
        (void)close(null_fd);
}

/* Act as the user, but be able to come back: the folder's parent may be ours alone. */
static bool
act_as_user(const MgGuardPlan *plan)
{
    if (!plan->must_drop)
        return true;
    return setgroups(1, &plan->gid) == 0 && setegid(plan->gid) == 0 && seteuid(plan->uid) == 0;
}

/* For good: what is run from here on has no way back. */
static bool
become_user(const MgGuardPlan *plan)
{
    if (!plan->must_drop)
        return true;
    return seteuid(0) == 0 && setgid(plan->gid) == 0 && setuid(plan->uid) == 0;
}

static _Noreturn void
run_program(const Post *post, char *const *argv)
{
    int log_fd = open(post->plan->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log_fd >= 0) {
        (void)dup2(log_fd, STDOUT_FILENO);
        (void)dup2(log_fd, STDERR_FILENO);
    }
    if (!become_user(post->plan)) {
        tell(post, MG_GUARD_NOT_RUN, errno);
        _exit(127);
    }
    (void)sigprocmask(SIG_SETMASK, post->mask, NULL);
    (void)execve(argv[0], argv, post->plan->environment);
    tell(post, MG_GUARD_NOT_RUN, errno);
    _exit(127);
}

static void
start_job(const Post *post, char *const *argv, Job *job)
{
    int alive[2];
    if (pipe(alive) != 0) {
        tell(post, MG_GUARD_NOT_RUN, errno);
        return;
    }
    close_on_exec(alive[0]);
    pid_t pid = fork();
    if (pid == 0)
        run_program(post, argv);
    int fork_errno = errno;
    (void)close(alive[1]);
    if (pid < 0) {
        (void)close(alive[0]);
        tell(post, MG_GUARD_NOT_RUN, fork_errno);
        return;
    }
    *job = (Job){ .pid = pid, .alive_fd = alive[0] };
}

static void
reap_job(const Post *post, Job *job)
{
    int status = 0;
    (void)waitpid(job->pid, &status, 0);
    (void)close(job->alive_fd);
    *job = (Job){ .pid = 0, .alive_fd = -1 };
    tell(post, MG_GUARD_ENDED, status);
}

/* SIGQUIT is the server's immediate shutdown: what is in it is thrown away anyway. */
static void
end_job(const Job *job)
{
    if (job->pid == 0)
        return;
    (void)kill(job->pid, SIGQUIT);
    int waited_ms = 0;
    while (waitpid(job->pid, NULL, WNOHANG) == 0) {
        if (waited_ms == END_MS)
            (void)kill(job->pid, SIGKILL);
        (void)poll(NULL, 0, END_TICK_MS);
        waited_ms += END_TICK_MS;
    }
    struct pollfd alive = { .fd = job->alive_fd, .events = POLLIN };
    (void)poll(&alive, 1, STRAGGLER_MS);
}

static void
keep_watch(const Post *post)
{
    Job job = { .pid = 0, .alive_fd = -1 };
    for (;;) {
        struct pollfd fds[] = {
            { .fd = post->fd, .events = POLLIN },
            { .fd = job.alive_fd, .events = POLLIN },
        };
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            break;
        if (fds[1].revents != 0)
            reap_job(post, &job);
        if (fds[0].revents == 0)
            continue;
        unsigned char order = 0;
        if (recv(post->fd, &order, 1, 0) <= 0)
            break;
        if (job.pid == 0 && order < MG_N_JOBS)
            start_job(post, post->plan->jobs[order], &job);
    }
    end_job(&job);
}

static _Noreturn void
stand_guard(const Post *post)
{
    const MgGuardPlan *plan = post->plan;
    /* A session of its own: Ctrl-C is for the program in front. */
    (void)setsid();
    reset_signals();
    close_others(post);
    (void)umask(077);
    if (!act_as_user(plan)) {
        tell(post, MG_GUARD_NOT_USER, errno);
    } else if (chdir(plan->folder) != 0) {
        tell(post, MG_GUARD_NOT_FOLDER, errno);
    } else {
        tell(post, MG_GUARD_READY, 0);
        keep_watch(post);
    }
    if (plan->must_drop)
        (void)!seteuid(0);
    (void)chdir("/");
    (void)execve(plan->removal[0], plan->removal, plan->environment);
    _exit(1);
}

/* /dev/fd is there on every system that PostgreSQL is tested on. */
static int
highest_fd(void)
{
    enum { WITHOUT_LIST = 1023 };
    DIR *folder = opendir("/dev/fd");
    if (folder == NULL)
        return WITHOUT_LIST;
    uint64_t highest = 0;
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        uint64_t fd = 0;
        if (mg_text_parse_uint(entry->d_name, INT32_MAX, &fd) && fd > highest)
            highest = fd;
    }
    (void)closedir(folder);
    return (int)highest;
}

bool
mg_guard_start(const MgGuardPlan *plan, MgGuard *ret, MgError *err)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
        return mg_fail_sys(err, MG_E_SYSTEM, "could not make a socket for the scratch server");
    close_on_exec(fds[0]);
    close_on_exec(fds[1]);

    /* Blocked signals cannot end the guard before its work is done. */
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, &before);
    Post post = { .plan = plan, .fd = fds[1], .max_fd = highest_fd(), .mask = &before };
    pid_t pid = fork();
    if (pid == 0)
        stand_guard(&post);
    int fork_errno = errno;
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    (void)close(fds[1]);
    if (pid < 0) {
        (void)close(fds[0]);
        errno = fork_errno;
        return mg_fail_sys(err, MG_E_SYSTEM, "could not start a process for the scratch server");
    }
    *ret = (MgGuard){ .pid = pid, .fd = fds[0] };
    return true;
}

void
mg_guard_order(const MgGuard *guard, MgGuardJob job)
{
    unsigned char order = (unsigned char)job;
    (void)!send(guard->fd, &order, 1, MSG_NOSIGNAL);
}

MgGuardReport
mg_guard_wait(const MgGuard *guard, int timeout_ms)
{
    struct pollfd fd = { .fd = guard->fd, .events = POLLIN };
    int n = 0;
    do
        n = poll(&fd, 1, timeout_ms);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return (MgGuardReport){ .step = MG_GUARD_SILENT };
    MgGuardReport report;
    if (recv(guard->fd, &report, sizeof report, MSG_WAITALL) != (ssize_t)sizeof report)
        return (MgGuardReport){ .step = MG_GUARD_GONE };
    return report;
}

void
mg_guard_stop(MgGuard *guard)
{
    (void)close(guard->fd);
    while (waitpid(guard->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}
