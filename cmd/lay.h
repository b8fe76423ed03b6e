/* How text is laid out in lines of at most MG_TERM_MAX_COLUMNS. */
#ifndef MG_CMD_LAY_H
#define MG_CMD_LAY_H

#include <stddef.h>

#include "base/buf.h"

enum {
    MG_LAY_INDENT = 6, /* of prose behind "word: " */
};

/* Text whose further lines are indented; spaces that they begin with already count. */
void mg_lay_lines(MgBuf *line, const char *text, size_t indent);

/*
 * One line of words, broken where it would pass the last column; it starts at
 * column.  What is to be pasted at its end stays whole.
 */
void mg_lay_line(MgBuf *line, const char *text, size_t size_bytes, size_t column, size_t indent);

/* Behind "word: ".  Lines behind the first were broken on purpose: SQL, URLs. */
void mg_lay_prose(MgBuf *line, const char *word, const char *text, size_t indent);

/* The same where every line is prose, as a server writes it. */
void mg_lay_paragraphs(MgBuf *line, const char *word, const char *text, size_t indent);

/* A label of at most max_columns; 0 = as long as it is. */
void mg_lay_label(MgBuf *line, const char *label, size_t max_columns);

#endif
