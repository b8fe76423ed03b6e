/* The journal of this machine: its runs, and one of them in full. */
#include "report/report.h"

#include "base/buf.h"
#include "base/text.h"

/* ---- All runs -------------------------------------------------------------- */

static const MgColumn run_columns[] = {
    { .key = "run", .heading = "run", .is_right = true },
    { .key = "at", .heading = "when (UTC)" },
    { .key = "command", .heading = "command" },
    { .key = "database" },
    { .key = "host" },
    { .key = "port" },
    { .key = "user" },
    { .heading = "target", .is_cut = true },
    { .key = "history" },
    { .key = "applied" },
    { .key = "reverted" },
    { .key = "recorded" },
    { .key = "tried" },
    { .heading = "outcome", .is_cut = true },
    { .key = "duration_ms", .heading = "took", .is_right = true, .min_width = 6 },
    { .key = "head" },
    { .key = "by" },
    { .key = "tool" },
    { .key = "error" },
    { .key = "message" },
};

enum {
    N_RUN_COLUMNS = sizeof run_columns / sizeof *run_columns,
};

static const char *
target_of(const MgJournalRun *run, MgArena *arena)
{
    return mg_arena_format(arena, "%s at %s", run->database == NULL ? "?" : run->database,
                           run->host == NULL ? "the default host" : run->host);
}

/* "3 applied", "2 applied, then error 42703 (sql)". */
static const char *
outcome_of(const MgJournalRun *run, MgArena *arena)
{
    MG_CLEANUP(buf) MgBuf buf = { 0 };
    const struct {
        int n;
        const char *what;
    } counts[] = { { run->n_reverted, "reverted" },
                   { run->n_applied, "applied" },
                   { run->n_recorded, "recorded" },
                   { run->n_tried, "tried" } };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (counts[i].n > 0)
            mg_buf_format(&buf, "%s%d %s", buf.size_bytes > 0 ? ", " : "", counts[i].n,
                          counts[i].what);
    if (run->error != NULL)
        mg_buf_format(&buf, "%serror %s", buf.size_bytes > 0 ? ", then " : "",
                      run->error->sqlstate[0] != '\0' ? run->error->sqlstate
                                                      : mg_error_slug(run->error->code));
    return buf.size_bytes == 0 ? "nothing to do" : mg_arena_text(arena, mg_buf_text(&buf));
}

static void
add_run(const MgJournalRun *run, MgArena *arena, MgReport *report)
{
    const MgError *error = run->error;
    const MgCell cells[N_RUN_COLUMNS] = {
        mg_cell_int(run->id),
        mg_cell_time(run->began_at_ms),
        mg_cell_text(run->command),
        mg_cell_text(run->database),
        mg_cell_text(run->host),
        mg_cell_int(run->port),
        mg_cell_text(run->user),
        mg_cell_text(target_of(run, arena)),
        mg_cell_text(run->history),
        mg_cell_int(run->n_applied),
        mg_cell_int(run->n_reverted),
        mg_cell_int(run->n_recorded),
        mg_cell_int(run->n_tried),
        mg_cell_text(outcome_of(run, arena)),
        mg_cell_duration(run->elapsed_us),
        mg_cell_text(run->head),
        mg_cell_text(run->by),
        mg_cell_text(run->tool),
        mg_cell_text(error == NULL ? NULL : mg_error_slug(error->code)),
        mg_cell_text(error == NULL ? NULL : error->message),
    };
    for (size_t i = 0; i < N_RUN_COLUMNS; i++)
        MG_PUSH(arena, &report->cells, cells[i]);
}

static void
build_journal(const MgJournal *journal, MgArena *arena, MgReport *ret)
{
    *ret = (MgReport){
        .schema = "migrate.runs.v1",
        .title = "Runs of this machine",
        .list_key = "runs",
        .is_list_unknown = journal == NULL,
        .columns = run_columns,
        .n_columns = N_RUN_COLUMNS,
    };
    mg_report_add_field(ret, "total",
                        journal == NULL ? mg_cell_text(NULL) : mg_cell_int(journal->n_all), arena);
    if (journal == NULL)
        return;
    for (size_t i = 0; i < journal->n; i++)
        add_run(&journal->items[i], arena, ret);
    if (journal->n == 0)
        ret->footer = "no run is noted yet";
    else if ((int64_t)journal->n < journal->n_all)
        ret->footer =
            mg_arena_format(arena, "%zu of %lld; \"migrate log --local --all\" shows the others",
                            journal->n, (long long)journal->n_all);
}

