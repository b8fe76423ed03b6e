/* What scripts take away: "number label" of each loss, in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "sql/loss.h"
#include "sql/scan.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void
render(const char *script, MgBuf *ret)
{
    MgArena arena = { 0 };
    MgLosses losses = { 0 };
    MgScan scan;
    MgScanItem item;
    MgStmtHead head;
    mg_scan_init(&scan, false);
    for (int number = 1; mg_scan_next(&scan, script, strlen(script), true, &item) != MG_SCAN_END;
         number++) {
        MgLex lex = {
            .text = script, .size_bytes = item.span.end, .at = item.span.begin, .is_whole = true
        };
        mg_head_begin(&head, &lex);
        (void)mg_losses_take(&losses, &head, number, &arena);
    }
    for (size_t i = 0; i < losses.n; i++)
        mg_buf_format(ret, "%s%d %s", i == 0 ? "" : ", ", losses.items[i].number,
                      losses.items[i].label);
    mg_arena_release(&arena);
}

typedef struct Case {
    const char *script, *expected;
} Case;

static void
check_all(const Case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        MgBuf rendered = { 0 };
        render(cases[i].script, &rendered);
        assert_string_equal(mg_buf_text(&rendered), cases[i].expected);
        mg_buf_release(&rendered);
    }
}

static void
test_loss__objects(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "DROP TABLE t", "1 DROP TABLE" },
        { "drop /* x */ table if exists s.t, u cascade", "1 DROP TABLE, 1 DROP TABLE" },
        { "DROP FOREIGN TABLE t", "1 DROP TABLE" },
        { "DROP SEQUENCE s", "1 DROP SEQUENCE" },
        { "DROP SCHEMA IF EXISTS s", "1 DROP SCHEMA" },
        { "DROP DATABASE d", "1 DROP DATABASE" },
        { "DROP EXTENSION e", "1 DROP EXTENSION" },
        { "DROP OWNED BY r", "1 DROP OWNED" },
        { "DROP VIEW v", "1 DROP VIEW" },
        { "DROP MATERIALIZED VIEW v", "1 DROP MATERIALIZED VIEW" },
        { "DROP TYPE t", "1 DROP TYPE" },
        { "DROP DOMAIN d", "1 DROP DOMAIN" },
        { "DROP FUNCTION f(int, b text), g", "1 DROP FUNCTION, 1 DROP FUNCTION" },
        { "DROP PROCEDURE p", "1 DROP PROCEDURE" },
        { "DROP ROUTINE p", "1 DROP ROUTINE" },
        { "DROP AGGREGATE a(*)", "1 DROP AGGREGATE" },
        /* These hold nothing and no program names them. */
        { "DROP INDEX CONCURRENTLY i; DROP TRIGGER g ON t CASCADE; DROP POLICY p ON t;"
          "DROP RULE r ON t; DROP EVENT TRIGGER e; DROP CAST (a AS b); DROP ROLE r",
          "" },
        { "DROP LANGUAGE l CASCADE; DROP SERVER s", "1 DROP ... CASCADE" },
        { "TRUNCATE t", "1 TRUNCATE" },
        { "TRUNCATE TABLE ONLY a, b *", "1 TRUNCATE" },
        { "DELETE FROM t", "1 DELETE without WHERE" },
        { "DELETE FROM ONLY s.t USING (SELECT 1 WHERE true) x", "1 DELETE without WHERE" },
        { "DELETE FROM t WHERE a = 1", "" },
        { "WITH x AS (DELETE FROM t RETURNING *) INSERT INTO u TABLE x WHERE a",
          "1 DELETE without WHERE" },
        { "WITH x AS (DELETE FROM t WHERE a RETURNING *) SELECT 1", "" },
        { "WITH x AS (SELECT 1 WHERE true) DELETE FROM t", "1 DELETE without WHERE" },
        { "UPDATE t SET a = 1; INSERT INTO t VALUES (1); SELECT 1", "" },
        { "COMMENT ON TABLE t IS 'DROP TABLE t'; DO $$ BEGIN DROP TABLE t; END $$;"
          "SELECT \"DROP\" -- DROP TABLE t\n; 'DROP TABLE t'",
          "" },
        { "DROP; DROP TABLE; DROP TABLE 'x'; TRUNCATE; DELETE; DELETE FROM; WITH", "" },
    };
    check_all(cases, COUNT(cases));
}

