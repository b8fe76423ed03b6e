#include "help.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "opt.h"
#include "term.h"

enum {
    COMMAND_COLUMNS = 14,
    OPTION_COLUMNS = 22,
    EXAMPLE_COLUMNS = 36,
    MIN_PAGE_COLUMNS = 60, /* a narrower terminal breaks lines itself */
    ABOUT_COLUMNS = 80,
    SQLSTATE_BYTES = 5,
};

typedef struct Page {
    MgBuf *text;
    size_t columns;
} Page;

static Page
page_of(int width, MgBuf *ret)
{
    bool is_whole = width <= 0 || width > MG_TERM_MAX_COLUMNS;
    return (Page){ .text = ret,
                   .columns = is_whole                   ? (size_t)MG_TERM_MAX_COLUMNS
                              : width < MIN_PAGE_COLUMNS ? (size_t)MIN_PAGE_COLUMNS
                                                         : (size_t)width };
}

/* Words of text, broken where a line would pass the last column; the first starts at column. */
static void
add_wrapped(const Page *page, const char *text, size_t column, size_t indent)
{
    while (*text != '\0') {
        size_t size_bytes = mg_text_word(text);
        if (column > indent && column + 1 + size_bytes > page->columns) {
            mg_buf_add_char(page->text, '\n');
            mg_buf_add_repeated(page->text, ' ', indent);
            column = indent;
        } else if (column > indent) {
            mg_buf_add_char(page->text, ' ');
            column++;
        }
        mg_buf_add_n(page->text, text, size_bytes);
        column += size_bytes;
        text += size_bytes;
        text += strspn(text, " ");
    }
    mg_buf_add_char(page->text, '\n');
}

/* Paragraphs, with a blank line between; inside them a line end is a blank. */
static void
add_about(const Page *page, const char *about)
{
    const Page narrow = { page->text,
                          page->columns < ABOUT_COLUMNS ? page->columns : ABOUT_COLUMNS };
    while (*about != '\0') {
        MG_CLEANUP(buf) MgBuf paragraph = { 0 };
        for (; *about != '\0' && strncmp(about, "\n\n", 2) != 0; about++)
            mg_buf_add_char(&paragraph, *about == '\n' ? ' ' : *about);
        add_wrapped(&narrow, mg_buf_text(&paragraph), 0, 0);
        if (*about != '\0') {
            mg_buf_add_char(page->text, '\n');
            about += strlen("\n\n");
        }
    }
}

/* "left       right", the right one aligned and wrapped. */
static void
add_row(const Page *page, const char *left, size_t columns, const char *right)
{
    MgBuf *ret = page->text;
    size_t left_columns = strlen(left);
    mg_buf_format(ret, "  %s", left);
    if (left_columns + 1 > columns) {
        mg_buf_add_char(ret, '\n');
        mg_buf_add_repeated(ret, ' ', columns + 2);
    } else {
        mg_buf_add_repeated(ret, ' ', columns - left_columns);
    }
    add_wrapped(page, right, columns + 2, columns + 2);
}

static const char *
usage_argument(const MgCmd *cmd, const char *before)
{
    return cmd->argument == NULL ? "" : before;
}

static void
add_command_row(const Page *page, const MgCmd *cmd)
{
    MG_CLEANUP(buf) MgBuf left = { 0 };
    mg_buf_format(&left, "%s%s%s", cmd->name, usage_argument(cmd, " "),
                  cmd->argument == NULL ? "" : cmd->argument);
    add_row(page, mg_buf_text(&left), COMMAND_COLUMNS, cmd->summary);
}

/* "--url URL, --dir PATH, ...". */
static void
add_common_options(const Page *page)
{
    static const char title[] = "Options everywhere:";
    MG_CLEANUP(buf) MgBuf list = { 0 };
    for (const MgOpt *opt = mg_common_opts; opt->name != NULL; opt++) {
        if (!opt->is_for_reports)
            mg_buf_format(&list, "%s--%s%s%s", opt == mg_common_opts ? "" : ", ", opt->name,
                          opt->argument == NULL ? "" : " ",
                          opt->argument == NULL ? "" : opt->argument);
    }
    mg_buf_add(page->text, title);
    add_wrapped(page, mg_buf_text(&list), strlen(title), 2);
}

