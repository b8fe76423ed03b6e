/*
 * The schema as pg_dump writes it, made stable: what differs from run to run,
 * from server to server or from version to version is taken out, so that two
 * dumps of one schema are the same text.
 */
#ifndef MG_PG_DUMP_H
#define MG_PG_DUMP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "pg/conn.h"
#include "pg/history.h"

/* ---- dump.c: the program ------------------------------------------------- */

/*
 * Find a pg_dump for a server of that version (150004), which must not be newer
 * than it: of the same major version, else of the next one.  Looks into PATH,
 * places (patterns, as mg_usual_places) and where pg_config says.  Fails with
 * MG_E_NO_POSTGRES.
 */
MG_CHECK bool mg_dump_find(char *const *environment, const char *const *places, int server_version,
                           MgArena *arena, const char **ret, MgError *err);

typedef struct MgDumpInput {
    const char *program;
    const MgConn *conn;   /* to the same server, with the same password */
    const char *snapshot; /* exported there */
    const char *role;     /* to act as; NULL: whoever logs in */
    bool has_owners;      /* with owners and grants */
    char *const *environment;
    int cancel_fd; /* -1: none */
} MgDumpInput;

/*
 * Run it.  No password stands in its arguments, which everybody on this machine
 * can read.  *ret_warnings is what it said on the way, or NULL.  Fails with
 * MG_E_SERVER, _SYSTEM, _CONFIG or _CANCELLED.
 */
MG_CHECK bool mg_dump_run(const MgDumpInput *input, MgArena *arena, MgBuf *ret,
                          const char **ret_warnings, MgError *err);

/* ---- dump_text.c: what it wrote ------------------------------------------- */

/* The objects of a dump, without its head and tail, under a head of ours. */
void mg_dump_add_schema(const char *text, size_t size_bytes, MgBuf *ret);
/*
 * The history's rows as INSERTs, by version: what differs between databases
 * with the same migrations is left out.  Nobody but the owner keeps a grant on
 * the table that was loaded.
 */
void mg_dump_add_history(const MgHistoryTable *table, const MgHistory *history, MgArena *arena,
                         MgBuf *ret);

#endif
