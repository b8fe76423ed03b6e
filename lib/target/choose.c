/*
 * With nothing named there is an error and never libpq's silent default, which
 * would be whatever server happens to run on this machine.
 */
#include "target/choose.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/text.h"
#include "target/dotenv.h"
#include "target/environment.h"
#include "target/host.h"
#include "target/prisma.h"
#include "target/provider.h"
#include "target/twin.h"

/* Ours alone, so who sets it has decided: it is compared with nothing. */
static const char own_name[] = "MIGRATE_URL";
/* Direct names before pooled ones. */
static const char *const url_names[] = {
    "DATABASE_URL_DIRECT", "DATABASE_URL_UNPOOLED", "POSTGRES_URL_NON_POOLING",      "DIRECT_URL",
    "DIRECT_DATABASE_URL", "DATABASE_UNPOOLED_URL", "NETLIFY_DATABASE_URL_UNPOOLED", "DATABASE_URL",
    "POSTGRES_URL",
};
/* One of these set means that somebody configured libpq on purpose; PGUSER or PGPORT alone do
 * not name a database. */
static const char *const libpq_names[] = { "PGHOST", "PGHOSTADDR", "PGDATABASE", "PGSERVICE" };

enum {
    N_URL_NAMES = sizeof url_names / sizeof *url_names,
    N_LIBPQ_NAMES = sizeof libpq_names / sizeof *libpq_names,
    MAX_FILE_BYTES = 1 << 20,
};

static const char default_file[] = ".env";

/* One place where names are looked up. */
typedef struct Source {
    const char *where; /* "the environment", ".env" */
    bool is_process;
    char *const *variables;
} Source;

/* A name that is set, and what its value leads to. */
typedef struct Candidate {
    const char *name;
    MgUrl url;
    MgError *error;       /* why it cannot be read; NULL when it can */
    bool is_another_kind; /* such as prisma://, which is no PostgreSQL URL */
    bool is_pooled;
} Candidate;

typedef struct Candidates {
    Candidate *items;
    size_t n, cap;
} Candidates;

typedef struct Choosing {
    const MgChooseInput *input;
    MgArena *arena;
    MgError *err;
    const char *direct_name; /* of prisma/schema.prisma, or NULL */
} Choosing;

/* ---- Files ---- */

static const char *
path_in_folder(const Choosing *choosing, const char *name)
{
    const char *folder = choosing->input->folder;
    return folder == NULL ? name : mg_arena_format(choosing->arena, "%s/%s", folder, name);
}

/* Absent is no error; *ret is NULL then.  A folder .env is Python's, and absent too. */
static bool
read_variables(const Choosing *choosing, const char *name, const char *path, bool is_asked,
               char *const **ret)
{
    const char *text = NULL;
    size_t size_bytes = 0;
    *ret = NULL;
    if (!mg_file_read(path, MAX_FILE_BYTES, choosing->arena, &text, &size_bytes)) {
        bool is_absent = errno == ENOENT || errno == ENOTDIR || errno == EISDIR;
        if (is_absent && !is_asked)
            return true;
        (void)mg_fail_sys(choosing->err, MG_E_NO_TARGET, "could not read \"%s\"", name);
        mg_error_note(choosing->err, "no connection was made");
        return false;
    }
    if (mg_text_valid_utf8(text, size_bytes) != size_bytes) {
        (void)mg_fail(choosing->err, MG_E_NO_TARGET, "\"%s\" is not UTF-8 text", name);
        mg_error_hint(choosing->err,
                      "Save it as UTF-8; what PowerShell's \">\" writes is often UTF-16.");
        mg_error_note(choosing->err, "no connection was made");
        return false;
    }
    return mg_dotenv_parse(text, name, choosing->input->environment, choosing->arena, ret,
                           choosing->err);
}

