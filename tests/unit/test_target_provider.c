/* A test for each row: which rule a URL falls under, and what is known without one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "target/provider.h"

static MgUrl
parse(const char *text, const char *from, MgArena *arena)
{
    MgUrl url;
    MgError err;
    if (!mg_url_parse(text, from, NULL, arena, &url, &err))
        fail_msg("%s: %s", text, err.message);
    return url;
}

static const char *
or_none(const char *text)
{
    return text == NULL ? "-" : text;
}

#define FROM "DATABASE_URL in the environment"

static void
test_provider__finds_the_rule(void **state)
{
    (void)state;
    static const struct {
        const char *url, *from, *expect;
        MgPoolMode mode;
        size_t host_i;
    } cases[] = {
        { "postgres://a@ep-x-pooler.eu-central-1.aws.neon.tech/d", FROM, "neon",
          MG_POOL_TRANSACTION, 0 },
        { "postgres://a@EP-x-Pooler.c-2.eastus2.azure.NEON.tech./d", FROM, "neon",
          MG_POOL_TRANSACTION, 0 },
        { "postgres://a@h/d?options=endpoint%3Dep-x-pooler", FROM, "neon-options",
          MG_POOL_TRANSACTION, 0 },
        { "postgres://a@ep-x-pooler.us-east-1.postgres.vercel-storage.com/d", FROM, "vercel-pg",
          MG_POOL_TRANSACTION, 0 },
        { "postgres://a@aws-0-eu.pooler.supabase.com:6543/d", FROM, "supabase-transaction",
          MG_POOL_TRANSACTION, 0 },
        { "postgres://a@aws-1-eu.pooler.supabase.com:5432/d", FROM, "supabase-session",
          MG_POOL_SESSION, 0 },
        { "postgres://a@aws-1-eu.pooler.supabase.com/d", FROM, "supabase-session", MG_POOL_SESSION,
          0 },
        { "postgres://a@db.abcd.supabase.co:6543/d", FROM, "supabase-dedicated",
          MG_POOL_TRANSACTION, 0 },
        { "postgres://a@pooled.db.prisma.io/d", FROM, "prisma-pg", MG_POOL_TRANSACTION, 0 },
        { "postgres://a@aws.connect.psdb.cloud:6432/d", FROM, "planetscale", MG_POOL_TRANSACTION,
          0 },
        { "postgres://a@x.postgres.database.azure.com:6432/d", FROM, "azure-flex", MG_POOL_UNKNOWN,
          0 },
        { "postgres://a@x.postgres.database.azure.com:8432/d", FROM, "azure-elastic",
          MG_POOL_UNKNOWN, 0 },
        { "postgres://a@p.x.db.postgresbridge.com:5431/d", FROM, "crunchy", MG_POOL_TRANSACTION,
          0 },
        { "postgres://a@pgbouncer.x.flympg.net/d", FROM, "fly-mpg", MG_POOL_UNKNOWN, 0 },
        { "postgres://a@pgbouncer.railway.internal:6432/d", FROM, "railway", MG_POOL_UNKNOWN, 0 },
        { "postgres://a@x.db.ondigitalocean.com:25061/pool", FROM, "digitalocean", MG_POOL_UNKNOWN,
          0 },
        { "postgres://a@x.y.tsdb.cloud.timescale.com:30477/tsdb_transaction", FROM, "tiger",
          MG_POOL_TRANSACTION, 0 },
        { "postgres://a@app.proxy-x.eu-west-1.rds.amazonaws.com/d", FROM, "rds-proxy",
          MG_POOL_TRANSACTION, 0 },
        { "postgres://a@x.hyperdrive.local/d", FROM, "hyperdrive", MG_POOL_TRANSACTION, 0 },
        { "postgres://a@ec2-1.compute-1.amazonaws.com/d",
          "DATABASE_CONNECTION_POOL_URL in the environment", "heroku", MG_POOL_TRANSACTION, 0 },
        { "postgres://a@h/d?pgbouncer=true", FROM, "generic", MG_POOL_UNKNOWN, 0 },
        { "postgres://a@h1,h2,ep-x-pooler.aws.neon.tech/d", FROM, "neon", MG_POOL_TRANSACTION, 2 },
        { "postgres://a@db.a.supabase.co:5432,db.b.supabase.co:6543/d", FROM, "supabase-dedicated",
          MG_POOL_TRANSACTION, 1 },
        { "host=h,x.psdb.cloud port=6432", FROM, "planetscale", MG_POOL_TRANSACTION, 1 },
        /* Not pooled by shape. */
        { "postgres://a@ep-x.eu-central-1.aws.neon.tech/d", FROM, NULL, 0, 0 },
        { "postgres://a@h/d?options=endpoint%3Dep-x", FROM, NULL, 0, 0 },
        { "postgres://a@db.abcd.supabase.co:5432/d", FROM, NULL, 0, 0 },
        { "postgres://a@db.prisma.io/d", FROM, NULL, 0, 0 },
        { "postgres://a@aws.connect.psdb.cloud/d", FROM, NULL, 0, 0 },
        { "postgres://a@x.postgres.database.azure.com/d", FROM, NULL, 0, 0 },
        { "postgres://a@x.db.ondigitalocean.com:25060/d", FROM, NULL, 0, 0 },
        { "postgres://a@direct.x.flympg.net/d", FROM, NULL, 0, 0 },
        { "postgres://a@postgres.railway.internal/d", FROM, NULL, 0, 0 },
        { "postgres://a@x.y.tsdb.cloud.timescale.com:30477/tsdb", FROM, NULL, 0, 0 },
        { "postgres://a@x.y.tsdb.cloud.timescale.com:30477", FROM, NULL, 0, 0 },
        { "postgres://a@x.cluster-y.eu-west-1.rds.amazonaws.com/d", FROM, NULL, 0, 0 },
        { "postgres://a@pg-x.aivencloud.com:12345/d", FROM, NULL, 0, 0 },
        { "postgres://a@neon.tech-pooler.example.com/d", FROM, NULL, 0, 0 },
        { "postgres://a@ep-x.y-pooler.aws.neon.tech/d", FROM, NULL, 0, 0 },
        { "postgres://a@-pooler.aws.neon.tech/d", FROM, NULL, 0, 0 },
        { "postgres://a@ep-x-pooler.another-neon.tech/d", FROM, NULL, 0, 0 },
        { "postgres://a@ep-x-pooler-2.aws.neon.tech/d", FROM, NULL, 0, 0 },
        { "postgres://a@h/d?options=endpoint%3Dep-x%20-c%20a.b%3Dc-pooler", FROM, NULL, 0, 0 },
        { "postgres://a@h/d?options=endpoint%3Dep-x-pooler-2", FROM, NULL, 0, 0 },
        { "postgres://a@db-1a.fra.appwrite.center/d", FROM, NULL, 0, 0 },
        { "postgres://a@1a.2b.europe-west1.sql.goog/d", FROM, NULL, 0, 0 },
        { "postgres://a@1a.2b.europe-west1.sql.goog:3307/d", FROM, NULL, 0, 0 },
        { "postgres://a@x.db.thenile.dev/d", FROM, NULL, 0, 0 },
        { "postgres://a@db.example.com:6432/d?pgbouncer=false", FROM, NULL, 0, 0 },
        { "postgres:///d", FROM, NULL, 0, 0 },
        { "host=/tmp", FROM, NULL, 0, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        MgUrl url = parse(cases[i].url, cases[i].from, &arena);
        size_t host_i = SIZE_MAX;
        const MgProvider *provider = mg_provider_find(&url, &host_i);
        if (provider == NULL || cases[i].expect == NULL) {
            if (provider != NULL || cases[i].expect != NULL)
                fail_msg("%s: %s", cases[i].url, provider == NULL ? "no rule" : provider->id);
        } else {
            assert_string_equal(provider->id, cases[i].expect);
            assert_int_equal(provider->mode, cases[i].mode);
        }
        assert_int_equal(host_i, cases[i].host_i);
        mg_arena_release(&arena);
    }
}

