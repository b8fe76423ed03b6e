/*
 * Which database: the source first, then the name in it.  Sources are --url,
 * the process environment and .env; names are those that people and platforms
 * use.  Names prove nothing about pooling, so among the names of one source the
 * values count too: a direct URL goes before a pooled one of the same database,
 * and two names that lead to different databases are refused.
 */
#ifndef MG_TARGET_CHOOSE_H
#define MG_TARGET_CHOOSE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"
#include "target/url.h"

typedef struct MgChooseInput {
    const char *url;      /* the URL itself; nothing else is looked at */
    const char *url_from; /* its origin; NULL: "--url" */
    const char *url_env;  /* the name to look for; NULL: all that are known */
    const char *env_file; /* a file to look into instead of all other sources, or NULL */
    const char *folder;   /* where .env and prisma/ are; NULL: the working folder */
    /* Of migrate.yaml: behind the environment, before .env; not with a url_env or an env_file. */
    const char *configured_url;
    const char *configured_from;     /* "migrate.yaml:4"; NULL: it has none */
    const MgError *configured_error; /* why it cannot be had, when nothing else names a database */
    char *const *environment; /* "NAME=value" array, may be NULL; with CI set, .env is not read */
    bool is_session_accepted; /* a session-mode pooler is as good as a direct URL */
} MgChooseInput;

typedef struct MgChoice {
    MgUrl url;
    const char *shown;        /* "DATABASE_URL", "DATABASE_URL in .env": for the target line */
    bool is_name_given;       /* by url or url_env */
    const char **passed_over; /* names of pooled URLs of the same database */
    size_t n_passed_over;
} MgChoice;

/*
 * Choose and parse.  Reads .env, env_file and prisma/schema.prisma when their
 * turn comes.  Fails with MG_E_NO_TARGET, which lists what was looked for,
 * MG_E_AMBIGUOUS_URL or MG_E_BAD_URL.
 */
MG_CHECK bool mg_target_choose(const MgChooseInput *input, MgArena *arena, MgChoice *ret,
                               MgError *err);

#endif
