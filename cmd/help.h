/*
 * Help, made of the tables: commands, options and errors have one source, so
 * what help says and what the program takes cannot differ.
 */
#ifndef MG_CMD_HELP_H
#define MG_CMD_HELP_H

#include <stdbool.h>

#include "base/buf.h"
#include "cmd.h"

/* width: columns of the terminal that it is for; 0: none. */
void mg_help_all(int width, MgBuf *ret);
void mg_help_command(const MgCmd *cmd, int width, MgBuf *ret);
/* The exit statuses: "migrate help exit". */
void mg_help_exit(MgBuf *ret);
/* May the word be an SQLSTATE, which is shown in the place of a slug? */
bool mg_help_is_sqlstate(const char *word);
/* An error by its slug; false when no error has it. */
bool mg_help_error(const char *slug, int width, MgBuf *ret);

#endif
