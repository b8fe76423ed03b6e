/* What the files of the executor share: nobody else includes this. */
#ifndef MG_PG_EXEC_PARTS_H
#define MG_PG_EXEC_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/file.h"
#include "pg/blockers.h"
#include "pg/exec.h"
#include "source/source.h"
#include "sql/scan.h"
#include "sql/stmt.h"

/* What an operation is for; decides what its result or its error means. */
typedef enum MgRole {
    MG_ROLE_NONE, /* a Sync or a Flush */
    MG_ROLE_CREATE_HISTORY,
    MG_ROLE_PREPARE,
    MG_ROLE_BEGIN,
    MG_ROLE_SET,   /* SET LOCAL of a directive, hygiene, our own settings */
    MG_ROLE_CLEAN, /* the end of hygiene: fails where more is left than it has cleaned */
    MG_ROLE_FENCE,
    MG_ROLE_DEADLINE,  /* fails when the time for this run is over */
    MG_ROLE_STATEMENT, /* of the file */
    MG_ROLE_CONSTRAINTS,
    MG_ROLE_CLOSE,       /* the row of a repeatable's last run; its record follows */
    MG_ROLE_RECORD,      /* the history row */
    MG_ROLE_MARK,        /* progress of a no-transaction migration */
    MG_ROLE_COMMIT,      /* of a mark */
    MG_ROLE_INDEX_FREE,  /* no invalid index stands where one is to be built */
    MG_ROLE_INDEX_VALID, /* the index that was built is valid */
    MG_ROLE_LAST_COMMIT, /* of a step: now it counts */
} MgRole;

/* Why the pipeline was ended in the middle. */
typedef enum MgPause {
    MG_PAUSE_NONE,
    MG_PAUSE_COPY,  /* the statement in sql is a COPY, its data follows in the script */
    MG_PAUSE_LOOK,  /* an earlier try may have built or dropped the index that comes next */
    MG_PAUSE_AWAIT, /* a statement outside any transaction must have ended */
} MgPause;

/* Reading the statements of one script. */
typedef struct MgScriptRun {
    const MgScript *script;
    MgReader reader;
    bool is_open;
    MgScan scan;
    MgScanItem item;
    MgStmtHead head; /* of item, when it is a statement */
    MgStmt stmt;     /* of item */
    bool has_peeked; /* item is fetched and not sent yet */
    bool is_at_end;
    int n_fetched;   /* statements that count, up to item */
    bool is_chained; /* no transaction, so: */
    /* Chained digest over the tokens of the statements up to item. */
    char prefix_digest[MG_DIGEST_HEX_BYTES];
    char before_digest[MG_DIGEST_HEX_BYTES]; /* the same without item */
    size_t counted;                          /* lines are counted up to this byte of the window */
    int line;                                /* of that byte */
} MgScriptRun;

enum {
    MG_EXEC_QUEUE = 32,
};

/* Where in a step the next operations come from. */
typedef enum MgStage {
    MG_STAGE_OPEN,       /* open the script, BEGIN, directives */
    MG_STAGE_LEADING,    /* SET TRANSACTION of the file, then the fence */
    MG_STAGE_STATEMENTS, /* one statement at a time */
    MG_STAGE_END,        /* constraints, hygiene, history row, COMMIT */
    MG_STAGE_PIECE,      /* no transaction: one statement and its mark */
    MG_STAGE_COPIED,     /* no transaction: the mark behind a COPY */
    MG_STAGE_LAST_MARK,  /* no transaction: hygiene, the last mark */
} MgStage;

/* Statements of our own; those with a name are prepared. */
typedef struct MgOwn {
    const char *name, *sql;
} MgOwn;

enum {
    MG_OWN_BEGIN,
    MG_OWN_COMMIT,
    MG_OWN_FENCE,
    MG_OWN_RECORD,
    MG_OWN_FIRST_MARK,
    MG_OWN_REVERT,
    MG_OWN_CLOSE_CURSORS,
    MG_OWN_RESET_SESSION_USER,
    MG_OWN_RESET_ALL,
    MG_OWN_UNLISTEN,
    MG_OWN_DISCARD_TEMP,
    MG_OWN_CLEAN,
    MG_OWN_PROGRESS,
    MG_OWN_DOWN_PROGRESS,
    MG_OWN_FINISH,
    MG_N_OWN
};

/* Statements of a no-transaction migration that are done, as its next mark says. */
typedef struct MgDone {
    int n;
    char digest[MG_DIGEST_HEX_BYTES]; /* of their tokens */
} MgDone;

