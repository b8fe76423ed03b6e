#!/usr/bin/env python3
"""Cases that went wrong once: half-run migrations, big statements, secrets, deadlines.  Speaks TAP.

usage: hard.py MIGRATE [NAME...]
"""
import subprocess
import sys

from house import Project, expect, expect_in, hold_table, is_asleep, locks, main, wait_for

ROWS = ("SELECT version || ':' || statements || '|' || statements_started || '|' || "
        "statements_done FROM migrate.history WHERE reverted_at IS NULL ORDER BY id")
LOOSE = "-- migrate:no-transaction\n"


def not_in(part, text):
    if part in text:
        raise AssertionError("\"{}\" is in:\n{}".format(part, text))


# ---- Half-run migrations ------------------------------------------------------------------------


def test_a_failure_touches_no_other_row(server):
    project = Project(server, {"0_t.up.sql": "CREATE TABLE a (id int);\nINSERT INTO a VALUES (1), (1);"})
    project.run("up")
    try:
        project.sql("CREATE UNIQUE INDEX CONCURRENTLY bad ON a (id)")
    except AssertionError:
        pass  # it leaves an invalid index
    project.write("1_a.up.sql", "CREATE TABLE c1 (id int);\nCREATE TABLE c2 (id int);")
    project.write("2_i.up.sql", "CREATE INDEX CONCURRENTLY good ON a (id);\n"
                                "CREATE UNIQUE INDEX CONCURRENTLY bad ON a (id);")
    run = project.run("up", exit=1)
    expect_in("error: index public.bad is invalid: an earlier build of it failed", run.err)
    expect(project.sql(ROWS), "0:2|2|2\n1:2|2|2\n2:2|1|1")
    # It is not ours: it is refused again, never dropped.
    expect_in("an earlier build of it failed", project.run("up", exit=1).err)
    project.sql("DROP INDEX bad; DELETE FROM a")
    project.run("up")
    expect(project.sql(ROWS), "0:2|2|2\n1:2|2|2\n2:2|2|2")


def test_a_failing_repeatable_behind_an_index_keeps_its_row(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);",
                               "R__v.sql": "CREATE OR REPLACE VIEW v AS SELECT 1 AS n;"})
    project.run("up")
    project.write("2_i.up.sql", "CREATE INDEX CONCURRENTLY i ON a (id);")
    project.write("R__v.sql", "CREATE OR REPLACE VIEW v AS SELECT 2 AS n;\nSELECT 1/0;")
    project.run("up", exit=1)
    expect(project.sql("SELECT statements, statements_done FROM migrate.history WHERE name = 'v'"),
           "1|1")
    project.write("R__v.sql", "CREATE OR REPLACE VIEW v AS SELECT 3 AS n;")
    project.run("up")
    expect(project.sql("SELECT n FROM v"), "3")


def test_a_mended_file_may_grow_and_fail_again(server):
    project = Project(server, {"1_a.up.sql": LOOSE + "CREATE TABLE a (id int);\nSELECT 1/0;\n"})
    project.run("up", exit=1)
    project.write("1_a.up.sql", LOOSE + "CREATE TABLE a (id int);\nSELECT 1;\nSELECT 2/0;\n")
    expect_in("statement 3 of 3", project.run("up", exit=1).err)
    project.write("1_a.up.sql", LOOSE + "CREATE TABLE a (id int);\nSELECT 1;\n"
                                        "INSERT INTO a VALUES (3);\n")
    project.run("up")
    expect(project.sql(ROWS), "1:3|3|3")
    expect(project.sql("SELECT id FROM a"), "3")
    expect_in("nothing to do", project.run("up").out)


