#!/usr/bin/env python3
"""How errors of the server are shown: the place in the file, whatever failed.  Speaks TAP.

usage: errors.py MIGRATE [NAME...]
"""
import sys

from house import OwnServer, Project, Skip, expect, expect_in, main

LOOSE = "-- migrate:no-transaction\n"


def shown(server, text, exit=1):
    """What an error in the file says, from the word "error" on."""
    project = Project(server, {})
    (project.root / "migrations" / "1_a.up.sql").write_bytes(text.encode())
    err = project.run("up", exit=exit).err
    return err[err.index("error: "):] if exit else err


def check(server, text, wanted):
    expect(shown(server, text), wanted)


# ---- A position ---------------------------------------------------------------------------------


def test_the_position_counts_characters(server):
    check(server, "SELECT 'äöü€😀', nonsense;\n",
          "error: column \"nonsense\" does not exist (42703)\n"
          "  --> migrations/1_a.up.sql:1:17\n"
          "   |\n"
          " 1 | SELECT 'äöü€😀', nonsense;\n"
          "   |                  ^^^^^^^^\n"
          "note: 1_a was rolled back\n")


def test_a_wide_character_takes_two_columns_of_the_screen(server):
    check(server, "SELECT '漢字', \"名前\";\n",
          "error: column \"名前\" does not exist (42703)\n"
          "  --> migrations/1_a.up.sql:1:14\n"
          "   |\n"
          " 1 | SELECT '漢字', \"名前\";\n"
          "   |                ^^^^^^\n"
          "note: 1_a was rolled back\n")


def test_tabs_stay(server):
    check(server, "SELECT\n\t1,\t\tnonsense\n",
          "error: column \"nonsense\" does not exist (42703)\n"
          "  --> migrations/1_a.up.sql:2:6\n"
          "   |\n"
          " 1 | SELECT\n"
          " 2 | \t1,\t\tnonsense\n"
          "   | \t  \t\t^^^^^^^^\n"
          "note: 1_a was rolled back\n")


def test_a_very_long_line_is_cut_round_the_place(server):
    err = shown(server, "SELECT '{}', nonsense, '{}';\n".format("x" * 5000, "y" * 5000))
    expect_in("  --> migrations/1_a.up.sql:1:5012\n", err)
    line, caret = err.splitlines()[3:5]
    if len(line) > 100 or line[caret.index("^"):caret.rindex("^") + 1] != "nonsense":
        raise AssertionError(err)


def test_line_ends_of_windows_and_a_byte_order_mark(server):
    check(server, "\ufeffSELECT 1;\r\nSELECT\r\n  nonsense;\r\n",
          "error: column \"nonsense\" does not exist (42703)\n"
          "  --> migrations/1_a.up.sql:3:3\n"
          "   |\n"
          " 2 | SELECT\n"
          " 3 |   nonsense;\n"
          "   |   ^^^^^^^^\n"
          "note: 1_a was rolled back\n")
    expect_in("--> migrations/1_a.up.sql:1:8\n", shown(server, "\ufeffSELECT nonsense;\r\n"))


def test_an_ascii_database_counts_bytes(server):
    project = Project(server, {"1_a.up.sql": "SELECT 'äöü', nonsense;\n"})
    server.sql("postgres", "DROP DATABASE {0}; CREATE DATABASE {0} ENCODING 'SQL_ASCII' "
                           "LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0".format(project.database))
    expect_in("  --> migrations/1_a.up.sql:1:15\n", project.run("up", exit=1).err)


# ---- No position ----------------------------------------------------------------------------------


def test_without_a_position_the_statement_is_shown_and_no_place_is_guessed(server):
    check(server, "CREATE TABLE t (a int PRIMARY KEY);\n\nINSERT INTO t\n SELECT 1\n"
                  " FROM generate_series(1, 2);\n",
          "error: duplicate key value violates unique constraint \"t_pkey\" (23505)\n"
          "  --> migrations/1_a.up.sql:3\n"
          "   |\n"
          " 3 | INSERT INTO t\n"
          "detail: Key (a)=(1) already exists.\n"
          "note: 1_a was rolled back\n")


