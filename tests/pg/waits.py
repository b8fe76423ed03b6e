#!/usr/bin/env python3
"""Waiting for others: locks of other sessions, who has them, trying again, time limits.  Speaks TAP.

usage: waits.py MIGRATE [NAME...]
"""
import re
import socket
import sys

from house import LIMIT_S, Project, expect, expect_in, locks, main, read_until, wait_for
from proxy import Proxy


def idle_holder(project, table):
    """A session that has locked the table and then sleeps in its transaction."""
    holder = project.session()
    holder.run("BEGIN; LOCK TABLE " + table)
    return holder


# ---- The server ------------------------------------------------------------------------------


def test_a_server_that_stays_away_is_told_again(server):
    """Silence is what gets builds cancelled."""
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);"})
    run = project.start("up", "--wait-server", "2min", url="postgresql://u@127.0.0.1:1/x")
    lines = read_until(run.stderr, " s of 2 min; ")
    expect_in("waiting  the server does not answer yet, trying for up to 2 min: ", lines[0])
    expect_in(" of 2 min; the server does not answer: Connection refused\n", lines[1])
    run.terminate()
    expect(run.wait(LIMIT_S), 143)


# ---- Locks of other sessions -----------------------------------------------------------------


def test_the_error_names_who_was_in_the_way(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);",
                               "2_b.up.sql": "-- migrate:retry no\nALTER TABLE a ADD b int;"})
    project.run("up", "--to", "1")
    holder = idle_holder(project, "a")
    run = project.run("up", exit=1)
    expect_in("error: canceling statement due to lock timeout (55P03)", run.err)
    expect_in("detail: It was blocked by pid {} (psql), idle in transaction for ".format(
        holder.backend), run.err)
    expect_in(": LOCK TABLE a.\n", run.err)
    expect_in("pg_terminate_backend({});".format(holder.backend), run.err)
    expect_in("note: 2_b was rolled back", run.err)
    holder.end()
    project.run("up")


def test_a_password_that_is_cut_off_is_not_shown(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);",
                               "2_b.up.sql": "-- migrate:retry no\nALTER TABLE a ADD b int;"})
    project.run("up", "--to", "1")
    holder = idle_holder(project, "a")
    holder.run("SELECT  'postgresql://app:s3cr3t-{}@db/shop'".format("x" * 80))
    run = project.run("up", exit=1)
    expect_in("'postgresql://app:***", run.err)
    expect("s3cr3t" in run.err, False)
    holder.end()


def test_who_was_in_the_way_stands_before_what_the_server_adds(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);",
                               "2_b.up.sql": "-- migrate:retry no\nDO $$ BEGIN\n"
                                             "EXECUTE 'ALTER TABLE a ADD b int';\nEND $$;"})
    project.run("up", "--to", "1")
    holder = idle_holder(project, "a")
    run = project.run("up", exit=1)
    detail = run.err[run.err.index("detail: "):run.err.index("hint: ")]
    expect(detail.startswith("detail: It was blocked by pid {} (psql)".format(holder.backend)), True)
    expect_in("PL/pgSQL function inline_code_block line 2", detail)
    expect([line for line in run.err.splitlines() if len(line) > 100], [])
    holder.end()


def test_it_is_tried_again_from_the_migration_that_failed(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);"})
    project.run("up")
    project.write("2_b.up.sql", "CREATE TABLE b (id int);")
    project.write("3_c.up.sql", "CREATE TABLE c (id int);\nALTER TABLE a ADD c int;")
    project.write("4_d.up.sql", "CREATE TABLE d (id int);")
    holder = idle_holder(project, "a")
    run = project.start("up")
    lines = read_until(run.stderr, "trying again")
    begin = [line.startswith("waiting") for line in lines].index(True)
    told = " ".join(line.strip() for line in lines[begin:])
    expect(re.sub(r"for .*?: LOCK", "for T: LOCK", re.sub(r"in \d.*s$", "in T", told)),
           "waiting  3_c: blocked by pid {} (psql), idle in transaction for T: LOCK TABLE a; "
           "trying again in T".format(holder.backend))
    # Between two tries nothing of ours is open, and nothing of 2 is undone.
    expect(project.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE "
                       "'migrate/%' AND xact_start IS NOT NULL AND datname = current_database()"),
           "0")
    expect(project.applied(), ["1", "2"])
    holder.end()
    out, _ = run.communicate(timeout=LIMIT_S)
    expect(run.returncode, 0)
    expect(project.applied(), ["1", "2", "3", "4"])
    expect([line.split()[1] for line in out.splitlines() if line.startswith("applied")],
           ["2_b", "3_c", "4_d"])


