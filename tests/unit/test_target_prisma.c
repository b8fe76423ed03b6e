/* The name of the direct URL in a Prisma schema. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "target/prisma.h"

static void
test_prisma__finds_the_direct_name(void **state)
{
    (void)state;
    static const struct {
        const char *schema, *expect;
    } cases[] = {
        { "datasource db {\n  provider  = \"postgresql\"\n  url       = env(\"DATABASE_URL\")\n"
          "  directUrl = env(\"MY_DIRECT\")\n}\n",
          "MY_DIRECT" },
        { "generator c { output = \"x\" }\ndatasource db{directUrl=env ( \"A\" )}", "A" },
        { "datasource db { url = env(\"A\") }", NULL },
        { "datasource db { // directUrl = env(\"A\")\n directUrl = env(\"B\") }", "B" },
        { "/// datasource db {\nmodel m { directUrl = env(\"A\") }", NULL },
        { "datasource db { url = \"x directUrl = env(\\\"A\\\")\" }", NULL },
        { "datasource db { x { directUrl = env(\"A\") } }", NULL },
        { "datasource db { }\nmodel m { directUrl = env(\"A\") }", NULL },
        { "datasource db { x { } directUrl = env(\"A\") }", "A" },
        { "directUrl = env(\"A\")", NULL },
        { "} datasource db { directUrl = env(\"A\") }", "A" },
        { "datasource db { directUrl = \"postgres://h/d\" }", NULL },
        { "datasource db { directUrl = env(A) }", NULL },
        { "datasource db { directUrl = env(\"\") }", NULL },
        { "datasource db { directUrl = env(\"A B\") }", NULL },
        { "datasource db { directUrl = env(\"A", "A" },
        { "datasource db { directUrl = env(", NULL },
        { "datasource db { directUrl", NULL },
        { "datasource db { url = \"a\\", NULL },
        { "\"datasource\" db { directUrl = env(\"A\") }", NULL },
        { "", NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        const char *name = mg_prisma_name(cases[i].schema, "directUrl", &arena);
        if (cases[i].expect == NULL)
            assert_null(name);
        else
            assert_string_equal(name, cases[i].expect);
        mg_arena_release(&arena);
    }
}

static void
test_prisma__finds_the_other_names(void **state)
{
    (void)state;
    static const char schema[] = "datasource db {\n url = env(\"A\")\n directUrl = env(\"B\")\n}";
    MgArena arena = { 0 };
    assert_string_equal(mg_prisma_name(schema, "url", &arena), "A");
    assert_string_equal(mg_prisma_name(schema, "directUrl", &arena), "B");
    assert_null(mg_prisma_name(schema, "shadowDatabaseUrl", &arena));
    mg_arena_release(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prisma__finds_the_direct_name),
        cmocka_unit_test(test_prisma__finds_the_other_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
