/* Git, run without a shell, for the files of another commit. */
#include "git.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"

enum {
    MAX_ANSWER_BYTES = 64 << 20,
    CHUNK_BYTES = 16 << 10,
};

typedef struct Answer {
    const char *text;
    size_t size_bytes;
    int status; /* of git's exit */
} Answer;

typedef struct Entry {
    const char *name, *blob;
} Entry;

typedef struct Entries {
    Entry *items;
    size_t n, cap;
} Entries;

static bool
read_answer(int fd, MgBuf *ret)
{
    char chunk[CHUNK_BYTES];
    for (;;) {
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0;
        if (ret->size_bytes + (size_t)n > MAX_ANSWER_BYTES) {
            errno = EFBIG;
            return false;
        }
        mg_buf_add_n(ret, chunk, (size_t)n);
    }
}

static bool
start(const MgRun *run, const char *const *words, int out_fd, pid_t *ret)
{
    char *argv[12];
    size_t n = 0;
    argv[n++] = mg_arena_text(run->arena, "git");
    for (; *words != NULL && n + 1 < sizeof argv / sizeof *argv; words++)
        argv[n++] = mg_arena_text(run->arena, *words);
    argv[n] = NULL;
    posix_spawn_file_actions_t actions;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
    (void)posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    int failure = posix_spawnp(ret, "git", &actions, NULL, argv, run->environment);
    (void)posix_spawn_file_actions_destroy(&actions);
    errno = failure;
    return failure == 0;
}

/* words ends with NULL. */
static bool
ask(const MgRun *run, const char *const *words, Answer *ret, MgError *err)
{
    int ends[2];
    pid_t pid = 0;
    MG_CLEANUP(buf) MgBuf text = { 0 };
    if (pipe(ends) != 0)
        return mg_fail_sys(err, MG_E_SYSTEM, "could not make a pipe");
    (void)fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    (void)fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    bool is_started = start(run, words, ends[1], &pid);
    if (!is_started) {
        mg_fail_sys(err, MG_E_SYSTEM, "could not run git");
        mg_error_hint(err, "\"--base\" compares with a commit, and needs git for that.");
    }
    (void)close(ends[1]);
    bool is_read = is_started && read_answer(ends[0], &text);
    if (is_started && !is_read)
        mg_fail_sys(err, MG_E_SYSTEM, "could not read what git said");
    (void)close(ends[0]);
    int status = 0;
    while (is_started && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!is_read)
        return false;
    char *kept = mg_arena_alloc(run->arena, text.size_bytes + 1);
    memcpy(kept, mg_buf_text(&text), text.size_bytes);
    *ret = (Answer){ kept, text.size_bytes, WIFEXITED(status) ? WEXITSTATUS(status) : 128 };
    return true;
}

/* One line, without its end; NULL: git said no. */
static bool
ask_line(const MgRun *run, const char *const *words, const char **ret, MgError *err)
{
    Answer answer = { .text = "" };
    if (!ask(run, words, &answer, err))
        return false;
    size_t n = strcspn(answer.text, "\n");
    *ret = answer.status == 0 && n > 0 ? mg_arena_text_n(run->arena, answer.text, n) : NULL;
    return true;
}

static bool
fail_failed(const char *what, MgError *err)
{
    return mg_fail(err, MG_E_SYSTEM, "git could not %s", what);
}

static const char *
base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

/* The files of the folder in a commit. */
static bool
list(const MgRun *run, const char *commit, const char *dir, Entries *ret, MgError *err)
{
    const char *inside = mg_arena_format(run->arena, "%s/", dir);
    const char *const words[] = { "ls-tree", "-z", commit, "--", inside, NULL };
    Answer answer = { 0 };
    *ret = (Entries){ 0 };
    if (!ask(run, words, &answer, err))
        return false;
    if (answer.status != 0)
        return fail_failed("list the files of the commit", err);
    /* "100644 blob SHA\tPATH\0" for each. */
    for (const char *at = answer.text, *end = at + answer.size_bytes; at < end;
         at += strlen(at) + 1) {
        const char *tab = strchr(at, '\t');
        const char *blob = strstr(at, " blob ");
        if (tab == NULL || blob == NULL || blob > tab)
            continue;
        blob += strlen(" blob ");
        MG_PUSH(run->arena, ret,
                ((Entry){ base_name(tab + 1),
                          mg_arena_text_n(run->arena, blob, (size_t)(tab - blob)) }));
    }
    return true;
}

