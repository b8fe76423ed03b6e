/* migrate.yaml: what is read, and what is refused with which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "target/config.h"

/* "dir=db late=allow@production": the values in order, then the environments. */
static const char *
shown(const MgConfigFile *file, MgArena *arena)
{
    MgBuf buf = { 0 };
    for (size_t i = 0; i < file->values.n; i++) {
        const MgConfigItem *item = &file->values.items[i];
        mg_buf_format(&buf, "%s%s=%s:%d:%d%s%s", i == 0 ? "" : " ", mg_setting_key(item->id),
                      item->text, item->line, item->column, item->environment == NULL ? "" : "@",
                      item->environment == NULL ? "" : item->environment);
    }
    for (size_t i = 0; i < file->environments.n; i++)
        mg_buf_format(&buf, " [%s]", file->environments.items[i]);
    const char *ret = mg_arena_text(arena, mg_buf_text(&buf));
    mg_buf_release(&buf);
    return ret;
}

static void
test_config__reads(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expect;
    } cases[] = {
        { "", "" },
        { "# nothing yet\n", "" },
        { "---\n", "" },
        { "~\n", "" },
        { "{}\n", "" },
        { "\xEF\xBB\xBF"
          "dir: db\r\nlate: allow\r\n",
          "dir=db:1:6 late=allow:2:7" },
        { "dir: db\nhistory: 'app.m'\nurl: \"${X}\"\n",
          "dir=db:1:6 history=app.m:2:10 url=${X}:3:6" },
        { "timeouts:\n  lock: 2s\n  statement: role\n  idle: none\n",
          "timeouts.lock=2s:2:9 timeouts.statement=role:3:14 timeouts.idle=none:4:9" },
        { "late: ${LATE:-auto}\n", "late=${LATE:-auto}:1:7" },
        { "environments:\n  preview:\n    apply: no\n  production:\n",
          "apply=no:3:12@preview [preview] [production]" },
        { "environments: {production: {timeouts: {lock: 5s}, production_guard: off}}\n",
          "timeouts.lock=5s:1:46@production production_guard=off:1:69@production [production]" },
        { "url: postgres://u:p#1@h/d\n", "url=postgres://u:p#1@h/d:1:6" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        MgConfigFile file;
        MgError err = { .message = "" };
        bool is_read = mg_config_parse(cases[i].text, strlen(cases[i].text), "migrate.yaml", "",
                                       &arena, &file, &err);
        assert_string_equal(err.message, "");
        assert_true(is_read);
        assert_string_equal(shown(&file, &arena), cases[i].expect);
        mg_arena_release(&arena);
    }
}

