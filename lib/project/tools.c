/*
 * Folders of migrations: whose they are, by the names of their files and by
 * what stands in them.  A tool is one row.  Whether a folder can be read where
 * it lies is not believed but tried, with the reader that "up" uses.
 */
#include "project/project.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "source/source.h"

enum {
    MAX_MARKED_FILES = 20, /* of a folder that are looked into */
};

typedef struct Tool {
    const char *name;
    const char *folders; /* where it keeps them, with blanks between */
    const char *files;   /* pattern of one; with a "/" it lies in a folder of its own */
    const char *marker;  /* what begins a line of it; NULL: its name tells */
    const char *sign;    /* what the project has as well; NULL: nothing */
    bool is_native;      /* its files say to us what they say to it */
} Tool;

#define MOST_USUAL "migrations db/migrations db/migration database/migrations sql/migrations"
#define USUAL MOST_USUAL " sql"

/* In the order in which they are tried: those that are told by more go first. */
static const Tool tools[] = {
    { "Prisma Migrate", "prisma/migrations", "*/migration.sql", NULL, NULL, false },
    { "Drizzle", "drizzle migrations db/migrations src/db/migrations", "meta/_journal.json", NULL,
      NULL, false },
    { "Drizzle", "drizzle", "[0-9]*/migration.sql", NULL, NULL, false },
    { "Diesel", "migrations", "*/up.sql", NULL, NULL, false },
    { "graphile-migrate", "migrations/committed", "[0-9]*.sql", NULL, NULL, false },
    { "Atlas", USUAL, "atlas.sum", NULL, NULL, false },
    { "Sqitch", "deploy", "*.sql", NULL, "sqitch.plan", false },
    { "Flyway or refinery", USUAL " src/main/resources/db/migration", "[VU][0-9]*__*.sql", NULL,
      NULL, false },
    { "goose", USUAL, "*.sql", "-- +goose Up", NULL, false },
    { "sql-migrate", USUAL, "*.sql", "-- +migrate Up", NULL, false },
    { "tern", USUAL, "[0-9]*.sql", "---- create above / drop below", NULL, false },
    { "node-pg-migrate", USUAL, "*.sql", "-- Up Migration", NULL, false },
    { "shmig", USUAL, "[0-9]*-*.sql", "-- ==== UP", NULL, false },
    { "Liquibase", USUAL, "*.sql", "--liquibase formatted sql", NULL, false },
    /* A file of its that is marked would run in a transaction. */
    { "sqlx", USUAL, "[0-9]*.sql", "-- no-transaction", NULL, false },
    { "Supabase", "supabase/migrations", "[0-9]*_*.sql", NULL, NULL, true },
    { "Rails", "db/migrate", "[0-9]*.rb", NULL, NULL, false },
    { "Laravel", "database/migrations", "*.php", NULL, NULL, false },
    { "Ecto", "priv/repo/migrations", "[0-9]*.exs", NULL, NULL, false },
    { "Alembic", "alembic/versions migrations/versions", "*.py", NULL, NULL, false },
    { "a JavaScript tool", USUAL " src/migrations", "*[0-9]*.[jt]s", NULL, NULL, false },
    /* Ours, and those of golang-migrate, dbmate and sqlx, which are named the same. */
    { NULL, MOST_USUAL, "[0-9]*_*.sql", NULL, NULL, true },
};

/* Where new migrations may go, the best first. */
static const char *const fresh_folders[] = { "migrations", "db/migrations", "sql/migrations",
                                             "database/migrations" };

/* ---- Is it this tool's? ---- */

/* Does line begin with marker, whatever its case?  A blank stands for any number of blanks and
 * dashes, for some tools are as generous. */
static bool
begins_with(const char *line, const char *marker)
{
    for (; *marker != '\0'; marker++) {
        if (*marker == ' ')
            line += strspn(line, " \t-");
        else if (*line == '\0' || !mg_text_equal_fold_n(line++, 1, (char[]){ *marker, '\0' }))
            return false;
    }
    return true;
}

