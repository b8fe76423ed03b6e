/*
 * Consent: what removes data or rewrites the history asks first, unless the
 * server is on this machine or --yes was given.
 */
#ifndef MG_CMD_CONSENT_H
#define MG_CMD_CONSENT_H

#include <stdbool.h>

#include "base/attr.h"
#include "cmd.h"

/* What is to be agreed to. */
typedef struct MgConsent {
    const char *action; /* begins the refusal where nobody can be asked: "reverting" */
    const char *look;   /* the command that shows how things are: "migrate status" */
    const char *note;   /* "nothing was reverted" */
    bool ends_claim;    /* it is what ends the question, where a claim is why it is asked */
    const char *why;    /* filled by mg_consent_check: why even on this machine, or NULL */
} MgConsent;

/* Is there somebody to ask?  Not with --yes: that says do not. */
bool mg_consent_has_somebody(const MgRun *run);

/*
 * Must somebody be asked before anything is done?  Yes for another machine, and
 * for an address of this one that may lead to a claimed database elsewhere,
 * which the server is asked.  Fails with MG_E_USAGE where nobody can be asked.
 */
MG_CHECK bool mg_consent_check(const MgRun *run, MgContext *context, MgConsent *consent,
                               bool *ret_must_ask, MgError *err);

/* Ask on the terminal, and say why, behind what was shown there.  Fails with MG_E_CANCELLED but for
 * a yes. */
MG_CHECK bool mg_consent_ask(const MgRun *run, const MgConsent *consent, const char *question,
                             MgError *err);

#endif
