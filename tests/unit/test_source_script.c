/* Scripts: how they run, their directives, their digests, their errors with places. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "source/source.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static MgArena arena;

static int
tear_down(void **state)
{
    (void)state;
    mg_arena_release(&arena);
    return 0;
}

static MgScript
script_of(const char *text)
{
    return (MgScript){ .path = "m/1_x.sql",
                       .text = text,
                       .size_bytes = strlen(text),
                       .part = MG_SPAN_ALL,
                       .first_line = 1 };
}

static void
add_if(MgBuf *buf, bool is_set, const char *word)
{
    if (is_set)
        mg_buf_format(buf, " %s", word);
}

/* A script's facts in one line, or its error. */
static const char *
describe(const char *text)
{
    MgBuf buf = { 0 };
    MgError err;
    MgScript script = script_of(text);
    if (mg_script_analyse(&script, &arena, &err)) {
        mg_buf_format(&buf, "%d", script.n_statements);
        add_if(&buf, script.is_transactional, "transaction");
        add_if(&buf, script.is_marked, "marked");
        add_if(&buf, script.is_nothing, "nothing");
        add_if(&buf, script.is_mixed, "mixed");
        add_if(&buf, script.has_copy_data, "copy");
        add_if(&buf, script.is_retry_off, "retry-off");
        if (script.lock_timeout_ms >= 0)
            mg_buf_format(&buf, " lock %d", (int)script.lock_timeout_ms);
        if (script.statement_timeout_ms >= 0)
            mg_buf_format(&buf, " statement %d", (int)script.statement_timeout_ms);
        if (script.refusing_label != NULL)
            mg_buf_format(&buf, " %s:%d", script.refusing_label, script.refusing_line);
        add_if(&buf, script.is_destructive_allowed, "allowed");
        if (script.destructive_label != NULL)
            mg_buf_format(&buf, " %d %s:%d:%d", script.n_destructive, script.destructive_label,
                          script.destructive_line, script.destructive_column);
        assert_int_equal(script.destructive_excerpt != NULL,
                         script.destructive_label != NULL && !script.is_destructive_allowed);
        assert_int_equal(script.refusing_excerpt != NULL, script.is_mixed);
        if (script.refusing_excerpt != NULL)
            assert_true(strstr(script.refusing_excerpt, " | ") != NULL &&
                        strchr(script.refusing_excerpt, '^') != NULL && script.refusing_column > 0);
    } else {
        assert_int_equal(err.code, MG_E_FILE);
        assert_string_equal(err.place, "m/1_x.sql");
        assert_true(strstr(err.excerpt, " | ") != NULL && strchr(err.excerpt, '^') != NULL);
        mg_buf_format(&buf, "%d:%d %s", err.line, err.column, err.message);
    }
    const char *result = mg_arena_text(&arena, mg_buf_text(&buf));
    mg_buf_release(&buf);
    return result;
}

#define CIC "CREATE INDEX CONCURRENTLY i ON t (a);\n"

