#!/usr/bin/env python3
"""What people have suffered from other runners, each as they lived it, and here ended.  Speaks TAP.

usage: pains.py MIGRATE [NAME...]
"""
import os
import sys

import house
from branches import Desk
from house import Project, expect, expect_in

A = {"1_a.up.sql": "CREATE TABLE a (id int);\n", "1_a.down.sql": "DROP TABLE a;\n"}
B = {"2_b.up.sql": "CREATE TABLE b (id int);\n", "2_b.down.sql": "DROP TABLE b;\n"}


def tables(project):
    return project.sql("SELECT coalesce(string_agg(tablename, ' ' ORDER BY tablename), '') FROM "
                       "pg_tables WHERE schemaname = 'public'").split()


# ---- Failures --------------------------------------------------------------------------------


def test_a_plain_sql_error_leaves_no_dirty_flag_to_be_forced_away(server):
    """Also not where the very first one fails, which has no version before it to go back to."""
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);\nSELECT 1/0;\n"})
    for _ in range(2):
        run = project.run("up", exit=1)
        expect_in("note: 1_a was rolled back\n", run.err)
        expect((tables(project), project.applied()), ([], []))
    expect_in("pending  1_a", project.run("status").out)
    project.write("1_a.up.sql", A["1_a.up.sql"])
    project.write("2_b.up.sql", "CREATE TABLE b (id int);\nSELECT 1/0;\n")
    expect_in("note: 2_b was rolled back; the one before it stays applied",
              project.run("up", exit=1).err)
    # Nothing is to be settled: mended, it goes on.
    project.write("2_b.up.sql", B["2_b.up.sql"])
    expect_in("1 applied", project.run("up").out)
    expect(tables(project), ["a", "b"])


def test_no_failure_is_silent_or_exits_with_0(server):
    """Whatever is wrong: a status, and an error that says what."""
    project = Project(server, dict(A, **{"2_b.up.sql": "CREATE TABLE a (id int);\n"}))
    nowhere = "postgresql://postgres@127.0.0.1:1/x"
    for status, slug, words, url in (
            (1, "42P07", ("up",), None), (6, "no-down", ("down", "2"), None),
            (5, "unreachable", ("up", "--wait-server", "1ms"), nowhere),
            (2, "credentials", ("up",), server.url_of("no_such_database")),
            (2, "source", ("up", "--dir", "nowhere"), None), (2, "usage", ("up", "x"), None)):
        if slug == "no-down":
            project.write("2_b.up.sql", B["2_b.up.sql"])
            project.run("up")
        for more in (), ("--quiet",):
            run = project.run(*words, *more, exit=status, url=url)
            expect_in("({})\n".format(slug), run.err)
            expect("error: " in run.err and "done" not in run.out, True)


def test_an_error_names_file_line_and_statement(server):
    project = Project(server, dict(A, **{
        "2_b.up.sql": "-- a remark\nCREATE TABLE b (id int);\n\nCREATE FUNCTION f() RETURNS int\n"
                      "LANGUAGE sql AS $$ SELECT 1; $$;\n\nALTER TABLE a\n  ADD COLUMN n nosuch;\n"}))
    expect_in("error: type \"nosuch\" does not exist (42704)\n"
              "  --> migrations/2_b.up.sql:8:16\n"
              "   |\n"
              " 7 | ALTER TABLE a\n"
              " 8 |   ADD COLUMN n nosuch;\n"
              "   |                ^^^^^^\n", project.run("up", exit=1).err)


# ---- Order -----------------------------------------------------------------------------------


def test_a_lower_version_that_is_merged_late_never_goes_missing(server):
    """CI starts from nothing and is green; production must say it, not skip it."""
    late = {"1_a.up.sql": A["1_a.up.sql"], "3_c.up.sql": "CREATE TABLE c (id int);\n"}
    production = Project(server, late)
    production.variables["MIGRATE_LATE"] = "refuse"  # as on any other machine
    production.run("up")
    production.write("2_b.up.sql", B["2_b.up.sql"])
    fresh = Project(server, dict(late, **B))
    fresh.run("up")
    expect(tables(fresh), ["a", "b", "c"])
    expect_in("error: migration \"2_b\" is older than the newest applied one (late)",
              production.run("up", exit=6).err)
    expect_in("late     2_b", production.run("status", "--exit-code", exit=6).out)
    production.run("renumber", "2")
    production.run("up")
    expect(tables(production), ["a", "b", "c"])
    # Where CI had it under its old version, it is known by what it says.
    for name in "2_b.up.sql", "2_b.down.sql":
        (fresh.root / "migrations" / name).unlink()
    fresh.write("4_b.up.sql", B["2_b.up.sql"])
    expect_in("nothing to do", fresh.run("up").out)


