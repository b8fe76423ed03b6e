/* No password of a statement is shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mask.h"

static void
test_mask__passwords(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expect;
    } cases[] = {
        { "", "" },
        { "SELECT 1", "SELECT 1" },
        { "CREATE ROLE app PASSWORD 'secret'", "CREATE ROLE app PASSWORD '******'" },
        { "CREATE ROLE app PASSWORD 'secret';", "CREATE ROLE app PASSWORD '******';" },
        { "alter user app with encrypted password 'it''s' LOGIN",
          "alter user app with encrypted password '*****' LOGIN" },
        { "ALTER ROLE app PASSWORD E'a\\'b' NOINHERIT",
          "ALTER ROLE app PASSWORD E'****' NOINHERIT" },
        { "ALTER ROLE app PASSWORD $$secret$$", "ALTER ROLE app PASSWORD $$******$$" },
        { "ALTER ROLE app PASSWORD $x$se$$cret$x$ VALID UNTIL 'infinity'",
          "ALTER ROLE app PASSWORD $x$********$x$ VALID UNTIL 'infinity'" },
        { "ALTER ROLE app PASSWORD /* new */\n  'secret'",
          "ALTER ROLE app PASSWORD /* new */\n  '******'" },
        { "ALTER ROLE app PASSWORD -- new\n  'se\ncret'",
          "ALTER ROLE app PASSWORD -- new\n  '**\n****'" },
        { "ALTER ROLE app PASSWORD 'one'\n 'two'", "ALTER ROLE app PASSWORD '***'\n '***'" },
        { "ALTER ROLE a PASSWORD 'x'; ALTER ROLE b PASSWORD 'y'",
          "ALTER ROLE a PASSWORD '*'; ALTER ROLE b PASSWORD '*'" },
        { "ALTER ROLE app PASSWORD NULL", "ALTER ROLE app PASSWORD NULL" },
        { "ALTER ROLE app PASSWORD", "ALTER ROLE app PASSWORD" },
        { "ALTER ROLE app PASSWORD 'cut o", "ALTER ROLE app PASSWORD '*****" },
        { "ALTER ROLE app PASSWORD $x$cut", "ALTER ROLE app PASSWORD $x$***" },
        { "CREATE TABLE u (password text DEFAULT 'x')",
          "CREATE TABLE u (password text DEFAULT 'x')" },
        { "SELECT passwords, password_hash FROM u", "SELECT passwords, password_hash FROM u" },
        { "SQL statement \"CREATE ROLE x PASSWORD 's3cretpw'\"",
          "SQL statement \"CREATE ROLE x PASSWORD '********'\"" },
        { "CREATE SUBSCRIPTION s CONNECTION 'host=h password=s3cret dbname=d'",
          "CREATE SUBSCRIPTION s CONNECTION 'host=h password=****** dbname=d'" },
        { "CONNECTION 'dbname=d password=s3cret'", "CONNECTION 'dbname=d password=******'" },
        { "EXECUTE 'CREATE ROLE x PASSWORD ''s3cret'' LOGIN'",
          "EXECUTE 'CREATE ROLE x PASSWORD ''******'' LOGIN'" },
        { "ALTER ROLE x PASSWORD ''; SELECT 'y'", "ALTER ROLE x PASSWORD ''; SELECT 'y'" },
        { "ALTER ROLE x PASSWORD U&'geheim'", "ALTER ROLE x PASSWORD U&'******'" },
        { "OPTIONS (\"password\" 'geheim')", "OPTIONS (\"password\" '******')" },
        { "set_config('app.password', 'x', false)", "set_config('app.password', '*', false)" },
        { "SELECT 'no password', 1", "SELECT 'no password', 1" },
        { "OPTIONS (user 'a', password 'b')", "OPTIONS (user 'a', password '*')" },
        { "CONNECTION 'postgresql://app:s3cret@host/d'",
          "CONNECTION 'postgresql://app:******@host/d'" },
        { "postgresql://app:hun/ter2@h/d", "postgresql://app:********@h/d" },
        { "'postgres://app:it's@h/d'", "'postgres://app:****@h/d'" },
        { "url: postgres://app:p@ss@h/d", "url: postgres://app:****@h/d" },
        { "https://app:s3cret@h/a@b", "https://app:******@h/a@b" },
        { "https://app@h:1/a@b", "https://app@h:1/a@b" },
        { "postgres://h:5432/d and a@b", "postgres://h:5432/d and a@b" },
        { "password: hunter2\nrole: a", "password: *******\nrole: a" },
        { "password:\thunter 2 # old\r\nrole: a", "password:\t**************\r\nrole: a" },
        { "password:", "password:" },
        { "password: \"a\\\"b\" # c", "password: \"****\" # c" },
        { "{\"password\": \"geheim\", \"a\": \"b\"}", "{\"password\": \"******\", \"a\": \"b\"}" },
        { "\"password\": \"cut\\", "\"password\": \"****" },
        { "SELECT password::text, 'a'", "SELECT password::text, 'a'" },
        { "new_password := 'x'; b := 'y'", "new_password := '*'; b := 'y'" },
        { "login(password => 'x', a => 'y')", "login(password => '*', a => 'y')" },
        { "see https://example.com/a:b@c", "see https://example.com/a:b@c" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[200];
        size_t size_bytes = strlen(cases[i].text);
        memcpy(text, cases[i].text, size_bytes + 1);
        mg_mask_passwords(text, size_bytes);
        assert_string_equal(text, cases[i].expect);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mask__passwords),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
