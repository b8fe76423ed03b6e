/* Claims: whose a target is.  Pure. */
#include "plan/plan.h"

#include <string.h>

#include "base/text.h"

enum {
    DAY_BYTES = sizeof "2026-03-01",
};

/* Is any of the hosts in both lists? */
static bool
has_common_host(const char *a, const char *b)
{
    for (const char *at = a; *at != '\0'; at += at[0] == ',') {
        size_t a_bytes = strcspn(at, ",");
        for (const char *other = b; *other != '\0'; other += other[0] == ',') {
            size_t b_bytes = strcspn(other, ",");
            if (a_bytes == b_bytes && memcmp(at, other, a_bytes) == 0)
                return true;
            other += b_bytes;
        }
        at += a_bytes;
    }
    return false;
}

const MgClaim *
mg_claim_find(const MgHistory *history, const char *hosts)
{
    for (size_t i = 0; i < history->claims.n; i++)
        if (has_common_host(history->claims.items[i].hosts, hosts))
            return &history->claims.items[i];
    return NULL;
}

const MgClaim *
mg_claim_find_elsewhere(const MgHistory *history, const char *hosts)
{
    for (size_t i = history->claims.n; i > 0; i--)
        if (!has_common_host(history->claims.items[i - 1].hosts, hosts))
            return &history->claims.items[i - 1];
    return NULL;
}

static void
add_hints(const MgClaim *claim, const MgPosition *position, MgError *err)
{
    if (position->environment == NULL) {
        mg_error_hint(err, "If it is meant, name the environment: --env %s", claim->environment);
        mg_error_hint(err, "Else take a database of your own, or \"migrate scratch\".");
    } else if (strcmp(position->environment, "preview") == 0) {
        mg_error_hint(err,
                      "Give previews a database of their own, for example one Neon branch each.");
        mg_error_hint(err, "To let previews skip migrations, set \"apply: no\" for preview in"
                           " migrate.yaml (exit 0).");
    } else {
        mg_error_hint(err, "Give environment \"%s\" a database of its own.", position->environment);
        mg_error_hint(err,
                      "To let it skip migrations, set \"apply: no\" for %s in migrate.yaml"
                      " (exit 0).",
                      position->environment);
    }
}

bool
mg_claim_check(const MgHistory *history, const MgPosition *position, MgError *err)
{
    const MgClaim *claim = mg_claim_find(history, position->hosts);
    if (claim == NULL ||
        (position->environment != NULL && strcmp(claim->environment, position->environment) == 0))
        return true;
    char day[32];
    mg_text_minute(claim->at_ms, day, sizeof day);
    day[DAY_BYTES - 1] = '\0';
    if (position->environment == NULL) {
        (void)mg_fail(err, MG_E_CLAIMED,
                      "this database belongs to environment \"%s\", this run names none",
                      claim->environment);
    } else {
        (void)mg_fail(err, MG_E_CLAIMED,
                      "this database belongs to environment \"%s\", this run is \"%s\"",
                      claim->environment, position->environment);
        mg_error_at(err, position->environment_place, 0, 0);
    }
    mg_error_detail(err, "%s, claimed on %s.", position->target, day);
    add_hints(claim, position, err);
    mg_error_note(err, "nothing was applied");
    return false;
}
