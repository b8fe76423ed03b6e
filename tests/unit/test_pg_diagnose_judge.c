/* Findings about the URL, the connection and the proof, word for word. */
#include "seen.h"

/* ---- URL ------------------------------------------------------------------ */

static void
test_diagnose_judge__url(void **state)
{
    (void)state;
    static const char *const passed_over[] = { "DATABASE_URL" };
    Seen seen;

    seen_init(&seen);
    seen_check(&seen, "URL",
               "ok source: DATABASE_URL in the environment\n"
               "ok kind: not known for a pooler by its host\n"
               "ok");

    seen_init(&seen);
    seen_url(&seen, "postgresql://app:s3cret@ep-cool-mud-a1b2c3d4.eu-central-1.aws.neon.tech/shop");
    seen.all.passed_over = passed_over;
    seen.all.n_passed_over = 1;
    seen_check(&seen, "URL",
               "ok source: DATABASE_URL in the environment\n"
               "note passed over: DATABASE_URL, a pooled URL of the same database\n"
               "ok kind: Neon, direct endpoint\n"
               "ok");

    seen_init(&seen);
    seen_url(&seen, "postgresql://app:s3cret@localhost/shop");
    seen_check(&seen, "URL",
               "ok source: DATABASE_URL in the environment\n"
               "ok kind: an address on this machine\n"
               "ok");

    seen_init(&seen);
    seen_url(&seen, "postgresql://app@/shop?host=/run/postgresql");
    seen_check(&seen, "URL",
               "ok source: DATABASE_URL in the environment\n"
               "ok kind: a socket on this machine\n"
               "ok");
}

static void
test_diagnose_judge__url_notes(void **state)
{
    (void)state;
    static const char *notes[] = { "the driver \"asyncpg\" is left out",
                                   "X, a pooled URL of the same database, was passed over" };
    Seen seen;

    seen_init(&seen);
    seen.url.notes = notes;
    seen.url.n_notes = 2;
    seen_check(&seen, "URL",
               "ok source: DATABASE_URL in the environment\n"
               "note as read: the driver \"asyncpg\" is left out\n"
               "ok kind: not known for a pooler by its host\n"
               "ok");
}

static void
test_diagnose_judge__url_on_the_command_line(void **state)
{
    (void)state;
    Seen seen;

    seen_init(&seen);
    seen.url.from = seen.url.name = "--url";
    seen_check(&seen, "URL",
               "note source: --url, whose password others on this machine can see"
               " > Give the URL in a variable: MIGRATE_URL.\n"
               "ok kind: not known for a pooler by its host\n"
               "ok");

    seen_init(&seen);
    seen.url.from = seen.url.name = "--url";
    seen.url.password = NULL;
    seen_check(&seen, "URL",
               "ok source: --url\n"
               "ok kind: not known for a pooler by its host\n"
               "ok");
}

static void
test_diagnose_judge__pooled_url(void **state)
{
    (void)state;
    static const char neon[] = "postgresql://app@ep-x-pooler.eu-central-1.aws.neon.tech/shop";
    Seen seen;

    seen_init(&seen);
    seen_url(&seen, neon);
    mg_fail(&seen.all.url_refusal, MG_E_POOLED_URL, "DATABASE_URL leads to a connection pooler");
    mg_error_hint(&seen.all.url_refusal, "Set DATABASE_URL to the direct URL:\nurl");
    mg_error_hint(&seen.all.url_refusal, "Or derive it.");
    seen_check(&seen, "URL",
               "ok source: DATABASE_URL in the environment\n"
               "fail kind: Neon's transaction pooler"
               " > Set DATABASE_URL to the direct URL:\nurl\nOr derive it.\n"
               "pooled-url");

    /* Accepted by the policy. */
    seen_init(&seen);
    seen_url(&seen, neon);
    seen_check(&seen, "URL",
               "ok source: DATABASE_URL in the environment\n"
               "note kind: Neon's transaction pooler\n"
               "ok");

    seen_init(&seen);
    seen_url(&seen, "postgresql://app@db.example.com/shop?pgbouncer=true");
    mg_fail(&seen.all.url_refusal, MG_E_POOLED_URL, "DATABASE_URL leads to a connection pooler");
    seen_check(&seen, "URL",
               "ok source: DATABASE_URL in the environment\n"
               "fail kind: a pooler, as pgbouncer=true in the URL says\n"
               "pooled-url");

    /* Refused for another reason. */
    seen_init(&seen);
    mg_fail(&seen.all.url_refusal, MG_E_BAD_URL, "the URL is of no use");
    seen_check(&seen, "URL",
               "ok source: DATABASE_URL in the environment\n"
               "fail kind: the URL is of no use\n"
               "bad-url");
}

