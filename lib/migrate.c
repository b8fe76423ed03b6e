/*
 * The public functions: wires the stages, alone knows them all.  Data flows
 * one way (DESIGN section 2); what each stage means is said in its header.
 */
#include "migrate.h"

#include <assert.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "pg/conn.h"
#include "pg/diagnose.h"
#include "pg/exec.h"
#include "pg/history.h"
#include "pg/lock.h"
#include "pg/prove.h"
#include "pg/start.h"
#include "plan/plan.h"
#include "source/source.h"
#include "target/choose.h"
#include "target/environment.h"
#include "target/identity.h"
#include "target/policy.h"
#include "target/provider.h"
#include "target/twin.h"
#include "target/url.h"

enum {
    DEFAULT_WAIT_TURN_MS = 5 * 60 * 1000,
    DEFAULT_WAIT_SERVER_MS = 60 * 1000,
    /* Of the server of this machine: it starts up, but is not scaled to zero. */
    DEFAULT_WAIT_LOCAL_SERVER_MS = 5 * 1000,
    /* Of a diagnosis: one that sleeps has come up by then, and it is no failure to be told soon. */
    DEFAULT_WAIT_DIAGNOSIS_MS = 15 * 1000,
    DEFAULT_LOCK_RETRY_MS = 10 * 60 * 1000,
    FIRST_POLL_MS = 5, /* of the lock; then doubled */
    LARGEST_POLL_MS = 250,
    WAITING_MS = 10 * 1000, /* between two "waiting" events */
    /* A server cuts application_name at 63 bytes; ours: "migrate/0.1.0 OWNER 16HEXDIGITS". */
    OWNER_BYTES = 63 - sizeof "migrate/" MG_VERSION " " - 16,
    MAX_OTHERS = 3, /* names in "done by" */
};

struct MgContext {
    MgArena arena;
    MgOptions options;
    MgUrl url;
    MgSource source;
    MgHistoryTable table;
    MgIdentity identity;
    const char *applied_by;
    MgTarget target;
    int64_t deadline_ms; /* of mg_clock_ms, 0 = none */
    int64_t opening_us;  /* how long mg_open took */
    /* What a diagnosis tells of. */
    MgError url_refusal, source_failure;
    const char *const *passed_over;
    size_t n_passed_over;

    /* While connected. */
    MgConn *conn;
    MgConnOptions conn_options;
    MgProofClaim claim;
    MgLock lock;
    MgStart start;
    int64_t started_ms; /* of mg_clock_ms: when the server told its time */
};

/* ---- Events -------------------------------------------------------------------------- */

static void
forward_event(void *payload, const MgEvent *event)
{
    const MgContext *context = payload;
    if (context->options.on_event != NULL)
        context->options.on_event(context->options.payload, event);
}

static void
emit(const MgContext *context, MgEventKind kind, const char *text)
{
    if (context->options.on_event != NULL)
        context->options.on_event(context->options.payload,
                                  &(MgEvent){ .kind = kind, .text = text });
}

static void
on_statement(void *payload, const char *text)
{
    emit(payload, MG_EVENT_DEBUG, text);
}

static void
on_waiting_for_server(void *payload, const char *reason)
{
    MgContext *context = payload;
    const MgOptions *options = &context->options;
    bool is_cut = options->deadline_ms > 0 && options->deadline_ms < options->wait_server_ms;
    char limit[32];
    mg_text_duration((is_cut ? options->deadline_ms : options->wait_server_ms) * 1000, limit,
                     sizeof limit);
    emit(context, MG_EVENT_WAITING,
         mg_arena_format(&context->arena, "the server does not answer yet, trying for up to %s: %s",
                         limit, reason));
}

/* ---- Opening -------------------------------------------------------------------------- */

void
mg_options_init(MgOptions *options)
{
    *options = (MgOptions){ .size = sizeof *options, .cancel_fd = -1 };
}

/* 0 means the default, negative means not at all. */
static int64_t
limit_or_default(int64_t limit_ms, int64_t default_ms)
{
    if (limit_ms == 0)
        return default_ms;
    return limit_ms < 0 ? 0 : limit_ms;
}

/* Every wait lies inside the deadline. */
static int64_t
bounded(const MgContext *context, int64_t wait_ms)
{
    if (context->deadline_ms == 0)
        return wait_ms;
    int64_t left_ms = context->deadline_ms - mg_clock_ms();
    if (left_ms < 0)
        left_ms = 0;
    return left_ms < wait_ms ? left_ms : wait_ms;
}