# ---- Trying a part of a migration again -------------------------------------------------------

LOOSE = "-- migrate:no-transaction\n"


def quick(project, **settings):
    """Short waits for locks, and so short pauses."""
    lines = ["timeouts: { lock: 100ms }"]
    lines += ["{}: {}".format(name, value) for name, value in settings.items()]
    (project.root / "migrate.yaml").write_text("\n".join(lines) + "\n")


def finish(run):
    out, err = run.communicate(timeout=LIMIT_S)
    if run.returncode != 0:
        raise AssertionError("exit {}\n{}\n{}".format(run.returncode, out, err))


def marks(project, version):
    return project.sql("SELECT statements_started, statements_done, statements FROM migrate.history "
                       "WHERE version = '{}' AND reverted_at IS NULL".format(version))


def test_a_statement_is_tried_again_and_those_before_it_are_not(server):
    """Also not what ran outside a transaction; and the session is as they have left it."""
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);\nCREATE TABLE log (n int);\n"
                                             "CREATE SCHEMA s;"})
    project.run("up")
    quick(project)
    project.write("2_b.up.sql", LOOSE + "INSERT INTO log VALUES (1);\n"
                  "SET search_path = public;\n"
                  "PREPARE p AS INSERT INTO public.log VALUES (3);\n"
                  "CREATE INDEX CONCURRENTLY i ON log (n);\n"
                  "SELECT set_config('search_path', 's', false);\n"
                  "INSERT INTO public.log VALUES (2);\n"
                  "ALTER TABLE public.a ADD b int;\n"
                  "EXECUTE p;\n"
                  "CREATE TABLE made (id int);")
    project.write("3_c.up.sql", "CREATE TABLE made (id int);")
    holder = idle_holder(project, "a")
    run = project.start("up")
    read_until(run.stderr, "trying again")
    expect(marks(project, "2"), "6|6|9")
    expect(project.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE "
                       "'migrate/%' AND xact_start IS NOT NULL AND datname = current_database()"),
           "0")
    read_until(run.stderr, "trying again")
    holder.end()
    finish(run)
    expect(project.sql("SELECT string_agg(n::text, ' ' ORDER BY n) FROM log"), "1 2 3")
    expect(project.sql("SELECT string_agg(relnamespace::regnamespace::text, ' ' ORDER BY 1) FROM "
                       "pg_class WHERE relname = 'made'"), "public s")
    expect(marks(project, "2"), "9|9|9")
    expect(project.applied(), ["1", "2", "3"])


def test_a_transaction_of_the_file_is_tried_again_as_a_whole(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);\nCREATE TABLE log (n int);"})
    project.run("up")
    quick(project)
    for version, before in (("2", ""), ("3", "INSERT INTO log VALUES (0);\n")):
        project.write(version + "_b.up.sql", LOOSE + before + "BEGIN;\nINSERT INTO log VALUES (1);\n"
                      "ALTER TABLE a ADD b" + version + " int;\nCOMMIT;\n"
                      "INSERT INTO log VALUES (2);")
        project.sql("TRUNCATE log")
        holder = idle_holder(project, "a")
        run = project.start("up")
        read_until(run.stderr, "trying again")
        expect(project.sql("SELECT string_agg(n::text, ' ' ORDER BY n) FROM log"),
               "0" if before else "")
        expect(marks(project, version), "1|1|6" if before else "")
        holder.end()
        finish(run)
        expect(project.sql("SELECT string_agg(n::text, ' ' ORDER BY n) FROM log"),
               "0 1 2" if before else "1 2")


