/* The direct URL of a pooled one and back, byte for byte; and which URLs are one database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "target/twin.h"

static MgUrl
parse(const char *text, const char *const *environment, MgArena *arena)
{
    MgUrl url;
    MgError err;
    if (!mg_url_parse(text, "DATABASE_URL in the environment", (char *const *)environment, arena,
                      &url, &err))
        fail_msg("%s: %s", text, err.message);
    return url;
}

typedef struct TwinCase {
    const char *url, *expect; /* NULL: not known */
} TwinCase;

static void
check(const TwinCase *cases, size_t n, const char *(*twin)(const MgUrl *, bool, MgArena *))
{
    for (size_t i = 0; i < n; i++) {
        MgArena arena = { 0 };
        MgUrl url = parse(cases[i].url, NULL, &arena);
        const char *got = twin(&url, true, &arena);
        if (got == NULL || cases[i].expect == NULL) {
            if (got != NULL || cases[i].expect != NULL)
                fail_msg("%s: %s", cases[i].url, got == NULL ? "not known" : got);
        } else {
            assert_string_equal(got, cases[i].expect);
        }
        mg_arena_release(&arena);
    }
}

static void
test_twin__makes_direct_urls(void **state)
{
    (void)state;
    static const TwinCase cases[] = {
        /* One for each rule. */
        { "postgres://a:p%40w@ep-x-pooler.eu.aws.neon.tech/"
          "d?sslmode=require&channel_binding=prefer",
          "postgres://a:p%40w@ep-x.eu.aws.neon.tech/d?sslmode=require&channel_binding=prefer" },
        { "postgres://a@h/d?options=endpoint%3Dep-x-pooler&sslmode=require",
          "postgres://a@h/d?options=endpoint%3Dep-x&sslmode=require" },
        { "host=h options='endpoint=ep-x-pooler' user=a", "host=h options='endpoint=ep-x' user=a" },
        { "postgres://a:pw12@ep-x-pooler.us.postgres.vercel-storage.com/d?pgbouncer=true&"
          "connect_timeout=15",
          "postgres://a:pw12@ep-x.us.postgres.vercel-storage.com/d?connect_timeout=15" },
        { "postgres://postgres.abcd:pw12@aws-0-eu.pooler.supabase.com:6543/postgres?pgbouncer=true",
          "postgres://postgres:pw12@db.abcd.supabase.co:5432/postgres" },
        { "postgres://app.abcd@aws-0-eu.pooler.supabase.com/postgres",
          "postgres://app@db.abcd.supabase.co/postgres" },
        { "host=aws-0-eu.pooler.supabase.com port='6543' password='a \\' b' user=postgres.abcd",
          "host=db.abcd.supabase.co port='5432' password='a \\' b' user=postgres" },
        { "postgres://a@db.abcd.supabase.co:6543/d", "postgres://a@db.abcd.supabase.co:5432/d" },
        { "postgres://a@pooled.db.prisma.io/d", "postgres://a@db.prisma.io/d" },
        { "postgres://a.b:pw12@aws.psdb.cloud:6432/d",
          "postgres://a.b:pw12@aws.psdb.cloud:5432/d" },
        { "postgres://a.b%7Cpool:pw12@aws.psdb.cloud:6432/d",
          "postgres://a.b:pw12@aws.psdb.cloud:5432/d" },
        { "host=aws.psdb.cloud port=6432 user=a.b|pool", "host=aws.psdb.cloud port=5432 user=a.b" },
        { "postgres://a@x.postgres.database.azure.com:6432/d",
          "postgres://a@x.postgres.database.azure.com:5432/d" },
        { "postgres://a@x.postgres.database.azure.com:8432/d",
          "postgres://a@x.postgres.database.azure.com:5432/d" },
        { "postgres://a@p.x.db.postgresbridge.com:5431/d",
          "postgres://a@p.x.db.postgresbridge.com:5432/d" },
        { "postgres://a@pgbouncer.x.flympg.net/d", "postgres://a@direct.x.flympg.net/d" },
        { "postgres://a@pgbouncer.railway.internal/d", NULL },
        { "postgres://a@x.db.ondigitalocean.com:25061/pool", NULL },
        { "postgres://a@x.tsdb.cloud.timescale.com:30477/tsdb_transaction", NULL },
        { "postgres://a@app.proxy-x.eu-west-1.rds.amazonaws.com/d", NULL },
        { "postgres://a@x.hyperdrive.local/d", NULL },
        { "postgres://a@h/d?pgbouncer=true", NULL },
        /* Direct already. */
        { "postgres://a:pw12@h/d", "postgres://a:pw12@h/d" },
        { "postgres:///d", "postgres:///d" },
        /* Everything else stays. */
        { "POSTGRES://-pooler:-pooler@EP-x-Pooler.aws.neon.tech.:/-pooler?application_name=-pooler",
          "POSTGRES://-pooler:-pooler@EP-x.aws.neon.tech.:/-pooler?application_name=-pooler" },
        { "postgresql+asyncpg://a@ep-x-pooler.aws.neon.tech/d",
          "postgresql+asyncpg://a@ep-x.aws.neon.tech/d" },
        { "postgres:///d?host=ep-x-pooler.aws.neon.tech&port=5432",
          "postgres:///d?host=ep-x.aws.neon.tech&port=5432" },
        { "user = a  host = 'ep-x-pooler.aws.neon.tech' dbname=d",
          "user = a  host = 'ep-x.aws.neon.tech' dbname=d" },
        { "postgres://a@ep-x-pooler.aws.neon.tech/d?connect_timeout=5&pgbouncer=true",
          "postgres://a@ep-x.aws.neon.tech/d?connect_timeout=5" },
        { "pgbouncer=true host=ep-x-pooler.aws.neon.tech", "host=ep-x.aws.neon.tech" },
        { "host=x.pgbouncer=true.pooler.supabase.com user=postgres.abcd pgbouncer=true",
          "host=db.abcd.supabase.co user=postgres" },
        /* Each host. */
        { "postgres://a@h:1,ep-x-pooler.aws.neon.tech,ep-y-pooler.aws.neon.tech:2/d",
          "postgres://a@h:1,ep-x.aws.neon.tech,ep-y.aws.neon.tech:2/d" },
        { "host=x.psdb.cloud,y.psdb.cloud port=6432", "host=x.psdb.cloud,y.psdb.cloud port=5432" },
        { "host=h,y.psdb.cloud port=1,6432", "host=h,y.psdb.cloud port=1,5432" },
        { "postgres://a@[2001:db8::1]:5432,db.a.supabase.co:6543/d",
          "postgres://a@[2001:db8::1]:5432,db.a.supabase.co:5432/d" },
        { "postgres://a@ep-x-pooler.aws.neon.tech,x.hyperdrive.local/d", NULL },
        { "postgres://a@ep-x-pooler.aws.neon.tech/d?options=endpoint%3Dep-x-pooler",
          "postgres://a@ep-x.aws.neon.tech/d?options=endpoint%3Dep-x" },
        /* The mark is the end of the name, wherever else it may stand. */
        { "postgres://a@a-pooler-b-pooler.aws.neon.tech/d",
          "postgres://a@a-pooler-b.aws.neon.tech/d" },
        { "postgres://a@h/d?options=endpoint%3Da-pooler-b-pooler%20-c%20x.y%3Dz-pooler",
          "postgres://a@h/d?options=endpoint%3Da-pooler-b%20-c%20x.y%3Dz-pooler" },
        { "host=h options='endpoint=ep-x-pooler -c a.b=c'",
          "host=h options='endpoint=ep-x -c a.b=c'" },
        /* Not written as it is meant. */
        { "postgres://a@ep-x%2Dpooler.aws.neon.tech/d", NULL },
        { "postgres://postgres@aws-0-eu.pooler.supabase.com/d", NULL },
        { "postgres://aws-0-eu.pooler.supabase.com/d", NULL },
        { "postgres://postgres.@aws-0-eu.pooler.supabase.com/d", NULL },
        { "postgres://postgres.a%2Fb@aws-0-eu.pooler.supabase.com/d", NULL },
    };
    check(cases, sizeof cases / sizeof *cases, mg_twin_direct);
}

