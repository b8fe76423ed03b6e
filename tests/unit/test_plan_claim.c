/* Whose a database is: which claims hold at which hosts, and the refusals word for word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plan/plan.h"

static MgClaim claims[] = {
    { .id = 1, .hosts = "ep-a.neon.tech", .environment = "production", .at_ms = 1772350000000 },
    { .id = 5, .hosts = "one.example.com,two.example.com", .environment = "staging" },
};

static const MgHistory history = { .exists = true, .claims = { .items = claims, .n = 2 } };

static void
test_claim__is_found_by_any_host(void **state)
{
    (void)state;
    static const struct {
        const char *hosts;
        int id; /* 0: none */
    } cases[] = {
        { "ep-a.neon.tech", 1 },
        { "ep-b.neon.tech", 0 },
        { "p-a.neon.tech", 0 },
        { "ep-a.neon.tech.evil.example", 0 },
        { "ep-a.neon", 0 },
        { "", 0 },
        { "one.example.com", 5 },
        { "two.example.com", 5 },
        { "one.example.com,three.example.com", 5 },
        { "three.example.com,two.example.com", 5 },
        { "three.example.com,four.example.com", 0 },
        /* The older one counts. */
        { "two.example.com,ep-a.neon.tech", 1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const MgClaim *claim = mg_claim_find(&history, cases[i].hosts);
        if ((claim == NULL ? 0 : (int)claim->id) != cases[i].id)
            fail_msg("%s", cases[i].hosts);
    }
    assert_null(mg_claim_find(&(MgHistory){ .exists = false }, "ep-a.neon.tech"));
}

static void
test_claim__of_another_host_is_found_too(void **state)
{
    (void)state;
    static const struct {
        const char *hosts;
        int id; /* 0: none */
    } cases[] = {
        { "localhost:15432", 5 }, /* the newest */
        { "one.example.com", 1 },
        { "ep-a.neon.tech,two.example.com", 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const MgClaim *claim = mg_claim_find_elsewhere(&history, cases[i].hosts);
        if ((claim == NULL ? 0 : (int)claim->id) != cases[i].id)
            fail_msg("%s", cases[i].hosts);
    }
    assert_null(mg_claim_find_elsewhere(&(MgHistory){ .exists = false }, "ep-a.neon.tech"));
}

static void
test_claim__lets_its_own_and_the_unclaimed_pass(void **state)
{
    (void)state;
    static const struct {
        const char *hosts, *environment;
    } cases[] = {
        { "ep-a.neon.tech", "production" },
        { "two.example.com", "staging" },
        { "ep-b.neon.tech", "preview" }, /* a branch of the database, with its rows */
        { "ep-b.neon.tech", NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgError err;
        MgPosition position = { .hosts = cases[i].hosts, .environment = cases[i].environment };
        assert_true(mg_claim_check(&history, &position, &err));
    }
}

static void
test_claim__refuses_others(void **state)
{
    (void)state;
    static const struct {
        const char *environment, *place, *message, *hint_1, *hint_2;
    } cases[] = {
        { "preview", "VERCEL_ENV in the environment",
          "this database belongs to environment \"production\", this run is \"preview\"",
          "Give previews a database of their own, for example one Neon branch each.",
          "To let previews skip migrations, set \"apply: no\" for preview in migrate.yaml"
          " (exit 0)." },
        { "staging", "--env",
          "this database belongs to environment \"production\", this run is \"staging\"",
          "Give environment \"staging\" a database of its own.",
          "To let it skip migrations, set \"apply: no\" for staging in migrate.yaml (exit 0)." },
        /* Another name, not another spelling. */
        { "Production", "MIGRATE_ENV in the environment",
          "this database belongs to environment \"production\", this run is \"Production\"",
          "Give environment \"Production\" a database of its own.",
          "To let it skip migrations, set \"apply: no\" for Production in migrate.yaml (exit 0)." },
        { NULL, "", "this database belongs to environment \"production\", this run names none",
          "If it is meant, name the environment: --env production",
          "Else take a database of your own, or \"migrate scratch\"." },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgError err = { 0 };
        MgPosition position = { .hosts = "ep-a.neon.tech",
                                .target = "shop at ep-a.neon.tech",
                                .environment = cases[i].environment,
                                .environment_place = cases[i].place };
        assert_false(mg_claim_check(&history, &position, &err));
        assert_int_equal(err.code, MG_E_CLAIMED);
        assert_string_equal(err.message, cases[i].message);
        assert_string_equal(err.place, cases[i].place);
        assert_string_equal(err.detail, "shop at ep-a.neon.tech, claimed on 2026-03-01.");
        assert_string_equal(err.hint[0], cases[i].hint_1);
        assert_string_equal(err.hint[1], cases[i].hint_2);
        assert_string_equal(err.note, "nothing was applied");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_claim__is_found_by_any_host),
        cmocka_unit_test(test_claim__of_another_host_is_found_too),
        cmocka_unit_test(test_claim__lets_its_own_and_the_unclaimed_pass),
        cmocka_unit_test(test_claim__refuses_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
