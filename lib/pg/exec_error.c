/* What a failure means, where it is, and what state the database is in. */
#include "pg/exec_parts.h"

#include <stdio.h>
#include <string.h>

#include "base/excerpt.h"
#include "sql/lex.h"

enum {
    BEFORE_BYTES = 4096, /* of the file in front of the statement, for the first line shown */
    SHOWN_BYTES = 1 << 20,
};

/* Byte of the character at position (1-based) in text; the end when it is behind. */
static size_t
byte_at(const char *text, size_t size_bytes, int position)
{
    size_t at = 0;
    for (int i = 1; i < position && at < size_bytes; i++) {
        at++;
        while (at < size_bytes && ((unsigned char)text[at] & 0xc0) == 0x80)
            at++;
    }
    return at;
}

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

/* reader's window starts a little before the statement at byte begin of the window. */
static void
fill_place(const MgReader *reader, size_t begin, const MgTag *tag, int position, MgError *err)
{
    size_t size_bytes = tag->span.end - tag->span.begin;
    if (size_bytes > reader->size_bytes - begin)
        size_bytes = reader->size_bytes - begin;
    const char *statement = reader->text + begin;
    size_t at = begin + (position > 0 ? byte_at(statement, size_bytes, position) : 0);
    int line = tag->line + mg_count_lines(statement, at - begin);
    int column = 0;
    size_t width = 0;

    if (position > 0) {
        size_t line_begin = at;
        while (line_begin > 0 && reader->text[line_begin - 1] != '\n' &&
               reader->text[line_begin - 1] != '\r')
            line_begin--;
        column = 1 + (int)mg_text_characters(reader->text + line_begin, at - line_begin);
        width = mark_width(reader->text + at, reader->size_bytes - at);
    }
    mg_error_at(err, err->place, line, column);

    MG_CLEANUP(buf) MgBuf excerpt = { 0 };
    mg_excerpt(reader->text, reader->size_bytes, tag->line - mg_count_lines(reader->text, begin),
               at, width, &excerpt);
    mg_text_copy(err->excerpt, sizeof err->excerpt, mg_buf_text(&excerpt));
}

static void
place_statement(const MgScript *script, const MgTag *tag, int position, MgError *err)
{
    mg_error_at(err, script->path, tag->line, 0);

    /* Read the statement again with some text around it: what was sent is gone by now. */
    size_t begin = tag->span.begin;
    size_t before = begin - script->part.begin;
    if (before > BEFORE_BYTES)
        before = BEFORE_BYTES;
    MgScript around = *script;
    around.part = (MgSpan){ begin - before, begin + SHOWN_BYTES };
    MG_CLEANUP(reader) MgReader reader = { .fd = -1 };
    MgError ignored; /* the server's error matters, not that the excerpt is missing */
    if (mg_script_open(&around, &reader, &ignored) && reader.size_bytes > before)
        fill_place(&reader, before, tag, position, err);
}

/* ---- By role -------------------------------------------------------------------- */

static void
note_rest(const MgExec *exec, const MgTag *tag, MgError *err)
{
    const MgStep *step = &exec->input->steps[tag->item];
    const char *label = step->entry->label;
    const char *state = step->direction == MG_UP ? "applied" : "reverted";
    char before[64] = "";
    if (exec->n_committed == 1)
        snprintf(before, sizeof before, "; the one before it stays %s", state);
    else if (exec->n_committed > 1)
        snprintf(before, sizeof before, "; the %zu before it stay %s", exec->n_committed, state);
    if (!step->is_transactional && tag->number > 0)
        mg_error_note(err, "%s stopped at its statement %d of %d; run again to go on there%s",
                      label, tag->number, step->script->n_statements, before);
    else
        mg_error_note(err, "%s was rolled back%s", label, before);
}