static void
test_twin__makes_pooled_urls(void **state)
{
    (void)state;
    static const TwinCase cases[] = {
        { "postgres://a:pw12@ep-x.eu.aws.neon.tech/d?sslmode=require",
          "postgres://a:pw12@ep-x-pooler.eu.aws.neon.tech/d?sslmode=require" },
        { "postgres://a@ep-x.us.postgres.vercel-storage.com/d",
          "postgres://a@ep-x-pooler.us.postgres.vercel-storage.com/d" },
        { "postgres://a@db.abcd.supabase.co:5432/d", "postgres://a@db.abcd.supabase.co:6543/d" },
        { "postgres://a@db.abcd.supabase.co/d", "postgres://a@db.abcd.supabase.co:6543/d" },
        { "postgres://a@db.abcd.supabase.co:/d", "postgres://a@db.abcd.supabase.co:6543/d" },
        { "host=db.abcd.supabase.co", "host=db.abcd.supabase.co port=6543" },
        { "host='db.abcd.supabase.co' password=",
          "host='db.abcd.supabase.co' port=6543 password=" },
        { "postgres:///d?host=db.abcd.supabase.co",
          "postgres:///d?host=db.abcd.supabase.co&port=6543" },
        { "postgres://a@db.prisma.io/d", "postgres://a@pooled.db.prisma.io/d" },
        { "postgres://a@x.psdb.cloud/d", "postgres://a@x.psdb.cloud:6432/d" },
        { "postgres://a@x.postgres.database.azure.com/d",
          "postgres://a@x.postgres.database.azure.com:6432/d" },
        { "postgres://a@p.x.db.postgresbridge.com/d",
          "postgres://a@p.x.db.postgresbridge.com:5431/d" },
        { "postgres://a@direct.x.flympg.net/d", "postgres://a@pgbouncer.x.flympg.net/d" },
        { "postgres://a@ep-x.aws.neon.tech,ep-y.aws.neon.tech/d",
          "postgres://a@ep-x-pooler.aws.neon.tech,ep-y-pooler.aws.neon.tech/d" },
        /* Pooled already. */
        { "postgres://a@ep-x-pooler.aws.neon.tech/d", "postgres://a@ep-x-pooler.aws.neon.tech/d" },
        /* Not known. */
        { "postgres://a@h/d", NULL },
        { "postgres:///d", NULL },
        { "postgres://a@x.psdb.cloud:3306/d", NULL },
        { "postgres://a@[::1]:5432/d", NULL },
        { "postgres://a@[::1]/d", NULL },
        { "postgres://a@ep-x.aws.neon.tech,h/d", NULL },
        { "postgres://a@ep%2Dx.aws.neon.tech/d", NULL },
    };
    check(cases, sizeof cases / sizeof *cases, mg_twin_pooled);
}

