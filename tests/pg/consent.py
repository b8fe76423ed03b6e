#!/usr/bin/env python3
"""Who is asked before what: every command, by its place and by who sits there.  Speaks TAP.

usage: consent.py MIGRATE [NAME...]

A row is a command.  It runs on a socket, on loopback, at an address that is not this machine's by
its looks, and through a tunnel that begins on this machine; on a terminal where somebody answers, with its input from a pipe, and in a build.
What must not happen is looked for in the database and in the folder, not in the words alone.
"""
import functools
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile

import house
from proxy import Proxy
from house import LIMIT_S, OwnServer, Project, Skip, Terminal, expect, expect_in, main

ANSWERS = {"y": b"y\n", "n": b"n\n", "empty": b"\n", "EOF": b"\x04", "Ctrl-C": b"\x03"}
FAR = "db.example.com"
NO = "the answer was not yes"
REFUSALS = {"n": NO, "empty": NO, "EOF": NO, "Ctrl-C": "the run was interrupted"}


def own_address():
    """An address of this machine that does not look like it, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))  # sends nothing: the route tells the address
            address = probe.getsockname()[0]
        except OSError:
            return None
    return None if address.startswith("127.") else address


class PlacedServer(OwnServer):
    def __init__(self):
        self.elsewhere, self.socket = own_address(), tempfile.mkdtemp(prefix="migrate-socket-")
        os.chmod(self.socket, 0o777)
        addresses = "127.0.0.1" + ("," + self.elsewhere if self.elsewhere else "")
        super().__init__(["listen_addresses = '{}'".format(addresses),
                          "unix_socket_directories = '{}'".format(self.socket)],
                         ["host all all samehost trust"])
        self.tunnel = Proxy(self)

    def stop(self):
        self.tunnel.close()
        super().stop()
        shutil.rmtree(self.socket, ignore_errors=True)

    def place_url(self, database, place):
        if place == "socket":
            return "postgresql://postgres@/{}?host={}&port={}".format(database, self.socket, self.port)
        if place == "tunnel":
            return self.tunnel.url(database)
        if place == FAR:  # its address is known without asking for it
            return self.url_of(database, host=FAR) + "&hostaddr=127.0.0.1"
        return self.url_of(database, host="127.0.0.1" if place == "loopback" else self.elsewhere)


class Watched(Project):
    def seen(self):
        """All that a command may change."""
        files = {str(path.relative_to(self.root)): path.read_text()
                 for path in self.root.rglob("*")
                 if path.is_file() and not path.name.startswith("state.db")}
        return files, self.sql(
            "SELECT string_agg(c.oid::regclass::text, ' ' ORDER BY c.oid) FROM pg_class c WHERE "
            "relnamespace = 'public'::regnamespace; SELECT * FROM migrate.history ORDER BY id")


class Copy(Watched):
    """A project as another one has become, with a database and a folder of its own."""

    def __init__(self, original):
        self.server, self.variables = original.server, dict(original.variables)
        self.database = original.server.database(template=original.database)
        self.root = house.new_folder("migrate-consent-")
        shutil.copytree(original.root, self.root, dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns("state.db*"))


FILES = {"1_a.up.sql": "CREATE TABLE a (id int);\n", "1_a.down.sql": "DROP TABLE a;\n",
         "2_b.up.sql": "CREATE TABLE b (id int);\n", "2_b.down.sql": "DROP TABLE b;\n"}


class Row:
    """A command, and what it says.

    asks: begins the refusal where nobody can be asked, or None where nothing is ever asked.
    question: without the question mark; {0} is the database, {1} its host.
    done: the end of its last line.  is_kept: nothing is changed by it.  is_variant: another row has
    the same question, and what is left to see is that this one has its own words.
    """

    def __init__(self, name, words, done, prepare=lambda project: None, asks=None, question=None,
                 look="migrate status", note="nothing was changed", is_kept=False,
                 is_variant=False):
        self.ends_claim = "--release" in words
        self.name, self.words, self.done, self.prepare = name, words.split(), done, prepare
        self.asks, self.question, self.look, self.note = asks, question, look, note
        self.is_kept, self.is_variant = is_kept, is_variant


def more(project):
    project.write("3_c.up.sql", "CREATE TABLE c (id int);\n")


def edited(project):
    project.write("1_a.up.sql", "CREATE TABLE a (id bigint);\n")


def without_file(project):
    for end in "up", "down":
        (project.root / "migrations" / "2_b.{}.sql".format(end)).unlink()


def half_run(project):
    project.write("3_c.up.sql", "-- migrate:no-transaction\nCREATE TABLE c (id int);\nVACUUM c;\n")
    project.run("up")
    project.sql("UPDATE migrate.history SET statements_started = 2, statements_done = 1, "
                "prefix_digest = NULL WHERE version = '3'")


def claimed(project):
    # Claims are bound to hosts; this one is for every place that the suite comes from.
    for place in ("socket", "loopback", "elsewhere"):
        if place != "elsewhere" or project.server.elsewhere:
            project.run("claim", "production",
                        url=project.server.place_url(project.database, place))
    project.variables["MIGRATE_ENV"] = "production"


REVERTING = {"asks": "reverting", "note": "nothing was reverted"}
RECORDING = {"asks": "writing to the history", "note": "nothing was recorded"}
REPAIRING = {"asks": "repairing the history", "question": "change this row in {0} at {1}"}
REHEARSING = {"asks": "rehearsing", "question": "rehearse in {0} at {1}, with its locks",
              "look": "migrate plan", "note": "nothing was run", "is_kept": True}
RELEASING = {"asks": "releasing a claim", "look": "migrate claim --show",
             "question": "release {0} at {1}, which is production since .*, claimed by app@.*"}
RENUMBERING = {"asks": "renumbering a row of the history",
               "question": "change this row in {0} at {1}",
               "note": "nothing was changed, and the files have their old names"}

ROWS = [
    # What adds, reads, or changes files that git has.
    Row("up", "up", "now at 3_c", more),
    Row("a_dry_run", "up --dry-run", "\"migrate up\" would apply 1; nothing was changed", more,
        is_kept=True),
    Row("up_scratch", "up --scratch", "now at 3_c", more, is_kept=True),
    Row("claim", "claim production", "belongs to environment production from now on"),
    Row("claim_show", "claim --show", "this database belongs to no environment", is_kept=True),
    Row("renumber_without_a_row", "renumber 3", "it is not applied here",
        lambda project: (more(project), project.write("4_d.up.sql", "SELECT 1;\n"))),
    Row("renumber_files_only", "renumber 1 --files-only", "no database was asked"),
    Row("dump", "dump", "", is_kept=True),
    Row("dump_to_a_file", "dump --file schema.sql",
        "schema.sql is written, with 2 migrations in its history"),
    Row("scratch", "scratch -- true", "", is_kept=True),
    Row("status", "status", "nothing pending, now at 2_b", is_kept=True),
    Row("doctor", "doctor", "\"migrate up\" may run here.*", is_kept=True),
    # What takes data away, rewrites the history, or holds locks that others wait for.
    Row("down", "down", "now at 1_a", question="revert 1 migration in {0} at {1}", **REVERTING),
    Row("down_of_two", "down 2", "nothing is applied now", is_variant=True,
        question="revert 2 migrations in {0} at {1}", **REVERTING),
    Row("down_to", "down --to 1_a", "now at 1_a", is_variant=True,
        question="revert 1 migration in {0} at {1}", **REVERTING),
    Row("down_from_the_history", "down --from-history", "now at 1_a", without_file,
        is_variant=True, question="revert 1 migration in {0} at {1}", **REVERTING),
    Row("redo", "redo", "now at 2_b", question="revert 2_b and apply it again in {0} at {1}",
        **REVERTING),
    Row("baseline", "baseline 3", "now at 3_c", more,
        question="record 1 migration as applied, without running it in {0} at {1}", **RECORDING),
    Row("rehearse", "up --rehearse", "rolled back, nothing was kept", more, **REHEARSING),
    Row("rehearse_some", "up 1 --late --rehearse", "rolled back, nothing was kept", more,
        is_variant=True, **REHEARSING),
    Row("accept_a_file", "repair 1 --accept-file", "1_a is recorded as its file is now", edited,
        **REPAIRING),
    Row("mark_as_reverted", "repair 2 --mark-reverted", "2_b is recorded as reverted", without_file,
        **REPAIRING),
    Row("a_statement_is_done", "repair 3 --statement 2 done",
        "statement 2 of 3_c is recorded as done", half_run, **REPAIRING),
    Row("a_statement_runs_again", "repair 3 --statement 2 again",
        "statement 2 of 3_c is recorded as not done", half_run, is_variant=True, **REPAIRING),
    Row("renumber_with_its_row", "renumber 1", "a has version 3 in the history too", **RENUMBERING),
    Row("release_a_claim", "claim --release", "released: it was production since .*", claimed,
        **RELEASING),
]


class Run:
    """One command at one place, started in one way."""

    def __init__(self, project, row, place, how, options=()):
        self.project, self.row, self.place = project, row, place
        self.words = [*row.words, *options] if "--" not in row.words else row.words
        self.url = project.server.place_url(project.database, place)
        self.host = {"socket": project.server.socket, "loopback": "127.0.0.1",
                     "tunnel": "127.0.0.1"}.get(place, project.server.elsewhere)
        self.variables = {"CI": "1"} if how.startswith("build") else {}
        if how in ("pipe", "build"):
            self.in_a_pipe()
        else:
            self.on_a_terminal(ANSWERS.get(how))
        self.name = "{} ({}, {})".format(" ".join(self.words), place, how)

    def in_a_pipe(self):
        """What may be read there is "y", which is for somebody else."""
        done = subprocess.run([house.MIGRATE, *self.words], cwd=self.project.root, input="y\n",
                              env=dict(self.project.environment(self.url), **self.variables),
                              capture_output=True, text=True, timeout=LIMIT_S)
        self.status, self.out = done.returncode, done.stdout
        self.said = house.with_whole_errors(done.stderr)

    def on_a_terminal(self, answer):
        before = self.project.variables
        self.project.variables = dict(before, DATABASE_URL=self.url, **self.variables)
        terminal = Terminal(self.project, *self.words, columns=100)
        self.project.variables = before
        while answer is not None and "? [y/N] " not in terminal.text and terminal.read():
            pass
        if answer is not None and "? [y/N] " in terminal.text:
            os.write(terminal.master, answer)
        terminal.read_all()
        self.status = terminal.process.returncode
        self.out = self.said = house.with_whole_errors(terminal.text.replace("\r", ""))

    def must_have_run(self, is_asked):
        expect((self.name, self.status, "[y/N]" in self.said), (self.name, 0, is_asked))
        if re.search(self.row.done + "\n*$", self.out) is None:
            raise AssertionError("{}: no \"{}\" at the end of\n{}".format(self.name, self.row.done,
                                                                       self.out))

    def must_have_asked(self):
        question = self.row.question.format(self.project.database, re.escape(self.host))
        if re.search("(^|\n)\n{}\\? \\[y/N\\] ".format(question), self.said) is None:
            raise AssertionError("{}: no \"{}?\" in\n{}".format(self.name, question, self.said))

    def must_have_stopped(self, why):
        expect((self.name, self.status), (self.name, 130))
        end = "\nerror: {} (cancelled)\nnote: {}\n".format(why, self.row.note)
        expect((self.name, self.said[-len(end):]), (self.name, end))

    def must_have_said_why(self):
        """Between what is shown and the question."""
        release = "" if self.row.ends_claim else "; if it is a copy, \"migrate claim --release\" ends this"
        expect_in("\nnote: \"production\" claimed this database at {}:{}, and a tunnel may lead there{}"
                  "\n\n".format(FAR, self.project.server.port, release),
                  self.said.replace("\n      ", " "))

    def must_be_refused_as_claimed(self, options):
        row, words = self.row, "migrate " + " ".join(self.words)
        expect((self.name, self.status), (self.name, 2))
        text = re.sub("\n +", " ", self.said[self.said.index("error:"):])
        expect(text,
               "error: {} needs --yes where nobody can be asked: \"production\" claimed this database "
               "(usage)\n"
               "detail: It was claimed at {}:{}. {} at 127.0.0.1, from DATABASE_URL, is not a direct "
               "session: a tunnel may lead there, or this is a copy.\n"
               "hint: If it is meant: {} --yes\n{}note: {}\n".format(
                   row.asks, FAR, self.project.server.port, self.project.database, words,
                   "" if row.ends_claim else "hint: If it is a copy, end the claim in it: "
                   "{} --yes\n".format(" ".join(["migrate claim --release", *options])), row.note))

    def must_be_refused(self):
        row = self.row
        expect((self.name, self.status), (self.name, 2))
        expect(self.said[self.said.index("error:"):],
               "error: {} on another machine needs --yes where nobody can be asked (usage)\n"
               "detail: It is {} at {}, from DATABASE_URL.\nhint: Look at it first: {}\n"
               "hint: If it is meant: {} --yes\nnote: {}\n".format(
                   row.asks, self.project.database, self.host, row.look,
                   "migrate " + " ".join(row.words), row.note))


def must_do(original, row, place, how, options=(), is_asked=False):
    """In a copy, unless nothing is to change."""
    project = original if row.is_kept else Copy(original)
    before = project.seen()
    run = Run(project, row, place, how, options)
    run.must_have_run(is_asked)
    if is_asked:
        run.must_have_asked()
    expect((run.name, project.seen() != before), (run.name, not row.is_kept))


def must_not_do(project, row, answers, ways):
    before = project.seen()
    for how in answers:
        run = Run(project, row, "elsewhere", how)
        run.must_have_asked()
        run.must_have_stopped(REFUSALS[how])
    for how in ways:
        Run(project, row, "elsewhere", how).must_be_refused()
    expect(project.seen(), before)


def needs_elsewhere(server):
    if server.elsewhere is None:
        raise Skip("no address of this machine looks like another's")


def check(row, server):
    original = Watched(server, FILES)
    original.run("up")
    row.prepare(original)
    # Nobody is asked on this machine, whoever sits there.
    if not row.is_variant:
        must_do(original, row, "socket", "terminal")
    if row.asks is not None and not row.is_variant:
        must_do(original, row, "loopback", "build")
    needs_elsewhere(server)
    if row.asks is None:
        for how in ("y", "build terminal") if row.is_kept else ("y", "pipe", "build terminal"):
            must_do(original, row, "elsewhere", how)
        return
    must_not_do(original, row, ["n"] if row.is_variant else REFUSALS,
                ["pipe"] if row.is_variant else ["pipe", "build", "build terminal"])
    must_do(original, row, "elsewhere", "y", is_asked=True)
    # --yes answers before the question, on a terminal too.
    for how in ["build"] if row.is_variant else ["terminal", "build"]:
        must_do(original, row, "elsewhere", how, ["--yes"])


def check_tunnel(row, server):
    """An address of this machine may lead to another, and then its rows say so."""
    original = Watched(server, FILES)
    original.run("up")
    row.prepare(original)
    if not row.ends_claim:
        must_do(original, row, "tunnel", "build")
    original.run("claim", "production", url=server.place_url(original.database, FAR))
    before = original.seen()
    for how, options in ("pipe", ["--history", "migrate.history"]), ("build", []):
        Run(original, row, "tunnel", how, options).must_be_refused_as_claimed(options)
    run = Run(original, row, "tunnel", "n")
    run.must_have_asked()
    run.must_have_said_why()
    run.must_have_stopped(NO)
    expect(original.seen(), before)
    must_do(original, row, "tunnel", "y", is_asked=True)
    must_do(original, row, "tunnel", "build", ["--yes"])
    # A copy on this machine, without anything in between.
    for place in "socket", "loopback":
        must_do(original, row, place, "build")


def at_a_shell(project, script, *typed):
    """What a terminal shows of a shell's script, where each question or "more" gets its line."""
    project.variables["PATH"] = os.path.dirname(house.MIGRATE) + ":" + os.environ["PATH"]
    project.variables["DATABASE_URL"] = project.server.place_url(project.database, "elsewhere")
    terminal = Terminal(project, "-c", script, columns=100, program="sh")
    for line in typed:
        while re.search(r"(\? \[y/N\] |more\r\n)$", terminal.text) is None and terminal.read():
            pass
        os.write(terminal.master, line.encode() + b"\n")
        terminal.text += "\n"
    terminal.read_all()
    return terminal.text.replace("\r", "")


