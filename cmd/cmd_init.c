/* migrate init: look at the project, and make migrate.yaml and the migrations folder. */
#include <stddef.h>

#include "cmd.h"
#include "show.h"
#include "talk.h"

typedef struct Args {
    bool is_here, is_inspecting;
} Args;

static const MgOpt opts[] = {
    { .name = "here",
      .help = "in the working folder, not at the root of the git repository",
      .offset = offsetof(Args, is_here) },
    { .name = "inspect",
      .help = "look into the database too: which tool has migrated it; reads only",
      .offset = offsetof(Args, is_inspecting) },
    { .name = NULL },
};

static bool
run(const MgRun *run, int *ret_status, MgError *err)
{
    (void)ret_status;
    const Args *args = run->args;
    const MgInit init = { .is_here = args->is_here, .is_inspecting = args->is_inspecting };
    MgOptions options;
    mg_cmd_options(run, &options);
    options.is_diagnosing = true;
    options.keeps_notebook = false;

    MgContext *context = NULL;
    const MgBegun *begun = NULL;
    MgView view;
    bool ok = mg_open(&options, &context, err) && mg_init(context, &init, &begun, err);
    mg_show_view(run, ok ? NULL : err, &view);
    if (ok && view.format == MG_TABLE && !run->talk->is_quiet && args->is_inspecting)
        mg_talk_write_err(run->talk, "\n", 1);
    if (ok || view.format == MG_JSON)
        mg_write_init(begun, &view, mg_talk_write, run->talk);
    mg_close(context);
    return ok;
}

static const char *const examples[] = {
    "migrate init",
    "migrate.yaml and migrations/ at the root of the repository",
    "migrate init --inspect",
    "tell also what the database has",
    NULL,
};

const MgCmd cmd_init = {
    .name = "init",
    .summary = "look at this project and write migrate.yaml and the migrations folder",
    .about =
        "Look at what the project has: variables that name a database, Prisma's schema, folders\n"
        "of migrations of other tools, and the files by which a platform builds or deploys it.\n"
        "Then write a commented migrate.yaml and make the migrations folder, at the root of the\n"
        "git repository, and say what to do next. A folder that can be read as it is, as those\n"
        "of golang-migrate, dbmate and Supabase usually can, is used where it is. Nothing that\n"
        "is there is ever changed, so it may run again. --dir, --history and --url-env are\n"
        "written into the file.",
    .opts = opts,
    .args_bytes = sizeof(Args),
    .formats = MG_CMD_JSON | MG_CMD_MARKDOWN,
    .examples = examples,
    .run = run,
};
