/*
 * The environment for a program that is to work on one database and on no
 * other: every name that could lead elsewhere leads there.
 */
#ifndef MG_TARGET_REDIRECT_H
#define MG_TARGET_REDIRECT_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"

typedef struct MgRedirect {
    const char *url;          /* where everything leads: postgresql://, without a password */
    const char *folder;       /* where .env files and prisma/ are; NULL: the working folder */
    char *const *environment; /* "NAME=value" array, may be NULL */
} MgRedirect;

/*
 * Of the environment: names of database URLs that are known, and every other
 * whose value is one, hold the URL; libpq's own variables lead there too.  What
 * the files .env* and prisma/schema.prisma of the folder name is set as well,
 * because programs load them into the names that are not set.  Fails with
 * MG_E_SYSTEM when one of them cannot be read whole.
 */
MG_CHECK bool mg_redirect(const MgRedirect *input, MgArena *arena, char *const **ret, MgError *err);

#endif
