/*
 * Any text as a database URL.  What must always hold:
 *
 *   - a password is never shown, unless the text holds it twice;
 *   - an error says something, and ends no URL's life half parsed;
 *   - every URL that is read can be checked against the poolers, and a refusal
 *     shows no password either;
 *   - what is made as its direct twin is a URL that is not pooled by shape, and
 *     what is shown of it is read as the same.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "fuzz.h"
#include "target/policy.h"
#include "target/twin.h"
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

static bool
is_equal(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void
check_twins(const MgUrl *url, MgArena *arena)
{
    const char *direct = mg_twin_direct(url, true, arena);
    const char *pooled = mg_twin_pooled(url, true, arena);
    MgUrl twin;
    MgError err;
    size_t host_i;
    REQUIRE(mg_twin_is_same_database(url, url, arena));
    if (direct != NULL) {
        REQUIRE(mg_url_parse(direct, "DATABASE_URL in the environment", NULL, arena, &twin, &err));
        REQUIRE(mg_provider_find(&twin, &host_i) == NULL);
        REQUIRE(is_equal(twin.password, url->password) && is_equal(twin.database, url->database));
        REQUIRE(strcmp(twin.display, mg_twin_direct(url, false, arena)) == 0);
    }
    if (pooled != NULL) {
        REQUIRE(mg_url_parse(pooled, "DATABASE_URL in the environment", NULL, arena, &twin, &err));
        REQUIRE(mg_provider_find(&twin, &host_i) != NULL);
        REQUIRE(is_equal(twin.password, url->password) && is_equal(twin.database, url->database));
    }
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
    check_twins(&url, arena);
    MgUrl ret;
    const MgPolicy policy = { .is_reading = false };
    if (mg_policy_apply(&url, &policy, NULL, arena, &ret, &err))
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
