/*
 * The session of a context: connect, prove, take the lock or wait for its turn.
 */
#include "context.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "target/config.h"
#include "target/provider.h"

enum {
    FIRST_POLL_MS = 5, /* of the lock; then doubled */
    LARGEST_POLL_MS = 250,
    WAITING_MS = 10 * 1000, /* between two "waiting" events */
    WAIT_LOST_MS = 60 * 1000,
    /* A server cuts application_name at 63 bytes; ours: "migrate/0.1.0 OWNER 16HEXDIGITS". */
    OWNER_BYTES = 63 - sizeof "migrate/" MG_VERSION " " - 16,
};

static void
on_statement(void *payload, const char *text)
{
    mg_emit(payload, MG_EVENT_DEBUG, text);
}

static bool
on_waiting_for_server(void *payload, const char *reason, int64_t waited_ms, MgError *err)
{
    MgContext *context = payload;
    /* What has to be mended here is not waited for. */
    if (context->is_unsettled && !mg_files_analyse(context, err))
        return mg_fail_noted(err, "no connection was made");
    const MgOptions *options = &context->options;
    bool is_cut = options->deadline_ms > 0 && options->deadline_ms < options->wait_server_ms;
    char waited[32], limit[32];
    mg_text_duration(waited_ms / 1000 * 1000000, waited, sizeof waited); /* whole seconds */
    mg_text_duration((is_cut ? options->deadline_ms : options->wait_server_ms) * 1000, limit,
                     sizeof limit);
    const char *text =
        waited_ms < WAITING_MS
            ? mg_arena_format(&context->arena,
                              "the server does not answer yet, trying for up to %s: %s", limit,
                              reason)
            : mg_arena_format(&context->arena, "%s of %s; the server does not answer: %s", waited,
                              limit, reason);
    mg_emit(context, MG_EVENT_WAITING, text);
    return true;
}

/* ---- Connecting ------------------------------------------------------------------------ */

static const char *
make_application_name(MgContext *context)
{
    const char *owner =
        mg_lock_owner(context->applied_by, context->identity.commit, OWNER_BYTES, &context->arena);
    return mg_arena_format(&context->arena, "migrate/" MG_VERSION " %s %016llx", owner,
                           (unsigned long long)mg_clock_random());
}

static void
describe_target(MgContext *context)
{
    MgTarget *target = &context->target;
    const MgConn *conn = context->conn;
    MgArena *arena = &context->arena;
    uint64_t port = 0;

    target->database = mg_arena_text(arena, mg_conn_database(conn));
    target->host = mg_arena_text(arena, mg_conn_host(conn));
    target->user = mg_arena_text(arena, mg_conn_user(conn));
    if (mg_text_parse_uint(mg_conn_port(conn), 65535, &port))
        target->port = (int)port;
    target->is_local = mg_conn_is_local(conn);
    context->session.login = target->user;
    context->table.role =
        context->session.role != NULL ? context->session.role : context->session.login;
    context->position.target = mg_arena_format(arena, "%s at %s", target->database, target->host);
    target->server_version = mg_arena_text(arena, mg_conn_server_version_text(conn));
    mg_emit(
        context, MG_EVENT_TARGET,
        mg_arena_format(arena, "%s at %s, from %s", target->database, target->host, target->from));
}

bool
mg_connect(MgContext *context, MgError *err)
{
    const MgOptions *options = &context->options;
    const char *application_name = make_application_name(context);
    context->conn_options =
        (MgConnOptions){ .url = &context->url,
                         .application_name = application_name,
                         .wait_server_ms = options->wait_server_ms,
                         .deadline_ms = context->deadline_ms,
                         .cancel_fd = options->cancel_fd,
                         .on_statement = options->is_verbose ? on_statement : NULL,
                         .on_waiting = on_waiting_for_server,
                         .payload = context };

    assert(context->conn == NULL);
    for (size_t i = 0; i < context->url.n_notes; i++)
        mg_emit(context, MG_EVENT_NOTE, context->url.notes[i]);
    if (!mg_conn_open(&context->conn_options, &context->conn, err))
        return mg_fail_noted(err, "nothing was changed");
    describe_target(context);
    context->claim = mg_proof_claim(context->conn, application_name);
    context->claim.is_proxy_known = mg_provider_is_proxied(&context->url);
    context->lock = mg_lock_init(context->table.schema, context->table.table);
    return true;
}

