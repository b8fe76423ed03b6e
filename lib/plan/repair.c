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
is_in_doubt(const MgApplied *row)
{
    return row->n_statements_started > row->n_statements_done;
}

static bool
fail_unknown(const MgRepair *repair, const MgMatches *matches, MgArena *arena, MgError *err)
{
    MgRefusals refusals = { .arena = arena, .note = "nothing was changed" };
    mg_refuse_unknown(&refusals, repair->version, matches);
    *err = refusals.items[0];
    return false;
}

/* Is the statement the one whose fate is not known? */
static bool
check_statement(const MgRepair *repair, const MgMatch *match, MgError *err)
{
    const MgApplied *row = match->row;
    if (row != NULL && is_in_doubt(row) && repair->statement == row->n_statements_started)
        return true;
    const char *label = match->entry->label;
    if (row == NULL) {
        mg_fail(err, MG_E_USAGE, "migration \"%s\" has not run", label);
    } else if (!is_in_doubt(row)) {
        mg_fail(err, MG_E_USAGE, "no statement of migration \"%s\" is in doubt", label);
        mg_error_detail(err, "Done: %d of %d statements.", row->n_statements_done,
                        row->n_statements);
    } else {
        mg_fail(err, MG_E_USAGE, "statement %d of migration \"%s\" is not in doubt",
                repair->statement, label);
        mg_error_detail(err, "Statement %d was started and may have finished.",
                        row->n_statements_started);
        mg_error_hint(err, "Settle that one: migrate repair %s --statement %d done|again",
                      match->entry->version != NULL ? match->entry->version : label,
                      row->n_statements_started);
    }
    mg_error_hint(err, "See how it stands: migrate status");
    mg_error_note(err, "nothing was changed");
    return false;
}

bool
mg_repair_find(const MgRepair *repair, const MgSource *source, const MgHistory *history,
               MgArena *arena, MgMatch *ret, MgError *err)
{
    MgMatches matches;
    mg_match_build(source, history, arena, &matches);
    for (size_t i = 0; i < matches.n; i++) {
        const MgMatch *match = &matches.items[i];
        const MgEntry *entry = match->entry;
        bool is_named = entry->version != NULL
                            ? mg_version_matches(repair->version, entry->version, entry->label)
                            : strcmp(repair->version, entry->label) == 0;
        if (!is_named)
            continue;
        if (!check_statement(repair, match, err))
            return false;
        *ret = *match;
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

void
mg_repair_build(const MgRepair *repair, const MgMatch *match, const char *prefix_digest,
                MgArena *arena, MgRepairPlan *ret)
{
    const MgApplied *row = match->row;
    const char *label = match->entry->label;
    int statement = repair->statement;
    ChangeList changes = { 0 };
    MgRepairPlan plan = { .label = label, .row_id = row->id };

    switch (repair->kind) {
    case MG_REPAIR_DONE:
        change_number(&changes, "statements_done", row->n_statements_done, statement, arena);
        change(&changes, "prefix_digest", row->prefix_digest, prefix_digest, arena);
        plan.outcome =
            mg_arena_format(arena, "statement %d of %s is recorded as done", statement, label);
        break;
    case MG_REPAIR_AGAIN:
        change_number(&changes, "statements_started", row->n_statements_started, statement - 1,
                      arena);
        plan.outcome =
            mg_arena_format(arena, "statement %d of %s is recorded as not done", statement, label);
        break;
    }
    plan.changes = changes.items;
    plan.n_changes = changes.n;
    *ret = plan;
}
