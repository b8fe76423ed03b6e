/* Children for what may block without end: they are cut off by being ended. */
#ifndef MG_PG_CONN_CHILD_H
#define MG_PG_CONN_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * fork(): in the child a signal that the caller of the library has caught does
 * what it does by default, so that none is taken for a second one.
 */
pid_t mg_child_start(void);

/* Has it ended?  When final, it is ended at once. */
bool mg_child_reap(pid_t child, bool is_final);

#endif
