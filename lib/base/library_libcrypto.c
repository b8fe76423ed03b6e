/* What we call of libcrypto. */
#define OPENSSL_API_COMPAT 0x10100000L /* see digest.c */

#include <openssl/sha.h>

#include "base/library_table.h"

#define FUNCTIONS(RETURNS, VOID)                                                                   \
    RETURNS(int, SHA256_Final, (unsigned char *digest, SHA256_CTX *state), (digest, state))        \
    RETURNS(int, SHA256_Init, (SHA256_CTX * state), (state))                                       \
    RETURNS(int, SHA256_Update, (SHA256_CTX * state, const void *bytes, size_t n_bytes),           \
            (state, bytes, n_bytes))

static struct {
    FUNCTIONS(MG_LIBRARY_POINTER, MG_LIBRARY_POINTER)
} loaded;

FUNCTIONS(MG_LIBRARY_RETURNS, MG_LIBRARY_VOID)

static const MgLibraryFunction functions[] = { FUNCTIONS(MG_LIBRARY_NAME, MG_LIBRARY_NAME) };

const MgLibraryTable mg_library_libcrypto = {
    .name = "libcrypto",
    .soname = MG_SONAME_LIBCRYPTO,
    .too_old = "It is not the libcrypto of OpenSSL.",
    .install = "Install OpenSSL's libraries; their package is libssl3 in Debian and Ubuntu, "
               "openssl-libs in Fedora, libcrypto3 in Alpine.",
    .functions = functions,
    .n_functions = sizeof functions / sizeof *functions,
};

MG_LIBRARY_NOTE(MG_SONAME_LIBCRYPTO, "digests", "Digests of migrations", "required");
