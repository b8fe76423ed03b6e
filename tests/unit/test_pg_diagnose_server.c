/* Findings about the server, the role, the history and the files, word for word. */
#include "seen.h"

/* ---- Server --------------------------------------------------------------- */

static void
test_diagnose_server__healthy(void **state)
{
    (void)state;
    Seen seen;
    seen_init(&seen);
    seen_check(&seen, "Server",
               "ok version: PostgreSQL 17.5, primary, writable\n"
               "ok role: app, may create in database \"shop\"\n"
               "ok connections: 14 of 97 in use\n"
               "ok");
}

static void
test_diagnose_server__version(void **state)
{
    (void)state;
    static const struct {
        int version;
        bool is_in_recovery, is_read_only;
        const char *expect;
    } cases[] = {
        { 170005, true, false,
          "fail version: PostgreSQL 17.5: the server is a standby and cannot be written to > Use "
          "the URL of the primary server." },
        { 170005, false, true,
          "fail version: PostgreSQL 17.5: the session is read-only "
          "(default_transaction_read_only) > Look at the role's and the database's settings: a "
          "replica, a read-only role, or a host that stopped writes because the disk is full." },
        { 120004, false, false, "fail version: the server runs PostgreSQL 17.5, older than 13" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MG_CLEANUP(buf) MgBuf expect = { 0 };
        Seen seen;
        seen_init(&seen);
        seen.all.server_version = cases[i].version;
        seen.vitals.proof.is_in_recovery = cases[i].is_in_recovery;
        seen.vitals.proof.is_read_only = cases[i].is_read_only;
        mg_buf_format(&expect,
                      "%s\n"
                      "ok role: app, may create in database \"shop\"\n"
                      "ok connections: 14 of 97 in use\n%s",
                      cases[i].expect, cases[i].version >= 130000 ? "read-only" : "old-server");
        seen_check(&seen, "Server", mg_buf_text(&expect));
    }
}

static void
test_diagnose_server__role(void **state)
{
    (void)state;
    static const struct {
        MgRoleVitals role;
        const char *expect;
    } cases[] = {
        { { .name = "postgres", .is_superuser = true, .may_create_in_database = true },
          "ok role: postgres, superuser" },
        { { .name = "app", .schema = "public", .may_create_in_schema = true },
          "ok role: app, may not create in database \"shop\", but in schema \"public\"" },
        { { .name = "app", .schema = "public" },
          "note role: app, may not create in database \"shop\", not in schema \"public\" > GRANT "
          "CREATE ON SCHEMA \"public\" TO \"app\";" },
        { { .name = "we\"b", .schema = "public", .may_create_in_database = true },
          "note role: we\"b, may create in database \"shop\", but not in schema \"public\" > "
          "GRANT CREATE ON SCHEMA \"public\" TO \"we\"\"b\";" },
        { { .name = "app" }, "ok role: app, may not create in database \"shop\"" },
        { { .name = "owner", .login = "ci", .schema = "public", .may_create_in_schema = true },
          "ok role: owner, which ci acts as, may not create in database \"shop\", but in schema "
          "\"public\"" },
        { { .failure = { .code = MG_E_SERVER, .message = "permission denied" } },
          "note role: not known: permission denied" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MG_CLEANUP(buf) MgBuf expect = { 0 };
        Seen seen;
        seen_init(&seen);
        seen.vitals.role = cases[i].role;
        mg_buf_format(&expect,
                      "ok version: PostgreSQL 17.5, primary, writable\n%s\n"
                      "ok connections: 14 of 97 in use\n"
                      "ok",
                      cases[i].expect);
        seen_check(&seen, "Server", mg_buf_text(&expect));
    }
}

/* The URL names another schema than the one that was asked about. */
static void
test_diagnose_server__role_with_a_schema_of_the_url(void **state)
{
    (void)state;
    Seen seen;
    seen_init(&seen);
    seen.url.search_path = "tenant";
    seen.vitals.role = (MgRoleVitals){ .name = "app", .schema = "public" };
    seen_check(&seen, "Server",
               "ok version: PostgreSQL 17.5, primary, writable\n"
               "ok role: app, may not create in database \"shop\"\n"
               "ok connections: 14 of 97 in use\n"
               "ok");
}

static void
test_diagnose_server__connections(void **state)
{
    (void)state;
    static const char full[] =
        " > A run that finds none free waits for one, for --wait-server at most.";
    static const struct {
        MgConnectionVitals connections;
        bool is_full;
        const char *expect;
    } cases[] = {
        { { .server = { 94, 97 }, .database = { 1, -1 }, .role = { 1, -1 } },
          false,
          "ok connections: 94 of 97 in use" },
        { { .server = { 95, 97 }, .database = { 1, -1 }, .role = { 1, -1 } },
          true,
          "warn connections: 95 of 97 in use" },
        { { .server = { 5, 97 }, .database = { 4, 10 }, .role = { 1, 3 } },
          false,
          "ok connections: 5 of 97 in use, 4 of 10 of this database, 1 of 3 of this role" },
        { { .server = { 5, 97 }, .database = { 9, 10 }, .role = { 1, -1 } },
          true,
          "warn connections: 5 of 97 in use, 9 of 10 of this database" },
        { { .server = { 5, 97 }, .database = { 1, -1 }, .role = { 1, 1 } },
          true,
          "warn connections: 5 of 97 in use, 1 of 1 of this role" },
        { { .failure = { .code = MG_E_DEADLINE, .message = "no answer in time" } },
          false,
          "note connections: not known: no answer in time" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MG_CLEANUP(buf) MgBuf expect = { 0 };
        Seen seen;
        seen_init(&seen);
        seen.vitals.connections = cases[i].connections;
        mg_buf_format(&expect,
                      "ok version: PostgreSQL 17.5, primary, writable\n"
                      "ok role: app, may create in database \"shop\"\n%s%s\n"
                      "ok",
                      cases[i].expect, cases[i].is_full ? full : "");
        seen_check(&seen, "Server", mg_buf_text(&expect));
    }
}

static void
test_diagnose_server__timeouts(void **state)
{
    (void)state;
    Seen seen;
    seen_init(&seen);
    seen.vitals.timeouts = "statement_timeout=30s (role)";
    seen_check(&seen, "Server",
               "ok version: PostgreSQL 17.5, primary, writable\n"
               "ok role: app, may create in database \"shop\"\n"
               "ok connections: 14 of 97 in use\n"
               "note timeouts: statement_timeout=30s (role); \"migrate up\" sets its own\n"
               "ok");
}

/* ---- Migrations ----------------------------------------------------------- */

#define FILES "ok files: 6 in migrations/, 3 pending, none late, none drifted\n"
#define FREE "ok lock: free, key -42\n"

static void
test_diagnose_server__migrations(void **state)
{
    (void)state;
    Seen seen;
    seen_init(&seen);
    seen_check(&seen, "Migrations",
               "ok history: migrate.history, 3 applied, writable by app only\n" FILES FREE "ok");
}

static void
test_diagnose_server__history(void **state)
{
    (void)state;
    static const struct {
        MgTableVitals table;
        const char *expect, *slug;
    } cases[] = {
        { { .exists = true,
            .owner = "app",
            .may_write = true,
            .has_row_security = true,
            .writers = "",
            .writers_quoted = "" },
          "ok history: migrate.history, 3 applied, writable by app only, row security on",
          "ok" },
        { { .exists = true,
            .owner = "app",
            .may_write = true,
            .writers = "PUBLIC, Web User",
            .writers_quoted = "PUBLIC, \"Web User\"" },
          "warn history: migrate.history, 3 applied, writable by app and by PUBLIC, Web User > "
          "REVOKE ALL ON \"migrate\".\"history\" FROM PUBLIC, \"Web User\";",
          "ok" },
        { { .exists = true, .owner = "dba", .writers = "", .writers_quoted = "" },
          "fail history: migrate.history, 3 applied, not writable by this role > Migrate as its "
          "owner, role \"dba\".",
          "permission" },
        { { .failure = { .code = MG_E_SERVER, .message = "x" } },
          "note history: migrate.history, 3 applied; who may write it is not known",
          "ok" },
        { { .exists = false },
          "note history: migrate.history, 3 applied; who may write it is not known",
          "ok" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MG_CLEANUP(buf) MgBuf expect = { 0 };
        Seen seen;
        seen_init(&seen);
        seen.vitals.table = cases[i].table;
        mg_buf_format(&expect, "%s\n" FILES FREE "%s", cases[i].expect, cases[i].slug);
        seen_check(&seen, "Migrations", mg_buf_text(&expect));
    }
}

static void
test_diagnose_server__half_run(void **state)
{
    (void)state;
    Seen seen;
    seen_init(&seen);
    seen.rows[1] =
        (MgApplied){ .n_statements = 3, .n_statements_started = 2, .n_statements_done = 1 };
    seen_check(&seen, "Migrations",
               "ok history: migrate.history, 2 applied, 1 half-run, writable by app only\n"
               "ok files: 6 in migrations/, 3 pending, none late, none drifted\n"
               "ok lock: free, key -42\n"
               "ok");
}

static void
test_diagnose_server__history_to_be_made(void **state)
{
    (void)state;
    static const char made[] =
        "ok history: migrate.history is not there yet, the first \"migrate up\" makes it";
    static const char refused[] =
        "fail history: migrate.history is not there, and this role may not make it > ";
    static const struct {
        MgRoleVitals role;
        const char *expect, *hint, *slug;
    } cases[] = {
        { { .name = "app", .may_create_in_database = true }, made, "", "ok" },
        { { .name = "app", .has_history_schema = true, .may_create_in_history_schema = true },
          made,
          "",
          "ok" },
        { { .failure = { .code = MG_E_SERVER } }, made, "", "ok" },
        { { .name = "app" },
          refused,
          "GRANT CREATE ON DATABASE \"shop\" TO \"app\";",
          "permission" },
        { { .name = "app", .may_create_in_database = true, .has_history_schema = true },
          refused,
          "GRANT CREATE, USAGE ON SCHEMA \"migrate\" TO \"app\";",
          "permission" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MG_CLEANUP(buf) MgBuf expect = { 0 };
        Seen seen;
        seen_init(&seen);
        seen.vitals.role = cases[i].role;
        seen.vitals.history = (MgHistory){ 0 };
        seen.vitals.table = (MgTableVitals){ 0 };
        mg_buf_format(&expect, "%s%s\n" FILES FREE "%s", cases[i].expect, cases[i].hint,
                      cases[i].slug);
        seen_check(&seen, "Migrations", mg_buf_text(&expect));
    }
}

static void
test_diagnose_server__history_that_cannot_be_read(void **state)
{
    (void)state;
    static const struct {
        MgErrorCode code;
        bool exists;
        const char *expect, *slug;
    } cases[] = {
        { MG_E_PERMISSION, true,
          "fail history: migrate.history, not readable by this role > Migrate as its owner, role "
          "\"app\".",
          "permission" },
        { MG_E_PERMISSION, false, "fail history: why", "permission" },
        { MG_E_HISTORY, true, "fail history: why", "history" },
        { MG_E_DEADLINE, true, "note history: not known: why", "ok" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MG_CLEANUP(buf) MgBuf expect = { 0 };
        Seen seen;
        seen_init(&seen);
        mg_fail(&seen.vitals.history_failure, cases[i].code, "why");
        seen.vitals.table.exists = cases[i].exists;
        seen.all.plan = NULL;
        mg_buf_format(&expect, "%s\nok files: 6 in migrations/\n" FREE "%s", cases[i].expect,
                      cases[i].slug);
        seen_check(&seen, "Migrations", mg_buf_text(&expect));
    }
}

static void
test_diagnose_server__files(void **state)
{
    (void)state;
    Seen seen;

    seen_init(&seen);
    seen.source.dir = "db/";
    seen.plan = (MgPlan){ .counts = { [MG_STATE_LATE] = 1,
                                      [MG_STATE_DRIFTED] = 2,
                                      [MG_STATE_PARTIAL] = 1,
                                      [MG_STATE_CHANGED] = 4 } };
    seen_check(&seen, "Migrations",
               "ok history: migrate.history, 3 applied, writable by app only\n"
               "ok files: 6 in db/, none pending, 1 late, 2 drifted, 1 partial, 4 changed\n" FREE
               "ok");

    seen_init(&seen);
    seen.source.dir = NULL;
    mg_fail(&seen.all.unreachable, MG_E_CREDENTIALS, "no");
    seen.all.vitals = NULL;
    seen.all.plan = NULL;
    seen_check(&seen, "Migrations", "ok files: 6 in memory\ncredentials");

    seen_init(&seen);
    mg_fail(&seen.all.source_failure, MG_E_SOURCE, "there is no folder \"x\"");
    seen.all.plan = NULL;
    seen_check(&seen, "Migrations",
               "ok history: migrate.history, 3 applied, writable by app only\n"
               "fail files: there is no folder \"x\"\n" FREE "source");
}

static void
test_diagnose_server__plan(void **state)
{
    (void)state;
    static const char *warnings[] = { "2 migrations are ahead" };
    static const char *notes[] = { "one was renamed" };
    MgError refusals[2];
    Seen seen;

    mg_fail(&refusals[0], MG_E_DRIFT, "migration \"1_a\" was edited");
    mg_error_hint(&refusals[0], "Undo it.");
    mg_fail(&refusals[1], MG_E_LATE, "migration \"2_b\" is late");
    seen_init(&seen);
    seen.plan.refusals = refusals;
    seen.plan.n_refusals = 2;
    seen.plan.warnings = warnings;
    seen.plan.n_warnings = 1;
    seen.plan.notes = notes;
    seen.plan.n_notes = 1;
    seen_check(&seen, "Migrations",
               "ok history: migrate.history, 3 applied, writable by app only\n" FILES
               "fail drift: migration \"1_a\" was edited > Undo it.\n"
               "fail late: migration \"2_b\" is late\n"
               "warn plan: 2 migrations are ahead\n"
               "note plan: one was renamed\n" FREE "drift");
}

static void
test_diagnose_server__lock(void **state)
{
    (void)state;
    static const char history[] = "ok history: migrate.history, 3 applied, writable by app only\n";
    MG_CLEANUP(buf) MgBuf expect = { 0 };
    Seen seen;

    seen_init(&seen);
    seen.vitals.holder = (MgHolder){ .pid = 4821,
                                     .name = "vercel dpl_8Hq2vN",
                                     .since = "12:03:58",
                                     .runs = "runs CREATE INDEX since 12 s" };
    mg_buf_format(&expect,
                  "%s" FILES "note lock: held by pid 4821 (vercel dpl_8Hq2vN) since 12:03:58, "
                  "which runs CREATE INDEX since 12 s; key -42"
                  " > Another run would wait for it, for --wait-turn at most.\nok",
                  history);
    seen_check(&seen, "Migrations", mg_buf_text(&expect));

    mg_buf_clear(&expect);
    seen_init(&seen);
    mg_fail(&seen.vitals.holder_failure, MG_E_SERVER, "why");
    mg_buf_format(&expect, "%s" FILES "note lock: not known: why\nok", history);
    seen_check(&seen, "Migrations", mg_buf_text(&expect));
}

static void
test_diagnose_server__indexes(void **state)
{
    (void)state;
    static const char start[] =
        "ok history: migrate.history, 3 applied, writable by app only\n" FILES FREE;
    MG_CLEANUP(buf) MgBuf expect = { 0 };
    Seen seen;

    seen_init(&seen);
    seen.vitals.indexes[0] = (MgIndexVital){ .name = "public.a_id" };
    seen.vitals.indexes[1] = (MgIndexVital){ .name = "public.b_id_ccnew", .is_leftover = true };
    seen.vitals.indexes[2] = (MgIndexVital){ .name = "public.c_id", .is_partitioned = true };
    seen.vitals.n_indexes = 3;
    mg_buf_format(&expect,
                  "%swarn index: public.a_id is invalid and serves no query"
                  " > REINDEX INDEX CONCURRENTLY public.a_id;\n"
                  "warn index: public.b_id_ccnew was left behind by a REINDEX CONCURRENTLY"
                  " > DROP INDEX CONCURRENTLY public.b_id_ccnew;\n"
                  "warn index: public.c_id is invalid: a partition has no part of it > Make the "
                  "index on that partition, then: ALTER INDEX public.c_id ATTACH PARTITION it;\n"
                  "ok",
                  start);
    seen_check(&seen, "Migrations", mg_buf_text(&expect));

    mg_buf_clear(&expect);
    seen_init(&seen);
    for (size_t i = 0; i < MG_VITALS_MAX_INDEXES; i++)
        seen.vitals.indexes[i] = (MgIndexVital){ .name = "s.i", .is_leftover = true };
    seen.vitals.n_indexes = MG_VITALS_MAX_INDEXES + 7;
    mg_buf_add(&expect, start);
    for (size_t i = 0; i < MG_VITALS_MAX_INDEXES; i++)
        mg_buf_add(&expect, "warn index: s.i was left behind by a REINDEX CONCURRENTLY"
                            " > DROP INDEX CONCURRENTLY s.i;\n");
    mg_buf_add(&expect, "warn index: 7 more are invalid\nok");
    seen_check(&seen, "Migrations", mg_buf_text(&expect));

    mg_buf_clear(&expect);
    seen_init(&seen);
    mg_fail(&seen.vitals.index_failure, MG_E_SERVER, "why");
    mg_buf_format(&expect, "%snote index: not known: why\nok", start);
    seen_check(&seen, "Migrations", mg_buf_text(&expect));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_diagnose_server__healthy),
        cmocka_unit_test(test_diagnose_server__version),
        cmocka_unit_test(test_diagnose_server__role),
        cmocka_unit_test(test_diagnose_server__role_with_a_schema_of_the_url),
        cmocka_unit_test(test_diagnose_server__connections),
        cmocka_unit_test(test_diagnose_server__timeouts),
        cmocka_unit_test(test_diagnose_server__migrations),
        cmocka_unit_test(test_diagnose_server__history),
        cmocka_unit_test(test_diagnose_server__half_run),
        cmocka_unit_test(test_diagnose_server__history_to_be_made),
        cmocka_unit_test(test_diagnose_server__history_that_cannot_be_read),
        cmocka_unit_test(test_diagnose_server__files),
        cmocka_unit_test(test_diagnose_server__plan),
        cmocka_unit_test(test_diagnose_server__lock),
        cmocka_unit_test(test_diagnose_server__indexes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
