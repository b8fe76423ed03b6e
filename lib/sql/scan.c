/*
 * Statements of a SQL file.  Knows where statements end, what psql would not
 * send to the server, and the two settings that change how text is read; what
 * a statement means is stmt.c's.
 *
 * Between statements the scan is in one of three states:
 *
 *   state              goes on with
 *   statements         the next statement, or a \restrict line
 *   copy line pending  the rest of a COPY's line, which must be blank
 *   copy data          lines up to one that is \. and nothing else
 *
 * The rule it guards: the same text gives the same items whatever the windows
 * are.  So an item is yielded only when what stands behind the window cannot
 * change it, and of two errors the one that is passed over first is reported.
 * A statement that is cut by the window is read again from its beginning; since
 * windows double, that keeps the whole scan linear.
 */
#include "sql/scan.h"

#include <string.h>

#include "sql/bytes.h"
#include "sql/command.h"
#include "sql/follow.h"
#include "sql/lex.h"

/* What a call of mg_scan_next works on. */
typedef struct Window {
    const char *text;
    size_t size_bytes;
    bool is_whole;
} Window;

static MgScanResult
report(MgScanItem *ret, MgSpan place, const char *message, const char *hint)
{
    *ret = (MgScanItem){ .span = place, .message = message, .hint = hint };
    return MG_SCAN_ERROR;
}

static MgScanResult
yield(MgScanItem *ret, MgScanResult result, size_t begin, size_t end)
{
    *ret = (MgScanItem){ .span = { begin, end } };
    return result;
}

/* ---- UTF-8 ------------------------------------------------------------- */

static MgScanResult
report_byte(const Window *window, size_t at, MgScanItem *ret)
{
    static const char hint[] = "Save the file as UTF-8.";
    const char *message = window->text[at] == '\0' ? "NUL byte" : "invalid UTF-8";
    return report(ret, (MgSpan){ at, at + 1 }, message, hint);
}

/* Remember how much is valid; true if all of [0, end) is.  Many short calls would cost more. */
static bool
check(MgScan *scan, const Window *window, size_t end)
{
    enum { AHEAD_BYTES = 4096 };
    if (scan->checked_bytes >= end)
        return true;
    size_t ahead = window->size_bytes - end;
    size_t limit = end + (ahead < AHEAD_BYTES ? ahead : AHEAD_BYTES);
    scan->checked_bytes +=
        mg_text_valid_utf8(window->text + scan->checked_bytes, limit - scan->checked_bytes);
    return scan->checked_bytes >= end;
}

/* Everything before end is decided: the first bad byte there, or else result. */
static MgScanResult
pass(MgScan *scan, const Window *window, size_t end, MgScanResult result, MgScanItem *ret)
{
    if (!check(scan, window, end))
        return report_byte(window, scan->checked_bytes, ret);
    return result;
}

/*
 * An item goes on behind the window.  All of the window belongs to it, so a bad
 * byte can be reported already: a wrong file is not read to its end.
 */
static MgScanResult
more(MgScan *scan, const Window *window, MgScanItem *ret)
{
    enum { CHARACTER_MAX_BYTES = 4 };
    if (check(scan, window, window->size_bytes))
        return MG_SCAN_MORE;
    size_t rest = window->size_bytes - scan->checked_bytes;
    if (rest < CHARACTER_MAX_BYTES && window->text[scan->checked_bytes] != '\0')
        return MG_SCAN_MORE; /* perhaps a character cut by the window */
    return report_byte(window, scan->checked_bytes, ret);
}

/*
 * The psql command at begin takes the rest of its line.  MG_SCAN_STATEMENT:
 * it has been dealt with, and scan->at is behind it.
 */
static MgScanResult
psql_command(MgScan *scan, const Window *window, size_t begin, bool is_in_statement,
             MgScanItem *ret)
{
    const char *text = window->text;
    size_t end = begin;
    while (end < window->size_bytes && !mg_is_line_end(text[end]))
        end++;
    if (end == window->size_bytes && !window->is_whole)
        return more(scan, window, ret);
    if (!check(scan, window, end))
        return report_byte(window, scan->checked_bytes, ret);

    MgScanResult result = mg_command_take(scan, text, (MgSpan){ begin, end }, is_in_statement, ret);
    if (result == MG_SCAN_STATEMENT)
        scan->at = end;
    return result;
}