typedef struct MgExec {
    const MgExecInput *input;
    MgArena *arena;
    MgOutcome *ret;
    const char *fence; /* SQL expression */
    MgOwn own[MG_N_OWN];
    const char *deadline_sql;
    const char *release_sql; /* lets go of advisory locks that are not ours */

    /* Operations that were made and not sent yet. */
    MgOp queue[MG_EXEC_QUEUE];
    size_t n_queued, n_sent;
    MgPause pause; /* once the queue is sent */

    /* The step whose operations are being made. */
    size_t step_i;
    MgStage stage;
    MgScriptRun run;
    MgArena step_arena;  /* parameters of its operations */
    MgBuf sql;           /* the statement being sent, NUL-terminated */
    MgTag statement_tag; /* of that statement */
    size_t copy_offset;  /* where the data of the COPY in it begins, in the file */
    int copy_line;       /* line of that; 0: no data was read yet */
    bool is_copying;     /* that statement runs, outside the pipeline */
    int n_unflushed;     /* statements since the last Flush */
    int n_unflushed_commits;
    size_t unflushed_bytes;
    bool must_create_history;
    bool must_prepare;     /* our prepared statements are not there (any more) */
    bool has_cleaners;     /* those of hygiene are there */
    const MgStep *dealing; /* it makes or drops prepared statements; NULL: none that we know of */
    bool has_row;          /* no transaction: its history row exists */
    bool is_row_refreshed; /* no transaction, resumed: the row knows the file as it is now */
    bool is_in_group;      /* no transaction: behind a BEGIN of the file's own, */
    bool is_row_of_group;  /* whose transaction has made the row */
    bool has_looked;       /* no transaction: for what an earlier try left of the fetched one */
    bool has_own_timeouts; /* no transaction: set for the statement outside, to be set back */
    bool is_mark_due;      /* no transaction: the awaited statement is done, say so at once */
    int64_t awaited_us;    /* no transaction: what statements took that no row has yet */
    MgDone unmarked;       /* no transaction: done but not marked so yet; n 0 = none */
    size_t unmarked_step;
    bool is_unseen; /* no transaction: that built an index, which counts when it is valid: */
    MgOp unseen;    /* fails when it is not */
    int n_kept; /* no transaction: statements that are committed, passed over when tried again */
    size_t outside_step; /* no transaction: the server has refused a block to a statement of it, */
    int outside_number;  /* to this one; 0 = to none */

    /* What has been answered. */
    bool is_history_made;
    size_t n_committed;    /* steps */
    bool has_mark;         /* no transaction: one of this run is committed, */
    size_t mark_step;      /* of that step, */
    int mark_n_done;       /* and so many statements are done by it */
    int64_t duration_us;   /* of the newest history row */
    int64_t reverting_us;  /* down: of the transactions before its last, which no row has */
    int64_t *durations_us; /* one transaction for all: of the steps; else NULL */
    int64_t result_us;     /* when the last result came */
    int64_t began_us;      /* when the transaction that is being answered began, about */
    /* How long after result_us they are due next: a "running", a live line, a look; 0 = not yet
     * known. */
    int64_t running_us, live_us, look_us;
    MgWatch watch;
    MgSight sight;    /* the newest look, */
    int64_t sight_us; /* taken then (mg_clock_us); 0 = none */
    int told_blocker; /* pid; 0 = none */
    bool has_failed;  /* failed_tag and failed_sqlstate are of this run */
    MgTag failed_tag; /* the operation that failed */
    char failed_sqlstate[6];
    size_t retry_step; /* which is tried again, until: */
    int64_t retry_until_ms;
    int n_tries;      /* of retry_step that have failed */
    bool is_too_long; /* not tried again, since it had run so long: */
    char ran[32];
} MgExec;

const MgStep *mg_exec_step(const MgExec *exec);
/* Is there anything to do to the history table before the first step? */
bool mg_exec_must_prepare_history(const MgExec *exec);

/* ---- exec_script.c: reading statements -------------------------------------- */

/* Open the current step's script and make sure that it is what was planned. */
MG_CHECK bool mg_script_run_open(MgScriptRun *run, const MgScript *script,
                                 bool has_backslash_quotes, MgError *err);
void mg_script_run_close(MgScriptRun *run);
/* Fetch the next statement unless one is peeked; sets is_at_end.  Skips what is folded. */
MG_CHECK bool mg_script_run_fetch(MgScriptRun *run, int server_version, MgError *err);
MG_CHECK bool mg_script_run_slide(MgScriptRun *run, MgError *err);
/* The fetched statement's place, for its operation's tag. */
MgTag mg_script_run_tag(MgScriptRun *run, MgRole role, size_t item);

/* ---- exec_step.c: making operations ------------------------------------------ */

/* The next operation of all steps (MgRun.next). */
MgNext mg_exec_next(void *payload, MgOp *ret, MgError *err);
/* Begin the step again, or the next one. */
void mg_exec_rewind(MgExec *exec, size_t step_i);

void mg_exec_push(MgExec *exec, MgOp op);
void mg_exec_push_flush(MgExec *exec);
void mg_exec_push_sql(MgExec *exec, MgRole role, const char *sql);
/* One of our own statements: by name in a transactional step, else in full (a file may drop it). */
void mg_exec_push_own(MgExec *exec, MgRole role, int own, const char *const *params, int n_params);
void mg_exec_push_begin(MgExec *exec);
void mg_exec_push_directives(MgExec *exec);
void mg_exec_push_fence(MgExec *exec);
/* At a step's begin: also, it must lie before the deadline.  The server looks, since all steps are
 * sent at once. */
