#include "policy.h"

#include <stddef.h>

enum { DIRECT, SESSION };

const char *const mg_connections[] = { [DIRECT] = "direct", [SESSION] = "session", NULL };

void
mg_policy_options(const MgPolicyArgs *args, MgOptions *ret)
{
    ret->is_direct_derived = args->is_direct_derived;
    ret->is_session_accepted = args->connection == SESSION;
}
