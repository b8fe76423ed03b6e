/*
 * The table of commands, and what is said to those who name none of them.
 */
#include "cmd.h"

#include <stdarg.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"
#include "talk.h"

enum {
    MAX_SHOWN_BYTES = 60,
};

const MgCmd *const mg_cmds[] = {
    &cmd_init,       &cmd_new,    &cmd_up,       &cmd_down,     &cmd_redo,   &cmd_status,
    &cmd_plan,       &cmd_verify, &cmd_doctor,   &cmd_baseline, &cmd_repair, &cmd_claim,
    &cmd_dump,       &cmd_log,    &cmd_renumber, &cmd_scratch,  &cmd_show,   &cmd_url,
    &cmd_completion, &cmd_help,   NULL,
};

/* Words of other tools: a hint, never an alias, so that a script says what it does. */
static const struct {
    const char *word, *hint;
} foreign_words[] = {
    { "deploy", "Pending migrations are applied by \"migrate up\"." },
    { "apply", "Pending migrations are applied by \"migrate up\"." },
    { "migrate", "Pending migrations are applied by \"migrate up\"." },
    { "upgrade", "Pending migrations are applied by \"migrate up\"." },
    { "latest", "Pending migrations are applied by \"migrate up\"." },
    { "run", "Pending migrations are applied by \"migrate up\"." },
    { "push", "Pending migrations are applied by \"migrate up\"." },
    { "reset", "Everything is reverted by \"migrate down --to 0\"; \"migrate scratch\" makes an "
               "empty database." },
    { "fresh", "Everything is reverted by \"migrate down --to 0\"; \"migrate scratch\" makes an "
               "empty database." },
    { "drop", "Everything is reverted by \"migrate down --to 0\"; \"migrate scratch\" makes an "
              "empty database." },
    { "validate", "What is wrong is found by \"migrate verify\"." },
    { "check", "What is wrong is found by \"migrate verify\"." },
    { "create", "The files of a migration are made by \"migrate new NAME\"." },
    { "generate", "The files of a migration are made by \"migrate new NAME\"." },
    { "add", "The files of a migration are made by \"migrate new NAME\"." },
    { "make", "The files of a migration are made by \"migrate new NAME\"." },
    { "rollback", "The newest migration is reverted by \"migrate down\"." },
    { "undo", "The newest migration is reverted by \"migrate down\"." },
    { "revert", "The newest migration is reverted by \"migrate down\"." },
    { "downgrade", "The newest migration is reverted by \"migrate down\"." },
    { "info", "What is applied and pending is shown by \"migrate status\"." },
    { "list", "What is applied and pending is shown by \"migrate status\"." },
    { "history", "What was applied and reverted is shown by \"migrate log\"." },
    { "version", "The database's version is shown by \"migrate status\", the program's by "
                 "\"migrate --version\"." },
    { "goto", "A version is reached by \"migrate up --to V\" or \"migrate down --to V\"." },
    { "force", "Nothing is ever left dirty here: a migration and its history row commit together. "
               "A half-run one without a transaction is settled by \"migrate repair\"." },
    { "schema:dump", "The schema is written by \"migrate dump --file FILE\"." },
    { "schema-dump", "The schema is written by \"migrate dump --file FILE\"." },
    { "structure", "The schema is written by \"migrate dump --file FILE\"." },
    { "structure:dump", "The schema is written by \"migrate dump --file FILE\"." },
    { "snapshot", "The schema is written by \"migrate dump --file FILE\"." },
    { "load", "What \"migrate dump\" has written is loaded by psql -f FILE." },
    { "next", "The next migration is applied by \"migrate up 1\"." },
    { "clean", "Everything is reverted by \"migrate down --to 0\"; \"migrate scratch\" makes an "
               "empty database." },
    { "refresh", "Everything is reverted by \"migrate down --to 0\"; \"migrate scratch\" makes an "
                 "empty database." },
    { "migration", "The files of a migration are made by \"migrate new NAME\"." },
    { "makemigrations", "The files of a migration are made by \"migrate new NAME\"." },
    { "ls", "What is applied and pending is shown by \"migrate status\"." },
    { "pending", "What would be applied is shown by \"migrate plan\"." },
    { "diff", "What would be applied is shown by \"migrate plan\"." },
    { "current", "What is applied and pending is shown by \"migrate status\"." },
    { "showmigrations", "What is applied and pending is shown by \"migrate status\"." },
    { "lint", "What is wrong is found by \"migrate verify\"." },
    { "test", "The migrations are tried on a throw-away server by \"migrate up --scratch\"." },
    { "schema", "The schema is written by \"migrate dump --file FILE\"." },
    { "export", "The schema is written by \"migrate dump --file FILE\"." },
    { "fix", "What is wrong is found by \"migrate verify\", and settled by \"migrate repair V\"." },
    { "resolve", "A file that was edited is accepted by \"migrate repair V --accept-file\"." },
    { "stamp", "A database that has its tables already begins with \"migrate baseline V\"." },
    { "adopt", "A database that has its tables already begins with \"migrate baseline V\"." },
    { "fake", "A database that has its tables already begins with \"migrate baseline V\"." },
    { "unlock", "No lock is ever left behind: it ends with the connection that took it." },
    { "wait", "How long to wait for a server is given by --wait-server D." },
    { "config", "All settings are listed by \"migrate doctor\"." },
    { "env", "All settings are listed by \"migrate doctor\"." },
    { "rename", "A migration gets a newer version by \"migrate renumber V\"." },
    { "shell", "An empty database with the schema is opened by \"migrate scratch psql\"." },
    { "psql", "An empty database with the schema is opened by \"migrate scratch psql\"." },
    { "schema:load", "What \"migrate dump\" has written is loaded by psql -f FILE." },
};