void mg_exec_push_first_fence(MgExec *exec);
/* The fetched statement. */
void mg_exec_push_statement(MgExec *exec);
void mg_exec_push_hygiene(MgExec *exec);
MG_CHECK bool mg_exec_push_record(MgExec *exec, MgRole role, int n_started, int n_done,
                                  MgError *err);
void mg_exec_push_revert(MgExec *exec);
/* The last COMMIT; then the next step. */
void mg_exec_finish_step(MgExec *exec);
MG_CHECK bool mg_exec_fetch(MgExec *exec, MgError *err);
MG_CHECK bool mg_exec_fail_deadline(const MgStep *step, MgError *err);

/* ---- exec_loose.c: stages outside a transaction -------------------------------- */

MG_CHECK bool mg_exec_send_piece(MgExec *exec, MgError *err);
MG_CHECK bool mg_exec_send_copied(MgExec *exec, MgError *err);
MG_CHECK bool mg_exec_send_last_mark(MgExec *exec, MgError *err);
/* The awaited statement has succeeded. */
void mg_exec_note_done(MgExec *exec);
/* A no-transaction migration stops: record what is known of it. */
void mg_exec_record_known(MgExec *exec);
/* Was it the statement outside any transaction that the server refused? */
bool mg_exec_is_awaited_refused(const MgExec *exec);
/* Has the server just refused a block to a statement that can run outside?  Then it will. */
bool mg_exec_moves_outside(MgExec *exec);
/* Has this run committed a part of the step, which is without a transaction? */
bool mg_exec_is_begun(const MgExec *exec, size_t step_i);

/* ---- exec_index.c: indexes, concurrently --------------------------------------- */

/* May an earlier try have built or dropped the index that comes next, or begun to? */
bool mg_exec_is_index_begun(const MgExec *exec);
/* Then, outside the pipeline: pass over what it has done, drop what it has left. */
MG_CHECK bool mg_exec_before_index(MgExec *exec, MgError *err);
/* Before a build: where it goes, no invalid index of somebody else may stand. */
void mg_exec_push_index_free(MgExec *exec);
/* Has the awaited statement, which succeeded, built an index?  Then "unseen" looks at it. */
bool mg_exec_index_built(MgExec *exec);
/* One of these looks has failed.  Returns false. */
bool mg_exec_fail_index(MgExec *exec, const MgTag *tag, const MgResult *result, MgError *err);
/* Did the build that has just failed leave an invalid index? */
bool mg_exec_left_index(MgExec *exec);

/* ---- exec_watch.c: while the server works ----------------------------------------- */

/* Something was answered: the silence begins anew. */
void mg_exec_watch_answered(MgExec *exec);
/* MgRun.on_silence */
int64_t mg_exec_on_silence(void *payload, const MgTag *front);
/* Look now who is in the way; opens the second connection. */
void mg_exec_watch_look(MgExec *exec);

/* ---- exec_retry.c: when a failure is not the end ------------------------------------ */

/* How long a step waits for a lock: its own directive, or the session's setting. */
int64_t mg_exec_lock_timeout_ms(const MgExec *exec, size_t step_i);

/*
 * After a failure, filled in err: wait and begin with the failed migration
 * again (true), or leave it at that; then err also says who was in the way, or
 * which time limit it was.
 */
MG_CHECK bool mg_exec_retry(MgExec *exec, MgError *err);

/* ---- exec_error.c: what a failure means --------------------------------------- */

/* Fill err from the server's answer to an operation. */
bool mg_exec_fail(MgExec *exec, const MgTag *tag, const MgResult *result, MgError *err);
/* What state the database is in; number: of the statement that failed, 0 = none in particular. */
void mg_exec_note_state(const MgExec *exec, size_t step_i, int number, MgError *err);
/* Fill place and excerpt from a statement of the script; position as below. */
void mg_exec_place_at(const MgExec *exec, const MgTag *tag, int position, MgError *err);
/* Add a sentence to what the server says, on a line of its own. */
void mg_exec_add_detail(MgError *err, const char *format, ...) MG_PRINTF(2, 3);
/* Fill place, excerpt and note; position counts characters in the statement, 0 = unknown. */
void mg_exec_place_failure(MgExec *exec, const MgTag *tag, int position, MgError *err);

/* ---- exec_inside.c: errors inside bodies and data -------------------------------- */

/*
 * Fill place and excerpt from the body of a DO block or a function that is in
 * the same script and failed; an internal query that it does not show is added
 * to the detail.  False when the statement stays the place.
 */
bool mg_exec_place_inside(MgExec *exec, const MgTag *tag, const MgResult *result, MgError *err);
/* The same for the line of COPY data that err tells of. */
bool mg_exec_place_copy(MgExec *exec, MgError *err);

#endif
