/* Files of variables, such as .env, as the tools that write and read them agree on. */
#ifndef MG_TARGET_DOTENV_H
#define MG_TARGET_DOTENV_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"

/*
 * Read lines NAME=value: "export" in front, single, double and back quotes that
 * may span lines, \n and the like inside double quotes, comments behind "#" at
 * the start of a word.  $NAME and ${NAME} outside single quotes become the value
 * of the process environment ("NAME=value" array, may be NULL) or of an earlier
 * line, ${NAME:-default} the default without one; else they stay as they are.
 * "\$" is a "$".  The last line of a name counts.  What
 * is no such line is skipped: it may be another tool's.
 *
 * The result is a NULL-terminated "NAME=value" array, like an environment.
 * name is the file's, for errors.  Fails with MG_E_NO_TARGET at the line that
 * is one variable too many, or whose value is too long.
 */
MG_CHECK bool mg_dotenv_parse(const char *text, const char *name, char *const *environment,
                              MgArena *arena, char *const **ret, MgError *err);

#endif
