/* Verifying without a database: the files alone, and against those of another commit. */
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
#include "migrate.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define MAX_ITEMS 8
#define MAIN "1_a.up.sql|2_b.up.sql|5_e.up.sql"

/* "NAME=text|NAME=text"; a text that is left out is that of a whole migration. */
static size_t
parse_files(const char *list, MgFile ret[MAX_ITEMS])
{
    size_t n = 0;
    while (*list != '\0') {
        size_t item_bytes = strcspn(list, "|");
        char *item = mg_arena_text_n(&arena, list, item_bytes);
        char *text = strchr(item, '=');
        if (text != NULL)
            *text++ = '\0';
        else
            text = mg_arena_format(&arena, "CREATE TABLE t%c (id int);\n", item[0]);
        assert_true(n < MAX_ITEMS);
        ret[n++] = (MgFile){ item, text, strlen(text) };
        list += item_bytes;
        list += *list == '|' ? 1 : 0;
    }
    return n;
}

static void
write_files(const MgFile *files, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        FILE *file = fopen(path_of(files[i].name), "w");
        assert_non_null(file);
        assert_int_equal(fwrite(files[i].text, 1, files[i].size_bytes, file), files[i].size_bytes);
        assert_int_equal(fclose(file), 0);
    }
}

/* "drift 2_b.up.sql:2 migration "2_b" of main was edited [hint]; ..." */
static const char *
show(const MgVerified *verified)
{
    MG_CLEANUP(buf) MgBuf text = { 0 };
    assert_false(verified->is_target_asked);
    for (size_t i = 0; i < verified->n_findings; i++) {
        const MgError *finding = &verified->findings[i];
        const char *place = strrchr(finding->place, '/');
        assert_string_equal(finding->note, "");
        mg_buf_format(&text, "%s%s %s:%d %s [%s]", i == 0 ? "" : "; ", mg_error_slug(finding->code),
                      place == NULL ? finding->place : place + 1, finding->line, finding->message,
                      finding->hint[0]);
    }
    return mg_arena_text(&arena, mg_buf_text(&text));
}

/* base NULL: the files alone; else the names there, and changed as those were before. */
static const char *
verify(const char *files, const char *base, const char *changed)
{
    static char *const no_variables[] = { NULL };
    MgFile here[MAX_ITEMS], there[MAX_ITEMS], were[MAX_ITEMS];
    const char *names[MAX_ITEMS];
    size_t n_names = parse_files(base == NULL ? "" : base, there);
    for (size_t i = 0; i < n_names; i++)
        names[i] = there[i].name;
    const MgBase commit = { .ref = "main",
                            .names = names,
                            .n_names = n_names,
                            .changed = were,
                            .n_changed = parse_files(changed, were) };
    const MgVerify wanted = { .is_files_only = base == NULL,
                              .base = base == NULL ? NULL : &commit };
    const MgVerified *verified = NULL;
    MgContext *context = NULL;
    MgOptions options;
    MgError err;
    write_files(here, parse_files(files, here));
    mg_options_init(&options);
    options.environment = no_variables;
    options.dir = folder;
    options.is_reading = true;
    options.is_diagnosing = true;
    assert_true(mg_open(&options, &context, &err));
    assert_true(mg_verify(context, &wanted, &verified, &err));
    const char *shown = show(verified);
    mg_close(context);
    return shown;
}

typedef struct Case {
    const char *files, *base, *changed, *expect;
} Case;

static void
check(void **state, const Case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(verify(cases[i].files, cases[i].base, cases[i].changed),
                            cases[i].expect);
        remove_all(folder);
        assert_int_equal(set_up(state), 0);
    }
}

#define TO_THE_END(label) " [Put it at the end: migrate renumber " label " --files-only]"
#define MERGED_TO_THE_END(label)                                                                   \
    " [Put it behind what main has:\ngit merge main\nmigrate renumber " label " --files-only]"
#define ANEW " [Undo the edit, and make it a new migration: migrate new NAME]"
#define BEHIND " [Bring its file back, and make what is new a migration behind it.]"
#define BACK " [Bring its file back, and undo it by a new one: migrate new NAME]"

