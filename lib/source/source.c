/*
 * The source as a whole: lists the folder, pairs the files, refuses what could
 * be overlooked.  What a name or a text means is native.c's and script.c's.
 */
#include "source/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "source/format.h"

enum {
    /* Deeper folders are not searched for misplaced files. */
    SEARCH_MAX_DEPTH = 8,
};

typedef struct Files {
    MgNativeFile *items;
    size_t n, cap;
} Files;

static bool
fail_at(MgError *err, const char *path, const char *format, const char *hint)
{
    mg_fail(err, MG_E_SOURCE, format, path);
    mg_error_at(err, path, 0, 0);
    mg_error_hint(err, "%s", hint);
    return false;
}

/* ---- Folders -------------------------------------------------------------------- */

static bool
list_folder(const char *path, MgArena *arena, MgFolder *ret, MgError *err)
{
    if (mg_folder_read(path, arena, ret))
        return true;
    if (errno == ENOENT) {
        mg_fail(err, MG_E_SOURCE, "there is no folder \"%s\"", path);
        mg_error_hint(err, "\"migrate new NAME\" makes it with a first migration.");
        mg_error_hint(err, "If the migrations are elsewhere, name their folder: --dir PATH");
    } else if (errno == ENOTDIR) {
        mg_fail(err, MG_E_SOURCE, "\"%s\" is not a folder", path);
        mg_error_hint(err, "Name the folder that the migrations are in: --dir PATH");
    } else {
        mg_fail_sys(err, MG_E_SOURCE, "could not read the folder \"%s\"", path);
        mg_error_hint(err, "Check who may read it; --dir PATH names another one.");
    }
    mg_error_at(err, path, 0, 0);
    return false;
}

/* A .sql file below the folder would be left out without a word: refuse it. */
static bool
refuse_sql_below(const char *path, int depth, MgArena *arena, MgError *err)
{
    MgFolder folder;
    if (!list_folder(path, arena, &folder, err))
        return false;
    for (size_t i = 0; i < folder.n; i++) {
        const MgFolderEntry *entry = &folder.items[i];
        if (entry->type != MG_FILE_FOLDER && mg_native_is_sql(entry->name))
            return fail_at(err, entry->path, "\"%s\" lies in a sub-folder",
                           "Migrations stand side by side in one folder. Move the file there, or"
                           " out of it.");
        bool is_searched = entry->type == MG_FILE_FOLDER && !entry->is_link &&
                           entry->name[0] != '.' && depth < SEARCH_MAX_DEPTH;
        if (is_searched && !refuse_sql_below(entry->path, depth + 1, arena, err))
            return false;
    }
    return true;
}

static bool
check_entry(const char *dir, const MgFolderEntry *entry, MgArena *arena, MgError *err)
{
    static const char move_hint[] = "If it is no migration, move it out of the folder.";
    const char *path = entry->path;

    bool is_plain = entry->type == MG_FILE_REGULAR && !entry->is_link;
    if (is_plain || entry->name[0] == '.')
        return true;
    if (entry->type == MG_FILE_FOLDER && mg_native_is_sql(entry->name))
        return fail_at(err, path, "\"%s\" is a folder, not a file", move_hint);
    if (entry->type == MG_FILE_FOLDER) {
        MgArenaMark mark = mg_arena_mark(arena);
        bool is_fine = refuse_sql_below(path, 0, arena, err);
        mg_arena_reset(arena, mark);
        return is_fine;
    }
    if (!mg_native_is_sql(entry->name))
        return true;
    if (entry->is_link && entry->type == MG_FILE_OTHER)
        return fail_at(err, path, "the symbolic link \"%s\" leads to no file", move_hint);
    if (entry->is_link && !mg_link_stays_inside(dir, entry->name))
        return fail_at(err, path, "the symbolic link \"%s\" leads out of the folder",
                       "Copy the file into the folder, so that what runs is what was reviewed.");
    if (entry->type == MG_FILE_OTHER)
        return fail_at(err, path, "\"%s\" is not a regular file", move_hint);
    return true;
}

/* ---- Pairing --------------------------------------------------------------------- */

static int
compare_files(const void *a, const void *b)
{
    const MgNativeFile *one = a;
    const MgNativeFile *other = b;
    int order = mg_native_compare(one, other);
    if (order == 0)
        order = (one->role > other->role) - (one->role < other->role);
    return order == 0 ? strcmp(one->path, other->path) : order;
}

/* A folder comes in byte order, which nearly always is the order of versions too. */
static void
sort(Files *files)
{
    for (size_t i = 1; i < files->n; i++) {
        if (compare_files(&files->items[i - 1], &files->items[i]) > 0) {
            qsort(files->items, files->n, sizeof *files->items, compare_files);
            return;
        }
    }
}

