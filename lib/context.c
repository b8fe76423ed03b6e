/* The context: options, target and source are read; no connection is made. */
#include "context.h"

#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "target/choose.h"
#include "target/environment.h"
#include "target/policy.h"
#include "target/provider.h"
#include "target/twin.h"

enum {
    DEFAULT_WAIT_TURN_MS = 5 * 60 * 1000,
    DEFAULT_WAIT_SERVER_MS = 60 * 1000,
    /* Of the server of this machine: it starts up, but is not scaled to zero. */
    DEFAULT_WAIT_LOCAL_SERVER_MS = 5 * 1000,
    /* Of a diagnosis: one that sleeps has come up by then, and it is no failure to be told soon. */
    DEFAULT_WAIT_DIAGNOSIS_MS = 15 * 1000,
    DEFAULT_LOCK_RETRY_MS = 10 * 60 * 1000,
};

void
mg_emit(const MgContext *context, MgEventKind kind, const char *text)
{
    if (context->options.on_event != NULL)
        context->options.on_event(context->options.payload,
                                  &(MgEvent){ .kind = kind, .text = text });
}

bool
mg_fail_noted(MgError *err, const char *note)
{
    if (err->note[0] == '\0')
        mg_error_note(err, "%s", note);
    return false;
}

void
mg_options_init(MgOptions *options)
{
    *options = (MgOptions){ .size = sizeof *options, .cancel_fd = -1 };
}

/* 0 means the default, negative means not at all. */
static int64_t
limit_or_default(int64_t limit_ms, int64_t default_ms)
{
    if (limit_ms == 0)
        return default_ms;
    return limit_ms < 0 ? 0 : limit_ms;
}

/* Every wait lies inside the deadline. */
int64_t
mg_bounded_ms(const MgContext *context, int64_t wait_ms)
{
    if (context->deadline_ms == 0)
        return wait_ms;
    int64_t left_ms = context->deadline_ms - mg_clock_ms();
    if (left_ms < 0)
        left_ms = 0;
    return left_ms < wait_ms ? left_ms : wait_ms;
}

static const char *
default_applied_by(MgContext *context)
{
    if (context->identity.by != NULL)
        return context->identity.by;
    const char *user = mg_environment_get(context->options.environment, "USER");
    struct passwd *entry = user == NULL ? getpwuid(geteuid()) : NULL;
    if (entry != NULL)
        user = entry->pw_name;
    char host[256] = "";
    if (gethostname(host, sizeof host - 1) != 0)
        host[0] = '\0';
    return mg_arena_format(&context->arena, "%s@%s", user == NULL ? "unknown" : user,
                           host[0] == '\0' ? "unknown" : host);
}

/* MIGRATE_POOLED_URL says what --derive-direct says. */
static bool
read_pooled_url(char *const *environment, bool *ret_is_derived, MgError *err)
{
    const char *value = mg_environment_get(environment, "MIGRATE_POOLED_URL");
    if (value == NULL || strcmp(value, "refuse") == 0)
        return true;
    *ret_is_derived = true;
    if (strcmp(value, "derive") == 0)
        return true;
    (void)mg_fail(err, MG_E_USAGE, "MIGRATE_POOLED_URL takes \"refuse\" or \"derive\"");
    mg_error_at(err, "MIGRATE_POOLED_URL in the environment", 0, 0);
    mg_error_hint(err, "With \"derive\" the direct URL is made of a pooled one; without the "
                       "variable a pooled URL is refused.");
    return false;
}

static bool
choose_target(MgContext *context, MgError *err)
{
    const MgOptions *options = &context->options;
    MgArena *arena = &context->arena;
    MgChooseInput input = { .url = options->url,
                            .url_from = options->url_from,
                            .url_env = options->url_env,
                            .env_file = options->env_file,
                            .environment = options->environment,
                            .is_session_accepted = options->is_session_accepted };
    MgPolicy policy = { .is_reading = options->is_reading,
                        .is_direct_derived = options->is_direct_derived,
                        .is_session_accepted = options->is_session_accepted };
    MgChoice choice;

    context->target.verdict_name = mg_verdict_name(MG_UNPROVED);
    if (!read_pooled_url(options->environment, &policy.is_direct_derived, err) ||
        !mg_target_choose(&input, arena, &choice, err)) {
        context->target_failure = *err;
        return options->is_diagnosing;
    }
    policy.is_name_given = choice.is_name_given;
    MgError *refusal = options->is_diagnosing ? &context->url_refusal : err;
    context->url = choice.url;
    context->passed_over = choice.passed_over;
    context->n_passed_over = choice.n_passed_over;
    if (!mg_policy_apply(&choice.url, &policy, options->environment, arena, &context->url,
                         refusal) &&
        !options->is_diagnosing)
        return false;
    const MgUrl *url = &context->url;
    context->target = (MgTarget){ .database = url->database,
                                  .host = url->host,
                                  .user = url->user,
                                  .port = url->port,
                                  .from = choice.shown,
                                  .url = url->display,
                                  .is_local = url->is_local,
                                  .verdict_name = mg_verdict_name(MG_UNPROVED) };
    return true;
}

