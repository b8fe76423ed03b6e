/*
 * What the files of this folder share: walking through a file's statements and
 * directives, and the rules of the native format's names and sections.
 */
#ifndef MG_SOURCE_FORMAT_H
#define MG_SOURCE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "source/source.h"
#include "sql/lex.h"
#include "sql/scan.h"

/* ---- Directives (directive.c) ------------------------------------------------ */

typedef enum MgDirectiveKind {
    MG_DIRECTIVE_NO_TRANSACTION,
    MG_DIRECTIVE_LOCK_TIMEOUT,
    MG_DIRECTIVE_STATEMENT_TIMEOUT,
    MG_DIRECTIVE_RETRY,
    MG_DIRECTIVE_DESTRUCTIVE,
    MG_DIRECTIVE_UP,
    MG_DIRECTIVE_DOWN,
    MG_N_DIRECTIVES, /* one that is not known */
} MgDirectiveKind;

/* A line by which another tool tells what to do with what stands behind it. */
typedef struct MgForeignMark {
    const char *tool, *text;
    const char *pattern; /* behind the dashes; marks.c says how it is read */
    bool is_whole;       /* nothing else stands on the line */
    bool has_attributes; /* what it tells is not about the way back */
} MgForeignMark;

/* "-- migrate:NAME VALUE", a comment between two statements; the texts are in the window. */
typedef struct MgDirective {
    MgDirectiveKind kind;
    const char *name, *value;
    size_t name_bytes, value_bytes;
    MgSpan span;                  /* in the window */
    const MgForeignMark *foreign; /* it is none of ours */
} MgDirective;

extern const char *const mg_directive_names[MG_N_DIRECTIVES];

/* Without the word "migrate:" none of ours can stand in a text, and nearly no text has it. */
bool mg_directive_is_mentioned(const char *text, size_t size_bytes);
/* The same of any: without that word and marks. */
bool mg_directive_may_stand(const char *text, size_t size_bytes);
/* Is the comment a directive, known or not, or a mark of another tool? */
bool mg_directive_parse(const char *text, MgSpan comment, MgDirective *ret);
/* Let it have its effect.  Fails with MG_E_FILE, without a place, when it or its value is unknown.
 */
MG_CHECK bool mg_directive_apply(MgScript *script, const MgDirective *directive, MgError *err);

/* ---- Marks of other tools (marks.c) ------------------------------------------- */

/* The mark that a comment is, or NULL. */
const MgForeignMark *mg_mark_find(const char *comment, size_t size_bytes);
/* Is there one anywhere, perhaps in what is no comment? */
bool mg_mark_may_stand(const char *text, size_t size_bytes);
/* MG_E_FILE, without a place: statements stand behind it. */
void mg_mark_refuse(const MgForeignMark *mark, MgError *err);

/* ---- Walking through a file (walk.c) ------------------------------------- */

typedef enum MgWalkKind {
    MG_WALK_DIRECTIVE,
    MG_WALK_STATEMENT,
    MG_WALK_COPY_DATA,
    MG_WALK_COPY_END,
    MG_WALK_END,
} MgWalkKind;

typedef struct MgWalkItem {
    MgWalkKind kind;
    MgSpan span;           /* in the window; valid until the next step */
    MgDirective directive; /* of MG_WALK_DIRECTIVE */
} MgWalkItem;

/* Called with every byte of the part, once and in order, as it comes into the window. */
typedef void (*MgOnText)(void *payload, const char *text, size_t size_bytes);

typedef struct MgWalk {
    MgReader *reader;
    MgScan scan;
    MgOnText on_text;
    void *payload;
    size_t told;         /* on_text has seen the window up to here */
    MgSpan gap;          /* between two statements, still to be searched for directives */
    size_t gap_begin;    /* where the next gap starts */
    MgScanResult result; /* what to do behind the gap */
    MgScanItem item;
    bool is_result_due;
    size_t line_chars; /* characters of the window's first line in front of it */
    size_t counted;    /* line is the line of this offset */
    int line;
} MgWalk;

/* on_text may be NULL. */
void mg_walk_init(MgWalk *walk, MgReader *reader, MgOnText on_text, void *payload);
/* Fails with MG_E_FILE and the place. */
MG_CHECK bool mg_walk_next(MgWalk *walk, MgWalkItem *ret, MgError *err);
/* Read on to the end for on_text alone, right behind mg_walk_init. */
MG_CHECK bool mg_walk_pass(MgWalk *walk, MgError *err);
/* Go on from offset at of the window as if a file started there. */
void mg_walk_restart(MgWalk *walk, size_t at);
/* The line of an offset; offsets must not go back. */
int mg_walk_line(MgWalk *walk, size_t at);
/* The column of an offset, in characters. */
int mg_walk_column(const MgWalk *walk, size_t at);
/* Add place and excerpt of span, in the window, to an error. */
void mg_walk_show(const MgWalk *walk, MgSpan span, MgError *err);

