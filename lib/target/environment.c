/*
 * Which database.  Knows names only: what a value means is url.c's business.
 * With nothing named there is an error and never libpq's silent default, which
 * would be whatever server happens to run on this machine.
 */
#include "target/environment.h"

#include <string.h>

#include "base/buf.h"

static const char *const url_names[] = { "MIGRATE_URL", "DATABASE_URL", "POSTGRES_URL" };
/* One of these set means that somebody configured libpq on purpose; PGUSER or PGPORT alone do
 * not name a database. */
static const char *const libpq_names[] = { "PGHOST", "PGHOSTADDR", "PGDATABASE", "PGSERVICE" };

enum {
    N_URL_NAMES = sizeof url_names / sizeof *url_names,
    N_LIBPQ_NAMES = sizeof libpq_names / sizeof *libpq_names,
};

/* The value, which may be empty; NULL when unset. */
static const char *
find(char *const *environment, const char *name)
{
    size_t name_bytes = strlen(name);
    for (; environment != NULL && *environment != NULL; environment++) {
        if (strncmp(*environment, name, name_bytes) == 0 && (*environment)[name_bytes] == '=')
            return *environment + name_bytes + 1;
    }
    return NULL;
}

const char *
mg_environment_get(char *const *environment, const char *name)
{
    const char *value = find(environment, name);
    return value == NULL || *value == '\0' ? NULL : value;
}

static void
list(MgBuf *ret, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mg_buf_format(ret, "%s%s", i == 0 ? "" : ", ", names[i]);
}

static bool
refuse_nothing(char *const *environment, MgError *err)
{
    MG_CLEANUP(buf) MgBuf detail = { 0 };
    mg_buf_add(&detail, "Looked for --url, then in the environment for ");
    list(&detail, url_names, N_URL_NAMES);
    mg_buf_add(&detail, ", then ");
    list(&detail, libpq_names, N_LIBPQ_NAMES);
    mg_buf_add(&detail, ".");
    /* A secret that a build was not given often arrives as an empty variable. */
    for (size_t i = 0; i < N_URL_NAMES; i++) {
        if (find(environment, url_names[i]) != NULL)
            mg_buf_format(&detail, " %s is set but empty.", url_names[i]);
    }
    (void)mg_fail(err, MG_E_NO_TARGET, "no database was named");
    mg_error_detail(err, "%s", mg_buf_text(&detail));
    mg_error_hint(err,
                  "Name one: export DATABASE_URL=postgresql://user:password@localhost:5432/shop");
    mg_error_hint(err, "Or try the migrations on a throw-away server: migrate up --scratch");
    mg_error_note(err, "no connection was made");
    return false;
}

bool
mg_target_choose(const char *url, const char *url_from, char *const *environment, MgArena *arena,
                 MgChoice *ret, MgError *err)
{
    if (url != NULL) {
        const char *from = url_from == NULL ? "--url" : url_from;
        if (*url == '\0') {
            (void)mg_fail(err, MG_E_NO_TARGET, "the database URL from %s is empty", from);
            mg_error_note(err, "no connection was made");
            return false;
        }
        const char *in = strstr(from, " in ");
        size_t name_bytes = in == NULL ? strlen(from) : (size_t)(in - from);
        *ret = (MgChoice){ url, from, mg_arena_text_n(arena, from, name_bytes) };
        return true;
    }
    for (size_t i = 0; i < N_URL_NAMES + N_LIBPQ_NAMES; i++) {
        bool is_url = i < N_URL_NAMES;
        const char *name = is_url ? url_names[i] : libpq_names[i - N_URL_NAMES];
        const char *value = mg_environment_get(environment, name);
        if (value != NULL) {
            *ret = (MgChoice){ is_url ? value : NULL,
                               mg_arena_format(arena, "%s in the environment", name), name };
            return true;
        }
    }
    return refuse_nothing(environment, err);
}