static const struct {
    const char *text, *expect;
} cases[] = {
    /* How it runs. */
    { "", "0 transaction" },
    { "-- only a comment\n/* and another */ ;;", "0 transaction" },
    { "SELECT 1;\nSELECT 2", "2 transaction" },
    { "\xEF\xBB\xBFSELECT 1", "1 transaction" },
    { CIC, "1 CREATE INDEX CONCURRENTLY:1" },
    { CIC "\n" CIC, "2 CREATE INDEX CONCURRENTLY:1" },
    { "\n\nSELECT 1;\r\n" CIC, "2 transaction mixed CREATE INDEX CONCURRENTLY:4" },
    { "SET standard_conforming_strings = off;\nSELECT 'a\\';' || 'b';\nVACUUM;\n",
      "3 transaction mixed VACUUM:3" },
    { "-- migrate:no-transaction\nSELECT 1;\n" CIC, "2 marked CREATE INDEX CONCURRENTLY:3" },
    { "SELECT 1;\n-- migrate:no-transaction\n", "1 marked" },
    { "-- migrate:no-transaction\n", "0 marked" },
    { "COPY t FROM STDIN;\n1\n2\n\\.\nSELECT 1;\n", "2 transaction copy" },
    { "-- migrate:no-transaction\nCOPY t FROM STDIN;\n1\n", "1 marked copy" },
    /* What it takes away. */
    { "CREATE TABLE t ();\nDROP TABLE t;", "2 transaction" },
    { "SELECT 1;\n  DROP TABLE t, u;\nTRUNCATE v;", "3 transaction 2 DROP TABLE:2:3" },
    { "DROP VIEW v;\n/* x */ DELETE FROM t;\nCREATE VIEW v AS SELECT 1",
      "3 transaction 1 DELETE without WHERE:2:9" },
    { "-- migrate:destructive\nDROP TABLE t;", "1 transaction allowed 1 DROP TABLE:2:1" },
    { "SELECT 1; -- migrate:destructive", "1 transaction allowed" },
    { "-- migrate:destructive yes", "1:1 \"-- migrate:destructive\" takes no value, not \"yes\"" },
    { "SET standard_conforming_strings = off; SELECT '\\'; DROP TABLE t; --'; DROP TABLE u",
      "3 transaction 1 DROP TABLE:1:71" },
    /* Folding. */
    { "BEGIN;\nSELECT 1;\nCOMMIT;\n", "1 transaction" },
    { "START TRANSACTION; SELECT 1; END; BEGIN; SELECT 2; COMMIT", "2 transaction" },
    { "SELECT 1;\nCOMMIT;\n-- the end\n", "1 transaction" },
    { "BEGIN; COMMIT;", "0 transaction" },
    { "COMMIT", "0 transaction" },
    { "BEGIN;\n" CIC "COMMIT;", "1 transaction mixed CREATE INDEX CONCURRENTLY:2" },
    { "-- migrate:no-transaction\nBEGIN; SELECT 1; COMMIT;", "3 marked" },
    { "SELECT 1;\n  BEGIN;\nSELECT 1;\n", "2:3 this BEGIN has no COMMIT" },
    { "BEGIN;\n  BEGIN;\nCOMMIT;\n", "2:3 this BEGIN stands inside another transaction block" },
    { "SELECT 1;\nCOMMIT;\nSELECT 1;\n",
      "2:1 this COMMIT ends a transaction that the file did not begin" },
    { "COMMIT;\nCOMMIT;\n", "1:1 this COMMIT ends a transaction that the file did not begin" },
    { "COMMIT;\nROLLBACK;\n", "1:1 this COMMIT ends a transaction that the file did not begin" },
    { "SELECT 1;\n ROLLBACK;\nBEGIN;\n",
      "2:2 this ROLLBACK does not fit into the migration's transaction" },
    { "BEGIN;\nROLLBACK;\nCOMMIT;COMMIT;SELECT 1",
      "2:1 this ROLLBACK does not fit into the migration's transaction" },
    { "ROLLBACK;\n-- migrate:no-transaction\n", "1 marked" },
    { "SAVEPOINT a; ROLLBACK TO a;", "2 transaction" },
    /* Directives. */
    { "-- migrate:lock-timeout 5s\n-- migrate:statement-timeout 10min\n-- migrate:retry no\n",
      "0 transaction retry-off lock 5000 statement 600000" },
    { "SELECT 1; -- migrate:lock-timeout 0s", "1 transaction lock 0" },
    { "SELECT 1 -- migrate:lock-timeout 1s", "1 transaction lock 1000" },
    { "--migrate:no-transaction", "0 marked" },
    { "--\t Migrate:no-transaction \t\r\n", "0 marked" },
    { "/* migrate:nonsense */ -- migrate nonsense\n-- see migrate:nonsense\n-", "1 transaction" },
    { "SELECT '\n-- migrate:nonsense\n'", "1 transaction" },
    { "DO $$\n-- migrate:nonsense\n$$", "1 transaction" },
    { "COPY t FROM STDIN;\n-- migrate:nonsense\n\\.\n", "1 transaction copy" },
    { "SELECT 1;\n  -- migrate:nonsense\n", "2:3 unknown directive \"-- migrate:nonsense\"" },
    { "-- migrate:\n", "1:1 unknown directive \"-- migrate:\"" },
    { "-- migrate:Retry no\n", "1:1 unknown directive \"-- migrate:Retry\"" },
    { "-- migrate:lock-timeout\n", "1:1 \"-- migrate:lock-timeout\" needs a duration such as 5s" },
    { "-- migrate:lock-timeout 5\n",
      "1:1 \"-- migrate:lock-timeout\" needs a duration such as 5s, not \"5\"" },
    { "-- migrate:statement-timeout 5 s\n",
      "1:1 \"-- migrate:statement-timeout\" needs a duration such as 10min, not \"5 s\"" },
    { "-- migrate:retry\n", "1:1 \"-- migrate:retry\" needs the value no" },
    { "-- migrate:retry yes\n", "1:1 \"-- migrate:retry\" needs the value no, not \"yes\"" },
    { "-- migrate:no-transaction please\n",
      "1:1 \"-- migrate:no-transaction\" takes no value, not \"please\"" },
    { "-- migrate:retry no\n-- migrate:retry no\n", "2:1 \"-- migrate:retry\" is given twice" },
    { "SELECT (\n-- migrate:retry no\n1)",
      "2:1 the directive \"-- migrate:retry\" stands inside a statement" },
    /* Markers, as in a script out of the history. */
    { "-- migrate:up\nSELECT 1", "1 transaction" },
    { "-- migrate:down\nSELECT 1", "1 transaction" },
    { "-- migrate:down nothing\n", "0 transaction nothing" },
    { "-- migrate:up nothing\n", "0 transaction nothing" },
    { "-- migrate:up nothing\nSELECT 1;\n",
      "2:1 a statement stands behind \"-- migrate:up nothing\"" },
    { "-- migrate:lock-timeout 5s\n-- migrate:down\n-- migrate:lock-timeout 6s\n",
      "0 transaction lock 6000" },
    { "-- migrate:down something\n",
      "1:1 \"-- migrate:down\" takes no value or the value nothing, not \"something\"" },
    { "-- migrate:down nothing\n\nSELECT 1;\n",
      "3:1 a statement stands behind \"-- migrate:down nothing\"" },
    { "SELECT 1;\n-- migrate:down\n", "2:1 \"-- migrate:down\" does not stand at the top" },
    { "-- migrate:up\n-- migrate:down\n", "2:1 \"-- migrate:down\" does not stand at the top" },
    { "-- migrate:up transaction:false\n",
      "1:1 \"-- migrate:up\" takes no value or the value nothing, not \"transaction:false\"" },
    { "\\restrict a'b\nSELECT 1;\n-- migrate:retry no\n\\unrestrict a'b\n",
      "1 transaction retry-off" },
    /* What the scanner refuses. */
    { "SELECT '\xc3\xa9\xc3\xa9', 'abc", "1:14 unterminated quoted string" },
    { "SELECT 1;\nSELECT '\xff';", "2:9 invalid UTF-8" },
    { "\\i other.sql\n", "1:1 psql command \"\\i\" is not SQL" },
    { "SELECT 1\n\\restrict key\n", "2:1 psql command \"\\restrict\" inside a statement" },
    { "\\0123456789012345678901234567890123456789012345678901234567890123456789\n",
      "1:1 psql command \"\\012345678901234567890123456789012345678901234567890123456789012\" is"
      " not SQL" },
    { "\\.\n", "1:1 end mark of COPY data without COPY data" },
};

