/* Which of several values counts, and where it came from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "target/config.h"
#include "target/setting.h"

enum {
    MAX_VARIABLES = 3,
};

static void
parse(const char *text, const char *folder, MgArena *arena, MgConfigFile *ret)
{
    MgError err = { .message = "" };
    bool is_read = mg_config_parse(text, strlen(text), "migrate.yaml", folder, arena, ret, &err);
    assert_string_equal(err.message, "");
    assert_true(is_read);
}

static const char *
shown(const MgSettingValue *value, MgArena *arena)
{
    return mg_arena_format(arena, "%s (%d) from %s", value->text == NULL ? "-" : value->text,
                           (int)value->number, value->from == NULL ? "default" : value->from);
}

static void
test_setting__order(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *name;
        const char *environment[MAX_VARIABLES];
        bool is_given;
        MgSettingId id;
        const char *expect;
    } cases[] = {
        { "", NULL, { NULL }, false, MG_SET_LATE, "auto (0) from default" },
        { "late: allow\n", NULL, { NULL }, false, MG_SET_LATE, "allow (1) from migrate.yaml:1" },
        { "late: allow\nenvironments:\n  production:\n    late: refuse\n",
          "production",
          { NULL },
          false,
          MG_SET_LATE,
          "refuse (2) from migrate.yaml:4" },
        { "late: allow\nenvironments:\n  production:\n    late: refuse\n",
          "preview",
          { NULL },
          false,
          MG_SET_LATE,
          "allow (1) from migrate.yaml:1" },
        { "late: allow\n",
          NULL,
          { "MIGRATE_LATE=refuse" },
          false,
          MG_SET_LATE,
          "refuse (2) from MIGRATE_LATE" },
        { "late: allow\n",
          NULL,
          { "MIGRATE_LATE=refuse" },
          true,
          MG_SET_LATE,
          "auto (0) from --late" },
        { "late: allow\n",
          NULL,
          { "MIGRATE_LATE=" },
          false,
          MG_SET_LATE,
          "allow (1) from migrate.yaml:1" },
        { "late: ${L}\n",
          NULL,
          { "L=refuse" },
          false,
          MG_SET_LATE,
          "refuse (2) from migrate.yaml:1" },
        { "late: ${L:-allow}\n",
          NULL,
          { NULL },
          false,
          MG_SET_LATE,
          "allow (1) from migrate.yaml:1" },
        { "late: ${L:-}\n", NULL, { NULL }, false, MG_SET_LATE, "auto (0) from default" },
        { "", NULL, { NULL }, false, MG_SET_DIR, "../migrations (0) from default" },
        { "dir: db/${D:-m}s\n",
          NULL,
          { NULL },
          false,
          MG_SET_DIR,
          "../db/ms (0) from migrate.yaml:1" },
        { "dir: /srv/m\n", NULL, { NULL }, false, MG_SET_DIR, "/srv/m (0) from migrate.yaml:1" },
        { "dir: db\n",
          NULL,
          { "MIGRATE_DIR=here" },
          false,
          MG_SET_DIR,
          "here (0) from MIGRATE_DIR" },
        { "timeouts: {statement: role}\n",
          NULL,
          { NULL },
          false,
          MG_SET_STATEMENT_TIMEOUT,
          "role (-2) from migrate.yaml:1" },
        { "timeouts: {idle: none}\n",
          NULL,
          { NULL },
          false,
          MG_SET_IDLE_TIMEOUT,
          "none (-1) from migrate.yaml:1" },
        { "timeouts: {lock: 90s}\n",
          NULL,
          { NULL },
          false,
          MG_SET_LOCK_TIMEOUT,
          "1 min 30 s (90000) from migrate.yaml:1" },
        { "wait_turn: 0s\n",
          NULL,
          { NULL },
          false,
          MG_SET_WAIT_TURN,
          "0 s (0) from migrate.yaml:1" },
        { "", NULL, { NULL }, false, MG_SET_DEADLINE, "40 min (2400000) from vercel" },
        { "deadline: none\n",
          NULL,
          { NULL },
          false,
          MG_SET_DEADLINE,
          "none (-1) from migrate.yaml:1" },
        { "", NULL, { NULL }, false, MG_SET_WAIT_SERVER, "- (0) from default" },
        { "environments: {preview: {apply: no}}\n",
          "preview",
          { NULL },
          false,
          MG_SET_APPLY,
          "no (0) from migrate.yaml:1" },
        { "environments: {preview: {apply: no}}\n",
          NULL,
          { NULL },
          false,
          MG_SET_APPLY,
          "yes (1) from default" },
        { "production_guard: Off\n",
          NULL,
          { NULL },
          false,
          MG_SET_PRODUCTION_GUARD,
          "off (0) from migrate.yaml:1" },
        { "url: postgres://h/${D}\n",
          NULL,
          { "D=shop" },
          false,
          MG_SET_URL,
          "postgres://h/shop (0) from migrate.yaml:1" },
        { "url: postgres://h/${D}\n",
          NULL,
          { NULL },
          false,
          MG_SET_URL,
          "- (0) from migrate.yaml:1" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        MgConfigFile file;
        MgSettings settings;
        MgError err = { .message = "" };
        const MgGiven given = { MG_SET_LATE, "--late", NULL, MG_LATE_AUTO };
        char *environment[MAX_VARIABLES + 1] = { NULL };
        for (size_t k = 0; k < MAX_VARIABLES && cases[i].environment[k] != NULL; k++)
            environment[k] = mg_arena_text(&arena, cases[i].environment[k]);
        parse(cases[i].yaml, "../", &arena, &file);
        MgSettingsInput input = { .given = &given,
                                  .n_given = cases[i].is_given,
                                  .environment = environment,
                                  .file = &file,
                                  .name = cases[i].name,
                                  .deadline_ms = 40 * 60 * 1000,
                                  .deadline_from = "vercel" };
        bool is_good = mg_settings_resolve(&input, &arena, &settings, &err);
        assert_string_equal(err.message, "");
        assert_true(is_good);
        assert_string_equal(shown(&settings.values[cases[i].id], &arena), cases[i].expect);
        mg_arena_release(&arena);
    }
}

static void
test_setting__errors(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *variable, *expect; /* place:line:column: message | hint */
    } cases[] = {
        { "", "MIGRATE_LATE=never",
          "MIGRATE_LATE in the environment:0:0: MIGRATE_LATE takes \"auto\", \"allow\" or "
          "\"refuse\" | " },
        { "", "MIGRATE_WAIT_TURN=5",
          "MIGRATE_WAIT_TURN in the environment:0:0: MIGRATE_WAIT_TURN takes a duration such as 30s"
          " or 5min | " },
        { "\nlate: ${L}\n", "L=never",
          "migrate.yaml:2:7: \"late\" takes \"auto\", \"allow\" or \"refuse\" | " },
        { "role: ${ROLE}\n", "L=x",
          "migrate.yaml:1:7: variable \"ROLE\" is not set | Set it, or say what counts when it is"
          " not: ${ROLE:-VALUE}" },
        { "role: ${ROLE\n", "L=x",
          "migrate.yaml:1:7: a variable is written ${NAME} or ${NAME:-VALUE}, and this is not | " },
        { "role: ${}\n", "L=x",
          "migrate.yaml:1:7: a variable is written ${NAME} or ${NAME:-VALUE}, and this is not | " },
        { "role: ${L:-${ROLE}}\n", "L=x",
          "migrate.yaml:1:7: a default cannot refer to another variable | " },
        { "role: ${A-b}\n", "L=x",
          "migrate.yaml:1:7: a variable is written ${NAME} or ${NAME:-VALUE}, and this is not | " },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        MgConfigFile file;
        MgSettings settings;
        MgError err = { .message = "" };
        char *environment[] = { mg_arena_text(&arena, cases[i].variable), NULL };
        parse(cases[i].yaml, "", &arena, &file);
        MgSettingsInput input = { .environment = environment, .file = &file };
        assert_false(mg_settings_resolve(&input, &arena, &settings, &err));
        assert_string_equal(mg_arena_format(&arena, "%s:%d:%d: %s | %s", err.place, err.line,
                                            err.column, err.message, err.hint[0]),
                            cases[i].expect);
        mg_arena_release(&arena);
    }
}

