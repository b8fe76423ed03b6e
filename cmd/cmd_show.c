/* migrate show: what the files say, statement by statement, without a database. */
#include <stddef.h>

#include "cmd.h"
#include "show.h"
#include "talk.h"

static bool
run(const MgRun *run, int *ret_status, MgError *err)
{
    (void)ret_status;
    MgOptions options;
    MgView view;
    mg_cmd_options(run, &options);
    mg_show_view(run, NULL, &view);
    return mg_write_scripts(&options, run->words.n > 0 ? run->words.items[0] : NULL, &view,
                            mg_talk_write, run->talk, err);
}

static const char *const examples[] = {
    "migrate show",
    "every script: how it runs, and what it takes away",
    "migrate show 20260309101500",
    "its statements, each with its place and class",
    NULL,
};

const MgCmd cmd_show = {
    .name = "show",
    .argument = "[V]",
    .summary = "the statements of a migration, each with its place and class",
    .about =
        "Show how the files are understood: every script, or with V (a version, a name or a file)\n"
        "the statements of one migration. \"destructive\" is what takes away data or names that\n"
        "stood before the file. It needs no database.",
    .formats = MG_CMD_JSON | MG_CMD_MARKDOWN,
    .max_words = 1,
    .is_behind = true,
    .examples = examples,
    .run = run,
};
