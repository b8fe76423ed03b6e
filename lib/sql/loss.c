/*
 * What a script takes away, told from its words.  A table of word patterns, and
 * for each kind of row a function that reads the names behind them.
 *
 * Names are kept as hashes of their kind and parts, as the server folds them.
 * "s.t" and "t" are two names here, since which schema "t" is in depends on a
 * setting.
 */
#include "sql/loss.h"

/* What a name is of: names of two kinds never meet. */
typedef enum Kind {
    RELATION = 'r', /* types too: the server keeps their names apart from tables' by force */
    ROUTINE = 'f',
    SCHEMA = 's',
    DATABASE = 'd',
    EXTENSION = 'e',
    COLUMN = 'c',
    OTHER = 'o',
} Kind;

struct Row;

/* A statement on its way. */
typedef struct Reading {
    MgLosses *losses;
    MgArena *arena;
    const struct Row *row;
    MgCursor cursor;
    int number;
} Reading;

typedef struct Row {
    const char *words; /* see mg_cursor_matches */
    const char *label;
    void (*take)(Reading *reading);
    Kind kind;
    bool is_kept;            /* goes without data: what makes the name again makes up for it */
    const char *column_word; /* "COLUMN" or "ATTRIBUTE" of what has such, or NULL */
} Row;

/* ---- Names --------------------------------------------------------------- */

/* FNV-1a: a few words for each name, and nobody gains by a collision. */
static uint64_t
hash_byte(uint64_t hash, unsigned char byte)
{
    return (hash ^ byte) * UINT64_C(0x100000001b3);
}

static uint64_t
hash_begin(Kind kind)
{
    return hash_byte(UINT64_C(0xcbf29ce484222325), (unsigned char)kind);
}

/* One part of a name: folded when it is not quoted; a doubled quote is one. */
static uint64_t
hash_part(uint64_t hash, const MgCursor *cursor, const MgToken *token)
{
    const char *text = cursor->text;
    bool is_quoted = token->kind == MG_TOKEN_QUOTED_WORD;
    size_t end = token->span.end - (is_quoted ? 1 : 0);
    for (size_t at = token->span.begin + (is_quoted ? 1 : 0); at < end; at++) {
        char byte = text[at];
        if (!is_quoted && byte >= 'A' && byte <= 'Z')
            byte = (char)(byte | 0x20);
        hash = hash_byte(hash, (unsigned char)byte);
        at += is_quoted && byte == '"';
    }
    return hash_byte(hash, 0);
}

/* The next token if it is this one character. */
static bool
take_mark(MgCursor *cursor, char mark)
{
    MgCursor ahead = *cursor;
    MgToken token;
    if (!mg_cursor_next(&ahead, &token) || token.span.end - token.span.begin != 1 ||
        ahead.text[token.span.begin] != mark)
        return false;
    *cursor = ahead;
    return true;
}

/*
 * Read a name of one or more parts.  Its hash is 0 when nobody can tell what
 * it says: U&"..." may spell anything.  False: no name stands here.
 */
static bool
read_name(MgCursor *cursor, Kind kind, uint64_t *ret)
{
    uint64_t hash = hash_begin(kind);
    bool is_known = true;
    do {
        MgToken token;
        if (!mg_cursor_next(cursor, &token) ||
            (token.kind != MG_TOKEN_WORD && token.kind != MG_TOKEN_QUOTED_WORD))
            return false;
        is_known =
            is_known && (token.kind == MG_TOKEN_WORD || cursor->text[token.span.begin] == '"');
        hash = hash_part(hash, cursor, &token);
    } while (take_mark(cursor, '.'));
    *ret = is_known ? hash : 0;
    return true;
}

/* A column's name, in its table's. */
static bool
read_column(MgCursor *cursor, uint64_t table, uint64_t *ret)
{
    uint64_t name;
    if (!read_name(cursor, COLUMN, &name))
        return false;
    *ret = table == 0 || name == 0 ? 0 : (name ^ table) * UINT64_C(0x100000001b3) | 1;
    return true;
}

/* ---- Losses -------------------------------------------------------------- */

