/*
 * migrate down: revert the newest.  It removes data, so on a database of another
 * machine it shows what it would do and asks, or wants --yes where nobody can
 * be asked.
 */
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"
#include "cmd.h"
#include "consent.h"
#include "goal.h"
#include "policy.h"
#include "talk.h"

typedef struct Args {
    MgPolicyArgs policy;
    const char *to;
    int64_t wait_turn_ms;
    bool is_from_history;
} Args;

static const MgOpt opts[] = {
    { .name = "to",
      .type = MG_OPT_TEXT,
      .argument = "V",
      .help = "revert everything newer than this version, which stays applied",
      .offset = offsetof(Args, to) },
    { .name = "from-history",
      .help = "run down scripts that are stored in the history and have no file here",
      .offset = offsetof(Args, is_from_history) },
    { .name = "wait-turn",
      .type = MG_OPT_DURATION,
      .argument = "D",
      .help = "how long to wait while another run works on this database, instead of 5min",
      .offset = offsetof(Args, wait_turn_ms) },
    MG_POLICY_OPTS(offsetof(Args, policy)),
    { .name = NULL },
};

static bool
ask(const MgRun *run, const MgPlan *plan, const MgConsent *consent, MgError *err)
{
    MgTalk *talk = run->talk;
    MgView view = { .format = MG_TABLE, .width = talk->err.width, .is_question = true };
    mg_talk_write_err(talk, "\n", 1);
    mg_write_plan(plan, &view, mg_talk_write_err, talk);
    const char *question =
        mg_arena_format(run->arena, "revert %zu %s in %s at %s?", plan->n_steps,
                        mg_text_plural((int64_t)plan->n_steps, "migration", "migrations"),
                        plan->target.database, plan->target.host);
    return mg_consent_ask(run, consent, question, err);
}

/* The command once more, to get the consent that was missing. */
static const char *
command_again(const MgRun *run)
{
    const Args *args = run->args;
    MG_CLEANUP(buf) MgBuf command = { 0 };
    mg_buf_add(&command, "migrate down");
    for (size_t i = 0; i < run->words.n; i++)
        mg_buf_format(&command, " %s", mg_cmd_shown(run->words.items[i]));
    if (args->to != NULL)
        mg_buf_format(&command, " --to %s", mg_cmd_shown(args->to));
    if (args->is_from_history)
        mg_buf_add(&command, " --from-history");
    return mg_arena_text(run->arena, mg_buf_text(&command));
}

/* True when the run may go on. */
static bool
confirm(const MgRun *run, MgContext *context, const MgGoal *goal, MgError *err)
{
    MgConsent consent = { .action = "reverting",
                          .look = "migrate status",
                          .command = command_again(run),
                          .note = "nothing was reverted" };
    bool must_ask;
    if (!mg_consent_check(run, mg_target(context), &consent, &must_ask, err))
        return false;
    if (!must_ask)
        return true;
    const MgPlan *plan = NULL;
    if (!mg_plan(context, goal, &plan, err))
        return false;
    if (plan->n_refusals > 0) {
        *err = plan->refusals[0];
        return false;
    }
    return plan->n_steps == 0 || ask(run, plan, &consent, err);
}

static void
print_done(MgTalk *talk, const MgOutcome *outcome)
{
    char elapsed[32];
    mg_text_duration(outcome->elapsed_us, elapsed, sizeof elapsed);
    if (outcome->n_reverted == 0 && outcome->head == NULL)
        mg_talk_result(talk, "done", "nothing to do, nothing is applied");
    else if (outcome->n_reverted == 0)
        mg_talk_result(talk, "done", "nothing to do, now at %s", outcome->head);
    else if (outcome->head == NULL)
        mg_talk_result(talk, "done", "%d reverted in %s, nothing is applied now",
                       outcome->n_reverted, elapsed);
    else
        mg_talk_result(talk, "done", "%d reverted in %s, now at %s", outcome->n_reverted, elapsed,
                       outcome->head);
}

static bool
run(const MgRun *run, int *ret_status, MgError *err)
{
    (void)ret_status;
    const Args *args = run->args;
    MgGoal goal = { .direction = MG_DOWN, .is_from_history_allowed = args->is_from_history };
    if (!mg_goal_parse(run, args->to, &goal, err))
        return false;
    MgOptions options;
    mg_cmd_options(run, &options);
    options.wait_turn_ms = args->wait_turn_ms;
    mg_policy_options(&args->policy, &options);
    options.is_skippable = true;
    MgContext *context = NULL;
    if (!mg_open(&options, &context, err))
        return false;
    if (mg_cmd_is_skipped(run, context)) {
        mg_close(context);
        return true;
    }
    MgOutcome outcome = { 0 };
    bool ok = confirm(run, context, &goal, err) && mg_run(context, &goal, &outcome, err);
    if (ok)
        print_done(run->talk, &outcome);
    mg_close(context);
    return ok;
}

static const char *const examples[] = {
    "migrate down",
    "revert the newest migration",
    "migrate down 2 --yes",
    "revert the newest two without being asked",
    "migrate down --to 20260305080000",
    "revert everything newer than that one",
    NULL,
};

const MgCmd cmd_down = {
    .name = "down",
    .argument = "[N]",
    .summary = "revert the newest migration, or the newest N",
    .about = "Revert the newest migration, or the newest N, by their down scripts, the last one\n"
             "applied first. On a database of another machine it shows the plan and asks; where\n"
             "nobody can be asked it needs --yes.",
    .opts = opts,
    .args_bytes = sizeof(Args),
    .max_words = 1,
    .examples = examples,
    .run = run,
};
