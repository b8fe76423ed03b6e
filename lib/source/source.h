/*
 * The source: which migrations exist, what their files say, digests included.
 *
 * A listed source knows the names and the digests of its files, which is all
 * that is to be known of one that was applied as it is.  To analyse a migration
 * is to read its files again, whole and with care.  The text of small files is
 * kept then, up to a few MB in all, so that what was planned is what runs; of
 * others a script remembers where its text is: memory does not grow with the
 * files' size.
 *
 * Glossary.  migration: a versioned change with an up and perhaps a down
 * script.  version: what orders it.  script: one direction of a migration, a
 * part of a file.  label: the one spelling of a migration that is shown.
 */
#ifndef MG_SOURCE_SOURCE_H
#define MG_SOURCE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "migrate.h"

enum {
    MG_SOURCE_MAX_FILES = 100000,
    MG_VERSION_MAX_DIGITS = 18,
};

/* The first n statements of a script: whoever goes on behind them wants them as they were. */
typedef struct MgPrefix {
    int n;
    char digest[MG_DIGEST_HEX_BYTES];
} MgPrefix;

/* One direction of a migration, analysed. */
typedef struct MgScript {
    const char *path;  /* as shown: "migrations/0001_x.up.sql"; can be opened as it is */
    const char *text;  /* of the whole file, in memory: a source's or the history's, which is
                          borrowed, or a small file's, as it was read; else NULL */
    size_t size_bytes; /* of text */
    MgSpan part;       /* bytes of the file that belong to this direction */
    int first_line;    /* line number of part.begin */
    /*
     * Lines with the directives above the file's first section marker, or NULL:
     * wherever the part's text is stored, they belong in front of it.
     */
    const char *inherited;
    char digest[MG_DIGEST_HEX_BYTES];       /* of the text, line ends as \n, without BOM */
    char token_digest[MG_DIGEST_HEX_BYTES]; /* of the tokens and directives */
    int n_statements;      /* that are sent: folded BEGIN and COMMIT do not count */
    bool is_transactional; /* runs inside one transaction */
    bool is_marked;        /* says "-- migrate:no-transaction" */
    bool is_nothing;       /* says "-- migrate:up nothing" or "down nothing": empty on purpose */
    bool can_touch_session;
    bool has_copy_data;
    int64_t lock_timeout_ms;      /* directive; -1 = none given */
    int64_t statement_timeout_ms; /* the same */
    bool is_retry_off;            /* "-- migrate:retry no" */
    const char *refusing_label;   /* first statement that refuses a transaction, or NULL */
    int refusing_line, refusing_column;
    const char *refusing_excerpt; /* its lines, when is_mixed; else NULL */
    /* Bit k - 1: statement k builds or drops an index concurrently; the first 64. */
    uint64_t index_changes;
    bool is_mixed; /* refuses and needs a transaction, and is not marked: the plan refuses it */
    bool is_destructive_allowed;   /* says "-- migrate:destructive" */
    const char *destructive_label; /* first statement that takes away what stood before the script,
                                      such as "DROP TABLE", or NULL: see sql/loss.h */
    int destructive_line, destructive_column;
    const char *destructive_excerpt; /* its lines; NULL in a long file */
    int n_destructive;               /* statements; at most MG_LOSSES_MAX */
    MgPrefix prefix;                 /* n 0: nobody has asked for one */
} MgScript;

typedef struct MgMigration {
    const char *version; /* digits as written; NULL for a repeatable */
    const char *name;    /* "add_order_totals" */
    const char *label;   /* "20260309101500_add_order_totals" or "R__add_order_totals" */
    const char *path;    /* of the up script's file, as shown */
    MgKind kind;         /* MG_VERSIONED or MG_REPEATABLE */
    /* There is a down script; once it is analysed: one that means to do something. */
    bool has_down;
    bool is_down_empty; /* there is a down script, but it has no statements: has_down is false */
    /*
     * Of the scripts.  Before they are analysed they are those of what one look has seen: proved
     * by a history that has the same, else worth nothing.  down_digest NULL: no down script.
     */
    const char *digest, *down_digest;
    MgScript *up;                                   /* NULL: not analysed */
    MgScript *down;                                 /* NULL: there is none, or it is not analysed */
    const struct MgNativeFile *up_file, *down_file; /* down_file NULL: there is none */
} MgMigration;

typedef struct MgSource {
    const char *dir;    /* as shown; NULL when in memory */
    MgMigration *items; /* versioned by version, then repeatables by name */
    size_t n, cap;
    const char **notes; /* worth telling, such as "migrations/x.sql has no statements" */
    size_t n_notes, cap_notes;
    size_t kept_bytes; /* of texts */
} MgSource;

/* Where migrations are: in a folder of native files, or in memory, which is borrowed. */
typedef struct MgSourcePlace {
    const char *dir; /* NULL: in memory */
    const MgFile *files;
    size_t n_files;
} MgSourcePlace;

/*
 * List the migrations, with their digests.  A file that cannot be used is an
 * error with its place, never skipped; what it says is looked at when it is
 * analysed.  Fails with MG_E_SOURCE or MG_E_FILE.
 */
MG_CHECK bool mg_source_list(const MgSourcePlace *place, MgArena *arena, MgSource *ret,
                             MgError *err);
/*
 * Analyse those that are wanted, a bool for each migration, NULL: all; what is
 * analysed stays as it is.  Fails with MG_E_SOURCE or MG_E_FILE.
 */
MG_CHECK bool mg_source_analyse(MgSource *source, const bool *wanted, MgArena *arena, MgError *err);
/* Both for all of them, reading each file once. */
MG_CHECK bool mg_source_read(const MgSourcePlace *place, MgArena *arena, MgSource *ret,
                             MgError *err);

/* Order of two native versions: by number, so "9" < "10" and "009" equals "9". */
int mg_version_compare(const char *a, const char *b);

/*
 * Does a user's word name this migration?  V is digits, digits_name, or a file
 * path ("migrations/20260309101500_x.up.sql").
 */
bool mg_version_matches(const char *word, const char *version, const char *label);

/*
 * Analyse one script: statements, directives, digests.  script has path, text,
 * part, first_line and inherited; the rest is filled in.  Used for files and for down
 * scripts out of the history.  Fails with MG_E_FILE and file:line:column.
 */
MG_CHECK bool mg_script_analyse(MgScript *script, MgArena *arena, MgError *err);

/*
 * Text of a down script for the history, with the directives above its file's
 * first section, so that its digest fits; NULL when it is too long to be kept.
 */
MG_CHECK bool mg_script_read_stored(const MgScript *script, MgArena *arena, const char **ret,
                                    MgError *err);

/*
 * The digest of the script's text, as the analysis makes it, in a quarter of
 * the time: is it still the text that was analysed?
 */
MG_CHECK bool mg_script_digest(const MgScript *script, char ret[MG_DIGEST_HEX_BYTES], MgError *err);

/* Open the script's text for execution. */
MG_CHECK bool mg_script_open(const MgScript *script, MgReader *ret, MgError *err);

#endif
