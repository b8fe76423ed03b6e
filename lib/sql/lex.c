/*
 * SQL tokens.  Knows bytes and quotes, nothing of statements or psql commands.
 *
 * The first byte of a token chooses the state that reads it; each state is one
 * function, named like psql's state where psql has one:
 *
 *   state         begins with        ends
 *   lex_blank     white space        before anything else
 *   lex_word      letter, _, >= 0x80 before a byte that is no letter, digit, _ or $;
 *                                    a prefix of a quote goes on as that quote
 *   lex_number    digit              the same way as a word
 *   lex_xq        '  B' X' N' U&'    behind a single ', unless continued
 *   lex_xe        E'                 the same, \ protects the next byte
 *   lex_xd        "  U&"             behind a single "
 *   lex_xdolq     $tag$              behind the same $tag$
 *   lex_param     $ digit            the same way as a number
 *   lex_xc        slash star         behind the star slash that closes it; nests
 *   lex_comment   --                 before the line end
 *   lex_operator  operator character before another kind of byte, -- or slash star
 *   lex_single    any other byte     behind it
 *
 * A string is continued when only blanks and -- comments with at least one line
 * end among them stand between its closing ' and the next '.  It goes on with
 * the escapes it began with.
 *
 * At the end of a window that is not whole, a token that could go on is never
 * yielded: so the tokens do not depend on where windows end.
 */
#include "sql/lex.h"

#include <stdint.h>
#include <string.h>

/* Returned for a place that is not in the window. */
static const size_t NOWHERE = SIZE_MAX;

/* The order matters: is_blank, is_word_byte and is_operator are ranges of it. */
typedef enum ByteClass {
    SPACE,
    LINE_END,
    LETTER,
    DIGIT,
    DOLLAR,
    OPERATOR,
    DASH,
    SLASH,
    QUOTE,
    DOUBLE_QUOTE,
    SEMICOLON,
    OPEN,
    CLOSE,
    BACKSLASH,
    OTHER,
    N_BYTE_CLASSES,
} ByteClass;

/* clang-format off */
#define SP SPACE
#define LE LINE_END
#define LT LETTER
#define DG DIGIT
#define DO DOLLAR
#define OP OPERATOR
#define DA DASH
#define SL SLASH
#define QU QUOTE
#define DQ DOUBLE_QUOTE
#define SC SEMICOLON
#define PO OPEN
#define PC CLOSE
#define BS BACKSLASH
#define XX OTHER
#define LETTERS_16 LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT
static const unsigned char class_of_byte[256] = {
    XX, XX, XX, XX, XX, XX, XX, XX, XX, SP, LE, SP, SP, LE, XX, XX, /* \t \n \v \f \r */
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    SP, OP, DQ, OP, DO, OP, OP, QU, PO, PC, OP, OP, XX, DA, XX, SL, /*  !"#$%&'()*+,-./ */
    DG, DG, DG, DG, DG, DG, DG, DG, DG, DG, XX, SC, OP, OP, OP, OP, /* 0123456789:;<=>? */
    OP, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, /* @ABCDEFGHIJKLMNO */
    LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, XX, BS, XX, OP, LT, /* PQRSTUVWXYZ[\]^_ */
    OP, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, /* `abcdefghijklmno */
    LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, XX, OP, XX, OP, XX, /* pqrstuvwxyz{|}~  */
    LETTERS_16, LETTERS_16, LETTERS_16, LETTERS_16,
    LETTERS_16, LETTERS_16, LETTERS_16, LETTERS_16,
};
#undef SP
#undef LE
#undef LT
#undef DG
#undef DO
#undef OP
#undef DA
#undef SL
#undef QU
#undef DQ
#undef SC
#undef PO
#undef PC
#undef BS
#undef XX
/* clang-format on */

static inline ByteClass
class_of(char byte)
{
    return (ByteClass)class_of_byte[(unsigned char)byte];
}

static inline bool
is_blank(char byte)
{
    return class_of(byte) <= LINE_END;
}

