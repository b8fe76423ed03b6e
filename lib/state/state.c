/*
 * The only file that knows SQLite.
 *
 * WAL, so that readers and a writer do not wait for each other, and
 * synchronous=OFF: nothing ever waits for the disk.  A killed process costs
 * nothing; when the machine itself loses power the file may be damaged, and
 * then it is made anew: no run is slowed down for what decides nothing.  The
 * last one to close the file copies the log back into it, so that the next one
 * need not read a long log first; the empty log stays, as making two files anew
 * takes longer than all the rest.
 */
#include "state/state.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/library.h"
#include "base/text.h"

enum {
    BUSY_MS = 250,       /* for another process's transaction, which takes milliseconds */
    MAX_MS = 1000,       /* for one statement of ours */
    LOOK_STEPS = 20000,  /* of SQLite's machine, between two looks at the clock */
    MAX_VALUE = 1 << 20, /* bytes of one text */
    MAX_PATH_BYTES = 4096,
};

struct MgStateFile {
    sqlite3 *db;
    const char *path;
    bool is_ours; /* may be set aside */
    bool is_damaged;
    sqlite3_stmt *stmt;   /* of the last mg_state_run */
    const char *stmt_sql; /* its text, known by its address */
    int64_t until_ms;     /* the statement that runs must be done by then */
};

struct MgStateRow {
    sqlite3_stmt *stmt;
};

MgValue
mg_value_int(int64_t number)
{
    return (MgValue){ .is_int = true, .number = number };
}

MgValue
mg_value_text(const char *text)
{
    return (MgValue){ .text = text };
}

MgValue
mg_value_key(const char *text)
{
    return mg_value_text(text == NULL ? "" : text);
}

/* ---- Failures -------------------------------------------------------------------------------- */

static bool
fail(MgStateFile *file, MgError *err)
{
    int code = sqlite3_errcode(file->db);
    file->is_damaged = file->is_damaged || code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
    const char *reason = code == SQLITE_INTERRUPT ? "it takes too long" : sqlite3_errmsg(file->db);
    (void)mg_fail(err, MG_E_NOTEBOOK, "could not use the notebook \"%s\": %s", file->path, reason);
    /* Else it is the disk's fault, or somebody else is at it. */
    if (file->is_damaged || code == SQLITE_ERROR || code == SQLITE_INTERRUPT)
        mg_error_hint(err, "Delete it: it decides nothing, and the next run makes a new one.");
    return false;
}

static bool
fail_at(const char *path, const char *reason, MgError *err)
{
    return mg_fail(err, MG_E_NOTEBOOK, "could not use the notebook \"%s\": %s", path, reason);
}

/* ---- Statements ------------------------------------------------------------------------------ */

/* SQLite asks now and then: whoever wrote the file may have put an endless view into it. */
static int
is_over(void *payload)
{
    const MgStateFile *file = payload;
    return mg_clock_ms() > file->until_ms;
}

static bool
prepare(MgStateFile *file, const char *sql, sqlite3_stmt **ret, MgError *err)
{
    file->until_ms = mg_clock_ms() + MAX_MS;
    return sqlite3_prepare_v2(file->db, sql, -1, ret, NULL) == SQLITE_OK || fail(file, err);
}

static bool
bind(MgStateFile *file, sqlite3_stmt *stmt, const MgValue *values, size_t n_values, MgError *err)
{
    for (int i = 0; i < (int)n_values; i++) {
        const MgValue *value = &values[i];
        int code = value->is_int ? sqlite3_bind_int64(stmt, i + 1, value->number)
                   : value->text != NULL
                       ? sqlite3_bind_text(stmt, i + 1, value->text, -1, SQLITE_STATIC)
                       : sqlite3_bind_null(stmt, i + 1);
        if (code != SQLITE_OK)
            return fail(file, err);
    }
    return true;
}

static void
forget_statement(MgStateFile *file)
{
    (void)sqlite3_finalize(file->stmt);
    file->stmt = NULL;
    file->stmt_sql = NULL;
}

bool
mg_state_run(MgStateFile *file, const char *sql, const MgValue *values, size_t n_values,
             MgError *err)
{
    if (file->stmt_sql != sql) {
        forget_statement(file);
        if (!prepare(file, sql, &file->stmt, err))
            return false;
        file->stmt_sql = sql;
    }
    file->until_ms = mg_clock_ms() + MAX_MS;
    if (!bind(file, file->stmt, values, n_values, err))
        return false;
    int code = SQLITE_ROW;
    while (code == SQLITE_ROW)
        code = sqlite3_step(file->stmt);
    bool is_ok = code == SQLITE_DONE || fail(file, err);
    (void)sqlite3_reset(file->stmt);
    return is_ok;
}