static const char *
default_applied_by(MgContext *context)
{
    if (context->identity.by != NULL)
        return context->identity.by;
    const char *user = mg_environment_get(context->options.environment, "USER");
    struct passwd *entry = user == NULL ? getpwuid(geteuid()) : NULL;
    if (entry != NULL)
        user = entry->pw_name;
    char host[256] = "";
    if (gethostname(host, sizeof host - 1) != 0)
        host[0] = '\0';
    return mg_arena_format(&context->arena, "%s@%s", user == NULL ? "unknown" : user,
                           host[0] == '\0' ? "unknown" : host);
}

/* MIGRATE_POOLED_URL says what --derive-direct says. */
static bool
read_pooled_url(char *const *environment, bool *ret_is_derived, MgError *err)
{
    const char *value = mg_environment_get(environment, "MIGRATE_POOLED_URL");
    if (value == NULL || strcmp(value, "refuse") == 0)
        return true;
    *ret_is_derived = true;
    return strcmp(value, "derive") == 0 ||
           mg_fail(err, MG_E_USAGE, "MIGRATE_POOLED_URL takes \"refuse\" or \"derive\"");
}

static bool
choose_target(MgContext *context, MgError *err)
{
    const MgOptions *options = &context->options;
    MgArena *arena = &context->arena;
    MgChooseInput input = { .url = options->url,
                            .url_from = options->url_from,
                            .url_env = options->url_env,
                            .env_file = options->env_file,
                            .environment = options->environment,
                            .is_session_accepted = options->is_session_accepted };
    MgPolicy policy = { .is_reading = options->is_reading,
                        .is_direct_derived = options->is_direct_derived,
                        .is_session_accepted = options->is_session_accepted };
    MgChoice choice;

    if (!read_pooled_url(options->environment, &policy.is_direct_derived, err) ||
        !mg_target_choose(&input, arena, &choice, err))
        return false;
    policy.is_name_given = choice.is_name_given;
    MgError *refusal = options->is_diagnosing ? &context->url_refusal : err;
    context->url = choice.url;
    context->passed_over = choice.passed_over;
    context->n_passed_over = choice.n_passed_over;
    if (!mg_policy_apply(&choice.url, &policy, options->environment, arena, &context->url,
                         refusal) &&
        !options->is_diagnosing)
        return false;
    const MgUrl *url = &context->url;
    context->target = (MgTarget){ .database = url->database,
                                  .host = url->host,
                                  .user = url->user,
                                  .port = url->port,
                                  .from = choice.shown,
                                  .url = url->display,
                                  .is_local = url->is_local,
                                  .verdict_name = mg_verdict_name(MG_UNPROVED) };
    return true;
}

static bool
read_source(MgContext *context, MgError *err)
{
    const MgOptions *options = &context->options;
    if (options->files != NULL)
        return mg_source_read_files(options->files, options->n_files, &context->arena,
                                    &context->source, err);
    return mg_source_read(options->dir == NULL ? "migrations" : options->dir, &context->arena,
                          &context->source, err);
}

/* What is wrong with it is told by the diagnosis. */
static bool
look_at_source(MgContext *context)
{
    if (!read_source(context, &context->source_failure))
        context->source = (MgSource){ 0 };
    return true;
}

static bool
open_context(MgContext *context, MgError *err)
{
    MgOptions *options = &context->options;

    options->wait_turn_ms = limit_or_default(options->wait_turn_ms, DEFAULT_WAIT_TURN_MS);
    options->lock_retry_ms = limit_or_default(options->lock_retry_ms, DEFAULT_LOCK_RETRY_MS);
    if (options->deadline_ms > 0)
        context->deadline_ms = mg_clock_ms() + options->deadline_ms;
    mg_identity_read(options->environment, &context->arena, &context->identity);
    context->applied_by =
        options->applied_by != NULL ? options->applied_by : default_applied_by(context);
    if (!mg_history_table_parse(options->history, &context->arena, &context->table, err) ||
        !choose_target(context, err))
        return false;
    int64_t wait_server_ms = context->target.is_local ? DEFAULT_WAIT_LOCAL_SERVER_MS
                             : options->is_diagnosing ? DEFAULT_WAIT_DIAGNOSIS_MS
                                                      : DEFAULT_WAIT_SERVER_MS;
    options->wait_server_ms = limit_or_default(options->wait_server_ms, wait_server_ms);
    return options->is_diagnosing ? look_at_source(context) : read_source(context, err);
}

