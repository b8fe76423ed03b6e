/*
 * When the files are analysed.  mg_open has listed them; what the history has as
 * it is needs no more.  The rest is analysed behind the login and before
 * anything is planned, so that what will run is known as a whole before any of
 * it is sent.
 */
#include "context.h"

#include "base/error.h"
#include "pg/exec.h"
#include "plan/plan.h"

/* What cannot be read is told by the run that reads it. */
static void
read_prefixes(MgContext *context, const MgNeeds *needs)
{
    for (size_t i = 0; i < needs->half_runs.n && context->conn != NULL; i++) {
        const MgHalfRun *half_run = &needs->half_runs.items[i];
        const MgMigration *migration = &context->source.items[half_run->migration_i];
        MgScript *script = half_run->is_down ? migration->down : migration->up;
        MgPrefix prefix = { .n = half_run->n_done };
        char before[MG_DIGEST_HEX_BYTES];
        MgError ignored;
        if (script != NULL && mg_exec_prefix_digest(context->conn, script, half_run->n_done, before,
                                                    prefix.digest, &ignored))
            script->prefix = prefix;
    }
}

bool
mg_files_settle(MgContext *context, const MgGoal *goal, MgError *err)
{
    MgNeeds needs;
    mg_needs_find(goal, &context->source, &context->start.history, &context->arena, &needs);
    if (!mg_source_analyse(&context->source, needs.is_analysed, &context->arena, err))
        return false;
    read_prefixes(context, &needs);
    context->is_unsettled = false;
    return true;
}

bool
mg_files_analyse(MgContext *context, MgError *err)
{
    return mg_source_analyse(&context->source, NULL, &context->arena, err);
}

bool
mg_files_fail(MgContext *context, MgError *err)
{
    MgError broken;
    if (err->code == MG_E_CANCELLED || mg_files_analyse(context, &broken))
        return false;
    *err = broken;
    mg_error_note(err, context->conn == NULL ? "no connection was made" : "nothing was changed");
    return false;
}
