#!/usr/bin/env python3
"""Down scripts outside a transaction that stop half-way: they go on where they stopped.  Speaks TAP.

usage: downs.py MIGRATE [NAME...]
"""
import json
import subprocess
import sys

from house import LIMIT_S, Project, end_killed, expect, expect_in, locks, main, wait_for
from proxy import Proxy, is_commit

LOOSE = "-- migrate:no-transaction\n"
# What a statement of the down script has done can be counted.
FILES = {"1_a.up.sql": "CREATE TABLE a (id int);\nCREATE TABLE said (what text);",
         "2_b.up.sql": "CREATE TABLE b (id int);",
         "2_b.down.sql": LOOSE + "INSERT INTO said VALUES ('one');\nDROP TABLE b;\n"
                                 "INSERT INTO said VALUES ('three');"}
DOUBT = LOOSE + "INSERT INTO said VALUES ('one');\nDO $$ BEGIN PERFORM pg_sleep(1.45); END $$;\n" \
                "DROP TABLE b;"
PROGRESS = "SELECT down_statements, down_started, down_done FROM migrate.history WHERE version = '2'"


def said(project):
    return project.sql("SELECT string_agg(what, ' ' ORDER BY what) FROM said")


def entry(project, version="2"):
    return next(one for one in json.loads(project.run("status", "--output", "json").out)["migrations"]
                if one["version"] == version)


def stopped_at_two(server):
    """A project whose down script failed at its second statement."""
    project = Project(server, FILES)
    project.run("up")
    project.sql("CREATE VIEW v AS SELECT * FROM b")
    project.err = project.run("down", exit=1).err
    return project


def in_doubt(server):
    """A project whose run was killed in the second statement of its down script."""
    project = Project(server, dict(FILES, **{"2_b.down.sql": DOUBT}))
    project.run("up")
    run = project.start("down")
    wait_for(lambda: project.sql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DO%1.45%' "
                                 "AND state = 'active' AND datname = current_database()") == "1")
    run.kill()
    run.communicate(timeout=LIMIT_S)
    wait_for(lambda: locks(project) == "0")
    return project


def test_one_that_failed_goes_on_there(server):
    project = stopped_at_two(server)
    expect_in("migrations/2_b.down.sql:3", project.err)
    expect_in("note: the down script of 2_b stopped at its statement 2 of 3; correct it, and run again "
              "to go on", project.err)
    expect(project.sql(PROGRESS), "3|1|1")
    project.sql("DROP VIEW v")
    expect_in("(partial)", project.run("plan", exit=6).err)
    expect_in("reverted 2_b", project.run("down").out)
    expect(said(project), "one three")
    expect(project.applied(), ["1"])
    expect_in("applied  2_b", project.run("up").out)
    expect(project.sql(PROGRESS + " AND reverted_at IS NULL"), "0|0|0")


# ---- What a down script takes along from repeatables ---------------------------------------------

VIEWED = {"1_a.up.sql": "CREATE TABLE a (id int);",
          "2_b.up.sql": "CREATE TABLE b (id int);", "2_b.down.sql": "DROP TABLE b CASCADE;",
          "R__v.sql": "CREATE OR REPLACE VIEW v AS SELECT id FROM b;",
          "R__w.sql": "CREATE OR REPLACE VIEW w AS SELECT id FROM a;"}
VIEWS = "SELECT string_agg(viewname, ' ' ORDER BY viewname) FROM pg_views WHERE schemaname = 'public'"
WHY = "a migration was reverted after it ran"


def test_a_view_that_went_with_its_table_comes_back(server):
    project = Project(server, VIEWED)
    project.run("up")
    expect(project.run("down").out.splitlines()[0].split()[:2], ["reverted", "2_b"])
    expect(project.sql(VIEWS), "w")
    for words in (["status"], ["status", "--offline"]):
        shown = project.run(*words)
        expect([line.split()[:2] for line in shown.out.splitlines() if WHY in line],
               [["stale", "R__v"], ["stale", "R__w"]])
        expect_in("1 pending, 2 stale; \"migrate up\" applies them", shown.out)
    document = json.loads(project.run("status", "--output", "json").out)
    expect((document["counts"]["stale"], document["counts"]["applied"]), (2, 1))
    project.run("status", "--exit-code", exit=10)
    expect([line.split("  ")[-1] for line in project.run("plan").out.splitlines() if "R__" in line],
           ["one transaction, " + WHY] * 2)
    expect([line.split()[1] for line in project.run("up").out.splitlines()[:-1]],
           ["2_b", "R__v", "R__w"])
    expect(project.sql(VIEWS), "v w")
    expect_in("nothing to do", project.run("up").out)
    for words in (["status"], ["status", "--offline"]):
        expect_in("nothing pending, now at 2_b", project.run(*words).out)