bool
mg_open(const MgOptions *options, MgContext **ret, MgError *err)
{
    if (options->size != sizeof *options)
        return mg_fail(err, MG_E_USAGE, "the options were not made by mg_options_init");
    int64_t begin_us = mg_clock_us();
    MgContext *context = mg_realloc(NULL, sizeof *context);
    *context = (MgContext){ .options = *options };
    if (!open_context(context, err)) {
        mg_close(context);
        return false;
    }
    context->opening_us = mg_clock_us() - begin_us;
    *ret = context;
    return true;
}

static void
disconnect(MgContext *context)
{
    mg_conn_close(context->conn);
    context->conn = NULL;
}

void
mg_close(MgContext *context)
{
    if (context == NULL)
        return;
    disconnect(context);
    mg_arena_release(&context->arena);
    mg_free(context);
}

const MgTarget *
mg_target(const MgContext *context)
{
    return &context->target;
}

void
mg_urls(MgContext *context, bool is_revealed, MgUrls *ret)
{
    MgArena *arena = &context->arena;
    const MgUrl *url = &context->url;
    const MgNamePair *names = mg_provider_names(url);
    size_t host_i;
    const MgProvider *provider = mg_provider_find(url, &host_i);
    *ret = (MgUrls){ .chosen = mg_url_rewrite(url, NULL, 0, is_revealed, arena),
                     .direct = mg_twin_direct(url, is_revealed, arena),
                     .pooled = mg_twin_pooled(url, is_revealed, arena),
                     .direct_name = names->direct,
                     .pooled_name = names->pooled,
                     .advice = provider == NULL ? NULL : provider->advice };
}

/* ---- Connecting ------------------------------------------------------------------------ */

/* Printable ASCII without quotes, so that it can stand in SQL and in ps. */
static const char *
make_application_name(MgContext *context)
{
    char owner[OWNER_BYTES + 1];
    size_t n = 0;
    for (const char *at = context->applied_by; *at != '\0' && n < OWNER_BYTES; at++)
        owner[n++] = *at > ' ' && *at < 0x7f && *at != '\'' && *at != '\\' ? *at : '-';
    owner[n] = '\0';
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
    target->server_version = mg_arena_text(arena, mg_conn_server_version_text(conn));
    emit(context, MG_EVENT_TARGET,
         mg_arena_format(arena, "%s at %s, from %s", target->database, target->host, target->from));
}

static bool
connect_to_server(MgContext *context, MgError *err)
{
    const MgOptions *options = &context->options;
    const char *application_name = make_application_name(context);
    context->conn_options =
        (MgConnOptions){ .url = &context->url,
                         .application_name = application_name,
                         .wait_server_ms = bounded(context, options->wait_server_ms),
                         .cancel_fd = options->cancel_fd,
                         .on_statement = on_statement,
                         .on_waiting = on_waiting_for_server,
                         .payload = context };

    assert(context->conn == NULL);
    for (size_t i = 0; i < context->url.n_notes; i++)
        emit(context, MG_EVENT_NOTE, context->url.notes[i]);
    if (!mg_conn_open(&context->conn_options, &context->conn, err))
        return false;
    describe_target(context);
    context->claim = mg_proof_claim(context->conn, application_name);
    context->claim.is_proxy_known = mg_provider_is_proxied(&context->url);
    context->lock = mg_lock_init(context->table.schema, context->table.table);
    return true;
}

static MgStartInput
start_input(const MgContext *context, const MgGoal *goal, bool is_writing)
{
    return (MgStartInput){ .claim = &context->claim,
                           .table = &context->table,
                           .search_path = context->url.search_path,
                           .is_writing = is_writing,
                           .with_down = goal->direction == MG_DOWN };
}

static void
tell_session(MgContext *context)
{
    MgTarget *target = &context->target;
    target->verdict = context->start.proof.verdict;
    target->verdict_name = mg_verdict_name(target->verdict);
    emit(context, MG_EVENT_SESSION,
         mg_arena_format(&context->arena, "PostgreSQL %s, %s", target->server_version,
                         target->verdict_name));
}