static inline bool
is_line_end(char byte)
{
    return byte == '\n' || byte == '\r';
}

static inline bool
is_word_byte(char byte)
{
    ByteClass class = class_of(byte);
    return class >= LETTER && class <= DOLLAR;
}

static inline bool
is_tag_byte(char byte)
{
    ByteClass class = class_of(byte);
    return class == LETTER || class == DIGIT;
}

static inline bool
is_operator(char byte)
{
    ByteClass class = class_of(byte);
    return class >= OPERATOR && class <= SLASH;
}

static inline MgLexResult
found(MgToken *ret, MgTokenKind kind, size_t end)
{
    ret->kind = kind;
    ret->span.end = end;
    return MG_LEX_TOKEN;
}

/* A token that ends only because something else follows. */
static inline MgLexResult
found_run(const MgLex *lex, MgToken *ret, MgTokenKind kind, size_t end)
{
    if (end == lex->size_bytes && !lex->is_whole)
        return MG_LEX_MORE;
    return found(ret, kind, end);
}

/* The window ends inside the quote or comment which opens at begin. */
static MgLexResult
unfinished(const MgLex *lex, MgToken *ret, MgTokenKind kind, size_t begin)
{
    if (!lex->is_whole)
        return MG_LEX_MORE;
    *ret = (MgToken){ kind, { begin, lex->size_bytes } };
    return MG_LEX_UNTERMINATED;
}

static MgLexResult
lex_blank(const MgLex *lex, MgToken *ret)
{
    size_t at = ret->span.begin + 1;
    while (at < lex->size_bytes && is_blank(lex->text[at]))
        at++;
    return found_run(lex, ret, MG_TOKEN_BLANK, at);
}

static MgLexResult
lex_single(const MgLex *lex, MgToken *ret)
{
    static const unsigned char kinds[N_BYTE_CLASSES] = {
        [SEMICOLON] = MG_TOKEN_SEMICOLON, [OPEN] = MG_TOKEN_OPEN,    [CLOSE] = MG_TOKEN_CLOSE,
        [BACKSLASH] = MG_TOKEN_BACKSLASH, [DOLLAR] = MG_TOKEN_OTHER, [OTHER] = MG_TOKEN_OTHER,
    };
    ByteClass class = class_of(lex->text[ret->span.begin]);
    return found(ret, (MgTokenKind)kinds[class], ret->span.begin + 1);
}

/* at is behind the dashes. */
static size_t
comment_end(const MgLex *lex, size_t at)
{
    while (at < lex->size_bytes && !is_line_end(lex->text[at]))
        at++;
    return at;
}

static MgLexResult
lex_comment(const MgLex *lex, MgToken *ret)
{
    return found_run(lex, ret, MG_TOKEN_COMMENT, comment_end(lex, ret->span.begin + 2));
}

static MgLexResult
lex_xc(const MgLex *lex, MgToken *ret)
{
    size_t n_open = 1;
    size_t at = ret->span.begin + 2;
    while (at + 1 < lex->size_bytes) {
        char byte = lex->text[at], next = lex->text[at + 1];
        if (byte == '*' && next == '/') {
            at += 2;
            if (--n_open == 0)
                return found(ret, MG_TOKEN_COMMENT, at);
        } else if (byte == '/' && next == '*') {
            at += 2;
            n_open++;
        } else {
            at++;
        }
    }
    return unfinished(lex, ret, MG_TOKEN_COMMENT, ret->span.begin);
}

/* Does a comment start here?  Psql and the server cut operators there. */
static inline bool
is_comment_start(const MgLex *lex, size_t at)
{
    char byte = lex->text[at];
    if ((byte != '-' && byte != '/') || at + 1 == lex->size_bytes)
        return false;
    return lex->text[at + 1] == (byte == '-' ? '-' : '*');
}

static MgLexResult
lex_operator(const MgLex *lex, MgToken *ret)
{
    size_t at = ret->span.begin + 1;
    while (at < lex->size_bytes && is_operator(lex->text[at]) && !is_comment_start(lex, at))
        at++;
    return found_run(lex, ret, MG_TOKEN_OTHER, at);
}

