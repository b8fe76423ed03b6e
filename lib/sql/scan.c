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

#include "sql/command.h"
#include "sql/follow.h"
#include "sql/lex.h"

/* What a call of mg_scan_next works on. */
typedef struct Window {
    const char *text;
    size_t size_bytes;
    bool is_whole;
} Window;

static bool
is_line_end(char byte)
{
    return byte == '\n' || byte == '\r';
}

static bool
is_space(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

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
    while (end < window->size_bytes && !is_line_end(text[end]))
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
    BodyState from;
    const char *word;
    BodyState to;
} BodyStep;

static const BodyStep body_steps[] = {
    { AT_START, "CREATE", CREATED },
    { CREATED, "OR", CREATED_OR },
    { CREATED_OR, "REPLACE", CREATED_OR_REPLACE },
    { CREATED, "FUNCTION", ROUTINE },
    { CREATED, "PROCEDURE", ROUTINE },
    { CREATED_OR_REPLACE, "FUNCTION", ROUTINE },
    { CREATED_OR_REPLACE, "PROCEDURE", ROUTINE },
    { ROUTINE, "BEGIN", BEGUN },
    { BEGUN, "BEGIN", BEGUN },
    { BEGUN, "ATOMIC", AT_STATEMENT },
    { AT_STATEMENT, "END", PLAIN },
};

static const BodyState body_otherwise[] = {
    [PLAIN] = PLAIN,
    [AT_START] = PLAIN,
    [CREATED] = PLAIN,
    [CREATED_OR] = PLAIN,
    [CREATED_OR_REPLACE] = PLAIN,
    [ROUTINE] = ROUTINE,
    [BEGUN] = ROUTINE,
    [AT_STATEMENT] = IN_STATEMENT,
    [IN_STATEMENT] = IN_STATEMENT,
};

static BodyState
step_body(BodyState from, const MgLex *lex, const MgToken *token)
{
    for (size_t i = 0; i < sizeof body_steps / sizeof body_steps[0]; i++) {
        if (body_steps[i].from == from && mg_token_is(lex, token, body_steps[i].word))
            return body_steps[i].to;
    }
    return body_otherwise[from];
}

/* A statement on its way. */
typedef struct Progress {
    MgSpan span;
    size_t n_open;     /* parentheses */
    MgSpan open;       /* the outermost one */
    MgSpan body_begin; /* BEGIN of BEGIN ATOMIC */
    BodyState body;
} Progress;

/* Take a token into the statement; true when it is the semicolon behind it. */
static bool
take(Progress *progress, const MgLex *lex, const MgToken *token)
{
    if (token->kind == MG_TOKEN_SEMICOLON && progress->n_open == 0) {
        if (progress->body != AT_STATEMENT && progress->body != IN_STATEMENT)
            return true;
        progress->body = AT_STATEMENT;
    } else if (progress->body != PLAIN && progress->n_open == 0) {
        progress->body = step_body(progress->body, lex, token);
        if (progress->body == BEGUN)
            progress->body_begin = token->span;
    }
    if (token->kind == MG_TOKEN_OPEN && progress->n_open++ == 0)
        progress->open = token->span;
    else if (token->kind == MG_TOKEN_CLOSE && progress->n_open > 0)
        progress->n_open--;
    progress->span.end = token->span.end;
    return false;
}

/* The text ends inside the quote or comment token. */
static MgScanResult
report_unterminated(const MgLex *lex, const MgToken *token, MgScanItem *ret)
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
    if (token->kind == MG_TOKEN_DOLLAR || lex->text[token->span.begin] != texts[token->kind].mark)
        end += (size_t)((const char *)memchr(lex->text + end, texts[token->kind].mark,
                                             lex->size_bytes - end) -
                        (lex->text + end)) +
               1;
    return report(ret, (MgSpan){ token->span.begin, end }, texts[token->kind].message,
                  texts[token->kind].hint);
}

/* The text ends behind the statement, without a semicolon. */
static MgScanResult
end_of_text(const Progress *progress, MgScanItem *ret)
{
    if (progress->n_open > 0)
        return report(ret, progress->open, "unterminated parenthesis",
                      "A semicolon inside parentheses does not end a statement.");
    if (progress->body == AT_STATEMENT || progress->body == IN_STATEMENT)
        return report(
            ret, progress->body_begin, "BEGIN ATOMIC without END",
            "Each statement of the body needs a semicolon, also the last one before END.");
    return MG_SCAN_STATEMENT;
}

