/* The report of init: what was found and made, part by part. */
#include "report/report.h"

#include "base/text.h"

static const MgColumn columns[] = {
    { .key = NULL, .heading = "part", .is_section = true },
    { .key = "part", .heading = NULL },
    { .key = "kind", .heading = NULL },
    { .key = "subject", .heading = "subject" },
    { .key = "text", .heading = "what", .is_prose = true },
    { .key = "hint", .heading = "what to do", .is_below = true, .is_optional = true },
};

enum {
    N_COLUMNS = sizeof columns / sizeof *columns,
};

static const struct {
    const char *title, *word;
} parts[] = {
    [MG_INIT_FOUND] = { "Found", "found" },
    [MG_INIT_CREATED] = { "Created", "created" },
    [MG_INIT_KEPT] = { "There already", "kept" },
    [MG_INIT_NEXT] = { "Next", "next" },
};

static void
add_item(const MgInitItem *item, MgArena *arena, MgReport *report)
{
    const MgCell cells[N_COLUMNS] = {
        mg_cell_text(parts[item->part].title),
        mg_cell_text(parts[item->part].word),
        mg_cell_text(item->kind),
        mg_cell_text(item->subject),
        mg_cell_text(item->text),
        mg_cell_text(item->hint),
    };
    for (size_t i = 0; i < N_COLUMNS; i++)
        MG_PUSH(arena, &report->cells, cells[i]);
}

void
mg_write_init(const MgBegun *begun, const MgView *view, MgWrite write, void *payload)
{
    MgArena arena = { 0 };
    MgReport report = {
        .schema = "migrate.init.v1",
        .title = "A project for migrate",
        .list_key = "items",
        .is_list_unknown = begun == NULL,
        .columns = columns,
        .n_columns = N_COLUMNS,
    };
    mg_report_add_field(&report, "config", mg_cell_text(begun == NULL ? NULL : begun->config),
                        &arena);
    mg_report_add_field(&report, "dir", mg_cell_text(begun == NULL ? NULL : begun->dir), &arena);
    mg_report_add_field(&report, "created",
                        begun == NULL ? mg_cell_text(NULL) : mg_cell_int((int64_t)begun->n_created),
                        &arena);
    for (size_t i = 0; begun != NULL && i < begun->n_items; i++)
        add_item(&begun->items[i], &arena, &report);
    if (begun != NULL)
        report.footer = begun->n_created == 0 ? "done: nothing to do, this project is set up"
                                              : "done: nothing that was there before was changed";
    mg_report_write(&report, view, write, payload);
    mg_arena_release(&arena);
}
