#!/usr/bin/env python3
"""Servers that are older, newer or called otherwise than the one at hand.  Speaks TAP.

usage: versions.py MIGRATE [NAME...]
"""
import sys

from house import Project, expect, expect_in, main
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


def test_the_doctor_tells_what_a_server_before_14_cannot(server):
    project = Project(server, FILES)
    has_note = "killed run" in project.run("doctor").out
    expect(has_note, server.version() < 14)


if __name__ == "__main__":
    sys.exit(main(globals()))
