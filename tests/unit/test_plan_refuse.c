/* What is refused before anything runs, and the texts in full. */
#include "plan_cases.h"

static void
test_refuse__refuses_empty(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "an untouched template", "1 2/e", "1", "up",
          "1 applied, 2 pending; refuse file: migration \"2_m\" has no statements yet" },
        { "late", "1/e 2", "2", "up late",
          "1 late, 2 applied; refuse file: migration \"1_m\" has no statements yet" },
        { "marked", "1/ek", "", "up",
          "1 pending; refuse file: migration \"1_m\" has no statements yet" },
        { "not when it is left out", "1 2/e", "", "up 1", "1 pending, 2 pending; up 1" },
        { "not when it is applied", "1/e 2", "1", "up", "1 applied, 2 pending; up 2" },
        { "not on purpose", "1/n", "", "up", "1 pending; up 1" },
        { "not a repeatable", "R__a/e", "", "up", "R__a pending; up R__a" },
        { "not its way back", "1/e", "1", "down", "1 applied; down 1 row 1" },
    };
    CHECK(cases, show);
}

static void
test_refuse__refuses_mixed(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "up", "1/m", "", "up",
          "1 pending; refuse mixed: CREATE INDEX CONCURRENTLY cannot run in one transaction with"
          " other statements" },
        { "not when it is left out", "1 2/m", "", "up 1", "1 pending, 2 pending; up 1" },
        { "not when it is applied", "1/m 2", "1", "up", "1 applied, 2 pending; up 2" },
        { "down", "1/d", "1", "down",
          "1 applied; refuse mixed: DROP INDEX CONCURRENTLY cannot run in one transaction with"
          " other statements" },
        { "alone it may", "1/x", "", "up",
          "1 pending; up 1 [no transaction: CREATE INDEX CONCURRENTLY]" },
        { "marked it may", "1/M-", "", "up",
          "1 pending (no-down); up 1 [no transaction: CREATE INDEX CONCURRENTLY, no down script]" },
    };
    CHECK(cases, show);
}

static void
test_refuse__refuses_tables_without_history(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "tables", "1", "", "up tables",
          "1 pending; refuse not-empty: the database has tables, but no history of migrations" },
        { "allowed", "1", "", "up tables allowed", "1 pending; up 1" },
        { "an empty database", "1", "", "up fresh", "1 pending; up 1" },
        { "nothing to do", "", "", "up tables", "" },
        { "an empty history", "1", "", "up", "1 pending; up 1" },
    };
    CHECK(cases, show);
}

static void
test_refuse__guards_what_is_in_use(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "not guarded", "1 2/q", "1", "up", "1 applied, 2 pending; up 2" },
        { "guarded", "1 2/q", "1", "up guarded",
          "1 applied, 2 pending; refuse destructive: migration \"2_m\" takes away what production"
          " may still use: DROP TABLE" },
        { "on purpose", "1 2/s", "1", "up guarded", "1 applied, 2 pending; up 2" },
        { "applied already", "1 2/q 3", "1 2", "up guarded",
          "1 applied, 2 applied, 3 pending; up 3" },
        { "beyond what is asked for", "1 2 3/q", "1", "up 1 guarded",
          "1 applied, 2 pending, 3 pending; up 2" },
        { "a repeatable", "1 R__v/q", "1", "up guarded",
          "1 applied, R__v pending; refuse destructive: migration \"R__v\" takes away what"
          " production may still use: DROP TABLE" },
        { "a new database", "1 2/q", "", "up fresh guarded", "1 pending, 2 pending; up 1; up 2" },
        { "a history without migrations", "1/q", "", "up guarded", "1 pending; up 1" },
        { "tables of others", "1/q", "", "up tables allowed guarded",
          "1 pending; refuse destructive: migration \"1_m\" takes away what production may still"
          " use: DROP TABLE" },
        { "recorded, not run", "1 2/q", "1", "baseline to:2 guarded",
          "1 applied, 2 pending; up 2 [recorded, not run]" },
        { "way back", "1 2/q", "1 2", "down guarded", "1 applied, 2 applied; down 2 row 2" },
    };
    CHECK(cases, show);
}

