/*
 * SHA-256.  libcrypto fails only when memory or the library itself is broken:
 * that it is there was seen before, by mg_digest_load.
 */
#include "base/digest.h"

#include <assert.h>

#include <openssl/evp.h>

#include "base/arena.h"
#include "base/library.h"

struct MgDigest {
    EVP_MD_CTX *ctx;
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
    digest->ctx = EVP_MD_CTX_new();
    assert(digest->ctx != NULL);
    int ok = EVP_DigestInit_ex(digest->ctx, EVP_sha256(), NULL);
    assert(ok == 1);
    return digest;
}

void
mg_digest_add(MgDigest *digest, const void *bytes, size_t size_bytes)
{
    int ok = EVP_DigestUpdate(digest->ctx, bytes, size_bytes);
    assert(ok == 1);
}

static void
finish(MgDigest *digest, char ret_hex[MG_DIGEST_HEX_BYTES])
{
    uint8_t bytes[MG_DIGEST_BYTES];
    int ok = EVP_DigestFinal_ex(digest->ctx, bytes, NULL);
    assert(ok == 1);
    write_hex(bytes, ret_hex);
}

void
mg_digest_end(MgDigest *digest, char ret_hex[MG_DIGEST_HEX_BYTES])
{
    finish(digest, ret_hex);
    mg_digest_drop(digest);
}

void
mg_digest_next(MgDigest *digest, char ret_hex[MG_DIGEST_HEX_BYTES])
{
    finish(digest, ret_hex);
    /* Without a type the algorithm stays; with one, OpenSSL 3 searches its providers again. */
    int ok = EVP_DigestInit_ex(digest->ctx, NULL, NULL);
    assert(ok == 1);
}

void
mg_digest_drop(MgDigest *digest)
{
    if (digest == NULL)
        return;
    EVP_MD_CTX_free(digest->ctx);
    mg_free(digest);
}

void
mg_digest(const void *bytes, size_t size_bytes, uint8_t ret[MG_DIGEST_BYTES])
{
    need_library();
    int ok = EVP_Digest(bytes, size_bytes, ret, NULL, EVP_sha256(), NULL);
    assert(ok == 1);
}