static bool
fail_same_version(const MgNativeFile *a, const MgNativeFile *b, MgError *err)
{
    bool is_one_label = strcmp(a->label, b->label) == 0;
    if (is_one_label && a->role == b->role) {
        mg_fail(err, MG_E_SOURCE, "\"%s\" is given twice", a->path);
    } else if (is_one_label && b->role == MG_NATIVE_DOWN) {
        mg_fail(err, MG_E_SOURCE, "\"%s\" stands beside \"%s\", which is for both directions",
                b->path, a->path);
        mg_error_hint(err,
                      "Name the other file %s.up.sql, or move the down script into it, below"
                      " the line \"-- migrate:down\".",
                      a->label);
    } else if (is_one_label) {
        mg_fail(err, MG_E_SOURCE, "two files are the up script of %s: \"%s\" and \"%s\"", a->label,
                a->path, b->path);
        mg_error_hint(err, "Delete one of them, or give it another version.");
    } else {
        mg_fail(err, MG_E_SOURCE, "\"%s\" and \"%s\" have one version", a->label, b->label);
        mg_renumber_hint(a->label, b->label, err);
    }
    mg_error_at(err, b->path, 0, 0);
    return false;
}

static bool
fail_no_up(const MgNativeFile *down, const MgNativeFile *other, MgError *err)
{
    mg_fail(err, MG_E_SOURCE, "\"%s\" has no up script", down->path);
    mg_error_at(err, down->path, 0, 0);
    if (other != NULL)
        mg_error_detail(err, "The up script of version %s is \"%s\".", other->version, other->path);
    mg_error_hint(err, "Its up script has the same name with another ending: %s.up.sql",
                  down->label);
    return false;
}

/* Of the n files of one version: the up script, and the down script or NULL. */
static bool
pair(const MgNativeFile *files, size_t n, const MgNativeFile **ret_down, MgError *err)
{
    const MgNativeFile *down = n > 1 ? &files[1] : NULL;
    if (files[0].role == MG_NATIVE_DOWN)
        return fail_no_up(&files[0], NULL, err);
    if (down != NULL && down->role != MG_NATIVE_DOWN)
        return fail_same_version(&files[0], down, err);
    for (size_t i = 1; i < n; i++) {
        if (strcmp(files[i].label, files[0].label) != 0)
            return fail_no_up(&files[i], &files[0], err);
    }
    if (down != NULL && files[0].role == MG_NATIVE_SECTIONS)
        return fail_same_version(&files[0], down, err);
    if (n > 2)
        return fail_same_version(&files[1], &files[2], err);
    *ret_down = down;
    return true;
}

static void
add_note(MgSource *source, MgArena *arena, const char *note)
{
    if (source->n_notes == source->cap_notes)
        source->notes = mg_arena_grow(arena, source->notes, source->n_notes, &source->cap_notes,
                                      sizeof *source->notes);
    source->notes[source->n_notes++] = note;
}