static void
test_script__cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *got = describe(cases[i].text);
        if (strcmp(got, cases[i].expect) != 0)
            print_error("%s\n", cases[i].text);
        assert_string_equal(got, cases[i].expect);
    }
}

static void
test_script__nul_byte_has_a_place(void **state)
{
    (void)state;
    static const char text[] = "SELECT 1;\n ab\0";
    MgScript script = script_of(text);
    script.size_bytes = sizeof text - 1;
    MgError err;
    assert_false(mg_script_analyse(&script, &arena, &err));
    assert_string_equal(err.message, "NUL byte");
    assert_int_equal(err.line, 2);
    assert_int_equal(err.column, 4);
    assert_string_equal(err.excerpt, "   |\n 1 | SELECT 1;\n 2 |  ab?\n   |    ^");
    assert_string_equal(err.hint[0], "Save the file as UTF-8.");
}

static void
test_script__errors_in_full(void **state)
{
    (void)state;
    MgError err;
    MgScript script = script_of("\xEF\xBB\xBFSELECT 1; ROLLBACK;\r\n");
    assert_false(mg_script_analyse(&script, &arena, &err));
    assert_int_equal(err.line, 1);
    assert_int_equal(err.column, 11);
    assert_string_equal(err.excerpt, "   |\n 1 | SELECT 1; ROLLBACK;\n   |           ^^^^^^^^");
    assert_string_equal(err.detail, "");
    assert_string_equal(err.hint[0], "Take it out: a migration runs in one transaction as it is.");
    assert_string_equal(err.hint[1], "If the file has to control its transactions itself, add the"
                                     " line \"-- migrate:no-transaction\".");

    script = script_of("SELECT 1;\n-- migrate:no-transcation\n");
    assert_false(mg_script_analyse(&script, &arena, &err));
    assert_string_equal(err.excerpt, "   |\n 1 | SELECT 1;\n 2 | -- migrate:no-transcation\n"
                                     "   | ^^^^^^^^^^^^^^^^^^^^^^^^^");
    assert_string_equal(
        err.detail, "The directives are no-transaction, lock-timeout 5s, statement-timeout 10min,"
                    " retry no, destructive, and the section lines up, up nothing, down and down"
                    " nothing.");
    assert_string_equal(err.hint[0], "Perhaps you meant \"-- migrate:no-transaction\".");
    assert_string_equal(err.hint[1],
                        "If it is no directive, write the comment without \"migrate:\".");

    script = script_of("-- migrate:entirely-else\n");
    assert_false(mg_script_analyse(&script, &arena, &err));
    assert_string_equal(err.hint[0],
                        "If it is no directive, write the comment without \"migrate:\".");
    assert_string_equal(err.hint[1], "");

    script = script_of("-- migrate:up transaction:false\n");
    assert_false(mg_script_analyse(&script, &arena, &err));
    assert_string_equal(err.hint[0], "For a migration without a transaction, add the line"
                                     " \"-- migrate:no-transaction\".");
    script = script_of("CREATE TABLE t (\n  a int -- migrate:down\n);");
    assert_false(mg_script_analyse(&script, &arena, &err));
    assert_int_equal(err.line, 2);
    assert_int_equal(err.column, 9);
    assert_string_equal(err.hint[0], "End the statement before it with a semicolon, or move the"
                                     " line out of it.");
}

