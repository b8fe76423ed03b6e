/*
 * Providers: which hosts and ports are poolers, and where their direct twin
 * is.  A table; a new provider is one row.  Rules only ever refuse early, with
 * a name: what passes here is still proved by behaviour (pg/prove.h).
 */
#ifndef MG_TARGET_PROVIDER_H
#define MG_TARGET_PROVIDER_H

#include <stdbool.h>

#include "base/arena.h"
#include "target/host.h"
#include "target/url.h"

/* How a pooler hands out backends, which is what makes it unfit. */
typedef enum MgPoolMode {
    MG_POOL_TRANSACTION,
    MG_POOL_SESSION,
    MG_POOL_UNKNOWN, /* it is a setting of the pooler, which the URL does not tell */
} MgPoolMode;

/* How a pooled URL and its direct twin differ. */
typedef enum MgTwinRule {
    MG_TWIN_NONE,     /* the URL does not tell */
    MG_TWIN_LABEL,    /* the first label of a pooled host ends with pooled_part */
    MG_TWIN_PREFIX,   /* the host begins with pooled_part instead of direct_part */
    MG_TWIN_PORT,     /* port instead of 5432 */
    MG_TWIN_SUPABASE, /* another host, the user without ".REF", port 5432 */
} MgTwinRule;

/* Under which names a provider's integrations set the two URLs. */
typedef struct MgNamePair {
    const char *pooled, *direct;
} MgNamePair;

typedef struct MgProvider {
    const char *id;
    /* Pooled: the pattern of a folded host, the port (0: any), the database (NULL: any). */
    const char *host;
    int port;
    const char *database;
    const char *direct_host; /* pattern of the direct host; NULL: no pooled twin can be made */
    MgPoolMode mode;
    MgTwinRule twin;
    const char *pooled_part, *direct_part;
    const char *marked;      /* the part of the host that gives it away; NULL: the port */
    const char *words;       /* "Neon's transaction pooler" */
    const char *advice;      /* where to find the direct URL, or a fact about it; NULL = none */
    const MgNamePair *names; /* the first is the usual one; ends with a row of NULL; or NULL */
} MgProvider;

/* What the URL says itself by pgbouncer=true, and where the endpoint stands in options. */
extern const MgProvider mg_provider_own_word, mg_provider_neon_options, mg_provider_heroku;

/* The rules in order, those that go by something else than a host last; NULL behind the end. */
const MgProvider *mg_provider_at(size_t i);
/* The rule by which this one host is a pooler, or NULL. */
const MgProvider *mg_provider_of_host(const MgHost *host, const MgUrl *url);
/* The rule whose direct endpoint this host is, so that a pooled twin can be made; or NULL. */
const MgProvider *mg_provider_of_direct_host(const MgHost *host);
/*
 * The first rule by which the URL is pooled by its shape, or NULL.  *ret_host_i
 * is the number of the host, 0 when it is not by a host.
 */
const MgProvider *mg_provider_find(const MgUrl *url, size_t *ret_host_i);

/* The variable that usually holds the direct URL of the one in url->name; NULL: none is known. */
const char *mg_provider_name_of_direct(const MgUrl *url, const MgProvider *provider,
                                       MgArena *arena);
/* The variables that usually hold the two URLs of this provider; never NULL. */
const MgNamePair *mg_provider_names(const MgUrl *url);

/* Is every host a direct endpoint that is known to be a 1:1 proxy in front of the server? */
bool mg_provider_is_proxied(const MgUrl *url);

/*
 * What in this URL, which no rule refuses, may be a pooler: a sentence for when
 * the proof has failed, and words for before it, "port 6432 is usual for a pooler".
 * NULL when nothing is known.
 */
const char *mg_provider_port_hint(const MgUrl *url, MgArena *arena);
const char *mg_provider_doubt(const MgUrl *url);
/* Is its host that of one server, of which another port, unknown which, is the pooler? */
bool mg_provider_is_by_port(const MgUrl *url);

#endif