/* References must not make of a small file a value without end. */
static void
test_setting__growth(void **state)
{
    (void)state;
    static const struct {
        size_t n_references;
        bool expect;
    } cases[] = { { 4, true }, { 5, false }, { 10000, false } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        MG_CLEANUP(buf) MgBuf yaml = { 0 }, variable = { 0 };
        MgConfigFile file;
        MgSettings settings;
        MgError err = { .message = "" };
        mg_buf_add(&yaml, "role: ");
        for (size_t k = 0; k < cases[i].n_references; k++)
            mg_buf_add(&yaml, "${L}");
        mg_buf_add(&variable, "L=");
        mg_buf_add_repeated(&variable, 'x', 1024);
        char *environment[] = { mg_arena_text(&arena, mg_buf_text(&variable)), NULL };
        parse(mg_buf_text(&yaml), "", &arena, &file);
        MgSettingsInput input = { .environment = environment, .file = &file };
        assert_int_equal(mg_settings_resolve(&input, &arena, &settings, &err), cases[i].expect);
        assert_string_equal(err.message,
                            cases[i].expect ? "" : "\"role\" is longer than 4096 bytes");
        mg_arena_release(&arena);
    }
}

/* The url's error waits until it is known that nothing else names the database. */
static void
test_setting__url_error(void **state)
{
    (void)state;
    MgArena arena = { 0 };
    MgConfigFile file;
    MgSettings settings;
    MgError err;
    parse("url: ${NOT_THERE}\n", "", &arena, &file);
    MgSettingsInput input = { .file = &file };
    assert_true(mg_settings_resolve(&input, &arena, &settings, &err));
    const MgSettingValue *url = &settings.values[MG_SET_URL];
    assert_null(url->text);
    assert_string_equal(url->error->message, "variable \"NOT_THERE\" is not set");
    assert_string_equal(url->error->excerpt,
                        "   |\n 1 | url: ${NOT_THERE}\n   |      ^^^^^^^^^^^^");
    mg_arena_release(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_setting__order),
        cmocka_unit_test(test_setting__errors),
        cmocka_unit_test(test_setting__growth),
        cmocka_unit_test(test_setting__url_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
