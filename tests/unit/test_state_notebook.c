/*
 * The notebook: what is noted comes back, by target and by address.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "state/notebook.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

typedef struct Fixture {
    char folder[64], path[128];
    MgStateFile *file;
    MgArena arena;
} Fixture;

static void
begin(Fixture *fixture)
{
    MgError err;
    *fixture = (Fixture){ .folder = "/tmp/migrate-notebook-XXXXXX" };
    assert_non_null(mkdtemp(fixture->folder));
    snprintf(fixture->path, sizeof fixture->path, "%s/state.db", fixture->folder);
    MgStateOpen input = { .path = fixture->path, .layout = &mg_notebook_layout };
    assert_true(mg_state_open(&input, &fixture->file, &err));
}

static void
end(Fixture *fixture)
{
    mg_state_close(fixture->file);
    mg_arena_release(&fixture->arena);
    static const char *const suffixes[] = { "", "-wal", "-shm" };
    for (size_t i = 0; i < COUNT(suffixes); i++) {
        char path[sizeof fixture->path + 8];
        snprintf(path, sizeof path, "%s%s", fixture->path, suffixes[i]);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(rmdir(fixture->folder), 0);
}

static const MgAddress direct = {
    .host = "db.example.com", .port = 5432, .user = "app", .database = "shop", .history = "a.b"
};
static const MgAddress pooled = {
    .host = "pool.example.com", .port = 6543, .user = "app", .database = "shop", .history = "a.b"
};

static MgApplied rows[] = {
    { .id = 3,
      .version = "1",
      .name = "users",
      .kind = MG_BASELINE,
      .applied_at_ms = 1000,
      .applied_by = "app@host" },
    { .id = 7,
      .version = "2",
      .name = "orders",
      .digest = "aa",
      .token_digest = "bb",
      .down_digest = "cc",
      .prefix_digest = "dd",
      .n_statements = 3,
      .n_statements_started = 2,
      .n_statements_done = 1,
      .down = { 4, 3, 2, "ff" },
      .applied_at_ms = 2000,
      .duration_us = 4000,
      .applied_by = "app@host",
      .commit = "4f2a91c" },
    { .id = 9,
      .name = "report",
      .kind = MG_REPEATABLE,
      .digest = "ee",
      .applied_at_ms = 3000,
      .is_stale = true },
};

static void
note_concluded(Fixture *fixture, const MgAddress *address, const char *identifier, size_t n,
               size_t n_settled, int64_t at_ms)
{
    MgError err;
    MgHistory history = { .exists = true, .items = rows, .n = n };
    MgSeen seen = { .identity = { .system_identifier = identifier,
                                  .database_oid = 5,
                                  .place = "db.example.com:5432" },
                    .history = &history,
                    .n_settled = n_settled,
                    .server_version = "17.5",
                    .verdict = "direct",
                    .at_ms = at_ms };
    MgNote whole = { .address = *address, .seen = &seen };
    assert_true(mg_notebook_note(fixture->file, &whole, &err));
}

static void
note(Fixture *fixture, const MgAddress *address, const char *identifier, size_t n, int64_t at_ms)
{
    note_concluded(fixture, address, identifier, n, n, at_ms);
}

static MgSeen
recall(Fixture *fixture, const MgAddress *address)
{
    MgError err;
    MgSeen seen = { 0 };
    assert_true(mg_notebook_seen(fixture->file, address, &fixture->arena, &seen, &err));
    return seen;
}

static void
test_notebook__gives_a_history_back(void **state)
{
    (void)state;
    Fixture fixture;
    begin(&fixture);
    note(&fixture, &direct, "71", 3, 5000);
    MgSeen seen = recall(&fixture, &direct);
    assert_true(seen.history->exists);
    assert_int_equal(seen.history->n, 3);
    assert_int_equal(seen.at_ms, 5000);
    assert_string_equal(seen.server_version, "17.5");
    assert_int_equal(seen.history->items[0].kind, MG_BASELINE);
    assert_null(seen.history->items[0].digest);
    const MgApplied *row = &seen.history->items[1];
    assert_int_equal(row->id, 7);
    assert_string_equal(row->version, "2");
    assert_string_equal(row->name, "orders");
    assert_string_equal(row->digest, "aa");
    assert_string_equal(row->token_digest, "bb");
    assert_string_equal(row->down_digest, "cc");
    assert_string_equal(row->prefix_digest, "dd");
    assert_int_equal(row->n_statements, 3);
    assert_int_equal(row->n_statements_started, 2);
    assert_int_equal(row->n_statements_done, 1);
    assert_int_equal(row->down.n_statements, 4);
    assert_int_equal(row->down.n_started, 3);
    assert_int_equal(row->down.n_done, 2);
    assert_string_equal(row->down.prefix_digest, "ff");
    assert_int_equal(row->applied_at_ms, 2000);
    assert_int_equal(row->duration_us, 4000);
    assert_string_equal(row->applied_by, "app@host");
    assert_false(row->is_stale);
    assert_true(seen.history->items[2].is_stale);
    assert_string_equal(row->commit, "4f2a91c");
    assert_null(seen.history->items[2].version);
    assert_int_equal(seen.history->items[2].kind, MG_REPEATABLE);
    assert_null(recall(&fixture, &pooled).history);
    end(&fixture);
}

/* Two addresses of one target see the same; a new server at an old address is another target. */
static void
test_notebook__knows_targets_from_addresses(void **state)
{
    (void)state;
    Fixture fixture;
    begin(&fixture);
    note(&fixture, &direct, "71", 1, 5000);
    note(&fixture, &pooled, "71", 2, 6000);
    assert_int_equal(recall(&fixture, &direct).history->n, 2);
    assert_int_equal(recall(&fixture, &direct).at_ms, 6000);
    note(&fixture, &direct, "72", 3, 7000);
    assert_int_equal(recall(&fixture, &direct).history->n, 3);
    assert_int_equal(recall(&fixture, &pooled).history->n, 2);
    note(&fixture, &direct, "72", 1, 8000); /* two were reverted */
    assert_int_equal(recall(&fixture, &direct).history->n, 1);
    end(&fixture);
}

