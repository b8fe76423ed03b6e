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
    SQLSTATE_BYTES = 5,
};

/* Words of text, broken where a line would pass the last column; the first starts at column. */
static void
add_wrapped(MgBuf *ret, const char *text, size_t column, size_t indent)
{
    while (*text != '\0') {
        size_t size_bytes = mg_text_word(text);
        if (column > indent && column + 1 + size_bytes > MG_TERM_MAX_COLUMNS) {
            mg_buf_add_char(ret, '\n');
            mg_buf_add_repeated(ret, ' ', indent);
            column = indent;
        } else if (column > indent) {
            mg_buf_add_char(ret, ' ');
            column++;
        }
        mg_buf_add_n(ret, text, size_bytes);
        column += size_bytes;
        text += size_bytes;
        text += strspn(text, " ");
    }
    mg_buf_add_char(ret, '\n');
}

/* "left       right", the right one aligned and wrapped. */
static void
add_row(MgBuf *ret, const char *left, size_t columns, const char *right)
{
    size_t left_columns = strlen(left);
    mg_buf_format(ret, "  %s", left);
    if (left_columns + 1 > columns) {
        mg_buf_add_char(ret, '\n');
        mg_buf_add_repeated(ret, ' ', columns + 2);
    } else {
        mg_buf_add_repeated(ret, ' ', columns - left_columns);
    }
    add_wrapped(ret, right, columns + 2, columns + 2);
}

static const char *
usage_argument(const MgCmd *cmd, const char *before)
{
    return cmd->argument == NULL ? "" : before;
}

static void
add_command_row(MgBuf *ret, const MgCmd *cmd)
{
    MG_CLEANUP(buf) MgBuf left = { 0 };
    mg_buf_format(&left, "%s%s%s", cmd->name, usage_argument(cmd, " "),
                  cmd->argument == NULL ? "" : cmd->argument);
    add_row(ret, mg_buf_text(&left), COMMAND_COLUMNS, cmd->summary);
}

/* "--url URL, --dir PATH, ...". */
static void
add_common_options(MgBuf *ret)
{
    static const char title[] = "Options everywhere:";
    MG_CLEANUP(buf) MgBuf list = { 0 };
    for (const MgOpt *opt = mg_common_opts; opt->name != NULL; opt++) {
        if (!opt->is_for_reports)
            mg_buf_format(&list, "%s--%s%s%s", opt == mg_common_opts ? "" : ", ", opt->name,
                          opt->argument == NULL ? "" : " ",
                          opt->argument == NULL ? "" : opt->argument);
    }
    mg_buf_add(ret, title);
    add_wrapped(ret, mg_buf_text(&list), strlen(title), 2);
}

void
mg_help_all(MgBuf *ret)
{
    mg_buf_add(ret, "usage: migrate COMMAND [OPTION]...\n"
                    "Bring a PostgreSQL database to the schema in a folder of SQL files, over a "
                    "proved direct session.\n\n");
    MG_CLEANUP(buf) MgBuf more = { 0 };
    for (size_t i = 0; mg_cmds[i] != NULL; i++) {
        if (mg_cmds[i]->is_behind)
            mg_buf_format(&more, "%s%s", more.size_bytes == 0 ? "" : ", ", mg_cmds[i]->name);
        else
            add_command_row(ret, mg_cmds[i]);
    }
    if (more.size_bytes > 0)
        mg_buf_format(ret, "More: %s\n", mg_buf_text(&more));
    mg_buf_add_char(ret, '\n');
    add_common_options(ret);
    mg_buf_add(ret, "\"migrate help COMMAND\" explains a command, \"migrate help late\" an error, "
                    "\"help exit\" statuses.\n");
}

/* Of the options those that are (not) for reports. */
static void
add_option_rows(MgBuf *ret, const MgOpt *opts, bool is_for_reports)
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
        add_row(ret, left, OPTION_COLUMNS, opt->help);
    }
}

void
mg_help_command(const MgCmd *cmd, MgBuf *ret)
{
    /* What stops at the first word takes its options before it. */
    static const char options[] = " [OPTION]...";
    mg_buf_format(ret, "usage: migrate %s%s%s%s%s\n%s\n", cmd->name,
                  cmd->stops_at_word ? options : "", usage_argument(cmd, " "),
                  usage_argument(cmd, cmd->argument), cmd->stops_at_word ? "" : options,
                  cmd->about);
    if (cmd->opts != NULL || cmd->formats != 0)
        mg_buf_add(ret, "\nOptions:\n");
    add_option_rows(ret, cmd->opts, false);
    if (cmd->formats != 0)
        add_option_rows(ret, mg_common_opts, true);
    mg_buf_add(ret, "\nOptions everywhere:\n");
    add_option_rows(ret, mg_common_opts, false);
    if (cmd->examples == NULL)
        return;
    mg_buf_add(ret, "\nExamples:\n");
    for (const char *const *example = cmd->examples; *example != NULL; example += 2)
        add_row(ret, example[0], EXAMPLE_COLUMNS, example[1]);
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
mg_help_error(const char *slug, MgBuf *ret)
{
    for (int i = 0; i < MG_N_ERRORS; i++) {
        MgErrorCode code = (MgErrorCode)i;
        if (strcmp(mg_error_slug(code), slug) != 0)
            continue;
        mg_buf_format(ret, "%s (exit status %d): %s\n\n", slug, mg_error_exit_status(code),
                      mg_error_summary(code));
        add_wrapped(ret, mg_error_explanation(code), 0, 0);
        return true;
    }
    return false;
}