static void
test_loss__alter(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "ALTER TABLE t DROP COLUMN a", "1 DROP COLUMN" },
        { "ALTER TABLE IF EXISTS ONLY s.t * DROP IF EXISTS a CASCADE", "1 DROP COLUMN" },
        { "ALTER TABLE t ADD a numeric(1, 2) DEFAULT 1, ALTER b TYPE int, DROP c, DROP COLUMN d",
          "1 DROP COLUMN, 1 DROP COLUMN" },
        { "ALTER TABLE t DROP CONSTRAINT c, ALTER a DROP DEFAULT, ALTER COLUMN b DROP NOT NULL,"
          " ALTER COLUMN d DROP EXPRESSION, ADD CHECK (f(1, 2)), OWNER TO drop",
          "" },
        { "ALTER TABLE t DROP \"constraint\"", "1 DROP COLUMN" },
        { "ALTER TABLE t DROP attribute, DROP value", "1 DROP COLUMN, 1 DROP COLUMN" },
        { "ALTER TABLE t RENAME TO u", "1 ALTER TABLE RENAME" },
        { "ALTER TABLE t RENAME a TO b", "1 RENAME COLUMN" },
        { "ALTER TABLE t RENAME COLUMN value TO b", "1 RENAME COLUMN" },
        { "ALTER TABLE t RENAME value TO b", "1 RENAME COLUMN" },
        { "ALTER TABLE t RENAME CONSTRAINT a TO b", "" },
        { "ALTER TABLE t SET SCHEMA s", "1 SET SCHEMA" },
        { "ALTER TABLE t SET (fillfactor = 70), SET TABLESPACE s", "" },
        { "ALTER TABLE ALL IN TABLESPACE a SET TABLESPACE b", "" },
        { "ALTER INDEX i RENAME TO j; ALTER TRIGGER a ON t RENAME TO b", "" },
        { "ALTER VIEW v RENAME COLUMN a TO b", "1 RENAME COLUMN" },
        { "ALTER VIEW v ALTER COLUMN a DROP DEFAULT", "" },
        { "ALTER TYPE t DROP ATTRIBUTE a", "1 DROP COLUMN" },
        { "ALTER TYPE t RENAME ATTRIBUTE a TO b", "1 RENAME COLUMN" },
        { "ALTER TYPE t RENAME VALUE 'a' TO 'b'", "1 RENAME VALUE" },
        { "ALTER TYPE t ADD VALUE 'a'", "" },
        { "ALTER DOMAIN d DROP NOT NULL; ALTER DOMAIN d DROP CONSTRAINT c", "" },
        { "ALTER DOMAIN d RENAME TO e", "1 ALTER DOMAIN RENAME" },
        { "ALTER SEQUENCE s RENAME TO r", "1 ALTER SEQUENCE RENAME" },
        { "ALTER FUNCTION f(int, text) RENAME TO g", "1 ALTER FUNCTION RENAME" },
        { "ALTER FUNCTION f SET search_path = a; ALTER FUNCTION f OWNER TO r", "" },
        { "ALTER SCHEMA s RENAME TO r", "1 ALTER SCHEMA RENAME" },
        { "ALTER EXTENSION e SET SCHEMA s; ALTER EXTENSION e UPDATE", "1 SET SCHEMA" },
        { "ALTER; ALTER TABLE; ALTER TABLE t; ALTER TABLE t DROP; ALTER TABLE t RENAME;"
          "ALTER TABLE t RENAME a; ALTER TABLE t ADD; ALTER TABLE t SET",
          "" },
    };
    check_all(cases, COUNT(cases));
}

