#!/usr/bin/env python3
"""migrate dump: what it writes is stable, loads, and lets no password out.  Speaks TAP.

usage: dump.py MIGRATE [TEST...]
"""
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

import house
from house import Project, expect, expect_in, hold_table, wait_for
from proxy import Proxy

FILES = {
    "9_people.up.sql": "CREATE TABLE people (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,\n"
                       "  name text NOT NULL);\nCOMMENT ON TABLE people IS E'it''s\\na\\\\b';\n",
    "9_people.down.sql": "DROP TABLE people; -- it's gone\\\n",
    "10_mood.sql": "-- migrate:up\nCREATE TYPE mood AS ENUM ('ok', 'bad');\n"
                   "-- migrate:down\nDROP TYPE mood;\n",
    "11_index.up.sql": "CREATE INDEX CONCURRENTLY people_name ON people (name);\n",
    # What stands in bodies is not pg_dump's own words.
    "12_body.up.sql": "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$\n"
                      "--\n-- PostgreSQL database dump complete\n--\n\n\n"
                      "\nSELECT 1\n-- Dumped from database version 1\n$$;\n",
    "R__view.sql": "CREATE OR REPLACE VIEW names AS SELECT name FROM people;\n",
}


def dump(project, *words, **options):
    return project.run("dump", *words, **options).out


def load(project, text):
    """A new database from a dump."""
    database = project.server.database()
    project.server.sql(database, text)
    return project.server.url_of(database)


def test_a_dump_is_a_start(server):
    project = Project(server, FILES)
    project.run("up")
    text = dump(project)
    url = load(project, text)
    expect(dump(project, url=url), text)
    expect(project.run("up", url=url).out, "done     nothing to do, now at 12_body\n")
    expect(project.run("status", "--exit-code", url=url).out.count("\napplied "), 5)
    for part in ("\\restrict", "Dumped by", "statement_timeout", "OWNER TO", "vercel", "app@"):
        assert part not in text, part
    expect(text.count("CREATE TABLE migrate.history"), 1)
    expect(text.count("INSERT INTO"), 5)
    assert text.endswith(";\n") and not text.endswith("\n\n")
    # The history in it is a whole one: down scripts too, and the next row has a number.
    for name in FILES:
        if name != "10_mood.sql":
            (project.root / "migrations" / name).unlink()
    project.run("down", "--to", "10", "--from-history", url=url, exit=6)  # 12 has none
    project.write("13_more.up.sql", "CREATE TABLE more ();")
    project.run("up", url=url)


def test_who_and_when_is_not_in_it(server):
    one, two = Project(server, FILES), Project(server, FILES)
    one.run("up")
    two.run("up", "1")
    two.run("down", "--yes")
    two.run("up")
    expect(dump(two), dump(one))


def test_a_file_and_its_check(server):
    project = Project(server, FILES)
    project.run("up")
    expect(project.run("dump", "--file", "schema.sql").out,
           "done     schema.sql is written, with 5 migrations in its history\n")
    expect((project.root / "schema.sql").read_text(), dump(project))
    fine = "done     schema.sql is up to date, with 5 migrations in its history\n"
    expect(project.run("dump", "--file", "schema.sql", "--check").out, fine)
    expect(project.run("dump", "--file", "schema.sql").out, fine)
    text = (project.root / "schema.sql").read_text()
    (project.root / "schema.sql").write_bytes(text.replace("\n", "\r\n").encode())
    expect(project.run("dump", "--file", "schema.sql", "--check").out, fine)
    number = text.splitlines().index("    name text NOT NULL,") + 1
    (project.root / "schema.sql").write_text(text.replace("    name text NOT NULL,",
                                                              "    name varchar NOT NULL,"))
    before = (project.root / "schema.sql").read_text()
    said = project.run("dump", "--file", "schema.sql", "--check", exit=6).err
    expect_in('error: "schema.sql" is not what the database has (dump-differs)\n'
              "  --> schema.sql:{}\n"
              "detail: The file has:         name varchar NOT NULL,\n"
              "        The database has:     name text NOT NULL,\n".format(number), said)
    expect((project.root / "schema.sql").read_text(), before)
    (project.root / "schema.sql").write_text(text + "SELECT 1;\n")
    expect_in("detail: The file has:     SELECT 1;\n        The database has: nothing\n",
              project.run("dump", "--file", "schema.sql", "--check", exit=6).err)
    expect_in('error: there is no file "none.sql" (dump-differs)\n'
              "hint: Write it: migrate dump --file none.sql\n"
              "note: nothing was written\n",
              project.run("dump", "--file", "none.sql", "--check", exit=6).err)
    project.run("dump", "--file", "none/none.sql", exit=2)
    project.run("dump", "--check", exit=2)
    expect(sorted(path.name for path in project.root.iterdir()
                  if not path.name.startswith("state.db")), ["migrations", "schema.sql"])