static const char *
read_direct_name(const Choosing *choosing)
{
    const char *text = NULL;
    size_t size_bytes = 0;
    if (!mg_file_read(path_in_folder(choosing, "prisma/schema.prisma"), MAX_FILE_BYTES,
                      choosing->arena, &text, &size_bytes))
        return NULL;
    const char *name = mg_prisma_name(text, "directUrl", choosing->arena);
    for (size_t i = 0; name != NULL && i < N_URL_NAMES; i++) {
        if (strcmp(url_names[i], name) == 0 || strcmp(own_name, name) == 0)
            return NULL;
    }
    return name;
}

/* ---- Candidates ---- */

/* A name inside "${", which nothing was put in for. */
static bool
has_open_reference(const char *value)
{
    const char *at = strstr(value, "${");
    return at != NULL && strchr(at, '}') != NULL;
}

static void
read_candidate(const Choosing *choosing, const Source *source, const char *name, const char *value,
               Candidate *ret)
{
    MgArena *arena = choosing->arena;
    const char *from = mg_arena_format(arena, "%s in %s", name, source->where);
    MgError err;
    size_t host_i;
    *ret = (Candidate){ .name = name, .is_another_kind = mg_url_is_of_another_kind(value) };
    bool is_open = !source->is_process && has_open_reference(value);
    if (is_open) {
        (void)mg_fail(&err, MG_E_BAD_URL, "%s refers to a variable that is not set", name);
        mg_error_at(&err, from, 0, 0);
        mg_error_detail(&err, "What stands between \"${\" and \"}\" is set neither in the "
                              "environment nor in a line above.");
        mg_error_note(&err, "no connection was made");
    }
    if (is_open ||
        !mg_url_parse(value, from, choosing->input->environment, arena, &ret->url, &err)) {
        ret->error = MG_NEW_IN(arena, MgError);
        *ret->error = err;
        return;
    }
    const MgProvider *provider = mg_provider_find(&ret->url, &host_i);
    bool is_accepted = provider != NULL && choosing->input->is_session_accepted &&
                       provider->mode == MG_POOL_SESSION;
    ret->is_pooled = provider != NULL && !is_accepted;
}

static void
add_candidate(const Choosing *choosing, const Source *source, const char *name, Candidates *ret)
{
    const char *value = name == NULL ? NULL : mg_environment_get(source->variables, name);
    if (value == NULL)
        return;
    Candidate candidate;
    read_candidate(choosing, source, name, value, &candidate);
    MG_PUSH(choosing->arena, ret, candidate);
}

static void
find_candidates(const Choosing *choosing, const Source *source, Candidates *ret)
{
    if (choosing->input->url_env != NULL) {
        add_candidate(choosing, source, choosing->input->url_env, ret);
        return;
    }
    add_candidate(choosing, source, own_name, ret);
    if (ret->n > 0)
        return;
    for (size_t i = 0; i < N_URL_NAMES; i++)
        add_candidate(choosing, source, url_names[i], ret);
    add_candidate(choosing, source, choosing->direct_name, ret);
}

/* ---- The winner ---- */

static const char *
describe(const MgUrl *url, MgArena *arena)
{
    MG_CLEANUP(buf) MgBuf ret = { 0 };
    MgHost host;
    const char *database = url->database == NULL ? url->user : url->database;
    mg_buf_format(&ret, "%s at ", database == NULL ? "its default database" : database);
    for (size_t i = 0; mg_host_at(url, i, &host); i++) {
        mg_buf_format(&ret, "%s%s", i == 0 ? "" : ",",
                      host.name[0] == '\0' ? "this machine" : host.name);
        if (host.port != MG_DEFAULT_PORT)
            mg_buf_format(&ret, ":%d", host.port);
    }
    return mg_arena_text(arena, mg_buf_text(&ret));
}

