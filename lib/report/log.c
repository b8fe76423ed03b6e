/* The audit log of a target: what was applied and reverted, the newest first. */
#include "report/report.h"

#include "base/text.h"

static const MgColumn columns[] = {
    { .key = "at", .heading = "when (UTC)" },
    { .key = "what", .heading = "what" },
    { .key = "version" },
    { .key = "name" },
    { .heading = "migration", .is_cut = true },
    { .key = "kind" },
    { .key = "duration_ms", .heading = "took", .is_right = true, .min_width = 6 },
    { .key = "by", .heading = "by" },
    { .key = "environment", .heading = "environment", .is_optional = true },
    { .key = "commit", .heading = "commit", .is_optional = true },
    { .key = "run_url", .heading = "run", .is_optional = true },
    { .key = "tool" },
    { .key = "row" },
};

enum {
    N_COLUMNS = sizeof columns / sizeof *columns,
    COMMIT_BYTES = 10, /* as people write it */
};

/* JSON has the whole commit. */
static MgCell
commit_cell(const MgLogEntry *entry, const MgView *view, MgArena *arena)
{
    if (entry->commit == NULL || view->format == MG_JSON)
        return mg_cell_text(entry->commit);
    return mg_cell_text(mg_arena_format(arena, "%.*s", COMMIT_BYTES, entry->commit));
}

/* Only what has run has taken its time. */
static bool
has_run(const MgLogEntry *entry)
{
    return !entry->is_undoing && entry->duration_us > 0;
}

static void
add_entry(const MgLogEntry *entry, const MgView *view, MgArena *arena, MgReport *report)
{
    const MgCell cells[N_COLUMNS] = {
        mg_cell_time(entry->at_ms),
        mg_cell_text(entry->what),
        mg_cell_text(entry->version),
        mg_cell_text(entry->name),
        mg_cell_text(entry->label),
        mg_cell_text(entry->kind),
        has_run(entry) ? mg_cell_duration(entry->duration_us) : mg_cell_text(NULL),
        mg_cell_text(entry->by),
        mg_cell_text(entry->environment),
        commit_cell(entry, view, arena),
        mg_cell_text(entry->run_url),
        mg_cell_text(entry->tool),
        mg_cell_int(entry->row_id),
    };
    for (size_t i = 0; i < N_COLUMNS; i++)
        MG_PUSH(arena, &report->cells, cells[i]);
    MgMoment moment = { entry->at_ms, has_run(entry) ? entry->duration_us : 0, entry->label,
                        entry->what };
    MG_PUSH(arena, &report->moments, moment);
}

void
mg_report_log(const MgLog *log, const MgView *view, MgArena *arena, MgReport *ret)
{
    *ret = (MgReport){
        .schema = "migrate.log.v1",
        .title = "Log of migrations",
        .list_key = "entries",
        .is_list_unknown = log == NULL,
        .columns = columns,
        .n_columns = N_COLUMNS,
    };
    if (log == NULL) {
        mg_report_add_field(ret, "target", mg_cell_text(NULL), arena);
        mg_report_add_field(ret, "session", mg_cell_text(NULL), arena);
        mg_report_add_field(ret, "total", mg_cell_text(NULL), arena);
        return;
    }
    mg_report_add_target(ret, &log->target, arena);
    mg_report_add_field(ret, "total", mg_cell_int((int64_t)log->n_entries), arena);
    size_t n = log->n_entries;
    if (view->limit > 0 && (size_t)view->limit < n)
        n = (size_t)view->limit;
    for (size_t i = 0; i < n; i++)
        add_entry(&log->entries[i], view, arena, ret);
    if (log->n_entries == 0)
        ret->footer = "nothing was ever applied here";
    else if (n < log->n_entries)
        ret->footer = mg_arena_format(arena, "%zu of %zu; \"migrate log --all\" shows the others",
                                      n, log->n_entries);
}

void
mg_write_log(const MgLog *log, const MgView *view, MgWrite write, void *payload)
{
    MgArena arena = { 0 };
    MgReport report;
    mg_report_log(log, view, &arena, &report);
    mg_report_write(&report, view, write, payload);
    mg_arena_release(&arena);
}
