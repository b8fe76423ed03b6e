/* The native format: names and versions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "source/format.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define TEN "0123456789"
#define FIFTY TEN TEN TEN TEN TEN

static MgArena arena;

static int
tear_down(void **state)
{
    (void)state;
    mg_arena_release(&arena);
    return 0;
}

static const struct {
    const char *file_name, *expect;
} names[] = {
    { "0001_create_users.up.sql", "up 0001 create_users 0001_create_users" },
    { "0001_create_users.down.sql", "down 0001 create_users 0001_create_users" },
    { "0001_create_users.sql", "sections 0001 create_users 0001_create_users" },
    { "7_A-b_9.sql", "sections 7 A-b_9 7_A-b_9" },
    { "0_x.sql", "sections 0 x 0_x" },
    { "1__x.sql", "sections 1 _x 1__x" },
    { "123456789012345678_x.up.sql", "up 123456789012345678 x 123456789012345678_x" },
    { "R__order_report.sql", "repeatable - order_report R__order_report" },
    { "R__1_x.sql", "repeatable - 1_x R__1_x" },
    { "README.md", "ignored" },
    { ".gitkeep", "ignored" },
    { ".#1_a.sql", "ignored" },
    { "._1_a.sql", "ignored" },
    { "1_a.sql~", "ignored" },
    { "1_a.sql.orig", "ignored" },
    { "sql", "ignored" },
    { "", "ignored" },
    { "1_a.SQL", "The ending is written in lower case: .sql" },
    { "1_a.up.Sql", "The ending is written in lower case: .sql" },
    { "init.sql", "A name begins with a version, which is digits, or with R__." },
    { "V1__init.sql", "A name begins with a version, which is digits, or with R__." },
    { "r__x.sql", "A name begins with a version, which is digits, or with R__." },
    { "R_x.sql", "A name begins with a version, which is digits, or with R__." },
    { "_x.sql", "A name begins with a version, which is digits, or with R__." },
    { "1.sql", "Behind the version stands _ and a name." },
    { "1.up.sql", "Behind the version stands _ and a name." },
    { "1-x.sql", "Behind the version stands _ and a name." },
    { "1.2_x.sql", "Behind the version stands _ and a name." },
    { "1_.sql", "There is no name behind the version." },
    { "1_.up.sql", "There is no name behind the version." },
    { "R__.sql", "There is no name behind R__." },
    { "1_a b.sql", "A name has only the letters a to z and A to Z, digits, _ and -." },
    { "1_\xc3\xa9.sql", "A name has only the letters a to z and A to Z, digits, _ and -." },
    { "1_a.UP.sql", "A name has only the letters a to z and A to Z, digits, _ and -." },
    { "1_a.up.up.sql", "A name has only the letters a to z and A to Z, digits, _ and -." },
    { "R__x.up.sql", "A name has only the letters a to z and A to Z, digits, _ and -." },
    { "sub/1_a.sql", "A name begins with a version, which is digits, or with R__." },
    { "1_" FIFTY FIFTY FIFTY FIFTY FIFTY ".sql", "The name is longer than 255 bytes." },
};

static const char *const role_names[] = {
    [MG_NATIVE_UP] = "up",
    [MG_NATIVE_DOWN] = "down",
    [MG_NATIVE_SECTIONS] = "sections",
    [MG_NATIVE_REPEATABLE] = "repeatable",
};

static void
test_native__names(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        const char *file_name = names[i].file_name;
        const char *path = mg_arena_format(&arena, "m/%s", file_name);
        MgNativeFile file;
        MgError err;
        if (!mg_native_parse(path, file_name, &arena, &file, &err)) {
            assert_int_equal(err.code, MG_E_SOURCE);
            assert_string_equal(err.detail, names[i].expect);
            assert_non_null(strstr(err.message, "is not named like a migration"));
            assert_string_equal(err.hint[1], "If it is no migration, move it out of the folder.");
        } else if (file.role == MG_NATIVE_IGNORED) {
            assert_string_equal("ignored", names[i].expect);
        } else {
            const char *got =
                mg_arena_format(&arena, "%s %s %s %s", role_names[file.role],
                                file.version == NULL ? "-" : file.version, file.name, file.label);
            assert_string_equal(got, names[i].expect);
            assert_string_equal(file.path, path);
        }
    }
}

static void
test_native__name_errors_in_full(void **state)
{
    (void)state;
    MgNativeFile file;
    MgError err;
    assert_false(mg_native_parse("m/init.sql", "init.sql", &arena, &file, &err));
    assert_string_equal(err.message, "\"m/init.sql\" is not named like a migration");
    assert_string_equal(err.place, "m/init.sql");
    assert_string_equal(err.hint[0],
                        "Name it VERSION_NAME.up.sql, such as 0001_create_users.up.sql, or"
                        " R__NAME.sql if it is to run again whenever it changes.");

    static const char long_version[] = "012345678901234567890123456789_x.sql";
    assert_false(mg_native_parse(long_version, long_version, &arena, &file, &err));
    assert_int_equal(err.code, MG_E_SOURCE);
    assert_string_equal(err.message,
                        "the version of \"012345678901234567890123456789_x.sql\" has 30"
                        " digits, the limit is 18");
    assert_string_equal(err.place, long_version);
    assert_string_equal(err.hint[0],
                        "A time such as 20260309101500 or a number such as 0001 is usual.");
}

static void
test_native__versions_compare_as_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        int order;
    } cases[] = {
        { "9", "10", -1 },
        { "10", "9", 1 },
        { "009", "9", 0 },
        { "0", "000", 0 },
        { "0", "1", -1 },
        { "12", "13", -1 },
        { "13", "12", 1 },
        { "21", "12", 1 },
        { "12", "21", -1 },
        { "", "0", 0 },
        { "1", "", 1 },
        { "0002", "10", -1 },
        { "123456789012345678", "123456789012345679", -1 },
        { "99999999999999999999999", "100000000000000000000000", -1 },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(mg_version_compare(cases[i].a, cases[i].b), cases[i].order);
}

static MgNativeFile
parse_name(const char *name)
{
    MgNativeFile file;
    MgError err;
    assert_true(mg_native_parse(name, name, &arena, &file, &err));
    return file;
}

static void
test_native__files_compare(void **state)
{
    (void)state;
    MgNativeFile one = parse_name("1_z.sql");
    MgNativeFile same = parse_name("01_a.sql");
    MgNativeFile ten = parse_name("10_a.sql");
    MgNativeFile longest = parse_name("999999999999999998_a.sql");
    MgNativeFile last = parse_name("999999999999999999_a.sql");
    MgNativeFile report = parse_name("R__report.sql");
    MgNativeFile zebra = parse_name("R__zebra.sql");
    assert_int_equal(mg_native_compare(&one, &same), 0);
    assert_true(mg_native_compare(&one, &ten) < 0);
    assert_true(mg_native_compare(&ten, &longest) < 0);
    assert_true(mg_native_compare(&longest, &last) < 0);
    assert_true(mg_native_compare(&last, &one) > 0);
    assert_true(mg_native_compare(&ten, &report) < 0);
    assert_true(mg_native_compare(&report, &ten) > 0);
    assert_true(mg_native_compare(&report, &zebra) < 0);
    assert_int_equal(mg_native_compare(&zebra, &zebra), 0);
}

static void
test_native__a_word_names_a_migration(void **state)
{
    (void)state;
    static const struct {
        const char *word, *version, *label;
        bool matches;
    } cases[] = {
        { "0007", "0007", "0007_add_x", true },
        { "7", "0007", "0007_add_x", true },
        { "00007", "0007", "0007_add_x", true },
        { "70", "0007", "0007_add_x", false },
        { "0007_add_x", "0007", "0007_add_x", true },
        { "7_add_x", "0007", "0007_add_x", true },
        { "7_add", "0007", "0007_add_x", false },
        { "7_add_x_y", "0007", "0007_add_x", false },
        { "7_", "0007", "0007_add_x", false },
        { "add_x", "0007", "0007_add_x", false },
        { "", "0007", "0007_add_x", false },
        { "m/0007_add_x.up.sql", "0007", "0007_add_x", true },
        { "./db/m/0007_add_x.down.sql", "0007", "0007_add_x", true },
        { "/0007_add_x.sql", "0007", "0007_add_x", true },
        { "0007_add_x.md", "0007", "0007_add_x", false },
        { "m/", "0007", "0007_add_x", false },
        { "R__report", NULL, "R__report", true },
        { "m/R__report.sql", NULL, "R__report", true },
        { "report", NULL, "R__report", false },
        { "7", NULL, "R__report", false },
        { "99999999999999999999999999999", "7", "7_x", false },
        { FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY, "7", "7_x", false },
        { "7_" FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY, "7", "7_x", false },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(mg_version_matches(cases[i].word, cases[i].version, cases[i].label),
                         cases[i].matches);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define WITH_ARENA(test) cmocka_unit_test_teardown(test, tear_down)
        WITH_ARENA(test_native__names),
        WITH_ARENA(test_native__name_errors_in_full),
        WITH_ARENA(test_native__versions_compare_as_numbers),
        WITH_ARENA(test_native__files_compare),
        WITH_ARENA(test_native__a_word_names_a_migration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
