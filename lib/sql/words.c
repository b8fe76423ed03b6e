/*
 * The words of a statement, one by one: what stmt.c and loss.c ask their
 * questions with.  Knows no grammar and no table.
 */
#include "sql/words.h"

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

const MgToken *
mg_cursor_look_unread(const MgCursor *cursor)
{
    MgStmtHead *head = cursor->head;
    bool has_room = head->n < MG_STMT_HEAD_TOKENS;
    MgToken *token = has_room ? &head->tokens[head->n] : &head->beyond;
    MgLex lex = head->lex;
    lex.at = cursor->at;
    if (mg_lex_next_word(&lex, token) != MG_LEX_TOKEN)
        return NULL;
    head->n += has_room ? 1 : 0;
    return token;
}

bool
mg_cursor_is_any(const MgCursor *cursor, const MgToken *token, const char *words)
{
    while (!mg_cursor_is(cursor, token, words)) {
        while (mg_is_word_byte(*words))
            words++;
        if (*words++ != '|')
            return false;
    }
    return true;
}

bool
mg_cursor_take_any(MgCursor *cursor, const char *words)
{
    const MgToken *token = mg_cursor_look(cursor);
    if (token == NULL || !mg_cursor_is_any(cursor, token, words))
        return false;
    mg_cursor_pass(cursor, token);
    return true;
}

void
mg_cursor_skip_list(MgCursor *cursor)
{
    const MgToken *token;
    for (size_t n_open = 1; n_open > 0 && (token = mg_cursor_look(cursor)) != NULL;) {
        mg_cursor_pass(cursor, token);
        n_open += token->kind == MG_TOKEN_OPEN;
        n_open -= token->kind == MG_TOKEN_CLOSE;
    }
}

bool
mg_cursor_find(MgCursor *cursor, const char *word)
{
    const MgToken *token;
    while ((token = mg_cursor_look(cursor)) != NULL) {
        mg_cursor_pass(cursor, token);
        if (mg_cursor_is(cursor, token, word))
            return true;
        if (token->kind == MG_TOKEN_CLOSE)
            return false;
        if (token->kind == MG_TOKEN_OPEN)
            mg_cursor_skip_list(cursor);
    }
    return false;
}

bool
mg_cursor_is_at_end(MgCursor *cursor)
{
    const MgToken *token = mg_cursor_look(cursor);
    return token == NULL || token->kind == MG_TOKEN_SEMICOLON;
}

static bool
take_name(MgCursor *cursor)
{
    const MgToken *token = mg_cursor_look(cursor);
    if (token == NULL)
        return false;
    mg_cursor_pass(cursor, token);
    return true;
}

static void
take_list(MgCursor *cursor)
{
    const MgToken *token = mg_cursor_look(cursor);
    if (token == NULL || token->kind != MG_TOKEN_OPEN)
        return;
    mg_cursor_pass(cursor, token);
    mg_cursor_skip_list(cursor);
}

bool
mg_cursor_matches(MgCursor *cursor, const char *pattern)
{
    bool is_gap = false;
    while (*pattern != '\0') {
        bool fits = true;
        if (*pattern == '$')
            fits = mg_cursor_is_at_end(cursor);
        else if (*pattern == '?')
            fits = take_name(cursor);
        else if (*pattern == '(')
            take_list(cursor);
        else if (*pattern == '[')
            (void)mg_cursor_take_any(cursor, pattern + 1);
        else if (*pattern == '{')
            fits = mg_cursor_take_any(cursor, pattern + 1);
        else if (*pattern != '.')
            fits = is_gap ? mg_cursor_find(cursor, pattern) : mg_cursor_take(cursor, pattern);
        if (!fits)
            return false;
        is_gap = *pattern == '.';
        while (*pattern != ' ' && *pattern != '\0')
            pattern++;
        pattern += *pattern == ' ';
    }
    return true;
}
