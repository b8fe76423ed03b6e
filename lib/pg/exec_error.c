/* What a failure means, where it is, and what state the database is in. */
#include "pg/exec_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/excerpt.h"
#include "base/mask.h"
#include "sql/lex.h"
#include "sql/quote.h"

enum {
    BEFORE_BYTES = 64 << 10, /* of the file in front of the statement, to find its line's begin */
    AROUND_BYTES = 8 << 10,  /* of the place, for the excerpt */
};

static const char byte_order_mark[] = "\xEF\xBB\xBF";

/* How many characters to mark: the token at the place, but not beyond its line. */
static size_t
mark_width(const char *text, size_t size_bytes)
{
    MgLex lex = { .text = text, .size_bytes = size_bytes, .is_whole = true };
    MgToken token = { 0 };
    if (mg_lex_next(&lex, &token) != MG_LEX_TOKEN || token.kind == MG_TOKEN_BLANK)
        return 1;
    size_t n = 0;
    while (n < token.span.end && text[n] != '\n' && text[n] != '\r')
        n++;
    size_t width = mg_text_characters(text, n);
    return width == 0 ? 1 : width;
}

/* A statement of a file, read again: what was sent is gone by the time the server complains. */
typedef struct MgPlace {
    MgReader reader;
    size_t at;       /* in the window: the statement's begin, then the place */
    int line_offset; /* between lines of the file and of the reader, which starts at 1 */
} MgPlace;

