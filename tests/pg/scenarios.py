#!/usr/bin/env python3
"""Run the command against a real PostgreSQL, with real child processes and real signals.  Speaks TAP.

usage: scenarios.py MIGRATE [NAME...]

One throw-away server serves the whole run, one database each scenario.  A scenario is a function
whose name starts with "test_"; it fails by raising.
"""
import pathlib
import re
import signal
import subprocess
import sys
import urllib.parse

from house import (LIMIT_S, Project, expect, expect_in, hold_table, is_asleep, locks, main,
                   slow_files, wait_for)


# ---- One at a time -------------------------------------------------------------------------


def test_eight_at_once_apply_each_migration_once(server):
    project = Project(server, slow_files(6, 0.05))
    runs = [project.start("up") for _ in range(8)]
    outs = [run.communicate(timeout=LIMIT_S) for run in runs]
    expect([run.returncode for run in runs], [0] * 8)
    expect(project.applied(), ["001", "002", "003", "004", "005", "006"])
    expect(project.sql("SELECT count(*) FROM migrate.history"), "6")
    last_lines = [out.strip().splitlines()[-1] for out, _ in outs]
    workers = [line for line in last_lines if line.startswith("done     6 applied in ")]
    expect(len(workers), 1)
    for line in last_lines:
        if line not in workers and "nothing left to do: app@" not in line:
            expect(line, "done     nothing to do, now at 006_m")
    expect(locks(project), "0")


def test_kill_9_frees_the_turn(server):
    project = Project(server, slow_files(8, 0.3))
    first = project.start("up")
    expect_in("applied  001_m", first.stdout.readline())
    first.kill()
    first.wait()
    project.run("up")
    expect(project.applied(), ["{:03}".format(i) for i in range(1, 9)])
    expect(project.sql("SELECT count(*) FROM migrate.history"), "8")


def test_busy_with_nothing_pending_does_not_wait(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);"})
    project.run("up")
    project.write("2_b.up.sql", "SELECT pg_sleep(300);")
    worker = project.start("up")
    wait_for(lambda: is_asleep(project))
    (project.root / "migrations" / "2_b.up.sql").unlink()
    expect_in("done     nothing to do, now at 1_a", project.run("up").out)
    expect(worker.poll(), None)
    worker.kill()
    worker.communicate(timeout=LIMIT_S)


def test_down_waits_for_what_is_being_applied(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);\nSELECT pg_sleep(1);",
                               "1_a.down.sql": "DROP TABLE a;"})
    worker = project.start("up")
    wait_for(lambda: locks(project) == "2")
    expect_in("reverted 1_a", project.run("down", "--yes").out)
    worker.communicate(timeout=LIMIT_S)
    expect(worker.returncode, 0)


def test_the_turn_never_comes(server):
    project = Project(server, slow_files(1, 300))
    worker = project.start("up")
    wait_for(lambda: is_asleep(project))
    late = project.run("up", "--wait-turn", "1s", exit=4)
    expect_in("error: another run still works on this database after 1 s (lock-busy)\n", late.err)
    expect_in("note: nothing was applied by this run\n", late.err)
    expect_in("waiting  pid ", late.err)
    expect(worker.poll(), None)
    worker.kill()
    worker.communicate(timeout=LIMIT_S)


def interrupt(server, number, status):
    project = Project(server, slow_files(1, 0))
    project.write("002_m.up.sql", "CREATE TABLE t2 (id int);\nSELECT pg_sleep(300);")
    run = project.start("up")
    expect_in("applied  001_m", run.stdout.readline())
    wait_for(lambda: is_asleep(project))
    run.send_signal(number)
    out, err = run.communicate(timeout=LIMIT_S)
    expect((run.returncode, out), (status, ""))
    expect_in("(cancelled)", err)
    expect(project.applied(), ["001"])
    expect(project.sql("SELECT to_regclass('t1') IS NULL, to_regclass('t2') IS NULL"), "f|t")
    wait_for(lambda: locks(project) == "0")