static bool
is_made(const MgLosses *losses, uint64_t name)
{
    for (size_t i = 0; i < losses->made.n; i++) {
        if (losses->made.items[i] == name)
            return name != 0;
    }
    return false;
}

/* Whatever had this name before, something has it again. */
static void
make_up(MgLosses *losses, uint64_t name)
{
    size_t n = 0;
    if (name == 0 || losses->is_full)
        return;
    for (size_t i = 0; i < losses->n; i++) {
        if (losses->items[i].name != name)
            losses->items[n++] = losses->items[i];
    }
    losses->n = n;
}

/* The script has made the name itself. */
static void
add_made(Reading *reading, uint64_t name)
{
    if (name != 0 && reading->losses->made.n < MG_LOSSES_MAX_MADE)
        MG_PUSH(reading->arena, &reading->losses->made, name);
}

static void
lose(Reading *reading, const char *label, uint64_t name)
{
    MgLoss loss = { .label = label, .number = reading->number, .name = name };
    reading->losses->is_full = reading->losses->n == MG_LOSSES_MAX;
    if (!reading->losses->is_full)
        MG_PUSH(reading->arena, reading->losses, loss);
}

/* ---- CREATE, DROP, TRUNCATE, DELETE ---------------------------------------- */

static void
take_create(Reading *reading)
{
    MgCursor *cursor = &reading->cursor;
    bool is_new = !reading->row->is_kept;
    uint64_t name;
    if (mg_cursor_take(cursor, "IF"))
        is_new = !mg_cursor_matches(cursor, "NOT EXISTS");
    if (!read_name(cursor, reading->row->kind, &name))
        return;
    make_up(reading->losses, name);
    if (is_new)
        add_made(reading, name);
}

static bool
has_cascade(MgCursor cursor)
{
    return mg_cursor_find(&cursor, "CASCADE");
}

static void
take_if_exists(MgCursor *cursor)
{
    MgCursor ahead = *cursor;
    if (mg_cursor_matches(&ahead, "IF EXISTS"))
        *cursor = ahead;
}

static void
take_drop(Reading *reading)
{
    MgCursor *cursor = &reading->cursor;
    bool is_kept = reading->row->is_kept && !has_cascade(*cursor);
    uint64_t name;
    take_if_exists(cursor);
    do {
        if (!read_name(cursor, reading->row->kind, &name))
            return;
        if (take_mark(cursor, '('))
            mg_cursor_skip_list(cursor);
        if (!is_made(reading->losses, name))
            lose(reading, reading->row->label, is_kept ? name : 0);
    } while (take_mark(cursor, ','));
}

/* Of what holds no data and has no name in programs: unless others go with it. */
static void
take_drop_other(Reading *reading)
{
    if (has_cascade(reading->cursor))
        lose(reading, reading->row->label, 0);
}

static void
take_any(Reading *reading)
{
    lose(reading, reading->row->label, 0);
}

static void
take_truncate(Reading *reading)
{
    MgCursor *cursor = &reading->cursor;
    bool is_loss = has_cascade(*cursor);
    uint64_t name;
    do {
        (void)mg_cursor_take(cursor, "ONLY");
        if (!read_name(cursor, RELATION, &name))
            return;
        (void)take_mark(cursor, '*');
        is_loss = is_loss || !is_made(reading->losses, name);
    } while (take_mark(cursor, ','));
    if (is_loss)
        lose(reading, reading->row->label, 0);
}

/* Behind DELETE FROM: every row goes unless WHERE says which. */
static bool
deletes_all(Reading *reading, MgCursor cursor)
{
    uint64_t name;
    (void)mg_cursor_take(&cursor, "ONLY");
    return read_name(&cursor, RELATION, &name) && !is_made(reading->losses, name) &&
           !mg_cursor_find(&cursor, "WHERE");
}

static void
take_delete(Reading *reading)
{
    if (deletes_all(reading, reading->cursor))
        lose(reading, reading->row->label, 0);
}

