#!/usr/bin/env python3
"""What one migration leaves in the session never reaches the next.  Speaks TAP.

usage: hygiene.py MIGRATE [NAME...]
"""
import re
import subprocess
import sys

from house import LIMIT_S, Project, expect, expect_in, hold_table, main, wait_for

# What the second migration sees of the session: the runner's own settings, lock and nonce too.
SEEN = r"""CREATE TABLE seen AS SELECT
  (SELECT string_agg(name || '=' || nullif(current_setting(name, true), ''), ' ' ORDER BY name) FROM (VALUES
    ('search_path'), ('lock_timeout'), ('statement_timeout'), ('TimeZone'),
    ('idle_in_transaction_session_timeout'), ('client_connection_check_interval'),
    ('session_replication_role'), ('plan_cache_mode'), ('default_transaction_isolation'),
    ('default_transaction_read_only'), ('transaction_isolation'), ('transaction_read_only'),
    ('client_min_messages'), ('standard_conforming_strings'), ('row_security'), ('DateStyle'),
    ('role'), ('app.note'), ('check_function_bodies'), ('default_tablespace')) v(name)) AS settings,
  current_user::text || '/' || session_user::text AS role,
  (SELECT count(*) FROM pg_class WHERE relpersistence = 't' AND relname LIKE 'left%') AS temps,
  (SELECT count(*) FROM pg_proc WHERE proname LIKE 'left\_%') AS functions,
  (SELECT count(*) FROM pg_prepared_statements WHERE name NOT LIKE 'migrate_%') AS prepared,
  (SELECT count(*) FROM pg_cursors WHERE name <> '') AS cursors,
  (SELECT count(*) FROM pg_listening_channels()) AS channels,
  (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
    AND granted) AS locks;
"""

CLEAN = None


def seen(server, text, prefix="", before=""):
    project = Project(server, {"1_a.up.sql": prefix + text})
    project.sql("CREATE SEQUENCE s; CREATE TABLE t (id int);" + before)
    project.run("up", "--allow-not-empty")
    project.write("2_b.up.sql", SEEN)
    project.sql("UPDATE migrate.history SET reverted_at = now()")  # both, in one run
    project.sql("DROP TABLE IF EXISTS made")
    project.run("up")
    expect(project.applied(), ["1", "2"])
    now = project.sql("SELECT * FROM seen")
    server.sql("postgres", "DROP DATABASE {}".format(project.database))
    return now


def check(server, *texts, before=""):
    global CLEAN
    if CLEAN is None:
        CLEAN = seen(server, "SELECT 1;")
        expect_in("lock_timeout=1s", CLEAN)
        expect_in("TimeZone=UTC", CLEAN)
        if server.version() >= 14:
            expect_in("client_connection_check_interval=500", CLEAN)
        # The target's lock and its nonce.
        if not CLEAN.endswith("|postgres/postgres|0|0|0|0|0|2"):
            raise AssertionError(CLEAN)
    for text in texts:
        for prefix in ("", "-- migrate:no-transaction\n"):
            now = seen(server, text, prefix, before)
            if now != CLEAN:
                raise AssertionError("{}{}\nleaves:\n{}\ninstead of:\n{}".format(prefix, text, now,
                                                                               CLEAN))


def test_settings(server):
    check(server, "SET search_path = pg_catalog; SET statement_timeout = '1h'; SET lock_timeout = 0;"
                  "SET TimeZone = 'Asia/Tokyo'; SET client_min_messages = error;"
                  "SET idle_in_transaction_session_timeout = 0;",
          "SET session_replication_role = replica; SET plan_cache_mode = force_custom_plan;"
          "SET check_function_bodies = off; SET row_security = off; SET DateStyle = 'German';",
          "SET app.note = 'left';" +
          ("SET standard_conforming_strings = off;" if server.version() < 19 else "") +
          ("SET client_connection_check_interval = 0;" if server.version() >= 14 else ""),
          "RESET ALL;", "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE;",
          "SET default_transaction_isolation = 'serializable';",
          "SELECT set_config('default_transaction_read_only', 'on', false);")


