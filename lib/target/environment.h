/* Variables of an environment, which comes in as an argument. */
#ifndef MG_TARGET_ENVIRONMENT_H
#define MG_TARGET_ENVIRONMENT_H

/* Value of a variable in a "NAME=value" array (may be NULL); NULL when unset or empty. */
const char *mg_environment_get(char *const *environment, const char *name);
/* The same, but "" when it is set and empty. */
const char *mg_environment_find(char *const *environment, const char *name);

#endif
