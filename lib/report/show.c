/*
 * The show report: the scripts of a folder, or the statements of one migration.
 * A file may hold millions of statements, so rows are written in parts.
 */
#include "report/report.h"

#include <string.h>

#include "base/text.h"

enum {
    /* A terminal's table is aligned as a whole up to here. */
    PART_ROWS = 500,
};

static const MgColumn script_columns[] = {
    { .key = "version" },
    { .key = "name" },
    { .key = "kind" },
    { .key = "label", .heading = "migration", .is_cut = true },
    { .key = "direction", .heading = "script" },
    { .key = "statements", .heading = "statements", .is_right = true },
    { .key = "how", .heading = "how" },
    { .key = "transactional" },
    { .key = "copy_data" },
    { .heading = "takes away", .is_optional = true },
    { .key = "destructive" },
    { .key = "destructive_line" },
    { .key = "destructive_column" },
    { .key = "destructive_statements" },
    { .key = "destructive_allowed" },
    { .key = "file" },
    { .key = "digest" },
};

static const MgColumn statement_columns[] = {
    { .heading = "script", .is_section = true },
    { .key = "direction" },
    { .key = "number", .heading = "no", .is_right = true, .min_width = 3 },
    { .heading = "place", .is_right = true, .min_width = 5 },
    { .key = "line" },
    { .key = "column" },
    { .key = "begin" },
    { .key = "end" },
    { .key = "data_begin" },
    { .key = "data_end" },
    { .key = "label", .heading = "statement", .min_width = 12 },
    { .heading = "class", .min_width = 6 },
    { .key = "destructive" },
    { .key = "refuses_transaction" },
    { .key = "transaction_control" },
    { .key = "can_touch_session" },
    { .key = "copy_data" },
    { .key = "text", .heading = "first line", .is_cut = true, .is_excerpt = true },
};

enum {
    N_SCRIPT_COLUMNS = sizeof script_columns / sizeof *script_columns,
    N_STATEMENT_COLUMNS = sizeof statement_columns / sizeof *statement_columns,
};

void
mg_report_show_begin(MgShowReport *show, bool has_statements, const char *dir, const MgView *view,
                     MgWrite write, void *payload)
{
    *show = (MgShowReport){
        .report = { .schema = has_statements ? "migrate.migration.v1" : "migrate.show.v1",
                    .title = has_statements ? "Statements" : "Migrations",
                    .list_key = has_statements ? "statements" : "scripts",
                    .columns = has_statements ? statement_columns : script_columns,
                    .n_columns = has_statements ? N_STATEMENT_COLUMNS : N_SCRIPT_COLUMNS },
        .view = view,
        .write = write,
        .payload = payload,
        .has_statements = has_statements,
    };
    mg_report_add_field(&show->report, "dir", mg_cell_text(mg_arena_text(&show->arena, dir)),
                        &show->arena);
}

static void
write_part(MgShowReport *show, bool has_more)
{
    show->report.has_more = has_more;
    mg_report_write(&show->report, show->view, show->write, show->payload);
    show->report.is_continued = true;
    show->report.cells.items = NULL;
    show->report.cells.n = show->report.cells.cap = 0;
    mg_arena_release(&show->cells_arena);
}

static void
add_row(MgShowReport *show, const MgCell *cells)
{
    for (size_t i = 0; i < show->report.n_columns; i++) {
        MgCell cell = cells[i];
        cell.text = mg_arena_text(&show->cells_arena, cell.text);
        MG_PUSH(&show->cells_arena, &show->report.cells, cell);
    }
    if (show->report.cells.n == PART_ROWS * show->report.n_columns)
        write_part(show, true);
}

static MgCell
cell_position(int position)
{
    return position > 0 ? mg_cell_int(position) : mg_cell_text(NULL);
}

static const char *
direction_name(MgDirection direction)
{
    return direction == MG_UP ? "up" : "down";
}

static void
add_script_row(MgShowReport *show, const MgScriptFacts *script)
{
    MgArena *arena = &show->cells_arena;
    const char *loss = script->destructive_label;
    const char *shown = NULL;
    /* A down script takes away by its nature. */
    if (loss != NULL && script->direction == MG_UP)
        shown = mg_arena_format(arena, "%s at %d:%d%s", loss, script->destructive_line,
                                script->destructive_column,
                                script->is_destructive_allowed ? ", on purpose" : "");
    const MgCell cells[N_SCRIPT_COLUMNS] = {
        mg_cell_text(script->version),
        mg_cell_text(script->name),
        mg_cell_text(mg_kind_name(script->kind)),
        mg_cell_text(script->label),
        mg_cell_text(direction_name(script->direction)),
        mg_cell_int(script->n_statements),
        mg_cell_text(script->how),
        mg_cell_bool(script->is_transactional),
        mg_cell_bool(script->has_copy_data),
        mg_cell_text(shown),
        mg_cell_text(loss),
        cell_position(script->destructive_line),
        cell_position(script->destructive_column),
        mg_cell_int(script->n_destructive),
        mg_cell_bool(script->is_destructive_allowed),
        mg_cell_text(script->file),
        mg_cell_text(script->digest),
    };
    add_row(show, cells);
}