/* What the script made itself was not there before. */
static void
test_loss__made_here(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "CREATE TABLE t (a int); ALTER TABLE t DROP a, RENAME b TO c; DROP TABLE T", "" },
        { "CREATE TABLE \"t\" (); DELETE FROM t; TRUNCATE t", "" },
        { "CREATE TABLE \"T\" (); DROP TABLE t", "2 DROP TABLE" },
        { "CREATE TABLE \"a\"\"b\" (); DROP TABLE \"a\"\"b\"", "" },
        { "CREATE TABLE s.t (); DROP TABLE t", "2 DROP TABLE" },
        { "CREATE TABLE s . t (); DROP TABLE s.t", "" },
        { "CREATE TABLE U&\"t\" (); DROP TABLE U&\"t\"", "2 DROP TABLE" },
        { "CREATE TABLE IF NOT EXISTS t (); DROP TABLE t", "2 DROP TABLE" },
        { "CREATE TEMP TABLE t AS SELECT 1; DROP TABLE t", "" },
        { "CREATE TABLE t (); TRUNCATE t CASCADE", "2 TRUNCATE" },
        { "CREATE TABLE t (); TRUNCATE t, u", "2 TRUNCATE" },
        { "DROP TABLE t; CREATE TABLE t (); DROP TABLE t", "1 DROP TABLE" },
        { "ALTER TABLE t ADD a int; ALTER TABLE t DROP COLUMN a", "" },
        { "ALTER TABLE t ADD COLUMN a int; ALTER TABLE u DROP COLUMN a", "2 DROP COLUMN" },
        { "ALTER TABLE t ADD COLUMN IF NOT EXISTS a int; ALTER TABLE t DROP COLUMN a",
          "2 DROP COLUMN" },
        { "CREATE TABLE n (); ALTER TABLE n RENAME TO m; DROP TABLE m", "" },
        { "ALTER TABLE t ADD a int; ALTER TABLE t RENAME a TO b; ALTER TABLE t DROP b", "" },
        { "CREATE OR REPLACE VIEW v AS SELECT 1; DROP VIEW v", "2 DROP VIEW" },
        { "CREATE VIEW v AS SELECT 1; DROP VIEW v CASCADE", "" },
        { "CREATE SCHEMA s; DROP SCHEMA s CASCADE", "" },
        { "CREATE EXTENSION e; DROP EXTENSION e", "" },
        { "CREATE EXTENSION IF NOT EXISTS e; DROP EXTENSION e", "2 DROP EXTENSION" },
        { "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS ''; DROP FUNCTION f()", "" },
        { "CREATE TYPE e AS ENUM ('a'); ALTER TYPE e RENAME VALUE 'a' TO 'b'; DROP TYPE e", "" },
        { "CREATE SEQUENCE s; ALTER SEQUENCE s SET SCHEMA x; CREATE DOMAIN d AS int;"
          "DROP DOMAIN d",
          "" },
    };
    check_all(cases, COUNT(cases));
}

/* What the script makes again is no loss where no data went with it. */
static void
test_loss__made_again(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "DROP VIEW v; CREATE VIEW v AS SELECT 1", "" },
        { "DROP VIEW IF EXISTS v, w; CREATE OR REPLACE VIEW v AS SELECT 1", "1 DROP VIEW" },
        { "DROP VIEW v CASCADE; CREATE VIEW v AS SELECT 1", "1 DROP VIEW" },
        { "DROP FUNCTION f(int); CREATE FUNCTION f(text) RETURNS int LANGUAGE sql AS ''", "" },
        { "DROP TABLE t; CREATE TABLE t ()", "1 DROP TABLE" },
        { "ALTER TABLE t DROP a; ALTER TABLE t ADD a int", "1 DROP COLUMN" },
        { "ALTER TABLE t RENAME TO u; CREATE VIEW t AS TABLE u", "" },
        { "ALTER TABLE t RENAME TO u; CREATE TABLE IF NOT EXISTS t (); DROP TABLE u",
          "3 DROP TABLE" },
        { "ALTER TABLE t ADD n int; ALTER TABLE t RENAME a TO o; ALTER TABLE t RENAME n TO a", "" },
        { "ALTER TABLE t SET SCHEMA s; CREATE VIEW t AS TABLE s.t", "" },
        /* An enum without one of its values, as Prisma writes it. */
        { "CREATE TYPE \"r_new\" AS ENUM ('a'); ALTER TABLE t ALTER COLUMN c TYPE \"r_new\";"
          "ALTER TYPE \"r\" RENAME TO \"r_old\"; ALTER TYPE \"r_new\" RENAME TO \"r\";"
          "DROP TYPE \"r_old\"",
          "" },
    };
    check_all(cases, COUNT(cases));
}

/* More than can be remembered: careful, and not more memory. */
static void
test_loss__limits(void **state)
{
    (void)state;
    MgBuf script = { 0 }, rendered = { 0 };
    for (int i = 0; i < MG_LOSSES_MAX + 1; i++)
        mg_buf_format(&script, "DROP VIEW v%d;", i);
    mg_buf_add(&script, "CREATE VIEW v0 AS SELECT 1");
    render(mg_buf_text(&script), &rendered);
    assert_true(strstr(mg_buf_text(&rendered), "1 DROP VIEW, 2 DROP VIEW") != NULL);
    mg_buf_release(&script);
    mg_buf_release(&rendered);

    for (int i = 0; i <= MG_LOSSES_MAX_MADE; i++)
        mg_buf_format(&script, "CREATE TABLE t%d ();", i);
    mg_buf_format(&script, "DROP TABLE t0, t%d", MG_LOSSES_MAX_MADE);
    render(mg_buf_text(&script), &rendered);
    assert_string_equal(mg_buf_text(&rendered), "4002 DROP TABLE");
    mg_buf_release(&script);
    mg_buf_release(&rendered);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loss__objects),   cmocka_unit_test(test_loss__alter),
        cmocka_unit_test(test_loss__made_here), cmocka_unit_test(test_loss__made_again),
        cmocka_unit_test(test_loss__limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
