/*
 * The public functions that work: plan and run.  Data flows one way; what each
 * stage means is said in its header.
 */
#include "context.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "pg/exec.h"
#include "pg/record.h"
#include "plan/plan.h"

enum {
    MAX_OTHERS = 3, /* names in "done by" */
};

void
mg_note_done(MgContext *context, const MgStep *step, int64_t duration_us)
{
    MgDoneStep done = { .direction = step->direction,
                        .entry = step->entry,
                        .duration_us = duration_us,
                        .n_statements = step->n_statements,
                        .is_transactional = step->is_transactional };
    MG_PUSH(&context->arena, &context->done, done);
}

/* Steps end in the order of the plan; a rehearsal that is retried begins again. */
static void
note_event(MgContext *context, const MgEvent *event)
{
    const MgPlan *plan = context->plan;
    bool is_trial = event->kind == MG_EVENT_TRIED;
    if (!is_trial && event->kind != MG_EVENT_APPLIED && event->kind != MG_EVENT_REVERTED)
        return;
    size_t i = is_trial ? 0 : context->n_ended;
    while (i < plan->n_steps && strcmp(plan->steps[i].entry->label, event->migration) != 0)
        i++;
    if (i == plan->n_steps)
        return;
    if (is_trial)
        context->done.n = i;
    context->n_ended = i + 1;
    mg_note_done(context, &plan->steps[i], event->duration_us);
}

static void
forward_event(void *payload, const MgEvent *event)
{
    MgContext *context = payload;
    note_event(context, event);
    MgEvent shown = mg_notes_event(context, event);
    if (context->options.on_event != NULL)
        context->options.on_event(context->options.payload, &shown);
}

static void
forward_idle(void *payload)
{
    const MgContext *context = payload;
    if (context->options.on_idle != NULL)
        context->options.on_idle(context->options.payload);
}

/* ---- Planning ------------------------------------------------------------------------------ */

bool
mg_build_plan(MgContext *context, const MgGoal *goal, MgPlan *ret, MgError *err)
{
    if (!mg_files_settle(context, goal, err))
        return false;
    MgPlanInput input = { .goal = goal,
                          .source = &context->source,
                          .history = &context->start.history,
                          .history_name = context->table.shown,
                          .position = &context->position };
    MgGoal wanted = *goal;
    int64_t late = context->settings.values[MG_SET_LATE].number;
    wanted.is_late_allowed |= late == MG_LATE_ALLOW;
    input.goal = &wanted;
    input.is_local =
        late != MG_LATE_REFUSE && context->target.is_local && mg_claim_tunnelled(context) == NULL;
    input.is_guarded = context->position.is_production &&
                       context->settings.values[MG_SET_PRODUCTION_GUARD].number != 0;
    mg_plan_build(&input, &context->arena, ret);
    ret->target = context->target;
    return true;
}

static void
tell_plan(const MgContext *context, const MgPlan *plan)
{
    for (size_t i = 0; i < context->source.n_notes; i++)
        mg_emit(context, MG_EVENT_NOTE, context->source.notes[i]);
    for (size_t i = 0; i < plan->n_notes; i++)
        mg_emit(context, MG_EVENT_NOTE, plan->notes[i]);
    for (size_t i = 0; i < plan->n_warnings; i++)
        mg_emit(context, MG_EVENT_WARNING, plan->warnings[i]);
}

/* What mg_open let pass for a diagnosis is refused by everything else. */
bool
mg_check_opened(const MgContext *context, MgError *err)
{
    const MgError *const kept[] = { &context->target_failure, &context->url_refusal,
                                    &context->source_failure };
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        if (kept[i]->code != MG_OK) {
            *err = *kept[i];
            return false;
        }
    }
    return true;
}

