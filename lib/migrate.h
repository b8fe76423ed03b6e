/*
 * libmigrate: bring a PostgreSQL database to the schema in a folder of SQL
 * files, over a session that has been proved to be one backend.
 *
 * This header is the whole contract: what is not in it is not API.  It is also
 * the vocabulary of the library itself, so every layer may include it for its
 * types; only programs call its functions.
 *
 * - The library prints nothing, installs no signal handler, starts no thread
 *   and keeps no global state but the libraries that it has loaded.  Talk comes
 *   through MgOptions.on_event.  It forks short-lived children: one looks up the
 *   name of a host, which may block as long as a name server is silent, and one
 *   asks the server to stop what a cancelled run does.  (In a program of several
 *   threads such a child may hang on what another thread held, an allocator's
 *   lock: then the run fails when its time is over, but does not hang.)
 * - A function that can fail returns bool and fills *err on failure only;
 *   results are written on success only.
 * - Results belong to the context and stay valid until mg_close, unless a
 *   function says otherwise: so a context grows with each call.  One for each
 *   run is as it is meant.
 * - One context serves one thread at a time.
 * - Text is UTF-8 and NUL-terminated.  Absent text is NULL.  Times are
 *   milliseconds since 1970 UTC, 0 when absent; durations are microseconds.
 * - Out of memory ends the process with a message on stderr and abort(): every
 *   effect is in a server transaction or is marked as started, and the lock
 *   dies with the session.
 */
#ifndef MIGRATE_H
#define MIGRATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MG_API __attribute__((visibility("default")))

#define MG_VERSION "0.1.0"

typedef struct MgContext MgContext;
typedef struct MgScratch MgScratch;

/* ---- Errors ------------------------------------------------------------ */

/*
 * Every way a run can end: code, exit status of the command, slug (printed in
 * brackets behind the message, explained by "migrate help SLUG"), summary.
 * Codes, exit statuses and slugs never change their meaning.
 */
#define MG_ERROR_LIST(X)                                                                           \
    X(MG_OK, 0, "ok", "done, or nothing to do")                                                    \
    X(MG_E_SQL, 1, "sql", "a migration failed on the server")                                      \
    X(MG_E_SERVER, 1, "server", "the server refused one of our own statements")                    \
    X(MG_E_USAGE, 2, "usage", "a command, option or argument is wrong")                            \
    X(MG_E_CONFIG, 2, "config", "a setting or migrate.yaml cannot be used as it is")               \
    X(MG_E_NO_TARGET, 2, "no-target", "no database was named")                                     \
    X(MG_E_AMBIGUOUS_URL, 2, "ambiguous-url", "two names seem to lead to different databases")     \
    X(MG_E_BAD_URL, 2, "bad-url", "the database URL cannot be used")                               \
    X(MG_E_CREDENTIALS, 2, "credentials", "the server refused user, password or database")         \
    X(MG_E_PERMISSION, 2, "permission", "the role lacks a right that migrating needs")             \
    X(MG_E_SOURCE, 2, "source", "the migrations folder cannot be used as it is")                   \
    X(MG_E_FILE, 2, "file", "a migration file cannot be used as it is")                            \
    X(MG_E_NOTEBOOK, 2, "notebook", "the notebook of this machine cannot answer")                  \
    X(MG_E_SYSTEM, 2, "system", "the operating system refused something")                          \
    X(MG_E_NO_POSTGRES, 2, "no-postgres", "no fitting programs of PostgreSQL were found")          \
    X(MG_E_POOLED_URL, 3, "pooled-url", "the URL leads to a connection pooler")                    \
    X(MG_E_UNPROVED, 3, "unproved", "the session could not be proved to be one backend")           \
    X(MG_E_READ_ONLY, 3, "read-only", "the session cannot write")                                  \
    X(MG_E_OLD_SERVER, 3, "old-server", "the server is older than PostgreSQL 13")                  \
    X(MG_E_FENCE, 3, "fence", "the session lost its lock while migrating")                         \
    X(MG_E_LOCK_BUSY, 4, "lock-busy", "another run held the lock for too long")                    \
    X(MG_E_UNREACHABLE, 5, "unreachable", "the server could not be reached")                       \
    X(MG_E_CONNECTION_LOST, 5, "connection-lost", "the connection broke during the run")           \
    X(MG_E_DRIFT, 6, "drift", "an applied migration was edited")                                   \
    X(MG_E_LATE, 6, "late", "a pending migration is older than the newest applied one")            \
    X(MG_E_NO_DOWN, 6, "no-down", "a migration to revert has no down script")                      \
    X(MG_E_FROM_HISTORY, 6, "from-history", "a stored down script needs consent to run")           \
    X(MG_E_PARTIAL, 6, "partial", "a half-run migration must be settled first")                    \
    X(MG_E_MIXED, 6, "mixed", "a file mixes statements that need and refuse a transaction")        \
    X(MG_E_ONE_TRANSACTION, 6, "one-transaction",                                                  \
      "not all pending migrations fit one transaction")                                            \
    X(MG_E_NOT_EMPTY, 6, "not-empty", "the database has tables but no history")                    \
    X(MG_E_UNKNOWN_VERSION, 6, "unknown-version", "no migration has the version that was named")   \
    X(MG_E_BASELINE, 6, "history-begun", "a baseline cannot be recorded in this history")          \
    X(MG_E_MISSING, 6, "missing", "an applied migration has no file (--strict)")                   \
    X(MG_E_HISTORY, 6, "history", "the history table cannot be used as it is")                     \
    X(MG_E_CHANGED, 6, "changed", "a file changed while it was being applied")                     \
    X(MG_E_DESTRUCTIVE, 6, "destructive", "a migration removes what production may still use")     \
    X(MG_E_DUMP, 6, "dump-differs", "a dump in a file is not what the database has")               \
    X(MG_E_CLAIMED, 7, "claimed", "the database belongs to another environment")                   \
    X(MG_E_DEADLINE, 8, "deadline", "the time for this run is over")                               \
    X(MG_E_PENDING, 10, "pending", "migrations are pending (status --exit-code)")                  \
    X(MG_E_CANCELLED, 130, "cancelled", "the run was interrupted; 143 after SIGTERM")

