/*
 * A walk over the words of one statement, for whoever tells from them what the
 * statement is.  Blanks and comments are passed over; words in strings and in
 * quotes are no words.  For lib/sql and whoever reads a statement's tokens anyway.
 */
#ifndef MG_SQL_WORDS_H
#define MG_SQL_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "sql/lex.h"

enum {
    /* Nearly every statement that is no data has fewer tokens; of others the rest is read on. */
    MG_STMT_HEAD_TOKENS = 256,
};

/* A statement's first tokens, without blanks and comments. */
typedef struct MgStmtHead {
    MgLex lex; /* of the whole statement, at its beginning */
    size_t n;
    MgToken tokens[MG_STMT_HEAD_TOKENS];
    MgToken beyond; /* private: what a cursor looks at behind them */
} MgStmtHead;

/*
 * A place between two tokens of a statement; a copy of it looks ahead.  The
 * tokens in the head are read once and looked at by many rows of a table.
 */
typedef struct MgCursor {
    MgStmtHead *head;
    const char *text;
    size_t i;  /* of the next token in head */
    size_t at; /* where the last token ended */
} MgCursor;

/* Leaves the tokens as they are: to clear them would cost more than to read most statements. */
void mg_head_begin(MgStmtHead *head, const MgLex *lex);

MgCursor mg_cursor_begin(MgStmtHead *head);
/* For mg_cursor_look: the token is not in the head yet, or has no room there. */
const MgToken *mg_cursor_look_unread(const MgCursor *cursor);

/* The next token, or NULL behind the last; good until a cursor of this head looks again. */
static inline const MgToken *
mg_cursor_look(const MgCursor *cursor)
{
    return cursor->i < cursor->head->n ? &cursor->head->tokens[cursor->i]
                                       : mg_cursor_look_unread(cursor);
}

/* Move behind the token that has been looked at. */
static inline void
mg_cursor_pass(MgCursor *cursor, const MgToken *token)
{
    cursor->at = token->span.end;
    cursor->i += cursor->i < cursor->head->n ? 1 : 0;
}

static inline bool
mg_cursor_next(MgCursor *cursor, MgToken *ret)
{
    const MgToken *token = mg_cursor_look(cursor);
    if (token == NULL)
        return false;
    *ret = *token;
    mg_cursor_pass(cursor, ret);
    return true;
}

static inline bool
mg_cursor_is(const MgCursor *cursor, const MgToken *token, const char *word)
{
    return mg_is_word(cursor->text, token, word);
}

/* Take the next token if it is the word. */
static inline bool
mg_cursor_take(MgCursor *cursor, const char *word)
{
    const MgToken *token = mg_cursor_look(cursor);
    if (token == NULL || !mg_cursor_is(cursor, token, word))
        return false;
    mg_cursor_pass(cursor, token);
    return true;
}

/* The same for one of the words "A|B|C". */
bool mg_cursor_is_any(const MgCursor *cursor, const MgToken *token, const char *words);
bool mg_cursor_take_any(MgCursor *cursor, const char *words);
/* Move behind the next such word at this depth; false when there is none. */
bool mg_cursor_find(MgCursor *cursor, const char *word);
/* Pass over what stands in a parenthesis; cursor is behind its opening. */
void mg_cursor_skip_list(MgCursor *cursor);
bool mg_cursor_is_at_end(MgCursor *cursor);

/*
 * Do the statement's next words fit?  Parts of a pattern, between blanks:
 *
 *   A       this word
 *   {A|B}   one of these words
 *   [A|B]   perhaps one of these words
 *   ?       one token, whatever it is: a name
 *   ()      perhaps a list in parentheses
 *   ...     anything up to the next part, outside parentheses
 *   $       the end
 *
 * On true cursor is behind the words.
 */
bool mg_cursor_matches(MgCursor *cursor, const char *pattern);

/* The next token's first byte, a letter as a capital; 0 when there is none. */
static inline char
mg_cursor_letter(const MgCursor *cursor)
{
    const MgToken *token = mg_cursor_look(cursor);
    return token == NULL ? '\0' : (char)(cursor->text[token->span.begin] & ~0x20);
}

/* Can the pattern match there?  Its first letter says no to nearly all rows of a table. */
static inline bool
mg_pattern_begins(const char *pattern, char letter)
{
    return *pattern < 'A' || *pattern > 'Z' || *pattern == letter;
}

#endif