/* Instead of a connection: what the notebook remembers. */
static bool
recall(MgContext *context, int64_t *ret_as_of_ms, MgError *err)
{
    char age[32], when[32];
    MgArena *arena = &context->arena;
    const MgTarget *target = &context->target;
    if (!mg_notes_recall(context, ret_as_of_ms, err))
        return false;
    int64_t age_ms = mg_clock_wall_ms() - *ret_as_of_ms;
    mg_text_age(age_ms, age, sizeof age);
    mg_text_minute(*ret_as_of_ms, when, sizeof when);
    mg_emit(context, MG_EVENT_TARGET,
            mg_arena_format(arena, "%s at %s, from %s", target->database,
                            target->host == NULL ? "the default host" : target->host,
                            target->from));
    mg_emit(context, MG_EVENT_SESSION,
            mg_arena_format(arena, "none: as this machine saw it %s, %s UTC", age, when));
    return true;
}

/* From the server, or from the notebook. */
static bool
read_history(MgContext *context, const MgGoal *goal, int64_t *ret_as_of_ms, MgError *err)
{
    if (!mg_check_opened(context, err))
        return false;
    bool is_read = context->options.is_offline ? recall(context, ret_as_of_ms, err)
                                               : mg_begin_reading(context, goal, err);
    return is_read || mg_files_fail(context, err);
}

bool
mg_plan(MgContext *context, const MgGoal *goal, const MgPlan **ret, MgError *err)
{
    MgPlan *plan = MG_NEW_IN(&context->arena, MgPlan);
    int64_t as_of_ms = 0;
    context->is_unsettled = true;
    bool is_ok =
        (read_history(context, goal, &as_of_ms, err) && mg_build_plan(context, goal, plan, err)) ||
        mg_fail_noted(err, "nothing was changed");
    if (is_ok) {
        plan->as_of_ms = as_of_ms;
        tell_plan(context, plan);
        *ret = plan;
    }
    mg_disconnect(context);
    if (is_ok && !context->options.is_offline)
        mg_notes_seen(context);
    return is_ok;
}

/* ---- Running -------------------------------------------------------------------------------- */

/* The newest applied version after the first n_done steps of the plan. */
static const MgEntry *
find_head(const MgPlan *plan, size_t n_done, MgArena *arena)
{
    bool *is_applied = mg_arena_alloc_array(arena, plan->n_entries + 1, sizeof *is_applied);
    const MgEntry *head = NULL;
    for (size_t i = 0; i < plan->n_entries; i++) {
        MgState state = plan->entries[i].state;
        is_applied[i] = state == MG_STATE_APPLIED || state == MG_STATE_DRIFTED ||
                        state == MG_STATE_MISSING || state == MG_STATE_AHEAD;
    }
    for (size_t k = 0; k < n_done; k++)
        is_applied[plan->steps[k].entry - plan->entries] = plan->steps[k].direction == MG_UP;
    for (size_t i = 0; i < plan->n_entries; i++)
        if (plan->entries[i].version != NULL && is_applied[i])
            head = &plan->entries[i];
    return head;
}

/* One refusal is the error; the others are told as warnings, so that none is a surprise later. */
static bool
fail_refused(MgContext *context, const MgPlan *plan, MgError *err)
{
    for (size_t i = 1; i < plan->n_refusals; i++)
        mg_emit(context, MG_EVENT_WARNING,
                mg_error_with_place(&plan->refusals[i], &context->arena));
    *err = plan->refusals[0];
    return false;
}

/* Statements outside a transaction cannot be fenced: they need a session that is proved by more
 * than a provider's word or the user's consent. */
static bool
check_unfenced(MgContext *context, const MgPlan *plan, MgError *err)
{
    MgProof *proof = &context->start.proof;
    const MgStep *unfenced = NULL;
    for (size_t i = 0; i < plan->n_steps && unfenced == NULL; i++)
        if (!plan->steps[i].is_transactional)
            unfenced = &plan->steps[i];
    if (unfenced == NULL || proof->verdict == MG_DIRECT)
        return true;
    if (proof->verdict == MG_PINNED && context->claim.accepted_pid == 0 &&
        !mg_proof_rounds(context->conn, &context->conn_options, &context->arena, proof, err))
        return false;
    return mg_proof_check_unfenced(proof, unfenced->entry->label, err);
}

