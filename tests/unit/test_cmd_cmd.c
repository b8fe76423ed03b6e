/* The table of commands, and those who name none of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cmd.h"

static void
test_cmd__rows_are_complete(void **state)
{
    (void)state;
    for (size_t i = 0; mg_cmds[i] != NULL; i++) {
        const MgCmd *cmd = mg_cmds[i];
        assert_ptr_equal(mg_cmd_find(cmd->name), cmd);
        assert_non_null(cmd->summary);
        assert_non_null(cmd->about);
        assert_non_null(cmd->run);
        assert_true(cmd->opts == NULL || cmd->args_bytes > 0);
        for (const MgOpt *opt = cmd->opts; opt != NULL && opt->name != NULL; opt++) {
            assert_non_null(opt->help);
            assert_true(opt->offset < cmd->args_bytes);
            assert_int_equal(opt->argument != NULL, opt->type != MG_OPT_FLAG);
        }
    }
    assert_null(mg_cmd_find("u"));
}

static void
test_cmd__unknown_names_the_nearest(void **state)
{
    (void)state;
    static const struct {
        const char *name, *message, *hint;
    } cases[] = {
        { "stauts", "unknown command \"stauts\"", "Perhaps \"migrate status\" is meant." },
        { "stat", "unknown command \"stat\"", "Perhaps \"migrate status\" is meant." },
        { "nwe", "unknown command \"nwe\"", "Perhaps \"migrate new\" is meant." },
        { "UP", "unknown command \"UP\"", "Perhaps \"migrate up\" is meant." },
        { "Deploy", "unknown command \"Deploy\"",
          "Pending migrations are applied by \"migrate up\"." },
        { "reset", "unknown command \"reset\"",
          "Everything is reverted by \"migrate down --to 0\"; \"migrate scratch\" makes an empty "
          "database." },
        { "ini", "unknown command \"ini\"", "Perhaps \"migrate init\" is meant." },
        { "pu", "unknown command \"pu\"", "Perhaps \"migrate up\" is meant." },
        /* Two changes make anything of a short word. */
        { "wall", "unknown command \"wall\"", "See migrate --help" },
        { "lot", "unknown command \"lot\"", "Perhaps \"migrate log\" is meant." },
        { "to", "unknown command \"to\"", "See migrate --help" },
        { "db:migrate", "unknown command \"***\"",
          "Pending migrations are applied by \"migrate up\"." },
        { "stamp", "unknown command \"stamp\"",
          "A database that has its tables already begins with \"migrate baseline V\"." },
        { "frobnicate", "unknown command \"frobnicate\"", "See migrate --help" },
        { "xx", "unknown command \"xx\"", "See migrate --help" },
        { "deploy", "unknown command \"deploy\"",
          "Pending migrations are applied by \"migrate up\"." },
        { "rollback", "unknown command \"rollback\"",
          "The newest migration is reverted by \"migrate down\"." },
        { "force", "unknown command \"force\"",
          "Nothing is ever left dirty here: a migration and its history row commit together. "
          "A half-run one without a transaction is settled by \"migrate repair\"." },
        { "schema:dump", "unknown command \"***\"",
          "The schema is written by \"migrate dump --file FILE\"." },
        { "load", "unknown command \"load\"",
          "What \"migrate dump\" has written is loaded by psql -f FILE." },
        { "postgres://u:s3cret@h", "unknown command \"***\"",
          "The database is given by --url URL." },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgError err;
        assert_false(mg_cmd_unknown(cases[i].name, &err));
        assert_int_equal(err.code, MG_E_USAGE);
        assert_string_equal(err.message, cases[i].message);
        assert_string_equal(err.hint[0], cases[i].hint);
        bool is_last = strcmp(cases[i].hint, "See migrate --help") == 0;
        assert_string_equal(err.hint[1], is_last ? "" : "See migrate --help");
    }
}

static void
test_cmd__shows_no_secret(void **state)
{
    (void)state;
    static const char *const secrets[] = {
        "postgres://u:s3cret@h",
        "password=x",
        "u@h",
        "a:b",
        "\x1b[31m",
        "\x7f",
        "\xff",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    };
    static const char *const words[] = { "", "up", "20260310083000_x", "gr\xc3\xbc" };
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
        assert_string_equal(mg_cmd_shown(secrets[i]), "***");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        assert_string_equal(mg_cmd_shown(words[i]), words[i]);
}

static void
test_cmd__usage_is_defused(void **state)
{
    (void)state;
    MgError err;
    assert_false(mg_cmd_usage("up", &err, "no \x1b[31m%s", "postgres://u:s3cret@h"));
    assert_int_equal(err.code, MG_E_USAGE);
    assert_string_equal(err.message, "no ?[31mpostgres://u:******@h");
    assert_string_equal(err.hint[0], "See migrate up --help");
    assert_string_equal(err.hint[1], "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cmd__rows_are_complete),
        cmocka_unit_test(test_cmd__unknown_names_the_nearest),
        cmocka_unit_test(test_cmd__shows_no_secret),
        cmocka_unit_test(test_cmd__usage_is_defused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
