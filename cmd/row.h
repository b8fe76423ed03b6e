/* What repair and renumber have in common: a change of one row of the history. */
#ifndef MG_CMD_ROW_H
#define MG_CMD_ROW_H

#include <stdbool.h>

#include "base/attr.h"
#include "cmd.h"
#include "consent.h"

/* Show what would change and ask for it. */
MG_CHECK bool mg_row_ask(const MgRun *run, const MgRepairPlan *plan, const MgConsent *consent,
                         MgError *err);
/* Print what was changed, and what it comes to. */
void mg_row_print(const MgRun *run, const MgRepairPlan *plan);

#endif
