/* The plan report: what would be done, step by step. */
#include "report/report.h"

static const MgColumn columns[] = {
    { .heading = "step", .is_right = true },
    { .heading = "does", .is_optional = true },
    { .key = "version" },
    { .key = "label", .heading = "migration", .is_cut = true },
    { .key = "direction" },
    { .key = "statements", .heading = "statements", .is_right = true },
    { .key = "transactional" },
    { .key = "how", .heading = "how" },
    { .key = "file" },
    { .key = "resume_at" },
};

enum {
    N_COLUMNS = sizeof columns / sizeof *columns,
};

/* Do all steps go the same way, so that it need not be said of each? */
static bool
goes_one_way(const MgPlan *plan)
{
    for (size_t i = 1; i < plan->n_steps; i++)
        if (plan->steps[i].direction != plan->steps[0].direction)
            return false;
    return true;
}

static void
add_step(const MgPlan *plan, size_t step_i, bool is_one_way, MgArena *arena, MgReport *report)
{
    const MgStep *step = &plan->steps[step_i];
    const char *does = step->direction == MG_UP ? "apply" : "revert";
    const MgCell cells[N_COLUMNS] = {
        mg_cell_int((int64_t)step_i + 1),
        mg_cell_text(is_one_way ? NULL : does),
        mg_cell_text(step->entry->version),
        mg_cell_text(step->entry->label),
        mg_cell_text(step->direction == MG_UP ? "up" : "down"),
        mg_cell_int(step->n_statements),
        mg_cell_bool(step->is_transactional),
        mg_cell_text(step->how),
        mg_cell_text(step->entry->file),
        mg_cell_int(step->resume_at),
    };
    for (size_t i = 0; i < N_COLUMNS; i++)
        MG_PUSH(arena, &report->cells, cells[i]);
}

static const char *
footer(const MgPlan *plan, MgArena *arena)
{
    if (plan->n_refusals > 0)
        return mg_arena_format(arena, "refused (%s); nothing was changed",
                               mg_error_slug(plan->refusals[0].code));
    if (plan->n_steps > 0) {
        bool is_up = plan->steps[0].direction == MG_UP;
        return mg_arena_format(arena, "\"migrate %s\" would %s %zu; nothing was changed",
                               is_up ? "up" : "down", is_up ? "apply" : "revert", plan->n_steps);
    }
    if (plan->head != NULL)
        return mg_arena_format(arena, "nothing to do, now at %s", plan->head);
    return "nothing to do";
}

static void
build(const MgPlan *plan, const MgView *view, MgArena *arena, MgReport *ret)
{
    (void)view;
    *ret = (MgReport){
        .schema = "migrate.plan.v1",
        .title = "Migration plan",
        .list_key = "steps",
        .is_list_unknown = plan == NULL,
        .columns = columns,
        .n_columns = N_COLUMNS,
    };
    mg_report_add_plan(ret, plan, arena);
    if (plan == NULL) {
        static const char *const unknown[] = { "refusals", "warnings", "notes" };
        for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
            mg_report_add_field(ret, unknown[i], mg_cell_text(NULL), arena);
        return;
    }
    mg_report_add_field(ret, "refusals", mg_cell_errors(plan->refusals, plan->n_refusals), arena);
    mg_report_add_field(ret, "warnings", mg_cell_list(plan->warnings, plan->n_warnings), arena);
    mg_report_add_field(ret, "notes", mg_cell_list(plan->notes, plan->n_notes), arena);
    /* Steps next to a refusal are no promise, so they are not shown. */
    bool is_one_way = goes_one_way(plan);
    for (size_t i = 0; i < plan->n_steps && plan->n_refusals == 0; i++)
        add_step(plan, i, is_one_way, arena, ret);
    ret->footer = footer(plan, arena);
}

void
mg_write_plan(const MgPlan *plan, const MgView *view, MgWrite write, void *payload)
{
    MgArena arena = { 0 };
    MgReport report;
    build(plan, view, &arena, &report);
    mg_report_write(&report, view, write, payload);
    mg_arena_release(&arena);
}
