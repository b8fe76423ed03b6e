#!/usr/bin/env python3
"""Waiting for others: locks of other sessions, who has them, trying again, time limits.  Speaks TAP.

usage: waits.py MIGRATE [NAME...]
"""
import re
import socket
import subprocess
import sys

from house import LIMIT_S, Project, expect, expect_in, locks, main, wait_for


def idle_holder(project, table):
    """A session that has locked the table and then sleeps in its transaction."""
    holder = subprocess.Popen(["psql", "-Xq", "-d", project.server.url_of(project.database)],
                              stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    holder.stdin.write("BEGIN;\nLOCK TABLE {};\n".format(table))
    holder.stdin.flush()
    wait_for(lambda: project.sql("SELECT count(*) FROM pg_locks WHERE relation = '{}'::regclass "
                                 "AND mode = 'AccessExclusiveLock' AND granted".format(table)) == "1")
    holder.backend = project.sql("SELECT pid FROM pg_locks WHERE relation = '{}'::regclass AND "
                                 "mode = 'AccessExclusiveLock' AND granted".format(table))
    return holder


def end(holder):
    holder.stdin.close()
    holder.wait(LIMIT_S)


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
    end(holder)
    project.run("up")


def test_it_is_tried_again_from_the_migration_that_failed(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);"})
    project.run("up")
    project.write("2_b.up.sql", "CREATE TABLE b (id int);")
    project.write("3_c.up.sql", "CREATE TABLE c (id int);\nALTER TABLE a ADD c int;")
    project.write("4_d.up.sql", "CREATE TABLE d (id int);")
    holder = idle_holder(project, "a")
    run = project.start("up")
    lines = []
    while not lines or "trying again" not in lines[-1]:
        lines.append(run.stderr.readline())
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
    end(holder)
    out, _ = run.communicate(timeout=LIMIT_S)
    expect(run.returncode, 0)
    expect(project.applied(), ["1", "2", "3", "4"])
    expect([line.split()[1] for line in out.splitlines() if line.startswith("applied")],
           ["2_b", "3_c", "4_d"])


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
    end(holder)
    project.run("up")


def test_a_statement_that_waits_long_says_for_whom(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);",
                               "2_i.up.sql": "CREATE INDEX CONCURRENTLY i ON a (id);"})
    project.run("up", "--to", "1")
    holder = idle_holder(project, "a")
    run = project.start("up")
    line = ""
    while "blocked by" not in line:
        line = run.stderr.readline()
    expect_in("waiting  2_i: blocked by pid {} (psql), idle in transaction for ".format(
        holder.backend), line)
    end(holder)
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
    end(holder)


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
    holder = subprocess.Popen(["psql", "-XqAt", "-d", server.url_of(project.database)],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    holder.stdin.write("SELECT pg_advisory_lock({}), 1;\n".format(key))
    holder.stdin.flush()
    expect(holder.stdout.readline(), "|1\n")
    project.write("2_b.up.sql", "CREATE TABLE b (id int);")
    for words, done in (("up", "applied"), ("down", "reverted"), ("redo", "reverted"),
                        ("baseline 1", "recorded"), ("repair 1 --accept-file", "changed"),
                        ("repair 1 --statement 1 again", "changed"), ("claim production", "changed"),
                        ("claim --release", "changed")):
        run = project.run(*words.split(), "--wait-turn", "1ms", exit=4)
        expect_in("hint: Run again when it is done, or wait longer: migrate {} --wait-turn 30min "
                  "note: nothing was {} by this run".format(words, done),
                  " ".join(run.err.split()))
    holder.communicate(timeout=LIMIT_S)


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


if __name__ == "__main__":
    sys.exit(main(globals()))