static void
test_notebook__gives_a_run_back(void **state)
{
    (void)state;
    Fixture fixture;
    MgError err, error;
    MgJournal journal;
    begin(&fixture);
    (void)mg_fail(&error, MG_E_SQL, "column \"x\" does not exist");
    memcpy(error.sqlstate, "42703", sizeof error.sqlstate);
    mg_error_at(&error, "migrations/2_x.up.sql", 4, 16);
    mg_error_detail(&error, "Two lines\nof it.");
    mg_error_hint(&error, "One.");
    mg_error_hint(&error, "Two.");
    mg_error_note(&error, "2_x was rolled back");
    const MgNotedStep steps[] = { { "applied", "1_users", "1", "aa", 41000 },
                                  { "failed", "2_x", "2", "bb", 7000 } };
    MgJournalRun good = { .command = "up", .began_at_ms = 1000, .tool = "9.9" };
    MgJournalRun bad = { .command = "redo",
                         .began_at_ms = 2000,
                         .elapsed_us = 50000,
                         .by = "app@host",
                         .tool = "9.9",
                         .n_applied = 1,
                         .n_reverted = 2,
                         .n_recorded = 3,
                         .n_tried = 4,
                         .head = "1_users",
                         .error = &error };
    MgNotedRun notes[] = { { .run = &good }, { .run = &bad, .steps = steps, .n_steps = 2 } };
    for (int i = 0; i < 2; i++) {
        MgNote whole = { .address = direct, .run = &notes[i] };
        assert_true(mg_notebook_note(fixture.file, &whole, &err));
    }

    assert_true(mg_notebook_runs(fixture.file, 0, 1, &fixture.arena, &journal, &err));
    assert_int_equal(journal.n, 1);
    assert_int_equal(journal.n_all, 2);
    const MgJournalRun *run = &journal.items[0];
    assert_int_equal(run->n_steps, 0);
    assert_int_equal(run->id, 2);
    assert_string_equal(run->command, "redo");
    assert_string_equal(run->host, "db.example.com");
    assert_string_equal(run->history, "a.b");
    assert_int_equal(run->n_reverted, 2);
    assert_int_equal(run->n_recorded, 3);
    assert_int_equal(run->n_tried, 4);
    assert_string_equal(run->head, "1_users");
    assert_int_equal(run->error->code, MG_E_SQL);
    assert_string_equal(run->error->sqlstate, "42703");
    assert_string_equal(run->error->place, "migrations/2_x.up.sql");
    assert_int_equal(run->error->line, 4);
    assert_int_equal(run->error->column, 16);
    assert_string_equal(run->error->message, "column \"x\" does not exist");
    assert_string_equal(run->error->detail, "Two lines\nof it.");
    assert_string_equal(run->error->hint[0], "One.");
    assert_string_equal(run->error->hint[1], "Two.");
    assert_string_equal(run->error->note, "2_x was rolled back");

    assert_true(mg_notebook_runs(fixture.file, 2, 0, &fixture.arena, &journal, &err));
    assert_int_equal(journal.items[0].n_steps, 2);
    assert_string_equal(journal.items[0].steps[1].what, "failed");
    assert_int_equal(journal.items[0].steps[1].duration_us, 7000);
    assert_true(mg_notebook_runs(fixture.file, 1, 0, &fixture.arena, &journal, &err));
    assert_null(journal.items[0].error);
    assert_true(mg_notebook_runs(fixture.file, 3, 0, &fixture.arena, &journal, &err));
    assert_int_equal(journal.n, 0);
    end(&fixture);
}