void
mg_help_all(int width, MgBuf *ret)
{
    const Page page = page_of(width, ret);
    mg_buf_add(ret, "usage: migrate COMMAND [OPTION]...\n");
    add_wrapped(&page,
                "Bring a PostgreSQL database to the schema in a folder of SQL files, over a "
                "proved direct session.",
                0, 0);
    mg_buf_add_char(ret, '\n');
    MG_CLEANUP(buf) MgBuf more = { 0 };
    for (size_t i = 0; mg_cmds[i] != NULL; i++) {
        if (mg_cmds[i]->is_behind)
            mg_buf_format(&more, "%s%s", more.size_bytes == 0 ? "" : ", ", mg_cmds[i]->name);
        else
            add_command_row(&page, mg_cmds[i]);
    }
    if (more.size_bytes > 0)
        mg_buf_format(ret, "More: %s\n", mg_buf_text(&more));
    mg_buf_add_char(ret, '\n');
    add_common_options(&page);
    add_wrapped(&page,
                "\"migrate help COMMAND\" explains a command, \"migrate help late\" an error, "
                "\"help exit\" statuses.",
                0, 0);
}

/* Of the options those that are (not) for reports. */
static void
add_option_rows(const Page *page, const MgOpt *opts, bool is_for_reports)
{
    for (const MgOpt *opt = opts; opt != NULL && opt->name != NULL; opt++) {
        if (opt->is_for_reports != is_for_reports)
            continue;
        char left[64];
        char letter[8] = "";
        if (opt->letter != 0)
            (void)snprintf(letter, sizeof letter, "-%c, ", opt->letter);
        (void)snprintf(left, sizeof left, "%s--%s%s%s", letter, opt->name,
                       opt->argument == NULL ? "" : " ",
                       opt->argument == NULL ? "" : opt->argument);
        add_row(page, left, OPTION_COLUMNS, opt->help);
    }
}

void
mg_help_command(const MgCmd *cmd, int width, MgBuf *ret)
{
    const Page page = page_of(width, ret);
    /* What stops at the first word takes its options before it. */
    static const char options[] = " [OPTION]...";
    mg_buf_format(ret, "usage: migrate %s%s%s%s%s\n", cmd->name, cmd->stops_at_word ? options : "",
                  usage_argument(cmd, " "), usage_argument(cmd, cmd->argument),
                  cmd->stops_at_word ? "" : options);
    add_about(&page, cmd->about);
    if (cmd->opts != NULL || cmd->formats != 0)
        mg_buf_add(ret, "\nOptions:\n");
    add_option_rows(&page, cmd->opts, false);
    if (cmd->formats != 0)
        add_option_rows(&page, mg_common_opts, true);
    mg_buf_add(ret, "\nOptions everywhere:\n");
    add_option_rows(&page, mg_common_opts, false);
    if (cmd->examples == NULL)
        return;
    mg_buf_add(ret, "\nExamples:\n");
    for (const char *const *example = cmd->examples; *example != NULL; example += 2)
        add_row(&page, example[0], EXAMPLE_COLUMNS, example[1]);
}

void
mg_help_exit(MgBuf *ret)
{
    mg_buf_add(ret, "status  slug             meaning\n");
    for (int code = 0; code < MG_N_ERRORS; code++)
        mg_buf_format(ret, "%6d  %-15s  %s\n", mg_error_exit_status((MgErrorCode)code),
                      mg_error_slug((MgErrorCode)code), mg_error_summary((MgErrorCode)code));
    mg_buf_add(ret, "\n\"migrate help SLUG\" explains one of them.\n");
}

bool
mg_help_is_sqlstate(const char *word)
{
    static const char digits[] = "0123456789";
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    size_t n = 0;
    for (; word[n] != '\0'; n++)
        if (strchr(digits, word[n]) == NULL && strchr(letters, word[n]) == NULL)
            return false;
    return n == SQLSTATE_BYTES && strpbrk(word, digits) != NULL;
}

bool
mg_help_error(const char *slug, int width, MgBuf *ret)
{
    const Page page = page_of(width, ret);
    for (int i = 0; i < MG_N_ERRORS; i++) {
        MgErrorCode code = (MgErrorCode)i;
        if (strcmp(mg_error_slug(code), slug) != 0)
            continue;
        mg_buf_format(ret, "%s (exit status %d): %s\n\n", slug, mg_error_exit_status(code),
                      mg_error_summary(code));
        add_wrapped(&page, mg_error_explanation(code), 0, 0);
        return true;
    }
    return false;
}