static void
test_diagnose_judge__port_of_a_pooler(void **state)
{
    (void)state;
    Seen seen;

    seen_init(&seen);
    seen_url(&seen, "postgresql://app@db.example.com:6432/shop");
    seen_check(
        &seen, "URL",
        "ok source: DATABASE_URL in the environment\n"
        "note kind: not known for a pooler by its host, but port 6432 is usual for a pooler\n"
        "ok");

    seen_init(&seen);
    seen_url(&seen, "postgresql://app@localhost:6543/shop");
    seen_check(&seen, "URL",
               "ok source: DATABASE_URL in the environment\n"
               "note kind: an address on this machine, but port 6543 is usual for a pooler\n"
               "ok");
}

/* Then only the files can be looked at. */
static void
test_diagnose_judge__no_url(void **state)
{
    (void)state;
    static const char *const sections[][2] = {
        { "URL", "fail source: no database was named > Looked for it.\nName one.\nOr do not.\n"
                 "no-target" },
        { "Connection", "no-target" },
        { "Server", "no-target" },
        { "Migrations", "ok files: 6 in migrations/\nno-target" },
    };
    Seen seen;
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        seen_init(&seen);
        seen.all.vitals = NULL;
        seen.all.plan = NULL;
        mg_fail(&seen.all.target_failure, MG_E_NO_TARGET, "no database was named");
        mg_error_detail(&seen.all.target_failure, "Looked for it.");
        mg_error_hint(&seen.all.target_failure, "Name one.");
        mg_error_hint(&seen.all.target_failure, "Or do not.");
        seen_check(&seen, sections[i][0], sections[i][1]);
    }
    seen_init(&seen);
    seen.all.vitals = NULL;
    seen.all.plan = NULL;
    mg_fail(&seen.all.target_failure, MG_E_AMBIGUOUS_URL, "A and B seem to differ");
    mg_error_at(&seen.all.target_failure, "the environment", 0, 0);
    mg_text_copy(seen.all.target_failure.excerpt, sizeof seen.all.target_failure.excerpt,
                 "   |\n   | A  dev at localhost\n   | B  shop at db.example.com");
    seen_check(&seen, "URL",
               "fail source: A and B seem to differ, in the environment"
               " > A  dev at localhost\nB  shop at db.example.com\nambiguous-url");
}

/* ---- Connection ----------------------------------------------------------- */

static void
test_diagnose_judge__direct(void **state)
{
    (void)state;
    Seen seen;

    seen_init(&seen);
    seen_check(&seen, "Connection",
               "ok reached: in 212 ms, round trip 7 ms\n"
               "ok TLS: TLSv1.3, certificate and host name verified\n"
               "ok startup: this backend was started by our own startup packet\n"
               "ok cancel key: this backend's\n"
               "ok client port: the server sees ours\n"
               "ok proof: direct\n"
               "ok");

    seen_init(&seen);
    seen_url(&seen, "postgresql://app@/shop?host=/run/postgresql");
    seen.all.tls = (MgConnTls){ .is_socket = true };
    seen.vitals.round_trip_us = 999;
    seen_check(&seen, "Connection",
               "ok reached: in 212 ms, round trip <1 ms\n"
               "ok TLS: none, a Unix socket needs none\n"
               "ok startup: this backend was started by our own startup packet\n"
               "ok cancel key: this backend's\n"
               "ok socket: this backend's own server listens there\n"
               "ok proof: direct\n"
               "ok");
}

