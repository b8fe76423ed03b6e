/*
 * What to do about errors whose words do not say it: those of poolers, proxies
 * and limits, told from PostgreSQL's own by their text.
 */
#include <string.h>

#include "pg/conn_libpq.h"

static const char pooler_says_so[] =
    "A connection pooler says so: use the URL of the server itself.";
static const char pool_is_full[] =
    "A connection pooler has no free backend: use the URL of the server itself.";
static const char close_others[] =
    "Close other sessions, or raise max_connections; \"migrate doctor\" shows how many are used.";
static const char ipv6_only[] =
    "This host has an IPv6 address only. Where there is no IPv6, use the session pooler of the "
    "project (port 5432) with --connection session, or the IPv4 add-on.";
static const char in_between[] =
    "Something in between ended the connection: a firewall, a proxy, or TLS that one side does not "
    "speak (sslmode).";

/* By a part of the text, and of the host. */
static const struct {
    const char *text, *host;
    bool is_poolers; /* a server never says it, so it betrays a pooler in any answer */
    const char *hint;
} advice[] = {
    { "too many clients", NULL, false, close_others },
    { "remaining connection slots", NULL, false, close_others },
    { "too many connections for", NULL, false,
      "This role or database has a connection limit: close other sessions, or raise it." },
    { "unsupported startup parameter", NULL, true, pooler_says_so },
    { "Tenant or user not found", NULL, true,
      "Supabase's pooler says so: there the user is postgres.PROJECT, and the host is that of the "
      "project's region. Best use the direct URL of the project." },
    { "query_wait_timeout", NULL, true, pool_is_full },
    { "max clients reached", NULL, true, pool_is_full },
    { "no more connections allowed", NULL, true, pool_is_full },
    { "pgbouncer cannot connect to server", NULL, true,
      "PgBouncer says so, whose server is down or refuses it: use the URL of the server itself." },
    { "not allowed in statement pooling mode", NULL, true, pooler_says_so },
    /* Ours: a file's own PREPARE has names of its own. */
    { "prepared statement \"migrate_", NULL, true,
      "A migration has dropped it (DEALLOCATE ALL, DISCARD ALL), or a connection pooler has "
      "changed the backend: then use the URL of the server itself." },
    { "prepared statement", NULL, false,
      "A connection pooler mixes sessions: use the URL of the server itself." },
    { "Network is unreachable", ".supabase.co", false, ipv6_only },
    { "could not translate host name", ".supabase.co", false, ipv6_only },
    { "could not translate host name", ".railway.internal", false,
      "Railway's private network is not there while it builds: migrate in the pre-deploy command, "
      "or set MIGRATE_URL to the database's public URL (DATABASE_PUBLIC_URL)." },
    { "received invalid response to", NULL, false, /* "SSL", "GSSAPI negotiation" */
      "What answered is not PostgreSQL: check host and port." },
    { "server does not support SSL", NULL, false,
      "The server has TLS switched off, or another one answers: check host and port. For one "
      "on this machine sslmode=prefer will do." },
    { "Connection reset by peer", NULL, false, in_between },
    { "server closed the connection unexpectedly", NULL, false, in_between },
};

enum {
    N_ADVICE = sizeof advice / sizeof *advice,
};

const char *
mg_conn_advice(const char *reason, const char *host)
{
    for (size_t i = 0; i < N_ADVICE; i++)
        if (strstr(reason, advice[i].text) != NULL &&
            (advice[i].host == NULL || (host != NULL && strstr(host, advice[i].host) != NULL)))
            return advice[i].hint;
    return NULL;
}

bool
mg_conn_is_pool_full(const char *reason)
{
    for (size_t i = 0; i < N_ADVICE; i++)
        if (advice[i].hint == pool_is_full && strstr(reason, advice[i].text) != NULL)
            return true;
    return false;
}

const char *
mg_conn_poolers_advice(const char *reason)
{
    for (size_t i = 0; i < N_ADVICE; i++)
        if (advice[i].is_poolers && strstr(reason, advice[i].text) != NULL)
            return advice[i].hint;
    return NULL;
}
