/* Findings about settings, the environment and claims, word for word. */
#include "seen.h"

static void
test_diagnose_place__settings(void **state)
{
    (void)state;
    static const MgExaminedSetting some[] = {
        { "dir", "db/migrations", "migrate.yaml:1" },
        { "format", "native", NULL },
        { "role", NULL, NULL },
        { "url_env", NULL, "MIGRATE_URL_ENV" },
        { "late", "auto", NULL },
        { "timeouts.lock", "2 s", "--lock-timeout" },
    };
    Seen seen;

    seen_init(&seen);
    seen.all.settings = some;
    seen.all.n_settings = sizeof some / sizeof *some;
    seen_check(&seen, "Settings",
               "ok dir: db/migrations, from migrate.yaml:1\n"
               "ok url_env: not set, from MIGRATE_URL_ENV\n"
               "ok timeouts.lock: 2 s, from --lock-timeout\n"
               "ok by default: format native, late auto\n"
               "ok");

    seen_init(&seen);
    seen.all.settings = some;
    seen.all.n_settings = 1;
    seen_check(&seen, "Settings", "ok dir: db/migrations, from migrate.yaml:1\nok");

    /* They are known without a server too. */
    seen_init(&seen);
    seen.all.settings = some;
    seen.all.n_settings = 1;
    seen.all.vitals = NULL;
    seen.all.plan = NULL;
    mg_fail(&seen.all.unreachable, MG_E_UNREACHABLE, "could not connect");
    seen_check(&seen, "Settings",
               "ok dir: db/migrations, from migrate.yaml:1\n"
               "unreachable");
}

static void
test_diagnose_place__environment(void **state)
{
    (void)state;
    static MgClaim claims[] = {
        { .id = 1, .hosts = "ep-a.neon.tech", .environment = "production", .at_ms = 1772350000000 },
        { .id = 2, .hosts = "ep-b.neon.tech", .environment = "staging", .at_ms = 1772350000000 },
    };
    static const struct {
        const char *hosts, *environment;
        size_t n_claims;
        const char *expect;
    } cases[] = {
        { "ep-a.neon.tech", "production", 2,
          "ok environment: production from VERCEL_ENV, claimed by production on 2026-03-01\nok" },
        /* That it is another one's is said by the plan. */
        { "ep-a.neon.tech", "preview", 2,
          "ok environment: preview from VERCEL_ENV, claimed by production on 2026-03-01\nok" },
        { "ep-a.neon.tech", NULL, 2,
          "ok environment: none is named, claimed by production on 2026-03-01\nok" },
        { "db.example.com", "production", 0,
          "ok environment: production from VERCEL_ENV, the database is claimed by nobody\nok" },
        { "db.example.com", NULL, 0, "ok" },
        { "ep-c.neon.tech", "preview", 2,
          "ok environment: preview from VERCEL_ENV, the database is claimed by nobody\n"
          "note environment: production claimed it at ep-a.neon.tech, which is not this host: no"
          " claim here\n"
          "note environment: staging claimed it at ep-b.neon.tech, which is not this host: no"
          " claim here\n"
          "ok" },
        { "ep-c.neon.tech", NULL, 1,
          "note environment: production claimed it at ep-a.neon.tech, which is not this host: no"
          " claim here\n"
          "ok" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Seen seen;
        seen_init(&seen);
        seen.vitals.history.claims.items = claims;
        seen.vitals.history.claims.n = cases[i].n_claims;
        MgPosition position = { .hosts = cases[i].hosts,
                                .environment = cases[i].environment,
                                .environment_from = "VERCEL_ENV" };
        seen.all.position = &position;
        MG_CLEANUP(buf) MgBuf expect = { 0 };
        mg_buf_format(&expect,
                      "ok history: migrate.history, 3 applied, writable by app only\n"
                      "ok files: 6 in migrations/, 3 pending, none late, none drifted\n"
                      "ok lock: free, key -42\n%s",
                      cases[i].expect);
        seen_check(&seen, "Migrations", mg_buf_text(&expect));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_diagnose_place__settings),
        cmocka_unit_test(test_diagnose_place__environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
