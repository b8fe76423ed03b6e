/* A plan in the making, and what the files of goals share.  Internal to lib/plan. */
#ifndef MG_PLAN_DRAFT_H
#define MG_PLAN_DRAFT_H

#include "plan/match.h"
#include "plan/plan.h"
#include "plan/refuse.h"

typedef struct MgDraft {
    const MgPlanInput *input;
    const MgGoal *goal;
    MgArena *arena;
    MgMatches matches;
    MgRefusals refusals;
    struct {
        const char **items;
        size_t n, cap;
    } warnings, notes;
    struct {
        MgStep *items;
        size_t n, cap;
    } steps;
} MgDraft;

/* The migration that goal->to names, or NULL. */
const MgMatch *mg_draft_find(const MgDraft *draft);

/* baseline.c */
void mg_plan_baseline(MgDraft *draft);

/* shown.c: refuse what goal->shown does not have. */
void mg_plan_check_shown(MgDraft *draft);

#endif