#define MG_ERROR_ENUM(code, exit_status, slug, summary) code,
typedef enum MgErrorCode { MG_ERROR_LIST(MG_ERROR_ENUM) MG_N_ERRORS } MgErrorCode;
#undef MG_ERROR_ENUM

enum {
    MG_ERROR_MAX_HINTS = 2,
};

/*
 * What went wrong, as a value: it owns no memory and outlives the context.
 * Texts that are too long are cut at a character, with an ellipsis.  No field
 * ever holds a password.
 */
typedef struct MgError {
    MgErrorCode code;
    char sqlstate[6];                   /* "" when no server said it */
    char place[256];                    /* a file, or where a value came from; "" = unknown */
    int line, column;                   /* 1-based, column in characters; 0 = unknown */
    char message[512];                  /* one line, no full stop, without slug or SQLSTATE */
    char excerpt[1024];                 /* the lines at the place, with gutter and caret */
    char detail[4096];                  /* sentences */
    char hint[MG_ERROR_MAX_HINTS][768]; /* what to do, the best first */
    char note[256];                     /* what state the database is in */
} MgError;

/* Of the list above; all texts are static. */
MG_API const char *mg_error_slug(MgErrorCode code);
MG_API const char *mg_error_summary(MgErrorCode code);
MG_API int mg_error_exit_status(MgErrorCode code);
/* Sentences for "migrate help SLUG": what it means and what to do. */
MG_API const char *mg_error_explanation(MgErrorCode code);

/* ---- Events: what a run says while it works ----------------------------- */

typedef enum MgEventKind {
    MG_EVENT_TARGET,   /* text: "shop at localhost, from DATABASE_URL" */
    MG_EVENT_SESSION,  /* text: "PostgreSQL 17.5, direct" */
    MG_EVENT_WAITING,  /* text: who holds the lock, or how long we wait */
    MG_EVENT_RUNNING,  /* migration, duration_us so far, text: the statement's first words */
    MG_EVENT_PROGRESS, /* the same, step and n_steps, a few times a second: MgOptions.is_live */
    MG_EVENT_APPLIED,  /* migration, duration_us; text: "no transaction" or NULL */
    MG_EVENT_REVERTED, /* the same */
    MG_EVENT_TRIED,    /* the same, in a rehearsal: it will be rolled back */
    MG_EVENT_RECORDED, /* migration; text: as what, without being run */
    MG_EVENT_NOTICE,   /* migration; text: a server's NOTICE or WARNING with its severity */
    MG_EVENT_NOTE,     /* text: worth knowing */
    MG_EVENT_WARNING,  /* text: worth acting on; says what is done despite it */
    MG_EVENT_DEBUG,    /* text: a statement sent, an answer received */
} MgEventKind;

/* Valid during the call of on_event only, its texts too. */
typedef struct MgEvent {
    MgEventKind kind;
    const char *migration; /* "20260309101500_add_order_totals", or NULL */
    int64_t duration_us;   /* 0 when it has none */
    const char *text;      /* may be NULL */
    size_t step, n_steps;  /* "2 of 3"; 0 when it has none */
    /* RUNNING, PROGRESS: what the whole migration took elsewhere, 0: unknown; and since when it
     * runs here, of which duration_us is the newest statement's part. */
    int64_t expected_us, elapsed_us;
} MgEvent;

/* ---- Options ------------------------------------------------------------ */

/* A migration file in memory; name as it would stand in the folder.  text needs no NUL. */
typedef struct MgFile {
    const char *name;
    const char *text;
    size_t size_bytes;
} MgFile;

/*
 * What a context works with.  Fill with mg_options_init, then set what you
 * need.  Everything pointed to must live until mg_close.
 */