static MgLexResult
lex_dash(const MgLex *lex, MgToken *ret)
{
    return is_comment_start(lex, ret->span.begin) ? lex_comment(lex, ret) : lex_operator(lex, ret);
}

static MgLexResult
lex_slash(const MgLex *lex, MgToken *ret)
{
    return is_comment_start(lex, ret->span.begin) ? lex_xc(lex, ret) : lex_operator(lex, ret);
}

/*
 * End of a quote in which only a doubled mark stands for itself; at is behind
 * the opening mark.  A mark at the window's end may be half of a doubled one.
 */
static size_t
quote_end(const MgLex *lex, size_t at, char mark)
{
    while (at < lex->size_bytes) {
        const char *closing = memchr(lex->text + at, mark, lex->size_bytes - at);
        if (closing == NULL)
            return NOWHERE;
        at = (size_t)(closing - lex->text) + 1;
        if (at == lex->size_bytes)
            return lex->is_whole ? at : NOWHERE;
        if (lex->text[at] != mark)
            return at;
        at++;
    }
    return NOWHERE;
}

/* The same for E'...': a backslash takes the next byte, whatever it is. */
static size_t
escaped_end(const MgLex *lex, size_t at)
{
    while (at < lex->size_bytes) {
        if (lex->text[at] == '\\') {
            at += 2;
        } else if (lex->text[at] != '\'') {
            at++;
        } else if (at + 1 == lex->size_bytes) {
            return lex->is_whole ? at + 1 : NOWHERE;
        } else if (lex->text[at + 1] != '\'') {
            return at + 1;
        } else {
            at += 2;
        }
    }
    return NOWHERE;
}

/*
 * Where the ' stands that continues a string which ended before at; at itself
 * when none does, NOWHERE when the window is too small to tell.
 */
static size_t
continuation(const MgLex *lex, size_t at)
{
    size_t end = at;
    bool has_line_end = false;
    while (at < lex->size_bytes) {
        char byte = lex->text[at];
        if (is_blank(byte)) {
            has_line_end = has_line_end || is_line_end(byte);
            at++;
        } else if (byte == '-' && is_comment_start(lex, at)) {
            at = comment_end(lex, at + 2);
        } else if (byte == '-' && at + 1 == lex->size_bytes) {
            break;
        } else {
            return byte == '\'' && has_line_end ? at : end;
        }
    }
    return lex->is_whole ? end : NOWHERE;
}

/* quote: where the opening ' stands; the token begins there or at its prefix. */
static MgLexResult
lex_quoted(const MgLex *lex, MgToken *ret, size_t quote, bool has_escapes)
{
    size_t opening = ret->span.begin;
    for (;;) {
        size_t end = has_escapes ? escaped_end(lex, quote + 1) : quote_end(lex, quote + 1, '\'');
        if (end == NOWHERE)
            return unfinished(lex, ret, MG_TOKEN_STRING, opening);
        quote = continuation(lex, end);
        if (quote == NOWHERE)
            return MG_LEX_MORE;
        if (quote == end)
            return found(ret, MG_TOKEN_STRING, end);
        opening = quote;
    }
}

static MgLexResult
lex_xq(const MgLex *lex, MgToken *ret, size_t quote)
{
    return lex_quoted(lex, ret, quote, false);
}

static MgLexResult
lex_xe(const MgLex *lex, MgToken *ret, size_t quote)
{
    return lex_quoted(lex, ret, quote, true);
}

/* '...' and N'...' follow standard_conforming_strings. */
static MgLexResult
lex_plain_quote(const MgLex *lex, MgToken *ret, size_t quote)
{
    return lex->has_backslash_quotes ? lex_xe(lex, ret, quote) : lex_xq(lex, ret, quote);
}

static MgLexResult
lex_quote(const MgLex *lex, MgToken *ret)
{
    return lex_plain_quote(lex, ret, ret->span.begin);
}

