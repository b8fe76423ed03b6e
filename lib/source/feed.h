/*
 * A digest on its way: of a script's text, in which every line ends in \n, or of
 * its tokens and directives, which stay when blanks and comments change.
 */
#ifndef MG_SOURCE_FEED_H
#define MG_SOURCE_FEED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/digest.h"
#include "source/format.h"
#include "sql/words.h"

enum {
    /* The digest is quicker in large pieces. */
    MG_FEED_BYTES = 8192,
    /* Most tokens are shorter, and to copy always as much needs no call and no loop. */
    MG_FEED_COPY_BYTES = 16,
    MG_FEED_ROOM_BYTES = MG_FEED_BYTES + MG_FEED_COPY_BYTES,
};

typedef struct MgFeed {
    MgDigest *digest;
    char *pending; /* MG_FEED_ROOM_BYTES; borrowed */
    /* Private, zero at first. */
    size_t n;
    bool is_after_cr;
    bool is_in_copy_data;
} MgFeed;

/* Text in pieces of any size. */
void mg_feed_text(MgFeed *feed, const char *text, size_t size_bytes);

/* For the digest of tokens, in the order of the script. */
void mg_feed_directive(MgFeed *feed, const MgDirective *directive);
/* head: as the scanner left it; what has no room there is read on. */
void mg_feed_statement(MgFeed *feed, const MgStmtHead *head);
/* Data in pieces of any size. */
void mg_feed_copy_data(MgFeed *feed, const char *text, size_t size_bytes);
void mg_feed_copy_end(MgFeed *feed);

/* The digest is ready for another text. */
void mg_feed_end(MgFeed *feed, char ret_hex[MG_DIGEST_HEX_BYTES]);

#endif
