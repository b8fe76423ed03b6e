/* The first migrate.yaml is read back by the reader of migrate.yaml, with and without its "#". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/text.h"
#include "project/project.h"
#include "target/config.h"

/* "#key: x" and "#  key: x" are settings in a comment, "# Words" are words. */
static bool
is_setting(const char *line)
{
    return line[0] == '#' && line[1] != '\0' && line[1] != '\n' &&
           (line[1] != ' ' || line[2] == ' ');
}

/* The text with the settings of block number only as settings; -1: all of them. */
static const char *
uncomment(const char *text, int only, MgArena *arena)
{
    MG_CLEANUP(buf) MgBuf buf = { 0 };
    int block = 0;
    for (const char *line = text; *line != '\0';) {
        size_t n = strcspn(line, "\n") + 1;
        bool is_taken = is_setting(line) && (only < 0 || only == block);
        block += *line == '\n';
        mg_buf_add_n(&buf, line + is_taken, n - is_taken);
        line += n;
    }
    return mg_arena_text(arena, mg_buf_text(&buf));
}

static void
read_back(const char *text, MgArena *arena, MgConfigFile *ret)
{
    MgError err = { .message = "" };
    if (!mg_config_parse(text, strlen(text), "migrate.yaml", "", arena, ret, &err))
        fail_msg("%s:%d: %s\n%s", err.place, err.line, err.message, text);
}

static const MgConfigItem *
find(const MgConfigFile *file, MgSettingId id)
{
    for (size_t i = 0; i < file->values.n; i++)
        if (file->values.items[i].id == id)
            return &file->values.items[i];
    return NULL;
}

static const char *
text_of(const MgConfigFile *file, MgSettingId id)
{
    const MgConfigItem *item = find(file, id);
    return item == NULL ? "" : item->text;
}

static void
test_starter__sets_what_was_given_alone(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "migrations", "it's here", "yes", "a: b #c", "- x", "/a/b"
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        MgArena arena = { 0 };
        MgConfigFile file;
        MgStarter starter = { .values = { [MG_SET_DIR] = texts[i] } };
        read_back(mg_project_starter(&starter, &arena), &arena, &file);
        assert_int_equal(file.values.n, 1);
        assert_int_equal(file.values.items[0].id, MG_SET_DIR);
        assert_string_equal(file.values.items[0].text, texts[i]);
        mg_arena_release(&arena);
    }
}

static void
test_starter__has_every_setting(void **state)
{
    (void)state;
    MgArena arena = { 0 };
    MgConfigFile file;
    MgStarter starter = { .url_name = "SHOP_URL" };
    read_back(uncomment(mg_project_starter(&starter, &arena), -1, &arena), &arena, &file);
    for (int id = 0; id < MG_N_SETTINGS; id++) {
        const MgConfigItem *item = find(&file, (MgSettingId)id);
        if (item == NULL)
            fail_msg("%s is missing", mg_setting_key((MgSettingId)id));
    }
    assert_string_equal(text_of(&file, MG_SET_URL), "${SHOP_URL}");
    assert_string_equal(text_of(&file, MG_SET_URL_ENV), "SHOP_URL");
    assert_int_equal(file.environments.n, 2);
    mg_arena_release(&arena);
}

/* A comment says what counts without it, but for those that are examples. */
static void
test_starter__shows_defaults(void **state)
{
    (void)state;
    static const bool is_example[MG_N_SETTINGS] = {
        [MG_SET_URL] = true,      [MG_SET_URL_ENV] = true,     [MG_SET_ROLE] = true,
        [MG_SET_DEADLINE] = true, [MG_SET_WAIT_SERVER] = true, [MG_SET_APPLY] = true,
    };
    MgArena arena = { 0 };
    MgConfigFile file;
    MgStarter starter = { .url_name = NULL };
    read_back(uncomment(mg_project_starter(&starter, &arena), -1, &arena), &arena, &file);
    for (int id = 0; id < MG_N_SETTINGS; id++) {
        const MgConfigItem *item = find(&file, (MgSettingId)id);
        if (!is_example[id])
            assert_string_equal(item->text, mg_setting_standard((MgSettingId)id));
    }
    mg_arena_release(&arena);
}

/* One block at a time, as somebody would who needs it. */
static void
test_starter__reads_block_by_block(void **state)
{
    (void)state;
    MgArena arena = { 0 };
    MgStarter starter = { .values = { [MG_SET_DIR] = "migrations" } };
    const char *text = mg_project_starter(&starter, &arena);
    int n_blocks = 0;
    for (const char *at = strstr(text, "\n\n"); at != NULL; at = strstr(at + 1, "\n\n"))
        n_blocks++;
    assert_true(n_blocks > 10);
    for (int block = 1; block <= n_blocks; block++) {
        MgConfigFile file;
        read_back(uncomment(text, block, &arena), &arena, &file);
        assert_true(file.values.n >= 2);
    }
    mg_arena_release(&arena);
}

static void
test_starter__fits_a_screen(void **state)
{
    (void)state;
    MgArena arena = { 0 };
    MgStarter starter = { .values = { [MG_SET_DIR] = "migrations" } };
    for (const char *line = mg_project_starter(&starter, &arena); *line != '\0';) {
        size_t n = strcspn(line, "\n");
        assert_in_range(n, 0, 100);
        line += n + 1;
    }
    mg_arena_release(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_starter__sets_what_was_given_alone),
        cmocka_unit_test(test_starter__has_every_setting),
        cmocka_unit_test(test_starter__shows_defaults),
        cmocka_unit_test(test_starter__reads_block_by_block),
        cmocka_unit_test(test_starter__fits_a_screen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