/* Connect and read; nothing is taken or changed there, so a pooler will do. */
static bool
begin_reading(MgContext *context, const MgGoal *goal, MgError *err)
{
    MgStartInput input = start_input(context, goal, false);
    if (!connect_to_server(context, err) ||
        !mg_start(context->conn, &input, &context->lock, &context->arena, &context->start, err))
        return false;
    tell_session(context);
    if (context->start.proof.verdict != MG_DIRECT && context->start.proof.verdict != MG_PINNED)
        emit(context, MG_EVENT_NOTE,
             "this session is not proved to be direct: good enough to read, not to migrate");
    return true;
}

/*
 * Connect, prove, try the lock: one flight for a direct session.  Where the
 * proof needs rounds, the first flight has taken nothing, and the lock comes
 * with a second one, for the backend that was proved.
 */
static bool
begin_writing(MgContext *context, const MgGoal *goal, MgError *err)
{
    MgStartInput input = start_input(context, goal, true);
    MgProof *proof = &context->start.proof;

    if (!connect_to_server(context, err) ||
        !mg_start(context->conn, &input, &context->lock, &context->arena, &context->start, err) ||
        !mg_proof_check_server(proof, mg_conn_server_version(context->conn), err))
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
    if (is_proved)
        return true;
    MgProof proved = *proof;
    context->claim.accepted_pid = proved.backend_pid;
    if (!mg_start(context->conn, &input, &context->lock, &context->arena, &context->start, err))
        return false;
    *proof = proved;
    return true;
}

/* ---- The turn: waiting for another run --------------------------------------------------- */

static void
tell_holder(MgContext *context, const MgHolder *holder, int64_t waited_ms, bool is_first)
{
    char waited[32], limit[32];
    mg_text_duration(waited_ms / 1000 * 1000000, waited, sizeof waited); /* whole seconds */
    mg_text_duration(context->options.wait_turn_ms * 1000, limit, sizeof limit);
    MgArena *arena = &context->arena;
    const char *text = is_first
                           ? mg_arena_format(arena, "pid %d migrates this database since %s (%s)",
                                             holder->pid, holder->since, holder->name)
                           : mg_arena_format(arena, "%s of %s; pid %d %s", waited, limit,
                                             holder->pid, holder->runs);
    emit(context, MG_EVENT_WAITING, text);
}

static bool
fail_busy(MgContext *context, int64_t waited_ms, MgError *err)
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
    mg_error_hint(err, "Run again when it is done, or wait longer: --wait-turn 30min");
    mg_error_note(err, "nothing was applied by this run");
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
wait_turn(MgContext *context, MgError *err)
{
    int64_t start_ms = mg_clock_ms(), poll_ms = FIRST_POLL_MS, tell_ms = start_ms;
    int64_t wait_ms = bounded(context, context->options.wait_turn_ms);

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
            return fail_busy(context, now_ms - start_ms, err);
        int64_t jitter_ms = (int64_t)(mg_clock_random() % (uint64_t)poll_ms);
        if (!mg_conn_pause(context->conn, poll_ms / 2 + jitter_ms / 2 + 1, err))
            return false;
        poll_ms = poll_ms * 2 > LARGEST_POLL_MS ? LARGEST_POLL_MS : poll_ms * 2;

        MgLockState state = MG_LOCK_BUSY;
        MgArenaMark mark = mg_arena_mark(&context->arena);
        if (!mg_lock_try(context->conn, &context->lock, &context->arena, &state, err))
            return false;
        mg_arena_reset(&context->arena, mark);
        if (state == MG_LOCK_HELD)
            return true;
        if (state != MG_LOCK_BUSY)
            return fail_shared(err);
    }
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

/* ---- Planning ------------------------------------------------------------------------------ */

static void
build_plan(MgContext *context, const MgGoal *goal, MgPlan *ret)
{
    MgPlanInput input = { .goal = goal,
                          .source = &context->source,
                          .history = &context->start.history,
                          .history_name = context->table.shown,
                          .is_local = context->target.is_local };
    mg_plan_build(&input, &context->arena, ret);
    ret->target = context->target;
}