/* A DELETE of its own, or in a list: WITH gone AS (DELETE FROM t RETURNING *) ... */
static void
take_with(Reading *reading)
{
    MgCursor cursor = reading->cursor;
    MgToken token;
    while (mg_cursor_next(&cursor, &token)) {
        if (mg_cursor_is(&cursor, &token, "DELETE") && mg_cursor_take(&cursor, "FROM") &&
            deletes_all(reading, cursor)) {
            lose(reading, reading->row->label, 0);
            return;
        }
    }
}

/* ---- ALTER ----------------------------------------------------------------- */

/* Move behind the comma that ends an action; false at the statement's end. */
static bool
skip_action(MgCursor *cursor)
{
    MgToken token;
    while (mg_cursor_next(cursor, &token)) {
        if (token.kind == MG_TOKEN_OPEN)
            mg_cursor_skip_list(cursor);
        else if (cursor->text[token.span.begin] == ',')
            return true;
    }
    return false;
}

/*
 * old is called something else now.  Of what the script made itself, and of what
 * holds no data, the new name may be dropped later.
 */
static void
rename_to(Reading *reading, const char *label, uint64_t old, uint64_t new, bool has_data)
{
    bool was_made = is_made(reading->losses, old);
    make_up(reading->losses, new);
    if (!was_made)
        lose(reading, label, old);
    if (was_made || !has_data)
        add_made(reading, new);
}

/* Behind RENAME: of a column, an attribute, or a value of an enum. */
static void
take_rename_part(Reading *reading, MgCursor *cursor, uint64_t object)
{
    uint64_t old, new;
    MgCursor ahead = *cursor;
    MgToken token;
    if (mg_cursor_take(&ahead, "VALUE") && mg_cursor_next(&ahead, &token) &&
        token.kind == MG_TOKEN_STRING) {
        lose(reading, "RENAME VALUE", 0);
        return;
    }
    (void)mg_cursor_take(cursor, reading->row->column_word);
    if (read_column(cursor, object, &old) && mg_cursor_take(cursor, "TO") &&
        read_column(cursor, object, &new))
        rename_to(reading, "RENAME COLUMN", old, new, true);
}

static void
take_rename(Reading *reading, MgCursor *cursor, uint64_t object)
{
    const Row *row = reading->row;
    uint64_t new;
    if (mg_cursor_take(cursor, "TO")) {
        if (read_name(cursor, row->kind, &new))
            rename_to(reading, row->label, object, new, !row->is_kept);
    } else if (row->column_word != NULL && !is_made(reading->losses, object) &&
               !mg_cursor_take(cursor, "CONSTRAINT")) {
        take_rename_part(reading, cursor, object);
    }
}

static void
take_add(Reading *reading, MgCursor *cursor, uint64_t object)
{
    uint64_t column;
    MgCursor ahead = *cursor;
    (void)mg_cursor_take(&ahead, reading->row->column_word);
    if (mg_cursor_matches(&ahead, "IF NOT EXISTS"))
        return;
    (void)mg_cursor_take(cursor, reading->row->column_word);
    if (!read_column(cursor, object, &column))
        return;
    make_up(reading->losses, column);
    add_made(reading, column);
}

static void
take_drop_column(Reading *reading, MgCursor *cursor, uint64_t object)
{
    uint64_t column;
    if (mg_cursor_take(cursor, "CONSTRAINT"))
        return;
    (void)mg_cursor_take(cursor, reading->row->column_word);
    take_if_exists(cursor);
    if (read_column(cursor, object, &column) && !is_made(reading->losses, object) &&
        !is_made(reading->losses, column))
        lose(reading, "DROP COLUMN", 0);
}

/* One action behind the object's name. */
static void
take_action(Reading *reading, MgCursor *cursor, uint64_t object)
{
    bool has_columns = reading->row->column_word != NULL;
    if (mg_cursor_take(cursor, "RENAME"))
        take_rename(reading, cursor, object);
    else if (has_columns && mg_cursor_take(cursor, "ADD"))
        take_add(reading, cursor, object);
    else if (has_columns && mg_cursor_take(cursor, "DROP"))
        take_drop_column(reading, cursor, object);
    else if (mg_cursor_matches(cursor, "SET SCHEMA") && !is_made(reading->losses, object))
        lose(reading, "SET SCHEMA", object);
}