def test_settings_by_functions(server):
    check(server, "SELECT set_config('search_path', '', false);",
          "DO $$ BEGIN PERFORM set_config('lock_timeout', '0', false); END $$;",
          "INSERT INTO t SELECT length(set_config('app.note', 'left', false));",
          "INSERT INTO t VALUES (length(set_config('app.note', 'left', false)));",
          "CREATE TABLE made AS SELECT set_config('app.note', 'left', false);",
          "WITH x AS (SELECT set_config('app.note', 'left', false)) SELECT * FROM x;",
          "VALUES (set_config('app.note', 'left', false));",
          "EXPLAIN ANALYZE SELECT set_config('app.note', 'left', false);")


def test_roles(server):
    before = ("DO $$ BEGIN CREATE ROLE hygiene_other; EXCEPTION WHEN duplicate_object THEN END $$;"
              "GRANT ALL ON SCHEMA public TO hygiene_other;")
    try:
        check(server, "SET ROLE hygiene_other;", "SET SESSION AUTHORIZATION hygiene_other;",
              "SET SESSION AUTHORIZATION hygiene_other; SET ROLE hygiene_other;",
              "SELECT set_config('role', 'hygiene_other', false);", before=before)
    finally:
        server.sql("postgres", "DROP ROLE hygiene_other")


def test_temporary_things(server):
    check(server, "CREATE TEMP TABLE left_t (id int);", "CREATE TABLE pg_temp.left_t (id int);",
          "SELECT 1 AS id INTO TEMP left_t;", "CREATE TEMP TABLE left_t AS SELECT 1;",
          "CREATE TEMP VIEW left_v AS SELECT 1;", "CREATE TEMP SEQUENCE left_s;",
          "CREATE LOCAL TEMPORARY TABLE left_t (id int) ON COMMIT DELETE ROWS;",
          "CREATE FUNCTION pg_temp.left_f() RETURNS int LANGUAGE sql AS 'SELECT 1';",
          "CREATE FUNCTION \"pg_temp\".left_f() RETURNS int LANGUAGE sql AS 'SELECT 1';",
          "SET search_path = pg_temp; CREATE TABLE left_t (id int);",
          "DO $$ BEGIN CREATE TEMP TABLE left_t (id int); END $$;")


def test_statements_cursors_channels(server):
    check(server, "PREPARE left_p AS SELECT 1;", "DEALLOCATE ALL;",
          "BEGIN; DECLARE left_c CURSOR WITH HOLD FOR SELECT 1; COMMIT;",
          "LISTEN left_l; LISTEN left_m;", "DO $$ BEGIN EXECUTE 'LISTEN left_l'; END $$;",
          "DO $$ BEGIN EXECUTE 'PREPARE left_p AS SELECT 1'; END $$;",
          "DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$;",
          "-- migrate:retry no\nDO $$ BEGIN EXECUTE 'PREPARE left_p AS SELECT 1'; END $$;",
          "DISCARD TEMP; DISCARD PLANS; DISCARD SEQUENCES;")


def test_what_was_prepared_unseen_is_found_and_only_then_a_migration_runs_twice(server):
    runs = (("", "INSERT INTO t VALUES (1);", 1), ("", "PREPARE left_p AS SELECT 1;", 1),
            ("", "DO $$ BEGIN EXECUTE 'PREPARE left_p AS SELECT 1'; END $$;", 2),
            ("", "DO $$ BEGIN EXECUTE 'DEALLOCATE migrate_commit'; END $$;", 2),
            ("-- migrate:retry no\n", "DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$;", 1))
    for directive, text, n in runs:
        project = Project(server, {"1_a.up.sql": "CREATE SEQUENCE s; CREATE TABLE t (id int);",
                                   "2_b.up.sql": directive + text + "SELECT nextval('s');",
                                   "3_c.up.sql": "INSERT INTO t VALUES (3);",
                                   "4_d.up.sql": "PREPARE left_p AS SELECT 2; EXECUTE left_p;"})
        said = project.run("up").err
        expect((text, "note: 2_b is run again" in said), (text, n == 2))
        expect(project.applied(), ["1", "2", "3", "4"])
        expect((text, project.sql("SELECT last_value FROM s")), (text, str(n)))


def test_sequences(server):
    project = Project(server, {"1_a.up.sql": "CREATE SEQUENCE s;\nSELECT nextval('s');\n",
                               "2_b.up.sql": "SELECT currval('s');\n"})
    expect_in("currval of sequence \"s\" is not yet defined in this session", project.run("up", exit=1).err)


