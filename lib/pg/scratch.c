/*
 * A throw-away PostgreSQL: its own folder, its own Unix socket, nobody else's.
 *
 * The folder is private, so "trust" on its socket is safe.  Everything that is
 * started runs under the guard (scratch_guard.c), which outlives us for the
 * moment it takes to stop the server and remove the folder.
 */
#include "pg/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/text.h"
#include "pg/programs.h"
#include "target/environment.h"
#include "target/redirect.h"

enum {
    JOB_MS = 120000, /* for initdb, or for the server to be ready: a very slow machine */
    READY_TICK_MS = 2,
    LOG_TAIL_BYTES = 1500,
    ACCOUNT_BYTES = 16384,
};

struct MgScratch {
    MgArena arena; /* owns this struct too */
    MgGuard guard;
    const char *folder, *log, *url;
    const char *pid_file; /* where the server says that it is ready */
};

/* Who the server runs as: its programs refuse root. */
typedef struct Account {
    const char *name;
    uid_t uid;
    gid_t gid;
    bool is_other; /* than us: we are root */
} Account;

/* No durability: what is in the server is thrown away anyway. */
static const char *const server_flags[] = {
    "-c", "listen_addresses=",
    "-c", "port=5432",
    "-c", "fsync=off",
    "-c", "synchronous_commit=off",
    "-c", "full_page_writes=off",
    "-c", "shared_buffers=16MB",
    "-c", "max_wal_size=1GB",
    "-c", "unix_socket_permissions=0700",
    "-c", "timezone=UTC",
    "-c", "log_timezone=UTC",
};

/* Locale C is there on every system and sorts alike on all of them. */
static const char *const initdb_flags[] = {
    "--no-sync",       "--auth=trust", "--username=postgres",
    "--encoding=UTF8", "--locale=C",   "--wal-segsize=1",
};

#define N_ITEMS(array) (sizeof(array) / sizeof *(array))

static bool
find_account(MgArena *arena, Account *ret, MgError *err)
{
    static const char *const unprivileged[] = { "postgres", "nobody" };
    MgArenaMark mark = mg_arena_mark(arena);
    char *memory = mg_arena_alloc(arena, ACCOUNT_BYTES);
    struct passwd entry;
    struct passwd *found = NULL;
    uid_t uid = geteuid();
    if (uid != 0)
        (void)getpwuid_r(uid, &entry, memory, ACCOUNT_BYTES, &found);
    for (size_t i = 0; uid == 0 && found == NULL && i < N_ITEMS(unprivileged); i++)
        (void)getpwnam_r(unprivileged[i], &entry, memory, ACCOUNT_BYTES, &found);
    if (found != NULL && found->pw_uid != 0) {
        *ret = (Account){ .name = mg_arena_text(arena, found->pw_name),
                          .uid = found->pw_uid,
                          .gid = found->pw_gid,
                          .is_other = uid == 0 };
        return true;
    }
    mg_arena_reset(arena, mark);
    if (uid == 0) {
        (void)mg_fail(err, MG_E_SYSTEM, "could not find a user to run the scratch server as");
        mg_error_detail(err, "PostgreSQL refuses to run as root, and neither \"postgres\" nor "
                             "\"nobody\" is a user of this system.");
        mg_error_hint(err, "Run as a user that is not root.");
        return false;
    }
    (void)mg_fail(err, MG_E_SYSTEM, "user ID %lu has no name on this system", (unsigned long)uid);
    mg_error_detail(err, "PostgreSQL refuses to run as a user without a name.");
    mg_error_hint(err, "Run as another user, or give this one a line in /etc/passwd.");
    return false;
}

/* ---- What the guard is to do ---------------------------------------------- */

typedef struct Words {
    char **items;
    size_t n, cap;
} Words;

static void
add_words(MgArena *arena, Words *words, const char *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        MG_PUSH(arena, words, mg_arena_text(arena, texts[i]));
}

#define ADD_WORDS(arena, words, ...)                                                               \
    add_words((arena), (words), (const char *const[]){ __VA_ARGS__ },                              \
              N_ITEMS(((const char *const[]){ __VA_ARGS__ })))

static char *const *
end_words(MgArena *arena, Words *words)
{
    MG_PUSH(arena, words, NULL);
    return words->items;
}

static char *const *
program_environment(char *const *environment, MgArena *arena)
{
    static const char *const kept[] = { "PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH" };
    Words words = { 0 };
    ADD_WORDS(arena, &words, "LC_ALL=C");
    for (size_t i = 0; i < N_ITEMS(kept); i++) {
        const char *value = mg_environment_get(environment, kept[i]);
        if (value != NULL)
            MG_PUSH(arena, &words, mg_arena_format(arena, "%s=%s", kept[i], value));
    }
    return end_words(arena, &words);
}

