/*
 * Errors inside something: the body of a DO block or a function of this file,
 * the data of a COPY.  The server tells them by the CONTEXT; here they become a
 * line of the file.  Where that is not certain nothing is claimed, and the
 * statement stays the place.
 *
 * "PL/pgSQL function f(integer) line 3 at RAISE": lines count from the one in
 * which the body's quote opens (seen with PostgreSQL 13 to 18).
 */
#include "pg/exec_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/excerpt.h"
#include "base/mask.h"
#include "sql/lex.h"

enum {
    NAME_BYTES = 256, /* longer than any identifier may be */
    MAX_BODIES = 2,   /* more of one name are as good as two: none is certain */
};

/* One line of the CONTEXT. */
typedef struct Frame {
    char function[NAME_BYTES]; /* as the catalog has it, without schema; "" for a DO block */
    char schema[NAME_BYTES];   /* "" when it is in the search path */
    int line;                  /* of the body */
} Frame;

/* A body in the file. */
typedef struct Body {
    MgSpan span;    /* bytes of the file, from its opening quote on */
    int line;       /* of that quote */
    int statement;  /* number of the statement that it stands in */
    size_t begin;   /* the place in the file: of the line's first word, or in the query */
    int place_line; /* line of begin */
    bool has_query; /* begin is where the internal query stands */
} Body;

/* ---- The CONTEXT ------------------------------------------------------------------ */

/* An identifier without its quotes, folded when it had none; false when it is too long. */
static bool
take_name(const MgLex *lex, const MgToken *token, char ret[NAME_BYTES])
{
    size_t n = 0, end = token->span.end;
    bool is_quoted = token->kind == MG_TOKEN_QUOTED_WORD;
    if (end - token->span.begin >= NAME_BYTES)
        return false;
    for (size_t i = token->span.begin + is_quoted; i + is_quoted < end; i++) {
        char c = lex->text[i];
        ret[n++] = !is_quoted && c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
        if (is_quoted && c == '"')
            i++; /* "" is one quote */
    }
    ret[n] = '\0';
    return true;
}

/* [schema.]name; token is the first one, and then the one behind. */
static bool
take_qualified(MgLex *lex, MgToken *token, char schema[NAME_BYTES], char name[NAME_BYTES])
{
    schema[0] = '\0';
    for (;;) {
        if ((token->kind != MG_TOKEN_WORD && token->kind != MG_TOKEN_QUOTED_WORD) ||
            !take_name(lex, token, name))
            return false;
        if (mg_lex_next_word(lex, token) != MG_LEX_TOKEN)
            return false;
        if (token->kind != MG_TOKEN_OTHER || lex->text[token->span.begin] != '.')
            return true;
        memcpy(schema, name, NAME_BYTES);
        if (mg_lex_next_word(lex, token) != MG_LEX_TOKEN)
            return false;
    }
}

/* "PL/pgSQL function NAME(...) line N at ..." */
static bool
parse_frame(const char *text, size_t size_bytes, Frame *ret)
{
    static const char head[] = "PL/pgSQL function ";
    static const char inline_name[] = "inline_code_block ";
    if (size_bytes < sizeof head || strncmp(text, head, sizeof head - 1) != 0)
        return false;
    const char *name = text + sizeof head - 1;
    size_t name_bytes = size_bytes - (sizeof head - 1);
    *ret = (Frame){ 0 };
    if (strncmp(name, inline_name, sizeof inline_name - 1) != 0) {
        MgLex lex = { .text = name, .size_bytes = name_bytes, .is_whole = true };
        MgToken token = { 0 };
        if (mg_lex_next_word(&lex, &token) != MG_LEX_TOKEN ||
            !take_qualified(&lex, &token, ret->schema, ret->function))
            return false;
    }
    static const char mark[] = " line ";
    for (size_t i = 0; i + sizeof mark <= name_bytes; i++)
        if (memcmp(name + i, mark, sizeof mark - 1) == 0 && name[i + sizeof mark - 1] >= '0' &&
            name[i + sizeof mark - 1] <= '9')
            ret->line = (int)strtoll(name + i + sizeof mark - 1, NULL, 10);
    return ret->line > 0;
}

/* ---- Bodies in the file ------------------------------------------------------------ */

