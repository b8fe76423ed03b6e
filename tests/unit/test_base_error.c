/* Errors: filling, cutting, defusing, and the list of codes. */
#include <ctype.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

static void
test_error__fail_starts_anew(void **state)
{
    (void)state;
    MgError err;
    memset(&err, 'x', sizeof err);
    assert_false(mg_fail(&err, MG_E_USAGE, "unknown command \"%s\"", "deploy"));
    assert_int_equal(err.code, MG_E_USAGE);
    assert_string_equal(err.message, "unknown command \"deploy\"");
    assert_string_equal(err.sqlstate, "");
    assert_string_equal(err.place, "");
    assert_string_equal(err.excerpt, "");
    assert_string_equal(err.detail, "");
    assert_string_equal(err.hint[0], "");
    assert_string_equal(err.hint[1], "");
    assert_string_equal(err.note, "");
    assert_int_equal(err.line, 0);
    assert_int_equal(err.column, 0);
}

static void
test_error__fail_sys_says_why(void **state)
{
    (void)state;
    MgError err;
    errno = EACCES;
    assert_false(mg_fail_sys(&err, MG_E_SYSTEM, "could not open \"%s\"", "x.sql"));
    assert_int_equal(err.code, MG_E_SYSTEM);
    assert_string_equal(err.message, "could not open \"x.sql\": Permission denied");
}

static void
test_error__hints_stand_below_each_other(void **state)
{
    (void)state;
    MgError err;
    MgArena arena = { 0 };
    mg_fail(&err, MG_E_USAGE, "x");
    assert_null(mg_error_hints(&err, &arena));
    mg_error_hint(&err, "One.");
    assert_string_equal(mg_error_hints(&err, &arena), "One.");
    mg_error_hint(&err, "Two.");
    assert_string_equal(mg_error_hints(&err, &arena), "One.\nTwo.");
    mg_arena_release(&arena);
}

static void
test_error__a_text_of_the_error_may_be_an_argument(void **state)
{
    (void)state;
    MgError err;
    mg_fail(&err, MG_E_SQL, "inner");
    mg_error_detail(&err, "%s", "why");
    mg_fail(&err, MG_E_SERVER, "outer (%s, %s)", err.message, err.detail);
    assert_string_equal(err.message, "outer (inner, why)");
    mg_error_at(&err, "a.sql", 1, 1);
    mg_error_at(&err, err.place, 2, 3);
    assert_string_equal(err.place, "a.sql");
    assert_int_equal(err.line, 2);
    assert_int_equal(err.column, 3);
}

static void
test_error__hints_in_order_and_one_too_many_dropped(void **state)
{
    (void)state;
    MgError err;
    mg_fail(&err, MG_E_SQL, "no");
    mg_error_hint(&err, "Best: %d.", 1);
    mg_error_hint(&err, "Second:\n\t%s", "indented");
    mg_error_hint(&err, "Third.");
    assert_string_equal(err.hint[0], "Best: 1.");
    assert_string_equal(err.hint[1], "Second:\n\tindented");
    mg_error_note(&err, "%d applied", 3);
    assert_string_equal(err.note, "3 applied");
}

static void
test_error__what_steers_a_terminal_is_replaced(void **state)
{
    (void)state;
    MgError err;
    mg_fail(&err, MG_E_SQL, "a\x1b[2J\nb\tc\x7f\xc2\x9b.\xc3\xa9");
    assert_string_equal(err.message, "a?[2J b c???.\xc3\xa9");
    mg_error_detail(&err, "a\x1b[2J\nb\tc\r");
    assert_string_equal(err.detail, "a?[2J\nb\tc?");
    mg_error_at(&err, "a\nb\x1b", 0, 0);
    assert_string_equal(err.place, "a b?");
}

static void
test_error__passwords_are_masked(void **state)
{
    (void)state;
    char text[10000];
    MgError err;
    mg_fail(&err, MG_E_NO_TARGET, "variable \"%s\" is not set", "postgresql://app:hunter2@h/d");
    assert_string_equal(err.message, "variable \"postgresql://app:*******@h/d\" is not set");
    mg_error_at(&err, "postgresql://app:hunter2@h/d", 0, 0);
    assert_string_equal(err.place, "postgresql://app:*******@h/d");
    mg_error_detail(&err, "This:\n%s", "ALTER ROLE app\n  PASSWORD 'hunter2'");
    assert_string_equal(err.detail, "This:\nALTER ROLE app\n  PASSWORD '*******'");
    /* Advice shows how a URL is written. */
    mg_error_hint(&err, "Name one: postgresql://user:password@localhost/shop");
    assert_string_equal(err.hint[0], "Name one: postgresql://user:password@localhost/shop");
    mg_error_note(&err, "password=hunter2");
    assert_string_equal(err.note, "password=*******");
    /* The end that tells it from a port is cut off. */
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    memcpy(text, "postgresql://app:", 17);
    memcpy(text + 600, "@h", 3);
    mg_fail(&err, MG_E_NO_TARGET, "%s", text);
    assert_memory_equal(err.message, "postgresql://app:*****", 22);
}

