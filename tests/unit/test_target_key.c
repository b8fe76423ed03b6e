/* What becomes of keys, and which values are never shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "target/key.h"

static void
test_key__uses(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        MgKeyUse use;
    } cases[] = {
        { "pgbouncer", MG_KEY_FOREIGN },
        { "connection_limit", MG_KEY_FOREIGN },
        { "x-migrations-table", MG_KEY_FOREIGN },
        { "schema", MG_KEY_SCHEMA },
        { "search_path", MG_KEY_SEARCH_PATH },
        { "currentSchema", MG_KEY_SEARCH_PATH },
        { "timezone", MG_KEY_NOTED },
        { "sslnegotiation", MG_KEY_NEWER },
        { "require_auth", MG_KEY_NEWER_GUARD },
        { "application_name", MG_KEY_DROPPED },
        { "ApplicationName", MG_KEY_DROPPED },
        { "host", MG_KEY_UNKNOWN },
        { "PgBouncer", MG_KEY_UNKNOWN },
        { "", MG_KEY_UNKNOWN },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(mg_key_use(cases[i].key), cases[i].use);
}

static void
test_key__secrets(void **state)
{
    (void)state;
    static const char *const secrets[] = { "password", "PASSWORD",      "sslpassword",
                                           "db_pwd",   "client_secret", "authToken",
                                           "api_key",  "apiKey",        "scram_client_key" };
    static const char *const others[] = { "passfile", "sslkey", "host", "user", "" };
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
        assert_true(mg_key_is_secret(secrets[i]));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(mg_key_is_secret(others[i]));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key__uses),
        cmocka_unit_test(test_key__secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
