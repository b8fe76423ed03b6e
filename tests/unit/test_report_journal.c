/* The journal of this machine in all formats, compared as whole texts. */
#include "written.h"

typedef void Write(const MgJournal *journal, const MgView *view, MgWrite write, void *payload);

static void
check(Write *write, const MgJournal *journal, MgView view, const char *expect)
{
    MG_CLEANUP(buf) MgBuf buf = { 0 };
    view.now_ms = INT64_C(1773144000000);
    write(journal, &view, append, &buf);
    assert_string_equal(mg_buf_text(&buf), expect);
}

static const MgError failure = { .code = MG_E_SQL,
                                 .sqlstate = "42703",
                                 .place = "migrations/3_bad.up.sql",
                                 .line = 2,
                                 .column = 8,
                                 .message = "column \"nothing\" does not exist",
                                 .note = "3_bad was rolled back" };
static const MgError refusal = { .code = MG_E_LATE, .message = "migration \"2_b\" is older" };

static MgJournalStep steps[] = { { "applied", "1_users", 41000 },
                                 { "applied", "2_orders", 700 },
                                 { "failed", "3_bad", 2000000 } };

/* What is the same in all of them. */
#define ON_SHOP                                                                                    \
    .database = "shop", .host = "db.example.com", .port = 5432, .user = "app",                     \
    .history = "migrate.history", .by = "ann@laptop", .tool = "0.1.0"

static MgJournalRun runs[] = {
    { ON_SHOP, .id = 6, .command = "up", .began_at_ms = INT64_C(1773130000000),
      .elapsed_us = 2100000, .n_applied = 2, .head = "2_orders", .error = &failure, .steps = steps,
      .n_steps = COUNT(steps) },
    { ON_SHOP, .id = 5, .command = "up", .began_at_ms = 1000, .error = &refusal },
    { ON_SHOP, .id = 4, .command = "redo", .began_at_ms = 1000, .n_applied = 1, .n_reverted = 1 },
    { ON_SHOP, .id = 3, .command = "up", .began_at_ms = 1000, .n_tried = 12 },
    { ON_SHOP, .id = 2, .command = "baseline", .began_at_ms = 1000, .n_recorded = 3 },
    { .id = 1, .command = "up", .began_at_ms = 1000 },
};

static const MgJournal journal = { .items = runs, .n = COUNT(runs), .n_all = COUNT(runs) };

static void
test_report_journal__runs(void **state)
{
    (void)state;
    check(mg_write_journal, &journal, (MgView){ .format = MG_TABLE },
          "run  when (UTC)        command   target                  outcome                        "
          "took\n"
          "  6  2026-03-10 08:06  up        shop at db.example.com  2 applied, then error 42703   "
          "2.1 s\n"
          "  5  1970-01-01 00:00  up        shop at db.example.com  error late                    "
          "<1 ms\n"
          "  4  1970-01-01 00:00  redo      shop at db.example.com  1 reverted, 1 applied         "
          "<1 ms\n"
          "  3  1970-01-01 00:00  up        shop at db.example.com  12 tried                      "
          "<1 ms\n"
          "  2  1970-01-01 00:00  baseline  shop at db.example.com  3 recorded                    "
          "<1 ms\n"
          "  1  1970-01-01 00:00  up        ? at the default host   nothing to do                 "
          "<1 ms\n");
    check(mg_write_journal, &(MgJournal){ .items = runs, .n = 1, .n_all = 6 },
          (MgView){ .format = MG_MARKDOWN },
          "## Runs of this machine\n"
          "\n"
          "| run | when (UTC) | command | target | outcome | took |\n"
          "| ---: | --- | --- | --- | --- | ---: |\n"
          "| 6 | 2026-03-10 08:06 | up | shop at db.example.com | 2 applied, then error 42703 | "
          "2.1 s |\n"
          "\n"
          "1 of 6; \"migrate log --local --all\" shows the others\n");
    check(mg_write_journal, &(MgJournal){ .n_all = 0 }, (MgView){ .format = MG_TABLE },
          "no run is noted yet\n");
    check(mg_write_journal, &(MgJournal){ .items = runs, .n = 1, .n_all = 6 },
          (MgView){ .format = MG_JSON },
          "{\n"
          " \"schema\": \"migrate.runs.v1\",\n"
          " \"tool\": \"" MG_VERSION "\",\n"
          " \"at\": \"2026-03-10T12:00:00Z\",\n"
          " \"error\": null,\n"
          " \"total\": 6,\n"
          " \"runs\": [\n"
          "  {\n"
          "   \"run\": 6,\n"
          "   \"at\": \"2026-03-10T08:06:40Z\",\n"
          "   \"command\": \"up\",\n"
          "   \"database\": \"shop\",\n"
          "   \"host\": \"db.example.com\",\n"
          "   \"port\": 5432,\n"
          "   \"user\": \"app\",\n"
          "   \"history\": \"migrate.history\",\n"
          "   \"applied\": 2,\n"
          "   \"reverted\": 0,\n"
          "   \"recorded\": 0,\n"
          "   \"tried\": 0,\n"
          "   \"duration_ms\": 2100,\n"
          "   \"head\": \"2_orders\",\n"
          "   \"by\": \"ann@laptop\",\n"
          "   \"tool\": \"0.1.0\",\n"
          "   \"error\": \"sql\",\n"
          "   \"message\": \"column \\\"nothing\\\" does not exist\"\n"
          "  }\n"
          " ]\n"
          "}\n");
}

