/* Directives: which comments are some, and what each does to its script. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "source/format.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

typedef struct Case {
    const char *text, *expect;
} Case;

static void
check(const Case *cases, size_t n, void (*show)(const char *text, MgBuf *buf))
{
    int n_wrong = 0;
    for (size_t i = 0; i < n; i++) {
        MG_CLEANUP(buf) MgBuf buf = { 0 };
        show(cases[i].text, &buf);
        if (strcmp(mg_buf_text(&buf), cases[i].expect) != 0) {
            print_error("%s\n  want %s\n  got  %s\n", cases[i].text, cases[i].expect,
                        mg_buf_text(&buf));
            n_wrong++;
        }
    }
    assert_int_equal(n_wrong, 0);
}

/* Where it stands in a window, "[name|value]" and its name when that one is known. */
static void
show_parsed(const char *text, MgBuf *buf)
{
    static const char before[] = "a; ";
    MG_CLEANUP(buf) MgBuf window = { 0 };
    mg_buf_format(&window, "%s%s -- migrate:retry", before, text);
    MgSpan comment = { sizeof before - 1, sizeof before - 1 + strlen(text) };
    MgDirective found;
    if (!mg_directive_parse(mg_buf_text(&window), comment, &found)) {
        mg_buf_add(buf, "none");
        return;
    }
    mg_buf_format(buf, "%zu-%zu [%.*s|%.*s]", found.span.begin, found.span.end,
                  (int)found.name_bytes, found.name, (int)found.value_bytes, found.value);
    if (found.kind != MG_N_DIRECTIVES)
        mg_buf_format(buf, " %s", mg_directive_names[found.kind]);
}

static void
test_directive__is_a_comment_of_one_line(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "-- migrate:no-transaction", "3-28 [no-transaction|] no-transaction" },
        { "--migrate:up", "3-15 [up|] up" },
        { "-- \t\f\v migrate:down", "3-22 [down|] down" },
        { "-- MIGRATE:retry no", "3-22 [retry|no] retry" },
        { "-- Migrate:lock-timeout \t 5s", "3-31 [lock-timeout|5s] lock-timeout" },
        { "-- migrate:lock-timeout 5 s \t ", "3-30 [lock-timeout|5 s] lock-timeout" },
        { "-- migrate:down nothing", "3-26 [down|nothing] down" },
        /* Somebody meant one: it is for apply to say that it is none. */
        { "-- migrate:", "3-14 [|]" },
        { "-- migrate: up", "3-17 [|up]" },
        { "-- migrate:Up", "3-16 [Up|]" },
        { "-- migrate:retry=no", "3-22 [retry=no|]" },
        { "-- migrate:destructively", "3-27 [destructively|]" },
        { "-- migrate:statement-timeout10s", "3-34 [statement-timeout10s|]" },
        { "--", "none" },
        { "-", "none" },
        { "-- migrate", "none" },
        { "-- migrate :up", "none" },
        { "-- migrated:up", "none" },
        { "-- to migrate:up", "none" },
        { "- -migrate:up", "none" },
        { "--- migrate:up", "none" },
        { "/* migrate:up */", "none" },
    };
    check(cases, COUNT(cases), show_parsed);
}

static void
test_directive__may_stand_where_its_word_is(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool may_stand;
    } cases[] = {
        { "migrate:", true },
        { "SELECT 1; -- migrate:up\n", true },
        { "a:b :: c:migrate:x", true },
        { "-- MigRate:up", true },
        { "SELECT 'migrate:'", true },
        { "", false },
        { ":", false },
        { ":::::::::::::::", false },
        { "migrate", false },
        { "migrate :", false },
        { "-- migrates:up", false },
        { "gratemi:", false },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        if (mg_directive_may_stand(cases[i].text, strlen(cases[i].text)) != cases[i].may_stand)
            fail_msg("%s", cases[i].text);
    /* What stands behind the text is none of it. */
    assert_false(mg_directive_may_stand("migrate:up", 7));
    assert_true(mg_directive_may_stand("migrate:up", 8));
}

/* What it changes in a script, or its error, detail and hints. */
static void
show_applied(const char *text, MgBuf *buf)
{
    MgScript script = { .lock_timeout_ms = -1, .statement_timeout_ms = -1 };
    MgDirective directive;
    MgError err;
    assert_true(mg_directive_parse(text, (MgSpan){ 0, strlen(text) }, &directive));
    if (!mg_directive_apply(&script, &directive, &err)) {
        assert_int_equal(err.code, MG_E_FILE);
        assert_string_equal(err.place, "");
        mg_buf_add(buf, err.message);
        if (err.detail[0] != '\0')
            mg_buf_add(buf, " (directives)");
        for (int i = 0; i < MG_ERROR_MAX_HINTS && err.hint[i][0] != '\0'; i++)
            mg_buf_format(buf, " > %s", err.hint[i]);
        return;
    }
    mg_buf_format(
        buf, "%s%s%s%s", script.is_marked ? " marked" : "", script.is_retry_off ? " retry-off" : "",
        script.is_destructive_allowed ? " allowed" : "", script.is_nothing ? " nothing" : "");
    if (script.lock_timeout_ms != -1)
        mg_buf_format(buf, " lock %d", (int)script.lock_timeout_ms);
    if (script.statement_timeout_ms != -1)
        mg_buf_format(buf, " statement %d", (int)script.statement_timeout_ms);
}