/* The deadline by the server's clock, which answered when the session began. */
static int64_t
server_deadline_us(const MgContext *context)
{
    if (context->deadline_ms == 0)
        return 0;
    return context->start.proof.now_us + (context->deadline_ms - context->started_ms) * 1000;
}

/* Nothing is to be applied, but the claim is to be made; a history is not made for it alone. */
static bool
claim_alone(MgContext *context, const MgNewClaim *claim, MgError *err)
{
    bool is_due =
        claim != NULL && context->start.facts.exists && context->start.lock_state == MG_LOCK_HELD;
    if (!is_due)
        return true;
    if (!mg_claim_write(context, claim, err))
        return false;
    mg_claim_tell(context);
    return true;
}

static MgRecorder
recorder(const MgContext *context)
{
    return (MgRecorder){ .applied_by = context->applied_by,
                         .commit = context->identity.commit,
                         .run_url = context->identity.run_url,
                         .environment = context->position.environment };
}

static bool
record(MgContext *context, const MgPlan *plan, const MgNewClaim *claim, MgOutcome *outcome,
       MgError *err)
{
    MgRecordInput input = { .conn = context->conn,
                            .lock = &context->lock,
                            .table = &context->table,
                            .facts = &context->start.facts,
                            .claim = claim,
                            .steps = plan->steps,
                            .n_steps = plan->n_steps,
                            .by = recorder(context),
                            .on_event = forward_event,
                            .payload = context };
    if (!mg_record_baseline(&input, &context->arena, outcome, err))
        return false;
    if (claim != NULL)
        mg_claim_tell(context);
    return true;
}

static bool
execute(MgContext *context, const MgGoal *goal, const MgPlan *plan, MgOutcome *outcome,
        MgError *err)
{
    int n_before = outcome->n_applied + outcome->n_reverted;
    if (plan->n_refusals > 0)
        return fail_refused(context, plan, err);
    const MgNewClaim *claim = mg_claim_due(context);
    if (plan->n_steps == 0)
        return claim_alone(context, claim, err);
    if (goal->kind == MG_GOAL_BASELINE)
        return record(context, plan, claim, outcome, err);
    if (!check_unfenced(context, plan, err))
        return false;
    mg_notes_plan(context, plan);
    context->plan = plan;
    context->n_ended = 0;
    MgExecInput input = { .conn = context->conn,
                          .conn_options = &context->conn_options,
                          .is_live = context->options.is_live,
                          .lock = &context->lock,
                          .table = &context->table,
                          .facts = &context->start.facts,
                          .settings_sql = context->start.settings_sql,
                          .steps = plan->steps,
                          .n_steps = plan->n_steps,
                          .is_one_transaction = goal->is_one_transaction || goal->is_rehearsal,
                          .is_rehearsal = goal->is_rehearsal,
                          .n_before = (size_t)n_before,
                          .by = recorder(context),
                          .claim = claim,
                          .on_claimed = claim == NULL ? NULL : mg_claim_tell,
                          .lock_timeout_ms = context->session.lock_timeout_ms,
                          .lock_retry_ms = context->options.lock_retry_ms,
                          .deadline_ms = context->deadline_ms,
                          .server_deadline_us = server_deadline_us(context),
                          .on_event = forward_event,
                          .on_idle = forward_idle,
                          .payload = context };
    return mg_exec(&input, &context->arena, outcome, err);
}

/* "app@host applied 3, other@host applied 1": the rows that are new since the first look. */
static const char *
describe_others(MgContext *context, int64_t newest_id)
{
    struct {
        const char *name;
        int n;
    } others[MAX_OTHERS];
    size_t n_others = 0;
    const MgHistory *history = &context->start.history;

    for (size_t i = 0; i < history->n; i++) {
        const MgApplied *row = &history->items[i];
        size_t k = 0;
        if (row->id <= newest_id)
            continue;
        while (k < n_others && strcmp(others[k].name, row->applied_by) != 0)
            k++;
        if (k == MAX_OTHERS)
            continue;
        if (k == n_others) {
            others[n_others].name = row->applied_by;
            others[n_others++].n = 0;
        }
        others[k].n++;
    }
    if (n_others == 0)
        return NULL;
    MgBuf text = { 0 };
    for (size_t k = 0; k < n_others; k++)
        mg_buf_format(&text, "%s%s applied %d", k == 0 ? "" : ", ", others[k].name, others[k].n);
    const char *result = mg_arena_text(&context->arena, text.text);
    mg_buf_release(&text);
    return result;
}

