#include "policy.h"

#include <stddef.h>

enum { NOT_GIVEN, DIRECT, SESSION };

const char *const mg_connections[] = { [DIRECT - 1] = "direct", [SESSION - 1] = "session", NULL };

void
mg_policy_options(const MgPolicyArgs *args, MgOptions *ret)
{
    ret->is_direct_derived = args->is_direct_derived;
    ret->is_session_accepted = args->connection == SESSION;
    ret->is_session_declined = args->connection == DIRECT;
}