/* ---- One run ----------------------------------------------------------------- */

static const MgColumn step_columns[] = {
    { .key = "what", .heading = "what" },
    { .key = "migration", .heading = "migration", .is_cut = true },
    { .key = "duration_ms", .heading = "took", .is_right = true, .min_width = 6 },
};

enum {
    N_STEP_COLUMNS = sizeof step_columns / sizeof *step_columns,
};

static void
add_run_fields(const MgJournalRun *run, MgArena *arena, MgReport *report)
{
    const MgField fields[] = {
        { "run.id", mg_cell_int(run->id) },
        { "run.at", mg_cell_time(run->began_at_ms) },
        { "run.command", mg_cell_text(run->command) },
        { "run.database", mg_cell_text(run->database) },
        { "run.host", mg_cell_text(run->host) },
        { "run.port", mg_cell_int(run->port) },
        { "run.user", mg_cell_text(run->user) },
        { "run.history", mg_cell_text(run->history) },
        { "run.applied", mg_cell_int(run->n_applied) },
        { "run.reverted", mg_cell_int(run->n_reverted) },
        { "run.recorded", mg_cell_int(run->n_recorded) },
        { "run.tried", mg_cell_int(run->n_tried) },
        { "run.duration_ms", mg_cell_duration(run->elapsed_us) },
        { "run.head", mg_cell_text(run->head) },
        { "run.by", mg_cell_text(run->by) },
        { "run.tool", mg_cell_text(run->tool) },
        { "run.errors", mg_cell_errors(run->error, run->error == NULL ? 0 : 1) },
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        mg_report_add_field(report, fields[i].key, fields[i].cell, arena);
}

static void
describe(const MgJournalRun *run, MgArena *arena, MgReport *report)
{
    char when[32], took[32];
    mg_text_minute(run->began_at_ms, when, sizeof when);
    mg_text_duration(run->elapsed_us, took, sizeof took);
    report->footer = mg_arena_format(arena, "run %lld: %s by %s, %s UTC, %s", (long long)run->id,
                                     run->command == NULL ? "?" : run->command,
                                     run->by == NULL ? "?" : run->by, when, target_of(run, arena));
    report->more = mg_arena_format(arena, "%s, in %s", outcome_of(run, arena), took);
}

static void
build_run(const MgJournal *journal, MgArena *arena, MgReport *ret)
{
    *ret = (MgReport){
        .schema = "migrate.run.v1",
        .title = "A run of this machine",
        .list_key = "steps",
        .is_list_unknown = journal == NULL,
        .columns = step_columns,
        .n_columns = N_STEP_COLUMNS,
    };
    if (journal == NULL) {
        mg_report_add_field(ret, "run", mg_cell_text(NULL), arena);
        return;
    }
    const MgJournalRun *run = &journal->items[0];
    add_run_fields(run, arena, ret);
    for (size_t i = 0; i < run->n_steps; i++) {
        const MgJournalStep *step = &run->steps[i];
        const MgCell cells[N_STEP_COLUMNS] = { mg_cell_text(step->what), mg_cell_text(step->label),
                                               mg_cell_duration(step->duration_us) };
        for (size_t k = 0; k < N_STEP_COLUMNS; k++)
            MG_PUSH(arena, &ret->cells, cells[k]);
    }
    describe(run, arena, ret);
}

/* ---- Writing ------------------------------------------------------------------ */

void
mg_write_journal(const MgJournal *journal, const MgView *view, MgWrite write, void *payload)
{
    MgArena arena = { 0 };
    MgReport report;
    build_journal(journal, &arena, &report);
    mg_report_write(&report, view, write, payload);
    mg_arena_release(&arena);
}

void
mg_write_run(const MgJournal *journal, const MgView *view, MgWrite write, void *payload)
{
    MgArena arena = { 0 };
    MgReport report;
    build_run(journal, &arena, &report);
    mg_report_write(&report, view, write, payload);
    mg_arena_release(&arena);
}