def test_sigint_rolls_back_and_exits_130(server):
    interrupt(server, signal.SIGINT, 130)


def test_sigterm_rolls_back_and_exits_143(server):
    interrupt(server, signal.SIGTERM, 143)


# ---- The fence ----------------------------------------------------------------------------------


def test_a_lost_lock_fences_the_migration(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);",
                               "2_b.up.sql": "CREATE TABLE b (id int);\n"
                                             "SELECT pg_advisory_unlock_all();",
                               "3_c.up.sql": "CREATE TABLE c (id int);"})
    run = project.run("up", exit=3)
    expect_in("error: this session does not hold its lock any more (fence)", run.err)
    expect_in("note: 2_b was rolled back; the one before it stays applied\n", run.err)
    expect(project.applied(), ["1"])
    expect(project.sql("SELECT to_regclass('b') IS NULL"), "t")


# ---- All or nothing -------------------------------------------------------------------------


def test_the_first_failure_stops_and_keeps_what_committed(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);",
                               "2_b.up.sql": "CREATE TABLE b (id int);\nSELECT 1/0;\n",
                               "3_c.up.sql": "CREATE TABLE c (id int);"})
    run = project.run("up", exit=1)
    expect_in("applied  1_a", run.out)
    expect_in("error: division by zero (22012)\n  --> migrations/2_b.up.sql:2\n", run.err)
    expect_in("note: 2_b was rolled back; the one before it stays applied\n", run.err)
    expect(project.applied(), ["1"])
    expect(project.sql("SELECT to_regclass('b') IS NULL AND to_regclass('c') IS NULL"), "t")
    project.write("2_b.up.sql", "CREATE TABLE b (id int);")
    project.run("up")
    expect(project.applied(), ["1", "2", "3"])


def test_a_deferred_constraint_fails_inside_its_migration(server):
    project = Project(server, {
        "1_a.up.sql": "CREATE TABLE a (id int PRIMARY KEY, b int REFERENCES a "
                      "DEFERRABLE INITIALLY DEFERRED);",
        "2_b.up.sql": "INSERT INTO a VALUES (1, 7);"})
    run = project.run("up", exit=1)
    expect_in("violates foreign key constraint", run.err)
    expect_in("migrations/2_b.up.sql", run.err)
    expect(project.applied(), ["1"])


def test_the_functions_of_an_index_leave_nothing_behind(server):
    """No hygiene follows a CREATE INDEX: the server takes back what its functions set."""
    project = Project(server, {
        "1_a.up.sql": """
CREATE TABLE a (id int);
INSERT INTO a VALUES (1);
CREATE FUNCTION f(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
  PERFORM set_config('work_mem', '7MB', false), set_config('search_path', 'pg_catalog', false);
  RETURN $1;
END $$;
""",
        "2_b.up.sql": "CREATE INDEX ON a (f(id)) WHERE f(1) = 1;",
        "3_c.up.sql": "CREATE TABLE seen AS SELECT current_setting('work_mem') AS work_mem, "
                      "current_setting('search_path') AS search_path;"})
    project.run("up")
    expect(project.sql("SELECT * FROM seen"), "4MB|\"$user\", public")


def test_a_role_default_of_repeatable_read_and_a_level_of_its_own(server):
    project = Project(server, {
        "1_a.up.sql": "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;\nCREATE TABLE a AS SELECT "
                      "current_setting('transaction_isolation') AS level;",
        "2_b.up.sql": "INSERT INTO a SELECT current_setting('transaction_isolation');"})
    project.sql("ALTER DATABASE {} SET default_transaction_isolation = 'repeatable read'".format(
        project.database))
    project.run("up")
    expect(project.sql("SELECT level FROM a"), "serializable\nread committed")


def test_own_begin_and_commit_are_folded(server):
    project = Project(server, {"1_a.up.sql": "BEGIN;\nCREATE TABLE a (id int);\nCOMMIT;\n"
                                             "BEGIN;\nINSERT INTO a VALUES (1/0);\nCOMMIT;\n"})
    expect_in("migrations/1_a.up.sql:5", project.run("up", exit=1).err)
    expect(project.sql("SELECT to_regclass('a') IS NULL"), "t")


