/* What we call of libpq. */
#include <libpq-fe.h>

#include "base/library_table.h"

/* From 17 on. */
#ifdef LIBPQ_HAS_ASYNC_CANCEL
#define CANCEL_FUNCTIONS(RETURNS, VOID)                                                            \
    RETURNS(int, PQcancelBlocking, (PGcancelConn * request), (request))                            \
    RETURNS(PGcancelConn *, PQcancelCreate, (PGconn * conn), (conn))                               \
    VOID(void, PQcancelFinish, (PGcancelConn * request), (request))
#else
#define CANCEL_FUNCTIONS(RETURNS, VOID)
#endif

#define FUNCTIONS(RETURNS, VOID)                                                                   \
    CANCEL_FUNCTIONS(RETURNS, VOID)                                                                \
    RETURNS(int, PQbackendPID, (const PGconn *conn), (conn))                                       \
    RETURNS(int, PQcancel, (PGcancel * cancel, char *error, int error_bytes),                      \
            (cancel, error, error_bytes))                                                          \
    VOID(void, PQclear, (PGresult * result), (result))                                             \
    RETURNS(char *, PQcmdStatus, (PGresult * result), (result))                                    \
    RETURNS(PostgresPollingStatusType, PQconnectPoll, (PGconn * conn), (conn))                     \
    RETURNS(PGconn *, PQconnectStartParams,                                                        \
            (const char *const *keys, const char *const *values, int expand_dbname),               \
            (keys, values, expand_dbname))                                                         \
    RETURNS(PQconninfoOption *, PQconninfo, (PGconn * conn), (conn))                               \
    VOID(void, PQconninfoFree, (PQconninfoOption * options), (options))                            \
    RETURNS(PQconninfoOption *, PQconninfoParse, (const char *conninfo, char **error),             \
            (conninfo, error))                                                                     \
    RETURNS(int, PQconsumeInput, (PGconn * conn), (conn))                                          \
    RETURNS(char *, PQdb, (const PGconn *conn), (conn))                                            \
    RETURNS(int, PQdsplen, (const char *text, int encoding), (text, encoding))                     \
    RETURNS(int, PQenterPipelineMode, (PGconn * conn), (conn))                                     \
    RETURNS(char *, PQerrorMessage, (const PGconn *conn), (conn))                                  \
    RETURNS(int, PQexitPipelineMode, (PGconn * conn), (conn))                                      \
    VOID(void, PQfinish, (PGconn * conn), (conn))                                                  \
    RETURNS(int, PQflush, (PGconn * conn), (conn))                                                 \
    VOID(void, PQfreeCancel, (PGcancel * cancel), (cancel))                                        \
    VOID(void, PQfreemem, (void *memory), (memory))                                                \
    RETURNS(PGcancel *, PQgetCancel, (PGconn * conn), (conn))                                      \
    RETURNS(PGresult *, PQgetResult, (PGconn * conn), (conn))                                      \
    RETURNS(int, PQgetisnull, (const PGresult *result, int row, int column),                       \
            (result, row, column))                                                                 \
    RETURNS(char *, PQgetvalue, (const PGresult *result, int row, int column),                     \
            (result, row, column))                                                                 \
    RETURNS(int, PQgssEncInUse, (PGconn * conn), (conn))                                           \
    RETURNS(char *, PQhost, (const PGconn *conn), (conn))                                          \
    RETURNS(char *, PQhostaddr, (const PGconn *conn), (conn))                                      \
    RETURNS(int, PQisBusy, (PGconn * conn), (conn))                                                \
    RETURNS(int, PQnfields, (const PGresult *result), (result))                                    \
    RETURNS(int, PQntuples, (const PGresult *result), (result))                                    \
    RETURNS(const char *, PQparameterStatus, (const PGconn *conn, const char *name), (conn, name)) \
    RETURNS(int, PQpipelineSync, (PGconn * conn), (conn))                                          \
    RETURNS(char *, PQport, (const PGconn *conn), (conn))                                          \
    RETURNS(int, PQputCopyData, (PGconn * conn, const char *bytes, int n_bytes),                   \
            (conn, bytes, n_bytes))                                                                \
    RETURNS(int, PQputCopyEnd, (PGconn * conn, const char *error), (conn, error))                  \
    RETURNS(char *, PQresultErrorField, (const PGresult *result, int field), (result, field))      \
    RETURNS(char *, PQresultErrorMessage, (const PGresult *result), (result))                      \
    RETURNS(ExecStatusType, PQresultStatus, (const PGresult *result), (result))                    \
    RETURNS(int, PQsendFlushRequest, (PGconn * conn), (conn))                                      \
    RETURNS(int, PQsendPrepare,                                                                    \
            (PGconn * conn, const char *name, const char *sql, int n, const Oid *types),           \
            (conn, name, sql, n, types))                                                           \
    RETURNS(int, PQsendQuery, (PGconn * conn, const char *sql), (conn, sql))                       \
    RETURNS(int, PQsendQueryParams,                                                                \
            (PGconn * conn, const char *sql, int n, const Oid *types, const char *const *values,   \
             const int *lengths, const int *formats, int format),                                  \
            (conn, sql, n, types, values, lengths, formats, format))                               \
    RETURNS(int, PQsendQueryPrepared,                                                              \
            (PGconn * conn, const char *name, int n, const char *const *values,                    \
             const int *lengths, const int *formats, int format),                                  \
            (conn, name, n, values, lengths, formats, format))                                     \
    RETURNS(int, PQserverVersion, (const PGconn *conn), (conn))                                    \
    RETURNS(PGVerbosity, PQsetErrorVerbosity, (PGconn * conn, PGVerbosity verbosity),              \
            (conn, verbosity))                                                                     \
    RETURNS(PQnoticeReceiver, PQsetNoticeReceiver,                                                 \
            (PGconn * conn, PQnoticeReceiver receiver, void *payload), (conn, receiver, payload))  \
    RETURNS(int, PQsetnonblocking, (PGconn * conn, int is_nonblocking), (conn, is_nonblocking))    \
    RETURNS(int, PQsocket, (const PGconn *conn), (conn))                                           \
    RETURNS(const char *, PQsslAttribute, (PGconn * conn, const char *name), (conn, name))         \
    RETURNS(int, PQsslInUse, (PGconn * conn), (conn))                                              \
    RETURNS(ConnStatusType, PQstatus, (const PGconn *conn), (conn))                                \
    RETURNS(PGTransactionStatusType, PQtransactionStatus, (const PGconn *conn), (conn))            \
    RETURNS(char *, PQuser, (const PGconn *conn), (conn))                                          \
    RETURNS(int, pg_char_to_encoding, (const char *name), (name))

static struct {
    FUNCTIONS(MG_LIBRARY_POINTER, MG_LIBRARY_POINTER)
} loaded;

FUNCTIONS(MG_LIBRARY_RETURNS, MG_LIBRARY_VOID)

static const MgLibraryFunction functions[] = { FUNCTIONS(MG_LIBRARY_NAME, MG_LIBRARY_NAME) };

const MgLibraryTable mg_library_libpq = {
    .name = "libpq",
    .soname = MG_SONAME_LIBPQ,
    .too_old = "It is older than the one that migrate was built with: install that version or a "
               "newer one.",
    .install = "Install PostgreSQL's client library; its package is libpq5 in Debian and Ubuntu, "
               "libpq in Fedora and Alpine.",
    .functions = functions,
    .n_functions = sizeof functions / sizeof *functions,
};

MG_LIBRARY_NOTE(MG_SONAME_LIBPQ, "postgresql", "Connections to PostgreSQL", "required");
