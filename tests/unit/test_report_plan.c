/* What "plan" writes, in all formats, as whole texts. */
#include "shop.h"

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
test_plan__cuts_names_on_narrow_terminals(void **state)
{
    (void)state;
    MgPlan plan = shop_plan();
    plan.n_steps = 1;
    check(mg_write_plan, &plan, (MgView){ .format = MG_TABLE, .width = 62 },
          "step  migration                    statements  how\n"
          "   1  20260309101500_add_order...           2  one transaction\n"
          "\n"
          "\"migrate up\" would apply 1; nothing was changed\n");
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan__is_as_in_transcript),
        cmocka_unit_test(test_plan__cuts_names_on_narrow_terminals),
        cmocka_unit_test(test_plan__is_json),
        cmocka_unit_test(test_plan__shows_refusals),
        cmocka_unit_test(test_plan__ends_with_what_comes),
        cmocka_unit_test(test_plan__is_markdown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
