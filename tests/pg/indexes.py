#!/usr/bin/env python3
"""Indexes that are built concurrently: cut off, left behind, with another run waiting.  Speaks TAP.

usage: indexes.py MIGRATE [NAME...]
"""
import subprocess
import sys

from house import (LIMIT_S, Project, end_killed, expect, expect_in, hold_table, locks, main,
                   wait_for)
from proxy import Proxy

LOOSE = "-- migrate:no-transaction\n"
VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass"
BIG = "CREATE TABLE a AS SELECT i, md5(i::text) AS t FROM generate_series(1, {}) i;"


def hold_snapshot(project):
    """A session in a transaction that every concurrent build of an index has to wait for."""
    holder = project.session()
    holder.run("BEGIN ISOLATION LEVEL REPEATABLE READ; INSERT INTO a VALUES (0, '')")
    return holder


def invalid(project):
    return project.sql("SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = indexrelid WHERE "
                       "NOT indisvalid AND relnamespace = 'public'::regnamespace")


def kill_while_it_builds(project):
    """Start a run, kill it while its index is built, and wait until the server noticed."""
    holder = hold_snapshot(project)
    run = project.start("up")
    wait_for(lambda: invalid(project) == "1")
    run.kill()
    run.communicate(timeout=LIMIT_S)
    end_killed(project)
    wait_for(lambda: locks(project) == "0")
    holder.end()
    expect(invalid(project), "1")


def test_a_killed_build_is_built_again(server):
    project = Project(server, {"1_a.up.sql": BIG.format(1000)})
    project.run("up")
    project.write("2_i.up.sql", "CREATE INDEX CONCURRENTLY i ON a (t);")
    kill_while_it_builds(project)
    expect_in("partial", project.run("status").out)
    expect_in("note: index public.i, left invalid by an earlier try, is built again",
              project.run("up").err)
    expect(project.sql(VALID), "t")
    expect(invalid(project), "0")


def test_a_repair_of_a_killed_build_leaves_it_to_the_next_run(server):
    project = Project(server, {"1_a.up.sql": BIG.format(1000)})
    project.run("up")
    project.write("2_i.up.sql", "CREATE INDEX CONCURRENTLY i ON a (t);")
    kill_while_it_builds(project)
    expect(project.run("repair", "2", "--statement", "1", "again", "--yes").out,
           "done     nothing to do, \"migrate up\" runs statement 1 of 2_i again by itself\n")
    expect_in("note: index public.i, left invalid by an earlier try, is built again",
              project.run("up").err)
    expect(project.sql(VALID), "t")
    expect(invalid(project), "0")


def test_what_a_killed_reindex_left_is_dropped(server):
    table = "REINDEX (CONCURRENTLY) TABLE a;" if server.version() >= 14 else "REINDEX TABLE CONCURRENTLY a;"
    for statement in ("REINDEX INDEX CONCURRENTLY i;", table):
        project = Project(server, {"1_a.up.sql": BIG.format(1000) + "\nCREATE INDEX i ON a (t);"})
        project.run("up")
        project.write("2_r.up.sql", statement)
        kill_while_it_builds(project)
        expect_in("note: index public.i_ccnew, left by an earlier try, is dropped",
                  project.run("up").err)
        expect(project.sql("SELECT string_agg(relname, ' ') FROM pg_class WHERE relkind = 'i' AND "
                           "relname LIKE 'i%' AND relnamespace = 'public'::regnamespace"), "i")
        expect(project.sql(VALID), "t")
        expect(project.applied(), ["1", "2"])


def test_a_leftover_of_somebody_else_stays(server):
    project = Project(server, {"1_a.up.sql": BIG.format(10) + "\nCREATE INDEX i ON a (t);\n"
                                                             "CREATE INDEX i_ccnew ON a (t);"})
    project.run("up")
    project.sql("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'i_ccnew'::regclass")
    project.write("2_r.up.sql", "REINDEX INDEX CONCURRENTLY i;")
    project.run("up")
    expect(project.sql("SELECT to_regclass('i_ccnew') IS NOT NULL"), "t")


def test_if_not_exists_over_an_invalid_index_is_an_error(server):
    project = Project(server, {"1_a.up.sql": BIG.format(10) + "\nINSERT INTO a SELECT * FROM a;"})
    project.run("up")
    subprocess.run(["psql", "-Xq", "-d", server.url_of(project.database), "-c",
                    "CREATE UNIQUE INDEX CONCURRENTLY i ON a (i)"], stderr=subprocess.DEVNULL)
    expect(project.sql(VALID), "f")
    project.write("2_i.up.sql", "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON a (i);")
    err = project.run("up", exit=1).err
    expect_in("error: index public.i is invalid: an earlier build of it failed (sql)\n"
              "  --> migrations/2_i.up.sql:1\n", err)
    expect_in("DROP INDEX CONCURRENTLY public.i;", err)
    expect(project.applied(), ["1"])