/* ---- Statements --------------------------------------------------------- */

/*
 * Is the statement a routine with a body of its own, and are we inside it?
 * Only its first words and the words BEGIN ATOMIC and END count, at depth 0.
 *
 *   state          CREATE  OR  REPLACE  FUNCTION  BEGIN  ATOMIC  END    ;      other
 *   AT_START       CREATED                                                    PLAIN
 *   CREATED                OR           ROUTINE                               PLAIN
 *   CREATED_OR                 CREATED_OR_REPLACE                             PLAIN
 *   .._REPLACE                          ROUTINE                               PLAIN
 *   ROUTINE                                       BEGUN                 (end)  ROUTINE
 *   BEGUN                                         BEGUN  AT_STMT        (end)  ROUTINE
 *   AT_STMT                                              IN_STMT PLAIN  AT_STMT IN_STMT
 *   IN_STMT                                                             AT_STMT IN_STMT
 *   PLAIN                                                               (end)  PLAIN
 *
 * Every statement of the body ends with a semicolon, and no expression holds
 * one: so the END of the body is the one at the beginning of a statement, and
 * CASE ... END needs no counting.
 */
typedef enum BodyState {
    PLAIN,
    AT_START,
    CREATED,
    CREATED_OR,
    CREATED_OR_REPLACE,
    ROUTINE,
    BEGUN,
    AT_STATEMENT, /* in the body, behind ATOMIC or a semicolon */
    IN_STATEMENT, /* in the body, elsewhere */
} BodyState;

typedef struct BodyStep {
    const char *word;
    BodyState to;
} BodyStep;

static const struct {
    BodyState otherwise;
    BodyStep steps[3];
} body_states[] = {
    [PLAIN] = { PLAIN, { { NULL, PLAIN } } },
    [AT_START] = { PLAIN, { { "CREATE", CREATED } } },
    [CREATED] = { PLAIN,
                  { { "OR", CREATED_OR }, { "FUNCTION", ROUTINE }, { "PROCEDURE", ROUTINE } } },
    [CREATED_OR] = { PLAIN, { { "REPLACE", CREATED_OR_REPLACE } } },
    [CREATED_OR_REPLACE] = { PLAIN, { { "FUNCTION", ROUTINE }, { "PROCEDURE", ROUTINE } } },
    [ROUTINE] = { ROUTINE, { { "BEGIN", BEGUN } } },
    [BEGUN] = { ROUTINE, { { "BEGIN", BEGUN }, { "ATOMIC", AT_STATEMENT } } },
    [AT_STATEMENT] = { IN_STATEMENT, { { "END", PLAIN } } },
    [IN_STATEMENT] = { IN_STATEMENT, { { NULL, PLAIN } } },
};

static BodyState
step_body(BodyState from, const MgLex *lex, const MgToken *token)
{
    const BodyStep *steps = body_states[from].steps;
    const size_t n = sizeof body_states[from].steps / sizeof steps[0];
    for (size_t i = 0; i < n && steps[i].word != NULL; i++) {
        if (mg_token_is(lex, token, steps[i].word))
            return steps[i].to;
    }
    return body_states[from].otherwise;
}

/* A statement on its way. */
typedef struct Progress {
    MgSpan span;
    int n_open;        /* parentheses */
    MgSpan body_begin; /* BEGIN of BEGIN ATOMIC */
    BodyState body;
} Progress;

/* A token outside parentheses that may belong to a body; true: it is a semicolon of the body. */
static bool
take_in_routine(Progress *progress, const MgLex *lex, const MgToken *token)
{
    if (token->kind == MG_TOKEN_SEMICOLON) {
        if (progress->body != AT_STATEMENT && progress->body != IN_STATEMENT)
            return false;
        progress->body = AT_STATEMENT;
        return true;
    }
    progress->body = step_body(progress->body, lex, token);
    if (progress->body == BEGUN)
        progress->body_begin = token->span;
    return false;
}

/* How many parentheses are open behind the tokens.  Without a guess: they follow no rule. */
static inline int
count_open(int n_open, const MgToken *tokens, size_t n)
{
    static const signed char steps[MG_N_TOKEN_KINDS] = {
        [MG_TOKEN_OPEN] = 1, [MG_TOKEN_CLOSE] = -1
    };
    for (size_t i = 0; i < n; i++) {
        n_open += steps[tokens[i].kind];
        n_open = n_open < 0 ? 0 : n_open;
    }
    return n_open;
}

