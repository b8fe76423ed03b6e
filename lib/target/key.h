/*
 * Keys of database URLs: what to do with those that the linked libpq does not
 * know, and which values must never be shown.
 */
#ifndef MG_TARGET_KEY_H
#define MG_TARGET_KEY_H

#include <stdbool.h>
#include <stddef.h>

typedef enum MgKeyUse {
    MG_KEY_UNKNOWN,     /* nobody's: probably a mistake */
    MG_KEY_FOREIGN,     /* other tools' business: split off without a word */
    MG_KEY_NOTED,       /* it changes what a session does elsewhere, so say that it does not here */
    MG_KEY_SCHEMA,      /* one schema: the session's search_path */
    MG_KEY_SEARCH_PATH, /* a list of schemas, as search_path has it */
    MG_KEY_NEWER,       /* libpq's, but perhaps not this libpq's */
    MG_KEY_NEWER_GUARD, /* the same, and it forbids what would be done without it */
    MG_KEY_DROPPED,     /* libpq's, but the proof needs its own */
} MgKeyUse;

MgKeyUse mg_key_use(const char *key);

/* Variables by which libpq is told what is the business of MG_KEY_NEWER or MG_KEY_NEWER_GUARD. */
typedef struct MgKeyVariable {
    const char *variable, *key;
} MgKeyVariable;
extern const MgKeyVariable mg_key_newer_variables[];
extern const size_t mg_key_n_newer_variables;

/* May the value of this key not be shown?  Keys of all tools, known or not. */
bool mg_key_is_secret(const char *key);

#endif