#define NO_DIRECTIVE " > If it is no directive, write the comment without \"migrate:\"."
#define TEN "0123456789"
#define SIXTY TEN TEN TEN TEN TEN TEN

static void
test_directive__has_its_effect(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "-- migrate:no-transaction", " marked" },
        { "-- migrate:lock-timeout 5s", " lock 5000" },
        { "-- migrate:lock-timeout 0s", " lock 0" },
        { "-- migrate:statement-timeout 10min", " statement 600000" },
        { "-- migrate:retry no", " retry-off" },
        { "-- migrate:destructive", " allowed" },
        { "-- migrate:up", "" },
        { "-- migrate:up nothing", " nothing" },
        { "-- migrate:down nothing", " nothing" },
    };
    check(cases, COUNT(cases), show_applied);
}

static void
test_directive__is_refused_with_its_rule(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "-- migrate:no-transaction yes",
          "\"-- migrate:no-transaction\" takes no value, not \"yes\"" },
        { "-- migrate:destructive no", "\"-- migrate:destructive\" takes no value, not \"no\"" },
        { "-- migrate:lock-timeout", "\"-- migrate:lock-timeout\" needs a duration such as 5s" },
        { "-- migrate:lock-timeout soon",
          "\"-- migrate:lock-timeout\" needs a duration such as 5s, not \"soon\"" },
        { "-- migrate:lock-timeout -1",
          "\"-- migrate:lock-timeout\" needs a duration such as 5s, not \"-1\"" },
        { "-- migrate:statement-timeout 10 years",
          "\"-- migrate:statement-timeout\" needs a duration such as 10min, not \"10 years\"" },
        { "-- migrate:retry", "\"-- migrate:retry\" needs the value no" },
        { "-- migrate:retry yes", "\"-- migrate:retry\" needs the value no, not \"yes\"" },
        { "-- migrate:retry No", "\"-- migrate:retry\" needs the value no, not \"No\"" },
        { "-- migrate:down Nothing",
          "\"-- migrate:down\" takes no value or the value nothing, not \"Nothing\"" },
        /* As dbmate writes it. */
        { "-- migrate:up transaction:false",
          "\"-- migrate:up\" takes no value or the value nothing, not \"transaction:false\" > For "
          "a "
          "migration without a transaction, add the line \"-- migrate:no-transaction\"." },
        /* A long value is cut in the message, and what was cut away is not left out of sight. */
        { "-- migrate:retry " SIXTY TEN,
          "\"-- migrate:retry\" needs the value no, not \"" SIXTY "012\"" },
        { "-- migrate:lock-timeout 5s                                                           "
          "             and more",
          "\"-- migrate:lock-timeout\" needs a duration such as 5s, not \"5s                      "
          "                                       \"" },
    };
    check(cases, COUNT(cases), show_applied);
}

static void
test_directive__unknown_ones_have_a_neighbour(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "-- migrate:notransaction",
          "unknown directive \"-- migrate:notransaction\" (directives)"
          " > Perhaps you meant \"-- migrate:no-transaction\"." NO_DIRECTIVE },
        { "-- migrate:Retry no", "unknown directive \"-- migrate:Retry\" (directives)"
                                 " > Perhaps you meant \"-- migrate:retry\"." NO_DIRECTIVE },
        { "-- migrate:dwon", "unknown directive \"-- migrate:dwon\" (directives)"
                             " > Perhaps you meant \"-- migrate:down\"." NO_DIRECTIVE },
        { "-- migrate:", "unknown directive \"-- migrate:\" (directives)" NO_DIRECTIVE },
        { "-- migrate:x", "unknown directive \"-- migrate:x\" (directives)" NO_DIRECTIVE },
        { "-- migrate:isolation serializable",
          "unknown directive \"-- migrate:isolation\" (directives)" NO_DIRECTIVE },
        { "-- migrate:" SIXTY TEN,
          "unknown directive \"-- migrate:" SIXTY "012\" (directives)" NO_DIRECTIVE },
    };
    check(cases, COUNT(cases), show_applied);
}

/* The list in the message has all of them. */
static void
test_directive__detail_names_all(void **state)
{
    (void)state;
    MgScript script = { 0 };
    MgDirective unknown;
    MgError err;
    static const char text[] = "-- migrate:x";
    assert_true(mg_directive_parse(text, (MgSpan){ 0, sizeof text - 1 }, &unknown));
    assert_false(mg_directive_apply(&script, &unknown, &err));
    for (size_t i = 0; i < MG_N_DIRECTIVES; i++)
        assert_non_null(strstr(err.detail, mg_directive_names[i]));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_directive__is_a_comment_of_one_line),
        cmocka_unit_test(test_directive__may_stand_where_its_word_is),
        cmocka_unit_test(test_directive__has_its_effect),
        cmocka_unit_test(test_directive__is_refused_with_its_rule),
        cmocka_unit_test(test_directive__unknown_ones_have_a_neighbour),
        cmocka_unit_test(test_directive__detail_names_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