def test_what_counts_as_a_yes(server):
    needs_elsewhere(server)
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);"})
    for words, is_yes in ((("y", "Y", "yes", "YES", "y "), True),
                          (("yep", "yes please", "ja", "ye s", "n y", "0"), False)):
        script = "migrate up --rehearse && echo it ran; " * len(words)
        text = at_a_shell(project, script, *words)
        expect((text.count("it ran"), text.count("error: the answer was not yes")),
               (len(words), 0) if is_yes else (0, len(words)))


def test_a_long_answer_is_no_command_for_the_shell(server):
    needs_elsewhere(server)
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);"})
    script = "migrate up --rehearse; echo more; read -r line; echo \"read: $line\""
    text = at_a_shell(project, script, "no, I had rather not, " + "x" * 600, "the next line")
    expect(text.splitlines()[-1], "read: the next line")


def test_half_a_terminal_is_none(server):
    """A question that nobody sees, or whose answer is another program's, is not asked."""
    needs_elsewhere(server)
    project = Project(server, FILES)
    project.run("up")
    for script in ("migrate down 2> said; cat said", "yes | migrate down"):
        text = at_a_shell(project, script)
        expect_in("error: reverting on another machine needs --yes where nobody can be asked", text)
    # Its result may go elsewhere.
    expect_in("nothing was reverted", at_a_shell(project, "migrate down > done", "n"))
    expect(project.applied(), ["1", "2"])
    at_a_shell(project, "migrate down > done", "y")
    expect(project.applied(), ["1"])


