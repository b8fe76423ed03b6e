#include "notes.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "context.h"
#include "target/cache.h"
#include "target/environment.h"
#include "target/twin.h"

#define FILE_NAME "state.db"

/* ---- The file ------------------------------------------------------------------------------- */

typedef struct Place {
    const char *path; /* NULL: there is no place for it */
    bool is_asked;    /* somebody named it */
} Place;

static Place
find_place(const MgOptions *options, MgArena *arena)
{
    const char *path = options->notebook;
    if (path == NULL)
        path = mg_environment_get(options->environment, "MIGRATE_STATE");
    if (path != NULL)
        return (Place){ .path = path, .is_asked = true };
    const char *folder = mg_cache_folder(options->environment, arena);
    return (Place){ .path =
                        folder == NULL ? NULL : mg_arena_format(arena, "%s/" FILE_NAME, folder) };
}

static bool
open_file(const MgOptions *options, bool is_reading, MgArena *arena, MgStateFile **ret,
          MgError *err)
{
    Place place = find_place(options, arena);
    if (place.path == NULL) {
        mg_fail(err, MG_E_NOTEBOOK, "there is no place for a notebook");
        mg_error_detail(err, "It is kept in XDG_CACHE_HOME, or in .cache in HOME, when that "
                             "folder belongs to this user and nobody else can write to it.");
        mg_error_hint(err, "Name a file: --state PATH");
        return false;
    }
    MgStateOpen input = { .path = place.path,
                          .layout = &mg_notebook_layout,
                          .is_ours = !place.is_asked,
                          .is_reading = is_reading };
    return mg_state_open(&input, ret, err);
}

/* ---- A context's address -------------------------------------------------------------------- */

/* "HOST:PORT" that the direct URL and the pooled one of a database have in common. */
static const char *
find_direct_place(MgContext *context)
{
    MgArena *arena = &context->arena;
    const MgUrl *url = &context->url;
    const char *host = url->host == NULL ? "" : url->host;
    const char *direct = mg_twin_direct(url, false, arena);
    MgUrl twin;
    MgError ignored;
    if (direct != NULL && strcmp(direct, url->display) != 0 &&
        mg_url_parse(direct, "the direct URL", NULL, arena, &twin, &ignored) && twin.host != NULL)
        return mg_arena_format(arena, "%s:%d", twin.host, twin.port);
    return mg_arena_format(arena, "%s:%d", host, url->port);
}

void
mg_notes_init(MgContext *context)
{
    const MgUrl *url = &context->url;
    bool is_named = url->display != NULL; /* a diagnosis goes on without */
    if (!context->options.keeps_notebook || !is_named)
        return;
    context->notes.address = (MgAddress){ .host = url->host,
                                          .port = url->port,
                                          .user = url->user,
                                          .database = url->database,
                                          .history = context->table.shown };
    context->notes.place = find_direct_place(context);
}

void
mg_notes_release(MgContext *context)
{
    mg_state_close(context->notes.file);
    context->notes.file = NULL;
}

/* ---- Writing -------------------------------------------------------------------------------- */

static void
write_note(MgContext *context, const MgNotedRun *run, bool has_seen, size_t n_settled)
{
    const MgStart *start = &context->start;
    MgSeen seen = { .identity = { .system_identifier = start->system_identifier,
                                  .database_oid = start->database_oid,
                                  .place = context->notes.place },
                    .history = &start->history,
                    .n_settled = n_settled,
                    .server_version = context->target.server_version,
                    .verdict = context->target.verdict_name,
                    .at_ms = mg_clock_wall_ms() };
    MgNote note = { .address = context->notes.address,
                    .seen = has_seen ? &seen : NULL,
                    .run = run };
    MgStateFile *file = NULL;
    MgError err;

    mg_notes_release(context);
    bool is_ok = open_file(&context->options, false, &context->arena, &file, &err) &&
                 mg_notebook_note(file, &note, &err);
    mg_state_close(file);
    if (!is_ok && find_place(&context->options, &context->arena).is_asked)
        mg_emit(context, MG_EVENT_WARNING,
                mg_arena_format(&context->arena, "%s; nothing is noted", err.message));
}

void
mg_notes_seen(MgContext *context)
{
    if (context->options.keeps_notebook)
        write_note(context, NULL, true, context->start.history.n);
}

