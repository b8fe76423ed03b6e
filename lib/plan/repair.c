/* Which repair changes what in a row. */
#include "plan/repair.h"

#include <string.h>

#include "base/error.h"
#include "plan/refuse.h"

typedef struct ChangeList {
    MgChange *items;
    size_t n, cap;
} ChangeList;

static bool
is_in_doubt(const MgProgress *progress)
{
    return progress->n_started > progress->n_done;
}

static bool
fail_unknown(const MgRepair *repair, const MgMatches *matches, MgArena *arena, MgError *err)
{
    MgRefusals refusals = { .arena = arena, .note = "nothing was changed" };
    mg_refuse_unknown(&refusals, repair->version, matches);
    *err = refusals.items[0];
    return false;
}

/* Which script's statements are counted; a migration's own goes without saying. */
static const char *
of_down(const MgMatch *match)
{
    return match->entry->is_half_reverted ? " of the down script" : "";
}

/* Is the statement the one whose fate is not known? */
static bool
check_statement(const MgRepair *repair, const MgMatch *match, MgError *err)
{
    MgProgress progress = { 0 };
    if (match->row != NULL)
        progress = mg_applied_progress(match->row);
    if (is_in_doubt(&progress) && repair->statement == progress.n_started)
        return true;
    const char *label = match->entry->label;
    if (match->row == NULL) {
        mg_fail(err, MG_E_USAGE, "migration \"%s\" has not run", label);
    } else if (!is_in_doubt(&progress)) {
        mg_fail(err, MG_E_USAGE, "no statement of migration \"%s\" is in doubt", label);
        mg_error_detail(err, "Done: %d of %d statements.", progress.n_done, progress.n_statements);
    } else {
        mg_fail(err, MG_E_USAGE, "statement %d of migration \"%s\" is not in doubt",
                repair->statement, label);
        mg_error_detail(err, "Statement %d%s was started and may have finished.",
                        progress.n_started, of_down(match));
        mg_error_hint(err, "Settle that one: migrate repair %s --statement %d done|again",
                      match->entry->version != NULL ? match->entry->version : label,
                      progress.n_started);
    }
    mg_error_hint(err, "See how it stands: migrate status");
    mg_error_note(err, "nothing was changed");
    return false;
}

static bool
finish(MgError *err)
{
    mg_error_note(err, "nothing was changed");
    return false;
}

static bool
fail_not_applied(const MgMatch *match, MgError *err)
{
    mg_fail(err, MG_E_UNKNOWN_VERSION, "migration \"%s\" is not applied", match->entry->label);
    mg_error_hint(err, "Name an applied one; list them: migrate status");
    return finish(err);
}

static bool
check_accept(const MgRepair *repair, const MgMatch *match, MgError *err)
{
    (void)repair;
    const MgEntry *entry = match->entry;
    if (match->row == NULL)
        return fail_not_applied(match, err);
    if (match->file == NULL) {
        mg_fail(err, MG_E_MISSING, "migration \"%s\" has no file to accept", entry->label);
        mg_error_hint(err, "Bring its file back.");
        mg_error_hint(err, "If the database is without it: migrate repair %s --mark-reverted",
                      match->row->version != NULL ? match->row->version : entry->label);
        return finish(err);
    }
    if (entry->state != MG_STATE_PARTIAL)
        return true;
    mg_fail(err, MG_E_PARTIAL, "migration \"%s\" stopped half-way, and its file is no record of it",
            entry->label);
    mg_error_detail(err, "Done: %d of %d statements%s.", entry->n_statements_done,
                    entry->n_statements, of_down(match));
    const char *command = entry->is_half_reverted ? "migrate down" : "migrate up";
    mg_error_hint(err, "%s its end first: %s",
                  entry->n_statements_done > 0 ? "Undo edits of what is done, and bring it to"
                                               : "Bring it to",
                  command);
    mg_error_hint(err, "An edit can be accepted when it is finished.");
    return finish(err);
}

static bool
check_reverted(const MgRepair *repair, const MgMatch *match, MgError *err)
{
    (void)repair;
    if (match->row == NULL)
        return fail_not_applied(match, err);
    /* Half reverted, it may have been brought to its end by hand: its file is pending then. */
    if (match->file == NULL || match->entry->is_half_reverted)
        return true;
    mg_fail(err, MG_E_USAGE, "migration \"%s\" has a file, so the next run would apply it again",
            match->entry->label);
    mg_error_at(err, match->entry->file, 0, 0);
    if (match->entry->version == NULL)
        mg_error_hint(err,
                      "It has no way back: drop what it made in a new migration, and delete its"
                      " file.");
    else
        mg_error_hint(err, "Revert it by its down script: migrate down");
    mg_error_hint(err, "If the database is without it already, delete the file first.");
    return finish(err);
}

