/* The status report: every migration and its state. */
#include "report/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"

static const MgColumn columns[] = {
    { .key = "version" },
    { .key = "name" },
    { .key = "kind" },
    { .key = "state", .heading = "state" },
    { .heading = "migration", .is_cut = true },
    { .key = "file" },
    { .key = "has_down" },
    { .key = "applied_at", .heading = "applied (UTC)" },
    { .key = "duration_ms", .heading = "took", .is_right = true, .min_width = 6 },
    { .key = "applied_by", .heading = "by" },
    { .key = "commit" },
    { .key = "statements_done" },
    { .key = "statements" },
    { .key = "notes" },
    { .heading = "notes", .is_optional = true },
};

enum {
    N_COLUMNS = sizeof columns / sizeof *columns,
    N_NEWEST = 10, /* of those that are plainly applied */
};

/* What people should see of the notes; a missing down script is told by the plan. */
static MgCell
shown_notes(const MgEntry *entry, MgArena *arena)
{
    MG_CLEANUP(buf) MgBuf buf = { 0 };
    const char *which = entry->is_half_reverted ? " of the down script" : "";
    if (entry->state == MG_STATE_PARTIAL && entry->n_statements_done == 0)
        mg_buf_format(&buf, "no statement%s finished yet", which);
    else if (entry->state == MG_STATE_PARTIAL)
        mg_buf_format(&buf, "stopped behind statement %d of %d%s", entry->n_statements_done,
                      entry->n_statements, which);
    if (entry->state == MG_STATE_STALE)
        mg_buf_add(&buf, "a migration was reverted after it ran");
    for (size_t i = 0; i < entry->n_notes; i++)
        if (strcmp(entry->notes[i], "no-down") != 0)
            mg_buf_format(&buf, "%s%s", buf.size_bytes > 0 ? ", " : "", entry->notes[i]);
    return mg_cell_text(buf.size_bytes > 0 ? mg_arena_text(arena, mg_buf_text(&buf)) : NULL);
}

static void
add_entry(const MgEntry *entry, MgArena *arena, MgReport *report)
{
    bool has_run = entry->applied_at_ms != 0;
    const MgCell cells[N_COLUMNS] = {
        mg_cell_text(entry->version),
        mg_cell_text(entry->name),
        mg_cell_text(mg_kind_name(entry->kind)),
        mg_cell_text(mg_state_name(entry->state)),
        mg_cell_text(entry->label),
        mg_cell_text(entry->file),
        mg_cell_bool(entry->has_down),
        mg_cell_time(entry->applied_at_ms),
        has_run ? mg_cell_duration(entry->duration_us) : mg_cell_text(NULL),
        mg_cell_text(entry->applied_by),
        mg_cell_text(entry->commit),
        mg_cell_int(entry->n_statements_done),
        mg_cell_int(entry->n_statements),
        mg_cell_list(entry->notes, entry->n_notes),
        shown_notes(entry, arena),
    };
    for (size_t i = 0; i < N_COLUMNS; i++)
        MG_PUSH(arena, &report->cells, cells[i]);
}

/* ---- Which rows are shown -------------------------------------------------- */

/* Nothing about it is worth a look. */
static bool
is_plain(const MgEntry *entry)
{
    if (entry->state != MG_STATE_APPLIED)
        return false;
    for (size_t i = 0; i < entry->n_notes; i++)
        if (strcmp(entry->notes[i], "no-down") != 0 && strcmp(entry->notes[i], "baseline") != 0)
            return false;
    return true;
}

static bool
is_pending(const MgEntry *entry)
{
    return entry->state == MG_STATE_PENDING || entry->state == MG_STATE_LATE ||
           entry->state == MG_STATE_PARTIAL || entry->state == MG_STATE_CHANGED ||
           entry->state == MG_STATE_STALE;
}

/* By time; of one moment, the later one in the list, which comes last. */
static int
compare_newest(const void *a, const void *b)
{
    const MgEntry *entry_a = *(const MgEntry *const *)a;
    const MgEntry *entry_b = *(const MgEntry *const *)b;
    if (entry_a->applied_at_ms != entry_b->applied_at_ms)
        return entry_a->applied_at_ms < entry_b->applied_at_ms ? 1 : -1;
    return (entry_a < entry_b) - (entry_a > entry_b);
}

/* Which of the plan's entries are shown. */
static const bool *
choose_rows(const MgPlan *plan, const MgView *view, MgArena *arena)
{
    bool *is_shown = mg_arena_alloc_array(arena, plan->n_entries + 1, sizeof *is_shown);
    const MgEntry **plain = mg_arena_alloc_array(arena, plan->n_entries + 1, sizeof *plain);
    size_t n_plain = 0;
    bool is_all = view->rows == MG_ROWS_ALL || view->format == MG_JSON;
    for (size_t i = 0; i < plan->n_entries; i++) {
        const MgEntry *entry = &plan->entries[i];
        if (is_all || view->rows == MG_ROWS_PENDING)
            is_shown[i] = is_all || is_pending(entry);
        else if (is_plain(entry))
            plain[n_plain++] = entry;
        else
            is_shown[i] = true;
    }
    qsort(plain, n_plain, sizeof *plain, compare_newest);
    for (size_t i = 0; i < n_plain && i < N_NEWEST; i++)
        is_shown[plain[i] - plan->entries] = true;
    return is_shown;
}

static const char *
tell_hidden(size_t n_hidden, MgArena *arena)
{
    return mg_arena_format(arena, "%zu more applied earlier; \"migrate status --all\" shows %s",
                           n_hidden, mg_text_plural((int64_t)n_hidden, "it", "them"));
}

