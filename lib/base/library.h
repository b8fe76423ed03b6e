/*
 * The libraries that not every command needs, loaded when they are first used:
 * libpq alone brings two dozen others, and loading them takes five times as long
 * as all the rest of "migrate --version".
 *
 * Their functions are called by their own names, from the headers that declare
 * them; library_*.c hold functions of these names, which pass a call on.  They
 * may be called once mg_library_load has succeeded, and not before: whoever
 * begins something with a library asks for it there.
 *
 * Built with -Dlazy=disabled the libraries are linked, and are always there.
 */
#ifndef MG_BASE_LIBRARY_H
#define MG_BASE_LIBRARY_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/error.h"

typedef enum MgLibrary { MG_LIBPQ, MG_LIBCRYPTO, MG_SQLITE, MG_N_LIBRARIES } MgLibrary;

/*
 * Load it, unless it is loaded already; it stays so.  Any thread may ask.  Fails
 * with code and the loader's reason when it is not installed, cannot be loaded
 * or lacks a function.
 */
MG_CHECK bool mg_library_load(MgLibrary library, MgErrorCode code, MgError *err);

#endif
