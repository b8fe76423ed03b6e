/* Annotations: which lines GitHub gets.  Summaries are seen whole in tests/pg/outputs.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "annotate.h"

static char is_github[] = "GITHUB_ACTIONS=true", is_gitlab[] = "GITLAB_CI=true",
            is_off[] = "GITHUB_ACTIONS=", is_workspace[] = "GITHUB_WORKSPACE=/nowhere",
            is_dev[] = "GITHUB_WORKSPACE=/dev";
static char *github[] = { is_github, is_workspace, NULL };
static char *workspace[] = { is_github, is_dev, NULL };
static char *gitlab[] = { is_gitlab, NULL };
static char *empty[] = { is_off, NULL };

/* "." and "/dev/null" are there wherever the test runs. */
static const struct {
    const char *name;
    char **environment;
    MgAnnotation kind;
    MgError err;
    const char *expect;
} cases[] = {
    { "all parts",
      github,
      MG_ANNOTATE_ERROR,
      { .code = MG_E_SQL,
        .place = "/dev/null",
        .line = 4,
        .column = 16,
        .message = "100% wrong: a, b",
        .detail = "One.\r\nTwo.",
        .hint = { "Do this.", "Or that." },
        .note = "rolled back" },
      "::error file=/dev/null,line=4,col=16,title=migrate (sql)::100%25 wrong: a, b%0AOne.%0D%0A"
      "Two.%0Ahint: Do this.%0Ahint: Or that.%0Anote: rolled back\n" },
    { "a place without lines",
      github,
      MG_ANNOTATE_ERROR,
      { .code = MG_E_DRIFT, .place = "/dev/null", .message = "drift" },
      "::error file=/dev/null,title=migrate (drift)::drift\n" },
    { "a place that is no file",
      github,
      MG_ANNOTATE_ERROR,
      { .code = MG_E_POOLED_URL, .place = "X in the environment", .message = "pooled" },
      "::error title=migrate (pooled-url)::pooled\n" },
    { "a file that is gone",
      github,
      MG_ANNOTATE_ERROR,
      { .code = MG_E_MISSING, .place = "./gone.sql", .line = 1, .message = "gone" },
      "::error file=./gone.sql,line=1,title=migrate (missing)::gone\n" },
    { "a file that is gone, in the workspace",
      workspace,
      MG_ANNOTATE_ERROR,
      { .code = MG_E_MISSING, .place = "/dev/gone.sql", .line = 1, .message = "gone" },
      "::error file=gone.sql,line=1,title=migrate (missing)::gone\n" },
    { "a folder that is gone too",
      workspace,
      MG_ANNOTATE_ERROR,
      { .code = MG_E_MISSING, .place = "/dev/no/gone.sql", .line = 1, .message = "gone" },
      "::error file=/dev/no/gone.sql,line=1,title=migrate (missing)::gone\n" },
    { "a warning",
      github,
      MG_ANNOTATE_WARNING,
      { .code = MG_OK, .message = "one\ntwo" },
      "::warning title=migrate::one%0Atwo\n" },
    { "another platform", gitlab, MG_ANNOTATE_ERROR, { .code = MG_E_SQL, .message = "one" }, "" },
    { "switched off", empty, MG_ANNOTATE_ERROR, { .code = MG_E_SQL, .message = "one" }, "" },
};

static void
test_annotate__line(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgAnnotate annotate;
        MgBuf line = { 0 };
        mg_annotate_init(cases[i].environment, &annotate);
        mg_annotate_line(&annotate, cases[i].kind, &cases[i].err, &line);
        assert_string_equal(mg_buf_text(&line), cases[i].expect);
        mg_buf_release(&line);
        mg_annotate_release(&annotate);
    }
}

static void
test_annotate__at_most_ten_of_a_kind(void **state)
{
    (void)state;
    static const MgError err = { .code = MG_E_SQL, .message = "one" };
    MgAnnotate annotate;
    MgBuf line = { 0 };
    mg_annotate_init(github, &annotate);
    for (int i = 0; i < 12; i++) {
        mg_buf_clear(&line);
        mg_annotate_line(&annotate, MG_ANNOTATE_WARNING, &err, &line);
        assert_int_equal(line.size_bytes > 0, i < 10);
    }
    mg_annotate_line(&annotate, MG_ANNOTATE_ERROR, &err, &line);
    assert_string_equal(mg_buf_text(&line), "::error title=migrate (sql)::one\n");
    mg_buf_release(&line);
}

static void
test_annotate__words_of_others(void **state)
{
    (void)state;
    char text[] = "::a\n  ::b c::d\ne ::f ##[g] ## [h]\n\t::::", same[] = "::a ##[b]";
    MgAnnotate annotate;
    mg_annotate_init(github, &annotate);
    mg_annotate_defuse(&annotate, text);
    assert_string_equal(text, "?:a\n  ?:b c::d\ne ::f ?#[g] ## [h]\n\t?:::");
    mg_annotate_init(gitlab, &annotate);
    mg_annotate_defuse(&annotate, same);
    assert_string_equal(same, "::a ##[b]");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_annotate__line),
        cmocka_unit_test(test_annotate__at_most_ten_of_a_kind),
        cmocka_unit_test(test_annotate__words_of_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