MgStartInput
mg_start_input(const MgContext *context, const MgGoal *goal, bool is_writing)
{
    int n_down = 0; /* scripts may be long: no more than the goal can need */
    if (goal->kind == MG_GOAL_REDO)
        n_down = 1;
    else if (goal->kind == MG_GOAL_DOWN)
        n_down = goal->to != NULL ? INT32_MAX : goal->count == 0 ? 1 : goal->count;
    return (MgStartInput){ .claim = &context->claim,
                           .table = &context->table,
                           .settings = &context->session,
                           .is_writing = is_writing,
                           .is_noting = context->options.keeps_notebook,
                           .deadline_ms = context->deadline_ms,
                           .n_down = n_down };
}

static const char *
describe_environment(MgContext *context)
{
    const MgPosition *position = &context->position;
    if (position->environment == NULL)
        return "";
    return mg_arena_format(&context->arena, ", environment %s from %s", position->environment,
                           position->environment_from);
}

static void
tell_session(MgContext *context)
{
    MgTarget *target = &context->target;
    target->verdict = context->start.proof.verdict;
    target->verdict_name = mg_verdict_name(target->verdict);
    mg_emit(context, MG_EVENT_SESSION,
            mg_arena_format(&context->arena, "PostgreSQL %s, %s%s", target->server_version,
                            target->verdict_name, describe_environment(context)));
    mg_take_claim(context);
}

/* Where a value that the server refused came from. */
static bool
place_setting(const MgContext *context, MgError *err)
{
    MgSettingId id = err->code == MG_E_CONFIG ? MG_SET_TIMEZONE : MG_SET_ROLE;
    const MgSettingValue *value = &context->settings.values[id];
    bool is_ours = err->sqlstate[0] != '\0' && err->place[0] == '\0' && value->from != NULL &&
                   (err->code == MG_E_CONFIG || err->code == MG_E_PERMISSION) &&
                   strstr(err->message, id == MG_SET_ROLE ? "role" : "TimeZone") != NULL;
    if (is_ours && value->place != NULL)
        mg_config_place(context->config, value->line, value->column, 0, err);
    else if (is_ours)
        mg_error_at(err, value->from, 0, 0);
    return false;
}

/* An old server would answer what it is asked with an error of its own. */
static bool
connect_known(MgContext *context, MgError *err)
{
    if (!mg_connect(context, err))
        return false;
    return mg_proof_check_version(mg_conn_server_version(context->conn),
                                  context->target.server_version, err) ||
           mg_fail_noted(err, "nothing was changed");
}

static bool
start(MgContext *context, const MgStartInput *input, MgError *err)
{
    return mg_start(context->conn, input, &context->lock, &context->arena, &context->start, err) ||
           place_setting(context, err);
}

bool
mg_begin_looking(MgContext *context, const MgGoal *goal, MgError *err)
{
    MgStartInput input = mg_start_input(context, goal, false);
    return connect_known(context, err) && start(context, &input, err);
}

/* Connect and read; nothing is taken or changed there, so a pooler will do. */
bool
mg_begin_reading(MgContext *context, const MgGoal *goal, MgError *err)
{
    if (!mg_begin_looking(context, goal, err))
        return false;
    tell_session(context);
    if (context->start.proof.is_in_recovery)
        mg_emit(context, MG_EVENT_NOTE,
                "this server is a standby: what was applied just now may not be there yet");
    if (context->start.proof.verdict != MG_DIRECT && context->start.proof.verdict != MG_PINNED)
        mg_emit(context, MG_EVENT_NOTE,
                "this session is not proved to be direct: good enough to read, not to migrate");
    return true;
}

/* pg_dump sets a search_path for its session: in a pool the next one would get it. */
bool
mg_begin_dumping(MgContext *context, const MgGoal *goal, MgError *err)
{
    MgProof *proof = &context->start.proof;
    if (!mg_begin_looking(context, goal, err))
        return false;
    if (proof->verdict == MG_UNPROVED &&
        !mg_proof_rounds(context->conn, &context->conn_options, &context->arena, proof, err))
        return false;
    tell_session(context);
    return mg_proof_check(proof, context->options.is_session_accepted, err);
}

