/*
 * One script: its statements, directives and digests.
 *
 * The text passes through a window and is never kept, so an error is made, with
 * its excerpt, while its place is still in sight; some of them count only if
 * the end of the script shows that it is not marked "-- migrate:no-transaction".
 */
#include <string.h>

#include "base/buf.h"
#include "base/digest.h"
#include "source/format.h"
#include "sql/loss.h"
#include "sql/stmt.h"

/* ---- Directives ------------------------------------------------------------ */

typedef struct DirectiveRow {
    bool (*apply)(MgScript *script, const char *value);
    const char *rule; /* behind the quoted directive in a message */
} DirectiveRow;

enum {
    VALUE_MAX_BYTES = 64,
    /* Of a down script in the history. */
    MAX_STORED_BYTES = 1 << 20,
    /* More changes than these are no slip of the pen. */
    NEAR_DISTANCE = 4,
};

static bool
apply_no_transaction(MgScript *script, const char *value)
{
    script->is_marked = true;
    return *value == '\0';
}

static bool
apply_lock_timeout(MgScript *script, const char *value)
{
    return mg_text_parse_duration_ms(value, &script->lock_timeout_ms);
}

static bool
apply_statement_timeout(MgScript *script, const char *value)
{
    return mg_text_parse_duration_ms(value, &script->statement_timeout_ms);
}

static bool
apply_retry(MgScript *script, const char *value)
{
    script->is_retry_off = true;
    return strcmp(value, "no") == 0;
}

static bool
apply_destructive(MgScript *script, const char *value)
{
    script->is_destructive_allowed = true;
    return *value == '\0';
}

static bool
apply_marker(MgScript *script, const char *value)
{
    script->is_nothing = strcmp(value, "nothing") == 0;
    return *value == '\0' || script->is_nothing;
}

static const DirectiveRow directive_rows[MG_N_DIRECTIVES] = {
    [MG_DIRECTIVE_NO_TRANSACTION] = { apply_no_transaction, "takes no value" },
    [MG_DIRECTIVE_LOCK_TIMEOUT] = { apply_lock_timeout, "needs a duration such as 5s" },
    [MG_DIRECTIVE_STATEMENT_TIMEOUT] = { apply_statement_timeout,
                                         "needs a duration such as 10min" },
    [MG_DIRECTIVE_RETRY] = { apply_retry, "needs the value no" },
    [MG_DIRECTIVE_DESTRUCTIVE] = { apply_destructive, "takes no value" },
    [MG_DIRECTIVE_UP] = { apply_marker, "takes no value or the value nothing" },
    [MG_DIRECTIVE_DOWN] = { apply_marker, "takes no value or the value nothing" },
};

static const char directive_list[] =
    "The directives are no-transaction, lock-timeout 5s, statement-timeout 10min, retry no,"
    " destructive, and the section lines up, up nothing, down and down nothing.";

static bool
fail_unknown(const MgDirective *directive, MgError *err)
{
    char name[VALUE_MAX_BYTES] = { 0 };
    size_t n = mg_text_cut(directive->name, directive->name_bytes, sizeof name - 1);
    memcpy(name, directive->name, n);

    mg_fail(err, MG_E_FILE, "unknown directive \"-- migrate:%s\"", name);
    mg_error_detail(err, "%s", directive_list);
    const char *nearest = NULL;
    int distance = NEAR_DISTANCE;
    for (size_t i = 0; i < MG_N_DIRECTIVES; i++) {
        int other = mg_text_distance(name, mg_directive_names[i]);
        if (other < distance && other < (int)strlen(mg_directive_names[i])) {
            distance = other;
            nearest = mg_directive_names[i];
        }
    }
    if (nearest != NULL)
        mg_error_hint(err, "Perhaps you meant \"-- migrate:%s\".", nearest);
    mg_error_hint(err, "If it is no directive, write the comment without \"migrate:\".");
    return false;
}

