/*
 * A connection that broke during a run: connect again, prove again, take the
 * same lock.  Whoever holds it knows that the lost backend is gone, so what
 * the history says then is settled, also about a COMMIT whose answer never
 * came.  A missing row alone would prove nothing: the lost backend might still
 * be about to commit.
 */
#include "context.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "pg/history_log.h"
#include "pg/record.h"

enum {
    MAX_LOSSES = 3, /* in a row, without anything done in between */
    CLOCK_SLACK_MS = 1000,
};

/* ---- What the history says of the steps that were on their way ----------------------------- */

/* What the history says of a step that is finished: who did it, and when. */
typedef struct Fate {
    const char *by;
    int64_t at_ms, duration_us;
} Fate;

typedef struct Ends {
    MgLogEntry *items;
    size_t n;
} Ends;

/* The row of a repeatable's earlier run may say the same, and is stale then. */
static bool
is_repeated(const MgApplied *row, const MgStep *step)
{
    return row->version == NULL && strcmp(row->name, step->entry->name) == 0 &&
           strcmp(row->digest, step->script->digest) == 0 && !row->is_stale;
}

/* The live row of a step, which is finished; NULL: there is none. */
static const MgApplied *
find_row(const MgHistory *history, const MgStep *step, bool is_baseline)
{
    for (size_t i = history->n; i > 0; i--) {
        const MgApplied *row = &history->items[i - 1];
        bool is_same = step->direction == MG_DOWN ? row->id == step->row_id
                       : step->entry->version != NULL
                           ? row->version != NULL && strcmp(row->version, step->entry->version) == 0
                           : is_repeated(row, step);
        if (is_same && row->n_statements_done == row->n_statements &&
            (!is_baseline || row->kind == MG_BASELINE))
            return row;
    }
    return NULL;
}

/* False: the step is not finished. */
static bool
find_fate(const MgStep *step, const MgApplied *row, const Ends *ends, Fate *ret)
{
    if ((row == NULL) == (step->direction == MG_UP))
        return false;
    Fate fate = { .by = NULL };
    if (row != NULL)
        fate = (Fate){ row->applied_by, row->applied_at_ms, row->duration_us };
    for (size_t i = 0; i < ends->n; i++)
        if (ends->items[i].row_id == step->row_id && ends->items[i].is_undoing)
            fate = (Fate){ .by = ends->items[i].by, .at_ms = ends->items[i].at_ms };
    *ret = fate;
    return true;
}

/* Another run may have had its turn since, and done the same. */
static bool
is_ours(const MgContext *context, const Fate *fate, int64_t lost_at_ms)
{
    return fate->by != NULL && strcmp(fate->by, context->applied_by) == 0 &&
           fate->at_ms <= lost_at_ms + CLOCK_SLACK_MS;
}

static void
tell_other(MgContext *context, const MgStep *step, const Fate *fate, const char *what)
{
    MgArena *arena = &context->arena;
    const char *by = fate->by == NULL ? "" : mg_arena_format(arena, " by %s", fate->by);
    mg_emit(context, MG_EVENT_NOTE,
            mg_arena_format(arena, "%s was %s meanwhile%s", step->entry->label, what, by));
}

static void
tell_step(MgContext *context, const MgStep *step, MgEvent event)
{
    event.migration = step->entry->label;
    if (event.kind != MG_EVENT_RECORDED)
        mg_note_done(context, step, event.duration_us);
    event = mg_notes_event(context, &event);
    if (context->options.on_event != NULL)
        context->options.on_event(context->options.payload, &event);
}

