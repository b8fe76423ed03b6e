/* Renumbering: which files a word names, what they become, and that nothing else is touched. */
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
#include "folder.h"
#include "source/format.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum {
    LONGEST_NAME_BYTES = 255, /* of usual file systems */
};

/* 2026-03-09 10:15:00 UTC */
#define NOW_MS 1773051300000

/* Empty files of these names, which blanks part. */
static void
write_files(const char *names)
{
    while (*names != '\0') {
        size_t n = strcspn(names, " ");
        FILE *file = fopen(path_of(mg_arena_text_n(&arena, names, n)), "w");
        assert_non_null(file);
        assert_int_equal(fprintf(file, "%.*s", (int)n, names) > 0, true);
        assert_int_equal(fclose(file), 0);
        names += n;
        names += *names == ' ' ? 1 : 0;
    }
}

/* The names in the folder in order, each with the name that it was written under. */
static const char *
list(void)
{
    MG_CLEANUP(buf) MgBuf text = { 0 };
    MgFolder there;
    assert_true(mg_folder_read(folder, &arena, &there));
    for (size_t i = 0; i < there.n; i++) {
        const char *was = "";
        size_t size_bytes = 0;
        const char *name = there.items[i].name;
        if (there.items[i].type == MG_FILE_REGULAR)
            assert_true(mg_file_read(path_of(name), 1 << 10, &arena, &was, &size_bytes));
        mg_buf_format(&text, strcmp(was, name) == 0 ? "%s%s" : "%s%s (%s)", i == 0 ? "" : " ", name,
                      was);
    }
    return mg_arena_text(&arena, mg_buf_text(&text));
}

/* "2_b -> 4_b", "2_b stays", or the error with its first hint; the folder stands for itself. */
static const char *
renumber(const char *word, const char *above, MgRenumbered *ret)
{
    MgError err;
    MgRenumber input = { .dir = folder, .version = word, .above = above, .now_ms = NOW_MS };
    if (!mg_renumber(&input, ret, &err)) {
        const char *at = strstr(err.message, folder);
        return mg_arena_format(&arena, "%s: %s%s%s", mg_error_slug(err.code),
                               at == NULL ? err.message : at + strlen(folder),
                               err.hint[0][0] == '\0' ? "" : "; ", err.hint[0]);
    }
    return mg_arena_format(&arena, ret->n_files == 0 ? "%s stays" : "%s -> %s", ret->from, ret->to);
}

typedef struct Case {
    const char *files, *word, *above, *expect, *left; /* left NULL: as it was */
} Case;

static void
check(void **state, const Case *cases, size_t n_cases)
{
    for (size_t i = 0; i < n_cases; i++) {
        const Case *c = &cases[i];
        MgRenumbered renumbered = { .n_files = 0 };
        write_files(c->files);
        assert_string_equal(renumber(c->word, c->above, &renumbered), c->expect);
        assert_string_equal(list(), c->left == NULL ? c->files : c->left);
        MgError err;
        assert_true(mg_renumber_undo(&renumbered, &err));
        assert_string_equal(list(), c->files);
        remove_all(folder);
        assert_int_equal(set_up(state), 0);
    }
}

static void
test_renumber__puts_all_files_of_one_to_the_end(void **state)
{
    static const Case cases[] = {
        { "1_a.up.sql 2_b.down.sql 2_b.up.sql 3_c.up.sql", "2", NULL, "2_b -> 4_b",
          "1_a.up.sql 3_c.up.sql 4_b.down.sql (2_b.down.sql) 4_b.up.sql (2_b.up.sql)" },
        { "1_a.sql 2_b.sql", "1_a", NULL, "1_a -> 3_a", "2_b.sql 3_a.sql (1_a.sql)" },
        /* The manner of the folder: as many digits, and times where there are times. */
        { "0001_a.up.sql 0002_b.up.sql", "1", NULL, "0001_a -> 0003_a",
          "0002_b.up.sql 0003_a.up.sql (0001_a.up.sql)" },
        { "20260101000000_a.up.sql 20260102000000_b.up.sql", "20260101000000", NULL,
          "20260101000000_a -> 20260309101500_a",
          "20260102000000_b.up.sql 20260309101500_a.up.sql (20260101000000_a.up.sql)" },
        { "20260101000000_a.up.sql 20260309101500_b.up.sql", "20260101000000_a", NULL,
          "20260101000000_a -> 20260309101501_a",
          "20260309101500_b.up.sql 20260309101501_a.up.sql (20260101000000_a.up.sql)" },
        { "10_b.up.sql 9_a.up.sql", "9", NULL, "9_a -> 11_a",
          "10_b.up.sql 11_a.up.sql (9_a.up.sql)" },
        /* Others of the folder are of no interest. */
        { "1_a.up.sql 2_b.up.sql README.md R__v.sql wrong.sql", "1", NULL, "1_a -> 3_a",
          "2_b.up.sql 3_a.up.sql (1_a.up.sql) README.md R__v.sql wrong.sql" },
    };
    check(state, cases, COUNT(cases));
}