static void
test_script__an_error_leaves_the_script_alone(void **state)
{
    (void)state;
    MgError err;
    MgScript script = script_of("SELECT 1; ROLLBACK;");
    script.n_statements = 77;
    assert_false(mg_script_analyse(&script, &arena, &err));
    assert_int_equal(script.n_statements, 77);
    assert_string_equal(script.digest, "");
}

/* ---- Digests ---------------------------------------------------------------------- */

/* What the executor compares is what the analysis found. */
static void
require_digest(const MgScript *script)
{
    MgError err;
    char digest[MG_DIGEST_HEX_BYTES];
    assert_true(mg_script_digest(script, digest, &err));
    assert_string_equal(digest, script->digest);
}

static MgScript
analysed(const char *text)
{
    MgError err;
    MgScript script = script_of(text);
    assert_true(mg_script_analyse(&script, &arena, &err));
    require_digest(&script);
    return script;
}

typedef enum Same { SAME, COSMETIC, OTHER } Same;

static void
test_script__digests_compare(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        Same same;
    } pairs[] = {
        { "SELECT 1;\nSELECT 2;\n", "SELECT 1;\r\nSELECT 2;\r\n", SAME },
        { "SELECT 1;\nSELECT 2;\n", "SELECT 1;\rSELECT 2;\r", SAME },
        { "SELECT 1;\n", "\xEF\xBB\xBFSELECT 1;\n", SAME },
        { "SELECT '\n'", "SELECT '\r\n'", SAME },
        { "a\n\nb", "a\r\rb", SAME },
        { "SELECT 1;", "SELECT 1", COSMETIC },
        { "SELECT 1;", "SELECT 1;\n", COSMETIC },
        { "SELECT 1;", ";;SELECT 1;;", COSMETIC },
        { "SELECT 1", "SELECT/* */  1 -- one", COSMETIC },
        { "SELECT 'a\n' -- x\n", "SELECT 'a\r\n' -- y\r\n", COSMETIC },
        { "COPY t FROM STDIN;\n1\n\\.\n", "COPY t FROM STDIN;\n1\n", COSMETIC },
        { "-- migrate:retry no\nSELECT 1", "--  migrate:retry   no\nSELECT 1", COSMETIC },
        { "-- migrate:up\nSELECT 1", "SELECT 1", COSMETIC },
        { "DROP TABLE t", "-- migrate:destructive\nDROP TABLE t", COSMETIC },
        { "SELECT 1 FROM T", "select 1 from t", COSMETIC },
        { "SELECT 1E5, 'a'", "select 1e5, 'a'", COSMETIC },
        { "SELECT a[1]^_z@`{", "select A[1]^_Z@`{", COSMETIC },
        { "SELECT @", "SELECT `", OTHER },
        { "SELECT [", "SELECT {", OTHER },
        { "SELECT 'a'", "SELECT 'A'", OTHER },
        { "SELECT \"a\"", "SELECT \"A\"", OTHER },
        { "SELECT $$a$$", "SELECT $$A$$", OTHER },
        { "COPY t FROM STDIN;\na\n\\.\n", "COPY t FROM STDIN;\nA\n\\.\n", OTHER },
        { "a b", "ab", OTHER },
        { "a;b", "a b", OTHER },
        { "a 'b'", "a \"b\"", OTHER },
        { "'a' 'b'", "'ab'", OTHER },
        { "SELECT 1", "SELECT 2", OTHER },
        { "SELECT 1", "SELECT 1; SELECT 1", OTHER },
        { "SELECT 1", "-- migrate:no-transaction\nSELECT 1", OTHER },
        { "-- migrate:lock-timeout 1s\na", "-- migrate:lock-timeout 2s\na", OTHER },
        { "-- migrate:lock-timeout 1s\na", "-- migrate:statement-timeout 1s\na", OTHER },
        { "COPY t FROM STDIN;\n1\n\\.\n", "COPY t FROM STDIN;\n2\n\\.\n", OTHER },
        { "COPY t FROM STDIN;\n1\n\\.\n", "COPY t FROM STDIN;\n\\.\n", OTHER },
        { "COPY t FROM STDIN;\n1\n\\.\na", "COPY t FROM STDIN;\n1\na\n\\.\n", OTHER },
    };
    for (size_t i = 0; i < COUNT(pairs); i++) {
        MgScript a = analysed(pairs[i].a);
        MgScript b = analysed(pairs[i].b);
        bool is_text_same = strcmp(a.digest, b.digest) == 0;
        bool are_tokens_same = strcmp(a.token_digest, b.token_digest) == 0;
        Same same = is_text_same && are_tokens_same ? SAME : are_tokens_same ? COSMETIC : OTHER;
        if (same != pairs[i].same)
            print_error("%s | %s\n", pairs[i].a, pairs[i].b);
        assert_int_equal(same, pairs[i].same);
        assert_int_equal(is_text_same, same == SAME);
    }
}