static void
test_report_journal__a_run(void **state)
{
    (void)state;
    check(mg_write_run, &journal, (MgView){ .format = MG_TABLE },
          "what     migration    took\n"
          "applied  1_users     41 ms\n"
          "applied  2_orders    <1 ms\n"
          "failed   3_bad         2 s\n"
          "\n"
          "run 6: up by ann@laptop, 2026-03-10 08:06 UTC, shop at db.example.com\n"
          "2 applied, then error 42703, in 2.1 s\n");
    check(mg_write_run, &journal, (MgView){ .format = MG_JSON },
          "{\n"
          " \"schema\": \"migrate.run.v1\",\n"
          " \"tool\": \"" MG_VERSION "\",\n"
          " \"at\": \"2026-03-10T12:00:00Z\",\n"
          " \"error\": null,\n"
          " \"run\": {\n"
          "  \"id\": 6,\n"
          "  \"at\": \"2026-03-10T08:06:40Z\",\n"
          "  \"command\": \"up\",\n"
          "  \"database\": \"shop\",\n"
          "  \"host\": \"db.example.com\",\n"
          "  \"port\": 5432,\n"
          "  \"user\": \"app\",\n"
          "  \"history\": \"migrate.history\",\n"
          "  \"applied\": 2,\n"
          "  \"reverted\": 0,\n"
          "  \"recorded\": 0,\n"
          "  \"tried\": 0,\n"
          "  \"duration_ms\": 2100,\n"
          "  \"head\": \"2_orders\",\n"
          "  \"by\": \"ann@laptop\",\n"
          "  \"tool\": \"0.1.0\",\n"
          "  \"errors\": [\n"
          "   {\n"
          "    \"code\": \"sql\",\n"
          "    \"message\": \"column \\\"nothing\\\" does not exist\",\n"
          "    \"sqlstate\": \"42703\",\n"
          "    \"place\": \"migrations/3_bad.up.sql\",\n"
          "    \"line\": 2,\n"
          "    \"column\": 8,\n"
          "    \"excerpt\": null,\n"
          "    \"detail\": null,\n"
          "    \"hints\": [],\n"
          "    \"note\": \"3_bad was rolled back\",\n"
          "    \"exit\": 1\n"
          "   }\n"
          "  ]\n"
          " },\n"
          " \"steps\": [\n"
          "  {\n"
          "   \"what\": \"applied\",\n"
          "   \"migration\": \"1_users\",\n"
          "   \"duration_ms\": 41\n"
          "  },\n"
          "  {\n"
          "   \"what\": \"applied\",\n"
          "   \"migration\": \"2_orders\",\n"
          "   \"duration_ms\": 1\n"
          "  },\n"
          "  {\n"
          "   \"what\": \"failed\",\n"
          "   \"migration\": \"3_bad\",\n"
          "   \"duration_ms\": 2000\n"
          "  }\n"
          " ]\n"
          "}\n");
    check(mg_write_run, &(MgJournal){ .items = runs + 5, .n = 1 }, (MgView){ .format = MG_TABLE },
          "run 1: up by ?, 1970-01-01 00:00 UTC, ? at the default host\n"
          "nothing to do, in <1 ms\n");
}

/* What a document begins with when there is no notebook. */
#define NO_NOTEBOOK                                                                                \
    " \"tool\": \"" MG_VERSION "\",\n"                                                             \
    " \"at\": \"2026-03-10T12:00:00Z\",\n"                                                         \
    " \"error\": {\n"                                                                              \
    "  \"code\": \"notebook\",\n"                                                                  \
    "  \"message\": \"there is no notebook\",\n"                                                   \
    "  \"sqlstate\": null,\n"                                                                      \
    "  \"place\": null,\n"                                                                         \
    "  \"line\": null,\n"                                                                          \
    "  \"column\": null,\n"                                                                        \
    "  \"excerpt\": null,\n"                                                                       \
    "  \"detail\": null,\n"                                                                        \
    "  \"hints\": [],\n"                                                                           \
    "  \"note\": null,\n"                                                                          \
    "  \"exit\": 2\n"                                                                              \
    " },\n"

static void
test_report_journal__failures(void **state)
{
    (void)state;
    MgError err;
    mg_fail(&err, MG_E_NOTEBOOK, "there is no notebook");
    check(mg_write_journal, NULL, (MgView){ .format = MG_JSON, .error = &err },
          "{\n"
          " \"schema\": \"migrate.runs.v1\",\n" NO_NOTEBOOK " \"total\": null,\n"
          " \"runs\": null\n"
          "}\n");
    check(mg_write_run, NULL, (MgView){ .format = MG_JSON, .error = &err },
          "{\n"
          " \"schema\": \"migrate.run.v1\",\n" NO_NOTEBOOK " \"run\": null,\n"
          " \"steps\": null\n"
          "}\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_report_journal__runs),
        cmocka_unit_test(test_report_journal__a_run),
        cmocka_unit_test(test_report_journal__failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
