/*
 * The lock.  Needs a direct connection: behind a transaction pooler it would
 * belong to whoever uses the backend next.  Knows nothing of plans or history.
 */
#include "pg/lock.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/text.h"
#include "sql/catalog.h"
#include "sql/quote.h"
#include "sql/stmt.h"

enum {
    ANSWER_MS = 30 * 1000,
    COMMIT_BYTES = 7, /* as git shows it */
};

/*
 * An advisory lock on a bigint key shows as two halves and objsubid 1.  Our own are of our
 * database; another's must be asked for theirs.  The function is what stands behind pg_locks: a
 * view takes longer to plan.
 */
#define LOCK_ROWS                                                                                  \
    "pg_catalog.pg_lock_status() l WHERE l.locktype " MG_EQ                                        \
    " 'advisory' AND l.granted AND l.objsubid " MG_EQ " 1"
#define IN_DATABASE                                                                                \
    " AND l.database " MG_EQ " (SELECT d.oid FROM pg_catalog.pg_database d"                        \
    " WHERE d.datname " MG_EQ " pg_catalog.current_database())"
#define LOCK_KEY                                                                                   \
    "(l.classid::bigint OPERATOR(pg_catalog.<<) 32 OPERATOR(pg_catalog.|) l.objid::bigint)"
/* A key of two integers shows as two oids. */
#define TO_INT(oid) oid "::bigint::bit(32)::integer"
#define TRY "pg_catalog.pg_try_advisory_lock(%" PRId64 ")"
#define UNLOCK "pg_catalog.pg_advisory_unlock(%" PRId64 ")"

/* There is no such setting, which is found out at run time.  It stands in every execution and is
 * made ready, as a cast would be, but for less. */
#define LOST "pg_catalog.current_setting('" MG_LOCK_LOST "') IS NULL"

MgLock
mg_lock_init(const char *schema, const char *table)
{
    MgBuf text = { 0 };
    uint8_t digest[MG_DIGEST_BYTES];
    mg_buf_add_n(&text, "migrate", sizeof "migrate");
    mg_buf_add_n(&text, schema, strlen(schema) + 1);
    mg_buf_add(&text, table);
    mg_digest(text.text, text.size_bytes, digest);
    mg_buf_release(&text);

    uint64_t key = 0;
    for (int i = 0; i < 8; i++)
        key = key << 8 | digest[i];
    return (MgLock){ .key = (int64_t)key, .nonce = (int64_t)(mg_clock_random() >> 1) };
}

const char *
mg_lock_take_sql(const MgLock *lock, MgArena *arena)
{
    return mg_arena_format(
        arena,
        "CASE WHEN EXISTS (SELECT FROM " LOCK_ROWS " AND l.pid " MG_EQ
        " pg_catalog.pg_backend_pid() AND " LOCK_KEY " " MG_EQ " %" PRId64 ") THEN 'shared'"
        " WHEN " TRY " THEN CASE WHEN " TRY " AND " TRY " AND " TRY " THEN 'held' ELSE 'shared' END"
        " ELSE 'busy' END",
        lock->key, lock->key, lock->nonce, lock->key, lock->nonce);
}

MgLockState
mg_lock_state(const char *word)
{
    static const struct {
        const char *word;
        MgLockState state;
    } words[] = { { "shared", MG_LOCK_SHARED },
                  { "held", MG_LOCK_HELD },
                  { "busy", MG_LOCK_BUSY } };

    for (size_t i = 0; word != NULL && i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i].word, word) == 0)
            return words[i].state;
    return MG_LOCK_NOT_OURS;
}

static bool
on_try(void *payload, const MgTag *tag, const MgResult *result, MgError *err)
{
    (void)tag;
    if (mg_result_is_error(result))
        return mg_result_fail(result, MG_E_SERVER, err);
    if (mg_result_n_rows(result) == 1)
        *(MgLockState *)payload = mg_lock_state(mg_result_text(result, 0, 0));
    return true;
}

