/*
 * What a server says beside its answers comes in streams: a VACUUM names every
 * table that it may not touch, a loop tells of every row.  Of those that are
 * alike, but for numbers and names in quotes, the first are shown and the rest
 * is counted.  What is alike to nothing is shown.
 */
#ifndef MG_CMD_NOTICES_H
#define MG_CMD_NOTICES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"

typedef struct MgNotices {
    MgArena arena; /* of one migration */
    const char *migration;
    struct {
        struct MgNoticeKind *items;
        size_t n, cap;
    } kinds;
    size_t n_others; /* there are too many kinds */
} MgNotices;

/* Is this one to be shown?  After mg_notices_end when the migration is another one. */
bool mg_notices_take(MgNotices *notices, const char *migration, const char *text);
/* Is migration, which may be NULL, not the one that was told of? */
bool mg_notices_is_over(const MgNotices *notices, const char *migration);
/* What was left out, a line for each kind; then all is forgotten. */
void mg_notices_end(MgNotices *notices, MgBuf *ret);

#endif
