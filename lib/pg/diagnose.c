/* The doctor's questions: all the SQL of it is here.  Knows nothing of what the answers mean. */
#include "pg/diagnose.h"

#include <stdint.h>

#include "base/clock.h"
#include "sql/catalog.h"
#include "sql/quote.h"

enum {
    FLIGHT_MS = 10000, /* for all the answers together */
    PING_MS = 2000,
    MAX_PINGS = 3,
};

typedef struct MgVitalsRead {
    const MgVitalsInput *input;
    MgArena *arena;
    MgVitals *vitals;
} MgVitalsRead;

/* ---- Questions ------------------------------------------------------------------ */

/* $1 schema of the history. */
static const char role_sql[] =
    "SELECT r.rolname, r.rolsuper,"
    " pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE'),"
    " n.oid IS NOT NULL, coalesce(pg_catalog.has_schema_privilege(n.oid, 'CREATE'), false),"
    " pg_catalog.current_schema(), coalesce(pg_catalog.has_schema_privilege("
    "pg_catalog.current_schema()::pg_catalog.text, 'CREATE'), false),"
    " CASE WHEN session_user " MG_NE " current_user THEN session_user::pg_catalog.text END"
    " FROM pg_catalog.pg_roles r LEFT JOIN pg_catalog.pg_namespace n"
    " ON n.nspname " MG_EQ " $1::pg_catalog.text WHERE r.rolname " MG_EQ " current_user";

/*
 * Every role sees which database and user each connection has, but not what
 * kind of backend it is.  Limits of role and database do not count for a
 * superuser.  reserved_connections is there from PostgreSQL 16 on.
 */
static const char connections_sql[] =
    "SELECT a.n, pg_catalog.current_setting('max_connections')::pg_catalog.int4"
    " " MG_MINUS " CASE WHEN r.rolsuper THEN 0 ELSE"
    " pg_catalog.current_setting('superuser_reserved_connections')::pg_catalog.int4"
    " " MG_PLUS
    " coalesce(pg_catalog.current_setting('reserved_connections', true), '0')::pg_catalog.int4"
    " END, a.n_database, CASE WHEN r.rolsuper THEN -1 ELSE d.datconnlimit END,"
    " a.n_role, CASE WHEN r.rolsuper THEN -1 ELSE r.rolconnlimit END"
    " FROM pg_catalog.pg_database d, pg_catalog.pg_roles r, LATERAL (SELECT pg_catalog.count(*)"
    " AS n, pg_catalog.count(*) FILTER (WHERE s.datid " MG_EQ " d.oid) AS n_database,"
    " pg_catalog.count(*) FILTER (WHERE s.usesysid " MG_EQ " r.oid) AS n_role"
    " FROM pg_catalog.pg_stat_activity s WHERE s.datid IS NOT NULL AND s.usesysid IS NOT NULL"
    " AND coalesce(s.backend_type, 'client backend') " MG_EQ " 'client backend') a"
    " WHERE d.datname " MG_EQ " pg_catalog.current_database() AND r.rolname " MG_EQ " session_user";