def test_what_is_done_may_not_be_edited(server):
    project = Project(server, {"1_a.up.sql": LOOSE + "CREATE TABLE a (id int);\nSELECT 1/0;\n"})
    project.run("up", exit=1)
    project.write("1_a.up.sql", LOOSE + "CREATE TABLE b (id int);\nSELECT 1;\n")
    error = "error: statements of \"1_a\" were edited after they had run (partial)"
    run = project.run("up", exit=6)
    expect_in(error, run.err)
    expect_in("note: nothing was applied; 1 migration is pending", run.err)
    # What asks whether it may run says the same.
    expect_in(error, project.run("plan", exit=6).err)
    expect_in("1 partial: \"migrate up\" refuses\n", project.run("status", "--exit-code", exit=6).out)
    expect_in("cannot run here (partial)", project.run("doctor", exit=6).out)
    project.write("1_a.up.sql", LOOSE + "CREATE TABLE a (id int); -- as it was\nSELECT 1;\n")
    expect_in("from statement 2 on", project.run("plan").out)
    project.run("up")


def test_a_resume_sets_again_what_was_set(server):
    text = LOOSE + "SET search_path = app;\nINSERT INTO t VALUES ({});\n"
    project = Project(server, {"0_s.up.sql": "CREATE SCHEMA app;\nCREATE TABLE app.t (id int);\n"
                                             "CREATE TABLE public.t (id int);",
                               "1_a.up.sql": text.format("1/0")})
    project.run("up", exit=1)
    project.write("1_a.up.sql", text.format("1"))
    project.run("up")
    expect(project.sql("SELECT (SELECT count(*) FROM app.t), (SELECT count(*) FROM public.t)"),
           "1|0")


def test_transactions_of_a_marked_file_stay_whole(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (n int);",
                               "2_b.up.sql": LOOSE + "BEGIN ISOLATION LEVEL SERIALIZABLE;\n"
                               "INSERT INTO a VALUES (1);\nINSERT INTO a VALUES (1/0);\nCOMMIT;\n"})
    expect_in("migrations/2_b.up.sql:4", project.run("up", exit=1).err)
    expect(project.sql("SELECT count(*) FROM a"), "0")
    project.write("2_b.up.sql", LOOSE + "BEGIN;\nINSERT INTO a VALUES (1);\nROLLBACK;\n"
                  "INSERT INTO a VALUES (2);\nVACUUM a;\n"
                  "BEGIN READ WRITE;\nINSERT INTO a VALUES (3);\nCOPY a FROM stdin;\n4\n\\.\nCOMMIT;\n")
    project.run("up")
    expect(project.sql("SELECT array_agg(n ORDER BY n) FROM a"), "{2,3,4}")
    expect(project.sql("SELECT statements = statements_done FROM migrate.history "
                       "WHERE version = '2'"), "t")


def test_a_transaction_without_its_end_is_refused(server):
    project = Project(server, {"1_a.up.sql": LOOSE + "BEGIN;\nCREATE TABLE a (n int);\n"})
    run = project.run("up", exit=2)
    expect_in("(file)", run.err)
    expect(project.sql("SELECT to_regclass('a') IS NULL"), "t")


def test_marks_do_not_depend_on_role_or_prepared_statements(server):
    project = Project(server, {"1_a.up.sql": LOOSE + "SET ROLE hard_app;\nSELECT 1;\nRESET ROLE;\n",
                               "2_b.up.sql": LOOSE + "CREATE TABLE x (id int);\nDEALLOCATE ALL;\n"
                                                     "CREATE TABLE y (id int);\n"})
    project.sql("CREATE ROLE hard_app")
    project.run("up")
    expect(project.applied(), ["1", "2"])
    project.sql("DROP ROLE hard_app")


def test_discard_all_is_refused_before_it_runs(server):
    project = Project(server, {"1_a.up.sql": LOOSE + "CREATE TABLE a (id int);\nDISCARD ALL;\n"})
    expect_in("DISCARD ALL would release the lock of this run (file)",
              project.run("up", exit=2).err)
    project.write("1_a.up.sql", LOOSE + "CREATE TABLE a (id int);\nSELECT 1;\n")
    project.run("up")


def test_a_procedure_may_commit_in_a_marked_file(server):
    project = Project(server, {
        "1_p.up.sql": "CREATE TABLE a (n int);\nCREATE PROCEDURE fill() LANGUAGE plpgsql AS $$ BEGIN"
                      " FOR i IN 1..3 LOOP INSERT INTO a VALUES (i); COMMIT; END LOOP; END $$;",
        "2_c.up.sql": LOOSE + "CALL fill();\nDO $$ BEGIN INSERT INTO a VALUES (4); COMMIT; END $$;"})
    project.run("up")
    expect(project.sql("SELECT count(*) FROM a"), "4")