static void
plan_jobs(const MgPrograms *programs, const Account *account, const char *folder,
          char *const *environment, MgArena *arena, MgGuardPlan *ret)
{
    const char *cluster = mg_arena_format(arena, "%s/cluster", folder);
    Words initdb = { 0 }, warm = { 0 }, server = { 0 }, removal = { 0 };
    ADD_WORDS(arena, &initdb, programs->initdb, "-D", cluster);
    add_words(arena, &initdb, initdb_flags, N_ITEMS(initdb_flags));
    /* One session fills the catalog caches on disk, so that the first connections are faster. */
    ADD_WORDS(arena, &warm, programs->postgres, "--single", "-F", "-D", cluster, "postgres");
    ADD_WORDS(arena, &server, programs->postgres, "-D", cluster, "-k", folder);
    add_words(arena, &server, server_flags, N_ITEMS(server_flags));
    ADD_WORDS(arena, &removal, programs->rm, "-rf", "--", folder);
    *ret = (MgGuardPlan){
        .folder = folder,
        .log = mg_arena_format(arena, "%s/log", folder),
        .must_drop = account->is_other,
        .uid = account->uid,
        .gid = account->gid,
        .jobs = { [MG_JOB_INITDB] = end_words(arena, &initdb),
                  [MG_JOB_WARM] = end_words(arena, &warm),
                  [MG_JOB_SERVER] = end_words(arena, &server) },
        .removal = end_words(arena, &removal),
        .environment = program_environment(environment, arena),
    };
}

/*
 * The program file says which version it is more cheaply than asking it, which
 * takes as long as half a start; an upgrade changes size, time or inode.
 */
static const char *
template_key(const MgPrograms *programs, MgArena *arena)
{
    struct stat found = { 0 };
    (void)stat(programs->postgres, &found);
    MgBuf key = { 0 };
    mg_buf_format(&key, "%s %lld %lld %lld", programs->postgres, (long long)found.st_size,
                  (long long)found.st_mtime, (long long)found.st_ino);
    for (size_t i = 0; i < N_ITEMS(initdb_flags); i++)
        mg_buf_format(&key, " %s", initdb_flags[i]);
    const char *text = mg_arena_text(arena, mg_buf_text(&key));
    mg_buf_release(&key);
    return text;
}

/* ---- Errors ---------------------------------------------------------------- */

