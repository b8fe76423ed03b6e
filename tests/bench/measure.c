/*
 * What one run of a program takes: like time(1), in exact figures.
 *
 * usage: bench_measure FIGURES COMMAND [ARGUMENT]...
 *
 * Writes "WALL_US CPU_US PEAK_KB" into the file FIGURES: the time on the clock,
 * the program's own CPU time (user and system), its peak memory.  Exits as the
 * program did, 128 + N after signal N.
 *
 * A program starts with the peak memory of whoever started it, up to the exec.
 * So it is this small program that starts it, and no interpreter.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t
now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t
in_us(struct timeval time)
{
    return (int64_t)time.tv_sec * 1000000 + time.tv_usec;
}

int
main(int argc, char **argv)
{
    if (argc < 3) {
        fputs("usage: bench_measure FIGURES COMMAND [ARGUMENT]...\n", stderr);
        return 2;
    }
    FILE *figures = fopen(argv[1], "we");
    if (figures == NULL) {
        perror(argv[1]);
        return 2;
    }
    int64_t begin_us = now_us();
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* who stops the benchmark stops it all */
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        _exit(127);
    }
    int status = 0;
    struct rusage usage;
    while (wait4(pid, &status, 0, &usage) != pid) {
        if (errno != EINTR) {
            perror("wait4");
            return 2;
        }
    }
    fprintf(figures, "%" PRId64 " %" PRId64 " %ld\n", now_us() - begin_us,
            in_us(usage.ru_utime) + in_us(usage.ru_stime), usage.ru_maxrss);
    if (fclose(figures) != 0) {
        perror(argv[1]);
        return 2;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