static void
test_notebook__knows_what_is_usual(void **state)
{
    (void)state;
    Fixture fixture;
    MgError err;
    begin(&fixture);
    static const struct {
        const char *version, *digest;
        int64_t expect_us;
    } cases[] = {
        { "2", "aa", 3000 }, /* the middle one of 1, 3 and 9 ms; what failed does not count */
        { "3", "aa", 0 },
        { "2", "bb", 0 },
        { NULL, "rr", 5000 },
    };
    const MgNotedStep steps[] = {
        { "applied", "2_x", "2", "aa", 9000 }, { "applied", "2_x", "2", "aa", 1000 },
        { "applied", "2_x", "2", "aa", 3000 }, { "failed", "2_x", "2", "aa", 1 },
        { "reverted", "2_x", "2", "aa", 2 },   { "applied", "R__r", NULL, "rr", 5000 },
    };
    MgJournalRun run = { .command = "up", .tool = "9.9" };
    MgNotedRun noted = { .run = &run, .steps = steps, .n_steps = 6 };
    MgNote whole = { .address = direct, .run = &noted };
    assert_true(mg_notebook_note(fixture.file, &whole, &err));
    note(&fixture, &direct, "71", 3, 5000); /* its "2" is half-run */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t usual_us = -1;
        assert_true(
            mg_notebook_usual(fixture.file, cases[i].version, cases[i].digest, &usual_us, &err));
        assert_int_equal(usual_us, cases[i].expect_us);
    }
    end(&fixture);
}

/* Rows that are noted stay, those that were concluded are written again. */
static void
test_notebook__writes_what_is_new(void **state)
{
    (void)state;
    static const char spoil[] = "UPDATE applied SET name = 'noted before'";
    static const struct {
        size_t n, n_settled;
        const char *names;
    } cases[] = {
        { 1, 1, "users" },
        { 1, 1, "noted before" },
        { 2, 1, "noted before, orders" }, /* the second one is concluded, */
        { 2, 2, "noted before, orders" }, /* and read now */
        { 3, 2, "noted before, noted before, report" },
        { 2, 2, "noted before, noted before" },         /* it was not so */
        { 3, 0, "noted before, noted before, report" }, /* one before it was reverted */
        { 3, 3, "users, orders, report" },
        { 0, 0, "" },
    };
    MgError err;
    Fixture fixture;
    begin(&fixture);
    for (size_t i = 0; i < COUNT(cases); i++) {
        char names[128] = "";
        note_concluded(&fixture, &direct, "71", cases[i].n, cases[i].n_settled, 5000);
        const MgHistory *history = recall(&fixture, &direct).history;
        for (size_t k = 0; k < history->n; k++)
            snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s",
                     k == 0 ? "" : ", ", history->items[k].name);
        assert_string_equal(names, cases[i].names);
        assert_true(mg_state_run(fixture.file, spoil, NULL, 0, &err));
    }

    /* A row that changed takes those behind it along. */
    note(&fixture, &direct, "71", 3, 5000);
    assert_true(mg_state_run(fixture.file, spoil, NULL, 0, &err));
    rows[0].applied_at_ms++;
    note(&fixture, &direct, "71", 3, 5000);
    rows[0].applied_at_ms--;
    assert_string_equal(recall(&fixture, &direct).history->items[2].name, "report");
    end(&fixture);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_notebook__gives_a_history_back),
        cmocka_unit_test(test_notebook__writes_what_is_new),
        cmocka_unit_test(test_notebook__knows_targets_from_addresses),
        cmocka_unit_test(test_notebook__gives_a_run_back),
        cmocka_unit_test(test_notebook__knows_what_is_usual),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
