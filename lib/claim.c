/* Claims: shown, made and released; under the lock and behind the fence like every change. */
#include "context.h"

#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"

static const MgGoal reading_goal = { .kind = MG_GOAL_UP };

const MgNewClaim *
mg_claim_due(MgContext *context)
{
    const MgPosition *position = &context->position;
    if (!position->is_production || mg_claim_find(&context->start.history, position->hosts) != NULL)
        return NULL;
    MgNewClaim *claim = MG_NEW_IN(&context->arena, MgNewClaim);
    *claim = (MgNewClaim){ .hosts = position->hosts,
                           .environment = position->environment,
                           .applied_by = context->applied_by,
                           .commit = context->identity.commit,
                           .run_url = context->identity.run_url };
    return claim;
}

void
mg_claim_tell(void *payload)
{
    MgContext *context = payload;
    mg_emit(context, MG_EVENT_NOTE,
            mg_arena_format(&context->arena,
                            "this database belongs to environment \"%s\" from now on: runs of"
                            " others are refused",
                            context->position.environment));
}

static bool
on_written(void *payload, const MgTag *tag, const MgResult *result, MgError *err)
{
    const MgContext *context = payload;
    (void)tag;
    if (!mg_result_is_error(result))
        return true;
    (void)mg_history_fail_writing(&context->table, &context->start.facts, context->conn, result,
                                  err);
    if (err->code != MG_E_CONNECTION_LOST)
        mg_error_note(err, "nothing was changed");
    return false;
}

static bool
write_ops(MgContext *context, const MgOp *ops, size_t n, MgError *err)
{
    if (mg_conn_run_ops(context->conn, ops, n, on_written, context, err))
        return true;
    if (err->code == MG_E_CONNECTION_LOST)
        mg_error_note(err, "whether the claim was changed is not known: run it again");
    return false;
}

bool
mg_claim_write(MgContext *context, const MgNewClaim *claim, MgError *err)
{
    MgOp ops[MG_HISTORY_MAX_PREPARE_OPS];
    int n = mg_history_prepare_ops(&context->table, &context->start.facts, claim,
                                   mg_lock_fence_sql(&context->lock, &context->arena),
                                   &context->arena, ops);
    return write_ops(context, ops, (size_t)n, err);
}

static bool
begin(MgContext *context, const char *command, MgError *err)
{
    const MgTurn turn = {
        .goal = &reading_goal, .command = command, .done = "changed", .is_about_claims = true
    };
    return mg_check_opened(context, err) && mg_turn_begin(context, &turn, err) &&
           mg_turn_wait(context, &turn, err);
}

static MgClaimed
describe(const MgClaim *claim, bool is_elsewhere)
{
    if (claim == NULL)
        return (MgClaimed){ .environment = NULL };
    return (MgClaimed){ .environment = claim->environment,
                        .by = claim->by,
                        .at_ms = claim->at_ms,
                        .hosts = claim->hosts,
                        .is_elsewhere = is_elsewhere };
}

/* The claim of this host or, since a copy of a database has the rows too, of another one. */
static const MgClaim *
find_any(const MgContext *context, bool *ret_is_elsewhere)
{
    const MgHistory *history = &context->start.history;
    const MgClaim *here = mg_claim_find(history, context->position.hosts);
    *ret_is_elsewhere = here == NULL;
    return here != NULL ? here : mg_claim_find_elsewhere(history, context->position.hosts);
}

const MgClaim *
mg_claim_tunnelled(const MgContext *context)
{
    bool can_be = context->conn != NULL && context->target.is_local &&
                  context->start.proof.verdict != MG_DIRECT;
    return can_be ? mg_claim_find_elsewhere(&context->start.history, context->position.hosts)
                  : NULL;
}

bool
mg_claim_behind(MgContext *context, MgClaimed *ret, MgError *err)
{
    MgClaimed claimed = { .environment = NULL };
    if (!mg_check_opened(context, err))
        return false;
    bool is_ok = !context->target.is_local || mg_begin_looking(context, &reading_goal, err) ||
                 mg_fail_noted(err, "nothing was changed");
    if (is_ok)
        claimed = describe(mg_claim_tunnelled(context), true);
    mg_disconnect(context);
    if (is_ok)
        *ret = claimed;
    return is_ok;
}