/* Its row is already found by its content. */
static bool
check_renumber(const MgRepair *repair, const MgMatch *match, MgError *err)
{
    const MgScript *up = match->file->up;
    const MgApplied *row = match->row;
    bool is_same = (row->digest != NULL && strcmp(row->digest, up->digest) == 0) ||
                   (row->token_digest != NULL && strcmp(row->token_digest, up->token_digest) == 0);
    if (is_same)
        return true;
    mg_fail(err, MG_E_DRIFT, "version %s is applied here, and its file was edited since",
            repair->from);
    mg_error_detail(err, "Under another version, the next run would apply it a second time.");
    mg_error_hint(err, "Undo the edit, or record it first: migrate repair %s --accept-file",
                  repair->from);
    return finish(err);
}

static bool (*const checks[])(const MgRepair *repair, const MgMatch *match, MgError *err) = {
    [MG_REPAIR_DONE] = check_statement,     [MG_REPAIR_AGAIN] = check_statement,
    [MG_REPAIR_ACCEPT_FILE] = check_accept, [MG_REPAIR_MARK_REVERTED] = check_reverted,
    [MG_REPAIR_RENUMBER] = check_renumber,
};

/*
 * The row of a renumbered file, when it is not its own by content already: of
 * two files that had one version, the row went to the other one; or the file was
 * edited, and the row of its name stands alone.  NULL: it was never applied here.
 */
static const MgApplied *
find_row_before(const MgRepair *repair, const MgMatches *matches, const MgMatch *match)
{
    if (match->row != NULL)
        return mg_version_compare(match->row->version, repair->from) == 0 ? match->row : NULL;
    for (size_t i = 0; i < matches->n; i++) {
        const MgApplied *row = matches->items[i].row;
        if (row == NULL || row->version == NULL ||
            mg_version_compare(row->version, repair->from) != 0)
            continue;
        bool is_own = (matches->items[i].file == NULL && row->name != NULL &&
                       strcmp(row->name, match->file->name) == 0) ||
                      (row->digest != NULL && strcmp(row->digest, match->file->digest) == 0);
        return is_own ? row : NULL;
    }
    return NULL;
}

bool
mg_repair_find(const MgRepair *repair, const MgSource *source, const MgHistory *history,
               MgArena *arena, MgMatch *ret, MgError *err)
{
    MgMatches matches;
    mg_match_build(source, history, arena, &matches);
    for (size_t i = 0; i < matches.n; i++) {
        MgMatch match = matches.items[i];
        const MgEntry *entry = match.entry;
        bool is_named = entry->version != NULL
                            ? mg_version_matches(repair->version, entry->version, entry->label)
                            : strcmp(repair->version, entry->label) == 0;
        if (!is_named)
            continue;
        if (repair->kind == MG_REPAIR_RENUMBER) {
            match.row = find_row_before(repair, &matches, &match);
            if (match.row == NULL) {
                *ret = match;
                return true;
            }
        }
        if (!checks[repair->kind](repair, &match, err))
            return false;
        *ret = match;
        return true;
    }
    return fail_unknown(repair, &matches, arena, err);
}

static void
change(ChangeList *list, const char *column, const char *from, const char *to, MgArena *arena)
{
    bool is_same = from == NULL || to == NULL ? from == to : strcmp(from, to) == 0;
    if (!is_same)
        MG_PUSH(arena, list, ((MgChange){ .column = column, .from = from, .to = to }));
}

static void
change_number(ChangeList *list, const char *column, int from, int to, MgArena *arena)
{
    change(list, column, mg_arena_format(arena, "%d", from), mg_arena_format(arena, "%d", to),
           arena);
}

/* ---- What changes --------------------------------------------------------- */

typedef struct Building {
    const MgRepair *repair;
    const MgMatch *match;
    const MgRepairTexts *texts;
    MgArena *arena;
    ChangeList changes;
} Building;

/* The columns that tell how far a script got. */
typedef struct Columns {
    const char *started, *done, *prefix_digest, *of, *command;
} Columns;

static const Columns *
columns_of(const MgMatch *match)
{
    static const Columns up = { .started = "statements_started",
                                .done = "statements_done",
                                .prefix_digest = "prefix_digest",
                                .of = "",
                                .command = "migrate up" },
                         down = { .started = "down_started",
                                  .done = "down_done",
                                  .prefix_digest = "down_prefix_digest",
                                  .of = "the down script of ",
                                  .command = "migrate down" };
    return match->entry->is_half_reverted ? &down : &up;
}

