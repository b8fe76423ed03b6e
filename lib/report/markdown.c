/*
 * Reports as Markdown, for pull requests and step summaries: a heading line, a
 * table, the footer.  What a name could mean in Markdown is escaped.
 */
#include "report/report.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"

static void
add_headings(const MgReport *report, MgBuf *buf)
{
    for (size_t i = 0; i < report->n_columns; i++)
        if (mg_report_shows(report, i))
            mg_buf_format(buf, "| %s ", report->columns[i].heading);
    mg_buf_add(buf, "|\n");
    for (size_t i = 0; i < report->n_columns; i++)
        if (mg_report_shows(report, i))
            mg_buf_add(buf, report->columns[i].is_right ? "| ---: " : "| --- ");
    mg_buf_add(buf, "|\n");
}

static void
add_rows(const MgReport *report, MgArena *arena, MgBuf *buf)
{
    bool is_shown[MG_REPORT_MAX_COLUMNS] = { false };
    for (size_t i = 0; i < report->n_columns; i++)
        is_shown[i] = mg_report_shows(report, i);
    assert(report->n_columns > 0 || report->cells.n == 0);
    for (size_t i = 0; i < report->cells.n; i++) {
        if (is_shown[i % report->n_columns]) {
            const char *text = mg_cell_show(&report->cells.items[i], arena);
            mg_buf_add(buf, text[0] != '\0' ? "| " : "|");
            mg_buf_add_markdown(buf, text);
            mg_buf_add_char(buf, ' ');
        }
        if ((i + 1) % report->n_columns == 0)
            mg_buf_add(buf, "|\n");
    }
}

/* As it stands, between fences that are longer than any in it. */
static void
add_fenced(MgBuf *buf, const char *text)
{
    size_t longest = 2;
    for (const char *at = strchr(text, '`'); at != NULL; at = strchr(at, '`')) {
        size_t n = strspn(at, "`");
        longest = n > longest ? n : longest;
        at += n;
    }
    mg_buf_add_char(buf, '\n');
    mg_buf_add_repeated(buf, '`', longest + 1);
    mg_buf_format(buf, "\n%s%s", text, text[strlen(text) - 1] == '\n' ? "" : "\n");
    mg_buf_add_repeated(buf, '`', longest + 1);
    mg_buf_add_char(buf, '\n');
}

static void
add_error(MgBuf *buf, const MgError *err)
{
    mg_buf_add(buf, "\n**error**: ");
    mg_buf_add_markdown(buf, err->message);
    bool is_server = err->code == MG_E_SQL || err->code == MG_E_SERVER;
    mg_buf_format(buf, " (%s)\n",
                  is_server && err->sqlstate[0] != '\0' ? err->sqlstate : mg_error_slug(err->code));
    if (err->place[0] != '\0') {
        mg_buf_add(buf, "at ");
        mg_buf_add_markdown(buf, err->place);
        if (err->line > 0)
            mg_buf_format(buf, ":%d", err->line);
        if (err->line > 0 && err->column > 0)
            mg_buf_format(buf, ":%d", err->column);
        mg_buf_add_char(buf, '\n');
    }
    if (err->excerpt[0] != '\0')
        add_fenced(buf, err->excerpt);
    if (err->detail[0] != '\0')
        add_fenced(buf, err->detail);
    for (int i = 0; i < MG_ERROR_MAX_HINTS; i++) {
        if (err->hint[i][0] == '\0')
            continue;
        mg_buf_add(buf, "\n**hint**: ");
        mg_buf_add_markdown(buf, err->hint[i]);
        mg_buf_add_char(buf, '\n');
    }
}

static void
add_end(const MgReport *report, const MgView *view, MgBuf *buf)
{
    if (view->error != NULL)
        add_error(buf, view->error);
    const char *const closing[] = { report->footer, report->more };
    for (size_t i = 0; i < sizeof closing / sizeof *closing; i++) {
        if (closing[i] == NULL)
            continue;
        mg_buf_add_char(buf, '\n');
        mg_buf_add_markdown(buf, closing[i]);
        mg_buf_add_char(buf, '\n');
    }
}

void
mg_report_write_markdown(const MgReport *report, const MgView *view, MgWrite write, void *payload)
{
    MgArena arena = { 0 };
    MG_CLEANUP(buf) MgBuf buf = { 0 };
    if (!report->is_continued) {
        mg_buf_add(&buf, "## ");
        mg_buf_add_markdown(&buf, report->title);
        mg_buf_add_char(&buf, '\n');
    }
    if (report->cells.n > 0 && !report->is_continued) {
        mg_buf_add_char(&buf, '\n');
        add_headings(report, &buf);
    }
    add_rows(report, &arena, &buf);
    if (!report->has_more)
        add_end(report, view, &buf);
    write(payload, mg_buf_text(&buf), buf.size_bytes);
    mg_arena_release(&arena);
}
