/* Which platform runs us, told by its variables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "target/identity.h"

enum {
    MAX_VARIABLES = 6,
};

static const char *
shown(const char *text)
{
    return text == NULL ? "-" : text;
}

static void
test_identity__platforms(void **state)
{
    (void)state;
    static const struct {
        const char *environment[MAX_VARIABLES];
        const char *expect; /* by, commit, run_url */
    } cases[] = {
        { { NULL }, "-, -, -" },
        { { "USER=me", "HOME=/", "VERCEL_DEPLOYMENT_ID=x" }, "-, -, -" },
        { { "VERCEL=1", "VERCEL_DEPLOYMENT_ID=dpl_8Hq2vN", "VERCEL_GIT_COMMIT_SHA=4f2a91c" },
          "vercel dpl_8Hq2vN, 4f2a91c, -" },
        { { "VERCEL=1" }, "vercel, -, -" },
        { { "VERCEL=1", "VERCEL_DEPLOYMENT_ID=", "VERCEL_GIT_COMMIT_SHA=" }, "vercel, -, -" },
        { { "VERCEL=" }, "-, -, -" },
        { { "NETLIFY=true", "BUILD_ID=5f", "COMMIT_REF=9b1c7de", "DEPLOY_URL=https://d.example" },
          "netlify 5f, 9b1c7de, https://d.example" },
        { { "CF_PAGES=1", "CF_PAGES_BRANCH=main", "CF_PAGES_COMMIT_SHA=ab",
            "CF_PAGES_URL=https://p.example" },
          "cloudflare main, ab, https://p.example" },
        { { "RENDER=true", "RENDER_SERVICE_NAME=web", "RENDER_GIT_COMMIT=ab" },
          "render web, ab, -" },
        { { "RAILWAY_ENVIRONMENT_NAME=production", "RAILWAY_DEPLOYMENT_ID=d1",
            "RAILWAY_GIT_COMMIT_SHA=ab" },
          "railway d1, ab, -" },
        { { "FLY_APP_NAME=shop", "FLY_MACHINE_ID=m1" }, "fly m1, -, -" },
        { { "GITHUB_ACTIONS=true", "GITHUB_RUN_ID=77", "GITHUB_SHA=ab" }, "github run 77, ab, -" },
        { { "GITLAB_CI=true", "CI_JOB_ID=5", "CI_COMMIT_SHA=ab",
            "CI_JOB_URL=https://g.example/-/jobs/5" },
          "gitlab job 5, ab, https://g.example/-/jobs/5" },
        /* A deployment platform may build inside another one: the first in the table counts. */
        { { "GITHUB_ACTIONS=true", "GITHUB_RUN_ID=77", "GITHUB_SHA=ab", "VERCEL=1" },
          "vercel, -, -" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        char *environment[MAX_VARIABLES + 1] = { NULL };
        MgIdentity identity = { .by = "before", .commit = "before", .run_url = "before" };
        for (size_t k = 0; k < MAX_VARIABLES && cases[i].environment[k] != NULL; k++)
            environment[k] = mg_arena_text(&arena, cases[i].environment[k]);
        mg_identity_read(environment, &arena, &identity);
        assert_string_equal(mg_arena_format(&arena, "%s, %s, %s", shown(identity.by),
                                            shown(identity.commit), shown(identity.run_url)),
                            cases[i].expect);
        mg_arena_release(&arena);
    }
}

static void
test_identity__no_environment(void **state)
{
    (void)state;
    MgArena arena = { 0 };
    MgIdentity identity = { .by = "before", .commit = "before", .run_url = "before" };
    mg_identity_read(NULL, &arena, &identity);
    assert_null(identity.by);
    assert_null(identity.commit);
    assert_null(identity.run_url);
    mg_arena_release(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identity__platforms),
        cmocka_unit_test(test_identity__no_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
