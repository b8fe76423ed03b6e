/*
 * When the notebook is written and read: what a context notes about its runs.
 * Whatever goes wrong here, the run goes on; it is told only to those who asked
 * for the notebook.
 */
#ifndef MG_NOTES_H
#define MG_NOTES_H

#include "base/arena.h"
#include "base/attr.h"
#include "migrate.h"
#include "pg/history.h"
#include "state/notebook.h"

/* A part of the context. */
typedef struct MgNotes {
    MgAddress address;
    const char *place; /* "HOST:PORT" of the direct URL */
    MgStateFile *file; /* open for reading, once that was needed */
    bool has_looked;
    int64_t began_at_ms, began_us;
    int64_t event_us; /* of mg_clock_us: when a migration was done last */
    /* The plan that is being executed, and what all of them came to. */
    const MgStep *plan_steps;
    size_t n_plan_steps;
    size_t first_done; /* of this plan, in done: behind a lost connection there is another one */
    struct {
        MgNotedStep *items;
        size_t n, cap;
    } done;
    bool is_stale;            /* the history is not what was read, and could not be read again */
    const char *expected_for; /* the label that expected_us is of */
    int64_t expected_us;
} MgNotes;

/* Read by mg_open, before a connection changes what is known of the target. */
void mg_notes_init(MgContext *context);
void mg_notes_release(MgContext *context);

/* The history that was read just now, without a run. */
void mg_notes_seen(MgContext *context);

/*
 * A run: its beginning, its plan, every event on its way to the listener, what
 * else it did, its end.
 */
void mg_notes_begin(MgContext *context);
void mg_notes_plan(MgContext *context, const MgPlan *plan);
MgEvent mg_notes_event(MgContext *context, const MgEvent *event);
/* what is "repaired"; label names the migration, or what else was changed. */
void mg_notes_step(MgContext *context, const char *what, const char *label);
/*
 * Before the session ends: has the history changed in a way that no event
 * tells?  Then one more question says how it stands.  err: NULL when the run
 * succeeded.
 */
void mg_notes_look(MgContext *context, const MgError *err);
/* err: the same.  Then outcome->elapsed_us is known. */
void mg_notes_end(MgContext *context, const MgOutcome *outcome, const MgError *err);

/* The history as it was seen last, into context->start.  Fails with MG_E_NOTEBOOK. */
MG_CHECK bool mg_notes_recall(MgContext *context, int64_t *ret_at_ms, MgError *err);

#endif
