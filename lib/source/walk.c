/*
 * Walking through a file: windows, statements, the directives between them, and
 * the places of both.
 */
#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/excerpt.h"
#include "base/mask.h"
#include "source/format.h"

static const char byte_order_mark[] = "\xEF\xBB\xBF";
enum {
    BYTE_ORDER_MARK_BYTES = sizeof byte_order_mark - 1,
    NAME_MAX_BYTES = 64,
};

/* Where the text starts that an editor shows: behind a byte order mark. */
static size_t
visible_begin(const MgReader *reader)
{
    bool has_mark = reader->offset == 0 && reader->size_bytes >= BYTE_ORDER_MARK_BYTES &&
                    memcmp(reader->text, byte_order_mark, BYTE_ORDER_MARK_BYTES) == 0;
    return has_mark ? BYTE_ORDER_MARK_BYTES : 0;
}

static size_t
line_begin(const MgReader *reader, size_t at)
{
    size_t lowest = visible_begin(reader);
    while (at > lowest && reader->text[at - 1] != '\n' && reader->text[at - 1] != '\r')
        at--;
    return at;
}

static void
tell_text(MgWalk *walk)
{
    const MgReader *reader = walk->reader;
    if (walk->on_text != NULL && reader->size_bytes > walk->told)
        walk->on_text(walk->payload, reader->text + walk->told, reader->size_bytes - walk->told);
    walk->told = reader->size_bytes;
}

void
mg_walk_init(MgWalk *walk, MgReader *reader, MgOnText on_text, void *payload)
{
    *walk =
        (MgWalk){ .reader = reader, .on_text = on_text, .payload = payload, .line = reader->line };
    mg_scan_init(&walk->scan, false);
    walk->told = visible_begin(reader);
}

void
mg_walk_restart(MgWalk *walk, size_t at)
{
    MgStmtHead *head = walk->scan.head;
    mg_scan_init(&walk->scan, walk->scan.has_backslash_quotes);
    walk->scan.head = head;
    walk->scan.is_begun = true;
    walk->scan.at = at;
    walk->gap = (MgSpan){ at, at };
    walk->gap_begin = at;
    walk->is_result_due = false;
}

int
mg_walk_line(MgWalk *walk, size_t at)
{
    assert(at >= walk->counted);
    walk->line += mg_count_lines(walk->reader->text + walk->counted, at - walk->counted);
    walk->counted = at;
    return walk->line;
}

int
mg_walk_column(const MgWalk *walk, size_t at)
{
    size_t begin = line_begin(walk->reader, at);
    size_t column = 1 + mg_text_characters(walk->reader->text + begin, at - begin);
    return (int)(begin == 0 ? column + walk->line_chars : column);
}

void
mg_walk_show(const MgWalk *walk, MgSpan span, MgError *err)
{
    const MgReader *reader = walk->reader;
    size_t first = visible_begin(reader);
    size_t at = span.begin < first ? first : span.begin;
    size_t begin = line_begin(reader, at);
    size_t width_chars = span.end > at ? mg_text_characters(reader->text + at, span.end - at) : 1;

    mg_error_at(err, reader->path, reader->line + mg_count_lines(reader->text, begin),
                mg_walk_column(walk, at));
    /* Masked before it is cut: a long line may lose the word that tells what follows. */
    MG_CLEANUP(buf) MgBuf text = { 0 };
    MG_CLEANUP(buf) MgBuf excerpt = { 0 };
    mg_buf_add_n(&text, reader->text + first, reader->size_bytes - first);
    mg_mask_passwords(text.text, text.size_bytes);
    mg_excerpt(mg_buf_text(&text), text.size_bytes, reader->line, at - first,
               width_chars == 0 ? 1 : width_chars, &excerpt);
    mg_text_copy(err->excerpt, sizeof err->excerpt, mg_buf_text(&excerpt));
}

static bool
slide(MgWalk *walk, MgError *err)
{
    MgReader *reader = walk->reader;
    size_t drop_bytes = walk->scan.at;
    size_t begin = line_begin(reader, drop_bytes);
    size_t line_chars = mg_text_characters(reader->text + begin, drop_bytes - begin);
    if (begin == 0)
        line_chars += walk->line_chars;
    if (!mg_reader_slide(reader, drop_bytes, err))
        return false;

    mg_scan_slid(&walk->scan);
    walk->line_chars = line_chars;
    walk->told -= drop_bytes;
    walk->gap_begin = walk->gap_begin > drop_bytes ? walk->gap_begin - drop_bytes : 0;
    walk->counted = 0;
    walk->line = reader->line;
    return true;
}

