/* Every line that a run says.  Both streams go into one pipe, so their order is seen too. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "talk.h"

typedef struct Fixture {
    MgArena arena;
    int fds[2];
    MgTalk talk;
} Fixture;

static void
begin(Fixture *fixture)
{
    *fixture = (Fixture){ .fds = { -1, -1 } };
    assert_int_equal(pipe(fixture->fds), 0);
    fixture->talk.arena = &fixture->arena;
    fixture->talk.out.fd = fixture->talk.err.fd = fixture->fds[1];
}

static void
end(Fixture *fixture, const char *expect)
{
    char got[8192];
    close(fixture->fds[1]);
    ssize_t n = read(fixture->fds[0], got, sizeof got - 1);
    assert_true(n >= 0);
    got[n] = '\0';
    close(fixture->fds[0]);
    mg_arena_release(&fixture->arena);
    assert_string_equal(got, expect);
}

#define TOTALS "20260309101500_add_order_totals"
#define INDEX "20260310083000_index_orders_customer"
#define GROSS "20260311120000_backfill_gross"

static const MgEvent run_events[] = {
    { MG_EVENT_TARGET, NULL, 0, "shop at localhost, from DATABASE_URL", 0, 0, 0, 0 },
    { MG_EVENT_SESSION, NULL, 0, "PostgreSQL 17.5, pinned", 0, 0, 0, 0 },
    { MG_EVENT_TARGET, NULL, 0, "shop at localhost, from DATABASE_URL", 0, 0, 0, 0 },
    { MG_EVENT_NOTE, NULL, 0, "worth knowing", 0, 0, 0, 0 },
    { MG_EVENT_NOTE, NULL, 0, "worth knowing", 0, 0, 0, 0 },
    { MG_EVENT_WARNING, NULL, 0, "worth acting on\nin two lines", 0, 0, 0, 0 },
    { MG_EVENT_APPLIED, TOTALS, 41000, NULL, 0, 0, 0, 0 },
    { MG_EVENT_RUNNING, INDEX, 10000000, "CREATE INDEX CONCURRENTLY", 0, 0, 0, 0 },
    { MG_EVENT_RUNNING, INDEX, 20000000, "CREATE INDEX CONCURRENTLY", 0, 0, 200000000, 0 },
    { MG_EVENT_RUNNING, INDEX, 30000000, NULL, 0, 0, 200000000, 30999999 },
    { MG_EVENT_RUNNING, INDEX, 10000000, "UPDATE", 0, 0, 200000000, 130000000 },
    { MG_EVENT_WAITING, NULL, 0, "10 s of 5 min; pid 48213 runs VACUUM", 0, 0, 0, 0 },
    { MG_EVENT_APPLIED, INDEX, 12400000, "no transaction", 0, 0, 0, 0 },
    { MG_EVENT_NOTICE, GROSS, 0, "NOTICE: one\nHINT: two", 0, 0, 0, 0 },
    { MG_EVENT_DEBUG, NULL, 0, NULL, 0, 0, 0, 0 },
    { MG_EVENT_REVERTED, GROSS, 180000, NULL, 0, 0, 0, 0 },
};

static void
tell(MgTalk *talk)
{
    for (size_t i = 0; i < sizeof run_events / sizeof *run_events; i++)
        mg_talk_event(talk, &run_events[i]);
    mg_talk_result(talk, "done", "%d applied in %s", 2, "12.7 s");
}

static const char told[] =
    "target   shop at localhost, from DATABASE_URL\n"
    "session  PostgreSQL 17.5, pinned\n"
    "note: worth knowing\n"
    "warning: worth acting on\n"
    "      in two lines\n"
    "applied  20260309101500_add_order_totals         41 ms\n"
    "running  20260310083000_index_orders_customer     10 s  CREATE INDEX "
    "CONCURRENTLY\n"
    "running  20260310083000_index_orders_customer     20 s  CREATE INDEX "
    "CONCURRENTLY, usually 3 min 20 s\n"
    "running  20260310083000_index_orders_customer     30 s  usually 3 min 20 s\n"
    "running  20260310083000_index_orders_customer     10 s  UPDATE, "
    "2 min 10 s of usually 3 min 20 s\n"
    "waiting  10 s of 5 min; pid 48213 runs VACUUM\n"
    "applied  20260310083000_index_orders_customer   12.4 s  no transaction\n"
    "server   20260311120000_backfill_gross: NOTICE: one\n"
    "         HINT: two\n"
    "reverted 20260311120000_backfill_gross          180 ms\n"
    "done     2 applied in 12.7 s\n";

static void
test_talk__prints_lines(void **state)
{
    (void)state;
    Fixture fixture;
    begin(&fixture);
    tell(&fixture.talk);
    end(&fixture, told);
}

static bool
has_written(const Fixture *fixture)
{
    struct pollfd fd = { .fd = fixture->fds[0], .events = POLLIN };
    return poll(&fd, 1, 0) == 1;
}

/* Lines of migrations wait for the next wait, and for nothing else: the order stays. */
static void
test_talk__gathers_what_comes_in_bursts(void **state)
{
    (void)state;
    static const MgEvent applied = { MG_EVENT_APPLIED, TOTALS, 41000, NULL, 0, 0, 0, 0 };
    static const char line[] = "applied  20260309101500_add_order_totals         41 ms\n";
    char expect[8192] = "";
    Fixture fixture;
    begin(&fixture);
    fixture.talk.is_gathering = true;
    mg_talk_event(&fixture.talk, &applied);
    mg_talk_event(&fixture.talk, &applied);
    assert_false(has_written(&fixture));
    mg_talk_idle(&fixture.talk);
    assert_true(has_written(&fixture));
    tell(&fixture.talk);
    end(&fixture, strcat(strcat(strcat(expect, line), line), told));

    /* More than are kept. */
    size_t n = MG_TALK_GATHER_BYTES / (sizeof line - 1);
    begin(&fixture);
    fixture.talk.is_gathering = true;
    for (size_t i = 0; i < n; i++)
        mg_talk_event(&fixture.talk, &applied);
    assert_false(has_written(&fixture));
    mg_talk_event(&fixture.talk, &applied);
    assert_true(has_written(&fixture));
    expect[0] = '\0';
    for (size_t i = 0; i < n; i++)
        memcpy(expect + i * (sizeof line - 1), line, sizeof line);
    end(&fixture, expect);
}

