/*
 * Commands as a table.  A command is one file with one row and one function;
 * its options, help and examples are in the row, set-up is in main.c.
 */
#ifndef MG_CMD_CMD_H
#define MG_CMD_CMD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/attr.h"
#include "migrate.h"
#include "opt.h"

struct MgCmd;
struct MgTalk;

/* What a command works with; made by main.c. */
typedef struct MgRun {
    const struct MgCmd *cmd;
    const MgCommon *common;
    void *args;    /* the command's own struct, zeroed, then filled from its opts */
    MgWords words; /* what stands behind the command and is not an option */
    char *const *environment;
    /* Readable after SIGINT, SIGTERM or SIGHUP: one byte, its number.  Give it to the library. */
    int cancel_fd;
    struct MgTalk *talk; /* what prints: talk.h */
    MgArena *arena;
} MgRun;

enum {
    MG_CMD_JSON = 1 << MG_JSON, /* --output json is understood */
    MG_CMD_MARKDOWN = 1 << MG_MARKDOWN,
    MG_CMD_HTML = 1 << MG_HTML,
};

typedef struct MgCmd {
    const char *name;
    const char *argument; /* "[N]", "NAME", or NULL */
    const char *summary;  /* one line, lower case, for the list of commands */
    const char *about;    /* sentences for "migrate help NAME"; a blank line parts paragraphs */
    const MgOpt *opts;    /* ends with a row whose name is NULL; or NULL */
    size_t args_bytes;    /* size of the struct that opts fill; 0 = none */
    unsigned formats;     /* MG_CMD_ bits of what --output may say beside "table" */
    size_t min_words, max_words;
    bool stops_at_word;          /* the first word ends the options: "scratch psql -c ..." */
    bool is_behind;              /* listed under "More", not with a line of its own */
    const char *const *examples; /* "migrate up 1", "what it does", ..., NULL */
    /*
     * Do it.  On failure main.c prints *err and exits with its status; on
     * success it exits with *ret_status, which is 0 unless set.
     */
    bool (*run)(const MgRun *run, int *ret_status, MgError *err);
} MgCmd;

/* Every command, in the order of "migrate --help"; ends with NULL. */
extern const MgCmd cmd_completion, *const mg_cmds[];

extern const MgCmd cmd_redo, cmd_baseline, cmd_dump, cmd_log, cmd_renumber, cmd_up, cmd_claim,
    cmd_down, cmd_init, cmd_status, cmd_plan, cmd_verify, cmd_doctor, cmd_new, cmd_repair,
    cmd_scratch, cmd_show, cmd_url, cmd_help;

/* The command of that name, or NULL. */
const MgCmd *mg_cmd_find(const char *name);
/* How many changes of a word still leave what was meant: two make "wait" an "init". */
int mg_cmd_likeness(const char *word);

/* MG_E_USAGE with the nearest name, or the word that another tool's user wants.  Returns false. */
bool mg_cmd_unknown(const char *name, MgError *err);

/* What state the database is in after a failure on a throw-away server. */
#define MG_SCRATCH_NOTE "only a throw-away server was touched, and it is gone"

/* Tell that the environment leaves migrations out, if it does; true when it does. */
bool mg_cmd_is_skipped(const MgRun *run, const MgContext *context);

/* The option that names the database, without its dashes, or NULL. */
const char *mg_cmd_named_database(const MgCommon *common);
/* MG_E_USAGE when the common options name the database twice. */
MG_CHECK bool mg_cmd_check_database(const MgRun *run, MgError *err);

/*
 * Options for mg_open from the common options: url, names, dir, history, environment,
 * cancel_fd, and events printed by talk.c.  A command changes what it needs.
 */
void mg_cmd_options(const MgRun *run, MgOptions *ret);

/* A hint where to read the help of command (NULL: of all). */
void mg_cmd_see_help(const char *command, MgError *err);
/* MG_E_USAGE, and where to read the help of command (NULL: of all).  Returns false. */
bool mg_cmd_usage(const char *command, MgError *err, const char *format, ...) MG_PRINTF(3, 4);

/*
 * The command line once more, for a hint: what was named and chosen, without
 * what only changes the talk and how long to wait.  A URL is not repeated.
 */
const char *mg_cmd_again(const MgRun *run);

/* Another command, for a hint, with the options by which this run found its database and its files.
 */
const char *mg_cmd_there(const MgRun *run, const char *command);

/* A word of the command line as messages show it: what may be a URL, and so hold a password, is
 * not repeated. */
const char *mg_cmd_shown(const char *word);

#endif
