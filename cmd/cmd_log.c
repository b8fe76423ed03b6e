/* migrate log: what was applied and reverted, and what this machine has run. */
#include <stddef.h>

#include "base/error.h"
#include "base/text.h"
#include "cmd.h"
#include "show.h"
#include "talk.h"

enum {
    DEFAULT_ROWS = 20,
    MAX_ROWS = 1000000,
};

typedef struct Args {
    const char *count;
    bool is_all, is_local;
} Args;

static const MgOpt opts[] = {
    { .name = "number",
      .letter = 'n',
      .type = MG_OPT_TEXT,
      .argument = "N",
      .help = "so many rows, instead of 20; json and html have all unless this is given",
      .offset = offsetof(Args, count) },
    { .name = "all", .help = "all rows", .offset = offsetof(Args, is_all) },
    { .name = "local",
      .help = "the runs of this machine, from its notebook; with a number, that run in full",
      .offset = offsetof(Args, is_local) },
    { .name = NULL },
};

typedef struct Request {
    const MgRun *run;
    int64_t limit; /* 0: all */
    int64_t id;    /* of one run; 0: none */
    const char *word;
} Request;

static bool
read_request(const MgRun *run, Request *ret, MgError *err)
{
    const Args *args = run->args;
    uint64_t number = 0, id = 0;
    ret->run = run;
    ret->word = run->words.n > 0 ? run->words.items[0] : NULL;
    if (args->count != NULL && args->is_all)
        return mg_cmd_usage("log", err, "--number and --all cannot be combined");
    if (args->count != NULL && (!mg_text_parse_uint(args->count, MAX_ROWS, &number) || number == 0))
        return mg_cmd_usage("log", err, "option \"--number\" takes a number of rows");
    if (args->is_local && run->common->has_no_state)
        return mg_cmd_usage("log", err, "--local and --no-state cannot be combined");
    if (args->is_local && ret->word != NULL &&
        (!mg_text_parse_uint(ret->word, INT64_MAX, &id) || id == 0))
        return mg_cmd_usage("log", err, "\"%s\" is no number of a run", mg_cmd_shown(ret->word));
    bool is_short =
        !args->is_all && !mg_show_has_errors(run) && ret->word == NULL; /* else a document */
    ret->limit = args->count != NULL ? (int64_t)number : is_short ? DEFAULT_ROWS : 0;
    ret->id = (int64_t)id;
    return true;
}

/* ---- Of the target ---- */

static void
write_log(const Request *request, const MgLog *log, const MgError *error)
{
    MgTalk *talk = request->run->talk;
    MgView view;
    mg_show_view(request->run, error, &view);
    view.limit = request->limit;
    /* The table is set off from the talk above it. */
    if (view.format == MG_TABLE && !talk->is_quiet)
        mg_talk_write_err(talk, "\n", 1);
    mg_write_log(log, &view, mg_talk_write, talk);
}

static void
on_script(void *payload, const MgScriptFacts *script)
{
    const char **label = payload;
    *label = script->label;
}

/* What the history does not know may have a file here, which nothing was done with yet. */
static void
tell_pending(const Request *request, MgError *err)
{
    const char *label = NULL;
    MgOptions options;
    MgError ignored, unknown = *err;
    mg_cmd_options(request->run, &options);
    const MgScriptCalls calls = { .on_script = on_script, .payload = &label };
    if (!mg_scripts(&options, request->word, &calls, &ignored) || label == NULL)
        return;
    (void)mg_fail(err, unknown.code, "%s", unknown.message);
    mg_error_detail(err, "Its file is here: it is pending.");
    mg_error_hint(err, "To apply what is pending: migrate up");
}

static bool
show_log(const Request *request, MgError *err)
{
    /* The history says it all: no folder needs to be here, nor be in order. */
    const MgFile no_files[1] = { { .name = NULL } };
    MgOptions options;
    mg_cmd_options(request->run, &options);
    options.files = no_files;
    options.is_reading = true;
    MgContext *context = NULL;
    const MgLog *log = NULL;
    bool is_ok = mg_open(&options, &context, err) && mg_log(context, request->word, &log, err);
    if (!is_ok && err->code == MG_E_UNKNOWN_VERSION)
        tell_pending(request, err);
    if (is_ok)
        write_log(request, log, NULL);
    else if (mg_show_has_errors(request->run))
        write_log(request, NULL, err);
    mg_close(context);
    return is_ok;
}

/* ---- Of this machine ---- */

static void
write_journal(const Request *request, const MgJournal *journal, const MgError *error)
{
    MgTalk *talk = request->run->talk;
    MgView view;
    mg_show_view(request->run, error, &view);
    (request->id == 0 ? mg_write_journal : mg_write_run)(journal, &view, mg_talk_write, talk);
    bool is_text = view.format == MG_TABLE && journal != NULL && request->id != 0;
    const MgError *failure = is_text ? journal->items[0].error : NULL;
    if (failure != NULL) {
        mg_talk_write(talk, "\n", 1);
        mg_talk_past_error(talk, failure);
    }
}

static bool
show_journal(const Request *request, MgError *err)
{
    MgOptions options;
    mg_cmd_options(request->run, &options);
    const MgJournal *journal = NULL;
    bool is_ok = mg_journal_open(&options, request->id, request->limit, &journal, err);
    if (is_ok)
        write_journal(request, journal, NULL);
    else if (mg_show_has_errors(request->run))
        write_journal(request, NULL, err);
    mg_journal_close(journal);
    return is_ok;
}

static bool
run(const MgRun *run, int *ret_status, MgError *err)
{
    (void)ret_status;
    const Args *args = run->args;
    Request request = { .run = run };
    if (!read_request(run, &request, err))
        return false;
    return args->is_local ? show_journal(&request, err) : show_log(&request, err);
}

static const char *const examples[] = {
    "migrate log",
    "the newest twenty",
    "migrate log 20260310083000",
    "what happened to that one",
    "migrate log --local",
    "the runs of this machine, on any database",
    "migrate log --local 12",
    "one of them, with its errors and how long each migration took",
    NULL,
};

const MgCmd cmd_log = {
    .name = "log",
    .argument = "[V]",
    .summary = "what was applied and reverted, when and by whom",
    .about = "The history of the database, the newest first: every migration that was applied or\n"
             "reverted, when, by whom and in which build. With V, a version, name or file, only\n"
             "that migration. It reads only and takes no lock.",
    .opts = opts,
    .args_bytes = sizeof(Args),
    .formats = MG_CMD_JSON | MG_CMD_MARKDOWN | MG_CMD_HTML,
    .max_words = 1,
    .is_behind = true,
    .examples = examples,
    .run = run,
};
