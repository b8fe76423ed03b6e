/*
 * The schema and the history in one snapshot: a transaction of ours holds it
 * open while pg_dump, on a connection of its own, looks at the same.
 */
#include "context.h"

#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "pg/dump.h"
#include "pg/programs.h"
#include "sql/quote.h"

enum {
    OP_BEGIN,
    OP_ROLE,
    OP_TIMEOUT,
    OP_SNAPSHOT,
    OP_ROWS, /* where there is a history */
    N_OPS,
};

typedef struct Snapshot {
    MgContext *context;
    const char *name;
    MgHistory history;
} Snapshot;

static bool
on_result(void *payload, const MgTag *tag, const MgResult *result, MgError *err)
{
    Snapshot *snapshot = payload;
    MgArena *arena = &snapshot->context->arena;
    if (tag->item == OP_ROWS)
        return mg_history_take_rows(&snapshot->context->table, result, arena, &snapshot->history,
                                    err);
    if (mg_result_is_error(result))
        return mg_result_fail(result, MG_E_SERVER, err);
    if (tag->item == OP_SNAPSHOT)
        snapshot->name = mg_arena_text(arena, mg_result_text(result, 0, 0));
    return true;
}

/* A role's timeout for forgotten transactions must not end this one. */
static bool
begin(MgContext *context, Snapshot *ret, MgError *err)
{
    MgArena *arena = &context->arena;
    const char *role = context->session.role;
    MgOp ops[N_OPS] = {
        [OP_BEGIN] = { .kind = MG_OP_QUERY,
                       .sql = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" },
        [OP_ROLE] = { .kind = MG_OP_QUERY, .sql = "SELECT" },
        [OP_TIMEOUT] = { .kind = MG_OP_QUERY,
                         .sql = "SET LOCAL idle_in_transaction_session_timeout = 0" },
        [OP_SNAPSHOT] = { .kind = MG_OP_QUERY, .sql = "SELECT pg_catalog.pg_export_snapshot()" },
        [OP_ROWS] = { .kind = MG_OP_QUERY,
                      .sql = mg_history_rows_sql(&context->table, INT32_MAX, arena) },
    };
    if (role != NULL)
        ops[OP_ROLE].sql = mg_arena_format(arena, "SELECT pg_catalog.set_config('role', %s, true)",
                                           mg_sql_literal(role, arena));
    *ret = (Snapshot){ .context = context };
    return mg_conn_run_ops(context->conn, ops, context->start.facts.exists ? N_OPS : OP_ROWS,
                           on_result, ret, err);
}

/* A schema of which nobody knows how far it is would be a bad start. */
static bool
check_whole(const MgHistory *history, MgError *err)
{
    for (size_t i = 0; i < history->n; i++) {
        const MgApplied *row = &history->items[i];
        if (!mg_applied_is_partial(row))
            continue;
        (void)mg_fail(err, MG_E_PARTIAL, "migration \"%s_%s\" is half-run: a dump would keep that",
                      row->version == NULL ? "R_" : row->version, row->name);
        mg_error_hint(err, "Finish it first: migrate %s",
                      mg_applied_is_half_reverted(row) ? "down" : "up");
        mg_error_note(err, "nothing was written");
        return false;
    }
    return true;
}

static bool
run_program(MgContext *context, const Snapshot *snapshot, bool has_owners, MgBuf *ret, MgError *err)
{
    MgDumpInput input = { .conn = context->conn,
                          .snapshot = snapshot->name,
                          .role = context->session.role,
                          .has_owners = has_owners,
                          .environment = context->options.environment,
                          .cancel_fd = context->options.cancel_fd };
    const char *warnings = NULL;
    if (!mg_dump_find(context->options.environment, mg_usual_places,
                      mg_conn_server_version(context->conn), &context->arena, &input.program,
                      err) ||
        !mg_dump_run(&input, &context->arena, ret, &warnings, err))
        return false;
    if (warnings != NULL)
        mg_emit(context, MG_EVENT_WARNING, warnings);
    if (strstr(mg_buf_text(ret), "\nCREATE USER MAPPING ") != NULL)
        mg_emit(context, MG_EVENT_WARNING,
                "the dump has a user mapping, perhaps with a password: look before it is kept");
    return true;
}

static bool
dump(MgContext *context, bool has_owners, MgDump *ret, MgError *err)
{
    static const MgGoal goal = { .kind = MG_GOAL_UP };
    MG_CLEANUP(buf) MgBuf raw = { 0 };
    MgBuf text = { .max_bytes = SIZE_MAX };
    Snapshot snapshot;
    if (!mg_check_opened(context, err) || !mg_begin_dumping(context, &goal, err) ||
        !begin(context, &snapshot, err) || !check_whole(&snapshot.history, err) ||
        !run_program(context, &snapshot, has_owners, &raw, err))
        return false;
    mg_dump_add_schema(mg_buf_text(&raw), raw.size_bytes, &text);
    if (context->start.facts.exists)
        mg_dump_add_history(&context->table, &snapshot.history, &context->arena, &text);
    *ret = (MgDump){ .text = mg_arena_text_n(&context->arena, mg_buf_text(&text), text.size_bytes),
                     .size_bytes = text.size_bytes,
                     .n_migrations = snapshot.history.n };
    mg_buf_release(&text);
    return true;
}

bool
mg_dump(MgContext *context, bool has_owners, MgDump *ret, MgError *err)
{
    bool is_ok = dump(context, has_owners, ret, err);
    mg_disconnect(context);
    return is_ok;
}
