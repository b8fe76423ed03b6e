"""A generator of SQL files whose statements are known because it wrote them.

A file is gaps and statements.  Every construct that keeps a semicolon from ending a statement is among
the atoms; they are combined at random, from a seed, so every run sees the same files.
"""
import random

# ---- Atoms of an expression: none of their semicolons ends anything --------------------------------

STRINGS = [
    "'a'", "''", "';'", "'it''s; it''''s'", "'--'", "'/*'", "'$$'", "'\n;\n'", "'\r\n;'", "'\\'",
    "'a\\\\'", "'\"'",
    "'BEGIN ATOMIC; END'", "'ä;€;😀'",
    "E'\\';'", "e'\\\\'", "E'a''b;'", "E'\\n;\\x41'", "E'\\\n;'", "E''';'",
    "U&'\\0061;'", "U&'d!0061;' UESCAPE '!'", "u&'it''s;'", "B'0101'", "b''", "X'1Fa'", "N'n;'",
    "n''';'",
    "'a'\n';b'", "'a' -- it's; a comment\n  ';b'", "'a'\r';b'", "'a'\t\r\n\f';'\n'''c'", "E'a'\n  ';c'",
    "U&'a'\n';b'", "B'0'\n'1'",
]
# Psql forgets at the end of a line what kind of string goes on; the server does not.
STRINGS_PSQL_CUTS = ["E'a'\n'b\\';c'", "E'x' -- y\n '\\';'"]
# With standard_conforming_strings off.
STRINGS_OFF = ["'a\\';b'", "'\\\\'", "'\\''''", "N'\\';'", "'a'\n'b'", "E'\\';'", "U&\"\\0061;\"",
               "$$\\$$"]
DOLLARS = [
    "$$;$$", "$$ ' \" -- /* $a$ $$", "$a$;$$;$b$;$A$;$a$", "$_1$a\n;\n$_1$", "$tag$ $tag $tag$",
    "$$$$", "$ä$;$ä$",
    "$a$$a$", "$$\n\\.\n\\q\n$$", "$b$ $a$ ; $a$ $b$", "$$ $1 $$",
]
NAMES = ['"a;"', '"a"";"', '""";"', 'U&"d\\0061;"', 'U&"x!;" UESCAPE \'!\'', '"--"', '"/*"', "é",
         "x$$y", "_$1$", "\"$$\"",
         "begin", "rule", "atomic", "u", "\"'\"", "\u00a0"]
NUMBERS = ["1", "1.5", ".5", "1e5", "1.", "1.e-5", "42::int", "$1", "$12", "1+-2", "2*-3"]
OPERATED = ["1 +-- it's; over\n 2", "2 */* ; */ 3", "1 -/* ' */- 2", "1-- ;\r+ 2", "(';')",
            "(1, ($$;$$))", "((1))",
            "(ARRAY[1, 2])[1:2]", "(SELECT ';')", "1 <> 2", "'a'~';'",
            "CASE WHEN true THEN ';' ELSE ';;' END",
            "'{\"a\": 1}'::jsonb ?| ARRAY['a;']", "'a' || $$;$$ || E';'"]
INSIDE = ["/* ; */", "/* ' */", "/* /* ; */ ' */", "-- ;\n", "-- '\r", "-- \" $$ \r\n", "/**/",
          "/*/ ; /**/ */",
          "\n", "\t", "\f", "\r\n", "/* $$ */", "--\n"]

# ---- Statements --------------------------------------------------------------------------------------

ATOMIC = [
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END",
    "CREATE OR REPLACE FUNCTION f(a int) RETURNS int LANGUAGE sql BEGIN ATOMIC; SELECT CASE WHEN a > 1 THEN 1"
    " ELSE 2 END; SELECT (CASE a WHEN 1 THEN 2 END); END",
    "create procedure p() begin /* ; */ atomic insert into t values (';'); delete from t where a = $$;$$; end",
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC END",
]
# The server takes them; psql counts every BEGIN, CASE and END.
ATOMIC_PSQL_CUTS = [
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT s.case FROM t s; SELECT 2; END",
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1 AS end; SELECT 2; END",
    "CREATE FUNCTION begin() RETURNS int LANGUAGE sql AS $f$ SELECT 1; $f$",
]
PLAIN = [
    "CREATE RULE r AS ON INSERT TO t DO (INSERT INTO u VALUES (';'); DELETE FROM u; SELECT (1))",
    "CREATE RULE r AS ON UPDATE TO t DO INSTEAD (SELECT 1; SELECT 2)",
    "DO $$ BEGIN PERFORM 1; END; $$",
    "DO LANGUAGE plpgsql 'BEGIN NULL; END'",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1; SELECT 2;'",
    "CREATE TABLE t (a int DEFAULT 1, b text CHECK (b <> ';'))",
    "CREATE SCHEMA s CREATE TABLE t (a int) CREATE VIEW v AS SELECT 1",
    "CREATE TABLE atomic (begin int)",
    "COPY t TO STDOUT", "COPY t FROM 'stdin'", "COPY \"stdin\" FROM PROGRAM 'x;'",
    "COMMENT ON TABLE t IS 'COPY t FROM stdin;'",
    "INSERT INTO t VALUES (1, ';'), (2, $$;$$)",
    "ALTER TABLE t ADD a int, DROP b", "DROP TABLE t", "TABLE t", "VACUUM", "BEGIN", "COMMIT", "END",
]
COPIES = ["COPY t FROM stdin", "copy t (a, b) FROM STDIN WITH (FORMAT csv)",
          "COPY t FROM /* x */ STDIN", "COPY s.t FROM\nstdin"]
