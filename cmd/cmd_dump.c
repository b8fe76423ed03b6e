/*
 * migrate dump: schema and history as one SQL file, to be kept in git and to
 * start new databases from; with --check, whether the file still says what the
 * database has.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"
#include "cmd.h"
#include "policy.h"
#include "talk.h"

enum {
    READ_BYTES = 64 << 10,
    MAX_FILE_BYTES = 1 << 30,
    SHOWN_BYTES = 80, /* of a line that differs */
};

typedef struct Args {
    MgPolicyArgs policy;
    const char *file;
    bool is_check, has_owners;
} Args;

static const MgOpt opts[] = {
    { .name = "file",
      .type = MG_OPT_TEXT,
      .argument = "FILE",
      .help = "write it there, instead of to stdout",
      .offset = offsetof(Args, file) },
    { .name = "check",
      .help = "write nothing; exit 6 when FILE is not what the database has",
      .offset = offsetof(Args, is_check) },
    { .name = "owners",
      .help = "with owners and grants, for a server that has the same roles",
      .offset = offsetof(Args, has_owners) },
    MG_POLICY_OPTS(offsetof(Args, policy)),
    { .name = NULL },
};

/* ---- The file ---------------------------------------------------------------- */

/* All of it; a file that is not there is empty. */
static bool
read_file(const char *path, MgBuf *ret, bool *ret_exists, MgError *err)
{
    char piece[READ_BYTES];
    size_t n;
    FILE *file = fopen(path, "rbe");
    *ret_exists = file != NULL;
    ret->max_bytes = MAX_FILE_BYTES;
    if (file == NULL)
        return errno == ENOENT || mg_fail_sys(err, MG_E_SYSTEM, "could not read \"%s\"", path);
    while ((n = fread(piece, 1, sizeof piece, file)) > 0 && !ret->is_cut)
        mg_buf_add_n(ret, piece, n);
    bool is_ok = ferror(file) == 0;
    if (!is_ok)
        (void)mg_fail_sys(err, MG_E_SYSTEM, "could not read \"%s\"", path);
    (void)fclose(file);
    return is_ok;
}

/* Whoever reads it meanwhile sees the old one or the new one, whole. */
static bool
write_file(const MgRun *run, const char *path, const MgDump *dump, MgError *err)
{
    const char *unfinished = mg_arena_format(run->arena, "%s.%ld.new", path, (long)getpid());
    FILE *file = fopen(unfinished, "wbxe");
    if (file == NULL)
        return mg_fail_sys(err, MG_E_SYSTEM, "could not write \"%s\"", path);
    bool is_ok = fwrite(dump->text, 1, dump->size_bytes, file) == dump->size_bytes;
    is_ok = fflush(file) == 0 && is_ok && fsync(fileno(file)) == 0;
    is_ok = fclose(file) == 0 && is_ok && rename(unfinished, path) == 0;
    if (is_ok)
        return true;
    (void)mg_fail_sys(err, MG_E_SYSTEM, "could not write \"%s\"", path);
    (void)unlink(unfinished);
    return false;
}

/* ---- Comparing ------------------------------------------------------------------ */

/* One line without its end; git may have made it "\r\n". */
static size_t
line_bytes(const char *text, size_t size_bytes)
{
    const char *end = memchr(text, '\n', size_bytes);
    size_t n = end == NULL ? size_bytes : (size_t)(end - text);
    return n > 0 && text[n - 1] == '\r' ? n - 1 : n;
}

static size_t
line_end(const char *text, size_t size_bytes)
{
    const char *end = memchr(text, '\n', size_bytes);
    return end == NULL ? size_bytes : (size_t)(end - text) + 1;
}

static const char *
shown(const MgRun *run, const char *text, size_t size_bytes)
{
    if (size_bytes == 0)
        return "nothing";
    size_t n = line_bytes(text, size_bytes);
    n = mg_text_valid_utf8(text, n);
    char *line = mg_arena_text_n(run->arena, text, mg_text_cut(text, n, SHOWN_BYTES));
    mg_text_defuse(line, false);
    return *line == '\0' ? "an empty line" : line;
}

