/* Why the history could not be read or changed, in the user's words. */
#include <string.h>

#include "pg/history.h"
#include "pg/lock.h"
#include "sql/quote.h"

/* The server's own message behind ours. */
static void
fail_permission(const MgHistoryTable *table, const char *what, const char *hint, MgError *err)
{
    MgError server = *err;
    mg_fail(err, MG_E_PERMISSION, "could not %s history table \"%s\": %s", what, table->shown,
            server.message);
    mg_text_copy(err->sqlstate, sizeof err->sqlstate, server.sqlstate);
    mg_error_hint(err, "%s", hint);
}

/* Another table has its name, or something that is no table. */
static bool
is_foreign(const MgError *server)
{
    return strcmp(server->sqlstate, "42703") == 0 || strcmp(server->sqlstate, "42809") == 0;
}

static void
fail_foreign(const MgHistoryTable *table, MgError *err)
{
    MgError server = *err;
    mg_fail(err, MG_E_HISTORY, "table \"%s\" is not a history of this program", table->shown);
    mg_text_copy(err->sqlstate, sizeof err->sqlstate, server.sqlstate);
    mg_error_detail(err, "The server says: %s.", server.message);
    mg_error_hint(err, "Keep the history elsewhere: --history schema.table");
}

/* Whoever only looks needs no more than this. */
static void
hint_at_reading(const MgHistoryTable *table, MgError *err)
{
    MgArena arena = { 0 };
    const char *role = table->role == NULL ? NULL : mg_sql_identifier(table->role, &arena);
    if (role != NULL)
        mg_error_hint(err,
                      "To let %s read it, as that role:\n"
                      "GRANT USAGE ON SCHEMA %s TO %s;\nGRANT SELECT ON %s TO %s;",
                      table->role, mg_sql_identifier(table->schema, &arena), role, table->sql,
                      role);
    mg_arena_release(&arena);
}

bool
mg_history_fail_reading(const MgHistoryTable *table, const MgResult *result, MgError *err)
{
    MgError server;
    mg_result_fail(result, MG_E_SERVER, &server);
    *err = server;
    if (strcmp(server.sqlstate, "42501") == 0) {
        fail_permission(table, "read", "Migrate as the role that owns it.", err);
        hint_at_reading(table, err);
    } else if (is_foreign(&server)) {
        fail_foreign(table, err);
    } else {
        return false;
    }
    mg_error_note(err, "nothing was applied");
    return false;
}

/* Nobody owns it yet: somebody may allow this role to make it. */
static void
fail_creating(const MgHistoryTable *table, const MgHistoryFacts *facts, const MgConn *conn,
              MgError *err)
{
    MgArena arena = { 0 };
    bool has_schema = facts->has_schema;
    const char *hint = mg_arena_format(
        &arena, "As an owner: GRANT CREATE ON %s %s TO %s;", has_schema ? "SCHEMA" : "DATABASE",
        mg_sql_identifier(has_schema ? table->schema : mg_conn_database(conn), &arena),
        mg_sql_identifier(mg_conn_user(conn), &arena));
    fail_permission(table, "create", hint, err);
    mg_arena_release(&arena);
}

bool
mg_history_fail_writing(const MgHistoryTable *table, const MgHistoryFacts *facts,
                        const MgConn *conn, const MgResult *result, MgError *err)
{
    mg_result_fail(result, MG_E_SERVER, err);
    if (strstr(err->message, MG_HISTORY_ROW_GONE) != NULL) {
        mg_fail(err, MG_E_HISTORY, "history table \"%s\" changed while this run worked",
                table->shown);
        mg_error_detail(err, "The row that was to be changed is not what this run has read.");
        mg_error_hint(err, "See how it stands: migrate status");
    } else if (strstr(err->message, MG_LOCK_LOST) != NULL) {
        mg_fail(err, MG_E_FENCE, "this session does not hold its lock any more");
        mg_error_detail(err, "The connection does not lead to one backend.");
        mg_error_hint(err, "Look at it: migrate doctor");
    } else if (strcmp(err->sqlstate, "42501") == 0 && !facts->exists) {
        fail_creating(table, facts, conn, err);
    } else if (strcmp(err->sqlstate, "42501") == 0) {
        fail_permission(table, "write to", "Run as the role that owns it.", err);
    } else if (is_foreign(err)) {
        fail_foreign(table, err);
    } else if (strcmp(err->sqlstate, "55P03") == 0) {
        mg_fail(err, MG_E_SERVER, "another session holds a lock on history table \"%s\"",
                table->shown);
        mg_text_copy(err->sqlstate, sizeof err->sqlstate, "55P03");
        mg_error_hint(err, "Run again when it is done.");
    } else {
        /* A trigger's, perhaps: its words alone would not tell what they are about. */
        MgError named;
        mg_fail(&named, err->code, "could not %s history table \"%s\": %s",
                facts->exists ? "write to" : "create or write", table->shown, err->message);
        mg_text_copy(err->message, sizeof err->message, named.message);
    }
    return false;
}