typedef struct MgOptions {
    size_t size;          /* sizeof(MgOptions), set by mg_options_init */
    const char *url;      /* NULL: chosen from environment */
    const char *url_from; /* how to name url's origin, "--url" if NULL */
    const char *url_env;  /* the one variable to take the URL from; NULL: all that are known */
    const char *env_file; /* look for the URL in this file only; NULL: environment, then .env */
    const char *env;    /* "production"; NULL: MIGRATE_ENV, or what a platform tells; "": none, on a
                           throw-away server */
    const char *config; /* the configuration file; NULL: none but with is_configured */
    bool is_configured; /* look for migrate.yaml, from the working folder upwards */
    bool is_skippable;  /* where the environment says "apply: no", see mg_skipped */
    char *const *environment; /* NULL-terminated "NAME=value" array such as environ, or NULL */
    const char *dir;          /* the migrations folder; NULL: "migrations" */
    const MgFile *files;      /* instead of a folder; NULL: read dir */
    size_t n_files;
    const char *history;    /* "schema.table"; NULL: "migrate.history" */
    const char *applied_by; /* recorded in the history; NULL: user@host */
    int64_t wait_turn_ms;   /* for another run's lock; 0 = 5 min, negative = do not wait */
    int64_t
        wait_server_ms; /* for a server to come up; 0 = 60 s, a local one 5 s; negative = one try */
    int64_t lock_retry_ms;    /* for locks of other sessions; 0 = 10 min, negative = one try */
    int64_t deadline_ms;      /* no migration starts later than this after mg_open; 0 = none */
    bool is_session_accepted; /* a session-mode pooler will do, with the fence */
    bool is_session_declined; /* it will not, whatever the configuration says */
    bool is_direct_derived;   /* of a pooled URL use the direct twin, where a rule tells it */
    bool is_reading;          /* for mg_plan and mg_log only: a pooled URL will do, with a note */
    bool is_offline;          /* for mg_plan only: the history is the one in the notebook */
    /*
     * The notebook: a SQLite file with the last seen history of each target, a journal of the
     * runs of this machine and how long migrations took.  It decides nothing, and a run goes on
     * without it; a warning is told only where notebook, or MIGRATE_STATE, names the file.
     */
    bool keeps_notebook;
    const char *notebook; /* NULL: MIGRATE_STATE, else migrate/state.db in the cache folder */
    const char *command;  /* in the journal: "redo"; NULL: up or down */
    bool is_diagnosing;   /* mg_open leaves a refused URL and a bad folder to mg_diagnose */
    bool is_verbose;      /* tell MG_EVENT_DEBUG too */
    bool is_live;         /* tell MG_EVENT_PROGRESS too, for a line that is replaced */
    int cancel_fd;        /* readable = stop, roll back, fail with MG_E_CANCELLED; -1: none */
    void (*on_event)(void *payload, const MgEvent *event);
    /* Migrations may end in bursts.  What was gathered of them is to be shown now: the server's
     * next answer may take long.  NULL: nothing is gathered. */
    void (*on_idle)(void *payload);
    void *payload; /* of both */
} MgOptions;

/* Everything NULL, 0 or false but size and cancel_fd: the defaults, in an empty environment. */
MG_API void mg_options_init(MgOptions *options);

/* ---- Results ------------------------------------------------------------ */

/* X(kind, word): where a migration comes from; the word stands in the history and in reports. */
#define MG_KIND_LIST(X)                                                                            \
    X(MG_VERSIONED, "versioned")   /* a file with a version */                                     \
    X(MG_REPEATABLE, "repeatable") /* a file that runs again when it changes */                    \
    X(MG_BASELINE, "baseline")     /* was there before the history: recorded, not run */           \
    X(MG_ADOPTED, "adopted")       /* recorded without being run */

#define MG_KIND_ENUM(kind, word) kind,
typedef enum MgKind { MG_KIND_LIST(MG_KIND_ENUM) MG_N_KINDS } MgKind;
#undef MG_KIND_ENUM

/* Its word; static. */
MG_API const char *mg_kind_name(MgKind kind);

/* X(state, word): every migration is in exactly one state. */
#define MG_STATE_LIST(X)                                                                           \
    X(MG_STATE_APPLIED, "applied") /* in the history, and its file agrees */                       \
    X(MG_STATE_PENDING, "pending") /* a file, not in the history */                                \
    X(MG_STATE_LATE, "late")       /* pending below the newest applied version */                  \
    X(MG_STATE_DRIFTED, "drifted") /* the file no longer matches its row */                        \
    X(MG_STATE_MISSING, "missing") /* in the history, no file, below the newest file */            \
    X(MG_STATE_AHEAD, "ahead")     /* in the history, newer than every file */                     \
    X(MG_STATE_PARTIAL, "partial") /* a no-transaction migration that stopped half-way */          \
    X(MG_STATE_CHANGED, "changed") /* a repeatable whose file changed since it ran */              \
    X(MG_STATE_STALE, "stale")     /* a repeatable: a migration was reverted after it ran */

#define MG_STATE_ENUM(state, word) state,
typedef enum MgState { MG_STATE_LIST(MG_STATE_ENUM) MG_N_STATES } MgState;
#undef MG_STATE_ENUM

/* Its word; static. */
MG_API const char *mg_state_name(MgState state);

/* X(verdict, word): what the proof says of a session. */
#define MG_VERDICT_LIST(X)                                                                         \
    X(MG_UNPROVED, "unproved")                     /* nothing is known for sure */                 \
    X(MG_DIRECT, "direct")                         /* our own backend, nothing in between */       \
    X(MG_PINNED, "pinned")                         /* our own backend, behind a 1:1 proxy */       \
    X(MG_SESSION_POOLED, "session-pooled")         /* a used backend, ours until we leave */       \
    X(MG_TRANSACTION_POOLED, "transaction-pooled") /* shared with others while we work */          \
    X(MG_PGPOOL, "pgpool")                         /* pgpool-II: routes and rewrites */

#define MG_VERDICT_ENUM(verdict, word) verdict,
typedef enum MgVerdict { MG_VERDICT_LIST(MG_VERDICT_ENUM) MG_N_VERDICTS } MgVerdict;
#undef MG_VERDICT_ENUM

/* Which database, and over what kind of session. */
typedef struct MgTarget {
    const char *database, *host, *user; /* host: a name, an address or a socket folder */
    int port;
    bool is_local;    /* loopback or a socket */
    const char *from; /* "DATABASE_URL", "DATABASE_URL in .env" */
    const char *url;  /* password masked */
    MgVerdict verdict;
    const char *verdict_name;     /* "direct", "pinned" */
    const char *server_version;   /* "17.5" */
    const char *environment;      /* "production", or NULL */
    const char *environment_from; /* "VERCEL_ENV", "--env" */
    const char *claimed_by;       /* the environment it belongs to, or NULL: known once connected */
    int64_t claimed_at_ms;
} MgTarget;