static void
tell_ours(MgContext *context, const MgStep *step, const Fate *fate, bool is_baseline,
          MgOutcome *outcome)
{
    const char *how = step->is_transactional ? NULL : "no transaction";
    if (is_baseline) {
        outcome->n_recorded++;
        tell_step(context, step, (MgEvent){ .kind = MG_EVENT_RECORDED, .text = MG_AS_BASELINE });
    } else if (step->direction == MG_DOWN) {
        outcome->n_reverted++;
        tell_step(context, step, (MgEvent){ .kind = MG_EVENT_REVERTED, .text = how });
    } else {
        outcome->n_applied++;
        tell_step(
            context, step,
            (MgEvent){ .kind = MG_EVENT_APPLIED, .duration_us = fate->duration_us, .text = how });
    }
}

bool
mg_lost_settle(MgContext *context, const MgGoal *goal, MgLost *lost, MgOutcome *outcome,
               MgError *err)
{
    bool is_baseline = goal->kind == MG_GOAL_BASELINE;
    Ends ends = { .n = 0 };
    if (goal->kind == MG_GOAL_DOWN && lost->plan.n_steps > lost->n_done &&
        !mg_history_log(context->conn, &context->table, &context->arena, &ends.items, &ends.n, err))
        return false;
    for (size_t i = lost->n_done; i < lost->plan.n_steps; i++) {
        const MgStep *step = &lost->plan.steps[i];
        const MgApplied *row = find_row(&context->start.history, step, is_baseline);
        Fate fate;
        if (!find_fate(step, row, &ends, &fate))
            break;
        lost->n_finished++;
        if (is_ours(context, &fate, lost->at_ms))
            tell_ours(context, step, &fate, is_baseline, outcome);
        else
            tell_other(context, step, &fate,
                       is_baseline                  ? "recorded"
                       : step->direction == MG_DOWN ? "reverted"
                                                    : "applied");
    }
    lost->is_unsettled = false;
    return true;
}

bool
mg_lost_reduce(const MgLost *lost, MgGoal *goal)
{
    bool is_counted = goal->to == NULL && (goal->count > 0 || goal->kind == MG_GOAL_DOWN);
    if (lost->is_lost && goal->kind == MG_GOAL_BASELINE)
        return lost->n_finished == 0; /* all its rows or none */
    if (!lost->is_lost || !is_counted)
        return true;
    goal->count = (goal->count == 0 ? 1 : goal->count) - lost->n_finished;
    return goal->count > 0;
}

/* ---- Once more? ------------------------------------------------------------------------------ */

bool
mg_lost_goes_on(MgContext *context, MgLost *lost, const MgOutcome *outcome, MgError *err)
{
    int n_done = outcome->n_applied + outcome->n_reverted;
    if (err->code != MG_E_CONNECTION_LOST || context->conn == NULL)
        return false;
    if (n_done > lost->n_done_before)
        lost->n_losses = 0;
    lost->n_done_before = n_done;
    if (lost->n_losses++ == MAX_LOSSES)
        return false;
    lost->is_lost = true;
    if (!lost->is_unsettled) { /* else it broke again before anything was sent */
        lost->first = *err;
        lost->at_ms = context->start.proof.now_us / 1000 + mg_clock_ms() - context->started_ms;
    }
    lost->is_unsettled = true;
    context->lost_pid = context->lock.backend_pid;
    /* A server that was here a moment ago is worth waiting for, on this machine too. */
    context->options.wait_server_ms = context->wait_again_ms;
    mg_disconnect(context);
    mg_emit(context, MG_EVENT_WAITING,
            mg_arena_format(&context->arena, "connecting again: %s", err->message));
    return true;
}

bool
mg_lost_fail(const MgLost *lost, MgError *err)
{
    MgError again = *err;
    mg_text_copy(err->note, sizeof err->note, lost->first.note);
    if (again.code != MG_E_UNREACHABLE)
        return false;
    *err = lost->first;
    mg_error_detail(err, "%s%sThen it could not be reached again: %s.", lost->first.detail,
                    lost->first.detail[0] == '\0' ? "" : "\n", again.message);
    mg_error_hint(err, "Run again when the server is back: what is applied stays applied.");
    return false;
}
