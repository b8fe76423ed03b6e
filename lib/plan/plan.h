/*
 * The plan: pure.  Goal, source and history go in; what would be done, or why
 * nothing may be done, comes out.  No clock, no files, no server: what only a
 * file's text can answer is found out before (mg_needs_find).
 */
#ifndef MG_PLAN_PLAN_H
#define MG_PLAN_PLAN_H

#include "base/arena.h"
#include "base/error.h"
#include "migrate.h"
#include "source/source.h"

/* How far a script got outside a transaction. */
typedef struct MgProgress {
    int n_statements, n_started, n_done;
    const char *prefix_digest; /* of what is done, or NULL */
} MgProgress;

/* One live row of the history: an application that was not reverted. */
typedef struct MgApplied {
    int64_t id;          /* grows with every application */
    const char *version; /* NULL for a repeatable */
    const char *name;
    MgKind kind;
    const char *digest, *token_digest; /* of the up script; NULL for a baseline */
    const char *down_digest;           /* NULL: applied without a down script */
    const char *down_text;             /* loaded for down only, else NULL */
    int n_statements, n_statements_started, n_statements_done;
    const char *prefix_digest; /* of the finished statements of a partial one, or NULL */
    MgProgress down;           /* n_started 0: nothing of its down script has run */
    int64_t applied_at_ms;
    int64_t duration_us;
    const char *applied_by;
    const char *commit; /* may be NULL */
    bool is_stale;      /* a repeatable: a migration was reverted after it ran */
} MgApplied;

/* A claim: the target belongs to one environment, as long as it is reached by one of the hosts. */
typedef struct MgClaim {
    int64_t id;
    const char *hosts; /* "ep-cool-mud-a1b2c3d4.eu-central-1.aws.neon.tech", with commas between */
    const char *environment;
    int64_t at_ms;
    const char *by;
} MgClaim;

/* The kind that mg_kind_name calls so; of a word of a later version, or NULL, MG_VERSIONED. */
MgKind mg_kind_of(const char *word);

/* Was it begun outside a transaction and not finished, it or its down script? */
bool mg_applied_is_partial(const MgApplied *row);
/* Was its down script begun? */
bool mg_applied_is_half_reverted(const MgApplied *row);
/* Of its down script when that was begun, else of the migration. */
MgProgress mg_applied_progress(const MgApplied *row);

typedef struct MgHistory {
    bool exists;            /* the table is there */
    bool is_database_empty; /* no tables but our own; known only when !exists */
    MgApplied *items;       /* by id */
    size_t n, cap;
    struct {
        MgClaim *items;
        size_t n, cap;
    } claims; /* of all hosts */
} MgHistory;

/* For which environment a run is, and where its target is: whether it may meet a claim. */
typedef struct MgPosition {
    const char *environment;       /* NULL: none is known */
    const char *environment_from;  /* "VERCEL_ENV", "--env" */
    const char *environment_place; /* "VERCEL_ENV in the environment", "--env" */
    bool is_production;            /* detected as such, not merely named */
    const char *hosts;             /* of the target, as claims have them */
    const char *target;            /* "shop at localhost" */
} MgPosition;

/* The claim that is in force at these hosts, or NULL. */
const MgClaim *mg_claim_find(const MgHistory *history, const char *hosts);
/* The newest claim that was made at other hosts, or NULL: a copy of the database has its row too.
 */
const MgClaim *mg_claim_find_elsewhere(const MgHistory *history, const char *hosts);
/* MG_E_CLAIMED when the target belongs to another environment than the one that is run for. */
MG_CHECK bool mg_claim_check(const MgHistory *history, const MgPosition *position, MgError *err);

typedef struct MgPlanInput {
    const MgGoal *goal;
    const MgSource *source;
    const MgHistory *history;
    bool is_local;              /* loopback or socket: a late migration is applied with a note */
    const char *history_name;   /* as SQL writes it, for hints; NULL: "migrate.history" */
    const MgPosition *position; /* NULL: claims do not count */
    bool is_missing_refused;    /* what is applied and has no file refuses; ahead only warns */
    bool is_guarded;            /* refuse what takes away, unless the file says that it is meant */
} MgPlanInput;

/* A script that stopped half-way: are the statements that are done still what they were? */
typedef struct MgHalfRun {
    size_t migration_i; /* in the source */
    bool is_down;
    int n_done;
} MgHalfRun;

/* What has to be known of the files before a plan is built. */
typedef struct MgNeeds {
    bool *is_analysed; /* for each migration of the source */
    struct {
        MgHalfRun *items;
        size_t n, cap;
    } half_runs; /* MgScript.prefix of these, if it can be told */
} MgNeeds;

/*
 * An applied migration whose files are what its row says was analysed when it
 * was applied; all others are needed, and what goal may revert or run again.
 */
void mg_needs_find(const MgGoal *goal, const MgSource *source, const MgHistory *history,
                   MgArena *arena, MgNeeds *ret);

/*
 * Always succeeds: what must not be done is in ret->refusals.  What mg_needs_find
 * names is analysed.  Leaves ret->target empty for the caller to fill.  The plan
 * borrows from input.
 */
void mg_plan_build(const MgPlanInput *input, MgArena *arena, MgPlan *ret);

#endif
