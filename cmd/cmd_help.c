/* migrate help: commands, errors by their slug, and exit statuses. */
#include <string.h>

#include "cmd.h"
#include "help.h"
#include "talk.h"

static bool
run(const MgRun *run, int *ret_status, MgError *err)
{
    (void)ret_status;
    MG_CLEANUP(buf) MgBuf text = { 0 };
    const char *word = run->words.n == 0 ? NULL : run->words.items[0];
    const MgCmd *cmd = word == NULL ? NULL : mg_cmd_find(word);
    if (word == NULL)
        mg_help_all(&text);
    else if (cmd != NULL)
        mg_help_command(cmd, &text);
    else if (strcmp(word, "exit") == 0)
        mg_help_exit(&text);
    else if (!mg_help_error(word, &text))
        return mg_cmd_usage("help", err, "no command and no error is called \"%s\"",
                            mg_cmd_shown(word));
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
    .max_words = 1,
    .is_behind = true,
    .examples = examples,
    .run = run,
};
