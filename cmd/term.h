/*
 * Terminals: what a stream is, how wide, whether in colour, and a last line
 * that is replaced.  Writes at once, so that two streams into one pipe keep
 * their order.
 */
#ifndef MG_CMD_TERM_H
#define MG_CMD_TERM_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    MG_TERM_MAX_COLUMNS = 100,
};

typedef enum MgColour {
    MG_PLAIN,
    MG_BOLD,
    MG_RED,
    MG_GREEN,
    MG_YELLOW,
    MG_CYAN,
} MgColour;

typedef struct MgTerm {
    int fd;
    bool is_terminal;
    bool has_colour;
    bool has_live; /* its last line can be replaced */
    int width;     /* columns, at most MG_TERM_MAX_COLUMNS; 0 when it is no terminal */
} MgTerm;

/* A variable of environment, "" when it is not there. */
const char *mg_term_variable(char *const *environment, const char *name);

/* Look at fd; environment is searched for NO_COLOR, TERM and COLUMNS. */
void mg_term_open(int fd, bool is_colorless, char *const *environment, MgTerm *ret);

/*
 * Once flag is not 0 the run is to end: a reader that takes nothing for a second
 * is written to no more.
 */
void mg_term_end_by(const volatile sig_atomic_t *flag);

/*
 * Write all of it.  False, with errno, when that cannot be done; a reader that
 * has gone away is no failure.
 */
bool mg_term_write(const MgTerm *term, const char *text, size_t size_bytes);
/* The sequences round a coloured text; "" without colour. */
const char *mg_term_begin(const MgTerm *term, MgColour colour);
const char *mg_term_end(const MgTerm *term, MgColour colour);

/* Look at the width again: it may have been resized. */
void mg_term_measure(MgTerm *term);
/* Show text as the last line, which the next one replaces.  Terminals only. */
void mg_term_live(const MgTerm *term, const char *text);
void mg_term_clear_live(const MgTerm *term);

#endif