def test_owners_and_roles(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a ();\nGRANT SELECT ON a TO reader;\n"})
    project.sql("CREATE ROLE reader")
    project.run("up")
    assert "GRANT" not in dump(project)
    text = dump(project, "--owners")
    expect_in("GRANT SELECT ON TABLE public.a TO reader;", text)
    expect_in("ALTER TABLE public.a OWNER TO postgres;", text)
    (project.root / "migrate.yaml").write_text("role: nobody_here\n")
    project.run("dump", exit=2)


def test_default_privileges_do_not_open_the_history(server):
    """A table that strangers can write would let them plant a down script."""
    project = Project(server, FILES)
    project.run("up")
    text = dump(project)
    project.sql("CREATE ROLE stranger")
    database = server.database()
    server.sql(database, "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO stranger;" + text)
    expect(server.sql(database, "SELECT has_table_privilege('stranger', 'migrate.history', 'SELECT')"
                                " || ' ' || has_table_privilege('stranger', 'people', 'SELECT')"),
           "false true")


def test_without_a_history(server):
    project = Project(server, {})
    expect(dump(project).count("\n\n"), 1)
    project.sql("CREATE TABLE old ()")
    text = dump(project)
    assert text.endswith("CREATE TABLE public.old (\n);\n"), text
    expect(dump(project, url=load(project, text)), text)


def test_half_run_is_no_start(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (x int); INSERT INTO a VALUES (1), (1);",
                               "2_b.up.sql": "CREATE UNIQUE INDEX CONCURRENTLY i ON a (x);"})
    project.run("up", exit=1)
    expect_in('error: migration "2_b" is half-run: a dump would keep that (partial)',
              project.run("dump", exit=6).err)


def processes(database):
    """The command lines of the programs that dump a database."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(b"/pg_dump") and any(database.encode() in word for word in words):
            found.append((path.parent, b" ".join(words)))
    return found


def test_a_password_by_tcp_is_nowhere_to_be_read(server):
    project = Project(server, FILES)
    project.run("up")
    secret = "hush%27%5Chush"  # hush'\hush
    user = "keeper_" + project.database
    project.sql("SET password_encryption = 'scram-sha-256'; "
                "CREATE ROLE {} LOGIN SUPERUSER PASSWORD 'hush''\\hush'".format(user))
    rules = pathlib.Path(server.socket) / "cluster" / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text("local all {} scram-sha-256\n{}".format(user, before))
    project.sql("SELECT pg_reload_conf()")
    proxy = Proxy(server)
    try:
        url = "postgresql://{}:{}@127.0.0.1:{}/{}?sslmode=disable&gssencmode=disable"
        good = url.format(user, secret, proxy.port, project.database)
        wait_for(lambda: project.start("status", url=url.format(
            user, "wrong", proxy.port, project.database)).wait(house.LIMIT_S) == 2)
        text = dump(project)
        expect(dump(project, url=good), text)
        # While it runs: it waits for a table.
        holder = hold_table(project, "people", 60)
        running = project.start("dump", "--verbose", url=good)
        wait_for(lambda: processes(project.database))
        for _, command in processes(project.database):
            assert b"hush" not in command and b"PGPASSWORD" not in command, command
        # An interrupted one takes it along.
        running.send_signal(signal.SIGTERM)
        out, err = running.communicate(timeout=house.LIMIT_S)
        expect((running.returncode, out), (143, ""))
        assert "hush" not in err, err
        expect(processes(project.database), [])
        holder.kill()
        holder.wait()
    finally:
        proxy.close()
        rules.write_text(before)
        project.sql("SELECT pg_reload_conf()")


def test_a_pool_is_not_given_to_pg_dump(server):
    project = Project(server, FILES)
    said = project.run("dump", exit=3, url="postgresql://app@ep-cool-mud-a1b2c3d4-pooler.eu-central-1"
                                           ".aws.neon.tech/shop").err
    expect_in("(pooled-url)", said)


def run_with_path(project, path, exit):
    environment = dict(project.environment(), PATH=path)
    done = subprocess.run([house.MIGRATE, "dump"], cwd=project.root, env=environment,
                          capture_output=True, text=True, timeout=house.LIMIT_S)
    expect(done.returncode, exit)
    return done


def test_the_fitting_program_is_taken(server):
    """Of PATH: an old one and a wrapper are passed over, one that fits is taken and its words told."""
    project = Project(server, FILES)
    project.run("up")
    real = run_with_path(project, os.environ["PATH"], 0).stdout
    version = server.sql("postgres", "SHOW server_version_num")[:-4]
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        for name, text in (("old", "echo 'pg_dump (PostgreSQL) 9.6.24'"),
                           ("silent", "exit 1"),
                           ("fits", 'case "$1" in --version) echo "pg_dump (PostgreSQL) {}.1";; *) '
                                    'echo "oh, $PGPASSWORD" >&2; exit 3;; esac'.format(version))):
            (place / name).mkdir()
            (place / name / "pg_dump").write_text("#!/bin/sh\n" + text + "\n")
            (place / name / "pg_dump").chmod(0o755)
        (place / "wrapped").mkdir()
        (place / "wrapper").write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) {}.1'; exit 4\n"
                                       .format(version))
        (place / "wrapper").chmod(0o755)
        (place / "wrapped" / "pg_dump").symlink_to(place / "wrapper")
        skipped = "{0}/old:{0}/silent:{0}/wrapped".format(folder)
        expect(run_with_path(project, skipped + ":" + os.environ["PATH"], 0).stdout, real)
        said = run_with_path(project, "{}:{}/fits".format(skipped, folder), 1).stderr
        expect_in("error: pg_dump ended with status 3 (server)\n  --> {}/fits/pg_dump\n"
                  "detail: It said:\n        oh, \n".format(folder), said)


if __name__ == "__main__":
    sys.exit(house.main(globals()))
