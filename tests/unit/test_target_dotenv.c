/* What a line of .env sets, in the spellings of the tools that write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "target/dotenv.h"

static const char *const environment[] = { "USER=app", "EMPTY=", NULL };

/* The variables as one text, the last line first. */
static const char *
dump(const char *text, MgArena *arena)
{
    MG_CLEANUP(buf) MgBuf ret = { 0 };
    char *const *at = NULL;
    MgError err;
    assert_true(mg_dotenv_parse(text, ".env", (char *const *)environment, arena, &at, &err));
    for (; *at != NULL; at++)
        mg_buf_format(&ret, "%s[%s]", ret.size_bytes == 0 ? "" : " ", *at);
    return mg_arena_text(arena, mg_buf_text(&ret));
}

static void
test_dotenv__reads_lines(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expect;
    } cases[] = {
        { "", "" },
        { "\n\r\n  \n", "" },
        { "A=b", "[A=b]" },
        { "A=b\nC=d\n", "[C=d] [A=b]" },
        { "A=b\r\nC=d\rE=f", "[E=f] [C=d] [A=b]" },
        { "\xef\xbb\xbf"
          "A=b",
          "[A=b]" },
        { "  export\tA = b c \t", "[A=b c]" },
        { "export A=b", "[A=b]" },
        { "exports=1", "[exports=1]" },
        { "A=", "[A=]" },
        { "A=\nB=c", "[B=c] [A=]" },
        { "A=1\nA=2", "[A=2] [A=1]" },
        /* Comments. */
        { "# A=b\n  #B=c\nC=d # e", "[C=d]" },
        { "A=#b", "[A=]" },
        { "A=postgres://u:p#w@h/d", "[A=postgres://u:p#w@h/d]" },
        { "A=b\t# c", "[A=b]" },
        /* Quotes. */
        { "A=\"b c\"", "[A=b c]" },
        { "A='b # c' # d", "[A=b # c]" },
        { "A=`b\"'c`", "[A=b\"'c]" },
        { "A=\"b\\nc\\\"\\\\\\t\\r\\q\"", "[A=b\nc\"\\\t\rq]" },
        { "A='b\\n'", "[A=b\\n]" },
        { "A=\"one\ntwo\"\nB=c", "[B=c] [A=one\ntwo]" },
        { "A=\"\"", "[A=]" },
        { "A=''#x", "[A=]" },
        /* A quote that is none. */
        { "A=\"b\nC=d", "[C=d] [A=\"b]" },
        { "A='b'c\nC=d", "[C=d] [A='b'c]" },
        { "A=\"b\\", "[A=\"b\\]" },
        { "A=b\"c\"", "[A=b\"c\"]" },
        /* References. */
        { "A=${USER}", "[A=app]" },
        { "A=1\nB=\"x${A}y\"\nC=`${A}`\nD='${A}'", "[D=${A}] [C=1] [B=x1y] [A=1]" },
        { "USER=mine\nA=${USER}", "[A=app] [USER=mine]" },
        { "A=1\nA=2\nB=${A}", "[B=2] [A=2] [A=1]" },
        { "A=${NOPE}${}$A$", "[A=${NOPE}${}$A$]" },
        { "A=$USER:${USER}@$USER-$USERS/$USER", "[A=app:app@app-$USERS/app]" },
        { "A=1\nB=\"x$A y\"\nC=`$A`\nD='$A'", "[D=$A] [C=1] [B=x1 y] [A=1]" },
        { "A=${NOPE:-b c}${NOPE-}|${USER:-d}${USER-d}", "[A=b c|appapp]" },
        { "A=${NOPE:b}${NOPE:-${USER}}${NOPE:-b", "[A=${NOPE:b}${NOPE:-app}${NOPE:-b]" },
        { "A=${EMPTY:-b}", "[A=b]" },
        /* A password has a "$" too. */
        { "A=postgres://u:pa$word@h/$1$_$$", "[A=postgres://u:pa$word@h/$1$_$$]" },
        { "A=u:pa\\$USER\nB=\"\\$USER\"\nC=`\\$USER`\nD='\\$USER'",
          "[D=\\$USER] [C=$USER] [B=$USER] [A=u:pa$USER]" },
        { "AB=1\nB=${A}", "[B=${A}] [AB=1]" },
        { "A=${EMPTY}", "[A=${EMPTY}]" },
        /* What is no such line. */
        { "hello\nA b=c\n=d\n-x=1\nA: b\nB=c", "[B=c]" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        assert_string_equal(dump(cases[i].text, &arena), cases[i].expect);
        mg_arena_release(&arena);
    }
}