static const char *
show_refusal(const MgError *err, MgArena *arena)
{
    MG_CLEANUP(buf) MgBuf buf = { 0 };
    mg_buf_format(&buf, "%s (%s)\n", err->message, mg_error_slug(err->code));
    if (err->place[0] != '\0')
        mg_buf_format(&buf, "--> %s:%d\n", err->place, err->line);
    if (err->column != 0)
        mg_buf_format(&buf, "%d: %s\n", err->column, err->excerpt);
    if (err->detail[0] != '\0')
        mg_buf_format(&buf, "detail: %s\n", err->detail);
    for (size_t i = 0; i < MG_ERROR_MAX_HINTS && err->hint[i][0] != '\0'; i++)
        mg_buf_format(&buf, "hint: %s\n", err->hint[i]);
    mg_buf_format(&buf, "note: %s\n", err->note);
    return mg_arena_text(arena, mg_buf_text(&buf));
}

static void
test_refuse__explains_refusals(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "drift", "1/! 2", "1", "up",
          "migration \"1_m\" was edited after it was applied (drift)\n"
          "--> migrations/1_m.up.sql:0\n"
          "detail: It was applied on 2026-03-02 14:32 UTC as 1-up-dig; now it is 1!-up-di.\n"
          "hint: Undo the edit, and make it a new migration: migrate new NAME\n"
          "hint: If the database already agrees with the file: migrate repair 1 --accept-file\n"
          "note: nothing was applied; 1 migration is pending\n" },
        { "drift, commit known", "1/!", "1/c", "up",
          "migration \"1_m\" was edited after it was applied (drift)\n"
          "--> migrations/1_m.up.sql:0\n"
          "detail: It was applied on 2026-03-02 14:32 UTC as 1-up-dig, commit 9b1c7de; now it is"
          " 1!-up-di.\n"
          "hint: See the edit, undo it, and make it a new migration:\n"
          "git diff 9b1c7de -- migrations/1_m.up.sql\n"
          "hint: If the database already agrees with the file: migrate repair 1 --accept-file\n"
          "note: nothing was applied; no migration is pending\n" },
        { "drift, time unknown", "1/! 2 3", "1/z", "up",
          "migration \"1_m\" was edited after it was applied (drift)\n"
          "--> migrations/1_m.up.sql:0\n"
          "detail: It was applied as 1-up-dig; now it is 1!-up-di.\n"
          "hint: Undo the edit, and make it a new migration: migrate new NAME\n"
          "hint: If the database already agrees with the file: migrate repair 1 --accept-file\n"
          "note: nothing was applied; 2 migrations are pending\n" },
        { "late", "1 2 3", "1 3", "up",
          "migration \"2_m\" is older than the newest applied one (late)\n"
          "--> migrations/2_m.up.sql:0\n"
          "detail: The database is at 3_m since 2026-03-02 14:33 UTC.\n"
          "hint: Put it at the end: migrate renumber 2\n"
          "hint: If it does not depend on the order, apply it as it is: migrate up --late\n"
          "note: nothing was applied; 1 migration is pending\n" },
        { "late, time unknown", "2", "3/z", "up",
          "migration \"2_m\" is older than the newest applied one (late)\n"
          "--> migrations/2_m.up.sql:0\n"
          "detail: The database is at 3.\n"
          "hint: Put it at the end: migrate renumber 2\n"
          "hint: If it does not depend on the order, apply it as it is: migrate up --late\n"
          "note: nothing was applied; 1 migration is pending\n" },
        { "missing", "2", "1/c 2", "up strict",
          "applied migration \"1_m\" has no file (missing)\n"
          "detail: It was applied on 2026-03-02 14:32 UTC by app@desk.\n"
          "hint: Bring its file back; commit 9b1c7de applied it.\n"
          "hint: Leave out --strict to go on with a warning.\n"
          "note: nothing was applied; no migration is pending\n" },
        { "missing, author unknown", "2", "1/y 2", "up strict",
          "applied migration \"1\" has no file (missing)\n"
          "hint: Bring its file back.\n"
          "hint: Leave out --strict to go on with a warning.\n"
          "note: nothing was applied; no migration is pending\n" },
        { "ahead", "", "1/z", "up strict",
          "applied migration \"1\" is newer than every file (missing)\n"
          "hint: Bring its file back.\n"
          "hint: Leave out --strict to go on with a warning.\n"
          "note: nothing was applied; no migration is pending\n" },
        { "mixed", "1/m", "", "up",
          "CREATE INDEX CONCURRENTLY cannot run in one transaction with other statements"
          " (mixed)\n"
          "--> migrations/1_m.up.sql:7\n"
          "5:  7 | its line\n"
          "detail: The other statements of the file would commit without it.\n"
          "hint: Put the CREATE INDEX CONCURRENTLY into a migration of its own: migrate new NAME"
          " --no-transaction\n"
          "hint: To run the whole file without a transaction, add this line to it:\n"
          "-- migrate:no-transaction\n"
          "note: nothing was applied; 1 migration is pending\n" },
        { "mixed down", "1/d", "1", "down",
          "DROP INDEX CONCURRENTLY cannot run in one transaction with other statements"
          " (mixed)\n"
          "--> migrations/1_m.down.sql:3\n"
          "detail: The other statements of the file would commit without it.\n"
          "hint: Put the DROP INDEX CONCURRENTLY into a migration of its own: migrate new NAME"
          " --no-transaction\n"
          "hint: To run the whole file without a transaction, add this line to it:\n"
          "-- migrate:no-transaction\n"
          "note: nothing was reverted\n" },
        { "not empty", "1", "", "up tables",
          "the database has tables, but no history of migrations (not-empty)\n"
          "detail: They were made by hand or by another tool, and the migrations may clash with"
          " them.\n"
          "hint: If it has the migrations up to a version V already, record them: migrate baseline"
          " V\n"
          "hint: Is this the right database? If so, start a history in it: migrate up"
          " --allow-not-empty\n"
          "note: nothing was applied; 1 migration is pending\n" },
        { "partial without file", "", "1/p11", "up",
          "migration \"1_m\" stopped half-way, and its file is not here (partial)\n"
          "detail: Done: 1 of 3 statements.\n"
          "hint: Bring its file back.\n"
          "note: nothing was applied; 1 migration is pending\n" },
        { "partial and shortened", "1/x", "1/p22", "up",
          "half-run migration \"1_m\" lost statements that are done already (partial)\n"
          "--> migrations/1_m.up.sql:0\n"
          "detail: Done: 2 of 3 statements. The file now has 1.\n"
          "hint: Bring the statements that are done back into the file, and change only those"
          " behind them.\n"
          "note: nothing was applied; 1 migration is pending\n" },
        { "partial and unknown", "1 2/M", "1 2/p12", "up",
          "statement 2 of migration \"2_m\" was started and may have finished (partial)\n"
          "--> migrations/2_m.up.sql:0\n"
          "detail: The run was cut off before it could record the outcome. Recorded as done: 1"
          " of 3 statements.\n"
          "hint: Look in the database whether statement 2 took effect. If it did, record that, and"
          " run \"migrate up\" again:\n"
          "migrate repair 2 --statement 2 done\n"
          "hint: If it did not, undo what it left behind, record that, and run \"migrate up\""
          " again:\n"
          "migrate repair 2 --statement 2 again\n"
          "note: nothing was applied; 1 migration is pending\n" },
        { "down of a partial one", "1/M", "1/p11", "down",
          "migration \"1_m\" stopped half-way and cannot be reverted (partial)\n"
          "--> migrations/1_m.up.sql:0\n"
          "detail: Done: 1 of 3 statements.\n"
          "hint: Finish it first: migrate up\n"
          "note: nothing was reverted\n" },
        { "up over a half-reverted one", "1/l", "1/r11", "up",
          "the down script of migration \"1_m\" stopped half-way (partial)\n"
          "--> migrations/1_m.down.sql:0\n"
          "detail: Done: 1 of 3 statements of it.\n"
          "hint: Revert it to its end, then run again: migrate down\n"
          "note: nothing was applied; 1 migration is pending\n" },
        { "half-reverted and shortened", "1", "1/r22", "down",
          "half-run down script of migration \"1_m\" lost statements that are done already "
          "(partial)\n"
          "--> migrations/1_m.down.sql:0\n"
          "detail: Done: 2 of 3 statements. It now has 1.\n"
          "hint: Bring the statements that are done back into the file, and change only those "
          "behind them.\n"
          "note: nothing was reverted\n" },
        { "half-reverted and unknown", "1/l", "1/r12", "down",
          "statement 2 of the down script of migration \"1_m\" was started and may have finished "
          "(partial)\n"
          "--> migrations/1_m.down.sql:0\n"
          "detail: The run was cut off before it could record the outcome. Recorded as done: 1 of "
          "3 statements.\n"
          "hint: Look in the database whether statement 2 took effect. If it did, record that, and "
          "run \"migrate down\" again:\n"
          "migrate repair 1 --statement 2 done\n"
          "hint: If it did not, undo what it left behind, record that, and run \"migrate down\" "
          "again:\n"
          "migrate repair 1 --statement 2 again\n"
          "note: nothing was reverted\n" },
        { "unknown, near ones", "20260301 20260302 20260303 20260304", "", "up to:2026030",
          "no migration has version \"2026030\" (unknown-version)\n"
          "hint: Did you mean 20260301_m, 20260302_m or 20260303_m?\n"
          "hint: List all migrations: migrate status --all\n"
          "note: nothing was applied; 4 migrations are pending\n" },
        { "unknown, a name", "1_add_orders 2_add_totals R__orders", "", "up to:totals",
          "no migration has version \"totals\" (unknown-version)\n"
          "hint: Did you mean 2_add_totals?\n"
          "hint: List all migrations: migrate status --all\n"
          "note: nothing was applied; 3 migrations are pending\n" },
        { "unknown, a slip", "2_b 20260301_a 20260399_z", "", "up to:20260310",
          "no migration has version \"20260310\" (unknown-version)\n"
          "hint: Did you mean 20260301_a or 20260399_z?\n"
          "hint: List all migrations: migrate status --all\n"
          "note: nothing was applied; 3 migrations are pending\n" },
        { "unknown, nothing near", "1", "", "down to:777",
          "no migration has version \"777\" (unknown-version)\n"
          "hint: List all migrations: migrate status --all\n"
          "note: nothing was reverted\n" },
        { "not applied", "1", "", "down to:1",
          "migration \"1_m\" is not applied (unknown-version)\n"
          "--> migrations/1_m.up.sql:0\n"
          "hint: Name an applied one; list them: migrate status\n"
          "note: nothing was reverted\n" },
        { "baseline", "", "2/b", "down",
          "baseline \"2_m\" cannot be reverted (no-down)\n"
          "detail: It was recorded in the history and not run by migrate.\n"
          "hint: Revert only what was applied after it: migrate down --to 2\n"
          "note: nothing was reverted\n" },
        { "no down, two files", "1/-", "1/-", "down",
          "migration \"1_m\" has no down script (no-down)\n"
          "--> migrations/1_m.up.sql:0\n"
          "hint: Write one: migrations/1_m.down.sql\n"
          "hint: If reverting it needs no statement, let that script say \"-- migrate:down"
          " nothing\".\n"
          "note: nothing was reverted\n" },
        { "an empty down script", "1/E", "1/-", "down",
          "the down script of migration \"1_m\" has no statements (no-down)\n"
          "--> migrations/1_m.down.sql:0\n"
          "hint: Write SQL into it: migrations/1_m.down.sql\n"
          "hint: If reverting it needs no statement, let that script say \"-- migrate:down"
          " nothing\".\n"
          "note: nothing was reverted\n" },
        { "no statements yet", "1/e", "", "up",
          "migration \"1_m\" has no statements yet (file)\n"
          "--> migrations/1_m.up.sql:0\n"
          "hint: Write SQL into it: migrations/1_m.up.sql\n"
          "hint: If it is to do nothing, let it say \"-- migrate:up nothing\".\n"
          "note: nothing was applied; 1 migration is pending\n" },
        { "destructive", "1 2/q", "1", "up guarded",
          "migration \"2_m\" takes away what production may still use: DROP TABLE (destructive)\n"
          "--> migrations/2_m.up.sql:3\n"
          "2:  3 | its line\n"
          "hint: Take it away in a later deployment, when no code that runs uses it any more.\n"
          "hint: If that is so, let the file say it, with this line:\n"
          "-- migrate:destructive\n"
          "note: nothing was applied; 1 migration is pending\n" },
        { "more of them", "1 2/Q", "1", "up guarded",
          "migration \"2_m\" takes away what production may still use: DROP TABLE (destructive)\n"
          "--> migrations/2_m.up.sql:3\n"
          "2:  3 | its line\n"
          "detail: So do 2 more of its statements.\n"
          "hint: Take it away in a later deployment, when no code that runs uses it any more.\n"
          "hint: If that is so, let the file say it, with this line:\n"
          "-- migrate:destructive\n"
          "note: nothing was applied; 1 migration is pending\n" },
        { "no down, one file", "1/-1", "1/-", "down",
          "migration \"1_m\" has no down script (no-down)\n"
          "--> migrations/1_m.sql:0\n"
          "hint: Write one, below a line \"-- migrate:down\" in this file.\n"
          "hint: If reverting it needs no statement, let that script say \"-- migrate:down"
          " nothing\".\n"
          "note: nothing was reverted\n" },
        { "no down, no file", "", "1/c-", "down",
          "migration \"1_m\" has no down script (no-down)\n"
          "detail: It has no file here, and none was stored when it was applied.\n"
          "hint: Bring its file back; commit 9b1c7de applied it.\n"
          "note: nothing was reverted\n" },
        { "from history", "", "1/h", "down",
          "the down script of migration \"1_m\" is only in the history (from-history)\n"
          "detail: It was applied on 2026-03-02 14:32 UTC. This is the script that was stored"
          " then:\nDROP TABLE t;\n\n"
          "hint: Read it, then let it run: migrate down --from-history\n"
          "note: nothing was reverted\n" },
        { "altered", "", "1/H", "down named",
          "the stored down script of migration \"1_m\" was altered (history)\n"
          "detail: It does not fit the digest that was stored with it, so it is not run.\n"
          "hint: Bring its file back.\n"
          "hint: Find out who can write to app.\"Schema\".\n"
          "note: nothing was reverted\n" },
    };
    int n_wrong = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        MgPlan plan;
        build(&arena, &cases[i], &plan);
        assert_true(plan.n_refusals > 0);
        const char *got = show_refusal(&plan.refusals[0], &arena);
        if (strcmp(got, cases[i].expect) != 0) {
            print_error("%s\nwant\n%s\ngot\n%s\n", cases[i].name, cases[i].expect, got);
            n_wrong++;
        }
        mg_arena_release(&arena);
    }
    assert_int_equal(n_wrong, 0);
}

/* The scanner's own words stay; only the state of the database is added. */
static void
test_refuse__passes_on_unreadable_stored_script(void **state)
{
    (void)state;
    MgArena arena = { 0 };
    MgPlan plan;
    build(&arena, &(Case){ .files = "", .rows = "1/U", .wish = "down stored" }, &plan);
    assert_int_equal(plan.n_refusals, 1);
    assert_int_equal(plan.refusals[0].code, MG_E_FILE);
    assert_string_equal(plan.refusals[0].place, "history of 1_m");
    assert_string_equal(plan.refusals[0].note, "nothing was reverted");
    assert_int_equal(plan.n_steps, 0);
    mg_arena_release(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refuse__refuses_empty),
        cmocka_unit_test(test_refuse__refuses_mixed),
        cmocka_unit_test(test_refuse__refuses_tables_without_history),
        cmocka_unit_test(test_refuse__guards_what_is_in_use),
        cmocka_unit_test(test_refuse__explains_refusals),
        cmocka_unit_test(test_refuse__passes_on_unreadable_stored_script),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