static bool
apply_directive(MgScript *script, const MgDirective *directive, MgError *err)
{
    if (directive->kind == MG_N_DIRECTIVES)
        return fail_unknown(directive, err);

    const DirectiveRow *row = &directive_rows[directive->kind];
    const char *name = mg_directive_names[directive->kind];
    char value[VALUE_MAX_BYTES] = { 0 };
    size_t n = mg_text_cut(directive->value, directive->value_bytes, sizeof value - 1);
    memcpy(value, directive->value, n);
    if (row->apply(script, value) && n == directive->value_bytes)
        return true;

    if (n == 0)
        mg_fail(err, MG_E_FILE, "\"-- migrate:%s\" %s", name, row->rule);
    else
        mg_fail(err, MG_E_FILE, "\"-- migrate:%s\" %s, not \"%s\"", name, row->rule, value);
    if (strstr(value, "transaction:false") != NULL)
        mg_error_hint(err, "For a migration without a transaction, add the line"
                           " \"-- migrate:no-transaction\".");
    return false;
}

/* ---- Digests ------------------------------------------------------------------- */

enum {
    /* The digest is quicker in large pieces. */
    FEED_BYTES = 8192,
    /* Most tokens are shorter, and to copy always as much needs no call and no loop. */
    COPY_BYTES = 16,
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

/* A digest of text in which every line ends in \n, filled in pieces of any size. */
typedef struct Feed {
    MgDigest *digest;
    bool is_after_cr;
    size_t n;
    char *pending; /* FEED_BYTES + COPY_BYTES; borrowed */
} Feed;

static void
feed_flush(Feed *feed)
{
    mg_digest_add(feed->digest, feed->pending, feed->n);
    feed->n = 0;
}

static void
feed_bytes(Feed *feed, const char *bytes, size_t n)
{
    if (n > FEED_BYTES - feed->n)
        feed_flush(feed);
    if (n > FEED_BYTES) {
        mg_digest_add(feed->digest, bytes, n);
        return;
    }
    memcpy(feed->pending + feed->n, bytes, n);
    feed->n += n;
}

static void
feed_text(Feed *feed, const char *text, size_t size_bytes)
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

/* No part of a script holds a NUL, so one ends each item without ambiguity. */
static void
feed_item(Feed *feed, char kind, const char *text, size_t size_bytes)
{
    feed_bytes(feed, &kind, 1);
    feed_text(feed, text, size_bytes);
    feed_bytes(feed, "", 1);
    feed->is_after_cr = false;
}

/* The same, quicker, for a token that has no line end in it; text can be read up to text_end. */
static inline void
feed_word(Feed *feed, char kind, const char *text, size_t size_bytes, const char *text_end)
{
    if (size_bytes + 2 > FEED_BYTES - feed->n) {
        feed_item(feed, kind, text, size_bytes);
        return;
    }
    char *at = feed->pending + feed->n;
    at[0] = kind;
    if (size_bytes <= COPY_BYTES && text_end - text >= COPY_BYTES)
        memcpy(at + 1, text, COPY_BYTES);
    else
        memcpy(at + 1, text, size_bytes);
    at[1 + size_bytes] = '\0';
    feed->n += size_bytes + 2;
}

static void
feed_directive(Feed *feed, const MgDirective *directive)
{
    feed_item(feed, KIND_DIRECTIVE, directive->name, directive->name_bytes);
    feed_item(feed, KIND_DIRECTIVE, directive->value, directive->value_bytes);
}

static void
feed_end(Feed *feed, char ret_hex[MG_DIGEST_HEX_BYTES])
{
    feed_flush(feed);
    mg_digest_next(feed->digest, ret_hex);
}

static void
feed_payload(void *payload, const char *text, size_t size_bytes)
{
    feed_text(payload, text, size_bytes);
}

/* ---- Analysis -------------------------------------------------------------------- */

typedef struct Analysis {
    MgScript *script;
    MgDirectiveKind direction;
    MgArena *arena;
    MgWalk walk;
    Feed text, tokens;
    int n_statements; /* without transaction control */
    int n_controls;   /* BEGIN, COMMIT and the like */
    int n_refusing;
    unsigned directives; /* given so far, a bit for each kind */
    bool is_in_copy_data;
    MgError *begin;   /* a BEGIN is open: the error if no COMMIT comes */
    MgError *commit;  /* a COMMIT without BEGIN: the error if anything follows it */
    MgError *trouble; /* refuses the script unless it is marked */
    MgBuf refusing_excerpt, destructive_excerpt;
    MgLosses losses;
} Analysis;

static MgError *
make_trouble(const Analysis *a, MgSpan span, const char *what, const char *reason)
{
    MgError *err = MG_NEW_IN(a->arena, MgError);
    mg_fail(err, MG_E_FILE, "this %s %s", what, reason);
    mg_walk_show(&a->walk, span, err);
    mg_error_hint(err, "Take it out: a migration runs in one transaction as it is.");
    mg_error_hint(err, "If the file has to control its transactions itself, add the line"
                       " \"-- migrate:no-transaction\".");
    return err;
}

static void
note_trouble(Analysis *a, MgError *trouble)
{
    if (a->trouble == NULL)
        a->trouble = trouble;
}

/* Flat BEGIN ... COMMIT pairs and a last COMMIT can be folded; the rest is trouble. */
static void
take_control(Analysis *a, const MgStmt *stmt, MgSpan span)
{
    bool is_commit = stmt->transaction_control == MG_TX_COMMIT;
    a->n_controls++;
    if (a->trouble != NULL)
        return;
    if (stmt->transaction_control == MG_TX_OTHER)
        a->trouble =
            make_trouble(a, span, stmt->label, "does not fit into the migration's transaction");
    else if (is_commit && a->begin != NULL)
        a->begin = NULL;
    else if (is_commit)
        a->commit =
            make_trouble(a, span, stmt->label, "ends a transaction that the file did not begin");
    else if (a->begin != NULL)
        a->trouble = make_trouble(a, span, stmt->label, "stands inside another transaction block");
    else
        a->begin = make_trouble(a, span, stmt->label, "has no COMMIT");
}

static bool
can_hold_line_end(MgTokenKind kind)
{
    return kind == MG_TOKEN_STRING || kind == MG_TOKEN_DOLLAR || kind == MG_TOKEN_QUOTED_WORD;
}

/* Comments inside a statement are no directives, but nobody may think that they were. */
static bool
check_comments(const Analysis *a, MgLex lex, MgError *err)
{
    MgToken token;
    if (!mg_directive_may_stand(lex.text + lex.at, lex.size_bytes - lex.at))
        return true;
    while (lex.at < lex.size_bytes && mg_lex_next(&lex, &token) == MG_LEX_TOKEN) {
        MgDirective directive;
        if (token.kind != MG_TOKEN_COMMENT || !mg_directive_parse(lex.text, token.span, &directive))
            continue;
        mg_fail(err, MG_E_FILE, "the directive \"-- migrate:%.*s\" stands inside a statement",
                (int)directive.name_bytes, directive.name);
        mg_walk_show(&a->walk, directive.span, err);
        mg_error_hint(err, "End the statement before it with a semicolon, or move the line out"
                           " of it.");
        return false;
    }
    return true;
}

static void
feed_tokens(Feed *feed, const MgLex *lex, const MgToken *tokens, size_t n)
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

/* The scanner has read the first tokens, nearly always all of them. */
static void
take_tokens(Analysis *a, const MgStmtHead *head)
{
    enum { MORE_TOKENS = 256 };
    feed_tokens(&a->tokens, &head->lex, head->tokens, head->n);
    MgLex rest = head->lex;
    if (head->n > 0)
        rest.at = head->tokens[head->n - 1].span.end;
    while (rest.at < rest.size_bytes) {
        MgToken tokens[MORE_TOKENS];
        size_t n;
        (void)mg_lex_words(&rest, tokens, MORE_TOKENS, &n);
        feed_tokens(&a->tokens, &rest, tokens, n);
        if (n == 0)
            break;
    }
    feed_item(&a->tokens, KIND_STATEMENT_END, "", 0);
}

/* Only the end of the script shows whether it is wanted. */
static void
keep_excerpt(Analysis *a, MgSpan span)
{
    MgError shown = { 0 };
    mg_walk_show(&a->walk, span, &shown);
    a->script->refusing_column = shown.column;
    mg_buf_add(&a->refusing_excerpt, shown.excerpt);
}

/* Where the statement stands counts only if no later one makes up for it. */
static void
take_losses(Analysis *a, MgStmtHead *head, MgSpan span)
{
    size_t n = mg_losses_take(&a->losses, head, a->n_statements + a->n_controls, a->arena);
    for (size_t i = a->losses.n - n; i < a->losses.n; i++) {
        MgLoss *loss = &a->losses.items[i];
        loss->line = mg_walk_line(&a->walk, span.begin);
        loss->column = mg_walk_column(&a->walk, span.begin);
        loss->span =
            (MgSpan){ a->walk.reader->offset + span.begin, a->walk.reader->offset + span.end };
    }
}

static bool
take_statement(Analysis *a, MgSpan span, MgError *err)
{
    MgScript *script = a->script;
    MgStmtHead *head = a->walk.scan.head;
    MgStmt stmt;

    if (script->is_nothing) {
        bool is_up = (a->directives & 1u << MG_DIRECTIVE_UP) != 0;
        const char *name = mg_directive_names[is_up ? MG_DIRECTIVE_UP : MG_DIRECTIVE_DOWN];
        mg_fail(err, MG_E_FILE, "a statement stands behind \"-- migrate:%s nothing\"", name);
        mg_walk_show(&a->walk, span, err);
        mg_error_hint(err, "Write \"-- migrate:%s\", so that it runs.", name);
        return false;
    }
    if (head->lex.has_comments && !check_comments(a, head->lex, err))
        return false;
    take_tokens(a, head);
    /* Whoever runs the script does not know the setting: both must come to the same end. */
    if (head->lex.has_backslash_quotes)
        mg_stmt_classify(head->lex.text + span.begin, span.end - span.begin, 0, &stmt);
    else
        mg_stmt_classify_head(head, 0, &stmt);
    note_trouble(a, a->commit);
    a->commit = NULL;
    if (stmt.transaction_control != MG_TX_NONE)
        take_control(a, &stmt, span);
    else
        a->n_statements++;
    take_losses(a, head, span);
    int number = a->n_statements + a->n_controls;
    if ((stmt.builds_index || stmt.drops_index) && number <= 64)
        script->index_changes |= UINT64_C(1) << (number - 1);
    script->can_touch_session |= stmt.can_touch_session;
    script->has_copy_data |= stmt.is_copy_data;
    if (stmt.refuses_transaction && a->n_refusing++ == 0) {
        script->refusing_label = stmt.label;
        script->refusing_line = mg_walk_line(&a->walk, span.begin);
        keep_excerpt(a, span);
    }
    return true;
}

/* A marker is welcome once, before the first statement; directives above it are its file's. */
static bool
take_marker(Analysis *a, const MgDirective *directive, MgError *err)
{
    bool is_ours = a->direction == MG_N_DIRECTIVES || a->direction == directive->kind;
    bool is_first = a->n_statements + a->n_controls == 0 &&
                    (a->directives & (1u << MG_DIRECTIVE_UP | 1u << MG_DIRECTIVE_DOWN)) == 0;
    if (is_ours && is_first) {
        a->directives = 1u << directive->kind;
        return true;
    }
    const char *name = mg_directive_names[directive->kind];
    if (is_ours)
        mg_fail(err, MG_E_FILE, "\"-- migrate:%s\" does not stand at the top", name);
    else
        mg_fail(err, MG_E_FILE, "\"-- migrate:%s\" stands in a file without sections", name);
    mg_error_hint(err, "Only a file named VERSION_NAME.sql has sections; with VERSION_NAME.up.sql"
                       " and VERSION_NAME.down.sql, each file is one direction.");
    return false;
}

static bool
check_twice(Analysis *a, const MgDirective *directive, MgError *err)
{
    unsigned bit = 1u << directive->kind;
    if ((a->directives & bit) != 0)
        return mg_fail(err, MG_E_FILE, "\"-- migrate:%s\" is given twice",
                       mg_directive_names[directive->kind]);
    a->directives |= bit;
    return true;
}

static bool
take_directive(Analysis *a, const MgDirective *directive, MgError *err)
{
    MgDirectiveKind kind = directive->kind;
    bool is_marker = kind == MG_DIRECTIVE_UP || kind == MG_DIRECTIVE_DOWN;
    bool is_taken = apply_directive(a->script, directive, err) &&
                    (is_marker ? take_marker(a, directive, err) : check_twice(a, directive, err));
    if (!is_taken) {
        mg_walk_show(&a->walk, directive->span, err);
        return false;
    }
    /*
     * A script means the same in a section and in a file of its own, and with the consent that
     * one target asks for when others have applied it already.
     */
    if (!is_marker && kind != MG_DIRECTIVE_DESTRUCTIVE)
        feed_directive(&a->tokens, directive);
    return true;
}

/* Data comes in pieces that depend on the window; the digest must not. */
static void
take_copy_data(Analysis *a, MgSpan span, bool is_end)
{
    if (!a->is_in_copy_data) {
        char kind = KIND_COPY_DATA;
        feed_bytes(&a->tokens, &kind, 1);
    }
    a->is_in_copy_data = !is_end;
    if (!is_end) {
        feed_text(&a->tokens, a->walk.reader->text + span.begin, span.end - span.begin);
        return;
    }
    feed_bytes(&a->tokens, "", 1);
    a->tokens.is_after_cr = false;
}

/* What nothing has made up for.  A down script takes away by its nature: nobody asks for lines. */
static void
conclude_losses(Analysis *a)
{
    const MgLosses *losses = &a->losses;
    const MgReader *reader = a->walk.reader;
    MgScript *script = a->script;
    if (losses->n == 0)
        return;
    const MgLoss *first = &losses->items[0];
    script->destructive_label = first->label;
    script->destructive_line = first->line;
    script->destructive_column = first->column;
    for (size_t i = 0; i < losses->n; i++)
        script->n_destructive += i == 0 || first[i].number != first[i - 1].number;
    bool is_wanted = !script->is_destructive_allowed && a->direction != MG_DIRECTIVE_DOWN;
    if (is_wanted && first->span.begin >= reader->offset) {
        MgError shown = { 0 };
        mg_walk_show(
            &a->walk,
            (MgSpan){ first->span.begin - reader->offset, first->span.end - reader->offset },
            &shown);
        mg_buf_add(&a->destructive_excerpt, shown.excerpt);
    }
}

/* The whole script has been seen: how does it run? */
static bool
conclude(Analysis *a, MgError *err)
{
    MgScript *script = a->script;
    note_trouble(a, a->begin);
    if (!script->is_marked && a->trouble != NULL) {
        *err = *a->trouble;
        return false;
    }
    bool is_alone = a->n_refusing > 0 && a->n_refusing == a->n_statements && a->n_controls == 0;
    script->is_transactional = !script->is_marked && !is_alone;
    script->is_mixed = script->is_transactional && a->n_refusing > 0;
    script->n_statements = a->n_statements + (script->is_transactional ? 0 : a->n_controls);
    conclude_losses(a);
    return true;
}

static bool
walk_through(Analysis *a, MgError *err)
{
    for (;;) {
        MgWalkItem item;
        bool is_fine = mg_walk_next(&a->walk, &item, err);
        if (!is_fine)
            return false;
        switch (item.kind) {
        case MG_WALK_DIRECTIVE:
            is_fine = take_directive(a, &item.directive, err);
            break;
        case MG_WALK_STATEMENT:
            is_fine = take_statement(a, item.span, err);
            break;
        case MG_WALK_COPY_DATA:
        case MG_WALK_COPY_END:
            take_copy_data(a, item.span, item.kind == MG_WALK_COPY_END);
            break;
        case MG_WALK_END:
            return true;
        }
        if (!is_fine)
            return false;
    }
}

static bool
walk_all(Analysis *a, MgReader *reader, MgStmtHead *head, MgError *err)
{
    mg_walk_init(&a->walk, reader, feed_payload, &a->text);
    a->walk.scan.head = head;
    return walk_through(a, err);
}

static bool
analyse(Analysis *a, MgReader *reader, MgStmtHead *head, MgError *err)
{
    const char *inherited = a->script->inherited;
    if (inherited != NULL) {
        MgReader lines;
        mg_reader_open_text(a->script->path, inherited, strlen(inherited), MG_SPAN_ALL, 1, &lines);
        if (!walk_all(a, &lines, head, err))
            return false;
    }
    return walk_all(a, reader, head, err) && conclude(a, err);
}

struct MgReadingRoom {
    MgStmtHead head;
    char text[FEED_BYTES + COPY_BYTES], tokens[FEED_BYTES + COPY_BYTES];
};

void
mg_reading_open(MgReading *reading, MgArena *arena)
{
    *reading = (MgReading){
        .arena = arena,
        .text_digest = mg_digest_begin(),
        .token_digest = mg_digest_begin(),
        .room = mg_realloc(NULL, sizeof *reading->room),
        .reader = { .fd = -1 },
        .folder_fd = -1,
    };
}

void
mg_reading_close(MgReading *reading)
{
    mg_digest_drop(reading->text_digest);
    mg_digest_drop(reading->token_digest);
    mg_free(reading->room);
    mg_reader_close(&reading->reader);
    *reading = (MgReading){ .reader = { .fd = -1 }, .folder_fd = -1 };
}

void
mg_cleanup_reading(MgReading *reading)
{
    mg_reading_close(reading);
}

bool
mg_script_analyse_reader(MgScript *script, MgReader *reader, MgDirectiveKind direction,
                         const MgReading *reading, MgError *err)
{
    MgScript result = {
        .path = script->path,
        .text = script->text,
        .size_bytes = script->size_bytes,
        .part = script->part,
        .first_line = script->first_line,
        .inherited = script->inherited,
        .lock_timeout_ms = -1,
        .statement_timeout_ms = -1,
    };
    Analysis a = { .script = &result, .direction = direction, .arena = reading->arena };
    MgArenaMark mark = mg_arena_mark(reading->arena);
    a.text = (Feed){ .digest = reading->text_digest, .pending = reading->room->text };
    a.tokens = (Feed){ .digest = reading->token_digest, .pending = reading->room->tokens };
    bool is_fine = analyse(&a, reader, &reading->room->head, err);
    feed_end(&a.text, result.digest);
    feed_end(&a.tokens, result.token_digest);
    mg_arena_reset(reading->arena, mark);
    if (is_fine && result.is_mixed)
        result.refusing_excerpt = mg_arena_text(reading->arena, mg_buf_text(&a.refusing_excerpt));
    if (is_fine && a.destructive_excerpt.size_bytes > 0)
        result.destructive_excerpt =
            mg_arena_text(reading->arena, mg_buf_text(&a.destructive_excerpt));
    mg_buf_release(&a.refusing_excerpt);
    mg_buf_release(&a.destructive_excerpt);
    if (is_fine)
        *script = result;
    return is_fine;
}

bool
mg_script_analyse(MgScript *script, MgArena *arena, MgError *err)
{
    MG_CLEANUP(reader) MgReader reader = { .fd = -1 };
    if (!mg_script_open(script, &reader, err))
        return false;
    MG_CLEANUP(reading) MgReading reading;
    mg_reading_open(&reading, arena);
    return mg_script_analyse_reader(script, &reader, MG_N_DIRECTIVES, &reading, err);
}

bool
mg_script_digest(const MgScript *script, char ret[MG_DIGEST_HEX_BYTES], MgError *err)
{
    MG_CLEANUP(reader) MgReader reader = { .fd = -1 };
    if (!mg_script_open(script, &reader, err))
        return false;
    char pending[FEED_BYTES + COPY_BYTES];
    char hex[MG_DIGEST_HEX_BYTES];
    Feed text = { .digest = mg_digest_begin(), .pending = pending };
    if (script->inherited != NULL)
        feed_text(&text, script->inherited, strlen(script->inherited));
    MgWalk walk;
    mg_walk_init(&walk, &reader, feed_payload, &text);
    bool is_read = mg_walk_pass(&walk, err);
    feed_end(&text, hex);
    mg_digest_drop(text.digest);
    if (is_read)
        memcpy(ret, hex, sizeof hex);
    return is_read;
}

bool
mg_script_open(const MgScript *script, MgReader *ret, MgError *err)
{
    if (script->text == NULL)
        return mg_reader_open(script->path, script->part, script->first_line, ret, err);
    mg_reader_open_text(script->path, script->text, script->size_bytes, script->part,
                        script->first_line, ret);
    return true;
}

bool
mg_script_read_stored(const MgScript *script, MgArena *arena, const char **ret, MgError *err)
{
    MG_CLEANUP(reader) MgReader reader = { .fd = -1 };
    if (!mg_script_open(script, &reader, err))
        return false;
    bool is_short = reader.is_whole && reader.size_bytes <= MAX_STORED_BYTES;
    *ret = !is_short ? NULL
                     : mg_arena_format(arena, "%s%.*s",
                                       script->inherited == NULL ? "" : script->inherited,
                                       (int)reader.size_bytes, reader.text);
    return true;
}
