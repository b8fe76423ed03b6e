/*
 * Kinds of statements.  A row's flags: b, c, o = transaction control begin,
 * commit, other; r = refuses a transaction; i = builds an index; y = COPY data;
 * t = SET TRANSACTION; q = quiet, cannot touch the session; s = can be slow.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "sql/stmt.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

typedef struct Case {
    const char *text;
    const char *expected; /* flags and label */
} Case;

static void
check(const char *text, int server_version, const char *expected)
{
    MgStmt stmt;
    char rendered[128];
    mg_stmt_classify(text, strlen(text), server_version, &stmt);
    const char *control = (const char *const[]){ "", "b", "c", "o" }[stmt.transaction_control];
    (void)snprintf(rendered, sizeof rendered, "%s%s%s%s%s%s%s%s%s %s", control,
                   stmt.refuses_transaction ? "r" : "", stmt.builds_index ? "i" : "",
                   stmt.drops_index ? "d" : "", stmt.is_copy_data ? "y" : "",
                   stmt.is_set_transaction ? "t" : "", stmt.can_touch_session ? "" : "q",
                   stmt.deals_with_prepared ? "p" : "", stmt.can_be_slow ? "s" : "", stmt.label);
    assert_string_equal(rendered, expected);
}

static void
check_all(const Case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check(cases[i].text, 0, cases[i].expected);
}

static void
test_stmt__transaction_control(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "BEGIN", "bq BEGIN" },
        { "begin work;", "bq BEGIN" },
        { "BEGIN TRANSACTION -- x", "bq BEGIN" },
        { "BEGIN ISOLATION LEVEL SERIALIZABLE", "o BEGIN" },
        { "BEGIN TRANSACTION READ ONLY", "o BEGIN" },
        { "START TRANSACTION", "bq START TRANSACTION" },
        { "START TRANSACTION READ WRITE", "o START TRANSACTION" },
        { "COMMIT", "cq COMMIT" },
        { "COMMIT WORK", "cq COMMIT" },
        { "COMMIT AND NO CHAIN", "cq COMMIT" },
        { "COMMIT AND CHAIN", "o COMMIT" },
        { "COMMIT PREPARED 'x'", "r COMMIT PREPARED" },
        { "END", "cq END" },
        { "END TRANSACTION AND NO CHAIN", "cq END" },
        { "END AND CHAIN", "o END" },
        { "ROLLBACK", "o ROLLBACK" },
        { "ROLLBACK AND CHAIN", "o ROLLBACK" },
        { "ROLLBACK TO a", " ROLLBACK TO SAVEPOINT" },
        { "ROLLBACK WORK TO SAVEPOINT a", " ROLLBACK TO SAVEPOINT" },
        { "ROLLBACK PREPARED 'x'", "r ROLLBACK PREPARED" },
        { "ABORT", "o ABORT" },
        { "PREPARE TRANSACTION 'x'", "o PREPARE TRANSACTION" },
        { "PREPARE p AS SELECT 1", "p PREPARE" },
        { "DEALLOCATE ALL", "p DEALLOCATE" },
        { "SAVEPOINT a", " SAVEPOINT" },
        { "RELEASE a", " RELEASE SAVEPOINT" },
        { "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "t SET TRANSACTION" },
        { "SET LOCAL TRANSACTION READ ONLY", "t SET TRANSACTION" },
        { "SET transaction_isolation = 'serializable'", "t SET TRANSACTION" },
        { "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", " SET" },
        { "SET CONSTRAINTS ALL DEFERRED", " SET" },
    };
    check_all(cases, COUNT(cases));
}