/* $1 schema, $2 table.  By the catalogs: a role without USAGE may ask that too. */
static const char table_sql[] =
    "SELECT pg_catalog.pg_get_userbyid(c.relowner), c.relrowsecurity,"
    " pg_catalog.has_schema_privilege(n.oid, 'USAGE')"
    " AND pg_catalog.has_table_privilege(c.oid, 'SELECT')"
    " AND pg_catalog.has_table_privilege(c.oid, 'INSERT')"
    " AND pg_catalog.has_table_privilege(c.oid, 'UPDATE'), coalesce(w.names, ''),"
    " coalesce(w.quoted, '')"
    " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid " MG_EQ " c.relnamespace,"
    " LATERAL (SELECT pg_catalog.string_agg(g.name, ', ' ORDER BY g.name) AS names,"
    " pg_catalog.string_agg(g.quoted, ', ' ORDER BY g.name) AS quoted FROM (SELECT DISTINCT"
    " CASE WHEN a.grantee " MG_EQ " 0::pg_catalog.oid THEN 'PUBLIC'"
    " ELSE pg_catalog.pg_get_userbyid(a.grantee)::pg_catalog.text END AS name,"
    " CASE WHEN a.grantee " MG_EQ " 0::pg_catalog.oid THEN 'PUBLIC' ELSE"
    " pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END AS quoted"
    " FROM (SELECT x.grantee, x.privilege_type FROM pg_catalog.aclexplode(c.relacl) x"
    " UNION ALL SELECT x.grantee, x.privilege_type FROM pg_catalog.pg_attribute t,"
    " pg_catalog.aclexplode(t.attacl) x WHERE t.attrelid " MG_EQ " c.oid) a"
    " WHERE a.grantee " MG_NE " c.relowner AND a.grantee " MG_NE
    " (SELECT r.oid FROM pg_catalog.pg_roles r"
    " WHERE r.rolname " MG_EQ " current_user) AND a.privilege_type " MG_EQ_ANY
    "('{INSERT,UPDATE,DELETE,TRUNCATE,TRIGGER}')) g) w"
    " WHERE n.nspname " MG_EQ " $1::pg_catalog.text AND c.relname " MG_EQ " $2::pg_catalog.text";

static const char timeouts_sql[] =
    "SELECT coalesce(pg_catalog.string_agg(pg_catalog.format('%s=%s (%s)', v.name, v.value,"
    " v.scope), ', ' ORDER BY v.name, v.scope), '') FROM (SELECT"
    " pg_catalog.split_part(c.setting, '=', 1) AS name,"
    " pg_catalog.substr(c.setting, pg_catalog.strpos(c.setting, '=') " MG_PLUS " 1) AS value,"
    " CASE WHEN s.setrole " MG_EQ " 0::pg_catalog.oid THEN 'database' WHEN s.setdatabase " MG_EQ
    " 0::pg_catalog.oid THEN 'role'"
    " ELSE 'role in this database' END AS scope"
    " FROM pg_catalog.pg_db_role_setting s, pg_catalog.unnest(s.setconfig) c(setting)"
    " WHERE s.setdatabase " MG_EQ_ANY
    "(ARRAY[0::pg_catalog.oid, (SELECT d.oid FROM pg_catalog.pg_database d"
    " WHERE d.datname " MG_EQ " pg_catalog.current_database())])"
    " AND s.setrole " MG_EQ_ANY "(ARRAY[0::pg_catalog.oid, (SELECT r.oid FROM pg_catalog.pg_roles r"
    " WHERE r.rolname " MG_EQ " session_user)])) v"
    " WHERE v.name " MG_EQ_ANY "('{statement_timeout,lock_timeout,"
    "idle_in_transaction_session_timeout,idle_session_timeout,transaction_timeout}') AND "
    "v.value " MG_NE " '0'";

/* An index that is being built holds this lock on its table, as everyone can see. */
static const char indexes_sql[] =
    "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), c.relkind " MG_EQ " 'I',"
    " c.relname " MG_MATCHES " '_cc(new|old)[0-9]*$', pg_catalog.count(*) OVER ()"
    " FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid " MG_EQ " i.indexrelid"
    " JOIN pg_catalog.pg_namespace n ON n.oid " MG_EQ " c.relnamespace"
    " WHERE NOT i.indisvalid AND n.nspname " MG_NE " 'pg_toast' AND NOT EXISTS ("
    "SELECT FROM pg_catalog.pg_locks l WHERE l.locktype " MG_EQ " 'relation' AND l.granted"
    " AND l.relation " MG_EQ " i.indrelid AND l.mode " MG_EQ " 'ShareUpdateExclusiveLock'"
    " AND l.database " MG_EQ " (SELECT d.oid FROM pg_catalog.pg_database d"
    " WHERE d.datname " MG_EQ " pg_catalog.current_database()))"
    " ORDER BY 1 LIMIT 5";

/* ---- Answers -------------------------------------------------------------------- */

static const char *
text_of(const MgVitalsRead *read, const MgResult *result, int row, int column)
{
    return mg_arena_text(read->arena, mg_result_text(result, row, column));
}

