/*
 * Names prove nothing, so values count: whatever holds the URL of a PostgreSQL
 * database is redirected, whoever named it.  Names are set and not left out:
 * many programs load .env, and put what it says into the names that are not set.
 */
#include "target/redirect.h"

#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "target/dotenv.h"
#include "target/environment.h"
#include "target/host.h"
#include "target/prisma.h"
#include "target/url.h"

enum {
    MAX_FILE_BYTES = 1 << 20,
};

/* Always set: one of them is what the program looks for. */
static const char *const url_names[] = {
    "DATABASE_URL",
    "MIGRATE_URL",
    "DATABASE_URL_DIRECT",
    "DATABASE_URL_UNPOOLED",
    "DATABASE_URL_POOLED",
    "DATABASE_UNPOOLED_URL",
    "DATABASE_MIGRATION_URL",
    "MIGRATION_DATABASE_URL",
    "DIRECT_URL",
    "DIRECT_DATABASE_URL",
    "POSTGRES_URL",
    "POSTGRES_URL_NON_POOLING",
    "POSTGRES_PRISMA_URL",
    "NETLIFY_DATABASE_URL",
    "NETLIFY_DATABASE_URL_UNPOOLED",
};
/* What other projects call theirs, whatever it holds: SHOP_DATABASE_URL. */
static const char url_suffix[] = "_DATABASE_URL";
/* libpq's own: set anew, or left out where that is the way. */
static const char *const libpq_names[] = {
    "PGHOST",     "PGHOSTADDR", "PGPORT",    "PGUSER",
    "PGDATABASE", "PGPASSWORD", "PGSERVICE", "PGOPTIONS",
};
/* What would go before PGHOST, should a file set it. */
static const char *const stronger_names[] = { "PGHOSTADDR", "PGSERVICE" };
/* Parts of a URL, as platforms set them beside it. */
static const char *const host_names[] = { "PGHOST_UNPOOLED", "POSTGRES_HOST" };
/* Of the datasource in a Prisma schema. */
static const char *const prisma_keys[] = { "url", "directUrl", "shadowDatabaseUrl" };

#define COUNT(array) (sizeof(array) / sizeof *(array))

typedef struct Lines {
    char **items;
    size_t n, cap;
} Lines;

typedef struct Redirecting {
    const MgRedirect *input;
    MgArena *arena;
    MgError *err;
    MgUrl url;
    Lines lines;
} Redirecting;

/* ---- Names and values ---- */

static size_t
name_bytes_of(const char *line)
{
    return strcspn(line, "=");
}

static bool
is_name(const char *line, size_t name_bytes, const char *name)
{
    return strlen(name) == name_bytes && memcmp(line, name, name_bytes) == 0;
}

static bool
is_among(const char *const *names, size_t n_names, const char *line)
{
    for (size_t i = 0; i < n_names; i++) {
        if (is_name(line, name_bytes_of(line), names[i]))
            return true;
    }
    return false;
}

static bool
is_set(const Lines *lines, const char *line)
{
    for (size_t i = 0; i < lines->n; i++) {
        if (name_bytes_of(lines->items[i]) == name_bytes_of(line) &&
            memcmp(lines->items[i], line, name_bytes_of(line)) == 0)
            return true;
    }
    return false;
}

/*
 * The scheme with its "://" of a URL that leads to a PostgreSQL database, in
 * the spelling that the program expects: "postgresql+asyncpg://"; NULL for
 * every other text.
 */
static const char *
scheme_of(const char *value, MgArena *arena)
{
    static const char *const databases[] = { "postgres", "postgresql", "jdbc:postgresql" };
    static const char *const apis[] = { "prisma", "prisma+postgres" };
    size_t n = strcspn(value, "/ ");
    if (n == 0 || value[n - 1] != ':' || !mg_text_starts(value + n, "//"))
        return NULL;
    size_t plain = strcspn(value, "+");
    if (plain > n - 1)
        plain = n - 1;
    for (size_t i = 0; i < COUNT(databases); i++) {
        if (mg_text_equal_fold_n(value, plain, databases[i]))
            return mg_arena_text_n(arena, value, n + strlen("//"));
    }
    for (size_t i = 0; i < COUNT(apis); i++) {
        if (mg_text_equal_fold_n(value, n - 1, apis[i]))
            return "postgresql://";
    }
    return NULL;
}

