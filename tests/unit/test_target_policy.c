/*
 * Which URLs are refused for their shape, and which URL is offered instead.  Each rule has its case
 * in test_target_rules.c; here is what all have in common.
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

#define TRANSACTION                                                                                \
    "Each transaction there may get another backend, so locks and settings do not hold."
#define SESSION "Sessions there run on used backends, so a lock may outlive the run that took it."
#define UNKNOWN "Backends are shared there, so locks and settings may not hold."
#define IPV6                                                                                       \
    "The direct host has an IPv6 address only, unless the project has the IPv4 add-on. Over "      \
    "IPv4, "
#define ACCEPT IPV6 "accept the session pooler: --connection session"
#define TAKE IPV6 "take port 5432 of the same host and --connection session"

static bool
check(const char *text, const char *from, const char *const *environment, MgArena *arena,
      MgError *err)
{
    MgUrl url, ret;
    const MgPolicy policy = { .is_reading = false };
    if (!mg_url_parse(text, from, (char *const *)environment, arena, &url, err))
        fail_msg("%s: %s", text, err->message);
    return mg_policy_apply(&url, &policy, (char *const *)environment, arena, &ret, err);
}

static void
test_policy__passes(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "postgresql://a@ep-cool-mud-a1b2c3d4.eu-central-1.aws.neon.tech/shop",
        "postgresql://a@h/shop?options=endpoint%3Dep-cool-mud-a1b2c3d4",
        "postgresql://a@db.abcd.supabase.co:5432/postgres",
        "postgresql://a@db.prisma.io:5432/shop",
        "postgresql://a@aws.connect.psdb.cloud:5432/shop",
        "postgresql://a@x.postgres.database.azure.com/shop",
        "postgresql://a@x.db.ondigitalocean.com:25060/shop",
        "postgresql://a@direct.x.flympg.net/shop",
        "postgresql://a@x.cluster-y.eu-west-1.rds.amazonaws.com/shop",
        "postgresql://a@db.example.com:6432/shop",
        "postgresql://a@db.example.com:6543/shop",
        "postgresql://a@h1:6432,h2/shop?pgbouncer=false",
        "postgresql://a@neon.tech-pooler.example.com/shop",
        "postgresql:///shop",
        "host=/tmp",
    };
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        MgArena arena = { 0 };
        MgError err = { .message = "" };
        if (!check(urls[i], "--url", NULL, &arena, &err))
            fail_msg("%s: %s", urls[i], err.message);
        mg_arena_release(&arena);
    }
}

typedef struct RefusedCase {
    const char *url, *excerpt, *detail, *hint, *second_hint;
} RefusedCase;

static void
check_refused(const RefusedCase *c, const char *from, const char *const *environment)
{
    MgArena arena = { 0 };
    MgError err;
    if (check(c->url, from, environment, &arena, &err))
        fail_msg("%s passes", c->url);
    assert_int_equal(err.code, MG_E_POOLED_URL);
    assert_string_equal(err.place, from);
    assert_string_equal(err.excerpt, c->excerpt);
    assert_string_equal(err.detail, c->detail);
    assert_string_equal(err.hint[0], c->hint);
    assert_string_equal(err.hint[1], c->second_hint);
    assert_string_equal(err.note, "no connection was made");
    const char *in = strstr(from, " in ");
    const char *name = in == NULL ? from : mg_arena_text_n(&arena, from, (size_t)(in - from));
    assert_string_equal(err.message,
                        mg_arena_format(&arena, "%s leads to a connection pooler", name));
    mg_arena_release(&arena);
}

#define PRINTS " to the direct URL (\"migrate url --direct --reveal\" prints it):\n"
#define SET "Set DATABASE_URL" PRINTS
#define SET_UNPOOLED "Set DATABASE_URL_UNPOOLED" PRINTS
#define SET_DIRECT "Set DIRECT_URL" PRINTS
#define DERIVE                                                                                     \
    "Or derive it on every run: --derive-direct, or \"pooled_url: derive\" in migrate.yaml."

#define LINE "   |\n   | "
#define MARK "\n   | "

static void
test_policy__refuses(void **state)
{
    (void)state;
    static const RefusedCase cases[] = {
        { "postgresql://app:s3cret@ep-cool-mud-a1b2c3d4-pooler.eu-central-1.aws.neon.tech/shop",
          LINE
          "postgresql://app:***@ep-cool-mud-a1b2c3d4-pooler.eu-central-1.aws.neon.tech/shop" MARK
          "                                         ^^^^^^^ Neon's transaction pooler",
          TRANSACTION,
          SET_UNPOOLED "postgresql://app:***@ep-cool-mud-a1b2c3d4.eu-central-1.aws.neon.tech/shop",
          DERIVE },
        { "postgresql://-pooler:s3cret@EP-x-Pooler.aws.neon.tech.:5432/shop?pgbouncer=true",
          LINE "postgresql://-pooler:***@EP-x-Pooler.aws.neon.tech.:5432/shop?pgbouncer=true" MARK
               "                             ^^^^^^^ Neon's transaction pooler",
          TRANSACTION, SET_UNPOOLED "postgresql://-pooler:***@EP-x.aws.neon.tech.:5432/shop",
          DERIVE },
        { "postgresql://h/shop?options=endpoint%3Dep-x-pooler",
          LINE "postgresql://h/shop?options=endpoint%3Dep-x-pooler" MARK
               "                                           ^^^^^^^ Neon's transaction pooler",
          TRANSACTION, SET_UNPOOLED "postgresql://h/shop?options=endpoint%3Dep-x", DERIVE },
        { "postgres://default:s3cret@ep-x-pooler.us-east-1.postgres.vercel-storage.com/verceldb"
          "?pgbouncer=true&connect_timeout=15",
          LINE "postgres://default:***@ep-x-pooler.us-east-1.postgres.vercel-storage.com/verceldb"
               "?pgbouncer=true..." MARK
               "                           ^^^^^^^ Vercel's transaction pooler",
          TRANSACTION,
          SET "postgres://default:***@ep-x.us-east-1.postgres.vercel-storage.com/verceldb"
              "?connect_timeout=15",
          DERIVE },
        { "postgresql://postgres.abcd:s3cret@aws-0-eu.pooler.supabase.com:6543/postgres",
          LINE "postgresql://postgres.abcd:***@aws-0-eu.pooler.supabase.com:6543/postgres" MARK
               "                                        ^^^^^^ Supabase's transaction pooler",
          TRANSACTION, SET_DIRECT "postgresql://postgres:***@db.abcd.supabase.co:5432/postgres",
          TAKE },
        { "postgresql://postgres.abcd:s3cret@aws-0-eu.pooler.supabase.com/postgres",
          LINE "postgresql://postgres.abcd:***@aws-0-eu.pooler.supabase.com/postgres" MARK
               "                                        ^^^^^^ Supabase's session pooler",
          SESSION, SET_DIRECT "postgresql://postgres:***@db.abcd.supabase.co/postgres", ACCEPT },
        { "postgresql://postgres:s3cret@aws-0-eu.pooler.supabase.com:5432/postgres",
          LINE "postgresql://postgres:***@aws-0-eu.pooler.supabase.com:5432/postgres" MARK
               "                                   ^^^^^^ Supabase's session pooler",
          SESSION, "Set DIRECT_URL to the direct URL of this database.", ACCEPT },
        { "host=aws-0-eu.pooler.supabase.com port='6543' password=x user=postgres.abcd",
          LINE "host=aws-0-eu.pooler.supabase.com port='6543' password=*** user=postgres.abcd" MARK
               "              ^^^^^^ Supabase's transaction pooler",
          TRANSACTION, SET_DIRECT "host=db.abcd.supabase.co port='5432' password=*** user=postgres",
          TAKE },
        { "postgresql://a@h/shop?connect_timeout=5&pgbouncer=true",
          LINE "postgresql://a@h/shop?connect_timeout=5&pgbouncer=true" MARK
               "                                        ^^^^^^^^^^^^^^ this URL says so itself",
          UNKNOWN,
          "Set DATABASE_URL to the direct URL of this database, which does not go through the "
          "pooler.",
          "If the host is no pooler, remove \"pgbouncer=true\" from the URL." },
        { "postgresql://a@h1,ep-x-pooler.aws.neon.tech:5433/shop",
          LINE "postgresql://a@h1,ep-x-pooler.aws.neon.tech:5433/shop" MARK
               "                      ^^^^^^^ Neon's transaction pooler",
          TRANSACTION, SET_UNPOOLED "postgresql://a@h1,ep-x.aws.neon.tech:5433/shop", DERIVE },
        { "postgresql://a@db.a.supabase.co:5432,db.b.supabase.co:6543/shop",
          LINE "postgresql://a@db.a.supabase.co:5432,db.b.supabase.co:6543/shop" MARK
               "                                                      ^^^^ Supabase's dedicated "
               "pooler",
          TRANSACTION, SET_DIRECT "postgresql://a@db.a.supabase.co:5432,db.b.supabase.co:5432/shop",
          DERIVE },
        { "host=x.pgbouncer=true.pooler.supabase.com user=postgres.abcd pgbouncer=true",
          LINE "host=x.pgbouncer=true.pooler.supabase.com user=postgres.abcd pgbouncer=true" MARK
               "                      ^^^^^^ Supabase's session pooler",
          SESSION, SET_DIRECT "host=db.abcd.supabase.co user=postgres", ACCEPT },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_refused(&cases[i], "DATABASE_URL in the environment", NULL);
}

static void
test_policy__names_the_origin(void **state)
{
    (void)state;
    static const RefusedCase by_option = {
        "postgresql://pooled.db.prisma.io/d",
        LINE "postgresql://pooled.db.prisma.io/d" MARK
             "             ^^^^^^ Prisma Postgres' transaction pooler",
        TRANSACTION, "Give --url the direct URL:\npostgresql://db.prisma.io/d",
        "Or derive it: --derive-direct"
    };
    check_refused(&by_option, "--url", NULL);

    static const char *const environment[] = { "PGHOST=x.psdb.cloud", "PGPORT=6432", "PGUSER=app",
                                               NULL };
    static const RefusedCase by_variables = {
        NULL,
        LINE "user=app host=x.psdb.cloud port=6432" MARK
             "                                ^^^^ PlanetScale's PgBouncer",
        TRANSACTION,
        "Set the PG variables to the direct server (\"migrate url --direct --reveal\" prints it):\n"
        "user=app host=x.psdb.cloud port=5432",
        DERIVE
    };
    check_refused(&by_variables, "PGHOST in the environment", environment);

    static const char *const neon[] = { "PGHOST=ep-x-pooler.aws.neon.tech", "PGUSER=app", NULL };
    static const RefusedCase by_host = { NULL,
                                         LINE "user=app host=ep-x-pooler.aws.neon.tech" MARK
                                              "                  ^^^^^^^ Neon's transaction pooler",
                                         TRANSACTION,
                                         "Set PGHOST to the direct host, which PGHOST_UNPOOLED "
                                         "usually holds (\"migrate url --direct "
                                         "--reveal\" prints it):\nuser=app host=ep-x.aws.neon.tech",
                                         DERIVE };
    check_refused(&by_host, "PGHOST in the environment", neon);

    /* What gives it away stands in a variable, so the URL has no place for a mark. */
    static const RefusedCase by_both = {
        "postgresql:///shop", LINE "postgresql:///shop" MARK "PlanetScale's PgBouncer", TRANSACTION,
        "Set DATABASE_URL to the direct URL of this database, which does not go through the "
        "pooler.",
        ""
    };
    check_refused(&by_both, "DATABASE_URL in the environment", environment);
}