def test_a_deferred_constraint_fails_at_the_end(server):
    text = ("CREATE TABLE t (a int PRIMARY KEY, b int REFERENCES t DEFERRABLE INITIALLY DEFERRED);\n"
            "{}INSERT INTO t VALUES (1, 5);\n{}")
    check(server, text.format("", ""),
          "error: insert or update on table \"t\" violates foreign key constraint \"t_b_fkey\" (23503)\n"
          "  --> migrations/1_a.up.sql\n"
          "detail: Key (b)=(5) is not present in table \"t\".\n"
          "        The check was deferred to the end of the migration.\n"
          "note: 1_a was rolled back\n")
    # A file without a transaction has COMMITs of its own.
    expect_in("detail: Key (b)=(5) is not present in table \"t\".\n"
              "        It failed at the COMMIT.\n",
              shown(server, LOOSE + text.format("BEGIN;\n", "COMMIT;\n")))


# ---- Bodies --------------------------------------------------------------------------------------


def test_inside_a_do_block(server):
    check(server, "SELECT 1;\nDO $$\nBEGIN\n  PERFORM 1;\n  RAISE EXCEPTION 'no: %', 7\n"
                  "    USING DETAIL = 'Because.', HINT = 'Do not.';\nEND $$;\n",
          "error: no: 7 (P0001)\n"
          "  --> migrations/1_a.up.sql:5\n"
          "   |\n"
          " 4 |   PERFORM 1;\n"
          " 5 |   RAISE EXCEPTION 'no: %', 7\n"
          "detail: Because.\n"
          "        PL/pgSQL function inline_code_block line 4 at RAISE\n"
          "hint: Do not.\n"
          "note: 1_a was rolled back\n")


def test_a_query_inside_a_do_block(server):
    check(server, "DO\n'\nDECLARE n int;\nBEGIN\n\n  SELECT count(*) INTO n\n  FROM \"ä\", nope;\nEND';\n",
          "error: relation \"ä\" does not exist (42P01)\n"
          "  --> migrations/1_a.up.sql:7:8\n"
          "   |\n"
          " 6 |   SELECT count(*) INTO n\n"
          " 7 |   FROM \"ä\", nope;\n"
          "   |        ^^^\n"
          "detail: PL/pgSQL function inline_code_block line 5 at SQL statement\n"
          "note: 1_a was rolled back\n")


def test_inside_a_function_of_the_same_file(server):
    check(server, "CREATE FUNCTION \"F f\"(i int, t timestamp without time zone) RETURNS int\n"
                  "LANGUAGE plpgsql AS $body$\nBEGIN\n  INSERT INTO nope VALUES (1);\n"
                  "  RETURN 1;\nEND $body$;\n\nSELECT \"F f\"(1, now()::timestamp);\n",
          "error: relation \"nope\" does not exist (42P01)\n"
          "  --> migrations/1_a.up.sql:4:15\n"
          "   |\n"
          " 3 | BEGIN\n"
          " 4 |   INSERT INTO nope VALUES (1);\n"
          "   |               ^^^^\n"
          "detail: PL/pgSQL function \"F f\"(integer,timestamp without time zone) line 3 at SQL statement\n"
          "        It ran in the statement at line 8.\n"
          "note: 1_a was rolled back\n")


def test_inside_a_trigger_of_the_same_file(server):
    err = shown(server, "CREATE SCHEMA app;\nCREATE TABLE app.t (a int);\n"
                        "CREATE FUNCTION app.trg() RETURNS trigger LANGUAGE plpgsql AS $$\n"
                        "BEGIN\n  RAISE 'never';\nEND $$;\n"
                        "CREATE TRIGGER trg BEFORE INSERT ON app.t FOR EACH ROW\n"
                        "  EXECUTE FUNCTION app.trg();\nINSERT INTO app.t VALUES (1);\n")
    expect_in("  --> migrations/1_a.up.sql:5\n", err)
    expect_in("It ran in the statement at line 9.", err)


def test_a_query_that_the_file_does_not_show(server):
    check(server, "DO $$ BEGIN\n  EXECUTE 'SELECT ' || 'nonsense';\nEND $$;\n",
          "error: column \"nonsense\" does not exist (42703)\n"
          "  --> migrations/1_a.up.sql:2\n"
          "   |\n"
          " 1 | DO $$ BEGIN\n"
          " 2 |   EXECUTE 'SELECT ' || 'nonsense';\n"
          "detail: PL/pgSQL function inline_code_block line 2 at EXECUTE\n"
          "        The query that failed:\n"
          "        | SELECT nonsense\n"
          "        |        ^\n"
          "note: 1_a was rolled back\n")


