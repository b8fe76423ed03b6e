/* Files of variables, such as .env, as the tools that write and read them agree on. */
#ifndef MG_TARGET_DOTENV_H
#define MG_TARGET_DOTENV_H

#include "base/arena.h"

/*
 * Read lines NAME=value: "export" in front, single, double and back quotes that
 * may span lines, \n and the like inside double quotes, comments behind "#" at
 * the start of a word.  ${NAME} outside single quotes becomes the value of the
 * process environment ("NAME=value" array, may be NULL) or of an earlier line,
 * and stays as it is when there is none.  The last line of a name counts.  What
 * is no such line is skipped: it may be another tool's.
 *
 * The result is a NULL-terminated "NAME=value" array, like an environment.
 */
char *const *mg_dotenv_parse(const char *text, char *const *environment, MgArena *arena);

#endif
