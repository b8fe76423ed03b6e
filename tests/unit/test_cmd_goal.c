/* How far to go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "goal.h"

static bool
parse(const char *word, const char *to, MgArena *arena, MgGoal *goal, MgError *err)
{
    char *words[] = { word == NULL ? NULL : mg_arena_text(arena, word), NULL };
    MgRun run = { .cmd = &cmd_up, .words = { words, word == NULL ? 0 : 1 } };
    return mg_goal_parse(&run, to, goal, err);
}

static void
test_goal__reads_number_and_version(void **state)
{
    (void)state;
    static const struct {
        const char *word, *to;
        int count;
    } cases[] = {
        { NULL, NULL, 0 },  { NULL, "5", 0 },       { "1", NULL, 1 },
        { "12", NULL, 12 }, { "9999", NULL, 9999 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        MgGoal goal = { .kind = MG_GOAL_UP };
        MgError err;
        assert_true(parse(cases[i].word, cases[i].to, &arena, &goal, &err));
        assert_int_equal(goal.count, cases[i].count);
        assert_ptr_equal(goal.to, cases[i].to);
        mg_arena_release(&arena);
    }
}

static void
test_goal__refuses(void **state)
{
    (void)state;
    static const char see[] = "See migrate up --help";
    static const struct {
        const char *word, *to, *message, *hint;
    } cases[] = {
        { "0", NULL, "0 is no number of migrations", see },
        { "2", "5", "a number of migrations and --to cannot be combined", see },
        { "0012", NULL, "\"0012\" is no number of migrations",
          "To name a version: migrate up --to 0012" },
        { "00", NULL, "\"00\" is no number of migrations",
          "To name a version: migrate up --to 00" },
        { "Latest", NULL, "\"Latest\" is no number of migrations",
          "Without a number it is all that are pending: migrate up" },
        { "x", NULL, "\"x\" is no number of migrations", see },
        { "-", NULL, "\"-\" is no number of migrations", see },
        { "2x", NULL, "\"2x\" is no number of migrations",
          "To name a version: migrate up --to 2x" },
        { "10000", NULL, "\"10000\" is no number of migrations",
          "To name a version: migrate up --to 10000" },
        { "20260310083000_x", NULL, "\"20260310083000_x\" is no number of migrations",
          "To name a version: migrate up --to 20260310083000_x" },
        { "migrations/1_x.sql", NULL, "\"migrations/1_x.sql\" is no number of migrations",
          "To name a version: migrate up --to migrations/1_x.sql" },
        { "postgres://u:s3cret@h/d", NULL, "a database URL is no number of migrations",
          "The database is given by --url URL." },
        { "host=/tmp", NULL, "\"***\" is no number of migrations", see },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        MgGoal goal = { .kind = MG_GOAL_UP };
        MgError err;
        assert_false(parse(cases[i].word, cases[i].to, &arena, &goal, &err));
        assert_int_equal(err.code, MG_E_USAGE);
        assert_string_equal(err.message, cases[i].message);
        assert_string_equal(err.hint[0], cases[i].hint);
        assert_string_equal(err.hint[1], "");
        mg_arena_release(&arena);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_goal__reads_number_and_version),
        cmocka_unit_test(test_goal__refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