/* ---- Scripts (script.c) --------------------------------------------------- */

/*
 * What one script after another is read and analysed with: to make a digest
 * costs more than to use it on a small file, and so does clearing its buffers.
 */
typedef struct MgReadingRoom MgReadingRoom;

typedef struct MgReading {
    MgArena *arena; /* of the results; borrowed */
    MgDigest *text_digest, *token_digest;
    MgReadingRoom *room;
    MgReader reader;
    int folder_fd;     /* of the files, borrowed; -1: none */
    size_t kept_bytes; /* of all texts */
} MgReading;

void mg_reading_open(MgReading *reading, MgArena *arena);
void mg_reading_close(MgReading *reading);
void mg_cleanup_reading(MgReading *reading);

/*
 * mg_script_analyse over an open reader.  direction: the marker that may stand
 * in it, MG_DIRECTIVE_UP or _DOWN; MG_N_DIRECTIVES: either.
 */
MG_CHECK bool mg_script_analyse_reader(MgScript *script, MgReader *reader,
                                       MgDirectiveKind direction, const MgReading *reading,
                                       MgError *err);

/* The digest of the text under reader, behind the inherited lines, which may be NULL. */
MG_CHECK bool mg_script_digest_reader(const char *inherited, MgReader *reader,
                                      const MgReading *reading, char ret[MG_DIGEST_HEX_BYTES],
                                      MgError *err);

/* ---- Two of one version (renumber.c) ------------------------------------------ */

/* The hint to put one of the two to the end; nobody knows which is applied. */
void mg_renumber_hint(const char *one, const char *other, MgError *err);

/* ---- Fresh versions (version.c) --------------------------------------------- */

enum {
    MG_VERSION_BYTES = 20,
};

/*
 * A version behind those of the folder's files, and behind that of the label
 * above unless it is NULL, in the folder's manner: the next number where the newest is a short one,
 * else the time in UTC.  Fails with MG_E_SOURCE when none is left.
 */
MG_CHECK bool mg_version_choose(const MgFolder *folder, const char *above, int64_t now_ms,
                                char ret[MG_VERSION_BYTES], MgError *err);
/*
 * One at a time in a folder, or two would choose the same version.  Where
 * folders cannot be locked it is done without: then O_EXCL and the check of
 * every other command are what is left.  Closing the result gives the lock back.
 */
int mg_folder_lock(const char *dir);

/* ---- The native format (native.c) ------------------------------------------ */

/* In the order in which the files of one version are looked at. */
typedef enum MgNativeRole {
    MG_NATIVE_UP,         /* 0001_x.up.sql */
    MG_NATIVE_SECTIONS,   /* 0001_x.sql */
    MG_NATIVE_REPEATABLE, /* R__x.sql */
    MG_NATIVE_DOWN,       /* 0001_x.down.sql */
    MG_NATIVE_IGNORED,    /* not a .sql file */
} MgNativeRole;

typedef struct MgNativeFile {
    MgNativeRole role;
    const char *path; /* as shown */
    const char *text; /* in memory, or NULL */
    size_t size_bytes;
    const char *version, *name, *label;
    uint64_t number; /* that version is */
} MgNativeFile;

/* Does the name end in .sql, in any case?  A hidden file's does not count: editors and file systems
 * keep copies there. */
bool mg_native_is_sql(const char *file_name);
/* Tell what a file is by its name.  Fails with MG_E_SOURCE when it ends in .sql and fits no rule.
 */
MG_CHECK bool mg_native_parse(const char *path, const char *file_name, MgArena *arena,
                              MgNativeFile *ret, MgError *err);
/* Versioned files by version, then repeatables by name; 0: both belong to one migration. */
int mg_native_compare(const MgNativeFile *a, const MgNativeFile *b);
/* ---- The files of a migration (read.c) ------------------------------------- */

/*
 * Look at the files of one migration, its up (or only) file first; down is NULL
 * when there is none.  Only the digests are taken, in haste.
 */
MG_CHECK bool mg_native_glance(const MgNativeFile *up, const MgNativeFile *down, MgReading *reading,
                               MgMigration *ret, MgError *err);
/* Read them with care and analyse them. */
MG_CHECK bool mg_native_read(const MgNativeFile *up, const MgNativeFile *down, MgReading *reading,
                             MgMigration *ret, MgError *err);

#endif
