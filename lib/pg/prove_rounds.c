/*
 * The proof by behaviour: rounds with a second connection.
 *
 * A is the connection to be proved, B another one opened to the same address.
 * What gives a pool away (seen with PgBouncer 1.18 and 1.25, pgpool-II 4.3,
 * Odyssey 1.5 and pgagroal 2.0): one that moves A to another backend shows in
 * A's own pids; one that gives A's idle backend to others shows when B holds a
 * transaction and has A's pid, or A has to wait.
 * A pool that never met a second client shows nothing: so without the echo of
 * our own startup packet the best verdict is session-pooled.
 */
#include "pg/prove.h"

#include <string.h>

#include "base/clock.h"
#include "sql/catalog.h"

enum {
    PROBE_MS = 2000,
    CONNECT_MS = 4000,
    MAX_A = 2,
    MAX_B = 3,
    NONCE_DIGITS = 16, /* at the end of our application_name */
};

typedef struct MgRounds {
    MgConn *a;
    const MgConnOptions *options;
    MgArena *arena;
    MgProof *proof;
    MgError *err;
    bool is_moved; /* a transaction of A met another backend */
    /* Of the newest B. */
    const char *other_name;
    MgProof other;
    int64_t other_started_us;
    bool is_refused; /* B's BEGIN was refused: statement mode */
} MgRounds;

/* What a step of the rounds found. */
typedef enum MgFound {
    FOUND_NOTHING, /* go on */
    FOUND_END,     /* no more to learn; the verdict so far stands */
    FOUND_VERDICT, /* proof->verdict is set */
    FOUND_FAILURE, /* cancelled; err is filled */
} MgFound;

static void
add_evidence(MgRounds *rounds, const char *sentence)
{
    MgProof *proof = rounds->proof;
    if (proof->n_evidence < MG_MAX_EVIDENCE)
        proof->evidence[proof->n_evidence++] = sentence;
}

static MgFound
settle(MgRounds *rounds, MgVerdict verdict, const char *sentence)
{
    rounds->proof->verdict = verdict;
    add_evidence(rounds, sentence);
    return FOUND_VERDICT;
}

/* ---- A ------------------------------------------------------------------------ */

static bool
on_a(void *payload, const MgTag *tag, const MgResult *result, MgError *err)
{
    MgRounds *rounds = payload;
    (void)tag;
    (void)err;
    if (!mg_result_is_error(result) && mg_result_n_rows(result) == 1)
        rounds->is_moved |= mg_result_int(result, 0, 0) != rounds->proof->backend_pid;
    return true;
}

/* Is it pgpool-II?  It hands on our startup packet and the real key, and answers for itself only
 * in the simple protocol (4.3). */
static MgFound
ask_pgpool(MgRounds *rounds)
{
    bool is_pgpool = false;
    if (mg_conn_answers_row(rounds->a, "SHOW pool_version", PROBE_MS, &is_pgpool, rounds->err))
        return is_pgpool ? settle(rounds, MG_PGPOOL,
                                  "It answers SHOW pool_version, as only pgpool-II does.")
                         : FOUND_NOTHING;
    if (rounds->err->code == MG_E_CANCELLED)
        return FOUND_FAILURE;
    return settle(rounds, MG_UNPROVED, "The session does not answer.");
}

/* n transactions of A in one flight: do they meet the same backend? */
static MgFound
ask_a(MgRounds *rounds, size_t n)
{
    MgOp ops[2 * MAX_A];
    bool is_late = false;

    for (size_t i = 0; i < n; i++) {
        ops[2 * i] = (MgOp){ .kind = MG_OP_QUERY, .sql = "SELECT pg_catalog.pg_backend_pid()" };
        ops[2 * i + 1] = (MgOp){ .kind = MG_OP_SYNC };
    }
    if (!mg_conn_probe(rounds->a, ops, 2 * n, on_a, rounds, PROBE_MS, &is_late, rounds->err)) {
        if (rounds->err->code == MG_E_CANCELLED)
            return FOUND_FAILURE;
        return settle(rounds, MG_UNPROVED, "The connection was closed when asked again.");
    }
    if (is_late)
        return settle(rounds, MG_TRANSACTION_POOLED,
                      "It has to wait as long as another connection works.");
    if (rounds->is_moved)
        return settle(rounds, MG_TRANSACTION_POOLED, "Another transaction met another backend.");
    return FOUND_NOTHING;
}

/* ---- B ------------------------------------------------------------------------ */

static bool
on_b(void *payload, const MgTag *tag, const MgResult *result, MgError *err)
{
    MgRounds *rounds = payload;
    (void)err;
    if (mg_result_is_error(result)) {
        rounds->is_refused |= tag->item == 0;
        return true;
    }
    if (tag->item == 1 && mg_result_n_rows(result) == 1) {
        MgProofClaim claim = { .application_name = rounds->other_name };
        mg_proof_judge(&claim, result, &rounds->other);
        rounds->other_started_us = mg_result_int(result, 0, MG_PROOF_COLUMNS);
    }
    return true;
}

