/*
 * Which file belongs to which row of the history, and what that makes of the
 * migration.  Internal to lib/plan.
 */
#ifndef MG_PLAN_MATCH_H
#define MG_PLAN_MATCH_H

#include "plan/plan.h"

/* One migration: its file, its row, or both. */
typedef struct MgMatch {
    const MgMigration *file;
    const MgApplied *row;
    MgEntry *entry;
} MgMatch;

typedef struct MgMatches {
    MgMatch *items; /* versioned ones in order, then repeatables by name */
    size_t n, cap;
    MgEntry *entries;          /* one for each item */
    const MgApplied *baseline; /* the one with the newest version, or NULL */
    const MgMatch *head;       /* the newest applied version, or NULL */
} MgMatches;

/* Files and rows side by side, by version or name alone; entry is not filled in. */
typedef struct MgMerge {
    const MgSource *source;
    const MgHistory *history;
    const MgApplied **rows; /* in order; NULL: the history is */
    size_t file_i, row_i;
} MgMerge;

void mg_merge_init(MgMerge *merge, const MgSource *source, const MgHistory *history,
                   MgArena *arena);
/* False: that was all. */
bool mg_merge_next(MgMerge *merge, MgMatch *ret);

/* All of it.  What mg_needs_find names is analysed. */
void mg_match_build(const MgSource *source, const MgHistory *history, MgArena *arena,
                    MgMatches *ret);

/* The script of the file that stopped half-way or would run next; NULL: not in the file. */
const MgScript *mg_match_script(const MgMatch *match);

/*
 * May the statement of script that was started last simply run again, whatever
 * became of it?  To build or to drop an index may: the executor finds out what
 * it left behind.  script may be NULL: then nothing is known.
 */
bool mg_match_may_repeat(const MgMatch *match, const MgScript *script);

#endif
