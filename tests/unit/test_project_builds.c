/* A key in the files of platforms, found without knowing their languages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "project/project.h"

static void
test_value__is_found(void **state)
{
    (void)state;
    static const struct {
        const char *text, *section, *key, *expect;
    } cases[] = {
        { "{\n  \"buildCommand\": \"next build\",\n}", NULL, "buildCommand", "next build" },
        { "{\"a\":1,\"buildCommand\":\"echo \\\"x\\\" \\\\ y\"}", NULL, "buildCommand",
          "echo \"x\" \\ y" },
        { "{\"myBuildCommand\": \"x\", \"buildCommandX\": 1}", NULL, "buildCommand", NULL },
        { "{\"a\": \"buildCommand\", \"buildCommand\": \"y\"}", NULL, "buildCommand", "y" },
        { "[build]\n  command = \"a\"\n[dev]\ncommand = 'b'\n", "[build]", "command", "a" },
        { "[dev]\ncommand = 'b'\n[build]\ncommand = 'c'", "[build]", "command", "c" },
        { "[build.environment]\ncommand = 'b'\n", "[build]", "command", NULL },
        { "# command = 'x'\n[build]\n# command = 'y'\n", "[build]", "command", NULL },
        { "release: rake x\r\nweb: y\n", NULL, "release", "rake x" },
        { "release: \"\"\n", NULL, "release", "" },
        { "release:\n  image: web\n", NULL, "release", "" },
        { "services:\n  - type: web\n    preDeployCommand: |\n      a\n", NULL, "preDeployCommand",
          "" },
        { "preDeployCommand = [\"npm run x\"]\n", NULL, "preDeployCommand", "npm run x" },
        { "  - preDeployCommand: a b  \n", NULL, "preDeployCommand", "a b" },
        { "// \"buildCommand\": \"x\"\n", NULL, "buildCommand", NULL },
        { "buildCommand", NULL, "buildCommand", NULL },
        { "\"buildCommand\": \"x", NULL, "buildCommand", "x" },
        { "\"buildCommand\": \"x\\", NULL, "buildCommand", "x\\" },
        { "", NULL, "buildCommand", NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        const char *value = mg_project_value(cases[i].text, cases[i].section, cases[i].key, &arena);
        if (cases[i].expect == NULL)
            assert_null(value);
        else
            assert_string_equal(value, cases[i].expect);
        mg_arena_release(&arena);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_value__is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