static bool
add_changed(const MgRun *run, const Entries *entries, const char *name, MgFile *files, size_t *n,
            MgError *err)
{
    for (size_t i = 0; i < entries->n; i++) {
        if (strcmp(entries->items[i].name, name) != 0)
            continue;
        const char *const words[] = { "cat-file", "blob", entries->items[i].blob, NULL };
        Answer answer = { 0 };
        if (!ask(run, words, &answer, err))
            return false;
        if (answer.status != 0)
            return fail_failed("show a file of the commit", err);
        files[(*n)++] = (MgFile){ entries->items[i].name, answer.text, answer.size_bytes };
        return true;
    }
    return true;
}

/* The files that are not what they were in the commit. */
static bool
list_changed(const MgRun *run, const char *commit, const char *dir, MgBase *ret, MgError *err)
{
    const char *const words[] = {
        "diff", "--name-only", "-z", "--no-renames", "--diff-filter=MDT", commit, "--", dir, NULL
    };
    Answer answer = { 0 };
    Entries entries;
    if (!list(run, commit, dir, &entries, err) || !ask(run, words, &answer, err))
        return false;
    if (answer.status != 0)
        return fail_failed("compare the files with the commit", err);
    size_t n = 0;
    for (size_t i = 0; i < answer.size_bytes; i++)
        n += answer.text[i] == '\0';
    MgFile *files = mg_arena_alloc_array(run->arena, n + 1, sizeof *files);
    for (const char *at = answer.text, *end = at + answer.size_bytes; at < end;
         at += strlen(at) + 1)
        if (!add_changed(run, &entries, base_name(at), files, &ret->n_changed, err))
            return false;
    ret->changed = files;
    return true;
}

/* Why there is nothing to compare with; git has said no to ref. */
static bool
fail_unknown(const MgRun *run, const char *ref, MgError *err)
{
    static const char *const folder_words[] = { "rev-parse", "--git-dir", NULL };
    static const char *const any_words[] = { "rev-list", "--all", "--max-count=1", NULL };
    const char *folder = NULL, *any = NULL;
    if (!ask_line(run, folder_words, &folder, err) ||
        (folder != NULL && !ask_line(run, any_words, &any, err)))
        return false;
    const char *without = "Without it the files alone are checked: migrate verify --files-only";
    if (folder == NULL) {
        mg_fail(err, MG_E_USAGE, "this folder is in no git repository");
        mg_error_hint(err, "\"--base\" compares with a commit of one.");
        mg_error_hint(err, "%s", without);
    } else if (any == NULL) {
        mg_fail(err, MG_E_USAGE, "this git repository has no commits yet");
        mg_error_hint(err, "\"--base\" compares with one of them.");
        mg_error_hint(err, "%s", without);
    } else {
        mg_fail(err, MG_E_USAGE, "git knows no commit \"%s\" here", mg_cmd_shown(ref));
        mg_error_hint(err, "Fetch it first: git fetch origin main, and name it origin/main.");
        mg_error_hint(err, "On GitHub, actions/checkout fetches it with \"fetch-depth: 0\".");
    }
    return false;
}

static bool
find_commit(const MgRun *run, const char *ref, const char **ret, MgError *err)
{
    const char *wanted = mg_arena_format(run->arena, "%s^{commit}", ref);
    const char *const words[] = { "rev-parse", "--verify", "--quiet", wanted, NULL };
    *ret = NULL;
    if (ref[0] != '-' && !ask_line(run, words, ret, err))
        return false;
    return *ret != NULL || fail_unknown(run, ref, err);
}

bool
mg_git_base(const MgRun *run, const char *dir, const char *ref, MgBase *ret, bool *ret_has_parting,
            MgError *err)
{
    MgBase base = { .ref = ref };
    const char *tip = NULL, *parting = NULL;
    Entries entries;
    if (!find_commit(run, ref, &tip, err))
        return false;
    const char *const words[] = { "merge-base", tip, "HEAD", NULL };
    if (!ask_line(run, words, &parting, err) || !list(run, tip, dir, &entries, err) ||
        !list_changed(run, parting == NULL ? tip : parting, dir, &base, err))
        return false;
    const char **names = mg_arena_alloc_array(run->arena, entries.n + 1, sizeof *names);
    for (size_t i = 0; i < entries.n; i++)
        names[i] = entries.items[i].name;
    base.names = names;
    base.n_names = entries.n;
    *ret_has_parting = parting != NULL;
    *ret = base;
    return true;
}
