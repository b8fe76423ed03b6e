/*
 * The report model: cells, the fields that every report has, and which
 * renderer writes it.  Knows nothing of how a format looks.
 */
#include "report/report.h"

#include <inttypes.h>

#include "base/buf.h"
#include "base/text.h"

enum {
    SHOWN_BYTES = 32, /* a time or a duration */
};

MgCell
mg_cell_text(const char *text)
{
    return (MgCell){ .kind = text != NULL ? MG_CELL_TEXT : MG_CELL_NULL, .text = text };
}

MgCell
mg_cell_int(int64_t number)
{
    return (MgCell){ .kind = MG_CELL_INT, .number = number };
}

MgCell
mg_cell_bool(bool is_true)
{
    return (MgCell){ .kind = MG_CELL_BOOL, .number = is_true };
}

MgCell
mg_cell_time(int64_t time_ms)
{
    return (MgCell){ .kind = time_ms != 0 ? MG_CELL_TIME : MG_CELL_NULL, .number = time_ms };
}

MgCell
mg_cell_duration(int64_t duration_us)
{
    return (MgCell){ .kind = MG_CELL_DURATION, .number = duration_us };
}

MgCell
mg_cell_list(const char *const *texts, size_t n_texts)
{
    return (MgCell){ .kind = MG_CELL_LIST, .texts = texts, .n_texts = n_texts };
}

MgCell
mg_cell_errors(const MgError *errors, size_t n_errors)
{
    return (MgCell){ .kind = MG_CELL_ERRORS, .errors = errors, .n_errors = n_errors };
}

/*
 * Names and authors come out of files and out of a table that others may write
 * to: no control character of theirs reaches a terminal.
 */
static const char *
show_text(const char *text, MgArena *arena)
{
    char *shown = mg_arena_text(arena, text);
    mg_text_defuse(shown, false);
    return shown;
}

static const char *
show_list(const MgCell *cell, MgArena *arena)
{
    MG_CLEANUP(buf) MgBuf buf = { 0 };
    for (size_t i = 0; i < cell->n_texts; i++)
        mg_buf_format(&buf, "%s%s", i == 0 ? "" : ", ", cell->texts[i]);
    return show_text(mg_buf_text(&buf), arena);
}

const char *
mg_cell_show(const MgCell *cell, MgArena *arena)
{
    char shown[SHOWN_BYTES] = "";
    switch (cell->kind) {
    case MG_CELL_NULL:
    case MG_CELL_ERRORS:
        return "";
    case MG_CELL_TEXT:
        return show_text(cell->text, arena);
    case MG_CELL_INT:
        return mg_arena_format(arena, "%" PRId64, cell->number);
    case MG_CELL_BOOL:
        return cell->number != 0 ? "yes" : "no";
    case MG_CELL_TIME:
        mg_text_minute(cell->number, shown, sizeof shown);
        return mg_arena_text(arena, shown);
    case MG_CELL_DURATION:
        mg_text_duration(cell->number, shown, sizeof shown);
        return mg_arena_text(arena, shown);
    case MG_CELL_LIST:
        return show_list(cell, arena);
    }
    return "";
}

void
mg_report_add_field(MgReport *report, const char *key, MgCell cell, MgArena *arena)
{
    MgField field = { .key = key, .cell = cell };
    MG_PUSH(arena, &report->fields, field);
}

/* The version of plan's head, or NULL. */
static const char *
head_version(const MgPlan *plan)
{
    for (size_t i = 0; plan->head != NULL && i < plan->n_entries; i++)
        if (plan->entries[i].label == plan->head)
            return plan->entries[i].version;
    return NULL;
}

void
mg_report_add_target(MgReport *report, const MgTarget *target, MgArena *arena)
{
    if (target == NULL) {
        mg_report_add_field(report, "target", mg_cell_text(NULL), arena);
        mg_report_add_field(report, "session", mg_cell_text(NULL), arena);
        return;
    }
    const MgField fields[] = {
        { "target.database", mg_cell_text(target->database) },
        { "target.host", mg_cell_text(target->host) },
        { "target.port", mg_cell_int(target->port) },
        { "target.user", mg_cell_text(target->user) },
        { "target.from", mg_cell_text(target->from) },
        { "session.verdict", mg_cell_text(target->verdict_name) },
        { "session.server_version", mg_cell_text(target->server_version) },
    };
    /* Before the server has said anything, a session is not known. */
    size_t n_unknown = target->server_version == NULL ? 2 : 0;
    for (size_t i = 0; i < sizeof fields / sizeof *fields - n_unknown; i++)
        mg_report_add_field(report, fields[i].key, fields[i].cell, arena);
    if (n_unknown > 0)
        mg_report_add_field(report, "session", mg_cell_text(NULL), arena);
}

void
mg_report_add_environment(MgReport *report, const MgTarget *target, MgArena *arena)
{
    if (target == NULL || (target->environment == NULL && target->claimed_by == NULL)) {
        mg_report_add_field(report, "environment", mg_cell_text(NULL), arena);
        return;
    }
    mg_report_add_field(report, "environment.name", mg_cell_text(target->environment), arena);
    mg_report_add_field(report, "environment.from", mg_cell_text(target->environment_from), arena);
    mg_report_add_field(report, "environment.claimed_by", mg_cell_text(target->claimed_by), arena);
}

void
mg_report_add_plan(MgReport *report, const MgPlan *plan, MgArena *arena)
{
    const MgTarget *target = plan == NULL ? NULL : &plan->target;
    const char *head = plan == NULL ? NULL : head_version(plan);
    mg_report_add_target(report, target, arena);
    mg_report_add_environment(report, target, arena);
    mg_report_add_field(report, "head", mg_cell_text(head), arena);
}

bool
mg_report_shows(const MgReport *report, size_t column_i)
{
    const MgColumn *column = &report->columns[column_i];
    if (column->heading == NULL || !column->is_optional)
        return column->heading != NULL;
    for (size_t i = column_i; i < report->cells.n; i += report->n_columns)
        if (report->cells.items[i].kind != MG_CELL_NULL)
            return true;
    return false;
}

void
mg_report_write(const MgReport *report, const MgView *view, MgWrite write, void *payload)
{
    static void (*const writers[])(const MgReport *, const MgView *, MgWrite, void *) = {
        [MG_TABLE] = mg_report_write_table,
        [MG_JSON] = mg_report_write_json,
        [MG_MARKDOWN] = mg_report_write_markdown,
        [MG_HTML] = mg_report_write_html,
    };
    MgArena arena = { 0 };
    MgReport shown = *report;
    shown.footer = report->footer != NULL ? show_text(report->footer, &arena) : NULL;
    shown.more = report->more != NULL ? show_text(report->more, &arena) : NULL;
    writers[view->format](&shown, view, write, payload);
    mg_arena_release(&arena);
}
