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

#include "sql/block.h"
#include "sql/bytes.h"
#include "sql/lex_quotes.h"

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

/* A quote or comment; end is MG_NOWHERE when the window ends in what opens at opening. */
static inline MgLexResult
found_end(const MgLex *lex, MgToken *ret, MgTokenKind kind, size_t opening, size_t end)
{
    if (end != MG_NOWHERE)
        return found(ret, kind, end);
    if (!lex->is_whole)
        return MG_LEX_MORE;
    *ret = (MgToken){ kind, { opening, lex->size_bytes } };
    return MG_LEX_UNTERMINATED;
}

static inline size_t
blank_end(const MgLex *lex, size_t at)
{
    while (at < lex->size_bytes && mg_is_blank(lex->text[at]))
        at++;
    return at;
}

static inline size_t
word_end(const MgLex *lex, size_t at)
{
    while (at < lex->size_bytes && mg_is_word_byte(lex->text[at]))
        at++;
    return at;
}

static MgLexResult
lex_blank(const MgLex *lex, MgToken *ret)
{
    return found_run(lex, ret, MG_TOKEN_BLANK, blank_end(lex, ret->span.begin + 1));
}

static const unsigned char single_kinds[MG_N_BYTE_CLASSES] = {
    [MG_BYTE_DOLLAR] = MG_TOKEN_OTHER, [MG_BYTE_SEMICOLON] = MG_TOKEN_SEMICOLON,
    [MG_BYTE_OPEN] = MG_TOKEN_OPEN,    [MG_BYTE_CLOSE] = MG_TOKEN_CLOSE,
    [MG_BYTE_OTHER] = MG_TOKEN_OTHER,  [MG_BYTE_BACKSLASH] = MG_TOKEN_BACKSLASH,
};

static MgLexResult
lex_single(const MgLex *lex, MgToken *ret)
{
    MgByteClass class = mg_byte_class(lex->text[ret->span.begin]);
    return found(ret, (MgTokenKind)single_kinds[class], ret->span.begin + 1);
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
    while (at < lex->size_bytes && mg_is_operator(lex->text[at]) && !is_comment_start(lex, at))
        at++;
    return found_run(lex, ret, MG_TOKEN_OTHER, at);
}

static MgLexResult
lex_comment(const MgLex *lex, MgToken *ret)
{
    if (!is_comment_start(lex, ret->span.begin))
        return lex_operator(lex, ret);
    return found_run(lex, ret, MG_TOKEN_COMMENT, mg_comment_end(lex, ret->span.begin + 2));
}

static MgLexResult
lex_xc(const MgLex *lex, MgToken *ret)
{
    if (!is_comment_start(lex, ret->span.begin))
        return lex_operator(lex, ret);
    size_t end = mg_block_comment_end(lex, ret->span.begin + 2);
    return found_end(lex, ret, MG_TOKEN_COMMENT, ret->span.begin, end);
}