/* The string that is the body of a DO, or of the named function; false when this is neither. */
static bool
find_body(const char *sql, size_t size_bytes, const Frame *frame, MgSpan *ret)
{
    MgLex lex = { .text = sql, .size_bytes = size_bytes, .is_whole = true };
    MgToken token = { 0 };
    char schema[NAME_BYTES], name[NAME_BYTES];
    bool is_do = frame->function[0] == '\0';
    bool is_behind_as = is_do;

    if (mg_lex_next_word(&lex, &token) != MG_LEX_TOKEN ||
        !mg_token_is(&lex, &token, is_do ? "do" : "create"))
        return false;
    while (!is_do) {
        if (mg_lex_next_word(&lex, &token) != MG_LEX_TOKEN)
            return false;
        if (mg_token_is(&lex, &token, "function") || mg_token_is(&lex, &token, "procedure"))
            break;
        if (!mg_token_is(&lex, &token, "or") && !mg_token_is(&lex, &token, "replace"))
            return false;
    }
    if (!is_do &&
        (mg_lex_next_word(&lex, &token) != MG_LEX_TOKEN ||
         !take_qualified(&lex, &token, schema, name) || strcmp(name, frame->function) != 0 ||
         (schema[0] != '\0' && frame->schema[0] != '\0' && strcmp(schema, frame->schema) != 0)))
        return false;
    while (mg_lex_next_word(&lex, &token) == MG_LEX_TOKEN) {
        if (is_behind_as && (token.kind == MG_TOKEN_DOLLAR || token.kind == MG_TOKEN_STRING)) {
            *ret = token.span;
            return true;
        }
        if (!is_do)
            is_behind_as = mg_token_is(&lex, &token, "as");
    }
    return false;
}

/* Does the query stand here?  PL/pgSQL puts spaces in the place of its INTO. */
static bool
is_query_at(const char *text, size_t size_bytes, const char *query, size_t query_bytes)
{
    if (size_bytes < query_bytes)
        return false;
    for (size_t i = 0; i < query_bytes; i++)
        if (query[i] != text[i] && (query[i] != ' ' || i == 0))
            return false;
    return true;
}

/* Find the place in a body: where the query stands in or behind the frame's line, else that line.
 * False when the body has no such line. */
static bool
find_place(const MgReader *reader, MgSpan body, const Frame *frame, const char *query, Body *ret)
{
    const char *text = reader->text;
    size_t at = body.begin;
    int line = 1;
    for (; line < frame->line && at < body.end; at++)
        line += text[at] == '\n';
    if (line < frame->line)
        return false;
    while (at < body.end && (text[at] == ' ' || text[at] == '\t'))
        at++;
    ret->begin = reader->offset + at;
    ret->place_line = ret->line + frame->line - 1;
    size_t query_bytes = query == NULL ? 0 : strlen(query);
    for (size_t i = at; query_bytes > 0 && i < body.end; i++) {
        if (!is_query_at(text + i, body.end - i, query, query_bytes))
            continue;
        ret->begin = reader->offset + i;
        ret->place_line += mg_count_lines(text + at, i - at);
        ret->has_query = true;
        break;
    }
    return true;
}

/*
 * The frame's body among the statements up to number last; a DO stands in that
 * one itself.  False when it is not there, or more than once.
 */
static bool
find_frame(const MgExec *exec, const MgScript *script, int last, const Frame *frame,
           const char *query, Body *ret)
{
    MgScriptRun run;
    MgError ignored; /* the server's error matters, not that its place is missing */
    MgConn *conn = exec->input->conn;
    int n_found = 0;

    if (!mg_script_run_open(&run, script, !mg_conn_has_standard_strings(conn), &ignored))
        return false;
    while (run.n_fetched < last && n_found < MAX_BODIES &&
           mg_script_run_fetch(&run, mg_conn_server_version(conn), &ignored) && run.has_peeked) {
        MgSpan statement = run.item.span, body;
        run.has_peeked = false;
        bool is_candidate = frame->function[0] != '\0' || run.n_fetched == last;
        if (!is_candidate || !find_body(run.reader.text + statement.begin,
                                        statement.end - statement.begin, frame, &body))
            continue;
        MgTag tag = mg_script_run_tag(&run, MG_ROLE_STATEMENT, 0);
        MgSpan in_window = { statement.begin + body.begin, statement.begin + body.end };
        Body found = {
            .span = { run.reader.offset + in_window.begin, run.reader.offset + in_window.end },
            .line = tag.line + mg_count_lines(run.reader.text + statement.begin, body.begin),
            .statement = run.n_fetched
        };
        n_found++;
        if (!find_place(&run.reader, in_window, frame, query, &found))
            n_found = MAX_BODIES; /* another body of that name ran */
        else
            *ret = found;
    }
    mg_script_run_close(&run);
    return n_found == 1;
}

/* ---- What is told --------------------------------------------------------------------- */

