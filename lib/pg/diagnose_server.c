/* What was seen, in words: the server, the role, the history, the files.  Pure. */
#include "pg/diagnose.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "sql/quote.h"

enum {
    FEW = 3, /* connections left, from here on worth a warning when nearly all are in use */
};

/* ---- Server --------------------------------------------------------------------- */

static void
judge_version(const MgExamination *seen, MgFindings *findings)
{
    const char *version = seen->target->server_version;
    MgError refusal;
    if (!mg_proof_check_version(seen->server_version, version, &refusal)) {
        mg_finding_fail(findings, "version", &refusal);
        return;
    }
    if (mg_proof_check_writable(&seen->vitals->proof, &refusal)) {
        mg_finding_add(
            findings, MG_FINDING_OK, "version",
            mg_arena_format(findings->arena, "PostgreSQL %s, primary, writable", version), NULL);
        return;
    }
    MgError shown = refusal;
    mg_text_copy(shown.message, sizeof shown.message,
                 mg_arena_format(findings->arena, "PostgreSQL %s: %s", version, refusal.message));
    mg_finding_fail(findings, "version", &shown);
}

static void
judge_role(const MgExamination *seen, MgFindings *findings)
{
    const MgRoleVitals *role = &seen->vitals->role;
    MgArena *arena = findings->arena;
    MG_CLEANUP(buf) MgBuf text = { 0 };

    if (seen->vitals->role_refusal.code != MG_OK) {
        mg_finding_fail(findings, "role", &seen->vitals->role_refusal);
        return;
    }
    if (role->failure.code != MG_OK) {
        mg_finding_unknown(findings, "role", &role->failure);
        return;
    }
    mg_buf_format(&text, "%s, ", role->name);
    if (role->login != NULL)
        mg_buf_format(&text, "which %s acts as, ", role->login);
    if (role->is_superuser)
        mg_buf_add(&text, "superuser");
    else
        mg_buf_format(&text, "may %screate in database \"%s\"",
                      role->may_create_in_database ? "" : "not ", seen->target->database);
    /* Whose default schema is closed finds out at the first CREATE TABLE.  One that the URL names
     * is not this session's. */
    bool has_schema = role->schema != NULL && seen->url->search_path == NULL;
    bool is_closed = has_schema && !role->may_create_in_schema;
    if (is_closed)
        mg_buf_format(&text, "%s not in schema \"%s\"",
                      role->may_create_in_database ? ", but" : ",", role->schema);
    else if (!role->may_create_in_database && has_schema)
        mg_buf_format(&text, ", but in schema \"%s\"", role->schema);
    const char *hint = is_closed ? mg_arena_format(arena, "GRANT CREATE ON SCHEMA %s TO %s;",
                                                   mg_sql_identifier(role->schema, arena),
                                                   mg_sql_identifier(role->name, arena))
                                 : NULL;
    mg_finding_add(findings, is_closed ? MG_FINDING_NOTE : MG_FINDING_OK, "role",
                   mg_arena_text(arena, mg_buf_text(&text)), hint);
}

static bool
is_nearly_full(MgUse use)
{
    return use.limit >= 0 && use.limit - use.n < FEW && use.n * 10 >= use.limit * 9;
}

static void
judge_connections(const MgExamination *seen, MgFindings *findings)
{
    const MgConnectionVitals *connections = &seen->vitals->connections;
    MG_CLEANUP(buf) MgBuf text = { 0 };

    if (connections->failure.code != MG_OK) {
        mg_finding_unknown(findings, "connections", &connections->failure);
        return;
    }
    mg_buf_format(&text, "%" PRId64 " of %" PRId64 " in use", connections->server.n,
                  connections->server.limit);
    if (connections->database.limit >= 0)
        mg_buf_format(&text, ", %" PRId64 " of %" PRId64 " of this database",
                      connections->database.n, connections->database.limit);
    if (connections->role.limit >= 0)
        mg_buf_format(&text, ", %" PRId64 " of %" PRId64 " of this role", connections->role.n,
                      connections->role.limit);
    bool is_full = is_nearly_full(connections->server) || is_nearly_full(connections->database) ||
                   is_nearly_full(connections->role);
    mg_finding_add(findings, is_full ? MG_FINDING_WARN : MG_FINDING_OK, "connections",
                   mg_arena_text(findings->arena, mg_buf_text(&text)),
                   is_full ? "A run that finds none free waits for one, for --wait-server at most."
                           : NULL);
}

