/*
 * Options as tables.  One row says how an option is spelled, what it takes,
 * where the value goes and what --help prints; getopt_long does the parsing.
 * The rows of a command fill the command's own struct, the common rows MgCommon.
 */
#ifndef MG_CMD_OPT_H
#define MG_CMD_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "migrate.h"

typedef enum MgOptType {
    MG_OPT_FLAG, /* bool: true when given */
    MG_OPT_TEXT, /* const char *, not empty; borrowed from argv */
    /* int64_t, milliseconds: "250ms", "5s", "10min", "2h".  Like in MgOptions 0 means not given,
     * so "0s" is -1. */
    MG_OPT_DURATION,
    MG_OPT_CHOICE, /* int: index into choices, plus min */
} MgOptType;

typedef struct MgOpt {
    const char *name; /* long name without dashes; NULL ends a table */
    char letter;      /* short name, 0 = none */
    MgOptType type;
    const char *argument;       /* "URL" in help; NULL for a flag */
    const char *help;           /* one line, lower case, no full stop */
    size_t offset;              /* of the field in the struct the table fills */
    int64_t min, max;           /* MG_OPT_DURATION: limits in ms; max 0 = none */
    const char *const *choices; /* MG_OPT_CHOICE: NULL-terminated */
    bool is_for_reports;        /* taken only by commands that have other formats than a table */
} MgOpt;

enum {
    MG_NO_FORMAT = -1,
};

/* What the options that every command takes say. */
typedef struct MgCommon {
    const char *url, *url_env, *env_file, *dir, *history, *state; /* NULL when not given */
    const char *env, *config;
    int format; /* an MgFormat; MG_NO_FORMAT as long as nothing says which */
    int64_t deadline_ms, wait_server_ms;
    bool is_quiet, is_verbose, is_colorless, is_yes, has_no_state;
    bool is_help, is_version;
} MgCommon;

extern const MgOpt mg_common_opts[];

/* A table and the struct it fills. */
typedef struct MgOptTable {
    const MgOpt *opts; /* may be NULL: no options */
    void *ret;
} MgOptTable;

typedef struct MgWords {
    char *const *items; /* NULL-terminated */
    size_t n;
} MgWords;

/*
 * Parse argv, whose item 0 is skipped, by the tables together.  Options and
 * words may be mixed, unless stops_at_word: then the first word ends the
 * options.  command ("up") is NULL before the command is known, and names the
 * help to read.  Fails with MG_E_USAGE.
 */
MG_CHECK bool mg_opt_parse(const char *command, int argc, char **argv, const MgOptTable *tables,
                           size_t n_tables, bool stops_at_word, MgArena *arena, MgWords *ret,
                           MgError *err);

#endif
