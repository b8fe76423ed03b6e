/*
 * What the files say, without a database: scripts and their statements, one
 * after the other.  Each file is walked through as its execution would, once to
 * see what it takes away, once to tell of its statements.
 */
#include "migrate.h"

#include <string.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/mask.h"
#include "base/text.h"
#include "context.h"
#include "report/report.h"
#include "source/format.h"
#include "source/source.h"
#include "sql/loss.h"
#include "sql/stmt.h"

enum {
    /* So much of a statement is searched for passwords; its first line is in it. */
    MASKED_BYTES = 2000,
    SHOWN_BYTES = 80,
    DIR_BYTES = 8192,
};

/* A script under the eye. */
typedef struct Showing {
    const MgScriptCalls *calls;
    const MgScript *script;
    MgWalk walk;
    MgArena arena;
    MgLosses losses;
    bool is_telling; /* the second walk */
    int n_seen;      /* statements, folded ones too */
    int n_sent;      /* statements as messages count them */
    size_t loss_i;   /* in losses: the next one to come */
    bool is_due;     /* statement is told when its data has been seen */
    MgStatement statement;
    char text[MASKED_BYTES + 1];
    char shown[SHOWN_BYTES + 1];
} Showing;

static void
tell_statement(Showing *showing)
{
    if (showing->is_due && showing->is_telling)
        showing->calls->on_statement(showing->calls->payload, &showing->statement);
    showing->is_due = false;
}

/* The statement's first line. */
static const char *
first_line(Showing *showing, const char *text, size_t size_bytes)
{
    size_t n = mg_text_cut(text, size_bytes, MASKED_BYTES);
    memcpy(showing->text, text, n);
    showing->text[n] = '\0';
    mg_mask_passwords(showing->text, n);
    showing->text[strcspn(showing->text, "\r\n")] = '\0';
    mg_text_copy(showing->shown, sizeof showing->shown, showing->text);
    return showing->shown;
}

/* What it takes away, if nothing behind it makes up for that. */
static const char *
find_loss(Showing *showing, MgStmtHead *head)
{
    const MgLosses *losses = &showing->losses;
    const char *label = NULL;
    for (; showing->loss_i < losses->n && losses->items[showing->loss_i].number == showing->n_seen;
         showing->loss_i++)
        label = label == NULL ? losses->items[showing->loss_i].label : label;
    if (label != NULL || !losses->is_full)
        return label;
    /* Too many to be remembered: by itself it is one. */
    MgLosses alone = { 0 };
    MgArenaMark mark = mg_arena_mark(&showing->arena);
    if (mg_losses_take(&alone, head, 1, &showing->arena) > 0)
        label = alone.items[0].label;
    mg_arena_reset(&showing->arena, mark);
    return label;
}

static void
take_statement(Showing *showing, MgSpan span)
{
    const MgReader *reader = showing->walk.reader;
    MgStmtHead head;
    MgStmt stmt;
    MgLex lex = { .text = reader->text,
                  .size_bytes = span.end,
                  .at = span.begin,
                  .is_whole = true,
                  .has_backslash_quotes = showing->walk.scan.has_backslash_quotes };
    tell_statement(showing);
    showing->n_seen++;
    mg_head_begin(&head, &lex);
    if (!showing->is_telling) {
        (void)mg_losses_take(&showing->losses, &head, showing->n_seen, &showing->arena);
        return;
    }
    mg_stmt_classify(reader->text + span.begin, span.end - span.begin, 0, &stmt);
    bool is_control = stmt.transaction_control != MG_TX_NONE;
    bool is_folded = is_control && showing->script->is_transactional;
    showing->n_sent += is_folded ? 0 : 1;
    MgDirection direction = showing->statement.direction;
    showing->statement = (MgStatement){
        .direction = direction,
        .number = is_folded ? 0 : showing->n_sent,
        .line = mg_walk_line(&showing->walk, span.begin),
        .column = mg_walk_column(&showing->walk, span.begin),
        .begin = reader->offset + span.begin,
        .end = reader->offset + span.end,
        .label = stmt.label,
        .text = first_line(showing, reader->text + span.begin, span.end - span.begin),
        .destructive_label = find_loss(showing, &head),
        .is_transaction_control = is_control,
        .is_copy_data = stmt.is_copy_data,
        .refuses_transaction = stmt.refuses_transaction,
        .can_touch_session = stmt.can_touch_session,
    };
    showing->is_due = true;
}

/* Data comes in pieces. */
static void
take_data(Showing *showing, MgSpan span, bool is_end)
{
    MgStatement *statement = &showing->statement;
    size_t offset = showing->walk.reader->offset;
    if (statement->data_begin == 0)
        statement->data_begin = statement->data_end = offset + span.begin;
    if (!is_end)
        statement->data_end = offset + span.end;
}