# Fails twice with a serialization failure, then never more: a sequence is never rolled back.
FLAKY = """CREATE SEQUENCE tries;
CREATE FUNCTION flaky() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF nextval('tries') % 3 <> 0 THEN RAISE 'not now' USING ERRCODE = '40001'; END IF;
  RETURN NULL; END $$;
CREATE TABLE log (n int);
CREATE TABLE now (n int);
CREATE TRIGGER t AFTER INSERT ON now FOR EACH ROW EXECUTE FUNCTION flaky();
CREATE TABLE late (n int);
CREATE CONSTRAINT TRIGGER t AFTER INSERT ON late DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION flaky();
CREATE PROCEDURE called() LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO log VALUES (7); COMMIT; INSERT INTO now VALUES (1); END $$;
"""


def test_every_kind_of_a_part_is_tried_again(server):
    project = Project(server, {"1_a.up.sql": FLAKY, "1_a.down.sql": "SELECT 1;"})
    project.run("up")
    quick(project)
    parts = ["INSERT INTO now VALUES (1);", "INSERT INTO late VALUES (1);",
             "COPY now FROM stdin;\n1\n\\.", "BEGIN;\nINSERT INTO late VALUES (1);\nCOMMIT;",
             "BEGIN;\nCOPY now FROM stdin;\n1\n\\.\nCOMMIT;"]
    text = LOOSE + "\n".join("INSERT INTO log VALUES ({});\n{}".format(i, part)
                             for i, part in enumerate(parts)) + "\nVACUUM log;\n"
    project.write("2_b.up.sql", text)
    project.write("2_b.down.sql", text)
    for words in ("up",), ("down", "--yes"):
        run = project.run(*words)
        expect(run.err.count("trying again"), 2 * len(parts))
        expect(project.sql("SELECT string_agg(n::text, ' ' ORDER BY n) FROM log"), "0 1 2 3 4")
        expect(project.sql("SELECT (SELECT count(*) FROM now), (SELECT count(*) FROM late)"), "3|2")
        project.sql("TRUNCATE log, now, late")
    expect(project.applied(), ["1"])


def test_what_runs_outside_a_transaction_is_not_tried_again(server):
    project = Project(server, {"1_a.up.sql": FLAKY})
    project.run("up")
    quick(project)
    project.write("2_b.up.sql", LOOSE + "CALL called();")
    run = project.run("up", exit=1)
    expect_in("(40001)", run.err)
    expect("trying again" in run.err, False)
    expect(project.sql("SELECT count(*) FROM log"), "1")
    project.write("2_b.up.sql", "-- migrate:lock-timeout 100ms\n" + LOOSE + "VACUUM now;")
    holder = idle_holder(project, "now")
    run = project.run("up", exit=1)
    expect_in("(55P03)", run.err)
    expect("trying again" in run.err, False)
    holder.end()


def test_a_mark_behind_what_ran_outside_is_not_a_reason_to_run_it_twice(server):
    for rest in ("", "\nSELECT 1;"):
        project = Project(server, {"1_a.up.sql": "CREATE TABLE log (n int);\nCREATE TABLE a (n int);"
                                                 "CREATE PROCEDURE slow() LANGUAGE sql AS $$\n"
                                                 "INSERT INTO log VALUES (1); LOCK TABLE a; $$;"})
        project.run("up")
        quick(project, lock_retry="2s")
        project.write("2_b.up.sql", LOOSE + "CALL slow();" + rest)
        holder = idle_holder(project, "a")
        run = project.start("up")
        wait_for(lambda: project.sql("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = "
                                     "'a'::regclass") == "1")
        other = idle_holder(project, "migrate.history")
        holder.end()
        _, err = run.communicate(timeout=LIMIT_S)
        expect(run.returncode != 0, True)
        expect_in("(55P03)", err)
        expect("trying again" in err, False)
        other.end()
        expect(project.sql("SELECT count(*) FROM log"), "1")
        expect(marks(project, "2"), "1|0|{}".format(2 if rest else 1))


