/* The lines of a text round a place, for error messages. */
#ifndef MG_BASE_EXCERPT_H
#define MG_BASE_EXCERPT_H

#include <stddef.h>

#include "base/buf.h"

/*
 * The excerpt of an error: the line with byte offset at in it, the line before
 * it if there is room, a gutter with numbers, and carets under width_chars
 * characters (0: no caret).  text is the file's text around it, which starts at
 * line first_line.  Very long lines are cut around the place; tabs stay, what
 * is no character or would move the cursor is shown as "?".  Added to ret
 * without a line end behind the last line:
 *
 *    |
 *  3 | UPDATE orders
 *  4 |    SET gross = amuont * quantity
 *    |                ^^^^^^
 */
void mg_excerpt(const char *text, size_t size_bytes, int first_line, size_t at, size_t width_chars,
                MgBuf *ret);

#endif
