/* Tokens: one row per rule, each also read through windows that end at every byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sql/block.h"
#include "sql/lex.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum {
    MAX_TOKENS = 64,
    RENDERED_BYTES = 512,
};

static const char letters[] = {
    [MG_TOKEN_BLANK] = '_',       [MG_TOKEN_COMMENT] = 'C', [MG_TOKEN_WORD] = 'W',
    [MG_TOKEN_QUOTED_WORD] = 'Q', [MG_TOKEN_STRING] = 'S',  [MG_TOKEN_DOLLAR] = 'D',
    [MG_TOKEN_NUMBER] = 'N',      [MG_TOKEN_PARAM] = 'P',   [MG_TOKEN_SEMICOLON] = ';',
    [MG_TOKEN_OPEN] = '(',        [MG_TOKEN_CLOSE] = ')',   [MG_TOKEN_BACKSLASH] = '\\',
    [MG_TOKEN_OTHER] = 'O',
};

typedef struct Tokens {
    MgToken items[MAX_TOKENS];
    size_t n;
    MgLexResult result;
    size_t open_at; /* of MG_LEX_UNTERMINATED */
} Tokens;

static Tokens
read_tokens(const char *text, size_t size_bytes, bool is_whole, bool has_backslash_quotes)
{
    MgLex lex = { .text = text,
                  .size_bytes = size_bytes,
                  .is_whole = is_whole,
                  .has_backslash_quotes = has_backslash_quotes };
    Tokens ret = { .n = 0 };
    MgToken token;
    while ((ret.result = mg_lex_next(&lex, &token)) == MG_LEX_TOKEN) {
        assert_true(ret.n < MAX_TOKENS);
        ret.items[ret.n++] = token;
    }
    size_t end = ret.n > 0 ? ret.items[ret.n - 1].span.end : 0;
    assert_int_equal(lex.at, end); /* it does not move without a token */
    ret.open_at = ret.result == MG_LEX_UNTERMINATED ? token.span.begin : 0;
    return ret;
}

/* "W<select> N<1>"; single characters of their own kind and blanks stand for themselves. */
static void
render(const char *text, const Tokens *tokens, char *ret)
{
    size_t n = 0;
    for (size_t i = 0; i < tokens->n; i++) {
        const MgToken *token = &tokens->items[i];
        char letter = letters[token->kind];
        int size = (int)(token->span.end - token->span.begin);
        const char *gap = i > 0 ? " " : "";
        if (strchr("_;()\\", letter) != NULL)
            n += (size_t)snprintf(ret + n, RENDERED_BYTES - n, "%s%c", gap, letter);
        else
            n += (size_t)snprintf(ret + n, RENDERED_BYTES - n, "%s%c<%.*s>", gap, letter, size,
                                  text + token->span.begin);
    }
    if (tokens->result == MG_LEX_UNTERMINATED)
        n += (size_t)snprintf(ret + n, RENDERED_BYTES - n, "%sopen %zu", n > 0 ? " " : "",
                              tokens->open_at);
    ret[n] = '\0';
}

static void
check_same(const MgToken *tokens, const MgToken *expected, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(tokens[i].kind, expected[i].kind);
        assert_int_equal(tokens[i].span.begin, expected[i].span.begin);
        assert_int_equal(tokens[i].span.end, expected[i].span.end);
    }
}

/* The tokens that are no blanks and no comments, moved by n bytes. */
static Tokens
words_of(const Tokens *tokens, size_t n)
{
    Tokens ret = { .result = tokens->result, .open_at = tokens->open_at + n };
    for (size_t i = 0; i < tokens->n; i++) {
        MgToken token = tokens->items[i];
        token.span.begin += n;
        token.span.end += n;
        if (token.kind != MG_TOKEN_BLANK && token.kind != MG_TOKEN_COMMENT)
            ret.items[ret.n++] = token;
    }
    return ret;
}

/* Many at once are the same tokens, however many. */
static void
check_at_once(MgLex begin, const Tokens *expected)
{
    for (size_t max = 1; max <= 4; max++) {
        MgLex lex = begin;
        Tokens found = { .n = 0 };
        size_t n;
        do {
            found.result = mg_lex_words(&lex, found.items + found.n, max, &n);
            found.n += n;
            assert_true(n <= max && found.n + max < MAX_TOKENS);
        } while (found.result == MG_LEX_TOKEN);
        assert_int_equal(found.result, expected->result);
        assert_int_equal(found.n, expected->n);
        check_same(found.items, expected->items, found.n);
        if (found.result == MG_LEX_UNTERMINATED)
            assert_int_equal(found.items[found.n].span.begin, expected->open_at);
    }
}

