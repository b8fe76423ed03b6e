/*
 * What down, redo and baseline have in common: a goal that is
 * shown and agreed to before it is reached.
 */
#ifndef MG_CMD_ACTION_H
#define MG_CMD_ACTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "cmd.h"
#include "consent.h"
#include "policy.h"

typedef struct MgAction {
    MgGoal goal;
    MgConsent consent;
    MgPolicyArgs policy;
    int64_t wait_turn_ms;
    /* What is to be agreed to, without place and question mark: "revert 2 migrations". */
    const char *(*ask)(const MgPlan *plan, MgArena *arena);
    void (*print_done)(struct MgTalk *talk, const MgOutcome *outcome);
} MgAction;

/* Rows for a command's table, for fields of these offsets. */
#define MG_ACTION_OPTS(policy_offset, wait_turn_offset)                                            \
    MG_WAIT_TURN_OPT(wait_turn_offset), MG_POLICY_OPTS(policy_offset)

/*
 * Ask where that is due, then run.  Down scripts that are only in the history
 * are shown and asked for on any database, if there is somebody to ask.
 */
MG_CHECK bool mg_action_run(const MgRun *run, const MgAction *action, MgError *err);

#endif