static void
test_renumber__finds_one_by_any_of_its_names(void **state)
{
    static const char left[] = "2_c.up.sql 3_b.up.sql (2_b.up.sql)";
    static const Case cases[] = {
        { "2_b.up.sql 2_c.up.sql", "2_b", NULL, "2_b -> 3_b", left },
        { "2_b.up.sql 2_c.up.sql", "migrations/2_b.up.sql", NULL, "2_b -> 3_b", left },
        { "2_b.up.sql 2_c.up.sql", "2", NULL,
          "usage: \"2_b\" and \"2_c\" have one version; Put the one that is"
          " applied nowhere yet to the end, by one of these:\nmigrate renumber 2_b\nmigrate"
          " renumber 2_c",
          NULL },
        /* One version written in two ways is one version. */
        { "02_b.up.sql 2_c.up.sql", "2", NULL,
          "usage: \"02_b\" and \"2_c\" have one version; Put the one that is"
          " applied nowhere yet to the end, by one of these:\nmigrate renumber 02_b\nmigrate"
          " renumber 2_c",
          NULL },
        { "1_a.up.sql", "2", NULL,
          "unknown-version: \" has version \"2\"; List the migrations that there are: migrate show",
          NULL },
        { "1_a.up.sql", "1_b", NULL,
          "unknown-version: \" has version \"1_b\"; List the migrations that there are: migrate "
          "show",
          NULL },
        { "R__v.sql", "R__v", NULL,
          "unknown-version: \" has version \"R__v\"; List the migrations that there are: migrate"
          " show",
          NULL },
    };
    check(state, cases, COUNT(cases));
}

static void
test_renumber__leaves_the_newest_alone(void **state)
{
    static const Case cases[] = {
        { "1_a.up.sql 2_b.up.sql", "2", NULL, "2_b stays", NULL },
        { "1_a.up.sql 2_b.up.sql", "2", "2_b", "2_b stays", NULL },
        { "1_a.up.sql 2_b.up.sql", "2", "1_a", "2_b stays", NULL },
        /* What is applied counts too, though it has no file here. */
        { "1_a.up.sql 2_b.up.sql", "2", "5_e", "2_b -> 6_b", "1_a.up.sql 6_b.up.sql (2_b.up.sql)" },
        { "1_a.up.sql 2_b.up.sql", "2", "2_other", "2_b -> 3_b",
          "1_a.up.sql 3_b.up.sql (2_b.up.sql)" },
        { "1_a.up.sql 2_b.up.sql", "2", "R__v", "2_b stays", NULL },
    };
    check(state, cases, COUNT(cases));
}

static void
test_renumber__ends_where_versions_end(void **state)
{
    static const Case cases[] = {
        { "1_a.up.sql 999999999999999999_z.up.sql", "1", NULL,
          "source: no version is left above 999999999999999999", NULL },
    };
    check(state, cases, COUNT(cases));
}

/* One digit more is one too many for the longer name of the two: neither is renamed. */
static void
test_renumber__renames_all_or_none(void **state)
{
    (void)state;
    char label[LONGEST_NAME_BYTES - sizeof ".down.sql" + 2];
    memset(label, 'a', sizeof label - 1);
    memcpy(label, "9_", 2);
    label[sizeof label - 1] = '\0';
    const char *there = mg_arena_format(&arena, "10_b.up.sql %s.down.sql %s.up.sql", label, label);
    MgRenumbered renumbered;
    write_files(there);
    const char *said = renumber("9", NULL, &renumbered);
    assert_int_equal(strncmp(said, "system: /9_a", strlen("system: /9_a")), 0);
    assert_string_equal(list(), there);
}

static void
test_renumber__needs_a_folder(void **state)
{
    (void)state;
    MgError err;
    MgRenumbered renumbered = { .n_files = 7 };
    const MgRenumber input = { .dir = path_of("none"), .version = "1", .now_ms = NOW_MS };
    assert_false(mg_renumber(&input, &renumbered, &err));
    assert_int_equal(err.code, MG_E_SOURCE);
    assert_string_equal(err.message,
                        mg_arena_format(&arena,
                                        "could not read the folder \"%s/none\": No such file or"
                                        " directory",
                                        folder));
    assert_string_equal(err.place, path_of("none"));
    assert_int_equal(renumbered.n_files, 7);
}

/* A name that somebody has taken meanwhile is left to them, and told. */
static void
test_renumber__undo_overwrites_nothing(void **state)
{
    (void)state;
    MgError err;
    MgRenumbered renumbered;
    write_files("1_a.down.sql 1_a.up.sql 2_b.up.sql");
    assert_string_equal(renumber("1", NULL, &renumbered), "1_a -> 3_a");
    write_files("1_a.up.sql");
    assert_false(mg_renumber_undo(&renumbered, &err));
    assert_int_equal(err.code, MG_E_SYSTEM);
    assert_string_equal(list(), "1_a.down.sql 1_a.up.sql 2_b.up.sql 3_a.up.sql (1_a.up.sql)");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        WITH_FOLDER(test_renumber__puts_all_files_of_one_to_the_end),
        WITH_FOLDER(test_renumber__finds_one_by_any_of_its_names),
        WITH_FOLDER(test_renumber__leaves_the_newest_alone),
        WITH_FOLDER(test_renumber__ends_where_versions_end),
        WITH_FOLDER(test_renumber__renames_all_or_none),
        WITH_FOLDER(test_renumber__needs_a_folder),
        WITH_FOLDER(test_renumber__undo_overwrites_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
