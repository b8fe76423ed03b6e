/* The audit log of a target: what was applied and reverted, the newest first. */
#include "report/report.h"

#include "base/buf.h"
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
    { .is_below = true },
};

enum {
    N_COLUMNS = sizeof columns / sizeof *columns,
    COMMIT_BYTES = 10, /* as people write it */
};

static const char *
short_commit(const MgLogEntry *entry, MgArena *arena)
{
    return entry->commit == NULL ? NULL
                                 : mg_arena_format(arena, "%.*s", COMMIT_BYTES, entry->commit);
}

/* Where it came from.  In a table all of it would not fit beside the rest. */
typedef struct Origin {
    MgCell environment, commit, run_url, below;
} Origin;

static Origin
origin_of(const MgLogEntry *entry, const MgView *view, MgArena *arena)
{
    if (view->format != MG_TABLE) {
        const char *commit = view->format == MG_JSON ? entry->commit : short_commit(entry, arena);
        return (Origin){ .environment = mg_cell_text(entry->environment),
                         .commit = mg_cell_text(commit),
                         .run_url = mg_cell_text(entry->run_url) };
    }
    MG_CLEANUP(buf) MgBuf buf = { 0 };
    if (entry->environment != NULL && !mg_text_starts(entry->label, "environment "))
        mg_buf_format(&buf, "environment %s", entry->environment);
    if (entry->commit != NULL)
        mg_buf_format(&buf, "%scommit %s", buf.size_bytes > 0 ? ", " : "",
                      short_commit(entry, arena));
    if (entry->run_url != NULL)
        mg_buf_format(&buf, "%s%s", buf.size_bytes > 0 ? ", " : "", entry->run_url);
    return (Origin){ .below =
                         mg_cell_text(buf.size_bytes > 0 ? mg_arena_text(arena, buf.text) : NULL) };
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
    Origin origin = origin_of(entry, view, arena);
    const MgCell cells[N_COLUMNS] = {
        mg_cell_time(entry->at_ms),
        mg_cell_text(entry->what),
        mg_cell_text(entry->version),
        mg_cell_text(entry->name),
        mg_cell_text(entry->label),
        mg_cell_text(entry->kind),
        has_run(entry) ? mg_cell_duration(entry->duration_us) : mg_cell_text(NULL),
        mg_cell_text(entry->by),
        origin.environment,
        origin.commit,
        origin.run_url,
        mg_cell_text(entry->tool),
        mg_cell_int(entry->row_id),
        origin.below,
    };
    for (size_t i = 0; i < N_COLUMNS; i++)
        MG_PUSH(arena, &report->cells, cells[i]);
    MgMoment moment = { entry->at_ms, has_run(entry) ? entry->duration_us : 0, entry->label,
                        entry->what };
    MG_PUSH(arena, &report->moments, moment);
}

static void
build(const MgLog *log, const MgView *view, MgArena *arena, MgReport *ret)
{
    *ret = (MgReport){
        .schema = "migrate.log.v1",
        .title = "Log of migrations",
        .list_key = "entries",
        .is_list_unknown = log == NULL,
        .columns = columns,
        .n_columns = N_COLUMNS,
    };
    mg_report_add_target(ret, log == NULL ? NULL : &log->target, arena);
    if (log == NULL) {
        mg_report_add_field(ret, "total", mg_cell_text(NULL), arena);
        return;
    }
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
    build(log, view, &arena, &report);
    mg_report_write(&report, view, write, payload);
    mg_arena_release(&arena);
}