static bool
read_source(MgContext *context, MgError *err)
{
    const MgOptions *options = &context->options;
    if (options->files != NULL)
        return mg_source_read_files(options->files, options->n_files, &context->arena,
                                    &context->source, err);
    return mg_source_read(options->dir == NULL ? "migrations" : options->dir, &context->arena,
                          &context->source, err);
}

/* What is wrong with it is told by the diagnosis. */
static bool
look_at_source(MgContext *context)
{
    if (!read_source(context, &context->source_failure))
        context->source = (MgSource){ 0 };
    return true;
}

static bool
open_context(MgContext *context, MgError *err)
{
    MgOptions *options = &context->options;

    options->wait_turn_ms = limit_or_default(options->wait_turn_ms, DEFAULT_WAIT_TURN_MS);
    options->lock_retry_ms = limit_or_default(options->lock_retry_ms, DEFAULT_LOCK_RETRY_MS);
    if (options->deadline_ms > 0)
        context->deadline_ms = mg_clock_ms() + options->deadline_ms;
    mg_identity_read(options->environment, &context->arena, &context->identity);
    context->applied_by =
        options->applied_by != NULL ? options->applied_by : default_applied_by(context);
    if (!mg_history_table_parse(options->history, &context->arena, &context->table, err) ||
        !choose_target(context, err))
        return false;
    int64_t wait_server_ms = context->target.is_local ? DEFAULT_WAIT_LOCAL_SERVER_MS
                             : options->is_diagnosing ? DEFAULT_WAIT_DIAGNOSIS_MS
                                                      : DEFAULT_WAIT_SERVER_MS;
    context->wait_again_ms = limit_or_default(options->wait_server_ms, DEFAULT_WAIT_SERVER_MS);
    options->wait_server_ms = limit_or_default(options->wait_server_ms, wait_server_ms);
    return options->is_diagnosing ? look_at_source(context) : read_source(context, err);
}

bool
mg_open(const MgOptions *options, MgContext **ret, MgError *err)
{
    if (options->size != sizeof *options)
        return mg_fail(err, MG_E_USAGE, "the options were not made by mg_options_init");
    int64_t begin_us = mg_clock_us();
    MgContext *context = mg_realloc(NULL, sizeof *context);
    *context = (MgContext){ .options = *options };
    if (!open_context(context, err)) {
        mg_close(context);
        return mg_fail_noted(err, "no connection was made");
    }
    mg_notes_init(context);
    context->opening_us = mg_clock_us() - begin_us;
    *ret = context;
    return true;
}

void
mg_disconnect(MgContext *context)
{
    mg_conn_close(context->conn);
    context->conn = NULL;
}

void
mg_close(MgContext *context)
{
    if (context == NULL)
        return;
    mg_disconnect(context);
    mg_notes_release(context);
    mg_arena_release(&context->arena);
    mg_free(context);
}

const MgTarget *
mg_target(const MgContext *context)
{
    return &context->target;
}

void
mg_urls(MgContext *context, bool is_revealed, MgUrls *ret)
{
    MgArena *arena = &context->arena;
    const MgUrl *url = &context->url;
    const MgNamePair *names = mg_provider_names(url);
    size_t host_i;
    const MgProvider *provider = mg_provider_find(url, &host_i);
    if (context->target_failure.code != MG_OK) {
        *ret = (MgUrls){ .direct_name = names->direct, .pooled_name = names->pooled };
        return;
    }
    *ret = (MgUrls){ .chosen = mg_url_rewrite(url, NULL, 0, is_revealed, arena),
                     .direct = mg_twin_direct(url, is_revealed, arena),
                     .pooled = mg_twin_pooled(url, is_revealed, arena),
                     .direct_name = names->direct,
                     .pooled_name = names->pooled,
                     .advice = provider == NULL ? NULL : provider->advice };
}
