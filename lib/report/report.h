/*
 * Reports: one model, four renderers.  A report is fields, one list of typed
 * rows, and closing lines; table, JSON, Markdown and HTML show the same values.
 * JSON keys are only ever added; tables may change.
 */
#ifndef MG_REPORT_REPORT_H
#define MG_REPORT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "migrate.h"

typedef enum MgCellKind {
    MG_CELL_NULL,
    MG_CELL_TEXT,
    MG_CELL_INT,
    MG_CELL_BOOL,
    MG_CELL_TIME,     /* number: ms since 1970; table: minutes, JSON: seconds, UTC */
    MG_CELL_DURATION, /* number: us; table: "41 ms", JSON: milliseconds */
    MG_CELL_LIST,     /* texts; table: with commas between */
    MG_CELL_ERRORS,   /* JSON only */
} MgCellKind;

typedef struct MgCell {
    MgCellKind kind;
    const char *text;
    int64_t number;
    const char *const *texts;
    size_t n_texts;
    const MgError *errors;
    size_t n_errors;
} MgCell;

/* Cells.  Absent text, and times of 0, are MG_CELL_NULL. */
MgCell mg_cell_text(const char *text);
MgCell mg_cell_int(int64_t number);
MgCell mg_cell_bool(bool is_true);
MgCell mg_cell_time(int64_t time_ms);
MgCell mg_cell_duration(int64_t duration_us);
MgCell mg_cell_list(const char *const *texts, size_t n_texts);
MgCell mg_cell_errors(const MgError *errors, size_t n_errors);
/* As table and Markdown show it; "" for an absent one. */
const char *mg_cell_show(const MgCell *cell, MgArena *arena);

/* A value of the document; a dotted key ("target.host") makes an object in JSON. */
typedef struct MgField {
    const char *key;
    MgCell cell;
} MgField;

typedef struct MgColumn {
    const char *key;     /* JSON; NULL: not there */
    const char *heading; /* table and Markdown; NULL: not there */
    bool is_right;       /* align right */
    bool is_cut;         /* may be cut on a narrow terminal */
    bool is_excerpt;     /* and elsewhere too: it is a part of something longer */
    bool is_optional;    /* left out of table and Markdown when no row has it */
    bool is_section;     /* the first one; a table shows each of its values on a line of its own,
                            and no headings */
    bool is_prose;       /* the last one of a line; a table breaks it where the page ends */
    bool is_below;       /* a table shows it on lines of its own below the row */
    size_t min_width;    /* in a table */
} MgColumn;

enum {
    MG_REPORT_MAX_COLUMNS = 20,
};

/* A point of the timeline that HTML draws. */
typedef struct MgMoment {
    int64_t at_ms;
    int64_t duration_us; /* 0: not known */
    const char *label, *state;
} MgMoment;

typedef struct MgReport {
    const char *schema; /* "migrate.status.v1" */
    const char *title;  /* Markdown's heading line */
    struct {
        MgField *items;
        size_t n, cap;
    } fields;             /* JSON only */
    const char *list_key; /* "migrations" */
    bool is_list_unknown; /* JSON: null instead of an empty list */
    const MgColumn *columns;
    size_t n_columns;
    struct {
        MgCell *items; /* row by row, n_columns each */
        size_t n, cap;
    } cells;
    const char *folded; /* HTML: rows behind the first n_unfolded are opened under this line */
    size_t n_unfolded;
    const char *footer; /* the last line of table and Markdown, or NULL */
    const char *more;   /* one behind it: what is not shown, or NULL */
    /* A report in parts, so that a long one needs no memory: each has its cells, the last one the
       footer.  Columns are as wide as each part needs. */
    bool is_continued; /* a part was written before */
    bool has_more;     /* another part follows */
    struct {
        MgMoment *items;
        size_t n, cap;
    } moments;
} MgReport;

/* Its fields and the session's; nulls when target is NULL: it is not known. */
void mg_report_add_target(MgReport *report, const MgTarget *target, MgArena *arena);
/* null when there is nothing to say, or target is NULL. */
void mg_report_add_environment(MgReport *report, const MgTarget *target, MgArena *arena);
/* What both reports say of the plan and its target; nulls when plan is NULL. */
void mg_report_add_plan(MgReport *report, const MgPlan *plan, MgArena *arena);
void mg_report_add_field(MgReport *report, const char *key, MgCell cell, MgArena *arena);
/* Does table and Markdown show the column? */
bool mg_report_shows(const MgReport *report, size_t column_i);

/* A report that is written while it is made: of scripts, or of the statements of one migration. */
typedef struct MgShowReport {
    MgReport report;
    const MgView *view;
    MgWrite write;
    void *payload;
    MgArena arena, cells_arena;
    const char *section; /* of the script whose statements come */
    bool has_statements;
    int n_scripts, n_statements, n_destructive;
} MgShowReport;

/* dir: as shown, or NULL. */
void mg_report_show_begin(MgShowReport *show, bool has_statements, const char *dir,
                          const MgView *view, MgWrite write, void *payload);
void mg_report_show_script(MgShowReport *show, const MgScriptFacts *script);
void mg_report_show_statement(MgShowReport *show, const MgStatement *statement);
/* error: in JSON, unless something has been written.  Nothing is written in other formats then. */
void mg_report_show_end(MgShowReport *show, const MgError *error);

/* In the format of view. */
void mg_report_write(const MgReport *report, const MgView *view, MgWrite write, void *payload);

void mg_report_write_table(const MgReport *report, const MgView *view, MgWrite write,
                           void *payload);
void mg_report_write_json(const MgReport *report, const MgView *view, MgWrite write, void *payload);
void mg_report_write_markdown(const MgReport *report, const MgView *view, MgWrite write,
                              void *payload);
void mg_report_write_html(const MgReport *report, const MgView *view, MgWrite write, void *payload);

#endif
