/*
 * Reports in all three formats, compared as whole texts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "report/report.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void
append(void *payload, const char *text, size_t size_bytes)
{
    mg_buf_add_n(payload, text, size_bytes);
}

typedef void Writer(const MgPlan *plan, const MgView *view, MgWrite write, void *payload);

static void
check(Writer *writer, const MgPlan *plan, MgView view, const char *expect)
{
    MG_CLEANUP(buf) MgBuf buf = { 0 };
    writer(plan, &view, append, &buf);
    assert_string_equal(mg_buf_text(&buf), expect);
}

static void
check_report(const MgReport *report, MgView view, const char *expect)
{
    MG_CLEANUP(buf) MgBuf buf = { 0 };
    mg_report_write(report, &view, append, &buf);
    assert_string_equal(mg_buf_text(&buf), expect);
}

/* ---- A plan with every state ---------------------------------------------- */

static const char *const no_down[] = { "no-down" };

/* 2026-03-01 09:12, 2026-03-02 14:31, 2026-03-05 08:20:11 */
#define FIRST INT64_C(1772356320000)
#define SECOND INT64_C(1772461860000)
#define THIRD INT64_C(1772698811000)

static MgEntry shop[] = {
    { .version = "20260301090000",
      .name = "create_customers",
      .label = "20260301090000_create_customers",
      .file = "migrations/20260301090000_create_customers.up.sql",
      .has_down = true,
      .n_statements = 1,
      .n_statements_done = 1,
      .applied_at_ms = FIRST,
      .duration_us = 35000,
      .applied_by = "vercel dpl_5Kd1vQ" },
    { .version = "20260302141500",
      .name = "create_orders",
      .label = "20260302141500_create_orders",
      .applied_at_ms = SECOND,
      .duration_us = 52000,
      .applied_by = "vercel dpl_5Mm7tR" },
    { .version = "20260305080000",
      .name = "order_status_enum",
      .label = "20260305080000_order_status_enum",
      .file = "migrations/20260305080000_order_status_enum.up.sql",
      .has_down = true,
      .n_statements = 1,
      .n_statements_done = 1,
      .applied_at_ms = THIRD,
      .duration_us = 9000,
      .applied_by = "vercel dpl_6Ab3xW",
      .commit = "9b1c7de" },
    { .version = "20260309101500",
      .name = "add_order_totals",
      .label = "20260309101500_add_order_totals",
      .state = MG_STATE_PENDING },
    { .version = "20260310083000",
      .name = "index_orders_customer",
      .label = "20260310083000_index_orders_customer",
      .state = MG_STATE_PENDING },
    { .version = "20260311120000",
      .name = "backfill_gross",
      .label = "20260311120000_backfill_gross",
      .file = "migrations/20260311120000_backfill_gross.up.sql",
      .state = MG_STATE_PENDING,
      .notes = no_down,
      .n_notes = 1 },
    { .name = "order_report",
      .label = "R__order_report",
      .kind = MG_REPEATABLE,
      .applied_at_ms = THIRD,
      .duration_us = 14000,
      .applied_by = "vercel dpl_6Ab3xW" },
};

static MgStep shop_steps[] = {
    { .entry = &shop[3], .n_statements = 2, .is_transactional = true, .how = "one transaction" },
    { .entry = &shop[4], .n_statements = 1, .how = "no transaction: CREATE INDEX CONCURRENTLY" },
    { .entry = &shop[5],
      .n_statements = 1,
      .is_transactional = true,
      .how = "one transaction, no down script" },
};

static MgPlan
shop_plan(void)
{
    MgPlan plan = {
        .target = { .database = "shop",
                    .host = "ep-cool-mud-a1b2c3d4.eu-central-1.aws.neon.tech",
                    .port = 5432,
                    .user = "app",
                    .from = "DATABASE_URL_UNPOOLED",
                    .verdict = MG_DIRECT,
                    .verdict_name = "direct",
                    .server_version = "17.5" },
        .head = shop[2].label,
        .entries = shop,
        .n_entries = COUNT(shop),
        .steps = shop_steps,
        .n_steps = COUNT(shop_steps),
    };
    plan.counts[MG_STATE_APPLIED] = 4;
    plan.counts[MG_STATE_PENDING] = 3;
    return plan;
}

