/* The model of reports and its renderers, with small reports. */
#include "written.h"

static void
check_report(const MgReport *report, MgView view, const char *expect)
{
    MG_CLEANUP(buf) MgBuf buf = { 0 };
    mg_report_write(report, &view, append, &buf);
    assert_string_equal(mg_buf_text(&buf), expect);
}

static const MgColumn pair_columns[] = {
    { .key = "a", .heading = "first", .is_cut = true },
    { .key = "b", .heading = "second", .is_right = true },
    { .key = "c" },
};

static MgReport
pair_report(MgCell *cells, size_t n_cells)
{
    MgReport report = { .schema = "s",
                        .title = "a|b",
                        .list_key = "rows",
                        .columns = pair_columns,
                        .n_columns = COUNT(pair_columns) };
    report.cells.items = cells;
    report.cells.n = n_cells;
    return report;
}

static void
test_report__escapes_markdown(void **state)
{
    (void)state;
    MgCell cells[] = { mg_cell_text("a|b `c` \\ *d* <e> [f]\r\ng"), mg_cell_int(-3),
                       mg_cell_bool(true) };
    MgReport report = pair_report(cells, COUNT(cells));
    check_report(&report, (MgView){ .format = MG_MARKDOWN },
                 "## a\\|b\n"
                 "\n"
                 "| first | second |\n"
                 "| --- | ---: |\n"
                 "| a\\|b \\`c\\` \\\\ \\*d\\* \\<e> \\[f]? g | -3 |\n");
}

static void
test_report__cuts_names_on_narrow_terminals(void **state)
{
    (void)state;
    MgCell cells[] = {
        mg_cell_text("20260310083000_index_orders_customer"),
        mg_cell_int(1),
        mg_cell_text("x"),
        /* Eight columns wide each, three bytes a character. */
        mg_cell_text("\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8_short"),
        mg_cell_int(22),
        mg_cell_text("x"),
        mg_cell_text("20260310083000_\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8"),
        mg_cell_int(3),
        mg_cell_text("x"),
    };
    MgReport report = pair_report(cells, COUNT(cells));
    static const char whole[] =
        "first                                 second\n"
        "20260310083000_index_orders_customer       1\n"
        "\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8_short                            22\n"
        "20260310083000_\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8"
        "                  3\n";
    check_report(&report, (MgView){ .width = 0 }, whole);
    check_report(&report, (MgView){ .width = 44 }, whole);
    check_report(&report, (MgView){ .width = 40 },
                 "first                             second\n"
                 "20260310083000_index_orders_c...       1\n"
                 "\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8_short"
                 "                        22\n"
                 "20260310083000_\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8"
                 "              3\n");
    MgReport narrow = pair_report(&cells[3], 3);
    check_report(&narrow, (MgView){ .width = 10 },
                 "first           second\n"
                 "\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8_short      22\n");
    /* No narrower than this, however narrow the terminal; a wide character is never split. */
    check_report(&report, (MgView){ .width = 10 },
                 "first                     second\n"
                 "20260310083000_index_...       1\n"
                 "\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8_short                22\n"
                 "20260310083000_\xe8\xa1\xa8\xe8\xa1\xa8\xe8\xa1\xa8...       3\n");
}

static void
test_report__repairs_text_for_json(void **state)
{
    (void)state;
    MgCell cells[] = { mg_cell_text("a\xff\xc3z"), mg_cell_bool(false),
                       mg_cell_text("\t\"\xc3\xa9") };
    MgReport report = pair_report(cells, COUNT(cells));
    check_report(&report, (MgView){ .format = MG_JSON },
                 "{\n"
                 " \"schema\": \"s\",\n"
                 " \"tool\": \"" MG_VERSION "\",\n"
                 " \"at\": \"1970-01-01T00:00:00Z\",\n"
                 " \"error\": null,\n"
                 " \"rows\": [\n"
                 "  {\n"
                 "   \"a\": \"a??z\",\n"
                 "   \"b\": false,\n"
                 "   \"c\": \"\\t\\\"\xc3\xa9\"\n"
                 "  }\n"
                 " ]\n"
                 "}\n");
}

static void
test_report__shows_cells(void **state)
{
    (void)state;
    static const char *const texts[] = { "a", "b\x1b" };
    static const struct {
        MgCell cell;
        const char *expect;
    } cases[] = {
        { { .kind = MG_CELL_NULL }, "" },
        { { .kind = MG_CELL_TEXT, .text = "x" }, "x" },
        { { .kind = MG_CELL_TEXT, .text = "\x1b[31m\x7f\n \xc2\x9b\xc2\xa0\xc3\xa9 ~" },
          "?[31m?  ??\xc2\xa0\xc3\xa9 ~" },
        { { .kind = MG_CELL_TEXT, .text = "\xc2" }, "\xc2" },
        { { .kind = MG_CELL_INT, .number = INT64_MIN }, "-9223372036854775808" },
        { { .kind = MG_CELL_BOOL, .number = 1 }, "yes" },
        { { .kind = MG_CELL_BOOL }, "no" },
        { { .kind = MG_CELL_TIME, .number = INT64_C(1772461860000) }, "2026-03-02 14:31" },
        { { .kind = MG_CELL_DURATION, .number = 2400000 }, "2.4 s" },
        { { .kind = MG_CELL_LIST, .texts = texts, .n_texts = 2 }, "a, b?" },
        { { .kind = MG_CELL_ERRORS }, "" },
    };
    MgArena arena = { 0 };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(mg_cell_show(&cases[i].cell, &arena), cases[i].expect);
    mg_arena_release(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_report__escapes_markdown),
        cmocka_unit_test(test_report__cuts_names_on_narrow_terminals),
        cmocka_unit_test(test_report__repairs_text_for_json),
        cmocka_unit_test(test_report__shows_cells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
