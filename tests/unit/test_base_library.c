/* Loading libraries; what is said without one is seen by tests/pg/libraries.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "base/digest.h"
#include "base/library.h"

enum { N_THREADS = 8 };

static void
test_library__is_loaded_again_and_again(void **state)
{
    (void)state;
    MgError err;
    for (int i = 0; i < 2 * MG_N_LIBRARIES; i++)
        if (!mg_library_load((MgLibrary)(i % MG_N_LIBRARIES), MG_E_SYSTEM, &err))
            fail_msg("%s", err.message);
}

/* cmocka's assertions are for one thread. */
static void *
use_libraries(void *payload)
{
    static const uint8_t begin[] = { 0xba, 0x78, 0x16, 0xbf };
    bool *is_ok = payload;
    MgError err;
    uint8_t digest[MG_DIGEST_BYTES];
    *is_ok = true;
    for (MgLibrary i = 0; i < MG_N_LIBRARIES; i++)
        *is_ok = mg_library_load(i, MG_E_SYSTEM, &err) && *is_ok;
    mg_digest("abc", 3, digest);
    for (size_t i = 0; i < sizeof begin; i++)
        *is_ok = *is_ok && digest[i] == begin[i];
    return NULL;
}

static void
test_library__is_loaded_by_many_at_once(void **state)
{
    (void)state;
    pthread_t threads[N_THREADS];
    bool is_ok[N_THREADS] = { false };
    for (int i = 0; i < N_THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_libraries, &is_ok[i]), 0);
    for (int i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(is_ok[i]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        /* First, so that nothing is loaded yet. */
        cmocka_unit_test(test_library__is_loaded_by_many_at_once),
        cmocka_unit_test(test_library__is_loaded_again_and_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
