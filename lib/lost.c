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

enum {
    MAX_LOSSES = 3, /* in a row, without anything done in between */
    CLOCK_SLACK_MS = 1000,
};

/* ---- What the history says of the steps that were on their way ----------------------------- */

/* The live row of a step, which is finished; NULL: there is none. */
static const MgApplied *
find_row(const MgHistory *history, const MgStep *step)
{
    for (size_t i = history->n; i > 0; i--) {
        const MgApplied *row = &history->items[i - 1];
        bool is_same = step->direction == MG_DOWN ? row->id == step->row_id
                       : step->entry->version != NULL
                           ? row->version != NULL && strcmp(row->version, step->entry->version) == 0
                           : row->version == NULL && strcmp(row->name, step->entry->name) == 0 &&
                                 strcmp(row->digest, step->script->digest) == 0;
        if (is_same && row->n_statements_done == row->n_statements)
            return row;
    }
    return NULL;
}

/* Another run may have had its turn since, and done the same. */
static bool
is_ours(const MgContext *context, const MgApplied *row, int64_t lost_at_ms)
{
    return strcmp(row->applied_by, context->applied_by) == 0 &&
           row->applied_at_ms <= lost_at_ms + CLOCK_SLACK_MS;
}

static void
tell_step(MgContext *context, const MgStep *step, int64_t duration_us)
{
    mg_note_done(context, step, duration_us);
    MgEvent event = { .kind = step->direction == MG_UP ? MG_EVENT_APPLIED : MG_EVENT_REVERTED,
                      .migration = step->entry->label,
                      .duration_us = duration_us,
                      .text = step->is_transactional ? NULL : "no transaction" };
    event = mg_notes_event(context, &event);
    if (context->options.on_event != NULL)
        context->options.on_event(context->options.payload, &event);
}

void
mg_lost_settle(MgContext *context, MgLost *lost, MgOutcome *outcome)
{
    for (size_t i = lost->n_done; i < lost->plan.n_steps; i++) {
        const MgStep *step = &lost->plan.steps[i];
        const MgApplied *row = find_row(&context->start.history, step);
        if ((row == NULL) == (step->direction == MG_UP))
            break;
        lost->n_finished++;
        if (step->direction == MG_DOWN) {
            outcome->n_reverted++;
            tell_step(context, step, 0);
        } else if (row != NULL && is_ours(context, row, lost->at_ms)) {
            outcome->n_applied++;
            tell_step(context, step, row->duration_us);
        }
    }
}

bool
mg_lost_reduce(const MgLost *lost, MgGoal *goal)
{
    bool is_counted = goal->to == NULL && (goal->count > 0 || goal->kind == MG_GOAL_DOWN);
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
    lost->first = *err;
    lost->at_ms = context->start.proof.now_us / 1000 + mg_clock_ms() - context->started_ms;
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
