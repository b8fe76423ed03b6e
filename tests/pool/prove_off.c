/*
 * The proof switched off, for one test: every session counts as direct.  It is
 * linked in the place of lib/pg/prove.c, so that the fence alone stands
 * between runners that share backends.
 */
#include "pg/prove.h"

MgProofClaim
mg_proof_claim(const MgConn *conn, const char *application_name)
{
    (void)conn;
    return (MgProofClaim){ .application_name = application_name };
}

const char *
mg_proof_rows_sql(void)
{
    return "SELECT pg_catalog.pg_backend_pid() AS pid, 0, '', false, '', 0, 0";
}

const char *
mg_proof_condition_sql(const MgProofClaim *claim, MgArena *arena)
{
    (void)claim;
    (void)arena;
    return "true";
}

void
mg_proof_judge(const MgProofClaim *claim, const MgResult *result, MgProof *ret)
{
    (void)claim;
    *ret = (MgProof){ .verdict = MG_DIRECT, .backend_pid = (int)mg_result_int(result, 0, 0) };
}

const char *
mg_verdict_name(MgVerdict verdict)
{
    (void)verdict;
    return "not asked";
}

bool
mg_proof_check_version(int server_version, const char *text, MgError *err)
{
    (void)server_version;
    (void)text;
    (void)err;
    return true;
}

bool
mg_proof_check_writable(const MgProof *proof, MgError *err)
{
    (void)proof;
    (void)err;
    return true;
}

bool
mg_proof_check(const MgProof *proof, bool is_session_accepted, MgError *err)
{
    (void)proof;
    (void)is_session_accepted;
    (void)err;
    return true;
}

bool
mg_proof_check_unfenced(const MgProof *proof, const char *label, MgError *err)
{
    (void)proof;
    (void)label;
    (void)err;
    return true;
}