/* What other runs would wait for if this one is killed. */
static void
tell_unwatched(MgContext *context)
{
    if (context->start.unwatched != NULL)
        mg_emit(context, MG_EVENT_NOTE, context->start.unwatched);
}

/* ---- The turn ------------------------------------------------------------------------------- */

static void
tell_holder(MgContext *context, const MgHolder *holder, int64_t waited_ms, bool is_first)
{
    char waited[32], limit[32];
    mg_text_duration(waited_ms / 1000 * 1000000, waited, sizeof waited); /* whole seconds */
    mg_text_duration(context->options.wait_turn_ms * 1000, limit, sizeof limit);
    MgArena *arena = &context->arena;
    if (holder->pid == context->lost_pid) {
        mg_emit(context, MG_EVENT_WAITING,
                mg_arena_format(arena, "pid %d, the lost session of this run, is still there",
                                holder->pid));
        return;
    }
    const char *text =
        is_first ? mg_arena_format(arena, "pid %d migrates this database since %s (%s%s%s)",
                                   holder->pid, holder->since, holder->name,
                                   holder->commit == NULL ? "" : ", commit ",
                                   holder->commit == NULL ? "" : holder->commit)
                 : mg_arena_format(arena, "%s of %s; pid %d %s", waited, limit, holder->pid,
                                   holder->runs);
    mg_emit(context, MG_EVENT_WAITING, text);
}

static bool
fail_busy(MgContext *context, const MgTurn *turn, int64_t waited_ms, MgError *err)
{
    MgHolder holder = { 0 };
    char waited[32];
    if (!mg_lock_holder(context->conn, &context->lock, &context->arena, &holder, err))
        return false;
    mg_text_duration(waited_ms / 1000 * 1000000, waited, sizeof waited); /* whole seconds */
    if (waited_ms < 1000)
        mg_fail(err, MG_E_LOCK_BUSY, "another run works on this database");
    else
        mg_fail(err, MG_E_LOCK_BUSY, "another run still works on this database after %s", waited);
    if (holder.pid != 0)
        mg_error_detail(err, "pid %d (%s) %s.", holder.pid, holder.name, holder.runs);
    if (context->deadline_ms != 0 && mg_clock_ms() >= context->deadline_ms) {
        MgError busy = *err;
        mg_fail(err, MG_E_DEADLINE, "the time for this run is over");
        mg_error_detail(err, "It waited for its turn: %s%s%s", busy.message,
                        busy.detail[0] == '\0' ? "." : ".\n", busy.detail);
        mg_error_hint(err, "Run again when the other run is done.");
    } else {
        mg_error_hint(err,
                      "Run again when it is done, or wait longer: migrate %s --wait-turn 30min",
                      turn->command);
    }
    mg_error_note(err, "nothing was %s by this run", turn->done);
    return false;
}

static bool
fail_shared(MgError *err)
{
    mg_fail(err, MG_E_UNPROVED,
            "this session is not ours alone: its backend already holds the lock");
    mg_error_detail(err, "A connection pooler gave this backend to another run before.");
    mg_error_hint(err, "Use the URL of the server itself, without pooler or proxy.");
    return false;
}

/* Poll until the lock is ours or the time is over. */
static bool
wait_for_lock(MgContext *context, const MgTurn *turn, MgError *err)
{
    int64_t start_ms = mg_clock_ms(), poll_ms = FIRST_POLL_MS, tell_ms = start_ms;
    int64_t wait_ms = context->options.wait_turn_ms;
    /* What is left of our own lost session goes away by itself. */
    if (context->lost_pid != 0 && wait_ms < WAIT_LOST_MS)
        wait_ms = WAIT_LOST_MS;
    wait_ms = mg_bounded_ms(context, wait_ms);

    for (bool is_first = true;;) {
        int64_t now_ms = mg_clock_ms();
        if (now_ms >= tell_ms) {
            MgHolder holder = { 0 };
            if (!mg_lock_holder(context->conn, &context->lock, &context->arena, &holder, err))
                return false;
            if (holder.pid != 0) {
                tell_holder(context, &holder, now_ms - start_ms, is_first);
                is_first = false;
            }
            tell_ms = now_ms + WAITING_MS;
        }
        if (now_ms - start_ms >= wait_ms)
            return fail_busy(context, turn, now_ms - start_ms, err);
        int64_t jitter_ms = (int64_t)(mg_clock_random() % (uint64_t)poll_ms);
        if (!mg_conn_pause(context->conn, poll_ms / 2 + jitter_ms / 2 + 1, err))
            return false;
        poll_ms = poll_ms * 2 > LARGEST_POLL_MS ? LARGEST_POLL_MS : poll_ms * 2;

        MgLockState state = MG_LOCK_BUSY;
        MgArenaMark mark = mg_arena_mark(&context->arena);
        if (!mg_lock_try(context->conn, &context->lock, &context->arena, &state, err))
            return false;
        mg_arena_reset(&context->arena, mark);
        if (state == MG_LOCK_HELD) {
            context->start.lock_state = state;
            return true;
        }
        if (state != MG_LOCK_BUSY)
            return fail_shared(err);
    }
}

