/*
 * What a statement is, told from its words.  Knows no grammar: a table of word
 * patterns, the longer before the shorter, and a few questions for what the
 * first words leave open.  Where a text leaves a doubt, the answer is the
 * careful one: touches the session, can be slow, refuses a transaction.
 *
 * Which statements refuse a transaction block, and since when, is what
 * PreventInTransactionBlock is called for in the server's sources 13 to 18.
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
    DESTROYS = 1 << 1,
    SLOW = 1 << 2,
    BUILDS_INDEX = 1 << 3,
    READS_DATA = 1 << 4,
    SETS_TRANSACTION = 1 << 5,
};

typedef struct Kind {
    const char *words; /* see matches */
    const char *label; /* NULL: the words are it */
    unsigned flags;
    int refuses_since;           /* server version, ALWAYS or 0 = never */
    bool (*applies)(MgLex *lex); /* further question, lex is behind the words; or NULL */
    MgTransactionControl transaction_control;
} Kind;

/* ---- Words -------------------------------------------------------------- */

static bool
next(MgLex *lex, MgToken *ret)
{
    return mg_lex_next_word(lex, ret) == MG_LEX_TOKEN;
}

/* Is the token one of the words "A|B|C"? */
static bool
is_one_of(const MgLex *lex, const MgToken *token, const char *words, size_t n)
{
    const char *text = lex->text + token->span.begin;
    size_t size_bytes = token->span.end - token->span.begin;
    if (token->kind != MG_TOKEN_WORD)
        return false;
    for (size_t begin = 0; begin < n;) {
        const char *bar = memchr(words + begin, '|', n - begin);
        size_t end = bar != NULL ? (size_t)(bar - words) : n;
        size_t i = 0;
        /* Lower-case letters differ from upper-case ones in one bit. */
        while (i < size_bytes && begin + i < end && (text[i] | 0x20) == (words[begin + i] | 0x20))
            i++;
        if (i == size_bytes && begin + i == end)
            return true;
        begin = end + 1;
    }
    return false;
}

/* Pass over what stands in a parenthesis; lex is behind its opening. */
static void
skip_list(MgLex *lex)
{
    MgToken token;
    for (size_t n_open = 1; n_open > 0 && next(lex, &token);) {
        n_open += token.kind == MG_TOKEN_OPEN;
        n_open -= token.kind == MG_TOKEN_CLOSE;
    }
}

/* Move behind the next of the words at this depth; false when there is none. */
static bool
find(MgLex *lex, const char *words, size_t n)
{
    MgToken token;
    while (next(lex, &token)) {
        if (is_one_of(lex, &token, words, n))
            return true;
        if (token.kind == MG_TOKEN_CLOSE)
            return false;
        if (token.kind == MG_TOKEN_OPEN)
            skip_list(lex);
    }
    return false;
}

static bool
find_word(MgLex *lex, const char *words)
{
    return find(lex, words, strlen(words));
}

/* Take the next token if it is one of the words. */
static bool
take(MgLex *lex, const char *words, size_t n)
{
    MgLex ahead = *lex;
    MgToken token;
    if (!next(&ahead, &token) || !is_one_of(&ahead, &token, words, n))
        return false;
    *lex = ahead;
    return true;
}

static bool
take_word(MgLex *lex, const char *words)
{
    return take(lex, words, strlen(words));
}

static bool
is_at_end(MgLex *lex)
{
    MgToken token;
    return !next(lex, &token) || token.kind == MG_TOKEN_SEMICOLON;
}

static void
take_list(MgLex *lex)
{
    MgLex ahead = *lex;
    MgToken token;
    if (!next(&ahead, &token) || token.kind != MG_TOKEN_OPEN)
        return;
    skip_list(&ahead);
    *lex = ahead;
}

/*
 * Do the statement's next words fit?  Parts of a pattern, between blanks:
 *
 *   A|B     one of these words
 *   [A|B]   perhaps one of these words
 *   ?       one token, whatever it is: a name
 *   ()      perhaps a list in parentheses
 *   ...     anything up to the next part, outside parentheses
 *   $       the end
 *
 * On true lex is behind the words.
 */
