"""Operators that strangers have planted where everybody may create are never called by our own
statements: on a server before 15, or one upgraded from there, that is the schema public."""

import sys

from house import LIMIT_S, Project, expect, expect_in, main, read_until

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


def work(project):
    """Run what there is of statements of our own."""
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
                       "'migrate.history'::regclass::oid"), "migrate history, layout 4")
    project.run("dump")
    project.write("5_e.up.sql", "CREATE TABLE e (id int PRIMARY KEY REFERENCES e DEFERRABLE INITIALLY DEFERRED);\n"
                  "SELECT pg_catalog.pg_advisory_lock(1), pg_catalog.pg_advisory_lock_shared(1, 2);")
    project.write("6_f.up.sql", "INSERT INTO e VALUES (1);")
    project.run("up", "--single-transaction")
    # One that waits for another session, and one that takes too long.
    project.write("7_g.up.sql", "-- migrate:lock-timeout 50ms\nALTER TABLE a ADD b int;")
    with project.session() as holder:
        holder.run("BEGIN; LOCK TABLE a")
        run = project.start("up")
        read_until(run.stderr, "pid {}".format(holder.backend))
    run.communicate(timeout=LIMIT_S)
    expect(run.returncode, 0)
    project.write("8_h.up.sql", "-- migrate:statement-timeout 1ms\nSELECT pg_catalog.pg_sleep(9);")
    expect_in("The limit is that of the file's own", project.run("up", exit=1).err)
    # An index that could not be built, and is there all the same.
    project.write("8_h.up.sql", "CREATE UNIQUE INDEX CONCURRENTLY e_x ON e ((1));")
    project.sql("INSERT INTO e VALUES (2)")
    project.run("up", exit=1)
    project.write("8_h.up.sql", "CREATE INDEX CONCURRENTLY e_x ON e (id);\nREINDEX TABLE CONCURRENTLY e;")
    project.run("up")
    # Histories of other tools are looked at too.
    project.sql("CREATE TABLE schema_migrations (version varchar(20));"
                "CREATE TABLE goose_db_version (id int, version_id bigint, is_applied boolean);"
                "CREATE TABLE flyway_schema_history (installed_rank int, version varchar(50),"
                " script text, checksum int, success boolean)")
    project.run("init", "--inspect")
    # A row that is not written fails by its own words.
    project.sql("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
                "CREATE TRIGGER t BEFORE INSERT ON migrate.history FOR EACH ROW EXECUTE FUNCTION f()")
    expect_in("changed while this run worked (history)", project.run("claim", "production", exit=6).err)


def test_planted_operators_are_not_called(server):
    project = Project(server, FILES)
    project.sql(PLANT)
    work(project)


