/* Git, for verify --base: the files of another commit. */
#ifndef MG_CMD_GIT_H
#define MG_CMD_GIT_H

#include <stdbool.h>

#include "base/attr.h"
#include "cmd.h"

/*
 * What the folder dir was at ref, and what has changed since HEAD parted from
 * it; where no common ancestor is known, as in a shallow clone, since ref
 * itself: then *ret_has_parting is false.  Lives in the run's arena.  Fails with
 * MG_E_USAGE or MG_E_SYSTEM.
 */
MG_CHECK bool mg_git_base(const MgRun *run, const char *dir, const char *ref, MgBase *ret,
                          bool *ret_has_parting, MgError *err);

#endif