static void
test_provider__knows_proxied_hosts(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        bool is_proxied;
    } cases[] = {
        { "postgres://a@ep-x.eu-central-1.aws.neon.tech/d", true },
        { "postgres://a@EP-X.eu-central-1.aws.Neon.tech./d", true },
        { "postgres://a@ep-x.us-east-1.postgres.vercel-storage.com/d", true },
        { "postgres://a@ep-x.aws.neon.tech,ep-y.aws.neon.tech/d", true },
        { "postgres://a@ep-x-pooler.eu-central-1.aws.neon.tech/d", false },
        { "postgres://a@ep-x.aws.neon.tech,ep-y-pooler.aws.neon.tech/d", false },
        { "postgres://a@ep-x.aws.neon.tech,db.example.com/d", false },
        { "postgres://a@ep-x.aws.neon.tech/d?options=endpoint%3Dep-x-pooler", false },
        { "postgres://a@neon.tech/d", false },
        { "postgres://a@ep-x.neon.tech.example.com/d", false },
        { "postgres://a@db.abcd.supabase.co/d", false },
        { "postgres:///d", false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        MgUrl url = parse(cases[i].url, FROM, &arena);
        if (mg_provider_is_proxied(&url) != cases[i].is_proxied)
            fail_msg("%s", cases[i].url);
        mg_arena_release(&arena);
    }
}

