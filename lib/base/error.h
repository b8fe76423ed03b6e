/*
 * Filling an MgError.  The type, the codes and their texts are in migrate.h.
 *
 * Detect and fill once: return mg_fail(...), which returns false.  Callers may
 * add a place, a detail or a hint, but never replace a message.  Messages are
 * lower case, one line, no full stop; details and hints are sentences.
 */
#ifndef MG_BASE_ERROR_H
#define MG_BASE_ERROR_H

#include "base/arena.h"
#include "base/attr.h"
#include "migrate.h"

/* Start a new error: everything but code and message is empty.  Returns false. */
bool mg_fail(MgError *err, MgErrorCode code, const char *format, ...) MG_PRINTF(3, 4);
/* The same, with the text of errno appended: "could not open ...: Permission denied". */
bool mg_fail_sys(MgError *err, MgErrorCode code, const char *format, ...) MG_PRINTF(3, 4);

/* Where: a file or the name of an origin; line and column 0 when unknown. */
void mg_error_at(MgError *err, const char *place, int line, int column);
/* The message with the line of the file behind it, for where the place has no line of its own. */
const char *mg_error_with_place(const MgError *err, MgArena *arena);
/* The hints, one below the other; NULL: there are none. */
const char *mg_error_hints(const MgError *err, MgArena *arena);
void mg_error_detail(MgError *err, const char *format, ...) MG_PRINTF(2, 3);
/* Add a hint behind those that are there; one too many is dropped. */
void mg_error_hint(MgError *err, const char *format, ...) MG_PRINTF(2, 3);
void mg_error_note(MgError *err, const char *format, ...) MG_PRINTF(2, 3);

#endif
