/*
 * What each rule does: how the pooler is told by its URL, the direct URL, the
 * pooled one made from that, and every word of the refusal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "target/policy.h"
#include "target/twin.h"

/* clang-format off: the texts are to be read as they are printed */
static const struct {
    const char *id;
    MgPoolMode mode;
    const char *from, *url, *direct, *pooled; /* NULL: the URL does not tell */
    const char *text;
} cases[] = {
    { "neon", MG_POOL_TRANSACTION, "DATABASE_URL in the environment",
      "postgresql://app:s3cret@ep-x-pooler.eu-central-1.aws.neon.tech/shop?sslmode=require",
      "postgresql://app:s3cret@ep-x.eu-central-1.aws.neon.tech/shop?sslmode=require",
      "postgresql://app:s3cret@ep-x-pooler.eu-central-1.aws.neon.tech/shop?sslmode=require",
      "error: DATABASE_URL leads to a connection pooler\n"
      "   |\n"
      "   | postgresql://app:***@ep-x-pooler.eu-central-1.aws.neon.tech/shop?sslmode=require\n"
      "   |                          ^^^^^^^ Neon's transaction pooler\n"
      "detail: Each transaction there may get another backend, so locks and settings do not hold.\n"
      "hint: Set DATABASE_URL_UNPOOLED to the direct URL (\"migrate url --direct --reveal\" prints "
      "it):\n"
      "postgresql://app:***@ep-x.eu-central-1.aws.neon.tech/shop?sslmode=require\n"
      "hint: Or derive it on every run: --derive-direct, or \"pooled_url: derive\" in "
      "migrate.yaml.\n"
      "note: no connection was made" },
    { "neon-options", MG_POOL_TRANSACTION, "DATABASE_URL in the environment",
      "postgresql://app:s3cret@pg.example.com/shop?options=endpoint%3Dep-x-pooler&sslmode=require",
      "postgresql://app:s3cret@pg.example.com/shop?options=endpoint%3Dep-x&sslmode=require", NULL,
      "error: DATABASE_URL leads to a connection pooler\n"
      "   |\n"
      "   | ...:***@pg.example.com/shop?options=endpoint%3Dep-x-pooler&sslmode=require\n"
      "   |                                                    ^^^^^^^ Neon's transaction pooler\n"
      "detail: Each transaction there may get another backend, so locks and settings do not hold.\n"
      "hint: Set DATABASE_URL_UNPOOLED to the direct URL (\"migrate url --direct --reveal\" prints "
      "it):\n"
      "postgresql://app:***@pg.example.com/shop?options=endpoint%3Dep-x&sslmode=require\n"
      "hint: Or derive it on every run: --derive-direct, or \"pooled_url: derive\" in "
      "migrate.yaml.\n"
      "note: no connection was made" },
    { "vercel-pg", MG_POOL_TRANSACTION, "POSTGRES_URL in the environment",
      "postgres://default:s3cret@ep-x-pooler.us-east-1.postgres.vercel-storage.com/verceldb",
      "postgres://default:s3cret@ep-x.us-east-1.postgres.vercel-storage.com/verceldb",
      "postgres://default:s3cret@ep-x-pooler.us-east-1.postgres.vercel-storage.com/verceldb",
      "error: POSTGRES_URL leads to a connection pooler\n"
      "   |\n"
      "   | postgres://default:***@ep-x-pooler.us-east-1.postgres.vercel-storage.com/verceldb\n"
      "   |                            ^^^^^^^ Vercel's transaction pooler\n"
      "detail: Each transaction there may get another backend, so locks and settings do not hold.\n"
      "hint: Set POSTGRES_URL_NON_POOLING to the direct URL (\"migrate url --direct --reveal\" "
      "prints it):\n"
      "postgres://default:***@ep-x.us-east-1.postgres.vercel-storage.com/verceldb\n"
      "hint: Or derive it on every run: --derive-direct, or \"pooled_url: derive\" in "
      "migrate.yaml.\n"
      "note: no connection was made" },
    { "supabase-session", MG_POOL_SESSION, "DATABASE_URL in the environment",
      "postgresql://postgres.abcd:s3cret@aws-0-eu.pooler.supabase.com:5432/postgres",
      "postgresql://postgres:s3cret@db.abcd.supabase.co:5432/postgres",
      "postgresql://postgres:s3cret@db.abcd.supabase.co:6543/postgres",
      "error: DATABASE_URL leads to a connection pooler\n"
      "   |\n"
      "   | postgresql://postgres.abcd:***@aws-0-eu.pooler.supabase.com:5432/postgres\n"
      "   |                                         ^^^^^^ Supabase's session pooler\n"
      "detail: Sessions there run on used backends, so a lock may outlive the run that took it.\n"
      "hint: Set DIRECT_URL to the direct URL (\"migrate url --direct --reveal\" prints it):\n"
      "postgresql://postgres:***@db.abcd.supabase.co:5432/postgres\n"
      "hint: The direct host has an IPv6 address only, unless the project has the IPv4 add-on. "
      "Over IPv4, accept the session pooler: --connection session\n"
      "note: no connection was made" },
    { "supabase-transaction", MG_POOL_TRANSACTION, "DATABASE_URL in the environment",
      "postgresql://postgres.abcd:s3cret@aws-0-eu.pooler.supabase.com:6543/postgres",
      "postgresql://postgres:s3cret@db.abcd.supabase.co:5432/postgres",
      "postgresql://postgres:s3cret@db.abcd.supabase.co:6543/postgres",
      "error: DATABASE_URL leads to a connection pooler\n"
      "   |\n"
      "   | postgresql://postgres.abcd:***@aws-0-eu.pooler.supabase.com:6543/postgres\n"
      "   |                                         ^^^^^^ Supabase's transaction pooler\n"
      "detail: Each transaction there may get another backend, so locks and settings do not hold.\n"
      "hint: Set DIRECT_URL to the direct URL (\"migrate url --direct --reveal\" prints it):\n"
      "postgresql://postgres:***@db.abcd.supabase.co:5432/postgres\n"
      "hint: The direct host has an IPv6 address only, unless the project has the IPv4 add-on. "
      "Over IPv4, take port 5432 of the same host and --connection session\n"
      "note: no connection was made" },
    { "supabase-dedicated", MG_POOL_TRANSACTION, "DATABASE_URL in the environment",
      "postgresql://postgres:s3cret@db.abcd.supabase.co:6543/postgres",
      "postgresql://postgres:s3cret@db.abcd.supabase.co:5432/postgres",
      "postgresql://postgres:s3cret@db.abcd.supabase.co:6543/postgres",
      "error: DATABASE_URL leads to a connection pooler\n"
      "   |\n"
      "   | postgresql://postgres:***@db.abcd.supabase.co:6543/postgres\n"
      "   |                                               ^^^^ Supabase's dedicated pooler\n"
      "detail: Each transaction there may get another backend, so locks and settings do not hold.\n"
      "hint: Set DIRECT_URL to the direct URL (\"migrate url --direct --reveal\" prints it):\n"
      "postgresql://postgres:***@db.abcd.supabase.co:5432/postgres\n"
      "hint: Or derive it on every run: --derive-direct, or \"pooled_url: derive\" in "
      "migrate.yaml.\n"
      "note: no connection was made" },
    { "prisma-pg", MG_POOL_TRANSACTION, "DATABASE_URL_POOLED in the environment",
      "postgresql://app:s3cret@pooled.db.prisma.io:5432/postgres",
      "postgresql://app:s3cret@db.prisma.io:5432/postgres",
      "postgresql://app:s3cret@pooled.db.prisma.io:5432/postgres",
      "error: DATABASE_URL_POOLED leads to a connection pooler\n"
      "   |\n"
      "   | postgresql://app:***@pooled.db.prisma.io:5432/postgres\n"
      "   |                      ^^^^^^ Prisma Postgres' transaction pooler\n"
      "detail: Each transaction there may get another backend, so locks and settings do not hold.\n"
      "hint: Set DATABASE_URL to the direct URL (\"migrate url --direct --reveal\" prints it):\n"
      "postgresql://app:***@db.prisma.io:5432/postgres\n"
      "hint: Or derive it on every run: --derive-direct, or \"pooled_url: derive\" in "
      "migrate.yaml.\n"
      "note: no connection was made" },
    { "planetscale", MG_POOL_TRANSACTION, "DATABASE_URL in the environment",
      "postgresql://app.x%7Cpool:s3cret@aws.connect.psdb.cloud:6432/shop",
      "postgresql://app.x:s3cret@aws.connect.psdb.cloud:5432/shop",
      "postgresql://app.x:s3cret@aws.connect.psdb.cloud:6432/shop",
      "error: DATABASE_URL leads to a connection pooler\n"
      "   |\n"
      "   | postgresql://app.x%7Cpool:***@aws.connect.psdb.cloud:6432/shop\n"
      "   |                                                      ^^^^ PlanetScale's PgBouncer\n"
      "detail: Each transaction there may get another backend, so locks and settings do not hold.\n"
      "hint: Set DATABASE_URL to the direct URL (\"migrate url --direct --reveal\" prints it):\n"
      "postgresql://app.x:***@aws.connect.psdb.cloud:5432/shop\n"
      "hint: Or derive it on every run: --derive-direct, or \"pooled_url: derive\" in "
      "migrate.yaml.\n"
      "note: no connection was made" },
    { "appwrite", MG_POOL_UNKNOWN, "DATABASE_URL in the environment",
      "postgresql://admin:s3cret@db-1a2b.fra.appwrite.center:6432/shop",
      "postgresql://admin:s3cret@db-1a2b.fra.appwrite.center:5432/shop",
      "postgresql://admin:s3cret@db-1a2b.fra.appwrite.center:6432/shop",
      "error: DATABASE_URL leads to a connection pooler\n"
      "   |\n"
      "   | postgresql://admin:***@db-1a2b.fra.appwrite.center:6432/shop\n"
      "   |                                                    ^^^^ Appwrite's pooler\n"
      "detail: Backends are shared there, so locks and settings may not hold.\n"
      "hint: Set DATABASE_URL to the direct URL (\"migrate url --direct --reveal\" prints it):\n"
      "postgresql://admin:***@db-1a2b.fra.appwrite.center:5432/shop\n"
      "hint: Or derive it on every run: --derive-direct, or \"pooled_url: derive\" in "
      "migrate.yaml.\n"
      "note: no connection was made" },
    { "cloud-sql", MG_POOL_UNKNOWN, "DATABASE_URL in the environment",
      "postgresql://app:s3cret@1a2b.3c4d.europe-west1.sql.goog:6432/shop",
      "postgresql://app:s3cret@1a2b.3c4d.europe-west1.sql.goog:5432/shop", NULL,
      "error: DATABASE_URL leads to a connection pooler\n"
      "   |\n"
      "   | postgresql://app:***@1a2b.3c4d.europe-west1.sql.goog:6432/shop\n"
      "   |                                                      ^^^^ Cloud SQL's managed pooling\n"
      "detail: Backends are shared there, so locks and settings may not hold.\n"
      "hint: Set DATABASE_URL to the direct URL (\"migrate url --direct --reveal\" prints it):\n"
      "postgresql://app:***@1a2b.3c4d.europe-west1.sql.goog:5432/shop\n"
      "hint: Or derive it on every run: --derive-direct, or \"pooled_url: derive\" in "
      "migrate.yaml.\n"
      "note: no connection was made" },
    { "alloydb", MG_POOL_UNKNOWN, "DATABASE_URL in the environment",
      "postgresql://app:s3cret@1a2b.3c4d.europe-west1.alloydb-psc.goog:6432/shop",
      "postgresql://app:s3cret@1a2b.3c4d.europe-west1.alloydb-psc.goog:5432/shop", NULL,
      "error: DATABASE_URL leads to a connection pooler\n"
      "   |\n"
      "   | postgresql://app:***@1a2b.3c4d.europe-west1.alloydb-psc.goog:6432/shop\n"
      "   |                                                              ^^^^ AlloyDB's managed "
      "pooling\n"
      "detail: Backends are shared there, so locks and settings may not hold.\n"
      "hint: Set DATABASE_URL to the direct URL (\"migrate url --direct --reveal\" prints it):\n"
      "postgresql://app:***@1a2b.3c4d.europe-west1.alloydb-psc.goog:5432/shop\n"
      "hint: Or derive it on every run: --derive-direct, or \"pooled_url: derive\" in "
      "migrate.yaml.\n"
      "note: no connection was made" },
    { "azure-flex", MG_POOL_UNKNOWN, "DATABASE_URL in the environment",
      "postgresql://app:s3cret@x.postgres.database.azure.com:6432/shop",
      "postgresql://app:s3cret@x.postgres.database.azure.com:5432/shop",
      "postgresql://app:s3cret@x.postgres.database.azure.com:6432/shop",
      "error: DATABASE_URL leads to a connection pooler\n"
      "   |\n"
      "   | postgresql://app:***@x.postgres.database.azure.com:6432/shop\n"
      "   |                                                    ^^^^ Azure's PgBouncer\n"
      "detail: Backends are shared there, so locks and settings may not hold.\n"
      "hint: Set DATABASE_URL to the direct URL (\"migrate url --direct --reveal\" prints it):\n"
      "postgresql://app:***@x.postgres.database.azure.com:5432/shop\n"
      "hint: Or derive it on every run: --derive-direct, or \"pooled_url: derive\" in "
      "migrate.yaml.\n"
      "note: no connection was made" },
    { "azure-elastic", MG_POOL_UNKNOWN, "DATABASE_URL in the environment",
      "postgresql://app:s3cret@c.x.postgres.database.azure.com:8432/shop",
      "postgresql://app:s3cret@c.x.postgres.database.azure.com:5432/shop",
      "postgresql://app:s3cret@c.x.postgres.database.azure.com:6432/shop",
      "error: DATABASE_URL leads to a connection pooler\n"
      "   |\n"
      "   | postgresql://app:***@c.x.postgres.database.azure.com:8432/shop\n"
      "   |                                                      ^^^^ Azure's PgBouncer\n"
      "detail: Backends are shared there, so locks and settings may not hold.\n"
      "hint: Set DATABASE_URL to the direct URL (\"migrate url --direct --reveal\" prints it):\n"
      "postgresql://app:***@c.x.postgres.database.azure.com:5432/shop\n"
      "hint: Or derive it on every run: --derive-direct, or \"pooled_url: derive\" in "
      "migrate.yaml.\n"
      "note: no connection was made" },
    { "crunchy", MG_POOL_TRANSACTION, "DATABASE_URL in the environment",
      "postgresql://app:s3cret@p.x.db.postgresbridge.com:5431/shop",
      "postgresql://app:s3cret@p.x.db.postgresbridge.com:5432/shop",
      "postgresql://app:s3cret@p.x.db.postgresbridge.com:5431/shop",
      "error: DATABASE_URL leads to a connection pooler\n"
      "   |\n"
      "   | postgresql://app:***@p.x.db.postgresbridge.com:5431/shop\n"
      "   |                                                ^^^^ Crunchy Bridge's PgBouncer\n"
      "detail: Each transaction there may get another backend, so locks and settings do not hold.\n"
      "hint: Set DATABASE_URL to the direct URL (\"migrate url --direct --reveal\" prints it):\n"
      "postgresql://app:***@p.x.db.postgresbridge.com:5432/shop\n"
      "hint: Or derive it on every run: --derive-direct, or \"pooled_url: derive\" in "
      "migrate.yaml.\n"
      "note: no connection was made" },
    { "fly-mpg", MG_POOL_UNKNOWN, "DATABASE_URL in the environment",
      "postgresql://app:s3cret@pgbouncer.1a2b.flympg.net/shop",
      "postgresql://app:s3cret@direct.1a2b.flympg.net/shop",
      "postgresql://app:s3cret@pgbouncer.1a2b.flympg.net/shop",
      "error: DATABASE_URL leads to a connection pooler\n"
      "   |\n"
      "   | postgresql://app:***@pgbouncer.1a2b.flympg.net/shop\n"
      "   |                      ^^^^^^^^^ Fly's PgBouncer\n"
      "detail: Backends are shared there, so locks and settings may not hold.\n"
      "hint: Set DATABASE_URL to the direct URL (\"migrate url --direct --reveal\" prints it):\n"
      "postgresql://app:***@direct.1a2b.flympg.net/shop\n"
      "hint: Or derive it on every run: --derive-direct, or \"pooled_url: derive\" in "
      "migrate.yaml.\n"
      "note: no connection was made" },
    { "railway", MG_POOL_UNKNOWN, "DATABASE_URL in the environment",
      "postgresql://app:s3cret@pgbouncer.railway.internal:6432/shop", NULL, NULL,
      "error: DATABASE_URL leads to a connection pooler\n"
      "   |\n"
      "   | postgresql://app:***@pgbouncer.railway.internal:6432/shop\n"
      "   |                      ^^^^^^^^^ a PgBouncer on Railway\n"
      "detail: Backends are shared there, so locks and settings may not hold.\n"
      "hint: Set DATABASE_UNPOOLED_URL to the direct URL of this database.\n"
      "hint: The direct URL is the one of the PostgreSQL service; the template has it in "
      "DATABASE_UNPOOLED_URL, and for machines outside in DATABASE_PUBLIC_UNPOOLED_URL.\n"
      "note: no connection was made" },
    { "digitalocean", MG_POOL_UNKNOWN, "DATABASE_URL in the environment",
      "postgresql://app:s3cret@x.db.ondigitalocean.com:25061/pool", NULL, NULL,
      "error: DATABASE_URL leads to a connection pooler\n"
      "   |\n"
      "   | postgresql://app:***@x.db.ondigitalocean.com:25061/pool\n"
      "   |                                              ^^^^^ DigitalOcean's connection pool\n"
      "detail: Backends are shared there, so locks and settings may not hold.\n"
      "hint: Set DATABASE_URL to the direct URL of this database.\n"
      "hint: The direct URL has port 25060 and the database's own name instead of the pool's.\n"
      "note: no connection was made" },
    { "tiger", MG_POOL_TRANSACTION, "DATABASE_URL in the environment",
      "postgresql://app:s3cret@x.y.tsdb.cloud.timescale.com:30477/tsdb_transaction", NULL, NULL,
      "error: DATABASE_URL leads to a connection pooler\n"
      "   |\n"
      "   | ...ql://app:***@x.y.tsdb.cloud.timescale.com:30477/tsdb_transaction\n"
      "   |                                                    ^^^^^^^^^^^^^^^^ Tiger's "
      "transaction pool\n"
      "detail: Each transaction there may get another backend, so locks and settings do not hold.\n"
      "hint: Set DATABASE_URL to the direct URL of this database.\n"
      "hint: The direct URL has a port and a database name of its own; the console shows it.\n"
      "note: no connection was made" },
    { "rds-proxy", MG_POOL_TRANSACTION, "DATABASE_URL in the environment",
      "postgresql://app:s3cret@app.proxy-x.eu-west-1.rds.amazonaws.com/shop", NULL, NULL,
      "error: DATABASE_URL leads to a connection pooler\n"
      "   |\n"
      "   | postgresql://app:***@app.proxy-x.eu-west-1.rds.amazonaws.com/shop\n"
      "   |                          ^^^^^^ Amazon RDS Proxy\n"
      "detail: Each transaction there may get another backend, so locks and settings do not hold.\n"
      "hint: Set DATABASE_URL to the direct URL of this database.\n"
      "hint: The direct host is the endpoint of the instance or the cluster.\n"
      "note: no connection was made" },
    { "hyperdrive", MG_POOL_TRANSACTION, "DATABASE_URL in the environment",
      "postgresql://app:s3cret@x.hyperdrive.local/shop", NULL, NULL,
      "error: DATABASE_URL leads to a connection pooler\n"
      "   |\n"
      "   | postgresql://app:***@x.hyperdrive.local/shop\n"
      "   |                        ^^^^^^^^^^ Cloudflare Hyperdrive\n"
      "detail: Each transaction there may get another backend, so locks and settings do not hold.\n"
      "hint: Set DATABASE_URL to the direct URL of this database.\n"
      "hint: The direct URL is the one that Hyperdrive was made with.\n"
      "note: no connection was made" },
    { "generic", MG_POOL_UNKNOWN, "DATABASE_URL in the environment",
      "postgresql://app:s3cret@db.example.com/shop?pgbouncer=true", NULL, NULL,
      "error: DATABASE_URL leads to a connection pooler\n"
      "   |\n"
      "   | postgresql://app:***@db.example.com/shop?pgbouncer=true\n"
      "   |                                          ^^^^^^^^^^^^^^ this URL says so itself\n"
      "detail: Backends are shared there, so locks and settings may not hold.\n"
      "hint: Set DATABASE_URL to the direct URL of this database, which does not go through the "
      "pooler.\n"
      "hint: If the host is no pooler, remove \"pgbouncer=true\" from the URL.\n"
      "note: no connection was made" },
    { "heroku", MG_POOL_TRANSACTION, "DATABASE_CONNECTION_POOL_URL in the environment",
      "postgres://app:s3cret@ec2-1.compute-1.amazonaws.com/shop", NULL, NULL,
      "error: DATABASE_CONNECTION_POOL_URL leads to a connection pooler\n"
      "   |\n"
      "   | postgres://app:***@ec2-1.compute-1.amazonaws.com/shop\n"
      "   | Heroku's connection pool, by the name of the variable\n"
      "detail: Each transaction there may get another backend, so locks and settings do not hold.\n"
      "hint: Take the direct URL instead: --url-env DATABASE_URL\n"
      "note: no connection was made" },
};
/* clang-format on */

