/* What is left of pg_dump's text, and the history as INSERTs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pg/dump.h"

#define HEAD                                                                                       \
    "--\n"                                                                                         \
    "-- The schema and the history of its migrations, by \"migrate dump\"\n"                       \
    "--\n"                                                                                         \
    "\n"                                                                                           \
    "SET client_encoding = 'UTF8';\n"                                                              \
    "SET standard_conforming_strings = on;\n"                                                      \
    "SET search_path = '';\n"                                                                      \
    "SET check_function_bodies = false;\n"                                                         \
    "SET xmloption = content;\n"                                                                   \
    "SET client_min_messages = warning;\n"

#define TAIL "--\n-- PostgreSQL database dump complete\n--\n\n"

static const struct {
    const char *name, *text, *expect;
} cases[] = {
    { "nothing", "", HEAD },
    { "no objects",
      "--\n-- PostgreSQL database dump\n--\n\n\\restrict aB3\n\n-- Dumped from database version "
      "15\n\nSET lock_timeout = 0;\nSELECT pg_catalog.set_config('search_path', '', "
      "false);\n\n" TAIL "\\unrestrict aB3\n\n",
      HEAD },
    { "objects, one blank line before and none behind",
      "--\n-- PostgreSQL database dump\n--\n\nSET transaction_timeout = 0;\n\n--\n-- Name: a; "
      "Type: "
      "TABLE; Schema: public; Owner: -\n--\n\nCREATE TABLE public.a (\n);\n\n\n" TAIL,
      HEAD "\n--\n-- Name: a; Type: TABLE; Schema: public; Owner: -\n--\n\nCREATE TABLE public.a "
           "(\n);\n" },
    { "a line of the head that is not known stays",
      "--\n-- PostgreSQL database dump\n--\n\nLOAD 'x';\n\n--\n-- Name: a\n--\n\nA;\n" TAIL,
      HEAD "LOAD 'x';\n\n--\n-- Name: a\n--\n\nA;\n" },
    { "settings and the tail's words inside stay",
      "--\n-- Name: a\n--\n\nSET default_table_access_method = heap;\n\n" TAIL
      "\\restrict x\n" TAIL,
      HEAD "\n--\n-- Name: a\n--\n\nSET default_table_access_method = heap;\n\n--\n-- PostgreSQL "
           "database dump complete\n--\n\n\\restrict x\n" },
    { "the end is missing", "--\n-- Name: a\n--\n\nA;", HEAD "\n--\n-- Name: a\n--\n\nA;\n" },
};

static void
test_dump_text__keeps_the_objects(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgBuf seen = { 0 };
        mg_dump_add_schema(cases[i].text, strlen(cases[i].text), &seen);
        if (strcmp(mg_buf_text(&seen), cases[i].expect) != 0)
            print_message("# %s\n", cases[i].name);
        assert_string_equal(mg_buf_text(&seen), cases[i].expect);
        mg_buf_release(&seen);
    }
}

#define INSERT                                                                                     \
    "INSERT INTO \"app\".\"h\" (version, name, kind, up_digest, token_digest, down_script,"        \
    " down_digest,\n    statements, statements_started, statements_done, prefix_digest,"           \
    " applied_by, tool_version)\nVALUES "

static void
test_dump_text__history_by_version(void **state)
{
    (void)state;
    MgApplied rows[] = {
        { .id = 1, .name = "b", .kind = MG_REPEATABLE, .digest = "r" },
        { .id = 2, .version = "10", .name = "late", .kind = MG_BASELINE },
        { .id = 4,
          .version = "9",
          .name = "it's",
          .digest = "u",
          .token_digest = "t",
          .down_text = "DROP 'x';\n\\",
          .down_digest = "d",
          .n_statements = 2,
          .n_statements_started = 2,
          .n_statements_done = 2,
          .prefix_digest = "p",
          .applied_at_ms = 7,
          .applied_by = "app@host",
          .commit = "c" },
        { .id = 5, .name = "a", .kind = MG_REPEATABLE },
    };
    MgHistory history = { .exists = true, .items = rows, .n = 4 };
    MgArena arena = { 0 };
    MgHistoryTable table;
    MgError err;
    MgBuf seen = { 0 };
    assert_true(mg_history_table_parse("app.h", &arena, &table, &err));
    mg_dump_add_history(&table, &history, &arena, &seen);
    const char *end = strstr(mg_buf_text(&seen), "\n--\n-- Default privileges");
    assert_non_null(end);
    assert_string_equal(
        mg_arena_text_n(&arena, mg_buf_text(&seen), (size_t)(end - mg_buf_text(&seen))),
        "\n\n--\n-- Migrations that are applied here, for app.h\n--\n\n" INSERT
        "('9', 'it''s', 'versioned', 'u', 't', E'DROP ''x'';\n\\\\', 'd',\n    2, 2, 2, 'p', "
        "'migrate dump', 'dump');\n" INSERT "('10', 'late', 'baseline', NULL, NULL, NULL, NULL,\n"
        "    0, 0, 0, NULL, 'migrate dump', 'dump');\n" INSERT
        "(NULL, 'a', 'repeatable', NULL, NULL, NULL, NULL,\n    0, 0, 0, NULL, 'migrate dump', "
        "'dump');\n" INSERT "(NULL, 'b', 'repeatable', 'r', NULL, NULL, NULL,\n    0, 0, 0, NULL, "
        "'migrate dump', 'dump');\n");
    mg_buf_release(&seen);
    mg_arena_release(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dump_text__keeps_the_objects),
        cmocka_unit_test(test_dump_text__history_by_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