/* Histories hold digests: how they are made may never change. */
static void
test_script__digests_stay(void **state)
{
    (void)state;
    MgScript script = analysed("\xEF\xBB\xBF-- migrate:lock-timeout 1s\r\nSELECT 'a', $$b$$ ;\r\n");
    /* printf -- '-- migrate:lock-timeout 1s\nSELECT '"'a'"', $$b$$ ;\n' | sha256sum */
    assert_string_equal(script.digest,
                        "fc6394db9b8d004c330215b245faa88f72837c9427872c284c8eec0d65afbb8f");
    /* Dlock-timeout.D1s.wselect.s'a'.o,.d$$b$$.S. with a NUL for each full stop. */
    assert_string_equal(script.token_digest,
                        "dd30043eb165574b1ba550b7f9d81c0a57b50da74d9358d1997917f109aa5659");
}

static void
test_script__part_of_a_text(void **state)
{
    (void)state;
    MgError err;
    MgScript whole = analysed("SELECT 2;\n");
    MgScript script = script_of("SELECT 1;\nSELECT 2;\nSELECT 3;\n");
    script.part = (MgSpan){ 10, 20 };
    script.first_line = 2;
    assert_true(mg_script_analyse(&script, &arena, &err));
    assert_int_equal(script.n_statements, 1);
    assert_string_equal(script.digest, whole.digest);
    require_digest(&script);

    script = script_of("SELECT 1;\nVACUUM;\nROLLBACK;\n");
    script.part = (MgSpan){ 10, SIZE_MAX };
    script.first_line = 2;
    assert_false(mg_script_analyse(&script, &arena, &err));
    assert_int_equal(err.line, 3);
    assert_string_equal(err.excerpt, "   |\n 2 | VACUUM;\n 3 | ROLLBACK;\n   | ^^^^^^^^");
}