static void
test_stmt__rows(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "INSERT INTO t VALUES (1)", " INSERT" },
        { "INSERT INTO t (a, b) VALUES ((SELECT 1), 2)", " INSERT" },
        { "INSERT INTO t DEFAULT VALUES", " INSERT" },
        { "INSERT INTO t (a) SELECT 1", "s INSERT" },
        { "INSERT INTO t (SELECT 1)", "s INSERT" },
        { "INSERT INTO t WITH a AS (VALUES (1)) TABLE a", "s INSERT" },
        { "UPDATE t SET a = 1", "s UPDATE" },
        { "UPDATE t SET a = 1)", "s UPDATE" },
        { "DELETE FROM t", "s DELETE" },
        { "DELETE FROM t USING (SELECT 1) x WHERE a = 1", "s DELETE" },
        { "DELETE FROM t WHERE CURRENT OF c", "s DELETE" },
        { "WITH a AS (SELECT 1) SELECT * FROM a FOR UPDATE", "s WITH" },
        { "WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a", "s WITH" },
        { "WITH a AS (SELECT 1) DELETE FROM t", "s WITH" },
        { "WITH a AS (SELECT 1) INSERT INTO t TABLE a ON CONFLICT DO UPDATE SET b = 1", "s WITH" },
        { "MERGE INTO t USING s ON a = b WHEN MATCHED THEN DELETE", "s MERGE" },
        { "TRUNCATE t", " TRUNCATE" },
        { "COPY t FROM stdin", "ys COPY FROM STDIN" },
        { "COPY t (a, b) FROM STDOUT WITH (FORMAT csv)", "ys COPY FROM STDIN" },
        { "COPY (SELECT 1) FROM stdin", "ys COPY FROM STDIN" },
        { "copy t /* a */ from -- b\n stdin", "ys COPY FROM STDIN" },
        { "COPY t FROM \"stdin\"", "s COPY" },
        { "COPY t FROM 'stdin'", "s COPY" },
        { "COPY t FROM PROGRAM 'cat'", "s COPY" },
        { "COPY (SELECT 1 FROM stdin) TO STDOUT", "s COPY" },
        { "COPY t FROM", "s COPY" },
        { "SELECT f()", "s SELECT" },
        { "VALUES (1)", "s VALUES" },
        { "TABLE t", "s TABLE" },
        { "LOCK t", "s LOCK TABLE" },
        { "DO $$ BEGIN DELETE FROM t; END $$", "s DO" },
        { "CALL p()", "s CALL" },
        { "EXECUTE p", "s EXECUTE" },
        { "EXPLAIN SELECT 1", "s EXPLAIN" },
    };
    check_all(cases, COUNT(cases));
}

