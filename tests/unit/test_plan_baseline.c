/* What is recorded and not run, and what comes behind it. */
#include "plan_cases.h"

static void
test_baseline__starts_behind_baseline(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "files up to it", "1 2 3", "2_baseline/b", "up",
          "1 applied (baseline), 2 applied, 3 pending; up 3" },
        { "without a file of its own", "1 3", "2/b", "up",
          "1 applied (baseline), 2 applied, 3 pending; up 3" },
        { "the newest one counts", "1 2 3 4", "1/b 3/b", "up",
          "1 applied, 2 applied (baseline), 3 applied, 4 pending; up 4" },
        { "rows below it", "1/! 2", "1 2/b", "up",
          "1 drifted, 2 applied; refuse drift: migration \"1_m\" was edited after it was applied" },
        { "repeatables are not in it", "1 R__a", "1/b", "up", "1 applied, R__a pending; up R__a" },
        { "down to it", "1 2 3", "2/b 3", "down to:2",
          "1 applied (baseline), 2 applied, 3 applied; down 3 row 2" },
        { "down into it", "1 2 3", "2/b 3", "down to:1",
          "1 applied (baseline), 2 applied, 3 applied; refuse no-down: baseline \"2_m\" cannot be"
          " reverted" },
        { "down of it", "1 2 3", "2/b 3", "down 2",
          "1 applied (baseline), 2 applied, 3 applied; refuse no-down: baseline \"2_m\" cannot be"
          " reverted" },
        { "down of an adopted one", "1", "1/a", "down",
          "1 applied; refuse no-down: adopted migration \"1_m\" cannot be reverted" },
    };
    CHECK(cases, show);
}

/* One row a file: what comes late below a baseline is still seen. */
static void
test_baseline__records_baselines(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "up to V", "1 2 3", "", "baseline to:2",
          "1 pending, 2 pending, 3 pending; up 1 [recorded, not run]; up 2 [recorded, not run]" },
        { "what is there stays", "1 2 3", "1", "baseline to:3_m",
          "1 applied, 2 pending, 3 pending; up 2 [recorded, not run]; up 3 [recorded, not run]" },
        { "what was left out", "1 2 3", "1 3", "baseline to:3",
          "1 applied, 2 late, 3 applied; up 2 [recorded, not run]" },
        { "below what is applied", "1 2 3", "1 3", "baseline to:2",
          "1 applied, 2 late, 3 applied; refuse history-begun: migration \"3_m\" is applied "
          "already, and"
          " newer than \"2_m\"" },
        { "all there", "1 2", "1 2", "baseline to:2",
          "1 applied, 2 applied; note: everything up to 2_m is in the history already" },
        { "unknown", "1", "", "baseline to:7",
          "1 pending; refuse unknown-version: no migration has version \"7\"" },
        { "an empty database", "1", "", "baseline to:1 fresh",
          "1 pending; up 1 [recorded, not run]; warning: this database has no tables, and"
          " a baseline makes none: is it the right one?" },
        { "a database with tables", "1", "", "baseline to:1 tables",
          "1 pending; up 1 [recorded, not run]" },
        { "repeatables run later", "1 R__v", "", "baseline to:1",
          "1 pending, R__v pending; up 1 [recorded, not run]" },
        { "late below it afterwards", "1 2 3", "1/w 3/w", "up",
          "1 applied (baseline), 2 late, 3 applied (baseline); refuse late: migration \"2_m\" is "
          "older than the newest"
          " applied one" },
        { "edited afterwards", "1/! 2", "1/w 2/w", "up",
          "1 drifted (baseline), 2 applied (baseline); refuse drift: migration \"1_m\" was edited "
          "after it was applied" },
    };
    CHECK(cases, show);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_baseline__starts_behind_baseline),
        cmocka_unit_test(test_baseline__records_baselines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
