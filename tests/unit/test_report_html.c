/* Pages, compared as whole texts behind the style that all of them share. */
#include "written.h"

static void
check(const MgReport *report, MgView view, const char *expect)
{
    MG_CLEANUP(buf) MgBuf buf = { 0 };
    view.now_ms = INT64_C(1773144000000);
    view.format = MG_HTML;
    mg_report_write_html(report, &view, append, &buf);
    const char *body = strstr(mg_buf_text(&buf), "</style>");
    assert_non_null(body);
    assert_string_equal(body, expect);
}

static const MgColumn columns[] = {
    { .key = "state", .heading = "state" },
    { .heading = "migration", .is_cut = true },
    { .key = "at", .heading = "applied (UTC)" },
    { .key = "duration_ms", .heading = "took", .is_right = true },
    { .heading = "run", .is_optional = true },
    { .key = "tool" },
};

enum {
    N_COLUMNS = COUNT(columns),
};

/* Whatever stands in a history may come from a stranger. */
#define EVIL "<script>&\"'\x1b[31m"

static MgCell cells[] = {
    { MG_CELL_TEXT, .text = "applied" },
    { MG_CELL_TEXT, .text = EVIL },
    { MG_CELL_TIME, .number = INT64_C(1773100000000) },
    { MG_CELL_DURATION, .number = 400 },
    { MG_CELL_TEXT, .text = "https://ci.example.com/runs/7" },
    { MG_CELL_TEXT, .text = "0.1.0" },
    { MG_CELL_TEXT, .text = "pending" },
    { MG_CELL_TEXT, .text = "2_orders" },
    { MG_CELL_NULL, .text = NULL },
    { MG_CELL_NULL, .text = NULL },
    { MG_CELL_TEXT, .text = "javascript:alert(1)" },
    { MG_CELL_TEXT, .text = "0.1.0" },
};

static MgMoment moments[] = {
    { INT64_C(1773100000000), 400, EVIL, "applied" },
    { INT64_C(1773100000000) + 40 * INT64_C(86400000), 200000000, "2_orders", "reverted" },
};

static MgField fields[] = {
    { "target.database", { MG_CELL_TEXT, .text = "shop" } },
    { "target.host", { MG_CELL_TEXT, .text = "db.example.com" } },
    { "target.port", { MG_CELL_INT, .number = 5432 } },
    { "session.server_version", { MG_CELL_TEXT, .text = "17.5" } },
    { "session.verdict", { MG_CELL_TEXT, .text = "direct" } },
    { "counts.applied", { MG_CELL_INT, .number = 1 } },
    { "counts.late", { MG_CELL_INT, .number = 0 } },
    { "counts.pending", { MG_CELL_INT, .number = 1 } },
};

static const MgReport whole = {
    .title = "Migrations",
    .columns = columns,
    .n_columns = N_COLUMNS,
    .cells = { .items = cells, .n = COUNT(cells) },
    .fields = { .items = fields, .n = COUNT(fields) },
    .moments = { .items = moments, .n = COUNT(moments) },
    .footer = "1 pending",
    .folded = "1 more applied earlier",
    .n_unfolded = 1,
};

