/* What the public functions do before any connection, and with options that are not theirs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "folder.h"
#include "migrate.h"

static const char users[] = "CREATE TABLE users (id int);";
static const MgFile files[] = { { "1_users.up.sql", users, sizeof users - 1 } };
static char *no_variables[] = { NULL };

static MgOptions
options_of(const char *url)
{
    MgOptions options;
    mg_options_init(&options);
    options.environment = no_variables;
    options.url = url;
    options.files = files;
    options.n_files = 1;
    return options;
}

static void
write_file(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void
test_context__is_open_without_a_connection(void **state)
{
    (void)state;
    MgOptions options = options_of("postgresql://app:s3cret@db.example.com/shop");
    MgContext *context = NULL;
    MgError err;
    assert_true(mg_open(&options, &context, &err));
    const MgTarget *target = mg_target(context);
    assert_string_equal(target->database, "shop");
    assert_string_equal(target->host, "db.example.com");
    assert_string_equal(target->url, "postgresql://app:***@db.example.com/shop");
    assert_string_equal(target->verdict_name, "unproved");
    assert_null(mg_skipped(context));
    mg_close(context);
    mg_close(NULL);
}

static void
test_context__refusals(void **state)
{
    (void)state;
    static const MgFile twice[] = { { "1_a.up.sql", "", 0 }, { "1_b.up.sql", "", 0 } };
    static const MgFile unnamed[] = { { "users.sql", "", 0 } };
    static const struct {
        const char *url;
        const MgFile *files;
        size_t n_files;
        MgErrorCode code;
        const char *message;
    } cases[] = {
        { NULL, files, 1, MG_E_NO_TARGET, "no database was named" },
        { "postgres://h:x/shop", files, 1, MG_E_BAD_URL,
          "--url has a port that is no number from 1 to 65535" },
        { "postgres://localhost/shop", twice, 2, MG_E_SOURCE,
          "\"1_a\" and \"1_b\" have one version" },
        { "postgres://localhost/shop", unnamed, 1, MG_E_SOURCE,
          "\"users.sql\" is not named like a migration" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgOptions options = options_of(cases[i].url);
        options.files = cases[i].files;
        options.n_files = cases[i].n_files;
        MgContext *context = NULL;
        MgError err;
        assert_false(mg_open(&options, &context, &err));
        assert_null(context);
        assert_string_equal(err.message, cases[i].message);
        assert_int_equal(err.code, cases[i].code);
        assert_string_equal(err.note, "no connection was made");
    }
}

static void
on_script(void *payload, const MgScriptFacts *script)
{
    (void)payload;
    (void)script;
}

static void
on_text(void *payload, const char *text, size_t size_bytes)
{
    (void)payload;
    (void)text;
    (void)size_bytes;
}

static void
test_context__options_of_another_version(void **state)
{
    (void)state;
    static const char want[] = "the options were not made by mg_options_init";
    MgOptions options = options_of("postgres://localhost/shop");
    options.size -= 8;
    MgContext *context = NULL;
    const MgJournal *journal = NULL;
    const MgScriptCalls calls = { .on_script = on_script };
    const MgView view = { .format = MG_TABLE };
    char text[16] = "before";
    MgError err = { .code = MG_OK };
    assert_false(mg_open(&options, &context, &err));
    assert_string_equal(err.message, want);
    assert_null(context);
    err = (MgError){ .code = MG_OK };
    assert_false(mg_setting(&options, "dir", text, sizeof text, &err));
    assert_string_equal(err.message, want);
    assert_string_equal(text, "before");
    err = (MgError){ .code = MG_OK };
    assert_false(mg_journal_open(&options, 0, 0, &journal, &err));
    assert_string_equal(err.message, want);
    assert_null(journal);
    err = (MgError){ .code = MG_OK };
    assert_false(mg_scripts(&options, NULL, &calls, &err));
    assert_string_equal(err.message, want);
    err = (MgError){ .code = MG_OK };
    assert_false(mg_write_scripts(&options, NULL, &view, on_text, NULL, &err));
    assert_string_equal(err.message, want);
    assert_int_equal(err.code, MG_E_USAGE);
}

static void
test_context__settings(void **state)
{
    (void)state;
    MgOptions options = options_of(NULL);
    char text[11] = "";
    MgError err;
    assert_true(mg_setting(&options, "dir", text, sizeof text, &err));
    assert_string_equal(text, "migrations");
    assert_true(mg_setting(&options, "role", text, sizeof text, &err));
    assert_string_equal(text, "");
    assert_false(mg_setting(&options, "dir", text, sizeof text - 1, &err));
    assert_int_equal(err.code, MG_E_CONFIG);
    assert_string_equal(err.message, "setting \"dir\" is longer than 9 bytes");
    assert_false(mg_setting(&options, "directory", text, sizeof text, &err));
    assert_int_equal(err.code, MG_E_USAGE);
    assert_string_equal(err.message, "there is no setting \"directory\"");
}

/* Nothing was looked for, so nothing can be done: an error, and no crash. */
static void
test_context__a_skipped_one_does_nothing(void **state)
{
    (void)state;
    static char preview[] = "VERCEL_ENV=preview";
    char *variables[] = { preview, NULL };
    write_file("migrate.yaml", "environments:\n  preview: { apply: no }\n");
    MgOptions options = options_of(NULL);
    options.environment = variables;
    options.config = path_of("migrate.yaml");
    options.is_skippable = true;
    MgContext *context = NULL;
    MgError err = { .code = MG_OK };
    assert_true(mg_open(&options, &context, &err));
    assert_non_null(
        strstr(mg_skipped(context), "environment preview from VERCEL_ENV has \"apply: no\" ("));

    const MgGoal goal = { .kind = MG_GOAL_UP };
    const MgRepair repair = { .kind = MG_REPAIR_ACCEPT_FILE, .version = "1" };
    const MgPlan *plan = NULL;
    const MgRepairPlan *repaired = NULL;
    const MgLog *log = NULL;
    MgOutcome outcome;
    MgClaimed claimed;
    MgDump dump;
    for (int i = 0; i < 8; i++) {
        err = (MgError){ .code = MG_OK };
        bool is_ok = i == 0   ? mg_plan(context, &goal, &plan, &err)
                     : i == 1 ? mg_run(context, &goal, &outcome, &err)
                     : i == 2 ? mg_log(context, NULL, &log, &err)
                     : i == 3 ? mg_plan_repair(context, &repair, &repaired, &err)
                     : i == 4 ? mg_repair(context, &repair, &repaired, &err)
                     : i == 5 ? mg_claim_show(context, &claimed, &err)
                     : i == 6 ? mg_claim_release(context, &claimed, &err)
                              : mg_dump(context, false, &dump, &err);
        assert_false(is_ok);
        assert_int_equal(err.code, MG_E_USAGE);
        assert_non_null(strstr(err.message, "nothing is to be done here: environment preview"));
    }
    const MgVerify verify = { .is_files_only = true };
    const MgVerified *verified = NULL;
    assert_true(mg_verify(context, &verify, &verified, &err));
    assert_int_equal(verified->n_migrations, 0);
    MgUrls urls;
    mg_urls(context, false, &urls);
    assert_null(urls.chosen);
    mg_close(context);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_context__is_open_without_a_connection), TEST(test_context__refusals),
        TEST(test_context__options_of_another_version),   TEST(test_context__settings),
        TEST(test_context__a_skipped_one_does_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
