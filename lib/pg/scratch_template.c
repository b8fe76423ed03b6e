/*
 * The programs of a scratch server, and its finished data folder, which is
 * made once and then copied: initdb takes ten times as long as a copy.
 *
 * The template lies in the user's cache folder and belongs to us alone; the
 * copy belongs to whom the server runs as.  Caching is best effort: without a
 * cache folder everything works, only slower.
 */
#include "pg/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/text.h"
#include "pg/programs.h"
#include "target/cache.h"
#include "target/environment.h"

enum {
    LOCK_MS = 60000, /* another process may be making the template, not longer than this */
    LOCK_TICK_MS = 10,
    COPY_BYTES = 256 << 10,
    COPY_MAX_DEPTH = 8,
    KEY_HEX = 16,
    UNUSED_DAYS = 30, /* then a template is removed: its PostgreSQL was upgraded, most likely */
};

static const char template_prefix[] = "postgres-";
static const char unfinished_suffix[] = ".new";

/* ---- Programs ------------------------------------------------------------ */

static bool
find_in(const char *folder, size_t folder_bytes, MgArena *arena, MgPrograms *ret)
{
    MgPrograms found = *ret;
    found.initdb = mg_program_in(folder, folder_bytes, "initdb", arena);
    found.postgres = mg_program_in(folder, folder_bytes, "postgres", arena);
    if (found.initdb == NULL || found.postgres == NULL)
        return false;
    *ret = found;
    return true;
}

static bool
find_both_on_path(const char *path, MgArena *arena, MgPrograms *ret)
{
    while (path != NULL && *path != '\0') {
        size_t size_bytes = strcspn(path, ":");
        if (*path == '/' && find_in(path, size_bytes, arena, ret))
            return true;
        path += size_bytes;
        path += *path == ':' ? 1 : 0;
    }
    return false;
}

/* The first number in "/usr/lib/postgresql/15/bin"; 0 when there is none. */
static int
version_in(const char *path)
{
    int version = 0;
    for (path += strcspn(path, "0123456789"); *path >= '0' && *path <= '9'; path++)
        version = version < 1000 ? version * 10 + (*path - '0') : version;
    return version;
}

static bool
find_newest(const char *pattern, MgArena *arena, MgPrograms *ret)
{
    glob_t places;
    if (glob(pattern, 0, NULL, &places) != 0)
        return false;
    bool is_found = false;
    int newest = 0;
    for (size_t i = 0; i < places.gl_pathc; i++) {
        const char *place = places.gl_pathv[i];
        if (is_found && version_in(place) <= newest)
            continue;
        if (!find_in(place, strlen(place), arena, ret))
            continue;
        is_found = true;
        newest = version_in(place);
    }
    globfree(&places);
    return is_found;
}

bool
mg_programs_find(char *const *environment, const char *const *places, MgArena *arena,
                 MgPrograms *ret, MgError *err)
{
    const char *path = mg_environment_get(environment, "PATH");
    const char *rm = mg_program_on_path(path, "rm", arena);
    MgPrograms found = { .rm = rm != NULL ? rm : "/bin/rm" };

    bool is_found = find_both_on_path(path, arena, &found);
    for (size_t i = 0; !is_found && places[i] != NULL; i++)
        is_found = find_newest(places[i], arena, &found);
    const char *pg_config = is_found ? NULL : mg_program_on_path(path, "pg_config", arena);
    if (pg_config != NULL) {
        char *argv[] = { mg_arena_text(arena, pg_config), mg_arena_text(arena, "--bindir"), NULL };
        const char *folder = mg_program_ask(argv, environment, arena);
        is_found = folder != NULL && find_in(folder, strlen(folder), arena, &found);
    }
    if (is_found) {
        *ret = found;
        return true;
    }
    (void)mg_fail(err, MG_E_NO_POSTGRES, "could not find the programs \"initdb\" and \"postgres\"");
    mg_error_detail(err, "Looked into PATH, %s, %s and other usual places, and asked pg_config.",
                    mg_usual_places[0], mg_usual_places[1]);
    mg_error_hint(err, "Install the PostgreSQL server, on Debian and Ubuntu: "
                       "apt-get install postgresql");
    mg_error_hint(err, "If it is installed somewhere else, add the folder of \"initdb\" to PATH.");
    mg_error_note(err, "no server was started");
    return false;
}