bool
mg_lock_try(MgConn *conn, const MgLock *lock, MgArena *arena, MgLockState *ret, MgError *err)
{
    MgLockState state = MG_LOCK_NOT_OURS;
    MgOp op = { .kind = MG_OP_QUERY,
                .sql = mg_arena_format(arena, "SELECT %s", mg_lock_take_sql(lock, arena)) };
    bool is_late = false;
    if (!mg_conn_probe(conn, &op, 1, on_try, &state, ANSWER_MS, &is_late, err))
        return false;
    if (is_late)
        return mg_fail(err, MG_E_CONNECTION_LOST, "the server does not answer any more");
    *ret = state;
    return true;
}

const char *
mg_lock_fence_sql(const MgLock *lock, MgArena *arena)
{
    assert(lock->backend_pid != 0);
    /* The nonce first: where it is held, the backend is ours, and so is its count of the other.
     * What fails stands there once, since every execution makes all of it ready. */
    return mg_arena_format(arena,
                           "CASE WHEN CASE WHEN pg_catalog.pg_backend_pid() " MG_EQ " %d THEN"
                           " CASE WHEN " UNLOCK " THEN CASE WHEN " TRY " THEN CASE WHEN " UNLOCK
                           " THEN " TRY " END END END END THEN true ELSE " LOST " END",
                           lock->backend_pid, lock->nonce, lock->nonce, lock->key, lock->key);
}

/*
 * A lock may be held many times, exclusive and shared: each is let go until the
 * server says that there is none left, which it also says, with a WARNING, of
 * one that the transaction holds.
 */
const char *
mg_lock_release_others_sql(const MgLock *lock, MgArena *arena)
{
    return mg_arena_format(
        arena,
        "WITH RECURSIVE held AS (SELECT " LOCK_KEY " AS key, " TO_INT("l.classid") " AS a, " TO_INT(
            "l.objid") " AS b, l.objsubid " MG_EQ " 1 AS is_one, l.mode " MG_EQ
                       " 'ShareLock' AS is_shared, true AS was_held"
                       " FROM pg_catalog.pg_lock_status() l WHERE l.locktype " MG_EQ
                       " 'advisory' AND l.granted"
                       " AND l.pid " MG_EQ " pg_catalog.pg_backend_pid()"
                       " AND NOT (l.objsubid " MG_EQ " 1 AND " LOCK_KEY " " MG_EQ_ANY "('{%" PRId64
                       ",%" PRId64 "}'))"
                       " UNION ALL SELECT key, a, b, is_one, is_shared, CASE"
                       " WHEN is_one AND is_shared THEN pg_catalog.pg_advisory_unlock_shared(key)"
                       " WHEN is_one THEN pg_catalog.pg_advisory_unlock(key)"
                       " WHEN is_shared THEN pg_catalog.pg_advisory_unlock_shared(a, b)"
                       " ELSE pg_catalog.pg_advisory_unlock(a, b) END"
                       " FROM held WHERE was_held) SELECT pg_catalog.count(*) FROM held",
        lock->key, lock->nonce);
}

/* ---- Who holds it --------------------------------------------------------- */

typedef struct MgHolderRead {
    MgArena *arena;
    MgHolder *ret;
} MgHolderRead;

static bool
is_commit(const char *text)
{
    return text != NULL && strspn(text, "0123456789abcdef") >= COMMIT_BYTES;
}

const char *
mg_lock_owner(const char *by, const char *commit, size_t max_bytes, MgArena *arena)
{
    MG_CLEANUP(buf) MgBuf text = { 0 };
    bool has_commit = is_commit(commit);
    size_t by_bytes = max_bytes - (has_commit ? COMMIT_BYTES + 1 : 0);
    for (; *by != '\0' && text.size_bytes < by_bytes; by++) {
        bool is_plain = *by >= ' ' && *by < 0x7f && strchr("'\\,", *by) == NULL;
        mg_buf_add_char(&text, is_plain ? *by : '-');
    }
    if (has_commit)
        mg_buf_format(&text, ",%.*s", COMMIT_BYTES, commit);
    return mg_arena_text(arena, mg_buf_text(&text));
}

