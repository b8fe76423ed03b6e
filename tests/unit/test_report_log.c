/* The log of a target in all formats, compared as whole texts. */
#include "written.h"

static void
check(const MgLog *log, MgView view, const char *expect)
{
    MG_CLEANUP(buf) MgBuf buf = { 0 };
    view.now_ms = INT64_C(1773144000000);
    mg_write_log(log, &view, append, &buf);
    assert_string_equal(mg_buf_text(&buf), expect);
}

static MgLogEntry entries[] = {
    { .at_ms = INT64_C(1773130000000),
      .what = "reverted",
      .version = "2",
      .name = "orders",
      .label = "2_orders",
      .kind = "versioned",
      .duration_us = 9000,
      .by = "ann@laptop",
      .is_undoing = true,
      .row_id = 3 },
    { .at_ms = INT64_C(1773120000000),
      .what = "applied",
      .version = "2",
      .name = "orders",
      .label = "2_orders",
      .kind = "versioned",
      .duration_us = 9000,
      .by = "vercel dpl_6Ab3xW",
      .commit = "9b1c7de4c1f0aa",
      .run_url = "https://ci.example.com/runs/7",
      .environment = "production",
      .tool = "0.1.0",
      .row_id = 3 },
    { .at_ms = INT64_C(1773110000000),
      .what = "claimed",
      .name = "production",
      .label = "environment production",
      .kind = "claim",
      .by = "ann@laptop",
      .environment = "production",
      .row_id = 2 },
    { .at_ms = INT64_C(1773100000000),
      .what = "baseline",
      .version = "1",
      .name = "users",
      .label = "1_users",
      .kind = "baseline",
      .by = "ann@laptop",
      .row_id = 1 },
};

static const MgLog log_of_shop = {
    .target = { .database = "shop",
                .host = "db.example.com",
                .user = "app",
                .port = 5432,
                .from = "DATABASE_URL",
                .server_version = "17.5",
                .verdict_name = "direct" },
    .entries = entries,
    .n_entries = COUNT(entries),
};

static void
test_report_log__table(void **state)
{
    (void)state;
    check(&log_of_shop, (MgView){ .format = MG_TABLE },
          "when (UTC)        what      migration                 took  by\n"
          "2026-03-10 08:06  reverted  2_orders                        ann@laptop\n"
          "2026-03-10 05:20  applied   2_orders                  9 ms  vercel dpl_6Ab3xW\n"
          "                  environment production, commit 9b1c7de4c1, "
          "https://ci.example.com/runs/7\n"
          "2026-03-10 02:33  claimed   environment production          ann@laptop\n"
          "2026-03-09 23:46  baseline  1_users                         ann@laptop\n");
    check(&log_of_shop, (MgView){ .format = MG_TABLE, .limit = 1 },
          "when (UTC)        what      migration    took  by\n"
          "2026-03-10 08:06  reverted  2_orders           ann@laptop\n"
          "\n"
          "1 of 4; \"migrate log --all\" shows the others\n");
    check(&(MgLog){ .target = log_of_shop.target }, (MgView){ .format = MG_TABLE },
          "nothing was ever applied here\n");
}

static void
test_report_log__markdown(void **state)
{
    (void)state;
    check(
        &log_of_shop, (MgView){ .format = MG_MARKDOWN },
        "## Log of migrations\n"
        "\n"
        "| when (UTC) | what | migration | took | by | environment | commit | run |\n"
        "| --- | --- | --- | ---: | --- | --- | --- | --- |\n"
        "| 2026-03-10 08:06 | reverted | 2_orders | | ann@laptop | | | |\n"
        "| 2026-03-10 05:20 | applied | 2_orders | 9 ms | vercel dpl_6Ab3xW | production | "
        "9b1c7de4c1 | https://ci.example.com/runs/7 |\n"
        "| 2026-03-10 02:33 | claimed | environment production | | ann@laptop | production | | |\n"
        "| 2026-03-09 23:46 | baseline | 1_users | | ann@laptop | | | |\n");
}

static void
test_report_log__json(void **state)
{
    (void)state;
    check(&log_of_shop, (MgView){ .format = MG_JSON, .limit = 2 },
          "{\n"
          " \"schema\": \"migrate.log.v1\",\n"
          " \"tool\": \"" MG_VERSION "\",\n"
          " \"at\": \"2026-03-10T12:00:00Z\",\n"
          " \"error\": null,\n"
          " \"target\": {\n"
          "  \"database\": \"shop\",\n"
          "  \"host\": \"db.example.com\",\n"
          "  \"port\": 5432,\n"
          "  \"user\": \"app\",\n"
          "  \"from\": \"DATABASE_URL\"\n"
          " },\n"
          " \"session\": {\n"
          "  \"verdict\": \"direct\",\n"
          "  \"server_version\": \"17.5\"\n"
          " },\n"
          " \"total\": 4,\n"
          " \"entries\": [\n"
          "  {\n"
          "   \"at\": \"2026-03-10T08:06:40Z\",\n"
          "   \"what\": \"reverted\",\n"
          "   \"version\": \"2\",\n"
          "   \"name\": \"orders\",\n"
          "   \"kind\": \"versioned\",\n"
          "   \"duration_ms\": null,\n"
          "   \"by\": \"ann@laptop\",\n"
          "   \"environment\": null,\n"
          "   \"commit\": null,\n"
          "   \"run_url\": null,\n"
          "   \"tool\": null,\n"
          "   \"row\": 3\n"
          "  },\n"
          "  {\n"
          "   \"at\": \"2026-03-10T05:20:00Z\",\n"
          "   \"what\": \"applied\",\n"
          "   \"version\": \"2\",\n"
          "   \"name\": \"orders\",\n"
          "   \"kind\": \"versioned\",\n"
          "   \"duration_ms\": 9,\n"
          "   \"by\": \"vercel dpl_6Ab3xW\",\n"
          "   \"environment\": \"production\",\n"
          "   \"commit\": \"9b1c7de4c1f0aa\",\n"
          "   \"run_url\": \"https://ci.example.com/runs/7\",\n"
          "   \"tool\": \"0.1.0\",\n"
          "   \"row\": 3\n"
          "  }\n"
          " ]\n"
          "}\n");
    MgError err;
    mg_fail(&err, MG_E_UNREACHABLE, "no answer");
    check(NULL, (MgView){ .format = MG_JSON, .error = &err },
          "{\n"
          " \"schema\": \"migrate.log.v1\",\n"
          " \"tool\": \"" MG_VERSION "\",\n"
          " \"at\": \"2026-03-10T12:00:00Z\",\n"
          " \"error\": {\n"
          "  \"code\": \"unreachable\",\n"
          "  \"message\": \"no answer\",\n"
          "  \"sqlstate\": null,\n"
          "  \"place\": null,\n"
          "  \"line\": null,\n"
          "  \"column\": null,\n"
          "  \"excerpt\": null,\n"
          "  \"detail\": null,\n"
          "  \"hints\": [],\n"
          "  \"note\": null,\n"
          "  \"exit\": 5\n"
          " },\n"
          " \"target\": null,\n"
          " \"session\": null,\n"
          " \"total\": null,\n"
          " \"entries\": null\n"
          "}\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_report_log__table),
        cmocka_unit_test(test_report_log__markdown),
        cmocka_unit_test(test_report_log__json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
