/*
 * Reports as plain tables for terminals and logs: two spaces between columns,
 * no blanks at the end of a line, a blank line before the footer.  A report in
 * sections has a line for each of them, and its rows are indented.
 */
#include "report/report.h"

#include <string.h>

#include "base/buf.h"
#include "base/text.h"

enum {
    GAP = 2,            /* blanks between columns */
    MIN_CUT_WIDTH = 24, /* a name is not cut below this: it would say nothing */
    ELLIPSIS_WIDTH = 3,
    MIN_WIDTH = 60, /* of prose: a narrower terminal breaks it itself */
    MAX_WIDTH = 100,
};

/* The text of every cell, and how wide each column is; 0 = not shown. */
typedef struct Table {
    const MgReport *report;
    const char **texts;
    size_t widths[MG_REPORT_MAX_COLUMNS];
    size_t page; /* columns of a line of prose */
} Table;

static size_t
width_of(const char *text)
{
    return mg_text_width(text, strlen(text));
}

/* With a line for each section, and no headings? */
static bool
is_sectioned(const Table *table)
{
    return table->report->columns[0].is_section;
}

static void
measure(Table *table)
{
    const MgReport *report = table->report;
    for (size_t column_i = 0; column_i < report->n_columns; column_i++) {
        const MgColumn *column = &report->columns[column_i];
        if (!mg_report_shows(report, column_i) || column->is_section || column->is_below)
            continue;
        size_t width = is_sectioned(table) ? 0 : width_of(column->heading);
        if (width < column->min_width)
            width = column->min_width;
        for (size_t i = column_i; i < report->cells.n; i += report->n_columns)
            if (width < width_of(table->texts[i]))
                width = width_of(table->texts[i]);
        table->widths[column_i] = width;
    }
}

/* Make the columns that may be cut narrower, until the table fits a terminal of that width; 0: it
 * is none, where names stay whole. */
static void
fit(Table *table, size_t width)
{
    size_t room = width == 0 ? MAX_WIDTH : width;
    size_t wanted = 0;
    for (size_t i = 0; i < table->report->n_columns; i++)
        if (table->widths[i] > 0)
            wanted += table->widths[i] + (wanted > 0 || is_sectioned(table) ? GAP : 0);
    for (size_t i = 0; i < table->report->n_columns && wanted > room; i++) {
        size_t columns = table->widths[i];
        bool may_cut =
            width == 0 ? table->report->columns[i].is_excerpt : table->report->columns[i].is_cut;
        if (!may_cut || columns <= MIN_CUT_WIDTH)
            continue;
        size_t excess = wanted - room;
        size_t less = columns - MIN_CUT_WIDTH < excess ? columns - MIN_CUT_WIDTH : excess;
        table->widths[i] -= less;
        wanted -= less;
    }
}

/* The text, cut to width with an ellipsis where it is wider. */
static void
add_cut(MgBuf *buf, const char *text, size_t width)
{
    size_t size_bytes = strlen(text);
    if (mg_text_width(text, size_bytes) <= width) {
        mg_buf_add(buf, text);
        return;
    }
    size_t n = size_bytes;
    while (mg_text_width(text, n) > width - ELLIPSIS_WIDTH)
        n = mg_text_cut(text, size_bytes, n - 1);
    mg_buf_add_n(buf, text, n);
    mg_buf_add(buf, "...");
}

/* Where the column of prose begins; without one, the second column. */
static size_t
prose_begin(const Table *table)
{
    size_t begin = is_sectioned(table) ? GAP : 0;
    const MgReport *report = table->report;
    bool has_prose = false;
    for (size_t i = 0; i < report->n_columns; i++)
        has_prose = has_prose || report->columns[i].is_prose;
    if (!has_prose)
        return table->widths[0] + GAP;
    for (size_t i = 0; i < table->report->n_columns && !table->report->columns[i].is_prose; i++)
        if (table->widths[i] > 0)
            begin += table->widths[i] + GAP;
    return begin;
}

/* Words, broken so that no line passes the last column; what is too long by itself stays whole. */
static void
add_prose(MgBuf *buf, const char *text, size_t begin, size_t page)
{
    size_t column = begin;
    while (*text != '\0') {
        size_t gap = strspn(text, " ");
        size_t size_bytes = gap + mg_text_word(text + gap);
        size_t width = mg_text_width(text, size_bytes);
        if (column > begin && column + width > page) {
            mg_buf_add_char(buf, '\n');
            mg_buf_add_repeated(buf, ' ', begin);
            text += gap;
            size_bytes -= gap;
            width -= gap;
            column = begin;
        }
        mg_buf_add_n(buf, text, size_bytes);
        column += width;
        text += size_bytes;
    }
}