def answered(project, words, meanwhile):
    """What a run says whose question is answered with yes, when something has happened."""
    terminal = Terminal(project, *words, columns=100)
    terminal.read_until("? [y/N] ")
    meanwhile()
    os.write(terminal.master, b"y\n")
    terminal.read_all()
    return terminal.process.returncode, terminal.text.replace("\r", "")


def test_consent_is_to_the_script_that_was_shown(server):
    project = Watched(server, FILES)
    project.run("up")
    without_file(project)

    def plant():
        project.sql("UPDATE migrate.history SET down_script = s, down_digest = encode(sha256(s::bytea), "
                    "'hex') FROM (VALUES ('DROP TABLE a, b')) v(s) WHERE version = '2'")

    exit, text = answered(project, ("down",), plant)
    expect_in("    DROP TABLE b;\n", text)
    expect_in("error: the down script of migration \"2_b\" is not the one that was shown (changed)\n"
              "detail: It was changed in the history since the question was asked.\n"
              "hint: Find out who can write to migrate.history.\n"
              "note: nothing was reverted\n", text)
    expect((exit, project.applied()), (6, ["1", "2"]))
    expect(project.sql("SELECT count(*) FROM pg_class WHERE relname IN ('a', 'b')"), "2")
    expect_in("    DROP TABLE a, b\n", answered(project, ("down",), lambda: None)[1])
    expect(project.applied(), ["1"])


