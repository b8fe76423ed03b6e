/* Passwords in SQL: CREATE ROLE app PASSWORD 'secret' is not for logs. */
#ifndef MG_SQL_MASK_H
#define MG_SQL_MASK_H

#include "base/buf.h"

/* Add sql to ret, with the string behind each word PASSWORD replaced by '***'. */
void mg_sql_mask_passwords(const char *sql, MgBuf *ret);

#endif