def test_the_place_in_a_long_query_that_the_file_does_not_show(server):
    err = shown(server, "DO $$ BEGIN\n  EXECUTE 'SELECT ' || repeat('1, ', 1000) || 'nonsense, 2';\n"
                        "END $$;\n")
    expect_in("1, 1, nonsense, 2\n", err)
    caret, = [line for line in err.splitlines() if line.lstrip().startswith("|") and "^" in line]
    query, = [line for line in err.splitlines() if "nonsense, 2" in line and "EXECUTE" not in line]
    expect(caret.index("^"), query.index("nonsense"))


def test_a_function_of_another_file_is_not_searched_here(server):
    project = Project(server, {
        "1_f.up.sql": "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$\nBEGIN\n\n\n"
                      "  RAISE 'no';\nEND $$;",
        "2_a.up.sql": "SELECT 1;\nSELECT 2;\nDO $$ BEGIN\n  PERFORM f();\nEND $$;\n"})
    err = project.run("up", exit=1).err
    # The innermost one that stands in this file.
    expect_in("  --> migrations/2_a.up.sql:4\n", err)
    expect_in("PL/pgSQL function f() line 5 at RAISE\n", err)


def test_two_functions_of_one_name_are_no_place(server):
    expect_in("  --> migrations/1_a.up.sql:3\n", shown(
        server, "CREATE FUNCTION f(i int) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'i'; END $$;\n"
                "CREATE FUNCTION f(t text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 't'; END $$;\n"
                "SELECT f('x');\n"))


def test_a_body_that_does_not_compile(server):
    expect_in("  --> migrations/1_a.up.sql:4:3\n", shown(
        server, "SELECT 1;\nCREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$\nBEGIN\n"
                "  RETRN 1;\nEND $$;\n"))


def test_a_function_behind_a_deferred_trigger(server):
    err = shown(server, "CREATE TABLE t (a int);\nCREATE FUNCTION trg() RETURNS trigger LANGUAGE plpgsql\n"
                        "AS $$ BEGIN\n  RAISE 'too late';\nEND $$;\nCREATE CONSTRAINT TRIGGER trg AFTER "
                        "INSERT ON t\n  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION trg();\n"
                        "INSERT INTO t VALUES (1);\n")
    expect_in("  --> migrations/1_a.up.sql:4\n", err)
    expect_in("The check was deferred to the end of the migration.\n", err)


# ---- Data ------------------------------------------------------------------------------------------


def test_the_line_of_the_data(server):
    check(server, "CREATE TABLE t (a int, b int);\nCOPY t\n  FROM stdin;\n1\t2\n2\tzwei\n3\t3\n\\.\n",
          "error: invalid input syntax for type integer: \"zwei\" (22P02)\n"
          "  --> migrations/1_a.up.sql:5\n"
          "   |\n"
          " 4 | 1\t2\n"
          " 5 | 2\tzwei\n"
          "detail: COPY t, line 2, column b: \"zwei\"\n"
          "note: 1_a was rolled back\n")


def test_a_line_far_down_in_the_data(server):
    lines = "".join("{}\t{}\n".format(i, "x" * 100) for i in range(30000))
    expect_in("  --> migrations/1_a.up.sql:30003\n      |\n",
              shown(server, "CREATE TABLE t (a int, b text);\nCOPY t FROM stdin;\n" + lines +
                    "a\tb\n\\.\n"))


def test_the_line_of_csv_data_with_line_ends_in_it(server):
    expect_in("  --> migrations/1_a.up.sql:6\n", shown(
        server, "CREATE TABLE t (a int, b text);\nCOPY t FROM stdin (FORMAT csv, HEADER);\na,b\n"
                "1,\"two\nlines\"\nx,y\n\\.\n"))