def test_consent_is_to_the_migrations_that_were_shown(server):
    needs_elsewhere(server)
    project = Watched(server, FILES)
    project.run("up")
    here = project.environment()["DATABASE_URL"]
    project.variables["DATABASE_URL"] = server.place_url(project.database, "elsewhere")

    def run(*words):
        project.variables["DATABASE_URL"] = here
        return project.run(*words)

    more(project)
    project.write("3_c.down.sql", "DROP TABLE c;")
    exit, text = answered(project, ("down",), lambda: run("up"))
    expect_in("error: migration \"3_c\" was not among what was shown (changed)\n"
              "detail: The history has changed since the question was asked.\n", text)
    expect((exit, project.applied()), (6, ["1", "2", "3"]))
    # What is left of it is done.
    project.variables["DATABASE_URL"] = server.place_url(project.database, "elsewhere")
    exit, text = answered(project, ("down", "--to", "1"), lambda: run("down"))
    expect_in("done     1 reverted", text)
    expect((exit, project.applied()), (0, ["1"]))


def test_a_late_file_is_taken_without_a_word_on_this_machine_only(server):
    """--yes is the answer to a question, and nobody asks whether the order may change."""
    needs_elsewhere(server)
    late = dict(FILES, **{"3_c.up.sql": "CREATE TABLE c (id int);"})
    original = Watched(server, late)
    (original.root / "migrations" / "2_b.up.sql").rename(original.root / "2_b.up.sql")
    (original.root / "migrations" / "2_b.down.sql").unlink()
    original.run("up")
    (original.root / "2_b.up.sql").rename(original.root / "migrations" / "2_b.up.sql")
    for place in "socket", "loopback":
        project = Copy(original)
        run = project.run("up", url=server.place_url(project.database, place))
        expect_in("note: 2_b is older than the newest applied one", run.err)
        expect(project.applied(), ["1", "3", "2"])
    project = Copy(original)
    url = server.place_url(project.database, "elsewhere")
    for words in ("up",), ("up", "--yes"):
        expect_in("error: migration \"2_b\" is older than the newest applied one (late)",
                  project.run(*words, url=url, exit=6).err)
    expect_in("(late)", at_a_shell(project, "migrate up"))
    expect(project.applied(), ["1", "3"])
    project.run("up", "--late", url=url)
    expect(project.applied(), ["1", "3", "2"])


