/*
 * Passwords in texts that are about to be shown: statements, the server's
 * words about them, lines of files.  CREATE ROLE app PASSWORD 'secret' and
 * CONNECTION 'host=db password=secret' are not for logs.
 */
#ifndef MG_BASE_MASK_H
#define MG_BASE_MASK_H

#include <stddef.h>

/*
 * Write '*' over what stands behind the word PASSWORD: a quoted string, or
 * what follows an equals sign directly, or a colon; and over the password of a
 * URL.  Sizes
 * and line ends stay, so that places in the text stay true.  Needs no valid
 * SQL: the text may be cut off, or be a message that quotes a statement.
 */
void mg_mask_passwords(char *text, size_t size_bytes);

#endif
