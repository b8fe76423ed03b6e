/*
 * The URL policy: what becomes of a URL that is pooled by its shape.  Decided
 * before any connection is made.
 */
#ifndef MG_TARGET_POLICY_H
#define MG_TARGET_POLICY_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "target/provider.h"
#include "target/url.h"

/* All false: refuse every pooler. */
typedef struct MgPolicy {
    bool is_reading;          /* one query, no lock: a pooler will do, with a note */
    bool is_direct_derived;   /* use the direct twin, where it is known, with a note */
    bool is_session_accepted; /* a session-mode pooler will do, with a note; the proof decides */
    bool is_name_given;       /* the user named the variable, so another one is not suggested */
} MgPolicy;

/*
 * The URL to use under the policy: url, or its direct twin, with notes added.
 * Else MG_E_POOLED_URL with the rule, the masked URL with a mark under what
 * gave it away, and the direct URL to use.
 */
MG_CHECK bool mg_policy_apply(const MgUrl *url, const MgPolicy *policy, char *const *environment,
                              MgArena *arena, MgUrl *ret, MgError *err);

#endif