static int64_t
newest_row(const MgHistory *history)
{
    return history->n == 0 ? 0 : history->items[history->n - 1].id;
}

/* Connect, take the turn, plan and execute; once more behind a lost connection. */
static bool
run_once(MgContext *context, const MgGoal *wanted, MgLost *lost, MgOutcome *outcome, MgError *err)
{
    MgPlan *plan = &lost->plan;
    MgGoal goal = *wanted;

    MgTurn turn = mg_turn_of_goal(&goal, &context->arena);
    if (!mg_turn_begin(context, &turn, err))
        return lost->is_lost ? mg_lost_fail(lost, err) : mg_files_fail(context, err);
    int64_t newest_id = newest_row(&context->start.history);
    bool must_wait = context->start.lock_state == MG_LOCK_BUSY;
    if (must_wait && !lost->is_lost) {
        MgPlan before = { 0 };
        if (!mg_build_plan(context, &goal, &before, err))
            return mg_fail_noted(err, "nothing was changed");
        /* Another run works, but not for these files: nothing to wait for.  What it applies may be
         * what down is to revert. */
        must_wait = goal.kind != MG_GOAL_UP || before.n_steps > 0 || before.n_refusals > 0;
    }
    if (must_wait && !mg_turn_wait(context, &turn, err))
        return lost->is_lost && mg_lost_fail(lost, err);
    if (lost->is_lost && !mg_lost_settle(context, &goal, lost, outcome, err))
        return mg_lost_fail(lost, err);
    bool is_left = mg_lost_reduce(lost, &goal);
    if (!mg_build_plan(context, &goal, plan, err))
        return lost->is_lost ? mg_lost_fail(lost, err) : mg_fail_noted(err, "nothing was changed");
    lost->n_done = 0;
    bool is_ok = true;
    if (is_left) {
        int n_before = outcome->n_applied + outcome->n_reverted;
        tell_plan(context, plan);
        is_ok = execute(context, &goal, plan, outcome, err);
        lost->n_done =
            (size_t)(outcome->n_applied + outcome->n_reverted + outcome->n_recorded - n_before);
        lost->n_finished += (int)lost->n_done;
    }
    const MgEntry *head = find_head(plan, lost->n_done, &context->arena);
    outcome->head = head == NULL ? NULL : head->label;
    outcome->head_version = head == NULL ? NULL : head->version;
    if (must_wait)
        outcome->done_by_other = describe_others(context, newest_id);
    return is_ok;
}

static bool
run_goal(MgContext *context, const MgGoal *goal, MgOutcome *outcome, MgError *err)
{
    MgLost lost = { .plan = { .n_steps = 0 } };
    /* Half of a redo, seen again, would be a redo of the migration below. */
    bool can_go_on = goal->kind != MG_GOAL_REDO;
    while (!run_once(context, goal, &lost, outcome, err))
        if (!can_go_on || goal->is_rehearsal || !mg_lost_goes_on(context, &lost, outcome, err))
            return false;
    return true;
}

bool
mg_run(MgContext *context, const MgGoal *goal, MgOutcome *outcome, MgError *err)
{
    int64_t begin_us = mg_clock_us();
    *outcome = (MgOutcome){ 0 };
    context->done.n = 0;
    context->is_unsettled = true;
    mg_notes_begin(context);
    bool is_ok = (mg_check_opened(context, err) || mg_fail_noted(err, "no connection was made")) &&
                 run_goal(context, goal, outcome, err);
    mg_notes_look(context, is_ok ? NULL : err);
    mg_disconnect(context);
    outcome->done = context->done.items;
    outcome->n_done = context->done.n;
    outcome->elapsed_us = context->opening_us + mg_clock_us() - begin_us;
    mg_notes_end(context, outcome, is_ok ? NULL : err);
    return is_ok;
}
