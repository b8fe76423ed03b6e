/* The files of a migration: sections, and what one look and what the analysis say of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "source/format.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static MgArena arena;

static int
tear_down(void **state)
{
    (void)state;
    mg_arena_release(&arena);
    return 0;
}

static MgNativeFile
sections_of(const char *text)
{
    return (MgNativeFile){ .role = MG_NATIVE_SECTIONS,
                           .path = "m/1_x.sql",
                           .text = text,
                           .size_bytes = strlen(text),
                           .version = "1",
                           .name = "x",
                           .label = "1_x" };
}

static const char *
describe_part(const char *text, const char *word, const MgScript *script)
{
    size_t size_bytes = strlen(text);
    size_t end = script->part.end < size_bytes ? script->part.end : size_bytes;
    return mg_arena_format(
        &arena, "%s %d at %d%s%s%s [%s]", word, script->n_statements, script->first_line,
        script->is_marked ? " marked" : "", script->is_nothing ? " nothing" : "",
        script->lock_timeout_ms >= 0 ? " lock" : "",
        mg_arena_text_n(&arena, text + script->part.begin, end - script->part.begin));
}

/* Read it; what one look sees of it before is the same. */
static bool
read_native(const MgNativeFile *up, const MgNativeFile *down, MgMigration *ret, MgError *err)
{
    MG_CLEANUP(reading) MgReading reading;
    MgMigration seen;
    MgError ignored;
    mg_reading_open(&reading, &arena);
    bool is_seen = mg_native_glance(up, down, &reading, &seen, &ignored);
    if (!mg_native_read(up, down, &reading, ret, err))
        return false;
    assert_true(is_seen);
    assert_string_equal(seen.digest, ret->up->digest);
    assert_int_equal(seen.has_down, ret->down != NULL);
    if (ret->down != NULL)
        assert_string_equal(seen.down_digest, ret->down->digest);
    assert_null(seen.up);
    assert_null(seen.down);
    assert_string_equal(seen.label == NULL ? "" : seen.label, ret->label == NULL ? "" : ret->label);
    assert_string_equal(seen.path, ret->path);
    return true;
}

static const char *
describe(const char *text)
{
    MgNativeFile file = sections_of(text);
    MgMigration migration;
    MgError err;
    if (!read_native(&file, NULL, &migration, &err)) {
        assert_int_equal(err.code, MG_E_FILE);
        assert_string_equal(err.place, "m/1_x.sql");
        return mg_arena_format(&arena, "%d:%d %s", err.line, err.column, err.message);
    }
    assert_string_equal(migration.label, "1_x");
    assert_int_equal(migration.kind, MG_VERSIONED);
    const char *up = describe_part(text, "up", migration.up);
    if (!migration.has_down)
        return up;
    return mg_arena_format(&arena, "%s, %s", up, describe_part(text, "down", migration.down));
}