static bool
has_marked_line(const char *text, const char *marker)
{
    while (*text != '\0') {
        text += strspn(text, " \t");
        if (begins_with(text, marker))
            return true;
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    return false;
}

typedef struct Search {
    const MgProject *project;
    const Tool *tool;
    size_t n_files, n_read;
    bool is_marked;
} Search;

static void
look_at(Search *search, const char *folder, const char *name)
{
    const Tool *tool = search->tool;
    search->n_files++;
    if (tool->marker == NULL || search->is_marked || search->n_read++ >= MAX_MARKED_FILES)
        return;
    const char *text = mg_project_read(
        search->project, mg_arena_format(search->project->arena, "%s/%s", folder, name));
    search->is_marked = text != NULL && has_marked_line(text, tool->marker);
}

/* The files of folder that fit pattern; those in folders of their own when it has a "/". */
static void
search_folder(Search *search, const char *folder, const char *pattern)
{
    MgArena *arena = search->project->arena;
    MgFolder list;
    const char *slash = strchr(pattern, '/');
    const char *first =
        slash == NULL ? pattern : mg_arena_text_n(arena, pattern, (size_t)(slash - pattern));
    if (!mg_folder_read(folder, arena, &list))
        return;
    for (size_t i = 0; i < list.n; i++) {
        const MgFolderEntry *entry = &list.items[i];
        if (fnmatch(first, entry->name, 0) != 0)
            continue;
        if (slash == NULL && entry->type == MG_FILE_REGULAR)
            look_at(search, folder, entry->name);
        else if (slash != NULL && entry->type == MG_FILE_FOLDER)
            search_folder(search, mg_arena_format(arena, "%s/%s", folder, entry->name), slash + 1);
    }
}

static bool
is_there(const char *path, MgArena *arena)
{
    MgFolder list;
    const char *text = NULL;
    size_t size_bytes = 0;
    return mg_folder_read(path, arena, &list) || mg_file_read(path, 0, arena, &text, &size_bytes) ||
           errno == EFBIG;
}

/* Are files of the tool in the folder? */
static bool
has_files(const MgProject *project, const Tool *tool, const char *place, const char *folder)
{
    Search search = { .project = project, .tool = tool };
    MgArena *arena = project->arena;
    if (tool->sign != NULL && !is_there(mg_arena_format(arena, "%s%s", place, tool->sign), arena))
        return false;
    search_folder(&search, folder, tool->files);
    return search.n_files > 0 && (tool->marker == NULL || search.is_marked);
}

/* The first tool whose folder it is, or NULL. */
static const Tool *
find_tool(const MgProject *project, const char *place, const char *name)
{
    MgArena *arena = project->arena;
    const char *folder = mg_arena_format(arena, "%s%s", place, name);
    for (size_t i = 0; i < sizeof tools / sizeof *tools; i++) {
        const Tool *tool = &tools[i];
        for (const char *at = tool->folders; *at != '\0';) {
            size_t n = strcspn(at, " ");
            bool is_named = strlen(name) == n && memcmp(at, name, n) == 0;
            at += n + strspn(at + n, " ");
            if (is_named && has_files(project, tool, place, folder))
                return tool;
        }
    }
    return NULL;
}

/* ---- All folders ---- */

typedef struct Names {
    const char **items;
    size_t n, cap;
} Names;

/* The folders of all rows, each once. */
static Names
list_folders(MgArena *arena)
{
    Names names = { 0 };
    for (size_t i = 0; i < sizeof tools / sizeof *tools; i++) {
        for (const char *at = tools[i].folders; *at != '\0';) {
            size_t n = strcspn(at, " "), k = 0;
            while (k < names.n &&
                   (strlen(names.items[k]) != n || memcmp(names.items[k], at, n) != 0))
                k++;
            if (k == names.n)
                MG_PUSH(arena, &names, mg_arena_text_n(arena, at, n));
            at += n + strspn(at + n, " ");
        }
    }
    return names;
}

static void
add_native(MgProject *project, const Tool *tool, const char *folder, MgFoundFolders *ret)
{
    MgArena *arena = project->arena;
    MgSource *source = MG_NEW_IN(arena, MgSource);
    MgError err;
    const char *whose = tool->name == NULL ? "" : mg_arena_format(arena, " of %s", tool->name);
    const MgSourcePlace place = { .dir = folder };
    if (!mg_source_read(&place, arena, source, &err)) {
        ret->has_unread = true;
        mg_project_add(
            project, MG_INIT_FOUND, "migrations", folder,
            mg_arena_format(arena, "migrations%s that cannot be read as they are: %s", whose,
                            mg_error_with_place(&err, arena)),
            mg_arena_format(arena, "\"dir: %s\" in migrate.yaml reads them once that is mended.",
                            folder));
        return;
    }
    bool is_first = ret->readable == NULL;
    ret->readable = is_first ? folder : ret->readable;
    ret->source = is_first ? source : ret->source;
    mg_project_add(project, MG_INIT_FOUND, "migrations", folder,
                   source->n == 1 ? mg_arena_format(arena, "1 migration%s, read as it is", whose)
                                  : mg_arena_format(arena, "%zu migrations%s, read as they are",
                                                    source->n, whose),
                   is_first ? NULL : "Not used: \"dir\" in migrate.yaml names one folder.");
}

static void
look_at_folder(MgProject *project, const char *place, const char *name, MgFoundFolders *ret)
{
    MgArena *arena = project->arena;
    const Tool *tool = find_tool(project, place, name);
    const char *folder = mg_arena_format(arena, "%s%s", place, name);
    if (tool == NULL)
        return;
    if (tool->is_native) {
        add_native(project, tool, folder, ret);
        return;
    }
    ret->has_unread = true;
    mg_project_add(
        project, MG_INIT_FOUND, "tool", folder,
        mg_arena_format(arena, "migrations of %s: this format is not read yet", tool->name), NULL);
}

void
mg_project_find_folders(MgProject *project, MgFoundFolders *ret)
{
    const Names names = list_folders(project->arena);
    *ret = (MgFoundFolders){ .readable = NULL };
    for (size_t i = 0; i < 2 && project->places[i] != NULL; i++)
        for (size_t k = 0; k < names.n; k++)
            look_at_folder(project, project->places[i], names.items[k], ret);
}

const char *
mg_project_new_folder(const MgProject *project, const char *place)
{
    size_t n = sizeof fresh_folders / sizeof *fresh_folders;
    for (size_t i = 0; i < n; i++) {
        MgFolder list;
        const char *path = mg_arena_format(project->arena, "%s%s", place, fresh_folders[i]);
        if (!mg_folder_read(path, project->arena, &list) ? errno == ENOENT
                                                         : mg_project_is_empty(&list))
            return fresh_folders[i];
    }
    return "migrate";
}
