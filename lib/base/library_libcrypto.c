/* What we call of libcrypto. */
#include <openssl/evp.h>

#include "base/library_table.h"

#define FUNCTIONS(RETURNS, VOID)                                                                   \
    RETURNS(int, EVP_Digest,                                                                       \
            (const void *bytes, size_t n_bytes, unsigned char *digest, unsigned int *digest_bytes, \
             const EVP_MD *type, ENGINE *engine),                                                  \
            (bytes, n_bytes, digest, digest_bytes, type, engine))                                  \
    RETURNS(int, EVP_DigestFinal_ex,                                                               \
            (EVP_MD_CTX * ctx, unsigned char *digest, unsigned int *digest_bytes),                 \
            (ctx, digest, digest_bytes))                                                           \
    RETURNS(int, EVP_DigestInit_ex, (EVP_MD_CTX * ctx, const EVP_MD *type, ENGINE *engine),        \
            (ctx, type, engine))                                                                   \
    RETURNS(int, EVP_DigestUpdate, (EVP_MD_CTX * ctx, const void *bytes, size_t n_bytes),          \
            (ctx, bytes, n_bytes))                                                                 \
    VOID(void, EVP_MD_CTX_free, (EVP_MD_CTX * ctx), (ctx))                                         \
    RETURNS(EVP_MD_CTX *, EVP_MD_CTX_new, (void), ())                                              \
    RETURNS(const EVP_MD *, EVP_sha256, (void), ())

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