static void
test_verify__files_alone(void **state)
{
    static const Case cases[] = {
        { "", NULL, "", "" },
        { MAIN, NULL, "", "" },
        { "1_a.up.sql=SELECT 1;\nVACUUM;\n", NULL, "",
          "mixed 1_a.up.sql:2 VACUUM cannot run in one transaction with other statements [Put the"
          " VACUUM into a migration of its own: migrate new NAME --no-transaction]" },
        { "1_a.up.sql=SELECT (;\nx'", NULL, "",
          "file 1_a.up.sql:2 unterminated quoted string [Write '' for a single quote inside a"
          " string.]" },
    };
    check(state, cases, COUNT(cases));
}

static void
test_verify__what_is_new_comes_behind_the_other_commit(void **state)
{
    static const Case cases[] = {
        { MAIN, MAIN, "", "" },
        { MAIN "|6_f.up.sql", MAIN, "", "" },
        { MAIN "|3_c.up.sql", MAIN, "",
          "late 3_c.up.sql:1 migration \"3_c\" is older than the newest one of main" TO_THE_END(
              "3_c") },
        /* Behind main as it was, not as it is. */
        { MAIN "|6_f.up.sql", MAIN "|7_g.up.sql", "",
          "late 6_f.up.sql:1 migration \"6_f\" is older than the newest one of "
          "main" MERGED_TO_THE_END("6_f") },
        { MAIN "|6_f.up.sql", MAIN "|6_g.up.sql", "",
          "source 6_f.up.sql:1 \"6_f\" and \"6_g\" of main have one version" MERGED_TO_THE_END(
              "6_f") },
        { MAIN "|06_f.up.sql", MAIN "|6_f.up.sql", "",
          "source 06_f.up.sql:1 \"06_f\" and \"6_f\" of main have one version" MERGED_TO_THE_END(
              "06_f") },
        /* By number, not by letter. */
        { "9_a.up.sql|10_b.up.sql", "9_a.up.sql", "", "" },
        { MAIN "|R__v.sql=SELECT 1;", MAIN "|README.md|down.txt", "", "" },
        { "1_a.up.sql", "", "", "" },
    };
    check(state, cases, COUNT(cases));
}

static void
test_verify__what_was_merged_stays(void **state)
{
    static const Case cases[] = {
        { "1_a.up.sql=CREATE TABLE a (\n    id bigint\n);\n", "1_a.up.sql",
          "1_a.up.sql=CREATE TABLE a (\n    id int\n);\n",
          "drift 1_a.up.sql:2 migration \"1_a\" of main was edited" ANEW },
        /* Comments, white space and line ends are no edit. */
        { "1_a.up.sql=-- who\r\nCREATE TABLE a(id int)\r\n;\r\n", "1_a.up.sql",
          "1_a.up.sql=CREATE TABLE a (id int);\n", "" },
        { "2_b.up.sql", "1_a.up.sql|2_b.up.sql", "1_a.up.sql",
          "missing 1_a.up.sql:1 migration \"1_a\" of main was deleted" BACK },
        /* Renumbered: it is there, under another version. */
        { "2_b.up.sql|3_a.up.sql=CREATE TABLE t1 (id int);\n", "1_a.up.sql|2_b.up.sql",
          "1_a.up.sql", "" },
        { "2_x.up.sql=SELECT 2;\n", "2_b.up.sql", "2_b.up.sql",
          "source 2_x.up.sql:1 \"2_x\" and \"2_b\" of main have one version" TO_THE_END(
              "2_x") "; drift 2_x.up.sql:1 migration \"2_b\" of main was replaced by "
                     "\"2_x\"" BEHIND },
        /* A down script, a repeatable and other files may change. */
        { "1_a.up.sql|1_a.down.sql=DROP TABLE t1;|R__v.sql=SELECT 2;",
          "1_a.up.sql|1_a.down.sql|R__v.sql",
          "1_a.down.sql=DROP TABLE x;|R__v.sql=SELECT 1;|x.md=x", "" },
    };
    check(state, cases, COUNT(cases));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        WITH_FOLDER(test_verify__files_alone),
        WITH_FOLDER(test_verify__what_is_new_comes_behind_the_other_commit),
        WITH_FOLDER(test_verify__what_was_merged_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
