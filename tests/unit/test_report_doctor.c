/* The doctor's report in all three formats, compared as whole texts. */
#include "written.h"

static void
check(const MgDiagnosis *diagnosis, MgView view, const char *expect)
{
    MG_CLEANUP(buf) MgBuf buf = { 0 };
    mg_write_doctor(diagnosis, &view, append, &buf);
    assert_string_equal(mg_buf_text(&buf), expect);
}

/* The transcript, without the environment, which is not there yet. */
static MgFinding healthy[] = {
    { MG_FINDING_OK, "URL", "source", "DATABASE_URL_UNPOOLED in the environment", NULL },
    { MG_FINDING_NOTE, "URL", "passed over", "DATABASE_URL, a pooled URL of the same database",
      NULL },
    { MG_FINDING_OK, "URL", "kind", "Neon, direct endpoint", NULL },
    { MG_FINDING_OK, "Connection", "reached", "in 212 ms, round trip 7 ms", NULL },
    { MG_FINDING_OK, "Connection", "TLS", "TLSv1.3, certificate and host name verified", NULL },
    { MG_FINDING_OK, "Connection", "startup", "this backend was started by our own startup packet",
      NULL },
    { MG_FINDING_NOTE, "Connection", "cancel key",
      "not this backend's: a proxy is between, as always with Neon", NULL },
    { MG_FINDING_OK, "Connection", "proof", "pinned", NULL },
    { MG_FINDING_OK, "Server", "version", "PostgreSQL 17.5, primary, writable", NULL },
    { MG_FINDING_OK, "Server", "role", "app, may create in database \"shop\"", NULL },
    { MG_FINDING_OK, "Server", "connections", "14 of 97 in use", NULL },
    { MG_FINDING_OK, "Migrations", "history", "migrate.history, 3 applied, writable by app only",
      NULL },
    { MG_FINDING_OK, "Migrations", "files", "6 in migrations/, 3 pending, none late, none drifted",
      NULL },
    { MG_FINDING_OK, "Migrations", "lock", "free", NULL },
    { MG_FINDING_WARN, "Migrations", "index",
      "public.orders_status_idx is invalid and serves no query",
      "REINDEX INDEX CONCURRENTLY public.orders_status_idx;" },
};

static void
test_report_doctor__transcript(void **state)
{
    (void)state;
    const MgDiagnosis diagnosis = { .findings = healthy,
                                    .n_findings = COUNT(healthy),
                                    .n_warnings = 1 };
    check(&diagnosis, (MgView){ .format = MG_TABLE },
          "URL\n"
          "  ok    source       DATABASE_URL_UNPOOLED in the environment\n"
          "  note  passed over  DATABASE_URL, a pooled URL of the same database\n"
          "  ok    kind         Neon, direct endpoint\n"
          "Connection\n"
          "  ok    reached      in 212 ms, round trip 7 ms\n"
          "  ok    TLS          TLSv1.3, certificate and host name verified\n"
          "  ok    startup      this backend was started by our own startup packet\n"
          "  note  cancel key   not this backend's: a proxy is between, as always with Neon\n"
          "  ok    proof        pinned\n"
          "Server\n"
          "  ok    version      PostgreSQL 17.5, primary, writable\n"
          "  ok    role         app, may create in database \"shop\"\n"
          "  ok    connections  14 of 97 in use\n"
          "Migrations\n"
          "  ok    history      migrate.history, 3 applied, writable by app only\n"
          "  ok    files        6 in migrations/, 3 pending, none late, none drifted\n"
          "  ok    lock         free\n"
          "  warn  index        public.orders_status_idx is invalid and serves no query\n"
          "                     REINDEX INDEX CONCURRENTLY public.orders_status_idx;\n"
          "\n"
          "verdict: \"migrate up\" may run here; 1 warning\n");
}

static MgFinding ill[] = {
    { MG_FINDING_FAIL, "URL", "kind", "a pooler\x1b[31m",
      "Set DATABASE_URL to the direct URL:\n"
      "postgresql://app:***@a-host-with-a-name-that-is-long-enough-to-pass-the-last-column.example."
      "com/shop\n"
      "This is a sentence that is broken, because it goes on and on behind the last column of "
      "all." },
    { MG_FINDING_WARN, "Server", "timeouts",
      "statement_timeout=30s (role), lock_timeout=5s (database), and what else there is to be "
      "told of them",
      NULL },
    { MG_FINDING_FAIL, "Server", "version", "a standby | of old", NULL },
};

static const MgDiagnosis failing = {
    .target = { .database = "shop",
                .host = "db.example.com",
                .user = "app",
                .port = 5432,
                .from = "DATABASE_URL",
                .verdict_name = "unproved" },
    .findings = ill,
    .n_findings = COUNT(ill),
    .n_warnings = 2,
    .n_failures = 2,
    .code = MG_E_POOLED_URL,
    .lock_key = INT64_C(-9223372036854775807),
};

