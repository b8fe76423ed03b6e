/*
 * What a statement is, told from its words.  Knows no grammar: a table of word
 * patterns, the longer before the shorter, and a few questions for what the
 * first words leave open.  Where a text leaves a doubt, the answer is the
 * careful one: touches the session, can be slow, refuses a transaction.
 *
 * Which statements refuse a transaction block, and since when, is what
 * PreventInTransactionBlock is called for in the server's sources 13 to 19.
 */
#include "sql/stmt.h"

#include <string.h>

/* A statement that refuses a transaction on every supported server. */
enum { ALWAYS = 1 };

enum {
    /*
     * Cannot leave anything in the session: it runs no expression of the user's
     * and makes nothing temporary.  Event triggers do not count.
     */
    QUIET = 1 << 0,
    SLOW = 1 << 1,
    BUILDS_INDEX = 1 << 2,
    READS_DATA = 1 << 3,
    SETS_TRANSACTION = 1 << 4,
    DROPS_INDEX = 1 << 5,
    PREPARES = 1 << 6, /* or drops what was */
};

/* What may stand between CREATE and the kind of object. */
enum {
    TEMP = 1 << 0, /* a row that may have it must have it */
    SCOPE = 1 << 1,
    UNLOGGED = 1 << 2,
    UNIQUE = 1 << 3,
    OR_REPLACE = 1 << 4,
    RECURSIVE = 1 << 5,
    CONSTRAINT = 1 << 6,
    ANY_MODIFIER = 1 << 7, /* or none */
};

typedef struct Kind {
    const char *words; /* see mg_cursor_matches; of a CREATE without its modifiers */
    const char *label; /* NULL: the words are it */
    unsigned modifiers;
    unsigned flags;
    int refuses_since;                 /* server version, ALWAYS or 0 = never */
    bool (*applies)(MgCursor *cursor); /* further question behind the words, or NULL */
    MgTransactionControl transaction_control;
} Kind;

/* ---- Questions ---------------------------------------------------------- */

/* What is in the quotes of a name or string, or the token itself. */
static bool
is_name(const MgCursor *cursor, const MgToken *token, const char *name)
{
    MgSpan span = token->span;
    if (token->kind == MG_TOKEN_QUOTED_WORD || token->kind == MG_TOKEN_STRING) {
        span.begin++;
        span.end--;
    }
    return mg_text_equal_fold_n(cursor->text + span.begin, span.end - span.begin, name);
}

/* A name in the session's own schema, pg_temp, or one that may be. */
static bool
is_temporary(const MgCursor *cursor, const MgToken *token)
{
    static const char schema[] = "pg_temp";
    const size_t n = sizeof schema - 1;
    const char *name = cursor->text + token->span.begin;
    if (token->kind == MG_TOKEN_QUOTED_WORD && *name++ != '"')
        return true; /* U&"..." may spell anything */
    return (*name | 0x20) == 'p' &&
           (token->kind == MG_TOKEN_QUOTED_WORD || token->kind == MG_TOKEN_WORD) &&
           (size_t)(cursor->text + token->span.end - name) >= n &&
           mg_text_equal_fold_n(name, n, schema);
}

/* No name of the rest is. */
static bool
is_permanent(MgCursor *cursor)
{
    const MgToken *token;
    for (; (token = mg_cursor_look(cursor)) != NULL; mg_cursor_pass(cursor, token)) {
        if (is_temporary(cursor, token))
            return false;
    }
    return true;
}

/* A permanent table, surely without AS and FOR VALUES: what nearly all are, told by one walk. */
static bool
is_plain_table(MgCursor *cursor)
{
    int depth = 0;
    const MgToken *token;
    for (; (token = mg_cursor_look(cursor)) != NULL; mg_cursor_pass(cursor, token)) {
        depth += token->kind == MG_TOKEN_OPEN;
        depth -= token->kind == MG_TOKEN_CLOSE;
        bool may_be_other =
            depth <= 0 && (mg_cursor_is(cursor, token, "AS") || mg_cursor_is(cursor, token, "FOR"));
        if (may_be_other || is_temporary(cursor, token))
            return false;
    }
    return true;
}