static bool
matches(MgLex *lex, const char *pattern)
{
    bool is_gap = false;
    size_t n;
    for (; *pattern != '\0'; pattern += n + (pattern[n] == ' ')) {
        MgToken token;
        bool fits = true;
        n = strcspn(pattern, " ");
        if (pattern[0] == '$')
            fits = is_at_end(lex);
        else if (pattern[0] == '?')
            fits = next(lex, &token);
        else if (pattern[0] == '(')
            take_list(lex);
        else if (pattern[0] == '[')
            (void)take(lex, pattern + 1, n - 2);
        else if (pattern[0] != '.')
            fits = is_gap ? find(lex, pattern, n) : take(lex, pattern, n);
        if (!fits)
            return false;
        is_gap = pattern[0] == '.';
    }
    return true;
}

/* ---- Questions ---------------------------------------------------------- */

/* What is in the quotes of a name or string, or the token itself. */
static bool
is_name(const MgLex *lex, const MgToken *token, const char *name)
{
    MgSpan span = token->span;
    if (token->kind == MG_TOKEN_QUOTED_WORD || token->kind == MG_TOKEN_STRING) {
        span.begin++;
        span.end--;
    }
    return mg_text_equal_fold_n(lex->text + span.begin, span.end - span.begin, name);
}

/* No name of the rest is in the session's own schema, pg_temp. */
static bool
is_permanent(MgLex *lex)
{
    static const char schema[] = "pg_temp";
    MgToken token;
    while (next(lex, &token)) {
        bool is_quoted = token.kind == MG_TOKEN_QUOTED_WORD;
        size_t begin = token.span.begin + (is_quoted ? 1 : 0);
        size_t n = sizeof schema - 1;
        if (is_quoted && lex->text[token.span.begin] != '"')
            return false; /* U&"..." may spell anything */
        if ((is_quoted || token.kind == MG_TOKEN_WORD) && token.span.end - begin >= n &&
            mg_text_equal_fold_n(lex->text + begin, n, schema))
            return false;
    }
    return true;
}

/* A routine in a language whose check at CREATE loads and runs nothing. */
static bool
is_plain_routine(MgLex *lex)
{
    MgLex ahead = *lex;
    MgToken token;
    if (find_word(&ahead, "LANGUAGE") &&
        (!next(&ahead, &token) ||
         (!is_name(&ahead, &token, "sql") && !is_name(&ahead, &token, "plpgsql"))))
        return false;
    return is_permanent(lex);
}

/* Behind DELETE or UPDATE, or inside one. */
static bool
lacks_where(MgLex *lex)
{
    return !find_word(lex, "WHERE");
}

/* WITH: the statement itself or one in a parenthesis is a DELETE or UPDATE of all rows. */
static bool
with_lacks_where(MgLex *lex)
{
    MgTokenKind before = MG_TOKEN_OTHER;
    MgToken token;
    while (next(lex, &token)) {
        /* Elsewhere it is FOR UPDATE, DO UPDATE or a name. */
        bool is_verb = before == MG_TOKEN_OPEN || before == MG_TOKEN_CLOSE;
        if (is_verb && is_one_of(lex, &token, "DELETE|UPDATE", strlen("DELETE|UPDATE")) &&
            lacks_where(lex))
            return true;
        before = token.kind;
    }
    return false;
}

/* An action of ALTER TABLE that loses values: DROP [COLUMN] or ALTER [COLUMN] ... TYPE. */
static bool
is_losing_action(MgLex *lex)
{
    MgToken token;
    if (take_word(lex, "DROP"))
        return !take_word(lex, "CONSTRAINT");
    if (!take_word(lex, "ALTER"))
        return false;
    (void)take_word(lex, "COLUMN");
    if (!next(lex, &token))
        return false;
    if (take_word(lex, "SET"))
        return take_word(lex, "DATA");
    return take_word(lex, "TYPE");
}

/* Move behind the next comma outside parentheses. */
static bool
find_comma(MgLex *lex)
{
    MgToken token;
    while (next(lex, &token)) {
        if (token.kind == MG_TOKEN_OTHER && lex->text[token.span.begin] == ',')
            return true;
        if (token.kind == MG_TOKEN_OPEN)
            skip_list(lex);
    }
    return false;
}

/* Pass over a name with its schema, and the * that old scripts write behind it. */
static void
skip_name(MgLex *lex)
{
    MgToken token;
    bool is_part = next(lex, &token);
    while (is_part) {
        MgLex ahead = *lex;
        if (!next(&ahead, &token) || token.kind != MG_TOKEN_OTHER)
            return;
        bool is_dot = lex->text[token.span.begin] == '.';
        *lex = ahead;
        is_part = is_dot && next(lex, &token);
    }
}

