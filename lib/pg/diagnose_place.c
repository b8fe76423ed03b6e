/* What is set and where that came from; which environment this is, and whose the database is. */
#include "pg/diagnose.h"

#include <string.h>

#include "base/buf.h"
#include "base/text.h"

/* One line for each that somebody has set, one for all the others. */
void
mg_diagnose_settings(const MgExamination *seen, MgFindings *findings)
{
    MG_CLEANUP(buf) MgBuf defaults = { 0 };
    findings->section = "Settings";
    for (size_t i = 0; i < seen->n_settings; i++) {
        const MgExaminedSetting *setting = &seen->settings[i];
        if (setting->from != NULL)
            mg_finding_add(findings, MG_FINDING_OK, setting->key,
                           mg_arena_format(findings->arena, "%s, from %s",
                                           setting->text == NULL ? "not set" : setting->text,
                                           setting->from),
                           NULL);
        else if (setting->text != NULL)
            mg_buf_format(&defaults, "%s%s %s", defaults.size_bytes == 0 ? "" : ", ", setting->key,
                          setting->text);
    }
    if (defaults.size_bytes > 0)
        mg_finding_add(findings, MG_FINDING_OK, "by default",
                       mg_arena_text(findings->arena, mg_buf_text(&defaults)), NULL);
}

static const char *
day_of(int64_t at_ms, MgArena *arena)
{
    char minute[32];
    mg_text_minute(at_ms, minute, sizeof minute);
    return mg_arena_text_n(arena, minute, strcspn(minute, " "));
}

/* A claim that came along with a copy of the database. */
static void
tell_inert(const MgExamination *seen, MgFindings *findings)
{
    const MgHistory *history = &seen->vitals->history;
    for (size_t i = 0; i < history->claims.n; i++) {
        const MgClaim *claim = &history->claims.items[i];
        mg_finding_add(findings, MG_FINDING_NOTE, "environment",
                       mg_arena_format(findings->arena,
                                       "%s claimed it at %s, which is not this host: no claim here",
                                       claim->environment, claim->hosts),
                       NULL);
    }
}

void
mg_diagnose_environment(const MgExamination *seen, MgFindings *findings)
{
    const MgPosition *position = seen->position;
    MgArena *arena = findings->arena;
    if (position == NULL)
        return;
    const MgClaim *claim = mg_claim_find(&seen->vitals->history, position->hosts);
    const char *name = position->environment == NULL
                           ? "none is named"
                           : mg_arena_format(arena, "%s from %s", position->environment,
                                             position->environment_from);
    if (claim != NULL)
        /* Another one's is a refusal of the plan. */
        mg_finding_add(findings, MG_FINDING_OK, "environment",
                       mg_arena_format(arena, "%s, claimed by %s on %s", name, claim->environment,
                                       day_of(claim->at_ms, arena)),
                       NULL);
    else if (position->environment != NULL)
        mg_finding_add(findings, MG_FINDING_OK, "environment",
                       mg_arena_format(arena, "%s, the database is claimed by nobody", name), NULL);
    if (claim == NULL)
        tell_inert(seen, findings);
}
