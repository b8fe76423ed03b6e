#!/usr/bin/env python3
"""up --single-transaction, --rehearse and --dry-run on a real server.  Speaks TAP.

usage: modes.py MIGRATE [NAME...]
"""
import re
import sys

from house import LIMIT_S, Project, expect, expect_in, locks, main, read_until

THREE = {"1_a.up.sql": "CREATE TABLE a (id int);",
         "2_b.up.sql": "COPY a FROM stdin;\n1\n2\n\\.\nCREATE TABLE b (id int);\n",
         "3_c.up.sql": "-- migrate:lock-timeout 5s\nCREATE TABLE c (id int);"}


def words(out):
    return [line.split()[:2] for line in out.splitlines() if line.split()[0] != "done"]


def is_untouched(project):
    return project.sql("SELECT to_regclass('a') IS NULL AND to_regclass('c') IS NULL AND "
                       "to_regnamespace('migrate') IS NULL") == "t"


# ---- One transaction for all ----------------------------------------------------------------


def test_one_transaction_for_all(server):
    project = Project(server, dict(THREE, **{
        "4_d.up.sql": "CREATE TABLE d AS SELECT current_setting('lock_timeout') AS t;\n"
                      "SELECT pg_sleep(0.3);",
        "R__v.sql": "CREATE OR REPLACE VIEW v AS SELECT count(*) FROM a;"}))
    run = project.run("up", "--single-transaction")
    expect(words(run.out), [["applied", "1_a"], ["applied", "2_b"], ["applied", "3_c"],
                            ["applied", "4_d"], ["applied", "R__v"]])
    expect_in("done     5 applied in ", run.out)
    expect(project.sql("SELECT count(DISTINCT xmin::text), count(*) FROM migrate.history"), "1|5")
    expect(project.sql("SELECT * FROM v"), "2")
    # What a file sets for itself does not reach the next one; each has its own duration.
    expect(project.sql("SELECT t FROM d"), "1s")
    expect(project.sql("SELECT version FROM migrate.history WHERE duration > '0.3 s'"), "4")
    expect_in("nothing to do", project.run("up", "--single-transaction").out)
    project.write("5_e.up.sql", "CREATE TABLE e (id int);")
    expect_in("done     1 applied", project.run("up", "--single-transaction").out)


def test_if_one_fails_none_is_applied(server):
    project = Project(server, dict(THREE, **{"4_d.up.sql": "SELECT 1;\nSELECT nonsense;"}))
    run = project.run("up", "--single-transaction", exit=1)
    expect_in("--> migrations/4_d.up.sql:2:8\n", run.err)
    expect_in("note: nothing was applied: all 4 migrations were in one transaction, which was rolled "
              "back", run.err.replace("\n      ", " "))
    expect(run.out, "")
    expect(is_untouched(project), True)
    project.write("4_d.up.sql", "SELECT 1;")
    project.run("up", "--single-transaction")
    expect(project.applied(), ["1", "2", "3", "4"])


def test_constraints_are_deferred_again(server):
    project = Project(server, {
        "1_a.up.sql": "CREATE TABLE p (id int PRIMARY KEY);\nCREATE TABLE f (p int REFERENCES p "
                      "DEFERRABLE INITIALLY DEFERRED);",
        "2_b.up.sql": "INSERT INTO f VALUES (1);\nINSERT INTO p VALUES (1);",
        "3_c.up.sql": "INSERT INTO f VALUES (2);\nINSERT INTO p VALUES (2);\n",
        "4_d.up.sql": "ALTER TABLE f ADD n int;"})
    project.run("up", "--single-transaction")
    expect(project.sql("SELECT count(*) FROM f"), "2")
    project.write("5_e.up.sql", "INSERT INTO f VALUES (9);")
    project.write("6_f.up.sql", "SELECT 1;")
    run = project.run("up", "--single-transaction", exit=1)
    expect_in("migrations/5_e.up.sql", run.err)
    expect(project.applied(), ["1", "2", "3", "4"])


