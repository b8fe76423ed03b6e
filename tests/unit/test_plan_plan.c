/* Which steps follow from files, rows and a goal. */
#include "plan_cases.h"

static void
test_plan__refuses_late(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "late", "1 2 3", "1 3", "up",
          "1 applied, 2 late, 3 applied; refuse late: migration \"2_m\" is older than the newest"
          " applied one" },
        { "allowed", "1 2 3", "1 3", "up late", "1 applied, 2 late, 3 applied; up 2" },
        { "local", "1 2 3", "1 3", "up local",
          "1 applied, 2 late, 3 applied; up 2; note: 2_m is older than the newest applied one; a"
          " local database takes it late" },
        { "local and allowed", "1 2 3", "1 3", "up local late",
          "1 applied, 2 late, 3 applied; up 2" },
        { "below a drifted head", "1 2/!", "2", "up late",
          "1 late, 2 drifted; refuse drift: migration \"2_m\" was edited after it was applied" },
        { "not in the way of what is asked", "1 2 3 4 5", "1 4", "up 0 to:1",
          "1 applied, 2 late, 3 late, 4 applied, 5 pending; note: 1_m is applied already" },
        { "only those that are asked", "1 2 3 4 5", "1 4", "up to:2",
          "1 applied, 2 late, 3 late, 4 applied, 5 pending; refuse late: migration \"2_m\" is older"
          " than the newest applied one" },
        { "all of a state are told up to eight", "1 2 3 4 5 6 7 8 9 10 11", "11", "up",
          "1 late, 2 late, 3 late, 4 late, 5 late, 6 late, 7 late, 8 late, 9 late, 10 late,"
          " 11 applied"
          "; refuse late: migration \"1_m\" is older than the newest applied one"
          "; refuse late: migration \"2_m\" is older than the newest applied one"
          "; refuse late: migration \"3_m\" is older than the newest applied one"
          "; refuse late: migration \"4_m\" is older than the newest applied one"
          "; refuse late: migration \"5_m\" is older than the newest applied one"
          "; refuse late: migration \"6_m\" is older than the newest applied one"
          "; refuse late: migration \"7_m\" is older than the newest applied one"
          "; refuse late: migration \"8_m\" is older than the newest applied one"
          "; note: 2 more refusals are not shown" },
        { "the worst first", "1/! 2 3 4/m", "1 3", "up",
          "1 drifted, 2 late, 3 applied, 4 pending"
          "; refuse drift: migration \"1_m\" was edited after it was applied"
          "; refuse late: migration \"2_m\" is older than the newest applied one"
          "; refuse mixed: CREATE INDEX CONCURRENTLY cannot run in one transaction with"
          " other statements" },
    };
    CHECK(cases, show);
}

static void
test_plan__counts_and_stops(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "one", "1 2 3", "1", "up 1", "1 applied, 2 pending, 3 pending; up 2" },
        { "more than there are", "1 2 3", "1", "up 9",
          "1 applied, 2 pending, 3 pending; up 2; up 3" },
        { "to, inclusive", "1 2 3", "", "up to:2", "1 pending, 2 pending, 3 pending; up 1; up 2" },
        { "to and a count", "1 2 3", "", "up 1 to:2", "1 pending, 2 pending, 3 pending; up 1" },
        { "to an applied one", "1 2 3", "1 2", "up to:2",
          "1 applied, 2 applied, 3 pending; note: 2_m is applied already" },
        { "to an applied one refuses drift", "1/! 2", "1", "up to:1",
          "1 drifted, 2 pending; refuse drift: migration \"1_m\" was edited after it was applied;"
          " note: 1_m is applied already" },
        { "to an unknown one", "1 2 3", "1", "up to:7",
          "1 applied, 2 pending, 3 pending; refuse unknown-version: no migration has version"
          " \"7\"" },
    };
    CHECK(cases, show);
}