static const struct {
    const char *text, *expect;
} sections[] = {
    { "SELECT 1;", "up 1 at 1 [SELECT 1;]" },
    { "", "up 0 at 1 []" },
    { "-- migrate:no-transaction\nSELECT 1;",
      "up 1 at 1 marked [-- migrate:no-transaction\nSELECT 1;]" },
    { "a;\n-- see migrate:down\n", "up 1 at 1 [a;\n-- see migrate:down\n]" },
    { "a; SELECT 'x:migrate' ::text", "up 2 at 1 [a; SELECT 'x:migrate' ::text]" },
    { "-- migrate:up\na;\n", "up 1 at 1 [-- migrate:up\na;\n]" },
    { "-- migrate:up\na;\n-- migrate:down\nb;\n",
      "up 1 at 1 [-- migrate:up\na;\n], down 1 at 3 [-- migrate:down\nb;\n]" },
    { "-- about\n\n-- migrate:down\nb;c\n-- migrate:up\na;\n",
      "up 1 at 5 [-- migrate:up\na;\n], down 2 at 3 [-- migrate:down\nb;c\n]" },
    { "\xEF\xBB\xBF-- migrate:up\r\na;\r\n-- migrate:down\r\nb;\r\n",
      "up 1 at 1 [-- migrate:up\r\na;\r\n], down 1 at 3 [-- migrate:down\r\nb;\r\n]" },
    /* An empty down counts as missing, a deliberate one does not. */
    { "-- migrate:up\na;\n-- migrate:down\n-- to do\n", "up 1 at 1 [-- migrate:up\na;\n]" },
    { "-- migrate:up\na;\n-- migrate:down nothing\n",
      "up 1 at 1 [-- migrate:up\na;\n], down 0 at 3 nothing [-- migrate:down nothing\n]" },
    /* The last statement needs no semicolon. */
    { "-- migrate:up\nCREATE TABLE a (b int)\n-- migrate:down\nDROP TABLE a",
      "up 1 at 1 [-- migrate:up\nCREATE TABLE a (b int)\n],"
      " down 1 at 3 [-- migrate:down\nDROP TABLE a]" },
    { "-- migrate:up\na -- c\n-- migrate:down\nb\n",
      "up 1 at 1 [-- migrate:up\na -- c\n], down 1 at 3 [-- migrate:down\nb\n]" },
    /* Markers in quotes and data are text. */
    { "-- migrate:up\nDO $$\n-- migrate:down\n$$;\n-- migrate:down\nb",
      "up 1 at 1 [-- migrate:up\nDO $$\n-- migrate:down\n$$;\n], down 1 at 5 [-- "
      "migrate:down\nb]" },
    { "-- migrate:up\nCOPY a FROM STDIN;\n-- migrate:down\n\\.\n-- migrate:down\nb",
      "up 1 at 1 [-- migrate:up\nCOPY a FROM STDIN;\n-- migrate:down\n\\.\n],"
      " down 1 at 5 [-- migrate:down\nb]" },
    /* Directives belong to their section; those above the first marker to both. */
    { "-- migrate:up\n-- migrate:no-transaction\na;\n-- migrate:down\n-- migrate:lock-timeout "
      "1s\nb",
      "up 1 at 1 marked [-- migrate:up\n-- migrate:no-transaction\na;\n],"
      " down 1 at 4 lock [-- migrate:down\n-- migrate:lock-timeout 1s\nb]" },
    { "-- migrate:no-transaction\n-- migrate:lock-timeout 1s\n-- migrate:up\na;\n-- "
      "migrate:down\nb",
      "up 1 at 3 marked lock [-- migrate:up\na;\n],"
      " down 1 at 5 marked lock [-- migrate:down\nb]" },
    /* Errors. */
    { "a;\n  b;\n-- migrate:up\nc;", "1:1 this statement stands above the first section" },
    { "  a;\n-- migrate:down\nb;", "1:3 this statement stands above the first section" },
    { "a\n-- migrate:down\nb;", "1:1 this statement stands above the first section" },
    { "-- migrate:down\nb;", "1:1 this file has a down section but no up section" },
    { "-- migrate:up\n-- migrate:down\n -- migrate:up\n", "3:2 \"-- migrate:up\" stands twice" },
    { "-- migrate:up\n-- migrate:down\n-- migrate:down nothing\n",
      "3:1 \"-- migrate:down\" stands twice" },
    { "-- migrate:dwon\n-- migrate:up\n", "1:1 unknown directive \"-- migrate:dwon\"" },
    { "-- migrate:up\na;\n-- migrate:dwon\nb;\n", "3:1 unknown directive \"-- migrate:dwon\"" },
    { "-- migrate:up\na;\n-- migrate:down\n'", "4:1 unterminated quoted string" },
    { "-- migrate:up\na;\n-- migrate:down\nROLLBACK;",
      "4:1 this ROLLBACK does not fit into the migration's transaction" },
    { "-- migrate:up now\na;",
      "1:1 \"-- migrate:up\" takes no value or the value nothing, not \"now\"" },
    { "-- migrate:retry no\n-- migrate:retry no\n-- migrate:up\n",
      "2:1 \"-- migrate:retry\" is given twice" },
};

static void
test_read__sections(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(sections); i++) {
        const char *got = describe(sections[i].text);
        if (strcmp(got, sections[i].expect) != 0)
            print_error("%s\n", sections[i].text);
        assert_string_equal(got, sections[i].expect);
    }
}

static void
test_read__section_errors_in_full(void **state)
{
    (void)state;
    static const struct {
        const char *text, *excerpt, *hint;
    } cases[] = {
        { "a;\n-- migrate:up\n", "   |\n 1 | a;\n   | ^",
          "Put the line \"-- migrate:up\" above what is applied, and \"-- migrate:down\" above what"
          " undoes it." },
        { "-- migrate:down\n", "   |\n 1 | -- migrate:down\n   | ^^^^^^^^^^^^^^^",
          "Put the line \"-- migrate:up\" above what is applied, and \"-- migrate:down\" above what"
          " undoes it." },
        { "-- migrate:up\n-- migrate:up\n",
          "   |\n 1 | -- migrate:up\n 2 | -- migrate:up\n   | ^^^^^^^^^^^^^",
          "A file has one section for each direction." },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        MgNativeFile file = sections_of(cases[i].text);
        MgMigration migration;
        MgError err;
        assert_false(read_native(&file, NULL, &migration, &err));
        assert_string_equal(err.excerpt, cases[i].excerpt);
        assert_string_equal(err.hint[0], cases[i].hint);
    }
}

