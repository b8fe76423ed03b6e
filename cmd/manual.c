#include "manual.h"

#include <string.h>

#include "cmd.h"
#include "migrate.h"
#include "opt.h"

/* ---- mdoc ------------------------------------------------------------------ */

/* Text that roff takes as it stands: sentences on lines of their own. */
static void
add_prose(MgBuf *ret, const char *text)
{
    bool is_begin = true;
    for (; *text != '\0'; text++) {
        if (is_begin && (*text == '.' || *text == '\''))
            mg_buf_add(ret, "\\&");
        is_begin = false;
        if (*text == '\\') {
            mg_buf_add(ret, "\\e");
        } else if (strncmp(text, "-- ", 3) == 0) { /* a comment of SQL is pasted as a whole */
            mg_buf_add(ret, "\\-\\-\\ ");
            text += 2;
        } else if (*text == '-') {
            mg_buf_add(ret, "\\-");
        } else if (*text == '\n' || (text[0] == '.' && text[1] == ' ')) {
            mg_buf_add(ret, *text == '.' ? ".\n" : text[1] == '\n' ? "\n.Pp" : "\n");
            for (text += *text == '.' ? 1 : 0; text[1] == ' ';)
                text++;
            is_begin = true;
        } else {
            mg_buf_add_char(ret, *text);
        }
    }
    mg_buf_add_char(ret, '\n');
}

/* One argument of a macro. */
static void
add_argument(MgBuf *ret, const char *text)
{
    mg_buf_add(ret, " \"");
    for (; *text != '\0'; text++) {
        if (*text == '"')
            mg_buf_add(ret, "\\(dq");
        else if (*text == '\\')
            mg_buf_add(ret, "\\e");
        else
            mg_buf_add_char(ret, *text);
    }
    mg_buf_add_char(ret, '"');
}

static void
add_options(MgBuf *ret, const MgOpt *opts)
{
    if (opts == NULL || opts->name == NULL)
        return;
    mg_buf_add(ret, ".Bl -tag -width Ds\n");
    for (; opts->name != NULL; opts++) {
        mg_buf_add(ret, ".It");
        if (opts->letter != 0)
            mg_buf_format(ret, " Fl %c ,", opts->letter);
        mg_buf_format(ret, " Fl \\-%s", opts->name);
        if (opts->argument != NULL)
            mg_buf_format(ret, " Ar %s", opts->argument);
        mg_buf_add_char(ret, '\n');
        add_prose(ret, opts->help);
    }
    mg_buf_add(ret, ".El\n");
}

static void
add_command(MgBuf *ret, const MgCmd *cmd)
{
    mg_buf_format(ret, ".Ss migrate %s%s%s\n", cmd->name, cmd->argument == NULL ? "" : " ",
                  cmd->argument == NULL ? "" : cmd->argument);
    add_prose(ret, cmd->about);
    add_options(ret, cmd->opts);
    for (const char *const *at = cmd->examples; at != NULL && *at != NULL; at += 2) {
        mg_buf_add(ret,
                   at == cmd->examples ? ".Pp\nExamples:\n.Bl -tag -width Ds\n.It Li" : ".It Li");
        add_argument(ret, at[0]);
        mg_buf_add_char(ret, '\n');
        add_prose(ret, at[1]);
    }
    if (cmd->examples != NULL)
        mg_buf_add(ret, ".El\n");
}

/* What stands in a folder, and who reads it. */
static void
add_files(MgBuf *ret)
{
    static const struct {
        const char *name, *text;
    } files[] = {
        { "migrations/V_NAME.up.sql",
          "A migration: plain SQL. V is 1 to 18 digits and orders the migrations. Comment lines "
          "change how it runs: \"-- migrate:no-transaction\", \"-- migrate:lock-timeout 5s\", "
          "\"-- migrate:statement-timeout 10min\", \"-- migrate:retry no\", "
          "\"-- migrate:destructive\", \"-- migrate:up nothing\"." },
        { "migrations/V_NAME.down.sql",
          "Its way back, if it has one. \"-- migrate:down nothing\" says that there is nothing to "
          "revert." },
        { "migrations/V_NAME.sql",
          "Both in one file, behind the lines \"-- migrate:up\" and \"-- migrate:down\"." },
        { "migrations/R__NAME.sql", "Repeatable, for views and functions: it runs again when it "
                                    "changes, behind the others." },
        { "migrate.yaml",
          "Settings, in the working folder or above it, up to the root of the repository. "
          "\"migrate init\" writes one with all of them and what they mean; \"migrate doctor\" "
          "lists what counts." },
        { ".env", "Variables that may name the database. It is not read when CI is set." },
        { "migrate/state.db", "The notebook of this machine, in the user's cache folder." },
    };
    mg_buf_add(ret, ".Sh FILES\n.Bl -tag -width Ds\n");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        mg_buf_format(ret, ".It Pa %s%s\n", files[i].name[0] == '.' ? "\\&" : "", files[i].name);
        add_prose(ret, files[i].text);
    }
    mg_buf_add(ret, ".El\n");
}