/* False: they differ, and err says where. */
static bool
compare(const MgRun *run, const char *path, const MgBuf *file, const MgDump *dump, MgError *err)
{
    const char *have = mg_buf_text(file), *want = dump->text;
    size_t have_bytes = file->size_bytes, want_bytes = dump->size_bytes;
    int line = 1;
    for (; have_bytes > 0 && want_bytes > 0; line++) {
        size_t n = line_bytes(have, have_bytes);
        if (n != line_bytes(want, want_bytes) || memcmp(have, want, n) != 0)
            break;
        size_t have_line = line_end(have, have_bytes), want_line = line_end(want, want_bytes);
        have += have_line;
        have_bytes -= have_line;
        want += want_line;
        want_bytes -= want_line;
    }
    if (have_bytes == 0 && want_bytes == 0)
        return true;
    (void)mg_fail(err, MG_E_DUMP, "\"%s\" is not what the database has", path);
    mg_error_at(err, path, line, 0);
    mg_error_detail(err, "The file has:     %s\nThe database has: %s", shown(run, have, have_bytes),
                    shown(run, want, want_bytes));
    mg_error_hint(err, "Write it anew and look at the difference: migrate dump --file %s%s", path,
                  ((const Args *)run->args)->has_owners ? " --owners" : "");
    mg_error_note(err, "nothing was written");
    return false;
}

static bool
fail_no_file(const MgRun *run, const char *path, MgError *err)
{
    (void)mg_fail(err, MG_E_DUMP, "there is no file \"%s\"", path);
    mg_error_hint(err, "Write it: migrate dump --file %s%s", path,
                  ((const Args *)run->args)->has_owners ? " --owners" : "");
    mg_error_note(err, "nothing was written");
    return false;
}

/* ---- The command ------------------------------------------------------------------ */

static void
print_done(const MgRun *run, const char *path, const char *how, const MgDump *dump)
{
    mg_talk_result(run->talk, "done", "%s %s, with %zu %s in its history", path, how,
                   dump->n_migrations,
                   mg_text_plural((int64_t)dump->n_migrations, "migration", "migrations"));
}

static bool
use(const MgRun *run, const MgDump *dump, MgError *err)
{
    const Args *args = run->args;
    MG_CLEANUP(buf) MgBuf file = { 0 };
    bool exists = false;
    if (args->file == NULL) {
        mg_talk_write(run->talk, dump->text, dump->size_bytes);
        return true;
    }
    if (!read_file(args->file, &file, &exists, err))
        return false;
    if (args->is_check && !exists)
        return fail_no_file(run, args->file, err);
    if (args->is_check) {
        if (!compare(run, args->file, &file, dump, err))
            return false;
        print_done(run, args->file, "is up to date", dump);
        return true;
    }
    bool is_same = exists && file.size_bytes == dump->size_bytes &&
                   memcmp(mg_buf_text(&file), dump->text, dump->size_bytes) == 0;
    if (!is_same && !write_file(run, args->file, dump, err))
        return false;
    print_done(run, args->file, is_same ? "is up to date" : "is written", dump);
    return true;
}

static bool
run(const MgRun *run, int *ret_status, MgError *err)
{
    (void)ret_status;
    const Args *args = run->args;
    /* Migrations are of no interest here: the history says what is applied. */
    const MgFile no_files[1] = { { .name = NULL } };
    MgOptions options;
    MgContext *context = NULL;
    MgDump dump;
    if (args->is_check && args->file == NULL)
        return mg_cmd_usage("dump", err, "--check needs --file FILE: what is to be compared");
    mg_cmd_options(run, &options);
    mg_policy_options(&args->policy, &options);
    options.files = no_files;
    bool is_ok = mg_open(&options, &context, err) &&
                 mg_dump(context, args->has_owners, &dump, err) && use(run, &dump, err);
    mg_close(context);
    return is_ok;
}

static const char *const examples[] = {
    "migrate dump --file schema.sql",
    "write it, to be committed with the migration",
    "migrate dump --file schema.sql --check",
    "in a build: is what was committed true",
    "migrate scratch --empty -- sh -c 'psql -f schema.sql && migrate status'",
    "start a database from it",
    NULL,
};

const MgCmd cmd_dump = {
    .name = "dump",
    .summary = "the schema and its history as one SQL file",
    .about = "Write the schema, by PostgreSQL's pg_dump, and the history of its migrations as one\n"
             "SQL text. The same schema gives the same text, so it can be kept in git. It makes\n"
             "an empty database what the migrations would make it: \"migrate up\" has nothing to\n"
             "do there but what is newer. Data is not in it, nor owners and grants.",
    .opts = opts,
    .args_bytes = sizeof(Args),
    .is_behind = true,
    .examples = examples,
    .run = run,
};
