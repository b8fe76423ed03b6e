/* What "status" writes, in all formats, as whole texts. */
#include "shop.h"

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
test_status__cuts_names_on_narrow_terminals(void **state)
{
    (void)state;
    MgPlan plan = shop_plan();
    plan.entries = &shop[2];
    plan.n_entries = 1;
    check(mg_write_status, &plan, (MgView){ .format = MG_TABLE, .width = 83 },
          "state    migration                      applied (UTC)       took  by\n"
          "applied  20260305080000_order_statu...  2026-03-05 08:20    9 ms  vercel dpl_6Ab3xW\n"
          "\n"
          "3 pending; \"migrate up\" applies them\n");
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
          "  \"changed\": 0,\n"
          "  \"stale\": 0\n"
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
        { { [MG_STATE_STALE] = 1 }, MG_OK, "1_a", "1 stale; \"migrate up\" applies it\n" },
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status__is_as_in_transcript),
        cmocka_unit_test(test_status__cuts_names_on_narrow_terminals),
        cmocka_unit_test(test_status__is_json),
        cmocka_unit_test(test_status__shows_error_without_plan),
        cmocka_unit_test(test_status__ends_with_what_counts),
        cmocka_unit_test(test_status__shows_notes_when_there_are_any),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
