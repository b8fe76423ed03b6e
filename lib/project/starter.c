/* The text of the first migrate.yaml: a table of all settings, with words for each. */
#include "project/project.h"

#include <string.h>

#include "base/buf.h"
#include "base/text.h"

typedef struct Row {
    MgSettingId id;
    const char *about;   /* lines of prose; NULL: the row above says it */
    const char *example; /* what the comment shows instead of the default; NULL: the default */
} Row;

static const char head[] =
    "# Settings of migrate. A line with \"#\" right before a key is its default, or an example: "
    "take\n"
    "# the \"#\" away to set it. An option counts before a variable (MIGRATE_DIR), and that "
    "before\n"
    "# this file; \"migrate doctor\" lists what counts and where it came from.\n";

static const char default_name[] = "DATABASE_URL_UNPOOLED";

static const Row rows[] = {
    { MG_SET_DIR,
      "The folder of the migrations, relative to this file, and the format of its files.", NULL },
    { MG_SET_FORMAT, NULL, NULL },
    { MG_SET_URL,
      "Which database. With neither of these lines: MIGRATE_URL, DATABASE_URL_UNPOOLED, "
      "DIRECT_URL,\n"
      "DATABASE_URL and other usual names, in the environment and then in .env. A URL has a\n"
      "password: write the name of a variable here.",
      NULL },
    { MG_SET_URL_ENV, "Or the only variable to take it from:", NULL },
    { MG_SET_POOLED_URL,
      "A pooled URL is refused; \"derive\" uses its direct twin, where a provider's rule tells it.",
      NULL },
    { MG_SET_CONNECTION,
      "\"session\" accepts a pooler in session mode, where nothing else can be reached.", NULL },
    { MG_SET_HISTORY, "The table that records what was applied.", NULL },
    { MG_SET_ROLE, "SET ROLE: who owns what migrations make.", "shop_owner" },
    { MG_SET_TIMEZONE, "The time zone of the session.", NULL },
    { MG_SET_LATE,
      "A migration that is older than the newest applied one: \"auto\" applies it on this machine\n"
      "only, \"allow\" everywhere, \"refuse\" nowhere.",
      NULL },
    { MG_SET_LOCK_TIMEOUT,
      "How long a migration waits for a lock before it is tried again, how long a statement may\n"
      "run (\"role\": what the role has), and how long a transaction may idle.",
      NULL },
    { MG_SET_STATEMENT_TIMEOUT, NULL, NULL },
    { MG_SET_IDLE_TIMEOUT, NULL, NULL },
    { MG_SET_LOCK_RETRY, "For how long it is tried again.", NULL },
    { MG_SET_WAIT_TURN, "How long a run waits for another run of the same database.", NULL },
    { MG_SET_WAIT_SERVER,
      "How long it waits for the server to come up; by default 5s for one of this machine.",
      "1min" },
    { MG_SET_DEADLINE,
      "No migration starts later than this; by default what the platform allows, if it is known.",
      "30min" },
    { MG_SET_PRODUCTION_GUARD,
      "In production, refuse what takes data or names away without \"-- migrate:destructive\".",
      NULL },
    { MG_SET_OUTPUT, "How reports are written: table, json or markdown.", NULL },
};

static void
add_prose(MgBuf *buf, const char *text)
{
    while (*text != '\0') {
        size_t n = strcspn(text, "\n");
        mg_buf_add(buf, "# ");
        mg_buf_add_n(buf, text, n);
        mg_buf_add_char(buf, '\n');
        text += n + (text[n] == '\n');
    }
}

/* As YAML that reads as this very text. */
static void
add_scalar(MgBuf *buf, const char *text)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-";
    static const char *const words[] = { "true", "false", "yes", "no",   "on", "off",
                                         "null", "y",     "n",   "none", "~" };
    bool is_plain = *text != '\0' && *text != '-' && text[strspn(text, plain)] == '\0';
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        is_plain = is_plain && !mg_text_equal_fold(words[i], text);
    if (is_plain) {
        mg_buf_add(buf, text);
        return;
    }
    mg_buf_add_char(buf, '\'');
    for (; *text != '\0'; text++)
        mg_buf_add(buf, *text == '\'' ? "''" : (const char[]){ *text, '\0' });
    mg_buf_add_char(buf, '\'');
}

/* What stands behind the key in a comment. */
static const char *
example_of(const Row *row, const char *url_name, MgArena *arena)
{
    return row->id == MG_SET_URL       ? mg_arena_format(arena, "${%s}", url_name)
           : row->id == MG_SET_URL_ENV ? url_name
           : row->example != NULL      ? row->example
                                       : mg_setting_standard(row->id);
}

/* Rows of one mapping stand together; is_first: it is not open yet. */
static void
add_setting(MgBuf *buf, const Row *row, bool is_first, const char *value, const char *example)
{
    const char *key = mg_setting_key(row->id);
    const char *dot = strchr(key, '.');
    const char *mark = value == NULL ? "#" : "";
    if (dot != NULL && is_first)
        mg_buf_format(buf, "%s%.*s:\n", mark, (int)(dot - key), key);
    mg_buf_format(buf, "%s%s%s: ", mark, dot == NULL ? "" : "  ", dot == NULL ? key : dot + 1);
    if (value != NULL)
        add_scalar(buf, value);
    else
        mg_buf_add(buf, example);
    mg_buf_add_char(buf, '\n');
}

const char *
mg_project_starter(const MgStarter *starter, MgArena *arena)
{
    MG_CLEANUP(buf) MgBuf buf = { 0 };
    const char *name = starter->url_name == NULL ? default_name : starter->url_name;
    mg_buf_add(&buf, head);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].about != NULL) {
            mg_buf_add_char(&buf, '\n');
            add_prose(&buf, rows[i].about);
        }
        add_setting(&buf, &rows[i], rows[i].about != NULL, starter->values[rows[i].id],
                    example_of(&rows[i], name, arena));
    }
    mg_buf_add_char(&buf, '\n');
    add_prose(&buf, "What one environment has otherwise: any setting from above, and \"apply\". It "
                    "is named by\n"
                    "--env or MIGRATE_ENV, or told by the platform.");
    mg_buf_format(&buf,
                  "#environments:\n"
                  "#  production:\n"
                  "#    url: ${%s}\n"
                  "#  preview:\n"
                  "#    apply: no\n",
                  name);
    return mg_arena_text(arena, mg_buf_text(&buf));
}
