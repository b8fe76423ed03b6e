/*
 * Excerpts for error messages: at most the line before the place, its line and
 * the carets, each at most LINE_COLUMNS wide, whatever the text is.
 */
#include "base/excerpt.h"

#include <stdbool.h>

#include "base/file.h"
#include "base/text.h"

enum {
    LINE_COLUMNS = 90,
    /* Columns kept in front of the place when a long line is cut. */
    LEAD_COLUMNS = 40,
    /* No more bytes than these are looked at on each side of the place. */
    LOOK_BYTES = 2048,
    GUTTER_DIGITS = 2,
};

static const char ellipsis[] = "...";
enum {
    ELLIPSIS_COLUMNS = sizeof ellipsis - 1,
};

/* A line, or the part of it that is looked at. */
typedef struct Line {
    const char *text;
    size_t size_bytes;
    bool is_cut_before, is_cut_behind;
} Line;

/* One character as it is shown: what is no character, or would move the cursor, as "?". */
typedef struct Shown {
    const char *text;
    size_t text_bytes;
    size_t size_bytes; /* in the line */
    size_t columns;
} Shown;

static bool
is_line_end(char c)
{
    return c == '\n' || c == '\r';
}

static Shown
next_shown(const char *text, size_t size_bytes)
{
    unsigned char lead = (unsigned char)text[0];
    size_t n = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    bool is_control = (lead < 0x20 && lead != '\t') || lead == 0x7F ||
                      (lead == 0xC2 && size_bytes > 1 && (unsigned char)text[1] < 0xA0);
    if (n > size_bytes || mg_text_valid_utf8(text, n) != n)
        return (Shown){ "?", 1, 1, 1 };
    if (is_control)
        return (Shown){ "?", 1, n, 1 };
    return (Shown){ text, n, n, mg_text_width(text, n) };
}

/* Move back from an offset inside a character to the character's beginning. */
static size_t
character_begin(const char *text, size_t lowest, size_t at)
{
    for (int i = 0; i < 3 && at > lowest && ((unsigned char)text[at] & 0xC0) == 0x80; i++)
        at--;
    return at;
}

/* The line round offset at, looked at from LOOK_BYTES before to LOOK_BYTES behind it. */
static Line
line_at(const char *text, size_t size_bytes, size_t at)
{
    size_t lowest = at > LOOK_BYTES ? at - LOOK_BYTES : 0;
    size_t highest = size_bytes - at > LOOK_BYTES ? at + LOOK_BYTES : size_bytes;
    size_t begin = at;
    size_t end = at;

    /* A place on the \n of a \r\n is still on the line that both end. */
    if (begin > 0 && begin < size_bytes && text[begin] == '\n' && text[begin - 1] == '\r')
        end = --begin;
    while (begin > lowest && !is_line_end(text[begin - 1]))
        begin--;
    while (end < highest && !is_line_end(text[end]))
        end++;
    bool is_cut_before = begin > 0 && begin == lowest && !is_line_end(text[begin - 1]);
    bool is_cut_behind = end < size_bytes && end == highest && !is_line_end(text[end]);
    if (is_cut_before)
        begin = character_begin(text, 0, begin);
    if (is_cut_behind)
        end = character_begin(text, begin, end);
    return (Line){ text + begin, end - begin, is_cut_before, is_cut_behind };
}

static size_t
columns_of(const Line *line, size_t end)
{
    size_t columns = 0;
    for (size_t at = 0; at < end;) {
        Shown shown = next_shown(line->text + at, line->size_bytes - at);
        columns += shown.columns;
        at += shown.size_bytes;
    }
    return columns;
}