def test_a_lock_of_another_session_is_waited_for(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);"})
    project.run("up")
    holder = hold_table(project, "a", 3)
    project.write("2_b.up.sql", "ALTER TABLE a ADD COLUMN n int;")
    project.write("3_c.up.sql", "CREATE TABLE c (id int);")
    run = project.run("up")
    holder.wait(LIMIT_S)
    expect_in("waiting  2_b: blocked by pid ", run.err)
    expect(project.applied(), ["1", "2", "3"])


# ---- What files hold --------------------------------------------------------------------------


def test_copy_data_and_a_pg_dump_file(server):
    other = server.database()
    server.sql(other, "CREATE TABLE item (id int PRIMARY KEY, word text);"
                      "INSERT INTO item SELECT i, E'line\\tof ' || i FROM generate_series(1, 50) i;"
                      "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$;")
    dump = subprocess.run(["pg_dump", "--no-owner", "-d", server.url_of(other)],
                          capture_output=True, text=True, timeout=LIMIT_S, check=True).stdout
    expect_in("COPY public.item", dump)
    project = Project(server, {"1_dump.up.sql": dump,
                               "2_next.up.sql": "CREATE TABLE next AS SELECT count(*) AS n "
                                                "FROM item;"})
    project.run("up")
    expect(project.sql("SELECT n FROM next"), "50")
    expect(project.sql("SELECT word FROM item WHERE id = 7"), "line\tof 7")
    project.write("3_bad.up.sql", "COPY item FROM stdin;\n51\tfine\nnot a number\tx\n\\.\n")
    run = project.run("up", exit=1)
    expect_in("migrations/3_bad.up.sql:3\n", run.err)
    expect_in("COPY item, line 2", run.err)
    expect(project.sql("SELECT count(*) FROM item"), "50")


def test_a_concurrent_index_is_built_and_reverted(server):
    project = Project(server, {
        "1_a.up.sql": "CREATE TABLE a (id int);",
        "2_i.up.sql": "CREATE INDEX CONCURRENTLY a_id ON a (id);",
        "2_i.down.sql": "DROP INDEX CONCURRENTLY a_id;",
        "3_c.up.sql": "CREATE TABLE c (id int);"})
    run = project.run("up")
    expect([line.split()[1] for line in run.out.splitlines()[:3]], ["1_a", "2_i", "3_c"])
    expect_in("no transaction", run.out)
    expect(project.sql("SELECT indisvalid FROM pg_index WHERE indexrelid = 'a_id'::regclass"), "t")
    expect(project.sql("SELECT statements, statements_started, statements_done FROM "
                       "migrate.history WHERE version = '2'"), "1|1|1")
    project.write("3_c.down.sql", "DROP TABLE c;")
    run = project.run("down", "2", "--yes")
    expect_in("reverted 2_i", run.out)
    expect(project.sql("SELECT to_regclass('a_id') IS NULL"), "t")
    expect(project.applied(), ["1"])


def test_a_failed_concurrent_index_is_built_again(server):
    project = Project(server, {
        "1_a.up.sql": "CREATE TABLE a (id int);\nINSERT INTO a VALUES (1), (1);",
        "2_i.up.sql": "CREATE UNIQUE INDEX CONCURRENTLY a_id ON a (id);"})
    run = project.run("up", exit=1)
    expect_in("could not create unique index", run.err)
    expect(project.sql("SELECT indisvalid FROM pg_index WHERE indexrelid = 'a_id'::regclass"), "f")
    expect_in("partial", project.run("status").out)
    project.sql("DELETE FROM a")
    run = project.run("up")
    expect_in("left invalid by an earlier try, is built again", run.err)
    expect(project.sql("SELECT indisvalid FROM pg_index WHERE indexrelid = 'a_id'::regclass"), "t")
    expect(project.applied(), ["1", "2"])


