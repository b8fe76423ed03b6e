#!/usr/bin/env python3
"""What files hold, against a real server: whole dumps, and statements that refuse a transaction.

usage: files.py MIGRATE [NAME...]
"""
import difflib
import hashlib
import json
import socket
import subprocess
import sys

from house import LIMIT_S, Project, expect, expect_in, hold_table, main, wait_for

# A bit of everything that pg_dump writes.
MANY_KINDS = r"""
CREATE SCHEMA app;
CREATE TYPE app.mood AS ENUM ('sad; really', 'it''s ok', 'happy');
CREATE TYPE app.pair AS (a int, "b;c" text);
CREATE DOMAIN app.short AS text CHECK (length(VALUE) < 10 AND VALUE <> ';') DEFAULT 'x';
CREATE TYPE app.span AS RANGE (subtype = int);
CREATE SEQUENCE app.numbers START 7 INCREMENT 3;
CREATE TABLE app.people (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL DEFAULT 'it''s; $$',
    mood app.mood, tag app.short, doubled int GENERATED ALWAYS AS (length(name) * 2) STORED,
    number int DEFAULT nextval('app.numbers'), UNIQUE (name) DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE app.pets (owner int REFERENCES app.people ON DELETE CASCADE, "na""me;" text);
CREATE TABLE app.strays (extra int DEFAULT 1) INHERITS (app.pets);
CREATE TABLE app.parted (at date, what text) PARTITION BY RANGE (at);
CREATE TABLE app.parted_1 PARTITION OF app.parted FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE app.parted_rest PARTITION OF app.parted DEFAULT;
CREATE UNLOGGED TABLE app.loose (j jsonb, b bytea);
CREATE INDEX people_lower ON app.people (lower(name)) WHERE name <> ';';
CREATE STATISTICS app.stats ON id, number FROM app.people;
CREATE VIEW app.names AS SELECT name || ';' AS n,
    CASE WHEN id > 1 THEN 'a' ELSE 'b;' END AS c FROM app.people;
CREATE MATERIALIZED VIEW app.counts AS SELECT count(*) AS n FROM app.people;
CREATE FUNCTION app.plain(a int) RETURNS int LANGUAGE sql AS 'SELECT a + 1;';
CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    -- it's; a $$ comment
    NEW.name := NEW.name || $q$;$q$;
    RETURN NEW;
END;
$body$;
CREATE PROCEDURE app.work() LANGUAGE plpgsql AS $$ BEGIN PERFORM 1; END $$;
CREATE AGGREGATE app.total (int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
CREATE FUNCTION app.near(int, int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT abs($1 - $2) < 2';
CREATE OPERATOR app.=~~= (LEFTARG = int, RIGHTARG = int, FUNCTION = app.near);
CREATE TRIGGER touch BEFORE UPDATE ON app.people FOR EACH ROW
    WHEN (OLD.name <> ';') EXECUTE FUNCTION app.touch();
CREATE RULE two AS ON DELETE TO app.loose DO ALSO
    (INSERT INTO app.pets VALUES (NULL, ';'); DELETE FROM app.pets);
ALTER TABLE app.people ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON app.people USING (name = current_user);
COMMENT ON TABLE app.people IS E'it\'s; a \\ comment\n-- with lines\n\\restrict';
GRANT SELECT ON app.people TO PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO PUBLIC;
INSERT INTO app.people (name, mood) VALUES (E'tab\there', 'happy'), (E'line\nend', NULL),
    ('\.', 'sad; really'),
    ('\\', 'it''s ok'), ('ä€😀; $$ '' " -- /*', NULL), ('', NULL), ('\N', NULL);
INSERT INTO app.pets VALUES (1, E'\\.\n\\.'), (2, NULL);
INSERT INTO app.parted VALUES ('2026-05-05', 'x'), ('2030-01-01', E'\r\n');
INSERT INTO app.loose VALUES ('{"a": "\"; $$"}', '\x0001ff');
REFRESH MATERIALIZED VIEW app.counts;
"""

