/*
 * A repair of the history: pure.  The row is found, it is judged whether the
 * repair is true of it, and the changes are told, column by column.  Nothing
 * but that row ever changes, the schema never.
 */
#ifndef MG_PLAN_REPAIR_H
#define MG_PLAN_REPAIR_H

#include "plan/match.h"
#include "plan/plan.h"

/*
 * Find the migration that repair names, and check that what it says can be
 * said of it.  ret->row is NULL when a file is renumbered that was never applied.
 * Fails with MG_E_UNKNOWN_VERSION, _PARTIAL, _MISSING, _DRIFT or _USAGE.
 */
MG_CHECK bool mg_repair_find(const MgRepair *repair, const MgSource *source,
                             const MgHistory *history, MgArena *arena, MgMatch *ret, MgError *err);

/* What a repair writes that is neither in the row nor in the match. */
typedef struct MgRepairTexts {
    const char *prefix_digest; /* of the statements that will count as done; NULL: no file here */
    const char *down_text;     /* of the file's down script, as it is stored, or NULL */
    const char *by;            /* who repairs */
} MgRepairTexts;

/* What changes in its row.  Leaves ret->target to the caller. */
void mg_repair_build(const MgRepair *repair, const MgMatch *match, const MgRepairTexts *texts,
                     MgArena *arena, MgRepairPlan *ret);

#endif
