/* Results of libpq: their values, and their errors as ours. */
#include <string.h>

#include <libpq-fe.h>

#include "pg/conn_libpq.h"

bool
mg_pg_is_copy(const PGresult *pg)
{
    ExecStatusType status = PQresultStatus(pg);
    return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

bool
mg_result_is_error(const MgResult *result)
{
    ExecStatusType status = PQresultStatus(result->pg);
    return status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE || mg_pg_is_copy(result->pg);
}

const char *
mg_result_sqlstate(const MgResult *result)
{
    const char *sqlstate = PQresultErrorField(result->pg, PG_DIAG_SQLSTATE);
    return sqlstate == NULL ? "" : sqlstate;
}

/* How a session ended with this error, as the beginning of a message; NULL: it goes on. */
static const char *
how_ended(const PGresult *pg)
{
    const char *sqlstate = PQresultErrorField(pg, PG_DIAG_SQLSTATE);
    const char *primary = PQresultErrorField(pg, PG_DIAG_MESSAGE_PRIMARY);
    const char *severity = PQresultErrorField(pg, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (severity == NULL) /* PgBouncer's have it in English only */
        severity = PQresultErrorField(pg, PG_DIAG_SEVERITY);
    if (sqlstate == NULL || primary == NULL || severity == NULL)
        return NULL;
    /* Terminated, crashed, shutting down: whatever it was doing. */
    if (mg_text_starts(sqlstate, "57P0"))
        return "the server ended this session: ";
    /* A pooler that has lost the backend, if it is none of what waiting would not heal. */
    bool is_poolers = mg_text_starts(sqlstate, "08") && strcmp(severity, "FATAL") == 0;
    return is_poolers && mg_conn_poolers_advice(primary) == NULL ? "this session was ended: "
                                                                 : NULL;
}

bool
mg_result_is_end(const MgResult *result)
{
    return how_ended(result->pg) != NULL;
}

bool
mg_fail_pg(const PGresult *pg, MgErrorCode code, MgError *err)
{
    const char *primary = PQresultErrorField(pg, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = PQresultErrorField(pg, PG_DIAG_MESSAGE_DETAIL);
    const char *hint = PQresultErrorField(pg, PG_DIAG_MESSAGE_HINT);
    const char *context = PQresultErrorField(pg, PG_DIAG_CONTEXT);
    const char *sqlstate = PQresultErrorField(pg, PG_DIAG_SQLSTATE);

    if (mg_pg_is_copy(pg))
        primary = "COPY to or from the client is not possible here";
    if (primary == NULL)
        primary = PQresultErrorMessage(pg); /* libpq's own errors have no fields */
    if (primary == NULL)
        primary = "";
    const char *ended = how_ended(pg);
    mg_fail(err, ended == NULL ? code : MG_E_CONNECTION_LOST, "%s%.*s", ended == NULL ? "" : ended,
            (int)strcspn(primary, "\n"), primary);
    if (sqlstate != NULL)
        mg_text_copy(err->sqlstate, sizeof err->sqlstate, sqlstate);
    if (detail != NULL || context != NULL)
        mg_error_detail(err, "%s%s%s", detail == NULL ? "" : detail,
                        detail == NULL || context == NULL ? "" : "\n",
                        context == NULL ? "" : context);
    if (hint != NULL)
        mg_error_hint(err, "%s", hint);
    /* Codes of the protocol and of prepared statements: no file's own words have them. */
    static const char *const poolers_codes[] = { "08P01", "26000", "42P05" };
    for (size_t i = 0; sqlstate != NULL && i < sizeof poolers_codes / sizeof *poolers_codes; i++) {
        const char *advice = mg_conn_poolers_advice(primary);
        if (strcmp(sqlstate, poolers_codes[i]) != 0 || advice == NULL)
            continue;
        mg_error_hint(err, "%s", advice);
        if (err->code == MG_E_SERVER && mg_conn_is_pool_full(primary))
            err->code = MG_E_UNREACHABLE;
    }
    return false;
}

bool
mg_result_fail(const MgResult *result, MgErrorCode code, MgError *err)
{
    return mg_fail_pg(result->pg, code, err);
}

static int
position_field(const MgResult *result, int field)
{
    uint64_t position = 0;
    const char *text = PQresultErrorField(result->pg, field);
    if (text == NULL || !mg_text_parse_uint(text, INT32_MAX, &position))
        return 0;
    return (int)position;
}

int
mg_result_position(const MgResult *result)
{
    return position_field(result, PG_DIAG_STATEMENT_POSITION);
}

const char *
mg_result_context(const MgResult *result)
{
    return PQresultErrorField(result->pg, PG_DIAG_CONTEXT);
}

const char *
mg_result_internal_query(const MgResult *result)
{
    return PQresultErrorField(result->pg, PG_DIAG_INTERNAL_QUERY);
}

int
mg_result_internal_position(const MgResult *result)
{
    return position_field(result, PG_DIAG_INTERNAL_POSITION);
}

static void
clear(void *payload)
{
    PQclear(payload);
}

void
mg_result_keep(const MgResult *result, MgArena *arena)
{
    if (!*result->is_kept)
        mg_arena_defer(arena, clear, result->pg);
    *result->is_kept = true;
}

int
mg_result_n_rows(const MgResult *result)
{
    return PQntuples(result->pg);
}

int
mg_result_n_columns(const MgResult *result)
{
    return PQnfields(result->pg);
}

const char *
mg_result_text(const MgResult *result, int row, int column)
{
    /* A null reads as "", and a row that is not there as NULL.  Most values are neither. */
    const char *text = PQgetvalue(result->pg, row, column);
    bool may_be_null = text != NULL && *text == '\0';
    return may_be_null && PQgetisnull(result->pg, row, column) ? NULL : text;
}

int64_t
mg_result_int(const MgResult *result, int row, int column)
{
    const char *text = mg_result_text(result, row, column);
    bool is_negative = text != NULL && *text == '-';
    uint64_t number = 0;
    if (text == NULL)
        return 0;
    for (text += is_negative; *text >= '0' && *text <= '9'; text++)
        number = number * 10 + (uint64_t)(*text - '0');
    return (int64_t)(is_negative ? 0 - number : number);
}

bool
mg_result_bool(const MgResult *result, int row, int column)
{
    const char *text = mg_result_text(result, row, column);
    return text != NULL && text[0] == 't';
}

const char *
mg_result_tag(const MgResult *result)
{
    return PQcmdStatus(result->pg);
}
