/*
 * SQL tokens, as psql and the server see them (psqlscan.l and scan.l of
 * PostgreSQL 15 to 18).  Bytes, not characters; UTF-8 is taken for granted.
 *
 * The lexer allocates nothing, copies nothing and keeps no state between
 * tokens but its position, so it can start again at any token's beginning.
 */
#ifndef MG_SQL_LEX_H
#define MG_SQL_LEX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "sql/bytes.h"

typedef enum MgTokenKind {
    MG_TOKEN_BLANK,       /* a run of white space */
    MG_TOKEN_COMMENT,     /* one -- comment without its line end, or one nested block comment */
    MG_TOKEN_WORD,        /* keyword or identifier */
    MG_TOKEN_QUOTED_WORD, /* "..." or U&"..." */
    MG_TOKEN_STRING,      /* '...' of every kind, with its prefix and its continuations */
    MG_TOKEN_DOLLAR,      /* $tag$...$tag$ */
    MG_TOKEN_NUMBER,      /* "1.5" is three tokens: 1, ".", 5 */
    MG_TOKEN_PARAM,       /* $1 */
    MG_TOKEN_SEMICOLON,
    MG_TOKEN_OPEN,      /* ( */
    MG_TOKEN_CLOSE,     /* ) */
    MG_TOKEN_BACKSLASH, /* one backslash outside quotes: a psql command starts */
    MG_TOKEN_OTHER,     /* a run of operator characters, or one character of any other kind */
    MG_N_TOKEN_KINDS,
} MgTokenKind;

typedef struct MgToken {
    MgTokenKind kind;
    MgSpan span;
} MgToken;

typedef enum MgLexResult {
    MG_LEX_TOKEN,
    MG_LEX_END,          /* no text left */
    MG_LEX_MORE,         /* the token may go on behind the window: slide and ask again */
    MG_LEX_UNTERMINATED, /* text ends inside a quote or comment; ret->span.begin is its opening */
} MgLexResult;

typedef struct MgLex {
    const char *text;
    size_t size_bytes;
    size_t at;                 /* where the next token starts */
    bool is_whole;             /* no text follows behind size_bytes */
    bool has_backslash_quotes; /* standard_conforming_strings is off: '...' reads as E'...' */
    bool has_comments;         /* one has been passed over by mg_lex_next_word or mg_lex_words */
} MgLex;

/* On MG_LEX_MORE and MG_LEX_UNTERMINATED lex->at does not move. */
MgLexResult mg_lex_next(MgLex *lex, MgToken *ret);

/* The same, passing over blanks and comments. */
MgLexResult mg_lex_next_word(MgLex *lex, MgToken *ret);

/*
 * Many at once, which is several times quicker: tokens[0 .. *ret_n), at most max
 * of them, up to and with the next semicolon or backslash.  MG_LEX_TOKEN: there
 * may be more.  Else what mg_lex_next_word would say behind them; the token that
 * is unterminated is tokens[*ret_n].
 */
MgLexResult mg_lex_words(MgLex *lex, MgToken *tokens, size_t max, size_t *ret_n);

/*
 * Is the token the word, in any case and not in quotes?  The word ends before the
 * first byte that is of none.  Lower-case letters differ from upper-case in one
 * bit, in which no other byte of a word differs from one.
 */
static inline bool
mg_is_word(const char *text, const MgToken *token, const char *word)
{
    const char *at = text + token->span.begin;
    const char *end = text + token->span.end;
    for (; at < end && (*at | 0x20) == (*word | 0x20); at++)
        word++;
    return at == end && token->kind == MG_TOKEN_WORD && !mg_is_word_byte(*word);
}

static inline bool
mg_token_is(const MgLex *lex, const MgToken *token, const char *word)
{
    return mg_is_word(lex->text, token, word);
}

#endif
