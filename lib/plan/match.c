/*
 * Files and rows, joined: by version (a number) or a repeatable's name, then by
 * digest where a file was renamed.  Both sides are sorted and merged, so that
 * a hundred thousand of each stay cheap.
 */
#include "plan/match.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAX_NOTES = 6, /* an entry carries at most one of each kind */
};

/* Versions before repeatables; versions by number, repeatables by name. */
static int
compare_keys(const char *version_a, const char *name_a, const char *version_b, const char *name_b)
{
    if (version_a != NULL && version_b != NULL)
        return mg_version_compare(version_a, version_b);
    if (version_a != NULL || version_b != NULL)
        return version_a != NULL ? -1 : 1;
    return strcmp(name_a, name_b);
}

static int
compare_rows(const void *a, const void *b)
{
    const MgApplied *row_a = *(const MgApplied *const *)a;
    const MgApplied *row_b = *(const MgApplied *const *)b;
    int order = compare_keys(row_a->version, row_a->name, row_b->version, row_b->name);
    if (order != 0)
        return order;
    /* "9" and "009" are two rows and one version: the newer row gets the file. */
    return (row_a->id < row_b->id) - (row_a->id > row_b->id);
}

/* The order of ids nearly always is that of versions too. */
static bool
is_in_order(const MgHistory *history)
{
    for (size_t i = 1; i < history->n; i++) {
        const MgApplied *rows[] = { &history->items[i - 1], &history->items[i] };
        if (compare_rows(&rows[0], &rows[1]) > 0)
            return false;
    }
    return true;
}

void
mg_merge_init(MgMerge *merge, const MgSource *source, const MgHistory *history, MgArena *arena)
{
    *merge = (MgMerge){ .source = source, .history = history };
    if (is_in_order(history))
        return;
    merge->rows = mg_arena_room(arena, history->n, sizeof *merge->rows);
    for (size_t i = 0; i < history->n; i++)
        merge->rows[i] = &history->items[i];
    qsort(merge->rows, history->n, sizeof *merge->rows, compare_rows);
}

bool
mg_merge_next(MgMerge *merge, MgMatch *ret)
{
    const MgSource *source = merge->source;
    const MgHistory *history = merge->history;
    const MgMigration *file = merge->file_i < source->n ? &source->items[merge->file_i] : NULL;
    const MgApplied *row = merge->row_i == history->n ? NULL
                           : merge->rows != NULL      ? merge->rows[merge->row_i]
                                                      : &history->items[merge->row_i];
    if (file == NULL && row == NULL)
        return false;
    int order = row == NULL    ? -1
                : file == NULL ? 1
                               : compare_keys(file->version, file->name, row->version, row->name);
    *ret = (MgMatch){ .file = order <= 0 ? file : NULL, .row = order >= 0 ? row : NULL };
    merge->file_i += order <= 0;
    merge->row_i += order >= 0;
    return true;
}

static void
merge_all(const MgSource *source, const MgHistory *history, MgArena *arena, MgMatches *ret)
{
    MgMerge merge;
    MgMatch match;
    *ret = (MgMatches){ .cap = source->n + history->n };
    ret->items = mg_arena_room(arena, ret->cap, sizeof *ret->items);
    mg_merge_init(&merge, source, history, arena);
    while (mg_merge_next(&merge, &match))
        MG_PUSH(arena, ret, match);
}

static const char *
digest_of(const MgMatch *match)
{
    return match->file != NULL ? match->file->digest : match->row->digest;
}

static int
compare_digests(const void *a, const void *b)
{
    const MgMatch *match_a = *(MgMatch *const *)a;
    const MgMatch *match_b = *(MgMatch *const *)b;
    int order = strcmp(digest_of(match_a), digest_of(match_b));
    if (order != 0)
        return order;
    /* Both are of one array, so this is the order of versions. */
    return (match_a > match_b) - (match_a < match_b);
}

bool
mg_applied_is_half_reverted(const MgApplied *row)
{
    return row->down.n_started > 0;
}

MgProgress
mg_applied_progress(const MgApplied *row)
{
    if (mg_applied_is_half_reverted(row))
        return row->down;
    return (MgProgress){ .n_statements = row->n_statements,
                         .n_started = row->n_statements_started,
                         .n_done = row->n_statements_done,
                         .prefix_digest = row->prefix_digest };
}

bool
mg_applied_is_partial(const MgApplied *row)
{
    return mg_applied_is_half_reverted(row) || row->n_statements_done < row->n_statements ||
           row->n_statements_started > row->n_statements_done;
}