static void
test_status__is_as_in_transcript(void **state)
{
    (void)state;
    MgPlan plan = shop_plan();
    check(mg_write_status, &plan, (MgView){ .format = MG_TABLE },
          "state    migration                             applied (UTC)       took  by\n"
          "applied  20260301090000_create_customers       2026-03-01 09:12   35 ms  vercel"
          " dpl_5Kd1vQ\n"
          "applied  20260302141500_create_orders          2026-03-02 14:31   52 ms  vercel"
          " dpl_5Mm7tR\n"
          "applied  20260305080000_order_status_enum      2026-03-05 08:20    9 ms  vercel"
          " dpl_6Ab3xW\n"
          "pending  20260309101500_add_order_totals\n"
          "pending  20260310083000_index_orders_customer\n"
          "pending  20260311120000_backfill_gross\n"
          "applied  R__order_report                       2026-03-05 08:20   14 ms  vercel"
          " dpl_6Ab3xW\n"
          "\n"
          "3 pending; \"migrate up\" applies them\n");
}

static void
test_plan__is_as_in_transcript(void **state)
{
    (void)state;
    MgPlan plan = shop_plan();
    check(mg_write_plan, &plan, (MgView){ .format = MG_TABLE },
          "step  migration                             statements  how\n"
          "   1  20260309101500_add_order_totals                2  one transaction\n"
          "   2  20260310083000_index_orders_customer           1  no transaction: CREATE INDEX"
          " CONCURRENTLY\n"
          "   3  20260311120000_backfill_gross                  1  one transaction, no down"
          " script\n"
          "\n"
          "\"migrate up\" would apply 3; nothing was changed\n");
}

static void
test_names__are_cut_on_narrow_terminals(void **state)
{
    (void)state;
    MgPlan plan = shop_plan();
    plan.entries = &shop[2];
    plan.n_entries = 1;
    plan.n_steps = 1;
    check(mg_write_status, &plan, (MgView){ .format = MG_TABLE, .width = 83 },
          "state    migration                      applied (UTC)       took  by\n"
          "applied  20260305080000_order_statu...  2026-03-05 08:20    9 ms  vercel dpl_6Ab3xW\n"
          "\n"
          "3 pending; \"migrate up\" applies them\n");
    check(mg_write_plan, &plan, (MgView){ .format = MG_TABLE, .width = 62 },
          "step  migration                    statements  how\n"
          "   1  20260309101500_add_order...           2  one transaction\n"
          "\n"
          "\"migrate up\" would apply 1; nothing was changed\n");
}

static void
test_status__is_json(void **state)
{
    (void)state;
    MgPlan plan = shop_plan();
    plan.entries = &shop[2];
    plan.n_entries = 1;
    check(mg_write_status, &plan, (MgView){ .format = MG_JSON, .now_ms = INT64_C(1773230621000) },
          "{\n"
          " \"schema\": \"migrate.status.v1\",\n"
          " \"tool\": \"" MG_VERSION "\",\n"
          " \"at\": \"2026-03-11T12:03:41Z\",\n"
          " \"error\": null,\n"
          " \"target\": {\n"
          "  \"database\": \"shop\",\n"
          "  \"host\": \"ep-cool-mud-a1b2c3d4.eu-central-1.aws.neon.tech\",\n"
          "  \"port\": 5432,\n"
          "  \"user\": \"app\",\n"
          "  \"from\": \"DATABASE_URL_UNPOOLED\"\n"
          " },\n"
          " \"session\": {\n"
          "  \"verdict\": \"direct\",\n"
          "  \"server_version\": \"17.5\"\n"
          " },\n"
          " \"environment\": null,\n"
          " \"head\": \"20260305080000\",\n"
          " \"as_of\": null,\n"
          " \"counts\": {\n"
          "  \"applied\": 4,\n"
          "  \"pending\": 3,\n"
          "  \"late\": 0,\n"
          "  \"drifted\": 0,\n"
          "  \"missing\": 0,\n"
          "  \"ahead\": 0,\n"
          "  \"partial\": 0,\n"
          "  \"changed\": 0\n"
          " },\n"
          " \"migrations\": [\n"
          "  {\n"
          "   \"version\": \"20260305080000\",\n"
          "   \"name\": \"order_status_enum\",\n"
          "   \"kind\": \"versioned\",\n"
          "   \"state\": \"applied\",\n"
          "   \"file\": \"migrations/20260305080000_order_status_enum.up.sql\",\n"
          "   \"has_down\": true,\n"
          "   \"applied_at\": \"2026-03-05T08:20:11Z\",\n"
          "   \"duration_ms\": 9,\n"
          "   \"applied_by\": \"vercel dpl_6Ab3xW\",\n"
          "   \"commit\": \"9b1c7de\",\n"
          "   \"statements_done\": 1,\n"
          "   \"statements\": 1,\n"
          "   \"notes\": []\n"
          "  }\n"
          " ]\n"
          "}\n");
}