def test_a_redo_brings_it_back_itself(server):
    project = Project(server, VIEWED)
    project.run("up")
    run = project.run("redo")
    expect([line.split()[:2] for line in run.out.splitlines()[:-1]],
           [["reverted", "2_b"], ["applied", "2_b"], ["applied", "R__v"], ["applied", "R__w"]])
    expect(project.sql(VIEWS), "v w")
    for words in (["status"], ["status", "--offline"]):
        expect_in("nothing pending, now at 2_b", project.run(*words).out)
    expect_in("nothing to do", project.run("up").out)


def test_a_redo_that_fails_in_one_says_what_stays(server):
    project = Project(server, VIEWED)
    project.run("up")
    project.write("R__w.sql", "-- migrate:no-transaction\nINSERT INTO a VALUES (1);\nSELECT 1/0;")
    for words, before in (("redo", "; the 2 before it stay applied"), ("up", "")):
        expect_in("note: R__w stopped at its statement 2 of 2; correct it, and run again: it begins at "
                  "its first" + before + "\n", project.run(words, exit=1).err.replace("\n      ", " "))
    expect(project.sql("SELECT count(*) FROM a"), "2")


def test_repeatables_wait_where_a_redo_leaves_migrations_out(server):
    project = Project(server, VIEWED)
    project.run("up")
    project.write("3_c.up.sql", "CREATE TABLE c (id int);")
    expect(len(project.run("redo").out.splitlines()), 3)
    expect_in("1 pending, 2 stale", project.run("status").out)


def test_what_was_marked_as_reverted_counts_too(server):
    project = Project(server, VIEWED)
    project.run("up")
    for name in ("2_b.up.sql", "2_b.down.sql"):
        (project.root / "migrations" / name).unlink()
    project.sql("DROP TABLE b CASCADE")
    project.run("repair", "2", "--mark-reverted")
    expect_in("2 stale; \"migrate up\" applies them", project.run("status").out)
    project.write("R__v.sql", "CREATE OR REPLACE VIEW v AS SELECT id FROM a;")
    expect_in("1 changed, 1 stale", project.run("status").out)
    project.run("up")
    expect(project.sql(VIEWS), "v w")


def test_a_repeatable_or_a_claim_that_ended_is_no_revert(server):
    project = Project(server, VIEWED)
    project.run("up")
    project.run("claim", "production")
    project.run("claim", "--release")
    project.write("R__v.sql", "CREATE OR REPLACE VIEW v AS SELECT id, 1 AS one FROM b;")
    expect(len(project.run("up").out.splitlines()), 2)
    expect_in("nothing pending", project.run("status").out)


# ---- How long it took ----------------------------------------------------------------------------


def test_all_its_statements_count(server):
    project = Project(server, dict(FILES, **{
        "2_b.down.sql": LOOSE + "SELECT pg_sleep(0.4);\nDO $$ BEGIN PERFORM pg_sleep(0.3); END $$;\n"
                                "SELECT pg_sleep(0.2);\nDROP TABLE b;"}))
    project.run("up")
    reverted = json.loads(project.run("down", "--output", "json").out)["reverted"][0]
    expect((reverted["duration_ms"] >= 900, reverted["transactional"]), (True, False))


# ---- How it stands ------------------------------------------------------------------------------


def test_how_it_stands_is_shown(server):
    project = stopped_at_two(server)
    one = entry(project)
    expect((one["state"], one["statements_done"], one["statements"], one["notes"]),
           ("partial", 1, 3, ["half-reverted"]))
    expect_in("stopped behind statement 1 of 3 of the down script", project.run("status").out)
    expect_in("stopped behind statement 1 of 3 of the down script",
              project.run("status", "--offline").out)
    expect_in("partial", project.run("log").out)
    expect_in("the down script of migration \"2_b\" stopped half-way",
              project.run("verify", exit=6).out)
    expect_in("is half-run: a dump would keep that (partial)\nhint: Finish it first: migrate down\n",
              project.run("dump", exit=6).err)


def test_nothing_goes_up_until_it_is_reverted(server):
    project = stopped_at_two(server)
    project.write("3_c.up.sql", "CREATE TABLE c (id int);")
    err = project.run("up", exit=6).err
    expect_in('error: the down script of migration "2_b" stopped half-way (partial)\n'
              "  --> migrations/2_b.down.sql\n"
              "detail: Done: 1 of 3 statements of it.\n"
              "hint: Revert it to its end, then run again: migrate down\n", err)
    expect(project.sql("SELECT to_regclass('c') IS NULL"), "t")
    project.sql("DROP VIEW v")
    project.run("down")
    project.run("up")
    expect(project.applied(), ["1", "2", "3"])


