/*
 * Why a goal is not reached: every refusal of the plan with its texts, and the
 * warnings that stand in for some of them.  Internal to lib/plan.
 */
#ifndef MG_PLAN_REFUSE_H
#define MG_PLAN_REFUSE_H

#include "base/buf.h"
#include "plan/match.h"

enum {
    MG_REFUSALS_MAX = 8, /* that are told one by one */
};

typedef struct MgRefusals {
    MgArena *arena;
    const char *note;         /* what state the database is in, the same for all */
    const char *history_name; /* as SQL writes it */
    MgError *items;           /* NULL until the first */
    size_t n;
    size_t n_left_out; /* refused as well, but not told */
} MgRefusals;

void mg_refuse_drift(MgRefusals *refusals, const MgMatch *match);
void mg_refuse_late(MgRefusals *refusals, const MgMatch *match, const MgEntry *head);
void mg_refuse_missing(MgRefusals *refusals, const MgMatch *match);
void mg_refuse_mixed(MgRefusals *refusals, const MgStep *step);
/* All are to share one transaction, and this step has none. */
void mg_refuse_loose(MgRefusals *refusals, const MgStep *step, bool is_rehearsal);
/* The up script has no statements, and does not say that this is meant. */
void mg_refuse_empty(MgRefusals *refusals, const MgStep *step);
/* It takes away what stood before it, in production, and does not say that this is meant. */
void mg_refuse_destructive(MgRefusals *refusals, const MgStep *step);
void mg_refuse_not_empty(MgRefusals *refusals);

/* A half-run migration: its file is not here; it cannot be reverted.  A half-reverted one: nothing
 * may go up. */
void mg_refuse_partial_missing(MgRefusals *refusals, const MgMatch *match);
void mg_refuse_partial_down(MgRefusals *refusals, const MgMatch *match);
void mg_refuse_half_reverted(MgRefusals *refusals, const MgMatch *match);
/* Either: it cannot be resumed with this script; it is unknown whether its last statement ran. */
void mg_refuse_partial_short(MgRefusals *refusals, const MgMatch *match, const MgScript *script);
void mg_refuse_partial_edited(MgRefusals *refusals, const MgMatch *match, const MgScript *script);
void mg_refuse_partial_unknown(MgRefusals *refusals, const MgMatch *match, const MgScript *script);

/* Nothing has the version of goal->to; its candidates are named. */
void mg_refuse_unknown(MgRefusals *refusals, const char *word, const MgMatches *matches);
void mg_refuse_not_applied(MgRefusals *refusals, const MgMatch *match);

/* Down: recorded and never run by us; no script; a stored one that needs consent or was altered. */
void mg_refuse_recorded(MgRefusals *refusals, const MgMatch *match);
void mg_refuse_no_down(MgRefusals *refusals, const MgMatch *match);
void mg_refuse_from_history(MgRefusals *refusals, const MgGoal *goal, const MgMatch *match);
void mg_refuse_altered(MgRefusals *refusals, const MgMatch *match);
/* Somebody has consented to other steps; to another script of this one. */
void mg_refuse_not_shown(MgRefusals *refusals, const MgStep *step);
void mg_refuse_other_script(MgRefusals *refusals, const MgStep *step);
/* Redo of a migration whose file is gone. */
void mg_refuse_redo_missing(MgRefusals *refusals, const MgMatch *match);

/* A baseline below head. */
void mg_refuse_baseline(MgRefusals *refusals, const MgMatch *to, const MgMatch *head);

/* The stored script cannot be analysed. */
void mg_refuse_unreadable(MgRefusals *refusals, const MgError *why);

/* The first few labels of entries in state, and how many more. */
void mg_refuse_list(const MgMatches *matches, MgState state, MgBuf *ret);

#endif