static void
test_plan__is_json(void **state)
{
    (void)state;
    static const char *warnings[] = { "a warning" }, *notes[] = { "one", "two" };
    MgPlan plan = shop_plan();
    plan.head = NULL;
    plan.target = (MgTarget){ 0 };
    plan.steps = &shop_steps[2];
    plan.n_steps = 1;
    plan.warnings = warnings;
    plan.n_warnings = 1;
    plan.notes = notes;
    plan.n_notes = 2;
    check(mg_write_plan, &plan, (MgView){ .format = MG_JSON },
          "{\n"
          " \"schema\": \"migrate.plan.v1\",\n"
          " \"tool\": \"" MG_VERSION "\",\n"
          " \"at\": \"1970-01-01T00:00:00Z\",\n"
          " \"error\": null,\n"
          " \"target\": {\n"
          "  \"database\": null,\n"
          "  \"host\": null,\n"
          "  \"port\": 0,\n"
          "  \"user\": null,\n"
          "  \"from\": null\n"
          " },\n"
          " \"session\": null,\n"
          " \"environment\": null,\n"
          " \"head\": null,\n"
          " \"refusals\": [],\n"
          " \"warnings\": [\n"
          "  \"a warning\"\n"
          " ],\n"
          " \"notes\": [\n"
          "  \"one\",\n"
          "  \"two\"\n"
          " ],\n"
          " \"steps\": [\n"
          "  {\n"
          "   \"version\": \"20260311120000\",\n"
          "   \"label\": \"20260311120000_backfill_gross\",\n"
          "   \"direction\": \"up\",\n"
          "   \"statements\": 1,\n"
          "   \"transactional\": true,\n"
          "   \"how\": \"one transaction, no down script\",\n"
          "   \"file\": \"migrations/20260311120000_backfill_gross.up.sql\",\n"
          "   \"resume_at\": 0\n"
          "  }\n"
          " ]\n"
          "}\n");
}

static MgError
sample_error(void)
{
    MgError err;
    mg_fail(&err, MG_E_DRIFT, "migration \"1_a|b\" was edited");
    mg_error_at(&err, "migrations/1_a.up.sql", 4, 16);
    mg_error_detail(&err, "Two lines\nof it.");
    mg_error_hint(&err, "Undo it.");
    mg_error_note(&err, "nothing was applied");
    return err;
}

static void
test_status__shows_error_without_plan(void **state)
{
    (void)state;
    MgError err = sample_error();
    memcpy(err.sqlstate, "42703", sizeof err.sqlstate);
    check(mg_write_status, NULL, (MgView){ .format = MG_JSON, .error = &err },
          "{\n"
          " \"schema\": \"migrate.status.v1\",\n"
          " \"tool\": \"" MG_VERSION "\",\n"
          " \"at\": \"1970-01-01T00:00:00Z\",\n"
          " \"error\": {\n"
          "  \"code\": \"drift\",\n"
          "  \"message\": \"migration \\\"1_a|b\\\" was edited\",\n"
          "  \"sqlstate\": \"42703\",\n"
          "  \"place\": \"migrations/1_a.up.sql\",\n"
          "  \"line\": 4,\n"
          "  \"column\": 16,\n"
          "  \"excerpt\": null,\n"
          "  \"detail\": \"Two lines\\nof it.\",\n"
          "  \"hints\": [\n"
          "   \"Undo it.\"\n"
          "  ],\n"
          "  \"note\": \"nothing was applied\",\n"
          "  \"exit\": 6\n"
          " },\n"
          " \"target\": null,\n"
          " \"session\": null,\n"
          " \"environment\": null,\n"
          " \"head\": null,\n"
          " \"as_of\": null,\n"
          " \"counts\": null,\n"
          " \"migrations\": null\n"
          "}\n");
    check(mg_write_status, NULL, (MgView){ .format = MG_TABLE, .error = &err }, "");
    check(mg_write_status, NULL, (MgView){ .format = MG_MARKDOWN, .error = &err },
          "## Migrations\n\n**error**: migration \"1_a\\|b\" was edited (drift)\n"
          "at migrations/1_a.up.sql:4:16\n\n"
          "```\nTwo lines\nof it.\n```\n\n"
          "**hint**: Undo it.\n");
}

