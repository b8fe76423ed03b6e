/* What prisma/schema.prisma says about URLs. */
#ifndef MG_TARGET_PRISMA_H
#define MG_TARGET_PRISMA_H

#include "base/arena.h"

/* The X of KEY = env("X") in the datasource of a schema; NULL when there is none. */
const char *mg_prisma_name(const char *schema, const char *key, MgArena *arena);

#endif