LOCKING = """CREATE FUNCTION locking(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS
  $$ BEGIN PERFORM pg_advisory_lock(99); PERFORM nextval('public.s'); RETURN $1; END $$;
  INSERT INTO t VALUES (1);"""


def test_functions_of_an_index(server):
    check(server, "CREATE INDEX ON t (locking(id));", "CREATE INDEX ON t (id) WHERE locking(id) > 0;",
          "CREATE INDEX ON t ((locking(id) + 1));", before=LOCKING)


LASTVAL = """CREATE TABLE lasts AS SELECT 1 AS n;
DO $$ BEGIN INSERT INTO lasts SELECT 1000 + lastval();
EXCEPTION WHEN object_not_in_prerequisite_state THEN NULL; END $$;
"""


def test_the_rows_of_the_history_are_not_the_next_lastval(server):
    firsts = ("CREATE TABLE a (id int);", "SELECT 1;", "SELECT nextval('s');",
              "-- migrate:no-transaction\nSELECT 1;", "-- migrate:no-transaction\nVACUUM t;",
              "-- migrate:no-transaction\nBEGIN; SELECT 1; COMMIT;")
    for first in firsts:
        for mark in ("", "-- migrate:no-transaction\n"):
            project = Project(server, {"1_a.up.sql": first, "2_b.up.sql": mark + LASTVAL})
            project.sql("CREATE SEQUENCE s; CREATE TABLE t (id int)")
            project.run("up", "--allow-not-empty")
            expect(project.sql("SELECT string_agg(n::text, ' ') FROM lasts"), "1")


def test_lastval_inside_a_file_is_the_files_own(server):
    body = "INSERT INTO t DEFAULT VALUES;\nINSERT INTO u VALUES (lastval(), currval('t_id_seq'));\n"
    for text in (body, "-- migrate:no-transaction\n" + body,
                 "-- migrate:no-transaction\nBEGIN;\nINSERT INTO t DEFAULT VALUES;\nCOMMIT;\n"
                 "INSERT INTO u VALUES (lastval(), currval('t_id_seq'));\n",
                 "-- migrate:no-transaction\nBEGIN;\nSELECT 1;\nROLLBACK;\n" + body):
        project = Project(server, {"1_a.up.sql": text})
        project.sql("CREATE TABLE t (id serial); CREATE TABLE u (a int, b int);"
                    "ALTER SEQUENCE t_id_seq RESTART 500")
        project.run("up", "--allow-not-empty")
        expect(project.sql("SELECT a, b FROM u"), "500|500")


def test_advisory_locks_of_the_migration(server):
    check(server, "SELECT pg_advisory_lock(42);",
          "SELECT pg_advisory_lock(-42), pg_advisory_lock(-42), pg_advisory_lock_shared(-42);",
          "SELECT pg_advisory_lock(1, 2), pg_advisory_lock(-1, -2), pg_advisory_lock_shared(3, -4);",
          "SELECT pg_advisory_lock(9223372036854775807), pg_advisory_lock(-9223372036854775808);",
          # Those of a transaction end with it.
          "BEGIN; SELECT pg_advisory_xact_lock(7), pg_advisory_xact_lock_shared(8, 9); COMMIT;",
          "DO $$ BEGIN PERFORM pg_advisory_lock(i) FROM generate_series(1, 20) i; END $$;")


def test_a_migration_that_lets_go_of_our_lock_is_stopped(server):
    for text in ("SELECT pg_advisory_unlock_all();", "DO $$ BEGIN PERFORM pg_advisory_unlock_all();"
                                                     " END $$;"):
        for prefix in ("", "-- migrate:no-transaction\n"):
            project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);",
                                       "2_b.up.sql": prefix + "CREATE TABLE b (id int);\n" + text,
                                       "3_c.up.sql": "CREATE TABLE c (id int);"})
            err = project.run("up", exit=3).err
            expect_in("(fence)", err)
            expect(project.sql("SELECT to_regclass('c') IS NULL"), "t")
            if not prefix:
                expect(project.sql("SELECT to_regclass('b') IS NULL"), "t")


