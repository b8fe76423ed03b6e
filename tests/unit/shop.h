/* The plan of a shop with applied and pending migrations, and what status and plan write of it. */
#ifndef MG_TEST_SHOP_H
#define MG_TEST_SHOP_H

#include "written.h"

typedef void Writer(const MgPlan *plan, const MgView *view, MgWrite write, void *payload);

static void
check(Writer *writer, const MgPlan *plan, MgView view, const char *expect)
{
    MG_CLEANUP(buf) MgBuf buf = { 0 };
    writer(plan, &view, append, &buf);
    assert_string_equal(mg_buf_text(&buf), expect);
}

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

#endif
