/* The one-flight start.  Knows the proof, the lock and the history; not what they are for. */
#include "pg/start.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "sql/catalog.h"
#include "sql/quote.h"

#define WATCH "client_connection_check_interval"

enum {
    MAX_SETTINGS = 16,
    WATCH_VERSION = 140000, /* the first that can watch the connection */
};

typedef struct Setting {
    const char *name, *value;
} Setting;

static void
add_timeout(Setting *list, size_t *n, const char *name, int64_t timeout_ms, MgArena *arena)
{
    if (timeout_ms >= 0)
        list[(*n)++] = (Setting){ name, mg_arena_format(arena, "%" PRId64, timeout_ms) };
}

/*
 * The runner's own session settings.
 * - client_connection_check_interval (14): a killed runner's backend stops
 *   within half a second instead of committing what it has received.
 * - keepalives: a vanished machine's lock is free in seconds, not in 2 hours.
 * - timeouts: a role's own, meant for the application, must not kill a
 *   migration; lock_timeout bounds the queue behind us, and is retried.
 * - what a transaction is unless its BEGIN says it: a BEGIN that says it makes
 *   the server go through all of its settings at the end.
 */
static size_t
list_settings(const MgSessionSettings *settings, MgArena *arena, Setting ret[MAX_SETTINGS])
{
    static const Setting fixed[] = {
        { WATCH, "500" },
        /* A host that vanished without a word, with something on its way to it or not (Linux goes
         * by the last of these in both cases).  That one also ends a client that lives but does
         * not read, such as a run that is stopped or whose output waits for its reader: hence no
         * less. */
        { "tcp_keepalives_idle", "5" },
        { "tcp_keepalives_interval", "2" },
        { "tcp_keepalives_count", "3" },
        { "tcp_user_timeout", "30000" },
        { "idle_session_timeout", "0" },
        { "transaction_timeout", "0" },
        { "default_transaction_isolation", "read committed" },
        { "default_transaction_read_only", "off" },
    };
    size_t n = 0;
    for (; n < sizeof fixed / sizeof *fixed; n++)
        ret[n] = fixed[n];
    ret[n++] = (Setting){ "TimeZone", settings->timezone };
    if (settings->search_path != NULL)
        ret[n++] = (Setting){ "search_path", settings->search_path };
    add_timeout(ret, &n, "lock_timeout", settings->lock_timeout_ms, arena);
    add_timeout(ret, &n, "statement_timeout", settings->statement_timeout_ms, arena);
    add_timeout(ret, &n, "idle_in_transaction_session_timeout", settings->idle_timeout_ms, arena);
    return n;
}

static const char *
set_role_sql(const MgSessionSettings *settings, bool is_local, MgArena *arena)
{
    return mg_arena_format(arena, "pg_catalog.set_config('role', %s, %s)",
                           mg_sql_literal(settings->role, arena), is_local ? "true" : "false");
}

/*
 * Those that the server knows, and their names as its answer: set_config fails
 * for others, and would fail the flight.
 */
static const char *
first_settings_sql(const MgSessionSettings *settings, MgArena *arena)
{
    Setting list[MAX_SETTINGS];
    size_t n = list_settings(settings, arena, list);
    MG_CLEANUP(buf) MgBuf sql = { 0 };
    mg_buf_add(&sql, "SELECT pg_catalog.concat(' ', pg_catalog.string_agg(v.name " MG_CAT
                     " ' ', '') FILTER"
                     " (WHERE pg_catalog.set_config(v.name, v.value, false) IS NOT NULL)");
    if (settings->role != NULL)
        mg_buf_format(&sql, ", pg_catalog.substr(%s, 1, 0)", set_role_sql(settings, false, arena));
    mg_buf_add(&sql, ") FROM (VALUES");
    for (size_t i = 0; i < n; i++)
        mg_buf_format(&sql, "%s ('%s', %s)", i == 0 ? "" : ",", list[i].name,
                      mg_sql_literal(list[i].value, arena));
    mg_buf_add(&sql, ") v(name, value) WHERE pg_catalog.current_setting(v.name, true) IS NOT NULL"
                     " AND (v.name " MG_NE " '" WATCH "'"
                     /* Others than Linux may not support it, and would refuse. */
                     " OR pg_catalog.version() " MG_LIKE " '%linux%')");
    return mg_arena_text(arena, mg_buf_text(&sql));
}

