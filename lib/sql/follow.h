/*
 * What a statement means for the text behind it.  For scan.c only.
 */
#ifndef MG_SQL_FOLLOW_H
#define MG_SQL_FOLLOW_H

#include "sql/scan.h"

/*
 * Follow SET and RESET of standard_conforming_strings, and COPY ... FROM STDIN,
 * in scan.  MG_SCAN_STATEMENT when all is well; MG_SCAN_ERROR with its place
 * for a client_encoding in which a letter may hold a quote.
 */
MgScanResult mg_follow_statement(MgScan *scan, MgStmtHead *head, MgScanItem *ret);

#endif