static void
tell_plan(const MgContext *context, const MgPlan *plan)
{
    for (size_t i = 0; i < context->source.n_notes; i++)
        emit(context, MG_EVENT_NOTE, context->source.notes[i]);
    for (size_t i = 0; i < plan->n_notes; i++)
        emit(context, MG_EVENT_NOTE, plan->notes[i]);
    for (size_t i = 0; i < plan->n_warnings; i++)
        emit(context, MG_EVENT_WARNING, plan->warnings[i]);
}

/* What mg_open let pass for a diagnosis is refused by everything else. */
static bool
check_opened(const MgContext *context, MgError *err)
{
    const MgError *const kept[] = { &context->url_refusal, &context->source_failure };
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        if (kept[i]->code != MG_OK) {
            *err = *kept[i];
            return false;
        }
    }
    return true;
}

bool
mg_plan(MgContext *context, const MgGoal *goal, const MgPlan **ret, MgError *err)
{
    MgPlan *plan = MG_NEW_IN(&context->arena, MgPlan);
    bool is_ok = check_opened(context, err) && begin_reading(context, goal, err);
    if (is_ok) {
        build_plan(context, goal, plan);
        tell_plan(context, plan);
        *ret = plan;
    }
    disconnect(context);
    return is_ok;
}

/* ---- Diagnosis ------------------------------------------------------------------------------ */

/* An upgrade of everything: what "up" would do. */
static void
plan_for_diagnosis(MgContext *context, const MgVitals *vitals, MgExamination *seen)
{
    static const MgGoal goal = { .direction = MG_UP };
    bool is_known = vitals->is_answered && vitals->history_failure.code == MG_OK &&
                    context->source_failure.code == MG_OK;
    if (!is_known)
        return;
    MgPlan *plan = MG_NEW_IN(&context->arena, MgPlan);
    context->start.history = vitals->history;
    build_plan(context, &goal, plan);
    seen->plan = plan;
}

/* Connect and ask.  What fails is a part of what was seen; false when cancelled. */
static bool
examine(MgContext *context, MgExamination *seen, MgError *err)
{
    MgArena *arena = &context->arena;
    int64_t asked_us = mg_clock_us();
    if (!connect_to_server(context, &seen->unreachable)) {
        *err = seen->unreachable;
        return err->code != MG_E_CANCELLED;
    }
    seen->connect_us = mg_clock_us() - asked_us;
    seen->tls = mg_conn_tls(context->conn, arena);
    seen->server_version = mg_conn_server_version(context->conn);
    MgVitals *vitals = MG_NEW_IN(arena, MgVitals);
    MgVitalsInput input = { .options = &context->conn_options,
                            .claim = &context->claim,
                            .table = &context->table,
                            .lock = &context->lock };
    if (!mg_vitals_read(context->conn, &input, arena, vitals, err))
        return false;
    seen->vitals = vitals;
    context->target.verdict = vitals->proof.verdict;
    context->target.verdict_name = mg_verdict_name(vitals->proof.verdict);
    plan_for_diagnosis(context, vitals, seen);
    return true;
}

bool
mg_diagnose(MgContext *context, const MgDiagnosis **ret, MgError *err)
{
    MgDiagnosis *diagnosis = MG_NEW_IN(&context->arena, MgDiagnosis);
    MgExamination seen = { .target = &context->target,
                           .url = &context->url,
                           .passed_over = context->passed_over,
                           .n_passed_over = context->n_passed_over,
                           .url_refusal = context->url_refusal,
                           .source_failure = context->source_failure,
                           .is_session_accepted = context->options.is_session_accepted,
                           .table = &context->table,
                           .lock = &context->lock,
                           .source = &context->source };
    context->lock = mg_lock_init(context->table.schema, context->table.table);
    bool is_ok = examine(context, &seen, err);
    if (is_ok) {
        mg_diagnosis_build(&seen, &context->arena, diagnosis);
        *ret = diagnosis;
    }
    disconnect(context);
    return is_ok;
}

/* ---- Running -------------------------------------------------------------------------------- */

/* The newest applied version after the first n_done steps of the plan. */
static const char *
find_head(const MgPlan *plan, size_t n_done)
{
    const char *head = NULL;
    for (size_t i = 0; i < plan->n_entries; i++) {
        const MgEntry *entry = &plan->entries[i];
        bool is_applied = entry->state == MG_STATE_APPLIED || entry->state == MG_STATE_DRIFTED ||
                          entry->state == MG_STATE_MISSING || entry->state == MG_STATE_AHEAD;
        for (size_t k = 0; k < n_done; k++)
            if (plan->steps[k].entry == entry)
                is_applied = plan->steps[k].direction == MG_UP;
        if (entry->version != NULL && is_applied)
            head = entry->label;
    }
    return head;
}

