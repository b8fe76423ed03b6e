/* SHA-256, by libcrypto. */
#ifndef MG_BASE_DIGEST_H
#define MG_BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/error.h"

enum {
    MG_DIGEST_BYTES = 32,
    MG_DIGEST_HEX_BYTES = 65, /* with the NUL */
};

/* To be asked by whatever begins something that makes digests; fails with MG_E_SYSTEM. */
MG_CHECK bool mg_digest_load(MgError *err);

/* A digest under way; mg_digest_end gives it back. */
typedef struct MgDigest MgDigest;

MgDigest *mg_digest_begin(void);
void mg_digest_add(MgDigest *digest, const void *bytes, size_t size_bytes);
/* Lower-case hexadecimal; frees digest. */
void mg_digest_end(MgDigest *digest, char ret_hex[MG_DIGEST_HEX_BYTES]);
/* The same, and digest is ready for another text. */
void mg_digest_next(MgDigest *digest, char ret_hex[MG_DIGEST_HEX_BYTES]);
/* Give up a digest under way; NULL is fine. */
void mg_digest_drop(MgDigest *digest);

/* All at once. */
void mg_digest(const void *bytes, size_t size_bytes, uint8_t ret[MG_DIGEST_BYTES]);

#endif
