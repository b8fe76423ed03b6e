/* The history table itself: its columns, who may use it, older layouts, and its claims. */
#include "pg/history.h"

#include <assert.h>

#include "base/text.h"
#include "sql/catalog.h"
#include "sql/quote.h"

/* No CHECK: the server makes it ready for every row, and two cost a fortieth of a tiny migration.
 * What they would keep out is refused when it is read. */
static const char table_columns[] =
    "id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " version pg_catalog.text,"
    " name pg_catalog.text NOT NULL,"
    " kind pg_catalog.text NOT NULL,"
    " up_digest pg_catalog.text,"
    " token_digest pg_catalog.text,"
    " down_script pg_catalog.text,"
    " down_digest pg_catalog.text,"
    " statements integer NOT NULL DEFAULT 0,"
    " statements_started integer NOT NULL DEFAULT 0,"
    " statements_done integer NOT NULL DEFAULT 0,"
    " prefix_digest pg_catalog.text,"
    " applied_at pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),"
    " duration interval NOT NULL DEFAULT '0',"
    " applied_by pg_catalog.text NOT NULL,"
    " git_commit pg_catalog.text,"
    " run_url pg_catalog.text,"
    " environment pg_catalog.text,"
    " tool_version pg_catalog.text NOT NULL,"
    " reverted_at pg_catalog.timestamptz,"
    " reverted_by pg_catalog.text,"
    " down_statements integer NOT NULL DEFAULT 0,"
    " down_started integer NOT NULL DEFAULT 0,"
    " down_done integer NOT NULL DEFAULT 0,"
    " down_prefix_digest pg_catalog.text";

/* Default privileges or an event trigger may have granted others the table and its sequence. */
static const char revoke_body[] =
    "DECLARE g record; BEGIN FOR g IN"
    " SELECT DISTINCT c.kind, a.grantee FROM ("
    "SELECT CASE WHEN r.relkind " MG_EQ
    " 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind, r.relacl AS acl,"
    " r.relowner AS owner FROM pg_catalog.pg_class r WHERE r.oid " MG_EQ_ANY
    "(ARRAY[%s::pg_catalog.regclass::pg_catalog.oid,"
    " pg_catalog.pg_get_serial_sequence(%s, 'id')::pg_catalog.regclass::pg_catalog.oid])"
    ") c, LATERAL pg_catalog.aclexplode(c.acl) a WHERE a.grantee " MG_NE " c.owner"
    " LOOP EXECUTE pg_catalog.format('REVOKE ALL ON %%s %%s FROM %%s', g.kind,"
    " CASE WHEN g.kind " MG_EQ
    " 'TABLE' THEN %s ELSE pg_catalog.pg_get_serial_sequence(%s, 'id') END,"
    " CASE WHEN g.grantee " MG_EQ " 0::pg_catalog.oid THEN 'PUBLIC' ELSE pg_catalog.quote_ident("
    "pg_catalog.pg_get_userbyid(g.grantee)) END); END LOOP; END";

const char *
mg_history_revoke_sql(const MgHistoryTable *table, MgArena *arena)
{
    const char *name = mg_sql_literal(table->sql, arena);
    return mg_arena_format(arena, "DO $migrate$%s$migrate$",
                           mg_arena_format(arena, revoke_body, name, name, name, name));
}

/* What one transaction consists of. */
typedef struct Script {
    const MgHistoryTable *table;
    MgArena *arena;
    MgOp *ops;
    int n;
} Script;

static void
add(Script *script, const char *sql)
{
    assert(script->n < MG_HISTORY_MAX_PREPARE_OPS);
    script->ops[script->n++] = (MgOp){ .kind = MG_OP_QUERY, .sql = sql };
}

static void
add_comment(Script *script)
{
    add(script,
        mg_arena_format(script->arena, "COMMENT ON TABLE %s IS '" MG_HISTORY_LAYOUT_COMMENT "%d'",
                        script->table->sql, MG_HISTORY_LAYOUT));
}

