/*
 * What a statement means for the text behind it: the two settings that change
 * how text is read, and COPY, whose data is no SQL.  Psql follows what the
 * server reports; a scan without a server follows the words.
 */
#include "sql/follow.h"

#include <string.h>

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
set_strings(MgScan *scan, const MgCursor *cursor, const MgToken *token, MgScanItem *ret)
{
    static const char *const on[] = { "on", "true", "yes", "1", NULL };
    static const char *const off[] = { "off", "false", "no", "0", NULL };
    (void)ret;
    MgSpan value = value_of(cursor->text, token);
    if (mg_cursor_is(cursor, token, "DEFAULT"))
        scan->has_backslash_quotes = scan->had_backslash_quotes;
    else if (is_any_beginning(cursor->text, value, on))
        scan->has_backslash_quotes = false;
    else if (is_any_beginning(cursor->text, value, off))
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
set_encoding(MgScan *scan, const MgCursor *cursor, const MgToken *token, MgScanItem *ret)
{
    static const char *const harmless[] = { "utf8", "unicode", "sqlascii", "default" };
    (void)scan;
    MgSpan value = value_of(cursor->text, token);
    for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++) {
        if (is_encoding(cursor->text, value, harmless[i]))
            return MG_SCAN_STATEMENT;
    }
    *ret = (MgScanItem){ .span = token->span,
                         .message = "client_encoding must stay UTF8",
                         .hint = "Save the file as UTF-8 and delete this statement." };
    return MG_SCAN_ERROR;
}

typedef struct Setting {
    const char *name;
    MgScanResult (*set)(MgScan *scan, const MgCursor *cursor, const MgToken *value,
                        MgScanItem *ret);
} Setting;

static const Setting settings[] = {
    { "standard_conforming_strings", set_strings },
    { "client_encoding", set_encoding },
};

/* Behind SET: [SESSION | LOCAL] name { TO | = } value, or NAMES value. */
static MgScanResult
follow_set(MgScan *scan, MgCursor *cursor, MgScanItem *ret)
{
    MgToken name, value;
    (void)mg_cursor_take_any(cursor, "SESSION|LOCAL");
    if (!mg_cursor_next(cursor, &name) || !mg_cursor_next(cursor, &value))
        return MG_SCAN_STATEMENT;
    if (mg_cursor_is(cursor, &name, "NAMES"))
        return set_encoding(scan, cursor, &value, ret);
    bool is_assignment =
        mg_cursor_is(cursor, &value, "TO") || cursor->text[value.span.begin] == '=';
    if (!is_assignment || !mg_cursor_next(cursor, &value))
        return MG_SCAN_STATEMENT;
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        if (is_value(cursor->text, value_of(cursor->text, &name), settings[i].name))
            return settings[i].set(scan, cursor, &value, ret);
    }
    return MG_SCAN_STATEMENT;
}

/* Behind RESET or DISCARD: ALL, or the setting's name. */
static MgScanResult
follow_reset(MgScan *scan, MgCursor *cursor, MgScanItem *ret)
{
    MgToken name;
    (void)ret;
    if (!mg_cursor_next(cursor, &name))
        return MG_SCAN_STATEMENT;
    if (mg_cursor_is(cursor, &name, "ALL") ||
        is_value(cursor->text, value_of(cursor->text, &name), settings[0].name))
        scan->has_backslash_quotes = scan->had_backslash_quotes;
    return MG_SCAN_STATEMENT;
}

/* Behind COPY. */
static MgScanResult
follow_copy(MgScan *scan, MgCursor *cursor, MgScanItem *ret)
{
    (void)ret;
    scan->is_copy_line_pending = mg_stmt_is_copy_data(cursor);
    return MG_SCAN_STATEMENT;
}

typedef struct Follower {
    const char *word; /* the statement's first */
    MgScanResult (*follow)(MgScan *scan, MgCursor *cursor, MgScanItem *ret);
} Follower;

static const Follower followers[] = {
    { "SET", follow_set },
    { "RESET", follow_reset },
    { "DISCARD", follow_reset },
    { "COPY", follow_copy },
};

MgScanResult
mg_follow_statement(MgScan *scan, MgStmtHead *head, MgScanItem *ret)
{
    MgCursor cursor = mg_cursor_begin(head);
    const MgToken *first = mg_cursor_look(&cursor);
    for (size_t i = 0; first != NULL && i < sizeof followers / sizeof followers[0]; i++) {
        if (!mg_cursor_is(&cursor, first, followers[i].word))
            continue;
        mg_cursor_pass(&cursor, first);
        return followers[i].follow(scan, &cursor, ret);
    }
    return MG_SCAN_STATEMENT;
}