/* mark: where the opening " stands. */
static MgLexResult
lex_xd(const MgLex *lex, MgToken *ret, size_t mark)
{
    size_t end = quote_end(lex, mark + 1, '"');
    if (end == NOWHERE)
        return unfinished(lex, ret, MG_TOKEN_QUOTED_WORD, ret->span.begin);
    return found(ret, MG_TOKEN_QUOTED_WORD, end);
}

static MgLexResult
lex_double_quote(const MgLex *lex, MgToken *ret)
{
    return lex_xd(lex, ret, ret->span.begin);
}

/* body: behind the opening $tag$, which is the token's beginning. */
static MgLexResult
lex_xdolq(const MgLex *lex, MgToken *ret, size_t body)
{
    const char *tag = lex->text + ret->span.begin;
    size_t tag_bytes = body - ret->span.begin;
    size_t at = body;
    while (lex->size_bytes - at >= tag_bytes) {
        const char *dollar = memchr(lex->text + at, '$', lex->size_bytes - at - tag_bytes + 1);
        if (dollar == NULL)
            break;
        at = (size_t)(dollar - lex->text) + 1;
        if (memcmp(dollar, tag, tag_bytes) == 0)
            return found(ret, MG_TOKEN_DOLLAR, at - 1 + tag_bytes);
    }
    return unfinished(lex, ret, MG_TOKEN_DOLLAR, ret->span.begin);
}

static size_t
word_end(const MgLex *lex, size_t at)
{
    while (at < lex->size_bytes && is_word_byte(lex->text[at]))
        at++;
    return at;
}

/* at is behind the first digit; letters right behind the digits belong to them. */
static MgLexResult
digits(const MgLex *lex, MgToken *ret, MgTokenKind kind, size_t at)
{
    while (at < lex->size_bytes && class_of(lex->text[at]) == DIGIT)
        at++;
    if (at < lex->size_bytes && class_of(lex->text[at]) == LETTER)
        at = word_end(lex, at);
    return found_run(lex, ret, kind, at);
}

static MgLexResult
lex_number(const MgLex *lex, MgToken *ret)
{
    return digits(lex, ret, MG_TOKEN_NUMBER, ret->span.begin + 1);
}

static MgLexResult
lex_param(const MgLex *lex, MgToken *ret)
{
    return digits(lex, ret, MG_TOKEN_PARAM, ret->span.begin + 2);
}

/* $1, $tag$ or a dollar that opens nothing. */
static MgLexResult
lex_dollar(const MgLex *lex, MgToken *ret)
{
    size_t at = ret->span.begin + 1;
    if (at < lex->size_bytes && class_of(lex->text[at]) == DIGIT)
        return lex_param(lex, ret);
    while (at < lex->size_bytes && is_tag_byte(lex->text[at]))
        at++;
    if (at == lex->size_bytes)
        return lex->is_whole ? lex_single(lex, ret) : MG_LEX_MORE;
    return lex->text[at] == '$' ? lex_xdolq(lex, ret, at + 1) : lex_single(lex, ret);
}

/* U&'...' and U&"..."; at is behind the U. */
static MgLexResult
lex_unicode(const MgLex *lex, MgToken *ret, size_t at)
{
    if (lex->text[at] != '&')
        return found(ret, MG_TOKEN_WORD, at);
    if (at + 1 == lex->size_bytes)
        return found_run(lex, ret, MG_TOKEN_WORD, lex->is_whole ? at : at + 1);
    if (lex->text[at + 1] == '\'')
        return lex_xq(lex, ret, at + 1);
    if (lex->text[at + 1] == '"')
        return lex_xd(lex, ret, at + 1);
    return found(ret, MG_TOKEN_WORD, at);
}

/* A word of one letter with something behind it, at: it may be a quote's prefix. */
static MgLexResult
lex_prefix(const MgLex *lex, MgToken *ret, size_t at)
{
    char letter = lex->text[ret->span.begin];
    if (letter == 'u' || letter == 'U')
        return lex_unicode(lex, ret, at);
    if (lex->text[at] != '\'')
        return found(ret, MG_TOKEN_WORD, at);
    if (letter == 'e' || letter == 'E')
        return lex_xe(lex, ret, at);
    if (letter == 'n' || letter == 'N')
        return lex_plain_quote(lex, ret, at);
    if (letter == 'b' || letter == 'B' || letter == 'x' || letter == 'X')
        return lex_xq(lex, ret, at);
    return found(ret, MG_TOKEN_WORD, at);
}

