/* Indexes that are built concurrently: parse, look, drop. */
#include "pg/index.h"

#include <string.h>

#include "base/text.h"
#include "sql/catalog.h"
#include "sql/lex.h"

enum {
    MAX_NAME_BYTES = 63,
};

static bool
next_is(MgLex *lex, MgToken *token, const char *word)
{
    return mg_lex_next_word(lex, token) == MG_LEX_TOKEN && mg_token_is(lex, token, word);
}

/* The server cuts identifiers at a character of at most 63 bytes. */
static const char *
cut_name(char *name, size_t size_bytes)
{
    name[mg_text_cut(name, size_bytes, MAX_NAME_BYTES)] = '\0';
    return name;
}

/* An identifier as the catalog has it: folded, or without its quotes. */
static const char *
catalog_name(const MgLex *lex, const MgToken *token, MgArena *arena)
{
    size_t n = token->span.end - token->span.begin;
    char *name = mg_arena_text_n(arena, lex->text + token->span.begin, n);
    if (token->kind == MG_TOKEN_WORD) {
        for (char *at = name; *at != '\0'; at++)
            if (*at >= 'A' && *at <= 'Z')
                *at = (char)(*at - 'A' + 'a');
        return cut_name(name, n);
    }
    char *to = name;
    for (size_t i = 1; i + 1 < n; i++) {
        *to++ = name[i];
        if (name[i] == '"')
            i++; /* "" is one quote */
    }
    *to = '\0';
    return cut_name(name, (size_t)(to - name));
}

/* "schema"."table" as written, from its first token to its last. */
static const char *
table_text(MgLex *lex, MgToken *token, MgArena *arena)
{
    size_t begin = token->span.begin, end = token->span.end;
    while (mg_lex_next_word(lex, token) == MG_LEX_TOKEN && token->kind == MG_TOKEN_OTHER &&
           lex->text[token->span.begin] == '.' && mg_lex_next_word(lex, token) == MG_LEX_TOKEN)
        end = token->span.end;
    return mg_arena_text_n(arena, lex->text + begin, end - begin);
}

bool
mg_index_build_parse(const char *sql, size_t size_bytes, MgArena *arena, MgIndexBuild *ret)
{
    MgLex lex = { .text = sql, .size_bytes = size_bytes, .is_whole = true };
    MgToken token = { 0 };
    MgIndexBuild build = { 0 };

    if (!next_is(&lex, &token, "create") || mg_lex_next_word(&lex, &token) != MG_LEX_TOKEN)
        return false;
    if (mg_token_is(&lex, &token, "unique") && mg_lex_next_word(&lex, &token) != MG_LEX_TOKEN)
        return false;
    if (!mg_token_is(&lex, &token, "index") || !next_is(&lex, &token, "concurrently") ||
        mg_lex_next_word(&lex, &token) != MG_LEX_TOKEN)
        return false;
    if (mg_token_is(&lex, &token, "if") &&
        (!next_is(&lex, &token, "not") || !next_is(&lex, &token, "exists") ||
         mg_lex_next_word(&lex, &token) != MG_LEX_TOKEN))
        return false;
    if (!mg_token_is(&lex, &token, "on")) {
        /* U&"..." is left to the server: as if it had no name. */
        bool is_escaped = token.kind == MG_TOKEN_QUOTED_WORD && sql[token.span.begin] != '"';
        build.name = is_escaped ? NULL : catalog_name(&lex, &token, arena);
        if (!next_is(&lex, &token, "on"))
            return false;
    }
    if (mg_lex_next_word(&lex, &token) != MG_LEX_TOKEN)
        return false;
    if (mg_token_is(&lex, &token, "only") && mg_lex_next_word(&lex, &token) != MG_LEX_TOKEN)
        return false;
    build.table = table_text(&lex, &token, arena);
    *ret = build;
    return true;
}

typedef struct MgLook {
    MgArena *arena;
    MgIndexState state;
    const char *name;
} MgLook;

static bool
on_look(void *payload, const MgTag *tag, const MgResult *result, MgError *err)
{
    MgLook *look = payload;
    (void)tag;
    if (mg_result_is_error(result))
        return mg_result_fail(result, MG_E_SERVER, err);
    if (mg_result_n_rows(result) == 0)
        return true;
    look->state = mg_result_bool(result, 0, 0) ? MG_INDEX_VALID : MG_INDEX_INVALID;
    look->name = mg_arena_text(look->arena, mg_result_text(result, 0, 1));
    return true;
}