/* One line below a row.  A sentence is broken; what is there to be pasted stays whole. */
static void
add_hint(MgBuf *buf, const char *line, size_t begin, size_t page, MgArena *arena)
{
    size_t size_bytes = strlen(line);
    size_t paste = mg_text_paste_begin(line, size_bytes);
    bool is_sentence = mg_text_ends(line, ".") || mg_text_ends(line, ":");
    if (!is_sentence && (paste == size_bytes || begin + width_of(line) <= page)) {
        mg_buf_add(buf, line);
        return;
    }
    add_prose(buf, is_sentence ? line : mg_arena_text_n(arena, line, paste - 1), begin, page);
    if (is_sentence)
        return;
    mg_buf_add_char(buf, '\n');
    mg_buf_add_repeated(buf, ' ', begin);
    mg_buf_add(buf, line + paste);
}

/* Lines below a row. */
static void
add_below(const Table *table, const MgCell *cell, MgBuf *buf)
{
    size_t begin = prose_begin(table);
    MgArena arena = { 0 };
    for (const char *text = cell->text; text != NULL && *text != '\0';) {
        size_t size_bytes = strcspn(text, "\n");
        MgCell part = mg_cell_text(mg_arena_text_n(&arena, text, size_bytes));
        const char *line = mg_cell_show(&part, &arena);
        mg_buf_add_repeated(buf, ' ', begin);
        add_hint(buf, line, begin, table->page, &arena);
        mg_buf_add_char(buf, '\n');
        text += size_bytes + (text[size_bytes] == '\n');
    }
    mg_arena_release(&arena);
}

/* One line; texts has one for each column.  Blanks are owed until something follows them. */
static void
add_line(const Table *table, const char *const *texts, MgBuf *buf)
{
    size_t owed = is_sectioned(table) ? GAP : 0;
    bool is_first = true;
    for (size_t i = 0; i < table->report->n_columns; i++) {
        size_t width = table->widths[i];
        if (width == 0)
            continue;
        owed += is_first ? 0 : GAP;
        is_first = false;

        size_t text_width = width_of(texts[i]);
        size_t pad = text_width < width ? width - text_width : 0;
        if (text_width == 0) {
            owed += width;
            continue;
        }
        bool is_right = table->report->columns[i].is_right;
        mg_buf_add_repeated(buf, ' ', owed + (is_right ? pad : 0));
        if (table->report->columns[i].is_prose)
            add_prose(buf, texts[i], prose_begin(table), table->page);
        else
            add_cut(buf, texts[i], width);
        owed = is_right ? 0 : pad;
    }
    mg_buf_add_char(buf, '\n');
}

/* The row whose first cell is number first_i, with what stands above and below it. */
static void
add_row(const Table *table, size_t first_i, MgBuf *buf)
{
    const MgReport *report = table->report;
    const char *const *texts = &table->texts[first_i];
    bool is_new = is_sectioned(table) &&
                  (first_i == 0 ? !report->is_continued
                                : strcmp(texts[0], table->texts[first_i - report->n_columns]) != 0);
    if (is_new)
        mg_buf_format(buf, "%s\n", texts[0]);
    add_line(table, texts, buf);
    for (size_t i = 0; i < report->n_columns; i++)
        if (report->columns[i].is_below)
            add_below(table, &report->cells.items[first_i + i], buf);
}

void
mg_report_write_table(const MgReport *report, const MgView *view, MgWrite write, void *payload)
{
    MgArena arena = { 0 };
    MG_CLEANUP(buf) MgBuf buf = { 0 };
    size_t width = (size_t)view->width;
    Table table = { .report = report,
                    .page = width == 0 || width > MAX_WIDTH ? MAX_WIDTH
                            : width < MIN_WIDTH             ? MIN_WIDTH
                                                            : width };
    table.texts = mg_arena_alloc_array(&arena, report->cells.n, sizeof *table.texts);
    for (size_t i = 0; i < report->cells.n; i++)
        table.texts[i] = mg_cell_show(&report->cells.items[i], &arena);
    measure(&table);
    fit(&table, width);

    if (report->cells.n > 0 && !is_sectioned(&table) && !report->is_continued) {
        const char **headings = mg_arena_alloc_array(&arena, report->n_columns, sizeof *headings);
        for (size_t i = 0; i < report->n_columns; i++)
            headings[i] = report->columns[i].heading;
        add_line(&table, headings, &buf);
    }
    for (size_t i = 0; i < report->cells.n; i += report->n_columns)
        add_row(&table, i, &buf);
    if (report->footer != NULL && !view->is_question && !report->has_more)
        mg_buf_format(&buf, "%s%s\n", report->cells.n > 0 || report->is_continued ? "\n" : "",
                      report->footer);
    if (report->more != NULL && !report->has_more)
        mg_buf_format(&buf, "%s\n", report->more);
    write(payload, mg_buf_text(&buf), buf.size_bytes);
    mg_arena_release(&arena);
}
