/* The words of states and kinds, which stand in the history and in reports. */
#include "plan/plan.h"

#include <string.h>

const char *
mg_state_name(MgState state)
{
#define STATE_NAME(state, word) [state] = (word),
    static const char *const names[MG_N_STATES] = { MG_STATE_LIST(STATE_NAME) };
#undef STATE_NAME
    return names[state];
}

const char *
mg_kind_name(MgKind kind)
{
#define KIND_NAME(kind, word) [kind] = (word),
    static const char *const names[MG_N_KINDS] = { MG_KIND_LIST(KIND_NAME) };
#undef KIND_NAME
    return names[kind];
}

MgKind
mg_kind_of(const char *word)
{
    for (int i = 0; i < MG_N_KINDS; i++)
        if (word != NULL && strcmp(mg_kind_name((MgKind)i), word) == 0)
            return (MgKind)i;
    return MG_VERSIONED;
}