static void
test_config__refuses(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expect; /* line:column: message | hint or detail */
    } cases[] = {
        { "dri: db\n", "1:1: unknown key \"dri\" | Perhaps \"dir\" is meant." },
        { "Late: auto\n", "1:1: unknown key \"Late\" | Perhaps \"late\" is meant." },
        { "colour: red\n",
          "1:1: unknown key \"colour\" | Known here: dir, format, url, url_env, history, "
          "connection,"
          " pooled_url, late, role, timezone, timeouts, lock_retry, wait_server, wait_turn,"
          " deadline, output, production_guard, environments." },
        { "timeouts.lock: 5s\n",
          "1:1: unknown key \"timeouts.lock\" | Known here: dir, format, url, url_env, history,"
          " connection, pooled_url, late, role, timezone, timeouts, lock_retry, wait_server,"
          " wait_turn, deadline, output, production_guard, environments." },
        { "timeouts:\n  lok: 5s\n",
          "2:3: unknown key \"timeouts.lok\" | Perhaps \"lock\" is meant." },
        { "timeouts: 5s\n", "1:11: \"timeouts\" must hold keys with values | " },
        { "environments:\n  preview:\n    aply: no\n",
          "3:5: unknown key \"aply\" | Perhaps \"apply\" is meant." },
        { "environments:\n  preview: no\n",
          "2:12: environment \"preview\" must hold keys with values | " },
        { "environments: {a: {environments: {}}}\n",
          "1:20: unknown key \"environments\" | Known here: dir, format, url, url_env, history,"
          " connection, pooled_url, late, role, timezone, timeouts, lock_retry, wait_server,"
          " wait_turn, deadline, output, production_guard, apply." },
        { "apply: no\n",
          "1:1: \"apply\" belongs below an environment | For example: environments: {"
          " preview: { apply: no } }" },
        { "late: maybe\n", "1:7: \"late\" takes \"auto\", \"allow\" or \"refuse\" | " },
        { "format: flyway\n", "1:9: \"format\" takes \"native\" only | " },
        { "deadline: soon\n",
          "1:11: \"deadline\" takes a duration such as 30s or 5min, or none | " },
        { "timeouts: {lock: 0s}\n",
          "1:18: \"timeouts.lock\" takes a duration such as 30s or 5min | " },
        { "timeouts: {statement: 5}\n",
          "1:23: \"timeouts.statement\" takes a duration such as 30s or 5min, or none, or role for"
          " what the role has | " },
        { "production_guard: 2\n", "1:19: \"production_guard\" takes yes or no | " },
        { "dir: [a, b]\n", "1:6: \"dir\" takes one value, not a list or keys | " },
        { "dir:\n", "1:1: \"dir\" has no value | " },
        { "dir: ''\n", "1:1: \"dir\" has no value | " },
        { "url: null\n", "1:1: \"url\" has no value | " },
        { "dir: \"a\\0b\"\n", "1:6: \"dir\" holds a NUL character | " },
        { "dir: a\nlate: auto\ndir: b\n",
          "3:1: key \"dir\" stands twice | The first one is in line 1." },
        { "environments:\n  a: {}\n  a: {}\n",
          "3:3: key \"a\" stands twice | The first one is in line 2." },
        { "dir: &d db\n", "1:6: anchors are not read: write the value again | " },
        { "environments: &e\n  a: {}\n", "1:15: anchors are not read: write the value again | " },
        { "dir: *d\n", "1:6: aliases are not read: write the value again | " },
        { "dir: !!str db\n", "1:6: tags are not read | " },
        { "dir: a\n---\ndir: b\n", "2:1: a second document begins here, and only one is read | " },
        { "- dir\n", "1:1: the file must hold keys with values | " },
        { "dir\n", "1:1: the file must hold keys with values | " },
        { "? [a]\n: b\n", "1:3: a key must be a word | " },
        { "\"a\\0b\": c\n", "1:1: a key holds a NUL character | " },
        { "a: [[[[[[[[[1]]]]]]]]]\n", "1:11: this is nested too deeply | " },
        { "dir: 'a\n", "2:1: \"migrate.yaml\" is not YAML: found unexpected end of stream | " },
        { "dir: a: b\n",
          "1:7: \"migrate.yaml\" is not YAML: mapping values are not allowed in this context | " },
        { "dir: a\n\tlate: b\n",
          "2:1: \"migrate.yaml\" is not YAML: found a tab character that violates indentation | " },
        { "dir: \xFF\n", "1:0: \"migrate.yaml\" is not UTF-8 text | " },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        MgConfigFile file = { .name = "before" };
        MgError err = { .message = "" };
        assert_false(mg_config_parse(cases[i].text, strlen(cases[i].text), "migrate.yaml", "",
                                     &arena, &file, &err));
        assert_string_equal(mg_arena_format(&arena, "%d:%d: %s | %s%s", err.line, err.column,
                                            err.message, err.detail, err.hint[0]),
                            cases[i].expect);
        assert_int_equal(err.code, MG_E_CONFIG);
        assert_string_equal(err.place, "migrate.yaml");
        assert_string_equal(err.note, "no connection was made");
        assert_string_equal(file.name, "before");
        mg_arena_release(&arena);
    }
}

/* The place is shown, and never a password that stands beside it. */
static void
test_config__excerpts(void **state)
{
    (void)state;
    static const char text[] = "url: postgres://app:s3cret@h/d\nlat\xC3\xA9: auto\n";
    MgArena arena = { 0 };
    MgConfigFile file;
    MgError err;
    assert_false(mg_config_parse(text, strlen(text), "migrate.yaml", "", &arena, &file, &err));
    assert_string_equal(err.excerpt, "   |\n"
                                     " 1 | url: postgres://app:******@h/d\n"
                                     " 2 | lat\xC3\xA9: auto\n"
                                     "   | ^^^^");
    assert_string_equal(err.hint[0], "Perhaps \"late\" is meant.");
    mg_arena_release(&arena);
}