/* One migration: its file, its row in the history, or both. */
typedef struct MgEntry {
    const char *version; /* NULL for a repeatable */
    const char *name;
    const char *label; /* the one spelling: "20260309101500_add_order_totals", "R__report" */
    MgKind kind;
    MgState state;
    const char *file; /* path of the up script, NULL when there is none */
    bool has_down;
    int n_statements, n_statements_done; /* of its down script when that stopped half-way: */
    bool is_half_reverted;
    int64_t applied_at_ms;
    int64_t duration_us;
    const char *applied_by;
    const char *commit;       /* git commit of the run that applied it, or NULL */
    const char *const *notes; /* "baseline", "cosmetic-edit", "down-changed", "half-reverted",
                                 "no-down", "renamed" */
    size_t n_notes;
} MgEntry;

typedef enum MgDirection { MG_UP, MG_DOWN } MgDirection;

/* One thing that a goal would do. */
typedef struct MgStep {
    MgDirection direction;
    const MgEntry *entry;
    int n_statements;
    bool is_transactional;
    bool is_from_history;      /* down: the script stored when it was applied */
    const char *stored;        /* its text, passwords masked, or NULL */
    int resume_at;             /* statements of an earlier try that are not run again */
    bool is_fate_unknown;      /* statement resume_at + 1 was started, and may or may not be done */
    const char *prefix_digest; /* of those statements, or NULL */
    const char *how; /* "one transaction", "no transaction: CREATE INDEX CONCURRENTLY", ... */
    const struct MgScript *script;       /* opaque: what runs */
    const struct MgMigration *migration; /* opaque: NULL when it is from the history alone */
    int64_t row_id;                      /* history row to revert or resume, 0 = none */
} MgStep;

/* What is wanted; files, history and rules are the same for all. */
typedef enum MgGoalKind {
    MG_GOAL_UP,       /* apply what is pending */
    MG_GOAL_DOWN,     /* revert the newest applications */
    MG_GOAL_REDO,     /* revert the newest application and apply its file again */
    MG_GOAL_BASELINE, /* record what is pending up to a version, without running it */
    MG_N_GOALS
} MgGoalKind;

typedef struct MgGoal {
    MgGoalKind kind;
    int count;            /* how many; 0 = all for up, one for down */
    const char *to;       /* up to and including it; down to it, which stays applied; or NULL */
    bool is_late_allowed; /* apply what is below the head */
    bool is_strict;       /* ahead and missing refuse instead of warn */
    bool is_not_empty_allowed;    /* start a history in a database that has tables */
    bool is_from_history_allowed; /* run stored down scripts without being asked again */
    bool is_one_transaction;      /* up: all of them commit together or none does */
    bool is_rehearsal;            /* up: the same, and it is rolled back at its end */
    /* What somebody has agreed to: nothing else is done, MG_E_CHANGED; NULL: nobody was asked. */
    const struct MgPlan *shown;
} MgGoal;

/* What a goal comes to. */
typedef struct MgPlan {
    MgTarget target;
    const char *head; /* label of the newest applied version, NULL when there is none */
    MgEntry *entries; /* versioned ones in order, then repeatables by name */
    size_t n_entries;
    int counts[MG_N_STATES];
    MgStep *steps; /* meaningful only when there is no refusal */
    size_t n_steps;
    MgError *refusals; /* the worst first */
    size_t n_refusals;
    const char **warnings, **notes;
    size_t n_warnings, n_notes;
    int64_t as_of_ms; /* offline: when the history was seen; 0 = just now */
} MgPlan;

/* A migration that was applied, reverted or tried. */
typedef struct MgDoneStep {
    MgDirection direction;
    const MgEntry *entry; /* as it was before */
    int64_t duration_us;
    int n_statements;
    bool is_transactional;
} MgDoneStep;

typedef struct MgOutcome {
    int n_applied, n_reverted;
    int n_tried;            /* in a rehearsal; nothing of it was kept */
    int n_recorded;         /* by baseline: not run */
    const MgDoneStep *done; /* what was applied, reverted or tried, in that order */
    size_t n_done;
    int64_t elapsed_us;        /* in mg_open and mg_run, not between them */
    const char *head;          /* label of the newest applied version afterwards, or NULL */
    const char *head_version;  /* its version */
    const char *done_by_other; /* "app@host applied 3" when another run did the work, or NULL */
} MgOutcome;

/* ---- Running ------------------------------------------------------------ */

/*
 * Read the options, choose the target and list the migrations.  Makes no
 * connection.  What a file says is looked at when it matters: when its history
 * does not have it as it is, or with is_diagnosing at once.  Fails with MG_E_NO_TARGET,
 * _AMBIGUOUS_URL, _BAD_URL, _POOLED_URL, _CONFIG, _SOURCE, _FILE, _SYSTEM or _USAGE.
 */
MG_API bool mg_open(const MgOptions *options, MgContext **ret, MgError *err);
/* Close the connection and free everything; NULL is fine. */
MG_API void mg_close(MgContext *context);

/* What the context works on; verdict and server version are known once connected. */
MG_API const MgTarget *mg_target(const MgContext *context);

/*
 * Why nothing is to be done here: "environment preview from VERCEL_ENV has
 * "apply: no" (migrate.yaml:12)"; else NULL.  With is_skippable mg_open has then
 * looked for neither database nor migrations, and whatever needs them fails
 * with MG_E_USAGE.
 */
MG_API const char *mg_skipped(const MgContext *context);