static void
test_stmt__indexes(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "CREATE INDEX i ON t (a)", "qs CREATE INDEX" },
        { "CREATE UNIQUE INDEX ON t (a)", "qs CREATE INDEX" },
        { "CREATE INDEX i ON s.t USING btree (a DESC NULLS LAST, \"b\") INCLUDE (c)"
          " WITH (fillfactor = 70) WHERE gone IS NOT NULL AND live;",
          "qs CREATE INDEX" },
        { "CREATE INDEX ON t (f(a))", "s CREATE INDEX" },
        { "CREATE INDEX ON t ((a + 1))", "s CREATE INDEX" },
        { "CREATE INDEX ON t (a) WHERE f(a)", "s CREATE INDEX" },
        { "CREATE INDEX ON t (a) WHERE a > 1", "s CREATE INDEX" },
        { "ALTER TYPE t ADD VALUE 'x'", "q ALTER TYPE" },
        { "ALTER TYPE t ALTER ATTRIBUTE a TYPE u CASCADE", "s ALTER TYPE" },
        { "create /* a */ index -- b\n concurrently i on t (a)", "ris CREATE INDEX CONCURRENTLY" },
        { "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)",
          "ris CREATE INDEX CONCURRENTLY" },
        { "CREATE INDEX \"concurrently\" ON t (a)", "qs CREATE INDEX" },
        { "DROP INDEX CONCURRENTLY i", "rdqs DROP INDEX CONCURRENTLY" },
        { "DROP INDEX i", "q DROP INDEX" },
        { "REINDEX TABLE t", "s REINDEX" },
        { "REINDEX TABLE CONCURRENTLY t", "ris REINDEX CONCURRENTLY" },
        { "REINDEX (VERBOSE) INDEX CONCURRENTLY i", "ris REINDEX CONCURRENTLY" },
        { "REINDEX (VERBOSE, CONCURRENTLY) INDEX i", "ris REINDEX CONCURRENTLY" },
        { "REINDEX (CONCURRENTLY true) INDEX i", "ris REINDEX CONCURRENTLY" },
        { "REINDEX (CONCURRENTLY off, VERBOSE) INDEX i", "s REINDEX" },
        { "REINDEX (TABLESPACE concurrently) INDEX i", "s REINDEX" },
        { "REINDEX (CONCURRENTLY false) SCHEMA s", "rs REINDEX SCHEMA" },
        { "REINDEX SCHEMA s", "rs REINDEX SCHEMA" },
        { "REINDEX (VERBOSE) DATABASE d", "rs REINDEX DATABASE" },
        { "REINDEX SYSTEM", "rs REINDEX SYSTEM" },
        { "REINDEX (CONCURRENTLY", "ris REINDEX CONCURRENTLY" },
        { "REPACK", "rs REPACK" },
        { "REPACK (VERBOSE)", "rs REPACK" },
        { "REPACK USING INDEX", "rs REPACK" },
        { "REPACK (CONCURRENTLY) t", "rs REPACK" },
        { "REPACK (VERBOSE, ANALYZE) t", "rs REPACK" },
        { "REPACK (CONCURRENTLY off) t", "s REPACK" },
        { "REPACK t USING INDEX", "s REPACK" },
        { "REPACK (VERBOSE) t", "s REPACK" },
        { "VACUUM", "rs VACUUM" },
        { "VACUUM (ANALYZE) t", "rs VACUUM" },
        { "ANALYZE t", "s ANALYZE" },
        { "CLUSTER", "rs CLUSTER" },
        { "CLUSTER VERBOSE", "rs CLUSTER" },
        { "CLUSTER (VERBOSE);", "rs CLUSTER" },
        { "CLUSTER t USING i", "s CLUSTER" },
        { "CLUSTER VERBOSE t", "s CLUSTER" },
        { "REFRESH MATERIALIZED VIEW CONCURRENTLY v", "s REFRESH MATERIALIZED VIEW CONCURRENTLY" },
        { "REFRESH MATERIALIZED VIEW v", "s REFRESH MATERIALIZED VIEW" },
    };
    check_all(cases, COUNT(cases));
}

