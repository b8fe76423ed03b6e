/*
 * Which files a plan has to know.  Of ten thousand that were applied and are as
 * they were, none: they were analysed when they were applied.
 */
#include <string.h>

#include "plan/match.h"

static bool
is_same(const char *recorded, const char *of_file)
{
    return recorded != NULL && of_file != NULL && strcmp(recorded, of_file) == 0;
}

/* Does its row say all that a plan asks of it? */
static bool
is_known(const MgMatch *match)
{
    const MgMigration *file = match->file;
    const MgApplied *row = match->row;
    if (row == NULL || mg_applied_is_partial(row) || row->is_stale ||
        !is_same(row->digest, file->digest))
        return false;
    /* A repeatable without statements is told of at every run. */
    if (file->version == NULL && row->n_statements == 0)
        return false;
    /* Whether a down script has statements shows only in itself, or in a row that has its digest.
     */
    return file->down_digest == NULL || is_same(row->down_digest, file->down_digest);
}

/* Of versions, so many of the newest applications may be reverted. */
static size_t
count_reverts(const MgGoal *goal)
{
    if (goal->kind == MG_GOAL_REDO)
        return 1;
    if (goal->kind != MG_GOAL_DOWN)
        return 0;
    if (goal->to != NULL)
        return SIZE_MAX;
    return goal->count > 0 ? (size_t)goal->count : 1;
}

/* The oldest of the rows that may be reverted; NULL: none. */
static const MgApplied *
find_oldest_revert(const MgGoal *goal, const MgHistory *history)
{
    size_t room = count_reverts(goal);
    const MgApplied *oldest = NULL;
    for (size_t i = history->n; i > 0 && room > 0; i--) {
        if (history->items[i - 1].version == NULL)
            continue;
        oldest = &history->items[i - 1];
        room--;
    }
    return oldest;
}

static void
add_half_run(const MgMatch *match, size_t migration_i, MgArena *arena, MgNeeds *needs)
{
    MgProgress progress = mg_applied_progress(match->row);
    MgHalfRun half_run = { .migration_i = migration_i,
                           .is_down = mg_applied_is_half_reverted(match->row),
                           .n_done = progress.n_done };
    if (progress.n_done > 0 && progress.prefix_digest != NULL)
        MG_PUSH(arena, &needs->half_runs, half_run);
}

void
mg_needs_find(const MgGoal *goal, const MgSource *source, const MgHistory *history, MgArena *arena,
              MgNeeds *ret)
{
    const MgApplied *oldest = find_oldest_revert(goal, history);
    MgNeeds needs = { .is_analysed =
                          mg_arena_alloc_array(arena, source->n, sizeof *needs.is_analysed) };
    MgMerge merge;
    MgMatch match;
    mg_merge_init(&merge, source, history, arena);
    while (mg_merge_next(&merge, &match)) {
        const MgApplied *row = match.row;
        if (match.file == NULL)
            continue;
        size_t migration_i = (size_t)(match.file - source->items);
        bool is_run_again = match.file->version == NULL
                                ? goal->kind == MG_GOAL_REDO
                                : row != NULL && oldest != NULL && row->id >= oldest->id;
        needs.is_analysed[migration_i] = is_run_again || !is_known(&match);
        if (row != NULL && mg_applied_is_partial(row))
            add_half_run(&match, migration_i, arena, &needs);
    }
    *ret = needs;
}
