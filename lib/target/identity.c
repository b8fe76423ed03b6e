/* Who runs: a table of platforms, by the variables that each of them sets. */
#include "target/identity.h"

#include <stddef.h>

#include "target/environment.h"

/* A platform is recognised by its mark; run, commit and url name variables, or NULL. */
static const struct {
    const char *mark, *name, *run, *commit, *url;
} platforms[] = {
    { "VERCEL", "vercel", "VERCEL_DEPLOYMENT_ID", "VERCEL_GIT_COMMIT_SHA", NULL },
    { "NETLIFY", "netlify", "BUILD_ID", "COMMIT_REF", "DEPLOY_URL" },
    { "CF_PAGES", "cloudflare", "CF_PAGES_BRANCH", "CF_PAGES_COMMIT_SHA", "CF_PAGES_URL" },
    { "RENDER", "render", "RENDER_SERVICE_NAME", "RENDER_GIT_COMMIT", NULL },
    { "RAILWAY_ENVIRONMENT_NAME", "railway", "RAILWAY_DEPLOYMENT_ID", "RAILWAY_GIT_COMMIT_SHA",
      NULL },
    { "FLY_APP_NAME", "fly", "FLY_MACHINE_ID", NULL, NULL },
    { "GITHUB_ACTIONS", "github run", "GITHUB_RUN_ID", "GITHUB_SHA", NULL },
    { "GITLAB_CI", "gitlab job", "CI_JOB_ID", "CI_COMMIT_SHA", "CI_JOB_URL" },
};

static const char *
get(char *const *environment, const char *name)
{
    return name == NULL ? NULL : mg_environment_get(environment, name);
}

void
mg_identity_read(char *const *environment, MgArena *arena, MgIdentity *ret)
{
    *ret = (MgIdentity){ 0 };
    for (size_t i = 0; i < sizeof platforms / sizeof *platforms; i++) {
        if (get(environment, platforms[i].mark) == NULL)
            continue;
        const char *run = get(environment, platforms[i].run);
        ret->by = run == NULL ? platforms[i].name
                              : mg_arena_format(arena, "%s %s", platforms[i].name, run);
        ret->commit = get(environment, platforms[i].commit);
        ret->run_url = get(environment, platforms[i].url);
        return;
    }
}