def test_the_first_statement_that_fails_leaves_it_applied(server):
    project = Project(server, dict(FILES, **{"2_b.down.sql": LOOSE + "DROP TABLE nothing;\nSELECT 1;"}))
    project.run("up")
    expect_in("note: 2_b stays applied, its down script was rolled back\n",
              project.run("down", exit=1).err)
    expect(entry(project)["state"], "applied")
    project.write("2_b.down.sql", LOOSE + "VACUUM nothing;\nSELECT 1;")
    project.run("down", exit=1)
    expect(entry(project)["state"], "applied")
    expect_in("nothing to do", project.run("up").out)


def test_what_is_done_may_not_be_edited(server):
    project = stopped_at_two(server)
    project.sql("DROP VIEW v")
    mended = FILES["2_b.down.sql"].replace("DROP TABLE b", "DROP TABLE b CASCADE")
    project.write("2_b.down.sql", mended.replace("'one'", "'other'"))
    expect_in("statements of \"2_b\" were edited after they had run (partial)",
              project.run("down", exit=6).err)
    project.write("2_b.down.sql", LOOSE)
    project.run("down", exit=6)
    # Behind it everything may be mended, also the line at the top.
    project.write("2_b.down.sql", mended.replace(LOOSE, ""))
    project.run("down")
    expect(said(project), "one three")


def test_the_stored_one_goes_on_without_its_file(server):
    project = stopped_at_two(server)
    project.sql("DROP VIEW v")
    for name in ("2_b.up.sql", "2_b.down.sql"):
        (project.root / "migrations" / name).unlink()
    expect_in("(partial)", project.run("up", exit=6).err)
    project.run("down", "--from-history")
    expect(said(project), "one three")


def test_redo_goes_on_and_applies_it_again(server):
    project = stopped_at_two(server)
    project.sql("DROP VIEW v")
    project.run("redo")
    expect(said(project), "one three")
    expect(project.applied(), ["1", "2"])


def test_a_statement_in_doubt_is_settled_by_hand(server):
    project = in_doubt(server)
    expect(project.sql(PROGRESS), "3|2|1")
    err = project.run("down", exit=6).err
    expect_in('error: statement 2 of the down script of migration "2_b" was started and may have '
              "finished (partial)\n  --> migrations/2_b.down.sql\n", err)
    expect_in("migrate repair 2 --statement 2 done", err)
    expect_in("run \"migrate down\" again", err)
    expect_in("Statement 2 of the down script was started",
              project.run("repair", "2", "--statement", "1", "done", "--yes", exit=2).err)
    expect_in("change   down_done: 1 -> 2\n",
              project.run("repair", "2", "--statement", "2", "done", "--yes").out)
    project.run("down")
    expect((said(project), project.applied()), ("one", ["1"]))


def test_a_statement_in_doubt_runs_again_when_told(server):
    project = in_doubt(server)
    expect_in("done     statement 2 of the down script of 2_b is recorded as not done\n",
              project.run("repair", "2", "--statement", "2", "again", "--yes").out)
    project.run("down")
    expect((said(project), project.applied()), ("one", ["1"]))


def test_one_that_was_finished_by_hand_is_recorded(server):
    project = in_doubt(server)
    project.sql("DROP TABLE b")
    project.run("repair", "2", "--mark-reverted", "--yes")
    expect(entry(project)["state"], "pending")
    project.run("up")
    expect(project.applied(), ["1", "2"])


def test_of_which_nothing_ran_is_applied_again(server):
    project = Project(server, dict(FILES, **{"2_b.down.sql": DOUBT}))
    project.run("up")
    project.sql("UPDATE migrate.history SET down_statements = 3, down_started = 1 WHERE version = '2'")
    expect(entry(project)["state"], "partial")
    project.run("repair", "2", "--statement", "1", "again", "--yes")
    expect(entry(project)["state"], "applied")


# ---- Connections that break ----------------------------------------------------------------------


def test_a_lost_connection_goes_on_where_it_was(server):
    """Cut once at each statement of the down script: every one runs once."""
    for part in (b"'one'", b"DROP TABLE b", b"'three'", b"SET reverted_at = "):
        for how in ("at once", "before", "after"):
            project = Project(server, FILES)
            project.run("up")
            seen = {"part": False, "commit": False, "is_cut": False}

            def on_message(_, kind, body):
                """At the statement, or before or behind the COMMIT that follows it."""
                if seen["is_cut"]:
                    return None
                seen["commit"] |= seen["part"] and is_commit(kind, body)
                seen["part"] |= kind == b"P" and part in body
                if how == "at once":
                    seen["is_cut"] = seen["part"]
                    return "before" if seen["is_cut"] else None
                seen["is_cut"] = seen["commit"] and kind == b"E"
                return how if seen["is_cut"] else None

            proxy = Proxy(server, on_message)
            run = project.run("down", url=proxy.url(project.database))
            proxy.close()
            expect_in("connecting again", run.err)
            expect((said(project), project.applied()), ("one three", ["1"]))