static void
add_statuses(MgBuf *ret)
{
    mg_buf_add(ret, ".Sh EXIT STATUS\n.Bl -tag -width Ds\n");
    for (int i = 0; i < MG_N_ERRORS; i++) {
        MgErrorCode code = (MgErrorCode)i;
        mg_buf_format(ret, ".It %d Pq %s\n", mg_error_exit_status(code), mg_error_slug(code));
        add_prose(ret, mg_error_summary(code));
    }
    mg_buf_add(ret, ".El\n.Pp\n.Ql migrate help SLUG\nexplains one of them.\n");
}

void
mg_manual_page(MgBuf *ret)
{
    mg_buf_add(ret, ".Dd $Mdocdate$\n.Dt MIGRATE 1\n.Os\n"
                    ".Sh NAME\n.Nm migrate\n.Nd bring a PostgreSQL database to the schema in a "
                    "folder of SQL files\n"
                    ".Sh SYNOPSIS\n.Nm\n.Ar COMMAND\n.Op Ar OPTION ...\n"
                    ".Sh DESCRIPTION\n.Nm\napplies the migrations of a folder in order and once,\n"
                    "over a session that is proved to be one backend of the server itself.\n"
                    ".Sh COMMANDS\n");
    for (size_t i = 0; mg_cmds[i] != NULL; i++)
        add_command(ret, mg_cmds[i]);
    mg_buf_add(ret, ".Sh OPTIONS EVERYWHERE\n");
    add_options(ret, mg_common_opts);
    add_files(ret);
    add_statuses(ret);
    mg_buf_add(ret, ".Sh SEE ALSO\n.Xr pg_dump 1 ,\n.Xr psql 1\n");
}

/* ---- JSON ------------------------------------------------------------------- */

static void
add_text(MgBuf *ret, const char *text)
{
    if (text == NULL) {
        mg_buf_add(ret, "null");
        return;
    }
    mg_buf_add_char(ret, '"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            mg_buf_format(ret, "\\%c", *text);
        else if ((unsigned char)*text < ' ')
            mg_buf_format(ret, "\\u%04x", (unsigned)(unsigned char)*text);
        else
            mg_buf_add_char(ret, *text);
    }
    mg_buf_add_char(ret, '"');
}

static void
add_field(MgBuf *ret, const char *key, const char *text)
{
    mg_buf_format(ret, ", \"%s\": ", key);
    add_text(ret, text);
}

static void
add_json_options(MgBuf *ret, const MgOpt *opts)
{
    mg_buf_add_char(ret, '[');
    for (const MgOpt *opt = opts; opt != NULL && opt->name != NULL; opt++) {
        char letter[2] = { opt->letter, '\0' };
        mg_buf_format(ret, "%s\n   {\"name\": \"--%s\"", opt == opts ? "" : ",", opt->name);
        add_field(ret, "letter", opt->letter == 0 ? NULL : letter);
        add_field(ret, "argument", opt->argument);
        mg_buf_add(ret, ", \"choices\": ");
        for (size_t i = 0; opt->choices != NULL && opt->choices[i] != NULL; i++) {
            mg_buf_add(ret, i == 0 ? "[" : ", ");
            add_text(ret, opt->choices[i]);
        }
        mg_buf_add(ret, opt->choices == NULL ? "null" : "]");
        add_field(ret, "help", opt->help);
        mg_buf_add_char(ret, '}');
    }
    mg_buf_add_char(ret, ']');
}

void
mg_manual_json(MgBuf *ret)
{
    mg_buf_add(ret,
               "{\"schema\": \"migrate.help.v1\", \"tool\": \"" MG_VERSION "\",\n \"commands\": [");
    for (size_t i = 0; mg_cmds[i] != NULL; i++) {
        mg_buf_format(ret, "%s\n  {\"name\": \"%s\"", i == 0 ? "" : ",", mg_cmds[i]->name);
        add_field(ret, "argument", mg_cmds[i]->argument);
        add_field(ret, "summary", mg_cmds[i]->summary);
        add_field(ret, "about", mg_cmds[i]->about);
        mg_buf_add(ret, ", \"options\": ");
        add_json_options(ret, mg_cmds[i]->opts);
        mg_buf_add_char(ret, '}');
    }
    mg_buf_add(ret, "],\n \"options\": ");
    add_json_options(ret, mg_common_opts);
    mg_buf_add(ret, ",\n \"errors\": [");
    for (int i = 0; i < MG_N_ERRORS; i++) {
        MgErrorCode code = (MgErrorCode)i;
        mg_buf_format(ret, "%s\n  {\"slug\": \"%s\", \"exit\": %d", i == 0 ? "" : ",",
                      mg_error_slug(code), mg_error_exit_status(code));
        add_field(ret, "summary", mg_error_summary(code));
        add_field(ret, "explanation", mg_error_explanation(code));
        mg_buf_add_char(ret, '}');
    }
    mg_buf_add(ret, "]}\n");
}
