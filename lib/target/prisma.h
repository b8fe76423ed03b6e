/* What prisma/schema.prisma says about the direct URL. */
#ifndef MG_TARGET_PRISMA_H
#define MG_TARGET_PRISMA_H

#include "base/arena.h"

/* The X of directUrl = env("X") in the datasource of a schema; NULL when there is none. */
const char *mg_prisma_direct_name(const char *schema, MgArena *arena);

#endif