static void
test_stmt__create(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "CREATE TABLE t (a int DEFAULT nextval('s'))", "q CREATE TABLE" },
        { "CREATE TABLE t (a int GENERATED ALWAYS AS (1) STORED)", "q CREATE TABLE" },
        { "CREATE UNLOGGED TABLE IF NOT EXISTS t ()", "q CREATE TABLE" },
        { "CREATE TABLE t AS SELECT f()", "s CREATE TABLE AS" },
        { "CREATE UNLOGGED TABLE t (a) AS VALUES (1)", "s CREATE TABLE AS" },
        { "CREATE TABLE p PARTITION OF t FOR VALUES FROM (f()) TO (2)", " CREATE TABLE" },
        { "CREATE TABLE p PARTITION OF t DEFAULT", "q CREATE TABLE" },
        { "CREATE TABLE pg_temp.t ()", " CREATE TABLE" },
        { "CREATE TABLE \"pg_temp\".t ()", " CREATE TABLE" },
        { "CREATE TABLE PG_TEMP_3.t ()", " CREATE TABLE" },
        { "CREATE TABLE U&\"pg\\005ftemp\".t ()", " CREATE TABLE" },
        { "CREATE TABLE \"a\".t (b text DEFAULT 'pg_temp')", "q CREATE TABLE" },
        { "CREATE TEMP TABLE t ()", " CREATE TEMP TABLE" },
        { "CREATE LOCAL TEMPORARY TABLE t AS SELECT 1", "s CREATE TEMP TABLE AS" },
        { "CREATE TYPE e AS ENUM ('a')", "q CREATE TYPE" },
        { "CREATE TYPE pg_temp.e AS ENUM ('a')", " CREATE TYPE" },
        { "CREATE DOMAIN d AS text CHECK (f(VALUE))", "q CREATE DOMAIN" },
        { "CREATE DOMAIN pg_temp.d AS text", " CREATE DOMAIN" },
        { "CREATE SEQUENCE s", "q CREATE SEQUENCE" },
        { "CREATE SEQUENCE pg_temp.s", " CREATE SEQUENCE" },
        { "CREATE TEMP SEQUENCE s", "s CREATE" },
        { "CREATE OR REPLACE VIEW v AS SELECT f()", "q CREATE VIEW" },
        { "CREATE RECURSIVE VIEW v (a) AS SELECT 1", "q CREATE VIEW" },
        { "CREATE VIEW v AS TABLE pg_temp.t", " CREATE VIEW" },
        { "CREATE TEMP VIEW v AS SELECT 1", "s CREATE" },
        { "CREATE MATERIALIZED VIEW v AS SELECT 1", "s CREATE MATERIALIZED VIEW" },
        { "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "q CREATE FUNCTION" },
        { "CREATE OR REPLACE FUNCTION f() RETURNS int AS $$ x $$ LANGUAGE 'plpgsql'",
          "q CREATE FUNCTION" },
        { "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END", "q CREATE FUNCTION" },
        { "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT a FROM pg_temp.b; END",
          " CREATE FUNCTION" },
        { "CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'x'", " CREATE FUNCTION" },
        { "CREATE FUNCTION f() RETURNS int AS 'x' LANGUAGE", " CREATE FUNCTION" },
        { "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE SQL AS 'x'", " CREATE FUNCTION" },
        { "CREATE PROCEDURE p() LANGUAGE \"plpgsql\" AS 'x'", "q CREATE PROCEDURE" },
        { "CREATE PROCEDURE p() LANGUAGE plpython3u AS 'x'", " CREATE PROCEDURE" },
        { "CREATE OR REPLACE TRIGGER r BEFORE INSERT ON t EXECUTE FUNCTION f()",
          "q CREATE TRIGGER" },
        { "CREATE CONSTRAINT TRIGGER r AFTER INSERT ON t EXECUTE FUNCTION f()",
          "q CREATE TRIGGER" },
        { "CREATE EVENT TRIGGER r ON ddl_command_end EXECUTE FUNCTION f()",
          " CREATE EVENT TRIGGER" },
        { "CREATE SCHEMA s", "q CREATE SCHEMA" },
        { "CREATE SCHEMA s CREATE TABLE t AS SELECT f()", " CREATE SCHEMA" },
        { "CREATE POLICY p ON t USING (f())", "q CREATE POLICY" },
        { "CREATE EXTENSION e", "s CREATE EXTENSION" },
        { "CREATE USER MAPPING FOR u SERVER s", " CREATE USER MAPPING" },
        { "CREATE USER u", " CREATE USER" },
        { "CREATE DATABASE d", "rs CREATE DATABASE" },
        { "CREATE TABLESPACE s LOCATION '/x'", "rs CREATE TABLESPACE" },
        { "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p", "rs CREATE SUBSCRIPTION" },
        { "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (enabled = false)",
          "rs CREATE SUBSCRIPTION" },
        { "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (create_slot = 'false')",
          " CREATE SUBSCRIPTION" },
        { "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (enabled, \"connect\"=0)",
          " CREATE SUBSCRIPTION" },
        { "CREATE", "s CREATE" },
        { "CREATE INVENTION x", "s CREATE" },
    };
    check_all(cases, COUNT(cases));
}