static void
set(Redirecting *redirecting, const char *name, size_t name_bytes, const char *value)
{
    MG_PUSH(redirecting->arena, &redirecting->lines,
            mg_arena_format(redirecting->arena, "%.*s=%s", (int)name_bytes, name, value));
}

/* value: what the name held, whose scheme stays; or NULL. */
static void
set_url(Redirecting *redirecting, const char *name, size_t name_bytes, const char *value)
{
    MgArena *arena = redirecting->arena;
    const char *url = redirecting->input->url;
    const char *scheme = value == NULL ? NULL : scheme_of(value, arena);
    const char *behind = strstr(url, "://");
    if (scheme != NULL && behind != NULL)
        url = mg_arena_format(arena, "%s%s", scheme, behind + strlen("://"));
    set(redirecting, name, name_bytes, url);
}

/* ---- The environment ---- */

static bool
has_suffix(const char *line, size_t name_bytes)
{
    size_t n = sizeof url_suffix - 1;
    return name_bytes > n && memcmp(line + name_bytes - n, url_suffix, n) == 0;
}

static void
add_environment(Redirecting *redirecting)
{
    char *const *environment = redirecting->input->environment;
    for (size_t i = 0; environment != NULL && environment[i] != NULL; i++) {
        char *line = environment[i];
        size_t name_bytes = name_bytes_of(line);
        const char *value = line[name_bytes] == '=' ? line + name_bytes + 1 : "";
        if (is_among(libpq_names, COUNT(libpq_names), line))
            continue;
        if (is_among(url_names, COUNT(url_names), line) || has_suffix(line, name_bytes) ||
            scheme_of(value, redirecting->arena) != NULL)
            set_url(redirecting, line, name_bytes, value);
        else if (is_among(host_names, COUNT(host_names), line))
            set(redirecting, line, name_bytes, redirecting->url.host);
        else
            MG_PUSH(redirecting->arena, &redirecting->lines, line);
    }
}

/* So that a bare "psql" gets there and not to whatever database they named before. */
static void
add_libpq(Redirecting *redirecting)
{
    MgArena *arena = redirecting->arena;
    const MgUrl *url = &redirecting->url;
    int port = url->port == 0 ? MG_DEFAULT_PORT : url->port;
    char *const lines[] = { mg_arena_format(arena, "PGHOST=%s", url->host),
                            mg_arena_format(arena, "PGPORT=%d", port),
                            mg_arena_format(arena, "PGUSER=%s", url->user),
                            mg_arena_format(arena, "PGDATABASE=%s", url->database) };
    for (size_t i = 0; i < COUNT(lines); i++)
        MG_PUSH(arena, &redirecting->lines, lines[i]);
}

/* ---- Files ---- */

static void
add_variable(Redirecting *redirecting, const char *line)
{
    size_t name_bytes = name_bytes_of(line);
    const char *value = line + name_bytes + (line[name_bytes] == '=');
    if (is_set(&redirecting->lines, line))
        return;
    /* An empty PGHOSTADDR is none, an empty PGSERVICE an error: both lead nowhere else. */
    if (is_among(stronger_names, COUNT(stronger_names), line))
        set(redirecting, line, name_bytes, "");
    else if (is_among(host_names, COUNT(host_names), line))
        set(redirecting, line, name_bytes, redirecting->url.host);
    else if (has_suffix(line, name_bytes) || scheme_of(value, redirecting->arena) != NULL)
        set_url(redirecting, line, name_bytes, value);
}