int64_t
mg_state_last_id(const MgStateFile *file)
{
    return sqlite3_last_insert_rowid(file->db);
}

bool
mg_state_query(MgStateFile *file, const char *sql, const MgValue *values, size_t n_values,
               MgOnStateRow *on_row, void *payload, MgError *err)
{
    sqlite3_stmt *stmt = NULL;
    bool is_ok = prepare(file, sql, &stmt, err) && bind(file, stmt, values, n_values, err);
    MgStateRow row = { stmt };
    int code = is_ok ? sqlite3_step(stmt) : SQLITE_DONE;
    for (; code == SQLITE_ROW; code = sqlite3_step(stmt))
        on_row(payload, &row);
    if (is_ok && code != SQLITE_DONE)
        is_ok = fail(file, err);
    (void)sqlite3_finalize(stmt);
    return is_ok;
}

int64_t
mg_state_int(const MgStateRow *row, int column)
{
    return sqlite3_column_int64(row->stmt, column);
}

const char *
mg_state_text(const MgStateRow *row, int column, MgArena *arena)
{
    const char *text = (const char *)sqlite3_column_text(row->stmt, column);
    if (text == NULL || mg_text_valid_utf8(text, strlen(text)) != strlen(text))
        return NULL;
    return mg_arena_text(arena, text);
}

bool
mg_state_begin(MgStateFile *file, MgError *err)
{
    return mg_state_run(file, "BEGIN IMMEDIATE", NULL, 0, err);
}

bool
mg_state_end(MgStateFile *file, MgError *err)
{
    return mg_state_run(file, "COMMIT", NULL, 0, err);
}

/* ---- Layout ---------------------------------------------------------------------------------- */

typedef struct Header {
    int64_t application_id, layout, n_objects;
} Header;

static void
take_header(void *payload, const MgStateRow *row)
{
    Header *header = payload;
    header->application_id = mg_state_int(row, 0);
    header->layout = mg_state_int(row, 1);
    header->n_objects = mg_state_int(row, 2);
}

static bool
read_header(MgStateFile *file, Header *ret, MgError *err)
{
    return mg_state_query(file,
                          "SELECT a.application_id, v.user_version,"
                          " (SELECT count(*) FROM sqlite_master)"
                          " FROM pragma_application_id a, pragma_user_version v",
                          NULL, 0, take_header, ret, err);
}

static bool
run_script(MgStateFile *file, const char *script, MgError *err)
{
    file->until_ms = mg_clock_ms() + MAX_MS;
    return sqlite3_exec(file->db, script, NULL, NULL, NULL) == SQLITE_OK || fail(file, err);
}

static bool
upgrade(MgStateFile *file, const MgStateLayout *layout, MgError *err)
{
    Header header;
    char script[96];
    if (!mg_state_begin(file, err) || !read_header(file, &header, err))
        return false;
    /* Another process may have been faster. */
    for (int64_t i = header.layout; i < layout->n_upgrades; i++)
        if (!run_script(file, layout->upgrades[i], err))
            return false;
    (void)snprintf(script, sizeof script, "PRAGMA application_id=%d; PRAGMA user_version=%d",
                   (int)layout->application_id, layout->n_upgrades);
    return run_script(file, script, err) && mg_state_end(file, err);
}

static bool
check_layout(MgStateFile *file, const MgStateLayout *layout, MgError *err)
{
    Header header = { 0 };
    if (!read_header(file, &header, err))
        return false;
    bool is_new = header.application_id == 0 && header.layout == 0 && header.n_objects == 0;
    if (!is_new && header.application_id != layout->application_id)
        return fail_at(file->path, "it belongs to another program", err);
    file->is_ours = true;
    if (header.layout > layout->n_upgrades)
        return fail_at(file->path, "a newer migrate has written it", err);
    /* Before the layout is made: most runs on a build machine begin with no file. */
    if (!mg_state_run(file, "PRAGMA synchronous=OFF", NULL, 0, err) ||
        !mg_state_run(file, "PRAGMA journal_size_limit=0", NULL, 0, err))
        return false;
    if (header.layout == layout->n_upgrades)
        return true;
    /* Needs the file for itself for a moment; without it the notes are only slower. */
    if (is_new)
        (void)sqlite3_exec(file->db, "PRAGMA journal_mode=WAL", NULL, NULL, NULL);
    return upgrade(file, layout, err);
}

/* ---- Opening --------------------------------------------------------------------------------- */

/* A regular file that belongs to us, made if it is not there.  It is opened by SQLite alone: to
 * close another descriptor of it would drop the locks of this process. */
