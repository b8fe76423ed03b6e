/* migrate verify: check files and history; with --base, a pull request before it is merged. */
#include <stddef.h>

#include "base/error.h"
#include "cmd.h"
#include "git.h"
#include "show.h"
#include "talk.h"

enum {
    PATH_BYTES = 512,
    EXIT_FOUND = 6,
};

typedef struct Args {
    const char *base;
    bool is_files_only;
} Args;

static const MgOpt opts[] = {
    { .name = "base",
      .type = MG_OPT_TEXT,
      .argument = "REF",
      .help = "compare with the files of a git commit, such as origin/main; asks no database",
      .offset = offsetof(Args, base) },
    { .name = "files-only",
      .help = "check the files, ask no database",
      .offset = offsetof(Args, is_files_only) },
    { .name = NULL },
};

static bool
find_base(const MgRun *run, const MgOptions *options, MgBase *ret, MgError *err)
{
    const Args *args = run->args;
    char dir[PATH_BYTES] = "";
    bool has_parting = true;
    if (args->base == NULL)
        return true;
    if (!mg_setting(options, "dir", dir, sizeof dir, err) ||
        !mg_git_base(run, dir, args->base, ret, &has_parting, err))
        return false;
    if (!has_parting)
        mg_talk_aside(run->talk, "note",
                      mg_arena_format(run->arena,
                                      "no common ancestor with %s is known here, as in a shallow"
                                      " clone: edits are looked for against it itself",
                                      mg_cmd_shown(args->base)));
    return true;
}

static void
print(const MgRun *run, const MgVerified *verified)
{
    const Args *args = run->args;
    MgView view;
    mg_show_view(run, NULL, &view);
    bool was_wanted = args->base == NULL && !args->is_files_only;
    if (was_wanted && !verified->is_target_asked)
        mg_talk_aside(run->talk, "note",
                      verified->n_findings > 0
                          ? "the files come first: no database was asked"
                          : "no database is named: the files alone were checked");
    if (view.format == MG_TABLE && !run->talk->is_quiet && verified->is_target_asked)
        mg_talk_write_err(run->talk, "\n", 1);
    mg_write_verify(verified, &view, mg_talk_write, run->talk);
    for (size_t i = 0; i < verified->n_findings; i++)
        mg_talk_annotate(run->talk, &verified->findings[i]);
}

static bool
run(const MgRun *run, int *ret_status, MgError *err)
{
    const Args *args = run->args;
    MgBase base = { .ref = NULL };
    const MgVerify verify = { .is_files_only = args->is_files_only,
                              .base = args->base == NULL ? NULL : &base };
    MgOptions options;
    MgContext *context = NULL;
    const MgVerified *verified = NULL;
    mg_cmd_options(run, &options);
    options.is_reading = true;
    options.is_diagnosing = true;
    bool ok = find_base(run, &options, &base, err) && mg_open(&options, &context, err) &&
              mg_verify(context, &verify, &verified, err);
    if (ok) {
        print(run, verified);
        *ret_status = verified->n_findings > 0 ? EXIT_FOUND : 0;
    } else if (run->common->format == MG_JSON) {
        MgView view;
        mg_show_view(run, err, &view);
        mg_write_verify(NULL, &view, mg_talk_write, run->talk);
    }
    mg_close(context);
    return ok;
}

static const char *const examples[] = {
    "migrate verify",
    "files and the history of the database, or the files alone where none is named",
    "migrate verify --base origin/main",
    "in a pull request: late, colliding, edited and deleted migrations",
    NULL,
};

const MgCmd cmd_verify = {
    .name = "verify",
    .summary = "check files and history; with --base, a pull request",
    .about =
        "Check the migrations and exit with 6 when something is found. With a database: drifted,\n"
        "late, missing and half-run migrations, and others who may write the history; it is only\n"
        "read. With --base REF no database is asked: a migration that is older than the newest\n"
        "one of that commit, takes a version that it has, or edits or deletes one that is merged\n"
        "there, is found before the merge instead of at the deployment. On GitHub Actions each\n"
        "finding is an annotation of its file.",
    .opts = opts,
    .args_bytes = sizeof(Args),
    .formats = MG_CMD_JSON | MG_CMD_MARKDOWN,
    .examples = examples,
    .run = run,
};
