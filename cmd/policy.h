/* What commands that write have in common: which sessions will do, and how long they wait. */
#ifndef MG_CMD_POLICY_H
#define MG_CMD_POLICY_H

#include <stdbool.h>

#include "migrate.h"
#include "opt.h"

/* Filled by the rows of MG_POLICY_OPTS. */
typedef struct MgPolicyArgs {
    int connection; /* an index into mg_connections plus 1; 0 = not given */
    bool is_direct_derived;
} MgPolicyArgs;

/* "direct", "session". */
extern const char *const mg_connections[];

/* Rows for a command's table, for a field of type MgPolicyArgs at that offset. */
#define MG_POLICY_OPTS(policy_offset)                                                              \
    { .name = "derive-direct",                                                                     \
      .help = "of a pooled URL use the direct one, where the provider's rule tells it",            \
      .offset = (policy_offset) + offsetof(MgPolicyArgs, is_direct_derived) },                     \
    {                                                                                              \
        .name = "connection", .type = MG_OPT_CHOICE, .argument = "KIND",                           \
        .help = "direct, or session to accept a pooler in session mode too", .min = 1,             \
        .offset = (policy_offset) + offsetof(MgPolicyArgs, connection), .choices = mg_connections  \
    }

/* A row for a command that takes turns, for a field of type int64_t at that offset. */
#define MG_WAIT_TURN_OPT(wait_turn_offset)                                                         \
    {                                                                                              \
        .name = "wait-turn", .type = MG_OPT_DURATION, .argument = "D",                             \
        .help = "how long to wait while another run works on this database, instead of 5min",      \
        .offset = (wait_turn_offset)                                                               \
    }

void mg_policy_options(const MgPolicyArgs *args, MgOptions *ret);

#endif