/* Look for a directive in what is left of the gap; false: there is none. */
static bool
next_directive(MgWalk *walk, MgDirective *ret)
{
    MgLex lex = {
        .text = walk->reader->text,
        .size_bytes = walk->gap.end,
        .at = walk->gap.begin,
        .is_whole = true,
    };
    MgToken token;
    bool is_found = false;
    if (!mg_directive_may_stand(lex.text + lex.at, lex.size_bytes - lex.at))
        lex.at = lex.size_bytes;
    while (!is_found && lex.at < lex.size_bytes && mg_lex_next(&lex, &token) == MG_LEX_TOKEN) {
        is_found = token.kind == MG_TOKEN_COMMENT && mg_directive_parse(lex.text, token.span, ret);
        /* A \restrict line of pg_dump: its key is not SQL. */
        while (token.kind == MG_TOKEN_BACKSLASH && lex.at < lex.size_bytes &&
               lex.text[lex.at] != '\n' && lex.text[lex.at] != '\r')
            lex.at++;
    }
    walk->gap.begin = is_found ? lex.at : walk->gap.end;
    return is_found;
}

/* The scanner does not allocate, so a psql command gets its name here. */
static bool
fail_scan(const MgWalk *walk, MgError *err)
{
    static const char subject[] = "psql command";
    const char *message = walk->item.message;
    MgSpan span = walk->item.span;
    size_t name_bytes =
        mg_text_cut(walk->reader->text + span.begin, span.end - span.begin, NAME_MAX_BYTES);
    if (mg_text_starts(message, subject))
        mg_fail(err, MG_E_FILE, "%s \"%.*s\"%s", subject, (int)name_bytes,
                walk->reader->text + span.begin, message + strlen(subject));
    else
        mg_fail(err, MG_E_FILE, "%s", message);
    mg_walk_show(walk, walk->item.span, err);
    if (walk->item.hint != NULL)
        mg_error_hint(err, "%s", walk->item.hint);
    return false;
}

/* Ask the scanner; what it passed over becomes the gap. */
static bool
scan_next(MgWalk *walk, MgError *err)
{
    const MgReader *reader = walk->reader;
    tell_text(walk);
    walk->result =
        mg_scan_next(&walk->scan, reader->text, reader->size_bytes, reader->is_whole, &walk->item);
    if (walk->result == MG_SCAN_ERROR)
        return fail_scan(walk, err);

    size_t end = walk->item.span.begin;
    size_t next_begin = walk->item.span.end;
    if (walk->result == MG_SCAN_MORE)
        end = next_begin = walk->scan.at;
    else if (walk->result == MG_SCAN_END)
        end = next_begin = reader->size_bytes;
    assert(walk->gap_begin <= end && end <= next_begin);
    walk->gap = (MgSpan){ walk->gap_begin, end };
    walk->gap_begin = next_begin;
    walk->is_result_due = true;
    return true;
}

bool
mg_walk_next(MgWalk *walk, MgWalkItem *ret, MgError *err)
{
    static const MgWalkKind kinds[] = {
        [MG_SCAN_STATEMENT] = MG_WALK_STATEMENT,
        [MG_SCAN_COPY_DATA] = MG_WALK_COPY_DATA,
        [MG_SCAN_COPY_END] = MG_WALK_COPY_END,
        [MG_SCAN_END] = MG_WALK_END,
    };
    for (;;) {
        MgDirective directive;
        if (next_directive(walk, &directive)) {
            *ret = (MgWalkItem){ MG_WALK_DIRECTIVE, directive.span, directive };
            return true;
        }
        if (!walk->is_result_due) {
            if (!scan_next(walk, err))
                return false;
            continue;
        }
        walk->is_result_due = false;
        if (walk->result != MG_SCAN_MORE) {
            ret->kind = kinds[walk->result];
            ret->span = walk->item.span;
            return true;
        }
        if (!slide(walk, err))
            return false;
    }
}

bool
mg_walk_pass(MgWalk *walk, MgError *err)
{
    for (;;) {
        tell_text(walk);
        if (walk->reader->is_whole)
            return true;
        if (!mg_reader_slide(walk->reader, walk->reader->size_bytes, err))
            return false;
        walk->told = 0;
    }
}