def test_no_high_water_mark_hides_a_file_behind_a_success(server):
    """A newer stamp is applied; the older file runs all the same, or is an error."""
    project = Project(server, {"20260301000000_new.up.sql": "CREATE TABLE new (id int);\n"})
    project.run("up")
    project.write("20260201000000_old.up.sql", "CREATE TABLE old (id int);\n")
    expect_in("late     20260201000000_old", project.run("status").out)
    done = project.run("up").out
    expect_in("applied  20260201000000_old", done)
    expect_in("done     1 applied in ", done)
    expect(tables(project), ["new", "old"])


def two_branches(server, *names):
    """Each name a migration on a branch of its own, off main."""
    desk = Desk(server)
    for name in names:
        branch = name.rsplit("_", 1)[1]
        desk.git("checkout", "-q", "-b", branch, "main")
        desk.write(name + ".up.sql", "CREATE TABLE {} (id int);\n".format(branch))
        desk.commit(branch)
    return desk


def test_the_pull_request_is_told_of_a_late_version_not_the_deploy(server):
    desk = two_branches(server, "20260105_one", "20260104_two")
    desk.variables["DATABASE_URL"] = "postgresql://postgres@127.0.0.1:1/none"  # it asks no database
    desk.run("verify", "--base", "main")
    desk.switch("main")
    desk.git("merge", "-q", "--no-edit", "one")
    desk.switch("two")
    expect_in("late migrations/20260104_two.up.sql:1 migration \"20260104_two\" is older than the "
              "newest one of main",
              " ".join(desk.run("verify", "--base", "main", exit=6).out.split()))
    desk.git("mv", "migrations/20260104_two.up.sql", "migrations/20260106_two.up.sql")
    desk.commit("renumbered")
    desk.run("verify", "--base", "main")


def test_the_pull_request_is_told_of_a_version_that_is_taken(server):
    desk = two_branches(server, "20260104_one", "20260104_two")
    desk.switch("main")
    desk.git("merge", "-q", "--no-edit", "one")
    desk.switch("two")
    expect_in("\"20260104_two\" and \"20260104_one\" of main have one version",
              " ".join(desk.run("verify", "--base", "main", exit=6).out.split()))
    # And whoever merged without asking: refused whole, with the command that settles it.
    desk.git("merge", "-q", "--no-edit", "main")
    expect_in("migrate renumber 20260104_two", desk.run("up", exit=2).err)
    expect(desk.sql("SELECT to_regclass('migrate.history') IS NULL"), "t")
    desk.run("renumber", "20260104_two")
    desk.run("up")
    expect(tables(desk), ["base", "one", "two"])


def test_two_heads_that_were_merged_deploy(server):
    """There is no graph of revisions that could fork: both merges come to the same tables."""
    for first, second in ("one", "two"), ("two", "one"):
        desk = two_branches(server, "20260104_one", "20260105_two")
        desk.switch("main")
        for branch in first, second:
            desk.git("merge", "-q", "--no-edit", branch)
            desk.run("up")
        expect(tables(desk), ["base", "one", "two"])
        expect(set(desk.states().values()), {"applied"})


# ---- Checksums -------------------------------------------------------------------------------


def test_line_ends_of_a_checkout_are_no_edit(server):
    """Applied from Linux, then from a checkout of Windows, and the other way round."""
    text = "CREATE TABLE a (\n    id int -- a remark\n);\nSELECT 'two\nlines';\n"
    for first, then in ("\n", "\r\n"), ("\r\n", "\n"):
        project = Project(server, {})
        path = project.root / "migrations" / "1_a.up.sql"
        path.write_bytes(text.replace("\n", first).encode())
        project.run("up")
        for mark in b"", b"\xef\xbb\xbf":
            path.write_bytes(mark + text.replace("\n", then).encode())
            expect_in("nothing to do", project.run("up", "--strict").out)
            for word in "drift", "cosmetic-edit":
                expect(word in project.run("status", "--all").out, False)


def test_a_formatter_does_not_block_the_deploy(server):
    """White space, comments and capitals are a note; the words themselves are not free."""
    project = Project(server, {"1_a.up.sql": "create table a(id int,name text);\n"})
    project.run("up")
    project.write("1_a.up.sql", "-- Who is known.\nCREATE TABLE a (\n    id INT,\n    name TEXT\n)\n;\n")
    expect_in("nothing to do", project.run("up").out)
    expect_in("cosmetic-edit", project.run("status", "--all").out)
    project.write("2_b.up.sql", B["2_b.up.sql"])
    expect_in("applied  2_b", project.run("up").out)
    project.write("1_a.up.sql", "create table a(id int,name varchar);\n")
    expect_in("(drift)", project.run("up", exit=6).err)


# ---- Looking before --------------------------------------------------------------------------