static void
test_report_doctor__failures(void **state)
{
    (void)state;
    /* No narrower than this, however narrow the terminal. */
    check(&failing, (MgView){ .format = MG_TABLE, .width = 40 },
          "URL\n"
          "  fail  kind         a pooler?[31m\n"
          "                     Set DATABASE_URL to the direct URL:\n"
          "                     postgresql://app:***@a-host-with-a-name-that-is-long-enough-to-"
          "pass-the-last-column.example.com/shop\n"
          "                     This is a sentence that is broken,\n"
          "                     because it goes on and on behind the\n"
          "                     last column of all.\n"
          "Server\n"
          "  warn  timeouts     statement_timeout=30s (role),\n"
          "                     lock_timeout=5s (database), and what\n"
          "                     else there is to be told of them\n"
          "  fail  version      a standby | of old\n"
          "\n"
          "verdict: \"migrate up\" cannot run here (pooled-url): mend \"kind\" first; 2 failures, "
          "2 warnings\n");
    check(&failing, (MgView){ .format = MG_TABLE },
          "URL\n"
          "  fail  kind         a pooler?[31m\n"
          "                     Set DATABASE_URL to the direct URL:\n"
          "                     postgresql://app:***@a-host-with-a-name-that-is-long-enough-to-"
          "pass-the-last-column.example.com/shop\n"
          "                     This is a sentence that is broken, because it goes on and on "
          "behind the last\n"
          "                     column of all.\n"
          "Server\n"
          "  warn  timeouts     statement_timeout=30s (role), lock_timeout=5s (database), and "
          "what else there\n"
          "                     is to be told of them\n"
          "  fail  version      a standby | of old\n"
          "\n"
          "verdict: \"migrate up\" cannot run here (pooled-url): mend \"kind\" first; 2 failures, "
          "2 warnings\n");
}

static void
test_report_doctor__markdown(void **state)
{
    (void)state;
    MgFinding findings[] = { ill[2] };
    MgDiagnosis diagnosis = {
        .findings = findings, .n_findings = 1, .n_failures = 1, .code = MG_E_READ_ONLY
    };
    check(&diagnosis, (MgView){ .format = MG_MARKDOWN },
          "## Diagnosis\n"
          "\n"
          "| section | status | topic | finding |\n"
          "| --- | --- | --- | --- |\n"
          "| Server | fail | version | a standby \\| of old |\n"
          "\n"
          "verdict: \"migrate up\" cannot run here (read-only): mend \"version\" first; 1 "
          "failure\n");
    diagnosis.findings = &healthy[COUNT(healthy) - 1];
    diagnosis.n_failures = 0;
    diagnosis.n_warnings = 1;
    diagnosis.code = MG_OK;
    check(&diagnosis, (MgView){ .format = MG_MARKDOWN },
          "## Diagnosis\n"
          "\n"
          "| section | status | topic | finding | what to do |\n"
          "| --- | --- | --- | --- | --- |\n"
          "| Migrations | warn | index | public.orders_status_idx is invalid and serves no query "
          "| REINDEX INDEX CONCURRENTLY public.orders_status_idx; |\n"
          "\n"
          "verdict: \"migrate up\" may run here; 1 warning\n");
}

static void
test_report_doctor__json(void **state)
{
    (void)state;
    MgDiagnosis diagnosis = failing;
    diagnosis.findings = &ill[2];
    diagnosis.n_findings = 1;
    check(&diagnosis, (MgView){ .format = MG_JSON, .now_ms = INT64_C(1773230621000) },
          "{\n"
          " \"schema\": \"migrate.doctor.v1\",\n"
          " \"tool\": \"" MG_VERSION "\",\n"
          " \"at\": \"2026-03-11T12:03:41Z\",\n"
          " \"error\": null,\n"
          " \"target\": {\n"
          "  \"database\": \"shop\",\n"
          "  \"host\": \"db.example.com\",\n"
          "  \"port\": 5432,\n"
          "  \"user\": \"app\",\n"
          "  \"from\": \"DATABASE_URL\"\n"
          " },\n"
          " \"session\": null,\n"
          " \"lock_key\": \"-9223372036854775807\",\n"
          " \"verdict\": {\n"
          "  \"code\": \"pooled-url\",\n"
          "  \"exit\": 3,\n"
          "  \"text\": \"\\\"migrate up\\\" cannot run here (pooled-url): mend \\\"version\\\" "
          "first; 2 failures, 2 warnings\",\n"
          "  \"warnings\": 2,\n"
          "  \"failures\": 2\n"
          " },\n"
          " \"findings\": [\n"
          "  {\n"
          "   \"section\": \"Server\",\n"
          "   \"status\": \"fail\",\n"
          "   \"topic\": \"version\",\n"
          "   \"text\": \"a standby | of old\",\n"
          "   \"hint\": null\n"
          "  }\n"
          " ]\n"
          "}\n");
}

static void
test_report_doctor__error(void **state)
{
    (void)state;
    MgError error;
    mg_fail(&error, MG_E_NO_TARGET, "no database was named");
    check(NULL, (MgView){ .format = MG_JSON, .now_ms = INT64_C(1773230621000), .error = &error },
          "{\n"
          " \"schema\": \"migrate.doctor.v1\",\n"
          " \"tool\": \"" MG_VERSION "\",\n"
          " \"at\": \"2026-03-11T12:03:41Z\",\n"
          " \"error\": {\n"
          "  \"code\": \"no-target\",\n"
          "  \"message\": \"no database was named\",\n"
          "  \"sqlstate\": null,\n"
          "  \"place\": null,\n"
          "  \"line\": null,\n"
          "  \"column\": null,\n"
          "  \"excerpt\": null,\n"
          "  \"detail\": null,\n"
          "  \"hints\": [],\n"
          "  \"note\": null,\n"
          "  \"exit\": 2\n"
          " },\n"
          " \"target\": null,\n"
          " \"session\": null,\n"
          " \"lock_key\": null,\n"
          " \"verdict\": null,\n"
          " \"findings\": null\n"
          "}\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_report_doctor__transcript),
        cmocka_unit_test(test_report_doctor__failures),
        cmocka_unit_test(test_report_doctor__markdown),
        cmocka_unit_test(test_report_doctor__json),
        cmocka_unit_test(test_report_doctor__error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