# What came later: the version, what makes it, and what a dump has of it.
LATER_KINDS = [
    (14, """CREATE FUNCTION app.body(a int, b int DEFAULT 2) RETURNS int LANGUAGE sql
    BEGIN ATOMIC SELECT CASE WHEN a > b THEN a ELSE b END; SELECT (CASE WHEN a = 1 THEN 1 END); END;
    CREATE FUNCTION app.more() RETURNS int LANGUAGE sql BEGIN ATOMIC; SELECT 1 AS "end"; END""",
     "BEGIN ATOMIC"),
    (15, """CREATE TABLE app.once (a int, UNIQUE NULLS NOT DISTINCT (a));
    CREATE FUNCTION app.merged() RETURNS int LANGUAGE plpgsql AS $$ BEGIN MERGE INTO app.once o
    USING (SELECT 1 AS a) s ON o.a = s.a WHEN NOT MATCHED THEN INSERT VALUES (s.a); RETURN 1; END $$""",
     "NULLS NOT DISTINCT"),
    (16, """CREATE VIEW app.json AS SELECT '{"a": ";"}' IS JSON OBJECT AS is_json;
    ALTER TABLE app.people ALTER name SET STORAGE EXTERNAL""", "IS JSON OBJECT"),
    (17, """CREATE FUNCTION app.merge(n int) RETURNS int LANGUAGE sql BEGIN ATOMIC
    MERGE INTO app.once o USING (SELECT n AS a) s ON o.a = s.a WHEN MATCHED THEN DELETE
    WHEN NOT MATCHED THEN INSERT VALUES (s.a) RETURNING merge_action(), CASE WHEN o.a > 1 THEN 1 END; SELECT 1; END;
    CREATE VIEW app.rows AS SELECT * FROM JSON_TABLE('[{"a": 1}]', '$[*] ? (@.a < 2)'
    COLUMNS (a int PATH '$.a' DEFAULT 7 ON EMPTY, b text EXISTS PATH '$."b;"')) t""", "JSON_TABLE"),
    (18, """CREATE TABLE app.virtual (a int CONSTRAINT a_is_there NOT NULL, b int GENERATED ALWAYS AS (a * 2) VIRTUAL);
    ALTER TABLE app.pets ADD CONSTRAINT owner_is_there NOT NULL owner NOT VALID;
    CREATE TABLE app.rooms (id app.span, at daterange, PRIMARY KEY (id, at WITHOUT OVERLAPS));
    ALTER TABLE app.virtual ADD CONSTRAINT loose CHECK (a > 0) NOT ENFORCED;
    CREATE FUNCTION app.both() RETURNS int LANGUAGE sql BEGIN ATOMIC
    UPDATE app.virtual SET a = a + 1 RETURNING WITH (OLD AS was, NEW AS is_now) was.a + is_now.a; END""",
     "WITHOUT OVERLAPS"),
]


def dump(server, database, *options):
    done = subprocess.run(["pg_dump", "-N", "migrate", *options, "-d", server.url_of(database)],
                          capture_output=True, check=True)
    return done.stdout.decode()  # not as text: a string may hold CR LF


def comparable(text):
    """The key of \\restrict is another each time."""
    return [line for line in text.split("\n") if not line.startswith(("\\restrict", "\\unrestrict"))]


def test_a_dump_of_many_kinds_is_a_migration(server):
    source = server.database()
    server.sql(source, MANY_KINDS)
    later = [kind for kind in LATER_KINDS if kind[0] <= server.version()]
    for _, text, _ in later:
        server.sql(source, text)
    before = dump(server, source)
    for part in ["set_config('search_path', '', false)"] + [kind[2] for kind in later]:
        expect_in(part, before)
    for name, text in (("1_dump.up.sql", before), ("1_dump.up.sql", dump(server, source, "--inserts"))):
        project = Project(server, {name: text, "2_next.up.sql": "CREATE TABLE next_one (LIKE app.people);\n"
                                   "INSERT INTO seen SELECT current_setting('search_path'),"
                                   " current_setting('check_function_bodies');"})
        project.sql("CREATE TABLE seen (path text, bodies text)")
        project.run("up", "--allow-not-empty")
        expect(project.applied(), ["1", "2"])
        expect(project.sql("SELECT * FROM seen"), '"$user", public|on')
        expect(project.sql("SELECT 'next_one'::regclass::text"), "next_one")
        project.sql("DROP TABLE public.next_one, public.seen")
        after = comparable(dump(server, project.database))
        expect("\n".join(difflib.unified_diff(comparable(before), after, lineterm="", n=1)), "")


