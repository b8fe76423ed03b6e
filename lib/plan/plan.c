/*
 * What a goal comes to.  match.c says how things stand, refuse.c how to say
 * no; here is decided which steps are taken, in which order, and what forbids
 * them.
 *
 * Up: a half-run migration is resumed first, then what is pending in order of
 * versions, then, if no version is left out, the repeatables that are new,
 * changed or stale.  Down: the newest applications first, in the order they
 * were made.  Redo: one down and one up, and the repeatables again.
 */
#include "plan/plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mask.h"
#include "base/text.h"
#include "plan/draft.h"

/* ---- Shared by up and down ---------------------------------------------- */

const MgMatch *
mg_draft_find(const MgDraft *draft)
{
    for (size_t i = 0; i < draft->matches.n; i++) {
        const MgEntry *entry = &draft->matches.entries[i];
        if (entry->version != NULL &&
            mg_version_matches(draft->goal->to, entry->version, entry->label))
            return &draft->matches.items[i];
    }
    return NULL;
}

static const char *
how(const MgStep *step, MgArena *arena)
{
    const MgScript *script = step->script;
    bool names_statement = !step->is_transactional && script->refusing_label != NULL;
    const char *mode = step->is_transactional ? "one transaction" : "no transaction";
    const char *resumed = "";
    if (step->resume_at > 0)
        resumed = mg_arena_format(arena, ", from statement %d on", step->resume_at + 1);
    const char *more = "";
    if (step->is_from_history)
        more = ", stored down script";
    else if (step->direction == MG_UP && step->entry->version != NULL && !step->entry->has_down)
        more = ", no down script";
    else if (step->entry->state == MG_STATE_STALE)
        more = ", a migration was reverted after it ran";
    return mg_arena_format(arena, "%s%s%s%s%s", mode, names_statement ? ": " : "",
                           names_statement ? script->refusing_label : "", resumed, more);
}

static void
add_step(MgDraft *draft, const MgMatch *match, MgStep step)
{
    assert(step.script != NULL); /* all that is wanted is analysed */
    step.entry = match->entry;
    step.migration = match->file;
    step.n_statements = step.script->n_statements;
    step.how = how(&step, draft->arena);
    MG_PUSH(draft->arena, &draft->steps, step);
}

static void
refuse_mixed_steps(MgDraft *draft)
{
    for (size_t i = 0; i < draft->steps.n; i++)
        if (draft->steps.items[i].script->is_mixed)
            mg_refuse_mixed(&draft->refusals, &draft->steps.items[i]);
}

/* Whoever wants all or nothing gets nothing else. */
static void
refuse_loose_steps(MgDraft *draft)
{
    const MgGoal *goal = draft->goal;
    for (size_t i = 0; i < draft->steps.n; i++) {
        const MgStep *step = &draft->steps.items[i];
        if ((goal->is_one_transaction || goal->is_rehearsal) && !step->is_transactional)
            mg_refuse_loose(&draft->refusals, step, goal->is_rehearsal);
    }
}

/* An untouched template must not count as applied for good. */
static void
refuse_empty_steps(MgDraft *draft)
{
    for (size_t i = 0; i < draft->steps.n; i++) {
        const MgStep *step = &draft->steps.items[i];
        if (step->entry->version != NULL && step->script->n_statements == 0 &&
            !step->script->is_nothing)
            mg_refuse_empty(&draft->refusals, step);
    }
}

/* Does anything stand in the database that code may use already? */
static bool
is_in_use(const MgHistory *history)
{
    return history->exists ? history->n > 0 : !history->is_database_empty;
}

/*
 * The code that is live still uses what a migration takes away.  A new database
 * serves none yet, and old files may have taken away what older ones made.
 */
static void
refuse_destructive_steps(MgDraft *draft)
{
    bool is_guarded = draft->input->is_guarded && is_in_use(draft->input->history);
    for (size_t i = 0; is_guarded && i < draft->steps.n; i++) {
        const MgScript *script = draft->steps.items[i].script;
        if (script->n_destructive > 0 && !script->is_destructive_allowed)
            mg_refuse_destructive(&draft->refusals, &draft->steps.items[i]);
    }
}

/* ---- Up ------------------------------------------------------------------ */