/* Yield the statement; behind: where the text goes on. */
static MgScanResult
finish(MgScan *scan, const Window *window, const Progress *progress, size_t behind, MgScanItem *ret)
{
    MgScanResult result = pass(scan, window, behind, MG_SCAN_STATEMENT, ret);
    if (result == MG_SCAN_STATEMENT)
        result = mg_follow_statement(scan, window->text, progress->span, ret);
    if (result == MG_SCAN_ERROR)
        return result;
    scan->at = behind;
    return yield(ret, MG_SCAN_STATEMENT, progress->span.begin, progress->span.end);
}

/* The statement ends with the text, or goes on behind the window; unfinished: see lex.h. */
static MgScanResult
finish_text(MgScan *scan, const Window *window, const MgLex *lex, const Progress *progress,
            MgLexResult why, const MgToken *unfinished, MgScanItem *ret)
{
    if (why == MG_LEX_MORE)
        return more(scan, window, ret);
    MgScanResult verdict = why == MG_LEX_UNTERMINATED ? report_unterminated(lex, unfinished, ret)
                                                      : end_of_text(progress, ret);
    if (verdict == MG_SCAN_ERROR)
        return pass(scan, window, window->size_bytes, verdict, ret);
    return finish(scan, window, progress, window->size_bytes, ret);
}

/* Tokens that are looked at once. */
enum { SPARE_TOKENS = 64 };

/* Where the next tokens go: into the head as long as it has room. */
static MgToken *
room_for_tokens(MgStmtHead *head, MgToken spare[SPARE_TOKENS], size_t *ret_max)
{
    bool has_room = head != NULL && head->n < MG_STMT_HEAD_TOKENS;
    *ret_max = has_room ? MG_STMT_HEAD_TOKENS - head->n : SPARE_TOKENS;
    return has_room ? head->tokens + head->n : spare;
}

/* n tokens of lex have been put where the head has room; span: the statement so far. */
static void
extend_head(MgStmtHead *head, const MgLex *lex, MgSpan span, size_t n)
{
    head->lex = *lex;
    head->lex.at = span.begin;
    head->lex.size_bytes = span.end;
    head->lex.is_whole = true;
    head->n += n;
}

/* lex is at the statement's first token. */
static MgScanResult
read_statement(MgScan *scan, const Window *window, MgLex *lex, MgScanItem *ret)
{
    MgStmtHead *head = scan->head;
    Progress progress = { .span = { lex->at, lex->at }, .body = AT_START };
    if (head != NULL)
        head->n = 0;
    for (;;) {
        MgToken spare[SPARE_TOKENS];
        size_t max, n;
        MgToken *tokens = room_for_tokens(head, spare, &max);
        MgLexResult result = mg_lex_words(lex, tokens, max, &n);
        size_t i = 0;
        while (i < n && tokens[i].kind != MG_TOKEN_BACKSLASH && !take(&progress, lex, &tokens[i]))
            i++;
        if (head != NULL)
            extend_head(head, lex, progress.span, tokens == spare ? 0 : i);
        if (i < n && tokens[i].kind == MG_TOKEN_BACKSLASH)
            return psql_command(scan, window, tokens[i].span.begin, true, ret);
        if (i < n)
            return finish(scan, window, &progress, tokens[i].span.end, ret);
        if (result != MG_LEX_TOKEN)
            return finish_text(scan, window, lex, &progress, result, &tokens[n], ret);
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
        while (scan->at < window->size_bytes && is_space(window->text[scan->at]))
            scan->at++;
        lex.at = scan->at;
        MgLexResult result = mg_lex_next(&lex, &token);
        if (result == MG_LEX_MORE)
            return more(scan, window, ret);
        if (result == MG_LEX_END)
            return pass(scan, window, scan->at, yield(ret, MG_SCAN_END, scan->at, scan->at), ret);
        if (result == MG_LEX_UNTERMINATED)
            return pass(scan, window, window->size_bytes, report_unterminated(&lex, &token, ret),
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
        if (!is_comment && !is_space(byte)) {
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