static const char *
settle_done(Building *building)
{
    const Columns *columns = columns_of(building->match);
    MgProgress progress = mg_applied_progress(building->match->row);
    MgArena *arena = building->arena;
    int statement = building->repair->statement;
    change_number(&building->changes, columns->done, progress.n_done, statement, arena);
    change(&building->changes, columns->prefix_digest, progress.prefix_digest,
           building->texts->prefix_digest, arena);
    return mg_arena_format(arena, "statement %d of %s%s is recorded as done", statement,
                           columns->of, building->match->entry->label);
}

/* The mark of an index stays: by it, the next run knows what that left behind for ours. */
static const char *
settle_again(Building *building)
{
    const MgMatch *match = building->match;
    const Columns *columns = columns_of(match);
    int statement = building->repair->statement;
    if (mg_match_may_repeat(match, mg_match_script(match)))
        return mg_arena_format(building->arena,
                               "nothing to do, \"%s\" runs statement %d of %s%s again by itself",
                               columns->command, statement, columns->of, match->entry->label);
    change_number(&building->changes, columns->started, mg_applied_progress(match->row).n_started,
                  statement - 1, building->arena);
    return mg_arena_format(building->arena, "statement %d of %s%s is recorded as not done",
                           statement, columns->of, match->entry->label);
}

static const char *
accept_file(Building *building)
{
    const MgApplied *row = building->match->row;
    const MgMigration *file = building->match->file;
    ChangeList *changes = &building->changes;
    MgArena *arena = building->arena;
    int n_statements = file->up->n_statements;
    change(changes, "name", row->name, file->name, arena);
    change(changes, "up_digest", row->digest, file->digest, arena);
    change(changes, "token_digest", row->token_digest, file->up->token_digest, arena);
    change_number(changes, "statements", row->n_statements, n_statements, arena);
    change_number(changes, "statements_started", row->n_statements_started, n_statements, arena);
    change_number(changes, "statements_done", row->n_statements_done, n_statements, arena);
    size_t n = changes->n;
    if (row->kind == MG_VERSIONED)
        change(changes, "down_digest", row->down_digest, file->down_digest, arena);
    if (changes->n > n)
        MG_PUSH(arena, changes,
                ((MgChange){
                    .column = "down_script", .to = building->texts->down_text, .is_blind = true }));
    return mg_arena_format(arena,
                           changes->n == 0 ? "nothing to do, the row of %s agrees with it"
                                           : "%s is recorded as its file is now",
                           building->match->entry->label);
}

static const char *
mark_reverted(Building *building)
{
    change(&building->changes, "reverted_at", NULL, "now", building->arena);
    change(&building->changes, "reverted_by", NULL,
           mg_arena_format(building->arena, "%s (repair, nothing was run)", building->texts->by),
           building->arena);
    return mg_arena_format(building->arena, "%s is recorded as reverted",
                           building->match->entry->label);
}

static const char *
renumber(Building *building)
{
    const MgApplied *row = building->match->row;
    const MgMigration *file = building->match->file;
    if (row == NULL)
        return mg_arena_format(building->arena, "nothing to do, version %s is not applied here",
                               building->repair->from);
    change(&building->changes, "version", row->version, file->version, building->arena);
    change(&building->changes, "name", row->name, file->name, building->arena);
    return mg_arena_format(building->arena, "%s has version %s in the history too", file->name,
                           file->version);
}

static const char *(*const builders[])(Building *building) = {
    [MG_REPAIR_DONE] = settle_done,        [MG_REPAIR_AGAIN] = settle_again,
    [MG_REPAIR_ACCEPT_FILE] = accept_file, [MG_REPAIR_MARK_REVERTED] = mark_reverted,
    [MG_REPAIR_RENUMBER] = renumber,
};

void
mg_repair_build(const MgRepair *repair, const MgMatch *match, const MgRepairTexts *texts,
                MgArena *arena, MgRepairPlan *ret)
{
    Building building = { .repair = repair, .match = match, .texts = texts, .arena = arena };
    MgRepairPlan plan = { .label = match->entry->label,
                          .row_id = match->row == NULL ? 0 : match->row->id };
    plan.outcome = builders[repair->kind](&building);
    plan.changes = building.changes.items;
    plan.n_changes = building.changes.n;
    *ret = plan;
}
