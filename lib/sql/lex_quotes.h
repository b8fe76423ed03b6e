/*
 * Where quotes and comments end.  For lex.c only.
 *
 * Nearly all long tokens are these, and what stands in them means nothing: so
 * they are searched for their marks instead of being read byte by byte.
 */
#ifndef MG_SQL_LEX_QUOTES_H
#define MG_SQL_LEX_QUOTES_H

#include <stddef.h>
#include <stdint.h>

#include "sql/lex.h"

/* Returned for a place that is not in the window. */
#define MG_NOWHERE SIZE_MAX

/* Of a -- comment: its line end, or the window's end.  at: behind the dashes. */
size_t mg_comment_end(const MgLex *lex, size_t at);
/* Behind the mark that closes a nested comment; at: behind the one that opens it. */
size_t mg_block_comment_end(const MgLex *lex, size_t at);
/*
 * Behind the closing mark of a quote in which only a doubled mark stands for
 * itself; at: behind the opening one.  A mark at the window's end may be half of
 * a doubled one.
 */
size_t mg_quote_end(const MgLex *lex, size_t at, char mark);
/* The same for E'...': a backslash takes the next byte, whatever it is. */
size_t mg_escaped_end(const MgLex *lex, size_t at);
/* Behind the closing $tag$; tag: the opening one. */
size_t mg_dollar_end(const MgLex *lex, MgSpan tag);
/*
 * Where the ' stands that continues a string which ended before at; at itself
 * when none does, MG_NOWHERE when the window is too small to tell.
 */
size_t mg_continuation(const MgLex *lex, size_t at);

#endif
