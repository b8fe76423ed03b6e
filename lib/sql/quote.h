/* Names and texts as they stand in SQL. */
#ifndef MG_SQL_QUOTE_H
#define MG_SQL_QUOTE_H

#include "base/arena.h"

/* "a ""name""" */
const char *mg_sql_identifier(const char *name, MgArena *arena);
/* 'it''s', or E'...' when it has backslashes: right whatever standard_conforming_strings says. */
const char *mg_sql_literal(const char *text, MgArena *arena);
/*
 * An expression that shows another session's query, the text expression, in one
 * short line; what stands behind the word PASSWORD is not for logs.
 */
const char *mg_sql_shown(const char *expression, MgArena *arena);

#endif