void
mg_notes_begin(MgContext *context)
{
    MgNotes *notes = &context->notes;
    notes->began_at_ms = mg_clock_wall_ms();
    notes->began_us = notes->event_us = mg_clock_us();
    notes->plan_steps = NULL;
    notes->n_plan_steps = 0;
    notes->first_done = 0;
    notes->done.n = 0;
    notes->is_stale = false;
}

void
mg_notes_plan(MgContext *context, const MgPlan *plan)
{
    context->notes.plan_steps = plan->steps;
    context->notes.n_plan_steps = plan->n_steps;
    context->notes.first_done = context->notes.done.n;
    context->notes.event_us = mg_clock_us();
}

static const char *
digest_of(const MgStep *step)
{
    return step->script == NULL ? NULL : step->script->digest;
}

/* Steps are done in the order of the plan. */
static const MgStep *
find_step(const MgNotes *notes, const char *label)
{
    for (size_t i = notes->done.n - notes->first_done; i < notes->n_plan_steps; i++)
        if (strcmp(notes->plan_steps[i].entry->label, label) == 0)
            return &notes->plan_steps[i];
    return NULL;
}

void
mg_notes_step(MgContext *context, const char *what, const char *label)
{
    MgNotedStep noted = { .what = what, .label = label };
    if (context->options.keeps_notebook)
        MG_PUSH(&context->arena, &context->notes.done, noted);
    context->notes.is_stale = true;
}

static void
note_step(MgContext *context, const char *what, const MgStep *step, int64_t duration_us)
{
    MgNotedStep noted = { .what = what,
                          .label = step->entry->label,
                          .version = step->entry->version,
                          .digest = digest_of(step),
                          .duration_us = duration_us };
    MG_PUSH(&context->arena, &context->notes.done, noted);
}

/* How long it took elsewhere; asked once for each migration, and only when one takes long. */
static int64_t
find_expected(MgContext *context, const char *label)
{
    MgNotes *notes = &context->notes;
    MgError ignored;
    if (notes->expected_for != NULL && strcmp(notes->expected_for, label) == 0)
        return notes->expected_us;
    const MgStep *step = find_step(notes, label);
    notes->expected_for = mg_arena_text(&context->arena, label);
    notes->expected_us = 0;
    /* One that goes on behind what was done takes less than the whole. */
    if (step == NULL || step->direction != MG_UP || step->resume_at > 0 || digest_of(step) == NULL)
        return 0;
    if (!notes->has_looked &&
        !open_file(&context->options, true, &context->arena, &notes->file, &ignored))
        notes->file = NULL;
    notes->has_looked = true;
    if (notes->file == NULL || !mg_notebook_usual(notes->file, step->entry->version,
                                                  digest_of(step), &notes->expected_us, &ignored))
        return 0;
    return notes->expected_us;
}

MgEvent
mg_notes_event(MgContext *context, const MgEvent *event)
{
    MgEvent shown = *event;
    if (!context->options.keeps_notebook || event->migration == NULL)
        return shown;
    const char *what = event->kind == MG_EVENT_APPLIED    ? "applied"
                       : event->kind == MG_EVENT_REVERTED ? "reverted"
                       : event->kind == MG_EVENT_TRIED    ? "tried"
                                                          : NULL;
    const MgStep *step = what != NULL ? find_step(&context->notes, event->migration) : NULL;
    if (step != NULL) {
        note_step(context, what, step, event->duration_us);
        context->notes.event_us = mg_clock_us();
    }
    if (event->kind == MG_EVENT_RECORDED)
        mg_notes_step(context, "recorded", event->migration);
    bool is_running = event->kind == MG_EVENT_RUNNING || event->kind == MG_EVENT_PROGRESS;
    if (is_running) {
        shown.expected_us = find_expected(context, event->migration);
        shown.elapsed_us = mg_clock_us() - context->notes.event_us;
    }
    return shown;
}

/* ---- The history behind a run --------------------------------------------------------------- */

/* Is the step that failed one that leaves something behind? */
static bool
is_half_run(const MgNotes *notes)
{
    size_t n_done = notes->done.n - notes->first_done;
    return n_done < notes->n_plan_steps && !notes->plan_steps[n_done].is_transactional;
}