/* A row of the history that somebody else wrote. */
static void
test_talk__lets_nothing_steer_the_terminal(void **state)
{
    (void)state;
    static const MgEvent events[] = {
        { MG_EVENT_WARNING, NULL, 0, "x\x1b[31mRED is ahead", 0, 0, 0, 0 },
        { MG_EVENT_NOTICE, "x\x1b[31mRED", 0, "NOTICE: \x1b]0;title\x07\nHINT: two", 0, 0, 0, 0 },
        { MG_EVENT_REVERTED, "x\x1b[31mRED\n", 41000, NULL, 0, 0, 0, 0 },
    };
    Fixture fixture;
    begin(&fixture);
    fixture.talk.out.has_colour = fixture.talk.err.has_colour = true;
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        mg_talk_event(&fixture.talk, &events[i]);
    mg_talk_aside(&fixture.talk, "note", "x\x1b[31mRED");
    mg_talk_result(&fixture.talk, "done", "now at %s", "x\x1b[31mRED");
    end(&fixture, "\x1b[33mwarning:\x1b[0m x?[31mRED is ahead\n"
                  "\x1b[36mserver\x1b[0m   x?[31mRED: NOTICE: ?]0;title?\n"
                  "         HINT: two\n"
                  "\x1b[32mreverted\x1b[0m x?[31mRED                               41 ms\n"
                  "\x1b[36mnote:\x1b[0m x?[31mRED\n"
                  "\x1b[1mdone\x1b[0m     now at x?[31mRED\n");
}

static void
test_talk__leaves_the_echo(void **state)
{
    (void)state;
    Fixture fixture;
    begin(&fixture);
    fixture.talk.err =
        (MgTerm){ .fd = fixture.fds[1], .is_terminal = true, .has_live = true, .width = 80 };
    mg_talk_event(&fixture.talk, &(MgEvent){ MG_EVENT_PROGRESS, "1_a", 1000000, NULL, 0, 0, 0, 0 });
    mg_talk_leave_echo(&fixture.talk); /* with a live line nothing is needed */
    mg_talk_aside(&fixture.talk, "note", "one");
    mg_talk_leave_echo(&fixture.talk);
    mg_talk_aside(&fixture.talk, "note", "two");
    fixture.talk.err.is_terminal = false;
    mg_talk_leave_echo(&fixture.talk);
    end(&fixture,
        "\r\033[Krunning  1_a                                       1 s\r\033[Knote: one\n"
        "\nnote: two\n");
}

