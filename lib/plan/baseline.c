/*
 * The baseline goal: what is pending up to a version is recorded and not run.
 * One row a file, so that what is merged late below it is still seen, and an
 * edit is still drift.
 */
#include "plan/draft.h"

static void
record(MgDraft *draft, const MgMatch *match)
{
    MgStep step = { .direction = MG_UP,
                    .entry = match->entry,
                    .n_statements = match->file->up->n_statements,
                    .is_transactional = true,
                    .how = "recorded, not run",
                    .script = match->file->up,
                    .migration = match->file };
    MG_PUSH(draft->arena, &draft->steps, step);
}

void
mg_plan_baseline(MgDraft *draft)
{
    const MgMatch *to = mg_draft_find(draft);
    const MgHistory *history = draft->input->history;
    if (to == NULL) {
        mg_refuse_unknown(&draft->refusals, draft->goal->to, &draft->matches);
        return;
    }
    if (draft->matches.head != NULL && draft->matches.head > to) {
        mg_refuse_baseline(&draft->refusals, to, draft->matches.head);
        return;
    }
    for (const MgMatch *match = draft->matches.items; match <= to; match++) {
        MgState state = match->entry->state;
        if (state == MG_STATE_PENDING || state == MG_STATE_LATE)
            record(draft, match);
    }
    if (draft->steps.n == 0)
        MG_PUSH(draft->arena, &draft->notes,
                mg_arena_format(draft->arena, "everything up to %s is in the history already",
                                to->entry->label));
    else if (!history->exists && history->is_database_empty)
        MG_PUSH(draft->arena, &draft->warnings,
                "this database has no tables, and a baseline makes none: is it the right one?");
}
