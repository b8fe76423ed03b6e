/* The lock's key, which other scripts may compute too, and the words of the server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pg/lock.h"
#include "sql/catalog.h"

/* printf 'migrate\0migrate\0history' | sha256sum: 2993368a32ff4a93... */
static void
test_lock__key(void **state)
{
    (void)state;
    static const struct {
        const char *schema, *table;
        int64_t key;
    } cases[] = {
        { "migrate", "history", INT64_C(2995798144320490131) },
        { "app", "migrations", INT64_C(1482342665205832251) },
        { "a", "b.c", INT64_C(-5516124370537491348) },
        { "\xC3\xA4", "\xC3\xB6", INT64_C(6967033952546662147) },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgLock lock = mg_lock_init(cases[i].schema, cases[i].table);
        assert_true(lock.key == cases[i].key);
        assert_int_equal(lock.backend_pid, 0);
    }
}

/* Where one name ends and the other begins counts. */
static void
test_lock__names_do_not_run_together(void **state)
{
    (void)state;
    assert_true(mg_lock_init("ab", "c").key != mg_lock_init("a", "bc").key);
}

static void
test_lock__nonce(void **state)
{
    (void)state;
    MgLock one = mg_lock_init("migrate", "history");
    MgLock other = mg_lock_init("migrate", "history");
    assert_true(one.nonce >= 0 && other.nonce >= 0);
    assert_true(one.nonce != other.nonce);
}

static void
test_lock__words(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        MgLockState state;
    } cases[] = {
        { "shared", MG_LOCK_SHARED }, { "held", MG_LOCK_HELD },      { "busy", MG_LOCK_BUSY },
        { NULL, MG_LOCK_NOT_OURS },   { "", MG_LOCK_NOT_OURS },      { "HELD", MG_LOCK_NOT_OURS },
        { "hel", MG_LOCK_NOT_OURS },  { "held ", MG_LOCK_NOT_OURS },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(mg_lock_state(cases[i].word), cases[i].state);
}

/* What the server is asked; negative keys need no parentheses as an argument or in a list. */
static void
test_lock__sql(void **state)
{
    (void)state;
    MgArena arena = { 0 };
    MgLock lock = { .key = -5, .nonce = 7, .backend_pid = 4711 };
    assert_string_equal(
        mg_lock_take_sql(&lock, &arena),
        "CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_lock_status() l"
        " WHERE l.locktype " MG_EQ " 'advisory' AND l.granted AND l.objsubid " MG_EQ " 1"
        " AND l.pid " MG_EQ " pg_catalog.pg_backend_pid()"
        " AND (l.classid::bigint OPERATOR(pg_catalog.<<) 32 OPERATOR(pg_catalog.|)"
        " l.objid::bigint) " MG_EQ " -5) THEN 'shared' "
        "WHEN pg_catalog.pg_try_advisory_lock(-5) "
        "THEN CASE WHEN pg_catalog.pg_try_advisory_lock(7) "
        "AND pg_catalog.pg_try_advisory_lock(-5) AND pg_catalog.pg_try_advisory_lock(7) "
        "THEN 'held' ELSE 'shared' END ELSE 'busy' END");
    assert_string_equal(
        mg_lock_fence_sql(&lock, &arena),
        "CASE WHEN CASE WHEN pg_catalog.pg_backend_pid() " MG_EQ " 4711 THEN "
        "CASE WHEN pg_catalog.pg_advisory_unlock(7) THEN "
        "CASE WHEN pg_catalog.pg_try_advisory_lock(7) THEN "
        "CASE WHEN pg_catalog.pg_advisory_unlock(-5) THEN "
        "pg_catalog.pg_try_advisory_lock(-5) END END END END THEN true "
        "ELSE pg_catalog.current_setting('fence: this backend does not hold our lock') IS NULL "
        "END");
    mg_arena_release(&arena);
}

/* How a run names itself to those that wait for it. */
static void
test_lock__owner(void **state)
{
    (void)state;
    static const struct {
        const char *by, *commit;
        size_t max_bytes;
        const char *expect;
    } cases[] = {
        { "app@host", NULL, 32, "app@host" },
        { "vercel dpl_8Hq2vN", "4f2a91c0d6", 32, "vercel dpl_8Hq2vN,4f2a91c" },
        { "vercel dpl_89qyp1cskzkLrVicDaZoDbjyHuDJ", "4f2a91c0d6", 32,
          "vercel dpl_89qyp1cskzkLr,4f2a91c" },
        { "vercel dpl_89qyp1cskzkLrVicDaZoDbjyHuDJ", NULL, 32, "vercel dpl_89qyp1cskzkLrVicDaZoD" },
        { "o'neil\\@h\xc3\xb6st,1", "HEAD", 32, "o-neil-@h--st-1" },
        { "app@host", "4f2a9", 32, "app@host" },
        { "", "4f2a91c0d6", 32, ",4f2a91c" },
    };
    MgArena arena = { 0 };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(mg_lock_owner(cases[i].by, cases[i].commit, cases[i].max_bytes, &arena),
                            cases[i].expect);
    mg_arena_release(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lock__key),   cmocka_unit_test(test_lock__names_do_not_run_together),
        cmocka_unit_test(test_lock__nonce), cmocka_unit_test(test_lock__words),
        cmocka_unit_test(test_lock__sql),   cmocka_unit_test(test_lock__owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