static void
test_plan__runs_repeatables(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "new", "1 R__a R__b", "1 R__a", "up", "1 applied, R__a applied, R__b pending; up R__b" },
        { "applied first", "1 R__a", "R__a 1", "up", "1 applied, R__a applied" },
        { "only they have files", "R__a", "1/b R__a", "up", "1 applied, R__a applied" },
        { "only they were applied", "1", "R__a", "up",
          "1 pending, R__a missing; up 1; warning: R__a is applied and has no file; it stays"
          " applied" },
        { "changed", "1 R__a/!", "1 R__a", "up", "1 applied, R__a changed; up R__a" },
        { "cosmetic edit", "R__a/~", "R__a", "up", "R__a applied (cosmetic-edit)" },
        { "changed without token digest", "R__a/~", "R__a/t", "up", "R__a changed; up R__a" },
        { "no down is nothing to tell", "R__a/-", "", "up", "R__a pending; up R__a" },
        { "behind the versioned ones", "1 2 R__a", "", "up",
          "1 pending, 2 pending, R__a pending; up 1; up 2; up R__a" },
        { "not before all of them", "1 2 R__a", "", "up 1",
          "1 pending, 2 pending, R__a pending; up 1" },
        { "nor at a stop", "1 2 R__a", "", "up to:1", "1 pending, 2 pending, R__a pending; up 1" },
        { "when the count suffices", "1 2 R__a", "1", "up 1",
          "1 applied, 2 pending, R__a pending; up 2; up R__a" },
        { "behind a revert", "1 2 R__a", "1 R__a/S", "up",
          "1 applied, 2 pending, R__a stale; up 2; up R__a"
          " [one transaction, a migration was reverted after it ran]" },
        { "not before all of them behind a revert", "1 2 R__a", "1 R__a/S", "up to:1",
          "1 applied, 2 pending, R__a stale; note: 1_m is applied already" },
        { "what was edited besides is changed", "R__a/!", "R__a/S", "up", "R__a changed; up R__a" },
        { "half-way: again from the start", "R__a/M", "R__a/p12", "up",
          "R__a partial; up R__a [no transaction: CREATE INDEX CONCURRENTLY]" },
    };
    CHECK(cases, show);
}