/* Wherever it stands in a block. */
static void
check_places(const char *text, bool has_backslash_quotes, const Tokens *whole)
{
    enum { FRONT = 66, BEHIND = 70 };
    size_t size_bytes = strlen(text);
    for (size_t front = 0; front <= FRONT; front++) {
        size_t behind = whole->result == MG_LEX_END && front % 2 == 1 ? BEHIND : 0;
        size_t n = front + size_bytes + behind;
        char *padded = malloc(n > 0 ? n : 1); /* of just this size, for the sanitizer */
        assert_non_null(padded);
        memset(padded, ' ', n);
        memcpy(padded + front, text, size_bytes);
        Tokens expected = words_of(whole, front);
        check_at_once((MgLex){ .text = padded,
                               .size_bytes = n,
                               .is_whole = true,
                               .has_backslash_quotes = has_backslash_quotes },
                      &expected);
        free(padded);
    }
}

/* Every beginning of the text gives the first of the same tokens, then asks for more. */
static void
check_windows(const char *text, size_t size_bytes, bool has_backslash_quotes, const Tokens *whole)
{
    for (size_t n = 0; n <= size_bytes; n++) {
        char *window = malloc(n > 0 ? n : 1); /* of just this size, for the sanitizer */
        assert_non_null(window);
        memcpy(window, text, n);
        Tokens part = read_tokens(window, n, false, has_backslash_quotes);
        assert_int_equal(part.result, MG_LEX_MORE);
        assert_true(part.n <= whole->n);
        check_same(part.items, whole->items, part.n);
        Tokens words = words_of(&part, 0);
        check_at_once((MgLex){ .text = window,
                               .size_bytes = n,
                               .has_backslash_quotes = has_backslash_quotes },
                      &words);
        free(window);
    }
}

static void
check(const char *text, const char *expected, bool has_backslash_quotes)
{
    char rendered[RENDERED_BYTES];
    Tokens whole = read_tokens(text, strlen(text), true, has_backslash_quotes);
    render(text, &whole, rendered);
    assert_string_equal(rendered, expected);
    check_windows(text, strlen(text), has_backslash_quotes, &whole);
    check_places(text, has_backslash_quotes, &whole);
}

typedef struct Case {
    const char *text, *expected;
} Case;

static void
check_all(const Case *cases, size_t n, bool has_backslash_quotes)
{
    for (size_t i = 0; i < n; i++)
        check(cases[i].text, cases[i].expected, has_backslash_quotes);
}

static void
test_lex__words(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "", "" },
        { " \t\n\r\f\v", "_" },
        { "select a1", "W<select> _ W<a1>" },
        { "a$$b$$", "W<a$$b$$>" },
        { "_a \xc3\xa9t\xc3\xa9$1", "W<_a> _ W<\xc3\xa9t\xc3\xa9$1>" },
        { "\xc2\xa0", "W<\xc2\xa0>" }, /* NBSP is a letter */
        { "\xef\xbb\xbfselect", "W<\xef\xbb\xbfselect>" },
        { "a.b", "W<a> O<.> W<b>" },
        { "a;(b)\\c", "W<a> ; ( W<b> ) \\ W<c>" },
        { "a[1:2]", "W<a> O<[> N<1> O<:> N<2> O<]>" },
        { "z'x'", "W<z> S<'x'>" },
        { "ab'x'", "W<ab> S<'x'>" },
        { "e", "W<e>" },
        { "e\"x\"", "W<e> Q<\"x\">" },
        { "n x", "W<n> _ W<x>" },
        { "u", "W<u>" },
        { "u&", "W<u> O<&>" },
        { "u+", "W<u> O<+>" },
        { "u&x", "W<u> O<&> W<x>" },
        { "u & 'x'", "W<u> _ O<&> _ S<'x'>" },
        { "\"a\"\"b;\"c", "Q<\"a\"\"b;\"> W<c>" },
        { "\"a\"\n\"b\"", "Q<\"a\"> _ Q<\"b\">" }, /* never continued */
        { "U&\"a'\"", "Q<U&\"a'\">" },
        { "x \"a", "W<x> _ open 2" },
        { "x u&\"a", "W<x> _ open 2" },
        { "x \"a\"\"", "W<x> _ open 2" },
        { "\"", "open 0" },
    };
    check_all(cases, COUNT(cases), false);
}

static void
test_lex__numbers(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "1", "N<1>" },
        { "12a$$;", "N<12a$$> ;" },
        { "1$$;$$", "N<1> D<$$;$$>" },
        { "1_000", "N<1_000>" },
        { "1.5e3", "N<1> O<.> N<5e3>" },
        { "$1$$;$$", "P<$1> D<$$;$$>" },
        { "$12a$ ;", "P<$12a$> _ ;" },
        { "$1,$2", "P<$1> O<,> P<$2>" },
    };
    check_all(cases, COUNT(cases), false);
}