/* A query that the file does not show; its lines begin with a bar, as in an excerpt. */
static void
add_query(const char *query, int position, MgError *err)
{
    MG_CLEANUP(buf) MgBuf text = { 0 };
    MG_CLEANUP(buf) MgBuf excerpt = { 0 };
    MG_CLEANUP(buf) MgBuf lines = { 0 };
    size_t at = 0;
    mg_buf_add(&text, query);
    mg_mask_passwords(text.text, text.size_bytes);
    for (int i = 1; i < position && at < text.size_bytes; i++)
        do
            at++;
        while (at < text.size_bytes && ((unsigned char)query[at] & 0xc0) == 0x80);
    mg_excerpt(mg_buf_text(&text), text.size_bytes, 1, at, position > 0, &excerpt);
    for (const char *line = strchr(mg_buf_text(&excerpt), '\n'); line != NULL;
         line = strchr(line + 1, '\n')) {
        const char *bar = line + 1 + strcspn(line + 1, "|");
        mg_buf_format(&lines, "\n%.*s", (int)strcspn(bar, "\n"), bar);
    }
    mg_exec_add_detail(err, "The query that failed:%s", mg_buf_text(&lines));
}

bool
mg_exec_place_inside(MgExec *exec, const MgTag *tag, const MgResult *result, MgError *err)
{
    const MgScript *script = exec->input->steps[tag->item].script;
    const char *query = mg_result_internal_query(result);
    int position = mg_result_internal_position(result);
    bool is_statement = tag->role == MG_ROLE_STATEMENT;
    int last = is_statement ? tag->number : script->n_statements;
    Body body;
    bool is_found = false;

    /* The innermost one that the file shows; the query is the innermost one's. */
    const char *inner_query = query;
    for (const char *line = mg_result_context(result); line != NULL && !is_found;) {
        size_t size_bytes = strcspn(line, "\n");
        Frame frame;
        if (parse_frame(line, size_bytes, &frame)) {
            if (is_statement || frame.function[0] != '\0')
                is_found = find_frame(exec, script, last, &frame, inner_query, &body);
            inner_query = NULL;
        }
        line = line[size_bytes] == '\0' ? NULL : line + size_bytes + 1;
    }
    if (query != NULL && !(is_found && body.has_query))
        add_query(query, position, err);
    if (!is_found)
        return false;
    MgTag inside = *tag;
    inside.role = MG_ROLE_STATEMENT;
    inside.span = (MgSpan){ body.begin, body.span.end };
    inside.line = body.place_line;
    mg_exec_place_at(exec, &inside, body.has_query ? position : 0, err);
    if (is_statement && body.statement != tag->number)
        mg_exec_add_detail(err, "It ran in the statement at line %d.", tag->line);
    return true;
}

/* "COPY t, line 3, column b: ..." at the begin of a line; 0 when it is not there. */
static int
parse_copy_line(const char *text)
{
    for (const char *line = text; line != NULL;) {
        size_t size_bytes = strcspn(line, "\n");
        const char *at = strstr(line, ", line ");
        if (mg_text_starts(line, "COPY ") && at != NULL && at < line + size_bytes)
            return (int)strtoll(at + strlen(", line "), NULL, 10);
        line = line[size_bytes] == '\0' ? NULL : line + size_bytes + 1;
    }
    return 0;
}

bool
mg_exec_place_copy(MgExec *exec, MgError *err)
{
    const MgScript *script = exec->input->steps[exec->statement_tag.item].script;
    int ahead = parse_copy_line(err->detail) - 1;
    if (ahead < 0 || exec->copy_line == 0)
        return false;

    MgScript rest = *script;
    MgReader reader = { .fd = -1 };
    MgError ignored; /* as above */
    rest.part.begin = exec->copy_offset;
    rest.first_line = 1;
    if (!mg_script_open(&rest, &reader, &ignored))
        return false;
    size_t at = 0;
    for (int left = ahead; left > 0;) {
        const char *end = memchr(reader.text + at, '\n', reader.size_bytes - at);
        if (end != NULL) {
            at = (size_t)(end - reader.text) + 1;
            left--;
        } else if (reader.is_whole || !mg_reader_slide(&reader, reader.size_bytes, &ignored)) {
            break;
        } else {
            at = 0;
        }
    }
    MgTag tag = exec->statement_tag;
    tag.span.begin = reader.offset + at;
    tag.span.end = tag.span.begin;
    tag.line = exec->copy_line + ahead;
    mg_reader_close(&reader);
    mg_exec_place_at(exec, &tag, 0, err);
    return true;
}
