/* Names and texts as they stand in SQL. */
#ifndef MG_SQL_QUOTE_H
#define MG_SQL_QUOTE_H

#include "base/arena.h"

/* "a ""name""" */
const char *mg_sql_identifier(const char *name, MgArena *arena);
/* 'it''s', or E'...' when it has backslashes: right whatever standard_conforming_strings says.  A
 * text that is NULL gives NULL. */
const char *mg_sql_literal(const char *text, MgArena *arena);

#endif