static void
test_talk__knows_what_could_not_be_written(void **state)
{
    (void)state;
    Fixture fixture;
    begin(&fixture);
    fixture.talk.out.fd = -1;
    mg_talk_aside(&fixture.talk, "note", "one");
    assert_int_equal(fixture.talk.out_errno, 0);
    mg_talk_result(&fixture.talk, "done", "it");
    assert_int_equal(fixture.talk.out_errno, EBADF);
    fixture.talk.out_errno = 0;
    mg_talk_write(&fixture.talk, "it", 2);
    assert_int_equal(fixture.talk.out_errno, EBADF);
    end(&fixture, "note: one\n");
}

static void
test_talk__is_quiet(void **state)
{
    (void)state;
    Fixture fixture;
    begin(&fixture);
    fixture.talk.is_quiet = true;
    tell(&fixture.talk);
    end(&fixture, "warning: worth acting on\n"
                  "      in two lines\n"
                  "applied  20260309101500_add_order_totals         41 ms\n"
                  "applied  20260310083000_index_orders_customer   12.4 s  no transaction\n"
                  "reverted 20260311120000_backfill_gross          180 ms\n"
                  "done     2 applied in 12.7 s\n");
}

static void
test_talk__shows_statements_when_verbose(void **state)
{
    (void)state;
    Fixture fixture;
    begin(&fixture);
    fixture.talk.is_verbose = true;
    MgEvent event = { MG_EVENT_DEBUG, NULL, 0, "SELECT 1", 0, 0, 0, 0 };
    mg_talk_event(&fixture.talk, &event);
    mg_talk_event(&fixture.talk, &event);
    end(&fixture, "debug    SELECT 1\ndebug    SELECT 1\n");
}

static void
test_talk__cuts_names_on_terminals_only(void **state)
{
    (void)state;
    static const char label[] = "20260311120000_a_name_that_is_longer_than_what_fits_into_one_line";
    MgEvent event = { MG_EVENT_APPLIED, label, 180000, "no transaction", 0, 0, 0, 0 };
    MgEvent short_one = { MG_EVENT_APPLIED, "1_x", 180000, "no transaction", 0, 0, 0, 0 };
    Fixture fixture;
    begin(&fixture);
    mg_talk_event(&fixture.talk, &event);
    fixture.talk.out.is_terminal = true;
    fixture.talk.out.width = 80;
    mg_talk_event(&fixture.talk, &event);
    fixture.talk.out.width = 60;
    mg_talk_event(&fixture.talk, &event);
    mg_talk_event(&fixture.talk, &short_one);
    fixture.talk.out.width = 10;
    mg_talk_event(&fixture.talk, &event);
    end(&fixture,
        "applied  20260311120000_a_name_that_is_longer_than_what_fits_into_one_line  180 ms  no "
        "transaction\n"
        "applied  20260311120000_a_name_that_is_longer_than_w...  180 ms  no transaction\n"
        "applied  20260311120000_a_name_t...  180 ms  no transaction\n"
        "applied  1_x                         180 ms  no transaction\n"
        "applied  20260311120000_a_name...  180 ms  no transaction\n");
}

static void
test_talk__replaces_the_live_line(void **state)
{
    (void)state;
    Fixture fixture;
    begin(&fixture);
    fixture.talk.err.is_terminal = fixture.talk.err.has_live = true;
    fixture.talk.err.width = 100;
    MgEvent running = { MG_EVENT_RUNNING, "1_x", 10000000, "VACUUM", 0, 0, 0, 0 };
    mg_talk_event(&fixture.talk, &running); /* not in lines as well */
    running = (MgEvent){ MG_EVENT_PROGRESS, "1_x", 10000000, "VACUUM, 48 %", 2, 12, 0, 0 };
    mg_talk_event(&fixture.talk, &running);
    running.duration_us = 20000000;
    mg_talk_event(&fixture.talk, &running);
    mg_talk_event(&fixture.talk, &(MgEvent){ MG_EVENT_APPLIED, "1_x", 21000000, NULL, 0, 0, 0, 0 });
    mg_talk_event(&fixture.talk, &running);
    mg_talk_end(&fixture.talk);
    mg_talk_end(&fixture.talk);
    end(&fixture, "\r\033[K2 of 12  1_x"
                  "                                      10 s  VACUUM, 48 %"
                  "\r\033[K2 of 12  1_x"
                  "                                      20 s  VACUUM, 48 %"
                  "\r\033[Kapplied  1_x"
                  "                                      21 s\n"
                  "\r\033[K2 of 12  1_x"
                  "                                      20 s  VACUUM, 48 %"
                  "\r\033[K");
}

