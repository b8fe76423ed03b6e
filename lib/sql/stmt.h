/*
 * What kind of statement a span is, told from its words: a table, no grammar.
 * Words in comments, strings and quoted identifiers never count.
 */
#ifndef MG_SQL_STMT_H
#define MG_SQL_STMT_H

#include <stdbool.h>
#include <stddef.h>

#include "sql/lex.h"
#include "sql/words.h"

typedef enum MgTransactionControl {
    MG_TX_NONE,
    MG_TX_BEGIN,  /* plain BEGIN or START TRANSACTION, can be folded */
    MG_TX_COMMIT, /* plain COMMIT or END, can be folded */
    MG_TX_OTHER,  /* ROLLBACK, ABORT, PREPARE TRANSACTION, AND CHAIN, BEGIN with a mode */
} MgTransactionControl;

typedef struct MgStmt {
    const char *label; /* static: "CREATE INDEX CONCURRENTLY", "UPDATE"; never NULL */
    MgTransactionControl transaction_control;
    bool refuses_transaction; /* the server runs it only outside a transaction block */
    bool builds_index;        /* CREATE INDEX CONCURRENTLY or REINDEX ... CONCURRENTLY */
    bool drops_index;         /* DROP INDEX CONCURRENTLY */
    bool is_copy_data;        /* COPY ... FROM STDIN, data follows */
    bool is_set_transaction;  /* SET TRANSACTION: only valid before any query */
    bool can_touch_session;   /* could leave settings, roles, cursors, locks ... behind */
    bool deals_with_prepared; /* PREPARE, DEALLOCATE */
    bool can_be_slow;         /* worth a flush right behind it */
} MgStmt;

/*
 * Classify one statement for a server of server_version (150004 for 15.4, 0 =
 * any: a statement refuses if any supported server refuses it).
 */
void mg_stmt_classify(const char *text, size_t size_bytes, int server_version, MgStmt *ret);

/* The same for a caller who has read the statement's first tokens anyway. */
void mg_stmt_classify_head(MgStmtHead *head, int server_version, MgStmt *ret);

/* Does data in the file follow a COPY?  cursor stands behind the word COPY. */
bool mg_stmt_is_copy_data(MgCursor *cursor);

#endif
