#!/usr/bin/env python3
"""Libraries that are loaded when they are first used, and machines that lack one.  Speaks TAP.

usage: libraries.py MIGRATE [NAME...]

A library that cannot be loaded is a file of its name, in a folder that the loader looks into first.
"""
import os
import pathlib
import re
import shutil
import subprocess

import house
from house import Project, expect, expect_in

FILES = {"1_users.up.sql": "CREATE TABLE users (id int);\n"}

# What needs no database, and nothing of the folder but names.
NEEDS_NOTHING = [("--version",), ("--help",), ("help",), ("help", "up"), ("up", "--help"),
                 ("help", "pooled-url"), ("help", "--man"), ("completion", "bash"),
                 ("completion", "--words", "--", "up", "--to", "1"), ("new", "orders")]
NEEDS_FILES = [("show",), ("show", "1"), ("verify",), ("init",)]
NEEDS_URL = [("up",), ("down", "--yes"), ("redo", "--yes"), ("status",), ("plan",), ("baseline", "1"),
             ("repair", "1", "--accept-file"), ("claim", "--show"), ("dump",), ("log",), ("url",), ("verify",),
             ("status", "--offline")]
INSTALL = {
    "libpq": ("hint: Install PostgreSQL's client library; its package is libpq5 in Debian and Ubuntu, "
              "libpq in Fedora and Alpine."),
    "libcrypto": ("hint: Install OpenSSL's libraries; their package is libssl3 in Debian and Ubuntu, "
                  "openssl-libs in Fedora, libcrypto3 in Alpine."),
    "SQLite": ("hint: Install SQLite's library; its package is libsqlite3-0 in Debian and Ubuntu, "
               "sqlite-libs in Fedora and Alpine."),
}


def unfolded(text):
    """Where lines are broken depends on how long the folder's name is."""
    return " ".join(text.split())


def soname(feature):
    """What the program loads, as it says itself."""
    found = re.search(rb'\{"soname":\["([^"]+)"\],"feature":"' + feature.encode() + rb'"',
                      pathlib.Path(house.MIGRATE).read_bytes())
    return found.group(1).decode()


class Without:
    """A project where a library is no library, or is another one."""

    def __init__(self, server, feature, other=None):
        self.project = Project(server, FILES)
        self.file = house.new_folder("migrate-lib-") / soname(feature)
        if other is None:
            self.file.write_text("nothing\n")
        else:
            shutil.copy(other, self.file)

    def run(self, *words, url=None, **more):
        environment = dict(self.project.environment(), LD_LIBRARY_PATH=str(self.file.parent), **more)
        del environment["DATABASE_URL"]
        if url is not None:
            environment["DATABASE_URL"] = url
        if "MIGRATE_STATE" not in more:
            del environment["MIGRATE_STATE"]
            environment["XDG_CACHE_HOME"] = str(self.project.root)
        return subprocess.run([house.MIGRATE, *words], cwd=self.project.root, env=environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=house.LIMIT_S)

    def expect_fine(self, commands, **more):
        for words in commands:
            done = self.run(*words, **more)
            expect((words, done.returncode, "could not" in done.stderr), (words, 0, False))

    def expect_refused(self, commands, text, **more):
        for words in commands:
            done = self.run(*words, **more)
            expect((words, done.returncode, unfolded(done.stderr)[:len(text)]), (words, 2, text))

    def expect_untouched(self):
        expect(self.project.sql("SELECT count(*) FROM pg_class WHERE relname = 'users'"), "0")

    def refusal(self, name):
        return "error: could not load {}: {}: file too short (system) {}".format(
            name, self.file, INSTALL[name])


def loaded(words, cwd, **more):
    """The loader's own account of what it does."""
    done = subprocess.run([house.MIGRATE, *words], cwd=cwd, stdin=subprocess.DEVNULL,
                          env=dict(os.environ, LD_DEBUG="files,bindings", **more),
                          capture_output=True, text=True, timeout=house.LIMIT_S)
    expect((words, done.returncode), (words, 0))
    return done.stderr