static void
test_twin__masks_unless_revealed(void **state)
{
    (void)state;
    MgArena arena = { 0 };
    MgUrl url = parse("postgres://a:s3cret@ep-x-pooler.aws.neon.tech/d", NULL, &arena);
    assert_string_equal(mg_twin_direct(&url, false, &arena),
                        "postgres://a:***@ep-x.aws.neon.tech/d");
    assert_string_equal(mg_twin_pooled(&url, false, &arena),
                        "postgres://a:***@ep-x-pooler.aws.neon.tech/d");
    mg_arena_release(&arena);
}

static void
test_twin__uses_variables(void **state)
{
    (void)state;
    static const char *const environment[] = { "PGHOST=ep-x-pooler.aws.neon.tech", "PGUSER=app",
                                               "PGPASSWORD=s3 cret", "PGDATABASE=shop", NULL };
    MgArena arena = { 0 };
    MgUrl url = parse(NULL, environment, &arena);
    assert_string_equal(mg_twin_direct(&url, true, &arena),
                        "user=app password='s3 cret' dbname=shop host=ep-x.aws.neon.tech");
    /* The host is not written in the URL. */
    url = parse("postgres:///d", environment, &arena);
    assert_null(mg_twin_direct(&url, true, &arena));
    mg_arena_release(&arena);
}