/* The index of a build: the newest of the table's when the build does not name it. */
#define LOOK                                                                                       \
    "SELECT i.indisvalid, pg_catalog.format('%I.%I', n.nspname, c.relname) AS name"                \
    " FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid " MG_EQ " i.indexrelid"       \
    " JOIN pg_catalog.pg_namespace n ON n.oid " MG_EQ " c.relnamespace"                            \
    " WHERE i.indrelid " MG_EQ " pg_catalog.to_regclass($1::pg_catalog.text)::pg_catalog.oid"      \
    " AND ($2::pg_catalog.text IS NULL OR c.relname " MG_EQ " $2::pg_catalog.text)"                \
    " AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index p"                      \
    " WHERE p.index_relid " MG_EQ " c.oid) ORDER BY c.oid DESC LIMIT 1"

bool
mg_index_look(MgConn *conn, const MgIndexBuild *build, MgArena *arena, MgIndexState *ret,
              const char **ret_name, MgError *err)
{
    const char *params[] = { build->table, build->name };
    MgOp op = { .kind = MG_OP_QUERY, .sql = LOOK, .params = params, .n_params = 2 };
    MgLook look = { .arena = arena, .state = MG_INDEX_ABSENT };

    if (!mg_conn_run_ops(conn, &op, 1, on_look, &look, err))
        return false;
    *ret = look.state;
    *ret_name = look.name;
    return true;
}

/* The name stands between them in the server's words, in whatever language those are. */
#define NAME_BEGIN "index: "
#define NAME_END " :index"

void
mg_index_check_op(const MgIndexBuild *build, MgArena *arena, MgOp *ret)
{
    const char **params = mg_arena_alloc_array(arena, 2, sizeof *params);
    params[0] = build->table;
    params[1] = build->name;
    *ret =
        (MgOp){ .kind = MG_OP_QUERY,
                .sql = "SELECT CASE WHEN l.indisvalid THEN 1 ELSE ('" NAME_BEGIN "' " MG_CAT
                       " l.name " MG_CAT " '" NAME_END "')::pg_catalog.int4 END FROM (" LOOK ") l",
                .params = params,
                .n_params = 2 };
}

const char *
mg_index_checked_name(const MgError *err, MgArena *arena)
{
    const char *begin = strstr(err->message, NAME_BEGIN), *end = NULL;
    if (begin == NULL)
        return NULL;
    begin += sizeof NAME_BEGIN - 1;
    for (const char *at = begin; (at = strstr(at, NAME_END)) != NULL; at++)
        end = at;
    return end == NULL ? NULL : mg_arena_text_n(arena, begin, (size_t)(end - begin));
}

/* ---- REINDEX -------------------------------------------------------------------- */