static bool
take_proof(MgVitalsRead *read, const MgResult *result, MgError *failure)
{
    if (mg_result_is_error(result))
        return mg_result_fail(result, MG_E_SERVER, failure);
    mg_proof_judge(read->input->claim, result, &read->vitals->proof);
    read->vitals->n_first_evidence = read->vitals->proof.n_evidence;
    return true;
}

static bool
take_role(MgVitalsRead *read, const MgResult *result, MgError *failure)
{
    if (mg_result_is_error(result))
        return mg_result_fail(result, MG_E_SERVER, failure);
    MgRoleVitals *role = &read->vitals->role;
    role->name = text_of(read, result, 0, 0);
    role->is_superuser = mg_result_bool(result, 0, 1);
    role->may_create_in_database = mg_result_bool(result, 0, 2);
    role->has_history_schema = mg_result_bool(result, 0, 3);
    role->may_create_in_history_schema = mg_result_bool(result, 0, 4);
    role->schema = text_of(read, result, 0, 5);
    role->may_create_in_schema = mg_result_bool(result, 0, 6);
    role->login = text_of(read, result, 0, 7);
    return true;
}

static bool
take_connections(MgVitalsRead *read, const MgResult *result, MgError *failure)
{
    if (mg_result_is_error(result))
        return mg_result_fail(result, MG_E_SERVER, failure);
    MgUse *uses[] = { &read->vitals->connections.server, &read->vitals->connections.database,
                      &read->vitals->connections.role };
    for (int i = 0; i < 3; i++)
        *uses[i] = (MgUse){ mg_result_int(result, 0, 2 * i), mg_result_int(result, 0, 2 * i + 1) };
    return true;
}

static bool
take_table(MgVitalsRead *read, const MgResult *result, MgError *failure)
{
    if (mg_result_is_error(result))
        return mg_result_fail(result, MG_E_SERVER, failure);
    MgTableVitals *table = &read->vitals->table;
    table->exists = mg_result_n_rows(result) == 1;
    if (!table->exists)
        return true;
    table->owner = text_of(read, result, 0, 0);
    table->has_row_security = mg_result_bool(result, 0, 1);
    table->may_write = mg_result_bool(result, 0, 2);
    table->writers = text_of(read, result, 0, 3);
    table->writers_quoted = text_of(read, result, 0, 4);
    return true;
}

static bool
take_timeouts(MgVitalsRead *read, const MgResult *result, MgError *failure)
{
    if (mg_result_is_error(result))
        return mg_result_fail(result, MG_E_SERVER, failure);
    read->vitals->timeouts = text_of(read, result, 0, 0);
    return true;
}

static bool
take_holder(MgVitalsRead *read, const MgResult *result, MgError *failure)
{
    return mg_lock_take_holder(result, read->arena, &read->vitals->holder, failure);
}

static bool
take_facts(MgVitalsRead *read, const MgResult *result, MgError *failure)
{
    return mg_history_take_facts(read->input->table, result, &read->vitals->facts, failure);
}

static bool
take_rows(MgVitalsRead *read, const MgResult *result, MgError *failure)
{
    MgVitals *vitals = read->vitals;
    if (!mg_history_take_rows(read->input->table, result, read->arena, &vitals->history, failure))
        return false;
    vitals->history.is_database_empty = vitals->facts.is_database_empty;
    return true;
}

static bool
take_indexes(MgVitalsRead *read, const MgResult *result, MgError *failure)
{
    if (mg_result_is_error(result))
        return mg_result_fail(result, MG_E_SERVER, failure);
    MgVitals *vitals = read->vitals;
    int n = mg_result_n_rows(result);
    for (int i = 0; i < n && i < MG_VITALS_MAX_INDEXES; i++)
        vitals->indexes[i] = (MgIndexVital){ .name = text_of(read, result, i, 0),
                                             .is_partitioned = mg_result_bool(result, i, 1),
                                             .is_leftover = mg_result_bool(result, i, 2) };
    vitals->n_indexes = n == 0 ? 0 : (size_t)mg_result_int(result, 0, 3);
    return true;
}