def test_a_tunnel_to_a_claimed_database_is_no_database_of_this_machine(server):
    project = Watched(server, FILES)
    project.run("up")
    tunnel = server.place_url(project.database, "tunnel")
    project.write("3_d.up.sql", "CREATE TABLE d (id int);")
    project.run("up")
    project.write("0_c.up.sql", "CREATE TABLE c (id int);")
    project.run("claim", "production", url=server.place_url(project.database, FAR))
    expect_in("(late)", project.run("up", url=tunnel, exit=6).err)
    shown = "production since .* UTC, claimed by app@.* at {}:{}\n$".format(FAR, server.port)
    for words, out in (("--show", "^claim    this database belongs to no environment here; elsewhere "
                        "it is " + shown),
                       ("--release --yes", "^done     released: it was " + shown),
                       ("--show", "^claim    this database belongs to no environment\n$")):
        said = project.run("claim", *words.split(), url=tunnel).out
        if re.search(out, said) is None:
            raise AssertionError("{}: {}".format(out, said))


if __name__ == "__main__":
    rows = {"test_" + row.name: functools.partial(check, row) for row in ROWS}
    tunnels = {"test_tunnel_" + row.name: functools.partial(check_tunnel, row) for row in ROWS
               if row.asks and not row.is_variant}
    sys.exit(main(dict(globals(), **rows, **tunnels), PlacedServer))