#define LISTENS                                                                                    \
    "A pooler or proxy may be what listens on this machine, such as PgBouncer or Cloud SQL's "     \
    "Auth "                                                                                        \
    "Proxy."

static void
test_provider__hints_when_the_proof_fails(void **state)
{
    (void)state;
    static const struct {
        const char *url, *expect;
    } cases[] = {
        { "postgres://a@db.example.com:6432/d",
          "Port 6432 is usual for a pooler, such as PgBouncer or a cloud's managed pooling: try "
          "5432." },
        { "postgres://a@db.example.com:6543/d", "Port 6543 is usual for a pooler: try 5432." },
        { "postgres://a@10.0.0.1:3307/d", "Port 3307 is what Cloud SQL's Auth Proxy dials: with "
                                          "managed pooling on, it is pooled." },
        { "postgres://a@pg-x.aivencloud.com:12345/d",
          "On Aiven a connection pool has a port and a database name of its own: use the Service "
          "URI." },
        { "postgres://a@x.y.tsdb.cloud.timescale.com:30477/d",
          "On Tiger the pooler has a port of its own: use the URL that the console calls direct." },
        { "postgres://a@localhost/d", LISTENS },
        { "postgres://a@127.0.0.1:5433/d", LISTENS },
        { "postgres://a@[::1]/d", LISTENS },
        { "postgres://a@db.example.com,localhost/d", LISTENS },
        { "postgres://a@db.example.com/d", NULL },
        { "postgres:///d", NULL },
        { "host=/tmp", NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        MgUrl url = parse(cases[i].url, FROM, &arena);
        assert_string_equal(or_none(mg_provider_port_hint(&url, &arena)), or_none(cases[i].expect));
        mg_arena_release(&arena);
    }
}

static void
test_provider__names_the_variables(void **state)
{
    (void)state;
    static const struct {
        const char *url, *pooled, *direct;
    } cases[] = {
        { "postgres://a@ep-x-pooler.aws.neon.tech/d", "DATABASE_URL", "DATABASE_URL_UNPOOLED" },
        { "postgres://a@ep-x.aws.neon.tech/d", "DATABASE_URL", "DATABASE_URL_UNPOOLED" },
        { "postgres://a@ep-x.us.postgres.vercel-storage.com/d", "POSTGRES_URL",
          "POSTGRES_URL_NON_POOLING" },
        { "postgres://a@aws-0-eu.pooler.supabase.com/d", "DATABASE_URL", "DIRECT_URL" },
        { "postgres://a@db.prisma.io/d", "DATABASE_URL_POOLED", "DATABASE_URL" },
        { "postgres://a@pgbouncer.railway.internal/d", "DATABASE_URL", "DATABASE_UNPOOLED_URL" },
        { "postgres://a@x.psdb.cloud/d", "DATABASE_URL", "DIRECT_URL" },
        { "postgres:///d", "DATABASE_URL", "DIRECT_URL" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        MgUrl url = parse(cases[i].url, FROM, &arena);
        const MgNamePair *names = mg_provider_names(&url);
        assert_string_equal(names->pooled, cases[i].pooled);
        assert_string_equal(names->direct, cases[i].direct);
        mg_arena_release(&arena);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_provider__finds_the_rule),
        cmocka_unit_test(test_provider__knows_proxied_hosts),
        cmocka_unit_test(test_provider__hints_when_the_proof_fails),
        cmocka_unit_test(test_provider__names_the_variables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