# What the server refuses in a block, and its neighbours, which it does not.  Before a version: since then.
REFUSED = [
    "CREATE INDEX CONCURRENTLY j ON t (a)",
    "create unique /* x */ index\nconcurrently if not exists j on t (a)",
    "DROP INDEX CONCURRENTLY i",
    "DROP INDEX CONCURRENTLY IF EXISTS nothing",
    "REINDEX TABLE CONCURRENTLY t",
    "REINDEX INDEX CONCURRENTLY i",
    (14, "REINDEX (VERBOSE, CONCURRENTLY) TABLE t"),
    (14, "REINDEX (CONCURRENTLY on) INDEX i"),
    "REINDEX SCHEMA public",
    "REINDEX SCHEMA CONCURRENTLY public",
    "REINDEX DATABASE this_database",
    "REINDEX SYSTEM this_database",
    (14, "ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY"),
    (14, "ALTER TABLE IF EXISTS public.p DETACH PARTITION public.p1 CONCURRENTLY"),
    "VACUUM",
    "VACUUM t",
    "VACUUM (FULL, ANALYZE) t",
    "VACUUM FREEZE VERBOSE ANALYZE t",
    "CLUSTER",
    "CLUSTER VERBOSE",
    "CREATE DATABASE other",
    "DROP DATABASE IF EXISTS other",
    "DROP DATABASE other WITH (FORCE)",
    "ALTER DATABASE this_database SET TABLESPACE pg_default",
    "CREATE TABLESPACE s LOCATION '/nowhere'",
    "DROP TABLESPACE IF EXISTS s",
    "ALTER SYSTEM SET work_mem = '5MB'",
    "ALTER SYSTEM RESET ALL",
    "CREATE SUBSCRIPTION s CONNECTION 'dbname=x' PUBLICATION p",
    "CREATE SUBSCRIPTION s CONNECTION 'dbname=x' PUBLICATION p WITH (enabled = false)",
    "DISCARD ALL",
    "COMMIT PREPARED 'x'",
    "ROLLBACK PREPARED 'x'",
    (17, "ALTER SUBSCRIPTION u SET (failover = true)"),
    (18, "ALTER SUBSCRIPTION u SET (two_phase = false)"),
    (18, "VACUUM ONLY t"),
    (19, "REPACK"),
    (19, "REPACK (VERBOSE) USING INDEX"),
    (19, "REPACK (CONCURRENTLY) t"),
    (19, "REPACK (ANALYZE) t (a)"),
]
TAKEN = [
    "CREATE INDEX j ON t (a)",
    "CREATE INDEX \"concurrently\" ON t (a)",
    "DROP INDEX i -- CONCURRENTLY",
    "REINDEX TABLE t",
    "REINDEX (CONCURRENTLY false) INDEX i",
    "REINDEX (VERBOSE) TABLE t",
    "ALTER TABLE p DETACH PARTITION p1",
    "ALTER TABLE t ADD COLUMN \"concurrently\" text DEFAULT 'DETACH PARTITION p1 CONCURRENTLY'",
    "ANALYZE",
    "ANALYZE VERBOSE t",
    "CLUSTER t USING i",
    "CLUSTER VERBOSE t USING i",
    "ALTER DATABASE this_database SET work_mem = '5MB'",
    "CREATE SUBSCRIPTION s CONNECTION 'dbname=x' PUBLICATION p WITH (connect = false)",
    "DISCARD TEMP",
    "DISCARD PLANS",
    "ALTER TYPE e ADD VALUE 'b'",
    "COMMENT ON TABLE t IS 'VACUUM'",
    "SELECT 'VACUUM' AS \"CREATE DATABASE\" /* REINDEX SYSTEM x */",
    "SET LOCAL lock_timeout = '1s'",
    "REFRESH MATERIALIZED VIEW v",
    "ALTER SUBSCRIPTION u SET (binary)",
    (18, "ALTER SUBSCRIPTION u SET (two_phase)"),
    (18, "ANALYZE ONLY t"),
    (19, "REPACK t USING INDEX i"),
    (19, "REPACK (VERBOSE, CONCURRENTLY false) t"),
]
PREPARED = """
CREATE TABLE t (a int PRIMARY KEY); CREATE INDEX i ON t (a); CREATE TYPE e AS ENUM ('a');
CREATE TABLE p (a int) PARTITION BY LIST (a); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
CREATE MATERIALIZED VIEW v AS SELECT 1;
CREATE SUBSCRIPTION u CONNECTION 'dbname=x' PUBLICATION p WITH (connect = false);
"""


def is_refused(project, statement):
    try:
        project.sql("\\set VERBOSITY verbose\nBEGIN;\n{}\n;ROLLBACK;".format(statement))
    except AssertionError as error:
        return "25001" in str(error)
    return False


def known_to(server, rows, database):
    version = server.version()
    dated = [row if isinstance(row, tuple) else (0, row) for row in rows]
    return [text.replace("this_database", database) for since, text in dated if since <= version]


def test_the_server_refuses_what_we_say(server):
    project = Project(server, {})
    project.sql(PREPARED)
    refused, taken = (known_to(server, rows, project.database) for rows in (REFUSED, TAKEN))
    statements = refused + taken
    for number, statement in enumerate(statements, 1):
        project.write("{:03}_s.up.sql".format(number), statement + "\n;")
    scripts = json.loads(project.run("show", "--output", "json").out)["scripts"]
    ours = {text: not row["transactional"] for text, row in zip(statements, scripts)}
    theirs = {text: is_refused(project, text) for text in statements}
    expect(ours, theirs)
    expect([text for text in statements if theirs[text]], refused)