def test_a_killed_concurrent_index_is_settled(server):
    project = Project(server, {
        "1_a.up.sql": "CREATE TABLE a AS SELECT i AS id FROM generate_series(1, 1000) i;",
        "2_i.up.sql": "CREATE INDEX CONCURRENTLY a_id ON a (id);"})
    project.run("up", "1")
    blocker = subprocess.Popen(["psql", "-Xq", "-d", server.url_of(project.database), "-c",
                                "BEGIN; INSERT INTO a VALUES (0); SELECT pg_sleep(2); COMMIT;"],
                               stdout=subprocess.DEVNULL)
    wait_for(lambda: project.sql("SELECT count(*) FROM pg_locks WHERE relation = 'a'::regclass "
                                 "AND mode = 'RowExclusiveLock'") == "1")
    run = project.start("up")
    wait_for(lambda: project.sql("SELECT count(*) FROM migrate.history WHERE version = '2' "
                                 "AND statements_started = 1") == "1")
    run.kill()
    run.wait()
    blocker.wait(LIMIT_S)
    project.run("up")
    expect(project.sql("SELECT indisvalid FROM pg_index WHERE indexrelid = 'a_id'::regclass"), "t")
    expect(project.sql("SELECT statements_started, statements_done FROM migrate.history "
                       "WHERE version = '2'"), "1|1")


def test_a_second_runner_never_blocks_a_concurrent_index(server):
    project = Project(server, {
        "1_a.up.sql": "CREATE TABLE a AS SELECT i AS id FROM generate_series(1, 200000) i;",
        "2_i.up.sql": "CREATE INDEX CONCURRENTLY a_id ON a (id);"})
    project.run("up", "1")
    runs = [project.start("up") for _ in range(3)]
    for run in runs:
        run.out, run.err = run.communicate(timeout=LIMIT_S)
    expect([run.returncode for run in runs], [0, 0, 0])
    expect(project.applied(), ["1", "2"])


def test_a_marked_file_resumes_behind_what_is_done(server):
    text = ("-- migrate:no-transaction\nCREATE TABLE a (id int);\nINSERT INTO a VALUES (1);\n"
            "VACUUM a;\nINSERT INTO a VALUES ({});\nINSERT INTO a VALUES (3);\n")
    project = Project(server, {"1_a.up.sql": text.format("1/0")})
    run = project.run("up", exit=1)
    expect_in("migrations/1_a.up.sql:5", run.err)
    expect_in("note: 1_a stopped at its statement 4 of 5", run.err)
    expect_in("partial", project.run("status").out)
    project.write("1_a.up.sql", text.format("2"))
    project.run("up")
    expect(project.sql("SELECT array_agg(id ORDER BY id) FROM a"), "{1,2,3}")
    expect(project.sql("SELECT statements_done FROM migrate.history"), "5")


def test_the_duration_counts_the_statement_that_is_gone_on_with(server):
    text = "-- migrate:no-transaction\nCREATE TABLE a (id int);\nSELECT pg_sleep({});\nVACUUM a;\n"
    project = Project(server, {"1_a.up.sql": text.format("1 / 0")})
    project.run("up", exit=1)
    project.write("1_a.up.sql", text.format("0.4"))
    project.run("up")
    expect(project.sql("SELECT duration >= '0.4 s' FROM migrate.history"), "t")


def test_notices_are_shown(server):
    project = Project(server, {"1_a.up.sql": "DROP TABLE IF EXISTS nothing;"})
    expect_in("table \"nothing\" does not exist, skipping", project.run("up").err)


def test_a_repeatable_runs_again_when_it_changed(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);",
                               "R__v.sql": "CREATE OR REPLACE VIEW v AS SELECT 1 AS n;"})
    project.run("up")
    expect_in("nothing to do", project.run("up").out)
    project.write("R__v.sql", "CREATE OR REPLACE VIEW v AS SELECT 2 AS n;")
    expect_in("applied  R__v", project.run("up").out)
    expect(project.sql("SELECT n FROM v"), "2")
    expect(project.sql("SELECT count(*), count(reverted_at) FROM migrate.history WHERE name = 'v'"),
           "2|1")