def test_what_would_run_is_shown_and_tried_before(server):
    project = Project(server, dict(A, **B))
    project.run("up", "1")
    before = project.sql("SELECT * FROM migrate.history")
    for words in ("plan",), ("up", "--dry-run"):
        said = project.run(*words).out
        expect_in("   1  2_b                 1  one transaction", said)
        expect_in("\"migrate up\" would apply 1; nothing was changed", said)
    expect_in("tried    2_b", project.run("up", "--rehearse").out)
    expect((tables(project), project.sql("SELECT * FROM migrate.history")), (["a"], before))
    project.write("2_b.up.sql", "CREATE TABLE b (id int);\nSELECT 1/0;\n")
    expect_in("migrations/2_b.up.sql:2", project.run("up", "--rehearse", exit=1).err)
    expect(tables(project), ["a"])


# ---- The history -----------------------------------------------------------------------------


def test_the_history_stays_where_it_is_whatever_the_search_path(server):
    """Set by a file, by pg_dump's, for the role, for the database, in the URL: nothing runs twice."""
    project = Project(server, {
        "1_a.up.sql": "CREATE SCHEMA app;\nSET search_path = app;\nCREATE TABLE a (id int);\n",
        "2_b.up.sql": "SELECT pg_catalog.set_config('search_path', '', false);\n"
                      "CREATE TABLE app.b (id int);\n",
        "3_c.up.sql": "CREATE TABLE public.c (id int);\n"})
    project.run("up")
    project.sql("ALTER DATABASE {0} SET search_path = app, public; CREATE ROLE other SUPERUSER LOGIN; "
                "ALTER ROLE other IN DATABASE {0} SET search_path = nowhere".format(project.database))
    for url in (None, server.url_of(project.database, "other"),
                server.url_of(project.database) + "&schema=app",
                server.url_of(project.database) + "&options=-csearch_path%3Dapp"):
        expect(project.run("up", url=url).out, "done     nothing to do, now at 3_c\n")
    expect(project.sql("SELECT string_agg(c.oid::regclass::text, ' ') FROM pg_class c "
                       "WHERE relname = 'history' AND relkind = 'r'"), "migrate.history")
    expect(project.applied(), ["1", "2", "3"])
    server.sql("postgres", "DROP ROLE other")


def test_an_application_that_is_rolled_back_still_deploys(server):
    """Older files on a newer database: said, not refused; and strict for who wants it."""
    project = Project(server, dict(A, **B))
    project.run("up")
    for name in B:
        (project.root / "migrations" / name).unlink()
    run = project.run("up")
    expect(run.out, "done     nothing to do, now at 2_b\n")
    expect_in("2_b", run.err)
    expect_in("ahead    2_b", project.run("status", "--exit-code").out)
    project.run("up", "--strict", exit=6)
    # What the newer application needed stays, and comes back with its files.
    for name, text in B.items():
        project.write(name, text)
    expect(project.run("up").out, "done     nothing to do, now at 2_b\n")
    expect(tables(project), ["a", "b"])


def test_there_is_a_way_down(server):
    project = Project(server, dict(A, **B))
    project.run("up")
    expect_in("reverted 2_b", project.run("down").out)
    expect(tables(project), ["a"])
    project.run("up")
    expect_in("2 reverted", project.run("down", "--to", "0").out)
    expect(tables(project), [])
    # What cannot be reverted is said before anything is.
    (project.root / "migrations" / "1_a.down.sql").unlink()
    project.run("up")
    expect_in("error: migration \"1_a\" has no down script (no-down)",
              project.run("down", "2", exit=6).err)
    expect(tables(project), ["a", "b"])


def test_no_dump_is_skipped_or_made_by_another_version(server):
    """An older pg_dump first on PATH: passed over, or an error; what is written loads."""
    project = Project(server, dict(A, **B))
    project.run("up")
    old = project.root / "old"
    old.mkdir()
    (old / "pg_dump").write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.24'\n")
    (old / "pg_dump").chmod(0o755)
    project.variables["PATH"] = "{}:{}".format(old, os.environ["PATH"])
    project.run("dump", "--file", "schema.sql")
    fresh = server.database()
    server.sql(fresh, (project.root / "schema.sql").read_text())
    expect_in("nothing to do, now at 2_b", project.run("up", url=server.url_of(fresh)).out)
    # A program that says it fits, and fails: no file, and no success.
    (old / "pg_dump").write_text("#!/bin/sh\ncase $1 in --version) echo 'pg_dump (PostgreSQL) {}.1';; "
                                 "*) echo half; exit 1;; esac\n".format(
                                     server.sql("postgres", "SHOW server_version_num")[:-4]))
    run = project.run("dump", "--file", "other.sql", exit=1)
    expect_in("error: pg_dump ended with status 1 (server)", run.err)
    expect((project.root / "other.sql").exists(), False)


if __name__ == "__main__":
    sys.exit(house.main(globals()))
