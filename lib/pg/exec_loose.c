/*
 * Stages of a no-transaction migration.
 *
 * A statement that refuses a transaction is sent behind a committed mark and
 * awaited; the next mark says that it is done.  A willing one has its mark in a
 * transaction of its own, so its fate is always known.  BEGIN ... COMMIT of the
 * file's own stay together, with one mark.  Nothing here relies on prepared
 * statements or on the session's role: the file may drop and change both.
 */
#include "pg/exec_parts.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "sql/catalog.h"

/* ---- Marks ---------------------------------------------------------------------- */

/* How far the step is, as parameters of the statement that records it, *ret_own. */
static const char *const *
progress_params(MgExec *exec, const MgStep *step, int n_started, const MgDone *done, int *ret_own)
{
    MgArena *arena = &exec->step_arena;
    const char **params = mg_arena_alloc_array(arena, MG_PROGRESS_PARAMS, sizeof *params);
    bool is_up = step->direction == MG_UP;
    *ret_own = is_up ? MG_OWN_PROGRESS : MG_OWN_DOWN_PROGRESS;
    int n = 0;
    params[n++] = is_up ? mg_history_key(step->migration, step->row_id, arena)
                        : mg_arena_format(arena, "%" PRId64, step->row_id);
    if (!is_up)
        params[n++] = mg_arena_format(arena, "%d", step->script->n_statements);
    params[n++] = mg_arena_format(arena, "%d", n_started);
    params[n++] = mg_arena_format(arena, "%d", done->n);
    if (is_up) {
        params[n++] = mg_arena_format(arena, "%" PRId64, exec->awaited_us);
        exec->awaited_us = 0;
    }
    params[n++] = mg_arena_text(arena, done->digest);
    assert(n == MG_PROGRESS_PARAMS);
    return params;
}

/*
 * Say how far it is.  The first mark makes the row, or tells the row of an
 * earlier try what the file says now: it may have been mended.
 */
static bool
push_mark(MgExec *exec, int n_started, int n_done, MgError *err)
{
    /* The file may have set another role, which has no right to the history; not before its first
     * statement, which shares the first mark's transaction. */
    if (exec->run.script->can_touch_session && exec->has_row) {
        mg_exec_push_sql(exec, MG_ROLE_SET, "SET LOCAL SESSION AUTHORIZATION DEFAULT");
        mg_exec_push_sql(exec, MG_ROLE_SET, "SET LOCAL ROLE NONE");
    }
    if (!exec->has_row || !exec->is_row_refreshed) {
        bool is_ok = mg_exec_push_record(exec, MG_ROLE_MARK, n_started, n_done, err);
        exec->has_row = exec->is_row_refreshed = true;
        return is_ok;
    }
    MgDone done = { .n = n_done };
    memcpy(done.digest, n_done < n_started ? exec->run.before_digest : exec->run.prefix_digest,
           sizeof done.digest);
    int own;
    const char *const *params = progress_params(exec, mg_exec_step(exec), n_started, &done, &own);
    mg_exec_push_own(exec, MG_ROLE_MARK, own, params, MG_PROGRESS_PARAMS);
    return true;
}

static bool
commit_mark(MgExec *exec, int n_started, int n_done, MgError *err)
{
    if (!push_mark(exec, n_started, n_done, err))
        return false;
    mg_exec_push_sql(exec, MG_ROLE_COMMIT, "COMMIT");
    exec->queue[exec->n_queued - 1].tag.n_done = n_done;
    return true;
}

void
mg_exec_note_done(MgExec *exec)
{
    exec->unmarked.n = exec->run.n_fetched;
    memcpy(exec->unmarked.digest, exec->run.prefix_digest, sizeof exec->unmarked.digest);
    exec->unmarked_step = exec->step_i;
    exec->is_unseen = mg_exec_index_built(exec);
}

bool
mg_exec_is_begun(const MgExec *exec, size_t step_i)
{
    return exec->has_mark && exec->mark_step == step_i;
}

bool
mg_exec_is_awaited_refused(const MgExec *exec)
{
    return exec->pause == MG_PAUSE_AWAIT && exec->failed_tag.role == MG_ROLE_STATEMENT &&
           exec->failed_tag.item == exec->step_i &&
           exec->failed_tag.number == exec->run.n_fetched && exec->failed_sqlstate[0] != '\0';
}

/*
 * Known is what was answered after the last mark: yes, or no.  A statement that
 * was not answered stays marked as started, and so does an index build that
 * left an invalid index: the next run knows it for its own.
 */
