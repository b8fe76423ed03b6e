#include "pg/conn_child.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void
ignore_caught(void)
{
    for (int number = 1; number < NSIG; number++) {
        struct sigaction action;
        if (sigaction(number, NULL, &action) != 0 || action.sa_handler == SIG_IGN ||
            action.sa_handler == SIG_DFL)
            continue;
        action = (struct sigaction){ .sa_handler = SIG_IGN };
        (void)sigaction(number, &action, NULL);
    }
}

pid_t
mg_child_start(void)
{
    /* Held back until the child has no handlers any more. */
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t child = fork();
    int fork_errno = errno;
    if (child == 0)
        ignore_caught();
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = fork_errno;
    return child;
}

bool
mg_child_reap(pid_t child, bool is_final)
{
    if (is_final)
        (void)kill(child, SIGKILL);
    pid_t ended;
    do
        ended = waitpid(child, NULL, is_final ? 0 : WNOHANG);
    while (ended < 0 && errno == EINTR);
    /* Whoever uses the library may have reaped it: then waitpid fails, which is as well. */
    return ended != 0;
}