/* What is stored of a section with its file's directives in front means the same again. */
static void
test_script__inherited_directives(void **state)
{
    (void)state;
    MgError err;
    MgScript script =
        script_of("-- migrate:down\n-- migrate:lock-timeout 2s\nVACUUM;\nSELECT 1;\n");
    script.inherited = "-- migrate:no-transaction\n-- migrate:lock-timeout 1s\n";
    assert_true(mg_script_analyse(&script, &arena, &err));
    assert_true(script.is_marked);
    assert_int_equal(script.lock_timeout_ms, 2000);
    assert_int_equal(script.n_statements, 2);
    assert_int_equal(script.refusing_line, 3);

    MgScript stored = analysed(mg_arena_format(&arena, "%s%s", script.inherited, script.text));
    assert_string_equal(stored.digest, script.digest);
    require_digest(&script);
    assert_string_equal(stored.token_digest, script.token_digest);
    assert_int_equal(stored.lock_timeout_ms, 2000);
    assert_true(stored.is_marked);
}

/* ---- Files larger than the window ----------------------------------------------------- */

static void
test_script__windows_do_not_matter(void **state)
{
    (void)state;
    MgBuf text = { 0 };
    mg_buf_add(&text, "\xEF\xBB\xBF-- migrate:lock-timeout 3s\r\n");
    for (int i = 0; i < 40000; i++)
        mg_buf_format(&text, "INSERT INTO t VALUES (%d, '\xc3\xa9\r\n;'); -- number %d\r\n", i, i);
    mg_buf_add(&text, "COPY t FROM STDIN;\r\n");
    for (int i = 0; i < 200000; i++)
        mg_buf_format(&text, "%d\trow\r\n", i);
    mg_buf_add(&text, "\\.\r\n-- migrate:retry no\r\nSELECT 1; ");
    assert_true(text.size_bytes > 2 * MG_READER_WINDOW_BYTES);

    char path[] = "/tmp/migrate-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.text, text.size_bytes), text.size_bytes);

    MgError err;
    MgScript memory = analysed(text.text);
    MgScript file = { .path = path, .part = MG_SPAN_ALL, .first_line = 1 };
    assert_true(mg_script_analyse(&file, &arena, &err));
    assert_int_equal(file.n_statements, 40002);
    assert_int_equal(memory.n_statements, 40002);
    assert_true(file.is_retry_off);
    assert_int_equal(file.lock_timeout_ms, 3000);
    assert_string_equal(file.digest, memory.digest);
    require_digest(&file);
    assert_string_equal(file.token_digest, memory.token_digest);

    /* A place behind windows that are gone, on a line that began in one of them. */
    static const char rest[] = "/* a */ ROLLBACK;";
    assert_int_equal(write(fd, rest, sizeof rest - 1), sizeof rest - 1);
    mg_buf_add(&text, rest);
    assert_false(mg_script_analyse(&file, &arena, &err));
    assert_int_equal(err.line, 1 + mg_count_lines(text.text, text.size_bytes));
    assert_int_equal(err.column, 19);
    MgScript whole = script_of(text.text);
    MgError same;
    assert_false(mg_script_analyse(&whole, &arena, &same));
    assert_int_equal(err.line, same.line);
    assert_int_equal(err.column, same.column);
    assert_string_equal(err.message, same.message);

    (void)close(fd);
    (void)unlink(path);
    assert_false(mg_script_analyse(&file, &arena, &err));
    assert_int_equal(err.code, MG_E_SOURCE);
    mg_buf_release(&text);
}

