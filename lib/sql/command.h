/*
 * Psql commands in a SQL file: which are passed over, and why not the others.
 * For scan.c only.
 */
#ifndef MG_SQL_COMMAND_H
#define MG_SQL_COMMAND_H

#include "sql/scan.h"

/*
 * Judge the command that line begins with; line ends before its line end.
 *
 * MG_SCAN_STATEMENT: it is passed over, and *ret is as it was.  Otherwise
 * MG_SCAN_ERROR, with the command's name as the place.
 */
MgScanResult mg_command_take(MgScan *scan, const char *text, MgSpan line, bool is_in_statement,
                             MgScanItem *ret);

#endif
