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
    for (char *const *at = mg_dotenv_parse(text, (char *const *)environment, arena); *at != NULL;
         at++)
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
        { "A=${NOPE}${}${A-b}$A", "[A=${NOPE}${}${A-b}$A]" },
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

static void
test_dotenv__is_bounded(void **state)
{
    (void)state;
    MgArena arena = { 0 };
    MgBuf text = { 0 };
    /* Each line is twice the one before. */
    mg_buf_add(&text, "A0=0123456789\n");
    for (int i = 1; i < 2000; i++)
        mg_buf_format(&text, "A%d=${A%d}${A%d}\n", i, i - 1, i - 1);
    char *const *variables = mg_dotenv_parse(mg_buf_text(&text), NULL, &arena);
    size_t n = 0, longest = 0;
    for (; variables[n] != NULL; n++)
        longest = strlen(variables[n]) > longest ? strlen(variables[n]) : longest;
    assert_int_equal(n, 1024);
    assert_true(longest <= 16 * 1024 + 8);
    mg_buf_release(&text);
    mg_arena_release(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dotenv__reads_lines),
        cmocka_unit_test(test_dotenv__is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