void
mg_exec_record_known(MgExec *exec)
{
    const MgStep *step = &exec->input->steps[exec->failed_tag.item];
    const MgScriptRun *run = &exec->run;
    bool is_refused = mg_exec_is_awaited_refused(exec);
    MgDone done = { .n = run->n_fetched - 1 };

    if (step->is_transactional)
        return;
    if (is_refused && run->stmt.builds_index && mg_exec_left_index(exec))
        return;
    if (is_refused)
        memcpy(done.digest, run->before_digest, sizeof done.digest);
    else if (exec->unmarked.n > 0 && exec->unmarked_step == exec->failed_tag.item)
        done = exec->unmarked;
    else
        return;
    int own;
    const char *const *params = progress_params(exec, step, done.n, &done, &own);
    MgOp ops[5];
    size_t n = 0;
    if (mg_conn_is_in_transaction(exec->input->conn))
        ops[n++] = (MgOp){ .kind = MG_OP_QUERY, .sql = "ROLLBACK" };
    if (!is_refused && exec->is_unseen)
        ops[n++] = exec->unseen;
    ops[n++] = (MgOp){ .kind = MG_OP_QUERY, .sql = "SET SESSION AUTHORIZATION DEFAULT" };
    /* A statement outside has had none for locks, and somebody may have locked the history. */
    ops[n++] = (MgOp){ .kind = MG_OP_QUERY,
                       .sql = mg_arena_format(&exec->step_arena, "SET lock_timeout = %" PRId64,
                                              exec->input->lock_timeout_ms) };
    ops[n++] = (MgOp){ .kind = MG_OP_QUERY,
                       .sql = exec->own[own].sql,
                       .params = params,
                       .n_params = MG_PROGRESS_PARAMS };
    MgError ignored; /* the mark that stays only makes the next run ask */
    (void)!mg_conn_run_ops(exec->input->conn, ops, n, NULL, NULL, &ignored);
}

/* ---- Statements ------------------------------------------------------------------ */

/* What was set for a statement outside goes back to what the session had. */
static void
begin(MgExec *exec)
{
    mg_exec_push_begin(exec);
    if (exec->has_own_timeouts)
        mg_exec_push_sql(
            exec, MG_ROLE_SET,
            "SELECT pg_catalog.set_config(n, pg_catalog.current_setting('migrate.' " MG_CAT
            " n), false)"
            " FROM (VALUES ('lock_timeout'), ('statement_timeout')) v(n)");
    exec->has_own_timeouts = false;
}

/*
 * Time limits of a statement outside: those of the directives; else none for
 * locks, since lock_timeout also counts its waits for old snapshots of
 * unrelated tables (seen with PostgreSQL 15), and the session's own for its length.
 */
static void
push_own_timeouts(MgExec *exec)
{
    const MgScript *script = exec->run.script;
    int64_t lock_ms = script->lock_timeout_ms < 0 ? 0 : script->lock_timeout_ms;
    mg_exec_push_sql(exec, MG_ROLE_SET,
                     "SELECT pg_catalog.set_config('migrate.' " MG_CAT
                     " n, pg_catalog.current_setting(n), false)"
                     " FROM (VALUES ('lock_timeout'), ('statement_timeout')) v(n)");
    mg_exec_push_sql(exec, MG_ROLE_SET,
                     mg_arena_format(&exec->step_arena, "SET lock_timeout = %" PRId64, lock_ms));
    if (script->statement_timeout_ms >= 0)
        mg_exec_push_sql(exec, MG_ROLE_SET,
                         mg_arena_format(&exec->step_arena, "SET statement_timeout = %" PRId64,
                                         script->statement_timeout_ms));
    exec->has_own_timeouts = true;
}

/* The transaction of a mark behind an awaited statement: its index must be valid.  The look comes
 * while the session is as the file left it, whose search path the statement went by. */
static void
begin_last(MgExec *exec)
{
    begin(exec);
    mg_exec_push_fence(exec);
    if (exec->unmarked.n > 0 && exec->is_unseen)
        mg_exec_push(exec, exec->unseen);
}

static void
push_fence(MgExec *exec)
{
    if (exec->run.n_fetched == mg_exec_step(exec)->resume_at + 1)
        mg_exec_push_first_fence(exec);
    else
        mg_exec_push_fence(exec);
}