static void
test_policy__keeps_the_mark_of_a_long_url_in_sight(void **state)
{
    (void)state;
    MgArena arena = { 0 };
    MgBuf text = { 0 };
    MgError err;
    mg_buf_add(&text, "postgresql://");
    mg_buf_add_repeated(&text, 'u', 700);
    mg_buf_add(&text, "@ep-x-pooler.aws.neon.tech/");
    mg_buf_add_repeated(&text, 'd', 700);
    assert_false(check(mg_buf_text(&text), "--url", NULL, &arena, &err));
    assert_string_equal(
        err.excerpt, LINE
        "...uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu@ep-x-pooler.aws.neon.tech/"
        "dddddddddddddddddddddddddd..." MARK
        "                                                   ^^^^^^^ Neon's transaction pooler");
    assert_string_equal(err.hint[0], "Give --url the direct URL of this database, which does not "
                                     "go through the pooler.");
    mg_buf_release(&text);
    mg_arena_release(&arena);
}

typedef struct AppliedCase {
    const char *url;
    MgPolicy policy;
    const char *display, *note; /* NULL note: the URL is refused; "": no note */
} AppliedCase;

#define NEON_POOLED "postgres://a:s3cret@ep-x-pooler.aws.neon.tech/d"
#define SHOWN_POOLED "postgres://a:***@ep-x-pooler.aws.neon.tech/d"
#define SUPABASE_SESSION "postgres://postgres.r@aws-0-eu.pooler.supabase.com/d"
#define SUPABASE_TRANSACTION "postgres://postgres.r@aws-0-eu.pooler.supabase.com:6543/d"