# With pg_catalog behind it in the search_path, what is planted there is found first: operators and
# functions for the very types, types, and relations.
PLANT_FIRST = """
CREATE SEQUENCE called;
CREATE FUNCTION public.shout(what text) RETURNS bool LANGUAGE plpgsql
  AS $f$BEGIN PERFORM pg_catalog.nextval('public.called'); RAISE EXCEPTION 'planted: %', what; END$f$;
DO $$ DECLARE o record; n int := 0; BEGIN
  FOR o IN SELECT oprname, oprleft::regtype AS l, oprright::regtype AS r, oprresult::regtype AS result
    FROM pg_operator WHERE oprkind = 'b' AND oprnamespace = 'pg_catalog'::regnamespace
    AND NOT EXISTS (SELECT FROM pg_type WHERE oid IN (oprleft, oprright) AND typtype = 'p')
  LOOP
    n := n + 1;
    EXECUTE format('CREATE FUNCTION public.planted_%s(%s, %s) RETURNS %s LANGUAGE plpgsql AS '
                   '$f$BEGIN PERFORM public.shout(''operator %s %s %s''); END$f$',
                   n, o.l, o.r, o.result, o.l, o.oprname, o.r);
    EXECUTE format('CREATE OPERATOR public.%s (FUNCTION = public.planted_%s, LEFTARG = %s, RIGHTARG = %s)',
                   o.oprname, n, o.l, o.r);
  END LOOP;
  FOR o IN SELECT relname FROM pg_class WHERE relkind IN ('r', 'v')
    AND relnamespace = 'pg_catalog'::regnamespace
  LOOP
    EXECUTE format('CREATE VIEW public.%I AS SELECT public.shout(''relation %s'')', o.relname, o.relname);
  END LOOP;
  FOR o IN SELECT proname, pg_get_function_identity_arguments(oid) AS words,
    prorettype::regtype AS result, proretset FROM pg_proc
    WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'f' AND provariadic = 0
    AND NOT EXISTS (SELECT FROM pg_type t WHERE typtype = 'p' AND t.oid = ANY (proargtypes || prorettype))
    AND proname !~ '^(shout|planted_)'
  LOOP
    EXECUTE format('CREATE FUNCTION public.%I(%s) RETURNS %s LANGUAGE plpgsql AS '
                   '$f$BEGIN PERFORM public.shout(''function %s''); END$f$', o.proname, o.words,
                   CASE WHEN o.proretset THEN 'SETOF ' ELSE '' END || o.result, o.proname);
  END LOOP;
  FOR o IN SELECT typname FROM pg_type WHERE typnamespace = 'pg_catalog'::regnamespace
    AND typname IN ('text', 'name', 'oid', 'int2', 'int4', 'int8', 'float8', 'numeric', 'bool',
                    'timestamptz', 'interval', 'regclass', 'regnamespace', 'regtype', 'jsonb')
  LOOP
    EXECUTE format('CREATE DOMAIN public.%I AS pg_catalog.%I CHECK (public.shout(''type %s''))',
                   o.typname, o.typname, o.typname);
  END LOOP;
END $$;
CREATE FUNCTION public.shout(bigint) RETURNS bigint LANGUAGE plpgsql
  AS $f$BEGIN RAISE EXCEPTION 'planted: count'; END$f$;
CREATE AGGREGATE public.count(*) (SFUNC = public.shout, STYPE = bigint, INITCOND = '0');
DROP ROLE IF EXISTS strangers_path;
CREATE ROLE strangers_path LOGIN SUPERUSER;
ALTER ROLE strangers_path SET search_path = public, pg_catalog;
"""

PLAIN_FILES = dict(FILES, **{
    "R__v.sql": "SELECT pg_catalog.set_config('search_path', 'public, pg_catalog', false);\n"
                "CREATE OR REPLACE VIEW v AS SELECT 1 AS one;",
})


def test_what_is_planted_in_front_of_the_catalog_is_not_called(server):
    project = Project(server, PLAIN_FILES)
    project.sql(PLANT_FIRST)
    project.variables["DATABASE_URL"] = server.url_of(project.database, user="strangers_path")
    work(project)
    # Of that which nobody would miss too.
    expect(project.sql("SELECT is_called FROM called"), "f")


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


def test_what_a_trigger_says_is_told_with_what_it_is_about(server):
    project = Project(server, {"1_a.up.sql": "CREATE TABLE a (id int);"})
    project.sql("CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN "
                "RAISE 'not today' USING HINT = 'Come back.'; END $$; "
                "CREATE EVENT TRIGGER watch ON ddl_command_start WHEN TAG IN ('CREATE SCHEMA') "
                "EXECUTE FUNCTION watch()")
    said = ("error: could not {} history table \"migrate.history\": not today (P0001)\n"
            "detail: PL/pgSQL function {}() line 1 at RAISE\nhint: Come back.\nnote: {}\n")
    for words, note in ((("up",), "nothing was applied"), (("baseline", "1"), "nothing was recorded"),
                        (("claim", "production"), "nothing was changed")):
        expect_in(said.format("create or write", "watch", note), project.run(*words, exit=1).err)
    project.sql("DROP EVENT TRIGGER watch")
    project.run("up")
    project.sql("CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                "RAISE 'not today' USING HINT = 'Come back.'; END $$; "
                "CREATE TRIGGER guard BEFORE UPDATE ON migrate.history FOR EACH ROW EXECUTE FUNCTION guard()")
    project.write("1_a.up.sql", "CREATE TABLE a (id bigint);")
    expect_in(said.format("write to", "guard", "nothing was changed"),
              project.run("repair", "1", "--accept-file", exit=1).err)


if __name__ == "__main__":
    sys.exit(main(globals()))