/* The same again, by the names of that answer. */
static const char *
later_settings_sql(const char *known, const MgSessionSettings *settings, MgArena *arena)
{
    Setting list[MAX_SETTINGS];
    size_t n = list_settings(settings, arena, list);
    MG_CLEANUP(buf) MgBuf sql = { 0 };
    mg_buf_add(&sql, "SELECT 1");
    for (size_t i = 0; i < n; i++)
        if (strstr(known, mg_arena_format(arena, " %s ", list[i].name)) != NULL)
            mg_buf_format(&sql, ", pg_catalog.set_config('%s', %s, false)", list[i].name,
                          mg_sql_literal(list[i].value, arena));
    if (settings->role != NULL)
        mg_buf_format(&sql, ", %s", set_role_sql(settings, false, arena));
    return mg_arena_text(arena, mg_buf_text(&sql));
}

enum {
    ANSWER_MS = 30 * 1000, /* the queries take milliseconds */
    COLUMN_SETTINGS = MG_PROOF_COLUMNS,
    COLUMN_LOCK,
    OP_PROOF = 0,
    OP_ROLE = 2, /* for one transaction, where nothing may be kept */
    OP_FACTS = 3,
    OP_ROWS = 4,
    N_OPS = 6, /* without: */
    OP_IDENTITY = 6,
    N_OPS_NOTING = 8,
};

/* In a transaction of its own: some providers keep the control file to themselves. */
static const char identity_sql[] =
    "SELECT c.system_identifier::pg_catalog.text, d.oid::pg_catalog.int8"
    " FROM pg_catalog.pg_control_system() c, pg_catalog.pg_database d"
    " WHERE d.datname " MG_EQ " pg_catalog.current_database()";

typedef struct MgStartRead {
    const MgStartInput *input;
    MgArena *arena;
    MgStart *ret;
    int server_version;
    size_t first_op; /* index of the first operation: 0, or OP_ROLE when reading again */
} MgStartRead;

static const char *
first_query(const MgStartInput *input, const MgLock *lock, MgArena *arena)
{
    const char *rows = mg_proof_rows_sql();
    if (!input->is_writing)
        return mg_arena_format(arena, "SELECT proof.* FROM (%s) proof", rows);
    /* Sub-selects in a CASE run only when they are reached. */
    const char *ours = mg_proof_condition_sql(input->claim, arena);
    return mg_arena_format(arena,
                           "SELECT proof.*, CASE WHEN %s THEN (%s) END,"
                           " CASE WHEN %s THEN %s ELSE 'not ours' END"
                           " FROM (%s OFFSET 0) proof",
                           ours, first_settings_sql(input->settings, arena), ours,
                           mg_lock_take_sql(lock, arena), rows);
}

const char *
mg_start_unwatched(const char *known, int server_version)
{
    if (known == NULL || strstr(known, " " WATCH " ") != NULL)
        return NULL;
    return server_version < WATCH_VERSION
               ? "this server has no " WATCH ", which was left out: if this run is killed, its"
                 " lock is free only when the statement under way has ended"
               : "this server's system does not support " WATCH ", which was left out: if this"
                 " run is killed, its lock is free only when the statement under way has ended";
}

/* What was set and taken, if the session is ours. */
static void
take_session(MgStartRead *read, const MgResult *result)
{
    const char *known = mg_result_text(result, 0, COLUMN_SETTINGS);
    read->ret->lock_state = mg_lock_state(mg_result_text(result, 0, COLUMN_LOCK));
    read->ret->unwatched = mg_start_unwatched(known, read->server_version);
    read->ret->settings_sql =
        later_settings_sql(known == NULL ? "" : known, read->input->settings, read->arena);
}

/* Role and time zone are the user's words: what the server says of them is about those. */
bool
mg_start_fail_settings(const MgSessionSettings *settings, const MgResult *result, MgError *err)
{
    const char *sqlstate = mg_result_sqlstate(result);
    (void)mg_result_fail(result, MG_E_SERVER, err);
    bool is_role = settings->role != NULL &&
                   (strcmp(sqlstate, "42501") == 0 || strcmp(sqlstate, "22023") == 0) &&
                   strstr(err->message, "role") != NULL;
    bool is_zone = strcmp(sqlstate, "22023") == 0 && strstr(err->message, "TimeZone") != NULL;
    if (is_role || is_zone)
        err->code = is_role ? MG_E_PERMISSION : MG_E_CONFIG;
    if (is_role && strcmp(sqlstate, "42501") == 0) {
        MgArena arena = { 0 };
        mg_error_hint(err, "Let the role that logs in act as it: GRANT %s TO %s;",
                      mg_sql_identifier(settings->role, &arena),
                      mg_sql_identifier(settings->login, &arena));
        mg_arena_release(&arena);
    }
    mg_error_note(err, "nothing was applied");
    return false;
}

