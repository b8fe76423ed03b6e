/*
 * Statements of a SQL file: where each begins and ends.
 *
 * The rules are psql's, and the server's where psql is wrong.  Works on a
 * window of the file, so that memory is bounded by the longest statement:
 *
 *     mg_scan_init(&scan, false);
 *     for (;;) {
 *         switch (mg_scan_next(&scan, reader.text, reader.size_bytes, reader.is_whole, &item)) {
 *         case MG_SCAN_MORE: slide the reader by scan.at bytes, mg_scan_slid(&scan); ...
 *
 * All spans count from the window's first byte.
 */
#ifndef MG_SQL_SCAN_H
#define MG_SQL_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "sql/words.h"

enum {
    MG_RESTRICT_KEY_BYTES = 80,
};

typedef struct MgScan {
    size_t at;                 /* everything before is done with and may be dropped */
    bool has_backslash_quotes; /* as set by the file or the server, see lex.h */
    bool is_in_copy_data;      /* at is inside the data of a COPY ... FROM STDIN */
    bool is_copy_line_pending; /* the data starts behind the next line end */
    bool is_begun;             /* a byte order mark has been looked for */
    bool is_restricted;        /* behind \restrict */
    char restrict_key[MG_RESTRICT_KEY_BYTES];
    /*
     * NULL, or where the tokens of each statement go, as many as have room: who
     * needs them then reads them only once.  To be set behind mg_scan_init.
     */
    MgStmtHead *head;
    /* Private. */
    bool had_backslash_quotes; /* what RESET goes back to */
    size_t checked_bytes;      /* of the window, known to be valid UTF-8 without NUL */
} MgScan;

typedef enum MgScanResult {
    MG_SCAN_STATEMENT, /* span: from the first word to the last, without the semicolon */
    MG_SCAN_COPY_DATA, /* span: whole lines of data, to be sent as they are; more may follow */
    MG_SCAN_COPY_END,  /* the data has ended; span: its end mark, empty at the end of the text */
    MG_SCAN_END,
    MG_SCAN_MORE,  /* slide the window by scan->at and ask again */
    MG_SCAN_ERROR, /* span: the place, message: what is wrong */
} MgScanResult;

typedef struct MgScanItem {
    MgSpan span;
    /* MG_SCAN_ERROR only: static text in the style of error messages, and a hint or NULL. */
    const char *message, *hint;
} MgScanItem;

/* has_backslash_quotes: the server's standard_conforming_strings is off. */
void mg_scan_init(MgScan *scan, bool has_backslash_quotes);

/*
 * Find the next item.  text[0 .. size_bytes) is the window and starts where it
 * started at the call before, or where mg_scan_slid was told.  A statement
 * that could end behind the window gives MG_SCAN_MORE, so the same statement
 * is found whatever the window's size; only data is cut where windows end.
 * Reports NUL bytes and invalid UTF-8 in what it passes over.  Follows SET and
 * RESET of standard_conforming_strings at the top level.  A COPY with data in
 * the file is always followed by MG_SCAN_COPY_END.  After MG_SCAN_ERROR the
 * scan is over.
 */
MgScanResult mg_scan_next(MgScan *scan, const char *text, size_t size_bytes, bool is_whole,
                          MgScanItem *ret);

/* The window now starts scan->at bytes later. */
void mg_scan_slid(MgScan *scan);

#endif