static void
test_error__long_texts_are_cut_at_a_character(void **state)
{
    (void)state;
    char text[10000] = { 0 };
    for (size_t i = 0; i + 2 < sizeof text; i += 2) {
        text[i] = '\xc3';
        text[i + 1] = '\xa9';
    }
    MgError err;
    mg_fail(&err, MG_E_SQL, "%s", text);
    assert_int_equal(strlen(err.message), 508 + 3);
    assert_string_equal(err.message + 506, "\xc3\xa9...");
    mg_error_detail(&err, "%s", text);
    assert_int_equal(strlen(err.detail), 4092 + 3);
    errno = ENOENT;
    mg_fail_sys(&err, MG_E_SQL, "%s", text);
    assert_string_equal(err.message + 508, "...");
}

static void
test_error__every_code_is_described(void **state)
{
    (void)state;
    for (int i = 0; i < MG_N_ERRORS; i++) {
        MgErrorCode code = (MgErrorCode)i;
        const char *slug = mg_error_slug(code);
        assert_true(strlen(slug) > 0 && strlen(mg_error_summary(code)) > 0);
        assert_true(mg_error_exit_status(code) >= 0 && mg_error_exit_status(code) <= 130);
        for (int other = 0; other < i; other++)
            assert_string_not_equal(slug, mg_error_slug((MgErrorCode)other));

        const char *explanation = mg_error_explanation(code);
        assert_non_null(explanation);
        size_t size_bytes = strlen(explanation);
        assert_true(isupper((unsigned char)explanation[0]) ||
                    strncmp(explanation, "migrate ", 8) == 0);
        assert_int_equal(explanation[size_bytes - 1], '.');
        assert_null(strstr(explanation, "  "));
        size_t n_sentences = 1;
        for (const char *at = explanation; (at = strstr(at, ". ")) != NULL; at++)
            n_sentences++;
        assert_true(n_sentences >= 2 && n_sentences <= 5);
    }
    assert_string_equal(mg_error_slug(MG_E_POOLED_URL), "pooled-url");
    assert_string_equal(mg_error_summary(MG_E_LATE),
                        "a pending migration is older than the newest applied one");
    assert_int_equal(mg_error_exit_status(MG_OK), 0);
    assert_int_equal(mg_error_exit_status(MG_E_FENCE), 3);
    assert_int_equal(mg_error_exit_status(MG_E_PENDING), 10);
}

/* An option or command that an explanation names must be one of those that exist. */
static void
test_error__explanations_name_what_exists(void **state)
{
    (void)state;
    static const char known[] =
        " --url --history --verbose --scratch --wait-turn --late --from-history --exit-code"
        " --strict --allow-not-empty --url-env --direct --reveal --derive-direct --connection "
        "--statement --single-transaction --rehearse --to --env --release --offline --local "
        "migrate-up migrate-down migrate-status migrate-plan migrate-new migrate-scratch"
        " migrate-help migrate-url migrate-repair migrate-claim migrate-doctor migrate-log "
        "migrate-baseline --file migrate-dump --accept-file --mark-reverted --all ";
    for (int i = 0; i < MG_N_ERRORS; i++) {
        const char *text = mg_error_explanation((MgErrorCode)i);
        for (const char *at = text; (at = strstr(at, " --")) != NULL; at++) {
            size_t n = 3 + strspn(at + 3, "abcdefghijklmnopqrstuvwxyz-");
            char word[64] = { 0 };
            memcpy(word, at, n);
            word[n] = ' ';
            assert_non_null(strstr(known, word));
        }
        for (const char *at = text; (at = strstr(at, "\"migrate ")) != NULL; at++) {
            size_t n = strspn(at + 9, "abcdefghijklmnopqrstuvwxyz");
            char word[64] = " migrate-";
            memcpy(word + 9, at + 9, n);
            word[9 + n] = ' ';
            assert_non_null(strstr(known, word));
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error__fail_starts_anew),
        cmocka_unit_test(test_error__fail_sys_says_why),
        cmocka_unit_test(test_error__hints_stand_below_each_other),
        cmocka_unit_test(test_error__a_text_of_the_error_may_be_an_argument),
        cmocka_unit_test(test_error__hints_in_order_and_one_too_many_dropped),
        cmocka_unit_test(test_error__what_steers_a_terminal_is_replaced),
        cmocka_unit_test(test_error__passwords_are_masked),
        cmocka_unit_test(test_error__long_texts_are_cut_at_a_character),
        cmocka_unit_test(test_error__every_code_is_described),
        cmocka_unit_test(test_error__explanations_name_what_exists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
