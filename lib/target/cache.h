/* The user's cache folder, where what may be lost at any time is kept. */
#ifndef MG_TARGET_CACHE_H
#define MG_TARGET_CACHE_H

#include "base/arena.h"

/*
 * $XDG_CACHE_HOME/migrate, or .cache/migrate in HOME; made if it is not there.
 * NULL when it cannot be made, or when others can write to it.
 */
const char *mg_cache_folder(char *const *environment, MgArena *arena);

#endif