/* An index of columns, not of expressions: what those call may take locks and numbers. */
static bool
indexes_columns(MgCursor *cursor)
{
    MgToken token;
    int depth = 0;
    bool is_behind_where = false;
    while (mg_cursor_next(cursor, &token) && cursor->text[token.span.begin] != ';') {
        if (token.kind == MG_TOKEN_OPEN && ++depth > 1)
            return false;
        if (token.kind == MG_TOKEN_CLOSE)
            depth--;
        if (is_behind_where && token.kind != MG_TOKEN_WORD && token.kind != MG_TOKEN_QUOTED_WORD)
            return false; /* an operator, a call */
        is_behind_where |= depth == 0 && mg_cursor_is(cursor, &token, "WHERE");
    }
    return true;
}

/* A routine in a language whose check at CREATE loads and runs nothing. */
static bool
is_plain_routine(MgCursor *cursor)
{
    MgCursor ahead = *cursor;
    MgToken token;
    if (mg_cursor_find(&ahead, "LANGUAGE") &&
        (!mg_cursor_next(&ahead, &token) ||
         (!is_name(&ahead, &token, "sql") && !is_name(&ahead, &token, "plpgsql"))))
        return false;
    return is_permanent(cursor);
}

/* INSERT of written rows, not of a query's. */
static bool
inserts_values(MgCursor *cursor)
{
    const MgToken *token;
    while ((token = mg_cursor_look(cursor)) != NULL) {
        mg_cursor_pass(cursor, token);
        if (mg_cursor_is(cursor, token, "VALUES") || mg_cursor_is(cursor, token, "DEFAULT"))
            return true;
        if (mg_cursor_is(cursor, token, "SELECT") || mg_cursor_is(cursor, token, "WITH") ||
            mg_cursor_is(cursor, token, "TABLE"))
            return false;
        if (token->kind == MG_TOKEN_OPEN)
            mg_cursor_skip_list(cursor);
    }
    return false;
}

typedef enum Option { OPTION_ABSENT, OPTION_ON, OPTION_OFF } Option;

/* An option of the next list in parentheses: name [=] [value]. */
static Option
read_option(MgCursor cursor, const char *name)
{
    static const char *const off[] = { "false", "off", "no", "0" };
    MgToken token;
    while (mg_cursor_next(&cursor, &token) && token.kind != MG_TOKEN_OPEN)
        continue;
    bool is_start = true;
    while (mg_cursor_next(&cursor, &token) && token.kind != MG_TOKEN_CLOSE) {
        bool is_named = is_start && is_name(&cursor, &token, name);
        is_start = cursor.text[token.span.begin] == ',';
        if (!is_named)
            continue;
        if (mg_cursor_next(&cursor, &token) && cursor.text[token.span.begin] == '=')
            (void)mg_cursor_next(&cursor, &token);
        for (size_t i = 0; i < sizeof off / sizeof off[0]; i++) {
            if (is_name(&cursor, &token, off[i]))
                return OPTION_OFF;
        }
        return OPTION_ON;
    }
    return OPTION_ABSENT;
}

/* REINDEX (CONCURRENTLY), REPACK (CONCURRENTLY) */
static bool
is_concurrent(MgCursor *cursor)
{
    return read_option(*cursor, "concurrently") == OPTION_ON;
}

/* CREATE SUBSCRIPTION, unless told not to make a slot. */
static bool
makes_slot(MgCursor *cursor)
{
    return read_option(*cursor, "create_slot") != OPTION_OFF &&
           read_option(*cursor, "connect") != OPTION_OFF;
}

/* ALTER SUBSCRIPTION ... PUBLICATION, unless told not to refresh. */
static bool
refreshes(MgCursor *cursor)
{
    return read_option(*cursor, "refresh") != OPTION_OFF;
}

static bool
sets_failover(MgCursor *cursor)
{
    return read_option(*cursor, "failover") != OPTION_ABSENT;
}

static bool
ends_two_phase(MgCursor *cursor)
{
    return read_option(*cursor, "two_phase") == OPTION_OFF;
}

