/*
 * Providers: which hosts and ports are poolers, and where their direct twin
 * is.  A table; a new provider is one row.  Rules only ever refuse early, with
 * a name: what passes here is still proved by behaviour (pg/prove.h).
 */
#ifndef MG_TARGET_PROVIDER_H
#define MG_TARGET_PROVIDER_H

#include "base/arena.h"
#include "base/error.h"
#include "target/url.h"

/*
 * Refuse a URL that is pooled by its shape: MG_E_POOLED_URL with the rule, the
 * masked URL with a mark under what gave it away, and the direct URL to use.
 */
MG_CHECK bool mg_provider_check(const MgUrl *url, MgArena *arena, MgError *err);

#endif