static void
test_stmt__alter(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "ALTER TABLE t ADD COLUMN a int", "s ALTER TABLE" },
        { "ALTER TABLE t DROP COLUMN a", "s ALTER TABLE" },
        { "ALTER TABLE IF EXISTS ONLY s.t * DROP COLUMN IF EXISTS a", "s ALTER TABLE" },
        { "ALTER TABLE \"a\".\"b\" ADD a int CHECK (f(1, DROP)), DROP b", "s ALTER TABLE" },
        { "ALTER TABLE t ADD a numeric DEFAULT 1.5, DROP b", "s ALTER TABLE" },
        { "ALTER TABLE t DROP CONSTRAINT c", "s ALTER TABLE" },
        { "ALTER TABLE t ALTER a DROP DEFAULT, ALTER COLUMN b DROP NOT NULL", "s ALTER TABLE" },
        { "ALTER TABLE t ALTER COLUMN a TYPE bigint", "s ALTER TABLE" },
        { "ALTER TABLE t ALTER a SET DEFAULT 1", "s ALTER TABLE" },
        { "ALTER TABLE t ALTER", "s ALTER TABLE" },
        { "ALTER TABLE t.", "s ALTER TABLE" },
        { "ALTER TABLE t", "s ALTER TABLE" },
        { "ALTER TABLE", "s ALTER TABLE" },
        { "ALTER TABLE drop ADD a int", "s ALTER TABLE" },
        { "ALTER TABLE t DETACH PARTITION p", "s ALTER TABLE" },
        { "ALTER TABLE s.t DETACH PARTITION p CONCURRENTLY",
          "rs ALTER TABLE DETACH PARTITION CONCURRENTLY" },
        { "ALTER TYPE e ADD VALUE 'a'", "q ALTER TYPE" },
        { "ALTER TYPE c DROP ATTRIBUTE a", "s ALTER TYPE" },
        { "ALTER SYSTEM SET a = 1", "r ALTER SYSTEM" },
        { "ALTER DATABASE d SET TABLESPACE s", "rs ALTER DATABASE SET TABLESPACE" },
        { "ALTER DATABASE \"d\" SET search_path = a", " ALTER DATABASE" },
        { "ALTER DATABASE", " ALTER DATABASE" },
        { "ALTER SUBSCRIPTION s REFRESH PUBLICATION", "rs ALTER SUBSCRIPTION REFRESH" },
        { "ALTER SUBSCRIPTION s SET PUBLICATION p", "rs ALTER SUBSCRIPTION PUBLICATION" },
        { "ALTER SUBSCRIPTION s ADD PUBLICATION p WITH (copy_data, refresh = false)",
          " ALTER SUBSCRIPTION" },
        { "ALTER SUBSCRIPTION s ENABLE", " ALTER SUBSCRIPTION" },
        { "ALTER SUBSCRIPTION s SET (slot_name = NONE)", " ALTER SUBSCRIPTION" },
        { "ALTER USER u SET ROLE r", " ALTER ROLE" },
        { "ALTER VIEW v RENAME TO w", " ALTER VIEW" },
        { "ALTER INVENTION x", "s ALTER" },
    };
    check_all(cases, COUNT(cases));
}

