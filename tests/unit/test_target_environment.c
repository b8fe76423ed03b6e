/* Which name wins, and what is said when there is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "target/environment.h"

enum {
    MAX_VARIABLES = 8,
};

typedef struct ChooseCase {
    const char *url, *url_from;
    const char *environment[MAX_VARIABLES];
    const char *expect_url, *expect_from, *expect_name;
} ChooseCase;

static void
test_environment__chooses(void **state)
{
    (void)state;
    static const ChooseCase cases[] = {
        { "u", NULL, { "MIGRATE_URL=m" }, "u", "--url", "--url" },
        { "u", "APP_URL in app.env", { 0 }, "u", "APP_URL in app.env", "APP_URL" },
        { NULL,
          "ignored",
          { "POSTGRES_URL=p", "DATABASE_URL=d", "MIGRATE_URL=m" },
          "m",
          "MIGRATE_URL in the environment",
          "MIGRATE_URL" },
        { NULL,
          NULL,
          { "POSTGRES_URL=p", "DATABASE_URL=d", "MIGRATE_URL=" },
          "d",
          "DATABASE_URL in the environment",
          "DATABASE_URL" },
        { NULL,
          NULL,
          { "PGHOST=h", "POSTGRES_URL=p", "DATABASE_URL_X=d" },
          "p",
          "POSTGRES_URL in the environment",
          "POSTGRES_URL" },
        { NULL,
          NULL,
          { "PGSERVICE=s", "PGDATABASE=d", "PGHOSTADDR=a", "PGHOST=h" },
          NULL,
          "PGHOST in the environment",
          "PGHOST" },
        { NULL,
          NULL,
          { "PGSERVICE=s", "PGDATABASE=d", "PGHOSTADDR=a" },
          NULL,
          "PGHOSTADDR in the environment",
          "PGHOSTADDR" },
        { NULL,
          NULL,
          { "PGSERVICE=s", "PGDATABASE=d" },
          NULL,
          "PGDATABASE in the environment",
          "PGDATABASE" },
        { NULL,
          NULL,
          { "PGUSER=u", "PGSERVICE=s" },
          NULL,
          "PGSERVICE in the environment",
          "PGSERVICE" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        MgChoice choice;
        MgError err;
        assert_true(mg_target_choose(cases[i].url, cases[i].url_from,
                                     (char *const *)cases[i].environment, &arena, &choice, &err));
        if (cases[i].expect_url == NULL)
            assert_null(choice.url);
        else
            assert_string_equal(choice.url, cases[i].expect_url);
        assert_string_equal(choice.from, cases[i].expect_from);
        assert_string_equal(choice.name, cases[i].expect_name);
        mg_arena_release(&arena);
    }
}

#define LOOKED_FOR                                                                                 \
    "Looked for --url, then in the environment for MIGRATE_URL, DATABASE_URL, POSTGRES_URL, "      \
    "then PGHOST, PGHOSTADDR, PGDATABASE, PGSERVICE."

static void
test_environment__says_what_was_looked_for(void **state)
{
    (void)state;
    const char *empty_value[] = { "DATABASE_URL=", "PGPORT=5433", "PGHOST=", NULL };
    const struct {
        const char *const *environment;
        const char *detail;
    } cases[] = {
        { NULL, LOOKED_FOR },
        { empty_value, LOOKED_FOR " DATABASE_URL is set but empty." },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        MgChoice choice = { .url = "untouched" };
        MgError err;
        assert_false(mg_target_choose(NULL, NULL, (char *const *)cases[i].environment, &arena,
                                      &choice, &err));
        assert_int_equal(err.code, MG_E_NO_TARGET);
        assert_string_equal(err.message, "no database was named");
        assert_string_equal(err.detail, cases[i].detail);
        assert_string_equal(
            err.hint[0],
            "Name one: export DATABASE_URL=postgresql://user:password@localhost:5432/shop");
        assert_string_equal(err.hint[1],
                            "Or try the migrations on a throw-away server: migrate up --scratch");
        assert_string_equal(err.note, "no connection was made");
        assert_string_equal(choice.url, "untouched");
        mg_arena_release(&arena);
    }
}

static void
test_environment__refuses_an_empty_url(void **state)
{
    (void)state;
    const char *environment[] = { "DATABASE_URL=postgresql://other/db", NULL };
    MgArena arena = { 0 };
    MgChoice choice;
    MgError err;
    assert_false(mg_target_choose("", NULL, (char *const *)environment, &arena, &choice, &err));
    assert_int_equal(err.code, MG_E_NO_TARGET);
    assert_string_equal(err.message, "the database URL from --url is empty");
    mg_arena_release(&arena);
}

static void
test_environment__gets_values(void **state)
{
    (void)state;
    const char *environment[] = { "PATHS=no", "PATH=/bin", "EMPTY=", "PATH=/second", NULL };
    assert_string_equal(mg_environment_get((char *const *)environment, "PATH"), "/bin");
    assert_null(mg_environment_get((char *const *)environment, "EMPTY"));
    assert_null(mg_environment_get((char *const *)environment, "PAT"));
    assert_null(mg_environment_get(NULL, "PATH"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_environment__chooses),
        cmocka_unit_test(test_environment__says_what_was_looked_for),
        cmocka_unit_test(test_environment__refuses_an_empty_url),
        cmocka_unit_test(test_environment__gets_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
