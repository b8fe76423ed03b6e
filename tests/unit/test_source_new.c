/* New migrations: names, versions, texts, and that nothing is overwritten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "folder.h"
#include "source/source.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define TEN "0123456789"
#define FIFTY TEN TEN TEN TEN TEN

/* 2026-03-09 10:15:00 UTC */
#define NOW_MS 1773051300000

static void
write_file(const char *name)
{
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
}

static const char *
text_of(const char *path)
{
    const char *text = NULL;
    size_t size_bytes = 0;
    assert_true(mg_file_read(path, 1 << 20, &arena, &text, &size_bytes));
    return text;
}

/* The new file's name, or the error. */
static const char *
make(const char *name, int64_t now_ms)
{
    char paths[MG_NEW_MAX_FILES][512];
    MgError err;
    MgNew new_migration = { .dir = folder, .name = name, .now_ms = now_ms };
    if (!mg_new(&new_migration, paths, &err))
        return mg_arena_text(&arena, err.message);
    size_t n = strlen(folder) + 1;
    assert_string_equal(
        mg_arena_format(&arena, "%.*s.down.sql", (int)strlen(paths[0]) - 7, paths[0]), paths[1]);
    return mg_arena_text(&arena, paths[0] + n);
}

static void
test_new__names(void **state)
{
    static const struct {
        const char *name, *expect;
    } cases[] = {
        { "add_order_totals", "20260309101500_add_order_totals.up.sql" },
        { "Add Order-Totals!", "20260309101500_add_order_totals.up.sql" },
        { "  _x  ", "20260309101500_x.up.sql" },
        { "add_users.sql", "20260309101500_add_users.up.sql" },
        { "add users.up.sql", "20260309101500_add_users.up.sql" },
        { "add_users.down.sql", "20260309101500_add_users.up.sql" },
        { ".sql", "20260309101500_sql.up.sql" },
        { "tune sql", "20260309101500_tune_sql.up.sql" },
        { "a__b", "20260309101500_a_b.up.sql" },
        { "../../etc/passwd", "20260309101500_etc_passwd.up.sql" },
        { "\xc3\xa9t\xc3\xa9 2026", "20260309101500_ete_2026.up.sql" },
        { "\xc3\xbc"
          "ber stra\xc3\x9f"
          "e",
          "20260309101500_uber_strasse.up.sql" },
        { "\xc3\x86r\xc3\xb8 \xc5\x81\xc3\xb3"
          "d\xc5\xba",
          "20260309101500_aero_lodz.up.sql" },
        { "u\xcc\x88"
          "ber",
          "20260309101500_uber.up.sql" },
        { "a\xe2\x80\x94"
          "b\xc2\xa0"
          "c \xc3\x97 d",
          "20260309101500_a_b_c_d.up.sql" },
        { "add \xd0\xb6", "the name has a character that has no form in a to z: \"\xd0\xb6\"" },
        { "\xe8\xa1\xa8", "the name has a character that has no form in a to z: \"\xe8\xa1\xa8\"" },
        { "\xf0\x9f\x8e\x89",
          "the name has a character that has no form in a to z: \"\xf0\x9f\x8e\x89\"" },
        { "a\xff", "the name is not valid UTF-8" },
        { FIFTY TEN TEN TEN TEN "012345678\xc3\x9f", "the name is longer than 100 characters" },
        { FIFTY FIFTY, "20260309101500_" FIFTY FIFTY ".up.sql" },
        { FIFTY FIFTY "0", "the name is longer than 100 characters" },
        { FIFTY TEN TEN TEN TEN "012345678 0", "the name is longer than 100 characters" },
        { "", "the name \"\" has no letter or digit" },
        { NULL, "the name \"\" has no letter or digit" },
        { "-- _ --", "the name \"-- _ --\" has no letter or digit" },
        { "\xc3\x97", "the name \"\xc3\x97\" has no letter or digit" },
        { "\xcc\x88", "the name \"\xcc\x88\" has no letter or digit" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_string_equal(make(cases[i].name, NOW_MS), cases[i].expect);
        remove_all(folder);
        assert_int_equal(set_up(state), 0);
    }
}

static void
test_new__usage_error_in_full(void **state)
{
    (void)state;
    char paths[MG_NEW_MAX_FILES][512];
    MgError err;
    MgNew new_migration = { .dir = folder, .name = "!", .now_ms = NOW_MS };
    assert_false(mg_new(&new_migration, paths, &err));
    assert_int_equal(err.code, MG_E_USAGE);
    assert_string_equal(err.hint[0], "Say in a few words what the migration does: migrate new"
                                     " add_order_totals");
}

/* The version sorts behind every other, whatever the clock says. */
static void
test_new__versions(void **state)
{
    static const struct {
        const char *there, *expect;
    } cases[] = {
        { "0042_old.up.sql", "0043_x.up.sql" },
        { "9_old.sql", "10_x.up.sql" },
        { "0999999_old.sql", "1000000_x.up.sql" },
        { "20260309_old.sql", "20260309101500_x.up.sql" },
        { "20260309101459_old.sql", "20260309101500_x.up.sql" },
        { "20260309101500_old.sql", "20260309101501_x.up.sql" },
        { "20260309101500_old.down.sql", "20260309101501_x.up.sql" },
        { "20260309101559_old.sql", "20260309101600_x.up.sql" },
        { "20261231235959_old.sql", "20270101000000_x.up.sql" },
        { "20280228235959_old.sql", "20280229000000_x.up.sql" },
        { "20269999999999_old.sql", "20270000000000_x.up.sql" },
        { "20260309101560_old.sql", "20260309101561_x.up.sql" },
        { "99999999999999_old.sql", "100000000000000_x.up.sql" },
        { "999999999999999998_old.sql", "999999999999999999_x.up.sql" },
        { "R__z.sql", "20260309101500_x.up.sql" },
        { "30000101000000.sql", "20260309101500_x.up.sql" },
        { "README.md", "20260309101500_x.up.sql" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        write_file(cases[i].there);
        assert_string_equal(make("x", NOW_MS), cases[i].expect);
        remove_all(folder);
        assert_int_equal(set_up(state), 0);
    }
    write_file("999999999999999999_old.sql");
    assert_string_equal(make("x", NOW_MS), "no version is left above 999999999999999999");
}

static void
test_new__one_behind_the_other(void **state)
{
    (void)state;
    assert_string_equal(make("a", NOW_MS), "20260309101500_a.up.sql");
    assert_string_equal(make("a", NOW_MS), "20260309101501_a.up.sql");
    assert_string_equal(make("b", NOW_MS - 5000), "20260309101502_b.up.sql");
    assert_string_equal(make("c", NOW_MS + 60000), "20260309101600_c.up.sql");
}

/* Many at once, in one second: each gets a version of its own. */
static void
test_new__at_the_same_time(void **state)
{
    (void)state;
    enum { N = 12 };
    pid_t children[N];
    int go[2];
    assert_int_equal(pipe(go), 0);
    for (int i = 0; i < N; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] != 0)
            continue;
        char byte, paths[MG_NEW_MAX_FILES][512];
        MgError err;
        MgNew new_migration = { .dir = folder,
                                .name = mg_arena_format(&arena, "n%d", i),
                                .now_ms = NOW_MS };
        close(go[1]);
        (void)!read(go[0], &byte, 1);
        _exit(mg_new(&new_migration, paths, &err) ? 0 : 1);
    }
    close(go[0]);
    close(go[1]); /* all of them begin */
    for (int i = 0; i < N; i++) {
        int status = -1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    MgSource source;
    MgError err;
    if (!mg_source_read(&(MgSourcePlace){ .dir = folder }, &arena, &source, &err))
        fail_msg("%s", err.message);
    assert_int_equal(source.n, N);
    assert_string_equal(source.items[0].version, "20260309101500");
    assert_string_equal(source.items[N - 1].version, "20260309101511");
}

/* What is made is a valid folder of migrations that do nothing yet. */
static void
test_new__templates(void **state)
{
    (void)state;
    char paths[MG_NEW_MAX_FILES][512];
    MgError err;
    MgSource source;
    MgNew new_migration = { .dir = folder, .name = "a", .now_ms = NOW_MS };
    assert_true(mg_new(&new_migration, paths, &err));
    assert_string_equal(text_of(paths[0]),
                        "-- 20260309101500_a: say here what it does and why.\n"
                        "-- Runs in one transaction with its entry in the history. Example:\n"
                        "--   ALTER TABLE orders ADD COLUMN total numeric(12, 2);\n");
    assert_string_equal(
        text_of(paths[1]),
        "-- Undoes 20260309101500_a. Example:\n"
        "--   ALTER TABLE orders DROP COLUMN total;\n"
        "-- If there is nothing to undo, say so with the line \"-- migrate:down nothing\".\n");

    new_migration.is_no_transaction = true;
    assert_true(mg_new(&new_migration, paths, &err));
    assert_string_equal(
        text_of(paths[0]),
        "-- migrate:no-transaction\n"
        "-- 20260309101501_a: say here what it does and why.\n"
        "-- Each statement runs by itself: what was done before a failure stays. Example:\n"
        "--   CREATE INDEX CONCURRENTLY orders_customer_id_idx ON orders (customer_id);\n");
    assert_string_equal(
        text_of(paths[1]),
        "-- migrate:no-transaction\n"
        "-- Undoes 20260309101501_a. Example:\n"
        "--   DROP INDEX CONCURRENTLY IF EXISTS orders_customer_id_idx;\n"
        "-- If there is nothing to undo, say so with the line \"-- migrate:down nothing\".\n");

    new_migration.is_repeatable = true;
    new_migration.name = "report b";
    assert_true(mg_new(&new_migration, paths, &err));
    assert_string_equal(paths[0], path_of("R__report_b.sql"));
    assert_string_equal(paths[1], "");
    new_migration.is_no_transaction = false;
    new_migration.name = "report";
    assert_true(mg_new(&new_migration, paths, &err));
    assert_string_equal(
        text_of(paths[0]),
        "-- R__report: runs again, behind the versioned migrations, whenever its text changes."
        " Example:\n"
        "--   CREATE OR REPLACE VIEW order_report AS SELECT * FROM orders;\n");

    assert_true(mg_source_read(&(MgSourcePlace){ .dir = folder }, &arena, &source, &err));
    assert_int_equal(source.n, 4);
    assert_int_equal(source.n_notes, 2); /* of the repeatables */
    for (size_t i = 0; i < source.n; i++) {
        assert_int_equal(source.items[i].up->n_statements, 0);
        assert_false(source.items[i].has_down);
    }
    assert_false(source.items[0].up->is_marked);
    assert_true(source.items[1].up->is_marked && source.items[1].down->is_marked);
    assert_false(source.items[2].up->is_marked);
    assert_true(source.items[3].up->is_marked);
}

static void
test_new__never_overwrites(void **state)
{
    (void)state;
    char paths[MG_NEW_MAX_FILES][512] = { "kept", "kept" };
    MgError err;
    MgNew new_migration = { .dir = folder, .name = "r", .is_repeatable = true };
    write_file("R__r.sql");
    assert_false(mg_new(&new_migration, paths, &err));
    assert_int_equal(err.code, MG_E_SOURCE);
    assert_string_equal(err.message,
                        mg_arena_format(&arena, "\"%s/R__r.sql\" is already there", folder));
    assert_string_equal(err.place, path_of("R__r.sql"));
    assert_string_equal(err.hint[0], "Edit that file, or choose another name.");
    assert_string_equal(paths[0], "kept");
    assert_string_equal(text_of(path_of("R__r.sql")), "");
}

static void
test_new__makes_the_folder(void **state)
{
    (void)state;
    char paths[MG_NEW_MAX_FILES][512];
    MgError err;
    MgNew new_migration = { .dir = path_of("db/migrations/"), .name = "a", .now_ms = NOW_MS };
    assert_true(mg_new(&new_migration, paths, &err));
    assert_string_equal(paths[0], path_of("db/migrations/20260309101500_a.up.sql"));
    assert_int_equal(access(paths[1], F_OK), 0);

    write_file("file");
    new_migration.dir = path_of("file/migrations");
    assert_false(mg_new(&new_migration, paths, &err));
    assert_int_equal(err.code, MG_E_SYSTEM);
    assert_string_equal(err.message,
                        mg_arena_format(&arena,
                                        "could not make the folder \"%s/file/migrations\":"
                                        " Not a directory",
                                        folder));
    new_migration.dir = path_of("file");
    assert_false(mg_new(&new_migration, paths, &err));
    assert_string_equal(err.message, mg_arena_format(&arena,
                                                     "could not make the folder \"%s/file\":"
                                                     " File exists",
                                                     folder));

    new_migration.dir = mg_arena_format(&arena, "%s/%s%s%s%s%s%s%s%s%s%s", folder, FIFTY, FIFTY,
                                        FIFTY, FIFTY, FIFTY, FIFTY, FIFTY, FIFTY, FIFTY, FIFTY);
    assert_false(mg_new(&new_migration, paths, &err));
    assert_int_equal(err.code, MG_E_USAGE);
    assert_string_equal(err.message, "the path of the folder is longer than 511 bytes");
    new_migration.dir = "/proc";
    for (size_t i = 0; i < 2; i++) {
        new_migration.is_repeatable = i == 0;
        assert_false(mg_new(&new_migration, paths, &err));
        assert_int_equal(err.code, MG_E_SYSTEM);
    }
}

static void
test_new__folder_is_migrations_unless_named(void **state)
{
    (void)state;
    char before[4096];
    char paths[MG_NEW_MAX_FILES][512];
    MgError err;
    MgNew new_migration = { .name = "a", .now_ms = NOW_MS };
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(folder), 0);
    bool is_made = mg_new(&new_migration, paths, &err);
    assert_int_equal(chdir(before), 0);
    assert_true(is_made);
    assert_string_equal(paths[0], "migrations/20260309101500_a.up.sql");
    assert_int_equal(access(path_of(paths[1]), F_OK), 0);
}

static void
test_new__paths_have_a_limit(void **state)
{
    (void)state;
    char paths[MG_NEW_MAX_FILES][512];
    MgError err;
    /* "/./././" leads where "/" leads. */
    MgBuf dir = { 0 };
    mg_buf_add(&dir, folder);
    while (dir.size_bytes < 490)
        mg_buf_add(&dir, "/.");
    MgNew new_migration = { .dir = dir.text, .name = "a", .now_ms = NOW_MS };
    assert_false(mg_new(&new_migration, paths, &err));
    assert_int_equal(err.code, MG_E_USAGE);
    assert_string_equal(err.message, "the path of the new file is longer than 511 bytes");
    mg_buf_release(&dir);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        WITH_FOLDER(test_new__names),
        WITH_FOLDER(test_new__usage_error_in_full),
        WITH_FOLDER(test_new__versions),
        WITH_FOLDER(test_new__one_behind_the_other),
        WITH_FOLDER(test_new__at_the_same_time),
        WITH_FOLDER(test_new__templates),
        WITH_FOLDER(test_new__never_overwrites),
        WITH_FOLDER(test_new__makes_the_folder),
        WITH_FOLDER(test_new__folder_is_migrations_unless_named),
        WITH_FOLDER(test_new__paths_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