void
mg_exec_place_failure(MgExec *exec, const MgTag *tag, int position, MgError *err)
{
    const MgScript *script = exec->input->steps[tag->item].script;
    if (tag->role == MG_ROLE_STATEMENT)
        place_statement(script, tag, position, err);
    else
        mg_error_at(err, script->path, 0, 0);
    note_rest(exec, tag, err);
}

static bool
fail_statement(MgExec *exec, const MgTag *tag, const MgResult *result, MgError *err)
{
    mg_result_fail(result, MG_E_SQL, err);
    mg_exec_place_failure(exec, tag, mg_result_position(result), err);
    return false;
}

static bool
fail_fence(MgExec *exec, const MgTag *tag, MgError *err)
{
    mg_fail(err, MG_E_FENCE, "this session does not hold its lock any more");
    mg_error_detail(err, "A statement may have released it (DISCARD ALL, "
                         "pg_advisory_unlock_all), or the connection does not lead to one "
                         "backend.  Nothing is committed without the lock.");
    mg_error_hint(err, "Remove such statements from the migration before, then run again.");
    mg_error_at(err, exec->input->steps[tag->item].script->path, 0, 0);
    note_rest(exec, tag, err);
    return false;
}

static bool
fail_create(const MgExec *exec, const MgResult *result, MgError *err)
{
    const MgHistoryTable *table = exec->input->table;
    MgError server;
    mg_result_fail(result, MG_E_SERVER, &server);
    if (strcmp(server.sqlstate, "42501") != 0) {
        *err = server;
        return false;
    }
    mg_fail(err, MG_E_PERMISSION, "could not create history table \"%s\": %s", table->shown,
            server.message);
    mg_text_copy(err->sqlstate, sizeof err->sqlstate, server.sqlstate);
    if (exec->input->facts->has_schema)
        mg_error_hint(err, "As an owner: GRANT CREATE ON SCHEMA %s TO %s;", table->schema,
                      mg_conn_user(exec->input->conn));
    else
        mg_error_hint(err, "As an owner: GRANT CREATE ON DATABASE %s TO %s;",
                      mg_conn_database(exec->input->conn), mg_conn_user(exec->input->conn));
    mg_error_note(err, "nothing was applied");
    return false;
}

bool
mg_exec_fail(MgExec *exec, const MgTag *tag, const MgResult *result, MgError *err)
{
    const char *sqlstate = mg_result_sqlstate(result);

    exec->failed_tag = *tag;
    mg_text_copy(exec->failed_sqlstate, sizeof exec->failed_sqlstate, sqlstate);
    /* 57P01 and friends: the server is going away, whatever it was doing. */
    if (mg_text_starts(sqlstate, "57P") || mg_text_starts(sqlstate, "08")) {
        mg_result_fail(result, MG_E_CONNECTION_LOST, err);
        note_rest(exec, tag, err);
        return false;
    }
    /* The fence fails by a cast: its own words never reach the user. */
    bool is_cast = strcmp(sqlstate, "22P02") == 0;

    switch ((MgRole)tag->role) {
    case MG_ROLE_CREATE_HISTORY:
        return is_cast ? fail_fence(exec, tag, err) : fail_create(exec, result, err);
    case MG_ROLE_FENCE:
    case MG_ROLE_RECORD:
    case MG_ROLE_MARK:
        if (is_cast)
            return fail_fence(exec, tag, err);
        break;
    case MG_ROLE_STATEMENT:
    case MG_ROLE_CONSTRAINTS:
    case MG_ROLE_COMMIT:
    case MG_ROLE_LAST_COMMIT:
        return fail_statement(exec, tag, result, err);
    case MG_ROLE_PREPARE:
    case MG_ROLE_BEGIN:
    case MG_ROLE_SET:
        break;
    }
    mg_result_fail(result, strcmp(sqlstate, "42501") == 0 ? MG_E_PERMISSION : MG_E_SERVER, err);
    mg_error_at(err, exec->input->steps[tag->item].script->path, 0, 0);
    note_rest(exec, tag, err);
    return false;
}
