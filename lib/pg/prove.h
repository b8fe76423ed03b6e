/*
 * The proof: is this session one backend, ours alone?
 *
 * A host name proves nothing.  Three things together do: this backend was
 * started by our own startup packet (the reset value of application_name is
 * the random name we sent: a pooler that replays it with SET changes the
 * setting but not the reset value), BackendKeyData names this backend, and the
 * server sees our own port (on a Unix socket: the process listening there is
 * the backend's postmaster).  Facts: PostgreSQL 15, PgBouncer 1.18 and 1.25,
 * pgpool-II 4.3, Odyssey, pgagroal, haproxy, NAT; poolers.md sections 5 to 7.
 */
#ifndef MG_PG_PROVE_H
#define MG_PG_PROVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "pg/conn.h"

/* What the client knows before it asks. */
typedef struct MgProofClaim {
    const char *application_name; /* as sent in the startup packet */
    int key_pid;                  /* BackendKeyData; 0 = the server sent none */
    int local_port;               /* -1 on a Unix socket */
    bool is_socket_proved;        /* on a Unix socket: the postmaster listens there */
} MgProofClaim;

/* What the server answered. */
typedef struct MgProof {
    MgVerdict verdict;
    int backend_pid;
    bool is_echo, is_key, is_port;
    bool is_in_recovery; /* a standby */
    bool is_read_only;   /* default_transaction_read_only */
} MgProof;

MgProofClaim mg_proof_claim(const MgConn *conn, const char *application_name);

/*
 * SQL for a row named "proof" with the columns of the proof; and the condition
 * over it that the server itself checks before it gives this session anything
 * to keep.
 */
const char *mg_proof_rows_sql(void);
const char *mg_proof_condition_sql(const MgProofClaim *claim, MgArena *arena);

enum {
    MG_PROOF_COLUMNS = 5, /* the first columns of the answer: "proof.*" */
};

/* Judge the answer's first columns.  Pure. */
void mg_proof_judge(const MgProofClaim *claim, const MgResult *result, MgProof *ret);

const char *mg_verdict_name(MgVerdict verdict);

/* Refuse to write through what is not proved or cannot write; true when it may. */
MG_CHECK bool mg_proof_check(const MgProof *proof, int server_version, MgError *err);

#endif
