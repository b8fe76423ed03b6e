/*
 * The keys that stand in database URLs beside libpq's own, and which of all
 * keys are secrets.  A key of one more tool is one row.
 */
#include "target/key.h"

#include <string.h>

#include "base/text.h"

static const struct {
    const char *key;
    MgKeyUse use;
} keys[] = {
    { "application_name", MG_KEY_DROPPED },
    { "fallback_application_name", MG_KEY_DROPPED },
    /* Prisma */
    { "pgbouncer", MG_KEY_FOREIGN },
    { "connection_limit", MG_KEY_FOREIGN },
    { "pool_timeout", MG_KEY_FOREIGN },
    { "socket_timeout", MG_KEY_FOREIGN },
    { "statement_cache_size", MG_KEY_FOREIGN },
    { "single_use_connections", MG_KEY_FOREIGN },
    { "schema", MG_KEY_SCHEMA },
    { "sslaccept", MG_KEY_FOREIGN },
    { "sslidentity", MG_KEY_FOREIGN },
    /* Supabase, Vercel */
    { "supa", MG_KEY_FOREIGN },
    { "workaround", MG_KEY_FOREIGN },
    /* Rails, Django */
    { "pool", MG_KEY_FOREIGN },
    { "timeout", MG_KEY_FOREIGN },
    { "checkout_timeout", MG_KEY_FOREIGN },
    { "reaping_frequency", MG_KEY_FOREIGN },
    { "idle_timeout", MG_KEY_FOREIGN },
    { "prepared_statements", MG_KEY_FOREIGN },
    { "advisory_locks", MG_KEY_FOREIGN },
    { "encoding", MG_KEY_FOREIGN },
    { "schema_search_path", MG_KEY_SEARCH_PATH },
    { "conn_max_age", MG_KEY_FOREIGN },
    { "conn_health_checks", MG_KEY_FOREIGN },
    /* SQLAlchemy with asyncpg, psycopg */
    { "prepared_statement_cache_size", MG_KEY_FOREIGN },
    { "async_fallback", MG_KEY_FOREIGN },
    { "command_timeout", MG_KEY_FOREIGN },
    /* Go: lib/pq, pgx, golang-migrate, dbmate */
    { "binary_parameters", MG_KEY_FOREIGN },
    { "search_path", MG_KEY_SEARCH_PATH },
    { "statement_timeout", MG_KEY_NOTED },
    { "lock_timeout", MG_KEY_NOTED },
    { "timezone", MG_KEY_NOTED },
    { "pool_max_conns", MG_KEY_FOREIGN },
    { "pool_min_conns", MG_KEY_FOREIGN },
    { "pool_max_conn_lifetime", MG_KEY_FOREIGN },
    { "pool_max_conn_lifetime_jitter", MG_KEY_FOREIGN },
    { "pool_max_conn_idle_time", MG_KEY_FOREIGN },
    { "pool_health_check_period", MG_KEY_FOREIGN },
    { "default_query_exec_mode", MG_KEY_FOREIGN },
    { "statement_cache_capacity", MG_KEY_FOREIGN },
    { "statement_cache_mode", MG_KEY_FOREIGN },
    { "description_cache_capacity", MG_KEY_FOREIGN },
    { "migrations_table", MG_KEY_FOREIGN },
    /* JavaScript: node-postgres, postgres.js */
    { "uselibpqcompat", MG_KEY_FOREIGN },
    { "max", MG_KEY_FOREIGN },
    { "prepare", MG_KEY_FOREIGN },
    /* JDBC */
    { "currentSchema", MG_KEY_SEARCH_PATH },
    { "ApplicationName", MG_KEY_DROPPED },
    { "prepareThreshold", MG_KEY_FOREIGN },
    { "preferQueryMode", MG_KEY_FOREIGN },
    { "loginTimeout", MG_KEY_FOREIGN },
    { "connectTimeout", MG_KEY_FOREIGN },
    { "socketTimeout", MG_KEY_FOREIGN },
    { "tcpKeepAlive", MG_KEY_FOREIGN },
    { "stringtype", MG_KEY_FOREIGN },
    { "reWriteBatchedInserts", MG_KEY_FOREIGN },
    /* libpq 16, 17 and 18 */
    { "sslcertmode", MG_KEY_NEWER_GUARD },
    { "require_auth", MG_KEY_NEWER_GUARD },
    { "load_balance_hosts", MG_KEY_NEWER },
    { "gssdelegation", MG_KEY_NEWER },
    { "sslnegotiation", MG_KEY_NEWER },
    { "scram_client_key", MG_KEY_NEWER },
    { "scram_server_key", MG_KEY_NEWER },
    { "min_protocol_version", MG_KEY_NEWER_GUARD },
    { "max_protocol_version", MG_KEY_NEWER },
    { "oauth_issuer", MG_KEY_NEWER },
    { "oauth_client_id", MG_KEY_NEWER },
    { "oauth_client_secret", MG_KEY_NEWER },
    { "oauth_scope", MG_KEY_NEWER },
    { "servicefile", MG_KEY_NEWER },
    { "sslkeylogfile", MG_KEY_NEWER },
};

const MgKeyVariable mg_key_newer_variables[] = {
    { "PGSSLCERTMODE", "sslcertmode" },
    { "PGREQUIREAUTH", "require_auth" },
    { "PGLOADBALANCEHOSTS", "load_balance_hosts" },
    { "PGGSSDELEGATION", "gssdelegation" },
    { "PGSSLNEGOTIATION", "sslnegotiation" },
    { "PGMINPROTOCOLVERSION", "min_protocol_version" },
    { "PGMAXPROTOCOLVERSION", "max_protocol_version" },
};
const size_t mg_key_n_newer_variables =
    sizeof mg_key_newer_variables / sizeof *mg_key_newer_variables;

/* A value whose key holds one of these is masked, whoever the key belongs to. */
static const char *const secret_words[] = { "pass",    "pwd",    "secret", "token",
                                            "api_key", "apikey", "scram_" };

MgKeyUse
mg_key_use(const char *key)
{
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (strcmp(keys[i].key, key) == 0)
            return keys[i].use;
    }
    /* golang-migrate's own all begin like this. */
    return mg_text_starts(key, "x-") ? MG_KEY_FOREIGN : MG_KEY_UNKNOWN;
}

bool
mg_key_is_secret(const char *key)
{
    char folded[64];
    mg_text_copy(folded, sizeof folded, key);
    for (char *c = folded; *c != '\0'; c++)
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
    /* passfile and sslkey are paths. */
    if (strcmp(folded, "passfile") == 0)
        return false;
    for (size_t i = 0; i < sizeof secret_words / sizeof *secret_words; i++) {
        if (strstr(folded, secret_words[i]) != NULL)
            return true;
    }
    return false;
}