/*
 * Take the tokens before the semicolon behind the statement, or a backslash; how
 * many they are.  Either is the last of the tokens, see lex.h.
 */
static size_t
take(Progress *progress, const MgLex *lex, const MgToken *tokens, size_t n)
{
    bool is_in_body = false;
    size_t i = 0;
    for (; i < n && progress->body != PLAIN; i++) {
        is_in_body = progress->n_open == 0 && take_in_routine(progress, lex, &tokens[i]);
        progress->n_open = count_open(progress->n_open, &tokens[i], 1);
    }
    progress->n_open = count_open(progress->n_open, tokens + i, n - i);
    if (n == 0)
        return n;
    bool is_semicolon = tokens[n - 1].kind == MG_TOKEN_SEMICOLON;
    if (tokens[n - 1].kind == MG_TOKEN_BACKSLASH ||
        (is_semicolon && progress->n_open == 0 && !is_in_body))
        n--;
    if (n > 0)
        progress->span.end = tokens[n - 1].span.end;
    return n;
}

/* The text ends inside the quote or comment token. */
static MgScanResult
report_unterminated(const Window *window, const MgToken *token, MgScanItem *ret)
{
    static const struct {
        char mark;
        const char *message, *hint;
    } texts[] = {
        [MG_TOKEN_COMMENT] = { '*', "unterminated comment",
                               "Comments nest: each /* needs a */ of its own." },
        [MG_TOKEN_QUOTED_WORD] = { '"', "unterminated quoted identifier", NULL },
        [MG_TOKEN_STRING] = { '\'', "unterminated quoted string",
                              "Write '' for a single quote inside a string." },
        [MG_TOKEN_DOLLAR] = { '$', "unterminated dollar-quoted string",
                              "It ends at the very same $tag$, in the same case." },
    };
    /* The place is the opening mark: what follows it may be megabytes. */
    size_t end = token->span.begin + 1;
    if (token->kind == MG_TOKEN_DOLLAR ||
        window->text[token->span.begin] != texts[token->kind].mark)
        end += (size_t)((const char *)memchr(window->text + end, texts[token->kind].mark,
                                             window->size_bytes - end) -
                        (window->text + end)) +
               1;
    return report(ret, (MgSpan){ token->span.begin, end }, texts[token->kind].message,
                  texts[token->kind].hint);
}

/* The outermost parenthesis that is open at the statement's end; lex is at its beginning. */
static MgSpan
find_open(MgLex lex)
{
    int n_open = 0;
    MgSpan open = { lex.at, lex.size_bytes };
    MgToken token;
    while (mg_lex_next_word(&lex, &token) == MG_LEX_TOKEN) {
        if (n_open == 0)
            open = token.span;
        n_open = count_open(n_open, &token, 1);
    }
    return open;
}

/* The text ends behind the statement, without a semicolon. */
static MgScanResult
end_of_text(const Progress *progress, const MgStmtHead *head, MgScanItem *ret)
{
    if (progress->n_open > 0)
        return report(ret, find_open(head->lex), "unterminated parenthesis",
                      "A semicolon inside parentheses does not end a statement.");
    if (progress->body == AT_STATEMENT || progress->body == IN_STATEMENT)
        return report(
            ret, progress->body_begin, "BEGIN ATOMIC without END",
            "Each statement of the body needs a semicolon, also the last one before END.");
    return MG_SCAN_STATEMENT;
}

/* Yield the statement; behind: where the text goes on. */
static MgScanResult
finish(MgScan *scan, const Window *window, const Progress *progress, MgStmtHead *head,
       size_t behind, MgScanItem *ret)
{
    MgScanResult result = pass(scan, window, behind, MG_SCAN_STATEMENT, ret);
    if (result == MG_SCAN_STATEMENT)
        result = mg_follow_statement(scan, head, ret);
    if (result == MG_SCAN_ERROR)
        return result;
    scan->at = behind;
    return yield(ret, MG_SCAN_STATEMENT, progress->span.begin, progress->span.end);
}

