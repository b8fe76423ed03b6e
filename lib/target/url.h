/*
 * Database URLs: every spelling people have, parsed by libpq, after the keys
 * that other tools add were split off.  Secrets live in MgUrl.params and
 * MgUrl.holes only.
 */
#ifndef MG_TARGET_URL_H
#define MG_TARGET_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"

typedef struct MgParam {
    const char *key, *value;
} MgParam;

typedef struct MgParams {
    MgParam *items;
    size_t n, cap;
} MgParams;

/* A place in MgUrl.display where stars stand for a secret, and its bytes as they were written. */
typedef struct MgHole {
    size_t at;
    const char *secret;
} MgHole;

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
    bool is_local;           /* every host is loopback or a socket folder */
    const char *search_path; /* value for SET search_path, from schema=x and the like; or NULL */
    const MgHole *holes;     /* in order; may hold a password */
    size_t n_holes;
    const char **notes; /* what was dropped or read in a special way */
    size_t n_notes;
} MgUrl;

/*
 * Parse text, which came from `from`.  text NULL or "" means libpq's own
 * variables, which are looked up in environment ("NAME=value" array, may be
 * NULL).  Fails with MG_E_BAD_URL, and with MG_E_SYSTEM without libpq; no
 * message holds any part that may be a password.
 */
MG_CHECK bool mg_url_parse(const char *text, const char *from, char *const *environment,
                           MgArena *arena, MgUrl *ret, MgError *err);

/* The value of a libpq keyword in the URL, NULL when it is not there; may be a secret. */
const char *mg_url_find_param(const MgUrl *url, const char *key);

/* text with every occurrence of the URL's password replaced by ***; in arena. */
const char *mg_url_mask(const MgUrl *url, const char *text, MgArena *arena);

/* A part of MgUrl.display, and what is to stand there instead. */
typedef struct MgUrlEdit {
    MgSpan span;
    const char *text;
} MgUrlEdit;

/*
 * The URL with some parts replaced and every other byte as it was given; in
 * arena.  edits are in order and do not overlap.  Passwords are *** unless
 * is_revealed: then the text is a secret.
 */
const char *mg_url_rewrite(const MgUrl *url, const MgUrlEdit *edits, size_t n_edits,
                           bool is_revealed, MgArena *arena);

/* Add a note behind those that are there. */
void mg_url_add_note(MgUrl *url, const char *note, MgArena *arena);

/* Does text begin like the URL of another database system, or of an API? */
bool mg_url_is_of_another_kind(const char *text);

#endif