static void
test_plan__resumes_partial(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "behind the last finished one", "1 2/M", "1 2/p22", "up",
          "1 applied, 2 partial; up 2 row 2 at 2 of 3 [no transaction: CREATE INDEX CONCURRENTLY,"
          " from statement 3 on]" },
        { "before anything ran", "1/M", "1/p00", "up",
          "1 partial; up 1 row 1 [no transaction: CREATE INDEX CONCURRENTLY]" },
        { "first, whatever its version", "1 2/M", "2/p11", "up",
          "1 pending, 2 partial; up 2 row 1 at 1 of 3 [no transaction: CREATE INDEX CONCURRENTLY,"
          " from statement 2 on]; up 1" },
        { "it counts", "1 2/M", "2/p11", "up 1",
          "1 pending, 2 partial; up 2 row 1 at 1 of 3 [no transaction: CREATE INDEX CONCURRENTLY,"
          " from statement 2 on]" },
        { "not above the stop", "1 2/M", "2/p11", "up to:1", "1 pending, 2 partial; up 1" },
        { "to it", "1/M 2", "1/p11", "up to:1",
          "1 partial, 2 pending; up 1 row 1 at 1 of 3 [no transaction: CREATE INDEX CONCURRENTLY,"
          " from statement 2 on]" },
        { "it is no head", "1 2/M", "2/p11", "up 2",
          "1 pending, 2 partial; up 2 row 1 at 1 of 3 [no transaction: CREATE INDEX CONCURRENTLY,"
          " from statement 2 on]; up 1" },
        { "never in a transaction", "1/", "1/p00", "up", "1 partial; up 1 row 1 [no transaction]" },
        { "fate unknown", "1/M", "1/p12", "up",
          "1 partial; refuse partial: statement 2 of migration \"1_m\" was started and may have"
          " finished" },
        { "fate unknown of the last", "1/M", "1/p23", "up",
          "1 partial; refuse partial: statement 3 of migration \"1_m\" was started and may have"
          " finished" },
        { "started behind the last that was known", "1/M", "1/p34", "up",
          "1 partial; refuse partial: statement 4 of migration \"1_m\" was started and may have"
          " finished" },
        { "fate unknown without a label", "1", "1/p01", "up",
          "1 partial; refuse partial: statement 1 of migration \"1_m\" was started and may have"
          " finished" },
        { "fate of an index build", "1/x", "1/p01", "up",
          "1 partial; up 1 row 1 [no transaction: CREATE INDEX CONCURRENTLY]" },
        { "of several index builds", "1/X", "1/p12", "up",
          "1 partial; up 1 row 1 at 1 of 3 [no transaction: CREATE INDEX CONCURRENTLY, from"
          " statement 2 on]" },
        { "of a marked index build", "1/k", "1/p01", "up",
          "1 partial; up 1 row 1 [no transaction: CREATE INDEX CONCURRENTLY]" },
        { "of a VACUUM", "1/v", "1/p01", "up",
          "1 partial; refuse partial: statement 1 of migration \"1_m\" was started and may have"
          " finished" },
        { "of a mixed file", "1/m", "1/p01", "up",
          "1 partial; refuse partial: statement 1 of migration \"1_m\" was started and may have"
          " finished" },
        { "fewer statements than are done", "1/x", "1/p22", "up",
          "1 partial; refuse partial: half-run migration \"1_m\" lost statements that are done"
          " already" },
        { "what is done is as it was", "1/MF", "1/p11", "up",
          "1 partial; up 1 row 1 at 1 of 3 [no transaction: CREATE INDEX CONCURRENTLY, from"
          " statement 2 on]" },
        { "what is done was edited", "1/MG", "1/p11", "up",
          "1 partial; refuse partial: statements of \"1_m\" were edited after they had run" },
        { "nothing is done", "1/MG", "1/p00", "up",
          "1 partial; up 1 row 1 [no transaction: CREATE INDEX CONCURRENTLY]" },
        { "more is done than was looked at", "1/MG", "1/p22", "up",
          "1 partial; up 1 row 1 at 2 of 3 [no transaction: CREATE INDEX CONCURRENTLY, from"
          " statement 3 on]" },
        { "no file", "1", "1 2/p11", "up",
          "1 applied, 2 partial; refuse partial: migration \"2_m\" stopped half-way, and its file"
          " is not here" },
        { "down", "1/M", "1/p11", "down",
          "1 partial; refuse partial: migration \"1_m\" stopped half-way and cannot be reverted" },
    };
    CHECK(cases, show);
}