/* Are the statements that are done others in the file now?  Unless that was not found out. */
static bool
is_prefix_edited(const MgScript *script, const MgProgress *progress)
{
    return progress->n_done > 0 && progress->prefix_digest != NULL &&
           script->prefix.n == progress->n_done &&
           strcmp(script->prefix.digest, progress->prefix_digest) != 0;
}

/* Go on where a try of this step stopped: up, or down. */
static void
resume(MgDraft *draft, const MgMatch *match, MgStep step)
{
    MgProgress progress = mg_applied_progress(match->row);
    bool is_unknown = progress.n_started > progress.n_done;
    if (progress.n_done > step.script->n_statements) {
        mg_refuse_partial_short(&draft->refusals, match, step.script);
        return;
    }
    if (is_prefix_edited(step.script, &progress)) {
        mg_refuse_partial_edited(&draft->refusals, match, step.script);
        return;
    }
    if (is_unknown && !mg_match_may_repeat(match, step.script)) {
        mg_refuse_partial_unknown(&draft->refusals, match, step.script);
        return;
    }
    step.is_transactional = false;
    step.resume_at = progress.n_done;
    step.is_fate_unknown = is_unknown;
    step.prefix_digest = progress.prefix_digest;
    step.row_id = match->row->id;
    add_step(draft, match, step);
}

/* From the start; the row of a repeatable's last run is replaced, not resumed. */
static void
apply(MgDraft *draft, const MgMatch *match)
{
    add_step(draft, match,
             (MgStep){ .direction = MG_UP,
                       .script = match->file->up,
                       .is_transactional = match->file->up->is_transactional });
}

static void
apply_late(MgDraft *draft, const MgMatch *match)
{
    assert(draft->matches.head != NULL); /* there is one to be below of */
    const MgEntry *head = draft->matches.head->entry;
    if (!draft->goal->is_late_allowed && !draft->input->is_local) {
        mg_refuse_late(&draft->refusals, match, head);
        return;
    }
    if (!draft->goal->is_late_allowed)
        MG_PUSH(draft->arena, &draft->notes,
                mg_arena_format(draft->arena,
                                "%s is older than the newest applied one; a local database takes"
                                " it late",
                                match->entry->label));
    apply(draft, match);
}

/* The versioned ones; true if none that is pending was left out. */
static bool
take_versions(MgDraft *draft, const MgMatch *to)
{
    size_t room = draft->goal->count > 0 ? (size_t)draft->goal->count : SIZE_MAX;
    bool is_complete = true;
    /* What stopped half-way comes first, whatever its version. */
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < draft->matches.n; i++) {
            const MgMatch *match = &draft->matches.items[i];
            MgState state = match->entry->state;
            bool is_ready = pass == 0 ? state == MG_STATE_PARTIAL
                                      : state == MG_STATE_PENDING || state == MG_STATE_LATE;
            if (!is_ready || match->file == NULL || match->entry->version == NULL ||
                match->entry->is_half_reverted)
                continue;
            if (room == 0 || (to != NULL && match > to)) {
                is_complete = false;
                continue;
            }
            room--;
            if (state == MG_STATE_PARTIAL)
                resume(draft, match, (MgStep){ .direction = MG_UP, .script = match->file->up });
            else if (state == MG_STATE_LATE)
                apply_late(draft, match);
            else
                apply(draft, match);
        }
    }
    return is_complete;
}

/* A repeatable that stopped half-way starts again: it is made to run more than once. */
static void
take_repeatables(MgDraft *draft)
{
    for (size_t i = 0; i < draft->matches.n; i++) {
        const MgMatch *match = &draft->matches.items[i];
        bool is_ready =
            match->entry->state == MG_STATE_PENDING || match->entry->state == MG_STATE_CHANGED ||
            match->entry->state == MG_STATE_STALE || match->entry->state == MG_STATE_PARTIAL;
        if (is_ready && match->file != NULL && match->entry->version == NULL)
            apply(draft, match);
    }
}

static void
refuse_rows(MgDraft *draft)
{
    for (size_t i = 0; i < draft->matches.n; i++)
        if (draft->matches.entries[i].state == MG_STATE_DRIFTED)
            mg_refuse_drift(&draft->refusals, &draft->matches.items[i]);
    for (size_t i = 0; i < draft->matches.n; i++) {
        const MgMatch *match = &draft->matches.items[i];
        if (match->entry->is_half_reverted)
            mg_refuse_half_reverted(&draft->refusals, match);
        else if (match->entry->state == MG_STATE_PARTIAL && match->file == NULL)
            mg_refuse_partial_missing(&draft->refusals, match);
    }
}

