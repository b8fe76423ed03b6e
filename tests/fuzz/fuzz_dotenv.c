/*
 * Any text as a .env file, and as a Prisma schema.  What must always hold:
 *
 *   - the result is an environment: each item a name, "=" and a value;
 *   - what was read, written between single quotes, is read again as it is;
 *   - a name from a schema is one that a variable can have.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "fuzz.h"
#include "target/dotenv.h"
#include "target/prisma.h"

enum {
    MAX_BYTES = 4096,
};

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

static void
check_variable(const char *item, MgArena *arena)
{
    size_t name_bytes = strspn(item, letters);
    REQUIRE(name_bytes > 0 && item[name_bytes] == '=');
    if (strchr(item, '\'') != NULL)
        return;
    const char *line = mg_arena_format(arena, "%s='%s'", mg_arena_text_n(arena, item, name_bytes),
                                       item + name_bytes + 1);
    char *const *again = NULL;
    MgError err;
    REQUIRE(mg_dotenv_parse(line, ".env", NULL, arena, &again, &err));
    REQUIRE(again[0] != NULL && again[1] == NULL && strcmp(again[0], item) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes)
{
    if (size_bytes > MAX_BYTES)
        return 0;
    static const char *const environment[] = { "USER=app", NULL };
    MgArena arena = { 0 };
    const char *text = mg_arena_text_n(&arena, (const char *)input, size_bytes);
    char *const *item = NULL;
    MgError err;
    bool is_read = mg_dotenv_parse(text, ".env", (char *const *)environment, &arena, &item, &err);
    for (; is_read && *item != NULL; item++)
        check_variable(*item, &arena);
    const char *name = mg_prisma_name(text, "directUrl", &arena);
    REQUIRE(name == NULL || (*name != '\0' && name[strspn(name, letters)] == '\0'));
    mg_arena_release(&arena);
    return 0;
}
