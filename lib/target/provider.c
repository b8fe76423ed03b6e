/*
 * Poolers by their shape.  One row says how a provider's pooler is recognised
 * and how the direct URL is made from the pooled one and back; the order of the
 * rows matters where patterns overlap.  Ports alone (6432, 6543) prove nothing
 * on an unknown host: there the proof decides, and they are a hint when it fails.
 */
#include "target/provider.h"

#include <fnmatch.h>
#include <string.h>

#include "base/text.h"

/* ---- The table ---- */

static const MgNamePair neon_names[] = {
    { "DATABASE_URL", "DATABASE_URL_UNPOOLED" },
    { "POSTGRES_URL", "POSTGRES_URL_NON_POOLING" },
    { "POSTGRES_PRISMA_URL", "POSTGRES_URL_NON_POOLING" },
    { "NETLIFY_DATABASE_URL", "NETLIFY_DATABASE_URL_UNPOOLED" },
    { "PGHOST", "PGHOST_UNPOOLED" },
    { NULL, NULL },
};
static const MgNamePair vercel_names[] = {
    { "POSTGRES_URL", "POSTGRES_URL_NON_POOLING" },
    { "POSTGRES_PRISMA_URL", "POSTGRES_URL_NON_POOLING" },
    { NULL, NULL },
};
static const MgNamePair supabase_names[] = {
    { "DATABASE_URL", "DIRECT_URL" },
    { "POSTGRES_URL", "POSTGRES_URL_NON_POOLING" },
    { "POSTGRES_PRISMA_URL", "POSTGRES_URL_NON_POOLING" },
    { NULL, NULL },
};
static const MgNamePair prisma_names[] = {
    { "DATABASE_URL_POOLED", "DATABASE_URL" },
    { NULL, NULL },
};
static const MgNamePair railway_names[] = {
    { "DATABASE_URL", "DATABASE_UNPOOLED_URL" },
    { NULL, NULL },
};

#define SUPABASE_IPV6                                                                              \
    "The direct host has an IPv6 address only, unless the project has the IPv4 add-on. Over "      \
    "IPv4, "

