/* Which state files and rows make together. */
#include "plan_cases.h"

static void
test_match__finds_states(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "nothing at all", "", "", "up", "" },
        { "pending", "1 2", "1", "up", "1 applied, 2 pending; up 2" },
        { "by number", "009/=a 10/=b", "9/=a 010/=b", "up", "009 applied, 10 applied" },
        { "two rows of one version", "009", "9 009", "up",
          "009 applied, 9 missing; warning: 9_m is applied and has no file; it stays applied" },
        { "cosmetic edit", "1/~", "1", "up", "1 applied (cosmetic-edit)" },
        { "drift", "1/!", "1", "up",
          "1 drifted; refuse drift: migration \"1_m\" was edited after it was applied" },
        { "drift without token digest", "1/~", "1/t", "up",
          "1 drifted; refuse drift: migration \"1_m\" was edited after it was applied" },
        { "a row without digest never drifts", "1/!", "1/aN", "up", "1 applied" },
        { "an adopted row drifts", "1/!", "1/a", "up",
          "1 drifted; refuse drift: migration \"1_m\" was edited after it was applied" },
        { "no down", "1/- 2/-", "1/-", "up",
          "1 applied (no-down), 2 pending (no-down); up 2 [one transaction, no down script]" },
        { "down changed", "1/D", "1", "up", "1 applied (down-changed)" },
        { "down added", "1", "1/-", "up", "1 applied (down-changed)" },
        { "down taken away, still stored", "1/-", "1", "up", "1 applied (down-changed)" },
        { "no down of an adopted one", "1", "1/a-", "up", "1 applied" },
    };
    CHECK(cases, show);
}

static void
test_match__recognises_renamed_files(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "another name", "1_new", "1_old", "up", "1 applied (renamed)" },
        { "another version", "1 5/=B", "1 2/=B", "up", "1 applied, 5 applied (renamed)" },
        { "down to lower version", "1/=B 2", "2 3/=B", "up", "1 applied (renamed), 2 applied" },
        { "another digest is another migration", "1 5/=C", "1 2/=B", "up",
          "1 applied, 2 missing, 5 pending; up 5; warning: 2_m is applied and has no file; it"
          " stays applied" },
        { "one row for one of two files", "4/=B 5/=B", "2/=B", "up",
          "4 applied (renamed), 5 pending; up 5" },
        { "one file for one of two rows", "4/=B", "1/=B 2/=B", "up",
          "2 missing, 4 applied (renamed); warning: 2_m is applied and has no file; it stays"
          " applied" },
        { "two and two, in order", "4/=B 5/=B 6/=A", "1/=B 2/=A 3/=B", "up",
          "4 applied (renamed), 5 applied (renamed), 6 applied (renamed)" },
        { "a drifted one is not up for it", "1/=B 2", "1/=C 2", "up",
          "1 drifted (down-changed), 2 applied; refuse drift: migration \"1_m\" was edited after "
          "it was applied" },
        { "a half-run one is not", "5/=B", "2/=Bp11", "up",
          "2 partial, 5 pending; refuse partial: migration \"2_m\" stopped half-way, and its file"
          " is not here" },
        { "down of a renamed one", "5/=B", "2/=B", "down", "5 applied (renamed); down 5 row 1" },
    };
    CHECK(cases, show);
}

static void
test_match__knows_missing_and_ahead(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "missing", "1 3", "1 2 3", "up",
          "1 applied, 2 missing, 3 applied; warning: 2_m is applied and has no file; it stays"
          " applied" },
        { "ahead", "1", "1 2 3", "up",
          "1 applied, 2 ahead, 3 ahead; warning: 2_m, 3_m are applied and newer than every file;"
          " they stay applied" },
        { "no file at all", "", "1", "up",
          "1 ahead; warning: 1_m is applied and newer than every file; it stays applied" },
        { "many", "9", "1 2 3 4 5 9", "up",
          "1 missing, 2 missing, 3 missing, 4 missing, 5 missing, 9 applied; warning: 1_m, 2_m,"
          " 3_m and 2 more are applied and have no files; they stay applied" },
        { "one of each, strict", "2", "1 2 3", "up strict",
          "1 missing, 2 applied, 3 ahead; refuse missing: applied migration \"1_m\" has no file;"
          " refuse missing: applied migration \"3_m\" is newer than every file" },
        { "a repeatable is never ahead", "1", "1 R__view", "up",
          "1 applied, R__view missing; warning: R__view is applied and has no file; it stays"
          " applied" },
        { "ahead makes what is pending late", "1 2", "1 3", "up",
          "1 applied, 2 late, 3 ahead; refuse late: migration \"2_m\" is older than the newest"
          " applied one; warning: 3_m is applied and newer than every file; it stays applied" },
        { "strict is not for down", "1", "1 2", "down to:1 strict stored",
          "1 applied, 2 ahead; refuse no-down: migration \"2_m\" has no down script" },
    };
    CHECK(cases, show);
}

static void
test_match__describes_entries(void **state)
{
    (void)state;
    MgArena arena = { 0 };
    MgPlan plan;
    build(&arena, &(Case){ .files = "1 2/M- 3 R__v", .rows = "1/b 2/p21c R__v", .wish = "up" },
          &plan);
    assert_string_equal(plan.head, "1_m");
    assert_int_equal(plan.counts[MG_STATE_APPLIED], 2);
    assert_int_equal(plan.counts[MG_STATE_PARTIAL], 1);
    assert_int_equal(plan.counts[MG_STATE_PENDING], 1);
    assert_int_equal(plan.counts[MG_STATE_LATE], 0);

    assert_int_equal(plan.n_entries, 4);
    assert_int_equal(plan.entries[0].kind, MG_BASELINE);
    const MgEntry *partial = &plan.entries[1];
    assert_string_equal(partial->label, "2_m");
    assert_string_equal(partial->name, "m");
    assert_string_equal(partial->file, "migrations/2_m.up.sql");
    assert_string_equal(partial->applied_by, "app@desk");
    assert_string_equal(partial->commit, "9b1c7de");
    assert_int_equal(partial->n_statements, 3);
    assert_int_equal(partial->n_statements_done, 2);
    assert_int_equal(partial->applied_at_ms, INT64_C(1772461860000) + 120000);
    assert_int_equal(partial->duration_us, 41000);
    assert_true(partial->has_down); /* stored, though the file has none */

    const MgEntry *pending = &plan.entries[2];
    assert_int_equal(pending->applied_at_ms, 0);
    assert_int_equal(pending->n_statements, 1);
    assert_int_equal(pending->n_statements_done, 0);
    assert_null(pending->applied_by);
    assert_null(plan.entries[3].version);
    assert_string_equal(plan.entries[3].label, "R__v");
    mg_arena_release(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_match__finds_states),
        cmocka_unit_test(test_match__recognises_renamed_files),
        cmocka_unit_test(test_match__knows_missing_and_ahead),
        cmocka_unit_test(test_match__describes_entries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
