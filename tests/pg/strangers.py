"""Operators that strangers have planted where everybody may create are never called by our own
statements: on a server before 15, or one upgraded from there, that is the schema public."""

import sys

from house import Project, expect, expect_in, main

# For every pair of types for which the server has no operator of its own: one that shouts.
PLANT = """
DO $$ DECLARE op text; l text; r text; result text; n int := 0; BEGIN
  FOREACH op IN ARRAY ARRAY['||', '=', '<>', '<', '>', '<=', '>=', '+', '-', '*', '/', '<<', '|', '~', '!~', '~~'] LOOP
    FOREACH l IN ARRAY ARRAY['text', 'int4', 'int8', 'oid', 'name', 'numeric', 'float8', 'interval',
        'timestamptz', 'bool', '"char"', 'regclass', 'int2'] LOOP
      FOREACH r IN ARRAY ARRAY['text', 'int4', 'int8', 'oid', 'name', 'numeric', 'float8', 'interval',
          'timestamptz', 'bool', '"char"', 'regclass', 'int2'] LOOP
        n := n + 1;
        EXECUTE format('CREATE FUNCTION public.planted_%s(%s, %s) RETURNS %s LANGUAGE plpgsql '
                       'AS $f$BEGIN RAISE EXCEPTION ''a planted operator: %s %s %s''; END$f$',
                       n, l, r, CASE WHEN op ~ '[=<>~]' AND op <> '<<' THEN 'bool' ELSE 'text' END,
                       l, op, r);
        EXECUTE format('CREATE OPERATOR public.%s (FUNCTION = public.planted_%s, LEFTARG = %s, '
                       'RIGHTARG = %s)', op, n, l, r);
      END LOOP;
    END LOOP;
  END LOOP;
END $$;
"""

FILES = {
    "1_a.up.sql": "CREATE TABLE a (id int);",
    "1_a.down.sql": "DROP TABLE a;",
    "2_b.up.sql": "CREATE INDEX CONCURRENTLY a_id ON a (id);",
    "2_b.down.sql": "DROP INDEX CONCURRENTLY a_id;",
    "3_c.up.sql": "-- migrate:no-transaction\nCREATE TABLE c (id int);\nSET work_mem = '5MB';\n"
                  "VACUUM c;",
    "3_c.down.sql": "DROP TABLE c;",
    "R__v.sql": "SELECT set_config('search_path', 'public', false);\nCREATE OR REPLACE VIEW v AS SELECT 1 AS one;",
}

COMMANDS = [
    ["doctor"], ["status"], ["plan"], ["up", "--deadline", "5min"], ["up"], ["redo"], ["log"],
    ["claim", "production"], ["claim", "--show"], ["claim", "--release"], ["verify"], ["doctor"],
    ["status"], ["down", "2"], ["up"],
]


def test_planted_operators_are_not_called(server):
    project = Project(server, FILES)
    project.sql(PLANT)
    for command in COMMANDS:
        project.run(*command)
    expect(project.sql("SELECT count(*) FROM migrate.history WHERE reverted_at IS NULL"), "4")
    project.write("R__v.sql", "CREATE OR REPLACE VIEW v AS SELECT 1 AS one, 2 AS two;")
    project.write("1_a.up.sql", "CREATE TABLE a (id bigint);")
    project.run("repair", "1", "--accept-file")
    project.run("up", "--single-transaction")
    # An older layout is brought up to date.
    project.sql("ALTER TABLE migrate.history DROP COLUMN environment;"
                "COMMENT ON TABLE migrate.history IS 'migrate history, layout 1'")
    project.write("4_d.up.sql", "CREATE TABLE d (id int);")
    project.run("up")
    # Not by obj_description: before 14 that calls what was planted.
    expect(project.sql("SELECT description FROM pg_description WHERE objsubid = 0 AND objoid = "
                       "'migrate.history'::regclass::oid"), "migrate history, layout 3")
    # Histories of other tools are looked at too.
    project.sql("CREATE TABLE schema_migrations (version varchar(20));"
                "CREATE TABLE goose_db_version (id int, version_id bigint, is_applied boolean);"
                "CREATE TABLE flyway_schema_history (installed_rank int, version varchar(50),"
                " script text, checksum int, success boolean)")
    project.run("init", "--inspect")


# Tables that look like histories: an operator, a cast and a policy count who calls them.
HISTORIES = """
CREATE SEQUENCE called;
GRANT USAGE ON SEQUENCE called TO PUBLIC;
CREATE FUNCTION call(text, int) RETURNS bool LANGUAGE sql AS 'SELECT nextval(''public.called'') > 0';
CREATE OPERATOR > (FUNCTION = call, LEFTARG = text, RIGHTARG = int);
CREATE TABLE schema_version (version text);
INSERT INTO schema_version VALUES ('1');
CREATE TYPE odd AS ENUM ('a');
CREATE FUNCTION call(odd) RETURNS text LANGUAGE sql AS 'SELECT nextval(''public.called'')::text';
CREATE CAST (odd AS text) WITH FUNCTION call(odd);
CREATE TABLE pgmigrations (id int, name odd, run_on date);
INSERT INTO pgmigrations VALUES (1, 'a', now());
CREATE TABLE knex_migrations (id int, name text, batch int);
INSERT INTO knex_migrations VALUES (1, 'a', 1);
ALTER TABLE knex_migrations ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON knex_migrations USING (call(name, id));
GRANT SELECT ON schema_version, pgmigrations, knex_migrations TO PUBLIC;
CREATE ROLE strangers_app LOGIN;
"""


def test_tables_that_look_like_histories_run_nothing(server):
    project = Project(server, {})
    project.sql(HISTORIES)
    project.run("init", "--inspect", url=server.url_of(project.database, user="strangers_app"))
    expect(project.sql("SELECT is_called FROM called"), "f")


# ---- What is not the history that it looks like ---------------------------------------------------


def test_a_claim_that_a_trigger_throws_away_is_none(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);"})
    project.run("up")
    project.sql("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
                "CREATE TRIGGER t BEFORE INSERT ON migrate.history FOR EACH ROW EXECUTE FUNCTION f()")
    run = project.run("claim", "production", exit=6)
    expect_in("error: history table \"migrate.history\" changed while this run worked (history)", run.err)
    expect(run.out, "")
    expect_in("no environment", project.run("claim", "--show").out)


def test_something_else_in_the_place_of_the_history(server):
    for what in ("CREATE TYPE migrate.history AS (id int)", "CREATE TABLE migrate.history (id int)",
                 "CREATE SEQUENCE migrate.history", "CREATE VIEW migrate.history AS SELECT 1 AS id"):
        project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);"})
        project.sql("CREATE SCHEMA migrate; " + what)
        for words in ("up",), ("status",), ("down", "--yes"), ("baseline", "1", "--yes"):
            run = project.run(*words, exit=6)
            expect_in("error: table \"migrate.history\" is not a history of this program (history)\n", run.err)
            expect_in("hint: Keep the history elsewhere: --history schema.table\n", run.err)
        project.run("up", "--history", "public.h", "--allow-not-empty")


def test_a_view_of_a_history(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);"})
    project.run("up")
    project.sql("ALTER TABLE migrate.history RENAME TO h; CREATE VIEW migrate.history AS SELECT * FROM migrate.h")
    project.write("2_b.up.sql", "CREATE TABLE b (id int);")
    run = project.run("up", exit=6)
    expect_in("error: table \"migrate.history\" is not a history of this program (history)\n", run.err)
    expect(project.sql("SELECT to_regclass('b') IS NULL"), "t")


if __name__ == "__main__":
    sys.exit(main(globals()))
