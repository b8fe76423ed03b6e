/*
 * A project before its first migration: who builds it, which tools have
 * migrated it so far, what its database might be called, and the text of its
 * migrate.yaml.  Only looks: nothing here writes, or decides anything but words.
 *
 * A place of a project is a prefix for paths: "" for the working folder, "../"
 * for the one above it.
 */
#ifndef MG_PROJECT_PROJECT_H
#define MG_PROJECT_PROJECT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/attr.h"
#include "migrate.h"
#include "source/source.h"
#include "target/setting.h"

typedef struct MgProject {
    const char *places[2]; /* where files are looked for; the second may be NULL */
    MgArena *arena;
    struct {
        MgInitItem *items;
        size_t n, cap;
    } items;
} MgProject;

void mg_project_add(MgProject *project, MgInitPart part, const char *kind, const char *subject,
                    const char *text, const char *hint);
/* Nothing but hidden files, such as the one that makes git keep the folder? */
bool mg_project_is_empty(const MgFolder *folder);
/* The text of a file of at most 1 MiB; NULL when it cannot be read or is no UTF-8. */
const char *mg_project_read(const MgProject *project, const char *path);

/* ---- tools.c: folders of migrations ------------------------------------------------------- */

typedef struct MgFoundFolders {
    const char *readable;   /* the first folder whose migrations are read as they are, or NULL */
    const MgSource *source; /* its migrations */
    bool has_unread;        /* another one has migrations that are not read */
} MgFoundFolders;

/* Add those that other tools have, and those that can be read where they are. */
void mg_project_find_folders(MgProject *project, MgFoundFolders *ret);
/* A folder for new migrations below place, which no other tool has; without the place. */
const char *mg_project_new_folder(const MgProject *project, const char *place);

/* ---- builds.c: where a deployment runs commands ------------------------------------------- */

void mg_project_find_builds(MgProject *project);
/*
 * The text behind key, "key: text", "key = 'text'" or "\"key\": \"text\"", of a
 * JSON, YAML or TOML file; section is a TOML table such as "[build]", or NULL.
 * For people to read: it knows no nesting.  NULL when there is none; "" when it is
 * not on the key's line.
 */
const char *mg_project_value(const char *text, const char *section, const char *key,
                             MgArena *arena);

/* ---- names.c: variables that hold URLs ----------------------------------------------------- */

/*
 * Add the variables of the environment and of the files .env* that hold the URL
 * of a PostgreSQL database and are not looked at.  The name of the first whose
 * name is the reason, or NULL.
 */
const char *mg_project_find_names(MgProject *project, char *const *environment);
/* Add what prisma/schema.prisma says. */
void mg_project_find_prisma(MgProject *project);

/* ---- starter.c: the first migrate.yaml ------------------------------------------------------ */

typedef struct MgStarter {
    const char *values[MG_N_SETTINGS]; /* what is to count from the start; NULL: the default does */
    const char *url_name;              /* a variable for the examples; NULL: a usual one */
} MgStarter;

/*
 * A migrate.yaml with a line for every setting: those of values count, the others
 * are comments with their defaults.  Lines that begin with "# " and no other blank
 * are prose; "#" is all that keeps the others from being settings.
 */
const char *mg_project_starter(const MgStarter *starter, MgArena *arena);

#endif