/* Between two committed marks. */
static bool
send_refusing(MgExec *exec, MgError *err)
{
    int n = exec->run.n_fetched;
    if (mg_exec_is_index_begun(exec) && !exec->has_looked) {
        exec->pause = MG_PAUSE_LOOK;
        return true;
    }
    exec->has_looked = false;
    begin(exec);
    push_fence(exec);
    if (exec->run.stmt.builds_index)
        mg_exec_push_index_free(exec);
    push_own_timeouts(exec);
    if (!commit_mark(exec, n, n - 1, err))
        return false;
    mg_exec_push_flush(exec); /* its time counts from the answer to that COMMIT */
    mg_exec_push_statement(exec);
    exec->pause = MG_PAUSE_AWAIT;
    return true;
}

/* The row is made before the file's first statement: made behind it, its number would be what the
 * file's lastval() gives. */
static bool
make_row(MgExec *exec, MgError *err)
{
    int n = exec->run.n_fetched;
    return exec->has_row || push_mark(exec, n, n - 1, err);
}

/* In a transaction with its mark. */
static bool
send_willing(MgExec *exec, MgError *err)
{
    int n = exec->run.n_fetched;
    begin(exec);
    mg_exec_push_directives(exec);
    push_fence(exec);
    if (!make_row(exec, err))
        return false;
    mg_exec_push_statement(exec);
    if (exec->pause == MG_PAUSE_COPY) {
        exec->stage = MG_STAGE_COPIED; /* a COPY ends the pipeline for itself */
        return true;
    }
    return commit_mark(exec, n, n, err);
}

bool
mg_exec_send_copied(MgExec *exec, MgError *err)
{
    exec->stage = MG_STAGE_PIECE;
    return exec->is_in_group || commit_mark(exec, exec->run.n_fetched, exec->run.n_fetched, err);
}

static bool
fail_control(const MgExec *exec, const char *reason, MgError *err)
{
    const MgScriptRun *run = &exec->run;
    mg_fail(err, MG_E_FILE, "%s %s", run->stmt.label, reason);
    mg_exec_place_failure((MgExec *)exec, &exec->statement_tag, 0, err);
    return false;
}

/* The first word tells what a statement of transaction control is. */
static bool
begins_with(const MgScriptRun *run, const char *word)
{
    return mg_text_starts(run->stmt.label, word);
}

/* Inside BEGIN ... COMMIT of the file's own, or one of these. */
static bool
send_grouped(MgExec *exec, MgError *err)
{
    MgScriptRun *run = &exec->run;
    int n = run->n_fetched;
    bool is_begin = begins_with(run, "BEGIN") || begins_with(run, "START TRANSACTION");
    bool is_rollback = begins_with(run, "ROLLBACK") || begins_with(run, "ABORT");

    exec->statement_tag = mg_script_run_tag(run, MG_ROLE_STATEMENT, exec->step_i);
    if (run->stmt.transaction_control == MG_TX_NONE) {
        mg_exec_push_statement(exec);
        if (exec->pause == MG_PAUSE_COPY)
            exec->stage = MG_STAGE_COPIED;
        return true;
    }
    if (is_begin == exec->is_in_group)
        return fail_control(exec,
                            is_begin ? "stands inside another transaction block"
                                     : "ends a transaction that the file did not begin",
                            err);
    if (is_begin) {
        exec->is_in_group = true;
        mg_exec_push_statement(exec); /* as it stands: it may say a level */
        mg_exec_push_directives(exec);
        push_fence(exec);
        exec->is_row_of_group = !exec->has_row;
        return make_row(exec, err);
    }
    if (run->stmt.transaction_control != MG_TX_COMMIT && !is_rollback)
        return fail_control(exec, "is not possible in a migration", err);
    exec->is_in_group = false;
    if (is_rollback) {
        mg_exec_push_statement(exec);
        if (exec->is_row_of_group)
            exec->has_row = exec->is_row_refreshed = false; /* rolled back with it */
        begin(exec);
        push_fence(exec);
    }
    run->has_peeked = false;
    return commit_mark(exec, n, n, err);
}

/* ---- What an earlier try has done ------------------------------------------------- */

/* It must still stand in front of what is left. */
static bool
check_prefix(const MgExec *exec, MgError *err)
{
    const MgStep *step = mg_exec_step(exec);
    const char *wanted = step->prefix_digest;
    if (wanted == NULL || strcmp(wanted, exec->run.prefix_digest) == 0)
        return true;
    return mg_exec_fail_prefix(step->entry->label, step->script, step->resume_at, err);
}