/* REPACK (ANALYZE) */
static bool
analyzes(MgCursor *cursor)
{
    return read_option(*cursor, "analyze") == OPTION_ON;
}

bool
mg_stmt_is_copy_data(MgCursor *cursor)
{
    while (mg_cursor_find(cursor, "FROM")) {
        /* The grammar takes both names here, and means the client's data by both. */
        if (mg_cursor_take_any(cursor, "STDIN|STDOUT"))
            return true;
    }
    return false;
}

/* ---- The table ---------------------------------------------------------- */

/* Among the rows of one first word the first that fits counts. */

static const Kind alters[] = {
    { "ALTER TABLE ... DETACH PARTITION ... CONCURRENTLY",
      .label = "ALTER TABLE DETACH PARTITION CONCURRENTLY", .flags = SLOW,
      .refuses_since = 140000 },
    { "ALTER TABLE", .flags = SLOW },
    /* With CASCADE it rewrites tables of that type. */
    { "ALTER TYPE ... ATTRIBUTE", .label = "ALTER TYPE", .flags = SLOW },
    { "ALTER TYPE", .flags = QUIET },
    { "ALTER SYSTEM", .refuses_since = ALWAYS },
    { "ALTER DATABASE ? SET TABLESPACE", .label = "ALTER DATABASE SET TABLESPACE", .flags = SLOW,
      .refuses_since = ALWAYS },
    { .words = "ALTER DATABASE" },
    { "ALTER SUBSCRIPTION ? REFRESH", .label = "ALTER SUBSCRIPTION REFRESH", .flags = SLOW,
      .refuses_since = ALWAYS },
    { "ALTER SUBSCRIPTION ? {SET|ADD|DROP} PUBLICATION", .label = "ALTER SUBSCRIPTION PUBLICATION",
      .flags = SLOW, .refuses_since = ALWAYS, .applies = refreshes },
    { "ALTER SUBSCRIPTION ? SET", .label = "ALTER SUBSCRIPTION", .flags = SLOW,
      .refuses_since = 170000, .applies = sets_failover },
    { "ALTER SUBSCRIPTION ? SET", .label = "ALTER SUBSCRIPTION", .flags = SLOW,
      .refuses_since = 180000, .applies = ends_two_phase },
    { .words = "ALTER SUBSCRIPTION" },
    { .words = "ALTER DEFAULT PRIVILEGES" },
    { "ALTER DOMAIN", .flags = SLOW },
    { "ALTER EXTENSION", .flags = SLOW },
    { .words = "ALTER FUNCTION" },
    { .words = "ALTER INDEX" },
    { .words = "ALTER MATERIALIZED VIEW" },
    { .words = "ALTER POLICY" },
    { .words = "ALTER PROCEDURE" },
    { .words = "ALTER PUBLICATION" },
    { "ALTER {ROLE|USER}", .label = "ALTER ROLE" },
    { .words = "ALTER SCHEMA" },
    { .words = "ALTER SEQUENCE" },
    { .words = "ALTER TRIGGER" },
    { .words = "ALTER VIEW" },
    { "ALTER", .flags = SLOW },
};

