/*
 * Any text as a database URL.  What must always hold:
 *
 *   - a password is never shown, unless the text holds it twice;
 *   - an error says something, and ends no URL's life half parsed;
 *   - every URL that is read can be checked against the poolers, and a refusal
 *     shows no password either.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "fuzz.h"
#include "target/provider.h"
#include "target/url.h"

enum {
    MAX_BYTES = 2048,
    /* Shorter ones stand in other words by chance. */
    MIN_PASSWORD_BYTES = 6,
};

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

/* Written plainly, and at one place only: then it must not be shown. */
static bool
is_hidden(const char *text, const char *password)
{
    const char *letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    if (password == NULL || strlen(password) < MIN_PASSWORD_BYTES ||
        password[strspn(password, letters)] != '\0')
        return false;
    const char *first = strstr(text, password);
    return first != NULL && strstr(first + 1, password) == NULL;
}

static void
check(const char *text, MgArena *arena)
{
    MgUrl url;
    MgError err = { .code = MG_OK };
    if (!mg_url_parse(text, "DATABASE_URL in the environment", NULL, arena, &url, &err)) {
        REQUIRE(err.code == MG_E_BAD_URL && *err.message != '\0');
        return;
    }
    bool hides = is_hidden(text, url.password);
    REQUIRE(!hides || strstr(url.display, url.password) == NULL);
    REQUIRE(mg_url_mask(&url, text, arena) != NULL);
    if (mg_provider_check(&url, arena, &err))
        return;
    REQUIRE(err.code == MG_E_POOLED_URL && *err.excerpt != '\0');
    REQUIRE(!hides || strstr(err.excerpt, url.password) == NULL);
    REQUIRE(!hides || strstr(err.hint[0], url.password) == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes)
{
    if (size_bytes > MAX_BYTES)
        return 0;
    MgArena arena = { 0 };
    check(mg_arena_text_n(&arena, (const char *)input, size_bytes), &arena);
    mg_arena_release(&arena);
    return 0;
}