/* Whoever reads a page cannot ask for more. */
static void
fold_hidden(const MgPlan *plan, const bool *is_shown, size_t n_hidden, MgArena *arena,
            MgReport *report)
{
    report->n_unfolded = report->cells.n / N_COLUMNS;
    report->folded = mg_arena_format(arena, "%zu more applied earlier", n_hidden);
    for (size_t i = 0; i < plan->n_entries; i++)
        if (!is_shown[i] && plan->entries[i].state == MG_STATE_APPLIED)
            add_entry(&plan->entries[i], arena, report);
}

/* "3 pending, 1 late" of the states in the list, or "". */
static void
add_counts(const MgPlan *plan, const MgState *states, size_t n_states, MgBuf *buf)
{
    size_t begin = buf->size_bytes;
    for (size_t i = 0; i < n_states; i++)
        if (plan->counts[states[i]] > 0)
            mg_buf_format(buf, "%s%d %s", buf->size_bytes > begin ? ", " : "",
                          plan->counts[states[i]], mg_state_name(states[i]));
}

/* Is the first refusal one that no state in the table shows? */
static bool
is_reason_hidden(const MgPlan *plan)
{
    MgErrorCode code = plan->refusals[0].code;
    return code != MG_E_DRIFT && code != MG_E_LATE && code != MG_E_PARTIAL && code != MG_E_MISSING;
}

static const char *
footer(const MgPlan *plan, MgArena *arena)
{
    static const MgState ready[] = { MG_STATE_PENDING, MG_STATE_LATE, MG_STATE_PARTIAL,
                                     MG_STATE_CHANGED, MG_STATE_STALE };
    static const MgState refused[] = { MG_STATE_PENDING, MG_STATE_LATE,  MG_STATE_PARTIAL,
                                       MG_STATE_CHANGED, MG_STATE_STALE, MG_STATE_DRIFTED };
    static const MgState fileless[] = { MG_STATE_MISSING, MG_STATE_AHEAD };

    MG_CLEANUP(buf) MgBuf buf = { 0 };
    int n_ready = 0;
    for (size_t i = 0; i < sizeof ready / sizeof *ready; i++)
        n_ready += plan->counts[ready[i]];

    if (plan->n_refusals > 0) {
        add_counts(plan, refused, sizeof refused / sizeof *refused, &buf);
        mg_buf_add(&buf,
                   buf.size_bytes > 0 ? ": \"migrate up\" refuses" : "\"migrate up\" refuses");
        if (is_reason_hidden(plan))
            mg_buf_format(&buf, " (%s)", mg_error_slug(plan->refusals[0].code));
    } else if (n_ready > 0) {
        add_counts(plan, ready, sizeof ready / sizeof *ready, &buf);
        mg_buf_format(&buf, "; \"migrate up\" applies %s", mg_text_plural(n_ready, "it", "them"));
    } else if (plan->head != NULL) {
        mg_buf_format(&buf, "nothing pending, now at %s", plan->head);
    } else {
        mg_buf_add(&buf, "nothing pending, nothing applied");
    }
    if (plan->counts[MG_STATE_MISSING] + plan->counts[MG_STATE_AHEAD] > 0) {
        mg_buf_add(&buf, "; ");
        add_counts(plan, fileless, sizeof fileless / sizeof *fileless, &buf);
    }
    return mg_arena_text(arena, mg_buf_text(&buf));
}

static void
build(const MgPlan *plan, const MgView *view, MgArena *arena, MgReport *ret)
{
    *ret = (MgReport){
        .schema = "migrate.status.v1",
        .title = "Migrations",
        .list_key = "migrations",
        .is_list_unknown = plan == NULL,
        .columns = columns,
        .n_columns = N_COLUMNS,
    };
    mg_report_add_plan(ret, plan, arena);
    mg_report_add_field(ret, "as_of", mg_cell_time(plan == NULL ? 0 : plan->as_of_ms), arena);
    if (plan == NULL) {
        mg_report_add_field(ret, "counts", mg_cell_text(NULL), arena);
        return;
    }
    for (int state = 0; state < MG_N_STATES; state++)
        mg_report_add_field(ret, mg_arena_format(arena, "counts.%s", mg_state_name((MgState)state)),
                            mg_cell_int(plan->counts[state]), arena);
    const bool *is_shown = choose_rows(plan, view, arena);
    size_t n_hidden = 0;
    for (size_t i = 0; i < plan->n_entries; i++) {
        const MgEntry *entry = &plan->entries[i];
        if (is_shown[i])
            add_entry(entry, arena, ret);
        else if (entry->state == MG_STATE_APPLIED)
            n_hidden++;
        MgMoment moment = { entry->applied_at_ms, entry->duration_us, entry->label,
                            mg_state_name(entry->state) };
        if (entry->applied_at_ms != 0)
            MG_PUSH(arena, &ret->moments, moment);
    }
    bool has_more = n_hidden > 0 && view->rows == MG_ROWS_GLANCE;
    if (has_more && view->format == MG_HTML)
        fold_hidden(plan, is_shown, n_hidden, arena, ret);
    else if (has_more)
        ret->more = tell_hidden(n_hidden, arena);
    ret->footer = footer(plan, arena);
}

void
mg_write_status(const MgPlan *plan, const MgView *view, MgWrite write, void *payload)
{
    MgArena arena = { 0 };
    MgReport report;
    build(plan, view, &arena, &report);
    mg_report_write(&report, view, write, payload);
    mg_arena_release(&arena);
}