/*
 * A row without file and a file without row that say the same are one
 * migration.  But not a half-run one: it is resumed under the version of its
 * row, and its digest says nothing while its file may be mended.
 */
static void
join_renamed(MgMatches *matches, MgArena *arena)
{
    struct {
        MgMatch **items;
        size_t n, cap;
    } rows = { 0 }, files = { 0 };
    for (size_t i = 0; i < matches->n; i++) {
        MgMatch *match = &matches->items[i];
        if (match->file == NULL && match->row->version != NULL && match->row->digest != NULL &&
            !mg_applied_is_partial(match->row))
            MG_PUSH(arena, &rows, match);
        else if (match->row == NULL && match->file->version != NULL)
            MG_PUSH(arena, &files, match);
    }
    if (rows.n == 0 || files.n == 0)
        return;
    qsort(rows.items, rows.n, sizeof *rows.items, compare_digests);
    qsort(files.items, files.n, sizeof *files.items, compare_digests);

    for (size_t row_i = 0, file_i = 0; row_i < rows.n && file_i < files.n;) {
        MgMatch *row = rows.items[row_i];
        MgMatch *file = files.items[file_i];
        int order = strcmp(digest_of(row), digest_of(file));
        if (order == 0) {
            file->row = row->row;
            row->row = NULL;
        }
        row_i += order <= 0;
        file_i += order >= 0;
    }

    size_t n = 0;
    for (size_t i = 0; i < matches->n; i++)
        if (matches->items[i].file != NULL || matches->items[i].row != NULL)
            matches->items[n++] = matches->items[i];
    matches->n = n;
}

static bool
is_version(const MgMatch *match)
{
    return (match->file != NULL ? match->file->version : match->row->version) != NULL;
}

/*
 * A baseline of ours has one row a file.  One without digest was taken over from
 * elsewhere, and stands for everything up to its version.
 */
static bool
stands_for_all(const MgApplied *row)
{
    return row->kind == MG_BASELINE && row->digest == NULL;
}

/* Applied without a row of its own, because a baseline says so. */
static bool
is_in_baseline(const MgMatch *match, const MgApplied *baseline)
{
    return match->row == NULL && baseline != NULL && match->file->version != NULL &&
           mg_version_compare(match->file->version, baseline->version) <= 0;
}

/* The history may not know what the file says. */
static bool
is_same(const char *recorded, const char *of_file)
{
    return recorded != NULL && strcmp(recorded, of_file) == 0;
}

static MgState
state_with_both(const MgMatch *match)
{
    const MgApplied *row = match->row;
    const MgMigration *file = match->file;
    if (row->digest == NULL || strcmp(row->digest, file->digest) == 0 ||
        is_same(row->token_digest, file->up->token_digest))
        return row->is_stale ? MG_STATE_STALE : MG_STATE_APPLIED;
    return match->file->version == NULL ? MG_STATE_CHANGED : MG_STATE_DRIFTED;
}

/* newest_file: the match with the newest versioned file, or NULL. */
static MgState
state_of(const MgMatch *match, const MgMatches *matches, const MgMatch *newest_file)
{
    if (match->row == NULL) {
        if (is_in_baseline(match, matches->baseline))
            return MG_STATE_APPLIED;
        bool is_late =
            match->file->version != NULL && matches->head != NULL && match < matches->head;
        return is_late ? MG_STATE_LATE : MG_STATE_PENDING;
    }
    if (mg_applied_is_partial(match->row))
        return MG_STATE_PARTIAL;
    if (match->file != NULL)
        return state_with_both(match);
    if (stands_for_all(match->row))
        return MG_STATE_APPLIED; /* it needs no file */
    bool is_ahead = is_version(match) &&
                    (newest_file == NULL ||
                     mg_version_compare(match->row->version, newest_file->file->version) > 0);
    return is_ahead ? MG_STATE_AHEAD : MG_STATE_MISSING;
}

static bool
is_down_changed(const MgMatch *match)
{
    const MgApplied *row = match->row;
    if (row == NULL || match->file == NULL || row->kind != MG_VERSIONED)
        return false;
    const char *down_digest = match->file->down_digest;
    if (row->down_digest == NULL || down_digest == NULL)
        return row->down_digest != down_digest;
    return strcmp(row->down_digest, down_digest) != 0;
}

static bool
is_renamed(const MgMatch *match)
{
    const MgApplied *row = match->row;
    if (row == NULL || match->file == NULL || row->version == NULL || row->kind == MG_BASELINE)
        return false;
    return mg_version_compare(row->version, match->file->version) != 0 ||
           !is_same(row->name, match->file->name);
}

