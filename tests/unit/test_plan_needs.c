/* Which files a plan has to know: what the history has as it is, nobody looks at again. */
#include "plan_cases.h"

/* The labels of what is to be analysed, and the half-run scripts whose beginning is wanted. */
static const char *
show_needs(MgArena *arena, const Case *row)
{
    MG_CLEANUP(buf) MgBuf buf = { 0 };
    MgPlanInput input = make_input(arena, row);
    MgNeeds needs;
    mg_needs_find(input.goal, input.source, input.history, arena, &needs);
    for (size_t i = 0; i < input.source->n; i++) {
        const MgMigration *migration = &input.source->items[i];
        if (needs.is_analysed[i])
            mg_buf_format(&buf, "%s%s", buf.size_bytes > 0 ? " " : "",
                          migration->version != NULL ? migration->version : migration->label);
    }
    for (size_t i = 0; i < needs.half_runs.n; i++) {
        const MgHalfRun *half_run = &needs.half_runs.items[i];
        mg_buf_format(&buf, "; %d of %s of %s", half_run->n_done, half_run->is_down ? "down" : "up",
                      input.source->items[half_run->migration_i].label);
    }
    return mg_arena_text(arena, mg_buf_text(&buf));
}

static void
test_needs__of_up(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "nothing at all", "", "", "up", "" },
        { "nothing new", "1 2 R__v", "1 2 R__v", "up", "" },
        { "no history", "1 2", "", "up", "1 2" },
        { "pending, not only the next", "1 2 3", "1", "up 1", "2 3" },
        { "late", "1 2 3", "1 3", "up", "2" },
        { "edited, or only its comments", "1/! 2/~ 3", "1 2 3", "up", "1 2" },
        { "renamed: its row has another version", "5/=B", "2/=B", "up", "5" },
        { "another name for a version", "1_new 2", "1_old 2", "up", "" },
        { "written with other zeros", "009/=A 10/=B", "9/=A 010/=B", "up", "" },
        { "the newer of two rows counts", "9/=A", "009/=B 9/=A", "up", "" },
        { "a row that says nothing of its file", "1 2", "1/b 2/N", "up", "1 2" },
        { "a baseline of its file does", "1", "1/w", "up", "1" },
        { "adopted", "1/- 2", "1/a- 2/a", "up", "" },
        { "a down script that is not the one of its row", "1/D 2 3/-", "1 2/- 3", "up", "1 2" },
        { "stopped half-way", "1/M 2", "1/p12", "up", "1 2; 1 of up of 1_m" },
        { "stopped at once", "1/M", "1/p01", "up", "1" },
        { "the way back stopped half-way", "1/l 2", "1/r12 2", "up", "1; 1 of down of 1_m" },
        { "repeatables: new, changed, to be run again", "R__a R__b/! R__c R__d", "R__b R__c/S R__d",
          "up", "R__a R__b R__c" },
        { "a repeatable without statements is told of every time", "1 R__a", "1/e R__a/e", "up",
          "R__a" },
        { "what has no file", "2", "1 2 3 R__v", "up", "" },
    };
    CHECK(cases, show_needs);
}

static void
test_needs__of_what_reverts(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "the newest", "1 2 3 R__v", "1 2 3 R__v", "down", "3" },
        { "the newest application, not version", "1 2 3", "1 3 2", "down", "2" },
        { "so many", "1 2 3", "1 2 3", "down 2", "2 3" },
        { "more than there are", "1 2", "1 2", "down 9", "1 2" },
        { "down to a version: all may be meant", "1 2 3", "1 2 3", "down to:2", "1 2 3" },
        { "half reverted before", "1/l 2 3", "1/r12 2 3", "down", "1 3; 1 of down of 1_m" },
        { "nothing is applied", "1", "", "down", "1" },
        { "redo, and the repeatables", "1 2 R__v", "1 2 R__v", "redo", "2 R__v" },
        { "baseline", "1 2 3", "1", "baseline to:2", "2 3" },
    };
    CHECK(cases, show_needs);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_needs__of_up),
        cmocka_unit_test(test_needs__of_what_reverts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