static void
test_policy__applies(void **state)
{
    (void)state;
    static const AppliedCase cases[] = {
        { "postgres://a:s3cret@h/d", { .is_direct_derived = true }, "postgres://a:***@h/d", "" },
        { NEON_POOLED,
          { .is_direct_derived = true },
          "postgres://a:***@ep-x.aws.neon.tech/d",
          "DATABASE_URL is pooled, so its direct URL is used: "
          "postgres://a:***@ep-x.aws.neon.tech/d" },
        { NEON_POOLED,
          { .is_reading = true },
          SHOWN_POOLED,
          "DATABASE_URL leads to a pooler (Neon's transaction pooler): good enough to read, not to "
          "migrate" },
        { NEON_POOLED,
          { .is_reading = true, .is_direct_derived = true },
          "postgres://a:***@ep-x.aws.neon.tech/d",
          "DATABASE_URL is pooled, so its direct URL is used: "
          "postgres://a:***@ep-x.aws.neon.tech/d" },
        { NEON_POOLED, { .is_session_accepted = true }, NULL, NULL },
        { "postgres://a@x.hyperdrive.local/d", { .is_direct_derived = true }, NULL, NULL },
        { SUPABASE_SESSION,
          { .is_session_accepted = true },
          SUPABASE_SESSION,
          "DATABASE_URL leads to a pooler (Supabase's session pooler), accepted by --connection "
          "session" },
        { SUPABASE_SESSION, { .is_name_given = true }, NULL, NULL },
        { SUPABASE_TRANSACTION, { .is_session_accepted = true }, NULL, NULL },
        /* The mode is a setting of the pooler: the proof decides. */
        { "postgres://a@x.postgres.database.azure.com:6432/d",
          { .is_session_accepted = true },
          "postgres://a@x.postgres.database.azure.com:6432/d",
          "DATABASE_URL leads to a pooler (Azure's PgBouncer), accepted by --connection session" },
        { "postgres://a@aws-0-eu.pooler.supabase.com,ep-x-pooler.aws.neon.tech/d",
          { .is_session_accepted = true },
          NULL,
          NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        MgUrl url, ret = { .display = "untouched" };
        MgError err;
        assert_true(mg_url_parse(cases[i].url, "DATABASE_URL in the environment", NULL, &arena,
                                 &url, &err));
        bool is_refused = !mg_policy_apply(&url, &cases[i].policy, NULL, &arena, &ret, &err);
        assert_int_equal(is_refused, cases[i].note == NULL);
        if (is_refused) {
            assert_int_equal(err.code, MG_E_POOLED_URL);
            assert_string_equal(ret.display, "untouched");
        } else {
            assert_string_equal(ret.display, cases[i].display);
            assert_string_equal(ret.n_notes == 0 ? "" : ret.notes[0], cases[i].note);
        }
        mg_arena_release(&arena);
    }
}

/* A name that the user gave is the one to set. */
static void
test_policy__suggests_the_given_name(void **state)
{
    (void)state;
    const MgPolicy policy = { .is_name_given = true };
    MgArena arena = { 0 };
    MgUrl url, ret;
    MgError err;
    assert_true(
        mg_url_parse(NEON_POOLED, "DATABASE_URL in the environment", NULL, &arena, &url, &err));
    assert_false(mg_policy_apply(&url, &policy, NULL, &arena, &ret, &err));
    assert_string_equal(err.hint[0], SET "postgres://a:***@ep-x.aws.neon.tech/d");
    mg_arena_release(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policy__passes),
        cmocka_unit_test(test_policy__refuses),
        cmocka_unit_test(test_policy__names_the_origin),
        cmocka_unit_test(test_policy__keeps_the_mark_of_a_long_url_in_sight),
        cmocka_unit_test(test_policy__applies),
        cmocka_unit_test(test_policy__suggests_the_given_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
