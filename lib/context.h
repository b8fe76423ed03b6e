/*
 * The context behind the public functions, and what their files share: context.c
 * opens it, session.c connects it, diagnosis.c and migrate.c work with it.
 * These files wire the stages and alone know them all.
 */
#ifndef MG_CONTEXT_H
#define MG_CONTEXT_H

#include "base/arena.h"
#include "base/attr.h"
#include "migrate.h"
#include "notes.h"
#include "pg/conn.h"
#include "pg/history.h"
#include "pg/lock.h"
#include "pg/prove.h"
#include "pg/start.h"
#include "source/source.h"
#include "target/identity.h"
#include "target/setting.h"
#include "target/url.h"

struct MgContext {
    MgArena arena;
    MgOptions options;
    MgUrl url;
    MgSource source;
    MgHistoryTable table;
    MgIdentity identity;
    const MgConfigFile *config; /* NULL: there is none */
    MgSettings settings;
    MgSessionSettings session;
    MgPosition position; /* hosts and target are known once connected */
    const char *skipped; /* why nothing is to be done; NULL: something is */
    const char *applied_by;
    MgTarget target;
    int64_t deadline_ms;   /* of mg_clock_ms, 0 = none */
    int64_t wait_again_ms; /* for a server that went away in the middle */
    int64_t opening_us;    /* how long mg_open took */
    /* What a diagnosis tells of. */
    MgError target_failure, url_refusal, source_failure;
    const char *const *passed_over;
    size_t n_passed_over;
    MgNotes notes;
    bool is_unsettled;  /* a plan is wanted, and its files are not analysed yet */
    const MgPlan *plan; /* that is being executed, */
    size_t n_ended;     /* and so many of its steps have ended */
    struct {
        MgDoneStep *items;
        size_t n, cap;
    } done;

    /* While connected. */
    MgConn *conn;
    MgConnOptions conn_options;
    MgProofClaim claim;
    MgLock lock;
    MgStart start;
    int64_t started_ms; /* of mg_clock_ms: when the server told its time */
    int lost_pid;       /* backend of a connection of this run that broke; 0 = none */
};

/* ---- context.c ---- */

/* Tell on_event, if anybody listens. */
void mg_emit(const MgContext *context, MgEventKind kind, const char *text);
/* Add what state the database is in, where err does not say it.  Returns false. */
bool mg_fail_noted(MgError *err, const char *note);
/* A wait, cut at the deadline: every wait lies inside it. */
int64_t mg_bounded_ms(const MgContext *context, int64_t wait_ms);
void mg_disconnect(MgContext *context);
/* A claim in force, and whose it is, into context->target. */
void mg_take_claim(MgContext *context);
/* Were they made for this version of the library? */
MG_CHECK bool mg_check_options(const MgOptions *options, MgError *err);
/* What mg_open has put off: for a diagnosis, or because nothing is to be done here. */
MG_CHECK bool mg_check_opened(const MgContext *context, MgError *err);

/* ---- session.c ---- */

MG_CHECK bool mg_connect(MgContext *context, MgError *err);
MgStartInput mg_start_input(const MgContext *context, const MgGoal *goal, bool is_writing);
/* Connect and read; nothing is taken or changed there, so a pooler will do. */
MG_CHECK bool mg_begin_reading(MgContext *context, const MgGoal *goal, MgError *err);
/* The same without a word of the session. */
MG_CHECK bool mg_begin_looking(MgContext *context, const MgGoal *goal, MgError *err);
/* Connect and read over a proved session, without the lock. */
MG_CHECK bool mg_begin_dumping(MgContext *context, const MgGoal *goal, MgError *err);
/* A turn at writing, in words too. */
typedef struct MgTurn {
    const MgGoal *goal;
    const char *command, *done; /* "up", "applied" */
    bool is_about_claims;       /* whose the target is does not matter */
} MgTurn;
MgTurn mg_turn_of_goal(const MgGoal *goal, MgArena *arena);
/*
 * Begin it: connect, prove, try the lock, read.  True also when another run has the lock
 * (MG_LOCK_BUSY in context->start), since perhaps nothing is left to wait for.  Like the next, it
 * notes what state the database is in.
 */
MG_CHECK bool mg_turn_begin(MgContext *context, const MgTurn *turn, MgError *err);
/* Unless the lock is ours: poll until it is, or the time is over, and read anew. */
MG_CHECK bool mg_turn_wait(MgContext *context, const MgTurn *turn, MgError *err);

/* ---- lost.c ---- */

/* What a run knows of a connection that broke, and of what was on its way. */
typedef struct MgLost {
    bool is_lost;
    MgPlan plan;       /* that was being executed, */
    size_t n_done;     /* and so many of its steps were answered */
    int n_finished;    /* steps of all plans of this run */
    int n_losses;      /* since something was done, */
    int n_done_before; /* which was then so much */
    bool is_unsettled; /* what became of that is not found out yet */
    int64_t at_ms;     /* when it broke, by the server's clock */
    MgError first;     /* how */
} MgLost;

/* After a failure: shall the run connect and go on?  Then it is disconnected. */
bool mg_lost_goes_on(MgContext *context, MgLost *lost, const MgOutcome *outcome, MgError *err);
/* With the lock and the history read again: count and tell what was committed unanswered. */
MG_CHECK bool mg_lost_settle(MgContext *context, const MgGoal *goal, MgLost *lost,
                             MgOutcome *outcome, MgError *err);
/* Take off from "the next N" what is finished.  False: nothing is left. */
bool mg_lost_reduce(const MgLost *lost, MgGoal *goal);
/*
 * Going on failed before anything was done: the note stays that of the loss, and when the server
 * is not there any more, so does the error.  Returns false.
 */
bool mg_lost_fail(const MgLost *lost, MgError *err);

/* ---- claim.c ---- */

/* The claim that a run detected as production makes by itself; NULL: none. */
const MgNewClaim *mg_claim_due(MgContext *context);
/* Prepare the history and write the claim, when no step does. */
MG_CHECK bool mg_claim_write(MgContext *context, const MgNewClaim *claim, MgError *err);
/* A claim of another host, seen over a session of this machine that is not direct: a tunnel may
 * lead there.  NULL: none. */
const MgClaim *mg_claim_tunnelled(const MgContext *context);
/* Tell that it is ours from now on; payload is the context. */
void mg_claim_tell(void *payload);

/* ---- files.c ---- */

/* Analyse what a plan for goal has to know of the files, once there is a history. */
MG_CHECK bool mg_files_settle(MgContext *context, const MgGoal *goal, MgError *err);
/* Analyse all of them. */
MG_CHECK bool mg_files_analyse(MgContext *context, MgError *err);
/*
 * The run fails before its files were settled.  A file that cannot be used is
 * told first: it can be mended here, whatever else is wrong.  Returns false.
 */
bool mg_files_fail(MgContext *context, MgError *err);

/* ---- migrate.c ---- */

/* Settle the files and plan. */
MG_CHECK bool mg_build_plan(MgContext *context, const MgGoal *goal, MgPlan *ret, MgError *err);
/* Keep for the outcome that a step was done. */
void mg_note_done(MgContext *context, const MgStep *step, int64_t duration_us);

#endif