/* Behind ALTER TABLE. */
static bool
loses_column(MgLex *lex)
{
    if (take_word(lex, "IF"))
        (void)take_word(lex, "EXISTS");
    (void)take_word(lex, "ONLY");
    skip_name(lex);
    do {
        MgLex action = *lex;
        if (is_losing_action(&action))
            return true;
    } while (find_comma(lex));
    return false;
}

/* INSERT of written rows, not of a query's. */
static bool
inserts_values(MgLex *lex)
{
    static const char starts[] = "VALUES|DEFAULT|SELECT|WITH|TABLE";
    MgToken token;
    while (next(lex, &token)) {
        if (is_one_of(lex, &token, "VALUES|DEFAULT", strlen("VALUES|DEFAULT")))
            return true;
        if (is_one_of(lex, &token, starts, strlen(starts)))
            return false;
        if (token.kind == MG_TOKEN_OPEN)
            skip_list(lex);
    }
    return false;
}

typedef enum Option { OPTION_ABSENT, OPTION_ON, OPTION_OFF } Option;

/* An option of the next list in parentheses: name [=] [value]. */
static Option
read_option(MgLex lex, const char *name)
{
    static const char *const off[] = { "false", "off", "no", "0" };
    MgToken token;
    while (next(&lex, &token) && token.kind != MG_TOKEN_OPEN)
        continue;
    bool is_start = true;
    while (next(&lex, &token) && token.kind != MG_TOKEN_CLOSE) {
        bool is_named = is_start && is_name(&lex, &token, name);
        is_start = lex.text[token.span.begin] == ',';
        if (!is_named)
            continue;
        if (next(&lex, &token) && lex.text[token.span.begin] == '=')
            (void)next(&lex, &token);
        for (size_t i = 0; i < sizeof off / sizeof off[0]; i++) {
            if (is_name(&lex, &token, off[i]))
                return OPTION_OFF;
        }
        return OPTION_ON;
    }
    return OPTION_ABSENT;
}

/* REINDEX (CONCURRENTLY) */
static bool
is_concurrent(MgLex *lex)
{
    return read_option(*lex, "concurrently") == OPTION_ON;
}

/* CREATE SUBSCRIPTION, unless told not to make a slot. */
static bool
makes_slot(MgLex *lex)
{
    return read_option(*lex, "create_slot") != OPTION_OFF &&
           read_option(*lex, "connect") != OPTION_OFF;
}

/* ALTER SUBSCRIPTION ... PUBLICATION, unless told not to refresh. */
static bool
refreshes(MgLex *lex)
{
    return read_option(*lex, "refresh") != OPTION_OFF;
}

static bool
sets_failover(MgLex *lex)
{
    return read_option(*lex, "failover") != OPTION_ABSENT;
}

static bool
sets_two_phase(MgLex *lex)
{
    return read_option(*lex, "two_phase") != OPTION_ABSENT;
}

bool
mg_stmt_is_copy_data(MgLex *lex)
{
    while (find_word(lex, "FROM")) {
        /* The grammar takes both names here, and means the client's data by both. */
        if (take_word(lex, "STDIN|STDOUT"))
            return true;
    }
    return false;
}

/* ---- The table ---------------------------------------------------------- */

