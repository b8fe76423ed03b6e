/*
 * Who runs: a table of platforms, by the variables that each of them sets, and
 * one of what those variables say about the environment.  A new platform is a
 * row in each.
 */
#include "target/identity.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/text.h"
#include "target/environment.h"

enum {
    MINUTE_MS = 60 * 1000,
};

/* A platform is recognised by its mark; run, commit and url name variables, or NULL. */
static const struct {
    const char *mark, *name, *run, *commit, *url;
} platforms[] = {
    { "VERCEL", "vercel", "VERCEL_DEPLOYMENT_ID", "VERCEL_GIT_COMMIT_SHA", "VERCEL_URL" },
    { "NETLIFY", "netlify", "BUILD_ID", "COMMIT_REF", "DEPLOY_URL" },
    { "CF_PAGES", "cloudflare", "CF_PAGES_BRANCH", "CF_PAGES_COMMIT_SHA", "CF_PAGES_URL" },
    { "WORKERS_CI", "cloudflare", "WORKERS_CI_BUILD_UUID", "WORKERS_CI_COMMIT_SHA", NULL },
    { "RENDER", "render", "RENDER_SERVICE_NAME", "RENDER_GIT_COMMIT", NULL },
    { "RAILWAY_ENVIRONMENT_NAME", "railway", "RAILWAY_DEPLOYMENT_ID", "RAILWAY_GIT_COMMIT_SHA",
      NULL },
    { "FLY_APP_NAME", "fly", "FLY_MACHINE_ID", NULL, NULL },
    { "HEROKU_APP_NAME", "heroku", "HEROKU_RELEASE_VERSION", "HEROKU_SLUG_COMMIT", NULL },
    /* Heroku tells the names above only where "dyno metadata" is on. */
    { "DYNO", "heroku", "DYNO", NULL, NULL },
    { "GITHUB_ACTIONS", "github run", "GITHUB_RUN_ID", "GITHUB_SHA", NULL },
    { "GITLAB_CI", "gitlab job", "CI_JOB_ID", "CI_COMMIT_SHA", "CI_JOB_URL" },
};

/*
 * Which environment a variable tells of; the first row that holds counts.
 * mark: a variable that must be set too, for names that are not the platform's
 * alone.  value: only when it is this one.  name: the environment; NULL: the
 * value itself.  unless: not when this variable says the same.
 */
static const struct {
    const char *mark, *variable, *value, *name, *unless;
} environments[] = {
    /* A custom environment counts as a preview in VERCEL_ENV. */
    { NULL, "VERCEL_TARGET_ENV", NULL, NULL, "VERCEL_ENV" },
    { NULL, "VERCEL_ENV", NULL, NULL, NULL },
    { "NETLIFY", "CONTEXT", "deploy-preview", "preview", NULL },
    { "NETLIFY", "CONTEXT", "branch-deploy", "preview", NULL },
    { "NETLIFY", "CONTEXT", "dev", "development", NULL },
    { "NETLIFY", "CONTEXT", NULL, NULL, NULL },
    /* Cloudflare does not tell which branch is the production branch. */
    { NULL, "CF_PAGES_BRANCH", "main", "production", NULL },
    { NULL, "CF_PAGES_BRANCH", "master", "production", NULL },
    { NULL, "CF_PAGES_BRANCH", NULL, "preview", NULL },
    { NULL, "WORKERS_CI_BRANCH", "main", "production", NULL },
    { NULL, "WORKERS_CI_BRANCH", "master", "production", NULL },
    { NULL, "WORKERS_CI_BRANCH", NULL, "preview", NULL },
    { "RENDER", "IS_PULL_REQUEST", "true", "preview", NULL },
    { "RENDER", "IS_PULL_REQUEST", "false", "production", NULL },
    { NULL, "RAILWAY_ENVIRONMENT_NAME", NULL, NULL, NULL },
    /* Fly and Heroku do not tell a staging application from another. */
    { NULL, "HEROKU_TEST_RUN_ID", NULL, "test", NULL },
    { NULL, "HEROKU_PR_NUMBER", NULL, "preview", NULL },
    /* What a push or a schedule deploys to, only the workflow knows. */
    { "GITHUB_ACTIONS", "GITHUB_EVENT_NAME", "pull_request", "preview", NULL },
    { "GITHUB_ACTIONS", "GITHUB_EVENT_NAME", "pull_request_target", "preview", NULL },
    { "GITLAB_CI", "CI_ENVIRONMENT_TIER", "production", "production", NULL },
    { "GITLAB_CI", "CI_ENVIRONMENT_NAME", NULL, NULL, NULL },
    { "GITLAB_CI", "CI_MERGE_REQUEST_IID", NULL, "preview", NULL },
};