static const Kind creates[] = {
    { "CREATE INDEX CONCURRENTLY", .modifiers = UNIQUE, .flags = SLOW | BUILDS_INDEX,
      .refuses_since = ALWAYS },
    { "CREATE INDEX", .modifiers = UNIQUE, .flags = SLOW | QUIET, .applies = indexes_columns },
    { "CREATE INDEX", .modifiers = UNIQUE, .flags = SLOW },
    { "CREATE TABLE", .modifiers = UNLOGGED, .flags = QUIET, .applies = is_plain_table },
    { "CREATE TABLE ... AS", .modifiers = UNLOGGED, .label = "CREATE TABLE AS", .flags = SLOW },
    /* Evaluates its bounds. */
    { "CREATE TABLE ... FOR VALUES", .modifiers = UNLOGGED, .label = "CREATE TABLE" },
    { "CREATE TABLE", .modifiers = UNLOGGED, .flags = QUIET, .applies = is_permanent },
    { "CREATE TABLE", .modifiers = UNLOGGED },
    { "CREATE TABLE ... AS", .modifiers = SCOPE | TEMP, .label = "CREATE TEMP TABLE AS",
      .flags = SLOW },
    { "CREATE TABLE", .modifiers = SCOPE | TEMP, .label = "CREATE TEMP TABLE" },
    { "CREATE TYPE", .flags = QUIET, .applies = is_permanent },
    { .words = "CREATE TYPE" },
    { "CREATE DOMAIN", .flags = QUIET, .applies = is_permanent },
    { .words = "CREATE DOMAIN" },
    { "CREATE SEQUENCE", .modifiers = UNLOGGED, .flags = QUIET, .applies = is_permanent },
    { "CREATE SEQUENCE", .modifiers = UNLOGGED },
    { "CREATE MATERIALIZED VIEW", .flags = SLOW },
    { "CREATE VIEW", .modifiers = OR_REPLACE | RECURSIVE, .flags = QUIET, .applies = is_permanent },
    { "CREATE VIEW", .modifiers = OR_REPLACE | RECURSIVE },
    { "CREATE FUNCTION", .modifiers = OR_REPLACE, .flags = QUIET, .applies = is_plain_routine },
    { "CREATE FUNCTION", .modifiers = OR_REPLACE },
    { "CREATE PROCEDURE", .modifiers = OR_REPLACE, .flags = QUIET, .applies = is_plain_routine },
    { "CREATE PROCEDURE", .modifiers = OR_REPLACE },
    { "CREATE TRIGGER", .modifiers = OR_REPLACE | CONSTRAINT, .flags = QUIET },
    { "CREATE SCHEMA ... CREATE", .label = "CREATE SCHEMA" },
    { "CREATE SCHEMA", .flags = QUIET },
    { "CREATE POLICY", .flags = QUIET },
    { "CREATE EXTENSION", .flags = SLOW },
    { .words = "CREATE ROLE" },
    { .words = "CREATE USER MAPPING" },
    { .words = "CREATE USER" },
    { "CREATE RULE", .modifiers = OR_REPLACE },
    { "CREATE AGGREGATE", .modifiers = OR_REPLACE },
    { .words = "CREATE CAST" },
    { .words = "CREATE COLLATION" },
    { .words = "CREATE EVENT TRIGGER" },
    { .words = "CREATE FOREIGN TABLE" },
    { .words = "CREATE OPERATOR" },
    { .words = "CREATE PUBLICATION" },
    { .words = "CREATE SERVER" },
    { .words = "CREATE STATISTICS" },
    { "CREATE SUBSCRIPTION", .flags = SLOW, .refuses_since = ALWAYS, .applies = makes_slot },
    { .words = "CREATE SUBSCRIPTION" },
    { "CREATE DATABASE", .flags = SLOW, .refuses_since = ALWAYS },
    { "CREATE TABLESPACE", .flags = SLOW, .refuses_since = ALWAYS },
    { "CREATE", .modifiers = ANY_MODIFIER, .flags = SLOW },
};

static const Kind drops[] = {
    { "DROP INDEX CONCURRENTLY", .flags = SLOW | QUIET | DROPS_INDEX, .refuses_since = ALWAYS },
    { "DROP TABLE", .flags = QUIET },
    { "DROP SCHEMA", .flags = QUIET },
    { "DROP SEQUENCE", .flags = QUIET },
    { "DROP MATERIALIZED VIEW", .flags = QUIET },
    { "DROP TYPE", .flags = QUIET },
    { "DROP DOMAIN", .flags = QUIET },
    { "DROP VIEW", .flags = QUIET },
    { "DROP INDEX", .flags = QUIET },
    { "DROP FUNCTION", .flags = QUIET },
    { "DROP PROCEDURE", .flags = QUIET },
    { "DROP ROUTINE", .flags = QUIET },
    { "DROP AGGREGATE", .flags = QUIET },
    { "DROP TRIGGER", .flags = QUIET },
    { "DROP POLICY", .flags = QUIET },
    { "DROP RULE", .flags = QUIET },
    { .words = "DROP EXTENSION" },
    { .words = "DROP OWNED" },
    { "DROP DATABASE", .flags = SLOW, .refuses_since = ALWAYS },
    { "DROP TABLESPACE", .flags = SLOW, .refuses_since = ALWAYS },
    { "DROP SUBSCRIPTION", .flags = SLOW, .refuses_since = ALWAYS },
    { "DROP {ROLE|USER}", .label = "DROP ROLE" },
    { .words = "DROP" },
};

