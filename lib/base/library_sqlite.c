/* What we call of SQLite. */
#include <stdarg.h>

#include <sqlite3.h>

#include "base/library_table.h"

#define FUNCTIONS(RETURNS, VOID)                                                                   \
    RETURNS(int, sqlite3_bind_int64, (sqlite3_stmt * stmt, int i, sqlite3_int64 value),            \
            (stmt, i, value))                                                                      \
    RETURNS(int, sqlite3_bind_null, (sqlite3_stmt * stmt, int i), (stmt, i))                       \
    RETURNS(int, sqlite3_bind_text,                                                                \
            (sqlite3_stmt * stmt, int i, const char *text, int n_bytes, void (*drop)(void *)),     \
            (stmt, i, text, n_bytes, drop))                                                        \
    RETURNS(int, sqlite3_busy_timeout, (sqlite3 * db, int timeout_ms), (db, timeout_ms))           \
    RETURNS(int, sqlite3_close, (sqlite3 * db), (db))                                              \
    RETURNS(sqlite3_int64, sqlite3_column_int64, (sqlite3_stmt * stmt, int i), (stmt, i))          \
    RETURNS(const unsigned char *, sqlite3_column_text, (sqlite3_stmt * stmt, int i), (stmt, i))   \
    RETURNS(int, sqlite3_errcode, (sqlite3 * db), (db))                                            \
    RETURNS(const char *, sqlite3_errmsg, (sqlite3 * db), (db))                                    \
    RETURNS(int, sqlite3_exec,                                                                     \
            (sqlite3 * db, const char *sql, int (*on_row)(void *, int, char **, char **),          \
             void *payload, char **message),                                                       \
            (db, sql, on_row, payload, message))                                                   \
    RETURNS(int, sqlite3_file_control, (sqlite3 * db, const char *name, int op, void *argument),   \
            (db, name, op, argument))                                                              \
    RETURNS(int, sqlite3_finalize, (sqlite3_stmt * stmt), (stmt))                                  \
    RETURNS(sqlite3_int64, sqlite3_last_insert_rowid, (sqlite3 * db), (db))                        \
    RETURNS(int, sqlite3_limit, (sqlite3 * db, int id, int value), (db, id, value))                \
    RETURNS(int, sqlite3_open_v2, (const char *name, sqlite3 **db, int flags, const char *vfs),    \
            (name, db, flags, vfs))                                                                \
    RETURNS(int, sqlite3_prepare_v2,                                                               \
            (sqlite3 * db, const char *sql, int n_bytes, sqlite3_stmt **stmt, const char **tail),  \
            (db, sql, n_bytes, stmt, tail))                                                        \
    VOID(void, sqlite3_progress_handler,                                                           \
         (sqlite3 * db, int n_steps, int (*on_steps)(void *), void *payload),                      \
         (db, n_steps, on_steps, payload))                                                         \
    RETURNS(int, sqlite3_reset, (sqlite3_stmt * stmt), (stmt))                                     \
    RETURNS(int, sqlite3_step, (sqlite3_stmt * stmt), (stmt))

static struct {
    FUNCTIONS(MG_LIBRARY_POINTER, MG_LIBRARY_POINTER)
    __typeof__(sqlite3_db_config) *sqlite3_db_config;
} loaded;

FUNCTIONS(MG_LIBRARY_RETURNS, MG_LIBRARY_VOID)

/* The one with "...": what we set is an int, and a pointer to where its value comes back. */
int
sqlite3_db_config(sqlite3 *db, int op, ...)
{
    va_list rest;
    va_start(rest, op);
    int value = va_arg(rest, int);
    int *ret_value = va_arg(rest, int *);
    va_end(rest);
    return loaded.sqlite3_db_config(db, op, value, ret_value);
}

static const MgLibraryFunction functions[] = { FUNCTIONS(MG_LIBRARY_NAME, MG_LIBRARY_NAME){
    "sqlite3_db_config", (void *)&loaded.sqlite3_db_config } };

const MgLibraryTable mg_library_sqlite = {
    .name = "SQLite",
    .soname = MG_SONAME_SQLITE,
    .too_old = "It must be SQLite 3.26 or newer.",
    .install = "Install SQLite's library; its package is libsqlite3-0 in Debian and Ubuntu, "
               "sqlite-libs in Fedora and Alpine.",
    .functions = functions,
    .n_functions = sizeof functions / sizeof *functions,
};

MG_LIBRARY_NOTE(MG_SONAME_SQLITE, "notebook", "What this machine has seen and done", "recommended");