/* After this long the platform ends a build, less what rolling back and telling may take. */
static const struct {
    const char *variable, *prefix, *name;
    int64_t deadline_ms;
} deadlines[] = {
    { "VERCEL", "", "vercel", (int64_t)40 * MINUTE_MS }, /* of 45 min */
    /* Releases of Elixir set it too, to "start" and the like. */
    { "RELEASE_COMMAND", "1", "fly", (int64_t)4 * MINUTE_MS + 30000 }, /* of 5 min */
    { "DYNO", "release.", "heroku release", (int64_t)55 * MINUTE_MS }, /* of 1 h */
};

static const char *
get(char *const *environment, const char *name)
{
    return name == NULL ? NULL : mg_environment_get(environment, name);
}

/* A platform's own variables may leave the scheme out. */
static const char *
as_url(const char *text, MgArena *arena)
{
    if (text == NULL || strstr(text, "://") != NULL)
        return text;
    return mg_arena_format(arena, "https://%s", text);
}

static const char *
github_run_url(char *const *environment, MgArena *arena)
{
    const char *server = get(environment, "GITHUB_SERVER_URL");
    const char *repository = get(environment, "GITHUB_REPOSITORY");
    const char *run = get(environment, "GITHUB_RUN_ID");
    if (server == NULL || repository == NULL || run == NULL)
        return NULL;
    return mg_arena_format(arena, "%s/%s/actions/runs/%s", server, repository, run);
}

static void
read_platform(char *const *environment, MgArena *arena, MgIdentity *ret)
{
    for (size_t i = 0; i < sizeof platforms / sizeof *platforms; i++) {
        if (get(environment, platforms[i].mark) == NULL)
            continue;
        const char *run = get(environment, platforms[i].run);
        ret->by = run == NULL ? platforms[i].name
                              : mg_arena_format(arena, "%s %s", platforms[i].name, run);
        ret->commit = get(environment, platforms[i].commit);
        ret->run_url = as_url(get(environment, platforms[i].url), arena);
        if (strcmp(platforms[i].mark, "GITHUB_ACTIONS") == 0)
            ret->run_url = github_run_url(environment, arena);
        return;
    }
}

static void
read_environment(char *const *environment, MgIdentity *ret)
{
    for (size_t i = 0; i < sizeof environments / sizeof *environments; i++) {
        const char *value = get(environment, environments[i].variable);
        const char *same = get(environment, environments[i].unless);
        if (value == NULL ||
            (environments[i].mark != NULL && get(environment, environments[i].mark) == NULL) ||
            (environments[i].value != NULL && strcmp(environments[i].value, value) != 0) ||
            (same != NULL && strcmp(same, value) == 0))
            continue;
        ret->environment = environments[i].name == NULL ? value : environments[i].name;
        ret->environment_from = environments[i].variable;
        return;
    }
}

static void
read_deadline(char *const *environment, MgIdentity *ret)
{
    for (size_t i = 0; i < sizeof deadlines / sizeof *deadlines; i++) {
        const char *value = get(environment, deadlines[i].variable);
        if (value == NULL || !mg_text_starts(value, deadlines[i].prefix))
            continue;
        ret->deadline_ms = deadlines[i].deadline_ms;
        ret->deadline_from = deadlines[i].name;
        return;
    }
}

void
mg_identity_read(char *const *environment, MgArena *arena, MgIdentity *ret)
{
    *ret = (MgIdentity){ 0 };
    read_platform(environment, arena, ret);
    read_environment(environment, ret);
    read_deadline(environment, ret);
}
