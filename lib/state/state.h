/*
 * A small SQLite file of our own: open, run, query.  Knows SQLite and nothing
 * of what is kept in the file.
 *
 * The file may be missing, damaged, locked, full, of a newer program or of
 * another one, and whoever wrote it need not be trusted.  All of that is a
 * failure with MG_E_NOTEBOOK and harms nothing; no call takes longer than
 * about a second.
 */
#ifndef MG_STATE_STATE_H
#define MG_STATE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"

typedef struct MgStateFile MgStateFile;

/* upgrades[i] is a script that leads from layout i (0: empty) to layout i + 1. */
typedef struct MgStateLayout {
    int32_t application_id; /* tells our files from those of other programs */
    const char *const *upgrades;
    int n_upgrades;
} MgStateLayout;

typedef struct MgStateOpen {
    const char *path; /* borrowed until close */
    const MgStateLayout *layout;
    bool is_ours;    /* the place is: a damaged file is set aside and made anew */
    bool is_reading; /* a file that is not there is a failure */
} MgStateOpen;

/* With a write lock from the first statement to the last, by mg_state_begin and _end. */
MG_CHECK bool mg_state_open(const MgStateOpen *input, MgStateFile **ret, MgError *err);
/* NULL is fine.  What was begun and not ended is dropped. */
void mg_state_close(MgStateFile *file);

/* A parameter; text NULL and not is_int: NULL. */
typedef struct MgValue {
    bool is_int;
    int64_t number;
    const char *text;
} MgValue;

MgValue mg_value_int(int64_t number);
MgValue mg_value_text(const char *text);
/* A part of a key: NULL becomes "", since NULLs are not equal. */
MgValue mg_value_key(const char *text);

MG_CHECK bool mg_state_begin(MgStateFile *file, MgError *err);
MG_CHECK bool mg_state_end(MgStateFile *file, MgError *err);

/* One statement without rows.  The same sql pointer again is not parsed again. */
MG_CHECK bool mg_state_run(MgStateFile *file, const char *sql, const MgValue *values,
                           size_t n_values, MgError *err);
/* Of the last row that was inserted. */
int64_t mg_state_last_id(const MgStateFile *file);

typedef struct MgStateRow MgStateRow;
typedef void MgOnStateRow(void *payload, const MgStateRow *row);

/* on_row for every row; it must not use the file. */
MG_CHECK bool mg_state_query(MgStateFile *file, const char *sql, const MgValue *values,
                             size_t n_values, MgOnStateRow *on_row, void *payload, MgError *err);
/* Columns of a row; a text is NULL when it is absent or no UTF-8. */
int64_t mg_state_int(const MgStateRow *row, int column);
const char *mg_state_text(const MgStateRow *row, int column, MgArena *arena);

#endif