const MgCmd *
mg_cmd_find(const char *name)
{
    for (size_t i = 0; mg_cmds[i] != NULL; i++) {
        if (strcmp(mg_cmds[i]->name, name) == 0)
            return mg_cmds[i];
    }
    return NULL;
}

const char *
mg_cmd_shown(const char *word)
{
    size_t size_bytes = strlen(word);
    bool may_be_secret = strpbrk(word, ":=@") != NULL || size_bytes > MAX_SHOWN_BYTES;
    for (const char *c = word; *c != '\0'; c++)
        may_be_secret = may_be_secret || (unsigned char)*c < ' ' || *c == '\x7f';
    may_be_secret = may_be_secret || mg_text_valid_utf8(word, size_bytes) != size_bytes;
    return may_be_secret ? "***" : word;
}

/* As a shell takes it. */
static void
add_again_word(const char *word, MgBuf *ret)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-+./,%";
    const char *shown = mg_cmd_shown(word);
    bool is_plain = shown[strspn(shown, plain)] == '\0' && *shown != '\0';
    bool is_quotable = strchr(shown, '\'') == NULL;
    mg_buf_format(ret, is_plain ? " %s" : " '%s'", is_quotable ? shown : "***");
}

static void
add_again_option(const MgOpt *opt, const void *args, MgBuf *ret)
{
    const char *field = (const char *)args + opt->offset;
    if (opt->type == MG_OPT_FLAG && *(const bool *)field)
        mg_buf_format(ret, " --%s", opt->name);
    const char *text = opt->type == MG_OPT_TEXT ? *(const char *const *)field : NULL;
    if (opt->type == MG_OPT_CHOICE && *(const int *)field >= opt->min && *(const int *)field != 0)
        text = opt->choices[*(const int *)field - opt->min];
    if (text == NULL)
        return;
    mg_buf_format(ret, " --%s", opt->name);
    if (strcmp(opt->argument, "URL") == 0)
        mg_buf_add(ret, " URL");
    else
        add_again_word(text, ret);
}

static void
add_again_common(const MgRun *run, MgBuf *ret)
{
    for (const MgOpt *opt = mg_common_opts; opt->name != NULL; opt++)
        if (opt->type == MG_OPT_TEXT)
            add_again_option(opt, run->common, ret);
}

const char *
mg_cmd_there(const MgRun *run, const char *command)
{
    MG_CLEANUP(buf) MgBuf text = { 0 };
    mg_buf_add(&text, command);
    add_again_common(run, &text);
    return mg_arena_text(run->arena, mg_buf_text(&text));
}

const char *
mg_cmd_again(const MgRun *run)
{
    MG_CLEANUP(buf) MgBuf text = { 0 };
    size_t n_words = run->words.n;
    mg_buf_format(&text, "migrate %s", run->cmd->name);
    if (n_words > 0)
        add_again_word(run->words.items[0], &text);
    for (const MgOpt *opt = run->cmd->opts; opt != NULL && opt->name != NULL; opt++)
        add_again_option(opt, run->args, &text);
    /* "repair V --statement K done" */
    for (size_t i = 1; i < n_words; i++)
        add_again_word(run->words.items[i], &text);
    add_again_common(run, &text);
    return mg_arena_text(run->arena, mg_buf_text(&text));
}

static bool
add_foreign_hint(const char *name, MgError *err)
{
    /* Tools of web frameworks have a word in front: "db:migrate". */
    const char *colon = strrchr(name, ':');
    for (size_t i = 0; i < sizeof foreign_words / sizeof *foreign_words; i++) {
        if (mg_text_equal_fold(foreign_words[i].word, name)) {
            mg_error_hint(err, "%s", foreign_words[i].hint);
            return true;
        }
    }
    return colon != NULL && add_foreign_hint(colon + 1, err);
}

