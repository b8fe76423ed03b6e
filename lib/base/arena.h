/*
 * The arena: memory that is freed all at once.
 *
 * An allocation never fails: out of memory is reported and ends the process
 * (migrate.h says why that is safe here).  Memory is zeroed, but for the room of
 * arrays.  Nothing in an arena is freed alone; mg_arena_reset goes back to a
 * mark.
 */
#ifndef MG_BASE_ARENA_H
#define MG_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "base/attr.h"

typedef struct MgArenaBlock MgArenaBlock;

typedef struct MgArenaDeferred MgArenaDeferred;

typedef struct MgArena {
    MgArenaBlock *block;       /* newest first; NULL when empty */
    MgArenaDeferred *deferred; /* the same */
} MgArena;

typedef struct MgArenaMark {
    MgArenaBlock *block;
    size_t used;
    MgArenaDeferred *deferred;
} MgArenaMark;

/* A zeroed MgArena is ready for use; release gives its memory back and leaves it ready. */
void mg_arena_release(MgArena *arena);

/* size_bytes zeroed bytes, aligned for any type. */
void *mg_arena_alloc(MgArena *arena, size_t size_bytes);
void *mg_arena_alloc_array(MgArena *arena, size_t n, size_t item_bytes);
char *mg_arena_text(MgArena *arena, const char *text); /* NULL gives NULL */
char *mg_arena_text_n(MgArena *arena, const char *text, size_t size_bytes);
char *mg_arena_format(MgArena *arena, const char *format, ...) MG_PRINTF(2, 3);

MgArenaMark mg_arena_mark(const MgArena *arena);
/* Free what was allocated since the mark. */
void mg_arena_reset(MgArena *arena, MgArenaMark mark);

/* Call release when what is allocated now is freed: for memory of others that is borrowed. */
void mg_arena_defer(MgArena *arena, void (*release)(void *payload), void *payload);

/* Memory outside any arena, for buf.c and handles; never NULL.  Free with mg_free. */
void *mg_realloc(void *memory, size_t size_bytes);
void mg_free(void *memory);

/* Append to an array { T *items; size_t n; size_t cap; } in an arena. */
#define MG_PUSH(arena, array, value)                                                               \
    do {                                                                                           \
        if ((array)->n == (array)->cap)                                                            \
            (array)->items = mg_arena_grow((arena), (array)->items, (array)->n, &(array)->cap,     \
                                           sizeof *(array)->items);                                \
        (array)->items[(array)->n++] = (value);                                                    \
    } while (0)

/*
 * Room for n items that will be pushed, not zeroed: to clear a long array first
 * is to fetch it from memory twice.
 */
void *mg_arena_room(MgArena *arena, size_t n, size_t item_bytes);
/* MG_PUSH's other half: a copy of items with twice the room. */
void *mg_arena_grow(MgArena *arena, const void *items, size_t n, size_t *cap, size_t item_bytes);

#define MG_NEW_IN(arena, type) ((type *)mg_arena_alloc((arena), sizeof(type)))

#endif