def test_how_often_a_part_is_tried_again(server):
    """The file's own word and the configured time count."""
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);\nCREATE TABLE log (n int);"})
    project.run("up")
    rest = "INSERT INTO log VALUES (1);\nALTER TABLE a ADD b int;"
    project.write("2_b.up.sql", LOOSE + "-- migrate:retry no\n" + rest)
    quick(project)
    holder = idle_holder(project, "a")
    run = project.run("up", exit=1)
    expect("trying again" in run.err, False)
    expect_in("note: 2_b stopped at its statement 2 of 2; correct it, and run again to go on there",
              run.err)
    project.write("2_b.up.sql", LOOSE + rest)
    quick(project, lock_retry="2s")
    run = project.run("up", exit=1)
    expect_in("trying again", run.err)
    expect_in("detail: It was blocked by pid {} (psql)".format(holder.backend), run.err)
    expect_in("note: 2_b stopped at its statement 2 of 2; correct it, and run again to go on there",
              run.err)
    quick(project)
    run = project.run("up", "--deadline", "3s", exit=8)
    expect_in("detail: 2_b waited for a lock: canceling statement due to lock timeout.", run.err)
    expect_in("note: 2_b stopped at its statement 2 of 2\n", run.err)
    holder.end()
    project.run("up")
    expect(project.sql("SELECT count(*) FROM log"), "1")


def test_the_configured_time_for_locks_counts(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);",
                               "2_b.up.sql": "ALTER TABLE a ADD b int;"})
    project.run("up", "--to", "1")
    (project.root / "migrate.yaml").write_text("timeouts: { lock: 200ms }\nlock_retry: 3s\n")
    holder = idle_holder(project, "a")
    run = project.run("up", exit=1)
    told = re.sub(r"\n {9}", " ", run.err)
    pauses = [float(pause) for pause in re.findall(r"trying again in ([\d.]+) s", told)]
    # Five times the 200 ms, and up to a half more; then twice that.
    expect((len(pauses) > 0, 1 <= pauses[0] <= 1.5, all(pause <= 3 for pause in pauses)),
           (True, True, True))
    expect_in("waiting  2_b: blocked by pid {} (psql), idle in transaction for ".format(
        holder.backend), told)
    expect_in("detail: It was blocked by pid {} (psql)".format(holder.backend), run.err)
    expect_in("(55P03)", run.err)
    # None at all: the first failure is the last.
    (project.root / "migrate.yaml").write_text("timeouts: { lock: 200ms }\nlock_retry: 0s\n")
    expect("trying again" in project.run("up", exit=1).err, False)
    holder.end()
    project.run("up")


def test_a_statement_that_waits_long_says_for_whom(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);",
                               "2_i.up.sql": "CREATE INDEX CONCURRENTLY i ON a (id);"})
    project.run("up", "--to", "1")
    holder = idle_holder(project, "a")
    run = project.start("up")
    line = read_until(run.stderr, "blocked by")[-1]
    expect_in("waiting  2_i: blocked by pid {} (psql), idle in transaction for ".format(
        holder.backend), line)
    holder.end()
    run.communicate(timeout=LIMIT_S)
    expect(run.returncode, 0)


def test_a_deadline_while_a_lock_is_waited_for(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);",
                               "2_b.up.sql": "ALTER TABLE a ADD b int;"})
    project.run("up", "--to", "1")
    holder = idle_holder(project, "a")
    run = project.run("up", "--deadline", "5s", exit=8)
    expect_in("error: the time for this run is over (deadline)", run.err)
    expect_in("detail: 2_b waited for a lock: canceling statement due to lock timeout.", run.err)
    expect_in("blocked by pid {} (psql)".format(holder.backend), run.err)
    holder.end()


def test_the_time_that_is_given_for_a_lock_is_used(server):
    """The usual pause would end behind it: the last one is shorter."""
    for limit in "MIGRATE_DEADLINE", "MIGRATE_LOCK_RETRY":
        project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);",
                                   "2_b.up.sql": "ALTER TABLE a ADD b int;"})
        project.run("up", "--to", "1")
        (project.root / "migrate.yaml").write_text("timeouts: { lock: 400ms }\n")
        holder = idle_holder(project, "a")
        project.variables[limit] = "2600ms"
        run = project.start("up")
        read_until(run.stderr, "trying again in")
        holder.end()
        out, err = run.communicate(timeout=LIMIT_S)
        expect((run.returncode, err, project.applied()), (0, "", ["1", "2"]))
        expect_in("applied  2_b", out)


def test_a_deadline_while_the_turn_is_waited_for(server):
    project = Project(server, {"1_a.up.sql": "SELECT pg_sleep(3);"})
    worker = project.start("up")
    wait_for(lambda: locks(project) == "2")
    run = project.run("up", "--deadline", "1s", exit=8)
    expect_in("error: the time for this run is over (deadline)\n"
              "detail: It waited for its turn: another run ",
              run.err)
    expect_in("note: nothing was applied by this run\n", run.err)
    worker.communicate(timeout=LIMIT_S)
    expect(worker.returncode, 0)