/* A script means the same wherever it stands, and can be opened and read again. */
static void
test_read__sections_and_pairs_agree(void **state)
{
    (void)state;
    MgError err;
    MgMigration one, two;
    MgNativeFile both =
        sections_of("-- migrate:retry no\n-- migrate:up\na;\n-- migrate:down\nb;\n");
    assert_true(read_native(&both, NULL, &one, &err));

    MgNativeFile up = sections_of("-- migrate:retry no\na;\n");
    MgNativeFile down = sections_of("-- migrate:retry no\nb;\n");
    up.role = MG_NATIVE_UP;
    down.role = MG_NATIVE_DOWN;
    assert_true(read_native(&up, &down, &two, &err));
    assert_true(one.has_down && two.has_down);
    assert_string_equal(one.up->token_digest, two.up->token_digest);
    assert_string_equal(one.down->token_digest, two.down->token_digest);
    assert_true(one.up->is_retry_off && one.down->is_retry_off);
    assert_string_equal(one.down->inherited, "-- migrate:retry no\n");

    MgScript again = *one.down;
    assert_true(mg_script_analyse(&again, &arena, &err));
    assert_string_equal(again.digest, one.down->digest);
    MgReader reader;
    assert_true(mg_script_open(one.down, &reader, &err));
    assert_int_equal(reader.size_bytes, 19);
    assert_memory_equal(reader.text, "-- migrate:down\nb;\n", 19);
    assert_int_equal(reader.line, 4);
    mg_reader_close(&reader);
}

static void
test_read__files_without_sections(void **state)
{
    (void)state;
    MgError err;
    MgMigration migration;
    MgNativeFile up = sections_of("-- migrate:up\na;\n-- migrate:down\nb;\n");
    MgNativeFile down = sections_of("-- migrate:up\na;\n");
    MgNativeFile fine = sections_of("-- migrate:up\na;\n");
    MgNativeFile nothing = sections_of("-- migrate:down nothing\n");
    MgNativeFile empty = sections_of("-- nothing yet\n");
    up.role = fine.role = MG_NATIVE_UP;
    down.role = nothing.role = empty.role = MG_NATIVE_DOWN;

    assert_false(read_native(&up, NULL, &migration, &err));
    assert_string_equal(err.message, "\"-- migrate:down\" stands in a file without sections");
    assert_int_equal(err.line, 3);
    assert_string_equal(err.hint[0],
                        "Only a file named VERSION_NAME.sql has sections; with VERSION_NAME.up.sql"
                        " and VERSION_NAME.down.sql, each file is one direction.");
    assert_false(read_native(&fine, &down, &migration, &err));
    assert_string_equal(err.message, "\"-- migrate:up\" stands in a file without sections");

    assert_true(read_native(&fine, &nothing, &migration, &err));
    assert_true(migration.has_down && migration.down->is_nothing);
    assert_true(read_native(&fine, &empty, &migration, &err));
    assert_true(!migration.has_down && migration.is_down_empty);
    assert_true(read_native(&fine, NULL, &migration, &err));
    assert_true(!migration.has_down && !migration.is_down_empty);
    MgNativeFile section = sections_of("-- migrate:up\na;\n-- migrate:down\n-- to do\n");
    assert_true(read_native(&section, NULL, &migration, &err));
    assert_true(!migration.has_down && migration.is_down_empty);
    section = sections_of("-- migrate:up\na;\n");
    assert_true(read_native(&section, NULL, &migration, &err));
    assert_true(!migration.has_down && !migration.is_down_empty);
    section = sections_of("-- migrate:up nothing\n-- migrate:down\nb;\n");
    assert_true(read_native(&section, NULL, &migration, &err));
    assert_true(migration.has_down && migration.up->is_nothing && !migration.down->is_nothing);

    fine.role = MG_NATIVE_REPEATABLE;
    fine.version = NULL;
    assert_true(read_native(&fine, NULL, &migration, &err));
    assert_int_equal(migration.kind, MG_REPEATABLE);
    up.role = MG_NATIVE_REPEATABLE;
    assert_false(read_native(&up, NULL, &migration, &err));
    assert_string_equal(err.message, "\"-- migrate:down\" stands in a file without sections");
}