void
mg_diagnose_server(const MgExamination *seen, MgFindings *findings)
{
    const char *timeouts = seen->vitals->timeouts;
    findings->section = "Server";
    judge_version(seen, findings);
    judge_role(seen, findings);
    judge_connections(seen, findings);
    if (timeouts != NULL && timeouts[0] != '\0')
        mg_finding_add(
            findings, MG_FINDING_NOTE, "timeouts",
            mg_arena_format(findings->arena, "%s; \"migrate up\" sets its own", timeouts), NULL);
}

/* ---- History -------------------------------------------------------------------- */

/* What lets this role make the history table, NULL when it may already. */
static const char *
missing_grant(const MgExamination *seen, MgArena *arena)
{
    const MgRoleVitals *role = &seen->vitals->role;
    bool may_create = role->has_history_schema ? role->may_create_in_history_schema
                                               : role->may_create_in_database;
    if (role->failure.code != MG_OK || may_create)
        return NULL;
    const char *name = mg_sql_identifier(role->name, arena);
    return role->has_history_schema
               ? mg_arena_format(arena, "GRANT CREATE, USAGE ON SCHEMA %s TO %s;",
                                 mg_sql_identifier(seen->table->schema, arena), name)
               : mg_arena_format(arena, "GRANT CREATE ON DATABASE %s TO %s;",
                                 mg_sql_identifier(seen->target->database, arena), name);
}

static void
judge_absent_history(const MgExamination *seen, MgFindings *findings)
{
    MgArena *arena = findings->arena;
    const char *grant = missing_grant(seen, arena);
    if (grant == NULL) {
        mg_finding_add(findings, MG_FINDING_OK, "history",
                       mg_arena_format(arena,
                                       "%s is not there yet, the first \"migrate up\" makes it",
                                       seen->table->shown),
                       NULL);
        return;
    }
    MgError refusal;
    mg_fail(&refusal, MG_E_PERMISSION, "%s is not there, and this role may not make it",
            seen->table->shown);
    mg_error_hint(&refusal, "%s", grant);
    mg_finding_fail(findings, "history", &refusal);
}

/* "migrate.history, 3 applied, 1 half-run" */
static const char *
count_applied(const MgExamination *seen, MgArena *arena)
{
    const MgHistory *history = &seen->vitals->history;
    size_t n_partial = 0;
    for (size_t i = 0; i < history->n; i++)
        n_partial += mg_applied_is_partial(&history->items[i]);
    const char *ret =
        mg_arena_format(arena, "%s, %zu applied", seen->table->shown, history->n - n_partial);
    return n_partial == 0 ? ret : mg_arena_format(arena, "%s, %zu half-run", ret, n_partial);
}

static void
judge_written_history(const MgExamination *seen, MgFindings *findings)
{
    const MgTableVitals *table = &seen->vitals->table;
    MgArena *arena = findings->arena;
    const char *start = count_applied(seen, arena);
    const char *security = table->has_row_security ? ", row security on" : "";

    if (table->failure.code != MG_OK || !table->exists) {
        mg_finding_add(findings, MG_FINDING_NOTE, "history",
                       mg_arena_format(arena, "%s; who may write it is not known", start), NULL);
    } else if (!table->may_write) {
        MgError refusal;
        mg_fail(&refusal, MG_E_PERMISSION, "%s, not writable by this role", start);
        mg_error_hint(&refusal, "Migrate as its owner, role \"%s\".", table->owner);
        mg_finding_fail(findings, "history", &refusal);
    } else if (table->writers[0] != '\0') {
        mg_finding_add(findings, MG_FINDING_WARN, "history",
                       mg_arena_format(arena, "%s, writable by %s and by %s%s", start, table->owner,
                                       table->writers, security),
                       mg_arena_format(arena, "REVOKE ALL ON %s FROM %s;", seen->table->sql,
                                       table->writers_quoted));
    } else {
        mg_finding_add(
            findings, MG_FINDING_OK, "history",
            mg_arena_format(arena, "%s, writable by %s only%s", start, table->owner, security),
            NULL);
    }
}

