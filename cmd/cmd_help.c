/* migrate help: commands, errors by their slug, and exit statuses. */
#include <stddef.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "cmd.h"
#include "help.h"
#include "manual.h"
#include "talk.h"

typedef struct Args {
    bool is_man, is_json;
} Args;

static const MgOpt opts[] = {
    { .name = "man", .help = "everything as a manual page", .offset = offsetof(Args, is_man) },
    { .name = "json",
      .help = "commands, options and errors as one JSON document",
      .offset = offsetof(Args, is_json) },
    { .name = NULL },
};

/* Where the server spoke, its code stands in the brackets. */
static void
explain_sqlstate(const char *word, int width, MgBuf *ret)
{
    mg_buf_format(ret,
                  "%s is an SQLSTATE: the server's own code of an error. PostgreSQL's manual lists "
                  "them all in\nits appendix \"PostgreSQL Error Codes\".\n\n",
                  word);
    (void)mg_help_error(mg_error_slug(MG_E_SQL), width, ret);
}

static const char *
nearest_slug(const char *word)
{
    const char *nearest = NULL;
    int nearest_distance = mg_cmd_likeness(word) + 1;
    for (int code = 0; code < MG_N_ERRORS; code++) {
        const char *slug = mg_error_slug((MgErrorCode)code);
        bool is_cut_short = strlen(word) > 1 && mg_text_starts(slug, word);
        int distance = is_cut_short ? 0 : mg_text_distance(slug, word);
        if (distance < nearest_distance) {
            nearest = slug;
            nearest_distance = distance;
        }
    }
    return nearest;
}

static bool
fail_unknown(const char *word, MgError *err)
{
    (void)mg_fail(err, MG_E_USAGE, "no command and no error is called \"%s\"", mg_cmd_shown(word));
    const char *nearest = nearest_slug(word);
    if (nearest != NULL)
        mg_error_hint(err, "Perhaps this is meant: migrate help %s", nearest);
    mg_error_hint(err, "List all errors: migrate help exit");
    if (nearest == NULL)
        mg_cmd_see_help("help", err);
    return false;
}

static bool
run(const MgRun *run, int *ret_status, MgError *err)
{
    (void)ret_status;
    MG_CLEANUP(buf) MgBuf text = { 0 };
    const char *word = run->words.n == 0 ? NULL : run->words.items[0];
    const MgCmd *cmd = word == NULL ? NULL : mg_cmd_find(word);
    const Args *args = run->args;
    int width = run->talk->out.width;
    if (args->is_man || args->is_json) {
        if (word != NULL || args->is_man == args->is_json)
            return mg_cmd_usage("help", err, "--man and --json stand alone");
        (args->is_man ? mg_manual_page : mg_manual_json)(&text);
    } else if (word == NULL)
        mg_help_all(width, &text);
    else if (cmd != NULL)
        mg_help_command(cmd, width, &text);
    else if (strcmp(word, "exit") == 0)
        mg_help_exit(&text);
    else if (mg_help_is_sqlstate(word))
        explain_sqlstate(word, width, &text);
    else if (!mg_help_error(word, width, &text))
        return fail_unknown(word, err);
    mg_talk_write(run->talk, mg_buf_text(&text), text.size_bytes);
    return true;
}

static const char *const examples[] = {
    "migrate help up",
    "what up does, and its options",
    "migrate help late",
    "what the error (late) means and what to do",
    "migrate help exit",
    "all exit statuses",
    NULL,
};

const MgCmd cmd_help = {
    .name = "help",
    .argument = "[WORD]",
    .summary = "explain a command, an error or the exit statuses",
    .about = "Explain a command, an error by the word in the brackets behind its message, or the\n"
             "exit statuses. Without a word, list the commands.",
    .opts = opts,
    .args_bytes = sizeof(Args),
    .max_words = 1,
    .is_behind = true,
    .examples = examples,
    .run = run,
};