/* The error of a text that begins with n lines "Vi=i", line ends as told, and goes on with last. */
static const char *
dump_error(int n, const char *line_end, const char *last, MgArena *arena)
{
    MG_CLEANUP(buf) MgBuf text = { 0 };
    for (int i = 1; i <= n; i++)
        mg_buf_format(&text, "V%d=%d%s", i, i, line_end);
    mg_buf_add(&text, last);
    char *const *variables = NULL;
    MgError err;
    if (mg_dotenv_parse(mg_buf_text(&text), ".env", NULL, arena, &variables, &err))
        return "";
    return mg_arena_format(arena, "%s:%d (%s) %s; %s; %s", err.place, err.line,
                           mg_error_slug(err.code), err.message, err.hint[0], err.note);
}

#define BEHIND                                                                                     \
    "; Name the database by --url, or by a variable of the environment."                           \
    "; no connection was made"

static void
test_dotenv__refuses_too_many_variables(void **state)
{
    (void)state;
    static const struct {
        int n;
        const char *line_end, *last, *expect;
    } cases[] = {
        { 1024, "\n", "", "" },
        { 1024, "\n", "# comment\nno variable\n", "" },
        { 1024, "\n", "A=b", ".env:1025 (no-target) \".env\" has more than 1024 variables" BEHIND },
        { 1024, "\r\n", "\n\nA=b",
          ".env:1027 (no-target) \".env\" has more than 1024 variables" BEHIND },
        { 1024, "\r", "A=b", ".env:1025 (no-target) \".env\" has more than 1024 variables" BEHIND },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        assert_string_equal(dump_error(cases[i].n, cases[i].line_end, cases[i].last, &arena),
                            cases[i].expect);
        mg_arena_release(&arena);
    }
}

static void
test_dotenv__refuses_long_value(void **state)
{
    (void)state;
    static const struct {
        const char *begin, *end;
        size_t n;
        const char *expect;
    } cases[] = {
        { "A=", "\nB=c", 16384, "" },
        { "A=", "\nB=c", 16385, ".env:3 (no-target) the value of A is longer than 16 KiB" BEHIND },
        { "export A=\"", "\"", 16385,
          ".env:3 (no-target) the value of A is longer than 16 KiB" BEHIND },
        /* A quote that is never closed holds nothing. */
        { "A='\n#", "", 16385, "" },
        /* What grows by references. */
        { "A=0123456789\nB=${A}${A}${A}${A}${A}${A}${A}${A}\nC=${B}${B}${B}${B}${B}${B}${B}${B}\n"
          "D=${C}${C}${C}${C}${C}${C}${C}${C}\nE=${D}${D}${D}${D}\n#",
          "", 1, ".env:7 (no-target) the value of E is longer than 16 KiB" BEHIND },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        MgBuf last = { 0 };
        mg_buf_add(&last, cases[i].begin);
        mg_buf_add_repeated(&last, 'x', cases[i].n);
        mg_buf_add(&last, cases[i].end);
        assert_string_equal(dump_error(2, "\n", mg_buf_text(&last), &arena), cases[i].expect);
        mg_buf_release(&last);
        mg_arena_release(&arena);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dotenv__reads_lines),
        cmocka_unit_test(test_dotenv__refuses_too_many_variables),
        cmocka_unit_test(test_dotenv__refuses_long_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
