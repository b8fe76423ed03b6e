/*
 * Which database: the option, then variables by name, then libpq's own.
 * Names prove nothing about pooling; provider.h and the proof look at values.
 */
#ifndef MG_TARGET_ENVIRONMENT_H
#define MG_TARGET_ENVIRONMENT_H

#include "base/arena.h"
#include "base/error.h"

/* Value of a variable in a "NAME=value" array (may be NULL); NULL when unset or empty. */
const char *mg_environment_get(char *const *environment, const char *name);

typedef struct MgChoice {
    const char *url;  /* borrowed; NULL: libpq's own variables */
    const char *from; /* "--url", "DATABASE_URL in the environment", "PGHOST in the environment" */
    const char *name; /* "--url", "DATABASE_URL", "PGHOST" */
} MgChoice;

/* url (of url_from) wins; fails with MG_E_NO_TARGET and lists what was looked for. */
MG_CHECK bool mg_target_choose(const char *url, const char *url_from, char *const *environment,
                               MgArena *arena, MgChoice *ret, MgError *err);

#endif
