/* The proof of a direct session.  Knows nothing of locks: start.c puts both into one flight. */
#include "pg/prove.h"

#include <string.h>

#include "base/text.h"

enum {
    OLDEST_SERVER = 130000,
};

MgProofClaim
mg_proof_claim(const MgConn *conn, const char *application_name)
{
    int port = mg_conn_local_port(conn);
    return (MgProofClaim){ .application_name = application_name,
                           .key_pid = mg_conn_key_pid(conn),
                           .local_port = port,
                           .is_socket_proved = port < 0 && mg_conn_socket_is_postmasters(conn) };
}

const char *
mg_proof_rows_sql(void)
{
    return "SELECT pg_catalog.pg_backend_pid() AS pid, pg_catalog.inet_client_port() AS port,"
           " (SELECT s.reset_val FROM pg_catalog.pg_settings s"
           " WHERE s.name = 'application_name') AS echo,"
           " pg_catalog.pg_is_in_recovery() AS recovery,"
           " pg_catalog.current_setting('default_transaction_read_only') AS read_only";
}

const char *
mg_proof_condition_sql(const MgProofClaim *claim, MgArena *arena)
{
    if (claim->local_port < 0 && !claim->is_socket_proved)
        return "false";
    /* application_name is printable ASCII of our own making, without quotes. */
    const char *port = claim->local_port < 0
                           ? "proof.port IS NULL"
                           : mg_arena_format(arena, "proof.port = %d", claim->local_port);
    return mg_arena_format(arena, "coalesce(proof.echo = '%s' AND proof.pid = %d AND %s, false)",
                           claim->application_name, claim->key_pid, port);
}

void
mg_proof_judge(const MgProofClaim *claim, const MgResult *result, MgProof *ret)
{
    const char *port = mg_result_text(result, 0, 1);
    const char *echo = mg_result_text(result, 0, 2);
    MgProof proof = { .backend_pid = (int)mg_result_int(result, 0, 0) };

    proof.is_echo = echo != NULL && strcmp(echo, claim->application_name) == 0;
    proof.is_key = claim->key_pid != 0 && claim->key_pid == proof.backend_pid;
    proof.is_port = claim->local_port < 0
                        ? port == NULL && claim->is_socket_proved
                        : port != NULL && mg_result_int(result, 0, 1) == claim->local_port;
    proof.is_in_recovery = mg_result_bool(result, 0, 3);
    proof.is_read_only = strcmp(mg_result_text(result, 0, 4), "on") == 0;
    proof.verdict = proof.is_echo && proof.is_key && proof.is_port ? MG_DIRECT : MG_UNPROVED;
    *ret = proof;
}

const char *
mg_verdict_name(MgVerdict verdict)
{
    switch (verdict) {
    case MG_DIRECT:
        return "direct";
    case MG_UNPROVED:
        break;
    }
    return "unproved";
}

bool
mg_proof_check(const MgProof *proof, int server_version, MgError *err)
{
    if (server_version < OLDEST_SERVER)
        return mg_fail(err, MG_E_OLD_SERVER, "the server runs PostgreSQL %d, older than 13",
                       server_version / 10000);
    if (proof->is_in_recovery) {
        mg_fail(err, MG_E_READ_ONLY, "the server is a standby and cannot be written to");
        mg_error_hint(err, "Use the URL of the primary server.");
        return false;
    }
    if (proof->is_read_only) {
        mg_fail(err, MG_E_READ_ONLY, "the session is read-only (default_transaction_read_only)");
        mg_error_hint(err, "Look at the role's and the database's settings: a replica, a read-only "
                           "role, or a host that stopped writes because the disk is full.");
        return false;
    }
    if (proof->verdict == MG_DIRECT)
        return true;

    mg_fail(err, MG_E_UNPROVED, "this session could not be proved to be one backend of our own");
    mg_error_detail(err, "%s %s %s",
                    proof->is_echo ? "The backend was started by our own startup packet."
                                   : "The backend was not started by our startup packet: a "
                                     "connection pooler is in between.",
                    proof->is_key ? "The cancel key is this backend's."
                                  : "The cancel key is not this backend's.",
                    proof->is_port ? "The server sees our own port."
                                   : "The server does not see our own port.");
    mg_error_hint(err, "Use the URL of the server itself, without pooler or proxy.");
    return false;
}
