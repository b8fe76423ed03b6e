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
 * said of it.  Fails with MG_E_UNKNOWN_VERSION, MG_E_PARTIAL or MG_E_USAGE.
 */
MG_CHECK bool mg_repair_find(const MgRepair *repair, const MgSource *source,
                             const MgHistory *history, MgArena *arena, MgMatch *ret, MgError *err);

/*
 * What changes in its row.  prefix_digest: of the statements that will count as
 * done, NULL when the file is not here.  Leaves ret->target to the caller.
 */
void mg_repair_build(const MgRepair *repair, const MgMatch *match, const char *prefix_digest,
                     MgArena *arena, MgRepairPlan *ret);

#endif
