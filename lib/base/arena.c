/* The arena.  Blocks double in size; knows nothing of what is put into it. */
#include "base/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_BLOCK_BYTES = 4096,
    LARGEST_BLOCK_BYTES = 1 << 20,
};

struct MgArenaBlock {
    MgArenaBlock *older;
    size_t size_bytes;
    size_t used;
    alignas(max_align_t) char memory[];
};

struct MgArenaDeferred {
    MgArenaDeferred *older;
    void (*release)(void *payload);
    void *payload;
};

static void
out_of_memory(size_t size_bytes)
{
    fprintf(stderr, "migrate: out of memory (%zu bytes)\n", size_bytes);
    abort();
}

void *
mg_realloc(void *memory, size_t size_bytes)
{
    void *result = realloc(memory, size_bytes == 0 ? 1 : size_bytes);
    if (result == NULL)
        out_of_memory(size_bytes);
    return result;
}

void
mg_free(void *memory)
{
    free(memory);
}

/* Not cleared: most of it is written over at once. */
static void *
take(MgArena *arena, size_t size_bytes, size_t align)
{
    if (size_bytes > PTRDIFF_MAX - align)
        out_of_memory(size_bytes);

    MgArenaBlock *block = arena->block;
    size_t begin = block == NULL ? 0 : (block->used + align - 1) & ~(align - 1);
    if (block == NULL || begin > block->size_bytes || block->size_bytes - begin < size_bytes) {
        size_t block_bytes = FIRST_BLOCK_BYTES;
        if (block != NULL)
            block_bytes = block->size_bytes < LARGEST_BLOCK_BYTES ? block->size_bytes * 2
                                                                  : LARGEST_BLOCK_BYTES;
        if (block_bytes < size_bytes)
            block_bytes = size_bytes;
        block = mg_realloc(NULL, sizeof *block + block_bytes);
        *block = (MgArenaBlock){ .older = arena->block, .size_bytes = block_bytes };
        arena->block = block;
        begin = 0;
    }
    block->used = begin + size_bytes;
    return block->memory + begin;
}

void *
mg_arena_alloc(MgArena *arena, size_t size_bytes)
{
    void *result = take(arena, size_bytes, alignof(max_align_t));
    memset(result, 0, size_bytes);
    return result;
}

static void
check_size(size_t n, size_t item_bytes)
{
    if (item_bytes != 0 && n > PTRDIFF_MAX / item_bytes)
        out_of_memory(n);
}

void *
mg_arena_alloc_array(MgArena *arena, size_t n, size_t item_bytes)
{
    check_size(n, item_bytes);
    return mg_arena_alloc(arena, n * item_bytes);
}

void *
mg_arena_room(MgArena *arena, size_t n, size_t item_bytes)
{
    check_size(n, item_bytes);
    return take(arena, n * item_bytes, alignof(max_align_t));
}

void *
mg_arena_grow(MgArena *arena, const void *items, size_t n, size_t *cap, size_t item_bytes)
{
    size_t new_cap = *cap == 0 ? 8 : *cap * 2;
    void *result = mg_arena_room(arena, new_cap, item_bytes);
    if (n > 0)
        memcpy(result, items, n * item_bytes);
    *cap = new_cap;
    return result;
}

char *
mg_arena_text_n(MgArena *arena, const char *text, size_t size_bytes)
{
    char *result = take(arena, size_bytes + 1, 1);
    if (size_bytes > 0)
        memcpy(result, text, size_bytes);
    result[size_bytes] = '\0';
    return result;
}

char *
mg_arena_text(MgArena *arena, const char *text)
{
    return text == NULL ? NULL : mg_arena_text_n(arena, text, strlen(text));
}

char *
mg_arena_format(MgArena *arena, const char *format, ...)
{
    assert(format != NULL);
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    /* Nearly always it fits behind what is there, and is written once. */
    MgArenaBlock *block = arena->block;
    size_t room = block == NULL ? 0 : block->size_bytes - block->used;
    int size = vsnprintf(room == 0 ? NULL : block->memory + block->used, room, format, args);
    va_end(args);
    assert(size >= 0);

    char *result = take(arena, (size_t)size + 1, 1);
    if ((size_t)size >= room)
        vsnprintf(result, (size_t)size + 1, format, again);
    va_end(again);
    return result;
}

MgArenaMark
mg_arena_mark(const MgArena *arena)
{
    return (MgArenaMark){ .block = arena->block,
                          .used = arena->block == NULL ? 0 : arena->block->used,
                          .deferred = arena->deferred };
}

void
mg_arena_reset(MgArena *arena, MgArenaMark mark)
{
    for (; arena->deferred != mark.deferred; arena->deferred = arena->deferred->older)
        arena->deferred->release(arena->deferred->payload);
    while (arena->block != mark.block) {
        MgArenaBlock *older = arena->block->older;
        mg_free(arena->block);
        arena->block = older;
    }
    if (arena->block != NULL)
        arena->block->used = mark.used;
}

void
mg_arena_defer(MgArena *arena, void (*release)(void *payload), void *payload)
{
    MgArenaDeferred *deferred = MG_NEW_IN(arena, MgArenaDeferred);
    *deferred = (MgArenaDeferred){ arena->deferred, release, payload };
    arena->deferred = deferred;
}

void
mg_arena_release(MgArena *arena)
{
    mg_arena_reset(arena, (MgArenaMark){ 0 });
}
