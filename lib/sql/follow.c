/*
 * What a statement means for the text behind it: the two settings that change
 * how text is read, and COPY, whose data is no SQL.  Psql follows what the
 * server reports; a scan without a server follows the words.
 */
#include "sql/follow.h"

#include <string.h>

#include "sql/lex.h"
#include "sql/stmt.h"

/* What is between the quotes of a token, or all of it. */
static MgSpan
value_of(const char *text, const MgToken *token)
{
    MgSpan value = token->span;
    char mark = token->kind == MG_TOKEN_STRING ? '\'' : '"';
    if (token->kind != MG_TOKEN_STRING && token->kind != MG_TOKEN_QUOTED_WORD)
        return value;
    while (text[value.begin] != mark)
        value.begin++;
    value.begin++;
    value.end--;
    return value;
}

static bool
is_value(const char *text, MgSpan value, const char *word)
{
    return mg_text_equal_fold_n(text + value.begin, value.end - value.begin, word);
}

/* The server takes any beginning of these words, "o" excepted. */
static bool
is_beginning_of(const char *text, MgSpan value, const char *word)
{
    size_t n = value.end - value.begin;
    if (n == 0 || n > strlen(word) || (n == 1 && word[0] == 'o'))
        return false;
    for (size_t i = 0; i < n; i++) {
        if ((text[value.begin + i] | 0x20) != (word[i] | 0x20))
            return false;
    }
    return true;
}

static bool
is_any_beginning(const char *text, MgSpan value, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (is_beginning_of(text, value, *words))
            return true;
    }
    return false;
}

static MgScanResult
set_strings(MgScan *scan, const MgLex *lex, const MgToken *token, MgScanItem *ret)
{
    static const char *const on[] = { "on", "true", "yes", "1", NULL };
    static const char *const off[] = { "off", "false", "no", "0", NULL };
    (void)ret;
    MgSpan value = value_of(lex->text, token);
    if (mg_token_is(lex, token, "DEFAULT"))
        scan->has_backslash_quotes = scan->had_backslash_quotes;
    else if (is_any_beginning(lex->text, value, on))
        scan->has_backslash_quotes = false;
    else if (is_any_beginning(lex->text, value, off))
        scan->has_backslash_quotes = true;
    return MG_SCAN_STATEMENT;
}

/* The same name as the server sees it: case and punctuation do not count. */
static bool
is_encoding(const char *text, MgSpan value, const char *name)
{
    for (size_t i = value.begin; i < value.end; i++) {
        char byte = (char)(text[i] | 0x20);
        bool counts = (byte >= 'a' && byte <= 'z') || (text[i] >= '0' && text[i] <= '9');
        if (!counts)
            continue;
        if (byte != *name)
            return false;
        name++;
    }
    return *name == '\0';
}

/* In some encodings the second byte of a letter may be a quote. */
static MgScanResult
set_encoding(MgScan *scan, const MgLex *lex, const MgToken *token, MgScanItem *ret)
{
    static const char *const harmless[] = { "utf8", "unicode", "sqlascii", "default" };
    (void)scan;
    MgSpan value = value_of(lex->text, token);
    for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++) {
        if (is_encoding(lex->text, value, harmless[i]))
            return MG_SCAN_STATEMENT;
    }
    *ret = (MgScanItem){ .span = token->span,
                         .message = "client_encoding must stay UTF8",
                         .hint = "Save the file as UTF-8 and delete this statement." };
    return MG_SCAN_ERROR;
}

typedef struct Setting {
    const char *name;
    MgScanResult (*set)(MgScan *scan, const MgLex *lex, const MgToken *value, MgScanItem *ret);
} Setting;

static const Setting settings[] = {
    { "standard_conforming_strings", set_strings },
    { "client_encoding", set_encoding },
};

/* Behind SET: [SESSION | LOCAL] name { TO | = } value, or NAMES value. */
static MgScanResult
follow_set(MgScan *scan, MgLex *lex, MgScanItem *ret)
{
    MgToken name, value;
    if (mg_lex_next_word(lex, &name) != MG_LEX_TOKEN)
        return MG_SCAN_STATEMENT;
    if ((mg_token_is(lex, &name, "SESSION") || mg_token_is(lex, &name, "LOCAL")) &&
        mg_lex_next_word(lex, &name) != MG_LEX_TOKEN)
        return MG_SCAN_STATEMENT;
    if (mg_lex_next_word(lex, &value) != MG_LEX_TOKEN)
        return MG_SCAN_STATEMENT;
    if (mg_token_is(lex, &name, "NAMES"))
        return set_encoding(scan, lex, &value, ret);
    bool is_assignment = mg_token_is(lex, &value, "TO") || lex->text[value.span.begin] == '=';
    if (!is_assignment || mg_lex_next_word(lex, &value) != MG_LEX_TOKEN)
        return MG_SCAN_STATEMENT;
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        if (is_value(lex->text, value_of(lex->text, &name), settings[i].name))
            return settings[i].set(scan, lex, &value, ret);
    }
    return MG_SCAN_STATEMENT;
}

/* Behind RESET or DISCARD: ALL, or the setting's name. */
static MgScanResult
follow_reset(MgScan *scan, MgLex *lex, MgScanItem *ret)
{
    MgToken name;
    (void)ret;
    if (mg_lex_next_word(lex, &name) != MG_LEX_TOKEN)
        return MG_SCAN_STATEMENT;
    if (mg_token_is(lex, &name, "ALL") ||
        is_value(lex->text, value_of(lex->text, &name), settings[0].name))
        scan->has_backslash_quotes = scan->had_backslash_quotes;
    return MG_SCAN_STATEMENT;
}

/* Behind COPY. */
static MgScanResult
follow_copy(MgScan *scan, MgLex *lex, MgScanItem *ret)
{
    (void)ret;
    scan->is_copy_line_pending = mg_stmt_is_copy_data(lex);
    return MG_SCAN_STATEMENT;
}

typedef struct Follower {
    const char *word; /* the statement's first */
    MgScanResult (*follow)(MgScan *scan, MgLex *lex, MgScanItem *ret);
} Follower;

static const Follower followers[] = {
    { "SET", follow_set },
    { "RESET", follow_reset },
    { "DISCARD", follow_reset },
    { "COPY", follow_copy },
};

MgScanResult
mg_follow_statement(MgScan *scan, const char *text, MgSpan statement, MgScanItem *ret)
{
    char initial = (char)(text[statement.begin] | 0x20);
    if (initial != 's' && initial != 'r' && initial != 'd' && initial != 'c')
        return MG_SCAN_STATEMENT;
    MgLex lex = { .text = text,
                  .size_bytes = statement.end,
                  .at = statement.begin,
                  .is_whole = true,
                  .has_backslash_quotes = scan->has_backslash_quotes };
    MgToken first;
    if (mg_lex_next(&lex, &first) != MG_LEX_TOKEN)
        return MG_SCAN_STATEMENT;
    for (size_t i = 0; i < sizeof followers / sizeof followers[0]; i++) {
        if (mg_token_is(&lex, &first, followers[i].word))
            return followers[i].follow(scan, &lex, ret);
    }
    return MG_SCAN_STATEMENT;
}