void
mg_notes_look(MgContext *context, const MgError *err)
{
    static const MgGoal goal = { .kind = MG_GOAL_UP };
    MgNotes *notes = &context->notes;
    MgError ignored;
    notes->is_stale = notes->is_stale || (err != NULL && is_half_run(notes));
    bool is_lost = err != NULL && (err->code == MG_E_CONNECTION_LOST || err->code == MG_E_DEADLINE);
    if (!context->options.keeps_notebook || !notes->is_stale || context->conn == NULL || is_lost)
        return;
    MgStartInput input = mg_start_input(context, &goal, true);
    if (!mg_start_read_again(context->conn, &input, &context->arena, &context->start, &ignored))
        return;
    notes->is_stale = false;
    notes->first_done = notes->done.n; /* nothing is left to conclude */
}

static int
compare_ids(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* A repeatable that ran again replaces its row. */
static bool
is_replaced(const MgApplied *row, const MgStep *steps, size_t n)
{
    if (row->version != NULL)
        return false;
    for (size_t i = 0; i < n; i++)
        if (steps[i].entry->version == NULL && strcmp(steps[i].entry->name, row->name) == 0)
            return true;
    return false;
}

/* The rows that the steps have reverted, resumed or replaced. */
static void
drop_rows(MgContext *context, const MgStep *steps, size_t n)
{
    MgHistory *history = &context->start.history;
    int64_t *ids = mg_arena_alloc_array(&context->arena, n, sizeof *ids);
    size_t n_kept = 0;
    for (size_t i = 0; i < n; i++)
        ids[i] = steps[i].row_id;
    qsort(ids, n, sizeof *ids, compare_ids);
    for (size_t i = 0; i < history->n; i++) {
        const MgApplied *row = &history->items[i];
        if (bsearch(&row->id, ids, n, sizeof *ids, compare_ids) == NULL &&
            !is_replaced(row, steps, n))
            history->items[n_kept++] = *row;
    }
    history->n = n_kept;
}

/* A repeatable runs behind all reverts of its run, and has a new row then. */
static void
note_reverts(MgHistory *history, const MgStep *steps, size_t n)
{
    bool is_reverted = false;
    for (size_t i = 0; i < n; i++)
        is_reverted = is_reverted || steps[i].direction == MG_DOWN;
    for (size_t i = 0; is_reverted && i < history->n; i++)
        history->items[i].is_stale |= history->items[i].kind == MG_REPEATABLE;
}

static void
add_row(MgContext *context, const MgMigration *migration, int64_t id, int64_t duration_us)
{
    MgApplied row = { .id = id,
                      .version = migration->version,
                      .name = migration->name,
                      .kind = migration->kind,
                      .digest = migration->digest,
                      .token_digest = migration->up->token_digest,
                      .down_digest = migration->down_digest,
                      .n_statements = migration->up->n_statements,
                      .n_statements_started = migration->up->n_statements,
                      .n_statements_done = migration->up->n_statements,
                      .applied_at_ms = mg_clock_wall_ms(),
                      .duration_us = duration_us,
                      .applied_by = context->applied_by,
                      .commit = context->identity.commit };
    MG_PUSH(&context->arena, &context->start.history, row);
}

/* What the server has written was not read back: the same is concluded from what was done.
 * Returns how many rows are still as they were read. */
static size_t
conclude(MgContext *context)
{
    MgHistory *history = &context->start.history;
    const MgNotes *notes = &context->notes;
    const MgStep *steps = notes->plan_steps;
    size_t n = notes->done.n - notes->first_done;
    int64_t newest_id = history->n == 0 ? 0 : history->items[history->n - 1].id;
    size_t n_read = history->n;
    if (n == 0)
        return n_read;
    drop_rows(context, steps, n);
    bool is_shorter = history->n < n_read;
    note_reverts(history, steps, n);
    for (size_t i = 0; i < n; i++)
        if (steps[i].direction == MG_UP && steps[i].migration != NULL)
            add_row(context, steps[i].migration, ++newest_id,
                    notes->done.items[notes->first_done + i].duration_us);
    history->exists = true;
    return is_shorter ? 0 : n_read;
}

/* A migration was under way when it ended: the next one of the plan. */
static void
note_failed(MgContext *context, const MgError *err)
{
    const MgNotes *notes = &context->notes;
    size_t n_done = notes->done.n - notes->first_done;
    static const MgErrorCode codes[] = { MG_E_SQL,   MG_E_SERVER,          MG_E_CHANGED,
                                         MG_E_FENCE, MG_E_CONNECTION_LOST, MG_E_CANCELLED,
                                         MG_E_FILE,  MG_E_PERMISSION };
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (err->code == codes[i] && n_done < notes->n_plan_steps)
            note_step(context, "failed", &notes->plan_steps[n_done],
                      mg_clock_us() - notes->event_us);
}

void
mg_notes_end(MgContext *context, const MgOutcome *outcome, const MgError *err)
{
    MgNotes *notes = &context->notes;
    const MgOptions *options = &context->options;
    if (!options->keeps_notebook)
        return;
    bool has_seen = context->start.has_history && !notes->is_stale;
    size_t n_settled = context->start.history.n;
    if (outcome->n_tried == 0 && has_seen)
        n_settled = conclude(context);
    if (err != NULL)
        note_failed(context, err);
    /* Only what has a plan counts its own time. */
    int64_t elapsed_us = outcome->elapsed_us;
    if (elapsed_us == 0)
        elapsed_us = context->opening_us + mg_clock_us() - notes->began_us;
    const char *command = outcome->n_reverted > 0 ? "down" : "up";
    MgJournalRun run = { .command = options->command != NULL ? options->command : command,
                         .began_at_ms = notes->began_at_ms,
                         .elapsed_us = elapsed_us,
                         .by = context->applied_by,
                         .tool = MG_VERSION,
                         .n_applied = outcome->n_applied,
                         .n_reverted = outcome->n_reverted,
                         .n_recorded = outcome->n_recorded,
                         .n_tried = outcome->n_tried,
                         .head = outcome->head,
                         .error = err };
    MgNotedRun noted = { .run = &run, .steps = notes->done.items, .n_steps = notes->done.n };
    write_note(context, &noted, has_seen, n_settled);
}

/* ---- Reading -------------------------------------------------------------------------------- */

bool
mg_notes_recall(MgContext *context, int64_t *ret_at_ms, MgError *err)
{
    MgArena *arena = &context->arena;
    MgTarget *target = &context->target;
    MgStateFile *file = NULL;
    MgSeen seen = { 0 };
    bool is_ok = open_file(&context->options, true, arena, &file, err) &&
                 mg_notebook_seen(file, &context->notes.address, arena, &seen, err);
    mg_state_close(file);
    if (!is_ok)
        return false;
    if (seen.history == NULL) {
        mg_fail(err, MG_E_NOTEBOOK, "this machine has not seen the history of \"%s\" yet",
                target->database == NULL ? "" : target->database);
        mg_error_hint(err, "Ask the database: migrate status");
        return false;
    }
    context->start.history = *seen.history;
    target->server_version = seen.server_version;
    target->verdict_name = seen.verdict;
    *ret_at_ms = seen.at_ms;
    return true;
}

/* A journal with the memory that it lies in. */
typedef struct Journal {
    MgJournal journal; /* first: the caller knows no more */
    MgArena arena;
} Journal;

bool
mg_journal_open(const MgOptions *options, int64_t id, int64_t limit, const MgJournal **ret,
                MgError *err)
{
    Journal *journal = mg_realloc(NULL, sizeof *journal);
    *journal = (Journal){ .arena = { 0 } };
    MgStateFile *file = NULL;
    bool is_ok = mg_check_options(options, err) &&
                 open_file(options, true, &journal->arena, &file, err) &&
                 mg_notebook_runs(file, id, limit, &journal->arena, &journal->journal, err);
    mg_state_close(file);
    if (is_ok && id != 0 && journal->journal.n == 0) {
        is_ok = mg_fail(err, MG_E_NOTEBOOK, "the notebook has no run %lld", (long long)id);
        mg_error_hint(err, "List them: migrate log --local");
    }
    if (!is_ok) {
        mg_journal_close(&journal->journal);
        return false;
    }
    *ret = &journal->journal;
    return true;
}

void
mg_journal_close(const MgJournal *journal)
{
    if (journal == NULL)
        return;
    Journal *whole = (Journal *)(uintptr_t)journal;
    mg_arena_release(&whole->arena);
    mg_free(whole);
}