static bool
walk_through(Showing *showing, MgError *err)
{
    MG_CLEANUP(reader) MgReader reader = { .fd = -1 };
    if (!mg_script_open(showing->script, &reader, err))
        return false;
    showing->n_seen = showing->n_sent = 0;
    mg_walk_init(&showing->walk, &reader, NULL, NULL);
    for (MgWalkItem item = { .kind = MG_WALK_DIRECTIVE }; item.kind != MG_WALK_END;) {
        if (!mg_walk_next(&showing->walk, &item, err))
            return false;
        if (item.kind == MG_WALK_STATEMENT)
            take_statement(showing, item.span);
        else if (item.kind == MG_WALK_COPY_DATA || item.kind == MG_WALK_COPY_END)
            take_data(showing, item.span, item.kind == MG_WALK_COPY_END);
    }
    tell_statement(showing);
    return true;
}

static const char *
how(const MgScript *script, MgArena *arena)
{
    if (script->is_mixed)
        return mg_arena_format(arena, "refused: %s at %d:%d among others", script->refusing_label,
                               script->refusing_line, script->refusing_column);
    if (script->is_transactional)
        return "one transaction";
    return script->refusing_label == NULL
               ? "no transaction"
               : mg_arena_format(arena, "no transaction: %s", script->refusing_label);
}

static bool
show_script(const MgMigration *migration, MgDirection direction, const MgScriptCalls *calls,
            MgError *err)
{
    const MgScript *script = direction == MG_UP ? migration->up : migration->down;
    Showing showing = { .calls = calls, .script = script, .statement = { .direction = direction } };
    const MgScriptFacts facts = {
        .version = migration->version,
        .name = migration->name,
        .label = migration->label,
        .kind = migration->kind,
        .direction = direction,
        .file = script->path,
        .digest = script->digest,
        .n_statements = script->n_statements,
        .is_transactional = script->is_transactional,
        .has_copy_data = script->has_copy_data,
        .how = how(script, &showing.arena),
        .destructive_label = script->destructive_label,
        .destructive_line = script->destructive_line,
        .destructive_column = script->destructive_column,
        .n_destructive = script->n_destructive,
        .is_destructive_allowed = script->is_destructive_allowed,
    };
    calls->on_script(calls->payload, &facts);
    bool is_fine = calls->on_statement == NULL || walk_through(&showing, err);
    showing.is_telling = true;
    is_fine = is_fine && (calls->on_statement == NULL || walk_through(&showing, err));
    mg_arena_release(&showing.arena);
    return is_fine;
}

static bool
show_migration(const MgMigration *migration, const MgScriptCalls *calls, MgError *err)
{
    return show_script(migration, MG_UP, calls, err) &&
           (!migration->has_down || show_script(migration, MG_DOWN, calls, err));
}

/* The folder as the settings have it; "" when the files are in memory. */
static bool
find_dir(const MgOptions *options, char ret[DIR_BYTES], MgError *err)
{
    *ret = '\0';
    return mg_check_options(options, err) &&
           (options->files != NULL || mg_setting(options, "dir", ret, DIR_BYTES, err));
}

static bool
show_source(const MgSource *source, const char *version, const MgScriptCalls *calls, MgError *err)
{
    bool is_found = version == NULL;
    const char *near = NULL;
    for (size_t i = 0; i < source->n; i++) {
        const MgMigration *migration = &source->items[i];
        if (version != NULL && !mg_version_matches(version, migration->version, migration->label)) {
            if (near == NULL && strstr(migration->label, version) != NULL)
                near = migration->label;
            continue;
        }
        is_found = true;
        if (!show_migration(migration, calls, err))
            return false;
    }
    if (is_found)
        return true;
    mg_fail(err, MG_E_USAGE, "no migration \"%s\"", version);
    if (near != NULL)
        mg_error_hint(err, "Did you mean %s?", near);
    mg_error_hint(err, "\"migrate show\" lists the migrations that there are.");
    return false;
}

static bool
show_dir(const MgOptions *options, const char *dir, const char *version, const MgScriptCalls *calls,
         MgError *err)
{
    MgArena arena = { 0 };
    MgSource source;
    const MgSourcePlace place = { .dir = options->files != NULL ? NULL : dir,
                                  .files = options->files,
                                  .n_files = options->n_files };
    bool is_fine = mg_digest_load(err) && mg_source_read(&place, &arena, &source, err) &&
                   show_source(&source, version, calls, err);
    mg_arena_release(&arena);
    return is_fine;
}

bool
mg_scripts(const MgOptions *options, const char *version, const MgScriptCalls *calls, MgError *err)
{
    char dir[DIR_BYTES];
    return find_dir(options, dir, err) && show_dir(options, dir, version, calls, err);
}

static void
write_script(void *payload, const MgScriptFacts *script)
{
    mg_report_show_script(payload, script);
}

static void
write_statement(void *payload, const MgStatement *statement)
{
    mg_report_show_statement(payload, statement);
}

bool
mg_write_scripts(const MgOptions *options, const char *version, const MgView *view, MgWrite write,
                 void *payload, MgError *err)
{
    MgShowReport report;
    char dir[DIR_BYTES];
    bool is_found = find_dir(options, dir, err);
    mg_report_show_begin(&report, version != NULL, is_found && *dir != '\0' ? dir : NULL, view,
                         write, payload);
    MgScriptCalls calls = { write_script, version != NULL ? write_statement : NULL, &report };
    bool is_fine = is_found && show_dir(options, dir, version, &calls, err);
    mg_report_show_end(&report, is_fine ? NULL : err);
    return is_fine;
}