static int
open_folder(const MgSource *source)
{
    return source->dir == NULL ? -1 : open(source->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Of a versioned one the plan has more to say. */
static void
note_empty(MgSource *source, const MgMigration *migration, MgArena *arena)
{
    if (migration->kind == MG_REPEATABLE && migration->up->n_statements == 0)
        add_note(source, arena, mg_arena_format(arena, "%s has no statements", migration->path));
}

static bool
build(Files *files, bool is_analysed, MgArena *arena, MgSource *source, MgError *err)
{
    /* As for a command that looks at none: the first digest takes a millisecond to begin. */
    if (files->n == 0)
        return true;
    MG_CLEANUP(reading) MgReading reading;
    MG_CLEANUP(fd) int folder_fd = open_folder(source);
    mg_reading_open(&reading, arena);
    reading.folder_fd = folder_fd;
    sort(files);
    /* A down script is no migration of its own. */
    for (size_t i = 0; i < files->n; i++)
        source->cap += files->items[i].role != MG_NATIVE_DOWN;
    source->items = mg_arena_room(arena, source->cap, sizeof *source->items);
    for (size_t i = 0, n; i < files->n; i += n) {
        const MgNativeFile *first = &files->items[i];
        const MgNativeFile *down = NULL;
        for (n = 1; i + n < files->n && mg_native_compare(first, first + n) == 0;)
            n++;
        MgMigration *migration = &source->items[source->n];
        if (!pair(first, n, &down, err))
            return false;
        if (is_analysed ? !mg_native_read(first, down, &reading, migration, err)
                        : !mg_native_glance(first, down, &reading, migration, err))
            return false;
        if (is_analysed)
            note_empty(source, migration, arena);
        source->n++;
    }
    source->kept_bytes = reading.kept_bytes;
    return true;
}

static bool
check_count(const char *what, size_t n, MgError *err)
{
    return n <= MG_SOURCE_MAX_FILES ||
           mg_fail(err, MG_E_SOURCE, "%s has %zu files, the limit is %d", what, n,
                   MG_SOURCE_MAX_FILES);
}

static bool
read_folder(const char *dir, bool is_analysed, MgArena *arena, MgSource *ret, MgError *err)
{
    MgSource source = { 0 };
    size_t dir_bytes = strlen(dir);
    while (dir_bytes > 1 && dir[dir_bytes - 1] == '/')
        dir_bytes--;
    source.dir = mg_arena_text_n(arena, dir, dir_bytes);

    MgFolder folder;
    if (!list_folder(source.dir, arena, &folder, err) ||
        !check_count(mg_arena_format(arena, "\"%s\"", source.dir), folder.n, err))
        return false;
    Files files = { .items = mg_arena_room(arena, folder.n, sizeof *files.items), .cap = folder.n };
    for (size_t i = 0; i < folder.n; i++) {
        const MgFolderEntry *entry = &folder.items[i];
        MgNativeFile file;
        if (!check_entry(source.dir, entry, arena, err))
            return false;
        if (entry->type == MG_FILE_FOLDER)
            continue;
        if (!mg_native_parse(entry->path, entry->name, arena, &file, err))
            return false;
        if (file.role != MG_NATIVE_IGNORED)
            MG_PUSH(arena, &files, file);
    }
    if (!build(&files, is_analysed, arena, &source, err))
        return false;
    if (source.n == 0)
        add_note(&source, arena,
                 mg_arena_format(arena,
                                 "no migrations in \"%s\"; \"migrate new NAME\" makes the first",
                                 source.dir));
    *ret = source;
    return true;
}

static bool
read_memory(const MgFile *memory, size_t n_files, bool is_analysed, MgArena *arena, MgSource *ret,
            MgError *err)
{
    MgSource source = { 0 };
    Files files = { 0 };
    if (!check_count("the list of migrations", n_files, err))
        return false;
    for (size_t i = 0; i < n_files; i++) {
        MgNativeFile file;
        if (!mg_native_parse(memory[i].name, memory[i].name, arena, &file, err))
            return false;
        file.text = memory[i].text == NULL ? "" : memory[i].text;
        file.size_bytes = memory[i].size_bytes;
        if (file.role != MG_NATIVE_IGNORED)
            MG_PUSH(arena, &files, file);
    }
    if (!build(&files, is_analysed, arena, &source, err))
        return false;
    if (source.n == 0)
        add_note(&source, arena, "no migrations were given");
    *ret = source;
    return true;
}

static bool
read_place(const MgSourcePlace *place, bool is_analysed, MgArena *arena, MgSource *ret,
           MgError *err)
{
    return place->dir != NULL
               ? read_folder(place->dir, is_analysed, arena, ret, err)
               : read_memory(place->files, place->n_files, is_analysed, arena, ret, err);
}

bool
mg_source_list(const MgSourcePlace *place, MgArena *arena, MgSource *ret, MgError *err)
{
    return read_place(place, false, arena, ret, err);
}

bool
mg_source_read(const MgSourcePlace *place, MgArena *arena, MgSource *ret, MgError *err)
{
    return read_place(place, true, arena, ret, err);
}

/* The first one from i on that is to be analysed; source->n: none. */
static size_t
next_wanted(const MgSource *source, const bool *wanted, size_t i)
{
    while (i < source->n && (source->items[i].up != NULL || (wanted != NULL && !wanted[i])))
        i++;
    return i;
}

bool
mg_source_analyse(MgSource *source, const bool *wanted, MgArena *arena, MgError *err)
{
    size_t i = next_wanted(source, wanted, 0);
    if (i == source->n)
        return true;
    MG_CLEANUP(reading) MgReading reading;
    MG_CLEANUP(fd) int folder_fd = open_folder(source);
    mg_reading_open(&reading, arena);
    reading.folder_fd = folder_fd;
    reading.kept_bytes = source->kept_bytes;
    for (; i < source->n; i = next_wanted(source, wanted, i + 1)) {
        MgMigration *migration = &source->items[i];
        if (!mg_native_read(migration->up_file, migration->down_file, &reading, migration, err))
            return false;
        note_empty(source, migration, arena);
    }
    source->kept_bytes = reading.kept_bytes;
    return true;
}