static void
test_plan__shows_refusals(void **state)
{
    (void)state;
    MgError refusal;
    mg_fail(&refusal, MG_E_NOT_EMPTY, "tables");
    MgPlan plan = shop_plan();
    plan.refusals = &refusal;
    plan.n_refusals = 1;
    check(mg_write_plan, &plan, (MgView){ .format = MG_TABLE },
          "refused (not-empty); nothing was changed\n");

    MG_CLEANUP(buf) MgBuf buf = { 0 };
    mg_write_plan(&plan, &(MgView){ .format = MG_JSON }, append, &buf);
    const char *refusals = strstr(mg_buf_text(&buf), " \"refusals\"");
    assert_non_null(refusals);
    assert_string_equal(refusals, " \"refusals\": [\n"
                                  "  {\n"
                                  "   \"code\": \"not-empty\",\n"
                                  "   \"message\": \"tables\",\n"
                                  "   \"sqlstate\": null,\n"
                                  "   \"place\": null,\n"
                                  "   \"line\": null,\n"
                                  "   \"column\": null,\n"
                                  "   \"excerpt\": null,\n"
                                  "   \"detail\": null,\n"
                                  "   \"hints\": [],\n"
                                  "   \"note\": null,\n"
                                  "   \"exit\": 6\n"
                                  "  }\n"
                                  " ],\n"
                                  " \"warnings\": [],\n"
                                  " \"notes\": [],\n"
                                  " \"steps\": []\n"
                                  "}\n");
    check(mg_write_plan, NULL, (MgView){ .format = MG_JSON },
          "{\n"
          " \"schema\": \"migrate.plan.v1\",\n"
          " \"tool\": \"" MG_VERSION "\",\n"
          " \"at\": \"1970-01-01T00:00:00Z\",\n"
          " \"error\": null,\n"
          " \"target\": null,\n"
          " \"session\": null,\n"
          " \"environment\": null,\n"
          " \"head\": null,\n"
          " \"refusals\": null,\n"
          " \"warnings\": null,\n"
          " \"notes\": null,\n"
          " \"steps\": null\n"
          "}\n");
}

static void
test_plan__ends_with_what_comes(void **state)
{
    (void)state;
    MgPlan plan = shop_plan();
    shop_steps[0].direction = MG_DOWN;
    plan.n_steps = 1;
    check(mg_write_plan, &plan, (MgView){ .format = MG_TABLE },
          "step  migration                        statements  how\n"
          "   1  20260309101500_add_order_totals           2  one transaction\n"
          "\n"
          "\"migrate down\" would revert 1; nothing was changed\n");
    MG_CLEANUP(buf) MgBuf buf = { 0 };
    mg_write_plan(&plan, &(MgView){ .format = MG_JSON }, append, &buf);
    assert_non_null(strstr(mg_buf_text(&buf), "\"direction\": \"down\""));
    shop_steps[0].direction = MG_UP;

    plan.n_steps = 0;
    check(mg_write_plan, &plan, (MgView){ .format = MG_TABLE },
          "nothing to do, now at 20260305080000_order_status_enum\n");
    plan.head = NULL;
    check(mg_write_plan, &plan, (MgView){ .format = MG_TABLE }, "nothing to do\n");
}