static void
test_talk__prints_errors(void **state)
{
    (void)state;
    static const MgError sql = {
        .code = MG_E_SQL,
        .sqlstate = "42703",
        .place = "migrations/1_x.up.sql",
        .line = 4,
        .column = 16,
        .message = "column \"amuont\" does not exist",
        .excerpt = "   |\n 4 |    SET gross = amuont\n   |                ^^^^^^",
        .detail = "One.\nTwo.",
        .hint = { "Perhaps you meant \"amount\".", "See the edit:\ngit diff\n      git log" },
        .note = "1_x was rolled back"
    };
    static const MgError plain = { .code = MG_E_LATE, .message = "late", .place = "f", .line = 3 };
    static const MgError server = { .code = MG_E_SERVER, .message = "no state" };
    static const MgError other = {
        .code = MG_E_CREDENTIALS, .sqlstate = "28P01", .message = "wrong", .place = "--url"
    };
    Fixture fixture;
    begin(&fixture);
    mg_talk_error(&fixture.talk, &sql);
    mg_talk_error(&fixture.talk, &plain);
    mg_talk_error(&fixture.talk, &server);
    mg_talk_error(&fixture.talk, &other);
    fixture.talk.err.has_colour = true;
    mg_talk_error(&fixture.talk, &server);
    mg_talk_aside(&fixture.talk, "warning", "mind");
    end(&fixture, "error: column \"amuont\" does not exist (42703)\n"
                  "  --> migrations/1_x.up.sql:4:16\n"
                  "   |\n"
                  " 4 |    SET gross = amuont\n"
                  "   |                ^^^^^^\n"
                  "detail: One.\n"
                  "        Two.\n"
                  "hint: Perhaps you meant \"amount\".\n"
                  "hint: See the edit:\n"
                  "      git diff\n"
                  "      git log\n"
                  "note: 1_x was rolled back\n"
                  "error: late (late)\n"
                  "  --> f:3\n"
                  "error: no state (server)\n"
                  "error: wrong (credentials)\n"
                  "  --> --url\n"
                  "\033[1;31merror:\033[0m no state (server)\n"
                  "\033[33mwarning:\033[0m mind\n");
}

#define TEN "nine char "
#define URL_60 "postgresql://app@a-host-with-a-rather-long-name.example/shop"

