/*
 * Database URLs: every spelling people have, parsed by libpq, after the keys
 * that other tools add were split off.  Secrets live in MgUrl.params only.
 */
#ifndef MG_TARGET_URL_H
#define MG_TARGET_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"

typedef struct MgParam {
    const char *key, *value;
} MgParam;

typedef struct MgParams {
    MgParam *items;
    size_t n, cap;
} MgParams;

typedef struct MgUrl {
    MgParams params;     /* libpq keywords, ready for PQconnectStartParams; may hold a password */
    MgParams foreign;    /* keys of other tools: pgbouncer, connection_limit, schema ... */
    const char *from;    /* "DATABASE_URL in the environment", "--url" */
    const char *name;    /* "DATABASE_URL", "--url": from without its source */
    const char *display; /* the URL as given, password masked by *** */
    /* What is known without connecting: of the first host; NULL or 0 when libpq's default counts.
     */
    const char *host, *database, *user, *password;
    int port;
    bool is_local;      /* every host is loopback or a socket folder */
    const char **notes; /* what was dropped or read in a special way */
    size_t n_notes;
} MgUrl;

/*
 * Parse text, which came from `from`.  text NULL or "" means libpq's own
 * variables, which are looked up in environment ("NAME=value" array, may be
 * NULL).  Fails with MG_E_BAD_URL; no message holds any part that may be a
 * password.
 */
MG_CHECK bool mg_url_parse(const char *text, const char *from, char *const *environment,
                           MgArena *arena, MgUrl *ret, MgError *err);

/* text with every occurrence of the URL's password replaced by ***; in arena. */
const char *mg_url_mask(const MgUrl *url, const char *text, MgArena *arena);

#endif
