#include "lay.h"

#include <string.h>

#include "base/text.h"
#include "term.h"

void
mg_lay_lines(MgBuf *line, const char *text, size_t indent)
{
    for (;;) {
        size_t size_bytes = strcspn(text, "\n");
        mg_buf_add_n(line, text, size_bytes);
        mg_buf_add_char(line, '\n');
        if (text[size_bytes] == '\0' || text[size_bytes + 1] == '\0')
            return;
        text += size_bytes + 1;
        size_t spaces = strspn(text, " ");
        if (*text != '\n' && spaces < indent)
            mg_buf_add_repeated(line, ' ', indent - spaces);
    }
}

void
mg_lay_line(MgBuf *line, const char *text, size_t size_bytes, size_t column, size_t indent)
{
    size_t whole = mg_text_paste_begin(text, size_bytes);
    if (mg_text_width(text + whole, size_bytes - whole) > MG_TERM_MAX_COLUMNS - indent)
        whole = size_bytes;
    for (size_t at = 0; at < size_bytes;) {
        size_t gap = strspn(text + at, " ");
        size_t end = at + gap;
        end = end >= whole ? size_bytes : end + mg_text_word(text + end);
        size_t columns = mg_text_width(text + at, end - at);
        if (at > 0 && column + columns > MG_TERM_MAX_COLUMNS) {
            mg_buf_add_char(line, '\n');
            mg_buf_add_repeated(line, ' ', indent);
            at += gap;
            column = indent;
            columns -= gap;
        }
        mg_buf_add_n(line, text + at, end - at);
        column += columns;
        at = end;
    }
}

void
mg_lay_prose(MgBuf *line, const char *word, const char *text, size_t indent)
{
    size_t size_bytes = strcspn(text, "\n");
    mg_lay_line(line, text, size_bytes, strlen(word) + strlen(": "), MG_LAY_INDENT);
    mg_lay_lines(line, text + size_bytes, indent);
}

void
mg_lay_paragraphs(MgBuf *line, const char *word, const char *text, size_t indent)
{
    size_t column = strlen(word) + strlen(": ");
    for (;;) {
        size_t size_bytes = strcspn(text, "\n");
        mg_lay_line(line, text, size_bytes, column, indent);
        mg_buf_add_char(line, '\n');
        text += size_bytes;
        if (text[0] == '\0' || text[1] == '\0')
            return;
        text++;
        mg_buf_add_repeated(line, ' ', *text == '\n' ? 0 : indent);
        column = indent;
    }
}

void
mg_lay_label(MgBuf *line, const char *label, size_t max_columns)
{
    size_t size_bytes = strlen(label);
    if (max_columns == 0 || mg_text_width(label, size_bytes) <= max_columns) {
        mg_buf_add(line, label);
        return;
    }
    while (mg_text_width(label, size_bytes) > max_columns - strlen("..."))
        size_bytes = mg_text_cut(label, size_bytes, size_bytes - 1);
    mg_buf_add_n(line, label, size_bytes);
    mg_buf_add(line, "...");
}