def test_down_from_the_history(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);",
                               "2_b.up.sql": "CREATE TABLE b (id int);",
                               "2_b.down.sql": "DROP TABLE b;\n"})
    project.run("up")
    for name in ("2_b.up.sql", "2_b.down.sql"):
        (project.root / "migrations" / name).unlink()
    expect_in("(from-history)", project.run("down", "--yes", exit=6).err)
    expect_in("reverted 2_b", project.run("down", "--yes", "--from-history").out)
    expect(project.sql("SELECT to_regclass('b') IS NULL"), "t")
    project.sql("UPDATE migrate.history SET down_script = 'DROP TABLE a', "
                "down_digest = repeat('0', 64) WHERE version = '1'")
    (project.root / "migrations" / "1_a.up.sql").unlink()
    expect_in("(history)", project.run("down", "--yes", "--from-history", exit=6).err)
    expect(project.sql("SELECT to_regclass('a') IS NULL"), "f")


# ---- Rights and states of the history ----------------------------------------------------------


def test_no_right_to_create_the_schema(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);"})
    project.sql("CREATE ROLE scenario_poor LOGIN;")
    run = project.run("up", url=server.url_of(project.database, "scenario_poor"), exit=2)
    expect_in("error: could not create history table \"migrate.history\": permission denied for "
              "database {} (permission)".format(project.database), run.err)
    expect_in("hint: As an owner: GRANT CREATE ON DATABASE \"{}\" TO \"scenario_poor\";".format(
        project.database), run.err)
    expect_in("note: nothing was applied", run.err)
    project.sql("DROP ROLE scenario_poor")


def test_a_role_with_next_to_no_rights(server):
    """CONNECT and a schema of its own: enough for all commands."""
    files = {"1_a.up.sql": "CREATE TABLE app.a (id int);", "1_a.down.sql": "DROP TABLE app.a;",
             "2_i.up.sql": "CREATE INDEX CONCURRENTLY a_id ON app.a (id);",
             "2_i.down.sql": "DROP INDEX CONCURRENTLY app.a_id;"}
    project = Project(server, files)
    project.sql("CREATE ROLE scenario_minimal LOGIN; CREATE SCHEMA app AUTHORIZATION "
                "scenario_minimal; REVOKE ALL ON SCHEMA public FROM PUBLIC; REVOKE ALL ON DATABASE "
                "{0} FROM PUBLIC; GRANT CONNECT ON DATABASE {0} TO scenario_minimal; REVOKE EXECUTE "
                "ON FUNCTION pg_control_system() FROM PUBLIC;".format(project.database))
    project.variables["MIGRATE_HISTORY"] = "app.history"
    url = server.url_of(project.database, "scenario_minimal")

    def run(*words):
        done = project.run(*words, url=url)
        if "warning" in done.err or "fail" in done.out or "warn" in done.out:
            raise AssertionError(done.out + done.err)
        return done.out

    expect_in("app.history is not there yet, the first \"migrate up\" makes it", run("doctor"))
    expect_in("2 pending", run("status"))
    expect_in("would apply 2", run("plan"))
    expect_in("2 applied", run("up"))
    expect_in("nothing to do, now at 2_i", run("up"))
    seen = run("doctor")
    expect_in("ok    role         scenario_minimal, may not create in database", seen)
    expect_in("ok    history      app.history, 2 applied, writable by scenario_minimal only", seen)
    expect_in("ok    connections  ", seen)
    expect_in("ok    lock         free", seen)
    # A superuser holds the lock: who it is shows without the right to see what it does.
    key = re.search(r"key (-?\d+)", seen).group(1)
    with project.session() as holder:
        holder.run("SELECT pg_advisory_lock({})".format(key))
        expect_in("pid " + holder.backend, project.run("doctor", url=url).out)
        project.write("3_b.up.sql", "CREATE TABLE app.b (id int);")
        busy = project.run("up", "--wait-turn", "0s", url=url, exit=4)
        expect_in("pid " + holder.backend, busy.err)
    expect_in("1 applied", run("up"))
    (project.root / "migrations" / "3_b.down.sql").write_text("DROP TABLE app.b;")
    expect_in("3 reverted", run("down", "3", "--yes"))
    expect_in("3 pending", run("status"))
    expect_in("reverted  3_b", run("log"))
    project.sql("GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC;"
                "DROP OWNED BY scenario_minimal; DROP ROLE scenario_minimal")