/* The end of what the programs said, as detail. */
static void
add_log(const MgScratch *scratch, MgError *err)
{
    char text[LOG_TAIL_BYTES + 1];
    int fd = open(scratch->log, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return;
    if (lseek(fd, -(off_t)LOG_TAIL_BYTES, SEEK_END) < 0)
        (void)lseek(fd, 0, SEEK_SET);
    ssize_t n = read(fd, text, LOG_TAIL_BYTES);
    (void)close(fd);
    while (n > 0 && text[n - 1] == '\n')
        n--;
    if (n <= 0)
        return;
    size_t size_bytes = mg_text_valid_utf8(text, (size_t)n);
    mg_error_detail(err, "It said:\n%.*s", (int)size_bytes, text);
}

/* The guard could not do what it was told.  Returns false. */
static bool
fail_report(const MgScratch *scratch, const char *program, MgGuardReport report, MgError *err)
{
    errno = report.value;
    switch (report.step) {
    case MG_GUARD_NOT_RUN:
        return mg_fail_sys(err, MG_E_SYSTEM, "could not run \"%s\"", program);
    case MG_GUARD_ENDED:
        (void)mg_fail(err, MG_E_SYSTEM, "\"%s\" ended with %s %d", program,
                      WIFSIGNALED(report.value) ? "signal" : "status",
                      WIFSIGNALED(report.value) ? WTERMSIG(report.value)
                                                : WEXITSTATUS(report.value));
        break;
    case MG_GUARD_SILENT:
        (void)mg_fail(err, MG_E_SYSTEM, "\"%s\" was not ready after %d s", program, JOB_MS / 1000);
        break;
    case MG_GUARD_READY:
    case MG_GUARD_NOT_USER:
    case MG_GUARD_NOT_FOLDER:
    case MG_GUARD_GONE:
        return mg_fail(err, MG_E_SYSTEM, "the guard of the scratch server was killed");
    }
    add_log(scratch, err);
    return false;
}

/* ---- The life of a server --------------------------------------------------- */

/*
 * A private folder in base, with its guard.  Absent with *is_next set: base
 * cannot be used, another may.
 */
static bool
open_folder(const char *base, const MgPrograms *programs, const Account *account,
            char *const *environment, MgScratch *scratch, bool *is_next, MgGuardPlan *ret,
            MgError *err)
{
    static const char socket_name[] = "/.s.PGSQL.5432";
    MgArena *arena = &scratch->arena;
    struct sockaddr_un address;
    char *absolute = realpath(base, NULL);
    *is_next = true;
    if (absolute == NULL) {
        (void)mg_fail_sys(err, MG_E_SYSTEM, "could not use the folder \"%s\"", base);
        return false;
    }
    char *folder = mg_arena_format(arena, "%s/migrate-XXXXXX", absolute);
    mg_free(absolute);
    if (strlen(folder) + sizeof socket_name > sizeof address.sun_path) {
        (void)mg_fail(err, MG_E_SYSTEM, "the path \"%s\" is too long for a socket", base);
        mg_error_hint(err, "Set TMPDIR to a shorter one.");
        return false;
    }
    if (mkdtemp(folder) == NULL) {
        (void)mg_fail_sys(err, MG_E_SYSTEM, "could not make a folder in \"%s\"", base);
        return false;
    }
    *is_next = false;
    if (account->is_other && chown(folder, account->uid, account->gid) != 0) {
        (void)mg_fail_sys(err, MG_E_SYSTEM, "could not give a folder to user \"%s\"",
                          account->name);
        (void)rmdir(folder);
        return false;
    }
    plan_jobs(programs, account, folder, environment, arena, ret);
    if (!mg_guard_start(ret, &scratch->guard, err)) {
        (void)rmdir(folder);
        return false;
    }
    scratch->folder = folder;
    scratch->log = ret->log;
    MgGuardReport report = mg_guard_wait(&scratch->guard, JOB_MS);
    if (report.step == MG_GUARD_READY)
        return true;
    mg_guard_stop(&scratch->guard);
    (void)rmdir(folder);
    errno = report.value;
    *is_next = report.step == MG_GUARD_NOT_FOLDER;
    if (report.step == MG_GUARD_NOT_FOLDER)
        return mg_fail_sys(err, MG_E_SYSTEM, "user \"%s\" cannot enter the folder \"%s\"",
                           account->name, base);
    if (report.step == MG_GUARD_NOT_USER)
        return mg_fail_sys(err, MG_E_SYSTEM, "could not become user \"%s\"", account->name);
    return fail_report(scratch, programs->postgres, report, err);
}

static bool
run_job(const MgScratch *scratch, const MgGuardPlan *plan, MgGuardJob job, MgError *err)
{
    mg_guard_order(&scratch->guard, job);
    MgGuardReport report = mg_guard_wait(&scratch->guard, JOB_MS);
    if (report.step == MG_GUARD_ENDED && report.value == 0)
        return true;
    return fail_report(scratch, plan->jobs[job][0], report, err);
}

/* initdb, and a template of what it made for the next time. */
static bool
make_cluster(MgScratch *scratch, const MgGuardPlan *plan, const MgTemplate *template,
             const char *cluster, MgError *err)
{
    if (!run_job(scratch, plan, MG_JOB_INITDB, err) || !run_job(scratch, plan, MG_JOB_WARM, err))
        return false;
    mg_template_keep(template, cluster, &scratch->arena);
    return true;
}

/* Fill the cluster's folder, from the template if there is one, else make both. */
static bool
fill_cluster(MgScratch *scratch, const MgGuardPlan *plan, MgTemplate *template, bool *is_copy,
             MgError *err)
{
    MgArena *arena = &scratch->arena;
    const char *cluster = mg_arena_format(arena, "%s/cluster", scratch->folder);
    *is_copy = mg_template_copy(template, cluster, plan->uid, plan->gid, arena);
    if (*is_copy)
        return true;
    /* What came over of it, if anything, goes away with the folder. */
    (void)rename(cluster, mg_arena_format(arena, "%s/failed", scratch->folder));

    /* Another process may be making it right now. */
    mg_template_lock(template);
    *is_copy = mg_template_copy(template, cluster, plan->uid, plan->gid, arena);
    bool is_ok = *is_copy;
    if (!is_ok) {
        (void)rename(cluster, mg_arena_format(arena, "%s/failed-again", scratch->folder));
        is_ok = make_cluster(scratch, plan, template, cluster, err);
    }
    mg_template_unlock(template);
    return is_ok;
}

/* The server writes "ready" into line 8 of postmaster.pid, where pg_ctl looks too. */
static bool
is_ready(const MgScratch *scratch)
{
    enum { STATUS_LINE = 8 };
    char text[1024];
    int fd = open(scratch->pid_file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, sizeof text - 1);
    (void)close(fd);
    text[n > 0 ? n : 0] = '\0';
    const char *line = text;
    for (int i = 1; i < STATUS_LINE && line != NULL; i++) {
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    return line != NULL && mg_text_starts(line, "ready");
}

static bool
start_server(const MgScratch *scratch, const MgGuardPlan *plan, MgError *err)
{
    MgGuardReport report = { .step = MG_GUARD_SILENT };
    int64_t deadline_ms = mg_clock_ms() + JOB_MS;
    mg_guard_order(&scratch->guard, MG_JOB_SERVER);
    while (report.step == MG_GUARD_SILENT && mg_clock_ms() < deadline_ms) {
        if (is_ready(scratch))
            return true;
        report = mg_guard_wait(&scratch->guard, READY_TICK_MS);
    }
    return fail_report(scratch, plan->jobs[MG_JOB_SERVER][0], report, err);
}

/* "postgresql://postgres@/postgres?host=%2Ftmp%2Fmigrate-x&port=5432": PGPORT does not matter. */
static const char *
make_url(const char *folder, MgArena *arena)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    MgBuf url = { 0 };
    mg_buf_add(&url, "postgresql://postgres@/postgres?host=");
    for (const char *at = folder; *at != '\0'; at++) {
        if (strchr(plain, *at) != NULL)
            mg_buf_add_char(&url, *at);
        else
            mg_buf_format(&url, "%%%02X", (unsigned)(unsigned char)*at);
    }
    mg_buf_add(&url, "&port=5432");
    const char *text = mg_arena_text(arena, mg_buf_text(&url));
    mg_buf_release(&url);
    return text;
}

/* TMPDIR may be long, or closed to the user we become: then /tmp. */
static bool
open_any_folder(const MgPrograms *programs, const Account *account, char *const *environment,
                MgScratch *scratch, MgGuardPlan *ret, MgError *err)
{
    const char *bases[] = { mg_environment_get(environment, "TMPDIR"), "/tmp" };
    bool is_next = true;
    for (size_t i = bases[0] == NULL ? 1 : 0; is_next && i < N_ITEMS(bases); i++) {
        if (open_folder(bases[i], programs, account, environment, scratch, &is_next, ret, err))
            return true;
    }
    return false;
}

/* One try; *is_stale: it failed on a copy of the template. */
static bool
open_once(char *const *environment, MgScratch *scratch, bool *is_stale, MgError *err)
{
    MgArena *arena = &scratch->arena;
    MgPrograms programs;
    Account account;
    MgGuardPlan plan;
    *is_stale = false;
    if (!mg_programs_find(environment, mg_usual_places, arena, &programs, err) ||
        !find_account(arena, &account, err) ||
        !open_any_folder(&programs, &account, environment, scratch, &plan, err))
        return false;

    MgTemplate template;
    bool is_copy = false;
    mg_template_init(environment, programs.rm, template_key(&programs, arena), arena, &template);
    scratch->pid_file = mg_arena_format(arena, "%s/cluster/postmaster.pid", scratch->folder);
    if (fill_cluster(scratch, &plan, &template, &is_copy, err) &&
        start_server(scratch, &plan, err)) {
        scratch->url = make_url(scratch->folder, arena);
        return true;
    }
    mg_guard_stop(&scratch->guard);
    *is_stale = is_copy;
    if (is_copy)
        mg_template_discard(&template, arena);
    return false;
}

bool
mg_scratch_open(char *const *environment, MgScratch **ret, MgError *err)
{
    if (!mg_digest_load(err))
        return false;
    MgArena arena = { 0 };
    MgScratch *scratch = MG_NEW_IN(&arena, MgScratch);
    scratch->arena = arena;
    bool is_stale = false;
    /* A template that a crash left incomplete must not fail for ever: make it anew, once. */
    if (!open_once(environment, scratch, &is_stale, err) &&
        (!is_stale || !open_once(environment, scratch, &is_stale, err))) {
        arena = scratch->arena;
        mg_arena_release(&arena);
        return false;
    }
    *ret = scratch;
    return true;
}

const char *
mg_scratch_url(const MgScratch *scratch)
{
    return scratch->url;
}

bool
mg_scratch_environment(MgScratch *scratch, char *const *environment, char *const **ret,
                       MgError *err)
{
    MgRedirect redirect = { .url = scratch->url, .environment = environment };
    return mg_redirect(&redirect, &scratch->arena, ret, err);
}

void
mg_scratch_close(MgScratch *scratch)
{
    if (scratch == NULL)
        return;
    mg_guard_stop(&scratch->guard);
    MgArena arena = scratch->arena;
    mg_arena_release(&arena);
}