static const Kind inserts[] = {
    { "INSERT", .applies = inserts_values },
    { "INSERT", .flags = SLOW },
};

/* In the order of the first words, which are found by bisection. */
static const Kind others[] = {
    { "ABORT", .transaction_control = MG_TX_OTHER },
    { "ANALYSE", .label = "ANALYZE", .flags = SLOW },
    { "ANALYZE", .flags = SLOW },
    { "BEGIN [WORK|TRANSACTION] $", .label = "BEGIN", .flags = QUIET,
      .transaction_control = MG_TX_BEGIN },
    { "BEGIN", .transaction_control = MG_TX_OTHER },
    { "CALL", .flags = SLOW },
    { "CHECKPOINT", .flags = SLOW },
    { .words = "CLOSE" },
    { "CLUSTER () [VERBOSE] $", .label = "CLUSTER", .flags = SLOW, .refuses_since = ALWAYS },
    { "CLUSTER", .flags = SLOW },
    { "COMMENT", .flags = QUIET },
    { "COMMIT PREPARED", .refuses_since = ALWAYS },
    { "COMMIT [WORK|TRANSACTION] $", .label = "COMMIT", .flags = QUIET,
      .transaction_control = MG_TX_COMMIT },
    { "COMMIT [WORK|TRANSACTION] AND NO CHAIN $", .label = "COMMIT", .flags = QUIET,
      .transaction_control = MG_TX_COMMIT },
    { "COMMIT", .transaction_control = MG_TX_OTHER },
    { "COPY", .label = "COPY FROM STDIN", .flags = SLOW | READS_DATA,
      .applies = mg_stmt_is_copy_data },
    { "COPY", .flags = SLOW },
    { "DEALLOCATE", .flags = PREPARES },
    { .words = "DECLARE" },
    { "DELETE", .flags = SLOW },
    { "DISCARD ALL", .refuses_since = ALWAYS },
    { .words = "DISCARD" },
    { "DO", .flags = SLOW },
    { "END [WORK|TRANSACTION] $", .label = "END", .flags = QUIET,
      .transaction_control = MG_TX_COMMIT },
    { "END [WORK|TRANSACTION] AND NO CHAIN $", .label = "END", .flags = QUIET,
      .transaction_control = MG_TX_COMMIT },
    { "END", .transaction_control = MG_TX_OTHER },
    { "EXECUTE", .flags = SLOW },
    { "EXPLAIN", .flags = SLOW },
    { "FETCH", .flags = SLOW },
    { "GRANT", .flags = QUIET },
    { "IMPORT", .label = "IMPORT FOREIGN SCHEMA", .flags = SLOW },
    { .words = "LISTEN" },
    { .words = "LOAD" },
    { "LOCK", .label = "LOCK TABLE", .flags = SLOW },
    { "MERGE", .flags = SLOW },
    { "MOVE", .flags = SLOW },
    { .words = "NOTIFY" },
    { "PREPARE TRANSACTION", .transaction_control = MG_TX_OTHER },
    { "PREPARE", .flags = PREPARES },
    { "REASSIGN", .label = "REASSIGN OWNED" },
    { "REFRESH MATERIALIZED VIEW CONCURRENTLY", .flags = SLOW },
    { "REFRESH", .label = "REFRESH MATERIALIZED VIEW", .flags = SLOW },
    { "REINDEX () {INDEX|TABLE|SCHEMA|DATABASE|SYSTEM} CONCURRENTLY",
      .label = "REINDEX CONCURRENTLY", .flags = SLOW | BUILDS_INDEX, .refuses_since = ALWAYS },
    { "REINDEX", .label = "REINDEX CONCURRENTLY", .flags = SLOW | BUILDS_INDEX,
      .refuses_since = ALWAYS, .applies = is_concurrent },
    { "REINDEX () SCHEMA", .label = "REINDEX SCHEMA", .flags = SLOW, .refuses_since = ALWAYS },
    { "REINDEX () DATABASE", .label = "REINDEX DATABASE", .flags = SLOW, .refuses_since = ALWAYS },
    { "REINDEX () SYSTEM", .label = "REINDEX SYSTEM", .flags = SLOW, .refuses_since = ALWAYS },
    { "REINDEX", .flags = SLOW },
    { "RELEASE", .label = "RELEASE SAVEPOINT" },
    { "REPACK () $", .label = "REPACK", .flags = SLOW, .refuses_since = ALWAYS },
    { "REPACK () USING INDEX $", .label = "REPACK", .flags = SLOW, .refuses_since = ALWAYS },
    { "REPACK", .flags = SLOW, .refuses_since = ALWAYS, .applies = is_concurrent },
    { "REPACK", .flags = SLOW, .refuses_since = ALWAYS, .applies = analyzes },
    { "REPACK", .flags = SLOW },
    { .words = "RESET" },
    { "REVOKE", .flags = QUIET },
    { "ROLLBACK PREPARED", .refuses_since = ALWAYS },
    { "ROLLBACK [WORK|TRANSACTION] TO", .label = "ROLLBACK TO SAVEPOINT" },
    { "ROLLBACK", .transaction_control = MG_TX_OTHER },
    { .words = "SAVEPOINT" },
    { "SECURITY", .label = "SECURITY LABEL" },
    { "SELECT", .flags = SLOW },
    { "SET [SESSION|LOCAL] TRANSACTION", .label = "SET TRANSACTION", .flags = SETS_TRANSACTION },
    { "SET [SESSION|LOCAL] {transaction_isolation|transaction_deferrable}",
      .label = "SET TRANSACTION", .flags = SETS_TRANSACTION },
    { .words = "SET" },
    { .words = "SHOW" },
    { "START TRANSACTION $", .label = "START TRANSACTION", .flags = QUIET,
      .transaction_control = MG_TX_BEGIN },
    { "START TRANSACTION", .transaction_control = MG_TX_OTHER },
    { "TABLE", .flags = SLOW },
    { .words = "TRUNCATE" },
    { .words = "UNLISTEN" },
    { "UPDATE", .flags = SLOW },
    { "VACUUM", .flags = SLOW, .refuses_since = ALWAYS },
    { "VALUES", .flags = SLOW },
    { "WITH", .flags = SLOW },
};