static const MgProvider providers[] = {
    { .id = "neon",
      .host = "*.neon.tech",
      .direct_host = "*.neon.tech",
      .mode = MG_POOL_TRANSACTION,
      .twin = MG_TWIN_LABEL,
      .pooled_part = "-pooler",
      .marked = "-pooler",
      .words = "Neon's transaction pooler",
      .names = neon_names },
    { .id = "vercel-pg",
      .host = "*.postgres.vercel-storage.com",
      .direct_host = "*.postgres.vercel-storage.com",
      .mode = MG_POOL_TRANSACTION,
      .twin = MG_TWIN_LABEL,
      .pooled_part = "-pooler",
      .marked = "-pooler",
      .words = "Vercel's transaction pooler",
      .names = vercel_names },
    { .id = "supabase-session",
      .host = "*.pooler.supabase.com",
      .port = 5432,
      .mode = MG_POOL_SESSION,
      .twin = MG_TWIN_SUPABASE,
      .marked = ".pooler.",
      .words = "Supabase's session pooler",
      .advice = SUPABASE_IPV6 "accept the session pooler: --connection session",
      .names = supabase_names },
    { .id = "supabase-transaction",
      .host = "*.pooler.supabase.com",
      .mode = MG_POOL_TRANSACTION,
      .twin = MG_TWIN_SUPABASE,
      .marked = ".pooler.",
      .words = "Supabase's transaction pooler",
      .advice = SUPABASE_IPV6 "take port 5432 of the same host and --connection session",
      .names = supabase_names },
    { .id = "supabase-dedicated",
      .host = "db.*.supabase.co",
      .port = 6543,
      .direct_host = "db.*.supabase.co",
      .mode = MG_POOL_TRANSACTION,
      .twin = MG_TWIN_PORT,
      .words = "Supabase's dedicated pooler",
      .names = supabase_names },
    { .id = "prisma-pg",
      .host = "pooled.db.prisma.io",
      .direct_host = "db.prisma.io",
      .mode = MG_POOL_TRANSACTION,
      .twin = MG_TWIN_PREFIX,
      .pooled_part = "pooled.",
      .direct_part = "",
      .marked = "pooled.",
      .words = "Prisma Postgres' transaction pooler",
      .names = prisma_names },
    { .id = "planetscale",
      .host = "*.psdb.cloud",
      .port = 6432,
      .direct_host = "*.psdb.cloud",
      .mode = MG_POOL_TRANSACTION,
      .twin = MG_TWIN_PORT,
      .words = "PlanetScale's PgBouncer" },
    { .id = "appwrite",
      .host = "db-*.appwrite.center",
      .port = 6432,
      .direct_host = "db-*.appwrite.center",
      .mode = MG_POOL_UNKNOWN,
      .twin = MG_TWIN_PORT,
      .words = "Appwrite's pooler" },
    { .id = "cloud-sql",
      .host = "*.sql.goog",
      .port = 6432,
      .mode = MG_POOL_UNKNOWN,
      .twin = MG_TWIN_PORT,
      .words = "Cloud SQL's managed pooling" },
    { .id = "alloydb",
      .host = "*.alloydb-psc.goog",
      .port = 6432,
      .mode = MG_POOL_UNKNOWN,
      .twin = MG_TWIN_PORT,
      .words = "AlloyDB's managed pooling" },
    { .id = "azure-flex",
      .host = "*.postgres.database.azure.com",
      .port = 6432,
      .direct_host = "*.postgres.database.azure.com",
      .mode = MG_POOL_UNKNOWN,
      .twin = MG_TWIN_PORT,
      .words = "Azure's PgBouncer" },
    { .id = "azure-elastic",
      .host = "*.postgres.database.azure.com",
      .port = 8432,
      .mode = MG_POOL_UNKNOWN,
      .twin = MG_TWIN_PORT,
      .words = "Azure's PgBouncer" },
    { .id = "crunchy",
      .host = "*.postgresbridge.com",
      .port = 5431,
      .direct_host = "*.postgresbridge.com",
      .mode = MG_POOL_TRANSACTION,
      .twin = MG_TWIN_PORT,
      .words = "Crunchy Bridge's PgBouncer" },
    { .id = "fly-mpg",
      .host = "pgbouncer.*.flympg.net",
      .direct_host = "direct.*.flympg.net",
      .mode = MG_POOL_UNKNOWN,
      .twin = MG_TWIN_PREFIX,
      .pooled_part = "pgbouncer.",
      .direct_part = "direct.",
      .marked = "pgbouncer.",
      .words = "Fly's PgBouncer" },
    { .id = "railway",
      .host = "*pgbouncer*.railway.internal",
      .mode = MG_POOL_UNKNOWN,
      .marked = "pgbouncer",
      .words = "a PgBouncer on Railway",
      .advice = "The direct URL is the one of the PostgreSQL service; the template has it in "
                "DATABASE_UNPOOLED_URL, and for machines outside in DATABASE_PUBLIC_UNPOOLED_URL.",
      .names = railway_names },
    { .id = "digitalocean",
      .host = "*.db.ondigitalocean.com",
      .port = 25061,
      .mode = MG_POOL_UNKNOWN,
      .words = "DigitalOcean's connection pool",
      .advice =
          "The direct URL has port 25060 and the database's own name instead of the pool's." },
    { .id = "tiger",
      .host = "*.tsdb.cloud.timescale.com",
      .database = "tsdb_transaction",
      .mode = MG_POOL_TRANSACTION,
      .words = "Tiger's transaction pool",
      .advice = "The direct URL has a port and a database name of its own; the console shows it." },
    { .id = "rds-proxy",
      .host = "*.proxy-*.rds.amazonaws.com",
      .mode = MG_POOL_TRANSACTION,
      .marked = ".proxy-",
      .words = "Amazon RDS Proxy",
      .advice = "The direct host is the endpoint of the instance or the cluster." },
    { .id = "hyperdrive",
      .host = "*.hyperdrive.local",
      .mode = MG_POOL_TRANSACTION,
      .marked = ".hyperdrive.",
      .words = "Cloudflare Hyperdrive",
      .advice = "The direct URL is the one that Hyperdrive was made with." },
};