def silent_listener():
    """A socket that accepts connections and says nothing."""
    listener = socket.create_server(("127.0.0.1", 0))
    return listener, "postgresql://postgres@127.0.0.1:{}/x?sslmode=disable".format(
        listener.getsockname()[1])


def test_a_deadline_while_the_server_is_waited_for(server):
    project = Project(server, {"1_a.up.sql": "SELECT 1;"})
    run = project.run("up", "--deadline", "2s", exit=8,
                      url="postgresql://postgres@127.0.0.1:1/x?sslmode=disable")
    expect_in("error: the time for this run is over (deadline)\n  --> DATABASE_URL in the "
              "environment\ndetail: It waited for the server: could not connect to the server at "
              "\"127.0.0.1\", port 1: ", run.err)
    expect_in("note: nothing was changed\n", run.err)
    listener, url = silent_listener()
    run = project.run("up", "--deadline", "1s", "--wait-server", "1min", exit=8, url=url)
    expect_in("It waited for the server: could not connect to the server: no answer after ",
              run.err)
    listener.close()
    # What waiting would not heal is no matter of time.
    project.run("up", "--deadline", "1s", exit=2, url=server.url_of("no_such_database"))


# ---- Time limits of roles ----------------------------------------------------------------------


def test_who_waits_too_long_is_told_its_own_command(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);",
                               "1_a.down.sql": "DROP TABLE a;"})
    project.run("up")
    key = re.search(r"key (-?\d+)", project.run("doctor").out).group(1)
    holder = project.session()
    holder.run("SELECT pg_advisory_lock({})".format(key))
    project.write("2_b.up.sql", "CREATE TABLE b (id int);")
    for words, done in (("up", "applied"), ("down", "reverted"), ("redo", "reverted"),
                        ("baseline 1", "recorded"), ("repair 1 --accept-file", "changed"),
                        ("repair 1 --statement 1 again", "changed"), ("claim production", "changed"),
                        ("claim --release", "changed")):
        run = project.run(*words.split(), "--wait-turn", "1ms", exit=4)
        expect_in("hint: Run again when it is done, or wait longer: migrate {} --wait-turn 30min "
                  "note: nothing was {} by this run".format(words, done),
                  " ".join(run.err.split()))
    holder.end()


def test_whose_statement_timeout_it_was(server):
    project = Project(server, {"1_a.up.sql": "-- migrate:statement-timeout 100ms\nSELECT pg_sleep(9);"})
    run = project.run("up", exit=1)
    expect_in("(57014)", run.err)
    expect_in("detail: The limit is that of the file's own \"-- migrate:statement-timeout\" line.",
              run.err)
    project.write("1_a.up.sql", "SET statement_timeout = 100;\nSELECT pg_sleep(9);")
    run = project.run("up", exit=1)
    expect_in("detail: The run itself sets no limit: the file has set statement_timeout.", run.err)
    expect_in("      -- migrate:statement-timeout 30min\n", run.err)
    project.sql("ALTER DATABASE {} SET statement_timeout = '150ms'".format(project.database))
    project.write("1_a.up.sql", "RESET statement_timeout;\nSELECT pg_sleep(9);")
    run = project.run("up", exit=1)
    expect_in("has reset statement_timeout to the 150ms that are set for database {}.".format(
        project.database), run.err.replace("\n        ", " ").replace("\n      ", " "))
    # The run's own session has none, whatever the database says.
    project.write("1_a.up.sql", "SELECT pg_sleep(0.3);")
    project.run("up")


def test_the_deadline_cuts_the_wait_for_the_first_answer(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);"})
    proxy = Proxy(server, lambda _, kind, body: "silent")
    for words in ("up",), ("status",), ("down", "--yes"):
        run = project.run(*words, "--deadline", "1s", exit=8, url=proxy.url(project.database))
        expect_in("error: the time for this run is over (deadline)\n"
                  "detail: The server accepted the connection, but does not answer.\n", run.err)
    proxy.close()


if __name__ == "__main__":
    sys.exit(main(globals()))