int
mg_cmd_likeness(const char *word)
{
    size_t size_bytes = strlen(word);
    return size_bytes < 2 ? 0 : size_bytes < 5 ? 1 : 2;
}

/* A word of another tool that was mistyped, when it is nearer than distance; else NULL. */
static const char *
find_foreign_like(const char *name, int distance)
{
    const char *hint = NULL;
    for (size_t i = 0; i < sizeof foreign_words / sizeof *foreign_words; i++) {
        int other = mg_text_distance(foreign_words[i].word, name);
        if (strlen(foreign_words[i].word) > 4 && other < distance) {
            hint = foreign_words[i].hint;
            distance = other;
        }
    }
    return hint;
}

static void
add_nearest_hint(const char *name, MgError *err)
{
    const char *nearest = NULL;
    int nearest_distance = mg_cmd_likeness(name) + 1;
    for (size_t i = 0; mg_cmds[i] != NULL; i++) {
        /* "stat" is meant to be longer and "UP" to be "up", whatever the distance says. */
        bool is_meant = (strlen(name) > 1 && mg_text_starts(mg_cmds[i]->name, name)) ||
                        mg_text_equal_fold(mg_cmds[i]->name, name);
        int distance = is_meant ? 0 : mg_text_distance(mg_cmds[i]->name, name);
        if (distance < nearest_distance) {
            nearest = mg_cmds[i]->name;
            nearest_distance = distance;
        }
    }
    const char *foreign = find_foreign_like(name, nearest_distance);
    if (foreign != NULL)
        mg_error_hint(err, "%s", foreign);
    else if (nearest != NULL)
        mg_error_hint(err, "Perhaps \"migrate %s\" is meant.", nearest);
}

bool
mg_cmd_unknown(const char *name, MgError *err)
{
    (void)mg_fail(err, MG_E_USAGE, "unknown command \"%s\"", mg_cmd_shown(name));
    if (strstr(name, "://") != NULL)
        mg_error_hint(err, "The database is given by --url URL.");
    else if (!add_foreign_hint(name, err))
        add_nearest_hint(name, err);
    mg_cmd_see_help(NULL, err);
    return false;
}

void
mg_cmd_options(const MgRun *run, MgOptions *ret)
{
    mg_options_init(ret);
    ret->url = run->common->url;
    ret->url_env = run->common->url_env;
    ret->env_file = run->common->env_file;
    ret->dir = run->common->dir;
    ret->history = run->common->history;
    ret->deadline_ms = run->common->deadline_ms;
    ret->is_verbose = run->common->is_verbose;
    ret->is_live = run->talk->err.has_live && !run->talk->is_quiet;
    ret->wait_server_ms = run->common->wait_server_ms;
    ret->keeps_notebook = !run->common->has_no_state;
    ret->notebook = run->common->state;
    ret->command = run->cmd->name;
    ret->env = run->common->env;
    ret->config = run->common->config;
    ret->is_configured = true;
    ret->environment = run->environment;
    ret->cancel_fd = run->cancel_fd;
    ret->on_event = mg_talk_event;
    ret->on_idle = mg_talk_idle;
    run->talk->is_gathering = true;
    ret->payload = run->talk;
}

bool
mg_cmd_is_skipped(const MgRun *run, const MgContext *context)
{
    const char *reason = mg_skipped(context);
    if (reason != NULL)
        mg_talk_result(run->talk, "skipped", "%s", reason);
    return reason != NULL;
}

const char *
mg_cmd_named_database(const MgCommon *common)
{
    return common->url != NULL        ? "url"
           : common->url_env != NULL  ? "url-env"
           : common->env_file != NULL ? "env-file"
                                      : NULL;
}

bool
mg_cmd_check_database(const MgRun *run, MgError *err)
{
    const MgCommon *common = run->common;
    if (common->url == NULL || (common->url_env == NULL && common->env_file == NULL))
        return true;
    return mg_cmd_usage(run->cmd->name, err, "--url and --%s name two databases",
                        common->url_env == NULL ? "env-file" : "url-env");
}

void
mg_cmd_see_help(const char *command, MgError *err)
{
    mg_error_hint(err, "See migrate %s%s--help", command == NULL ? "" : command,
                  command == NULL ? "" : " ");
}

bool
mg_cmd_usage(const char *command, MgError *err, const char *format, ...)
{
    MG_CLEANUP(buf) MgBuf message = { 0 };
    va_list args;
    va_start(args, format);
    mg_buf_vformat(&message, format, args);
    va_end(args);
    (void)mg_fail(err, MG_E_USAGE, "%s", mg_buf_text(&message));
    mg_cmd_see_help(command, err);
    return false;
}
