/*
 * Who runs, and for which environment: the deployment or build that the
 * process environment tells of, for the history, for others that wait for our
 * lock, and for what may be done here.
 */
#ifndef MG_TARGET_IDENTITY_H
#define MG_TARGET_IDENTITY_H

#include <stdint.h>

#include "base/arena.h"

typedef struct MgIdentity {
    const char *by;               /* "vercel dpl_8Hq2vN"; NULL when no platform is recognised */
    const char *commit;           /* git commit, or NULL */
    const char *run_url;          /* of the build or deployment, or NULL */
    const char *environment;      /* "production", "preview"; NULL when nothing tells */
    const char *environment_from; /* the variable that told */
    int64_t deadline_ms;          /* before the platform ends the build; 0 = none is known */
    const char *deadline_from;    /* "vercel" */
} MgIdentity;

/* environment: "NAME=value" array, may be NULL. */
void mg_identity_read(char *const *environment, MgArena *arena, MgIdentity *ret);

#endif
