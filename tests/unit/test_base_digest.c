/* SHA-256 against published values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/digest.h"

static void
test_digest__known_values(void **state)
{
    (void)state;
    char hex[MG_DIGEST_HEX_BYTES];
    mg_digest_end(mg_digest_begin(), hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");

    MgDigest *digest = mg_digest_begin();
    mg_digest_add(digest, "a", 1);
    mg_digest_add(digest, "", 0);
    mg_digest_add(digest, "bc", 2);
    mg_digest_end(digest, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

/* One digest for several texts gives what a new one for each gives. */
static void
test_digest__starts_again(void **state)
{
    (void)state;
    char hex[MG_DIGEST_HEX_BYTES];
    MgDigest *digest = mg_digest_begin();
    for (int i = 0; i < 3; i++) {
        mg_digest_add(digest, "abc", 3);
        mg_digest_next(digest, hex);
        assert_string_equal(hex,
                            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
    mg_digest_next(digest, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    mg_digest_add(digest, "given up", 8);
    mg_digest_drop(digest);
    mg_digest_drop(NULL);
}

static void
test_digest__all_at_once(void **state)
{
    (void)state;
    static const uint8_t begins[] = { 0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea };
    static const uint8_t ends[] = { 0xf2, 0x00, 0x15, 0xad };
    uint8_t bytes[MG_DIGEST_BYTES];
    mg_digest("abc", 3, bytes);
    assert_memory_equal(bytes, begins, sizeof begins);
    assert_memory_equal(bytes + MG_DIGEST_BYTES - sizeof ends, ends, sizeof ends);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digest__known_values),
        cmocka_unit_test(test_digest__starts_again),
        cmocka_unit_test(test_digest__all_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