def test_an_invalid_index_of_that_name_is_found_before_the_build(server):
    project = Project(server, {"1_a.up.sql": BIG.format(10) + "\nINSERT INTO a SELECT * FROM a;"})
    project.run("up")
    subprocess.run(["psql", "-Xq", "-d", server.url_of(project.database), "-c",
                    'CREATE UNIQUE INDEX CONCURRENTLY "I :index" ON a (i)'],
                   stderr=subprocess.DEVNULL)
    project.write("2_i.up.sql", 'CREATE INDEX CONCURRENTLY j ON a (t);\n'
                                'CREATE INDEX CONCURRENTLY "I :index" ON a (i);')
    err = project.run("up", exit=1).err
    expect_in('error: index public."I :index" is invalid: an earlier build of it failed (sql)\n'
              "  --> migrations/2_i.up.sql:2\n", err)
    # It was not begun, so what stands there is not taken for ours: now, and the next time.
    expect(project.sql("SELECT statements_started, statements_done FROM migrate.history WHERE "
                       "version = '2'"), "1|1")
    project.run("up", exit=1)
    expect(invalid(project), "1")
    project.sql('DROP INDEX "I :index"')
    project.run("up")
    expect(project.applied(), ["1", "2"])


def behind_the_build(server, act):
    """Run up with act(project) when the first message behind the build comes by."""
    project = Project(server, {"1_a.up.sql": BIG.format(10)})
    project.run("up")
    project.write("2_i.up.sql", "CREATE INDEX CONCURRENTLY i ON a (t);\n"
                                "CREATE INDEX CONCURRENTLY j ON a (i);")
    seen = {"is_built": False, "is_over": False}

    def on_message(_, kind, body):
        if b"CREATE INDEX CONCURRENTLY i" in body:
            seen["is_built"] = True
        elif seen["is_built"] and not seen["is_over"] and kind == b"P":
            seen["is_over"] = True
            return act(project)
        return None

    proxy = Proxy(server, on_message)
    run = project.start("up", url=proxy.url(project.database))
    run.out, run.err = run.communicate(timeout=LIMIT_S)
    proxy.close()
    expect(seen["is_over"], True)
    return project, run


def test_a_build_that_was_reported_but_is_invalid_is_not_done(server):
    project, run = behind_the_build(
        server, lambda project: project.sql("UPDATE pg_index SET indisvalid = false WHERE "
                                            "indexrelid = 'i'::regclass") and None)
    expect(run.returncode, 1)
    expect_in("error: index public.i is invalid: the server reported success, but the build did not "
              "finish (sql)\n  --> migrations/2_i.up.sql:1\n", run.err)
    expect(project.sql("SELECT to_regclass('j') IS NULL"), "t")
    expect_in("note: index public.i, left invalid by an earlier try, is built again",
              project.run("up").err)
    expect(project.sql(VALID), "t")
    expect(project.applied(), ["1", "2"])


def test_a_build_whose_mark_was_lost_is_not_done_again(server):
    project, run = behind_the_build(
        server, lambda project: seen_oid.append(project.sql("SELECT 'i'::regclass::oid"))
        or "before")
    expect(run.returncode, 0)
    expect_in("connecting again", run.err)
    expect(project.sql("SELECT 'i'::regclass::oid"), seen_oid.pop())
    expect(project.applied(), ["1", "2"])


seen_oid = []


def test_a_mark_that_cannot_be_written_leaves_the_build_known(server):
    """The history is locked when the mark comes: what is done is recorded when it is free."""
    holders = []
    project, run = behind_the_build(
        server, lambda project: holders.append(hold_table(project, "migrate.history", 2)))
    holders[0].wait(LIMIT_S)
    expect(run.returncode, 1)
    expect_in("lock timeout", run.err)
    project.run("up")
    expect(project.sql(VALID), "t")
    expect(project.applied(), ["1", "2"])


def test_the_time_of_a_statement_outside_is_counted(server):
    project = Project(server, {"1_a.up.sql": LOOSE + "DO $$ BEGIN PERFORM pg_sleep(0.5); END $$;"})
    project.run("up")
    # It counts from the answer to the mark before, which a busy machine may read late.
    expect(project.sql("SELECT duration >= '0.25 s' FROM migrate.history"), "t")


def test_a_waiting_run_does_not_hold_the_build_up(server):
    project = Project(server, {"1_a.up.sql": BIG.format(300000),
                               "2_i.up.sql": "CREATE INDEX CONCURRENTLY i ON a (t);",
                               "3_j.up.sql": "CREATE INDEX CONCURRENTLY j ON a (i, t);\n"
                                             "REINDEX INDEX CONCURRENTLY i;"})
    runs = [project.start("up") for _ in range(3)]
    for run in runs:
        run.out, run.err = run.communicate(timeout=LIMIT_S)
    expect([run.returncode for run in runs], [0, 0, 0])
    expect(sum(run.out.count("applied  ") for run in runs), 3)
    for run in runs:
        if "deadlock" in run.err:
            raise AssertionError(run.err)
    expect(project.sql(VALID), "t")
    expect(invalid(project), "0")
    expect(project.applied(), ["1", "2", "3"])


def test_a_lost_lock_stops_a_build_before_it_begins(server):
    project = Project(server, {
        "1_a.up.sql": "CREATE TABLE a (i int);",
        "2_i.up.sql": LOOSE + "SELECT 1;\nDO $$ BEGIN PERFORM pg_advisory_unlock_all(); END $$;\n"
                              "CREATE INDEX CONCURRENTLY i ON a (i);"})
    expect_in("(fence)", project.run("up", exit=3).err)
    expect(project.sql("SELECT to_regclass('i') IS NULL"), "t")


if __name__ == "__main__":
    sys.exit(main(globals()))