/*
 * The value that counts of a setting, by its key in migrate.yaml ("dir",
 * "output", "timeouts.lock"): options, environment, migrate.yaml, default.  ""
 * when it has none.  Fails with MG_E_CONFIG, also when it does not fit into
 * ret_bytes, or with MG_E_USAGE when there is no such key.
 */
MG_API bool mg_setting(const MgOptions *options, const char *key, char *ret, size_t ret_bytes,
                       MgError *err);

/*
 * What follows connects, works and disconnects, each by itself, on the files
 * that mg_open has found; a context may be used for several calls.  Any of them
 * may fail with MG_E_UNREACHABLE, _CONNECTION_LOST, _CREDENTIALS, _PERMISSION,
 * _CONFIG, _HISTORY, _SERVER, _CANCELLED or _DEADLINE.  Those that write prove
 * the session and wait for their turn, and so also fail with MG_E_UNPROVED,
 * _READ_ONLY, _OLD_SERVER, _FENCE, _LOCK_BUSY or _CLAIMED.  err->note says what
 * state the database is in.
 */

/*
 * Compare files and history and say what goal would do.  Reads only: takes no
 * lock.  Refusals are data in the plan, not an error.  Fails with MG_E_SOURCE or
 * _FILE where a file that it needs cannot be used; is_offline: with
 * MG_E_NOTEBOOK when this machine has not seen the target.
 */
MG_API bool mg_plan(MgContext *context, const MgGoal *goal, const MgPlan **ret, MgError *err);

/* What a row of the history tells: a migration was applied, or reverted. */
typedef struct MgLogEntry {
    int64_t at_ms;
    const char *what; /* "applied", "reverted", "partial", "baseline", "adopted", "claimed",
                         "released" */
    const char *version, *name, *label;
    const char *kind;    /* as the history has it: "versioned", "claim" */
    int64_t duration_us; /* of an application */
    const char *by;
    const char *commit, *run_url; /* of an application; may be NULL */
    const char *environment;      /* NULL when the history does not tell */
    const char *tool;             /* the version of migrate that applied it, or NULL */
    bool is_undoing;              /* it ended what the row had begun */
    int64_t row_id;
} MgLogEntry;

typedef struct MgLog {
    MgTarget target;
    MgLogEntry *entries; /* the newest first */
    size_t n_entries;
} MgLog;

/*
 * Everything that the history tells, reverts too.  word: only what happened to
 * that migration, a version, a name or a file; NULL: all.  Reads like mg_plan.
 * Fails with MG_E_UNKNOWN_VERSION when the history does not know word.
 */
MG_API bool mg_log(MgContext *context, const char *word, const MgLog **ret, MgError *err);

/*
 * Reach the goal: prove the session, take the lock, plan, execute.  On failure
 * *outcome is still written: what was done before stays done.  Fails with
 * MG_E_SQL where a migration failed on the server, with MG_E_SOURCE or _FILE
 * before anything is sent, and with the codes of a plan's refusals; of several,
 * the others come as MG_EVENT_WARNING.
 */
MG_API bool mg_run(MgContext *context, const MgGoal *goal, MgOutcome *outcome, MgError *err);

/* ---- Repairing the history ------------------------------------------------ */

typedef enum MgRepairKind {
    MG_REPAIR_DONE,          /* the statement whose fate is not known took effect */
    MG_REPAIR_AGAIN,         /* it did not: the next run begins with it */
    MG_REPAIR_ACCEPT_FILE,   /* the database agrees with the file as it is now */
    MG_REPAIR_MARK_REVERTED, /* the file is gone, and the database is without what it did */
    MG_REPAIR_RENUMBER,      /* the file has another version now */
} MgRepairKind;

typedef struct MgRepair {
    MgRepairKind kind;
    const char *version; /* or a label, or the path of a file */
    int statement;       /* MG_REPAIR_DONE, _AGAIN: its number, 1-based */
    const char *from;    /* MG_REPAIR_RENUMBER: the version that the file had */
} MgRepair;

/* A value of a history row; NULL is null. */
typedef struct MgChange {
    const char *column, *from, *to;
    bool is_blind; /* from is not known, and the texts are too long to be shown */
} MgChange;

/* What a repair changes: values of one row of the history, nothing else. */
typedef struct MgRepairPlan {
    MgTarget target;
    const char *history; /* "migrate.history" */
    const char *label;   /* of the migration */
    int64_t row_id;
    MgChange *changes;
    size_t n_changes;    /* 0: the row is true already */
    const char *outcome; /* "statement 2 of 3_x is recorded as done" */
} MgRepairPlan;

/*
 * Say what a repair would change.  Reads only.  Where it cannot be true it fails
 * with MG_E_USAGE, _UNKNOWN_VERSION, _MISSING, _DRIFT, _PARTIAL, _FILE or _CHANGED.
 */
MG_API bool mg_plan_repair(MgContext *context, const MgRepair *repair, const MgRepairPlan **ret,
                           MgError *err);

/* Prove the session, take the lock, look again, and change the row.  Fails like mg_plan_repair. */
MG_API bool mg_repair(MgContext *context, const MgRepair *repair, const MgRepairPlan **ret,
                      MgError *err);

/*
 * The URLs of the target's database, as the provider's rules make them from the
 * one that was chosen.  NULL where no rule tells.
 */
typedef struct MgUrls {
    const char *chosen, *direct, *pooled;
    const char *direct_name, *pooled_name; /* the variables that usually hold them; never NULL */
    const char *advice;                    /* a sentence: where the direct URL is found, or NULL */
} MgUrls;

/* Without a connection.  Passwords are *** unless is_revealed: then the texts are secrets. */
MG_API void mg_urls(MgContext *context, bool is_revealed, MgUrls *ret);

/* ---- The schema as text ---------------------------------------------------- */