/* The statement ends with the text, or goes on behind the window; unfinished: see lex.h. */
static MgScanResult
finish_text(MgScan *scan, const Window *window, const Progress *progress, MgStmtHead *head,
            MgLexResult why, const MgToken *unfinished, MgScanItem *ret)
{
    if (why == MG_LEX_MORE)
        return more(scan, window, ret);
    MgScanResult verdict = why == MG_LEX_UNTERMINATED ? report_unterminated(window, unfinished, ret)
                                                      : end_of_text(progress, head, ret);
    if (verdict == MG_SCAN_ERROR)
        return pass(scan, window, window->size_bytes, verdict, ret);
    return finish(scan, window, progress, head, window->size_bytes, ret);
}

/* lex is at the statement's first token. */
static MgScanResult
read_statement(MgScan *scan, const Window *window, MgLex *lex, MgScanItem *ret)
{
    enum { MORE_TOKENS = 64 };
    MgStmtHead own;
    MgStmtHead *head = scan->head != NULL ? scan->head : &own;
    Progress progress = { .span = { lex->at, lex->at }, .body = AT_START };
    head->n = 0;
    for (;;) {
        MgToken more_tokens[MORE_TOKENS];
        size_t n, room = MG_STMT_HEAD_TOKENS - head->n;
        MgToken *tokens = room > 0 ? head->tokens + head->n : more_tokens;
        MgLexResult result = mg_lex_words(lex, tokens, room > 0 ? room : MORE_TOKENS, &n);
        size_t n_taken = take(&progress, lex, tokens, n);
        head->n += room > 0 ? n_taken : 0;
        if (n_taken < n && tokens[n_taken].kind == MG_TOKEN_BACKSLASH)
            return psql_command(scan, window, tokens[n_taken].span.begin, true, ret);
        if (n_taken == n && result == MG_LEX_TOKEN)
            continue;
        head->lex = *lex;
        head->lex.at = progress.span.begin;
        head->lex.size_bytes = progress.span.end;
        head->lex.is_whole = true;
        if (n_taken < n)
            return finish(scan, window, &progress, head, tokens[n_taken].span.end, ret);
        return finish_text(scan, window, &progress, head, result, &tokens[n], ret);
    }
}

/* Blanks, comments and empty statements, then one statement. */
static MgScanResult
next_statement(MgScan *scan, const Window *window, MgScanItem *ret)
{
    MgLex lex = { .text = window->text,
                  .size_bytes = window->size_bytes,
                  .at = scan->at,
                  .is_whole = window->is_whole,
                  .has_backslash_quotes = scan->has_backslash_quotes };
    for (;;) {
        MgToken token;
        while (scan->at < window->size_bytes && mg_is_blank(window->text[scan->at]))
            scan->at++;
        lex.at = scan->at;
        if (lex.at < lex.size_bytes && mg_byte_class(lex.text[lex.at]) == MG_BYTE_LETTER)
            return read_statement(scan, window, &lex, ret);
        MgLexResult result = mg_lex_next(&lex, &token);
        if (result == MG_LEX_MORE)
            return more(scan, window, ret);
        if (result == MG_LEX_END)
            return pass(scan, window, scan->at, yield(ret, MG_SCAN_END, scan->at, scan->at), ret);
        if (result == MG_LEX_UNTERMINATED)
            return pass(scan, window, window->size_bytes, report_unterminated(window, &token, ret),
                        ret);
        if (token.kind == MG_TOKEN_BACKSLASH) {
            MgScanResult verdict = psql_command(scan, window, token.span.begin, false, ret);
            if (verdict != MG_SCAN_STATEMENT)
                return verdict;
        } else if (token.kind == MG_TOKEN_COMMENT || token.kind == MG_TOKEN_SEMICOLON) {
            if (!check(scan, window, token.span.end))
                return report_byte(window, scan->checked_bytes, ret);
            scan->at = token.span.end;
        } else {
            lex.at = scan->at;
            return read_statement(scan, window, &lex, ret);
        }
    }
}

/* ---- COPY data ---------------------------------------------------------- */

/*
 * The rest of the line on which a COPY ends.  Psql would run it behind the
 * data, where no reader expects it.  MG_SCAN_STATEMENT: the data begins.
 */