/* Facts about the script whose statements follow, in an object of its direction. */
static void
add_script_fields(MgShowReport *show, const MgScriptFacts *script)
{
    MgArena *arena = &show->arena;
    const char *direction = direction_name(script->direction);
    const MgField fields[] = {
        { "file", mg_cell_text(mg_arena_text(arena, script->file)) },
        { "statements", mg_cell_int(script->n_statements) },
        { "transactional", mg_cell_bool(script->is_transactional) },
        { "how", mg_cell_text(mg_arena_text(arena, script->how)) },
        { "digest", mg_cell_text(mg_arena_text(arena, script->digest)) },
        { "destructive_allowed", mg_cell_bool(script->is_destructive_allowed) },
    };
    if (show->n_scripts == 1) {
        mg_report_add_field(&show->report, "migration.version",
                            mg_cell_text(mg_arena_text(arena, script->version)), arena);
        mg_report_add_field(&show->report, "migration.name",
                            mg_cell_text(mg_arena_text(arena, script->name)), arena);
        mg_report_add_field(&show->report, "migration.label",
                            mg_cell_text(mg_arena_text(arena, script->label)), arena);
    }
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        mg_report_add_field(&show->report,
                            mg_arena_format(arena, "%s.%s", direction, fields[i].key),
                            fields[i].cell, arena);
}

void
mg_report_show_script(MgShowReport *show, const MgScriptFacts *script)
{
    show->n_scripts++;
    if (!show->has_statements) {
        show->n_destructive += script->n_destructive > 0 && script->direction == MG_UP;
        add_script_row(show, script);
        return;
    }
    if (!show->report.is_continued)
        add_script_fields(show, script);
    show->section = mg_arena_format(&show->arena, "%s, %s: %s", script->file,
                                    direction_name(script->direction), script->how);
}

/* What a reviewer looks for. */
static const char *
class_of(const MgStatement *statement, MgArena *arena)
{
    const char *class = statement->destructive_label;
    if (class != NULL && strcmp(class, statement->label) == 0)
        class = "destructive";
    if (class != NULL)
        return class;
    if (statement->refuses_transaction)
        return "no transaction";
    if (statement->is_copy_data)
        return mg_arena_format(arena, "%zu bytes of data",
                               statement->data_end - statement->data_begin);
    return statement->is_transaction_control && statement->number == 0 ? "folded" : "";
}

void
mg_report_show_statement(MgShowReport *show, const MgStatement *statement)
{
    MgArena *arena = &show->cells_arena;
    bool has_data = statement->is_copy_data;
    MgCell none = mg_cell_text(NULL);
    const MgCell cells[N_STATEMENT_COLUMNS] = {
        mg_cell_text(show->section),
        mg_cell_text(direction_name(statement->direction)),
        cell_position(statement->number),
        mg_cell_text(mg_arena_format(arena, "%d:%d", statement->line, statement->column)),
        mg_cell_int(statement->line),
        mg_cell_int(statement->column),
        mg_cell_int((int64_t)statement->begin),
        mg_cell_int((int64_t)statement->end),
        has_data ? mg_cell_int((int64_t)statement->data_begin) : none,
        has_data ? mg_cell_int((int64_t)statement->data_end) : none,
        mg_cell_text(statement->label),
        mg_cell_text(class_of(statement, arena)),
        mg_cell_text(statement->destructive_label),
        mg_cell_bool(statement->refuses_transaction),
        mg_cell_bool(statement->is_transaction_control),
        mg_cell_bool(statement->can_touch_session),
        mg_cell_bool(statement->is_copy_data),
        mg_cell_text(statement->text),
    };
    show->n_statements++;
    show->n_destructive += statement->destructive_label != NULL;
    add_row(show, cells);
}

static const char *
footer(MgShowReport *show)
{
    MgArena *arena = &show->arena;
    int n = show->has_statements ? show->n_statements : show->n_scripts;
    const char *what = show->has_statements ? mg_text_plural(n, "statement", "statements")
                                            : mg_text_plural(n, "script", "scripts");
    const char *destructive = show->n_destructive == 0
                                  ? ""
                                  : mg_arena_format(arena, ", %d destructive", show->n_destructive);
    const char *more = show->has_statements || n == 0
                           ? ""
                           : "; \"migrate show V\" shows the statements of one migration";
    return mg_arena_format(arena, "%d %s%s%s", n, what, destructive, more);
}

void
mg_report_show_end(MgShowReport *show, const MgError *error)
{
    MgView view = *show->view;
    view.error = error;
    show->view = &view;
    if (error == NULL) {
        show->report.footer = footer(show);
        write_part(show, false);
    } else if (view.format == MG_JSON && !show->report.is_continued) {
        show->report.cells.n = 0;
        show->report.is_list_unknown = true;
        write_part(show, false);
    }
    mg_arena_release(&show->cells_arena);
    mg_arena_release(&show->arena);
}