/* "migrate/0.1.0 vercel dpl_1,4f2a91c 1a2b...": the first and last words are the program's. */
static void
take_owner(const char *application_name, const char *user, MgArena *arena, MgHolder *ret)
{
    const char *begin = strchr(application_name, ' ');
    const char *end = strrchr(application_name, ' ');
    if (!mg_text_starts(application_name, "migrate/") || end <= begin) {
        ret->name = mg_arena_text(arena, application_name[0] != '\0' ? application_name : user);
        return;
    }
    char *name = mg_arena_text_n(arena, begin + 1, (size_t)(end - begin - 1));
    char *comma = strchr(name, ',');
    if (comma != NULL && is_commit(comma + 1)) {
        *comma = '\0';
        ret->commit = comma + 1;
    }
    ret->name = name;
}

/* A role without the right to see others gets their pid and application_name only. */
static void
take_holder(const MgResult *result, MgArena *arena, MgHolder *ret)
{
    const char *since = mg_result_text(result, 0, 3);
    const char *state = mg_result_text(result, 0, 4);
    const char *query = mg_result_text(result, 0, 5);
    char duration[32];
    mg_text_duration(mg_result_int(result, 0, 6), duration, sizeof duration);
    ret->pid = (int)mg_result_int(result, 0, 0);
    take_owner(mg_result_text(result, 0, 1), mg_result_text(result, 0, 2), arena, ret);
    ret->since = mg_arena_text(arena, since != NULL ? since : "an unknown time");
    if (since == NULL)
        ret->runs = "does what this role may not see";
    else if (strcmp(state, "active") == 0 && query[0] != '\0') {
        MgStmt stmt;
        mg_stmt_classify(query, strlen(query), 0, &stmt);
        bool is_known = strcmp(stmt.label, "statement") != 0;
        ret->runs = mg_arena_format(arena, "runs %s since %s",
                                    is_known ? stmt.label : "a statement", duration);
    } else
        ret->runs = mg_arena_format(arena, "is silent since %s", duration);
}

bool
mg_lock_take_holder(const MgResult *result, MgArena *arena, MgHolder *ret, MgError *err)
{
    MgHolder holder = { 0 };
    if (mg_result_is_error(result))
        return mg_result_fail(result, MG_E_SERVER, err);
    if (mg_result_n_rows(result) > 0)
        take_holder(result, arena, &holder);
    *ret = holder;
    return true;
}

static bool
on_holder(void *payload, const MgTag *tag, const MgResult *result, MgError *err)
{
    MgHolderRead *read = payload;
    (void)tag;
    return mg_lock_take_holder(result, read->arena, read->ret, err);
}

const char *
mg_lock_holder_sql(const MgLock *lock, MgArena *arena)
{
    return mg_arena_format(
        arena,
        "SELECT a.pid, coalesce(a.application_name, ''), coalesce(a.usename, ''),"
        " pg_catalog.to_char(a.backend_start AT TIME ZONE 'UTC', 'HH24:MI:SS'),"
        /* In the middle of a pipeline a session that waits for its client is still "active". */
        " CASE WHEN a.wait_event " MG_EQ
        " 'ClientRead' THEN 'silent' ELSE coalesce(a.state, '') END,"
        " pg_catalog.left(coalesce(a.query, ''), 2000),"
        " coalesce((extract(epoch FROM pg_catalog.clock_timestamp() " MG_MINUS
        " CASE WHEN a.state " MG_EQ " 'active' THEN a.query_start ELSE a.state_change END)"
        "::numeric " MG_TIMES " 1000000::numeric)::bigint, 0)"
        " FROM pg_catalog.pg_stat_activity a WHERE a.pid " MG_EQ_ANY
        "(SELECT l.pid FROM " LOCK_ROWS IN_DATABASE " AND " LOCK_KEY " " MG_EQ " %" PRId64
        ") LIMIT 1",
        lock->key);
}

bool
mg_lock_holder(MgConn *conn, const MgLock *lock, MgArena *arena, MgHolder *ret, MgError *err)
{
    MgHolder holder = { 0 };
    MgOp op = { .kind = MG_OP_QUERY, .sql = mg_lock_holder_sql(lock, arena) };
    if (!mg_conn_run_ops(conn, &op, 1, on_holder, &(MgHolderRead){ arena, &holder }, err))
        return false;
    *ret = holder;
    return true;
}