static void
test_twin__knows_the_same_database(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool is_same;
    } cases[] = {
        { "postgres://a@h/d", "postgres://b:pw@H.:5432/d?sslmode=require", true },
        { "postgres://a@ep-x-pooler.aws.neon.tech/d", "postgres://a@ep-x.aws.neon.tech/d", true },
        { "postgres://postgres.r:p@aws-0-eu.pooler.supabase.com:6543/postgres",
          "postgres://postgres:p@db.r.supabase.co/postgres", true },
        { "postgres://postgres.r:p@aws-0-eu.pooler.supabase.com:6543/postgres",
          "postgres://postgres.r:p@aws-0-eu.pooler.supabase.com:5432/postgres", true },
        { "postgres://a@db.example.com:6432/d", "postgres://a@db.example.com/d", true },
        { "postgres://a@db.example.com:6543/d?pgbouncer=true", "postgres://a@db.example.com/d",
          true },
        { "postgres://a@localhost/d", "postgres://a@127.0.0.1/d", true },
        { "postgres:///d", "postgres://a@[::1]/d", true },
        { "postgres://a@h", "postgres://b@h/a", true },
        { "postgres://a@h1,h2/d", "host=h1,h2 dbname=d", true },
        /* The direct host of a proxy cannot be known. */
        { "postgres://a@app.proxy-x.eu-west-1.rds.amazonaws.com/d",
          "postgres://a@x.cluster-y.eu-west-1.rds.amazonaws.com/d", true },
        { "postgres://a@app.proxy-x.eu-west-1.rds.amazonaws.com/d",
          "postgres://a@app.proxy-z.eu-west-1.rds.amazonaws.com/d", false },
        /* Of these one is the server and one its pooler. */
        { "postgres://a@x.tsdb.cloud.timescale.com:30477/tsdb",
          "postgres://a@x.tsdb.cloud.timescale.com:30476/tsdb", true },
        { "postgres://a@pg-x.aivencloud.com:12691/pool", "postgres://a@pg-x.aivencloud.com:12690/d",
          true },
        { "postgres://a@pg-x.aivencloud.com:12690/e", "postgres://a@pg-x.aivencloud.com:12690/d",
          false },
        { "postgres://a@pg-x.aivencloud.com:12691/d", "postgres://a@pg-y.aivencloud.com:12690/d",
          false },
        { "postgres://a@h:30477/d", "postgres://a@h:30476/d", false },
        { "postgres://a@h/d", "postgres://a@h/e", false },
        { "postgres://a@h/d", "postgres://a@i/d", false },
        { "postgres://a@h/d", "postgres://a@h:5433/d", false },
        { "postgres://a@ep-x-pooler.aws.neon.tech/d", "postgres://a@ep-y.aws.neon.tech/d", false },
        { "postgres://a@h1,h2/d", "postgres://a@h1/d", false },
        { "host=/tmp dbname=d", "host=/run dbname=d", false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        MgUrl a = parse(cases[i].a, NULL, &arena), b = parse(cases[i].b, NULL, &arena);
        if (mg_twin_is_same_database(&a, &b, &arena) != cases[i].is_same ||
            mg_twin_is_same_database(&b, &a, &arena) != cases[i].is_same)
            fail_msg("%s and %s", cases[i].a, cases[i].b);
        mg_arena_release(&arena);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_twin__makes_direct_urls),
        cmocka_unit_test(test_twin__makes_pooled_urls),
        cmocka_unit_test(test_twin__masks_unless_revealed),
        cmocka_unit_test(test_twin__uses_variables),
        cmocka_unit_test(test_twin__knows_the_same_database),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
