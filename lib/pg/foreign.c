/* The table of other tools' histories, and one look at each that is there. */
#include "pg/foreign.h"

#include <string.h>

#include "base/buf.h"
#include "sql/catalog.h"
#include "sql/quote.h"

typedef struct Tool {
    const char *name;
    const char *schema; /* NULL: any */
    const char *table;
    const char *columns; /* that it must have, as an array */
    const char *newest;  /* what names the newest application, */
    const char *order;   /* which is the last one by this */
    const char *applied; /* condition of a row that counts; "@" is the table; NULL: each does */
    const char *dirty;   /* condition of a row that stopped half-way; NULL: none does */
    bool is_position;    /* its one row is the newest version */
} Tool;

/* Of two that fit one table the first counts, so those with more columns go first. */
static const Tool tools[] = {
    { "Supabase", "supabase_migrations", "schema_migrations", "{version,statements}", "version",
      "version", NULL, NULL, false },
    { "golang-migrate", NULL, "schema_migrations", "{version,dirty}", "version", "version", NULL,
      "dirty", true },
    { "Ecto", NULL, "schema_migrations", "{version,inserted_at}", "version", "version", NULL, NULL,
      false },
    { "dbmate or Rails", NULL, "schema_migrations", "{version}", "version", "version", NULL, NULL,
      false },
    { "goose", NULL, "goose_db_version", "{id,version_id,is_applied}", "version_id", "version_id",
      "is_applied AND version_id " MG_GT " 0 AND NOT EXISTS (SELECT FROM @ l WHERE"
      " l.version_id " MG_EQ " t.version_id AND l.id " MG_GT " t.id AND NOT l.is_applied)",
      NULL, false },
    { "Flyway", NULL, "flyway_schema_history", "{installed_rank,version,script,checksum,success}",
      "version", "installed_rank", "success AND version IS NOT NULL", "NOT success", false },
    { "Prisma Migrate", NULL, "_prisma_migrations",
      "{checksum,finished_at,migration_name,rolled_back_at}", "migration_name", "migration_name",
      "finished_at IS NOT NULL AND rolled_back_at IS NULL",
      "finished_at IS NULL AND rolled_back_at IS NULL", false },
    { "sqlx", NULL, "_sqlx_migrations", "{version,success,checksum}", "version", "version",
      "success", "NOT success", false },
    { "Diesel", NULL, "__diesel_schema_migrations", "{version,run_on}", "version", "version", NULL,
      NULL, false },
    { "refinery", NULL, "refinery_schema_history", "{version,name,checksum}", "version", "version",
      NULL, NULL, false },
    { "node-pg-migrate", NULL, "pgmigrations", "{id,name,run_on}", "name", "id", NULL, NULL,
      false },
    { "Drizzle", NULL, "__drizzle_migrations", "{id,hash,created_at}", "NULL", "id", NULL, NULL,
      false },
    { "tern", NULL, "schema_version", "{version}", "version", "version", "version " MG_GT " 0",
      NULL, true },
    { "sql-migrate", NULL, "gorp_migrations", "{id,applied_at}", "id", "id", NULL, NULL, false },
    { "graphile-migrate", "graphile_migrate", "migrations", "{hash,filename}", "filename",
      "filename", NULL, NULL, false },
    { "Sqitch", NULL, "changes", "{change_id,script_hash,change,committed_at}", "change",
      "committed_at", NULL, NULL, false },
    { "Atlas", NULL, "atlas_schema_revisions", "{version,applied,total,hash}", "version", "version",
      "applied " MG_EQ " total", "applied " MG_LT " total", false },
    { "Liquibase", NULL, "databasechangelog", "{id,author,filename,orderexecuted}", "id",
      "orderexecuted", NULL, NULL, false },
    { "postgres-migrations", NULL, "migrations", "{id,name,hash,executed_at}", "name", "id",
      "id " MG_GT " 0", NULL, false },
    { "Laravel", NULL, "migrations", "{migration,batch}", "migration", "migration", NULL, NULL,
      false },
    { "TypeORM", NULL, "migrations", "{id,timestamp,name}", "name", "id", NULL, NULL, false },
    { "Sequelize", NULL, "SequelizeMeta", "{name}", "name", "name", NULL, NULL, false },
    { "knex", NULL, "knex_migrations", "{id,name,batch}", "name", "id", NULL, NULL, false },
    { "Alembic", NULL, "alembic_version", "{version_num}", "version_num", "version_num", NULL, NULL,
      false },
    { "Django", NULL, "django_migrations", "{id,app,name}", "name", "id", NULL, NULL, false },
};

enum {
    N_TOOLS = sizeof tools / sizeof *tools,
    MAX_FOUND = 50,
    FIRST_OWN_OID = 16384, /* of what is not the server's own: FirstNormalObjectId */
};

typedef struct Found {
    const Tool *tool;
    const char *table, *shown; /* quoted, and not */
    bool may_read;
} Found;

typedef struct Looking {
    MgArena *arena;
    Found found[MAX_FOUND];
    size_t n_found;
    MgForeignHistories ret; /* of the first of them */
} Looking;

/*
 * Nothing here calls what stands outside pg_catalog: strangers may have put it
 * there.  Nor does what is found, so columns of types that were made here do not
 * count, since a cast may be a function of anybody; and a table whose policies
 * would run for this role is not read.
 */
