#!/usr/bin/env python3
"""Servers that are older, newer or called otherwise than the one at hand.  Speaks TAP.

usage: versions.py MIGRATE [NAME...]
"""
import sys

from house import (LIMIT_S, UNWATCHED, Project, end_killed, expect, expect_in, hold_table, main,
                   read_until)
from proxy import Proxy

FILES = {"1_a.up.sql": "CREATE TABLE a (id int);"}


def test_an_old_server_is_asked_nothing(server):
    project = Project(server, FILES)
    asked = []
    for version in ("12.22 (Debian 12.22-1.pgdg120+1)", "9.6.24", "8.0.2"):
        proxy = Proxy(server, lambda _, kind, body: asked.append(kind + body), version)
        for command in ("up", "status", "plan", "verify", "down", "log", "dump", "claim production"):
            run = project.run(*command.split(), url=proxy.url(project.database), exit=3)
            expect(run.err.splitlines()[1:],
                   ["error: the server runs PostgreSQL {}, older than 13 (old-server)".format(
                       version.split()[0]), "note: nothing was changed"])
        expect(set(asked), {b"X"})
        asked.clear()
        run = project.run("doctor", url=proxy.url(project.database), exit=3)
        expect_in("fail  version      the server runs PostgreSQL {}, older than 13\n".format(
            version.split()[0]), run.out)
        asked.clear()
        proxy.close()
    expect(project.sql("SELECT to_regclass('a') IS NULL AND to_regnamespace('migrate') IS NULL"), "t")


def test_a_version_is_told_in_the_servers_words(server):
    """Of what is before its first release there is no minor number."""
    project = Project(server, FILES)
    for version in ("15rc1", "13beta2 (Debian 13~beta2-1)", "18.6-YB-2026.1", "17.5"):
        proxy = Proxy(server, version=version)
        expect_in("session  PostgreSQL {}, ".format(version.split()[0]),
                  project.run("status", url=proxy.url(project.database)).err)
        proxy.close()


def test_a_run_tells_what_a_server_before_14_cannot(server):
    process = Project(server, FILES).start("up")
    expect(UNWATCHED in process.communicate(timeout=LIMIT_S)[1], server.version() < 14)


def test_a_table_with_partitions_refuses_what_others_take(server):
    """Since 14 its REINDEX does, since 15 its CLUSTER: no word of the file tells."""
    parted = "CREATE TABLE p (a int) PARTITION BY LIST (a);\nCREATE INDEX i ON p (a);"
    for since, statement in ((14, "REINDEX TABLE p"), (15, "CLUSTER p USING i")):
        if server.version() < since:
            continue
        project = Project(server, {"1_p.up.sql": parted, "2_r.up.sql": statement + ";"})
        err = project.run("up", exit=1).err
        expect_in("error: {} cannot run inside a transaction block (25001)\n".format(
            " ".join(statement.split()[:1 if since == 15 else 2])), err)
        expect_in("hint: Put it into a migration of its own: migrate new NAME --no-transaction\n", err)
        project.write("2_r.up.sql", "-- migrate:no-transaction\n" + statement + ";")
        project.run("up")
        expect(project.applied(), ["1", "2"])
    for other in ("DO $$ BEGIN EXECUTE 'CREATE DATABASE x'; END $$;",
                  "SELECT 1;\nSELECT set_config('transaction_isolation', 'serializable', true);"):
        project = Project(server, {"1_f.up.sql": other})
        err = project.run("up", exit=1).err
        expect_in("(25001)", err)
        expect("--no-transaction" in err, False)


def test_one_without_partitions_waits_for_its_lock_as_others_do(server):
    """It does not stand in everybody's way for as long as it takes, and what a kill cuts is undone."""
    for statement in ("REINDEX TABLE a;", "CLUSTER a USING i;"):
        project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);\nCREATE INDEX i ON a (id);"})
        project.run("up")
        project.write("2_r.up.sql", "-- migrate:no-transaction\nCREATE TABLE b (id int);\n" + statement)
        holder = hold_table(project, "a", 4)
        run = project.start("up")
        read_until(run.stderr, "trying again in ")
        run.kill()
        run.communicate(timeout=LIMIT_S)
        end_killed(project)
        holder.wait(LIMIT_S)
        expect_in("applied  2_r", project.run("up").out)
        expect(project.applied(), ["1", "2"])


def test_timeouts_of_the_role_do_not_end_a_run(server):
    """They are meant for the application; which there are depends on the version."""
    project = Project(server, {"1_a.up.sql": "SELECT pg_sleep(0.6);\nCREATE TABLE a (id int);",
                               "2_i.up.sql": "CREATE INDEX CONCURRENTLY i ON a (id);",
                               "3_b.up.sql": "SELECT pg_sleep(0.6);"})
    project.sql("CREATE ROLE versions_app SUPERUSER LOGIN")
    names = project.sql("SELECT name FROM pg_settings WHERE name ~ "
                        "'^(statement|transaction|idle_session|idle_in_transaction_session)_timeout$'").split()
    expect(len(names), 2 + (server.version() >= 14) + (server.version() >= 17))
    for name in names:
        project.sql("ALTER ROLE versions_app SET {} = '300ms'".format(name))
    project.run("up", url=server.url_of(project.database, "versions_app"))
    expect(project.applied(), ["1", "2", "3"])


if __name__ == "__main__":
    sys.exit(main(globals()))
