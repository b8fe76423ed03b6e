/*
 * migrate.yaml: found, read, and every value of it named with its place.
 * What it says counts where setting.h lets it.
 */
#ifndef MG_TARGET_CONFIG_H
#define MG_TARGET_CONFIG_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "target/setting.h"

enum {
    MG_CONFIG_MAX_BYTES = 64 << 10,
};

/*
 * Read the text of a configuration file; name is for messages, folder is what
 * relative paths in it begin with.  Fails with MG_E_CONFIG at what is not
 * known or cannot be: nothing is skipped.
 */
MG_CHECK bool mg_config_parse(const char *text, size_t size_bytes, const char *name,
                              const char *folder, MgArena *arena, MgConfigFile *ret, MgError *err);

/*
 * The file at path; with path NULL the migrate.yaml of the working folder, or
 * of a folder above it up to the root of the repository, which is where .git
 * is.  *ret is NULL when there is none.  Fails with MG_E_CONFIG.
 */
MG_CHECK bool mg_config_read(const char *path, MgArena *arena, const MgConfigFile **ret,
                             MgError *err);

/* The folder where .git is, "../" as often as it takes; "", the working folder, when there is none.
 */
const char *mg_config_root(MgArena *arena);
/* Is there one? */
bool mg_config_has_repository(MgArena *arena);

#endif