/* ---- The flight ----------------------------------------------------------------- */

enum {
    ASK_PROOF,
    ASK_ROLE,
    ASK_CONNECTIONS,
    ASK_TABLE,
    ASK_TIMEOUTS,
    ASK_HOLDER,
    ASK_FACTS,
    ASK_ROWS,
    ASK_INDEXES,
    N_ASKED,
    /* Of each question: who asks, the question, a Sync. */
    PART_ROLE = 0,
    PART_QUESTION,
    PART_SYNC,
    N_PARTS,
};

static bool (*const takers[N_ASKED])(MgVitalsRead *, const MgResult *, MgError *) = {
    [ASK_PROOF] = take_proof, [ASK_ROLE] = take_role,         [ASK_CONNECTIONS] = take_connections,
    [ASK_TABLE] = take_table, [ASK_TIMEOUTS] = take_timeouts, [ASK_HOLDER] = take_holder,
    [ASK_FACTS] = take_facts, [ASK_ROWS] = take_rows,         [ASK_INDEXES] = take_indexes,
};

/* Where the reason goes when a question has no answer; facts and rows share one. */
static void
list_failures(MgVitals *vitals, MgError *unused, MgError *ret[N_ASKED])
{
    MgError *const failures[N_ASKED] = {
        [ASK_PROOF] = unused,
        [ASK_ROLE] = &vitals->role.failure,
        [ASK_CONNECTIONS] = &vitals->connections.failure,
        [ASK_TABLE] = &vitals->table.failure,
        [ASK_TIMEOUTS] = unused,
        [ASK_HOLDER] = &vitals->holder_failure,
        [ASK_FACTS] = &vitals->history_failure,
        [ASK_ROWS] = &vitals->history_failure,
        [ASK_INDEXES] = &vitals->index_failure,
    };
    for (size_t i = 0; i < N_ASKED; i++)
        ret[i] = failures[i];
}

static bool
on_result(void *payload, const MgTag *tag, const MgResult *result, MgError *err)
{
    MgVitalsRead *read = payload;
    MgError *failures[N_ASKED], unused = { 0 };
    size_t asked = tag->item / N_PARTS;
    (void)err;
    if (tag->item % N_PARTS == PART_ROLE && mg_result_is_error(result))
        (void)mg_start_fail_settings(read->input->settings, result, &read->vitals->role_refusal);
    if (tag->item % N_PARTS != PART_QUESTION)
        return true;
    list_failures(read->vitals, &unused, failures);
    MgError *failure = failures[asked];
    /* What the facts say against the history stands, whatever its rows are. */
    bool is_settled = asked == ASK_ROWS && failure->code != MG_OK;
    if (!is_settled && takers[asked](read, result, failure))
        *failure = (MgError){ .code = MG_OK };
    if (asked == ASK_PROOF)
        read->vitals->is_answered = !mg_result_is_error(result);
    return true;
}