static void
test_lex__strings(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "'a','b' 'c'--\n'd'", "S<'a'> O<,> S<'b'> _ S<'c'--\n'd'>" },
        { "a'b'c'd' e''f'' E'\\''g",
          "W<a> S<'b'> W<c> S<'d'> _ S<e''> W<f> S<''> _ S<E'\\''> W<g>" },
        { "'a;b'", "S<'a;b'>" },
        { "'a''b' c", "S<'a''b'> _ W<c>" },
        { "''", "S<''>" },
        { "''''", "S<''''>" },
        { "'a\\' b", "S<'a\\'> _ W<b>" },
        { "E'a\\'b' c", "S<E'a\\'b'> _ W<c>" },
        { "e'\\\\' c", "S<e'\\\\'> _ W<c>" },
        { "e'a''b'", "S<e'a''b'>" },
        { "e'\\\n'", "S<e'\\\n'>" },
        { "B'1' x'f' X'0\\' b'", "S<B'1'> _ S<x'f'> _ S<X'0\\'> _ open 16" },
        { "N'a\\' n'b'", "S<N'a\\'> _ S<n'b'>" },
        { "U&'\\0041' u&'a\\'", "S<U&'\\0041'> _ S<u&'a\\'>" },
        { "'a", "open 0" },
        { "x 'a''", "W<x> _ open 2" },
        { "x E'a\\'", "W<x> _ open 2" },
        { "x e'\\", "W<x> _ open 2" },
        { "e'", "open 0" },
        { "'", "open 0" },
    };
    check_all(cases, COUNT(cases), false);
}

static void
test_lex__strings_with_backslashes(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "'a\\'b' c", "S<'a\\'b'> _ W<c>" },
        { "N'a\\'b' c", "S<N'a\\'b'> _ W<c>" },
        { "E'a\\'b' c", "S<E'a\\'b'> _ W<c>" },
        { "U&'a\\' X'\\' b'\\'", "S<U&'a\\'> _ S<X'\\'> _ S<b'\\'>" },
        { "'a'\n'\\';'", "S<'a'\n'\\';'>" },
        { "\"a\\\" b", "Q<\"a\\\"> _ W<b>" },
    };
    check_all(cases, COUNT(cases), true);
}

static void
test_lex__continued_strings(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "'a'\n'b'", "S<'a'\n'b'>" },
        { "'a' \r\t'b'", "S<'a' \r\t'b'>" },
        { "'a' --x\n --'\n\n'b' c", "S<'a' --x\n --'\n\n'b'> _ W<c>" },
        { "'a'--x\r'b'", "S<'a'--x\r'b'>" },
        { "'a' 'b'", "S<'a'> _ S<'b'>" },
        { "'a'\n/**/'b'", "S<'a'> _ C</**/> S<'b'>" },
        { "'a'\nb", "S<'a'> _ W<b>" },
        { "'a'\n-1", "S<'a'> _ O<-> N<1>" },
        { "'a'\n-", "S<'a'> _ O<->" },
        { "'a' --'b'", "S<'a'> _ C<--'b'>" },
        { "'a'\n  ", "S<'a'> _" },
        { "e'a'\n'\\';'", "S<e'a'\n'\\';'>" }, /* the same escapes go on */
        { "'a'\n'\\';'", "S<'a'\n'\\'> ; open 8" },
        { "x'a'\n'b' u&'c'\n'd'", "S<x'a'\n'b'> _ S<u&'c'\n'd'>" },
        { "'a'\n'b", "open 4" }, /* the part that is open */
        { "'a'\ne'b'", "S<'a'> _ S<e'b'>" },
    };
    check_all(cases, COUNT(cases), false);
}

static void
test_lex__dollar_quotes(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "$$a;'$$b", "D<$$a;'$$> W<b>" },
        { "$a$ $b$ $$ $A$ $a$", "D<$a$ $b$ $$ $A$ $a$>" },
        { "$a$ x$a$", "D<$a$ x$a$>" }, /* whatever stands before the end */
        { "$a1_\xc3\xa9$;$a1_\xc3\xa9$", "D<$a1_\xc3\xa9$;$a1_\xc3\xa9$>" },
        { "$$a$b$$", "D<$$a$b$$>" },
        { "$a$a$a$", "D<$a$a$a$>" },
        { "$a-$", "O<$> W<a> O<-> O<$>" },
        { "$", "O<$>" },
        { "$a", "O<$> W<a>" },
        { "+$ +", "O<+> O<$> _ O<+>" },
        { "x $a$ $A$", "W<x> _ open 2" },
        { "$$", "open 0" },
        { "$abc$ab", "open 0" },
    };
    check_all(cases, COUNT(cases), false);
}

