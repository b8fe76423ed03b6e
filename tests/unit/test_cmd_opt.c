/* What argv says, and what is said about a wrong one; a value is never repeated. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "opt.h"

enum {
    MAX_WORDS = 10,
};

typedef struct Args {
    const char *to;
    int64_t wait_ms;
    bool is_late;
} Args;

static const MgOpt opts[] = {
    { .name = "to", .type = MG_OPT_TEXT, .argument = "V", .offset = offsetof(Args, to) },
    { .name = "wait",
      .letter = 'w',
      .type = MG_OPT_DURATION,
      .argument = "D",
      .offset = offsetof(Args, wait_ms),
      .min = 0,
      .max = 60000 },
    { .name = "late", .letter = 'l', .offset = offsetof(Args, is_late) },
    { .name = NULL },
};

typedef struct OptCase {
    const char *argv[MAX_WORDS];
    const char *expect;
    bool stops_at_word;
} OptCase;

static void
dump(const MgCommon *common, const Args *args, const MgWords *words, MgBuf *ret)
{
    static const char *const formats[] = { "table", "json", "markdown" };
    if (common->url != NULL)
        mg_buf_format(ret, "url=%s ", common->url);
    if (common->format != 0)
        mg_buf_format(ret, "format=%s ", formats[common->format]);
    if (args->to != NULL)
        mg_buf_format(ret, "to=%s ", args->to);
    if (args->wait_ms != 0)
        mg_buf_format(ret, "wait=%lld ", (long long)args->wait_ms);
    mg_buf_format(ret, "%s%s%s", common->is_quiet ? "quiet " : "", common->is_yes ? "yes " : "",
                  args->is_late ? "late " : "");
    mg_buf_add(ret, "|");
    for (size_t i = 0; i < words->n; i++)
        mg_buf_format(ret, " %s", words->items[i]);
    assert_null(words->items[words->n]);
}

static void
check(const OptCase *c)
{
    MgArena arena = { 0 };
    MgBuf text = { 0 };
    MgError err;
    MgCommon common = { .format = MG_TABLE };
    Args args = { .to = NULL };
    const MgOptTable tables[] = { { mg_common_opts, &common }, { opts, &args }, { NULL, NULL } };
    char *argv[MAX_WORDS + 1] = { NULL };
    int argc = 0;
    for (; c->argv[argc] != NULL; argc++)
        argv[argc] = mg_arena_text(&arena, c->argv[argc]);
    MgWords words;
    if (mg_opt_parse("up", argc, argv, tables, 3, c->stops_at_word, &arena, &words, &err)) {
        dump(&common, &args, &words, &text);
    } else {
        assert_int_equal(err.code, MG_E_USAGE);
        mg_buf_format(&text, "%s; %s; %s", err.message, err.hint[0], err.hint[1]);
    }
    assert_string_equal(mg_buf_text(&text), c->expect);
    mg_buf_release(&text);
    mg_arena_release(&arena);
}

#define SEE "See migrate up --help; "

static void
test_opt__parses(void **state)
{
    (void)state;
    static const OptCase cases[] = {
        { { "up" }, "|", false },
        { { "up", "3", "--quiet", "-y", "4" }, "quiet yes | 3 4", false },
        { { "up", "-lqy" }, "quiet yes late |", false },
        { { "up", "--to", "5", "--wait=2s", "--url=u" }, "url=u to=5 wait=2000 |", false },
        { { "up", "--to", "--to", "1", "--late" }, "to=--to late | 1", false },
        { { "up", "-w500ms", "-w", "1s" }, "wait=1000 |", false },
        { { "up", "--wait", "0s" }, "wait=-1 |", false },
        { { "up", "--wait", "60s" }, "wait=60000 |", false },
        { { "up", "--output", "json" }, "format=json |", false },
        { { "up", "--output", "json", "--output=table" }, "|", false },
        { { "up", "--", "--late", "x" }, "| --late x", false },
        { { "up", "-q", "psql", "-c", "--late" }, "quiet | psql -c --late", true },
        { { "up", "-q", "--", "psql", "-l" }, "quiet | psql -l", true },
        { { "up", "psql", "-url", "x" }, "| psql -url x", true },
        { { "up", "--to", "--json" }, "to=--json |", false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(&cases[i]);
}

static void
test_opt__refuses(void **state)
{
    (void)state;
    static const OptCase cases[] = {
        { { "up", "--lat" },
          "unknown option \"--lat\"; Perhaps \"--late\" is meant.; See migrate up --help",
          false },
        { { "up", "--lat=x" },
          "unknown option \"--lat\"; Perhaps \"--late\" is meant.; See migrate up --help",
          false },
        { { "up", "1", "--t", "5" },
          "unknown option \"--t\"; Perhaps \"--to\" is meant.; See migrate up --help",
          false },
        { { "up", "--t=5" },
          "unknown option \"--t\"; Perhaps \"--to\" is meant.; See migrate up --help",
          false },
        { { "up", "--t" },
          "unknown option \"--t\"; Perhaps \"--to\" is meant.; See migrate up --help",
          false },
        /* The command's own wait, not the common wait-server. */
        { { "up", "--wa", "1s" },
          "unknown option \"--wa\"; Perhaps \"--wait\" is meant.; See migrate up --help",
          false },
        { { "up", "--ver" },
          "unknown option \"--ver\"; Perhaps \"--version\" is meant.; See migrate up --help",
          false },
        { { "up", "--all" },
          "unknown option \"--all\"; Everything is applied by migrate up, and reverted by migrate "
          "down --to 0.; See migrate up --help",
          false },
        { { "up", "--art" }, "unknown option \"--art\"; " SEE, false },
        { { "up", "--=5" }, "unknown option \"--\"; " SEE, false },
        { { "up", "--urll=postgres://u:s3cret@h" },
          "unknown option \"--urll\"; Perhaps \"--url\" is meant.; See migrate up --help",
          false },
        { { "up", "--postgres://u:s3cret@h" }, "unknown option \"--***\"; " SEE, false },
        { { "up", "--frobnicate" }, "unknown option \"--frobnicate\"; " SEE, false },
        { { "up", "3", "-qx" }, "unknown option \"-x\"; " SEE, false },
        { { "up", "-\x01" }, "unknown option; " SEE, false },
        { { "up", "--to" }, "option \"--to\" needs a value; " SEE, false },
        { { "up", "-w" }, "option \"--wait\" needs a value; " SEE, false },
        { { "up", "--to=" }, "option \"--to\" has an empty value; " SEE, false },
        { { "up", "--late=x" }, "option \"--late\" takes no value; " SEE, false },
        { { "up", "--wait", "s3cret" },
          "option \"--wait\" takes a duration such as 30s or 5min; " SEE,
          false },
        { { "up", "--wait", "61s" }, "option \"--wait\" is out of its range; " SEE, false },
        { { "up", "--output", "xml" },
          "option \"--output\" takes table, json, markdown or html; " SEE,
          false },
        { { "up", "-database", "postgres://u:s3cret@h" },
          "unknown option \"-database\"; The database is given by --url URL.; "
          "See migrate up --help",
          false },
        { { "up", "-V" },
          "unknown option \"-V\"; The version is printed by migrate --version.; "
          "See migrate up --help",
          false },
        { { "up", "--json" },
          "unknown option \"--json\"; The format is given by --output json.; "
          "See migrate up --help",
          false },
        { { "up", "--format=json" },
          "unknown option \"--format\"; The format is given by --output FORMAT.; "
          "See migrate up --help",
          false },
        { { "up", "--dry-run" },
          "unknown option \"--dry-run\"; What up would do is shown by migrate plan.; "
          "See migrate up --help",
          false },
        { { "up", "--force" },
          "unknown option \"--force\"; Nothing is ever left dirty here, so nothing needs force: "
          "look at migrate status.; See migrate up --help",
          false },
        { { "up", "--database=postgres://u:s3cret@h" },
          "unknown option \"--database\"; The database is given by --url URL.; "
          "See migrate up --help",
          false },
        { { "up", "-q", "-path=x", "up" },
          "unknown option \"-path\"; The folder is given by --dir PATH.; See migrate up --help",
          true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(&cases[i]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opt__parses),
        cmocka_unit_test(test_opt__refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
