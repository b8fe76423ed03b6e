/*
 * SHA-256.  That libcrypto is there was seen before, by mg_digest_load; then
 * these functions of it cannot fail.  They are those of 1.1, which are declared
 * without a warning for whoever says so: those of 3 read openssl.cnf and search
 * providers first, which takes as long as all else that a short run does here.
 */
#define OPENSSL_API_COMPAT 0x10100000L

#include "base/digest.h"

#include <assert.h>

#include <openssl/sha.h>

#include "base/arena.h"
#include "base/library.h"

struct MgDigest {
    SHA256_CTX state;
};

/* Without a table: so the compiler makes sixteen digits at once. */
static void
write_hex(const uint8_t *bytes, char *ret)
{
    uint8_t digits[2 * MG_DIGEST_BYTES];
    for (size_t i = 0; i < MG_DIGEST_BYTES; i++) {
        digits[2 * i] = bytes[i] >> 4;
        digits[2 * i + 1] = bytes[i] & 15;
    }
    for (size_t i = 0; i < sizeof digits; i++)
        ret[i] = (char)(digits[i] + (digits[i] > 9 ? 'a' - 10 : '0'));
    ret[sizeof digits] = '\0';
}

bool
mg_digest_load(MgError *err)
{
    return mg_library_load(MG_LIBCRYPTO, MG_E_SYSTEM, err);
}

static void
need_library(void)
{
    MgError err;
    bool is_there = mg_digest_load(&err);
    assert(is_there);
}

MgDigest *
mg_digest_begin(void)
{
    need_library();
    MgDigest *digest = mg_realloc(NULL, sizeof *digest);
    SHA256_Init(&digest->state);
    return digest;
}

void
mg_digest_add(MgDigest *digest, const void *bytes, size_t size_bytes)
{
    SHA256_Update(&digest->state, bytes, size_bytes);
}

void
mg_digest_end(MgDigest *digest, char ret_hex[MG_DIGEST_HEX_BYTES])
{
    mg_digest_next(digest, ret_hex);
    mg_digest_drop(digest);
}

void
mg_digest_next(MgDigest *digest, char ret_hex[MG_DIGEST_HEX_BYTES])
{
    uint8_t bytes[MG_DIGEST_BYTES];
    SHA256_Final(bytes, &digest->state);
    write_hex(bytes, ret_hex);
    SHA256_Init(&digest->state);
}

void
mg_digest_drop(MgDigest *digest)
{
    mg_free(digest);
}

void
mg_digest(const void *bytes, size_t size_bytes, uint8_t ret[MG_DIGEST_BYTES])
{
    need_library();
    SHA256_CTX state;
    SHA256_Init(&state);
    SHA256_Update(&state, bytes, size_bytes);
    SHA256_Final(ret, &state);
}
