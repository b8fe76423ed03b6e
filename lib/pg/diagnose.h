/*
 * The doctor: what a session says of itself, its server, its role and the
 * history, and what that means for a run of "migrate up".
 *
 * Reads only: takes no lock, sets nothing, leaves nothing behind, on a pooler
 * neither.  diagnose.c asks, diagnose_judge.c and diagnose_server.c put what
 * was seen into findings; the latter two are pure.
 */
#ifndef MG_PG_DIAGNOSE_H
#define MG_PG_DIAGNOSE_H

#include "base/arena.h"
#include "base/error.h"
#include "pg/conn.h"
#include "pg/history.h"
#include "pg/lock.h"
#include "pg/prove.h"
#include "pg/start.h"
#include "plan/plan.h"
#include "target/url.h"

enum {
    MG_VITALS_MAX_INDEXES = 5, /* that are told one by one */
};

/* The answer to one question could not be had: its reason is in failure. */
typedef struct MgRoleVitals {
    MgError failure; /* code MG_OK: the rest is known */
    const char *name;
    const char *login; /* who logged in, if that is another one; else NULL */
    bool is_superuser;
    bool may_create_in_database;
    bool has_history_schema, may_create_in_history_schema;
    const char *schema; /* current_schema(), NULL when there is none */
    bool may_create_in_schema;
} MgRoleVitals;

/* Connections in use of how many; a limit of -1 is none. */
typedef struct MgUse {
    int64_t n, limit;
} MgUse;

typedef struct MgConnectionVitals {
    MgError failure;
    MgUse server; /* without what is reserved for others than this role */
    MgUse database, role;
} MgConnectionVitals;

typedef struct MgTableVitals {
    MgError failure;
    bool exists;
    const char *owner;
    bool may_write; /* this role: select, insert and update */
    bool has_row_security;
    const char *writers;        /* others who were granted it: "anon, PUBLIC"; "" = nobody */
    const char *writers_quoted; /* the same for a REVOKE */
} MgTableVitals;

typedef struct MgIndexVital {
    const char *name;                 /* quoted where it must be */
    bool is_partitioned, is_leftover; /* of REINDEX CONCURRENTLY */
} MgIndexVital;

typedef struct MgVitals {
    bool is_answered; /* false: the session gave no answer in time */
    MgError lost;     /* the connection broke, MG_OK when it did not */
    MgProof proof;
    size_t n_first_evidence; /* of the proof's evidence: the rest comes from the rounds */
    bool has_key;            /* the server sent a cancel key */
    int64_t round_trip_us;   /* -1 = unknown */
    MgError role_refusal;    /* the configured role cannot be taken: all is seen without it */
    MgRoleVitals role;
    MgConnectionVitals connections;
    MgTableVitals table;
    const char *timeouts; /* "statement_timeout=30s (role app)", ...; "" = none, NULL = unknown */
    MgError holder_failure;
    MgHolder holder;
    MgError history_failure;
    MgHistoryFacts facts;
    MgHistory history;
    MgError index_failure;
    MgIndexVital indexes[MG_VITALS_MAX_INDEXES];
    size_t n_indexes; /* may be more than are listed */
} MgVitals;

typedef struct MgVitalsInput {
    const MgConnOptions *options; /* for a second connection */
    const MgProofClaim *claim;
    const MgHistoryTable *table;
    const MgLock *lock;
    const MgSessionSettings *settings; /* the role that migrations run as */
} MgVitalsInput;

/*
 * Ask everything in one flight, measure a round trip, and where the first
 * answer leaves the proof open, prove by rounds.  What cannot be known is a
 * failure in ret.  Every wait has a limit.  Fails only when cancelled.
 */
MG_CHECK bool mg_vitals_read(MgConn *conn, const MgVitalsInput *input, MgArena *arena,
                             MgVitals *ret, MgError *err);

/* A setting, as it counts. */
typedef struct MgExaminedSetting {
    const char *key, *text; /* text NULL: it has none */
    const char *from;       /* "migrate.yaml:12"; NULL: the default */
} MgExaminedSetting;

/* All that was seen.  An MgError with code MG_OK says that all is well there. */
typedef struct MgExamination {
    const MgTarget *target;
    const MgUrl *url;
    const char *const *passed_over; /* names of pooled URLs of the same database */
    size_t n_passed_over;
    MgError target_failure; /* no URL: of the rest the files alone are known */
    MgError url_refusal;    /* by the URL's shape */
    MgError source_failure; /* the folder or a file cannot be used */
    MgError unreachable;    /* no connection: nothing below is known */
    int64_t connect_us;
    MgConnTls tls;
    int server_version;
    bool is_session_accepted;
    const MgHistoryTable *table;
    const MgLock *lock;
    const MgSource *source;
    const MgExaminedSetting *settings;
    size_t n_settings;
    const MgPosition *position; /* NULL: claims do not count */
    const MgVitals *vitals;
    const MgPlan *plan; /* NULL: history or source is not known */
} MgExamination;

/* Put it into findings and a verdict; texts live in arena or are borrowed from seen. */
void mg_diagnosis_build(const MgExamination *seen, MgArena *arena, MgDiagnosis *ret);

/* ---- Shared by the files that judge --------------------------------------- */

typedef struct MgFindings {
    MgFinding *items;
    size_t n, cap;
    MgArena *arena;
    MgErrorCode code;    /* of the first failure, MG_OK while there is none */
    const char *section; /* of what is added next */
} MgFindings;

/* The parts of a diagnosis that have files of their own. */
void mg_diagnose_settings(const MgExamination *seen, MgFindings *findings);
void mg_diagnose_environment(const MgExamination *seen, MgFindings *findings);

/* hint may be NULL. */
void mg_finding_add(MgFindings *findings, MgFindingStatus status, const char *topic,
                    const char *text, const char *hint);
/* A failure as the run would tell it. */
void mg_finding_fail(MgFindings *findings, const char *topic, const MgError *error);
/* What could not be asked: a note, with the server's reason. */
void mg_finding_unknown(MgFindings *findings, const char *topic, const MgError *failure);

/* Did a server answer the questions? */
bool mg_examination_is_answered(const MgExamination *seen);
/* The sections "Server" and "Migrations". */
void mg_diagnose_server(const MgExamination *seen, MgFindings *findings);
void mg_diagnose_migrations(const MgExamination *seen, MgFindings *findings);

#endif