/* What the table does not know. */
static const Kind unknown = { "statement", .flags = SLOW };

/* Some rows of a table. */
typedef struct Rows {
    const Kind *at, *end;
} Rows;

#define ROWS(table)                                                                                \
    {                                                                                              \
        (table), (table) + sizeof(table) / sizeof *(table)                                         \
    }

/* The first row of others whose words begin with the letter, or a later one. */
static const Kind *
find_letter(char letter)
{
    const Kind *kind = others;
    for (size_t n = sizeof others / sizeof others[0]; n > 0;) {
        size_t half = n / 2;
        bool is_above = kind[half].words[0] < letter;
        kind += is_above ? half + 1 : 0;
        n = is_above ? n - half - 1 : half;
    }
    return kind;
}

/* The rows whose first word is the token. */
static Rows
find_rows(const MgCursor *cursor, const MgToken *token)
{
    static const Rows usual[] = { ROWS(inserts), ROWS(creates), ROWS(alters), ROWS(drops) };
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++) {
        if (mg_cursor_is(cursor, token, usual[i].at->words))
            return usual[i];
    }
    const Kind *end = others + sizeof others / sizeof others[0];
    char letter = (char)(cursor->text[token->span.begin] & ~0x20);
    Rows rows = { .at = find_letter(letter) };
    while (rows.at < end && *rows.at->words == letter &&
           !mg_cursor_is(cursor, token, rows.at->words))
        rows.at++;
    rows.end = rows.at;
    while (rows.end < end && mg_cursor_is(cursor, token, rows.end->words))
        rows.end++;
    return rows;
}

