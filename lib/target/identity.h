/*
 * Who runs: the deployment or build that the environment tells of, for the
 * history and for others that wait for our lock.
 */
#ifndef MG_TARGET_IDENTITY_H
#define MG_TARGET_IDENTITY_H

#include "base/arena.h"

typedef struct MgIdentity {
    const char *by;      /* "vercel dpl_8Hq2vN"; NULL when no platform is recognised */
    const char *commit;  /* git commit, or NULL */
    const char *run_url; /* of the build, or NULL */
} MgIdentity;

/* environment: "NAME=value" array, may be NULL. */
void mg_identity_read(char *const *environment, MgArena *arena, MgIdentity *ret);

#endif
