/* The context: options, target and source are read; no connection is made. */
#include "context.h"

#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/text.h"
#include "target/choose.h"
#include "target/config.h"
#include "target/environment.h"
#include "target/policy.h"
#include "target/provider.h"
#include "target/twin.h"

enum {
    DEFAULT_WAIT_SERVER_MS = 60 * 1000,
    /* Of the server of this machine: it starts up, but is not scaled to zero. */
    DEFAULT_WAIT_LOCAL_SERVER_MS = 5 * 1000,
    /* Of a diagnosis: one that sleeps has come up by then, and it is no failure to be told soon. */
    DEFAULT_WAIT_DIAGNOSIS_MS = 15 * 1000,
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

bool
mg_check_options(const MgOptions *options, MgError *err)
{
    return options->size == sizeof *options ||
           mg_fail(err, MG_E_USAGE, "the options were not made by mg_options_init");
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

/* ---- Settings ---- */

/* The environment that is run for: named, or told by a platform. */
static void
find_environment(MgContext *context)
{
    char *const *environment = context->options.environment;
    const MgIdentity *identity = &context->identity;
    MgPosition *position = &context->position;
    const char *named = mg_environment_get(environment, "MIGRATE_ENV");
    const char *from = NULL;
    if (context->options.env != NULL) {
        if (*context->options.env == '\0')
            return;
        *position = (MgPosition){ .environment = context->options.env,
                                  .environment_from = "--env",
                                  .environment_place = "--env" };
    } else if (named != NULL || identity->environment != NULL) {
        from = named != NULL ? "MIGRATE_ENV" : identity->environment_from;
        *position = (MgPosition){ .environment = named != NULL ? named : identity->environment,
                                  .environment_from = from,
                                  .environment_place = mg_arena_format(
                                      &context->arena, "%s in the environment", from) };
    }
    /* At a desk a name is a wish; where a platform runs us it says what is deployed. */
    bool is_deployment = identity->by != NULL || mg_environment_get(environment, "CI") != NULL ||
                         identity->environment != NULL;
    position->is_production = is_deployment && position->environment != NULL &&
                              (mg_text_equal_fold(position->environment, "production") ||
                               mg_text_equal_fold(position->environment, "prod"));
}

/* A name of one's own that is nearly one of the file's is a typing mistake. */
static bool
check_environment(const MgContext *context, MgError *err)
{
    const MgPosition *position = &context->position;
    const MgConfigFile *file = context->config;
    const char *nearest = NULL;
    bool is_own =
        position->environment != NULL &&
        (context->options.env != NULL || strcmp(position->environment_from, "MIGRATE_ENV") == 0);
    for (size_t i = 0; is_own && file != NULL && i < file->environments.n; i++) {
        const char *name = file->environments.items[i];
        if (strcmp(name, position->environment) == 0)
            return true;
        if (mg_text_distance(name, position->environment) <= 2)
            nearest = name;
    }
    if (nearest == NULL)
        return true;
    (void)mg_fail(err, MG_E_CONFIG, "environment \"%s\" is not in \"%s\"", position->environment,
                  file->name);
    mg_error_at(err, position->environment_place, 0, 0);
    mg_error_hint(err, "Perhaps \"%s\" is meant.", nearest);
    mg_error_note(err, "no connection was made");
    return false;
}

typedef struct GivenList {
    MgGiven items[MG_N_SETTINGS];
    size_t n;
} GivenList;

static void
give_text(GivenList *list, MgSettingId id, const char *from, const char *text)
{
    if (text != NULL)
        list->items[list->n++] = (MgGiven){ id, from, text, 0 };
}

static void
give_number(GivenList *list, MgSettingId id, const char *from, bool is_given, int64_t number)
{
    if (is_given)
        list->items[list->n++] = (MgGiven){ id, from, NULL, number < 0 ? 0 : number };
}

static void
list_given(const MgOptions *options, GivenList *ret)
{
    *ret = (GivenList){ .n = 0 };
    give_text(ret, MG_SET_DIR, "--dir", options->dir);
    give_text(ret, MG_SET_URL_ENV, "--url-env", options->url_env);
    give_text(ret, MG_SET_HISTORY, "--history", options->history);
    give_number(ret, MG_SET_CONNECTION, "--connection",
                options->is_session_accepted || options->is_session_declined,
                options->is_session_accepted ? MG_CONNECTION_SESSION : MG_CONNECTION_DIRECT);
    give_number(ret, MG_SET_POOLED_URL, "--derive-direct", options->is_direct_derived,
                MG_POOLED_URL_DERIVE);
    give_number(ret, MG_SET_LOCK_RETRY, "--lock-retry", options->lock_retry_ms != 0,
                options->lock_retry_ms);
    give_number(ret, MG_SET_WAIT_SERVER, "--wait-server", options->wait_server_ms != 0,
                options->wait_server_ms);
    give_number(ret, MG_SET_WAIT_TURN, "--wait-turn", options->wait_turn_ms != 0,
                options->wait_turn_ms);
    give_number(ret, MG_SET_DEADLINE, "--deadline", options->deadline_ms > 0, options->deadline_ms);
}

static bool
read_settings(MgContext *context, MgError *err)
{
    const MgOptions *options = &context->options;
    MgArena *arena = &context->arena;
    const char *path = options->config;
    GivenList given;
    if (path == NULL && options->is_configured)
        path = mg_environment_get(options->environment, "MIGRATE_CONFIG");
    mg_identity_read(options->environment, arena, &context->identity);
    find_environment(context);
    list_given(options, &given);
    if ((path != NULL || options->is_configured) &&
        (!mg_config_read(path, arena, &context->config, err) || !check_environment(context, err)))
        return false;
    MgSettingsInput input = { .given = given.items,
                              .n_given = given.n,
                              .environment = options->environment,
                              .file = context->config,
                              .name = context->position.environment,
                              .deadline_ms = context->identity.deadline_ms,
                              .deadline_from = context->identity.deadline_from };
    return mg_settings_resolve(&input, arena, &context->settings, err);
}

/* "none" is 0 here; "role" stays below it. */
static int64_t
timeout_of(const MgSettingValue *value)
{
    return value->number == MG_DURATION_NONE ? 0 : value->number;
}

/* From here on the options hold what counts. */
static void
use_settings(MgContext *context)
{
    const MgSettingValue *values = context->settings.values;
    MgOptions *options = &context->options;
    /* A server of one's own knows no roles yet. */
    bool is_throw_away = options->env != NULL && *options->env == '\0';
    options->dir = values[MG_SET_DIR].text;
    options->url_env = values[MG_SET_URL_ENV].text;
    options->history = values[MG_SET_HISTORY].text;
    options->is_session_accepted = values[MG_SET_CONNECTION].number == MG_CONNECTION_SESSION;
    options->is_direct_derived = values[MG_SET_POOLED_URL].number == MG_POOLED_URL_DERIVE;
    options->lock_retry_ms = values[MG_SET_LOCK_RETRY].number;
    options->wait_turn_ms = values[MG_SET_WAIT_TURN].number;
    options->deadline_ms = timeout_of(&values[MG_SET_DEADLINE]);
    context->session =
        (MgSessionSettings){ .role = is_throw_away ? NULL : values[MG_SET_ROLE].text,
                             .timezone = values[MG_SET_TIMEZONE].text,
                             .lock_timeout_ms = values[MG_SET_LOCK_TIMEOUT].number,
                             .statement_timeout_ms = timeout_of(&values[MG_SET_STATEMENT_TIMEOUT]),
                             .idle_timeout_ms = timeout_of(&values[MG_SET_IDLE_TIMEOUT]) };
}

/* Does the environment leave migrations out? */
static bool
is_skipped(MgContext *context)
{
    const MgSettingValue *apply = &context->settings.values[MG_SET_APPLY];
    if (!context->options.is_skippable || apply->number != 0)
        return false;
    context->skipped = mg_arena_format(
        &context->arena, "environment %s from %s has \"apply: no\" (%s)",
        context->position.environment, context->position.environment_from, apply->from);
    return true;
}

const char *
mg_skipped(const MgContext *context)
{
    return context->skipped;
}

bool
mg_setting(const MgOptions *options, const char *key, char *ret, size_t ret_bytes, MgError *err)
{
    MgSettingId id = mg_setting_find(key);
    if (!mg_check_options(options, err))
        return false;
    if (id == MG_N_SETTINGS)
        return mg_fail(err, MG_E_USAGE, "there is no setting \"%s\"", key);
    MgContext context = { .options = *options };
    bool is_ok = read_settings(&context, err);
    const char *text = is_ok ? context.settings.values[id].text : NULL;
    if (text != NULL && strlen(text) >= ret_bytes) /* half a path would be another one */
        is_ok = mg_fail(err, MG_E_CONFIG, "setting \"%s\" is longer than %zu bytes", key,
                        ret_bytes - 1);
    if (is_ok)
        mg_text_copy(ret, ret_bytes, text == NULL ? "" : text);
    mg_arena_release(&context.arena);
    return is_ok;
}

/* ---- Target and source ---- */

static bool
choose_target(MgContext *context, MgError *err)
{
    const MgOptions *options = &context->options;
    const MgSettingValue *configured = &context->settings.values[MG_SET_URL];
    MgArena *arena = &context->arena;
    MgChooseInput input = { .url = options->url,
                            .url_from = options->url_from,
                            .url_env = options->url_env,
                            .env_file = options->env_file,
                            .environment = options->environment,
                            .configured_url = configured->text,
                            .configured_from = configured->from,
                            .configured_error = configured->error,
                            .is_session_accepted = options->is_session_accepted };
    MgPolicy policy = { .is_reading = options->is_reading,
                        .is_direct_derived = options->is_direct_derived,
                        .is_session_accepted = options->is_session_accepted };
    MgChoice choice;

    context->target.verdict_name = mg_verdict_name(MG_UNPROVED);
    context->target.environment = context->position.environment;
    context->target.environment_from = context->position.environment_from;
    if (!mg_target_choose(&input, arena, &choice, err)) {
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
    context->session.search_path = url->search_path;
    context->target = (MgTarget){ .database = url->database,
                                  .host = url->host,
                                  .user = url->user,
                                  .port = url->port,
                                  .from = choice.shown,
                                  .url = url->display,
                                  .is_local = url->is_local,
                                  .verdict_name = mg_verdict_name(MG_UNPROVED),
                                  .environment = context->position.environment,
                                  .environment_from = context->position.environment_from };
    context->position.hosts = mg_twin_hosts(url, arena);
    context->position.target = url->display;
    return true;
}

static MgSourcePlace
find_source(const MgOptions *options)
{
    return (MgSourcePlace){ .dir = options->files != NULL ? NULL : options->dir,
                            .files = options->files,
                            .n_files = options->n_files };
}

/* What is wrong with it is told by the diagnosis. */
static bool
look_at_source(MgContext *context)
{
    const MgSourcePlace place = find_source(&context->options);
    if (!mg_source_read(&place, &context->arena, &context->source, &context->source_failure))
        context->source = (MgSource){ 0 };
    return true;
}

/* What the history does not know is analysed when there is a history to ask. */
static bool
list_source(MgContext *context, MgError *err)
{
    const MgSourcePlace place = find_source(&context->options);
    return mg_source_list(&place, &context->arena, &context->source, err);
}

static bool
open_context(MgContext *context, MgError *err)
{
    MgOptions *options = &context->options;

    if (!read_settings(context, err))
        return false;
    if (is_skipped(context)) {
        (void)mg_fail(&context->target_failure, MG_E_USAGE, "nothing is to be done here: %s",
                      context->skipped);
        return true;
    }
    use_settings(context);
    if (options->deadline_ms > 0)
        context->deadline_ms = mg_clock_ms() + options->deadline_ms;
    context->applied_by =
        options->applied_by != NULL ? options->applied_by : default_applied_by(context);
    if (!mg_digest_load(err) ||
        !mg_history_table_parse(options->history, &context->arena, &context->table, err) ||
        !choose_target(context, err))
        return false;
    int64_t wait_server_ms = context->target.is_local ? DEFAULT_WAIT_LOCAL_SERVER_MS
                             : options->is_diagnosing ? DEFAULT_WAIT_DIAGNOSIS_MS
                                                      : DEFAULT_WAIT_SERVER_MS;
    const MgSettingValue *configured = &context->settings.values[MG_SET_WAIT_SERVER];
    bool is_configured = configured->text != NULL;
    context->wait_again_ms = is_configured ? configured->number : DEFAULT_WAIT_SERVER_MS;
    options->wait_server_ms = is_configured ? configured->number : wait_server_ms;
    return options->is_diagnosing ? look_at_source(context) : list_source(context, err);
}

bool
mg_open(const MgOptions *options, MgContext **ret, MgError *err)
{
    if (!mg_check_options(options, err))
        return false;
    int64_t begin_us = mg_clock_us();
    MgContext *context = mg_realloc(NULL, sizeof *context);
    *context = (MgContext){ .options = *options };
    if (!open_context(context, err)) {
        mg_close(context);
        return mg_fail_noted(err, "no connection was made");
    }
    /* Where there is no target there is nothing to note. */
    if (context->url.display != NULL)
        mg_notes_init(context);
    context->opening_us = mg_clock_us() - begin_us;
    *ret = context;
    return true;
}

void
mg_take_claim(MgContext *context)
{
    const MgClaim *claim = mg_claim_find(&context->start.history, context->position.hosts);
    context->target.claimed_by = claim == NULL ? NULL : claim->environment;
    context->target.claimed_at_ms = claim == NULL ? 0 : claim->at_ms;
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