def test_each_of_our_locks_let_go_is_a_fence_or_still_held(server):
    """The fence gives a lock back and takes it again: never one that is not ours."""
    project = Project(server, {})
    key = re.search(r"key (-?\d+)", project.run("doctor").out).group(1)
    nonce = ("(SELECT classid::bigint << 32 | objid::bigint FROM pg_locks WHERE pid = "
             "pg_backend_pid() AND locktype = 'advisory' AND classid::bigint << 32 | "
             "objid::bigint <> {})".format(key))
    for which in (key, nonce):
        one = "SELECT pg_advisory_unlock({}); ".format(which)
        for prefix in ("", "-- migrate:no-transaction\n"):
            project = Project(server, {"1_a.up.sql": prefix + one + one,
                                       "2_b.up.sql": "CREATE TABLE b (id int);"})
            err = project.run("up", exit=3).err
            expect_in("(fence)", err)
            expect(project.sql("SELECT to_regclass('b') IS NULL"), "t")
        # Once is not enough to lose it, and others cannot have it while the next ones run.
        project = Project(server, {"1_a.up.sql": one, "2_b.up.sql": "SELECT 1;", "3_c.up.sql": SEEN})
        project.run("up")
        expect(project.sql("SELECT locks FROM seen"), "2")


def test_both_locks_keep_their_two_levels_through_rollbacks(server):
    """Session locks are not rolled back: neither may what the fence does to them be lopsided."""
    key = "classid::bigint << 32 | objid::bigint"
    unlock = ", ".join("pg_advisory_unlock({}) {}".format(key, name) for name in "uvw")
    for mode in ((), ("--single-transaction",), ("--rehearse", "--yes")):
        project = Project(server, {
            "1_a.up.sql": "CREATE TABLE a (id int);", "2_b.up.sql": "ALTER TABLE a ADD b int;",
            "3_c.up.sql": "DO $$ DECLARE r record; BEGIN FOR r IN SELECT " + unlock +
                          " FROM (SELECT DISTINCT classid, objid FROM pg_locks WHERE pid ="
                          " pg_backend_pid() AND locktype = 'advisory') x"
                          " LOOP RAISE NOTICE 'levels % % %', r.u, r.v, r.w; END LOOP; END $$;"})
        (project.root / "migrate.yaml").write_text("timeouts: { lock: 200ms }\nlock_retry: 20s\n")
        project.run("up", "--to", "1")
        holder = hold_table(project, "a", 1)
        run = project.run("up", *mode, exit=3)
        holder.wait(LIMIT_S)
        expect_in("trying again in", run.err)
        expect(run.err.count("levels t t f"), 2)
        expect_in("(fence)", run.err)


def test_a_retry_does_not_hold_the_locks_of_the_try_before(server):
    """A rollback keeps session locks: the blocker may wait for one of them."""
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);",
                               "2_b.up.sql": "SELECT pg_advisory_lock(4711);\n"
                                             "ALTER TABLE a ADD b int;"})
    (project.root / "migrate.yaml").write_text("timeouts: { lock: 200ms }\nlock_retry: 20s\n")
    project.run("up", "--to", "1")
    blocker = subprocess.Popen(["psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-d",
                                server.url_of(project.database), "-c",
        "BEGIN; SELECT FROM a; DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM pg_locks WHERE locktype ="
        " 'advisory' AND objid = 4711) LOOP PERFORM pg_sleep(0.01); END LOOP; END $$;"
        " SELECT pg_advisory_lock(4711); COMMIT;"], stdout=subprocess.DEVNULL)
    wait_for(lambda: project.sql("SELECT count(*) FROM pg_locks WHERE relation = 'a'::regclass "
                                 "AND mode = 'AccessShareLock'") == "1")
    project.run("up")
    expect(blocker.wait(LIMIT_S), 0)
    expect(project.applied(), ["1", "2"])


def test_a_down_script_leaves_nothing_either(server):
    project = Project(server, {
        "1_a.up.sql": "CREATE TABLE log (note text);",
        "1_a.down.sql": "DROP TABLE log;",
        "2_b.up.sql": "SELECT 1;",
        "2_b.down.sql": "INSERT INTO log SELECT current_setting('search_path');\nSELECT 1/count(*) "
                        "FROM log WHERE note LIKE '%public%';",
        "3_c.up.sql": "SELECT 1;",
        "3_c.down.sql": "SELECT set_config('search_path', '', false);"})
    project.run("up")
    project.run("down", "2")
    expect(project.applied(), ["1"])


if __name__ == "__main__":
    sys.exit(main(globals()))
