/*
 * Where the programs that come with PostgreSQL are found on this machine.
 */
#ifndef MG_PG_PROGRAMS_H
#define MG_PG_PROGRAMS_H

#include <stddef.h>

#include "base/arena.h"

/* Patterns of the folders where packages put them; ends with NULL. */
extern const char *const mg_usual_places[];

/* The path of a program in a folder; NULL when it is not there or cannot be run. */
const char *mg_program_in(const char *folder, size_t folder_bytes, const char *name,
                          MgArena *arena);
/* In the folders of PATH's value.  Relative ones mean nothing elsewhere and are passed over. */
const char *mg_program_on_path(const char *path, const char *name, MgArena *arena);
/*
 * Run argv and read the first line it prints, without its end; NULL when it
 * does not exit with 0.
 */
const char *mg_program_ask(char *const *argv, char *const *environment, MgArena *arena);

#endif