DATA = ["", "1\t2\n", "it's\t;\n", "$$\n--\n/*\n", "\\N\t\\\\\n", " \\.\n", "\\. \n", "\\.x\n",
        "a,\"b\n", "\\restrict x\n",
        "é\r\n", "1;\nSELECT 2;\n"]
# Behind COPY data psql 15 stops at an empty statement, and drops the lines below it without a word.
EMPTY = [";", ";;\n", " ;\n;"]
GAPS = ["\n", " ", "\n\n", "\r\n", "\r", "\t\f", "-- a comment; with ' and $$\n", "/* c; ' */",
        "/* /* */ ; */\n", "--\r\n",
        "-- lone\r", "/***/"]


class Statement:
    """text without its semicolon; data behind it,
    or None; is_off: as standard_conforming_strings is off."""

    def __init__(self, text, data=None, is_off=False):
        self.text = text.encode()
        self.data = data if data is None else data.encode()
        self.is_off = is_off


class File:
    def __init__(self, prefix=b""):
        self.bytes = bytearray(prefix)
        self.statements = []  # (begin, end, data_begin, data_end, Statement)

    def text(self, span):
        return bytes(self.bytes[span[0]:span[1]])

    def add(self, statement, ending=b";"):
        begin = len(self.bytes)
        self.bytes += statement.text
        end = len(self.bytes)
        self.bytes += ending
        data_begin = data_end = None
        if statement.data is not None:
            self.bytes += b"\n"
            data_begin = len(self.bytes)
            self.bytes += statement.data
            data_end = len(self.bytes)
            self.bytes += b"\\.\n"
        self.statements.append((begin, end, data_begin, data_end, statement))


def expression(rng, atoms):
    parts = []
    for _ in range(rng.randint(1, 4)):
        if parts:
            parts.append(rng.choice(INSIDE) if rng.random() < 0.4 else " ")
            parts.append(",")
        parts.append(rng.choice(rng.choice(atoms)))
        if rng.random() < 0.3:
            parts.append("AS " + rng.choice(NAMES))
    return " ".join(parts)


def select(rng, atoms):
    return rng.choice(["SELECT ", "select\n", "SELECT/**/"]) + expression(rng, atoms)


def random_statement(rng, mode):
    kind = rng.random()
    if mode == "off":
        return Statement(select(rng, [STRINGS_OFF, NUMBERS, DOLLARS]), is_off=True)
    if mode == "psql cuts":
        if kind < 0.3:
            return Statement(rng.choice(ATOMIC_PSQL_CUTS))
        if kind < 0.6:
            return Statement("SELECT " + rng.choice(STRINGS_PSQL_CUTS))
    if kind < 0.55 or mode == "plain" and kind < 0.75:
        return Statement(select(rng, [STRINGS, STRINGS, DOLLARS, NUMBERS, OPERATED]))
    if mode == "plain" or kind < 0.75:
        return Statement(rng.choice(PLAIN))
    if kind < 0.87:
        return Statement(rng.choice(ATOMIC))
    data = "".join(rng.choice(DATA) for _ in range(rng.randint(0, 5)))
    return Statement(rng.choice(COPIES), data=data)


def gap(rng, file, mode):
    gaps = GAPS if mode == "psql" else GAPS + EMPTY
    for _ in range(rng.randint(0, 3)):
        file.bytes += rng.choice(gaps).encode()
    if mode in ("psql", "psql cuts") and rng.random() < 0.1:
        file.bytes += b"\n\\restrict K3y\n-- inside\n\\unrestrict K3y\n"


def build(seed, mode, n):
    """mode: plain (libpg-query knows it all), psql (psql is right),
    off (standard_conforming_strings), psql cuts
    (psql is wrong about some)."""
    rng = random.Random("{} {}".format(mode, seed))
    file = File()
    if mode == "psql" and seed % 3 == 0:
        file.bytes += b"\xef\xbb\xbf"
    file.bytes += b"-- migrate:no-transaction\n"
    if mode == "off":
        file.add(Statement("SET standard_conforming_strings = off"))
    for i in range(n):
        gap(rng, file, mode)
        statement = random_statement(rng, mode)
        is_last = i == n - 1
        if is_last and rng.random() < 0.5 and statement.data is None:
            file.add(statement, b"")
            file.bytes += rng.choice([b"", b"\n", b" -- end", b"/* ; */"])
            return file
        file.add(statement)
    if mode == "off":
        file.bytes += b"\n"
        file.add(Statement("RESET standard_conforming_strings"))
        file.bytes += b"\n"
        file.add(Statement("SELECT '\\', ';'"))
    gap(rng, file, "plain")
    return file
