/*
 * Beginning in a project: look at it, and make what is missing.  What is there
 * stays as it is, so that it can be run again.
 */
#include "context.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "pg/foreign.h"
#include "project/project.h"
#include "target/config.h"
#include "target/environment.h"
#include "target/provider.h"

static const char config_name[] = "migrate.yaml";
static const char keep_name[] = ".gitkeep";

typedef struct Beginning {
    MgContext *context;
    const MgConfigFile *config; /* that is there already, or NULL */
    MgProject project;
    const char *root;  /* where migrate.yaml belongs: "", "../" */
    const char *below; /* the working folder seen from there: "", "packages/api/" */
    MgFoundFolders folders;
    MgStarter starter;
    bool has_migrations; /* in the folder that is used */
    const char *keeper;  /* the file that makes git keep it, when we made it */
    bool has_url;        /* a database is named */
    bool has_history;    /* of ours, in the database */
    bool has_tables;     /* and no history of ours */
    const char *applied; /* the newest version that another tool has applied, or NULL */
    MgBegun *ret;
} Beginning;

static void
add(Beginning *beginning, MgInitPart part, const char *kind, const char *subject, const char *text,
    const char *hint)
{
    mg_project_add(&beginning->project, part, kind, subject, text, hint);
}

/* ---- Places ------------------------------------------------------------------------------ */

/* The last parts of the working folder's path, as many as root has "../". */
static const char *
find_below(const char *root, MgArena *arena)
{
    char here[4096];
    size_t n_up = strlen(root) / strlen("../");
    if (n_up == 0 || getcwd(here, sizeof here) == NULL)
        return "";
    size_t at = strlen(here);
    for (size_t i = 0; i < n_up; i++)
        while (at > 0 && here[--at] != '/')
            continue;
    return mg_arena_format(arena, "%s/", here + at + 1);
}

/* A path of the working folder, as it is seen from the root. */
static const char *
from_root(const Beginning *beginning, const char *path)
{
    const char *root = beginning->root;
    if (*path == '/' || *root == '\0')
        return path;
    return mg_text_starts(path, root)
               ? path + strlen(root)
               : mg_arena_format(&beginning->context->arena, "%s%s", beginning->below, path);
}

/* ---- The database -------------------------------------------------------------------------- */

/* The URL that a run would use here, and why it would not. */
static void
look_at_url(Beginning *beginning)
{
    MgContext *context = beginning->context;
    MgArena *arena = &context->arena;
    const MgError *failure = &context->target_failure, *refusal = &context->url_refusal;
    const MgTarget *target = &context->target;
    size_t host_i;
    if (failure->code == MG_E_NO_TARGET) {
        beginning->starter.url_name =
            mg_project_find_names(&beginning->project, context->options.environment);
        return;
    }
    beginning->has_url = true;
    if (failure->code != MG_OK) {
        add(beginning, MG_INIT_FOUND, "url",
            failure->place[0] == '\0' ? "a database URL" : mg_arena_text(arena, failure->place),
            mg_arena_text(arena, failure->message), mg_error_hints(failure, arena));
        return;
    }
    const MgProvider *provider =
        refusal->code == MG_OK ? NULL : mg_provider_find(&context->url, &host_i);
    const char *database = target->database == NULL ? "the default database" : target->database;
    const char *host = target->host == NULL ? "the default host" : target->host;
    add(beginning, MG_INIT_FOUND, "url", target->from,
        mg_arena_format(arena, "%s at %s%s%s", database, host, provider == NULL ? "" : ": ",
                        provider == NULL ? "" : provider->words),
        mg_error_hints(refusal, arena));
    for (size_t i = 0; i < context->n_passed_over; i++)
        add(beginning, MG_INIT_FOUND, "url", context->passed_over[i],
            "a pooled URL of the same database: not used", NULL);
    if (context->url.name != NULL && context->url.name[0] != '-' && provider == NULL)
        beginning->starter.url_name = context->url.name;
}

static void
add_foreign(Beginning *beginning, const MgForeignHistory *history)
{
    MgArena *arena = &beginning->context->arena;
    const char *state = history->n_applied < 0
                            ? "not read: this role may not, or it has row security"
                        : history->n_applied == 0 ? "nothing applied"
                        : history->is_position    ? mg_arena_format(arena, "at %s", history->newest)
                        : history->newest == NULL
                            ? mg_arena_format(arena, "%" PRId64 " applied", history->n_applied)
                            : mg_arena_format(arena, "%" PRId64 " applied, the newest is %s",
                                              history->n_applied, history->newest);
    add(beginning, MG_INIT_FOUND, "history", history->table,
        mg_arena_format(arena, "history of %s: %s%s", history->tool, state,
                        history->is_dirty ? "; one stopped half-way" : ""),
        history->is_dirty ? "Settle that with the tool that began it." : NULL);
    size_t n_digits = history->newest == NULL ? 0 : strspn(history->newest, "0123456789");
    if (beginning->applied == NULL && n_digits > 0 && !history->is_dirty)
        beginning->applied = mg_arena_text_n(arena, history->newest, n_digits);
}