/* One refusal is the error; the others are told as warnings, so that none is a surprise later. */
static bool
fail_refused(const MgContext *context, const MgPlan *plan, MgError *err)
{
    for (size_t i = 1; i < plan->n_refusals; i++)
        emit(context, MG_EVENT_WARNING, plan->refusals[i].message);
    *err = plan->refusals[0];
    return false;
}

static bool
fail_unfenced(const MgStep *step, MgError *err)
{
    mg_fail(err, MG_E_UNPROVED, "migration \"%s\" needs a direct session", step->entry->label);
    mg_error_detail(err, "It runs outside a transaction, where no fence can stop it when the "
                         "session turns out to be shared.");
    mg_error_hint(err, "Use the URL of the server itself, without the pooler.");
    mg_error_note(err, "nothing was applied");
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
    return proof->verdict == MG_PINNED || fail_unfenced(unfenced, err);
}

/* The deadline by the server's clock, which answered when the session began. */
static int64_t
server_deadline_us(const MgContext *context)
{
    if (context->deadline_ms == 0)
        return 0;
    return context->start.proof.now_us + (context->deadline_ms - context->started_ms) * 1000;
}

static bool
execute(MgContext *context, const MgPlan *plan, MgOutcome *outcome, MgError *err)
{
    if (plan->n_refusals > 0)
        return fail_refused(context, plan, err);
    if (plan->n_steps == 0)
        return true;
    if (!check_unfenced(context, plan, err))
        return false;
    MgExecInput input = { .conn = context->conn,
                          .lock = &context->lock,
                          .table = &context->table,
                          .facts = &context->start.facts,
                          .settings_sql =
                              mg_session_settings_sql(context->url.search_path, &context->arena),
                          .steps = plan->steps,
                          .n_steps = plan->n_steps,
                          .applied_by = context->applied_by,
                          .commit = context->identity.commit,
                          .run_url = context->identity.run_url,
                          .lock_retry_ms = bounded(context, context->options.lock_retry_ms),
                          .deadline_ms = context->deadline_ms,
                          .server_deadline_us = server_deadline_us(context),
                          .on_event = forward_event,
                          .payload = context };
    return mg_exec(&input, &context->arena, outcome, err);
}

static int64_t
newest_row(const MgHistory *history)
{
    return history->n == 0 ? 0 : history->items[history->n - 1].id;
}

static bool
run_goal(MgContext *context, const MgGoal *goal, MgOutcome *outcome, MgError *err)
{
    MgPlan plan = { 0 };

    if (!begin_writing(context, goal, err))
        return false;
    int64_t newest_id = newest_row(&context->start.history);
    bool must_wait = context->start.lock_state == MG_LOCK_BUSY;
    if (!must_wait && context->start.lock_state != MG_LOCK_HELD)
        return fail_shared(err);
    if (must_wait) {
        build_plan(context, goal, &plan);
        /* Another run works, but not for these files: nothing to wait for. */
        must_wait = plan.n_steps > 0 || plan.n_refusals > 0;
    }
    if (must_wait) {
        MgStartInput input = start_input(context, goal, true);
        if (!wait_turn(context, err) ||
            !mg_start_read_again(context->conn, &input, &context->arena, &context->start, err))
            return false;
    }
    build_plan(context, goal, &plan);
    tell_plan(context, &plan);
    bool is_ok = execute(context, &plan, outcome, err);
    outcome->head = find_head(&plan, (size_t)outcome->n_applied + (size_t)outcome->n_reverted);
    if (must_wait)
        outcome->done_by_other = describe_others(context, newest_id);
    return is_ok;
}

bool
mg_run(MgContext *context, const MgGoal *goal, MgOutcome *outcome, MgError *err)
{
    int64_t begin_us = mg_clock_us();
    *outcome = (MgOutcome){ 0 };
    bool is_ok = check_opened(context, err) && run_goal(context, goal, outcome, err);
    disconnect(context);
    outcome->elapsed_us = context->opening_us + mg_clock_us() - begin_us;
    return is_ok;
}