static void
test_config__refuses_too_much(void **state)
{
    (void)state;
    MgArena arena = { 0 };
    MgConfigFile file;
    MgError err;
    MgBuf text = { 0 };
    mg_buf_add_repeated(&text, '#', MG_CONFIG_MAX_BYTES + 1);
    assert_false(mg_config_parse(text.text, text.size_bytes, "m.yaml", "", &arena, &file, &err));
    assert_string_equal(err.message, "\"m.yaml\" is larger than 64 KiB");
    mg_buf_clear(&text);
    mg_buf_add(&text, "environments:\n");
    for (int i = 0; i < 101; i++)
        mg_buf_format(&text, "  e%d: {}\n", i);
    assert_false(mg_config_parse(text.text, text.size_bytes, "m.yaml", "", &arena, &file, &err));
    assert_string_equal(err.message, "more than 100 environments");
    assert_int_equal(err.line, 102);
    mg_buf_release(&text);
    mg_arena_release(&arena);
}

/* ---- Finding it ---- */

static void
write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    assert_int_equal(fputs(text, file) >= 0, 1);
    assert_int_equal(fclose(file), 0);
}

static const char *
found(const char *path, MgArena *arena)
{
    const MgConfigFile *file = NULL;
    MgError err;
    if (!mg_config_read(path, arena, &file, &err))
        return mg_arena_text(arena, err.message);
    return file == NULL ? "none" : mg_arena_format(arena, "%s in \"%s\"", file->name, file->folder);
}

static void
test_config__is_found(void **state)
{
    (void)state;
    MgArena arena = { 0 };
    char root[] = "/tmp/migrate-config-XXXXXX", here[4096];
    assert_non_null(getcwd(here, sizeof here));
    assert_non_null(mkdtemp(root));
    assert_int_equal(chdir(root), 0);
    assert_int_equal(mkdir("repo", 0700) + mkdir("repo/a", 0700) + mkdir("repo/a/b", 0700), 0);
    write_file("migrate.yaml", "dir: above\n");
    assert_string_equal(found(NULL, &arena), "migrate.yaml in \"\"");

    /* Above the working folder only inside a repository, and not above that. */
    assert_int_equal(chdir("repo/a/b"), 0);
    assert_string_equal(found(NULL, &arena), "none");
    assert_int_equal(mkdir("../../.git", 0700), 0);
    assert_string_equal(found(NULL, &arena), "none");
    write_file("../../migrate.yaml", "dir: db\n");
    assert_string_equal(found(NULL, &arena), "../../migrate.yaml in \"../../\"");
    write_file("../migrate.yaml", "dir: db\n");
    assert_string_equal(found(NULL, &arena), "../migrate.yaml in \"../\"");

    assert_string_equal(found("../../migrate.yaml", &arena), "../../migrate.yaml in \"../../\"");
    assert_string_equal(found("m.yaml", &arena),
                        "could not read \"m.yaml\": No such file or directory");
    assert_int_equal(unlink("../migrate.yaml") + unlink("../../migrate.yaml"), 0);
    write_file("migrate.yml", "dir: db\n");
    assert_string_equal(found(NULL, &arena), "\"migrate.yml\" is not read");

    assert_int_equal(unlink("migrate.yml") + rmdir("../../.git"), 0);
    assert_int_equal(chdir(root), 0);
    assert_int_equal(rmdir("repo/a/b") + rmdir("repo/a") + rmdir("repo"), 0);
    assert_int_equal(unlink("migrate.yaml"), 0);
    assert_int_equal(chdir(here) + rmdir(root), 0);
    mg_arena_release(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config__reads),    cmocka_unit_test(test_config__refuses),
        cmocka_unit_test(test_config__excerpts), cmocka_unit_test(test_config__refuses_too_much),
        cmocka_unit_test(test_config__is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
