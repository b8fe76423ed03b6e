#include "sql/lex_quotes.h"

#include <string.h>

#include "sql/bytes.h"

/* The next byte in [at, end), or end. */
static size_t
find(const MgLex *lex, size_t at, size_t end, char byte)
{
    const char *found = at < end ? memchr(lex->text + at, byte, end - at) : NULL;
    return found != NULL ? (size_t)(found - lex->text) : end;
}

size_t
mg_comment_end(const MgLex *lex, size_t at)
{
    /* A lone \r ends the line too, but stands in hardly any file. */
    return find(lex, at, find(lex, at, lex->size_bytes, '\n'), '\r');
}

size_t
mg_block_comment_end(const MgLex *lex, size_t at)
{
    /* Each mark is a slash with a star on one side; no star belongs to two of them. */
    size_t n_open = 1;
    for (;;) {
        size_t slash = find(lex, at, lex->size_bytes, '/');
        if (slash == lex->size_bytes)
            return MG_NOWHERE;
        if (slash > at && lex->text[slash - 1] == '*') {
            at = slash + 1;
            if (--n_open == 0)
                return at;
        } else if (slash + 1 < lex->size_bytes && lex->text[slash + 1] == '*') {
            at = slash + 2;
            n_open++;
        } else {
            at = slash + 1;
        }
    }
}

size_t
mg_quote_end(const MgLex *lex, size_t at, char mark)
{
    for (;;) {
        size_t closing = find(lex, at, lex->size_bytes, mark);
        if (closing == lex->size_bytes)
            return MG_NOWHERE;
        at = closing + 1;
        if (at == lex->size_bytes)
            return lex->is_whole ? at : MG_NOWHERE;
        if (lex->text[at] != mark)
            return at;
        at++;
    }
}

size_t
mg_escaped_end(const MgLex *lex, size_t at)
{
    while (at < lex->size_bytes) {
        if (lex->text[at] == '\\') {
            at += 2;
        } else if (lex->text[at] != '\'') {
            at++;
        } else if (at + 1 == lex->size_bytes) {
            return lex->is_whole ? at + 1 : MG_NOWHERE;
        } else if (lex->text[at + 1] != '\'') {
            return at + 1;
        } else {
            at += 2;
        }
    }
    return MG_NOWHERE;
}

size_t
mg_dollar_end(const MgLex *lex, MgSpan tag)
{
    const char *text = lex->text;
    size_t tag_bytes = tag.end - tag.begin;
    size_t at = tag.end;
    while (lex->size_bytes - at >= tag_bytes) {
        size_t last = lex->size_bytes - tag_bytes + 1;
        size_t dollar = find(lex, at, last, '$');
        if (dollar == last)
            break;
        if (memcmp(text + dollar, text + tag.begin, tag_bytes) == 0)
            return dollar + tag_bytes;
        at = dollar + 1;
    }
    return MG_NOWHERE;
}

size_t
mg_continuation(const MgLex *lex, size_t at)
{
    const char *text = lex->text;
    size_t end = at;
    bool has_line_end = false;
    while (at < lex->size_bytes) {
        bool is_last = at + 1 == lex->size_bytes;
        if (mg_is_blank(text[at])) {
            has_line_end = has_line_end || mg_is_line_end(text[at]);
            at++;
        } else if (text[at] == '-' && !is_last && text[at + 1] == '-') {
            at = mg_comment_end(lex, at + 2);
        } else if (text[at] == '-' && is_last) {
            break;
        } else {
            return text[at] == '\'' && has_line_end ? at : end;
        }
    }
    return lex->is_whole ? end : MG_NOWHERE;
}