typedef struct MgDump {
    const char *text; /* SQL that makes the schema and its history in an empty database */
    size_t size_bytes;
    size_t n_migrations; /* in its history */
} MgDump;

/*
 * Write down the schema, by PostgreSQL's own pg_dump, and the history, as of one
 * moment.  The same schema gives the same text, whoever migrated it and when.
 * has_owners: with the owners of objects and grants on them.  Reads only, but
 * needs a proved session: pg_dump changes settings of the one it gets.  Fails
 * with MG_E_UNPROVED, _NO_POSTGRES where pg_dump is missing or too old, _PARTIAL
 * or _SYSTEM.
 */
MG_API bool mg_dump(MgContext *context, bool has_owners, MgDump *ret, MgError *err);

/* ---- The journal of this machine ---------------------------------------- */

/* What a run did with one migration. */
typedef struct MgJournalStep {
    const char *what; /* "applied", "reverted", "tried", "recorded", "repaired", "failed" */
    const char *label;
    int64_t duration_us;
} MgJournalStep;

typedef struct MgJournalRun {
    int64_t id;
    const char *command; /* "up" */
    int64_t began_at_ms, elapsed_us;
    const char *database, *host, *user; /* host and user may be NULL */
    int port;
    const char *history; /* "migrate.history" */
    const char *by;
    const char *tool; /* the version of migrate */
    int n_applied, n_reverted;
    int n_recorded;       /* changes of the history alone: baseline, repair, claim */
    int n_tried;          /* in a rehearsal */
    const char *head;     /* afterwards, or NULL */
    const MgError *error; /* NULL: it succeeded */
    MgJournalStep *steps; /* only when one run was asked for */
    size_t n_steps;
} MgJournalRun;

typedef struct MgJournal {
    MgJournalRun *items; /* the newest first */
    size_t n;
    int64_t n_all; /* in the notebook */
} MgJournal;

/*
 * Read the newest limit runs (0: all), or run id alone, from the notebook that
 * options name; needs no database.  Close it with mg_journal_close.  Fails with
 * MG_E_NOTEBOOK.
 */
MG_API bool mg_journal_open(const MgOptions *options, int64_t id, int64_t limit,
                            const MgJournal **ret, MgError *err);
MG_API void mg_journal_close(const MgJournal *journal);

/* ---- Claims ---------------------------------------------------------------- */

/* A target that is claimed belongs to one environment, as long as it is reached by the same host.
 */
typedef struct MgClaimed {
    const char *environment; /* NULL: there is no claim */
    const char *by;          /* who claimed it */
    int64_t at_ms;
    const char *hosts; /* where: "ep-cool-mud-a1b2c3d4.eu-central-1.aws.neon.tech" */
    bool is_elsewhere; /* this is another host: the claim binds nobody here */
    bool is_changed;   /* by this call */
} MgClaimed;

/* Whose is it?  The claim of this host; without one, the newest of another host.  Reads only. */
MG_API bool mg_claim_show(MgContext *context, MgClaimed *ret, MgError *err);
/*
 * An address of this machine may be the end of a tunnel.  Where the session is
 * not direct and the history has a claim of another host, this may be that very
 * database: ret is the claim.  Else ret->environment is NULL, without a
 * connection where the address is not local.  Reads only.
 */
MG_API bool mg_claim_behind(MgContext *context, MgClaimed *ret, MgError *err);
/*
 * Claim it for an environment, and begin its history where the database is
 * empty.  Fails with MG_E_CLAIMED when it is another one's, MG_E_NOT_EMPTY when
 * there are tables and no history.
 */
MG_API bool mg_claim_make(MgContext *context, const char *environment, MgClaimed *ret,
                          MgError *err);
/* Give it free; *ret tells whose it was. */
MG_API bool mg_claim_release(MgContext *context, MgClaimed *ret, MgError *err);

/* ---- Diagnosis ---------------------------------------------------------- */

typedef enum MgFindingStatus {
    MG_FINDING_OK,
    MG_FINDING_NOTE, /* worth knowing */
    MG_FINDING_WARN, /* worth acting on */
    MG_FINDING_FAIL, /* no migration can run until it is mended */
} MgFindingStatus;

typedef struct MgFinding {
    MgFindingStatus status;
    const char *section; /* "URL", "Connection", "Server", "Migrations" */
    const char *topic;   /* "proof", "role", "lock" */
    const char *text;
    const char *hint; /* what to do, perhaps a command or SQL on lines of its own; or NULL */
} MgFinding;

typedef struct MgDiagnosis {
    MgTarget target;
    MgFinding *findings; /* section by section */
    size_t n_findings;
    int n_warnings, n_failures;
    MgErrorCode code; /* of the first failure; MG_OK: "up" may run here */
    int64_t lock_key; /* of the advisory lock that runs take turns by */
} MgDiagnosis;

/*
 * Look at the URL, the connection, the server, the role, the history and the
 * files, and say whether "up" may run here.  Changes nothing and takes no lock.
 * What is wrong is a finding, an unreachable server too; open the context with
 * is_diagnosing.  Fails only with MG_E_CANCELLED.
 */
MG_API bool mg_diagnose(MgContext *context, const MgDiagnosis **ret, MgError *err);

/* ---- Verifying -------------------------------------------------------------- */

/* Another commit, which the files are compared with. */
typedef struct MgBase {
    const char *ref; /* as shown: "origin/main" */
    const char *const *names;
    size_t n_names;        /* of the files of the migrations folder, there */
    const MgFile *changed; /* files as they were before they were edited or deleted here */
    size_t n_changed;
} MgBase;