static const char *
path_of(const Redirecting *redirecting, const char *name)
{
    const char *folder = redirecting->input->folder;
    return folder == NULL ? name : mg_arena_format(redirecting->arena, "%s/%s", folder, name);
}

/* What a program would load from the file is not known: then it must not start. */
static bool
refuse_file(const MgError *reason, MgError *err)
{
    (void)mg_fail(err, MG_E_SYSTEM, "%s", reason->message);
    mg_error_at(err, reason->place, reason->line, 0);
    mg_error_detail(err, "A program that loads this file could reach another database by it.");
    mg_error_note(err, "the command was not run");
    return false;
}

/* *ret is NULL for a file that nobody could load here. */
static bool
read_file(const Redirecting *redirecting, const char *name, const char **ret)
{
    size_t size_bytes = 0;
    *ret = NULL;
    if (mg_file_read(path_of(redirecting, name), MAX_FILE_BYTES, redirecting->arena, ret,
                     &size_bytes))
        return true;
    *ret = NULL;
    MgError reason;
    return errno == ENOENT || errno == ENOTDIR || errno == EISDIR || errno == EACCES ||
           mg_fail_sys(&reason, MG_E_SYSTEM, "could not read \"%s\"", name) ||
           refuse_file(&reason, redirecting->err);
}

static bool
add_file(Redirecting *redirecting, const char *name)
{
    const char *text = NULL;
    char *const *variables = NULL;
    MgError reason;
    if (!read_file(redirecting, name, &text))
        return false;
    if (text == NULL)
        return true;
    if (!mg_dotenv_parse(text, name, redirecting->input->environment, redirecting->arena,
                         &variables, &reason))
        return refuse_file(&reason, redirecting->err);
    for (size_t i = 0; variables[i] != NULL; i++)
        add_variable(redirecting, variables[i]);
    return true;
}

/* .env, .env.local, .env.test and whatever else there is. */
static bool
add_files(Redirecting *redirecting)
{
    MgFolder folder = { .n = 0 };
    if (!mg_folder_read(path_of(redirecting, "."), redirecting->arena, &folder))
        return mg_fail_sys(redirecting->err, MG_E_SYSTEM, "could not read the working folder");
    for (size_t i = 0; i < folder.n; i++) {
        const MgFolderEntry *entry = &folder.items[i];
        if (mg_text_starts(entry->name, ".env") && entry->type == MG_FILE_REGULAR &&
            !add_file(redirecting, entry->name))
            return false;
    }
    return true;
}

static bool
add_prisma(Redirecting *redirecting)
{
    const char *schema = NULL;
    if (!read_file(redirecting, "prisma/schema.prisma", &schema) ||
        !add_file(redirecting, "prisma/.env"))
        return false;
    for (size_t i = 0; schema != NULL && i < COUNT(prisma_keys); i++) {
        const char *name = mg_prisma_name(schema, prisma_keys[i], redirecting->arena);
        if (name != NULL && !is_set(&redirecting->lines, name))
            set_url(redirecting, name, strlen(name), NULL);
    }
    return true;
}

/* ---- All of it ---- */

bool
mg_redirect(const MgRedirect *input, MgArena *arena, char *const **ret, MgError *err)
{
    Redirecting redirecting = { .input = input, .arena = arena, .err = err };
    if (!mg_url_parse(input->url, "the URL", NULL, arena, &redirecting.url, err))
        return false;
    add_environment(&redirecting);
    add_libpq(&redirecting);
    if (!add_files(&redirecting) || !add_prisma(&redirecting))
        return false;
    for (size_t i = 0; i < COUNT(url_names); i++) {
        if (!is_set(&redirecting.lines, url_names[i]))
            set_url(&redirecting, url_names[i], strlen(url_names[i]), NULL);
    }
    MG_PUSH(arena, &redirecting.lines, NULL);
    *ret = redirecting.lines.items;
    return true;
}