static MgFound
judge_b(MgRounds *rounds, const MgProof *other)
{
    MgProof *proof = rounds->proof;
    if (other->postmaster_us != proof->postmaster_us) {
        add_evidence(rounds, "A second connection met another server.");
        return FOUND_END;
    }
    if (other->backend_pid == proof->backend_pid)
        return settle(rounds, MG_TRANSACTION_POOLED, "A second connection was given our backend.");
    if (proof->is_echo && !other->is_echo)
        return settle(rounds, MG_SESSION_POOLED,
                      "A second connection was given a backend that it did not start.");
    return FOUND_NOTHING;
}

/* Open a B, begin a transaction on it and look who it is; *ret_b stays open in it. */
static MgFound
ask_b(MgRounds *rounds, MgConn **ret_b)
{
    MgConnOptions options = *rounds->options;
    bool is_late = false;
    MgError refused;

    /* A name of its own: pgpool-II gives a cached backend to an equal startup packet. */
    options.application_name = mg_arena_format(
        rounds->arena, "%.*s%016llx", (int)(strlen(options.application_name) - NONCE_DIGITS),
        options.application_name, (unsigned long long)mg_clock_random());
    rounds->other_name = options.application_name;
    options.like = rounds->a;
    options.wait_server_ms = 0;
    options.attempt_ms = CONNECT_MS;
    options.on_waiting = NULL;
    if (!mg_conn_open(&options, ret_b, &refused)) {
        *rounds->err = refused;
        if (refused.code == MG_E_CANCELLED)
            return FOUND_FAILURE;
        add_evidence(rounds, "A second connection could not be opened.");
        return FOUND_END;
    }
    const MgOp ops[] = {
        { .kind = MG_OP_QUERY, .sql = "BEGIN" },
        { .kind = MG_OP_QUERY,
          .sql = mg_arena_format(
              rounds->arena,
              "SELECT proof.*, (SELECT (extract(epoch FROM a.backend_start)::numeric"
              " " MG_TIMES " 1000000::numeric)::pg_catalog.int8 FROM pg_catalog.pg_stat_activity a"
              " WHERE a.pid " MG_EQ " pg_catalog.pg_backend_pid()) FROM (%s) proof",
              mg_proof_rows_sql()) },
        { .kind = MG_OP_SYNC },
    };
    rounds->other = (MgProof){ 0 };
    bool is_answered = mg_conn_probe(*ret_b, ops, sizeof ops / sizeof *ops, on_b, rounds, PROBE_MS,
                                     &is_late, rounds->err);
    if (!is_answered && rounds->err->code == MG_E_CANCELLED)
        return FOUND_FAILURE;
    if (rounds->is_refused)
        return settle(rounds, MG_TRANSACTION_POOLED, "A transaction block is refused.");
    if (!is_answered || is_late || rounds->other.backend_pid == 0) {
        add_evidence(rounds, "A second connection got no answer.");
        return FOUND_END;
    }
    return judge_b(rounds, &rounds->other);
}

/* ---- Rounds --------------------------------------------------------------------- */

static MgFound
run_rounds(MgRounds *rounds, MgConn *others[MAX_B])
{
    int n_rounds = rounds->proof->is_echo ? 1 : MAX_B;
    MgFound found = ask_pgpool(rounds);
    if (found == FOUND_NOTHING)
        found = ask_a(rounds, MAX_A);

    for (int i = 0; i < n_rounds && found == FOUND_NOTHING; i++) {
        int64_t asked_us = rounds->proof->now_us;
        found = ask_b(rounds, &others[i]);
        if (found == FOUND_NOTHING)
            found = ask_a(rounds, 1);
        /* A backend that is younger than our question was started for B: no idle one is left. */
        if (found == FOUND_NOTHING && rounds->other_started_us > asked_us) {
            add_evidence(rounds, "A second connection got a new backend, and ours stayed ours.");
            rounds->proof->verdict = rounds->proof->is_echo ? MG_PINNED : MG_SESSION_POOLED;
            return FOUND_VERDICT;
        }
    }
    return found;
}

bool
mg_proof_rounds(MgConn *conn, const MgConnOptions *options, MgArena *arena, MgProof *proof,
                MgError *err)
{
    MgConn *others[MAX_B] = { NULL };
    MgError failure;
    MgRounds rounds = {
        .a = conn, .options = options, .arena = arena, .proof = proof, .err = &failure
    };

    MgFound found = run_rounds(&rounds, others);
    for (size_t i = 0; i < MAX_B; i++)
        mg_conn_close(others[i]);
    switch (found) {
    case FOUND_FAILURE:
        *err = failure;
        return false;
    case FOUND_VERDICT:
        return true;
    case FOUND_NOTHING: /* every round went well */
        proof->verdict = proof->is_echo ? MG_PINNED : MG_SESSION_POOLED;
        return true;
    case FOUND_END: /* the echo alone proves where the backend comes from */
        proof->verdict = proof->is_echo ? MG_PINNED : MG_UNPROVED;
        return true;
    }
    return true;
}
