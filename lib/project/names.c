/*
 * Variables that hold the URL of a PostgreSQL database under a name that nobody
 * would look for, files of variables that are read only when asked, and what
 * Prisma's schema says.  No value is ever shown.
 */
#include "project/project.h"

#include <string.h>

#include "base/text.h"
#include "target/dotenv.h"
#include "target/prisma.h"

enum {
    MAX_NAMES = 10,
};

static const char name_characters[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

static const char *const schemes[] = { "postgres:", "postgresql:", "postgresql+" };

static bool
is_url(const char *value)
{
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (mg_text_starts(value, schemes[i]) && strstr(value, "://") != NULL)
            return true;
    return false;
}

/* The names in variables whose value is a URL, with commas between; NULL: there are none. */
static const char *
list_names(const MgProject *project, char *const *variables, const char **ret_first)
{
    const char *ret = NULL;
    size_t n = 0;
    for (size_t i = 0; variables != NULL && variables[i] != NULL && n < MAX_NAMES; i++) {
        /* A name with anything else in it, such as a line end, is not for a file of settings. */
        size_t name_bytes = strspn(variables[i], name_characters);
        if (variables[i][name_bytes] != '=' || !is_url(variables[i] + name_bytes + 1))
            continue;
        const char *name = mg_arena_text_n(project->arena, variables[i], name_bytes);
        ret = n++ == 0 ? name : mg_arena_format(project->arena, "%s, %s", ret, name);
        if (*ret_first == NULL)
            *ret_first = name;
    }
    return ret;
}

/* The same of a file of variables. */
static const char *
list_names_of_file(const MgProject *project, const char *path, const char **ret_first)
{
    char *const *variables = NULL;
    MgError ignored;
    const char *text = mg_project_read(project, path);
    return text == NULL || !mg_dotenv_parse(text, path, NULL, project->arena, &variables, &ignored)
               ? NULL
               : list_names(project, variables, ret_first);
}

static void
add_unknown(MgProject *project, const char *where, const char *names, const char *first)
{
    if (names != NULL)
        mg_project_add(
            project, MG_INIT_FOUND, "url", where,
            mg_arena_format(project->arena, "has %s, a name that is not looked for", names),
            mg_arena_format(project->arena, "In migrate.yaml: url_env: %s", first));
}

/* A file that is not read unasked, or not from here. */
static void
look_at_file(MgProject *project, const char *path, const char *hint)
{
    const char *first = NULL;
    const char *names = list_names_of_file(project, path, &first);
    if (names != NULL)
        mg_project_add(project, MG_INIT_FOUND, "url", path,
                       mg_arena_format(project->arena, "has %s", names), hint);
}

const char *
mg_project_find_names(MgProject *project, char *const *environment)
{
    MgArena *arena = project->arena;
    const char *first = NULL, *in_file = NULL;
    const char *names = list_names(project, environment, &first);
    add_unknown(project, "the environment", names, first);
    names = list_names_of_file(project, ".env", &in_file);
    add_unknown(project, ".env", names, in_file);
    for (size_t i = 0; i < 2 && project->places[i] != NULL; i++) {
        const char *place = project->places[i];
        const char *path = mg_arena_format(arena, "%s.env.local", place);
        look_at_file(project, path,
                     mg_arena_format(arena, "It is read only when asked: --env-file %s", path));
        if (*place != '\0')
            look_at_file(project, mg_arena_format(arena, "%s.env", place),
                         "It is read where it lies: run migrate in that folder.");
    }
    return first != NULL ? first : in_file;
}

void
mg_project_find_prisma(MgProject *project)
{
    MgArena *arena = project->arena;
    for (size_t i = 0; i < 2 && project->places[i] != NULL; i++) {
        const char *path = mg_arena_format(arena, "%sprisma/schema.prisma", project->places[i]);
        const char *schema = mg_project_read(project, path);
        if (schema == NULL)
            continue;
        const char *url = mg_prisma_name(schema, "url", arena);
        const char *direct = mg_prisma_name(schema, "directUrl", arena);
        mg_project_add(
            project, MG_INIT_FOUND, "url", path,
            direct != NULL ? mg_arena_format(arena, "Prisma: url is %s, directUrl is %s",
                                             url == NULL ? "not a variable" : url, direct)
            : url != NULL  ? mg_arena_format(arena, "Prisma: url is %s, no directUrl", url)
                           : "Prisma: it names no variable",
            NULL);
    }
}