static void
test_talk__wraps_prose(void **state)
{
    (void)state;
    static const struct {
        const char *kind, *text, *expect;
    } cases[] = {
        /* Just fits, and one more. */
        { "note", TEN TEN TEN TEN TEN TEN TEN TEN TEN "1234",
          "note: " TEN TEN TEN TEN TEN TEN TEN TEN TEN "1234\n" },
        { "note", TEN TEN TEN TEN TEN TEN TEN TEN TEN "12345",
          "note: " TEN TEN TEN TEN TEN TEN TEN TEN "nine char\n      12345\n" },
        { "warning", TEN TEN TEN TEN TEN TEN TEN TEN TEN "12",
          "warning: " TEN TEN TEN TEN TEN TEN TEN TEN "nine char\n      12\n" },
        /* Columns, not bytes. */
        { "note", TEN TEN TEN TEN TEN TEN TEN TEN TEN "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9",
          "note: " TEN TEN TEN TEN TEN TEN TEN TEN TEN "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\n" },
        /* More than one break; gaps stay, but not at a break. */
        { "note", TEN TEN TEN TEN TEN "  b  " TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "end",
          "note: " TEN TEN TEN TEN TEN "  b  " TEN TEN TEN
          "nine char\n      " TEN TEN TEN TEN TEN TEN TEN TEN "end\n" },
        /* Lines of their own are not touched. */
        { "note", "sql:\n" TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "end",
          "note: sql:\n      " TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "end\n" },
        /* What one pastes stays in one piece, unless it is longer than a line. */
        { "hint", TEN TEN TEN "do: so: " TEN TEN TEN TEN TEN "migrate new",
          "hint: " TEN TEN TEN "do: so:\n      " TEN TEN TEN TEN TEN "migrate new\n" },
        { "hint", TEN TEN "so: " URL_60 "-and-more.",
          "hint: " TEN TEN "so: " URL_60 "-and-more.\n" },
        { "hint", TEN TEN TEN TEN "so: " URL_60 "-and-more.",
          "hint: " TEN TEN TEN TEN "so:\n      " URL_60 "-and-more.\n" },
        { "hint", "so: " TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "end",
          "hint: so: " TEN TEN TEN TEN TEN TEN TEN TEN "nine char\n      " TEN "end\n" },
        { "hint", "so: " TEN TEN TEN TEN TEN TEN TEN TEN TEN "end.",
          "hint: so: " TEN TEN TEN TEN TEN TEN TEN TEN "nine char\n      end.\n" },
        { "hint", URL_60 URL_60, "hint: " URL_60 URL_60 "\n" },
        { "hint", "", "hint: \n" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Fixture fixture;
        begin(&fixture);
        mg_talk_aside(&fixture.talk, cases[i].kind, cases[i].text);
        end(&fixture, cases[i].expect);
    }
}

/* All parts of an error are wrapped alike; a server's detail is prose in all its lines. */
static void
test_talk__wraps_parts_of_errors(void **state)
{
    (void)state;
    static const MgError err = {
        .code = MG_E_LATE,
        .message = TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "end",
        .detail = TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "end.\nSQL",
        .hint = { TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "end." },
        .note = TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "end",
    };
    Fixture fixture;
    begin(&fixture);
    mg_talk_error(&fixture.talk, &err);
    end(&fixture, "error: " TEN TEN TEN TEN TEN TEN TEN TEN "nine char\n"
                  "      " TEN "end (late)\n"
                  "detail: " TEN TEN TEN TEN TEN TEN TEN TEN "nine char\n"
                  "      " TEN "end.\n"
                  "        SQL\n"
                  "hint: " TEN TEN TEN TEN TEN TEN TEN TEN "nine char nine\n"
                  "      char end.\n"
                  "note: " TEN TEN TEN TEN TEN TEN TEN TEN "nine char nine\n"
                  "      char end\n");
    static const MgError server = {
        .code = MG_E_SQL,
        .sqlstate = "40P01",
        .message = "deadlock",
        .detail = "One.\n" TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "end.\n\n"
                  "so: " TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "end\n",
    };
    begin(&fixture);
    mg_talk_error(&fixture.talk, &server);
    end(&fixture, "error: deadlock (40P01)\n"
                  "detail: One.\n"
                  "        " TEN TEN TEN TEN TEN TEN TEN TEN "nine char\n"
                  "        " TEN "end.\n"
                  "\n"
                  "        so: " TEN TEN TEN TEN TEN TEN TEN TEN "nine\n"
                  "        char " TEN "end\n");
}

static void
test_talk__writes_reports(void **state)
{
    (void)state;
    Fixture fixture;
    begin(&fixture);
    mg_talk_write(&fixture.talk, "out", 3);
    mg_talk_write_err(&fixture.talk, "err", 3);
    end(&fixture, "outerr");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_talk__prints_lines),
        cmocka_unit_test(test_talk__gathers_what_comes_in_bursts),
        cmocka_unit_test(test_talk__is_quiet),
        cmocka_unit_test(test_talk__shows_statements_when_verbose),
        cmocka_unit_test(test_talk__cuts_names_on_terminals_only),
        cmocka_unit_test(test_talk__replaces_the_live_line),
        cmocka_unit_test(test_talk__lets_nothing_steer_the_terminal),
        cmocka_unit_test(test_talk__leaves_the_echo),
        cmocka_unit_test(test_talk__knows_what_could_not_be_written),
        cmocka_unit_test(test_talk__prints_errors),
        cmocka_unit_test(test_talk__wraps_prose),
        cmocka_unit_test(test_talk__wraps_parts_of_errors),
        cmocka_unit_test(test_talk__writes_reports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
