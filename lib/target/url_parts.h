/* What the two files that read a URL share: nobody else includes this. */
#ifndef MG_TARGET_URL_PARTS_H
#define MG_TARGET_URL_PARTS_H

#include "base/buf.h"
#include "target/url.h"

/* A URL that is being read. */
typedef struct MgUrlParse {
    MgUrl *url;
    MgArena *arena;
    MgError *err;
    MgParams known;      /* every key of the linked libpq, with its environment variable or NULL */
    bool has_sslmode;    /* "ssl" of other tools must not weaken it */
    bool has_secret_key; /* key names behind it may be parts of a raw password */
    struct {
        const char **items;
        size_t n, cap;
    } notes;
    struct {
        MgHole *items;
        size_t n, cap;
    } holes;
    MgBuf display;
    MgBuf kept; /* what libpq gets */
} MgUrlParse;

/* Split text, which is not empty, into what libpq gets, what is shown and what is ours. */
MG_CHECK bool mg_url_split(MgUrlParse *parse, const char *text);
/* "DATABASE_URL " and what is wrong with it; detail may be NULL.  Returns false. */
bool mg_url_refuse(MgUrlParse *parse, const char *what, const char *detail);
/* Is it a key of the linked libpq? */
bool mg_url_is_known(const MgUrlParse *parse, const char *key);
/* What must not be shown: the display gets stars, and the bytes stay for rewriting. */
void mg_url_hide(MgUrlParse *parse, const char *secret, size_t size_bytes);
/* A value as key=value texts write it. */
const char *mg_url_quoted(const char *value, MgArena *arena);

#endif