/* Make the line fit into LINE_COLUMNS, with byte offset *at of it still visible. */
static void
narrow(Line *line, size_t *at)
{
    size_t columns = columns_of(line, line->size_bytes);
    if (!line->is_cut_before && !line->is_cut_behind && columns <= LINE_COLUMNS)
        return;

    size_t place = columns_of(line, *at);
    size_t drop = place > LEAD_COLUMNS + ELLIPSIS_COLUMNS ? place - LEAD_COLUMNS : 0;
    size_t begin = 0;
    for (size_t passed = 0; passed < drop;) {
        Shown shown = next_shown(line->text + begin, line->size_bytes - begin);
        passed += shown.columns;
        begin += shown.size_bytes;
    }
    line->text += begin;
    line->size_bytes -= begin;
    line->is_cut_before |= begin > 0;
    *at -= begin;

    size_t room = LINE_COLUMNS - (line->is_cut_before ? ELLIPSIS_COLUMNS : 0);
    if (!line->is_cut_behind && columns_of(line, line->size_bytes) <= room)
        return;
    size_t end = 0;
    for (size_t used = 0; end < line->size_bytes;) {
        Shown shown = next_shown(line->text + end, line->size_bytes - end);
        used += shown.columns;
        if (used > room - ELLIPSIS_COLUMNS)
            break;
        end += shown.size_bytes;
    }
    line->is_cut_behind |= end < line->size_bytes;
    line->size_bytes = end;
}

/* "\n 4 | text", or "\n 4 |" for an empty line. */
static void
add_line(MgBuf *ret, int digits, int number, const Line *line)
{
    mg_buf_format(ret, "\n%*d |%s%s", digits, number, line->size_bytes > 0 ? " " : "",
                  line->is_cut_before ? ellipsis : "");
    for (size_t at = 0; at < line->size_bytes;) {
        Shown shown = next_shown(line->text + at, line->size_bytes - at);
        mg_buf_add_n(ret, shown.text, shown.text_bytes);
        at += shown.size_bytes;
    }
    if (line->is_cut_behind)
        mg_buf_add(ret, ellipsis);
}

/* "\n   |    ^^^": below the line, so it repeats the tabs in front of the place. */
static void
add_carets(MgBuf *ret, int digits, const Line *line, size_t place, size_t width_chars)
{
    mg_buf_format(ret, "\n%*s | %s", digits, "", line->is_cut_before ? "   " : "");
    size_t at = 0;
    while (at < place) {
        Shown shown = next_shown(line->text + at, line->size_bytes - at);
        if (*shown.text == '\t')
            mg_buf_add_char(ret, '\t');
        else
            mg_buf_add_repeated(ret, ' ', shown.columns);
        at += shown.size_bytes;
    }
    size_t carets = 0;
    for (size_t i = 0; i < width_chars && at < line->size_bytes; i++) {
        Shown shown = next_shown(line->text + at, line->size_bytes - at);
        carets += shown.columns;
        at += shown.size_bytes;
    }
    mg_buf_add_repeated(ret, '^', carets == 0 ? 1 : carets);
}

static bool
is_blank(const Line *line)
{
    for (size_t i = 0; i < line->size_bytes; i++) {
        if (line->text[i] != ' ' && line->text[i] != '\t')
            return false;
    }
    return true;
}

/* The line that ends right before offset begin of the next one. */
static Line
line_before(const char *text, size_t begin)
{
    size_t end = begin - 1;
    if (end > 0 && text[end] == '\n' && text[end - 1] == '\r')
        end--;
    return line_at(text, end, end);
}

void
mg_excerpt(const char *text, size_t size_bytes, int first_line, size_t at, size_t width_chars,
           MgBuf *ret)
{
    if (at > size_bytes)
        at = size_bytes;
    Line line = line_at(text, size_bytes, at);
    size_t begin = (size_t)(line.text - text);
    size_t place = at - begin < line.size_bytes ? at - begin : line.size_bytes;
    place = character_begin(line.text, 0, place);
    int number = first_line + mg_count_lines(text, begin);
    int digits = GUTTER_DIGITS;
    for (int rest = number / 100; rest > 0; rest /= 10)
        digits++;

    mg_buf_format(ret, "%*s |", digits, "");
    if (begin > 0 && !line.is_cut_before) {
        Line before = line_before(text, begin);
        size_t before_place = 0;
        narrow(&before, &before_place);
        if (!is_blank(&before))
            add_line(ret, digits, number - 1, &before);
    }
    narrow(&line, &place);
    add_line(ret, digits, number, &line);
    if (width_chars > 0)
        add_carets(ret, digits, &line, place, width_chars);
}