static void
warn_of(MgDraft *draft, MgState state, const char *one, const char *many)
{
    MG_CLEANUP(buf) MgBuf labels = { 0 };
    mg_refuse_list(&draft->matches, state, &labels);
    if (labels.size_bytes == 0)
        return;
    size_t n = 0;
    for (size_t i = 0; i < draft->matches.n; i++)
        n += draft->matches.entries[i].state == state;
    const char *ending = n == 1 ? one : many;
    MG_PUSH(draft->arena, &draft->warnings,
            mg_arena_format(draft->arena, "%s%s", mg_buf_text(&labels), ending));
}

static void
tell_missing(MgDraft *draft)
{
    bool is_missing_refused = draft->goal->is_strict || draft->input->is_missing_refused;
    if (!is_missing_refused)
        warn_of(draft, MG_STATE_MISSING, " is applied and has no file; it stays applied",
                " are applied and have no files; they stay applied");
    if (!draft->goal->is_strict)
        warn_of(draft, MG_STATE_AHEAD, " is applied and newer than every file; it stays applied",
                " are applied and newer than every file; they stay applied");
    if (!is_missing_refused)
        return;
    for (size_t i = 0; i < draft->matches.n; i++) {
        MgState state = draft->matches.entries[i].state;
        if (state == MG_STATE_MISSING || (state == MG_STATE_AHEAD && draft->goal->is_strict))
            mg_refuse_missing(&draft->refusals, &draft->matches.items[i]);
    }
}

static bool
is_applied(const MgMatch *match)
{
    MgState state = match->entry->state;
    return state != MG_STATE_PENDING && state != MG_STATE_LATE && state != MG_STATE_PARTIAL;
}

static void
plan_up(MgDraft *draft)
{
    const MgMatch *to = NULL;
    if (draft->goal->to != NULL) {
        to = mg_draft_find(draft);
        if (to == NULL) {
            mg_refuse_unknown(&draft->refusals, draft->goal->to, &draft->matches);
            return;
        }
    }

    refuse_rows(draft);
    if (to != NULL && is_applied(to))
        MG_PUSH(draft->arena, &draft->notes,
                mg_arena_format(draft->arena, "%s is applied already", to->entry->label));
    else if (take_versions(draft, to))
        take_repeatables(draft);

    const MgHistory *history = draft->input->history;
    if (!history->exists && !history->is_database_empty && draft->steps.n > 0 &&
        !draft->goal->is_not_empty_allowed)
        mg_refuse_not_empty(&draft->refusals);
    refuse_mixed_steps(draft);
    refuse_loose_steps(draft);
    refuse_empty_steps(draft);
    refuse_destructive_steps(draft);
    tell_missing(draft);
}

/* ---- Down ---------------------------------------------------------------- */

static int
compare_newest_first(const void *a, const void *b)
{
    const MgMatch *match_a = *(const MgMatch *const *)a;
    const MgMatch *match_b = *(const MgMatch *const *)b;
    /* What stopped half-way comes first. */
    if (match_a->entry->is_half_reverted != match_b->entry->is_half_reverted)
        return match_a->entry->is_half_reverted ? -1 : 1;
    return (match_a->row->id < match_b->row->id) - (match_a->row->id > match_b->row->id);
}

/* The down script that was stored when it was applied, if it can be trusted; else NULL. */
static const MgScript *
stored_script(MgDraft *draft, const MgMatch *match)
{
    const MgApplied *row = match->row;
    MgScript *script = MG_NEW_IN(draft->arena, MgScript);
    *script = (MgScript){
        .path = mg_arena_format(draft->arena, "history of %s", match->entry->label),
        .text = row->down_text,
        .size_bytes = strlen(row->down_text),
        .part = { 0, strlen(row->down_text) },
        .first_line = 1,
    };
    MgError err;
    if (!mg_script_analyse(script, draft->arena, &err)) {
        mg_refuse_unreadable(&draft->refusals, &err);
        return NULL;
    }
    if (row->down_digest == NULL || strcmp(row->down_digest, script->digest) != 0) {
        mg_refuse_altered(&draft->refusals, match);
        return NULL;
    }
    if (!draft->goal->is_from_history_allowed) {
        mg_refuse_from_history(&draft->refusals, draft->goal, match);
        return NULL;
    }
    return script;
}