static bool
is_inside_character(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* Move on by characters, or bytes, sliding the window of a very long statement. */
static void
advance(MgPlace *place, int n_characters, bool are_bytes)
{
    MgReader *reader = &place->reader;
    MgError ignored; /* the server's error matters, not that the excerpt is missing */
    for (;;) {
        /* The window may begin or end inside a character. */
        while (place->at < reader->size_bytes && is_inside_character(reader->text[place->at]))
            place->at++;
        for (; n_characters > 0 && place->at < reader->size_bytes; n_characters--) {
            place->at++;
            while (!are_bytes && place->at < reader->size_bytes &&
                   is_inside_character(reader->text[place->at]))
                place->at++;
        }
        if (n_characters == 0 || reader->is_whole || reader->size_bytes <= AROUND_BYTES)
            return;
        size_t drop_bytes = reader->size_bytes - AROUND_BYTES;
        if (!mg_reader_slide(reader, drop_bytes, &ignored))
            return;
        place->at -= drop_bytes;
    }
}

/* 1-based, in characters; 0 when the line's begin is not in the window. */
static int
column_of(const MgPlace *place)
{
    const MgReader *reader = &place->reader;
    size_t begin = place->at;
    while (begin > 0 && reader->text[begin - 1] != '\n' && reader->text[begin - 1] != '\r')
        begin--;
    if (begin == 0 && reader->offset > 0 && place->line_offset + reader->line > 1)
        return 0;
    bool has_mark = begin + reader->offset == 0 && place->at >= sizeof byte_order_mark - 1 &&
                    memcmp(reader->text, byte_order_mark, sizeof byte_order_mark - 1) == 0;
    return 1 - has_mark + (int)mg_text_characters(reader->text + begin, place->at - begin);
}

static void
fill_place(const MgPlace *place, bool has_position, MgError *err)
{
    const MgReader *reader = &place->reader;
    size_t begin = place->at > AROUND_BYTES ? place->at - AROUND_BYTES : 0;
    size_t size_bytes = reader->size_bytes - begin;
    if (size_bytes > (size_t)2 * AROUND_BYTES)
        size_bytes = (size_t)2 * AROUND_BYTES;
    int first_line = place->line_offset + reader->line + mg_count_lines(reader->text, begin);
    int line = first_line + mg_count_lines(reader->text + begin, place->at - begin);
    size_t width = 0;
    if (has_position)
        width = mark_width(reader->text + place->at, reader->size_bytes - place->at);
    mg_error_at(err, err->place, line, has_position ? column_of(place) : 0);

    MG_CLEANUP(buf) MgBuf text = { 0 };
    MG_CLEANUP(buf) MgBuf excerpt = { 0 };
    mg_buf_add_n(&text, reader->text + begin, size_bytes);
    mg_mask_passwords(text.text, text.size_bytes);
    mg_excerpt(text.text, text.size_bytes, first_line, place->at - begin, width, &excerpt);
    mg_text_copy(err->excerpt, sizeof err->excerpt, mg_buf_text(&excerpt));
}

void
mg_exec_place_at(const MgExec *exec, const MgTag *tag, int position, MgError *err)
{
    const MgScript *script = exec->input->steps[tag->item].script;
    size_t before = tag->span.begin - script->part.begin;
    if (before > BEFORE_BYTES)
        before = BEFORE_BYTES;
    MgScript around = *script;
    around.part = (MgSpan){ tag->span.begin - before, tag->span.end + AROUND_BYTES };
    if (around.part.end > script->part.end)
        around.part.end = script->part.end;
    around.first_line = 1;

    mg_error_at(err, script->path, tag->line, 0);
    MgPlace place = { .reader = { .fd = -1 }, .at = before };
    MgError ignored; /* as above */
    if (!mg_script_open(&around, &place.reader, &ignored))
        return;
    if (place.reader.size_bytes > before) {
        place.line_offset =
            tag->line - place.reader.line - mg_count_lines(place.reader.text, before);
        if (position > 0)
            advance(&place, position - 1, mg_conn_counts_bytes(exec->input->conn));
        fill_place(&place, position > 0, err);
    }
    mg_reader_close(&place.reader);
}

void
mg_exec_add_detail(MgError *err, const char *format, ...)
{
    MG_CLEANUP(buf) MgBuf text = { 0 };
    va_list args;
    if (err->detail[0] != '\0')
        mg_buf_format(&text, "%s\n", err->detail);
    va_start(args, format);
    mg_buf_vformat(&text, format, args);
    va_end(args);
    mg_error_detail(err, "%s", mg_buf_text(&text));
}

/* ---- By role -------------------------------------------------------------------- */

/*
 * Is it sure that a transaction did not commit?  Its COMMIT was not even made,
 * or the server has refused something in front of it.
 */
static bool
is_rolled_back(const MgExec *exec, size_t step_i)
{
    bool is_one = exec->input->is_one_transaction;
    bool is_refused = exec->has_failed && exec->failed_sqlstate[0] != '\0' &&
                      exec->failed_tag.role != MG_ROLE_LAST_COMMIT &&
                      exec->failed_tag.role != MG_ROLE_NONE &&
                      (is_one || exec->failed_tag.item == step_i);
    return exec->input->steps[step_i].is_transactional &&
           (is_refused || exec->step_i < (is_one ? exec->input->n_steps : step_i + 1));
}

/* What stays of this run; a redo has reverted first what it then applies. */
static size_t
count_before(const MgExec *exec, MgDirection direction)
{
    size_t n = exec->input->n_before;
    for (size_t i = 0; i < exec->n_committed; i++)
        n += exec->input->steps[i].direction == direction;
    return n;
}

void
mg_exec_note_state(const MgExec *exec, size_t step_i, int number, MgError *err)
{
    const MgStep *step = &exec->input->steps[step_i];
    const char *label = step->entry->label;
    bool is_up = step->direction == MG_UP;
    const char *script_of = is_up ? "" : "the down script of ";
    size_t n_before = count_before(exec, step->direction);
    char before[64] = "";
    bool is_unknown =
        (err->code == MG_E_CONNECTION_LOST || mg_conn_is_given_up(exec->input->conn)) &&
        !is_rolled_back(exec, step_i);
    bool is_redo = exec->n_committed > 0 && is_up &&
                   exec->input->steps[exec->n_committed - 1].direction == MG_DOWN;
    if (is_redo)
        snprintf(before, sizeof before, "; it was reverted before, and is pending now");
    else if (n_before == 1)
        snprintf(before, sizeof before, "; the one before it stays %s",
                 is_up ? "applied" : "reverted");
    else if (n_before > 1)
        snprintf(before, sizeof before, "; the %zu before it stay %s", n_before,
                 is_up ? "applied" : "reverted");

    if (exec->input->is_rehearsal)
        mg_error_note(err, "it was a rehearsal: nothing was kept");
    else if (exec->input->is_one_transaction && !is_unknown)
        mg_error_note(err,
                      "nothing was applied: all %zu migrations were in one transaction, which"
                      " was rolled back",
                      exec->input->n_steps);
    else if (err->code == MG_E_DEADLINE && !step->is_transactional && number > 0)
        mg_error_note(err, "%s%s stopped at its statement %d of %d%s", script_of, label, number,
                      step->script->n_statements, before);
    else if (err->code == MG_E_DEADLINE) /* said in the detail: it was not started */
        mg_error_note(err, "%s", n_before == 0 ? "nothing was applied" : before + 2);
    else if (is_unknown)
        mg_error_note(err, "whether %s was %s is not known: see \"migrate status\"%s", label,
                      is_up ? "applied" : "reverted", before);
    else if (step->is_transactional && is_up)
        mg_error_note(err, "%s was rolled back%s", label, before);
    else if (step->is_transactional ||
             (!is_up && number == 1 && step->resume_at == 0 && !mg_exec_is_begun(exec, step_i)))
        mg_error_note(err, "%s stays applied, its down script was rolled back%s", label, before);
    else if (number > 0)
        mg_error_note(err, "%s%s stopped at its statement %d of %d; correct it, and run again%s%s",
                      script_of, label, number, step->script->n_statements,
                      step->entry->version == NULL ? ": it begins at its first" : " to go on there",
                      before);
    else
        mg_error_note(err, "%s%s may have stopped half-way: see \"migrate status\"%s", script_of,
                      label, before);
}

void
mg_exec_place_failure(MgExec *exec, const MgTag *tag, int position, MgError *err)
{
    const MgScript *script = exec->input->steps[tag->item].script;
    if (tag->role == MG_ROLE_STATEMENT)
        mg_exec_place_at(exec, tag, position, err);
    else
        mg_error_at(err, script->path, 0, 0);
    mg_exec_note_state(exec, tag->item, tag->number, err);
}

/* It did not fail where it stands. */
static void
tell_deferred(const MgTag *tag, MgError *err)
{
    if (tag->role == MG_ROLE_CONSTRAINTS)
        mg_exec_add_detail(err, "The check was deferred to the end of the migration.");
    else if (tag->role != MG_ROLE_STATEMENT)
        mg_exec_add_detail(err, "It failed at the COMMIT.");
}

/* What only the server knows: a REINDEX or CLUSTER of a table with partitions.  A SET TRANSACTION
 * that comes too late has the same state. */
static void
advise_outside(const MgExec *exec, const MgTag *tag, const MgResult *result, MgError *err)
{
    if (exec->input->steps[tag->item].is_transactional &&
        strcmp(mg_result_sqlstate(result), "25001") == 0 &&
        strstr(err->message, "transaction block") != NULL)
        mg_error_hint(err, "Put it into a migration of its own: migrate new NAME --no-transaction");
}

static bool
fail_statement(MgExec *exec, const MgTag *tag, const MgResult *result, MgError *err)
{
    int position = mg_result_position(result);
    mg_result_fail(result, MG_E_SQL, err);
    tell_deferred(tag, err);
    if (position == 0 && mg_exec_place_inside(exec, tag, result, err)) {
        mg_exec_note_state(exec, tag->item, tag->number, err);
    } else {
        advise_outside(exec, tag, result, err);
        mg_exec_place_failure(exec, tag, position, err);
    }
    return false;
}

static bool
fail_history(MgExec *exec, const MgTag *tag, const MgResult *result, MgError *err)
{
    const MgExecInput *input = exec->input;
    (void)mg_history_fail_writing(input->table, input->facts, input->conn, result, err);
    if (tag->role == MG_ROLE_CREATE_HISTORY && err->code != MG_E_FENCE) {
        mg_error_note(err, "nothing was applied");
        return false;
    }
    if (err->code == MG_E_FENCE) {
        mg_error_detail(err, "A statement may have released it (DISCARD ALL, "
                             "pg_advisory_unlock_all), or the connection does not lead to one "
                             "backend. Nothing is committed without the lock.");
        err->hint[0][0] = '\0';
        mg_error_hint(err, "Take such a statement out of this migration or the one before it, then "
                           "run again.");
    }
    mg_error_at(err, input->steps[tag->item].script->path, 0, 0);
    mg_exec_note_state(exec, tag->item, tag->number, err);
    return false;
}

bool
mg_exec_fail(MgExec *exec, const MgTag *tag, const MgResult *result, MgError *err)
{
    const char *sqlstate = mg_result_sqlstate(result);

    if (!exec->has_failed) {
        exec->has_failed = true;
        exec->failed_tag = *tag;
        mg_text_copy(exec->failed_sqlstate, sizeof exec->failed_sqlstate, sqlstate);
    }
    if (mg_result_is_end(result)) {
        mg_result_fail(result, MG_E_CONNECTION_LOST, err);
        mg_exec_note_state(exec, tag->item, tag->number, err);
        return false;
    }
    /* What we make fail, fails by a cast, and the fence by a name: their own words never reach the
     * user. */
    bool is_cast = strcmp(sqlstate, "22P02") == 0, is_name = strcmp(sqlstate, "42704") == 0;

    switch ((MgRole)tag->role) {
    case MG_ROLE_CREATE_HISTORY:
        return fail_history(exec, tag, result, err);
    case MG_ROLE_DEADLINE:
        if (is_cast)
            return mg_exec_fail_deadline(&exec->input->steps[tag->item], err);
        break;
    case MG_ROLE_FENCE:
    case MG_ROLE_RECORD:
    case MG_ROLE_MARK:
        if (is_cast || is_name)
            return fail_history(exec, tag, result, err);
        break;
    case MG_ROLE_INDEX_FREE:
    case MG_ROLE_INDEX_VALID:
        if (is_cast)
            return mg_exec_fail_index(exec, tag, result, err);
        break;
    case MG_ROLE_STATEMENT:
    case MG_ROLE_CONSTRAINTS:
    case MG_ROLE_COMMIT:
    case MG_ROLE_LAST_COMMIT:
        return fail_statement(exec, tag, result, err);
    case MG_ROLE_NONE:
    case MG_ROLE_PREPARE:
    case MG_ROLE_BEGIN:
    case MG_ROLE_SET:
    case MG_ROLE_CLEAN:
    case MG_ROLE_CLOSE:
        break;
    }
    mg_result_fail(result, strcmp(sqlstate, "42501") == 0 ? MG_E_PERMISSION : MG_E_SERVER, err);
    mg_error_at(err, exec->input->steps[tag->item].script->path, 0, 0);
    mg_exec_note_state(exec, tag->item, tag->number, err);
    return false;
}
