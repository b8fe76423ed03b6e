/* Renumbering: the files of one migration get a version behind all others.  Never overwrites. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/format.h"

/* The files of the migration that a word names, and what stands beside them. */
typedef struct Found {
    MgNativeFile *files[MG_RENUMBER_MAX_FILES];
    size_t n_files;
    const MgNativeFile *other; /* another migration of the same version, or NULL */
    bool is_last;              /* no other file has its version or a newer one */
} Found;

static bool
fail_unknown(const MgRenumber *renumber, MgError *err)
{
    mg_fail(err, MG_E_UNKNOWN_VERSION, "no file in \"%s\" has version \"%s\"", renumber->dir,
            renumber->version);
    mg_error_hint(err, "List the migrations that there are: migrate show");
    return false;
}

void
mg_renumber_hint(const char *one, const char *other, MgError *err)
{
    mg_error_hint(err,
                  "Put the one that is applied nowhere yet to the end, by one of these:\n"
                  "migrate renumber %s\nmigrate renumber %s",
                  one, other);
}

static bool
is_applied(const MgRenumber *renumber, const char *label)
{
    for (size_t i = 0; i < renumber->n_applied; i++)
        if (strcmp(renumber->applied[i], label) == 0)
            return true;
    return false;
}

static bool
fail_two(const MgRenumber *renumber, const MgNativeFile *one, const MgNativeFile *other,
         MgError *err)
{
    bool is_one = is_applied(renumber, one->label), is_other = is_applied(renumber, other->label);
    mg_fail(err, MG_E_USAGE, "\"%s\" and \"%s\" have one version", one->label, other->label);
    mg_error_at(err, other->path, 0, 0);
    if (is_one == is_other) {
        mg_renumber_hint(one->label, other->label, err);
    } else {
        mg_error_detail(err, "%s is applied here.", is_one ? one->label : other->label);
        mg_error_hint(err, "Put the other one to the end: migrate renumber %s",
                      is_one ? other->label : one->label);
    }
    return false;
}

/* Is the newest applied one newer than the file, or another one of its version? */
static bool
is_applied_behind(const char *above, const MgNativeFile *file)
{
    char version[MG_VERSION_BYTES] = "";
    size_t n_digits = above == NULL ? 0 : strspn(above, "0123456789");
    if (n_digits == 0 || n_digits >= sizeof version)
        return false;
    memcpy(version, above, n_digits);
    int order = mg_version_compare(version, file->version);
    return order > 0 || (order == 0 && !mg_version_matches(above, file->version, file->label));
}

/* The first label that the word names is the one; a second one makes the word ambiguous. */
static bool
find(const MgRenumber *renumber, MgNativeFile *files, size_t n_files, Found *ret, MgError *err)
{
    Found found = { .is_last = true };
    for (size_t i = 0; i < n_files; i++) {
        MgNativeFile *file = &files[i];
        if (file->version == NULL ||
            !mg_version_matches(renumber->version, file->version, file->label))
            continue;
        if (found.n_files > 0 && strcmp(found.files[0]->label, file->label) != 0)
            return fail_two(renumber, found.files[0], file, err);
        if (found.n_files < MG_RENUMBER_MAX_FILES)
            found.files[found.n_files++] = file;
    }
    if (found.n_files == 0)
        return fail_unknown(renumber, err);
    const MgNativeFile *first = found.files[0];
    for (size_t i = 0; i < n_files; i++)
        if (files[i].version != NULL && strcmp(files[i].label, first->label) != 0 &&
            mg_version_compare(files[i].version, first->version) >= 0)
            found.is_last = false;
    found.is_last = found.is_last && !is_applied_behind(renumber->above, first);
    *ret = found;
    return true;
}

static bool
set_text(char *ret, size_t ret_bytes, const char *dir, const char *label, const char *ending,
         MgError *err)
{
    size_t dir_bytes = strlen(dir);
    const char *slash = dir_bytes == 0 || dir[dir_bytes - 1] == '/' ? "" : "/";
    int size = snprintf(ret, ret_bytes, "%s%s%s%s", dir, slash, label, ending);
    return (size > 0 && (size_t)size < ret_bytes) ||
           mg_fail(err, MG_E_USAGE, "the path of a file is longer than %zu bytes", ret_bytes - 1);
}