def test_a_wrong_password_is_said_and_not_shown(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);"})
    project.sql("SET password_encryption = 'scram-sha-256'; "
                "CREATE ROLE scenario_secret LOGIN PASSWORD 'right-and-long'; "
                "GRANT CREATE ON DATABASE {0} TO scenario_secret; "
                "GRANT ALL ON SCHEMA public TO scenario_secret;".format(project.database))
    hba = pathlib.Path(project.sql("SHOW hba_file"))
    before = hba.read_text()
    url = "postgresql://scenario_secret:{}@/{}?host={}"
    socket = urllib.parse.quote(server.socket, safe="")
    try:
        hba.write_text("local all scenario_secret scram-sha-256\n" + before)
        project.sql("SELECT pg_reload_conf()")
        wait_for(lambda: project.sql("SELECT count(*) FROM pg_hba_file_rules "
                                     "WHERE user_name = '{scenario_secret}'") == "1")
        wrong = url.format("wrong-and-long", project.database, socket)
        # The postmaster reads it after the signal, at a time of its own.
        wait_for(lambda: subprocess.run(["psql", "-Xq", "-d", wrong, "-c", "SELECT 1"],
                                        capture_output=True, timeout=LIMIT_S).returncode != 0)
        run = project.run("up", url=wrong, exit=2)
        expect(run.err, "error: the server refused the connection: password authentication failed "
                        "for user \"scenario_secret\" (credentials)\n  --> DATABASE_URL in the "
                        "environment\nhint: Check user, password and database in DATABASE_URL.\n"
                        "note: nothing was changed\n")
        expect(run.out, "")
        run = project.run("up", "--verbose", url=url.format("right-and-long", project.database,
                                                            socket))
        if "right-and-long" in run.out + run.err:
            raise AssertionError("the password is shown")
        expect_in("applied  1_a", run.out)
    finally:
        hba.write_text(before)
        project.sql("SELECT pg_reload_conf()")


def test_passwords_in_migrations_are_masked_in_the_log(server):
    project = Project(server, {"1_a.up.sql": "CREATE ROLE scenario_masked PASSWORD 'not shown';"})
    run = project.run("up", "--verbose")
    expect_in("CREATE ROLE scenario_masked PASSWORD '*********'", run.err)
    if "not shown" in run.out + run.err:
        raise AssertionError("the password is shown")
    project.sql("DROP ROLE scenario_masked")


def test_a_read_only_role(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);"})
    project.sql("CREATE ROLE scenario_reader LOGIN; "
                "ALTER ROLE scenario_reader SET default_transaction_read_only = on;")
    url = server.url_of(project.database, "scenario_reader")
    expect_in("error: the session is read-only (default_transaction_read_only) (read-only)",
              project.run("up", url=url, exit=3).err)
    project.run("status", url=url)
    project.sql("DROP ROLE scenario_reader")


def test_the_history_belongs_to_its_owner_alone(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);"})
    project.sql("CREATE ROLE scenario_anon; ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO "
                "scenario_anon; ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC; "
                "ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO scenario_anon;")
    project.run("up")
    expect(project.sql("SELECT count(*) FROM pg_class c, aclexplode(c.relacl) g WHERE "
                       "relnamespace = 'migrate'::regnamespace AND g.grantee <> c.relowner"), "0")
    project.sql("DROP OWNED BY scenario_anon; ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM "
                "scenario_anon; ALTER DEFAULT PRIVILEGES REVOKE ALL ON SEQUENCES FROM "
                "scenario_anon; DROP ROLE scenario_anon")