const MgProvider mg_provider_own_word = {
    .id = "generic",
    .mode = MG_POOL_UNKNOWN,
    .words = "this URL says so itself",
};
/* Neon's clients without SNI name the endpoint in options instead of the host. */
const MgProvider mg_provider_neon_options = {
    .id = "neon-options",
    .mode = MG_POOL_TRANSACTION,
    .twin = MG_TWIN_LABEL,
    .pooled_part = "-pooler",
    .marked = "-pooler",
    .words = "Neon's transaction pooler",
    .names = neon_names,
};
/* Heroku's poolers run on the application's own hosts: only the variable's name tells. */
const MgProvider mg_provider_heroku = {
    .id = "heroku",
    .mode = MG_POOL_TRANSACTION,
    .words = "Heroku's connection pool, by the name of the variable",
    .advice = "The direct URL is in the variable without _CONNECTION_POOL, such as DATABASE_URL.",
};
static const char heroku_name[] = "_CONNECTION_POOL_URL";

/* Direct endpoints that terminate TLS and relay each connection to one backend. */
static const char *const proxied_hosts[] = { "*.neon.tech", "*.postgres.vercel-storage.com" };

#define LOCAL_WORDS                                                                                \
    "A pooler or proxy may be what listens on this machine, such as PgBouncer or Cloud SQL's "     \
    "Auth Proxy."

/* What may be a pooler without looking like one; the first that fits. */
static const struct {
    const char *host;  /* pattern */
    int port;          /* 0: any */
    const char *doubt; /* NULL: not worth a word before the proof */
    const char *words;
    bool is_by_port; /* a host is one server, and another port of it the pooler */
} suspects[] = {
    { "*.aivencloud.com", 0, "Aiven's connection pools differ by port and database only",
      "On Aiven a connection pool has a port and a database name of its own: use the Service "
      "URI.",
      true },
    { "*.tsdb.cloud.timescale.com", 0, "Tiger's pooler differs by its port only",
      "On Tiger the pooler has a port of its own: use the URL that the console calls direct.",
      true },
    { "*", 6432, "port 6432 is usual for a pooler",
      "Port 6432 is usual for a pooler, such as PgBouncer or a cloud's managed pooling: "
      "try 5432.",
      false },
    { "*", 6543, "port 6543 is usual for a pooler", "Port 6543 is usual for a pooler: try 5432.",
      false },
    { "*", 3307, "port 3307 of Cloud SQL is pooled where managed pooling is on",
      "Port 3307 is what Cloud SQL's Auth Proxy dials: with managed pooling on, it is pooled.",
      false },
    { "localhost", 0, NULL, LOCAL_WORDS, false },
    { "127.*", 0, NULL, LOCAL_WORDS, false },
    { "::1", 0, NULL, LOCAL_WORDS, false },
};
#undef LOCAL_WORDS

/* ---- Finding a row ---- */

static bool
has_label(const MgProvider *provider, const char *host)
{
    size_t label_bytes = strcspn(host, "."), part_bytes = strlen(provider->pooled_part);
    return label_bytes > part_bytes &&
           strncmp(host + label_bytes - part_bytes, provider->pooled_part, part_bytes) == 0;
}

static bool
is_pooled_by(const MgProvider *provider, const MgHost *host, const MgUrl *url)
{
    if (provider->twin == MG_TWIN_LABEL && !has_label(provider, host->name))
        return false;
    if (provider->port != 0 && provider->port != host->port)
        return false;
    if (provider->database != NULL &&
        (url->database == NULL || strcmp(provider->database, url->database) != 0))
        return false;
    return fnmatch(provider->host, host->name, 0) == 0;
}

const MgProvider *
mg_provider_at(size_t i)
{
    static const MgProvider *const not_by_host[] = { &mg_provider_own_word,
                                                     &mg_provider_neon_options,
                                                     &mg_provider_heroku };
    static const size_t n = sizeof providers / sizeof *providers;
    if (i < n)
        return &providers[i];
    return i - n < sizeof not_by_host / sizeof *not_by_host ? not_by_host[i - n] : NULL;
}

const MgProvider *
mg_provider_of_host(const MgHost *host, const MgUrl *url)
{
    for (size_t i = 0; i < sizeof providers / sizeof *providers; i++) {
        if (is_pooled_by(&providers[i], host, url))
            return &providers[i];
    }
    return NULL;
}

const MgProvider *
mg_provider_of_direct_host(const MgHost *host)
{
    for (size_t i = 0; i < sizeof providers / sizeof *providers; i++) {
        const MgProvider *provider = &providers[i];
        bool is_port = provider->twin != MG_TWIN_PORT || host->port == MG_DEFAULT_PORT;
        if (provider->direct_host != NULL && is_port &&
            fnmatch(provider->direct_host, host->name, 0) == 0)
            return provider;
    }
    return NULL;
}