static MgScanResult
copy_line(MgScan *scan, const Window *window, MgScanItem *ret)
{
    size_t at = scan->at;
    for (bool is_comment = false; at < window->size_bytes; at++) {
        char byte = window->text[at];
        if (byte == '\n')
            break;
        if (byte == '-' && !is_comment && at + 1 == window->size_bytes && !window->is_whole)
            return more(scan, window, ret);
        bool is_dashes = byte == '-' && at + 1 < window->size_bytes && window->text[at + 1] == '-';
        is_comment = byte != '\r' && (is_comment || is_dashes);
        if (!is_comment && !mg_is_blank(byte)) {
            MgSpan place = { at, at + 1 };
            return pass(scan, window, at,
                        report(ret, place, "text behind COPY ... FROM STDIN on its line",
                               "Put it behind the data, on a line of its own."),
                        ret);
        }
    }
    if (at == window->size_bytes && !window->is_whole)
        return more(scan, window, ret);
    scan->at = at < window->size_bytes ? at + 1 : at;
    scan->is_copy_line_pending = false;
    scan->is_in_copy_data = true;
    return pass(scan, window, scan->at, MG_SCAN_STATEMENT, ret);
}

/* Behind the line which begins at begin; 0 when its end is not in the window. */
static size_t
line_end(const Window *window, size_t begin)
{
    const char *end = memchr(window->text + begin, '\n', window->size_bytes - begin);
    if (end != NULL)
        return (size_t)(end - window->text) + 1;
    return window->is_whole ? window->size_bytes : 0;
}

static bool
is_end_mark(const char *line, size_t n)
{
    if (n < 2 || line[0] != '\\' || line[1] != '.')
        return false;
    return n == 2 || (n == 3 && line[2] == '\n') || (n == 4 && memcmp(line + 2, "\r\n", 2) == 0);
}

/* Yield the valid whole lines of [scan->at, end); bad bytes come when their line does. */
static MgScanResult
copy_lines(MgScan *scan, const Window *window, size_t end, MgScanItem *ret)
{
    size_t begin = scan->at;
    if (!check(scan, window, end)) {
        end = scan->checked_bytes;
        while (end > begin && window->text[end - 1] != '\n')
            end--;
        if (end == begin)
            return report_byte(window, scan->checked_bytes, ret);
    }
    scan->at = end;
    return yield(ret, MG_SCAN_COPY_DATA, begin, end);
}

static MgScanResult
copy_data(MgScan *scan, const Window *window, MgScanItem *ret)
{
    size_t begin = scan->at;
    size_t end = window->size_bytes > begin ? line_end(window, begin) : 0;
    while (end != 0 && !is_end_mark(window->text + begin, end - begin)) {
        begin = end;
        end = window->size_bytes > begin ? line_end(window, begin) : 0;
    }
    if (begin > scan->at)
        return copy_lines(scan, window, begin, ret);
    if (end == 0 && !window->is_whole)
        return more(scan, window, ret);
    scan->is_in_copy_data = false;
    scan->at = end != 0 ? end : begin;
    return yield(ret, MG_SCAN_COPY_END, begin, end != 0 ? begin + 2 : begin);
}

/* ---- The scan ----------------------------------------------------------- */

/* Pass over a byte order mark; false when the window is too small to tell. */
static bool
begin_text(MgScan *scan, const Window *window)
{
    static const char mark[] = "\xEF\xBB\xBF";
    size_t n = sizeof mark - 1;
    size_t seen = 0;
    while (seen < n && seen < window->size_bytes && window->text[seen] == mark[seen])
        seen++;
    if (seen == window->size_bytes && seen < n && !window->is_whole)
        return false;
    if (seen == n)
        scan->at = n;
    scan->is_begun = true;
    return true;
}

void
mg_scan_init(MgScan *scan, bool has_backslash_quotes)
{
    *scan = (MgScan){ .has_backslash_quotes = has_backslash_quotes,
                      .had_backslash_quotes = has_backslash_quotes };
}

MgScanResult
mg_scan_next(MgScan *scan, const char *text, size_t size_bytes, bool is_whole, MgScanItem *ret)
{
    Window window = { text, size_bytes, is_whole };
    if (!scan->is_begun && !begin_text(scan, &window))
        return MG_SCAN_MORE;
    if (scan->is_copy_line_pending) {
        MgScanResult result = copy_line(scan, &window, ret);
        if (result != MG_SCAN_STATEMENT)
            return result;
    }
    return scan->is_in_copy_data ? copy_data(scan, &window, ret)
                                 : next_statement(scan, &window, ret);
}

void
mg_scan_slid(MgScan *scan)
{
    scan->checked_bytes -= scan->checked_bytes < scan->at ? scan->checked_bytes : scan->at;
    scan->at = 0;
}