static bool
refuse_ambiguous(const Choosing *choosing, const Source *source, const Candidate *a,
                 const Candidate *b)
{
    MgError *err = choosing->err;
    MgArena *arena = choosing->arena;
    int columns = (int)(strlen(a->name) > strlen(b->name) ? strlen(a->name) : strlen(b->name));
    (void)mg_fail(err, MG_E_AMBIGUOUS_URL, "%s and %s seem to lead to different databases", a->name,
                  b->name);
    mg_error_at(err, source->where, 0, 0);
    mg_text_copy(err->excerpt, sizeof err->excerpt,
                 mg_arena_format(arena, "   |\n   | %-*s  %s\n   | %-*s  %s", columns, a->name,
                                 describe(&a->url, arena), columns, b->name,
                                 describe(&b->url, arena)));
    mg_error_detail(err, "Host, port and database are compared as they are written, without the "
                         "mark of a pooler.");
    mg_error_hint(err, "Say which one is meant: --url-env %s", a->name);
    mg_error_hint(err, "Or set %s, which counts before all other names.", own_name);
    mg_error_note(err, "no connection was made");
    return false;
}

/* The first that is a PostgreSQL URL; the first of all when none is. */
static Candidate *
find_first(const Candidates *candidates)
{
    for (size_t i = 0; i < candidates->n; i++) {
        if (!candidates->items[i].is_another_kind)
            return &candidates->items[i];
    }
    return &candidates->items[0];
}

static bool
check_same(const Choosing *choosing, const Source *source, const Candidates *candidates)
{
    for (size_t i = 0; i < candidates->n; i++) {
        for (size_t k = i + 1; k < candidates->n; k++) {
            const Candidate *a = &candidates->items[i], *b = &candidates->items[k];
            if (a->error == NULL && b->error == NULL &&
                !mg_twin_is_same_database(&a->url, &b->url, choosing->arena))
                return refuse_ambiguous(choosing, source, a, b);
        }
    }
    return true;
}

static void
tell_passed_over(const Choosing *choosing, const Candidates *candidates, const Candidate *first,
                 const Candidate *winner, MgChoice *ret)
{
    MgArena *arena = choosing->arena;
    ret->passed_over = mg_arena_alloc_array(arena, candidates->n, sizeof *ret->passed_over);
    for (size_t i = 0; i < candidates->n; i++) {
        const Candidate *other = &candidates->items[i];
        if (other != winner && other->is_pooled && !winner->is_pooled)
            ret->passed_over[ret->n_passed_over++] = other->name;
    }
    /* Where the order of names alone decides, there is nothing to be surprised at. */
    if (first != winner)
        mg_url_add_note(&ret->url,
                        mg_arena_format(arena,
                                        "%s, a pooled URL of the same database, was passed "
                                        "over",
                                        first->name),
                        arena);
    if (candidates->items[0].is_another_kind)
        mg_url_add_note(&ret->url,
                        mg_arena_format(arena, "%s, which is no PostgreSQL URL, was passed over",
                                        candidates->items[0].name),
                        arena);
}

/* Among names that are set; there is at least one. */
static bool
choose_candidate(const Choosing *choosing, const Source *source, const Candidates *candidates,
                 MgChoice *ret)
{
    Candidate *first = find_first(candidates), *winner = first;
    if (first->error != NULL) {
        *choosing->err = *first->error;
        return false;
    }
    if (!check_same(choosing, source, candidates))
        return false;
    for (size_t i = 0; winner->is_pooled && i < candidates->n; i++) {
        if (candidates->items[i].error == NULL && !candidates->items[i].is_pooled)
            winner = &candidates->items[i];
    }
    *ret = (MgChoice){ .url = winner->url,
                       .shown = source->is_process ? winner->name : winner->url.from,
                       .is_name_given = choosing->input->url_env != NULL };
    tell_passed_over(choosing, candidates, first, winner, ret);
    return true;
}

/* The variables of a file, and behind them those of the process. */
static char *const *
with_process(const Choosing *choosing, const Source *source)
{
    char *const *process = choosing->input->environment;
    if (source->is_process)
        return process;
    struct {
        char **items;
        size_t n, cap;
    } ret = { 0 };
    for (size_t i = 0; source->variables[i] != NULL; i++)
        MG_PUSH(choosing->arena, &ret, source->variables[i]);
    for (size_t i = 0; process != NULL && process[i] != NULL; i++)
        MG_PUSH(choosing->arena, &ret, process[i]);
    MG_PUSH(choosing->arena, &ret, NULL);
    return ret.items;
}