def test_time_limits_of_statements_outside(server):
    project = Project(server, {
        "1_a.up.sql": "CREATE TABLE a (id int);",
        "2_i.up.sql": LOOSE + "SET lock_timeout = '7s';\nCREATE INDEX CONCURRENTLY i ON a (id);\n"
                      "CREATE TABLE seen AS SELECT current_setting('lock_timeout') AS lock_timeout;",
        "3_s.up.sql": LOOSE + "-- migrate:statement-timeout 200ms\nCALL slow();"})
    project.sql("CREATE PROCEDURE slow() LANGUAGE sql AS 'SELECT pg_sleep(3)'")
    run = project.run("up", "--allow-not-empty", exit=1)
    expect(project.sql("SELECT lock_timeout FROM seen"), "7s")
    expect_in("canceling statement due to statement timeout", run.err)


def test_a_name_of_more_than_63_bytes(server):
    name = "a" * 70
    project = Project(server, {
        "1_a.up.sql": "CREATE TABLE a (id int);\nINSERT INTO a VALUES (1), (1);",
        "2_i.up.sql": "CREATE UNIQUE INDEX CONCURRENTLY {} ON a (id);".format(name)})
    project.run("up", exit=1)
    project.sql("DELETE FROM a")
    expect_in("is built again", project.run("up").err)


def test_down_outside_a_transaction_tells_the_truth(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (n int);\nINSERT INTO a VALUES (10);",
                               "1_a.down.sql": LOOSE + "UPDATE a SET n = n - 1;\nSELECT 1/0;\n"})
    project.run("up")
    run = project.run("down", "--yes", exit=1)
    expect_in("note: the down script of 1_a stopped at its statement 2 of 2; correct it, and run again "
              "to go on there\n", run.err.replace("\n      ", " "))


def test_a_resume_replays_groups_as_they_were(server):
    text = (LOOSE + "CREATE SCHEMA x;\nCREATE TABLE x.t (i int);\nCREATE TABLE public.t (i int);\n"
            "SET search_path = x;\nBEGIN;\nSET LOCAL search_path = pg_temp;\nSELECT 1;\nCOMMIT;\n"
            "BEGIN;\nSET search_path = public;\nROLLBACK;\n{};\nINSERT INTO t VALUES (1);\n"
            "CREATE TABLE u (i int);")
    project = Project(server, {"1_a.up.sql": text.format("SELECT 1/0")})
    project.run("up", exit=1)
    project.write("1_a.up.sql", text.format("SELECT 1"))
    project.run("up")
    expect(project.sql("SELECT (SELECT count(*) FROM x.t), (SELECT count(*) FROM public.t), "
                       "to_regclass('x.u') IS NOT NULL"), "1|0|t")


def test_an_index_of_somebody_else_is_not_taken_for_ours(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int, b int);\n"
                                             "CREATE INDEX i ON a (b);",
                               "2_i.up.sql": "CREATE UNIQUE INDEX CONCURRENTLY i ON a (id);"})
    for _ in range(2):
        expect_in("relation \"i\" already exists", project.run("up", exit=1).err)
    project.sql("DROP INDEX i")
    project.run("up")
    expect(project.sql("SELECT indisunique AND indisvalid FROM pg_index "
                       "WHERE indexrelid = 'i'::regclass"), "t")


def test_the_hint_for_an_unknown_fate_works(server):
    project = Project(server, {"1_a.up.sql": LOOSE + "CREATE TABLE a (id int);\n"
                               "DO $$ BEGIN PERFORM pg_sleep(2); END $$;\nINSERT INTO a VALUES (1);"})
    run = project.start("up")
    wait_for(lambda: project.sql("SELECT to_regclass('migrate.history') IS NOT NULL") == "t" and
             project.sql("SELECT count(*) FROM migrate.history WHERE statements_started = 2") == "1")
    run.kill()
    run.wait()
    wait_for(lambda: locks(project) == "0")
    run = project.run("up", exit=6)
    hints = [line.strip() for line in run.err.splitlines()
             if line.strip().startswith("migrate repair")]
    expect(hints, ["migrate repair 1 --statement 2 done", "migrate repair 1 --statement 2 again"])
    project.run(*hints[0].split()[1:])
    project.run("up")
    expect(project.sql("SELECT id FROM a"), "1")


