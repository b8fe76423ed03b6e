#!/usr/bin/env python3
"""A developer at a desk: two git branches with different migrations, one database.  Speaks TAP.

usage: branches.py MIGRATE [TEST...]
"""
import os
import subprocess
import sys

import house
from house import Project, Terminal, expect, expect_in

BASE = {"20260101_base.up.sql": "CREATE TABLE base (id int);\n",
        "20260101_base.down.sql": "DROP TABLE base;\n"}
CATS = {"20260102_cats.up.sql": "CREATE TABLE cats (id int);\n",
        "20260102_cats.down.sql": "DROP TABLE cats;\n"}
DOGS = {"20260103_dogs.up.sql": "CREATE TABLE dogs (id int);\n",
        "20260103_dogs.down.sql": "DROP TABLE dogs;\n"}


class Desk(Project):
    """A project in git: main has the base, feature/cats and feature/dogs one migration more each."""

    def __init__(self, server):
        super().__init__(server, BASE)
        self.git("init", "-q", "-b", "main")
        (self.root / ".gitignore").write_text("state.db*\n")
        self.commit("base")
        for name, files in (("feature/cats", CATS), ("feature/dogs", DOGS)):
            self.git("checkout", "-q", "-b", name, "main")
            for path, text in files.items():
                self.write(path, text)
            self.commit(name)

    def git(self, *words):
        done = subprocess.run(["git", "-c", "user.name=Desk", "-c", "user.email=desk@example.com",
                               "-c", "commit.gpgsign=false", *words],
                              cwd=self.root, capture_output=True, text=True, timeout=house.LIMIT_S)
        if done.returncode != 0:
            raise AssertionError("git {}: {}".format(" ".join(words), done.stderr))
        return done.stdout

    def commit(self, message):
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)

    def switch(self, branch):
        self.git("checkout", "-q", branch)

    def states(self):
        """{"20260101_base": "applied", ...}"""
        lines = self.run("status", "--all").out.splitlines()
        return {words[1]: words[0] for words in map(str.split, lines)
                if len(words) > 1 and words[1].startswith("2026")}

    def tables(self):
        return self.sql("SELECT string_agg(tablename, ' ' ORDER BY tablename) FROM pg_tables "
                        "WHERE schemaname = 'public'")


def test_switching_back_and_forth(server):
    """The other branch's migration is undone by what the history kept, and comes back later."""
    desk = Desk(server)
    desk.run("up")
    expect(desk.tables(), "base dogs")

    # On the other branch the database is ahead, and that branch's own migration is late.
    desk.switch("feature/cats")
    expect(desk.states(), {"20260101_base": "applied", "20260102_cats": "late",
                           "20260103_dogs": "ahead"})
    # The file is gone with the branch: its script is shown, and wants consent.
    said = desk.run("down", exit=6).err
    expect_in("(from-history)", said)
    expect(desk.tables(), "base dogs")
    said = desk.run("down", "--from-history")
    expect_in("reverted 20260103_dogs", said.out)
    expect(desk.tables(), "base")
    expect(desk.states(), {"20260101_base": "applied", "20260102_cats": "pending"})
    desk.run("up")
    expect(desk.tables(), "base cats")

    # And back: this time without reverting anything.
    desk.switch("feature/dogs")
    expect(desk.states(), {"20260101_base": "applied", "20260102_cats": "missing",
                           "20260103_dogs": "pending"})
    desk.run("up")
    expect(desk.tables(), "base cats dogs")

    # Both are merged: nothing is left to do, and both files count again.
    desk.switch("main")
    desk.git("merge", "-q", "--no-edit", "feature/dogs")
    desk.git("merge", "-q", "--no-edit", "feature/cats")
    expect(set(desk.states().values()), {"applied"})
    expect_in("nothing to do", desk.run("up").out)
    # The newest application goes first, whatever its version.
    expect_in("reverted 20260103_dogs", desk.run("down").out)
    expect_in("reverted 20260102_cats", desk.run("down").out)


def test_the_script_of_the_other_branch_is_shown_and_asked_for(server):
    """On a terminal nobody has to know an option; the migration goes with "no" and comes with "y"."""
    desk = Desk(server)
    desk.run("up")
    desk.switch("feature/cats")
    hint = "hint: Read it, then let it run: migrate down 2 --from-history\n"
    expect_in(hint, desk.run("down", "2", exit=6).err)
    for word, status, tables in (("n", 130, "base dogs"), ("y", 0, "base")):
        terminal = Terminal(desk, "down", columns=100)
        terminal.read_until("? [y/N] ")
        os.write(terminal.master, word.encode() + b"\n")
        terminal.read_all()
        shown = terminal.text.replace("\r", "")
        expect_in("   1  20260103_dogs           1  one transaction, stored down script\n\n"
                  "down script of 20260103_dogs, stored when it was applied:\n"
                  "    DROP TABLE dogs;\n\n"
                  "revert 1 migration in {} at {}? [y/N] {}\n".format(
                      desk.database, server.socket, word), shown)
        expect((terminal.process.returncode, desk.tables()), (status, tables))
    # This branch's own has its file: nothing is asked.
    desk.run("up")
    terminal = Terminal(desk, "down", columns=100)
    terminal.read_all()
    expect("[y/N]" in terminal.text, False)
    expect(desk.tables(), "base")
    # --yes is no answer to a question that was not seen.
    desk.run("up")
    desk.switch("feature/dogs")
    terminal = Terminal(desk, "down", "--yes", columns=100)
    terminal.read_all()
    expect_in("(from-history)", terminal.text)
    expect(desk.tables(), "base cats")


def test_a_late_merge(server):
    """Cats is merged when dogs is applied: a database of this machine takes it with a note."""
    desk = Desk(server)
    desk.run("up")
    desk.git("merge", "-q", "--no-edit", "feature/cats")
    expect(desk.states()["20260102_cats"], "late")
    done = desk.run("up")
    expect_in("applied  20260102_cats", done.out)
    expect_in("20260102_cats", done.err)
    expect(desk.applied(), ["20260101", "20260103", "20260102"])
    # What was applied last is undone first: cats, although dogs has the higher version.
    expect_in("reverted 20260102_cats", desk.run("down").out)


def test_a_late_merge_where_order_counts(server):
    desk = Desk(server)
    desk.run("up")
    desk.git("merge", "-q", "--no-edit", "feature/cats")
    (desk.root / "migrate.yaml").write_text("late: refuse\n")
    expect_in("(late)", desk.run("up", exit=6).err)
    expect(desk.tables(), "base dogs")
    desk.run("up", "--late")
    expect(desk.tables(), "base cats dogs")


def test_an_edit_on_the_other_branch(server):
    """The same migration with other words on another branch is drift, until one comes back."""
    desk = Desk(server)
    desk.run("up")
    desk.git("checkout", "-q", "-b", "rework", "feature/dogs")
    desk.write("20260103_dogs.up.sql", "CREATE TABLE dogs (id bigint);\n")
    desk.commit("rework")
    expect(desk.states()["20260103_dogs"], "drifted")
    expect_in("(drift)", desk.run("up", exit=6).err)
    # Undone by the script that fits, and done again by the new words.
    desk.run("redo")
    expect(desk.states()["20260103_dogs"], "applied")
    expect(desk.sql("SELECT data_type FROM information_schema.columns WHERE table_name = 'dogs'"),
           "bigint")
    desk.switch("feature/dogs")
    expect(desk.states()["20260103_dogs"], "drifted")


if __name__ == "__main__":
    sys.exit(house.main(globals()))
