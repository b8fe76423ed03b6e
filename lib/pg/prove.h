/*
 * The proof: is this session one backend, ours alone?
 *
 * A host name proves nothing.  Three things together do: this backend was
 * started by our own startup packet (the reset value of application_name is
 * the random name we sent: a pooler that replays it with SET changes the
 * setting but not the reset value), BackendKeyData names this backend, and the
 * server sees our own port (on a Unix socket: the process listening there is
 * the backend's postmaster).  Seen with PostgreSQL 15 behind PgBouncer 1.18 and
 * 1.25, pgpool-II 4.3, Odyssey 1.5, pgagroal 2.0, haproxy and NAT.
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
    bool is_proxy_known; /* the provider's direct endpoint is a 1:1 proxy: the echo is enough */
    int accepted_pid;    /* a proof by rounds was accepted for this backend; 0 = none */
} MgProofClaim;

enum {
    MG_PROOF_COLUMNS = 7, /* the first columns of an answer */
    MG_MAX_EVIDENCE = 8,
};

/* What the server answered. */
typedef struct MgProof {
    MgVerdict verdict;
    int backend_pid;
    bool is_echo, is_key, is_port;
    bool is_in_recovery;                   /* a standby */
    bool is_read_only;                     /* default_transaction_read_only */
    int64_t postmaster_us, now_us;         /* of the server: its start, and when it answered */
    const char *evidence[MG_MAX_EVIDENCE]; /* sentences */
    size_t n_evidence;
} MgProof;

MgProofClaim mg_proof_claim(const MgConn *conn, const char *application_name);

/*
 * SQL for a row named "proof" with the columns of the proof; and the condition
 * over it that the server itself checks before it gives this session anything
 * to keep.
 */
const char *mg_proof_rows_sql(void);
const char *mg_proof_condition_sql(const MgProofClaim *claim, MgArena *arena);

/* Judge the answer's first columns: direct, pinned by the provider's word, or not yet proved. */
void mg_proof_judge(const MgProofClaim *claim, const MgResult *result, MgProof *ret);

/*
 * Prove by behaviour what the first answer left open: is it pgpool-II, does
 * another transaction meet another backend, does a second connection get ours?
 * Opens one more connection when the backend was started by our own packet, up
 * to three otherwise; every probe has its own time limit.  conn must be outside
 * a transaction; when its verdict is transaction-pooled it may be unusable.
 * Updates verdict and evidence, which lives in arena.  Fails only when
 * cancelled.  Tried with PostgreSQL 13, 15, 17 and 18, PgBouncer 1.18, 1.25 and
 * 1.26, pgpool-II 4.3 and 4.7, Odyssey 1.5 and pgagroal 2.0.
 */
MG_CHECK bool mg_proof_rounds(MgConn *conn, const MgConnOptions *options, MgArena *arena,
                              MgProof *proof, MgError *err);

const char *mg_verdict_name(MgVerdict verdict);

/* Is the server new enough for what it would be asked?  text is its version in its own words. */
MG_CHECK bool mg_proof_check_version(int server_version, const char *text, MgError *err);
/* May the session write at all?  Not on a standby, and not when it is read-only. */
MG_CHECK bool mg_proof_check_writable(const MgProof *proof, MgError *err);
/* May migrations run here?  Direct and pinned; a session pooler only with consent. */
MG_CHECK bool mg_proof_check(const MgProof *proof, bool is_session_accepted, MgError *err);

/* May the migration of that label run outside a transaction here, where no fence can stop it? */
MG_CHECK bool mg_proof_check_unfenced(const MgProof *proof, const char *label, MgError *err);

#endif
