/* The status report: every migration and its state. */
#include "report/report.h"

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
};

/* What people should see of the notes; a missing down script is told by the plan. */
static MgCell
shown_notes(const MgEntry *entry, MgArena *arena)
{
    MG_CLEANUP(buf) MgBuf buf = { 0 };
    if (entry->state == MG_STATE_PARTIAL && entry->n_statements_done == 0)
        mg_buf_add(&buf, "no statement finished yet");
    else if (entry->state == MG_STATE_PARTIAL)
        mg_buf_format(&buf, "stopped behind statement %d of %d", entry->n_statements_done,
                      entry->n_statements);
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
                                     MG_STATE_CHANGED };
    static const MgState refused[] = { MG_STATE_PENDING, MG_STATE_LATE, MG_STATE_PARTIAL,
                                       MG_STATE_CHANGED, MG_STATE_DRIFTED };
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

void
mg_report_status(const MgPlan *plan, const MgView *view, MgArena *arena, MgReport *ret)
{
    (void)view;
    *ret = (MgReport){
        .schema = "migrate.status.v1",
        .title = "Migrations",
        .list_key = "migrations",
        .is_list_unknown = plan == NULL,
        .columns = columns,
        .n_columns = N_COLUMNS,
    };
    mg_report_add_plan(ret, plan, arena);
    if (plan == NULL) {
        mg_report_add_field(ret, "counts", mg_cell_text(NULL), arena);
        return;
    }
    for (int state = 0; state < MG_N_STATES; state++)
        mg_report_add_field(ret, mg_arena_format(arena, "counts.%s", mg_state_name((MgState)state)),
                            mg_cell_int(plan->counts[state]), arena);
    for (size_t i = 0; i < plan->n_entries; i++)
        add_entry(&plan->entries[i], arena, ret);
    ret->footer = footer(plan, arena);
}

void
mg_write_status(const MgPlan *plan, const MgView *view, MgWrite write, void *payload)
{
    MgArena arena = { 0 };
    MgReport report;
    mg_report_status(plan, view, &arena, &report);
    mg_report_write(&report, view, write, payload);
    mg_arena_release(&arena);
}