def test_two_half_run_migrations_do_not_mix(server):
    project = Project(server, {"1_a.up.sql": LOOSE + "CREATE TABLE a (id int);\nSELECT 1/0;",
                               "2_b.up.sql": LOOSE + "SELECT 1;\nVACUUM a;"})
    project.run("up", exit=1)
    project.write("1_a.up.sql", LOOSE + "CREATE TABLE a (id int);\nSELECT 1;")
    project.run("up")
    expect(project.sql(ROWS), "1:2|2|2\n2:2|2|2")


def test_what_was_answered_is_marked_at_once(server):
    project = Project(server, {"1_a.up.sql": LOOSE + "CREATE TABLE a (id int);\nVACUUM a;\n"
                                             "SELECT pg_sleep(2);\nINSERT INTO a VALUES (1);"})
    run = project.start("up")
    wait_for(lambda: project.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
                                 " AND datname = current_database()") == "1")
    run.kill()
    run.wait()
    project.run("up")
    expect(project.sql("SELECT id FROM a"), "1")


def test_what_fails_at_its_own_commit_is_not_done(server):
    """A deferred constraint is looked at when a statement outside a transaction has succeeded."""
    project = Project(server, {"1_a.up.sql": LOOSE + """CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE c (p int REFERENCES p DEFERRABLE INITIALLY DEFERRED);
DO $$ BEGIN INSERT INTO c VALUES (1); END $$;
"""})
    failed = project.run("up", exit=1)
    expect_in("(23503)", failed.err)
    expect_in("1_a stopped at its statement 3 of 3", failed.err)
    expect(project.sql("SELECT statements_started, statements_done FROM migrate.history"), "2|2")
    project.sql("INSERT INTO p VALUES (1)")
    project.run("up")
    expect(project.sql("SELECT count(*) FROM c"), "1")


def test_copy_is_tried_again_behind_a_lock(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);"})
    project.run("up")
    holder = hold_table(project, "a", 3)
    project.write("2_c.up.sql", "COPY a FROM stdin;\n1\n\\.\n")
    project.run("up")
    holder.wait(10)
    expect(project.sql("SELECT id FROM a"), "1")


def test_time_limits_after_a_repaired_index(server):
    project = Project(server, {
        "1_a.up.sql": "CREATE TABLE a (id int);\nINSERT INTO a VALUES (1), (1);\n"
                      "CREATE TABLE seen (lock_timeout text);",
        "2_i.up.sql": LOOSE + "CREATE UNIQUE INDEX CONCURRENTLY i ON a (id);\n"
                      "INSERT INTO seen SELECT current_setting('lock_timeout');"})
    project.run("up", exit=1)
    project.sql("DELETE FROM a")
    project.run("up")
    expect(project.sql("SELECT lock_timeout FROM seen"), "1s")


def test_a_servers_08_in_a_statement_is_no_lost_connection(server):
    project = Project(server, {"1_a.up.sql": LOOSE + "CREATE TABLE s (i int);\nCREATE SUBSCRIPTION s "
                               "CONNECTION 'host=127.0.0.1 port=1' PUBLICATION p;"})
    run = project.run("up", exit=1)
    expect_in("migrations/1_a.up.sql:3", run.err)


def test_session_authorization_in_a_marked_file(server):
    project = Project(server, {"1_a.up.sql": LOOSE + "CREATE SCHEMA low AUTHORIZATION hard_low;\n"
                               "SET SESSION AUTHORIZATION hard_low;\nCREATE TABLE low.t (i int);\n"
                               "RESET SESSION AUTHORIZATION;"})
    project.sql("CREATE ROLE hard_low")
    project.run("up")
    expect(project.sql("SELECT tableowner FROM pg_tables WHERE tablename = 't'"), "hard_low")
    project.sql("DROP OWNED BY hard_low; DROP ROLE hard_low")