/* A down script that stopped half-way. */
static void
test_plan__resumes_down(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "in doubt", "1 2/l", "1 2/r12", "down",
          "1 applied, 2 partial (half-reverted); refuse partial: statement 2 of the down script of "
          "migration \"2_m\" was started and may have finished" },
        { "goes on where it stopped", "1 2/l", "1 2/r22", "down",
          "1 applied, 2 partial (half-reverted); down 2 row 2 at 2 of 3 [no transaction, from "
          "statement 3 on]" },
        { "what is done is as it was", "1 2/lF", "1 2/r11", "down",
          "1 applied, 2 partial (half-reverted); down 2 row 2 at 1 of 3 [no transaction, from "
          "statement 2 on]" },
        { "what is done was edited", "1 2/lG", "1 2/r11", "down",
          "1 applied, 2 partial (half-reverted); refuse partial: statements of \"2_m\" were edited"
          " after they had run" },
        { "an index may be dropped again", "1 2/i", "1 2/r12", "down",
          "1 applied, 2 partial (half-reverted); down 2 row 2 at 1 of 3 [no transaction, from "
          "statement 2 on]" },
        { "also when no longer marked", "1 2", "1 2/r11", "down",
          "1 applied, 2 partial (half-reverted); down 2 row 2 at 1 of 1 [no transaction, from "
          "statement 2 on]" },
        { "it comes before what is newer", "1 2/l 3", "1 2/r11 3", "down",
          "1 applied, 2 partial (half-reverted), 3 applied; down 2 row 2 at 1 of 3 [no "
          "transaction, from statement 2 on]" },
        { "and then the others", "1 2/l 3", "1 2/r11 3", "down 2",
          "1 applied, 2 partial (half-reverted), 3 applied; down 2 row 2 at 1 of 3 [no "
          "transaction, from statement 2 on]; down 3 row 3" },
        { "all of it is done", "1 2/l", "1 2/r33", "down",
          "1 applied, 2 partial (half-reverted); down 2 row 2 at 3 of 3 [no transaction, from "
          "statement 4 on]" },
        { "it is shorter", "1 2", "1 2/r22", "down",
          "1 applied, 2 partial (half-reverted); refuse partial: half-run down script of migration "
          "\"2_m\" lost statements that are done already" },
        { "the stored one", "1", "1 2/hr11", "down stored",
          "1 applied, 2 partial (half-reverted); down 2 row 2 at 1 of 1 stored [no transaction, "
          "from statement 2 on, stored down script]" },
        { "nothing goes up", "1 2/l 3", "1 2/r11", "up",
          "1 applied, 2 partial (half-reverted), 3 pending; refuse partial: the down script of "
          "migration \"2_m\" stopped half-way" },
        { "nor with its file gone", "1 3", "1 2/r11", "up",
          "1 applied, 2 partial (half-reverted), 3 pending; refuse partial: the down script of "
          "migration \"2_m\" stopped half-way" },
        { "redo", "1 2/l", "1 2/r11", "redo",
          "1 applied, 2 partial (half-reverted); down 2 row 2 at 1 of 3 [no transaction, from "
          "statement 2 on]; up 2" },
        { "below what is reverted", "1 2/l", "1 2/r11", "down to:2",
          "1 applied, 2 partial (half-reverted); refuse partial: the down script of migration "
          "\"2_m\" stopped half-way" },
    };
    CHECK(cases, show);
}

static void
test_plan__reverts(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "the newest", "1 2", "1 2", "down", "1 applied, 2 applied; down 2 row 2" },
        { "the newest application", "1 2 3", "1 3 2", "down 2",
          "1 applied, 2 applied, 3 applied; down 2 row 3; down 3 row 2" },
        { "more than there are", "1 2", "1 2", "down 9",
          "1 applied, 2 applied; down 2 row 2; down 1 row 1" },
        { "to, exclusive", "1 2 3", "1 2 3", "down to:1",
          "1 applied, 2 applied, 3 applied; down 3 row 3; down 2 row 2" },
        { "to the newest", "1 2", "1 2", "down to:2", "1 applied, 2 applied" },
        { "to nothing", "1 2", "1 2", "down to:0",
          "1 applied, 2 applied; down 2 row 2; down 1 row 1" },
        { "to a migration 0", "0 1", "0 1", "down to:0", "0 applied, 1 applied; down 1 row 2" },
        { "to an unknown one", "1", "1", "down to:5",
          "1 applied; refuse unknown-version: no migration has version \"5\"" },
        { "to a pending one", "1 2", "1", "down to:2",
          "1 applied, 2 pending; refuse unknown-version: migration \"2_m\" is not applied" },
        { "repeatables stay", "1 R__a", "1 R__a", "down", "1 applied, R__a applied; down 1 row 1" },
        { "nothing applied", "1", "", "down", "1 pending" },
        { "late ones do not matter", "1 2 3", "1 3", "down",
          "1 applied, 2 late, 3 applied; down 3 row 2" },
        { "an edited file", "1/!", "1", "down",
          "1 drifted; down 1 row 1; warning: 1_m was edited after it was applied; its down script"
          " is run as it is now" },
        { "an edited down script", "1/D", "1", "down",
          "1 applied (down-changed); down 1 row 1; note: the down script of 1_m changed since it"
          " was applied; the file's is used" },
        { "other notes are no matter", "1_new", "1_old", "down",
          "1 applied (renamed); down 1 row 1" },
        { "no down script", "1/-", "1/-", "down",
          "1 applied (no-down); refuse no-down: migration \"1_m\" has no down script" },
    };
    CHECK(cases, show);
}

