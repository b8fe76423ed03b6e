/* How far a command is, by what the server's progress views say (PostgreSQL 15). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pg/blockers.h"

static void
test_blockers__percent(void **state)
{
    (void)state;
    static const struct {
        const char *command, *phase;
        int64_t done, total;
        int percent;
    } cases[] = {
        { "CREATE INDEX", "initializing", 0, 0, -1 },
        { "CREATE INDEX", "building index: scanning table", 0, 100, 0 },
        { "CREATE INDEX", "building index: scanning table", 50, 100, 35 },
        { "CREATE INDEX", "building index: sorting live tuples", 0, 0, 70 },
        { "CREATE INDEX", "building index: loading tuples in tree", 100, 100, 99 },
        { "CREATE INDEX", "building index", 1, 2, 49 },
        { "CREATE INDEX CONCURRENTLY", "waiting for writers before build", 0, 3, 0 },
        { "CREATE INDEX CONCURRENTLY", "building index: scanning table", 100, 100, 40 },
        { "CREATE INDEX CONCURRENTLY", "index validation: scanning table", 50, 100, 84 },
        { "CREATE INDEX CONCURRENTLY", "waiting for old snapshots", 0, 1, 99 },
        { "REINDEX CONCURRENTLY", "index validation: sorting tuples", 0, 0, 70 },
        { "REINDEX", "building index: scanning table", 1, 2, 35 },
        { "VACUUM", "scanning heap", 7, 10, 49 },
        { "VACUUM FULL", "seq scanning heap", 1, 2, 30 },
        { "COPY", "", 1, 3, 33 },
        { "COPY", "", 5, 3, 99 }, /* the file grows while it is read */
        { "COPY", "", 5, 0, -1 }, /* from the client: nobody knows how much */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(
            mg_progress_percent(cases[i].command, cases[i].phase, cases[i].done, cases[i].total),
            cases[i].percent);
}

/* A watch without options never connects. */
static void
test_blockers__no_watch(void **state)
{
    (void)state;
    MgWatch watch = { .options = NULL };
    MgSight sight;
    assert_false(mg_watch_look(&watch, &sight));
    mg_watch_close(&watch);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blockers__percent),
        cmocka_unit_test(test_blockers__no_watch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
