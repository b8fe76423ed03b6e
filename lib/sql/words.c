/*
 * The words of a statement, one by one: what stmt.c and loss.c ask their
 * questions with.  Knows no grammar and no table.
 */
#include "sql/words.h"

#include <string.h>

void
mg_head_begin(MgStmtHead *head, const MgLex *lex)
{
    head->lex = *lex;
    head->n = 0;
}

MgCursor
mg_cursor_begin(MgStmtHead *head)
{
    return (MgCursor){ .head = head, .text = head->lex.text, .at = head->lex.at };
}

/* The next token is not in the head yet, or has no room there. */
bool
mg_cursor_next_unread(MgCursor *cursor, MgToken *ret)
{
    MgStmtHead *head = cursor->head;
    MgLex lex = head->lex;
    lex.at = cursor->at;
    if (mg_lex_next_word(&lex, ret) != MG_LEX_TOKEN)
        return false;
    cursor->at = lex.at;
    if (head->n < MG_STMT_HEAD_TOKENS) {
        head->tokens[head->n++] = *ret;
        cursor->i++;
    }
    return true;
}

/* Is the text one of the words "A|B|C"?  Lower-case letters differ from upper-case in one bit. */
static bool
is_word_of(const char *text, size_t size_bytes, const char *words, size_t n)
{
    for (size_t begin = 0; n - begin >= size_bytes;) {
        size_t i = 0;
        while (i < size_bytes && (text[i] | 0x20) == (words[begin + i] | 0x20))
            i++;
        if (i == size_bytes && (begin + i == n || words[begin + i] == '|'))
            return true;
        const char *bar = memchr(words + begin, '|', n - begin);
        if (bar == NULL)
            break;
        begin = (size_t)(bar - words) + 1;
    }
    return false;
}

static inline bool
is_one_of(const MgCursor *cursor, const MgToken *token, const char *words, size_t n)
{
    return token->kind == MG_TOKEN_WORD &&
           is_word_of(cursor->text + token->span.begin, token->span.end - token->span.begin, words,
                      n);
}

void
mg_cursor_skip_list(MgCursor *cursor)
{
    MgToken token;
    for (size_t n_open = 1; n_open > 0 && mg_cursor_next(cursor, &token);) {
        n_open += token.kind == MG_TOKEN_OPEN;
        n_open -= token.kind == MG_TOKEN_CLOSE;
    }
}

static bool
find(MgCursor *cursor, const char *words, size_t n)
{
    MgToken token;
    while (mg_cursor_next(cursor, &token)) {
        if (is_one_of(cursor, &token, words, n))
            return true;
        if (token.kind == MG_TOKEN_CLOSE)
            return false;
        if (token.kind == MG_TOKEN_OPEN)
            mg_cursor_skip_list(cursor);
    }
    return false;
}

bool
mg_cursor_is(const MgCursor *cursor, const MgToken *token, const char *words)
{
    return is_one_of(cursor, token, words, strlen(words));
}

bool
mg_cursor_find(MgCursor *cursor, const char *words)
{
    return find(cursor, words, strlen(words));
}

static bool
take(MgCursor *cursor, const char *words, size_t n)
{
    MgCursor ahead = *cursor;
    MgToken token;
    if (!mg_cursor_next(&ahead, &token) || !is_one_of(&ahead, &token, words, n))
        return false;
    *cursor = ahead;
    return true;
}

bool
mg_cursor_take(MgCursor *cursor, const char *words)
{
    return take(cursor, words, strlen(words));
}

bool
mg_cursor_is_at_end(MgCursor *cursor)
{
    MgToken token;
    return !mg_cursor_next(cursor, &token) || token.kind == MG_TOKEN_SEMICOLON;
}

static void
take_list(MgCursor *cursor)
{
    MgCursor ahead = *cursor;
    MgToken token;
    if (!mg_cursor_next(&ahead, &token) || token.kind != MG_TOKEN_OPEN)
        return;
    mg_cursor_skip_list(&ahead);
    *cursor = ahead;
}

bool
mg_cursor_matches(MgCursor *cursor, const char *pattern)
{
    bool is_gap = false;
    size_t n;
    for (; *pattern != '\0'; pattern += n + (pattern[n] == ' ')) {
        MgToken token;
        bool fits = true;
        for (n = 1; pattern[n] != ' ' && pattern[n] != '\0'; n++)
            continue;
        if (pattern[0] == '$')
            fits = mg_cursor_is_at_end(cursor);
        else if (pattern[0] == '?')
            fits = mg_cursor_next(cursor, &token);
        else if (pattern[0] == '(')
            take_list(cursor);
        else if (pattern[0] == '[')
            (void)take(cursor, pattern + 1, n - 2);
        else if (pattern[0] != '.')
            fits = is_gap ? find(cursor, pattern, n) : take(cursor, pattern, n);
        if (!fits)
            return false;
        is_gap = pattern[0] == '.';
    }
    return true;
}