static void
test_lex__comments(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "--a;'\nb", "C<--a;'> _ W<b>" },
        { "--a\rb", "C<--a> _ W<b>" },
        { "--", "C<-->" },
        { "a--b", "W<a> C<--b>" },
        { "/*a;'*/b", "C</*a;'*/> W<b>" },
        { "/*a/*b*/c*/d", "C</*a/*b*/c*/> W<d>" },
        { "/**/", "C</**/>" },
        { "/*/*/**/*/*/", "C</*/*/**/*/*/>" },
        { "/***/", "C</***/>" },
        { "/*a/b*c*/", "C</*a/b*c*/>" },
        { "x /*/", "W<x> _ open 2" },
        { "/*/**/", "open 0" },
        { "/*", "open 0" },
        { "'/*' --/*\n/*--*/", "S<'/*'> _ C<--/*> _ C</*--*/>" },
    };
    check_all(cases, COUNT(cases), false);
}

static void
test_lex__operators(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "a<=b", "W<a> O<<=> W<b>" },
        { "+--x", "O<+> C<--x>" },
        { "*/*c*/", "O<*> C</*c*/>" },
        { "@-/*c*/", "O<@-> C</*c*/>" },
        { "+ -", "O<+> _ O<->" },
        { "->>'a'", "O<->>> S<'a'>" },
        { "~!@#^&|`?+-*/%<>=", "O<~!@#^&|`?+-*/%<>=>" },
        { "/", "O</>" },
        { "-/", "O<-/>" },
        { "a::b,:c", "W<a> O<:> O<:> W<b> O<,> O<:> W<c>" },
        { "{}", "O<{> O<}>" },
        { "\x01\x7f", "O<\x01> O<\x7f>" },
    };
    check_all(cases, COUNT(cases), false);
}

static void
test_lex__next_word(void **state)
{
    (void)state;
    const char *text = " /*a*/ --b\n select /**/ /*";
    MgLex lex = { .text = text, .size_bytes = strlen(text), .is_whole = true };
    MgToken token;
    assert_int_equal(mg_lex_next_word(&lex, &token), MG_LEX_TOKEN);
    assert_int_equal(token.kind, MG_TOKEN_WORD);
    assert_true(mg_token_is(&lex, &token, "SELECT"));
    assert_false(mg_token_is(&lex, &token, "SELEC"));
    assert_false(mg_token_is(&lex, &token, "SELECTS"));
    size_t behind = lex.at;
    assert_int_equal(mg_lex_next_word(&lex, &token), MG_LEX_UNTERMINATED);
    assert_int_equal(token.span.begin, strlen(text) - 2);
    assert_int_equal(lex.at, behind);

    lex.is_whole = false;
    assert_int_equal(mg_lex_next_word(&lex, &token), MG_LEX_MORE);
    assert_int_equal(lex.at, behind);

    lex = (MgLex){ .text = "  --", .size_bytes = 4, .is_whole = true };
    assert_int_equal(mg_lex_next_word(&lex, &token), MG_LEX_END);
    assert_int_equal(lex.at, 4);

    lex = (MgLex){ .text = "\"a\"", .size_bytes = 3, .is_whole = true };
    assert_int_equal(mg_lex_next_word(&lex, &token), MG_LEX_TOKEN);
    assert_false(mg_token_is(&lex, &token, "a"));
    assert_false(mg_token_is(&lex, &token, "\"a\""));
}

/* Whatever the processor, each bit of a block is what the table of bytes says. */
static void
test_lex__blocks(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        for (int place = 0; place < MG_BLOCK_BYTES; place++) {
            char text[MG_BLOCK_BYTES];
            memset(text, '+', sizeof text);
            text[place] = (char)byte;
            MgBlock block = mg_block_read(text);
            uint64_t bit = UINT64_C(1) << place;
            assert_int_equal(block.words, mg_is_tag_byte((char)byte) ? bit : 0);
            assert_int_equal(block.blanks, mg_is_blank((char)byte) ? bit : 0);
            assert_int_equal(block.quotes, byte == '\'' ? bit : 0);
            bool must_glue = byte == '\'' || byte == '&' || byte == '$';
            assert_true((block.glue & ~bit) == 0 && (!must_glue || block.glue == bit));
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lex__words),
        cmocka_unit_test(test_lex__numbers),
        cmocka_unit_test(test_lex__strings),
        cmocka_unit_test(test_lex__strings_with_backslashes),
        cmocka_unit_test(test_lex__continued_strings),
        cmocka_unit_test(test_lex__dollar_quotes),
        cmocka_unit_test(test_lex__comments),
        cmocka_unit_test(test_lex__operators),
        cmocka_unit_test(test_lex__next_word),
        cmocka_unit_test(test_lex__blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