typedef struct MgVerify {
    bool is_files_only;
    const MgBase *base; /* NULL: none; with one no database is asked */
} MgVerify;

typedef struct MgVerified {
    bool is_target_asked;
    MgTarget target;
    const char *base;  /* NULL: none */
    bool is_unsettled; /* the one finding must be settled before migrations can be looked at */
    size_t n_migrations;
    MgError *findings; /* each with its place, where it has one */
    size_t n_findings;
} MgVerified;

/*
 * Look for what is wrong with the files; against the history of the target,
 * where one is named, and who may write that; or against another commit.  Reads
 * only.  Open the context with is_reading and is_diagnosing: a folder that
 * cannot be used is a finding.
 */
MG_API bool mg_verify(MgContext *context, const MgVerify *verify, const MgVerified **ret,
                      MgError *err);

/* ---- Looking into the files ---------------------------------------------- */

/* One direction of a migration, as its file says it. */
typedef struct MgScriptFacts {
    const char *version; /* NULL for a repeatable */
    const char *name, *label;
    MgKind kind;
    MgDirection direction;
    const char *file;
    const char *digest; /* SHA-256 of the script's text, line ends as \n */
    int n_statements;
    bool is_transactional;
    bool has_copy_data;
    const char *how; /* "one transaction", "no transaction: VACUUM", "refused: ..." */
    const char
        *destructive_label; /* the first statement that takes away what stood before, or NULL */
    int destructive_line, destructive_column, n_destructive;
    bool is_destructive_allowed; /* says "-- migrate:destructive" */
} MgScriptFacts;

/* One statement; its texts are valid during the call only. */
typedef struct MgStatement {
    MgDirection direction;
    int number;                  /* as in messages; 0: folded into the migration's transaction */
    int line, column;            /* column in characters */
    size_t begin, end;           /* bytes of the file, without the semicolon */
    size_t data_begin, data_end; /* of COPY ... FROM STDIN, without the end mark */
    const char *label;           /* "CREATE INDEX CONCURRENTLY" */
    const char *text;            /* the first line, without passwords, cut when it is long */
    const char
        *destructive_label; /* what it takes away that stood before, "DROP COLUMN", or NULL */
    bool is_transaction_control;
    bool is_copy_data;
    bool refuses_transaction; /* on some supported server */
    bool can_touch_session;   /* settings, roles, temporary tables, or a query that might */
} MgStatement;

typedef struct MgScriptCalls {
    void (*on_script)(void *payload, const MgScriptFacts *script);
    void (*on_statement)(void *payload, const MgStatement *statement); /* NULL: not wanted */
    void *payload;
} MgScriptCalls;

/*
 * Read the migrations of options and tell of each script, up before down, and
 * of its statements.  version names one migration as MgGoal.to does; NULL: all.
 * Needs no database and makes no connection; memory does not grow with the
 * files.  Fails with MG_E_SOURCE, _FILE or _USAGE.
 */
MG_API bool mg_scripts(const MgOptions *options, const char *version, const MgScriptCalls *calls,
                       MgError *err);

/* ---- Beginning in a project --------------------------------------------- */

typedef struct MgInit {
    bool is_here;       /* in the working folder, not at the root of the repository */
    bool is_inspecting; /* look into the database too; reads only */
} MgInit;

typedef enum MgInitPart {
    MG_INIT_FOUND,   /* what the project has */
    MG_INIT_CREATED, /* what was made */
    MG_INIT_KEPT,    /* what was there already, and is as it was */
    MG_INIT_NEXT,    /* what to do */
    MG_N_INIT_PARTS
} MgInitPart;

typedef struct MgInitItem {
    MgInitPart part;
    const char *kind;    /* "url", "database", "tool", "build", "config", "migrations", "command" */
    const char *subject; /* a variable, a file, a command */
    const char *text;    /* NULL: the subject says it */
    const char *hint;    /* what to do about it, perhaps on several lines; or NULL */
} MgInitItem;

typedef struct MgBegun {
    const char *config; /* path of migrate.yaml */
    const char *dir;    /* of the migrations */
    MgInitItem *items;  /* part by part */
    size_t n_items;
    size_t n_created;
} MgBegun;

/*
 * Look at what the project has, and make migrate.yaml and the migrations folder
 * where they are missing; nothing that is there is changed.  Open the context
 * with is_diagnosing.  Fails with MG_E_CONFIG or _SYSTEM, and with
 * is_inspecting as mg_plan does: then nothing was made.
 */
MG_API bool mg_init(MgContext *context, const MgInit *init, const MgBegun **ret, MgError *err);

/* ---- Writing results ---------------------------------------------------- */

typedef enum MgFormat { MG_TABLE, MG_JSON, MG_MARKDOWN, MG_HTML } MgFormat;

typedef void (*MgWrite)(void *payload, const char *text, size_t size_bytes);

/* Which rows of a status are shown; JSON shows all, and HTML has those left out of a glance under
 * a fold. */
typedef enum MgRows {
    MG_ROWS_GLANCE,  /* what is not plainly applied, and the newest ten that are */
    MG_ROWS_PENDING, /* what "up" would apply */
    MG_ROWS_ALL,
} MgRows;

/* How a result is to be shown. */
typedef struct MgView {
    MgFormat format;
    int64_t now_ms; /* "at" in JSON */
    MgRows rows;
    int64_t limit;        /* of a log's rows; 0: all */
    int width;            /* columns of the terminal; 0: never cut names */
    const MgError *error; /* JSON: shown as "error"; NULL: none */
    bool is_question; /* tables: without the last line; whoever asks says something else there */
} MgView;