static bool
has_option_of_neon_pooler(const MgUrl *url)
{
    const char *options = mg_url_find_param(url, "options");
    const char *endpoint = options == NULL ? NULL : strstr(options, "endpoint=");
    if (endpoint == NULL)
        return false;
    const char *mark = mg_provider_neon_options.pooled_part;
    size_t end = strcspn(endpoint, " "), mark_bytes = strlen(mark);
    return end > mark_bytes && strncmp(endpoint + end - mark_bytes, mark, mark_bytes) == 0;
}

static bool
says_pgbouncer(const MgUrl *url)
{
    for (size_t i = 0; i < url->foreign.n; i++) {
        const MgParam *param = &url->foreign.items[i];
        if (strcmp(param->key, "pgbouncer") == 0 && strcmp(param->value, "true") == 0)
            return true;
    }
    return false;
}

const MgProvider *
mg_provider_find(const MgUrl *url, size_t *ret_host_i)
{
    MgHost host;
    for (size_t i = 0; mg_host_at(url, i, &host); i++) {
        const MgProvider *provider = mg_provider_of_host(&host, url);
        *ret_host_i = i;
        if (provider != NULL)
            return provider;
    }
    *ret_host_i = 0;
    if (has_option_of_neon_pooler(url))
        return &mg_provider_neon_options;
    if (url->name != NULL && mg_text_ends(url->name, heroku_name))
        return &mg_provider_heroku;
    return says_pgbouncer(url) ? &mg_provider_own_word : NULL;
}

const char *
mg_provider_name_of_direct(const MgUrl *url, const MgProvider *provider, MgArena *arena)
{
    size_t name_bytes = strlen(url->name);
    if (provider == &mg_provider_heroku)
        return mg_arena_format(arena, "%.*s_URL", (int)(name_bytes - strlen(heroku_name)),
                               url->name);
    for (const MgNamePair *pair = provider->names; pair != NULL && pair->pooled != NULL; pair++) {
        if (strcmp(pair->pooled, url->name) == 0)
            return pair->direct;
    }
    return NULL;
}

const MgNamePair *
mg_provider_names(const MgUrl *url)
{
    static const MgNamePair usual = { "DATABASE_URL", "DIRECT_URL" };
    size_t host_i;
    MgHost host;
    const MgProvider *provider = mg_provider_find(url, &host_i);
    if (provider == NULL && mg_host_at(url, 0, &host))
        provider = mg_provider_of_direct_host(&host);
    return provider == NULL || provider->names == NULL ? &usual : provider->names;
}

bool
mg_provider_is_proxied(const MgUrl *url)
{
    MgHost host;
    for (size_t i = 0; mg_host_at(url, i, &host); i++) {
        bool is_proxied = false;
        for (size_t k = 0; k < sizeof proxied_hosts / sizeof *proxied_hosts; k++)
            is_proxied = is_proxied || fnmatch(proxied_hosts[k], host.name, 0) == 0;
        if (!is_proxied || mg_provider_of_host(&host, url) != NULL)
            return false;
    }
    return !has_option_of_neon_pooler(url);
}

/* The number of the first suspect that fits; the number of rows when none does. */
static size_t
find_suspect(const MgUrl *url)
{
    static const size_t n = sizeof suspects / sizeof *suspects;
    MgHost host;
    for (size_t i = 0; mg_host_at(url, i, &host); i++) {
        for (size_t k = 0; k < n; k++) {
            if ((suspects[k].port == 0 || suspects[k].port == host.port) &&
                fnmatch(suspects[k].host, host.name, 0) == 0)
                return k;
        }
    }
    return n;
}

const char *
mg_provider_port_hint(const MgUrl *url, MgArena *arena)
{
    size_t i = find_suspect(url);
    return i < sizeof suspects / sizeof *suspects ? mg_arena_text(arena, suspects[i].words) : NULL;
}

const char *
mg_provider_doubt(const MgUrl *url)
{
    size_t i = find_suspect(url);
    return i < sizeof suspects / sizeof *suspects ? suspects[i].doubt : NULL;
}

bool
mg_provider_is_by_port(const MgUrl *url)
{
    size_t i = find_suspect(url);
    return i < sizeof suspects / sizeof *suspects && suspects[i].is_by_port;
}