/* The new names: only the version changes. */
static bool
name_files(const MgRenumber *renumber, const Found *found, const char *version, MgRenumbered *ret,
           MgError *err)
{
    const char *label = found->files[0]->label;
    const char *old = found->files[0]->version;
    if (!set_text(ret->from, sizeof ret->from, "", label, "", err) ||
        !set_text(ret->to, sizeof ret->to, "", version, label + strlen(old), err))
        return false;
    mg_text_copy(ret->version, sizeof ret->version, version);
    mg_text_copy(ret->old_version, sizeof ret->old_version, old);
    for (size_t i = 0; i < found->n_files; i++) {
        const char *name = strrchr(found->files[i]->path, '/');
        name = name == NULL ? found->files[i]->path : name + 1;
        const char *ending = name + strlen(label);
        if (!set_text(ret->files[i].from, sizeof ret->files[i].from, renumber->dir, label, ending,
                      err) ||
            !set_text(ret->files[i].to, sizeof ret->files[i].to, renumber->dir, ret->to, ending,
                      err))
            return false;
    }
    return true;
}

/* A second name and then no first one: unlike rename it never takes another file's place. */
static bool
move_file(const char *from, const char *to, MgError *err)
{
    struct stat status;
    bool is_moved = link(from, to) == 0 && unlink(from) == 0;
    /* File systems without links: what is checked here may in theory change meanwhile. */
    if (!is_moved && (errno == EPERM || errno == ENOTSUP || errno == ENOSYS) &&
        lstat(to, &status) != 0 && errno == ENOENT)
        is_moved = rename(from, to) == 0;
    if (is_moved)
        return true;
    mg_fail_sys(err, MG_E_SYSTEM, "could not rename \"%s\" to \"%s\"", from, to);
    mg_error_at(err, from, 0, 0);
    return false;
}

static bool
move_files(MgRenumbered *renumbered, MgError *err)
{
    for (size_t i = 0; i < renumbered->n_files; i++) {
        if (move_file(renumbered->files[i].from, renumbered->files[i].to, err))
            continue;
        renumbered->n_files = i;
        MgError ignored;
        (void)mg_renumber_undo(renumbered, &ignored);
        return false;
    }
    return true;
}

static bool
renumber_alone(const MgRenumber *renumber, MgArena *arena, MgRenumbered *ret, MgError *err)
{
    MgFolder folder;
    if (!mg_folder_read(renumber->dir, arena, &folder)) {
        mg_fail_sys(err, MG_E_SOURCE, "could not read the folder \"%s\"", renumber->dir);
        mg_error_at(err, renumber->dir, 0, 0);
        return false;
    }
    MgNativeFile *files = mg_arena_alloc_array(arena, folder.n + 1, sizeof *files);
    size_t n_files = 0;
    for (size_t i = 0; i < folder.n; i++) {
        const MgFolderEntry *entry = &folder.items[i];
        MgError ignored;
        if (entry->type == MG_FILE_REGULAR &&
            mg_native_parse(entry->path, entry->name, arena, &files[n_files], &ignored) &&
            files[n_files].role != MG_NATIVE_IGNORED)
            n_files++;
    }
    Found found;
    char version[MG_VERSION_BYTES];
    if (!find(renumber, files, n_files, &found, err) ||
        !mg_version_choose(&folder, renumber->above, renumber->now_ms, version, err) ||
        !name_files(renumber, &found, version, ret, err))
        return false;
    ret->n_files = found.is_last ? 0 : found.n_files;
    return move_files(ret, err);
}

bool
mg_renumber(const MgRenumber *renumber, MgRenumbered *ret, MgError *err)
{
    MgArena arena = { 0 };
    MgRenumbered renumbered = { .n_files = 0 };
    int lock_fd = mg_folder_lock(renumber->dir);
    bool is_ok = renumber_alone(renumber, &arena, &renumbered, err);
    if (lock_fd >= 0)
        (void)close(lock_fd);
    mg_arena_release(&arena);
    if (is_ok)
        *ret = renumbered;
    return is_ok;
}

bool
mg_renumber_undo(const MgRenumbered *renumbered, MgError *err)
{
    bool is_ok = true;
    for (size_t i = renumbered->n_files; i-- > 0;)
        is_ok = move_file(renumbered->files[i].to, renumbered->files[i].from, err) && is_ok;
    return is_ok;
}
