/*
 * The manual page and the machine's help: the rows of help.c in other clothes.
 */
#ifndef MG_CMD_MANUAL_H
#define MG_CMD_MANUAL_H

#include "base/buf.h"

/* migrate(1) in mdoc, for "migrate help --man". */
void mg_manual_page(MgBuf *ret);
/* Commands, options and errors as one JSON document. */
void mg_manual_json(MgBuf *ret);

#endif