static MgLexResult
lex_word(const MgLex *lex, MgToken *ret)
{
    size_t end = word_end(lex, ret->span.begin + 1);
    if (end == ret->span.begin + 1 && end < lex->size_bytes)
        return lex_prefix(lex, ret, end);
    return found_run(lex, ret, MG_TOKEN_WORD, end);
}

typedef MgLexResult LexState(const MgLex *lex, MgToken *ret);

static LexState *const states[N_BYTE_CLASSES] = {
    [SPACE] = lex_blank,      [LINE_END] = lex_blank,
    [LETTER] = lex_word,      [DIGIT] = lex_number,
    [DOLLAR] = lex_dollar,    [OPERATOR] = lex_operator,
    [DASH] = lex_dash,        [SLASH] = lex_slash,
    [QUOTE] = lex_quote,      [DOUBLE_QUOTE] = lex_double_quote,
    [SEMICOLON] = lex_single, [OPEN] = lex_single,
    [CLOSE] = lex_single,     [BACKSLASH] = lex_single,
    [OTHER] = lex_single,
};

/* The token at at; lex->at moves behind it. */
static inline MgLexResult
next(MgLex *lex, size_t at, MgToken *ret)
{
    if (at >= lex->size_bytes)
        return lex->is_whole ? MG_LEX_END : MG_LEX_MORE;
    ret->span.begin = at;
    ByteClass class = class_of(lex->text[at]);
    MgLexResult result;
    /* Nearly all tokens are of these classes: what is called directly needs no guess. */
    if (class == LETTER)
        result = lex_word(lex, ret);
    else if (class >= SEMICOLON)
        result = lex_single(lex, ret);
    else if (class == QUOTE)
        result = lex_quote(lex, ret);
    else
        result = states[class](lex, ret);
    if (result == MG_LEX_TOKEN)
        lex->at = ret->span.end;
    return result;
}

static inline MgLexResult
next_word(MgLex *lex, MgToken *ret)
{
    size_t before = lex->at;
    MgLexResult result;
    for (;;) {
        /* A look instead of a call and a token: half of all tokens are blanks. */
        size_t at = lex->at;
        while (at < lex->size_bytes && is_blank(lex->text[at]))
            at++;
        result = next(lex, at, ret);
        if (result != MG_LEX_TOKEN || ret->kind != MG_TOKEN_COMMENT)
            break;
        lex->has_comments = true;
    }
    if (result == MG_LEX_END)
        lex->at = lex->size_bytes;
    else if (result != MG_LEX_TOKEN)
        lex->at = before;
    return result;
}

MgLexResult
mg_lex_next(MgLex *lex, MgToken *ret)
{
    return next(lex, lex->at, ret);
}

MgLexResult
mg_lex_next_word(MgLex *lex, MgToken *ret)
{
    return next_word(lex, ret);
}

MgLexResult
mg_lex_words(MgLex *lex, MgToken *tokens, size_t max, size_t *ret_n)
{
    MgLexResult result = MG_LEX_TOKEN;
    size_t n = 0;
    while (n < max) {
        result = next_word(lex, &tokens[n]);
        if (result != MG_LEX_TOKEN)
            break;
        MgTokenKind kind = tokens[n++].kind;
        if (kind == MG_TOKEN_SEMICOLON || kind == MG_TOKEN_BACKSLASH)
            break;
    }
    *ret_n = n;
    return result;
}

bool
mg_token_is(const MgLex *lex, const MgToken *token, const char *word)
{
    return token->kind == MG_TOKEN_WORD &&
           mg_text_equal_fold_n(lex->text + token->span.begin, token->span.end - token->span.begin,
                                word);
}
