/*
 * What a script takes away: data, or names that running programs may use.
 *
 * Only what stood before the script counts.  A table that the same script made
 * is dropped without a word, and so is a view, type or function that the script
 * makes again, or a name that something else takes over.  What a string holds,
 * such as the body of a DO, is not looked into.  Where the text leaves a doubt,
 * the answer is the careful one: it is a loss.
 */
#ifndef MG_SQL_LOSS_H
#define MG_SQL_LOSS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "sql/words.h"

enum {
    /* More are not remembered: then what is full is careful. */
    MG_LOSSES_MAX = 1000,
    MG_LOSSES_MAX_MADE = 4000,
};

typedef struct MgLoss {
    const char *label; /* static: "DROP TABLE", "ALTER TABLE DROP COLUMN" */
    int number;        /* of the statement, as it was given */
    /* For the caller. */
    MgSpan span;
    int line, column;
    /* Private: the name that would make up for it, 0 = nothing does. */
    uint64_t name;
} MgLoss;

typedef struct MgLosses {
    MgLoss *items; /* in the order of the statements */
    size_t n, cap;
    /* Private. */
    struct {
        uint64_t *items;
        size_t n, cap;
    } made;
    bool is_full;
} MgLosses;

/*
 * Take the script's next statement.  What it takes away is added behind items,
 * one or more of its number; what it makes may remove earlier ones.  Returns
 * how many were added.
 */
size_t mg_losses_take(MgLosses *losses, MgStmtHead *head, int number, MgArena *arena);

#endif
