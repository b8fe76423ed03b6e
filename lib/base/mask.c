/* Passwords in texts.  Rather masks too much than too little; knows no grammar. */
#include "base/mask.h"

#include <stdbool.h>
#include <string.h>

static const char word[] = "password";

static bool
is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Is the word at at, as a word of its own or the end of one, in any case? */
static bool
is_word_at(const char *text, size_t size_bytes, size_t at)
{
    if (size_bytes - at < sizeof word - 1)
        return false;
    for (size_t i = 0; i < sizeof word - 1; i++)
        if ((text[at + i] | 0x20) != word[i])
            return false;
    size_t behind = at + sizeof word - 1;
    return behind == size_bytes || !is_letter(text[behind]);
}

static void
blank_out(char *text, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++)
        if (text[i] != '\n' && text[i] != '\r')
            text[i] = '*';
}

/* at is behind an opening quote; returns where its string ends, at the closing quote. */
static size_t
end_of_string(const char *text, size_t size_bytes, size_t at)
{
    while (at < size_bytes && !(text[at] == '\'' && (at + 1 == size_bytes || text[at + 1] != '\'')))
        at += text[at] == '\'' || (text[at] == '\\' && at + 1 < size_bytes) ? 2 : 1;
    return at < size_bytes ? at : size_bytes;
}

static bool
is_quote_pair(const char *text, size_t size_bytes, size_t at)
{
    return at + 1 < size_bytes && text[at] == '\'' && text[at + 1] == '\'';
}

/* Two quotes that open a string inside a string, and are not an empty one. */
static bool
is_doubled_quote(const char *text, size_t size_bytes, size_t at)
{
    return is_quote_pair(text, size_bytes, at) && at + 2 < size_bytes && text[at + 2] != '\'' &&
           !is_blank(text[at + 2]) && strchr(";),", text[at + 2]) == NULL;
}

/* Over blanks, "=", ":=", "=>" and comments. */
static size_t
skip_to_value(const char *text, size_t size_bytes, size_t at)
{
    for (;;) {
        while (at < size_bytes &&
               (is_blank(text[at]) || text[at] == '=' || text[at] == ':' || text[at] == '>'))
            at++;
        if (size_bytes - at < 2)
            return at;
        if (memcmp(text + at, "--", 2) == 0) {
            while (at < size_bytes && text[at] != '\n')
                at++;
        } else if (memcmp(text + at, "/*", 2) == 0) {
            for (at += 2; at < size_bytes && memcmp(text + at - 2, "*/", 2) != 0; at++)
                ;
        } else {
            return at;
        }
    }
}

/* The word may be the end of a quoted name, or of a literal whose value is the next one. */
static size_t
skip_closer(const char *text, size_t size_bytes, size_t at)
{
    if (at < size_bytes &&
        (text[at] == '"' || (text[at] == '\'' && at + 1 < size_bytes && text[at + 1] == ',')))
        at++;
    return at < size_bytes && text[at] == ',' && text[at - 1] == '\'' ? at + 1 : at;
}

/* E'...', N'...', U&'...' */
static size_t
skip_prefix(const char *text, size_t size_bytes, size_t at)
{
    if (at + 1 < size_bytes && strchr("EeNn", text[at]) != NULL && text[at + 1] == '\'')
        return at + 1;
    if (at + 2 < size_bytes && (text[at] | 0x20) == 'u' && text[at + 1] == '&' &&
        text[at + 2] == '\'')
        return at + 2;
    return at;
}

/* $tag$ ... $tag$: at is its first dollar; returns the end of what stands inside, or at. */
static size_t
mask_dollar(char *text, size_t size_bytes, size_t at)
{
    size_t tag_end = at + 1;
    while (tag_end < size_bytes && is_letter(text[tag_end]))
        tag_end++;
    if (tag_end == size_bytes || text[tag_end] != '$')
        return at;
    size_t tag_bytes = tag_end + 1 - at, end = tag_end + 1;
    while (end + tag_bytes <= size_bytes && memcmp(text + end, text + at, tag_bytes) != 0)
        end++;
    if (end + tag_bytes > size_bytes)
        end = size_bytes;
    blank_out(text, tag_end + 1, end);
    return end;
}