static const Kind kinds[] = {
    /* Transaction control. */
    { "BEGIN [WORK|TRANSACTION] $", .label = "BEGIN", .flags = QUIET,
      .transaction_control = MG_TX_BEGIN },
    { "BEGIN", .transaction_control = MG_TX_OTHER },
    { "START TRANSACTION $", .label = "START TRANSACTION", .flags = QUIET,
      .transaction_control = MG_TX_BEGIN },
    { "START TRANSACTION", .transaction_control = MG_TX_OTHER },
    { "COMMIT PREPARED", .refuses_since = ALWAYS },
    { "COMMIT [WORK|TRANSACTION] $", .label = "COMMIT", .flags = QUIET,
      .transaction_control = MG_TX_COMMIT },
    { "COMMIT [WORK|TRANSACTION] AND NO CHAIN $", .label = "COMMIT", .flags = QUIET,
      .transaction_control = MG_TX_COMMIT },
    { "COMMIT", .transaction_control = MG_TX_OTHER },
    { "END [WORK|TRANSACTION] $", .label = "END", .flags = QUIET,
      .transaction_control = MG_TX_COMMIT },
    { "END [WORK|TRANSACTION] AND NO CHAIN $", .label = "END", .flags = QUIET,
      .transaction_control = MG_TX_COMMIT },
    { "END", .transaction_control = MG_TX_OTHER },
    { "ROLLBACK PREPARED", .refuses_since = ALWAYS },
    { "ROLLBACK [WORK|TRANSACTION] TO", .label = "ROLLBACK TO SAVEPOINT" },
    { "ROLLBACK", .transaction_control = MG_TX_OTHER },
    { "ABORT", .transaction_control = MG_TX_OTHER },
    { "PREPARE TRANSACTION", .transaction_control = MG_TX_OTHER },
    { .words = "SAVEPOINT" },
    { "RELEASE", .label = "RELEASE SAVEPOINT" },
    { "SET [SESSION|LOCAL] TRANSACTION", .label = "SET TRANSACTION", .flags = SETS_TRANSACTION },
    { "SET [SESSION|LOCAL] transaction_isolation|transaction_deferrable",
      .label = "SET TRANSACTION", .flags = SETS_TRANSACTION },

    /* Rows. */
    { "INSERT", .applies = inserts_values },
    { "INSERT", .flags = SLOW },
    { "UPDATE", .flags = SLOW | DESTROYS, .applies = lacks_where },
    { "UPDATE", .flags = SLOW },
    { "DELETE", .flags = SLOW | DESTROYS, .applies = lacks_where },
    { "DELETE", .flags = SLOW },
    { "WITH", .flags = SLOW | DESTROYS, .applies = with_lacks_where },
    { "WITH", .flags = SLOW },
    { "COPY", .label = "COPY FROM STDIN", .flags = SLOW | READS_DATA,
      .applies = mg_stmt_is_copy_data },
    { "COPY", .flags = SLOW },
    { "SELECT", .flags = SLOW },
    { "VALUES", .flags = SLOW },
    { "TABLE", .flags = SLOW },
    { "MERGE", .flags = SLOW },
    { "TRUNCATE", .flags = DESTROYS },
    { "LOCK", .label = "LOCK TABLE", .flags = SLOW },
    { "DO", .flags = SLOW },
    { "CALL", .flags = SLOW },
    { "EXECUTE", .flags = SLOW },
    { "EXPLAIN", .flags = SLOW },

    /* Indexes and maintenance. */
    { "CREATE [UNIQUE] INDEX CONCURRENTLY", .label = "CREATE INDEX CONCURRENTLY",
      .flags = SLOW | BUILDS_INDEX, .refuses_since = ALWAYS },
    { "CREATE [UNIQUE] INDEX", .label = "CREATE INDEX", .flags = SLOW },
    { "DROP INDEX CONCURRENTLY", .flags = SLOW | QUIET, .refuses_since = ALWAYS },
    { "REINDEX () INDEX|TABLE|SCHEMA|DATABASE|SYSTEM CONCURRENTLY", .label = "REINDEX CONCURRENTLY",
      .flags = SLOW | BUILDS_INDEX, .refuses_since = ALWAYS },
    { "REINDEX", .label = "REINDEX CONCURRENTLY", .flags = SLOW | BUILDS_INDEX,
      .refuses_since = ALWAYS, .applies = is_concurrent },
    { "REINDEX () SCHEMA", .label = "REINDEX SCHEMA", .flags = SLOW, .refuses_since = ALWAYS },
    { "REINDEX () DATABASE", .label = "REINDEX DATABASE", .flags = SLOW, .refuses_since = ALWAYS },
    { "REINDEX () SYSTEM", .label = "REINDEX SYSTEM", .flags = SLOW, .refuses_since = ALWAYS },
    { "REINDEX", .flags = SLOW },
    { "VACUUM", .flags = SLOW, .refuses_since = ALWAYS },
    { "ANALYZE|ANALYSE", .label = "ANALYZE", .flags = SLOW },
    { "CLUSTER () [VERBOSE] $", .label = "CLUSTER", .flags = SLOW, .refuses_since = ALWAYS },
    { "CLUSTER", .flags = SLOW },
    { "REFRESH MATERIALIZED VIEW CONCURRENTLY", .flags = SLOW },
    { "REFRESH", .label = "REFRESH MATERIALIZED VIEW", .flags = SLOW },
    { "CHECKPOINT", .flags = SLOW },

    /* CREATE. */
    { "CREATE [UNLOGGED] TABLE ... AS", .label = "CREATE TABLE AS", .flags = SLOW },
    { "CREATE [UNLOGGED] TABLE ... FOR VALUES",
      .label = "CREATE TABLE" }, /* evaluates its bounds */
    { "CREATE [UNLOGGED] TABLE", .label = "CREATE TABLE", .flags = QUIET, .applies = is_permanent },
    { "CREATE [UNLOGGED] TABLE", .label = "CREATE TABLE" },
    { "CREATE [GLOBAL|LOCAL] TEMP|TEMPORARY TABLE ... AS", .label = "CREATE TEMP TABLE AS",
      .flags = SLOW },
    { "CREATE [GLOBAL|LOCAL] TEMP|TEMPORARY TABLE", .label = "CREATE TEMP TABLE" },
    { "CREATE TYPE", .flags = QUIET, .applies = is_permanent },
    { .words = "CREATE TYPE" },
    { "CREATE DOMAIN", .flags = QUIET, .applies = is_permanent },
    { .words = "CREATE DOMAIN" },
    { "CREATE [UNLOGGED] SEQUENCE", .label = "CREATE SEQUENCE", .flags = QUIET,
      .applies = is_permanent },
    { "CREATE [UNLOGGED] SEQUENCE", .label = "CREATE SEQUENCE" },
    { "CREATE MATERIALIZED VIEW", .flags = SLOW },
    { "CREATE [OR] [REPLACE] [RECURSIVE] VIEW", .label = "CREATE VIEW", .flags = QUIET,
      .applies = is_permanent },
    { "CREATE [OR] [REPLACE] [RECURSIVE] VIEW", .label = "CREATE VIEW" },
    { "CREATE [OR] [REPLACE] FUNCTION", .label = "CREATE FUNCTION", .flags = QUIET,
      .applies = is_plain_routine },
    { "CREATE [OR] [REPLACE] FUNCTION", .label = "CREATE FUNCTION" },
    { "CREATE [OR] [REPLACE] PROCEDURE", .label = "CREATE PROCEDURE", .flags = QUIET,
      .applies = is_plain_routine },
    { "CREATE [OR] [REPLACE] PROCEDURE", .label = "CREATE PROCEDURE" },
    { "CREATE [OR] [REPLACE] [CONSTRAINT] TRIGGER", .label = "CREATE TRIGGER", .flags = QUIET },
    { "CREATE SCHEMA ... CREATE", .label = "CREATE SCHEMA" },
    { "CREATE SCHEMA", .flags = QUIET },
    { "CREATE POLICY", .flags = QUIET },
    { "CREATE EXTENSION", .flags = SLOW },
    { .words = "CREATE ROLE" },
    { .words = "CREATE USER MAPPING" },
    { .words = "CREATE USER" },
    { "CREATE [OR] [REPLACE] RULE", .label = "CREATE RULE" },
    { "CREATE [OR] [REPLACE] AGGREGATE", .label = "CREATE AGGREGATE" },
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
    { "CREATE", .flags = SLOW },

    /* ALTER. */
    { "ALTER TABLE ... DETACH PARTITION ... CONCURRENTLY",
      .label = "ALTER TABLE DETACH PARTITION CONCURRENTLY", .flags = SLOW,
      .refuses_since = 140000 },
    { "ALTER TABLE", .flags = SLOW | DESTROYS, .applies = loses_column },
    { "ALTER TABLE", .flags = SLOW },
    { "ALTER TYPE ... DROP ATTRIBUTE", .label = "ALTER TYPE", .flags = QUIET | DESTROYS },
    { "ALTER TYPE", .flags = QUIET },
    { "ALTER SYSTEM", .refuses_since = ALWAYS },
    { "ALTER DATABASE ? SET TABLESPACE", .label = "ALTER DATABASE SET TABLESPACE", .flags = SLOW,
      .refuses_since = ALWAYS },
    { .words = "ALTER DATABASE" },
    { "ALTER SUBSCRIPTION ? REFRESH", .label = "ALTER SUBSCRIPTION REFRESH", .flags = SLOW,
      .refuses_since = ALWAYS },
    { "ALTER SUBSCRIPTION ? SET|ADD|DROP PUBLICATION", .label = "ALTER SUBSCRIPTION PUBLICATION",
      .flags = SLOW, .refuses_since = ALWAYS, .applies = refreshes },
    { "ALTER SUBSCRIPTION ? SET", .label = "ALTER SUBSCRIPTION", .flags = SLOW,
      .refuses_since = 170000, .applies = sets_failover },
    { "ALTER SUBSCRIPTION ? SET", .label = "ALTER SUBSCRIPTION", .flags = SLOW,
      .refuses_since = 180000, .applies = sets_two_phase },
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
    { "ALTER ROLE|USER", .label = "ALTER ROLE" },
    { .words = "ALTER SCHEMA" },
    { .words = "ALTER SEQUENCE" },
    { .words = "ALTER TRIGGER" },
    { .words = "ALTER VIEW" },
    { "ALTER", .flags = SLOW },

    /* DROP. */
    { "DROP TABLE", .flags = QUIET | DESTROYS },
    { "DROP SCHEMA", .flags = QUIET | DESTROYS },
    { "DROP SEQUENCE", .flags = QUIET | DESTROYS },
    { "DROP MATERIALIZED VIEW", .flags = QUIET | DESTROYS },
    { "DROP TYPE ... CASCADE", .label = "DROP TYPE", .flags = QUIET | DESTROYS },
    { "DROP TYPE", .flags = QUIET },
    { "DROP DOMAIN ... CASCADE", .label = "DROP DOMAIN", .flags = QUIET | DESTROYS },
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
    { "DROP EXTENSION", .flags = DESTROYS },
    { "DROP OWNED", .flags = DESTROYS },
    { "DROP DATABASE", .flags = SLOW | DESTROYS, .refuses_since = ALWAYS },
    { "DROP TABLESPACE", .flags = SLOW, .refuses_since = ALWAYS },
    { "DROP SUBSCRIPTION", .flags = SLOW, .refuses_since = ALWAYS },
    { "DROP ROLE|USER", .label = "DROP ROLE" },
    { .words = "DROP" },

    /* Rights, remarks and the session. */
    { "COMMENT", .flags = QUIET },
    { "GRANT", .flags = QUIET },
    { "REVOKE", .flags = QUIET },
    { "DISCARD ALL", .refuses_since = ALWAYS },
    { .words = "DISCARD" },
    { .words = "SET" },
    { .words = "RESET" },
    { .words = "SHOW" },
    { .words = "PREPARE" },
    { .words = "DEALLOCATE" },
    { .words = "DECLARE" },
    { "FETCH", .flags = SLOW },
    { "MOVE", .flags = SLOW },
    { .words = "CLOSE" },
    { .words = "LISTEN" },
    { .words = "UNLISTEN" },
    { .words = "NOTIFY" },
    { .words = "LOAD" },
    { "IMPORT", .label = "IMPORT FOREIGN SCHEMA", .flags = SLOW },
    { "REASSIGN", .label = "REASSIGN OWNED" },
    { "SECURITY", .label = "SECURITY LABEL" },
};