static void
test_report_html__whole(void **state)
{
    (void)state;
    check(&whole, (MgView){ .now_ms = 0 },
          "</style>\n"
          "</head>\n"
          "<body>\n"
          "<main>\n"
          "<h1>Migrations: shop</h1>\n"
          "<p class=\"soft\">db.example.com, port 5432, PostgreSQL 17.5, session direct</p>\n"
          "<p class=\"soft\">2026-03-10 12:00 UTC</p>\n"
          "<p class=\"lead\">1 pending</p>\n"
          "<ul class=\"tiles\">\n"
          "<li><b class=\"good\">1</b> applied</li>\n"
          "<li><b class=\"next\">1</b> pending</li>\n"
          "</ul>\n"
          "<section class=\"card\">\n"
          "<h2>When, and how long each took</h2>\n"
          "<div class=\"plot\">\n"
          "<div class=\"up\"><span style=\"bottom:0%\">1 ms</span><span style=\"bottom:16%\">10 "
          "ms</span><span style=\"bottom:33%\">100 ms</span><span style=\"bottom:50%\">1 "
          "s</span><span style=\"bottom:66%\">10 s</span><span style=\"bottom:83%\">1 "
          "min</span><span style=\"bottom:100%\">10 min</span></div>\n"
          "<svg xmlns=\"http://www.w3.org/2000/svg\" height=\"220\" role=\"img\" "
          "aria-label=\"timeline\">\n"
          "<line x1=\"0\" x2=\"100%\" y1=\"100%\" y2=\"100%\" />\n"
          "<line x1=\"0\" x2=\"100%\" y1=\"84%\" y2=\"84%\" />\n"
          "<line x1=\"0\" x2=\"100%\" y1=\"67%\" y2=\"67%\" />\n"
          "<line x1=\"0\" x2=\"100%\" y1=\"50%\" y2=\"50%\" />\n"
          "<line x1=\"0\" x2=\"100%\" y1=\"34%\" y2=\"34%\" />\n"
          "<line x1=\"0\" x2=\"100%\" y1=\"17%\" y2=\"17%\" />\n"
          "<line x1=\"0\" x2=\"100%\" y1=\"0%\" y2=\"0%\" />\n"
          "<g class=\"good\"><title>&lt;script&gt;&amp;&quot;&#39;?[31m: applied 2026-03-09 23:46 "
          "UTC, &lt;1 ms</title><line x1=\"0.0%\" x2=\"0.0%\" y1=\"100%\" y2=\"100.0%\" /><circle "
          "cx=\"0.0%\" cy=\"100.0%\" r=\"5\" /></g>\n"
          "<g class=\"undone\"><title>2_orders: reverted 2026-04-18 23:46 UTC, 3 min 20 "
          "s</title><line x1=\"100.0%\" x2=\"100.0%\" y1=\"100%\" y2=\"12.4%\" /><circle "
          "cx=\"100.0%\" cy=\"12.4%\" r=\"5\" /></g>\n"
          "</svg>\n"
          "<div class=\"along\"><span>2026-03-09</span><span class=\"mid\">2026-03-23</span><span "
          "class=\"mid\">2026-04-05</span><span>2026-04-18</span></div>\n"
          "</div>\n"
          "<p class=\"soft\">The slowest: 2_orders, 3 min 20 s.</p>\n"
          "</section>\n"
          "<section class=\"card\">\n"
          "<table>\n"
          "<thead><tr><th>state</th><th>migration</th><th>applied (UTC)</th><th "
          "class=\"right\">took</th><th>run</th></tr></thead>\n"
          "<tbody>\n"
          "<tr><td class=\"tone good\">applied</td><td "
          "class=\"name\">&lt;script&gt;&amp;&quot;&#39;?[31m</td><td class=\"fixed\" "
          "data-label=\"applied (UTC)\">2026-03-09 23:46</td><td class=\"right\" "
          "data-label=\"took\">&lt;1 ms</td><td data-label=\"run\"><a "
          "rel=\"noreferrer\" href=\"https://ci.example.com/runs/7\">7</a></td></tr>\n"
          "</tbody>\n"
          "</table>\n"
          "<details>\n"
          "<summary>1 more applied earlier</summary>\n"
          "<table>\n"
          "<thead><tr><th>state</th><th>migration</th><th>applied (UTC)</th><th "
          "class=\"right\">took</th><th>run</th></tr></thead>\n"
          "<tbody>\n"
          "<tr><td class=\"tone next\">pending</td><td class=\"name\">2_orders</td><td "
          "data-label=\"applied (UTC)\"></td><td class=\"right\" data-label=\"took\"></td><td "
          "data-label=\"run\">javascript:alert(1)</td></tr>\n"
          "</tbody>\n"
          "</table>\n"
          "</details>\n"
          "</section>\n"
          "<p class=\"soft\">migrate " MG_VERSION "</p>\n"
          "</main>\n"
          "</body>\n"
          "</html>\n");
}

static void
test_report_html__bare(void **state)
{
    (void)state;
    MgError err;
    mg_fail(&err, MG_E_UNREACHABLE, "no answer from \"db\"");
    mg_error_detail(&err, "It is <away>.");
    const MgReport bare = { .title = "Migrations", .columns = columns, .n_columns = N_COLUMNS };
    check(&bare, (MgView){ .error = &err },
          "</style>\n"
          "</head>\n"
          "<body>\n"
          "<main>\n"
          "<h1>Migrations</h1>\n"
          "<p class=\"soft\">2026-03-10 12:00 UTC</p>\n"
          "<section class=\"card error\">\n"
          "<h2>no answer from &quot;db&quot; (unreachable)</h2>\n"
          "<p>It is &lt;away&gt;.</p>\n"
          "</section>\n"
          "<p class=\"soft\">migrate " MG_VERSION "</p>\n"
          "</main>\n"
          "</body>\n"
          "</html>\n");
}