def test_what_needs_no_library_loads_none(server):
    project = Project(server, FILES)
    names = [soname(feature) for feature in ("postgresql", "digests", "notebook")]
    for words in NEEDS_NOTHING:
        said = loaded(words, project.root)
        expect_in("libyaml", said)
        expect((words, [name for name in names if name in said]), (words, []))
    said = loaded(("url", "--url", "postgresql://localhost/x"), project.root)
    expect([name for name in names if name not in said], [names[2]])


def test_gnutls_finds_that_it_need_not_begin(server):
    project = Project(server, FILES)
    said = loaded(("url", "--url", "postgresql://localhost/x"), project.root, LD_BIND_NOW="1")
    if "libgnutls" in said:
        expect_in("to {} [0]: normal symbol `_gnutls_global_init_skip'".format(house.MIGRATE), said)


def test_without_libpq(server):
    without = Without(server, "postgresql")
    url = server.url_of(without.project.database)
    without.expect_refused(NEEDS_URL, without.refusal("libpq"), url=url)
    without.expect_untouched()
    without.expect_fine(NEEDS_FILES + NEEDS_NOTHING)
    done = without.run("doctor", url=url)
    expect(done.returncode, 2)
    expect_in("fail  source       could not load libpq: ", done.stdout)
    expect_in("ok    files        2 in migrations/", done.stdout)


def test_widths_without_libpq(server):
    """Its tables say how wide a character is: without them each counts as one."""
    without = Without(server, "postgresql")
    without.project.write("2_names.up.sql", "SELECT 'é';  \\i other.sql\n")
    done = without.run("show", "2")
    expect(done.returncode, 2)
    expect_in(" 1 | SELECT 'é';  \\i other.sql\n   |              ^^\n", done.stderr)


def test_with_a_libpq_that_lacks_functions(server):
    listed = subprocess.run(["ldd", house.MIGRATE], capture_output=True, text=True, check=True).stdout
    without = Without(server, "postgresql", re.search(r"=> (\S*libyaml\S*)", listed).group(1))
    text = ("error: could not use libpq: \"{}\" has no function \"PQbackendPID\" (system) "
            "hint: It is older than the one that migrate was built with: install that version or a "
            "newer one.").format(without.file.name)
    without.expect_refused(NEEDS_URL, text, url=server.url_of(without.project.database))
    without.expect_untouched()
    without.expect_fine(NEEDS_FILES + NEEDS_NOTHING)


def test_without_libcrypto(server):
    without = Without(server, "digests")
    text = without.refusal("libcrypto")
    without.expect_refused(NEEDS_URL + [("doctor",)], text, url=server.url_of(without.project.database))
    without.expect_refused(NEEDS_FILES + [("up", "--scratch"), ("scratch", "--empty")], text)
    without.expect_untouched()
    without.expect_fine(NEEDS_NOTHING)


def test_without_sqlite(server):
    """Nothing needs the notebook: a word where the user asked for it, and the run goes on."""
    without = Without(server, "notebook")
    url = server.url_of(without.project.database)
    done = without.run("up", url=url)
    expect((done.returncode, "SQLite" in done.stderr, "note" in done.stderr), (0, False, False))
    expect(without.project.applied(), ["1"])
    without.expect_fine([("status",), ("log",), ("plan",), ("doctor",)], url=url)
    reason = "could not load SQLite: {}: file too short".format(without.file)
    asked = str(without.project.root / "state.db")
    done = without.run("up", url=url, MIGRATE_STATE=asked)
    expect(done.returncode, 0)
    expect_in("warning: {}; nothing is noted".format(reason), unfolded(done.stderr))
    expect(pathlib.Path(asked).exists(), False)
    text = "error: {} (notebook) {}".format(reason, INSTALL["SQLite"])
    without.expect_refused([("status", "--offline"), ("log", "--local")], text, url=url)
    without.expect_fine(NEEDS_FILES + NEEDS_NOTHING)


if __name__ == "__main__":
    raise SystemExit(house.main(globals()))
