/*
 * Names of hosts to addresses, by the system's resolver, which blocks as long as
 * its name servers are silent: so a child of ours asks it, each name's its own,
 * and is ended when the time is over or the caller cancels.
 */
#ifndef MG_PG_CONN_RESOLVE_H
#define MG_PG_CONN_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

enum {
    MG_MAX_LOOKUPS = 16,
    MG_MAX_ADDRESSES = 32, /* of one name; the system may know more */
};

typedef struct MgLookup {
    const char *name;
    /* The answer. */
    const char *addresses[MG_MAX_ADDRESSES]; /* as numbers, in the order of the system */
    size_t n_addresses;
    const char *failure; /* the system's words when there are none, else NULL */
} MgLookup;

typedef struct MgLookupLimit {
    int64_t until_ms; /* of mg_clock_ms */
    int64_t limit_ms; /* how long that was, for words */
    int cancel_fd;    /* -1 = none */
} MgLookupLimit;

/* Is it an address already, so that nobody has to be asked? */
bool mg_is_address(const char *host);

/*
 * Look up n names at once, n <= MG_MAX_LOOKUPS.  That a name has no address, or
 * no answer came in time, is its answer too.  Fails with MG_E_CANCELLED, or with
 * MG_E_SYSTEM when no child could be started.
 */
MG_CHECK bool mg_resolve(MgLookup *lookups, size_t n, const MgLookupLimit *limit, MgArena *arena,
                         MgError *err);

#endif