/* Reads only. */
static bool
inspect(Beginning *beginning, MgError *err)
{
    static const MgGoal goal = { .kind = MG_GOAL_UP };
    MgContext *context = beginning->context;
    const MgHistory *history = &context->start.history;
    MgForeignHistories foreign = { 0 };
    bool is_ok = context->target_failure.code == MG_OK || mg_check_opened(context, err);
    is_ok = is_ok && mg_begin_reading(context, &goal, err) &&
            mg_foreign_read(context->conn, &context->arena, &foreign, err);
    mg_disconnect(context);
    if (!is_ok)
        return mg_fail_noted(err, "nothing was changed");
    for (size_t i = 0; i < foreign.n; i++)
        add_foreign(beginning, &foreign.items[i]);
    beginning->has_history = history->exists;
    beginning->has_tables = !history->exists && !history->is_database_empty;
    if (history->exists)
        add(beginning, MG_INIT_FOUND, "history", context->table.shown,
            mg_arena_format(&context->arena, "history of migrate: %zu applied", history->n), NULL);
    else if (foreign.n == 0)
        add(beginning, MG_INIT_FOUND, "database", "the database",
            history->is_database_empty ? "has no tables"
                                       : "has tables, and no history of migrations",
            NULL);
    return true;
}

/* ---- What is made --------------------------------------------------------------------------- */

/* An option is to count in every later run too. */
static void
keep_options(Beginning *beginning)
{
    static const MgSettingId ids[] = { MG_SET_HISTORY, MG_SET_URL_ENV };
    const MgSettingValue *values = beginning->context->settings.values;
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        const MgSettingValue *value = &values[ids[i]];
        if (value->from != NULL && mg_text_starts(value->from, "--"))
            beginning->starter.values[ids[i]] = value->text;
    }
}

/* As seen from the working folder. */
static const char *
choose_dir(Beginning *beginning)
{
    MgContext *context = beginning->context;
    const MgSettingValue *dir = &context->settings.values[MG_SET_DIR];
    bool is_given = dir->from != NULL &&
                    (mg_text_starts(dir->from, "--") || mg_text_starts(dir->from, "MIGRATE_"));
    if (beginning->config != NULL || is_given)
        return dir->text;
    if (beginning->folders.readable != NULL)
        return beginning->folders.readable;
    return mg_arena_format(&context->arena, "%s%s", beginning->root,
                           mg_project_new_folder(&beginning->project, beginning->root));
}

/* Git keeps no empty folders: whoever clones this before the first migration would have none. */
static bool
make_keeper(Beginning *beginning, const char *dir, MgError *err)
{
    MgArena *arena = &beginning->context->arena;
    const char *path = mg_arena_format(arena, "%s/%s", dir, keep_name);
    if (!mg_config_has_repository(arena))
        return true;
    if (!mg_file_create(path, "", 0))
        return mg_fail_sys(err, MG_E_SYSTEM, "could not create \"%s\"", path);
    beginning->keeper = path;
    return true;
}

static bool
make_dir(Beginning *beginning, const char *dir, MgError *err)
{
    MgFolder list;
    MgArena *arena = &beginning->context->arena;
    const char *shown = mg_arena_format(arena, "%s/", dir);
    if (mg_folder_read(dir, arena, &list)) {
        beginning->has_migrations = !mg_project_is_empty(&list);
        add(beginning, MG_INIT_KEPT, "migrations", shown,
            beginning->has_migrations ? NULL : "empty", NULL);
        return true;
    }
    if (errno != ENOENT && errno != ENOTDIR)
        return mg_fail_sys(err, MG_E_SYSTEM, "could not read the folder \"%s\"", dir);
    if (!mg_folder_make(dir))
        return mg_fail_sys(err, MG_E_SYSTEM, "could not make the folder \"%s\"", dir);
    if (!make_keeper(beginning, dir, err))
        return false;
    add(beginning, MG_INIT_CREATED, "migrations", shown,
        beginning->keeper == NULL ? "empty" : "empty, with a .gitkeep so that git keeps it", NULL);
    return true;
}

static bool
make_config(Beginning *beginning, MgError *err)
{
    MgContext *context = beginning->context;
    MgBegun *ret = beginning->ret;
    if (beginning->config != NULL) {
        ret->config = beginning->config->name;
        add(beginning, MG_INIT_KEPT, "config", ret->config, NULL, NULL);
        return true;
    }
    ret->config = mg_arena_format(&context->arena, "%s%s", beginning->root, config_name);
    keep_options(beginning);
    beginning->starter.values[MG_SET_DIR] = from_root(beginning, ret->dir);
    const char *text = mg_project_starter(&beginning->starter, &context->arena);
    if (!mg_file_create(ret->config, text, strlen(text)))
        return mg_fail_sys(err, MG_E_SYSTEM, "could not create \"%s\"", ret->config);
    add(beginning, MG_INIT_CREATED, "config", ret->config,
        "names the folder; the other settings are comments with their defaults",
        *beginning->root == '\0'
            ? NULL
            : "At the root of the repository. For the working folder alone: migrate init --here");
    return true;
}