# ---- Big, slow, late ------------------------------------------------------------------------------


def test_statements_larger_than_the_window(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (t text);\n" + "".join(
        "INSERT INTO a VALUES ('{}');\n".format("x" * 3000000) for _ in range(5))})
    project.run("up")
    expect(project.sql("SELECT sum(length(t)) FROM a"), "15000000")


def test_an_error_far_inside_a_big_statement(server):
    project = Project(server, {"1_a.up.sql": "SELECT '{}',\n  nonsense;\n".format("é" * 1000000)})
    expect_in("--> migrations/1_a.up.sql:2:3\n", project.run("up", exit=1).err)
    project.write("1_a.up.sql", "SELECT 1,\n  '{}'\n\n  FROM".format("x" * 1500000))
    expect_in("syntax error at end of input", project.run("up", exit=1).err)


def test_copy_to_the_client_is_an_error(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);\nCOPY a TO STDOUT;\n"})
    run = project.run("up", exit=1)
    expect_in("COPY to or from the client is not possible here", run.err)
    expect_in("migrations/1_a.up.sql:2", run.err)


def test_no_step_starts_behind_the_deadline(server):
    project = Project(server, {"{}_m.up.sql".format(i): "SELECT pg_sleep(1);" for i in range(1, 5)})
    run = project.run("up", "--deadline", "1500ms", exit=8)
    expect(project.applied(), ["1", "2"])
    expect_in("(deadline)", run.err)
    expect_in("3_m was not started", run.err)
    project.run("up")


def test_a_parameter_in_a_statement_has_its_place(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);\nSELECT $1;\n"})
    run = project.run("up", exit=1)
    expect_in("migrations/1_a.up.sql:2", run.err)
    not_in("connection-lost", run.err)


def test_an_interrupted_run_says_what_stays(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);",
                               "2_b.up.sql": "SELECT pg_sleep(20);"})
    run = project.start("up")
    expect_in("applied  1_a", run.stdout.readline())
    run.terminate()
    _, err = run.communicate(timeout=10)
    expect(run.returncode, 143)
    expect_in("note: 2_b was rolled back; the one before it stays applied", err)


# ---- The history's creation ----------------------------------------------------------------------------


def test_creating_the_history_is_tried_again(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);"})
    holder = subprocess.Popen(["psql", "-Xq", "-d", server.url_of(project.database), "-c",
                               "BEGIN; CREATE SCHEMA migrate; SELECT pg_sleep(2); ROLLBACK"],
                              stdout=subprocess.DEVNULL)
    wait_for(lambda: project.sql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE "
                                 "'BEGIN; CREATE SCHEMA%' AND wait_event = 'PgSleep'") == "1")
    project.run("up")
    holder.wait(10)
    expect(project.applied(), ["1"])


def test_two_histories_of_one_new_schema_at_once(server):
    for _ in range(3):
        project = Project(server, {"1_a.up.sql": "SELECT 1;"})
        runs = [project.start("up", "--history", "migrate.h{}".format(i)) for i in range(4)]
        for run in runs:
            run.out, run.err = run.communicate(timeout=30)
        expect([run.returncode for run in runs], [0] * 4)


def test_two_repairs_at_once(server):
    project = Project(server, {"1_a.up.sql": LOOSE + "VACUUM;\nVACUUM;\n"})
    project.run("up")
    project.sql("UPDATE migrate.history SET statements_done = 1, "
                "prefix_digest = NULL")  # the last one's fate is unknown
    runs = [project.start("repair", "1", "--statement", "2", word)
            for word in ("done", "again", "done", "again")]
    for run in runs:
        run.out, run.err = run.communicate(timeout=30)
    expect(sorted(run.returncode for run in runs), [0, 2, 2, 2])
    first, = [run for run in runs if run.returncode == 0]
    for run in runs:
        if run is not first:
            expect_in("error: no statement of migration \"1_a\" is in doubt", run.err)
            expect_in("note: nothing was changed", run.err)
    expect(project.sql("SELECT statements_started || ' ' || statements_done FROM migrate.history"),
           "2 2" if first.args[-1] == "done" else "1 1")