/* "password: secret", as YAML and JSON have it; a cast has two colons, an assignment ":=". */
static bool
is_field(const char *text, size_t size_bytes, size_t at)
{
    return at < size_bytes && text[at] == ':' &&
           (at + 1 == size_bytes || (text[at + 1] != ':' && text[at + 1] != '='));
}

/* at is behind the colon; to the closing quote, else to the end of the line. */
static size_t
mask_field(char *text, size_t size_bytes, size_t at)
{
    while (at < size_bytes && (text[at] == ' ' || text[at] == '\t'))
        at++;
    bool is_quoted = at < size_bytes && text[at] == '"';
    size_t begin = at + is_quoted, end = begin;
    while (end < size_bytes && text[end] != '\n' && text[end] != '\r' &&
           !(is_quoted && text[end] == '"'))
        end += is_quoted && text[end] == '\\' && end + 1 < size_bytes ? 2 : 1;
    blank_out(text, begin, end);
    return end;
}

/* Mask what stands behind the word; returns where to go on. */
static size_t
mask_behind(char *text, size_t size_bytes, size_t at)
{
    if (at < size_bytes && text[at] == '=' && at + 1 < size_bytes && text[at + 1] != '\'' &&
        !is_blank(text[at + 1])) {
        size_t end = at + 1;
        while (end < size_bytes && !is_blank(text[end]) && strchr("'\"&;,)", text[end]) == NULL)
            end++;
        blank_out(text, at + 1, end);
        return end;
    }
    at = skip_closer(text, size_bytes, at);
    if (is_field(text, size_bytes, at))
        return mask_field(text, size_bytes, at + 1);
    at = skip_to_value(text, size_bytes, at);
    at = skip_prefix(text, size_bytes, at);
    if (is_doubled_quote(text, size_bytes, at)) {
        /* The statement stands in a string itself. */
        size_t end = at + 2;
        while (end < size_bytes && !is_quote_pair(text, size_bytes, end))
            end++;
        blank_out(text, at + 2, end);
        return end;
    }
    while (at < size_bytes && text[at] == '\'') {
        size_t end = end_of_string(text, size_bytes, at + 1);
        blank_out(text, at + 1, end);
        if (end == size_bytes)
            return end;
        /* A string goes on behind a line end. */
        at = skip_to_value(text, size_bytes, end + 1);
    }
    return at < size_bytes && text[at] == '$' ? mask_dollar(text, size_bytes, at) : at;
}

/* Is at behind "postgres://", "postgresql://" and the like? */
static bool
is_database_url(const char *text, size_t at)
{
    static const char *const schemes[] = { "postgres://", "postgresql://", "prisma://" };
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        size_t n = strlen(schemes[i]);
        if (at >= n && memcmp(text + at - n, schemes[i], n) == 0)
            return true;
    }
    return false;
}

/*
 * at is behind "://": user:password@host.  In the password of a database URL
 * may be a slash, a quote, and what should have been written %40.
 */
static void
mask_url(char *text, size_t size_bytes, size_t at)
{
    const char *ends = is_database_url(text, at) ? "" : "/'@";
    size_t colon = 0, end = 0;
    for (size_t i = at; i < size_bytes && !is_blank(text[i]); i++) {
        if (text[i] == ':' && colon == 0)
            colon = i;
        if (text[i] == '@' && colon != 0)
            end = i;
        if (strchr(ends, text[i]) != NULL)
            break;
    }
    if (end != 0)
        blank_out(text, colon + 1, end);
}

void
mg_mask_passwords(char *text, size_t size_bytes)
{
    size_t at = 0;
    while (at < size_bytes) {
        if (is_word_at(text, size_bytes, at))
            at = mask_behind(text, size_bytes, at + sizeof word - 1);
        else if (size_bytes - at > 3 && memcmp(text + at, "://", 3) == 0)
            mask_url(text, size_bytes, at += 3);
        else
            at++;
    }
}
