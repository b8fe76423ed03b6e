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
/* For mg_cursor_next: the token is not in the head yet, or has no room there. */
bool mg_cursor_next_unread(MgCursor *cursor, MgToken *ret);

static inline bool
mg_cursor_next(MgCursor *cursor, MgToken *ret)
{
    if (cursor->i == cursor->head->n)
        return mg_cursor_next_unread(cursor, ret);
    *ret = cursor->head->tokens[cursor->i++];
    cursor->at = ret->span.end;
    return true;
}

/* Is the token one of the words "A|B|C"? */
bool mg_cursor_is(const MgCursor *cursor, const MgToken *token, const char *words);
/* Take the next token if it is one of the words. */
bool mg_cursor_take(MgCursor *cursor, const char *words);
/* Move behind the next of the words at this depth; false when there is none. */
bool mg_cursor_find(MgCursor *cursor, const char *words);
/* Pass over what stands in a parenthesis; cursor is behind its opening. */
void mg_cursor_skip_list(MgCursor *cursor);
bool mg_cursor_is_at_end(MgCursor *cursor);

/*
 * Do the statement's next words fit?  Parts of a pattern, between blanks:
 *
 *   A|B     one of these words
 *   [A|B]   perhaps one of these words
 *   ?       one token, whatever it is: a name
 *   ()      perhaps a list in parentheses
 *   ...     anything up to the next part, outside parentheses
 *   $       the end
 *
 * On true cursor is behind the words.
 */
bool mg_cursor_matches(MgCursor *cursor, const char *pattern);

#endif