def test_the_history_belongs_to_its_owner_where_an_event_trigger_grants(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);"})
    project.sql("CREATE FUNCTION give() RETURNS event_trigger LANGUAGE plpgsql AS $$ DECLARE made record;"
                " BEGIN FOR made IN SELECT * FROM pg_event_trigger_ddl_commands() LOOP"
                " IF made.object_type = 'table' THEN"
                " EXECUTE format('GRANT ALL ON %s TO PUBLIC', made.object_identity); END IF;"
                " END LOOP; END $$;"
                "CREATE EVENT TRIGGER give ON ddl_command_end WHEN TAG IN ('CREATE TABLE')"
                " EXECUTE FUNCTION give()")
    project.run("up")
    expect(project.sql("SELECT DISTINCT c.oid::regclass FROM pg_class c, aclexplode(c.relacl) g WHERE"
                       " relkind = 'r' AND g.grantee <> c.relowner AND c.oid >= 16384"), "a")


def test_a_history_of_a_newer_layout(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);"})
    project.run("up")
    project.sql("COMMENT ON TABLE migrate.history IS 'migrate history, layout 9'")
    run = project.run("up", exit=6)
    expect_in("error: history table \"migrate.history\" has layout 9, this program knows 4 "
              "(history)\n", run.err)


def test_row_security_on_the_history(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);"})
    project.run("up")
    project.sql("CREATE ROLE scenario_hidden LOGIN; GRANT USAGE ON SCHEMA migrate TO "
                "scenario_hidden; GRANT ALL ON migrate.history TO scenario_hidden; "
                "ALTER TABLE migrate.history ENABLE ROW LEVEL SECURITY;")
    run = project.run("up", url=server.url_of(project.database, "scenario_hidden"), exit=6)
    expect_in("error: row security on \"migrate.history\" hides rows from this role (history)\n",
              run.err)
    project.sql("DROP OWNED BY scenario_hidden; DROP ROLE scenario_hidden")


def test_another_table_in_the_place_of_the_history(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);"})
    project.sql("CREATE TABLE mine (n int)")
    run = project.run("up", "--history", "public.mine", exit=6)
    expect_in("error: table \"public.mine\" is not a history of this program (history)\n", run.err)


def test_histories_of_two_schemas_run_side_by_side(server):
    project = Project(server, slow_files(1, 300))
    project.sql("CREATE SCHEMA one; CREATE SCHEMA two;")
    first = project.start("up", "--history", "one.history", "--allow-not-empty")
    wait_for(lambda: is_asleep(project))
    project.write("001_m.up.sql", "CREATE TABLE side (id int);")
    project.run("up", "--history", "two.history", "--allow-not-empty")
    expect(first.poll(), None)
    first.kill()
    first.communicate(timeout=LIMIT_S)


def test_the_doctor_tells_who_holds_the_lock_and_takes_none(server):
    project = Project(server, {"1_a.up.sql": "SELECT pg_sleep(30) AS password, 's3cret';"})
    project.sql("CREATE ROLE doctor_watcher LOGIN")
    busy = project.start("up")
    try:
        wait_for(lambda: project.sql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE "
                                     "'SELECT pg_sleep%' AND datname = current_database()") == "1")
        held = locks(project)
        run = project.run("doctor")
        pid = project.sql("SELECT pid FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND "
                          "datname = current_database()")
        lines = " ".join(run.out.split())
        expect_in("note lock held by pid {} (app@".format(pid), lines)
        expect_in("which runs SELECT since ", lines)
        expect_in('verdict: "migrate up" may run here\n', run.out)
        expect("s3cret" in run.out + run.err, False)
        expect(locks(project), held)

        # Others' statements are not for every role to see.
        seen = project.run("doctor", url=server.url_of(project.database, "doctor_watcher"), exit=2)
        expect_in("since an unknown time, which does what this role may not see; key ",
                  " ".join(seen.out.split()))
    finally:
        busy.send_signal(signal.SIGTERM)
        busy.communicate(timeout=LIMIT_S)
    wait_for(lambda: locks(project) == "0")


if __name__ == "__main__":
    sys.exit(main(globals()))