def test_a_terminated_backend_leaves_a_doubt(server):
    project = Project(server, dict(FILES, **{"2_b.down.sql": DOUBT}))
    project.run("up")
    run = project.start("down")
    asleep = ("SELECT pid FROM pg_stat_activity WHERE query LIKE 'DO%1.45%' AND state = 'active' AND "
              "datname = current_database()")
    wait_for(lambda: project.sql(asleep) != "")
    project.sql("SELECT pg_terminate_backend({})".format(project.sql(asleep)))
    _, err = run.communicate(timeout=LIMIT_S)
    expect(run.returncode, 6)
    expect_in("connecting again", err)
    expect_in("(partial)", err)
    expect(said(project), "one")


# ---- Indexes ---------------------------------------------------------------------------------------


INDEX = {"1_a.up.sql": "CREATE TABLE a (id int);",
         "2_i.up.sql": "CREATE INDEX CONCURRENTLY i ON a (id);",
         "2_i.down.sql": "DROP INDEX CONCURRENTLY i;"}


def test_a_killed_drop_of_an_index_is_done_again(server):
    project = Project(server, INDEX)
    project.run("up")
    holder = subprocess.Popen(["psql", "-Xq", "-d", server.url_of(project.database)],
                              stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    holder.stdin.write("BEGIN ISOLATION LEVEL REPEATABLE READ;\nSELECT * FROM a;\n")
    holder.stdin.flush()
    wait_for(lambda: project.sql("SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in "
                                 "transaction' AND datname = current_database()") == "1")
    run = project.start("down")
    wait_for(lambda: project.sql("SELECT indisvalid FROM pg_index WHERE indexrelid = "
                                 "'i'::regclass") == "f")
    run.kill()
    run.communicate(timeout=LIMIT_S)
    end_killed(project)
    wait_for(lambda: locks(project) == "0")
    holder.stdin.close()
    holder.wait(LIMIT_S)
    expect(entry(project)["state"], "partial")
    expect_in("runs statement 1 of the down script of 2_i again by itself",
              project.run("repair", "2", "--statement", "1", "again", "--yes").out)
    project.run("down")
    expect(project.sql("SELECT to_regclass('i') IS NULL"), "t")
    expect(project.applied(), ["1"])


def test_a_drop_whose_mark_was_lost_is_not_done_again(server):
    """In a down script, and in an up script with more behind it."""
    up = dict(INDEX, **{"2_i.down.sql": "SELECT 1;",
                        "3_d.up.sql": INDEX["2_i.down.sql"] + "\nVACUUM a;"})
    for files, words in ((INDEX, ("down",)), (up, ("up",))):
        project = Project(server, files)
        project.run("up", "2")
        seen = {"is_dropped": False, "is_cut": False}

        def on_message(_, kind, body):
            if b"DROP INDEX CONCURRENTLY i" in body:
                seen["is_dropped"] = True
            elif seen["is_dropped"] and not seen["is_cut"] and kind == b"P":
                seen["is_cut"] = True
                return "before"
            return None

        proxy = Proxy(server, on_message)
        run = project.run(*words, url=proxy.url(project.database))
        proxy.close()
        expect_in("connecting again", run.err)
        expect(project.sql("SELECT to_regclass('i') IS NULL"), "t")
        expect(project.applied(), ["1"] if words == ("down",) else ["1", "2", "3"])


# ---- Histories of an older layout ------------------------------------------------------------------


def test_a_history_of_layout_2_is_read_and_upgraded(server):
    project = Project(server, FILES)
    project.run("up")
    project.sql("ALTER TABLE migrate.history DROP COLUMN down_statements, DROP COLUMN down_started, "
                "DROP COLUMN down_done, DROP COLUMN down_prefix_digest;"
                "COMMENT ON TABLE migrate.history IS 'migrate history, layout 2'")
    expect(entry(project)["state"], "applied")
    project.run("log")
    expect_in("nothing to do", project.run("up").out)
    project.sql("CREATE VIEW v AS SELECT * FROM b")
    project.run("down", exit=1)
    expect(project.sql(PROGRESS), "3|1|1")
    expect(project.sql("SELECT obj_description('migrate.history'::regclass, 'pg_class')"),
           "migrate history, layout 4")


if __name__ == "__main__":
    sys.exit(main(globals()))
