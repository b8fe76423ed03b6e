/*
 * Operators of our own SQL, by their full names.
 *
 * Without a schema an operator, a type or a function is looked for along the
 * search_path, where pg_catalog may stand behind a schema in which strangers
 * create: what they have planted there would be called with our rights.  (So
 * IN, IS DISTINCT FROM, NULLIF, USING and CASE x WHEN, which have no full
 * name, are not for us, and types are written as pg_catalog.text where they
 * are no keyword of SQL's.)
 *
 * All these bind alike, from the left, and tighter than NOT: terms of two stand in brackets.
 */
#ifndef MG_SQL_CATALOG_H
#define MG_SQL_CATALOG_H

#define MG_EQ "OPERATOR(pg_catalog.=)"
#define MG_NE "OPERATOR(pg_catalog.<>)"
#define MG_LT "OPERATOR(pg_catalog.<)"
#define MG_LE "OPERATOR(pg_catalog.<=)"
#define MG_GT "OPERATOR(pg_catalog.>)"
#define MG_GE "OPERATOR(pg_catalog.>=)"
#define MG_PLUS "OPERATOR(pg_catalog.+)"
#define MG_MINUS "OPERATOR(pg_catalog.-)"
#define MG_TIMES "OPERATOR(pg_catalog.*)"
#define MG_CAT "OPERATOR(pg_catalog.||)"
#define MG_LIKE "OPERATOR(pg_catalog.~~)"
#define MG_MATCHES "OPERATOR(pg_catalog.~)"
#define MG_JSON_TEXT "OPERATOR(pg_catalog.->>)"

/* One of the values of an array, as IN asks. */
#define MG_EQ_ANY MG_EQ " ANY "

#endif