static void
take_alter(Reading *reading)
{
    MgCursor *cursor = &reading->cursor;
    uint64_t object;
    take_if_exists(cursor);
    (void)mg_cursor_take(cursor, "ONLY");
    if (!read_name(cursor, reading->row->kind, &object))
        return;
    if (take_mark(cursor, '('))
        mg_cursor_skip_list(cursor);
    (void)take_mark(cursor, '*');
    do {
        MgCursor action = *cursor;
        take_action(reading, &action, object);
    } while (skip_action(cursor));
}

/* ---- The table --------------------------------------------------------------- */

/* Words behind the first; the first row that fits counts. */

/* What most files hold comes first, without brackets.  Kept = perhaps it stood there before. */
static const Row creates[] = {
    { "TABLE", .take = take_create, .kind = RELATION },
    { "INDEX", .kind = OTHER },
    { "UNIQUE INDEX", .kind = OTHER },
    { "TYPE", .take = take_create, .kind = RELATION },
    { "VIEW", .take = take_create, .kind = RELATION },
    { "FUNCTION", .take = take_create, .kind = ROUTINE },
    { "OR REPLACE {FUNCTION|PROCEDURE|AGGREGATE}", .take = take_create, .kind = ROUTINE,
      .is_kept = true },
    { "OR REPLACE [TEMP|TEMPORARY] [RECURSIVE] VIEW", .take = take_create, .kind = RELATION,
      .is_kept = true },
    { "SCHEMA", .take = take_create, .kind = SCHEMA },
    { "EXTENSION", .take = take_create, .kind = EXTENSION },
    { "DOMAIN", .take = take_create, .kind = RELATION },
    { "MATERIALIZED VIEW", .take = take_create, .kind = RELATION },
    { "{PROCEDURE|AGGREGATE}", .take = take_create, .kind = ROUTINE },
    { "[TEMP|TEMPORARY|UNLOGGED] SEQUENCE", .take = take_create, .kind = RELATION },
    { "[GLOBAL|LOCAL] [TEMP|TEMPORARY|UNLOGGED|FOREIGN] TABLE", .take = take_create,
      .kind = RELATION },
    { "[TEMP|TEMPORARY] [RECURSIVE] VIEW", .take = take_create, .kind = RELATION },
};

static const Row drops[] = {
    { "[FOREIGN] TABLE", .label = "DROP TABLE", .take = take_drop, .kind = RELATION },
    { "SEQUENCE", .label = "DROP SEQUENCE", .take = take_drop, .kind = RELATION },
    { "SCHEMA", .label = "DROP SCHEMA", .take = take_drop, .kind = SCHEMA },
    { "DATABASE", .label = "DROP DATABASE", .take = take_drop, .kind = DATABASE },
    { "EXTENSION", .label = "DROP EXTENSION", .take = take_drop, .kind = EXTENSION },
    { "OWNED", .label = "DROP OWNED", .take = take_any, .kind = OTHER },
    { "VIEW", .label = "DROP VIEW", .take = take_drop, .kind = RELATION, .is_kept = true },
    { "MATERIALIZED VIEW", .label = "DROP MATERIALIZED VIEW", .take = take_drop, .kind = RELATION,
      .is_kept = true },
    { "TYPE", .label = "DROP TYPE", .take = take_drop, .kind = RELATION, .is_kept = true },
    { "DOMAIN", .label = "DROP DOMAIN", .take = take_drop, .kind = RELATION, .is_kept = true },
    { "FUNCTION", .label = "DROP FUNCTION", .take = take_drop, .kind = ROUTINE, .is_kept = true },
    { "PROCEDURE", .label = "DROP PROCEDURE", .take = take_drop, .kind = ROUTINE, .is_kept = true },
    { "ROUTINE", .label = "DROP ROUTINE", .take = take_drop, .kind = ROUTINE, .is_kept = true },
    { "AGGREGATE", .label = "DROP AGGREGATE", .take = take_drop, .kind = ROUTINE, .is_kept = true },
    { "{INDEX|TRIGGER|POLICY|RULE|EVENT}", .kind = OTHER },
    { "", .label = "DROP ... CASCADE", .take = take_drop_other, .kind = OTHER },
};