static void
test_plan__reverts_from_history(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "needs consent", "", "1/h", "down",
          "1 ahead; refuse from-history: the down script of migration \"1_m\" is only in the"
          " history" },
        { "with consent", "", "1/h", "down stored",
          "1 ahead; down 1 row 1 stored [one transaction, stored down script]" },
        { "file without down", "1/-", "1/h", "down stored",
          "1 applied (down-changed); down 1 row 1 stored [one transaction, stored down script]" },
        { "the file wins", "1", "1/h", "down stored",
          "1 applied (down-changed); down 1 row 1; note: the down script of 1_m changed since it"
          " was applied; the file's is used" },
        { "altered", "", "1/H", "down stored",
          "1 ahead; refuse history: the stored down script of migration \"1_m\" was altered" },
        { "without digest", "", "1/h-", "down stored",
          "1 ahead; down 1 row 1 stored [one transaction, stored down script]" },
        { "no digest at all", "", "1/H-", "down stored",
          "1 ahead; refuse history: the stored down script of migration \"1_m\" was altered" },
        { "nothing stored", "", "1", "down stored",
          "1 ahead; refuse no-down: migration \"1_m\" has no down script" },
    };
    CHECK(cases, show);
}

/* Down and up of the newest application, whatever its version. */
static void
test_plan__redoes(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "the newest", "1 2 3", "1 2", "redo",
          "1 applied, 2 applied, 3 pending; down 2 row 2; up 2" },
        { "the newest by time, not by version", "1 2", "2 1", "redo",
          "1 applied, 2 applied; down 1 row 2; up 1" },
        { "after an edit", "1 2/!", "1 2", "redo",
          "1 applied, 2 drifted; down 2 row 2; up 2; warning: 2_m was edited after it was applied;"
          " its down script is run as it is now" },
        { "an edit of another one is not in the way", "1/! 2", "1 2", "redo",
          "1 drifted, 2 applied; down 2 row 2; up 2" },
        { "repeatables behind it, as they are now", "1 R__a R__b/! R__c", "1 R__a R__b", "redo",
          "1 applied, R__a applied, R__b changed, R__c pending; down 1 row 1; up 1; up R__a;"
          " up R__b" },
        { "repeatables wait for what is pending", "1 2 R__a", "1 R__a", "redo",
          "1 applied, 2 pending, R__a applied; down 1 row 1; up 1" },
        { "nothing applied", "1", "", "redo", "1 pending" },
        { "without down", "1/-", "1/-", "redo",
          "1 applied (no-down); refuse no-down: migration \"1_m\" has no down script" },
        { "without file", "1", "1 2/h", "redo stored",
          "1 applied, 2 ahead; refuse missing: migration \"2_m\" has no file to apply it again"
          " from" },
        { "half-run", "1 2/X", "1 2/p11", "redo",
          "1 applied, 2 partial; refuse partial: migration \"2_m\" stopped half-way and cannot be"
          " reverted" },
        { "a baseline", "1", "1/w", "redo",
          "1 applied (baseline); refuse no-down: baseline \"1_m\" cannot be reverted" },
        { "edited to be mixed", "1/!m", "1", "redo",
          "1 drifted; refuse mixed: CREATE INDEX CONCURRENTLY cannot run in one transaction with"
          " other statements; warning: 1_m was edited after it was applied; its down script is run"
          " as it is now" },
        { "edited to be empty", "1/!e", "1", "redo",
          "1 drifted; refuse file: migration \"1_m\" has no statements yet; warning: 1_m was edited"
          " after it was applied; its down script is run as it is now" },
    };
    CHECK(cases, show);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan__refuses_late),
        cmocka_unit_test(test_plan__counts_and_stops),
        cmocka_unit_test(test_plan__runs_repeatables),
        cmocka_unit_test(test_plan__resumes_partial),
        cmocka_unit_test(test_plan__resumes_down),
        cmocka_unit_test(test_plan__reverts),
        cmocka_unit_test(test_plan__reverts_from_history),
        cmocka_unit_test(test_plan__redoes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
