/*
 * Twins: the direct URL of a pooled one, and back, where the URL alone tells.
 * A rewrite changes only what the provider's rule names and keeps every other
 * byte.
 */
#ifndef MG_TARGET_TWIN_H
#define MG_TARGET_TWIN_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/text.h"
#include "target/provider.h"
#include "target/url.h"

/*
 * The direct URL of the same database; url itself when nothing in it is pooled
 * by shape; NULL where it cannot be known.  A password is *** unless
 * is_revealed.
 */
const char *mg_twin_direct(const MgUrl *url, bool is_revealed, MgArena *arena);
/* The pooled URL of the same database; url itself when it is pooled; NULL where none is known. */
const char *mg_twin_pooled(const MgUrl *url, bool is_revealed, MgArena *arena);

/* The part of url->display that gives the pooler away; empty when it is not written there. */
MgSpan mg_twin_mark(const MgUrl *url, const MgProvider *provider, size_t host_i);

/*
 * The hosts of the direct twin, "db1.example.com,db2.example.com:5433": folded,
 * without pooler mark and usual ports, loopback as "localhost".
 */
const char *mg_twin_hosts(const MgUrl *url, MgArena *arena);

/*
 * Do both URLs lead to the same database, by host without pooler mark, port
 * class and database?  A pooled one whose direct host is not known may lead to
 * any database, and counts as the same.
 */
bool mg_twin_is_same_database(const MgUrl *a, const MgUrl *b, MgArena *arena);

#endif