/* Up to its moments. */
#define SHORT_TOP                                                                                  \
    "</style>\n"                                                                                   \
    "</head>\n"                                                                                    \
    "<body>\n"                                                                                     \
    "<main>\n"                                                                                     \
    "<h1>Log</h1>\n"                                                                               \
    "<p class=\"soft\">2026-03-10 12:00 UTC</p>\n"                                                 \
    "<section class=\"card\">\n"                                                                   \
    "<h2>When, and how long each took</h2>\n"                                                      \
    "<div class=\"plot\">\n"                                                                       \
    "<div class=\"up\"><span style=\"bottom:0%\">1 ms</span><span style=\"bottom:33%\">10 "        \
    "ms</span><span style=\"bottom:66%\">100 ms</span><span style=\"bottom:100%\">1 "              \
    "s</span></div>\n"                                                                             \
    "<svg xmlns=\"http://www.w3.org/2000/svg\" height=\"220\" role=\"img\" "                       \
    "aria-label=\"timeline\">\n"                                                                   \
    "<line x1=\"0\" x2=\"100%\" y1=\"100%\" y2=\"100%\" />\n"                                      \
    "<line x1=\"0\" x2=\"100%\" y1=\"67%\" y2=\"67%\" />\n"                                        \
    "<line x1=\"0\" x2=\"100%\" y1=\"34%\" y2=\"34%\" />\n"                                        \
    "<line x1=\"0\" x2=\"100%\" y1=\"0%\" y2=\"0%\" />\n"

/* One moment, and a few minutes, have an axis too. */
static void
test_report_html__short_times(void **state)
{
    (void)state;
    MgMoment near[] = { { 1000, 0, "1_a", "applied" }, { 61000, 2000, "2_b", "failed" } };
    MgReport report = { .title = "Log", .columns = columns, .n_columns = N_COLUMNS };
    report.moments.items = near;
    report.moments.n = 1;
    check(&report, (MgView){ .now_ms = 0 },
          SHORT_TOP
          "<g class=\"good\"><title>1_a: applied 1970-01-01 00:00 UTC</title><line x1=\"50.0%\" "
          "x2=\"50.0%\" y1=\"100%\" y2=\"100.0%\" /><circle cx=\"50.0%\" cy=\"100.0%\" r=\"5\" "
          "/></g>\n"
          "</svg>\n"
          "<div class=\"along\"></div>\n"
          "</div>\n"
          "</section>\n"
          "<p class=\"soft\">migrate " MG_VERSION "</p>\n"
          "</main>\n"
          "</body>\n"
          "</html>\n");
    report.moments.n = 2;
    check(
        &report, (MgView){ .now_ms = 0 },
        SHORT_TOP
        "<g class=\"good\"><title>1_a: applied 1970-01-01 00:00 UTC</title><line x1=\"0.0%\" "
        "x2=\"0.0%\" y1=\"100%\" y2=\"100.0%\" /><circle cx=\"0.0%\" cy=\"100.0%\" r=\"5\" /></g>\n"
        "<g class=\"bad\"><title>2_b: failed 1970-01-01 00:01 UTC, 2 ms</title><line x1=\"100.0%\" "
        "x2=\"100.0%\" y1=\"100%\" y2=\"96.3%\" /><circle cx=\"100.0%\" cy=\"96.3%\" r=\"5\" "
        "/></g>\n"
        "</svg>\n"
        "<div class=\"along\"><span>1970-01-01 00:00:01</span><span class=\"mid\">01-01 "
        "00:00:21</span><span class=\"mid\">01-01 00:00:41</span><span>1970-01-01 "
        "00:01:01</span></div>\n"
        "</div>\n"
        "<p class=\"soft\">The slowest: 2_b, 2 ms.</p>\n"
        "</section>\n"
        "<p class=\"soft\">migrate " MG_VERSION "</p>\n"
        "</main>\n"
        "</body>\n"
        "</html>\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_report_html__whole),
        cmocka_unit_test(test_report_html__bare),
        cmocka_unit_test(test_report_html__short_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