/* The catalogs tell whose it is, also to those who may not read it. */
static void
judge_closed_history(const MgExamination *seen, MgFindings *findings)
{
    MgError refusal;
    mg_fail(&refusal, MG_E_PERMISSION, "%s, not readable by this role", seen->table->shown);
    mg_error_hint(&refusal, "Migrate as its owner, role \"%s\".", seen->vitals->table.owner);
    mg_finding_fail(findings, "history", &refusal);
}

static void
judge_history(const MgExamination *seen, MgFindings *findings)
{
    const MgError *failure = &seen->vitals->history_failure;
    const MgTableVitals *table = &seen->vitals->table;
    bool is_owner_known = table->failure.code == MG_OK && table->exists;
    if (failure->code == MG_E_DEADLINE)
        mg_finding_unknown(findings, "history", failure);
    else if (failure->code == MG_E_PERMISSION && is_owner_known)
        judge_closed_history(seen, findings);
    else if (failure->code != MG_OK)
        mg_finding_fail(findings, "history", failure);
    else if (seen->vitals->history.exists)
        judge_written_history(seen, findings);
    else
        judge_absent_history(seen, findings);
}

/* ---- Files ---------------------------------------------------------------------- */

static void
add_count(MgBuf *text, int n, MgState state)
{
    if (n == 0)
        mg_buf_format(text, ", none %s", mg_state_name(state));
    else
        mg_buf_format(text, ", %d %s", n, mg_state_name(state));
}

static void
judge_files(const MgExamination *seen, MgFindings *findings)
{
    static const MgState always[] = { MG_STATE_PENDING, MG_STATE_LATE, MG_STATE_DRIFTED };
    static const MgState sometimes[] = { MG_STATE_PARTIAL, MG_STATE_CHANGED, MG_STATE_STALE };
    const MgPlan *plan = seen->plan;
    MG_CLEANUP(buf) MgBuf text = { 0 };

    if (seen->source_failure.code != MG_OK) {
        mg_finding_fail(findings, "files", &seen->source_failure);
        return;
    }
    mg_buf_format(&text, "%zu in %s%s", seen->source->n,
                  seen->source->dir == NULL ? "memory" : seen->source->dir,
                  seen->source->dir == NULL || mg_text_ends(seen->source->dir, "/") ? "" : "/");
    for (size_t i = 0; plan != NULL && i < sizeof always / sizeof *always; i++)
        add_count(&text, plan->counts[always[i]], always[i]);
    for (size_t i = 0; plan != NULL && i < sizeof sometimes / sizeof *sometimes; i++)
        if (plan->counts[sometimes[i]] > 0)
            add_count(&text, plan->counts[sometimes[i]], sometimes[i]);
    mg_finding_add(findings, MG_FINDING_OK, "files",
                   mg_arena_text(findings->arena, mg_buf_text(&text)), NULL);
}

static void
judge_plan(const MgPlan *plan, MgFindings *findings)
{
    for (size_t i = 0; i < plan->n_refusals; i++)
        mg_finding_fail(findings, mg_error_slug(plan->refusals[i].code), &plan->refusals[i]);
    for (size_t i = 0; i < plan->n_warnings; i++)
        mg_finding_add(findings, MG_FINDING_WARN, "plan", plan->warnings[i], NULL);
    for (size_t i = 0; i < plan->n_notes; i++)
        mg_finding_add(findings, MG_FINDING_NOTE, "plan", plan->notes[i], NULL);
}