static void
test_stmt__drop_and_others(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "DROP TABLE IF EXISTS t", "q DROP TABLE" },
        { "DROP SCHEMA s CASCADE", "q DROP SCHEMA" },
        { "DROP SEQUENCE s", "q DROP SEQUENCE" },
        { "DROP TYPE t", "q DROP TYPE" },
        { "DROP TYPE t CASCADE", "q DROP TYPE" },
        { "DROP DOMAIN d RESTRICT", "q DROP DOMAIN" },
        { "DROP DOMAIN d CASCADE", "q DROP DOMAIN" },
        { "DROP VIEW v CASCADE", "q DROP VIEW" },
        { "DROP FUNCTION f(int)", "q DROP FUNCTION" },
        { "DROP EXTENSION e", " DROP EXTENSION" },
        { "DROP DATABASE d", "rs DROP DATABASE" },
        { "DROP SUBSCRIPTION s", "rs DROP SUBSCRIPTION" },
        { "DROP INVENTION x", " DROP" },
        { "COMMENT ON TABLE t IS 'x'", "q COMMENT" },
        { "GRANT SELECT ON t TO r", "q GRANT" },
        { "REVOKE ALL ON t FROM r", "q REVOKE" },
        { "DISCARD ALL", "r DISCARD ALL" },
        { "DISCARD TEMP", " DISCARD" },
        { "SET ROLE r", " SET" },
        { "RESET ALL", " RESET" },
        { "LISTEN c", " LISTEN" },
        { "", "s statement" },
        { "-- nothing", "s statement" },
        { "'CREATE TABLE t ()'", "s statement" },
        { "\"DROP\" TABLE t", "s statement" },
        { "(SELECT 1)", "s statement" },
        { "INVENT x", "s statement" },
        { "DROPS TABLE t", "s statement" },
    };
    check_all(cases, COUNT(cases));
}

static void
test_stmt__server_version(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int server_version;
        const char *expected;
    } cases[] = {
        { "VACUUM", 130000, "rs VACUUM" },
        { "ALTER TABLE t DETACH PARTITION p CONCURRENTLY", 139999,
          "s ALTER TABLE DETACH PARTITION CONCURRENTLY" },
        { "ALTER TABLE t DETACH PARTITION p CONCURRENTLY", 140000,
          "rs ALTER TABLE DETACH PARTITION CONCURRENTLY" },
        { "ALTER SUBSCRIPTION s SET (failover = true)", 160004, "s ALTER SUBSCRIPTION" },
        { "ALTER SUBSCRIPTION s SET (failover = true)", 170000, "rs ALTER SUBSCRIPTION" },
        { "ALTER SUBSCRIPTION s SET (failover)", 0, "rs ALTER SUBSCRIPTION" },
        { "ALTER SUBSCRIPTION s SET (two_phase = false)", 170005, "s ALTER SUBSCRIPTION" },
        { "ALTER SUBSCRIPTION s SET (binary, two_phase = off)", 180000, "rs ALTER SUBSCRIPTION" },
        { "ALTER SUBSCRIPTION s SET (binary, two_phase)", 180000, " ALTER SUBSCRIPTION" },
        { "ALTER SUBSCRIPTION s SET (two_phase = false)", 0, "rs ALTER SUBSCRIPTION" },
        { "SELECT 1", 150004, "s SELECT" },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        check(cases[i].text, cases[i].server_version, cases[i].expected);
}

/* Every first word is found, and nothing that only looks like one. */
static void
test_stmt__first_words(void **state)
{
    (void)state;
    static const char *const words[] = {
        "ABORT",    "ALTER",   "ANALYSE", "ANALYZE", "BEGIN",    "CALL",     "CHECKPOINT",
        "CLOSE",    "CLUSTER", "COMMENT", "COMMIT",  "COPY",     "CREATE",   "DEALLOCATE",
        "DECLARE",  "DELETE",  "DISCARD", "DO",      "DROP",     "END",      "EXECUTE",
        "EXPLAIN",  "FETCH",   "GRANT",   "IMPORT",  "INSERT",   "LISTEN",   "LOAD",
        "LOCK",     "MERGE",   "MOVE",    "NOTIFY",  "PREPARE",  "REASSIGN", "REFRESH",
        "REINDEX",  "RELEASE", "REPACK",  "RESET",   "REVOKE",   "ROLLBACK", "SAVEPOINT",
        "SECURITY", "SELECT",  "SET",     "SHOW",    "TRUNCATE", "UNLISTEN", "UPDATE",
        "VACUUM",   "VALUES",  "WITH",    "abort",   "aLTER",    "WiTh",
    };
    static const char *const others[] = {
        "A",        "ABOR",  "ABORTS", "SE",   "SETS", "CREATE_", "CREATES", "\"SET\"",
        "'SET'",    "WITHX", "ZZZ",    "()",   "1",    "START",   "x",       "SET\xC3\xB6",
        "\xC3\xB6", ";",     "",       "DO$1", "_SET", "|",
    };
    for (size_t i = 0; i < COUNT(words); i++) {
        MgStmt stmt;
        mg_stmt_classify(words[i], strlen(words[i]), 0, &stmt);
        assert_string_not_equal(stmt.label, "statement");
        assert_int_equal(stmt.label[0], words[i][0] & ~0x20);
        assert_int_equal(stmt.label[1], words[i][1] & ~0x20);
    }
    for (size_t i = 0; i < COUNT(others); i++)
        check(others[i], 0, "s statement");
}