/* In the order in which the grammar has them. */
static unsigned
take_modifiers(MgCursor *cursor)
{
    static const struct {
        const char *word;
        unsigned modifier;
    } modifiers[] = {
        { "OR", OR_REPLACE },         { "REPLACE", OR_REPLACE }, { "GLOBAL", SCOPE },
        { "LOCAL", SCOPE },           { "TEMP", TEMP },          { "TEMPORARY", TEMP },
        { "UNLOGGED", UNLOGGED },     { "UNIQUE", UNIQUE },      { "RECURSIVE", RECURSIVE },
        { "CONSTRAINT", CONSTRAINT },
    };
    unsigned taken = 0;
    const MgToken *token = mg_cursor_look(cursor);
    for (size_t i = 0; token != NULL && i < sizeof modifiers / sizeof modifiers[0]; i++) {
        if (!mg_cursor_is(cursor, token, modifiers[i].word))
            continue;
        taken |= modifiers[i].modifier;
        mg_cursor_pass(cursor, token);
        token = mg_cursor_look(cursor);
    }
    return taken;
}

/* May a statement with these modifiers be of the kind? */
static bool
is_for(const Kind *kind, unsigned modifiers)
{
    return kind->modifiers == ANY_MODIFIER ||
           ((modifiers & ~kind->modifiers) == 0 && (kind->modifiers & ~modifiers & TEMP) == 0);
}

static const Kind *
choose(MgStmtHead *head)
{
    MgCursor cursor = mg_cursor_begin(head);
    const MgToken *token = mg_cursor_look(&cursor);
    if (token == NULL)
        return &unknown;
    Rows rows = find_rows(&cursor, token);
    size_t n = token->span.end - token->span.begin;
    mg_cursor_pass(&cursor, token);
    unsigned modifiers = rows.at == creates ? take_modifiers(&cursor) : 0;
    char letter = mg_cursor_letter(&cursor);
    for (const Kind *kind = rows.at; kind < rows.end; kind++) {
        const char *rest = kind->words + n;
        rest += *rest == ' ';
        if (!mg_pattern_begins(rest, letter) || !is_for(kind, modifiers))
            continue;
        MgCursor behind = cursor;
        if (mg_cursor_matches(&behind, rest) && (kind->applies == NULL || kind->applies(&behind)))
            return kind;
    }
    return &unknown;
}

void
mg_stmt_classify(const char *text, size_t size_bytes, int server_version, MgStmt *ret)
{
    MgLex lex = { .text = text, .size_bytes = size_bytes, .is_whole = true };
    MgStmtHead head;
    mg_head_begin(&head, &lex);
    mg_stmt_classify_head(&head, server_version, ret);
}

void
mg_stmt_classify_head(MgStmtHead *head, int server_version, MgStmt *ret)
{
    /* Who plans a script does not know the setting of who runs it: both must call it the same. */
    if (head->lex.has_backslash_quotes) {
        const MgLex *lex = &head->lex;
        mg_stmt_classify(lex->text + lex->at, lex->size_bytes - lex->at, server_version, ret);
        return;
    }
    const Kind *kind = choose(head);
    *ret = (MgStmt){
        .label = kind->label != NULL ? kind->label : kind->words,
        .transaction_control = kind->transaction_control,
        .refuses_transaction = kind->refuses_since != 0 &&
                               (server_version == 0 || server_version >= kind->refuses_since),
        .builds_index = (kind->flags & BUILDS_INDEX) != 0,
        .drops_index = (kind->flags & DROPS_INDEX) != 0,
        .is_copy_data = (kind->flags & READS_DATA) != 0,
        .is_set_transaction = (kind->flags & SETS_TRANSACTION) != 0,
        .can_touch_session = (kind->flags & QUIET) == 0,
        .deals_with_prepared = (kind->flags & PREPARES) != 0,
        .can_be_slow = (kind->flags & SLOW) != 0,
    };
}
