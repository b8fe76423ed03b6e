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
#include "source/feed.h"
#include "source/format.h"
#include "sql/loss.h"
#include "sql/stmt.h"

/* Of a down script in the history. */
enum { MAX_STORED_BYTES = 1 << 20 };

static void
feed_payload(void *payload, const char *text, size_t size_bytes)
{
    mg_feed_text(payload, text, size_bytes);
}

typedef struct Analysis {
    MgScript *script;
    MgDirectiveKind direction;
    MgArena *arena;
    MgWalk walk;
    MgFeed text, tokens;
    int n_statements; /* without transaction control */
    int n_controls;   /* BEGIN, COMMIT and the like */
    int n_refusing;
    unsigned directives; /* given so far, a bit for each kind */
    MgError *begin;      /* a BEGIN is open: the error if no COMMIT comes */
    MgError *commit;     /* a COMMIT without BEGIN: the error if anything follows it */
    MgError *trouble;    /* refuses the script unless it is marked */
    MgError *mark;       /* of another tool: the error if a statement follows it */
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

/* Is there nothing else on its line?  Play's comments begin with a "#", which is none for us. */
static bool
is_own_line(const char *text, MgSpan comment)
{
    size_t at = comment.begin;
    while (at > 0 && (text[at - 1] == ' ' || text[at - 1] == '\t' || text[at - 1] == '#'))
        at--;
    return at == 0 || text[at - 1] == '\n' || text[at - 1] == '\r';
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
        if (directive.foreign != NULL && !is_own_line(lex.text, token.span))
            continue;
        if (directive.foreign != NULL) {
            mg_mark_refuse(directive.foreign, err);
            mg_walk_show(&a->walk, directive.span, err);
            return false;
        }
        mg_fail(err, MG_E_FILE, "the directive \"-- migrate:%.*s\" stands inside a statement",
                (int)directive.name_bytes, directive.name);
        mg_walk_show(&a->walk, directive.span, err);
        mg_error_hint(err, "End the statement before it with a semicolon, or move the line out"
                           " of it.");
        return false;
    }
    return true;
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

    if (a->mark != NULL) {
        *err = *a->mark;
        return false;
    }
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
    mg_feed_statement(&a->tokens, head);
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

/* A script of the way back may begin with its mark: all of it is meant. */
static void
take_mark(Analysis *a, const MgDirective *directive)
{
    bool is_heading = a->direction == MG_DIRECTIVE_DOWN && a->n_statements + a->n_controls == 0;
    if (is_heading || a->mark != NULL)
        return;
    a->mark = MG_NEW_IN(a->arena, MgError);
    mg_mark_refuse(directive->foreign, a->mark);
    mg_walk_show(&a->walk, directive->span, a->mark);
}

static bool
take_directive(Analysis *a, const MgDirective *directive, MgError *err)
{
    MgDirectiveKind kind = directive->kind;
    if (directive->foreign != NULL) {
        take_mark(a, directive);
        return true;
    }
    bool is_marker = kind == MG_DIRECTIVE_UP || kind == MG_DIRECTIVE_DOWN;
    bool is_taken = mg_directive_apply(a->script, directive, err) &&
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
        mg_feed_directive(&a->tokens, directive);
    return true;
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
            mg_feed_copy_data(&a->tokens, a->walk.reader->text + item.span.begin,
                              item.span.end - item.span.begin);
            break;
        case MG_WALK_COPY_END:
            mg_feed_copy_end(&a->tokens);
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
    char text[MG_FEED_ROOM_BYTES], tokens[MG_FEED_ROOM_BYTES];
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
    a.text = (MgFeed){ .digest = reading->text_digest, .pending = reading->room->text };
    a.tokens = (MgFeed){ .digest = reading->token_digest, .pending = reading->room->tokens };
    bool is_fine = analyse(&a, reader, &reading->room->head, err);
    mg_feed_end(&a.text, result.digest);
    mg_feed_end(&a.tokens, result.token_digest);
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

static bool
digest_text(const char *inherited, MgReader *reader, MgFeed *text, char ret[MG_DIGEST_HEX_BYTES],
            MgError *err)
{
    char hex[MG_DIGEST_HEX_BYTES];
    if (inherited != NULL)
        mg_feed_text(text, inherited, strlen(inherited));
    MgWalk walk;
    mg_walk_init(&walk, reader, feed_payload, text);
    bool is_read = mg_walk_pass(&walk, err);
    mg_feed_end(text, hex);
    if (is_read)
        memcpy(ret, hex, sizeof hex);
    return is_read;
}

bool
mg_script_digest_reader(const char *inherited, MgReader *reader, const MgReading *reading,
                        char ret[MG_DIGEST_HEX_BYTES], MgError *err)
{
    MgFeed text = { .digest = reading->text_digest, .pending = reading->room->text };
    return digest_text(inherited, reader, &text, ret, err);
}

bool
mg_script_digest(const MgScript *script, char ret[MG_DIGEST_HEX_BYTES], MgError *err)
{
    MG_CLEANUP(reader) MgReader reader = { .fd = -1 };
    if (!mg_script_open(script, &reader, err))
        return false;
    char pending[MG_FEED_ROOM_BYTES];
    MgFeed text = { .digest = mg_digest_begin(), .pending = pending };
    bool is_read = digest_text(script->inherited, &reader, &text, ret, err);
    mg_digest_drop(text.digest);
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