bool
mg_reindex_parse(const char *sql, size_t size_bytes, MgArena *arena, MgReindex *ret)
{
    static const char *const kinds[] = { "index", "table", "schema", "database", "system" };
    MgLex lex = { .text = sql, .size_bytes = size_bytes, .is_whole = true };
    MgToken token = { 0 };
    MgReindex reindex = { 0 };

    if (!next_is(&lex, &token, "reindex") || mg_lex_next_word(&lex, &token) != MG_LEX_TOKEN)
        return false;
    while (token.kind == MG_TOKEN_OPEN) {
        while (token.kind != MG_TOKEN_CLOSE)
            if (mg_lex_next_word(&lex, &token) != MG_LEX_TOKEN)
                return false;
        if (mg_lex_next_word(&lex, &token) != MG_LEX_TOKEN)
            return false;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (mg_token_is(&lex, &token, kinds[i]))
            reindex.kind = kinds[i];
    if (reindex.kind == NULL)
        return false;
    MgLexResult result = mg_lex_next_word(&lex, &token);
    if (result == MG_LEX_TOKEN && mg_token_is(&lex, &token, "concurrently"))
        result = mg_lex_next_word(&lex, &token);
    if (result == MG_LEX_TOKEN)
        reindex.name = table_text(&lex, &token, arena);
    *ret = reindex;
    return true;
}

typedef struct MgLeft {
    MgArena *arena;
    MgNames names;
} MgLeft;

static bool
on_leftovers(void *payload, const MgTag *tag, const MgResult *result, MgError *err)
{
    MgLeft *left = payload;
    (void)tag;
    if (mg_result_is_error(result))
        return mg_result_fail(result, MG_E_SERVER, err);
    for (int row = 0; row < mg_result_n_rows(result); row++)
        MG_PUSH(left->arena, &left->names,
                mg_arena_text(left->arena, mg_result_text(result, row, 0)));
    return true;
}

bool
mg_reindex_leftovers(MgConn *conn, const MgReindex *reindex, MgArena *arena, MgNames *ret,
                     MgError *err)
{
    /* Indexes of TOAST tables are left alone: not everybody may drop them. */
    static const char sql[] =
        "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)"
        " FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid " MG_EQ " i.indexrelid"
        " JOIN pg_catalog.pg_namespace n ON n.oid " MG_EQ " c.relnamespace,"
        " LATERAL (SELECT CASE WHEN $1::pg_catalog.text " MG_EQ
        " 'table' THEN pg_catalog.to_regclass($2::pg_catalog.text)::pg_catalog.oid"
        " WHEN $1::pg_catalog.text " MG_EQ
        " 'index' THEN (SELECT x.indrelid FROM pg_catalog.pg_index x"
        " WHERE x.indexrelid " MG_EQ " pg_catalog.to_regclass($2::pg_catalog.text)::pg_catalog.oid)"
        " END::pg_catalog.oid AS oid) t"
        " WHERE NOT i.indisvalid AND c.relkind " MG_EQ
        " 'i' AND c.relname::pg_catalog.text " MG_MATCHES " '_cc(new|old)[0-9]*$'"
        " AND n.nspname " MG_NE " 'pg_toast' AND CASE WHEN $1::pg_catalog.text " MG_EQ_ANY
        "('{table,index}') THEN"
        " i.indrelid " MG_EQ " t.oid OR i.indrelid " MG_EQ_ANY
        "(SELECT p.relid::pg_catalog.oid FROM"
        " pg_catalog.pg_partition_tree(t.oid::pg_catalog.regclass) p)"
        " WHEN $1::pg_catalog.text " MG_EQ " 'schema' THEN n.oid " MG_EQ
        " pg_catalog.to_regnamespace($2::pg_catalog.text)::pg_catalog.oid"
        " ELSE true END"
        " AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index p"
        " WHERE p.index_relid " MG_EQ " c.oid OR p.relid " MG_EQ " i.indrelid) ORDER BY 1";
    const char *params[] = { reindex->kind, reindex->name };
    MgOp op = { .kind = MG_OP_QUERY, .sql = sql, .params = params, .n_params = 2 };
    MgLeft left = { .arena = arena };

    if (!mg_conn_run_ops(conn, &op, 1, on_leftovers, &left, err))
        return false;
    *ret = left.names;
    return true;
}

/* ---- DROP INDEX ------------------------------------------------------------------- */

const char *
mg_index_drop_parse(const char *sql, size_t size_bytes, MgArena *arena)
{
    MgLex lex = { .text = sql, .size_bytes = size_bytes, .is_whole = true };
    MgToken token = { 0 };
    if (!next_is(&lex, &token, "drop") || !next_is(&lex, &token, "index") ||
        !next_is(&lex, &token, "concurrently") || mg_lex_next_word(&lex, &token) != MG_LEX_TOKEN)
        return NULL;
    if (mg_token_is(&lex, &token, "if") &&
        (!next_is(&lex, &token, "exists") || mg_lex_next_word(&lex, &token) != MG_LEX_TOKEN))
        return NULL;
    return table_text(&lex, &token, arena);
}

static bool
on_is_there(void *payload, const MgTag *tag, const MgResult *result, MgError *err)
{
    bool *is_there = payload;
    (void)tag;
    if (mg_result_is_error(result))
        return mg_result_fail(result, MG_E_SERVER, err);
    *is_there = mg_result_bool(result, 0, 0);
    return true;
}

bool
mg_index_is_there(MgConn *conn, const char *name, bool *ret, MgError *err)
{
    const char *params[] = { name };
    MgOp op = { .kind = MG_OP_QUERY,
                .sql = "SELECT pg_catalog.to_regclass($1::pg_catalog.text) IS NOT NULL",
                .params = params,
                .n_params = 1 };
    return mg_conn_run_ops(conn, &op, 1, on_is_there, ret, err);
}

bool
mg_index_drop(MgConn *conn, const char *name, MgArena *arena, MgError *err)
{
    /* Each Sync ends a transaction: the DROP must stand alone, and is done only behind its own. */
    const MgOp ops[] = {
        { .kind = MG_OP_QUERY,
          .sql = "SELECT pg_catalog.set_config('migrate.lock_timeout',"
                 " pg_catalog.current_setting('lock_timeout'), false),"
                 " pg_catalog.set_config('lock_timeout', '0', false)" },
        { .kind = MG_OP_SYNC },
        { .kind = MG_OP_QUERY,
          .sql = mg_arena_format(arena, "DROP INDEX CONCURRENTLY IF EXISTS %s", name) },
        { .kind = MG_OP_SYNC },
        { .kind = MG_OP_QUERY,
          .sql = "SELECT pg_catalog.set_config('lock_timeout',"
                 " pg_catalog.current_setting('migrate.lock_timeout'), false)" },
    };
    return mg_conn_run_ops(conn, ops, sizeof ops / sizeof *ops, NULL, NULL, err);
}