/* Places on a line that is longer than several windows, and a \r\n that windows take apart. */
static void
test_script__window_borders(void **state)
{
    (void)state;
    MgBuf text = { 0 };
    while (text.size_bytes < MG_READER_WINDOW_BYTES - 64)
        mg_buf_add(&text, "SELECT '\xc3\xa9'; ");
    mg_buf_add_repeated(&text, ' ', MG_READER_WINDOW_BYTES - text.size_bytes);
    size_t cr_at = text.size_bytes;
    mg_buf_add(&text, "\r\n");
    size_t line_at = text.size_bytes;
    while (text.size_bytes < 5 * MG_READER_WINDOW_BYTES)
        mg_buf_add(&text, "SELECT '\xc3\xa9'; ");
    mg_buf_add(&text, "ROLLBACK;");

    char path[] = "/tmp/migrate-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.text, text.size_bytes), text.size_bytes);
    MgError err;
    MgScript file = { .path = path, .part = MG_SPAN_ALL, .first_line = 1 };
    assert_false(mg_script_analyse(&file, &arena, &err));
    assert_int_equal(err.line, 2);
    assert_int_equal(err.column,
                     mg_text_characters(text.text + line_at, text.size_bytes - line_at) -
                         strlen("ROLLBACK;") + 1);
    assert_non_null(strstr(err.excerpt, "ROLLBACK;\n   |"));

    /* The last statement is no trouble now: the digests can be compared. */
    memcpy(text.text + text.size_bytes - strlen("ROLLBACK;"), "SELECT 1;", 9);
    assert_int_equal(pwrite(fd, text.text, text.size_bytes, 0), text.size_bytes);
    assert_true(mg_script_analyse(&file, &arena, &err));
    text.text[cr_at] = ' ';
    MgScript memory = analysed(text.text);
    assert_string_not_equal(memory.digest, file.digest);
    assert_string_equal(memory.token_digest, file.token_digest);
    memmove(text.text + cr_at, text.text + cr_at + 1, text.size_bytes - cr_at);
    memory = analysed(text.text);
    assert_string_equal(memory.digest, file.digest);
    (void)close(fd);
    (void)unlink(path);
    mg_buf_release(&text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define WITH_ARENA(test) cmocka_unit_test_teardown(test, tear_down)
        WITH_ARENA(test_script__cases),
        WITH_ARENA(test_script__nul_byte_has_a_place),
        WITH_ARENA(test_script__errors_in_full),
        WITH_ARENA(test_script__an_error_leaves_the_script_alone),
        WITH_ARENA(test_script__digests_compare),
        WITH_ARENA(test_script__digests_stay),
        WITH_ARENA(test_script__part_of_a_text),
        WITH_ARENA(test_script__inherited_directives),
        WITH_ARENA(test_script__windows_do_not_matter),
        WITH_ARENA(test_script__window_borders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