MgTurn
mg_turn_of_goal(const MgGoal *goal, MgArena *arena)
{
    static const MgTurn turns[MG_N_GOALS] = {
        [MG_GOAL_UP] = { .command = "up", .done = "applied" },
        [MG_GOAL_DOWN] = { .command = "down", .done = "reverted" },
        [MG_GOAL_REDO] = { .command = "redo", .done = "reverted" },
        [MG_GOAL_BASELINE] = { .command = "baseline", .done = "recorded" }
    };
    MgTurn ret = turns[goal->kind];
    ret.goal = goal;
    if (goal->kind == MG_GOAL_BASELINE && goal->to != NULL)
        ret.command = mg_arena_format(arena, "baseline %s", goal->to);
    return ret;
}

/*
 * Connect, prove, try the lock: one flight for a direct session.  Where the
 * proof needs rounds, the first flight has taken nothing, and the lock comes
 * with a second one, for the backend that was proved.
 */
static bool
connect_and_try(MgContext *context, const MgGoal *goal, MgError *err)
{
    MgStartInput input = mg_start_input(context, goal, true);
    MgProof *proof = &context->start.proof;

    if (!connect_known(context, err) || !start(context, &input, err) ||
        !mg_proof_check_writable(proof, err))
        return false;
    context->started_ms = mg_clock_ms();
    bool is_proved = proof->verdict != MG_UNPROVED;
    if (!is_proved &&
        !mg_proof_rounds(context->conn, &context->conn_options, &context->arena, proof, err))
        return false;
    tell_session(context);
    if (!mg_proof_check(proof, context->options.is_session_accepted, err)) {
        const char *by_port = mg_provider_port_hint(&context->url, &context->arena);
        if (by_port != NULL)
            mg_error_hint(err, "%s", by_port);
        return false;
    }
    if (is_proved) {
        tell_unwatched(context);
        return true;
    }
    MgProof proved = *proof;
    context->claim.accepted_pid = proved.backend_pid;
    if (!start(context, &input, err))
        return false;
    *proof = proved;
    mg_take_claim(context);
    tell_unwatched(context);
    return true;
}

static bool
check_claim(const MgContext *context, const MgTurn *turn, MgError *err)
{
    if (turn->is_about_claims || mg_claim_check(&context->start.history, &context->position, err))
        return true;
    if (strcmp(turn->done, "applied") != 0)
        mg_error_note(err, "nothing was changed");
    return false;
}

bool
mg_turn_begin(MgContext *context, const MgTurn *turn, MgError *err)
{
    if (!connect_and_try(context, turn->goal, err) || !check_claim(context, turn, err))
        return mg_fail_noted(err, "nothing was changed");
    MgLockState state = context->start.lock_state;
    return state == MG_LOCK_HELD || state == MG_LOCK_BUSY || fail_shared(err) ||
           mg_fail_noted(err, "nothing was changed");
}

bool
mg_turn_wait(MgContext *context, const MgTurn *turn, MgError *err)
{
    if (context->start.lock_state == MG_LOCK_HELD)
        return true;
    MgStartInput input = mg_start_input(context, turn->goal, true);
    if (!wait_for_lock(context, turn, err) ||
        !mg_start_read_again(context->conn, &input, &context->arena, &context->start, err))
        return mg_fail_noted(err, "nothing was changed");
    mg_take_claim(context); /* it may have been made meanwhile */
    return check_claim(context, turn, err);
}