BROKEN = "SELECT 'open\n"


def test_what_is_in_the_history_as_it_is_was_looked_at_before(server):
    """Of an applied file only the digest counts, if it is that of its row."""
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (i int);",
                               "1_a.down.sql": "DROP TABLE a;", "R__v.sql": "SELECT 1;"})
    project.run("up")
    for name, column, key in (("1_a.up.sql", "up_digest", "a"), ("R__v.sql", "up_digest", "v"),
                              ("1_a.down.sql", "down_digest", "a")):
        project.write(name, BROKEN)
        project.sql("UPDATE migrate.history SET {} = '{}' WHERE name = '{}'".format(
            column, hashlib.sha256(BROKEN.encode()).hexdigest(), key))
    for words in (("up",), ("status", "--exit-code"), ("plan",)):
        expect("error" in project.run(*words).err, False)
    for words in (("down",), ("redo",), ("repair", "1", "--accept-file")):
        expect_in("error: unterminated quoted string (file)", project.run(*words, exit=2).err)
    expect_in("unterminated quoted string", project.run("verify", exit=6).out)
    project.write("1_a.up.sql", BROKEN + " ")
    expect_in("--> migrations/1_a.up.sql:1:8", project.run("up", exit=2).err)
    expect(project.applied(), ["1"])


def test_nothing_runs_before_every_file_was_looked_at(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (i int);", "2_b.up.sql": BROKEN})
    for words in (("up",), ("up", "1"), ("status",), ("plan",), ("baseline", "1")):
        run = project.run(*words, exit=2)
        expect_in("error: unterminated quoted string (file)\n  --> migrations/2_b.up.sql:1:8\n",
                  run.err)
        expect_in("note: nothing was changed\n", run.err)
    expect(project.sql("SELECT count(*) FROM pg_namespace WHERE nspname = 'migrate'"), "0")


def test_a_broken_file_is_told_before_anything_is_waited_for(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (i int);", "2_b.up.sql": "VACUUM a;"})
    project.run("up", "1")
    error = "error: unterminated quoted string (file)\n  --> migrations/3_c.up.sql:1:8\n"
    holder = hold_table(project, "a", LIMIT_S)
    worker = project.start("up")
    wait_for(lambda: project.sql("SELECT count(*) FROM pg_stat_activity WHERE query = 'VACUUM a' "
                                 "AND wait_event_type = 'Lock'") == "1")
    project.write("3_c.up.sql", BROKEN)
    # Nobody is there; nobody lets us in; another run works.
    listener = socket.create_server(("127.0.0.1", 0))
    nowhere = "postgresql://app@127.0.0.1:{}/shop".format(listener.getsockname()[1])
    listener.close()
    strange = server.url_of("no_such_database")
    for url, note in ((nowhere, "no connection was made"), (strange, "no connection was made"),
                      (None, "nothing was changed")):
        run = project.run("up", "--wait-server", "1h", "--wait-turn", "1h", url=url, exit=2)
        expect_in(error, run.err)
        expect_in("note: {}\n".format(note), run.err)
        expect("waiting" in run.err, False)
    holder.kill()
    project.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'BEGIN; "
                "LOCK TABLE a%'")
    worker.communicate(timeout=LIMIT_S)
    expect(worker.returncode, 0)


def test_files_that_change_while_it_runs(server):
    """What is small runs as it was planned; what is not is read again, and refused."""
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (i int);"})
    project.run("up")
    project.write("2_v.up.sql", "VACUUM a;")  # is awaited, so nothing behind it is sent yet
    project.write("3_small.up.sql", "CREATE TABLE planned (i int);")
    project.write("4_large.up.sql", "CREATE TABLE large (i int);" + " " * 70000)
    holder = hold_table(project, "a", 3)
    run = project.start("up")
    wait_for(lambda: project.sql("SELECT count(*) FROM pg_stat_activity WHERE query = 'VACUUM a' "
                                 "AND wait_event_type = 'Lock'") == "1")
    for name in ("3_small", "4_large"):
        project.write(name + ".up.sql", "CREATE TABLE edited (i int);")
    out, err = run.communicate(timeout=LIMIT_S)
    expect(run.returncode, 6)
    expect_in("error: the file changed while migrations were being applied (changed)\n", err)
    expect_in("migrations/4_large.up.sql", err)
    holder.wait(LIMIT_S)
    expect(project.applied(), ["1", "2", "3"])
    expect(project.sql("SELECT relname FROM pg_class WHERE relname IN ('planned', 'large', 'edited'"
                       ")"), "planned")


if __name__ == "__main__":
    sys.exit(main(globals()))