/* A session pooler that was accepted is no place for what runs outside a transaction. */
static void
judge_unfenced(const MgExamination *seen, MgFindings *findings)
{
    MgError refusal;
    for (size_t i = 0; i < seen->plan->n_steps; i++) {
        const MgStep *step = &seen->plan->steps[i];
        if (seen->vitals->proof.verdict == MG_SESSION_POOLED && !step->is_transactional &&
            !mg_proof_check_unfenced(&seen->vitals->proof, step->entry->label, &refusal)) {
            mg_finding_fail(findings, "plan", &refusal);
            return;
        }
    }
}

/* ---- Lock and indexes ----------------------------------------------------------- */

static void
judge_lock(const MgExamination *seen, MgFindings *findings)
{
    const MgHolder *holder = &seen->vitals->holder;
    MgArena *arena = findings->arena;
    const char *key = mg_arena_format(arena, "key %" PRId64, seen->lock->key);

    if (seen->vitals->holder_failure.code != MG_OK)
        mg_finding_unknown(findings, "lock", &seen->vitals->holder_failure);
    else if (holder->pid == 0)
        mg_finding_add(findings, MG_FINDING_OK, "lock", mg_arena_format(arena, "free, %s", key),
                       NULL);
    else
        mg_finding_add(findings, MG_FINDING_NOTE, "lock",
                       mg_arena_format(arena, "held by pid %d (%s) since %s, which %s; %s",
                                       holder->pid, holder->name, holder->since, holder->runs, key),
                       "Another run would wait for it, for --wait-turn at most.");
}

static void
judge_index(const MgIndexVital *index, MgFindings *findings)
{
    MgArena *arena = findings->arena;
    if (index->is_leftover)
        mg_finding_add(
            findings, MG_FINDING_WARN, "index",
            mg_arena_format(arena, "%s was left behind by a REINDEX CONCURRENTLY", index->name),
            mg_arena_format(arena, "DROP INDEX CONCURRENTLY %s;", index->name));
    else if (index->is_partitioned)
        mg_finding_add(
            findings, MG_FINDING_WARN, "index",
            mg_arena_format(arena, "%s is invalid: a partition has no part of it", index->name),
            mg_arena_format(arena,
                            "Make the index on that partition, then: "
                            "ALTER INDEX %s ATTACH PARTITION it;",
                            index->name));
    else
        mg_finding_add(findings, MG_FINDING_WARN, "index",
                       mg_arena_format(arena, "%s is invalid and serves no query", index->name),
                       mg_arena_format(arena, "REINDEX INDEX CONCURRENTLY %s;", index->name));
}

static void
judge_indexes(const MgVitals *vitals, MgFindings *findings)
{
    if (vitals->index_failure.code != MG_OK) {
        mg_finding_unknown(findings, "index", &vitals->index_failure);
        return;
    }
    size_t n = vitals->n_indexes;
    size_t n_told = n < MG_VITALS_MAX_INDEXES ? n : MG_VITALS_MAX_INDEXES;
    for (size_t i = 0; i < n_told; i++)
        judge_index(&vitals->indexes[i], findings);
    if (n > n_told)
        mg_finding_add(findings, MG_FINDING_WARN, "index",
                       mg_arena_format(findings->arena, "%zu more are invalid", n - n_told), NULL);
}

void
mg_diagnose_migrations(const MgExamination *seen, MgFindings *findings)
{
    bool is_known = mg_examination_is_answered(seen);
    findings->section = "Migrations";
    if (is_known)
        judge_history(seen, findings);
    judge_files(seen, findings);
    if (seen->plan != NULL) {
        judge_plan(seen->plan, findings);
        judge_unfenced(seen, findings);
    }
    if (is_known) {
        judge_lock(seen, findings);
        mg_diagnose_environment(seen, findings);
        judge_indexes(seen->vitals, findings);
    }
}