static void
test_diagnose_judge__tls(void **state)
{
    (void)state;
    static const struct {
        MgConnTls tls;
        const char *url, *expect;
    } cases[] = {
        { { .protocol = "TLSv1.3", .mode = "require" },
          "postgresql://app@db.example.com/shop",
          "note TLS: TLSv1.3, encrypted, certificate not verified (sslmode=require) > Add "
          "sslmode=verify-full to the URL, and sslrootcert=FILE with the provider's root "
          "certificate.\n" },
        { { .protocol = "TLSv1.2", .mode = "verify-ca", .is_certificate_verified = true },
          "postgresql://app@db.example.com/shop",
          "note TLS: TLSv1.2, certificate verified, host name not (sslmode=verify-ca) > Add "
          "sslmode=verify-full to the URL.\n" },
        { { .protocol = NULL },
          "postgresql://app@db.example.com/shop",
          "warn TLS: none: data and passwords cross the network in clear text > Add "
          "sslmode=verify-full to the URL, and sslrootcert=FILE with the provider's root "
          "certificate.\n" },
        { { .protocol = NULL },
          "postgresql://app@127.0.0.1/shop",
          "ok TLS: none, the data stays on this machine\n" },
        { { .is_gss = true },
          "postgresql://app@db.example.com/shop",
          "ok TLS: none, encrypted by GSSAPI\n" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MG_CLEANUP(buf) MgBuf expect = { 0 };
        Seen seen;
        seen_init(&seen);
        seen_url(&seen, cases[i].url);
        seen.all.tls = cases[i].tls;
        mg_buf_format(&expect,
                      "ok reached: in 212 ms, round trip 7 ms\n%s"
                      "ok startup: this backend was started by our own startup packet\n"
                      "ok cancel key: this backend's\n"
                      "ok client port: the server sees ours\n"
                      "ok proof: direct\n"
                      "ok",
                      cases[i].expect);
        seen_check(&seen, "Connection", mg_buf_text(&expect));
    }
}

static void
test_diagnose_judge__pinned(void **state)
{
    (void)state;
    static const char stayed[] = "A second connection got a new backend, and ours stayed ours.";
    Seen seen;

    /* Neon: key and port are the proxy's. */
    seen_init(&seen);
    seen_url(&seen, "postgresql://app@ep-x.eu-central-1.aws.neon.tech/shop");
    seen.vitals.proof = (MgProof){ .verdict = MG_PINNED,
                                   .is_echo = true,
                                   .evidence = { "Told before.", stayed },
                                   .n_evidence = 2 };
    seen.vitals.n_first_evidence = 1;
    seen_check(&seen, "Connection",
               "ok reached: in 212 ms, round trip 7 ms\n"
               "ok TLS: TLSv1.3, certificate and host name verified\n"
               "ok startup: this backend was started by our own startup packet\n"
               "note cancel key: not this backend's: a proxy is between, as always with Neon\n"
               "ok behaviour: a second connection got a new backend, and ours stayed ours\n"
               "ok proof: pinned\n"
               "ok");

    /* A tunnel to a server elsewhere. */
    seen_init(&seen);
    seen.vitals.proof = (MgProof){ .verdict = MG_PINNED, .is_echo = true, .is_key = true };
    seen_check(&seen, "Connection",
               "ok reached: in 212 ms, round trip 7 ms\n"
               "ok TLS: TLSv1.3, certificate and host name verified\n"
               "ok startup: this backend was started by our own startup packet\n"
               "ok cancel key: this backend's\n"
               "note client port: the server sees another one: a proxy or a tunnel is between\n"
               "ok proof: pinned\n"
               "ok");

    /* A socket in another pid namespace; a server that sends no key. */
    seen_init(&seen);
    seen.all.tls = (MgConnTls){ .is_socket = true };
    seen.vitals.proof = (MgProof){ .verdict = MG_PINNED, .is_echo = true, .is_key = true };
    seen.vitals.round_trip_us = -1;
    seen_check(&seen, "Connection",
               "ok reached: in 212 ms\n"
               "ok TLS: none, a Unix socket needs none\n"
               "ok startup: this backend was started by our own startup packet\n"
               "ok cancel key: this backend's\n"
               "note socket: not known to be of this backend's own server\n"
               "ok proof: pinned\n"
               "ok");
    seen_init(&seen);
    seen.vitals.has_key = false;
    seen.vitals.proof = (MgProof){ .verdict = MG_PINNED, .is_echo = true };
    seen_check(&seen, "Connection",
               "ok reached: in 212 ms, round trip 7 ms\n"
               "ok TLS: TLSv1.3, certificate and host name verified\n"
               "ok startup: this backend was started by our own startup packet\n"
               "note cancel key: none was sent: a proxy is between\n"
               "ok proof: pinned\n"
               "ok");
}

static void
test_diagnose_judge__pooled(void **state)
{
    (void)state;
    Seen seen;

    seen_init(&seen);
    seen.vitals.proof = (MgProof){ .verdict = MG_TRANSACTION_POOLED,
                                   .evidence = { "Another transaction met another backend." },
                                   .n_evidence = 1 };
    seen_check(&seen, "Connection",
               "ok reached: in 212 ms, round trip 7 ms\n"
               "ok TLS: TLSv1.3, certificate and host name verified\n"
               "warn startup: this backend was started by somebody else's startup packet: a "
               "pooler\n"
               "note cancel key: not this backend's: a proxy is between\n"
               "warn behaviour: another transaction met another backend\n"
               "fail proof: transaction-pooled: this session shares its backend with others (a "
               "transaction pooler) > Use the URL of the server itself, without the pooler.\n"
               "unproved");

    seen_init(&seen);
    seen.vitals.proof = (MgProof){ .verdict = MG_SESSION_POOLED };
    seen.all.is_session_accepted = true;
    seen_check(&seen, "Connection",
               "ok reached: in 212 ms, round trip 7 ms\n"
               "ok TLS: TLSv1.3, certificate and host name verified\n"
               "warn startup: this backend was started by somebody else's startup packet: a "
               "pooler\n"
               "note cancel key: not this backend's: a proxy is between\n"
               "warn proof: session-pooled, accepted; nothing runs here outside a transaction\n"
               "ok");
}

static void
test_diagnose_judge__no_answer(void **state)
{
    (void)state;
    Seen seen;

    seen_init(&seen);
    mg_fail(&seen.all.unreachable, MG_E_UNREACHABLE, "could not connect to the server: refused");
    mg_error_hint(&seen.all.unreachable, "Check that the server runs.");
    seen.all.vitals = NULL;
    seen.all.plan = NULL;
    seen_check(&seen, "Connection",
               "fail reached: could not connect to the server: refused > Check that the server "
               "runs.\nunreachable");

    seen_init(&seen);
    seen.vitals = (MgVitals){ .round_trip_us = -1 };
    seen.all.plan = NULL;
    seen_check(&seen, "Connection",
               "ok reached: in 212 ms\n"
               "ok TLS: TLSv1.3, certificate and host name verified\n"
               "fail proof: unproved: the session does not answer > A full pool lets its clients "
               "wait like that: use the URL of the server itself.\n"
               "unproved");

    seen_init(&seen);
    seen.vitals = (MgVitals){ .round_trip_us = -1 };
    mg_fail(&seen.vitals.lost, MG_E_CONNECTION_LOST, "the connection to the server was lost");
    seen.all.plan = NULL;
    seen_check(&seen, "Connection",
               "ok reached: in 212 ms\n"
               "ok TLS: TLSv1.3, certificate and host name verified\n"
               "fail proof: the connection to the server was lost\n"
               "connection-lost");
}

/* The first failure is the verdict's, and they are counted. */
static void
test_diagnose_judge__verdict(void **state)
{
    (void)state;
    Seen seen;
    MgDiagnosis diagnosis;

    seen_init(&seen);
    mg_fail(&seen.all.url_refusal, MG_E_POOLED_URL, "pooled");
    mg_fail(&seen.all.source_failure, MG_E_SOURCE, "no folder");
    seen.all.tls = (MgConnTls){ .protocol = NULL };
    mg_diagnosis_build(&seen.all, &seen.arena, &diagnosis);
    assert_int_equal(diagnosis.code, MG_E_POOLED_URL);
    assert_int_equal(diagnosis.n_failures, 2);
    assert_int_equal(diagnosis.n_warnings, 1);
    assert_int_equal(diagnosis.lock_key, -42);
    assert_string_equal(diagnosis.target.database, "shop");
    mg_arena_release(&seen.arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_diagnose_judge__url),
        cmocka_unit_test(test_diagnose_judge__url_notes),
        cmocka_unit_test(test_diagnose_judge__url_on_the_command_line),
        cmocka_unit_test(test_diagnose_judge__pooled_url),
        cmocka_unit_test(test_diagnose_judge__port_of_a_pooler),
        cmocka_unit_test(test_diagnose_judge__no_url),
        cmocka_unit_test(test_diagnose_judge__direct),
        cmocka_unit_test(test_diagnose_judge__tls),
        cmocka_unit_test(test_diagnose_judge__pinned),
        cmocka_unit_test(test_diagnose_judge__pooled),
        cmocka_unit_test(test_diagnose_judge__no_answer),
        cmocka_unit_test(test_diagnose_judge__verdict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
