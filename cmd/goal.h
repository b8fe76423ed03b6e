/* What up, down and plan have in common: how far to go, as a number or a version. */
#ifndef MG_CMD_GOAL_H
#define MG_CMD_GOAL_H

#include <stdbool.h>

#include "base/attr.h"
#include "cmd.h"

/* Fill count from the command's word and to from its option; both are MG_E_USAGE. */
MG_CHECK bool mg_goal_parse(const MgRun *run, const char *to, MgGoal *goal, MgError *err);

#endif
