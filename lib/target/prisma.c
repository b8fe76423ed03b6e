/*
 * A reader of just one line of Prisma's schema language: comments, strings and
 * blocks are told apart, so that a line in a comment or in a model counts not.
 */
#include "target/prisma.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/text.h"

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

/* A word, a string without its quotes, or one other character. */
typedef struct Token {
    MgSpan span;
    bool is_string;
} Token;

/* The token at *at or behind; false at the end. */
static bool
next(const char *text, size_t *at, Token *ret)
{
    for (;;) {
        *at += strspn(text + *at, " \t\r\n\f\v");
        if (!mg_text_starts(text + *at, "//"))
            break;
        *at += strcspn(text + *at, "\r\n");
    }
    size_t begin = *at;
    if (text[begin] == '\0')
        return false;
    size_t end = begin + strspn(text + begin, letters);
    ret->is_string = text[begin] == '"';
    if (ret->is_string) {
        begin++;
        /* A string ends with its line. */
        for (end = begin; strchr("\"\r\n", text[end]) == NULL; end++)
            end += text[end] == '\\' && strchr("\r\n", text[end + 1]) == NULL;
        *at = end + (text[end] == '"');
    } else {
        end += end == begin;
        *at = end;
    }
    ret->span = (MgSpan){ begin, end };
    return true;
}

static bool
is_word(const char *text, const Token *token, const char *word)
{
    size_t size_bytes = strlen(word);
    return !token->is_string && token->span.end - token->span.begin == size_bytes &&
           strncmp(text + token->span.begin, word, size_bytes) == 0;
}

/* A name that a variable can have. */
static const char *
as_name(const char *text, const Token *token, MgArena *arena)
{
    const char *name =
        mg_arena_text_n(arena, text + token->span.begin, token->span.end - token->span.begin);
    return token->is_string && *name != '\0' && name[strspn(name, letters)] == '\0' ? name : NULL;
}

/* Behind the key: = env ( "X" ). */
static const char *
read_call(const char *text, size_t at, MgArena *arena)
{
    static const char *const expected[] = { "=", "env", "(" };
    Token token;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        if (!next(text, &at, &token) || !is_word(text, &token, expected[i]))
            return NULL;
    }
    return next(text, &at, &token) ? as_name(text, &token, arena) : NULL;
}

const char *
mg_prisma_name(const char *schema, const char *key, MgArena *arena)
{
    size_t at = 0;
    int depth = 0;
    bool is_datasource = false;
    Token token;
    while (next(schema, &at, &token)) {
        if (depth == 0 && is_word(schema, &token, "datasource"))
            is_datasource = true;
        else if (is_word(schema, &token, "{"))
            depth++;
        else if (is_word(schema, &token, "}") && depth > 0)
            is_datasource = --depth > 0 && is_datasource;
        else if (is_datasource && depth == 1 && is_word(schema, &token, key))
            return read_call(schema, at, arena);
    }
    return NULL;
}
