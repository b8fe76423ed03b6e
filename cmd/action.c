#include "action.h"

#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "show.h"
#include "talk.h"

/* Whole: nobody has seen them here. */
static void
show_stored(MgTalk *talk, const MgPlan *plan)
{
    for (size_t i = 0; i < plan->n_steps; i++) {
        const MgStep *step = &plan->steps[i];
        if (step->stored == NULL)
            continue;
        MG_CLEANUP(buf) MgBuf text = { 0 };
        mg_buf_format(&text, "\ndown script of %s, stored when it was applied:\n",
                      step->entry->label);
        for (const char *line = step->stored; *line != '\0';) {
            size_t n = strcspn(line, "\n");
            mg_buf_format(&text, "    %.*s\n", (int)n, line);
            line += n;
            line += *line == '\n' ? 1 : 0;
        }
        mg_text_defuse(text.text, true);
        mg_talk_write_err(talk, text.text, text.size_bytes);
    }
}

static bool
ask(const MgRun *run, const MgAction *action, const MgConsent *consent, const MgPlan *plan,
    bool is_stored, MgError *err)
{
    MgTalk *talk = run->talk;
    MgView view = { .format = MG_TABLE, .width = talk->err.width, .is_question = true };
    mg_talk_write_err(talk, "\n", 1);
    mg_write_plan(plan, &view, mg_talk_write_err, talk);
    if (is_stored)
        show_stored(talk, plan);
    const char *question =
        mg_arena_format(run->arena, "%s in %s at %s?", action->ask(plan, run->arena),
                        plan->target.database, plan->target.host);
    return mg_consent_ask(run, consent, question, err);
}

/* What a person at a terminal agrees to is allowed in *goal, and nothing else. */
static bool
confirm(const MgRun *run, const MgAction *action, MgContext *context, MgGoal *goal, MgError *err)
{
    bool must_ask;
    const MgPlan *plan = NULL;
    MgConsent consent = action->consent;
    if (!mg_consent_check(run, context, &consent, &must_ask, err))
        return false;
    bool may_be_stored = (goal->kind == MG_GOAL_DOWN || goal->kind == MG_GOAL_REDO) &&
                         !goal->is_from_history_allowed && mg_consent_has_somebody(run);
    if (!must_ask && !may_be_stored)
        return true;
    if (!mg_plan(context, goal, &plan, err))
        return false;
    bool is_stored =
        may_be_stored && plan->n_refusals > 0 && plan->refusals[0].code == MG_E_FROM_HISTORY;
    if (!must_ask && !is_stored)
        return true;
    goal->is_from_history_allowed = goal->is_from_history_allowed || is_stored;
    if (is_stored && !mg_plan(context, goal, &plan, err))
        return false;
    if (plan->n_refusals > 0) {
        *err = plan->refusals[0];
        return false;
    }
    goal->shown = plan;
    return plan->n_steps == 0 || ask(run, action, &consent, plan, is_stored, err);
}

bool
mg_action_run(const MgRun *run, const MgAction *action, MgError *err)
{
    MgOptions options;
    mg_cmd_options(run, &options);
    options.wait_turn_ms = action->wait_turn_ms;
    mg_policy_options(&action->policy, &options);
    options.is_skippable = true;
    bool has_document = mg_show_begin_document(run);
    MgGoal goal = action->goal;
    MgContext *context = NULL;
    MgOutcome outcome = { 0 };
    MgRunResult result = { .direction = MG_DOWN, .outcome = &outcome };
    bool ok = mg_open(&options, &context, err);
    if (ok)
        result.skipped = mg_skipped(context);
    if (ok && result.skipped == NULL) {
        result.target = mg_target(context);
        ok = confirm(run, action, context, &goal, err) && mg_run(context, &goal, &outcome, err);
    }
    if (has_document)
        mg_show_outcome(run, &result, ok ? NULL : err);
    else if (ok && !mg_cmd_is_skipped(run, context))
        action->print_done(run->talk, &outcome);
    mg_close(context);
    return ok;
}