static const char *
masked(const char *text, MgArena *arena)
{
    char *copy = mg_arena_text(arena, text);
    mg_mask_passwords(copy, strlen(copy));
    return copy;
}

static void
warn_of_edit(MgDraft *draft, const MgEntry *entry)
{
    if (entry->state == MG_STATE_DRIFTED)
        MG_PUSH(draft->arena, &draft->warnings,
                mg_arena_format(draft->arena,
                                "%s was edited after it was applied; its down script is run as it"
                                " is now",
                                entry->label));
    for (size_t i = 0; i < entry->n_notes; i++)
        if (strcmp(entry->notes[i], "down-changed") == 0)
            MG_PUSH(draft->arena, &draft->notes,
                    mg_arena_format(draft->arena,
                                    "the down script of %s changed since it was applied; the"
                                    " file's is used",
                                    entry->label));
}

static void
revert(MgDraft *draft, const MgMatch *match)
{
    const MgApplied *row = match->row;
    if (row->kind != MG_VERSIONED) {
        mg_refuse_recorded(&draft->refusals, match);
        return;
    }
    if (match->entry->state == MG_STATE_PARTIAL && !match->entry->is_half_reverted) {
        mg_refuse_partial_down(&draft->refusals, match);
        return;
    }
    bool is_from_history = match->file == NULL || !match->file->has_down;
    if (is_from_history && row->down_text == NULL) {
        mg_refuse_no_down(&draft->refusals, match);
        return;
    }
    const MgScript *script = is_from_history ? stored_script(draft, match) : match->file->down;
    if (script == NULL)
        return;
    if (!is_from_history)
        warn_of_edit(draft, match->entry);
    MgStep step = { .direction = MG_DOWN,
                    .script = script,
                    .is_transactional = script->is_transactional,
                    .is_from_history = is_from_history,
                    .stored = is_from_history ? masked(script->text, draft->arena) : NULL,
                    .row_id = row->id };
    if (match->entry->is_half_reverted)
        resume(draft, match, step);
    else
        add_step(draft, match, step);
}

/* The row that stays, and with it what is older: its id, or false when goal->to is refused. */
static bool
find_floor(MgDraft *draft, int64_t *ret_id)
{
    const MgMatch *to = mg_draft_find(draft);
    if (to == NULL && strcmp(draft->goal->to, "0") == 0) {
        *ret_id = INT64_MIN;
        return true;
    }
    if (to == NULL) {
        mg_refuse_unknown(&draft->refusals, draft->goal->to, &draft->matches);
        return false;
    }
    if (to->row != NULL) {
        *ret_id = to->row->id;
        return true;
    }
    if (to->entry->state == MG_STATE_APPLIED) {
        /* Inside a baseline: getting there means reverting the baseline, which refuses. */
        *ret_id = draft->matches.baseline->id - 1;
        return true;
    }
    mg_refuse_not_applied(&draft->refusals, to);
    return false;
}

static void
plan_down(MgDraft *draft)
{
    int64_t floor_id = INT64_MIN;
    size_t room = SIZE_MAX;
    if (draft->goal->to != NULL) {
        if (!find_floor(draft, &floor_id))
            return;
    } else {
        room = draft->goal->count > 0 ? (size_t)draft->goal->count : 1;
    }

    const MgMatch **applied = mg_arena_alloc_array(draft->arena, draft->matches.n, sizeof *applied);
    size_t n = 0;
    for (size_t i = 0; i < draft->matches.n; i++) {
        const MgMatch *match = &draft->matches.items[i];
        if (match->row != NULL && match->row->version != NULL && match->row->id > floor_id)
            applied[n++] = match;
        else if (match->entry->is_half_reverted) /* it cannot stay applied */
            mg_refuse_half_reverted(&draft->refusals, match);
    }
    qsort(applied, n, sizeof *applied, compare_newest_first);
    for (size_t i = 0; i < n && i < room; i++)
        revert(draft, applied[i]);
    refuse_mixed_steps(draft);
}

/* ---- Redo ---------------------------------------------------------------- */