/* More tokens than a head holds change nothing. */
static void
test_stmt__long_statements(void **state)
{
    (void)state;
    static const struct {
        const char *begin, *repeated, *end, *expected;
    } cases[] = {
        { "UPDATE t SET a = ", "1 + ", "1", "s UPDATE" },
        { "CREATE TABLE t (", "a int, ", "b int)", "q CREATE TABLE" },
        { "CREATE TABLE t (", "a int, ", "b pg_temp.x)", " CREATE TABLE" },
        { "CREATE TABLE t (", "a, ", "b) AS SELECT 1", "s CREATE TABLE AS" },
        { "COPY t (", "a, ", "b) FROM STDIN", "ys COPY FROM STDIN" },
        { "COPY t (", "a, ", "b) FROM 'x'", "s COPY" },
        { "ALTER TABLE t ", "ADD a int, ", "DROP b", "s ALTER TABLE" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (size_t n = 0; n < 300; n++) {
            MgBuf text = { 0 };
            mg_buf_add(&text, cases[i].begin);
            for (size_t k = 0; k < n; k++)
                mg_buf_add(&text, cases[i].repeated);
            mg_buf_add(&text, cases[i].end);
            check(mg_buf_text(&text), 0, cases[i].expected);
            mg_buf_release(&text);
        }
    }
}

/* How many tokens are in the head already does not matter. */
static void
test_stmt__head(void **state)
{
    (void)state;
    static const char text[] = "CREATE TABLE s.t /* x */ (a, b, c) AS SELECT 1";
    for (size_t n = 0; n < 20; n++) {
        MgStmtHead head = { .lex = {
                                .text = text, .size_bytes = sizeof text - 1, .is_whole = true } };
        MgLex lex = head.lex;
        while (head.n < n && mg_lex_next_word(&lex, &head.tokens[head.n]) == MG_LEX_TOKEN)
            head.n++;
        MgStmt stmt;
        mg_stmt_classify_head(&head, 0, &stmt);
        assert_string_equal(stmt.label, "CREATE TABLE AS");
        assert_true(stmt.can_touch_session);
    }
}

/* Text behind the size that was given is never read. */
static void
test_stmt__ends_where_told(void **state)
{
    (void)state;
    MgStmt stmt;
    mg_stmt_classify("COMMIT AND CHAIN", 6, 0, &stmt);
    assert_int_equal(stmt.transaction_control, MG_TX_COMMIT);
    mg_stmt_classify("DROP INDEX CONCURRENTLY", 10, 0, &stmt);
    assert_string_equal(stmt.label, "DROP INDEX");
    mg_stmt_classify("CREATE TABLE t AS", 14, 0, &stmt);
    assert_string_equal(stmt.label, "CREATE TABLE");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stmt__transaction_control),
        cmocka_unit_test(test_stmt__rows),
        cmocka_unit_test(test_stmt__indexes),
        cmocka_unit_test(test_stmt__create),
        cmocka_unit_test(test_stmt__alter),
        cmocka_unit_test(test_stmt__drop_and_others),
        cmocka_unit_test(test_stmt__server_version),
        cmocka_unit_test(test_stmt__first_words),
        cmocka_unit_test(test_stmt__long_statements),
        cmocka_unit_test(test_stmt__head),
        cmocka_unit_test(test_stmt__ends_where_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