/* Write the state of every migration ("migrate status").  plan may be NULL when view->error says
 * why. */
MG_API void mg_write_status(const MgPlan *plan, const MgView *view, MgWrite write, void *payload);
/* Write the steps ("migrate plan"). */
MG_API void mg_write_plan(const MgPlan *plan, const MgView *view, MgWrite write, void *payload);

/* What a run was for, and what became of it. */
typedef struct MgRunResult {
    MgDirection direction;
    bool is_rehearsal;
    const MgTarget *target; /* NULL: not known */
    const MgOutcome *outcome;
    const char *skipped; /* mg_skipped, or NULL */
} MgRunResult;

/* Write the result of mg_run ("migrate up --output json"), also of one that failed. */
MG_API void mg_write_outcome(const MgRunResult *result, const MgView *view, MgWrite write,
                             void *payload);

/* Write the log of a target; log may be NULL when view->error says why. */
MG_API void mg_write_log(const MgLog *log, const MgView *view, MgWrite write, void *payload);
/* Write a list of runs; journal may be NULL when view->error says why. */
MG_API void mg_write_journal(const MgJournal *journal, const MgView *view, MgWrite write,
                             void *payload);
/* Write the journal's one run with its steps; the same. */
MG_API void mg_write_run(const MgJournal *journal, const MgView *view, MgWrite write,
                         void *payload);

/* Write the findings of verify; verified may be NULL when view->error says why. */
MG_API void mg_write_verify(const MgVerified *verified, const MgView *view, MgWrite write,
                            void *payload);
/* Write the findings and the verdict ("migrate doctor").  diagnosis may be NULL when view->error
 * says why there is none. */
MG_API void mg_write_doctor(const MgDiagnosis *diagnosis, const MgView *view, MgWrite write,
                            void *payload);

/* Write what was found and made ("migrate init"); begun may be NULL when view->error says why. */
MG_API void mg_write_init(const MgBegun *begun, const MgView *view, MgWrite write, void *payload);

/*
 * Write the statements of the migration version, or one line for each script
 * when it is NULL ("migrate show"), as they are read.
 */
MG_API bool mg_write_scripts(const MgOptions *options, const char *version, const MgView *view,
                             MgWrite write, void *payload, MgError *err);

/* ---- Making migrations -------------------------------------------------- */

typedef struct MgNew {
    const char *dir;  /* NULL: "migrations"; made when it is not there */
    const char *name; /* words; becomes lower case with underscores */
    int64_t now_ms;   /* the version is this time, UTC, unless the folder counts: 0007, 0008 */
    bool is_repeatable;
    bool is_single; /* one file with an up and a down section */
    bool is_no_transaction;
} MgNew;

enum {
    MG_NEW_MAX_FILES = 2,
};

/*
 * Create the files of a new migration; paths has the names, "" where there is no
 * second one.  Fails with MG_E_USAGE, _SOURCE or _SYSTEM; nothing is overwritten.
 */
MG_API bool mg_new(const MgNew *new_migration, char paths[MG_NEW_MAX_FILES][512], MgError *err);

/* ---- Renumbering ---------------------------------------------------------- */

typedef struct MgRenumber {
    const char *dir;     /* the migrations folder */
    const char *version; /* or a label, or the path of a file */
    const char *above;   /* label of the newest applied one, which counts too; NULL: unknown */
    const char *const *applied; /* labels of what is applied, as far as it is known */
    size_t n_applied;
    int64_t now_ms;
} MgRenumber;

enum {
    MG_RENUMBER_MAX_FILES = 3,
};

typedef struct MgRenumbered {
    char from[300], to[300]; /* labels */
    char old_version[20], version[20];
    struct {
        char from[512], to[512];
    } files[MG_RENUMBER_MAX_FILES];
    size_t n_files; /* 0: it is the newest already, and stays as it is */
} MgRenumbered;

/*
 * Give the files of a migration a version behind all others, in the manner of
 * the folder: all are renamed or none.  Works on names alone, so also where two
 * migrations have one version.  A row of the history follows by
 * MG_REPAIR_RENUMBER.  Fails with MG_E_UNKNOWN_VERSION, _USAGE, _SOURCE or
 * _SYSTEM.
 */
MG_API bool mg_renumber(const MgRenumber *renumber, MgRenumbered *ret, MgError *err);
/* Give them their old names back.  Fails with MG_E_SYSTEM. */
MG_API bool mg_renumber_undo(const MgRenumbered *renumbered, MgError *err);

/* ---- A throw-away server ------------------------------------------------ */

/*
 * Start a PostgreSQL of our own from locally installed programs, in a private
 * folder, on a Unix socket, as an unprivileged user.  The first call makes a
 * template in the user's cache folder, later calls copy it.  environment is
 * searched for PATH, HOME, XDG_CACHE_HOME and TMPDIR.  Fails with
 * MG_E_NO_POSTGRES or MG_E_SYSTEM.
 */
MG_API bool mg_scratch_open(char *const *environment, MgScratch **ret, MgError *err);
/* The URL of its database, which is empty.  Lives until mg_scratch_close. */
MG_API const char *mg_scratch_url(const MgScratch *scratch);
/*
 * The environment for a program that works on it: of environment, every name
 * of a database leads there, also those that the .env files and Prisma's schema
 * of the working folder would set.  Lives until mg_scratch_close.
 */
MG_API bool mg_scratch_environment(MgScratch *scratch, char *const *environment, char *const **ret,
                                   MgError *err);
/* Stop the server and remove its folder; NULL is fine. */
MG_API void mg_scratch_close(MgScratch *scratch);

#ifdef __cplusplus
}
#endif

#endif
