/*
 * The hosts that a database URL names.  libpq tries them in order, each with
 * its own port, so rules look at every one of them.
 */
#ifndef MG_TARGET_HOST_H
#define MG_TARGET_HOST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "target/url.h"

enum {
    MG_HOST_MAX_BYTES = 256, /* of a DNS name, and more */
    MG_DEFAULT_PORT = 5432,
};

typedef struct MgHost {
    char name[MG_HOST_MAX_BYTES]; /* folded, without a dot at the end; "" = libpq's default */
    int port;                     /* MG_DEFAULT_PORT when the URL names none */
} MgHost;

/* The host that libpq would try as number i; false behind the last one. */
bool mg_host_at(const MgUrl *url, size_t i, MgHost *ret);

/* Does a list of hosts name loopback and socket folders only?  An empty one is libpq's default. */
bool mg_hosts_are_local(const char *hosts, MgArena *arena);
/* Is one host loopback or a socket folder? */
bool mg_host_is_local(const char *host);

/* The first port of a list, 0 when it is empty; false when any of them is no port. */
bool mg_ports_parse(const char *ports, MgArena *arena, int *ret);

#endif
