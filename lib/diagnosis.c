/* The diagnosis: the stages one by one, each reported instead of ending the run. */
#include "context.h"

#include <string.h>

#include "base/clock.h"
#include "base/mask.h"
#include "pg/diagnose.h"

/* An upgrade of everything: what "up" would do. */
static void
plan_for_diagnosis(MgContext *context, const MgVitals *vitals, MgExamination *seen)
{
    static const MgGoal goal = { .kind = MG_GOAL_UP };
    bool is_known = vitals->is_answered && vitals->history_failure.code == MG_OK &&
                    context->source_failure.code == MG_OK;
    if (!is_known)
        return;
    MgPlan *plan = MG_NEW_IN(&context->arena, MgPlan);
    context->start.history = vitals->history;
    MgError ignored; /* they are analysed already */
    if (mg_build_plan(context, &goal, plan, &ignored))
        seen->plan = plan;
}

/* Connect and ask.  What fails is a part of what was seen; false when cancelled. */
static bool
examine(MgContext *context, MgExamination *seen, MgError *err)
{
    MgArena *arena = &context->arena;
    if (seen->target_failure.code != MG_OK)
        return true;
    int64_t asked_us = mg_clock_us();
    if (!mg_connect(context, &seen->unreachable)) {
        *err = seen->unreachable;
        return err->code != MG_E_CANCELLED;
    }
    seen->connect_us = mg_clock_us() - asked_us;
    seen->tls = mg_conn_tls(context->conn, arena);
    seen->server_version = mg_conn_server_version(context->conn);
    MgVitals *vitals = MG_NEW_IN(arena, MgVitals);
    MgVitalsInput input = { .options = &context->conn_options,
                            .claim = &context->claim,
                            .table = &context->table,
                            .lock = &context->lock,
                            .settings = &context->session };
    if (!mg_vitals_read(context->conn, &input, arena, vitals, err))
        return false;
    seen->vitals = vitals;
    context->target.verdict = vitals->proof.verdict;
    context->target.verdict_name = mg_verdict_name(vitals->proof.verdict);
    plan_for_diagnosis(context, vitals, seen);
    return true;
}

/* A URL may stand in the wrong place. */
static const char *
without_password(const char *text, MgArena *arena)
{
    char *ret = mg_arena_text(arena, text);
    if (ret != NULL)
        mg_mask_passwords(ret, strlen(ret));
    return ret;
}

/* The url has its own place in a diagnosis, and is a secret. */
static size_t
list_settings(MgContext *context, MgExaminedSetting ret[MG_N_SETTINGS])
{
    size_t n = 0;
    for (int i = 0; i < MG_N_SETTINGS; i++) {
        const MgSettingValue *value = &context->settings.values[i];
        if (i != MG_SET_URL)
            ret[n++] =
                (MgExaminedSetting){ mg_setting_key((MgSettingId)i),
                                     without_password(value->text, &context->arena), value->from };
    }
    return n;
}

bool
mg_diagnose(MgContext *context, const MgDiagnosis **ret, MgError *err)
{
    MgDiagnosis *diagnosis = MG_NEW_IN(&context->arena, MgDiagnosis);
    MgExamination seen = { .target = &context->target,
                           .url = &context->url,
                           .passed_over = context->passed_over,
                           .n_passed_over = context->n_passed_over,
                           .target_failure = context->target_failure,
                           .url_refusal = context->url_refusal,
                           .source_failure = context->source_failure,
                           .is_session_accepted = context->options.is_session_accepted,
                           .table = &context->table,
                           .lock = &context->lock,
                           .position = &context->position,
                           .source = &context->source };
    MgExaminedSetting settings[MG_N_SETTINGS];
    seen.settings = settings;
    seen.n_settings = list_settings(context, settings);
    context->lock = mg_lock_init(context->table.schema, context->table.table);
    bool is_ok = examine(context, &seen, err);
    if (is_ok) {
        mg_diagnosis_build(&seen, &context->arena, diagnosis);
        *ret = diagnosis;
    }
    mg_disconnect(context);
    return is_ok;
}
