/* Names and texts as they stand in SQL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sql/quote.h"

static void
test_quote__identifiers_and_literals(void **state)
{
    (void)state;
    static const struct {
        const char *text, *identifier, *literal;
    } cases[] = {
        { "", "\"\"", "''" },
        { "a", "\"a\"", "'a'" },
        { "a \"b\" it's", "\"a \"\"b\"\" it's\"", "'a \"b\" it''s'" },
        { "\\'", "\"\\'\"", "E'\\\\'''" },
    };
    MgArena arena = { 0 };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_string_equal(mg_sql_identifier(cases[i].text, &arena), cases[i].identifier);
        assert_string_equal(mg_sql_literal(cases[i].text, &arena), cases[i].literal);
    }
    assert_string_equal(mg_sql_literal(NULL, &arena), "NULL");
    mg_arena_release(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quote__identifiers_and_literals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