static bool
check_file(const MgStateOpen *input, MgError *err)
{
    struct stat found;
    const char *path = input->path;
    if (!input->is_reading) {
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd >= 0)
            (void)close(fd);
        else if (errno != EEXIST)
            return mg_fail_sys(err, MG_E_NOTEBOOK, "could not make the notebook \"%s\"", path);
    }
    if (lstat(path, &found) != 0 && errno == ENOENT) {
        mg_fail(err, MG_E_NOTEBOOK, "there is no notebook \"%s\" yet", path);
        mg_error_hint(err, "It is begun by the first run with a database.");
        return false;
    }
    if (lstat(path, &found) != 0)
        return mg_fail_sys(err, MG_E_NOTEBOOK, "could not open the notebook \"%s\"", path);
    if (!S_ISREG(found.st_mode))
        return fail_at(path, "it is not a regular file", err);
    if (input->is_ours && found.st_uid != geteuid())
        return fail_at(path, "it belongs to another user", err);
    return true;
}

static void
set_up(MgStateFile *file)
{
    sqlite3 *db = file->db;
    (void)sqlite3_busy_timeout(db, BUSY_MS);
    (void)sqlite3_limit(db, SQLITE_LIMIT_LENGTH, MAX_VALUE);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
    int keeps_log = 1;
    (void)sqlite3_file_control(db, NULL, SQLITE_FCNTL_PERSIST_WAL, &keeps_log);
    sqlite3_progress_handler(db, LOOK_STEPS, is_over, file);
}

/* On a file system that cannot be written SQLite reads a log only when its index is there too: a
 * second try leaves the log out. */
static bool
open_database(MgStateFile *file, const char *name, int flags, const MgStateLayout *layout,
              MgError *err)
{
    int code = sqlite3_open_v2(name, &file->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK)
        return fail(file, err);
    set_up(file);
    return check_layout(file, layout, err);
}

static void
drop_handle(MgStateFile *file)
{
    forget_statement(file);
    (void)sqlite3_close(file->db);
    file->db = NULL;
}

static const char *
immutable_name(const char *path, MgArena *arena)
{
    return strpbrk(path, "?#%") != NULL ? NULL
                                        : mg_arena_format(arena, "file:%s?immutable=1", path);
}

static bool
open_reading(MgStateFile *file, const MgStateOpen *input, MgError *err)
{
    MgArena arena = { 0 };
    bool is_ok = open_database(file, input->path, SQLITE_OPEN_READWRITE, input->layout, err);
    int code = sqlite3_errcode(file->db) & 0xff;
    const char *name = immutable_name(input->path, &arena);
    if (!is_ok && name != NULL && (code == SQLITE_CANTOPEN || code == SQLITE_READONLY)) {
        drop_handle(file);
        is_ok =
            open_database(file, name, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, input->layout, err);
    }
    mg_arena_release(&arena);
    return is_ok;
}

/* Out of the way, but not lost: perhaps somebody wants to know what happened to it. */
static void
set_aside(const char *path)
{
    char name[MAX_PATH_BYTES];
    static const char *const logs[] = { "-wal", "-shm" };
    if (snprintf(name, sizeof name, "%s.damaged", path) >= (int)sizeof name)
        return;
    (void)rename(path, name);
    for (size_t i = 0; i < sizeof logs / sizeof *logs; i++)
        if (snprintf(name, sizeof name, "%s%s", path, logs[i]) < (int)sizeof name)
            (void)unlink(name); /* of a file that is gone: it must not be taken for the new one's */
}

static bool
open_once(const MgStateOpen *input, MgStateFile *file, MgError *err)
{
    *file = (MgStateFile){ .path = input->path, .is_ours = input->is_ours };
    if (!check_file(input, err))
        return false;
    bool is_ok = input->is_reading
                     ? open_reading(file, input, err)
                     : open_database(file, input->path, SQLITE_OPEN_READWRITE, input->layout, err);
    if (!is_ok)
        drop_handle(file);
    return is_ok;
}

bool
mg_state_open(const MgStateOpen *input, MgStateFile **ret, MgError *err)
{
    if (!mg_library_load(MG_SQLITE, MG_E_NOTEBOOK, err))
        return false;
    MgStateFile *file = mg_realloc(NULL, sizeof *file);
    bool is_ok = open_once(input, file, err);
    if (!is_ok && file->is_damaged && file->is_ours && !input->is_reading) {
        set_aside(input->path);
        is_ok = open_once(input, file, err);
    }
    if (!is_ok) {
        mg_free(file);
        return false;
    }
    *ret = file;
    return true;
}

void
mg_state_close(MgStateFile *file)
{
    if (file == NULL)
        return;
    drop_handle(file);
    if (file->is_damaged && file->is_ours)
        set_aside(file->path);
    mg_free(file);
}