/* As the role that migrations run as, where its rights matter; NULL: as who logged in. */
static bool
ask_all(MgConn *conn, MgVitalsRead *read, const char *role, bool *ret_is_usable, MgError *err)
{
    static const bool is_role_asked[N_ASKED] = {
        [ASK_ROLE] = true, [ASK_TABLE] = true, [ASK_FACTS] = true, [ASK_ROWS] = true
    };
    const MgVitalsInput *input = read->input;
    MgArena *arena = read->arena;
    const char *const params[] = { input->table->schema, input->table->table };
    MgOp ops[N_PARTS * N_ASKED];
    const char *take_role =
        role == NULL ? "SELECT"
                     : mg_arena_format(arena, "SELECT pg_catalog.set_config('role', %s, true)",
                                       mg_sql_literal(role, arena));
    const char *const sql[N_ASKED] = {
        [ASK_PROOF] = mg_arena_format(arena, "SELECT proof.* FROM (%s) proof", mg_proof_rows_sql()),
        [ASK_ROLE] = role_sql,
        [ASK_CONNECTIONS] = connections_sql,
        [ASK_TABLE] = table_sql,
        [ASK_TIMEOUTS] = timeouts_sql,
        [ASK_HOLDER] = mg_lock_holder_sql(input->lock, arena),
        [ASK_FACTS] = mg_history_facts_sql(input->table, arena),
        [ASK_ROWS] = mg_history_rows_sql(input->table, false, arena),
        [ASK_INDEXES] = indexes_sql,
    };
    for (size_t i = 0; i < N_ASKED; i++) {
        /* Each in a transaction of its own: what one role may not ask does not end the others. */
        MgOp *op = &ops[N_PARTS * i];
        op[PART_ROLE] =
            (MgOp){ .kind = MG_OP_QUERY, .sql = is_role_asked[i] ? take_role : "SELECT" };
        op[PART_QUESTION] = (MgOp){ .kind = MG_OP_QUERY, .sql = sql[i], .params = params };
        op[PART_QUESTION].n_params = i == ASK_ROLE ? 1 : i == ASK_TABLE ? 2 : 0;
        op[PART_SYNC] = (MgOp){ .kind = MG_OP_SYNC };
    }
    bool is_late = false;
    MgError lost;
    bool is_ok = mg_conn_probe(conn, ops, sizeof ops / sizeof *ops, on_result, read, FLIGHT_MS,
                               &is_late, &lost);
    if (!is_ok && lost.code == MG_E_CANCELLED) {
        *err = lost;
        return false;
    }
    if (!is_ok)
        read->vitals->lost = lost;
    *ret_is_usable = is_ok && !is_late;
    return true;
}

/* ---- Round trips ---------------------------------------------------------------- */

static bool
on_ping(void *payload, const MgTag *tag, const MgResult *result, MgError *err)
{
    (void)payload;
    (void)tag;
    (void)result;
    (void)err;
    return true;
}

/* The fastest of a few. */
static bool
measure(MgConn *conn, MgVitals *vitals, bool *ret_is_usable, MgError *err)
{
    const MgOp op = { .kind = MG_OP_QUERY, .sql = "SELECT 1" };
    for (int i = 0; i < MAX_PINGS && *ret_is_usable; i++) {
        int64_t asked_us = mg_clock_us();
        bool is_late = false;
        MgError lost;
        bool is_ok = mg_conn_probe(conn, &op, 1, on_ping, NULL, PING_MS, &is_late, &lost);
        if (!is_ok && lost.code == MG_E_CANCELLED) {
            *err = lost;
            return false;
        }
        if (!is_ok)
            vitals->lost = lost;
        *ret_is_usable = is_ok && !is_late;
        int64_t took_us = mg_clock_us() - asked_us;
        if (*ret_is_usable && (vitals->round_trip_us < 0 || took_us < vitals->round_trip_us))
            vitals->round_trip_us = took_us;
    }
    return true;
}

bool
mg_vitals_read(MgConn *conn, const MgVitalsInput *input, MgArena *arena, MgVitals *ret,
               MgError *err)
{
    MgVitals vitals = { .round_trip_us = -1, .has_key = input->claim->key_pid != 0 };
    MgVitalsRead read = { .input = input, .arena = arena, .vitals = &vitals };
    MgError *failures[N_ASKED], unused;
    bool is_usable = false;

    list_failures(&vitals, &unused, failures);
    for (size_t i = 0; i < N_ASKED; i++)
        mg_fail(failures[i], MG_E_DEADLINE, "no answer in time");
    if (!ask_all(conn, &read, input->settings->role, &is_usable, err))
        return false;
    /* One that cannot be taken leaves questions open. */
    if (vitals.role_refusal.code != MG_OK && is_usable &&
        !ask_all(conn, &read, NULL, &is_usable, err))
        return false;
    if (!measure(conn, &vitals, &is_usable, err))
        return false;
    bool is_proved = vitals.proof.verdict == MG_DIRECT;
    if (vitals.is_answered && is_usable && !is_proved &&
        !mg_proof_rounds(conn, input->options, arena, &vitals.proof, err))
        return false;
    *ret = vitals;
    return true;
}