/*
 * A statement that is done is passed over, but what it set in its session is
 * set again in ours: SET and RESET, inside the transactions that they stood in,
 * which may have taken them back.
 */
static bool
pass_over(MgExec *exec, MgError *err)
{
    MgScriptRun *run = &exec->run;
    bool is_control = run->stmt.transaction_control != MG_TX_NONE;
    bool sets_session =
        strcmp(run->stmt.label, "SET") == 0 || strcmp(run->stmt.label, "RESET") == 0;

    if (sets_session && !exec->is_in_group)
        mg_exec_push_begin(exec);
    if (sets_session || is_control)
        mg_exec_push_statement(exec);
    if (sets_session && !exec->is_in_group)
        mg_exec_push_sql(exec, MG_ROLE_SET, "COMMIT");
    if (is_control)
        exec->is_in_group = begins_with(run, "BEGIN") || begins_with(run, "START TRANSACTION");
    run->has_peeked = false;
    return run->n_fetched < mg_exec_step(exec)->resume_at || check_prefix(exec, err);
}

/* ---- Stages ------------------------------------------------------------------------ */

/*
 * REINDEX and CLUSTER refuse a block on a table with partitions, which no word
 * tells.  On others they keep what a block gives them: a lock_timeout, another
 * try, and a fate that is known.  So they go outside once the server has said it.
 */
bool
mg_exec_moves_outside(MgExec *exec)
{
    static const char *const labels[] = { "REINDEX", "CLUSTER", "REPACK" };
    const MgTag *tag = &exec->failed_tag;
    bool is_known = exec->outside_step == tag->item && exec->outside_number == tag->number;
    if (is_known || tag->role != MG_ROLE_STATEMENT ||
        exec->input->steps[tag->item].is_transactional ||
        strcmp(exec->failed_sqlstate, "25001") != 0)
        return false;
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
        if (strcmp(tag->label, labels[i]) != 0)
            continue;
        exec->outside_step = tag->item;
        exec->outside_number = tag->number;
        return true;
    }
    return false;
}

/* CALL and DO may end transactions of their own, which a block would not let them. */
static bool
runs_outside(const MgExec *exec)
{
    const MgScriptRun *run = &exec->run;
    return run->stmt.refuses_transaction || strcmp(run->stmt.label, "CALL") == 0 ||
           strcmp(run->stmt.label, "DO") == 0 ||
           (exec->outside_number == run->n_fetched && exec->outside_step == exec->step_i);
}

/* Before anything else runs; behind the last statement, the last mark says it. */
static bool
mark_awaited(MgExec *exec, MgError *err)
{
    int n = exec->run.n_fetched;
    exec->is_mark_due = false;
    if (n == mg_exec_step(exec)->script->n_statements)
        return true;
    begin_last(exec);
    return commit_mark(exec, n, n, err);
}

bool
mg_exec_send_piece(MgExec *exec, MgError *err)
{
    MgScriptRun *run = &exec->run;
    if (exec->is_mark_due)
        return mark_awaited(exec, err);
    if (!mg_exec_fetch(exec, err))
        return false;
    if (!run->has_peeked) {
        exec->stage = MG_STAGE_LAST_MARK;
        return !exec->is_in_group || fail_control(exec, "has no COMMIT", err);
    }
    if (run->n_fetched <= exec->n_kept) {
        run->has_peeked = false; /* this session still has what it did */
        return true;
    }
    if (run->n_fetched <= mg_exec_step(exec)->resume_at)
        return pass_over(exec, err);
    if (strcmp(run->stmt.label, "DISCARD ALL") == 0) {
        exec->statement_tag = mg_script_run_tag(run, MG_ROLE_STATEMENT, exec->step_i);
        return fail_control(exec, "would release the lock of this run", err);
    }
    if (run->stmt.transaction_control != MG_TX_NONE || exec->is_in_group)
        return send_grouped(exec, err);
    return runs_outside(exec) ? send_refusing(exec, err) : send_willing(exec, err);
}

bool
mg_exec_send_last_mark(MgExec *exec, MgError *err)
{
    const MgStep *step = mg_exec_step(exec);
    int n = step->script->n_statements;

    begin_last(exec);
    mg_exec_push_hygiene(exec);
    if (step->direction == MG_DOWN)
        mg_exec_push_revert(exec);
    else if (!mg_exec_push_record(exec, MG_ROLE_RECORD, n, n, err))
        return false;
    mg_exec_finish_step(exec);
    return true;
}
