/* migrate new: make the files of the next migration. */
#include <stddef.h>
#include <time.h>

#include "base/buf.h"
#include "cmd.h"
#include "talk.h"

enum {
    PATH_BYTES = 512,
};

typedef struct Args {
    bool is_single, is_repeatable, is_no_transaction;
} Args;

static const MgOpt opts[] = {
    { .name = "single",
      .help = "one file with an up and a down section",
      .offset = offsetof(Args, is_single) },
    { .name = "repeatable",
      .help = "one that runs again whenever its file changes",
      .offset = offsetof(Args, is_repeatable) },
    { .name = "no-transaction",
      .help = "one that runs outside a transaction, for CREATE INDEX CONCURRENTLY and the like",
      .offset = offsetof(Args, is_no_transaction) },
    { .name = NULL },
};

static bool
run(const MgRun *run, int *ret_status, MgError *err)
{
    (void)ret_status;
    const Args *args = run->args;
    if (args->is_single && args->is_repeatable)
        return mg_cmd_usage("new", err, "--single and --repeatable cannot be combined");
    MG_CLEANUP(buf) MgBuf name = { 0 };
    for (size_t i = 0; i < run->words.n; i++)
        mg_buf_format(&name, "%s%s", i == 0 ? "" : " ", run->words.items[i]);
    struct timespec now = { .tv_sec = 0 };
    (void)clock_gettime(CLOCK_REALTIME, &now);
    char dir[PATH_BYTES] = "";
    MgOptions options;
    mg_cmd_options(run, &options);
    if (!mg_setting(&options, "dir", dir, sizeof dir, err))
        return false;
    MgNew new_migration = { .dir = dir,
                            .name = mg_buf_text(&name),
                            .now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000,
                            .is_repeatable = args->is_repeatable,
                            .is_single = args->is_single,
                            .is_no_transaction = args->is_no_transaction };
    char paths[MG_NEW_MAX_FILES][512] = { "" };
    if (!mg_new(&new_migration, paths, err))
        return false;
    for (size_t i = 0; i < MG_NEW_MAX_FILES; i++) {
        if (*paths[i] != '\0')
            mg_talk_result(run->talk, "created", "%s", paths[i]);
    }
    return true;
}

static const char *const examples[] = {
    "migrate new add order totals",
    "an up and a down script, versioned by this second",
    "migrate new --repeatable order report",
    "R__order_report.sql",
    NULL,
};

const MgCmd cmd_new = {
    .name = "new",
    .argument = "NAME",
    .summary = "create the files of the next migration",
    .about =
        "Create the files of a migration: VERSION_NAME.up.sql and VERSION_NAME.down.sql. The\n"
        "version is the date and time in UTC, or the next number in a folder that counts (0007,\n"
        "0008); the name is made of the words given. Nothing is ever overwritten.",
    .opts = opts,
    .args_bytes = sizeof(Args),
    .min_words = 1,
    .max_words = 32,
    .examples = examples,
    .run = run,
};
