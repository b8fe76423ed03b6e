/*
 * What could stand where the cursor stands: from the same rows as the help, and
 * versions from the names of the files.  Needs no server and reads no file.
 */
#ifndef MG_CMD_COMPLETE_H
#define MG_CMD_COMPLETE_H

#include "base/buf.h"
#include "cmd.h"

/*
 * Candidates for the last of the words that stand behind "migrate", one on a
 * line, a tab before what it means; or the one line ":file", ":dir" or
 * ":command" for what a shell knows better.
 */
void mg_complete(const MgRun *run, const MgWords *words, MgBuf *ret);

#endif
