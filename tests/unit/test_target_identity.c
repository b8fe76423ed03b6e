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
        { { "HEROKU_APP_NAME=shop", "HEROKU_RELEASE_VERSION=v42", "HEROKU_SLUG_COMMIT=ab" },
          "heroku v42, ab, -" },
        { { "DYNO=release.42" }, "heroku release.42, -, -" },
        { { "WORKERS_CI=1", "WORKERS_CI_BUILD_UUID=u1", "WORKERS_CI_COMMIT_SHA=ab" },
          "cloudflare u1, ab, -" },
        { { "VERCEL=1", "VERCEL_URL=shop-1.vercel.app" }, "vercel, -, https://shop-1.vercel.app" },
        { { "GITHUB_ACTIONS=true", "GITHUB_RUN_ID=77", "GITHUB_SHA=ab" }, "github run 77, ab, -" },
        { { "GITHUB_ACTIONS=true", "GITHUB_RUN_ID=77", "GITHUB_REPOSITORY=a/b",
            "GITHUB_SERVER_URL=https://github.com" },
          "github run 77, -, https://github.com/a/b/actions/runs/77" },
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
test_identity__environments(void **state)
{
    (void)state;
    static const struct {
        const char *environment[MAX_VARIABLES];
        const char *expect; /* environment, variable, deadline in s, its platform */
    } cases[] = {
        { { "CI=true" }, "-, -, 0, -" },
        { { "VERCEL=1", "VERCEL_ENV=production", "VERCEL_TARGET_ENV=production" },
          "production, VERCEL_ENV, 2400, vercel" },
        { { "VERCEL=1", "VERCEL_ENV=preview", "VERCEL_TARGET_ENV=staging" },
          "staging, VERCEL_TARGET_ENV, 2400, vercel" },
        { { "VERCEL_ENV=" }, "-, -, 0, -" },
        { { "NETLIFY=true", "CONTEXT=production" }, "production, CONTEXT, 0, -" },
        { { "NETLIFY=true", "CONTEXT=deploy-preview" }, "preview, CONTEXT, 0, -" },
        { { "NETLIFY=true", "CONTEXT=branch-deploy" }, "preview, CONTEXT, 0, -" },
        { { "CONTEXT=production" }, "-, -, 0, -" },
        { { "CF_PAGES=1", "CF_PAGES_BRANCH=main" }, "production, CF_PAGES_BRANCH, 0, -" },
        { { "CF_PAGES=1", "CF_PAGES_BRANCH=fix" }, "preview, CF_PAGES_BRANCH, 0, -" },
        { { "WORKERS_CI=1", "WORKERS_CI_BRANCH=master" }, "production, WORKERS_CI_BRANCH, 0, -" },
        { { "RENDER=true", "IS_PULL_REQUEST=true" }, "preview, IS_PULL_REQUEST, 0, -" },
        { { "RENDER=true", "IS_PULL_REQUEST=false" }, "production, IS_PULL_REQUEST, 0, -" },
        { { "RAILWAY_ENVIRONMENT_NAME=shop-pr-7" }, "shop-pr-7, RAILWAY_ENVIRONMENT_NAME, 0, -" },
        { { "FLY_APP_NAME=shop", "RELEASE_COMMAND=1" }, "-, -, 270, fly" },
        { { "RELEASE_COMMAND=start" }, "-, -, 0, -" },
        { { "DYNO=release.4711" }, "-, -, 3300, heroku release" },
        { { "DYNO=web.1", "HEROKU_PR_NUMBER=7" }, "preview, HEROKU_PR_NUMBER, 0, -" },
        { { "GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME=pull_request" },
          "preview, GITHUB_EVENT_NAME, 0, -" },
        { { "GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME=push" }, "-, -, 0, -" },
        { { "GITLAB_CI=true", "CI_ENVIRONMENT_TIER=production", "CI_ENVIRONMENT_NAME=live" },
          "production, CI_ENVIRONMENT_TIER, 0, -" },
        { { "GITLAB_CI=true", "CI_ENVIRONMENT_TIER=staging", "CI_ENVIRONMENT_NAME=staging" },
          "staging, CI_ENVIRONMENT_NAME, 0, -" },
        { { "GITLAB_CI=true", "CI_MERGE_REQUEST_IID=3" }, "preview, CI_MERGE_REQUEST_IID, 0, -" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        char *environment[MAX_VARIABLES + 1] = { NULL };
        MgIdentity identity;
        for (size_t k = 0; k < MAX_VARIABLES && cases[i].environment[k] != NULL; k++)
            environment[k] = mg_arena_text(&arena, cases[i].environment[k]);
        mg_identity_read(environment, &arena, &identity);
        assert_string_equal(mg_arena_format(&arena, "%s, %s, %d, %s", shown(identity.environment),
                                            shown(identity.environment_from),
                                            (int)(identity.deadline_ms / 1000),
                                            shown(identity.deadline_from)),
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
        cmocka_unit_test(test_identity__environments),
        cmocka_unit_test(test_identity__no_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