def test_what_cannot_share_a_transaction_is_refused(server):
    project = Project(server, dict(THREE, **{
        "4_i.up.sql": "\nCREATE INDEX CONCURRENTLY i ON a (id);",
        "5_n.up.sql": "-- migrate:no-transaction\nSELECT 1;"}))
    run = project.run("up", "--single-transaction", exit=6)
    expect_in("error: migration \"4_i\" cannot share a transaction (one-transaction)\n"
              "  --> migrations/4_i.up.sql:2:1\n"
              "detail: It runs without a transaction: CREATE INDEX CONCURRENTLY cannot be rolled "
              "back.\n", run.err)
    expect(is_untouched(project), True)
    run = project.run("up", "--rehearse", exit=6)
    expect_in("error: migration \"4_i\" cannot be rehearsed (one-transaction)\n", run.err)
    project.run("up", "--single-transaction", "--to", "3")
    expect(project.applied(), ["1", "2", "3"])


def test_an_enum_value_used_too_early_has_its_place(server):
    project = Project(server, {"1_a.up.sql": "CREATE TYPE mood AS ENUM ('sad');"})
    project.run("up")
    project.write("2_b.up.sql", "ALTER TYPE mood ADD VALUE 'glad';")
    project.write("3_c.up.sql", "SELECT 1;\nSELECT 'glad'::mood;")
    run = project.run("up", "--single-transaction", exit=1)
    expect_in("(55P04)\n  --> migrations/3_c.up.sql:2:8\n", run.err)
    expect_in("hint: A value of ALTER TYPE ... ADD VALUE can be used only after its COMMIT: give each "
              "migration a transaction of its own.", run.err.replace("\n      ", " "))
    expect(project.applied(), ["1"])
    project.run("up")
    expect(project.applied(), ["1", "2", "3"])


def test_one_transaction_is_tried_again_whole(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);"})
    project.run("up")
    project.write("2_b.up.sql", "CREATE TABLE b (id int);")
    project.write("3_c.up.sql", "ALTER TABLE a ADD c int;")
    with project.session() as holder:
        holder.run("BEGIN; LOCK TABLE a")
        run = project.start("up", "--single-transaction")
        read_until(run.stderr, "trying again")
    run.communicate(timeout=LIMIT_S)
    expect(run.returncode, 0)
    expect(project.applied(), ["1", "2", "3"])


# ---- A rehearsal ------------------------------------------------------------------------------


def test_a_rehearsal_keeps_nothing(server):
    project = Project(server, THREE)
    run = project.run("up", "--rehearse")
    expect(words(run.out), [["tried", "1_a"], ["tried", "2_b"], ["tried", "3_c"]])
    if not re.search(r"^done     3 tried in .*s and rolled back, nothing was kept$", run.out, re.M):
        raise AssertionError(run.out)
    expect_in("note: a rehearsal takes the locks of the real run", run.err)
    expect(is_untouched(project), True)
    expect(locks(project), "0")
    project.run("up")
    project.write("4_d.up.sql", "CREATE TABLE d (id int);")
    project.write("R__v.sql", "CREATE VIEW v AS SELECT 1 AS one;")
    run = project.run("up", "--rehearse")
    expect(words(run.out), [["tried", "4_d"], ["tried", "R__v"]])
    expect(project.applied(), ["1", "2", "3"])
    expect_in("nothing to do", project.run("up", "--rehearse", "--to", "3").out)


def test_a_rehearsal_that_fails(server):
    project = Project(server, dict(THREE, **{"4_d.up.sql": "SELECT 1/0;"}))
    run = project.run("up", "--rehearse", exit=1)
    expect(words(run.out), [["tried", "1_a"], ["tried", "2_b"], ["tried", "3_c"]])
    expect_in("note: it was a rehearsal: nothing was kept\n", run.err)
    expect(is_untouched(project), True)


# ---- Only showing -------------------------------------------------------------------------------


def test_a_dry_run_is_the_plan(server):
    project = Project(server, THREE)
    expect(project.run("up", "--dry-run").out, project.run("plan").out)
    expect(project.run("up", "--dry-run", "--to", "2").out, project.run("plan", "--to", "2").out)
    expect(is_untouched(project), True)
    project.write("4_i.up.sql", "CREATE INDEX CONCURRENTLY i ON a (id);")
    expect_in("(one-transaction)",
              project.run("up", "--dry-run", "--single-transaction", exit=6).err)
    expect_in("--dry-run runs nothing, and --rehearse does",
              project.run("up", "--dry-run", "--rehearse", exit=2).err)


if __name__ == "__main__":
    sys.exit(main(globals()))
