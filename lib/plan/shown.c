/*
 * Consent is to what was shown: between the question and the run another run
 * may have had its turn, or somebody has changed a row of the history.
 */
#include <string.h>

#include "plan/draft.h"

/* The step with which a plan does to the migration what step does, or NULL. */
static const MgStep *
find_shown(const MgPlan *shown, const MgStep *step)
{
    for (size_t i = 0; i < shown->n_steps; i++) {
        const MgStep *seen = &shown->steps[i];
        if (seen->direction == step->direction && seen->row_id == step->row_id &&
            strcmp(seen->entry->label, step->entry->label) == 0)
            return seen;
    }
    return NULL;
}

void
mg_plan_check_shown(MgDraft *draft)
{
    const MgPlan *shown = draft->goal->shown;
    if (shown == NULL)
        return;
    for (size_t i = 0; i < draft->steps.n; i++) {
        const MgStep *step = &draft->steps.items[i];
        const MgStep *seen = find_shown(shown, step);
        if (seen == NULL)
            mg_refuse_not_shown(&draft->refusals, step);
        else if (strcmp(seen->script->digest, step->script->digest) != 0)
            mg_refuse_other_script(&draft->refusals, step);
    }
}
