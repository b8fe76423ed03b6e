/*
 * The notebook: what this machine has seen of its targets, and the journal of
 * its runs.  Knows what is noted, not when; it decides nothing.
 *
 * One note is one transaction, at the end of a run.  Its size is bounded: old
 * runs and targets that were not seen for long go.
 */
#ifndef MG_STATE_NOTEBOOK_H
#define MG_STATE_NOTEBOOK_H

#include "plan/plan.h"
#include "state/state.h"

extern const MgStateLayout mg_notebook_layout;

/* How a target is reached, by the URL. */
typedef struct MgAddress {
    const char *host, *user; /* NULL: libpq's default */
    int port;
    const char *database;
    const char *history; /* "migrate.history" */
} MgAddress;

/*
 * Which target that is.  A copy of a server (a branch, a restored backup) has
 * its identifier, so the direct address counts too.
 */
typedef struct MgTargetIdentity {
    const char *system_identifier; /* "" when the server does not tell */
    int64_t database_oid;          /* 0: the same */
    const char *place;             /* "HOST:PORT" of the direct URL */
} MgTargetIdentity;

/* A history that was seen. */
typedef struct MgSeen {
    MgTargetIdentity identity;
    const MgHistory *history;
    size_t n_settled; /* its first so many rows are as the server has them; others were concluded */
    const char *server_version, *verdict;
    int64_t at_ms;
} MgSeen;

typedef struct MgNotedStep {
    const char *what; /* "applied", "reverted", "tried", "recorded", "repaired", "failed" */
    const char *label, *version;
    const char *digest; /* of what was run, or NULL */
    int64_t duration_us;
} MgNotedStep;

typedef struct MgNotedRun {
    const MgJournalRun *run; /* without id, address and steps */
    const MgNotedStep *steps;
    size_t n_steps;
} MgNotedRun;

/* What is noted together; seen and run may be NULL. */
typedef struct MgNote {
    MgAddress address;
    const MgSeen *seen;
    const MgNotedRun *run;
} MgNote;

MG_CHECK bool mg_notebook_note(MgStateFile *file, const MgNote *note, MgError *err);

/* The history that was seen last at an address; seen->history is NULL when there is none. */
MG_CHECK bool mg_notebook_seen(MgStateFile *file, const MgAddress *address, MgArena *arena,
                               MgSeen *ret, MgError *err);

/* What a script usually took, on any target: the median.  0 when it was not seen yet. */
MG_CHECK bool mg_notebook_usual(MgStateFile *file, const char *version, const char *digest,
                                int64_t *ret_us, MgError *err);

/* The newest limit runs (0: all), or run id with its steps. */
MG_CHECK bool mg_notebook_runs(MgStateFile *file, int64_t id, int64_t limit, MgArena *arena,
                               MgJournal *ret, MgError *err);

#endif