static void
take_notes(const MgMatch *match, bool is_by_baseline, MgArena *arena, MgEntry *ret)
{
    const char *notes[MAX_NOTES];
    size_t n = 0;
    if (is_by_baseline ||
        (match->row != NULL && match->row->kind == MG_BASELINE && !stands_for_all(match->row)))
        notes[n++] = "baseline";
    if (is_renamed(match))
        notes[n++] = "renamed";
    if (ret->state == MG_STATE_APPLIED && match->row != NULL && match->file != NULL &&
        match->row->digest != NULL && strcmp(match->row->digest, match->file->digest) != 0)
        notes[n++] = "cosmetic-edit";
    if (is_down_changed(match))
        notes[n++] = "down-changed";
    if (!ret->has_down && match->file != NULL && match->file->version != NULL)
        notes[n++] = "no-down";
    if (match->row != NULL && mg_applied_is_half_reverted(match->row))
        notes[n++] = "half-reverted";
    if (n == 0)
        return;
    const char **kept = mg_arena_room(arena, n, sizeof *kept);
    memcpy(kept, notes, n * sizeof *kept);
    ret->notes = kept;
    ret->n_notes = n;
}

static const char *
label_of(const MgMatch *match, MgArena *arena)
{
    if (match->file != NULL)
        return match->file->label;
    const MgApplied *row = match->row;
    if (row->version == NULL)
        return mg_arena_format(arena, "R__%s", row->name);
    if (row->name == NULL || row->name[0] == '\0')
        return row->version;
    return mg_arena_format(arena, "%s_%s", row->version, row->name);
}

static void
describe(const MgMatch *match, const MgMatches *matches, const MgMatch *newest_file, MgArena *arena,
         MgEntry *ret)
{
    const MgMigration *file = match->file;
    const MgApplied *row = match->row;
    MgProgress progress = { 0 };
    if (row != NULL)
        progress = mg_applied_progress(row);
    *ret = (MgEntry){
        .version = file != NULL ? file->version : row->version,
        .name = file != NULL ? file->name : row->name,
        .label = label_of(match, arena),
        .kind = row != NULL ? row->kind : file->kind,
        .state = state_of(match, matches, newest_file),
        .file = file != NULL ? file->path : NULL,
        .has_down = (file != NULL && file->has_down) || (row != NULL && row->down_digest != NULL),
        .n_statements = row != NULL ? progress.n_statements : file->up->n_statements,
        .n_statements_done = progress.n_done,
        .is_half_reverted = row != NULL && mg_applied_is_half_reverted(row),
        .duration_us = row != NULL ? row->duration_us : 0,
    };
    bool is_by_baseline = is_in_baseline(match, matches->baseline);
    const MgApplied *applied = is_by_baseline ? matches->baseline : row;
    if (applied != NULL) {
        ret->applied_at_ms = applied->applied_at_ms;
        ret->applied_by = applied->applied_by;
        ret->commit = applied->commit;
    }
    take_notes(match, is_by_baseline, arena, ret);
}

void
mg_match_build(const MgSource *source, const MgHistory *history, MgArena *arena, MgMatches *ret)
{
    merge_all(source, history, arena, ret);
    join_renamed(ret, arena);

    const MgMatch *newest_file = NULL;
    for (size_t i = 0; i < ret->n && is_version(&ret->items[i]); i++) {
        const MgMatch *match = &ret->items[i];
        if (match->file != NULL)
            newest_file = match;
        if (match->row != NULL && stands_for_all(match->row))
            ret->baseline = match->row;
        if (match->row != NULL && !mg_applied_is_partial(match->row))
            ret->head = match;
    }

    ret->entries = mg_arena_room(arena, ret->n, sizeof *ret->entries);
    for (size_t i = 0; i < ret->n; i++) {
        describe(&ret->items[i], ret, newest_file, arena, &ret->entries[i]);
        ret->items[i].entry = &ret->entries[i];
    }
}

bool
mg_match_may_repeat(const MgMatch *match, const MgScript *script)
{
    int number = mg_applied_progress(match->row).n_started;
    return script != NULL && !script->is_mixed && number >= 1 && number <= 64 &&
           (script->index_changes >> (number - 1) & 1) != 0;
}

const MgScript *
mg_match_script(const MgMatch *match)
{
    if (match->file == NULL)
        return NULL;
    if (match->row == NULL || !mg_applied_is_half_reverted(match->row))
        return match->file->up;
    return match->file->has_down ? match->file->down : NULL;
}