/* libpq's own variables, when one of them names a database; *ret_is_found says so. */
static bool
choose_libpq(const Choosing *choosing, const Source *source, bool *ret_is_found, MgChoice *ret)
{
    *ret_is_found = false;
    for (size_t i = 0; choosing->input->url_env == NULL && i < N_LIBPQ_NAMES; i++) {
        if (mg_environment_get(source->variables, libpq_names[i]) == NULL)
            continue;
        *ret_is_found = true;
        const char *from =
            mg_arena_format(choosing->arena, "%s in %s", libpq_names[i], source->where);
        *ret = (MgChoice){ .shown = source->is_process ? libpq_names[i] : from };
        return mg_url_parse(NULL, from, with_process(choosing, source), choosing->arena, &ret->url,
                            choosing->err);
    }
    return true;
}

static bool
choose_in(const Choosing *choosing, const Source *source, bool *ret_is_found, MgChoice *ret)
{
    Candidates candidates = { .n = 0 };
    find_candidates(choosing, source, &candidates);
    *ret_is_found = candidates.n > 0;
    return *ret_is_found ? choose_candidate(choosing, source, &candidates, ret)
                         : choose_libpq(choosing, source, ret_is_found, ret);
}

/* ---- Nothing ---- */

static void
list(MgBuf *ret, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mg_buf_format(ret, "%s%s", i == 0 ? "" : ", ", names[i]);
}

/* A secret that a build was not given often arrives as an empty variable. */
static void
add_empty(const Source *source, const char *name, MgBuf *ret)
{
    const char *value = mg_environment_find(source->variables, name);
    if (value != NULL && *value == '\0')
        mg_buf_format(ret, " %s is set but empty.", name);
}

static void
add_names(const Choosing *choosing, MgBuf *ret)
{
    mg_buf_format(ret, "%s, ", own_name);
    list(ret, url_names, N_URL_NAMES);
    if (choosing->direct_name != NULL)
        mg_buf_format(ret, ", %s", choosing->direct_name);
    mg_buf_add(ret, ", then ");
    list(ret, libpq_names, N_LIBPQ_NAMES);
}

static void
add_hints_for_nothing(const Choosing *choosing)
{
    const char *text = NULL;
    size_t size_bytes = 0;
    mg_error_hint(choosing->err,
                  "Name one: export DATABASE_URL=postgresql://user:password@localhost:5432/shop");
    if (choosing->input->env_file == NULL &&
        mg_file_read(path_in_folder(choosing, ".env.local"), MAX_FILE_BYTES, choosing->arena, &text,
                     &size_bytes))
        mg_error_hint(choosing->err,
                      "Or look into .env.local, which is read only when asked: --env-file "
                      ".env.local");
    else
        mg_error_hint(choosing->err,
                      "Or try the migrations on a throw-away server: migrate up --scratch");
}

/* Else it may be a URL in the wrong place, and hold a password. */
static bool
is_plain_name(const char *name)
{
    return name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")] ==
           '\0';
}