def test_a_row_that_changed_while_it_was_to_be_changed(server):
    changed = ("error: history table \"migrate.history\" changed while this run worked (history)\n"
               "detail: The row that was to be changed is not what this run has read.\n"
               "hint: See how it stands: migrate status\n"
               "note: nothing was changed\n")
    project = Project(server, {"1_a.up.sql": "SELECT 1;"})
    (project.root / "migrate.yaml").write_text("timeouts: { lock: 60s }\n")
    project.run("up")
    project.run("claim", "staging")
    (project.root / "migrations" / "1_a.up.sql").unlink()
    project.write("2_b.up.sql", "SELECT 2;")
    for words, others in ((["repair", "1", "--mark-reverted", "--env", "staging"], "version = '1'"),
                          (["claim", "--release"], "kind = 'claim'")):
        rows = project.sql("SELECT h FROM migrate.history h ORDER BY id")
        with project.session() as holder:
            holder.run("BEGIN; UPDATE migrate.history SET reverted_at = now() WHERE " + others)
            run = project.start(*words)
            wait_for(lambda: project.sql("SELECT count(*) FROM pg_stat_activity WHERE datname = "
                                         "current_database() AND wait_event_type = 'Lock'") == "1")
            holder.run("COMMIT")
        out, err = run.communicate(timeout=30)
        expect((run.returncode, out), (6, ""))
        expect_in(changed, err)
        project.sql("UPDATE migrate.history SET reverted_at = NULL")
        expect(project.sql("SELECT h FROM migrate.history h ORDER BY id"), rows)


def test_schema_in_the_url_is_the_search_path(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);\nSELECT set_config("
                                             "'search_path', '', false);",
                               "2_b.up.sql": "CREATE TABLE b (id int);"})
    project.sql("CREATE SCHEMA \"app's\"")
    project.run("up", url=server.url_of(project.database) + "&schema=app's")
    expect(project.sql("SELECT to_regclass('\"app''s\".a') IS NOT NULL AND "
                       "to_regclass('\"app''s\".b') IS NOT NULL"), "t")


# ---- Secrets --------------------------------------------------------------------------------------------


def test_no_password_in_errors(server):
    project = Project(server, {"1_a.up.sql": "CREATE ROLE hard_x LOGIN PASSWORD 's3cretpw' BADOPT;\n"})
    run = project.run("up", exit=1)
    not_in("s3cret", run.out + run.err)
    expect_in(" 1 | CREATE ROLE hard_x LOGIN PASSWORD '********' BADOPT;\n"
              "   |                                              ^^^^^^", run.err)
    project.write("1_a.up.sql", "DO $$ BEGIN EXECUTE 'CREATE ROLE hard_x PASSWORD ''s3cretpw'' "
                                "BADOPT'; END $$;")
    not_in("s3cret", project.run("up", exit=1).err)
    project.write("1_a.up.sql", "ALTER ROLE postgres PASSWORD 's3cretpw';\nSELECT pg_sleep(300);")
    worker = project.start("up")
    wait_for(lambda: is_asleep(project))
    project.write("1_a.up.sql", "SELECT 1;")
    not_in("s3cret", project.run("up", "--wait-turn", "500ms", exit=4).err)
    worker.kill()
    worker.communicate(timeout=20)


def test_a_row_that_a_trigger_takes_away(server):
    """A migration commits with its row, or not at all."""
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);"})
    project.run("up")
    project.sql("CREATE FUNCTION gone() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; "
                "END'; CREATE TRIGGER gone BEFORE INSERT ON migrate.history FOR EACH ROW EXECUTE "
                "FUNCTION gone()")
    for name, text in (("2_b", "CREATE TABLE b (id int);"), ("3_c", "CREATE TABLE c (id int);")):
        project.write(name + ".up.sql", text)
    err = project.run("up", exit=6).err
    expect_in("error: history table \"migrate.history\" changed while this run worked (history)\n",
              err)
    expect(project.applied(), ["1"])
    expect(project.sql("SELECT to_regclass('b') IS NULL AND to_regclass('c') IS NULL"), "t")


if __name__ == "__main__":
    sys.exit(main(globals()))