def test_a_trigger_while_data_is_read(server):
    expect_in("  --> migrations/1_a.up.sql:7\n", shown(
        server, "CREATE TABLE t (a int);\nCREATE FUNCTION trg() RETURNS trigger LANGUAGE plpgsql AS\n"
                "$$ BEGIN IF new.a = 2 THEN RAISE 'two'; END IF; RETURN new; END $$;\n"
                "CREATE TRIGGER trg BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION trg();\n"
                "COPY t FROM stdin;\n1\n2\n\\.\n"))


# ---- Notices -------------------------------------------------------------------------------------


def test_notices_tell_their_statement(server):
    err = shown(server, "DROP TABLE IF EXISTS nope;\nCREATE TABLE a (i int PRIMARY KEY);\n"
                        "CREATE VIEW v AS SELECT * FROM a;\nDROP TABLE a CASCADE;\n"
                        "CREATE TABLE t (i int);\nCREATE FUNCTION trg() RETURNS trigger\n"
                        "LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'row %', new.i; RETURN new; END $$;\n"
                        "CREATE TRIGGER trg BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION trg();\n"
                        "COPY t FROM stdin;\n5\n\\.\nDO $$ BEGIN RAISE NOTICE 'hello'\n"
                        "  USING DETAIL = 'It is me.', HINT = 'Greet back.'; END $$;\n", exit=0)
    expect("".join(line + "\n" for line in err.splitlines()[2:]),
           "server   1_a: NOTICE: table \"nope\" does not exist, skipping (line 1, DROP TABLE)\n"
           "server   1_a: NOTICE: drop cascades to view v (line 4, DROP TABLE)\n"
           "server   1_a: WARNING: row 5 (line 9, COPY FROM STDIN)\n"
           "server   1_a: NOTICE: hello (line 12, DO)\n"
           "         DETAIL: It is me.\n"
           "         HINT: Greet back.\n")


def test_streams_of_notices_are_counted(server):
    loop = "DO $$ BEGIN FOR i IN 1..500 LOOP RAISE {} 'row % of it', i; END LOOP; {} END $$;"
    files = {"1_a.up.sql": loop.format("NOTICE", "RAISE WARNING 'it is done';"),
             "2_b.up.sql": loop.format("WARNING", "RAISE 'no';")}
    run = Project(server, files).run("up", exit=1)
    wanted = ["1_a: NOTICE: row {} of it (line 1, DO)".format(i) for i in range(1, 11)]
    wanted += ["1_a: WARNING: it is done (line 1, DO)", "1_a: 490 more like \"NOTICE: row 1 of it (line 1, "
               "DO)\"; --verbose shows all"]
    wanted += ["2_b: WARNING: row {} of it (line 1, DO)".format(i) for i in range(1, 11)]
    wanted += ["2_b: 490 more like \"WARNING: row 1 of it (line 1, DO)\"; --verbose shows all"]
    expect([line[9:] for line in run.err.splitlines() if line.startswith("server ")], wanted)
    expect_in("error: no (P0001)\n", run.err)
    run = Project(server, files).run("up", "--verbose", exit=1)
    expect(run.err.count("NOTICE: row") + run.err.count("WARNING: row"), 1000)


# ---- Another language -------------------------------------------------------------------------


def test_our_own_failing_casts_in_german(server):
    """Their text is the server's, in its language: the words inside it tell them apart."""
    german = OwnServer(["lc_messages = 'C.UTF-8'"], variables={"LANGUAGE": "de"})
    try:
        project = Project(german, {
            "1_a.up.sql": "CREATE TABLE a (id int);\nSELECT pg_advisory_unlock_all();",
            "2_b.up.sql": "-- migrate:no-transaction\nCREATE TABLE b (id int);\n"
                          "DELETE FROM migrate.history;\n"})
        said = project.run("up", exit=3).err
        expect_in("error: this session does not hold its lock any more (fence)\n"
                  "  --> migrations/1_a.up.sql\n", said)
        project.write("1_a.up.sql", "CREATE TABLE a (id int);\nSELECT 1/0;")
        if "Division durch Null" not in project.run("up", exit=1).err:
            raise Skip("the server has no German messages")
        project.write("1_a.up.sql", "CREATE TABLE a (id int);")
        said = project.run("up", exit=6).err
        expect_in("error: history table \"migrate.history\" changed while this run worked "
                  "(history)\n  --> migrations/2_b.up.sql\n", said)
    finally:
        german.stop()


if __name__ == "__main__":
    sys.exit(main(globals()))