bool
mg_claim_show(MgContext *context, MgClaimed *ret, MgError *err)
{
    bool is_elsewhere;
    bool is_ok = mg_check_opened(context, err) && mg_begin_reading(context, &reading_goal, err);
    mg_disconnect(context);
    if (!is_ok)
        return false;
    const MgClaim *claim = find_any(context, &is_elsewhere);
    *ret = describe(claim, is_elsewhere);
    mg_notes_seen(context);
    return true;
}

static bool
fail_taken(const MgContext *context, const MgClaim *claim, const char *environment, MgError *err)
{
    (void)mg_fail(err, MG_E_CLAIMED, "this database belongs to environment \"%s\" already",
                  claim->environment);
    mg_error_detail(err, "%s, claimed by %s.", context->position.target, claim->by);
    mg_error_hint(err, "If it is to be \"%s\": migrate claim --release, then migrate claim %s",
                  environment, environment);
    mg_error_note(err, "nothing was changed");
    return false;
}

/* With a history begun for the claim alone, "up" would not see that these tables are not its own.
 */
static bool
fail_not_empty(MgError *err)
{
    (void)mg_fail(err, MG_E_NOT_EMPTY, "the database has tables, but no history of migrations");
    mg_error_detail(err, "A claim is a row of the history, so that is begun first.");
    mg_error_hint(err, "If it has the migrations up to a version V already, record them: migrate"
                       " baseline V");
    mg_error_hint(err, "Or apply all of them beside the tables: migrate up --allow-not-empty");
    mg_error_note(err, "nothing was changed");
    return false;
}

static bool
make(MgContext *context, const char *environment, MgClaimed *ret, MgError *err)
{
    const MgHistory *history = &context->start.history;
    const MgClaim *claim = mg_claim_find(history, context->position.hosts);
    if (!history->exists && !history->is_database_empty)
        return fail_not_empty(err);
    if (claim != NULL && strcmp(claim->environment, environment) != 0)
        return fail_taken(context, claim, environment, err);
    MgClaimed claimed;
    if (claim != NULL) {
        claimed = describe(claim, false);
    } else {
        MgNewClaim made = { .hosts = context->position.hosts,
                            .environment = environment,
                            .applied_by = context->applied_by,
                            .commit = context->identity.commit,
                            .run_url = context->identity.run_url };
        if (!mg_claim_write(context, &made, err))
            return false;
        claimed = (MgClaimed){ .environment = mg_arena_text(&context->arena, environment),
                               .by = context->applied_by,
                               .is_changed = true };
    }
    *ret = claimed;
    return true;
}

static bool
release(MgContext *context, MgClaimed *ret, MgError *err)
{
    MgArena *arena = &context->arena;
    bool is_elsewhere;
    const MgClaim *claim = find_any(context, &is_elsewhere);
    MgClaimed claimed = describe(claim, is_elsewhere);
    if (claim != NULL) {
        MgOp op = { .kind = MG_OP_QUERY,
                    .sql =
                        mg_history_release_sql(&context->table, claim->id, context->applied_by,
                                               mg_lock_fence_sql(&context->lock, arena), arena) };
        if (!write_ops(context, &op, 1, err))
            return false;
        claimed.is_changed = true;
    }
    *ret = claimed;
    return true;
}

/* The end of both: told to the notebook. */
static bool
end(MgContext *context, const char *what, const MgClaimed *claimed, bool is_ok, const MgError *err)
{
    MgOutcome outcome = { 0 };
    if (is_ok && claimed->is_changed) {
        outcome.n_recorded = 1;
        mg_notes_step(context, what,
                      mg_arena_format(&context->arena, "environment %s", claimed->environment));
    }
    mg_notes_look(context, is_ok ? NULL : err);
    mg_disconnect(context);
    mg_notes_end(context, &outcome, is_ok ? NULL : err);
    return is_ok;
}

bool
mg_claim_make(MgContext *context, const char *environment, MgClaimed *ret, MgError *err)
{
    const char *command = mg_arena_format(&context->arena, "claim %s", environment);
    mg_notes_begin(context);
    bool is_ok = begin(context, command, err) && make(context, environment, ret, err);
    return end(context, "claimed", ret, is_ok, err);
}

bool
mg_claim_release(MgContext *context, MgClaimed *ret, MgError *err)
{
    mg_notes_begin(context);
    bool is_ok = begin(context, "claim --release", err) && release(context, ret, err);
    return end(context, "released", ret, is_ok, err);
}