static const Row truncates[] = {
    { "[TABLE]", .label = "TRUNCATE", .take = take_truncate, .kind = RELATION },
};

static const Row deletes[] = {
    { "FROM", .label = "DELETE without WHERE", .take = take_delete, .kind = RELATION },
};

static const Row withs[] = {
    { "", .label = "DELETE without WHERE", .take = take_with, .kind = RELATION },
};

static const Row alters[] = {
    { "[FOREIGN] TABLE", .label = "ALTER TABLE RENAME", .take = take_alter, .kind = RELATION,
      .column_word = "COLUMN" },
    { "SEQUENCE", .label = "ALTER SEQUENCE RENAME", .take = take_alter, .kind = RELATION },
    { "VIEW", .label = "ALTER VIEW RENAME", .take = take_alter, .kind = RELATION, .is_kept = true,
      .column_word = "COLUMN" },
    { "MATERIALIZED VIEW", .label = "ALTER MATERIALIZED VIEW RENAME", .take = take_alter,
      .kind = RELATION, .is_kept = true, .column_word = "COLUMN" },
    { "TYPE", .label = "ALTER TYPE RENAME", .take = take_alter, .kind = RELATION, .is_kept = true,
      .column_word = "ATTRIBUTE" },
    { "DOMAIN", .label = "ALTER DOMAIN RENAME", .take = take_alter, .kind = RELATION,
      .is_kept = true },
    { "{FUNCTION|PROCEDURE|ROUTINE|AGGREGATE}", .label = "ALTER FUNCTION RENAME",
      .take = take_alter, .kind = ROUTINE, .is_kept = true },
    { "SCHEMA", .label = "ALTER SCHEMA RENAME", .take = take_alter, .kind = SCHEMA },
    { "DATABASE", .label = "ALTER DATABASE RENAME", .take = take_alter, .kind = DATABASE },
    { "EXTENSION", .label = "ALTER EXTENSION", .take = take_alter, .kind = EXTENSION },
};

typedef struct Verb {
    const char *word;
    const Row *rows;
    size_t n_rows;
} Verb;

#define ROWS(rows) (rows), sizeof(rows) / sizeof *(rows)

static const Verb verbs[] = {
    { "CREATE", ROWS(creates) },     { "DROP", ROWS(drops) },     { "ALTER", ROWS(alters) },
    { "TRUNCATE", ROWS(truncates) }, { "DELETE", ROWS(deletes) }, { "WITH", ROWS(withs) },
};

/* The row that fits; then cursor is behind its words. */
static const Row *
choose(MgCursor *cursor)
{
    const Verb *verb = verbs;
    const Verb *end = verbs + sizeof verbs / sizeof verbs[0];
    const MgToken *first = mg_cursor_look(cursor);
    while (first != NULL && verb < end && !mg_cursor_is(cursor, first, verb->word))
        verb++;
    if (first == NULL || verb == end)
        return NULL;
    mg_cursor_pass(cursor, first);
    char letter = mg_cursor_letter(cursor);
    for (size_t i = 0; i < verb->n_rows; i++) {
        const Row *row = &verb->rows[i];
        MgCursor behind = *cursor;
        if (mg_pattern_begins(row->words, letter) && mg_cursor_matches(&behind, row->words)) {
            *cursor = behind;
            return row;
        }
    }
    return NULL;
}

size_t
mg_losses_take(MgLosses *losses, MgStmtHead *head, int number, MgArena *arena)
{
    MgCursor cursor = mg_cursor_begin(head);
    const Row *row = choose(&cursor);
    if (row == NULL || row->take == NULL)
        return 0;
    Reading reading = { losses, arena, row, cursor, number };
    row->take(&reading);
    size_t n = 0;
    while (n < losses->n && losses->items[losses->n - 1 - n].number == number)
        n++;
    return n;
}
