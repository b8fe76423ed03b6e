/* Children for what may block without end: they are cut off by being ended. */
#ifndef MG_PG_CONN_CHILD_H
#define MG_PG_CONN_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * fork(): the child ignores what the caller of the library catches.  A terminal
 * sends it to both, and what it means is for the caller to decide.
 */
pid_t mg_child_start(void);

/* Has it ended?  When final, it is ended at once. */
bool mg_child_reap(pid_t child, bool is_final);

#endif