/* What the table does not know. */
static const Kind unknown = { "statement", .flags = SLOW };

static const Kind *
choose(const MgLex *start)
{
    MgLex lex = *start;
    MgToken first;
    if (!next(&lex, &first))
        return &unknown;
    char letter = lex.text[first.span.begin];
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (((letter ^ kinds[i].words[0]) & ~0x20) != 0)
            continue; /* most rows, without reading the text again */
        lex = *start;
        lex.at = first.span.begin;
        if (matches(&lex, kinds[i].words) && (kinds[i].applies == NULL || kinds[i].applies(&lex)))
            return &kinds[i];
    }
    return &unknown;
}

void
mg_stmt_classify(const char *text, size_t size_bytes, int server_version, MgStmt *ret)
{
    MgLex lex = { .text = text, .size_bytes = size_bytes, .is_whole = true };
    const Kind *kind = choose(&lex);
    *ret = (MgStmt){
        .label = kind->label != NULL ? kind->label : kind->words,
        .transaction_control = kind->transaction_control,
        .refuses_transaction = kind->refuses_since != 0 &&
                               (server_version == 0 || server_version >= kind->refuses_since),
        .builds_index = (kind->flags & BUILDS_INDEX) != 0,
        .is_copy_data = (kind->flags & READS_DATA) != 0,
        .is_set_transaction = (kind->flags & SETS_TRANSACTION) != 0,
        .can_touch_session = (kind->flags & QUIET) == 0,
        .is_destructive = (kind->flags & DESTROYS) != 0,
        .can_be_slow = (kind->flags & SLOW) != 0,
    };
}