static bool
refuse_nothing(const Choosing *choosing, const Source *sources, size_t n_sources, bool is_ci)
{
    const MgChooseInput *input = choosing->input;
    MG_CLEANUP(buf) MgBuf detail = { 0 };
    MG_CLEANUP(buf) MgBuf where = { 0 };
    for (size_t i = 0; i < n_sources; i++)
        mg_buf_format(&where, "%s%s", i == 0 ? "" : " and in ", sources[i].where);
    if (input->url_env != NULL) {
        (void)mg_fail(choosing->err, MG_E_NO_TARGET, "variable \"%s\" is not set", input->url_env);
        mg_buf_format(&detail, "Looked for it in %s.", mg_buf_text(&where));
    } else {
        (void)mg_fail(choosing->err, MG_E_NO_TARGET, "no database was named");
        mg_buf_format(&detail, "Looked %sin %s for ",
                      input->env_file == NULL ? "for --url, then " : "", mg_buf_text(&where));
        add_names(choosing, &detail);
        mg_buf_add(&detail, ".");
    }
    if (is_ci)
        mg_buf_add(&detail, " CI is set, so .env was not read.");
    for (size_t i = 0; i < n_sources; i++) {
        if (input->url_env != NULL) {
            add_empty(&sources[i], input->url_env, &detail);
            continue;
        }
        add_empty(&sources[i], own_name, &detail);
        for (size_t k = 0; k < N_URL_NAMES; k++)
            add_empty(&sources[i], url_names[k], &detail);
    }
    mg_error_detail(choosing->err, "%s", mg_buf_text(&detail));
    if (input->url_env == NULL)
        add_hints_for_nothing(choosing);
    else if (is_plain_name(input->url_env))
        mg_error_hint(choosing->err,
                      "Set it: export %s=postgresql://user:password@localhost:5432/shop",
                      input->url_env);
    mg_error_note(choosing->err, "no connection was made");
    return false;
}

/* ---- All of it ---- */

static bool
take_url(const Choosing *choosing, MgChoice *ret)
{
    const MgChooseInput *input = choosing->input;
    const char *from = input->url_from == NULL ? "--url" : input->url_from;
    if (*input->url == '\0') {
        (void)mg_fail(choosing->err, MG_E_NO_TARGET, "the database URL from %s is empty", from);
        mg_error_note(choosing->err, "no connection was made");
        return false;
    }
    MgChoice choice = { .shown = mg_arena_text(choosing->arena, from), .is_name_given = true };
    if (!mg_url_parse(input->url, from, input->environment, choosing->arena, &choice.url,
                      choosing->err))
        return false;
    *ret = choice;
    return true;
}

/* Of migrate.yaml; what it says is as good as a name that was given. */
static bool
take_configured(const Choosing *choosing, MgChoice *ret)
{
    const MgChooseInput *input = choosing->input;
    MgChoice choice = { .shown = input->configured_from, .is_name_given = true };
    if (!mg_url_parse(input->configured_url, input->configured_from, input->environment,
                      choosing->arena, &choice.url, choosing->err))
        return false;
    *ret = choice;
    return true;
}

static bool
choose(Choosing *choosing, MgChoice *ret)
{
    const MgChooseInput *input = choosing->input;
    const char *asked = input->env_file;
    /* A variable that was asked for and is not set must not lead to another database. */
    bool is_open = asked == NULL && input->url_env == NULL;
    bool is_ci = asked == NULL && mg_environment_get(input->environment, "CI") != NULL;
    bool is_found = false;
    Source sources[2];
    size_t n = 0;
    choosing->direct_name = input->url_env == NULL ? read_direct_name(choosing) : NULL;
    if (asked == NULL) {
        sources[n] = (Source){ "the environment", true, input->environment };
        if (!choose_in(choosing, &sources[n++], &is_found, ret))
            return false;
    }
    if (!is_found && is_open && input->configured_url != NULL)
        return take_configured(choosing, ret);
    if (!is_found && !is_ci) {
        char *const *variables = NULL;
        const char *name = asked == NULL ? default_file : asked;
        const char *path = asked == NULL ? path_in_folder(choosing, name) : asked;
        if (!read_variables(choosing, name, path, asked != NULL, &variables))
            return false;
        sources[n] = (Source){ name, false, variables };
        if (!choose_in(choosing, &sources[n++], &is_found, ret))
            return false;
    }
    if (!is_found && is_open && input->configured_error != NULL) {
        *choosing->err = *input->configured_error;
        return false;
    }
    return is_found || refuse_nothing(choosing, sources, n, is_ci);
}

bool
mg_target_choose(const MgChooseInput *input, MgArena *arena, MgChoice *ret, MgError *err)
{
    Choosing choosing = { .input = input, .arena = arena, .err = err };
    MgChoice choice;
    if (input->url != NULL ? !take_url(&choosing, &choice) : !choose(&choosing, &choice))
        return false;
    *ret = choice;
    return true;
}
