#include "action.h"

#include "base/buf.h"
#include "show.h"
#include "talk.h"

static bool
ask(const MgRun *run, const MgAction *action, const MgPlan *plan, MgError *err)
{
    MgTalk *talk = run->talk;
    MgView view = { .format = MG_TABLE, .width = talk->err.width, .is_question = true };
    mg_talk_write_err(talk, "\n", 1);
    mg_write_plan(plan, &view, mg_talk_write_err, talk);
    const char *question =
        mg_arena_format(run->arena, "%s in %s at %s?", action->ask(plan, run->arena),
                        plan->target.database, plan->target.host);
    return mg_consent_ask(run, &action->consent, question, err);
}

static bool
confirm(const MgRun *run, const MgAction *action, MgContext *context, MgError *err)
{
    bool must_ask;
    const MgPlan *plan = NULL;
    if (!mg_consent_check(run, mg_target(context), &action->consent, &must_ask, err))
        return false;
    if (!must_ask)
        return true;
    if (!mg_plan(context, &action->goal, &plan, err))
        return false;
    if (plan->n_refusals > 0) {
        *err = plan->refusals[0];
        return false;
    }
    return plan->n_steps == 0 || ask(run, action, plan, err);
}

void
mg_action_command(const MgRun *run, MgBuf *ret)
{
    mg_buf_format(ret, "migrate %s", run->cmd->name);
    for (size_t i = 0; i < run->words.n; i++)
        mg_buf_format(ret, " %s", mg_cmd_shown(run->words.items[i]));
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
    MgContext *context = NULL;
    MgOutcome outcome = { 0 };
    MgRunResult result = { .direction = MG_DOWN, .outcome = &outcome };
    bool ok = mg_open(&options, &context, err);
    if (ok)
        result.skipped = mg_skipped(context);
    if (ok && result.skipped == NULL) {
        result.target = mg_target(context);
        ok = confirm(run, action, context, err) && mg_run(context, &action->goal, &outcome, err);
    }
    if (has_document)
        mg_show_outcome(run, &result, ok ? NULL : err);
    else if (ok && !mg_cmd_is_skipped(run, context))
        action->print_done(run->talk, &outcome);
    mg_close(context);
    return ok;
}