/* quote: where the opening ' stands; the token begins there or at its prefix. */
static inline MgLexResult
lex_quoted(const MgLex *lex, MgToken *ret, size_t quote, bool has_escapes)
{
    size_t opening = ret->span.begin;
    for (;;) {
        size_t end =
            has_escapes ? mg_escaped_end(lex, quote + 1) : mg_quote_end(lex, quote + 1, '\'');
        quote = end == MG_NOWHERE ? end : mg_continuation(lex, end);
        if (quote == end)
            return found_end(lex, ret, MG_TOKEN_STRING, opening, end);
        if (quote == MG_NOWHERE)
            return MG_LEX_MORE;
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
    size_t end = mg_quote_end(lex, mark + 1, '"');
    return found_end(lex, ret, MG_TOKEN_QUOTED_WORD, ret->span.begin, end);
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
    size_t end = mg_dollar_end(lex, (MgSpan){ ret->span.begin, body });
    return found_end(lex, ret, MG_TOKEN_DOLLAR, ret->span.begin, end);
}

/* at is behind the first digit; letters right behind the digits belong to them. */
static MgLexResult
digits(const MgLex *lex, MgToken *ret, MgTokenKind kind, size_t at)
{
    while (at < lex->size_bytes && mg_byte_class(lex->text[at]) == MG_BYTE_DIGIT)
        at++;
    if (at < lex->size_bytes && mg_byte_class(lex->text[at]) == MG_BYTE_LETTER)
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
    if (at < lex->size_bytes && mg_byte_class(lex->text[at]) == MG_BYTE_DIGIT)
        return lex_param(lex, ret);
    while (at < lex->size_bytes && mg_is_tag_byte(lex->text[at]))
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

static LexState *const states[MG_N_BYTE_CLASSES] = {
    [MG_BYTE_LETTER] = lex_word,
    [MG_BYTE_DIGIT] = lex_number,
    [MG_BYTE_DOLLAR] = lex_dollar,
    [MG_BYTE_QUOTE] = lex_quote,
    [MG_BYTE_DOUBLE_QUOTE] = lex_double_quote,
    [MG_BYTE_OPERATOR] = lex_operator,
    [MG_BYTE_DASH] = lex_comment,
    [MG_BYTE_SLASH] = lex_xc,
    [MG_BYTE_SEMICOLON] = lex_single,
    [MG_BYTE_OPEN] = lex_single,
    [MG_BYTE_CLOSE] = lex_single,
    [MG_BYTE_BACKSLASH] = lex_single,
    [MG_BYTE_OTHER] = lex_single,
    [MG_BYTE_SPACE] = lex_blank,
    [MG_BYTE_LINE_END] = lex_blank,
};

MgLexResult
mg_lex_next(MgLex *lex, MgToken *ret)
{
    if (lex->at >= lex->size_bytes)
        return lex->is_whole ? MG_LEX_END : MG_LEX_MORE;
    ret->span.begin = lex->at;
    MgLexResult result = states[mg_byte_class(lex->text[lex->at])](lex, ret);
    if (result == MG_LEX_TOKEN)
        lex->at = ret->span.end;
    return result;
}

/* ---- Many at once --------------------------------------------------------- */

/* What begins a token that no state need read; all others need one. */
enum { NEEDS_STATE = MG_TOKEN_BLANK };

static const unsigned char plain_kinds[MG_N_BYTE_CLASSES] = {
    [MG_BYTE_LETTER] = MG_TOKEN_WORD, [MG_BYTE_DIGIT] = MG_TOKEN_NUMBER,
    [MG_BYTE_OPEN] = MG_TOKEN_OPEN,   [MG_BYTE_CLOSE] = MG_TOKEN_CLOSE,
    [MG_BYTE_OTHER] = MG_TOKEN_OTHER,
};

/*
 * Where tokens begin and end in a block, if only its bytes are asked.  That finds
 * words, numbers, single characters and most strings, which is nearly all of nearly
 * every text.  The states see the rest, and whatever touches the window's end.
 */
typedef struct Marks {
    size_t at;             /* behind the last token, or behind blanks */
    size_t begin;          /* of the block */
    uint64_t starts, ends; /* the first end belongs to the first start; that of the last may lack */
    uint64_t quotes;       /* that close a string or open one */
    uint64_t glued;        /* of ends: what follows the word there may belong to it */
} Marks;

static inline unsigned
first_bit(uint64_t bits)
{
    return (unsigned)__builtin_ctzll(bits);
}

/* The block at marks->at; where the text ends in it, blanks follow. */
static inline void
read_marks(const MgLex *lex, Marks *marks)
{
    size_t n = lex->size_bytes - marks->at;
    MgBlock block;
    if (n >= MG_BLOCK_BYTES) {
        block = mg_block_read(lex->text + marks->at);
    } else {
        char last[MG_BLOCK_BYTES];
        memset(last, ' ', sizeof last);
        memcpy(last, lex->text + marks->at, n);
        block = mg_block_read(last);
    }
    /* No edge is between two bytes of a word. */
    uint64_t edges = ~(block.words & block.words << 1);
    marks->begin = marks->at;
    marks->starts = edges & ~block.blanks;
    marks->ends = edges & ~block.blanks << 1;
    marks->quotes = lex->has_backslash_quotes ? 0 : block.quotes;
    marks->glued = block.glue & block.words << 1;
    if (n < MG_BLOCK_BYTES && !lex->is_whole)
        marks->ends &= (UINT64_C(1) << n) - 1;
    marks->at += marks->starts == 0 ? MG_BLOCK_BYTES : first_bit(marks->starts);
}

/* A token that the marks do not know has ended at at. */
static inline void
pass_marks(Marks *marks, size_t at)
{
    size_t n = at - marks->begin;
    marks->at = at;
    marks->starts = n < MG_BLOCK_BYTES ? marks->starts >> n << n : 0;
    marks->ends = n < MG_BLOCK_BYTES - 1 ? marks->ends >> (n + 1) << (n + 1) : 0;
}

/*
 * Take the string that opens at start if the block shows its end, and a token behind it
 * that neither continues it nor may be a comment in front of what does.
 */
static inline bool
take_string(const char *text, Marks *marks, unsigned start, MgToken *ret)
{
    uint64_t closing = marks->quotes >> start >> 1;
    if (closing == 0)
        return false;
    unsigned end = start + 1 + first_bit(closing) + 1;
    if (end == MG_BLOCK_BYTES || marks->starts >> end == 0)
        return false;
    char next = text[end + first_bit(marks->starts >> end)];
    if (next == '\'' || next == '-')
        return false;
    *ret = (MgToken){ MG_TOKEN_STRING, { marks->begin + start, marks->begin + end } };
    pass_marks(marks, ret->span.end);
    return true;
}

/* Take tokens up to the first that needs a state; how many they are. */
static inline size_t
take_marked(const MgLex *lex, Marks *marks, MgToken *tokens, size_t max)
{
    const char *text = lex->text + marks->begin;
    MgToken *token = tokens;
    while (token < tokens + max && marks->ends != 0) {
        unsigned start = first_bit(marks->starts);
        unsigned end = first_bit(marks->ends);
        unsigned char kind = plain_kinds[mg_byte_class(text[start])];
        bool is_plain = kind != NEEDS_STATE && (marks->glued >> end & 1) == 0;
        if (is_plain) {
            *token = (MgToken){ (MgTokenKind)kind, { marks->begin + start, marks->begin + end } };
            marks->starts &= marks->starts - 1;
            marks->ends &= marks->ends - 1;
        } else if (text[start] != '\'' || !take_string(text, marks, start, token)) {
            marks->at = marks->begin + start;
            return (size_t)(token - tokens);
        }
        token++;
    }
    if (token > tokens)
        marks->at = token[-1].span.end;
    return (size_t)(token - tokens);
}

MgLexResult
mg_lex_words(MgLex *lex, MgToken *tokens, size_t max, size_t *ret_n)
{
    Marks marks = { .at = lex->at };
    MgLexResult result = MG_LEX_TOKEN;
    size_t n = 0;
    while (n < max) {
        if (marks.ends == 0) {
            if (marks.at >= lex->size_bytes) {
                result = lex->is_whole ? MG_LEX_END : MG_LEX_MORE;
                break;
            }
            read_marks(lex, &marks);
            if (marks.starts == 0 || (marks.ends == 0 && marks.at > marks.begin))
                continue;
        }
        n += take_marked(lex, &marks, tokens + n, max - n);
        if (n == max || (marks.ends == 0 && marks.at > marks.begin))
            continue;
        MgToken *token = &tokens[n];
        token->span.begin = marks.at;
        MgByteClass class = mg_byte_class(lex->text[marks.at]);
        result = class == MG_BYTE_QUOTE ? lex_quote(lex, token) : states[class](lex, token);
        if (result != MG_LEX_TOKEN)
            break;
        pass_marks(&marks, token->span.end);
        if (token->kind == MG_TOKEN_COMMENT) {
            lex->has_comments = true;
            continue;
        }
        n++;
        if (class == MG_BYTE_SEMICOLON || class == MG_BYTE_BACKSLASH)
            break;
    }
    if (result == MG_LEX_END)
        lex->at = lex->size_bytes;
    else if (n > 0)
        lex->at = tokens[n - 1].span.end;
    *ret_n = n;
    return result;
}

MgLexResult
mg_lex_next_word(MgLex *lex, MgToken *ret)
{
    size_t begin = lex->at;
    for (;;) {
        MgLexResult result = mg_lex_next(lex, ret);
        bool is_passed = result == MG_LEX_TOKEN &&
                         (ret->kind == MG_TOKEN_BLANK || ret->kind == MG_TOKEN_COMMENT);
        if (!is_passed) {
            lex->at = result == MG_LEX_MORE || result == MG_LEX_UNTERMINATED ? begin : lex->at;
            return result;
        }
        lex->has_comments |= ret->kind == MG_TOKEN_COMMENT;
    }
}