static void
add_create(Script *script, const MgHistoryFacts *facts)
{
    const MgHistoryTable *table = script->table;
    MgArena *arena = script->arena;
    if (!facts->has_schema)
        add(script, mg_arena_format(arena, "CREATE SCHEMA IF NOT EXISTS %s",
                                    mg_sql_identifier(table->schema, arena)));
    add(script, mg_arena_format(arena, "CREATE TABLE %s (%s)", table->sql, table_columns));
    add(script,
        mg_arena_format(arena,
                        "CREATE UNIQUE INDEX ON %s ((coalesce(version, 'R:' " MG_CAT " name)))"
                        " WHERE reverted_at IS NULL",
                        table->sql));
    add_comment(script);
    if (facts->is_shared)
        add(script, mg_history_revoke_sql(table, arena));
}

/* From any older one: whatever it has not got.  The server has named its checks. */
static void
add_upgrade(Script *script)
{
    const char *table = script->table->sql;
    const char *name = mg_sql_literal(table, script->arena);
    add(script,
        mg_arena_format(script->arena,
                        "ALTER TABLE %s ADD COLUMN IF NOT EXISTS environment pg_catalog.text,"
                        " ADD COLUMN IF NOT EXISTS down_statements integer NOT NULL"
                        " DEFAULT 0,"
                        " ADD COLUMN IF NOT EXISTS down_started integer NOT NULL DEFAULT 0,"
                        " ADD COLUMN IF NOT EXISTS down_done integer NOT NULL DEFAULT 0,"
                        " ADD COLUMN IF NOT EXISTS down_prefix_digest pg_catalog.text",
                        table));
    add(script,
        mg_arena_format(script->arena,
                        "DO $migrate$ DECLARE c record; BEGIN FOR c IN SELECT conname FROM"
                        " pg_catalog.pg_constraint WHERE conrelid " MG_EQ
                        " %s::pg_catalog.regclass::pg_catalog.oid AND"
                        " contype " MG_EQ
                        " 'c' LOOP EXECUTE pg_catalog.format('ALTER TABLE %%s DROP CONSTRAINT"
                        " %%I', %s, c.conname); END LOOP; END $migrate$",
                        name, name));
    add_comment(script);
}

static void
add_claim(Script *script, const MgNewClaim *claim)
{
    MgArena *arena = script->arena;
    const char *environment = mg_sql_literal(claim->environment, arena);
    const char *version = mg_arena_format(arena, MG_HISTORY_CLAIM_VERSION "%s", claim->hosts);
    add(script, mg_arena_format(
                    arena,
                    "WITH changed AS ("
                    "INSERT INTO %s (version, name, kind, environment, applied_by, git_commit,"
                    " run_url, tool_version) VALUES (%s, %s, '" MG_HISTORY_CLAIM_KIND
                    "', %s, %s, %s, %s, '" MG_VERSION "') ON CONFLICT DO NOTHING RETURNING id)"
                    /* A trigger may have thrown it away. */
                    " SELECT coalesce((SELECT id FROM changed), " MG_HISTORY_NO_ROW ")",
                    script->table->sql, mg_sql_literal(version, arena), environment, environment,
                    mg_sql_literal(claim->applied_by, arena), mg_sql_literal(claim->commit, arena),
                    mg_sql_literal(claim->run_url, arena)));
}

bool
mg_history_must_prepare(const MgHistoryFacts *facts)
{
    return !facts->exists || facts->layout < MG_HISTORY_LAYOUT;
}

int
mg_history_prepare_ops(const MgHistoryTable *table, const MgHistoryFacts *facts,
                       const MgNewClaim *claim, const char *fence_sql, MgArena *arena,
                       MgOp ret[MG_HISTORY_MAX_PREPARE_OPS])
{
    Script script = { .table = table, .arena = arena, .ops = ret };
    if (!mg_history_must_prepare(facts) && claim == NULL)
        return 0;
    add(&script, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE");
    add(&script, mg_arena_format(arena, "SELECT %s", fence_sql));
    if (!facts->exists)
        add_create(&script, facts);
    else if (facts->layout < MG_HISTORY_LAYOUT)
        add_upgrade(&script);
    if (claim != NULL) {
        add_claim(&script, claim);
        add(&script, "DISCARD SEQUENCES"); /* or its number is the first migration's lastval() */
    }
    add(&script, "COMMIT");
    return script.n;
}
