/* The result of a run: what it applied, reverted or tried, and how it ended. */
#include "report/report.h"

#include "base/text.h"

static const MgColumn columns[] = {
    { .key = "version" },
    { .key = "name" },
    { .key = "kind" },
    { .key = "label", .heading = "migration", .is_cut = true },
    { .key = "file" },
    { .key = "duration_ms", .heading = "took", .is_right = true, .min_width = 6 },
    { .key = "statements", .heading = "statements", .is_right = true },
    { .key = "transactional" },
    { .heading = "how", .is_optional = true },
};

enum {
    N_COLUMNS = sizeof columns / sizeof *columns,
};

/* What a run does to migrations, as words; its list has the past one as its key. */
typedef enum Deed { APPLY, REVERT, TRY, N_DEEDS } Deed;

static const struct {
    const char *schema, *title, *past;
} deeds[N_DEEDS] = {
    [APPLY] = { "migrate.up.v1", "Migrations applied", "applied" },
    [REVERT] = { "migrate.down.v1", "Migrations reverted", "reverted" },
    [TRY] = { "migrate.up.v1", "Migrations tried and rolled back", "tried" },
};

static void
add_step(const MgDoneStep *step, MgArena *arena, MgReport *report)
{
    const MgEntry *entry = step->entry;
    const MgCell cells[N_COLUMNS] = {
        mg_cell_text(entry->version),
        mg_cell_text(entry->name),
        mg_cell_text(mg_kind_name(entry->kind)),
        mg_cell_text(entry->label),
        mg_cell_text(entry->file),
        mg_cell_duration(step->duration_us),
        mg_cell_int(step->n_statements),
        mg_cell_bool(step->is_transactional),
        mg_cell_text(step->is_transactional ? NULL : "no transaction"),
    };
    for (size_t i = 0; i < N_COLUMNS; i++)
        MG_PUSH(arena, &report->cells, cells[i]);
}

static const char *
footer(const MgRunResult *result, Deed deed, const MgView *view, MgArena *arena)
{
    const MgOutcome *outcome = result->outcome;
    char elapsed[32];
    mg_text_duration(outcome->elapsed_us, elapsed, sizeof elapsed);
    if (result->skipped != NULL)
        return mg_arena_format(arena, "skipped: %s", result->skipped);
    if (view->error != NULL && outcome->n_done == 0)
        return view->error->note[0] != '\0' ? view->error->note : NULL;
    const char *now = outcome->head == NULL ? "" : ", now at ";
    const char *head = outcome->head == NULL ? "" : outcome->head;
    if (outcome->n_done > 0)
        return mg_arena_format(arena, "%zu %s in %s%s%s", outcome->n_done, deeds[deed].past,
                               elapsed, now, head);
    if (outcome->done_by_other != NULL)
        return mg_arena_format(arena, "nothing left to do: %s%s%s", outcome->done_by_other, now,
                               head);
    return mg_arena_format(arena, "nothing to do%s%s", now, head);
}

static void
build(const MgRunResult *result, const MgView *view, MgArena *arena, MgReport *ret)
{
    const MgOutcome *outcome = result->outcome;
    Deed deed = result->is_rehearsal ? TRY : result->direction == MG_DOWN ? REVERT : APPLY;
    *ret = (MgReport){
        .schema = deeds[deed].schema,
        .title = deeds[deed].title,
        .list_key = deeds[deed].past,
        .columns = columns,
        .n_columns = N_COLUMNS,
    };
    mg_report_add_target(ret, result->target, arena);
    mg_report_add_environment(ret, result->target, arena);
    mg_report_add_field(ret, "head", mg_cell_text(outcome->head_version), arena);
    mg_report_add_field(ret, "elapsed_ms", mg_cell_duration(outcome->elapsed_us), arena);
    mg_report_add_field(ret, "skipped", mg_cell_text(result->skipped), arena);
    mg_report_add_field(ret, "done_by_other", mg_cell_text(outcome->done_by_other), arena);
    /* A reader of up's document finds both of its lists in any case. */
    if (result->direction == MG_UP)
        mg_report_add_field(ret, deed == TRY ? "applied" : "tried", mg_cell_list(NULL, 0), arena);
    for (size_t i = 0; i < outcome->n_done; i++)
        add_step(&outcome->done[i], arena, ret);
    ret->footer = footer(result, deed, view, arena);
}

void
mg_write_outcome(const MgRunResult *result, const MgView *view, MgWrite write, void *payload)
{
    MgArena arena = { 0 };
    MgReport report;
    build(result, view, &arena, &report);
    mg_report_write(&report, view, write, payload);
    mg_arena_release(&arena);
}