static bool
on_result(void *payload, const MgTag *tag, const MgResult *result, MgError *err)
{
    MgStartRead *read = payload;
    MgStart *ret = read->ret;

    switch (tag->item + read->first_op) {
    case OP_PROOF:
        if (mg_result_is_error(result))
            return mg_start_fail_settings(read->input->settings, result, err);
        mg_proof_judge(read->input->claim, result, &ret->proof);
        if (read->input->is_writing)
            take_session(read, result);
        return true;
    case OP_ROLE:
        return !mg_result_is_error(result) ||
               mg_start_fail_settings(read->input->settings, result, err);
    case OP_FACTS:
        return mg_history_take_facts(read->input->table, result, &ret->facts, err);
    case OP_ROWS:
        if (!mg_history_take_rows(read->input->table, result, read->arena, &ret->history, err))
            return false;
        ret->history.is_database_empty = ret->facts.is_database_empty;
        ret->has_history = true;
        return true;
    case OP_IDENTITY:
        if (!mg_result_is_error(result) && mg_result_n_rows(result) == 1) {
            ret->system_identifier = mg_arena_text(read->arena, mg_result_text(result, 0, 0));
            ret->database_oid = mg_result_int(result, 0, 1);
        }
        return true;
    default:
        return true;
    }
}

/* Reading may go through a pooler, so nothing is set but for this one transaction. */
static const char *
role_query(const MgStartInput *input, MgArena *arena)
{
    const char *role = input->settings->role;
    if (input->is_writing || role == NULL)
        return "SELECT";
    return mg_arena_format(arena, "SELECT %s", set_role_sql(input->settings, true, arena));
}

static bool
run(MgConn *conn, const MgStartInput *input, size_t first_op, const MgLock *lock, MgArena *arena,
    MgStart *ret, MgError *err)
{
    MgStartRead read = { .input = input,
                         .arena = arena,
                         .ret = ret,
                         .server_version = mg_conn_server_version(conn),
                         .first_op = first_op };
    MgOp ops[N_OPS_NOTING] = {
        [OP_PROOF] = { .kind = MG_OP_QUERY },
        [OP_PROOF + 1] = { .kind = MG_OP_SYNC },
        [OP_ROLE] = { .kind = MG_OP_QUERY, .sql = role_query(input, arena) },
        [OP_FACTS] = { .kind = MG_OP_QUERY, .sql = mg_history_facts_sql(input->table, arena) },
        [OP_ROWS] = { .kind = MG_OP_QUERY,
                      .sql = mg_history_rows_sql(input->table, input->n_down, arena) },
        [OP_ROWS + 1] = { .kind = MG_OP_SYNC },
        [OP_IDENTITY] = { .kind = MG_OP_QUERY, .sql = identity_sql },
        [OP_IDENTITY + 1] = { .kind = MG_OP_SYNC },
    };
    if (first_op == OP_PROOF)
        ops[OP_PROOF].sql = first_query(input, lock, arena);
    size_t n_ops = input->is_noting ? N_OPS_NOTING : N_OPS;
    bool is_late = false;
    int64_t left_ms = input->deadline_ms == 0 ? ANSWER_MS : input->deadline_ms - mg_clock_ms();
    bool is_cut = left_ms < ANSWER_MS;
    if (!mg_conn_probe(conn, ops + first_op, n_ops - first_op, on_result, &read,
                       !is_cut       ? ANSWER_MS
                       : left_ms > 0 ? left_ms
                                     : 1,
                       &is_late, err))
        return false;
    if (!is_late)
        return true;
    if (is_cut) {
        mg_fail(err, MG_E_DEADLINE, "the time for this run is over");
        mg_error_detail(err, "The server accepted the connection, but does not answer.");
    } else {
        mg_fail(err, MG_E_UNREACHABLE, "the server accepted the connection, but does not answer");
    }
    mg_error_hint(err, "Perhaps a pooler in between has no free backend, or another session has "
                       "locked the history table.");
    mg_error_note(err, "nothing was applied");
    return false;
}

bool
mg_start(MgConn *conn, const MgStartInput *input, MgLock *lock, MgArena *arena, MgStart *ret,
         MgError *err)
{
    MgStart start = { .lock_state = MG_LOCK_NOT_OURS, .system_identifier = "" };
    if (!run(conn, input, OP_PROOF, lock, arena, &start, err))
        return false;
    lock->backend_pid = start.proof.backend_pid;
    *ret = start;
    return true;
}

bool
mg_start_read_again(MgConn *conn, const MgStartInput *input, MgArena *arena, MgStart *ret,
                    MgError *err)
{
    MgStart start = *ret;
    start.facts = (MgHistoryFacts){ 0 };
    start.history = (MgHistory){ 0 };
    if (!run(conn, input, OP_ROLE, NULL, arena, &start, err))
        return false;
    *ret = start;
    return true;
}