static const char *
tables_sql(MgArena *arena)
{
    MG_CLEANUP(buf) MgBuf sql = { 0 };
    mg_buf_add(&sql, "SELECT DISTINCT ON (c.oid) k.i, n.nspname, c.relname,"
                     " pg_catalog.has_schema_privilege(n.oid, 'USAGE')"
                     " AND pg_catalog.has_table_privilege(c.oid, 'SELECT')"
                     " AND NOT pg_catalog.row_security_active(c.oid) FROM (VALUES ");
    for (size_t i = 0; i < N_TOOLS; i++)
        mg_buf_format(
            &sql, "%s(%zu, %s::pg_catalog.text, %s::pg_catalog.name, %s::pg_catalog.text[])",
            i == 0 ? "" : ", ", i, mg_sql_literal(tools[i].schema, arena),
            mg_sql_literal(tools[i].table, arena), mg_sql_literal(tools[i].columns, arena));
    mg_buf_format(&sql,
                  ") k (i, schema, name, columns)"
                  " JOIN pg_catalog.pg_class c ON c.relname " MG_EQ " k.name"
                  " JOIN pg_catalog.pg_namespace n ON n.oid " MG_EQ " c.relnamespace"
                  " WHERE c.relkind " MG_EQ_ANY "('{r,p}')"
                  " AND (k.schema IS NULL OR n.nspname::pg_catalog.text " MG_EQ " k.schema)"
                  " AND k.columns OPERATOR(pg_catalog.<@) ARRAY(SELECT a.attname::pg_catalog.text"
                  " FROM pg_catalog.pg_attribute a WHERE a.attrelid " MG_EQ " c.oid"
                  " AND a.attnum " MG_GT
                  " 0::pg_catalog.int2 AND NOT a.attisdropped AND a.atttypid " MG_LT
                  " %d::pg_catalog.oid)"
                  " ORDER BY c.oid, k.i LIMIT %d",
                  FIRST_OWN_OID, MAX_FOUND);
    return mg_arena_text(arena, mg_buf_text(&sql));
}

/* The condition with the table in the place of "@"; otherwise when there is none. */
static const char *
condition(const char *text, const char *otherwise, const char *table, MgArena *arena)
{
    const char *mark = text == NULL ? NULL : strchr(text, '@');
    if (mark == NULL)
        return text == NULL ? otherwise : text;
    return mg_arena_format(arena, "%.*s%s%s", (int)(mark - text), text, table, mark + 1);
}

static const char *
state_sql(const Tool *tool, const char *table, MgArena *arena)
{
    const char *applied = condition(tool->applied, "true", table, arena);
    return mg_arena_format(arena,
                           "SELECT pg_catalog.count(*) FILTER (WHERE %s),"
                           " (pg_catalog.array_agg((%s)::pg_catalog.text ORDER BY %s DESC)"
                           " FILTER (WHERE %s))[1],"
                           " coalesce(pg_catalog.bool_or(%s), false) FROM %s t",
                           applied, tool->newest, tool->order, applied,
                           condition(tool->dirty, "false", table, arena), table);
}

static bool
take_tables(void *payload, const MgTag *tag, const MgResult *result, MgError *err)
{
    Looking *looking = payload;
    MgArena *arena = looking->arena;
    (void)tag;
    if (mg_result_is_error(result))
        return mg_result_fail(result, MG_E_SERVER, err);
    for (int i = 0; i < mg_result_n_rows(result) && looking->n_found < MAX_FOUND; i++) {
        const char *schema = mg_result_text(result, i, 1), *name = mg_result_text(result, i, 2);
        looking->found[looking->n_found++] =
            (Found){ .tool = &tools[mg_result_int(result, i, 0)],
                     .table = mg_arena_format(arena, "%s.%s", mg_sql_identifier(schema, arena),
                                              mg_sql_identifier(name, arena)),
                     .shown = mg_arena_format(arena, "%s.%s", schema, name),
                     .may_read = mg_result_bool(result, i, 3) };
    }
    return true;
}

/* What is there, with the answer of state_sql; NULL: it may not be asked. */
static void
add(Looking *looking, const MgResult *result)
{
    const Found *found = &looking->found[looking->ret.n];
    MgForeignHistory history = { .tool = found->tool->name,
                                 .table = found->shown,
                                 .n_applied = -1,
                                 .is_position = found->tool->is_position };
    if (result != NULL && !mg_result_is_error(result) && mg_result_n_rows(result) == 1) {
        history.n_applied = mg_result_int(result, 0, 0);
        history.newest = mg_arena_text(looking->arena, mg_result_text(result, 0, 1));
        history.is_dirty = mg_result_bool(result, 0, 2);
    }
    MG_PUSH(looking->arena, &looking->ret, history);
}

/* One that cannot be read is there all the same. */
static bool
take_state(void *payload, const MgTag *tag, const MgResult *result, MgError *err)
{
    (void)tag;
    (void)err;
    add(payload, result);
    return true;
}

bool
mg_foreign_read(MgConn *conn, MgArena *arena, MgForeignHistories *ret, MgError *err)
{
    Looking looking = { .arena = arena };
    const MgOp op = { .kind = MG_OP_QUERY, .sql = tables_sql(arena) };
    if (!mg_conn_run_ops(conn, &op, 1, take_tables, &looking, err))
        return false;
    for (size_t i = 0; i < looking.n_found; i++) {
        const Found *found = &looking.found[i];
        const MgOp state = { .kind = MG_OP_QUERY,
                             .sql = state_sql(found->tool, found->table, arena) };
        if (!found->may_read)
            add(&looking, NULL);
        else if (!mg_conn_run_ops(conn, &state, 1, take_state, &looking, err))
            return false;
    }
    *ret = looking.ret;
    return true;
}