/* The newest application that was not reverted, or NULL. */
static const MgMatch *
find_newest(const MgDraft *draft)
{
    const MgMatch *newest = NULL;
    for (size_t i = 0; i < draft->matches.n; i++) {
        const MgMatch *match = &draft->matches.items[i];
        if (match->row != NULL && match->row->version != NULL &&
            (newest == NULL || match->row->id > newest->row->id))
            newest = match;
    }
    return newest;
}

/*
 * What a down script takes along ("DROP TABLE ... CASCADE", or a trigger that
 * goes with its table) may have been a repeatable's, and nobody can tell.  So
 * those that have run before run again, if no version is left for "up": behind
 * a redo the database is as it was before.
 */
static void
repeat(MgDraft *draft)
{
    for (size_t i = 0; i < draft->matches.n; i++) {
        MgState state = draft->matches.entries[i].state;
        if (draft->matches.entries[i].version != NULL &&
            (state == MG_STATE_PENDING || state == MG_STATE_LATE))
            return;
    }
    for (size_t i = 0; i < draft->matches.n; i++) {
        const MgMatch *match = &draft->matches.items[i];
        if (match->file != NULL && match->row != NULL && match->entry->version == NULL)
            apply(draft, match);
    }
}

static void
plan_redo(MgDraft *draft)
{
    const MgMatch *newest = find_newest(draft);
    if (newest == NULL)
        return;
    if (newest->file == NULL) {
        mg_refuse_redo_missing(&draft->refusals, newest);
        return;
    }
    revert(draft, newest);
    apply(draft, newest);
    repeat(draft);
    refuse_mixed_steps(draft);
    refuse_empty_steps(draft);
}

/* ---- The plan ------------------------------------------------------------ */

static const char *
state_note(const MgPlan *plan, MgGoalKind kind, MgArena *arena)
{
    if (kind == MG_GOAL_DOWN || kind == MG_GOAL_REDO)
        return "nothing was reverted";
    if (kind == MG_GOAL_BASELINE)
        return "nothing was recorded";
    int n = plan->counts[MG_STATE_PENDING] + plan->counts[MG_STATE_LATE] +
            plan->counts[MG_STATE_PARTIAL] + plan->counts[MG_STATE_CHANGED] +
            plan->counts[MG_STATE_STALE];
    if (n == 0)
        return "nothing was applied; no migration is pending";
    return mg_arena_format(arena, "nothing was applied; %d %s pending", n,
                           mg_text_plural(n, "migration is", "migrations are"));
}

static void (*const planners[MG_N_GOALS])(MgDraft *draft) = {
    [MG_GOAL_UP] = plan_up,
    [MG_GOAL_DOWN] = plan_down,
    [MG_GOAL_REDO] = plan_redo,
    [MG_GOAL_BASELINE] = mg_plan_baseline,
};

void
mg_plan_build(const MgPlanInput *input, MgArena *arena, MgPlan *ret)
{
    MgDraft draft = { .input = input, .goal = input->goal, .arena = arena };
    mg_match_build(input->source, input->history, arena, &draft.matches);

    MgPlan plan = { .entries = draft.matches.entries, .n_entries = draft.matches.n };
    for (size_t i = 0; i < plan.n_entries; i++)
        plan.counts[plan.entries[i].state]++;
    if (draft.matches.head != NULL)
        plan.head = draft.matches.head->entry->label;

    draft.refusals = (MgRefusals){
        .arena = arena,
        .note = state_note(&plan, input->goal->kind, arena),
        .history_name = input->history_name != NULL ? input->history_name : "migrate.history",
    };
    MgError claimed;
    if (input->position != NULL && !mg_claim_check(input->history, input->position, &claimed))
        mg_refuse_unreadable(&draft.refusals, &claimed);
    planners[input->goal->kind](&draft);
    mg_plan_check_shown(&draft);

    if (draft.refusals.n_left_out > 0)
        MG_PUSH(
            arena, &draft.notes,
            mg_arena_format(arena, "%zu more refusals are not shown", draft.refusals.n_left_out));
    plan.steps = draft.steps.items;
    plan.n_steps = draft.steps.n;
    plan.refusals = draft.refusals.items;
    plan.n_refusals = draft.refusals.n;
    plan.warnings = draft.warnings.items;
    plan.n_warnings = draft.warnings.n;
    plan.notes = draft.notes.items;
    plan.n_notes = draft.notes.n;
    *ret = plan;
}
