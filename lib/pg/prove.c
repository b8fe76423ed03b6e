/* The proof of a direct session.  Knows nothing of locks: start.c puts both into one flight. */
#include "pg/prove.h"

#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "sql/catalog.h"

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
           /* A null gives back what the startup packet said, for this transaction only. pg_settings
            * tells the same, but makes all of its rows: a millisecond of every run. */
           " pg_catalog.set_config('application_name', NULL, true) AS echo,"
           " pg_catalog.pg_is_in_recovery() AS recovery,"
           " pg_catalog.current_setting('default_transaction_read_only') AS read_only,"
           " (extract(epoch FROM pg_catalog.pg_postmaster_start_time())::numeric " MG_TIMES " "
           "1000000::numeric)"
           "::pg_catalog.int8 AS postmaster_us,"
           " (extract(epoch FROM pg_catalog.clock_timestamp())::numeric " MG_TIMES
           " 1000000::numeric)"
           "::pg_catalog.int8 AS now_us";
}

const char *
mg_proof_condition_sql(const MgProofClaim *claim, MgArena *arena)
{
    if (claim->accepted_pid != 0)
        return mg_arena_format(arena, "proof.pid " MG_EQ " %d", claim->accepted_pid);
    /* application_name is printable ASCII of our own making, without quotes. */
    const char *echo = claim->application_name;
    if (claim->is_proxy_known)
        return mg_arena_format(arena, "coalesce(proof.echo " MG_EQ " '%s', false)", echo);
    if (claim->local_port < 0)
        return claim->is_socket_proved
                   ? mg_arena_format(arena,
                                     "coalesce(proof.echo " MG_EQ " '%s' AND proof.pid " MG_EQ " %d"
                                     " AND proof.port IS NULL, false)",
                                     echo, claim->key_pid)
                   : "false";
    return mg_arena_format(arena,
                           "coalesce(proof.echo " MG_EQ " '%s' AND proof.pid " MG_EQ
                           " %d AND proof.port " MG_EQ " %d, false)",
                           echo, claim->key_pid, claim->local_port);
}

static void
add_evidence(MgProof *proof, const char *sentence)
{
    if (proof->n_evidence < MG_MAX_EVIDENCE)
        proof->evidence[proof->n_evidence++] = sentence;
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
    proof.postmaster_us = mg_result_int(result, 0, 5);
    proof.now_us = mg_result_int(result, 0, 6);

    if (proof.is_echo && proof.is_key && proof.is_port)
        proof.verdict = MG_DIRECT;
    else if (proof.is_echo && claim->is_proxy_known)
        proof.verdict = MG_PINNED;
    add_evidence(&proof, proof.is_echo ? "This backend was started by our own startup packet."
                                       : "This backend was not started by our startup packet.");
    if (!proof.is_key)
        add_evidence(&proof, claim->key_pid == 0 ? "The server sent no cancel key."
                                                 : "The cancel key is not this backend's.");
    if (!proof.is_port)
        add_evidence(&proof, claim->local_port < 0
                                 ? "Who listens on the socket is not this backend's postmaster."
                                 : "The server sees another client port than ours.");
    *ret = proof;
}

const char *
mg_verdict_name(MgVerdict verdict)
{
#define VERDICT_NAME(code, word) [code] = (word),
    static const char *const names[] = { MG_VERDICT_LIST(VERDICT_NAME) };
#undef VERDICT_NAME
    return names[verdict];
}

bool
mg_proof_check_version(int server_version, const char *text, MgError *err)
{
    return server_version >= OLDEST_SERVER ||
           mg_fail(err, MG_E_OLD_SERVER, "the server runs PostgreSQL %s, older than 13", text);
}

bool
mg_proof_check_writable(const MgProof *proof, MgError *err)
{
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
    return true;
}

/* What each verdict that is refused means; the others may migrate. */
static const struct {
    const char *message, *hint;
} refusals[MG_N_VERDICTS] = {
    [MG_UNPROVED] = { "this session could not be proved to be one backend of our own",
                      "Use the URL of the server itself, without pooler or proxy." },
    [MG_SESSION_POOLED] = { "this session goes through a session pooler",
                            "Use the URL of the server itself, without the pooler." },
    [MG_TRANSACTION_POOLED] = { "this session shares its backend with others (a transaction "
                                "pooler)",
                                "Use the URL of the server itself, without the pooler." },
    [MG_PGPOOL] = { "this session goes through pgpool-II, which routes and rewrites statements",
                    "Use the URL of the primary server itself." },
};

bool
mg_proof_check(const MgProof *proof, bool is_session_accepted, MgError *err)
{
    const char *message = refusals[proof->verdict].message;
    if (message == NULL || (proof->verdict == MG_SESSION_POOLED && is_session_accepted))
        return true;

    mg_fail(err, MG_E_UNPROVED, "%s", message);
    MG_CLEANUP(buf) MgBuf evidence = { 0 };
    for (size_t i = 0; i < proof->n_evidence; i++)
        mg_buf_format(&evidence, "%s%s", i == 0 ? "" : " ", proof->evidence[i]);
    mg_error_detail(err, "%s", mg_buf_text(&evidence));
    mg_error_hint(err, "%s", refusals[proof->verdict].hint);
    if (proof->verdict == MG_SESSION_POOLED)
        mg_error_hint(err, "Where the server itself cannot be reached, accept this pooler: "
                           "--connection session");
    mg_error_note(err, "nothing was applied, and nothing is left behind on that server");
    return false;
}

bool
mg_proof_check_unfenced(const MgProof *proof, const char *label, MgError *err)
{
    if (proof->verdict == MG_DIRECT || proof->verdict == MG_PINNED)
        return true;
    mg_fail(err, MG_E_UNPROVED, "migration \"%s\" needs a direct session", label);
    mg_error_detail(err, "It runs outside a transaction, where no fence can stop it when the "
                         "session turns out to be shared.");
    mg_error_hint(err, "Use the URL of the server itself, without the pooler.");
    mg_error_note(err, "nothing was applied");
    return false;
}