static void
test_status__ends_with_what_counts(void **state)
{
    (void)state;
    static const struct {
        int counts[MG_N_STATES];
        MgErrorCode refusal;
        const char *head, *expect;
    } cases[] = {
        { { 0 }, MG_OK, NULL, "nothing pending, nothing applied\n" },
        { { [MG_STATE_APPLIED] = 2 }, MG_OK, "2_b", "nothing pending, now at 2_b\n" },
        { { [MG_STATE_AHEAD] = 2 }, MG_OK, "2_b", "nothing pending, now at 2_b; 2 ahead\n" },
        { { [MG_STATE_PENDING] = 1 }, MG_OK, NULL, "1 pending; \"migrate up\" applies it\n" },
        { { [MG_STATE_PENDING] = 1, [MG_STATE_CHANGED] = 2, [MG_STATE_MISSING] = 3 },
          MG_OK,
          NULL,
          "1 pending, 2 changed; \"migrate up\" applies them; 3 missing\n" },
        { { [MG_STATE_DRIFTED] = 1 }, MG_E_DRIFT, "1_a", "1 drifted: \"migrate up\" refuses\n" },
        { { [MG_STATE_PENDING] = 3, [MG_STATE_DRIFTED] = 1, [MG_STATE_AHEAD] = 1 },
          MG_E_DRIFT,
          "1_a",
          "3 pending, 1 drifted: \"migrate up\" refuses; 1 ahead\n" },
        { { [MG_STATE_LATE] = 1 }, MG_E_LATE, "2_b", "1 late: \"migrate up\" refuses\n" },
        { { [MG_STATE_PARTIAL] = 1 }, MG_E_PARTIAL, NULL, "1 partial: \"migrate up\" refuses\n" },
        { { [MG_STATE_MISSING] = 1 }, MG_E_MISSING, "2_b", "\"migrate up\" refuses; 1 missing\n" },
        { { [MG_STATE_PENDING] = 2 },
          MG_E_NOT_EMPTY,
          NULL,
          "2 pending: \"migrate up\" refuses (not-empty)\n" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        MgError refusal = { .code = cases[i].refusal };
        MgPlan plan = { .head = cases[i].head,
                        .refusals = &refusal,
                        .n_refusals = cases[i].refusal != MG_OK };
        memcpy(plan.counts, cases[i].counts, sizeof plan.counts);
        check(mg_write_status, &plan, (MgView){ .format = MG_TABLE }, cases[i].expect);
    }
}

static void
test_status__shows_notes_when_there_are_any(void **state)
{
    (void)state;
    static const char *const notes[] = { "cosmetic-edit", "no-down", "down-changed" };
    static MgEntry entries[] = {
        { .version = "1", .label = "1_a", .notes = notes, .n_notes = 3 },
        { .version = "2",
          .label = "2_b",
          .kind = MG_ADOPTED,
          .state = MG_STATE_PARTIAL,
          .n_statements = 3,
          .n_statements_done = 2,
          .notes = &notes[2],
          .n_notes = 1 },
        { .version = "3", .label = "3_c", .kind = MG_BASELINE, .state = MG_STATE_DRIFTED },
    };
    MgPlan plan = { .entries = entries, .n_entries = COUNT(entries) };
    check(mg_write_status, &plan, (MgView){ .format = MG_TABLE },
          "state    migration  applied (UTC)    took  by  notes\n"
          "applied  1_a                                   cosmetic-edit, down-changed\n"
          "partial  2_b                                   stopped behind statement 2 of 3,"
          " down-changed\n"
          "drifted  3_c\n"
          "\n"
          "nothing pending, nothing applied\n");
    check(mg_write_status, &plan, (MgView){ .format = MG_MARKDOWN },
          "## Migrations\n"
          "\n"
          "| state | migration | applied (UTC) | took | by | notes |\n"
          "| --- | --- | --- | ---: | --- | --- |\n"
          "| applied | 1_a | | | | cosmetic-edit, down-changed |\n"
          "| partial | 2_b | | | | stopped behind statement 2 of 3, down-changed |\n"
          "| drifted | 3_c | | | | |\n"
          "\n"
          "nothing pending, nothing applied\n");
    entries[1].n_statements_done = 0;
    check(mg_write_status, &plan, (MgView){ .format = MG_TABLE, .is_question = true },
          "state    migration  applied (UTC)    took  by  notes\n"
          "applied  1_a                                   cosmetic-edit, down-changed\n"
          "partial  2_b                                   no statement finished yet,"
          " down-changed\n"
          "drifted  3_c\n");
    MG_CLEANUP(buf) MgBuf buf = { 0 };
    mg_write_status(&plan, &(MgView){ .format = MG_JSON }, append, &buf);
    assert_non_null(strstr(mg_buf_text(&buf), "\"kind\": \"adopted\""));
    assert_non_null(strstr(mg_buf_text(&buf), "\"kind\": \"baseline\""));
    assert_non_null(strstr(mg_buf_text(&buf), "\"duration_ms\": null"));
}

static void
test_plan__is_markdown(void **state)
{
    (void)state;
    MgPlan plan = shop_plan();
    check(mg_write_plan, &plan, (MgView){ .format = MG_MARKDOWN },
          "## Migration plan\n"
          "\n"
          "| step | migration | statements | how |\n"
          "| ---: | --- | ---: | --- |\n"
          "| 1 | 20260309101500_add_order_totals | 2 | one transaction |\n"
          "| 2 | 20260310083000_index_orders_customer | 1 | no transaction: CREATE INDEX"
          " CONCURRENTLY |\n"
          "| 3 | 20260311120000_backfill_gross | 1 | one transaction, no down script |\n"
          "\n"
          "\"migrate up\" would apply 3; nothing was changed\n");
}

/* ---- The model -------------------------------------------------------------- */

static const MgColumn pair_columns[] = {
    { .key = "a", .heading = "first", .is_cut = true },
    { .key = "b", .heading = "second", .is_right = true },
    { .key = "c" },
};

static MgReport
pair_report(MgCell *cells, size_t n_cells)
{
    MgReport report = { .schema = "s",
                        .title = "a|b",
                        .list_key = "rows",
                        .columns = pair_columns,
                        .n_columns = COUNT(pair_columns) };
    report.cells.items = cells;
    report.cells.n = n_cells;
    return report;
}

static void
test_report__escapes_markdown(void **state)
{
    (void)state;
    MgCell cells[] = { mg_cell_text("a|b `c` \\ *d* <e> [f]\r\ng"), mg_cell_int(-3),
                       mg_cell_bool(true) };
    MgReport report = pair_report(cells, COUNT(cells));
    check_report(&report, (MgView){ .format = MG_MARKDOWN },
                 "## a\\|b\n"
                 "\n"
                 "| first | second |\n"
                 "| --- | ---: |\n"
                 "| a\\|b \\`c\\` \\\\ \\*d\\* \\<e> \\[f]? g | -3 |\n");
}

static void
test_report__cuts_names_on_narrow_terminals(void **state)
{
    (void)state;
    MgCell cells[] = {
        mg_cell_text("20260310083000_index_orders_customer"),
        mg_cell_int(1),
        mg_cell_text("x"),
        /* Eight columns wide each, three bytes a character. */
        mg_cell_text("\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8_short"),
        mg_cell_int(22),
        mg_cell_text("x"),
        mg_cell_text("20260310083000_\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8"),
        mg_cell_int(3),
        mg_cell_text("x"),
    };
    MgReport report = pair_report(cells, COUNT(cells));
    static const char whole[] =
        "first                                 second\n"
        "20260310083000_index_orders_customer       1\n"
        "\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8_short                            22\n"
        "20260310083000_\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8"
        "                  3\n";
    check_report(&report, (MgView){ .width = 0 }, whole);
    check_report(&report, (MgView){ .width = 44 }, whole);
    check_report(&report, (MgView){ .width = 40 },
                 "first                             second\n"
                 "20260310083000_index_orders_c...       1\n"
                 "\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8_short"
                 "                        22\n"
                 "20260310083000_\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8"
                 "              3\n");
    MgReport narrow = pair_report(&cells[3], 3);
    check_report(&narrow, (MgView){ .width = 10 },
                 "first           second\n"
                 "\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8_short      22\n");
    /* No narrower than this, however narrow the terminal; a wide character is never split. */
    check_report(&report, (MgView){ .width = 10 },
                 "first                     second\n"
                 "20260310083000_index_...       1\n"
                 "\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8_short                22\n"
                 "20260310083000_\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8...       3\n");
}

static void
test_report__repairs_text_for_json(void **state)
{
    (void)state;
    MgCell cells[] = { mg_cell_text("a\xff\xc3z"), mg_cell_bool(false),
                       mg_cell_text("\t\"\xc3\xa9") };
    MgReport report = pair_report(cells, COUNT(cells));
    check_report(&report, (MgView){ .format = MG_JSON },
                 "{\n"
                 " \"schema\": \"s\",\n"
                 " \"tool\": \"" MG_VERSION "\",\n"
                 " \"at\": \"1970-01-01T00:00:00Z\",\n"
                 " \"error\": null,\n"
                 " \"rows\": [\n"
                 "  {\n"
                 "   \"a\": \"a??z\",\n"
                 "   \"b\": false,\n"
                 "   \"c\": \"\\t\\\"\xc3\xa9\"\n"
                 "  }\n"
                 " ]\n"
                 "}\n");
}

static void
test_report__shows_cells(void **state)
{
    (void)state;
    static const char *const texts[] = { "a", "b\x1b" };
    static const struct {
        MgCell cell;
        const char *expect;
    } cases[] = {
        { { .kind = MG_CELL_NULL }, "" },
        { { .kind = MG_CELL_TEXT, .text = "x" }, "x" },
        { { .kind = MG_CELL_TEXT, .text = "\x1b[31m\x7f\n \xc2\x9b\xc2\xa0\xc3\xa9 ~" },
          "?[31m?  ??\xc2\xa0\xc3\xa9 ~" },
        { { .kind = MG_CELL_TEXT, .text = "\xc2" }, "\xc2" },
        { { .kind = MG_CELL_INT, .number = INT64_MIN }, "-9223372036854775808" },
        { { .kind = MG_CELL_BOOL, .number = 1 }, "yes" },
        { { .kind = MG_CELL_BOOL }, "no" },
        { { .kind = MG_CELL_TIME, .number = SECOND }, "2026-03-02 14:31" },
        { { .kind = MG_CELL_DURATION, .number = 2400000 }, "2.4 s" },
        { { .kind = MG_CELL_LIST, .texts = texts, .n_texts = 2 }, "a, b?" },
        { { .kind = MG_CELL_ERRORS }, "" },
    };
    MgArena arena = { 0 };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(mg_cell_show(&cases[i].cell, &arena), cases[i].expect);
    mg_arena_release(&arena);
}

static void
test_state_name__is_one_word(void **state)
{
    (void)state;
    static const char *const words[] = { "applied", "pending", "late",    "drifted",
                                         "missing", "ahead",   "partial", "changed" };
    assert_int_equal(COUNT(words), MG_N_STATES);
    for (size_t i = 0; i < COUNT(words); i++)
        assert_string_equal(mg_state_name((MgState)i), words[i]);
}

static void
test_kind_name__is_as_in_history(void **state)
{
    (void)state;
    static const char *const words[] = { "versioned", "repeatable", "baseline", "adopted" };
    assert_int_equal(COUNT(words), MG_N_KINDS);
    for (size_t i = 0; i < COUNT(words); i++)
        assert_string_equal(mg_kind_name((MgKind)i), words[i]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status__is_as_in_transcript),
        cmocka_unit_test(test_plan__is_as_in_transcript),
        cmocka_unit_test(test_names__are_cut_on_narrow_terminals),
        cmocka_unit_test(test_status__is_json),
        cmocka_unit_test(test_plan__is_json),
        cmocka_unit_test(test_status__shows_error_without_plan),
        cmocka_unit_test(test_plan__shows_refusals),
        cmocka_unit_test(test_plan__ends_with_what_comes),
        cmocka_unit_test(test_status__ends_with_what_counts),
        cmocka_unit_test(test_status__shows_notes_when_there_are_any),
        cmocka_unit_test(test_plan__is_markdown),
        cmocka_unit_test(test_report__escapes_markdown),
        cmocka_unit_test(test_report__cuts_names_on_narrow_terminals),
        cmocka_unit_test(test_report__repairs_text_for_json),
        cmocka_unit_test(test_report__shows_cells),
        cmocka_unit_test(test_state_name__is_one_word),
        cmocka_unit_test(test_kind_name__is_as_in_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