/* A file larger than the window, with its markers megabytes apart. */
static void
test_read__sections_of_a_large_file(void **state)
{
    (void)state;
    MgBuf text = { 0 };
    mg_buf_add(&text, "-- migrate:lock-timeout 1s\n-- migrate:up\n");
    for (int i = 0; i < 60000; i++)
        mg_buf_format(&text, "INSERT INTO t VALUES (%d, 'some text to fill the line');\n", i);
    size_t down_begin = text.size_bytes + 2;
    mg_buf_add(&text, "x\n-- migrate:down\n");
    for (int i = 0; i < 30000; i++)
        mg_buf_format(&text, "DELETE FROM t WHERE id = %d AND some_text = 'fill';\n", i);
    char path[] = "/tmp/migrate-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.text, text.size_bytes), text.size_bytes);

    MgError err;
    MgMigration file, memory;
    MgNativeFile on_disk = { .role = MG_NATIVE_SECTIONS, .path = path };
    MgNativeFile in_memory = sections_of(text.text);
    assert_true(read_native(&on_disk, NULL, &file, &err));
    assert_true(read_native(&in_memory, NULL, &memory, &err));
    assert_int_equal(file.up->n_statements, 60001);
    assert_int_equal(file.down->n_statements, 30000);
    assert_int_equal(file.down->part.begin, down_begin);
    assert_int_equal(file.down->first_line, 60004);
    assert_int_equal(file.down->lock_timeout_ms, 1000);
    assert_string_equal(file.up->digest, memory.up->digest);
    assert_string_equal(file.down->digest, memory.down->digest);
    assert_string_equal(file.down->token_digest, memory.down->token_digest);

    /* The same without any marker, and gone. */
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(ftruncate(fd, 0), 0);
    for (size_t i = 0; i + 8 < text.size_bytes; i++) {
        if (memcmp(text.text + i, "migrate:", 8) == 0)
            text.text[i] = 'M', text.text[i + 7] = '.';
    }
    assert_int_equal(write(fd, text.text, text.size_bytes), text.size_bytes);
    (void)close(fd);
    assert_true(read_native(&on_disk, NULL, &file, &err));
    assert_int_equal(file.up->n_statements, 90000);
    assert_false(file.has_down);
    assert_int_equal(unlink(path), 0);
    assert_false(read_native(&on_disk, NULL, &file, &err));
    on_disk.role = MG_NATIVE_UP;
    assert_false(read_native(&on_disk, NULL, &file, &err));
    assert_int_equal(err.code, MG_E_SOURCE);
    mg_buf_release(&text);
}

/* Line ends, a byte order mark and words of other tools: digests are of what the analysis sees. */
static void
test_read__looks_as_it_analyses(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "\n",
        "\r",
        "SELECT 1;\r\n",
        "\xEF\xBB\xBFSELECT 1;",
        "SELECT 1 + 1;",
        "-- migrate:no-transaction\r\nVACUUM;\r\n",
        "SELECT ':migrate';",
    };
    static const MgNativeRole roles[] = { MG_NATIVE_UP, MG_NATIVE_SECTIONS, MG_NATIVE_REPEATABLE };
    for (size_t i = 0; i < COUNT(texts); i++) {
        for (size_t k = 0; k < COUNT(roles); k++) {
            MgNativeFile up = sections_of(texts[i]);
            MgNativeFile down = sections_of(texts[COUNT(texts) - 1 - i]);
            MgMigration migration;
            MgError err;
            up.role = roles[k];
            down.role = MG_NATIVE_DOWN;
            assert_true(read_native(&up, k == 0 ? &down : NULL, &migration, &err));
        }
    }
}

/* A broken file has a digest, and its analysis fails. */
static void
test_read__looks_at_broken_files(void **state)
{
    (void)state;
    MG_CLEANUP(reading) MgReading reading;
    mg_reading_open(&reading, &arena);
    MgMigration seen;
    MgError err;
    MgNativeFile file = sections_of("SELECT 'x\n");
    assert_true(mg_native_glance(&file, NULL, &reading, &seen, &err));
    assert_int_equal(strlen(seen.digest), MG_DIGEST_HEX_BYTES - 1);
    assert_false(mg_native_read(&file, NULL, &reading, &seen, &err));
    assert_string_equal(err.message, "unterminated quoted string");
    /* Where its sections are cannot be told. */
    file = sections_of("-- migrate:up\nSELECT 'x\n");
    assert_false(mg_native_glance(&file, NULL, &reading, &seen, &err));
    assert_string_equal(err.message, "unterminated quoted string");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define WITH_ARENA(test) cmocka_unit_test_teardown(test, tear_down)
        WITH_ARENA(test_read__sections),
        WITH_ARENA(test_read__section_errors_in_full),
        WITH_ARENA(test_read__sections_and_pairs_agree),
        WITH_ARENA(test_read__files_without_sections),
        WITH_ARENA(test_read__sections_of_a_large_file),
        WITH_ARENA(test_read__looks_as_it_analyses),
        WITH_ARENA(test_read__looks_at_broken_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