static void
assert_same(const char *got, const char *expect)
{
    if (got == NULL || expect == NULL)
        assert_true(got == expect);
    else
        assert_string_equal(got, expect);
}

static const char *
text_of(const MgError *err, MgArena *arena)
{
    MG_CLEANUP(buf) MgBuf ret = { 0 };
    mg_buf_format(&ret, "error: %s\n%s\ndetail: %s", err->message, err->excerpt, err->detail);
    for (size_t i = 0; i < 2 && err->hint[i][0] != '\0'; i++)
        mg_buf_format(&ret, "\nhint: %s", err->hint[i]);
    mg_buf_format(&ret, "\nnote: %s", err->note);
    return mg_arena_text(arena, mg_buf_text(&ret));
}

static void
test_rules__each(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        MgUrl url, direct, used;
        MgError err;
        size_t host_i;
        const MgPolicy refuse_all = { .is_reading = false };
        assert_true(mg_url_parse(cases[i].url, cases[i].from, NULL, &arena, &url, &err));
        const MgProvider *rule = mg_provider_find(&url, &host_i);
        assert_non_null(rule);
        assert_string_equal(rule->id, cases[i].id);
        assert_int_equal(rule->mode, cases[i].mode);
        const char *twin = mg_twin_direct(&url, true, &arena);
        assert_same(twin, cases[i].direct);
        if (twin != NULL) {
            assert_true(mg_url_parse(twin, cases[i].from, NULL, &arena, &direct, &err));
            assert_null(mg_provider_find(&direct, &host_i));
            assert_same(mg_twin_pooled(&direct, true, &arena), cases[i].pooled);
        }
        assert_false(mg_policy_apply(&url, &refuse_all, NULL, &arena, &used, &err));
        assert_int_equal(err.code, MG_E_POOLED_URL);
        assert_string_equal(err.place, cases[i].from);
        assert_string_equal(text_of(&err, &arena), cases[i].text);
        mg_arena_release(&arena);
    }
}

/* Whoever adds a rule adds its case. */
static void
test_rules__none_is_left_out(void **state)
{
    (void)state;
    for (size_t i = 0; mg_provider_at(i) != NULL; i++) {
        bool is_there = false;
        for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
            is_there = is_there || strcmp(cases[k].id, mg_provider_at(i)->id) == 0;
        if (!is_there)
            fail_msg("no case for rule %s", mg_provider_at(i)->id);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules__each),
        cmocka_unit_test(test_rules__none_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
