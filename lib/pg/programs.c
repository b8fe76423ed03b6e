#include "pg/programs.h"

#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

const char *const mg_usual_places[] = {
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
    "/usr/local/pgsql/bin",
    NULL,
};

const char *
mg_program_in(const char *folder, size_t folder_bytes, const char *name, MgArena *arena)
{
    const char *path = mg_arena_format(arena, "%.*s/%s", (int)folder_bytes, folder, name);
    return access(path, X_OK) == 0 ? path : NULL;
}

const char *
mg_program_on_path(const char *path, const char *name, MgArena *arena)
{
    while (path != NULL && *path != '\0') {
        size_t size_bytes = strcspn(path, ":");
        const char *found = *path == '/' ? mg_program_in(path, size_bytes, name, arena) : NULL;
        if (found != NULL)
            return found;
        path += size_bytes;
        path += *path == ':' ? 1 : 0;
    }
    return NULL;
}

const char *
mg_program_ask(char *const *argv, char *const *environment, MgArena *arena)
{
    static char *const no_environment[] = { NULL };
    int answer[2];
    if (pipe(answer) != 0)
        return NULL;
    (void)fcntl(answer[0], F_SETFD, FD_CLOEXEC);
    (void)fcntl(answer[1], F_SETFD, FD_CLOEXEC);

    posix_spawn_file_actions_t actions;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDWR, 0);
    (void)posix_spawn_file_actions_adddup2(&actions, answer[1], STDOUT_FILENO);
    (void)posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_RDWR, 0);
    pid_t pid = 0;
    int failure = posix_spawn(&pid, argv[0], &actions, NULL, argv,
                              environment != NULL ? environment : no_environment);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(answer[1]);

    char text[PATH_MAX];
    size_t size_bytes = 0;
    ssize_t n = failure == 0 ? 1 : 0;
    while (n > 0 && size_bytes < sizeof text) {
        n = read(answer[0], text + size_bytes, sizeof text - size_bytes);
        size_bytes += n > 0 ? (size_t)n : 0;
    }
    (void)close(answer[0]);
    int status = 1;
    if (failure != 0 || waitpid(pid, &status, 0) != pid || status != 0)
        return NULL;
    const char *end = memchr(text, '\n', size_bytes);
    return mg_arena_text_n(arena, text, end != NULL ? (size_t)(end - text) : size_bytes);
}
