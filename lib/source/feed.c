/*
 * What a script's two digests are made of.  Tokens come in by the million: they
 * are gathered, and the digest gets them in large pieces.
 */
#include "source/feed.h"

#include <string.h>

enum {
    /* Beside token_marks, in the token digest. */
    KIND_STATEMENT_END = 'S',
    KIND_COPY_DATA = 'C',
    KIND_DIRECTIVE = 'D',
};

/* In the token digest: histories hold it, so these never change. */
static const char token_marks[] = {
    [MG_TOKEN_WORD] = 'w',   [MG_TOKEN_QUOTED_WORD] = 'q', [MG_TOKEN_STRING] = 's',
    [MG_TOKEN_DOLLAR] = 'd', [MG_TOKEN_NUMBER] = 'n',      [MG_TOKEN_PARAM] = 'p',
    [MG_TOKEN_OPEN] = '(',   [MG_TOKEN_CLOSE] = ')',       [MG_TOKEN_SEMICOLON] = ';',
    [MG_TOKEN_OTHER] = 'o',  [MG_TOKEN_BACKSLASH] = '\\',
};

static void
feed_flush(MgFeed *feed)
{
    mg_digest_add(feed->digest, feed->pending, feed->n);
    feed->n = 0;
}

static void
feed_bytes(MgFeed *feed, const char *bytes, size_t n)
{
    if (n > MG_FEED_BYTES - feed->n)
        feed_flush(feed);
    if (n > MG_FEED_BYTES) {
        mg_digest_add(feed->digest, bytes, n);
        return;
    }
    memcpy(feed->pending + feed->n, bytes, n);
    feed->n += n;
}

void
mg_feed_text(MgFeed *feed, const char *text, size_t size_bytes)
{
    const char *end = text + size_bytes;
    if (text == end)
        return;
    if (feed->is_after_cr && *text == '\n')
        text++;
    feed->is_after_cr = false;
    while (text < end) {
        const char *cr = memchr(text, '\r', (size_t)(end - text));
        feed_bytes(feed, text, (size_t)((cr == NULL ? end : cr) - text));
        if (cr == NULL)
            break;
        feed_bytes(feed, "\n", 1);
        text = cr + 1;
        if (text == end)
            feed->is_after_cr = true;
        else if (*text == '\n')
            text++;
    }
}

/* Begin an item of at most MG_FEED_BYTES - 2: where its text and the NUL behind it go. */
static inline char *
feed_begin(MgFeed *feed, char kind, size_t size_bytes)
{
    if (size_bytes + 2 > MG_FEED_BYTES - feed->n)
        feed_flush(feed);
    char *at = feed->pending + feed->n;
    at[0] = kind;
    feed->n += size_bytes + 2;
    return at + 1;
}

/* No part of a script holds a NUL, so one ends each item without ambiguity. */
static void
feed_item(MgFeed *feed, char kind, const char *text, size_t size_bytes)
{
    bool is_short = size_bytes <= MG_FEED_BYTES - 2 && memchr(text, '\r', size_bytes) == NULL;
    if (is_short) {
        char *at = feed_begin(feed, kind, size_bytes);
        memcpy(at, text, size_bytes);
        at[size_bytes] = '\0';
        return;
    }
    feed_bytes(feed, &kind, 1);
    mg_feed_text(feed, text, size_bytes);
    feed_bytes(feed, "", 1);
    feed->is_after_cr = false;
}

/* As the server does: what is not quoted means the same in capitals, and formatters like them. */
static inline void
fold(char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        text[i] = (char)(text[i] | (text[i] >= 'A' && text[i] <= 'Z' ? 'a' - 'A' : 0));
}

/*
 * A token that is not quoted, and so has no line end in it; text can be read up
 * to text_end.  What is longer than all that is gathered counts as it is written.
 */
static inline void
feed_word(MgFeed *feed, char kind, const char *text, size_t size_bytes, const char *text_end)
{
    if (size_bytes + 2 > MG_FEED_BYTES) {
        feed_item(feed, kind, text, size_bytes);
        return;
    }
    char *at = feed_begin(feed, kind, size_bytes);
    if (size_bytes <= MG_FEED_COPY_BYTES && text_end - text >= MG_FEED_COPY_BYTES) {
        memcpy(at, text, MG_FEED_COPY_BYTES);
        fold(at, MG_FEED_COPY_BYTES);
    } else {
        memcpy(at, text, size_bytes);
        fold(at, size_bytes);
    }
    at[size_bytes] = '\0';
}

void
mg_feed_directive(MgFeed *feed, const MgDirective *directive)
{
    feed_item(feed, KIND_DIRECTIVE, directive->name, directive->name_bytes);
    feed_item(feed, KIND_DIRECTIVE, directive->value, directive->value_bytes);
}

void
mg_feed_end(MgFeed *feed, char ret_hex[MG_DIGEST_HEX_BYTES])
{
    feed_flush(feed);
    mg_digest_next(feed->digest, ret_hex);
}

static bool
can_hold_line_end(MgTokenKind kind)
{
    return kind == MG_TOKEN_STRING || kind == MG_TOKEN_DOLLAR || kind == MG_TOKEN_QUOTED_WORD;
}

static void
feed_tokens(MgFeed *feed, const MgLex *lex, const MgToken *tokens, size_t n)
{
    const char *end = lex->text + lex->size_bytes;
    for (size_t i = 0; i < n; i++) {
        MgSpan span = tokens[i].span;
        char mark = token_marks[tokens[i].kind];
        if (can_hold_line_end(tokens[i].kind))
            feed_item(feed, mark, lex->text + span.begin, span.end - span.begin);
        else
            feed_word(feed, mark, lex->text + span.begin, span.end - span.begin, end);
    }
}

void
mg_feed_statement(MgFeed *feed, const MgStmtHead *head)
{
    enum { MORE_TOKENS = 256 };
    feed_tokens(feed, &head->lex, head->tokens, head->n);
    MgLex rest = head->lex;
    if (head->n > 0)
        rest.at = head->tokens[head->n - 1].span.end;
    while (rest.at < rest.size_bytes) {
        MgToken tokens[MORE_TOKENS];
        size_t n;
        (void)mg_lex_words(&rest, tokens, MORE_TOKENS, &n);
        feed_tokens(feed, &rest, tokens, n);
        if (n == 0)
            break;
    }
    feed_item(feed, KIND_STATEMENT_END, "", 0);
}

void
mg_feed_copy_data(MgFeed *feed, const char *text, size_t size_bytes)
{
    if (!feed->is_in_copy_data) {
        char kind = KIND_COPY_DATA;
        feed_bytes(feed, &kind, 1);
    }
    feed->is_in_copy_data = true;
    mg_feed_text(feed, text, size_bytes);
}

void
mg_feed_copy_end(MgFeed *feed)
{
    mg_feed_copy_data(feed, "", 0);
    feed->is_in_copy_data = false;
    feed_bytes(feed, "", 1);
    feed->is_after_cr = false;
}
