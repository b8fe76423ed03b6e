/* Rows of a baseline: one flight of operations. */
#include "pg/record.h"

#include <string.h>

#include "source/source.h"

enum {
    MAX_FIXED_OPS = MG_HISTORY_MAX_PREPARE_OPS + 3, /* and BEGIN, fence, COMMIT */
};

typedef struct Flight {
    const MgRecordInput *input;
    MgArena *arena;
    const char *fence;
    MgOp *ops;
    size_t n_ops;
    bool is_committed;
} Flight;

static void
push(Flight *flight, const char *sql, const char *const *params, int n_params)
{
    flight->ops[flight->n_ops++] =
        (MgOp){ .kind = MG_OP_QUERY, .sql = sql, .params = params, .n_params = n_params };
}

static void
push_row(Flight *flight, const MgStep *step)
{
    MgMigration *migration = MG_NEW_IN(flight->arena, MgMigration);
    *migration = *step->migration;
    migration->kind = MG_BASELINE;
    /* It was not run, so it cannot be reverted either: no down script is stored. */
    MgRecord record = { .migration = migration,
                        .prefix_digest = "",
                        .n_statements_started = migration->up->n_statements,
                        .n_statements_done = migration->up->n_statements };
    const char **params = mg_arena_alloc_array(flight->arena, MG_FINISH_PARAMS, sizeof *params);
    mg_history_record_params(&record, flight->arena, params);
    push(flight,
         mg_history_record_sql(flight->input->table, flight->fence, &flight->input->by,
                               MG_RECORD_OF_ALL, flight->arena),
         params, MG_WHOLE_PARAMS);
}

static bool
on_result(void *payload, const MgTag *tag, const MgResult *result, MgError *err)
{
    Flight *flight = payload;
    const MgRecordInput *input = flight->input;
    if (mg_result_is_error(result)) {
        (void)mg_history_fail_writing(input->table, input->facts, input->conn, result, err);
        if (err->code != MG_E_CONNECTION_LOST)
            mg_error_note(err, "nothing was recorded");
        return false;
    }
    if (tag->item + 1 == flight->n_ops)
        flight->is_committed = strcmp(mg_result_tag(result), "COMMIT") == 0;
    return true;
}

static void
push_all(Flight *flight)
{
    const MgRecordInput *input = flight->input;
    flight->ops =
        mg_arena_alloc_array(flight->arena, MAX_FIXED_OPS + input->n_steps, sizeof *flight->ops);
    flight->n_ops = (size_t)mg_history_prepare_ops(input->table, input->facts, input->claim,
                                                   flight->fence, flight->arena, flight->ops);
    push(flight, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", NULL, 0);
    push(flight, mg_arena_format(flight->arena, "SELECT %s", flight->fence), NULL, 0);
    for (size_t i = 0; i < input->n_steps; i++)
        push_row(flight, &input->steps[i]);
    push(flight, "COMMIT", NULL, 0);
}

bool
mg_record_baseline(const MgRecordInput *input, MgArena *arena, MgOutcome *ret, MgError *err)
{
    Flight flight = { .input = input, .arena = arena };
    flight.fence = mg_lock_fence_sql(input->lock, arena);
    push_all(&flight);
    if (!mg_conn_run_ops(input->conn, flight.ops, flight.n_ops, on_result, &flight, err)) {
        if (err->note[0] == '\0' && err->code == MG_E_CONNECTION_LOST)
            mg_error_note(err, "whether it was recorded is not known: see \"migrate status\"");
        return false;
    }
    if (!flight.is_committed)
        return mg_fail(err, MG_E_SERVER, "the transaction was rolled back at its end");
    for (size_t i = 0; i < input->n_steps; i++) {
        ret->n_recorded++;
        input->on_event(input->payload, &(MgEvent){ .kind = MG_EVENT_RECORDED,
                                                    .migration = input->steps[i].entry->label,
                                                    .text = MG_AS_BASELINE });
    }
    return true;
}