/* ---- The cache ----------------------------------------------------------- */

void
mg_template_init(char *const *environment, const char *rm, const char *key, MgArena *arena,
                 MgTemplate *ret)
{
    *ret = (MgTemplate){ .cache = mg_cache_folder(environment, arena), .rm = rm, .lock_fd = -1 };
    if (ret->cache == NULL)
        return;
    char hex[MG_DIGEST_HEX_BYTES];
    MgDigest *digest = mg_digest_begin();
    mg_digest_add(digest, key, strlen(key));
    mg_digest_end(digest, hex);
    ret->path = mg_arena_format(arena, "%s/%s%.*s", ret->cache, template_prefix, KEY_HEX, hex);
    ret->unfinished = mg_arena_format(arena, "%s%s", ret->path, unfinished_suffix);
}

void
mg_template_unlock(MgTemplate *template)
{
    if (template->lock_fd >= 0)
        (void)close(template->lock_fd);
    template->lock_fd = -1;
}

void
mg_template_lock(MgTemplate *template)
{
    if (template->path == NULL)
        return;
    char lock[PATH_MAX];
    if (snprintf(lock, sizeof lock, "%s/lock", template->cache) >= (int)sizeof lock)
        return;
    template->lock_fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (template->lock_fd < 0)
        return;
    int64_t deadline_ms = mg_clock_ms() + LOCK_MS;
    while (flock(template->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        if (mg_clock_ms() >= deadline_ms) {
            mg_template_unlock(template);
            return;
        }
        (void)poll(NULL, 0, LOCK_TICK_MS);
    }
}

/* ---- Copying ------------------------------------------------------------- */

typedef struct Copy {
    uid_t uid;
    gid_t gid;
    bool must_own; /* give what is made to uid and gid */
    bool is_lean;  /* leave out what the server can do without */
    char *buffer;  /* COPY_BYTES */
} Copy;

static bool
copy_bytes(int from_fd, int to_fd, const Copy *copy)
{
    for (;;) {
        ssize_t n = read(from_fd, copy->buffer, COPY_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0;
        if (!mg_file_write_all(to_fd, copy->buffer, (size_t)n))
            return false;
    }
}

static bool
own(int fd, const Copy *copy)
{
    return !copy->must_own || fchown(fd, copy->uid, copy->gid) == 0;
}

static bool
copy_file(int from_dir, int to_dir, const char *name, const Copy *copy)
{
    int from_fd = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (from_fd < 0)
        return false;
    int to_fd = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool is_ok = to_fd >= 0 && copy_bytes(from_fd, to_fd, copy) && own(to_fd, copy);
    (void)close(from_fd);
    /* A full disk may show only now. */
    return to_fd >= 0 && close(to_fd) == 0 && is_ok;
}

static bool copy_folder(int from_parent, int to_parent, const char *from, const char *to,
                        const Copy *copy, int depth);

/*
 * Free space and visibility maps are hints: the server makes them again when
 * it wants them.  They are a quarter of all files, and making files is what
 * the time of a copy goes into.
 */
static bool
is_hint_file(const char *name)
{
    return mg_text_ends(name, "_fsm") || mg_text_ends(name, "_vm");
}

/* A data folder has files and folders, nothing else: a link in it is not followed. */
static bool
copy_entries(DIR *from, int to_fd, const Copy *copy, int depth)
{
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(from);
        if (entry == NULL)
            return errno == 0;
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
            (copy->is_lean && is_hint_file(name)))
            continue;
        struct stat found;
        if (fstatat(dirfd(from), name, &found, AT_SYMLINK_NOFOLLOW) != 0)
            return false;
        bool is_ok = S_ISREG(found.st_mode)
                         ? copy_file(dirfd(from), to_fd, name, copy)
                         : S_ISDIR(found.st_mode) &&
                               copy_folder(dirfd(from), to_fd, name, name, copy, depth + 1);
        if (!is_ok)
            return false;
    }
}

