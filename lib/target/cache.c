#include "target/cache.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include "target/environment.h"

/* A folder, made if it is not there, that only we can write. */
static bool
is_our_folder(const char *path)
{
    struct stat found;
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return false;
    return stat(path, &found) == 0 && S_ISDIR(found.st_mode) && found.st_uid == geteuid() &&
           (found.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/*
 * Somebody else's home, as sudo may leave it in HOME, is not ours to write
 * into, nor may what lies there be trusted.
 */
const char *
mg_cache_folder(char *const *environment, MgArena *arena)
{
    const char *base = mg_environment_get(environment, "XDG_CACHE_HOME");
    const char *home = mg_environment_get(environment, "HOME");
    struct stat found;
    if (base == NULL || *base != '/') {
        if (home == NULL || *home != '/' || stat(home, &found) != 0 || found.st_uid != geteuid())
            return NULL;
        base = mg_arena_format(arena, "%s/.cache", home);
    }
    if (!is_our_folder(base))
        return NULL;
    const char *cache = mg_arena_format(arena, "%s/migrate", base);
    return is_our_folder(cache) ? cache : NULL;
}
