/*
 * Files: a reader with a sliding window, whole small files, folders.
 */
#ifndef MG_BASE_FILE_H
#define MG_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/text.h"

enum {
    /* A file up to this size is in the first window as a whole. */
    MG_READER_WINDOW_BYTES = 1 << 20,
    /* One statement may not be longer: a message to the server is limited to 1 GB. */
    MG_READER_MAX_WINDOW_BYTES = 1 << 30,
};

#define MG_SPAN_ALL ((MgSpan){ 0, SIZE_MAX })

/*
 * A window over a part of a file or of a text in memory, moved forward only.
 * text[0 .. size_bytes) is what is visible; no NUL is promised behind it.
 */
typedef struct MgReader {
    const char *text;
    size_t size_bytes;
    size_t offset; /* of text[0] in the file */
    int line;      /* of text[0], 1-based; a line ends at '\n', "\r\n" or a lone '\r' */
    bool is_whole; /* nothing follows behind the window */
    /* Private. */
    const char *path; /* for messages; borrowed */
    int fd;           /* -1: the text is in memory */
    char *buffer;
    size_t cap_bytes;
    size_t end; /* offset where the part ends; SIZE_MAX: at the end of the file */
    bool is_hasty;
} MgReader;

/* Open path and show the first window of its part, which starts at line first_line. */
MG_CHECK bool mg_reader_open(const char *path, MgSpan part, int first_line, MgReader *ret,
                             MgError *err);
/* How one file after another is opened. */
typedef struct MgOpening {
    int folder_fd; /* in which they lie, open, which saves the system the way there; -1: none */
    /* Take a read that gives less than was asked for as the end of the file.  Nearly always it is:
     * for those who have a way to tell whether they have seen all. */
    bool is_hasty;
} MgOpening;

/*
 * Open one file after another with the same reader, at first { .fd = -1 }, and
 * the same memory.  After a failure too it is to be closed.
 */
MG_CHECK bool mg_reader_open_next(MgReader *reader, const MgOpening *opening, const char *path,
                                  MgError *err);
/* Nothing was dropped yet: see to it that a window that was filled in haste ends where it seems. */
MG_CHECK bool mg_reader_make_sure(MgReader *reader, MgError *err);
/* Like mg_reader_open, over text in memory, which is borrowed; name is for messages. */
void mg_reader_open_text(const char *name, const char *text, size_t size_bytes, MgSpan part,
                         int first_line, MgReader *ret);
/*
 * Drop the first drop_bytes of the window and read more behind the rest.  The
 * window grows when the rest fills more than half of it.  Requires !is_whole.
 * Fails with MG_E_FILE when reading fails or the window would pass its maximum.
 */
MG_CHECK bool mg_reader_slide(MgReader *reader, size_t drop_bytes, MgError *err);
/* Fine on a closed reader; one that was never opened must say so: { .fd = -1 }. */
void mg_reader_close(MgReader *reader);
void mg_cleanup_reader(MgReader *reader);

/* Line breaks in text: '\n', "\r\n" or a lone '\r' count one each. */
int mg_count_lines(const char *text, size_t size_bytes);

/* Read all of a file of at most max_bytes; NUL-terminated, in arena.  False sets errno. */
MG_CHECK bool mg_file_read(const char *path, size_t max_bytes, MgArena *arena, const char **ret,
                           size_t *ret_bytes);

/* False sets errno; a part may be written. */
MG_CHECK bool mg_file_write_all(int fd, const char *text, size_t size_bytes);

/* Make a file with that text; one that is there stays as it is (EEXIST).  False sets errno. */
MG_CHECK bool mg_file_create(const char *path, const char *text, size_t size_bytes);
/* Make a folder and those above it; those that are there will do.  False sets errno, and nothing is
 * made. */
MG_CHECK bool mg_folder_make(const char *path);
/* How many bytes of path name what is there: mg_folder_make makes the folders behind them. */
size_t mg_folder_there(const char *path);
/* Remove those again, from below up to one that is not empty. */
void mg_folder_unmake(const char *path, size_t there_bytes);

typedef enum MgFileType { MG_FILE_REGULAR, MG_FILE_FOLDER, MG_FILE_OTHER } MgFileType;

typedef struct MgFolderEntry {
    const char *path; /* the folder's and the name */
    const char *name; /* its end */
    MgFileType type;  /* of what a symbolic link leads to */
    bool is_link;
} MgFolderEntry;

typedef struct MgFolder {
    MgFolderEntry *items; /* by name, in byte order; without "." and ".." */
    size_t n, cap;
} MgFolder;

/* List a folder.  False sets errno. */
MG_CHECK bool mg_folder_read(const char *path, MgArena *arena, MgFolder *ret);

/* Does the link dir/name lead to a place inside dir? */
bool mg_link_stays_inside(const char *dir, const char *name);

void mg_cleanup_fd(const int *fd);

#endif