static bool
copy_folder(int from_parent, int to_parent, const char *from, const char *to, const Copy *copy,
            int depth)
{
    if (depth > COPY_MAX_DEPTH || mkdirat(to_parent, to, 0700) != 0)
        return false;
    int from_fd = openat(from_parent, from, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int to_fd = openat(to_parent, to, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *entries = from_fd >= 0 ? fdopendir(from_fd) : NULL;
    bool is_ok = entries != NULL && to_fd >= 0 && own(to_fd, copy) &&
                 copy_entries(entries, to_fd, copy, depth);
    if (entries != NULL)
        (void)closedir(entries);
    else if (from_fd >= 0)
        (void)close(from_fd);
    if (to_fd >= 0)
        (void)close(to_fd);
    return is_ok;
}

bool
mg_template_copy(const MgTemplate *template, const char *folder, uid_t uid, gid_t gid,
                 MgArena *arena)
{
    if (template->path == NULL)
        return false;
    MgArenaMark mark = mg_arena_mark(arena);
    Copy copy = { .uid = uid,
                  .gid = gid,
                  .must_own = uid != geteuid(),
                  .buffer = mg_arena_alloc(arena, COPY_BYTES) };
    struct stat before, after;
    /* The time of the last use: what is used is not removed. */
    (void)utimensat(AT_FDCWD, template->path, NULL, AT_SYMLINK_NOFOLLOW);
    /* A template is renamed before it is removed: if it still has its name now, it is all here. */
    bool is_ok = lstat(template->path, &before) == 0 &&
                 copy_folder(AT_FDCWD, AT_FDCWD, template->path, folder, &copy, 0) &&
                 lstat(template->path, &after) == 0 && before.st_dev == after.st_dev &&
                 before.st_ino == after.st_ino;
    mg_arena_reset(arena, mark);
    return is_ok;
}

/* Under the lock nobody else uses this name; a killed run may have left one. */
static void
remove_unfinished(const MgTemplate *template, MgArena *arena)
{
    char *argv[] = { mg_arena_text(arena, template->rm), mg_arena_text(arena, "-rf"),
                     mg_arena_text(arena, "--"), mg_arena_text(arena, template->unfinished), NULL };
    (void)mg_program_ask(argv, NULL, arena);
}

/* Rename first: nobody may see half of it. */
static void
remove_template(const MgTemplate *template, const char *path, MgArena *arena)
{
    if (rename(path, template->unfinished) == 0)
        remove_unfinished(template, arena);
}

/* "postgres-0123456789abcdef" and what a killed run left of one; nothing else is ours. */
static bool
is_template_name(const char *name)
{
    if (!mg_text_starts(name, template_prefix))
        return false;
    name += strlen(template_prefix);
    if (strspn(name, "0123456789abcdef") != KEY_HEX)
        return false;
    return name[KEY_HEX] == '\0' || strcmp(name + KEY_HEX, unfinished_suffix) == 0;
}

/* Under the lock, behind a new template: those of other keys that nobody has used for long. */
static void
remove_unused(const MgTemplate *template, MgArena *arena)
{
    int64_t oldest_s = mg_clock_wall_ms() / 1000 - UNUSED_DAYS * INT64_C(86400);
    DIR *entries = opendir(template->cache);
    const struct dirent *entry = NULL;
    while (entries != NULL && (entry = readdir(entries)) != NULL) {
        struct stat found;
        if (is_template_name(entry->d_name) &&
            fstatat(dirfd(entries), entry->d_name, &found, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISDIR(found.st_mode) && found.st_mtime < oldest_s)
            remove_template(template,
                            mg_arena_format(arena, "%s/%s", template->cache, entry->d_name), arena);
    }
    if (entries != NULL)
        (void)closedir(entries);
}

void
mg_template_keep(const MgTemplate *template, const char *folder, MgArena *arena)
{
    if (template->lock_fd < 0)
        return;
    MgArenaMark mark = mg_arena_mark(arena);
    Copy copy = { .is_lean = true, .buffer = mg_arena_alloc(arena, COPY_BYTES) };
    remove_unfinished(template, arena);
    if (!copy_folder(AT_FDCWD, AT_FDCWD, folder, template->unfinished, &copy, 0) ||
        rename(template->unfinished, template->path) != 0)
        remove_unfinished(template, arena);
    remove_unused(template, arena);
    mg_arena_reset(arena, mark);
}

void
mg_template_discard(MgTemplate *template, MgArena *arena)
{
    mg_template_lock(template);
    if (template->lock_fd < 0)
        return;
    remove_unfinished(template, arena);
    remove_template(template, template->path, arena);
    mg_template_unlock(template);
}