static bool
make_all(Beginning *beginning, MgError *err)
{
    const char *dir = beginning->ret->dir = choose_dir(beginning);
    size_t there_bytes = mg_folder_there(dir);
    if (make_dir(beginning, dir, err) && make_config(beginning, err))
        return true;
    if (beginning->keeper != NULL)
        (void)unlink(beginning->keeper);
    mg_folder_unmake(dir, there_bytes);
    return false;
}

/* ---- What to do next ------------------------------------------------------------------------- */

static void
add_next(Beginning *beginning, const char *command, const char *text)
{
    add(beginning, MG_INIT_NEXT, "command", command, text, NULL);
}

/* What the other tool has applied, as our files spell it; NULL: they do not have it. */
static const char *
find_version(const Beginning *beginning)
{
    const MgSource *source = beginning->folders.source;
    for (size_t i = 0; beginning->applied != NULL && i < source->n; i++) {
        const char *version = source->items[i].version;
        if (version != NULL && mg_version_compare(version, beginning->applied) == 0)
            return version;
    }
    return NULL;
}

/* Databases that have what the files, or another tool's, would make. */
static void
suggest_baseline(Beginning *beginning)
{
    MgArena *arena = &beginning->context->arena;
    if (beginning->folders.readable != NULL) {
        const char *version = find_version(beginning);
        if (version != NULL)
            add_next(beginning, mg_arena_format(arena, "migrate baseline %s", version),
                     "record what this database has already, without running it");
        else
            add_next(
                beginning, "migrate baseline V",
                "where they are applied already: record everything up to V, without running it");
        return;
    }
    add_next(
        beginning, "migrate new start",
        "then put what \"pg_dump --schema-only --no-owner\" writes into its up file: the schema"
        " as it is");
    add_next(beginning, "migrate baseline V",
             "V being its version: record it where the schema is there, without running it");
}

static void
suggest(Beginning *beginning)
{
    MgArena *arena = &beginning->context->arena;
    const MgOptions *options = &beginning->context->options;
    /* Beside another tool's files the first of ours are what its databases have already, perhaps
     * still to be recorded there. */
    bool is_begun =
        beginning->has_history ||
        (beginning->config != NULL && beginning->has_migrations && !beginning->folders.has_unread);
    bool has_past = beginning->folders.readable != NULL || beginning->folders.has_unread;
    if (!beginning->has_url)
        add_next(beginning,
                 mg_arena_format(arena, "export %s=...",
                                 options->url_env == NULL ? "DATABASE_URL" : options->url_env),
                 "name the database; or \"migrate up --scratch\" for a throw-away one");
    else
        add_next(beginning, "migrate doctor", "is its URL direct, and may this role migrate");
    if ((has_past && !is_begun) || beginning->has_tables)
        suggest_baseline(beginning);
    add_next(beginning, "migrate new NAME",
             mg_arena_format(arena, "the files of the %s migration",
                             has_past || is_begun || beginning->has_tables ? "next" : "first"));
    add_next(beginning, "migrate up", "apply it");
}

/* ---- All of it ---------------------------------------------------------------------------------
 */

static int
compare_parts(const MgInitItem *a, const MgInitItem *b)
{
    return (int)a->part - (int)b->part;
}

/* Part by part, and in each in the order in which they were added. */
static void
sort(MgInitItem *items, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        MgInitItem item = items[i];
        size_t k = i;
        for (; k > 0 && compare_parts(&items[k - 1], &item) > 0; k--)
            items[k] = items[k - 1];
        items[k] = item;
    }
}

bool
mg_init(MgContext *context, const MgInit *init, const MgBegun **ret, MgError *err)
{
    MgArena *arena = &context->arena;
    MgBegun *begun = MG_NEW_IN(arena, MgBegun);
    const char *root = init->is_here ? "" : mg_config_root(arena);
    /* One of a folder above does not count for a part that is to have its own. */
    bool is_aside = init->is_here && context->config != NULL && *context->config->folder != '\0';
    Beginning beginning = { .context = context,
                            .config = is_aside ? NULL : context->config,
                            .project = { .places = { root, *root == '\0' ? NULL : "" },
                                         .arena = arena },
                            .root = root,
                            .below = find_below(root, arena),
                            .ret = begun };
    look_at_url(&beginning);
    mg_project_find_prisma(&beginning.project);
    if (init->is_inspecting && !inspect(&beginning, err))
        return false;
    mg_project_find_folders(&beginning.project, &beginning.folders);
    mg_project_find_builds(&beginning.project);
    if (!make_all(&beginning, err))
        return mg_fail_noted(err, "nothing was made");
    suggest(&beginning);
    begun->items = beginning.project.items.items;
    begun->n_items = beginning.project.items.n;
    sort(begun->items, begun->n_items);
    for (size_t i = 0; i < begun->n_items; i++)
        begun->n_created += begun->items[i].part == MG_INIT_CREATED;
    *ret = begun;
    return true;
}
