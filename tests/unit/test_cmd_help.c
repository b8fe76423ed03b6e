/* Help: complete, never wider than a page, ASCII. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "help.h"

static void
check_page(const char *text, size_t max_columns)
{
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1) {
        size_t columns = strcspn(line, "\n");
        assert_true(line[columns] == '\n');
        bool is_pasted = strncmp(line, "  migrate ", strlen("  migrate ")) == 0;
        if (columns > (is_pasted && max_columns < 80 ? 80 : max_columns))
            fail_msg("too wide: %s", line);
        assert_true(columns == 0 || line[columns - 1] != ' ');
    }
    for (; *text != '\0'; text++)
        assert_true((unsigned char)*text < 0x7f);
}

static void
test_help__lists_the_commands(void **state)
{
    (void)state;
    MgBuf text = { 0 };
    mg_help_all(0, &text);
    assert_string_equal(
        mg_buf_text(&text),
        "usage: migrate COMMAND [OPTION]...\n"
        "Bring a PostgreSQL database to the schema in a folder of SQL files, over a proved direct "
        "session.\n"
        "\n"
        "  init          look at this project and write migrate.yaml and the migrations folder\n"
        "  new NAME      create the files of the next migration\n"
        "  up [N]        apply all pending migrations, or the next N\n"
        "  down [N]      revert the newest migration, or the newest N\n"
        "  redo          revert the newest migration and apply it again\n"
        "  status        what is applied, pending or wrong\n"
        "  plan [N]      what up would do\n"
        "  verify        check files and history; with --base, a pull request\n"
        "  doctor        is this connection direct, may this role migrate, what is in the way\n"
        "  baseline V    record everything up to V as applied, without running it\n"
        "  repair V      accept an edited file, or settle a half-run migration\n"
        "  claim ENV     tie this database to one environment\n"
        "More: dump, log, renumber, scratch, show, url, completion, help\n"
        "\n"
        "Options everywhere: --url URL, --url-env NAME, --env-file FILE, --dir PATH, --history "
        "TABLE, --env\n"
        "  NAME, --config FILE, --deadline D, --wait-server D, --state PATH, --no-state, --yes, "
        "--quiet,\n"
        "  --verbose, --no-color, --help, --version\n"
        "\"migrate help COMMAND\" explains a command, \"migrate help late\" an error, \"help "
        "exit\" statuses.\n");
    check_page(mg_buf_text(&text), 100);
    mg_buf_release(&text);
}

/* On one line. */
static const char *
joined(MgBuf *text, const char *lines)
{
    mg_buf_clear(text);
    for (; *lines != '\0'; lines++)
        mg_buf_add_char(text, *lines == '\n' ? ' ' : *lines);
    return mg_buf_text(text);
}

static void
test_help__explains_every_command(void **state)
{
    (void)state;
    static const struct {
        int width;
        size_t columns;
    } pages[] = { { 0, 100 }, { 20, 64 }, { 60, 64 }, { 80, 80 }, { 100, 100 }, { 200, 100 } };
    /* 60 at least; there one word, a path, is too long for what is left of its line. */
    for (size_t i = 0; mg_cmds[i] != NULL; i++)
        for (size_t k = 0; k < sizeof pages / sizeof *pages; k++) {
            MG_CLEANUP(buf) MgBuf text = { 0 };
            MG_CLEANUP(buf) MgBuf all = { 0 };
            MG_CLEANUP(buf) MgBuf about = { 0 };
            mg_help_command(mg_cmds[i], pages[k].width, &text);
            check_page(mg_buf_text(&text), pages[k].columns);
            assert_non_null(
                strstr(joined(&all, mg_buf_text(&text)), joined(&about, mg_cmds[i]->about)));
            bool has_output = strstr(mg_buf_text(&text), "--output FORMAT") != NULL;
            assert_int_equal(has_output, mg_cmds[i]->formats != 0);
            for (const MgOpt *opt = mg_cmds[i]->opts; opt != NULL && opt->name != NULL; opt++)
                assert_non_null(strstr(mg_buf_text(&text), opt->name));
        }
    for (size_t k = 0; k < sizeof pages / sizeof *pages; k++) {
        MG_CLEANUP(buf) MgBuf text = { 0 };
        mg_help_all(pages[k].width, &text);
        check_page(mg_buf_text(&text), pages[k].columns);
    }
}

static void
test_help__explains_every_error(void **state)
{
    (void)state;
    for (int code = 0; code < MG_N_ERRORS; code++) {
        MgBuf text = { 0 };
        assert_true(mg_help_error(mg_error_slug((MgErrorCode)code), 0, &text));
        check_page(mg_buf_text(&text), 100);
        assert_non_null(strstr(mg_buf_text(&text), mg_error_summary((MgErrorCode)code)));
        mg_buf_release(&text);
    }
    MgBuf text = { 0 };
    assert_true(mg_help_is_sqlstate("42601") && mg_help_is_sqlstate("42p01"));
    assert_true(mg_help_is_sqlstate("P0001") && mg_help_is_sqlstate("HV00N"));
    assert_false(mg_help_is_sqlstate("drift") || mg_help_is_sqlstate("4260") ||
                 mg_help_is_sqlstate("426011") || mg_help_is_sqlstate("42-01"));
    assert_false(mg_help_error("no-such-slug", 0, &text));
    assert_int_equal(text.size_bytes, 0);
}

static void
test_help__lists_the_exit_statuses(void **state)
{
    (void)state;
    MgBuf text = { 0 };
    mg_help_exit(&text);
    check_page(mg_buf_text(&text), 100);
    assert_non_null(strstr(mg_buf_text(&text),
                           "status  slug             meaning\n"
                           "     0  ok               done, or nothing to do\n"));
    assert_non_null(strstr(mg_buf_text(&text),
                           "\n     5  connection-lost  the connection broke during the run\n"));
    mg_buf_release(&text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_help__lists_the_commands),
        cmocka_unit_test(test_help__explains_every_command),
        cmocka_unit_test(test_help__explains_every_error),
        cmocka_unit_test(test_help__lists_the_exit_statuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
