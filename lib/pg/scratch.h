/*
 * What the three parts of a scratch server share: scratch.c (the life of one),
 * scratch_template.c (programs and the cached data folder) and scratch_guard.c
 * (processes).  Nobody else includes this; the API is in migrate.h.
 */
#ifndef MG_PG_SCRATCH_H
#define MG_PG_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"

/* ---- scratch_guard.c ---------------------------------------------------- */

/* What the guard can be told to run, one at a time. */
typedef enum MgGuardJob { MG_JOB_INITDB, MG_JOB_WARM, MG_JOB_SERVER, MG_N_JOBS } MgGuardJob;

/* Everything the guard will need, made before the fork: it must not allocate. */
typedef struct MgGuardPlan {
    const char *folder; /* private, absolute; removed at the end */
    const char *log;    /* a path in it for what the programs say */
    bool must_drop;     /* become uid and gid first */
    uid_t uid;
    gid_t gid;
    char *const *jobs[MG_N_JOBS]; /* argv of each; item 0 is the path */
    char *const *removal;         /* argv of the last program: "rm -rf -- folder" */
    char *const *environment;     /* of all of them */
} MgGuardPlan;

typedef enum MgGuardStep {
    MG_GUARD_READY,      /* user and folder are right; a job may be sent */
    MG_GUARD_ENDED,      /* a job ended; value is a wait status */
    MG_GUARD_NOT_USER,   /* value is an errno, here and below */
    MG_GUARD_NOT_FOLDER, /* the user cannot enter the folder */
    MG_GUARD_NOT_RUN,    /* a program could not be started */
    MG_GUARD_SILENT,     /* nothing was said in time; no value */
    MG_GUARD_GONE,       /* the guard itself was killed; no value */
} MgGuardStep;

typedef struct MgGuardReport {
    MgGuardStep step;
    int value;
} MgGuardReport;

typedef struct MgGuard {
    pid_t pid;
    int fd; /* orders go out, reports come in; its end is the order to clean up */
} MgGuard;

/*
 * Start the guard: a process that runs the jobs, and that ends the running one
 * and removes the folder as soon as the other end of its socket is closed, by
 * us or by the kernel when we are killed.
 */
MG_CHECK bool mg_guard_start(const MgGuardPlan *plan, MgGuard *ret, MgError *err);
void mg_guard_order(const MgGuard *guard, MgGuardJob job);
/* The next report, waited for at most timeout_ms (negative: for ever). */
MgGuardReport mg_guard_wait(const MgGuard *guard, int timeout_ms);
/* End the job, remove the folder, wait until both are done. */
void mg_guard_stop(MgGuard *guard);

/* ---- scratch_template.c ------------------------------------------------- */

typedef struct MgPrograms {
    const char *initdb, *postgres, *rm; /* paths */
} MgPrograms;

/* In PATH, then in places, then where pg_config says.  Fails with MG_E_NO_POSTGRES. */
MG_CHECK bool mg_programs_find(char *const *environment, const char *const *places, MgArena *arena,
                               MgPrograms *ret, MgError *err);

/* Where the finished data folder of these programs and flags is kept. */
typedef struct MgTemplate {
    const char *cache;      /* NULL: there is no folder of ours to cache in */
    const char *path;       /* NULL likewise */
    const char *unfinished; /* its name until it is complete */
    const char *rm;
    int lock_fd; /* held while it is being made; -1 */
} MgTemplate;

/* key is any text that changes when a template must not be used any more. */
void mg_template_init(char *const *environment, const char *rm, const char *key, MgArena *arena,
                      MgTemplate *ret);
/* Copy it to folder, which must not exist, for uid and gid.  False: there is none that can be
 * copied. */
MG_CHECK bool mg_template_copy(const MgTemplate *template, const char *folder, uid_t uid, gid_t gid,
                               MgArena *arena);
/* One process at a time makes it; waits a while for the others.  Drop it in any case. */
void mg_template_lock(MgTemplate *template);
void mg_template_unlock(MgTemplate *template);
/* Keep a copy of folder; others see all of it or nothing.  A failure only costs time later. */
void mg_template_keep(const MgTemplate *template, const char *folder, MgArena *arena);
/* Remove a template that does not work. */
void mg_template_discard(MgTemplate *template, MgArena *arena);

#endif
