/*
 * Options: rows become getopt_long's array, its answers go into the structs.
 * Values are never repeated in messages: one of them is a URL with a password.
 */
#include "opt.h"

#include <assert.h>
#include <getopt.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"
#include "cmd.h"

enum {
    MAX_OPTS = 64,
    /* Long options answer with this plus their index, above every letter. */
    FIRST_LONG = 256,
};

static const char *const formats[] = {
    [MG_TABLE] = "table", [MG_JSON] = "json", [MG_MARKDOWN] = "markdown", [MG_HTML] = "html", NULL,
};

#define COMMON(field) offsetof(MgCommon, field)
const MgOpt mg_common_opts[] = {
    { .name = "url",
      .type = MG_OPT_TEXT,
      .argument = "URL",
      .help = "the database, instead of DATABASE_URL and the like",
      .offset = COMMON(url) },
    { .name = "url-env",
      .type = MG_OPT_TEXT,
      .argument = "NAME",
      .help = "the variable that holds the URL, instead of all that are usual",
      .offset = COMMON(url_env) },
    { .name = "env-file",
      .type = MG_OPT_TEXT,
      .argument = "FILE",
      .help = "look for the URL in this file only, instead of the environment and .env",
      .offset = COMMON(env_file) },
    { .name = "dir",
      .type = MG_OPT_TEXT,
      .argument = "PATH",
      .help = "the migrations folder, instead of \"migrations\"",
      .offset = COMMON(dir) },
    { .name = "history",
      .type = MG_OPT_TEXT,
      .argument = "TABLE",
      .help = "the history table, instead of \"migrate.history\"",
      .offset = COMMON(history) },
    { .name = "env",
      .type = MG_OPT_TEXT,
      .argument = "NAME",
      .help = "the environment, instead of MIGRATE_ENV and what the platform tells",
      .offset = COMMON(env) },
    { .name = "config",
      .type = MG_OPT_TEXT,
      .argument = "FILE",
      .help = "the configuration, instead of migrate.yaml here or above",
      .offset = COMMON(config) },
    { .name = "output",
      .type = MG_OPT_CHOICE,
      .argument = "FORMAT",
      .help = "table, json or markdown; html for status and log",
      .offset = COMMON(format),
      .choices = formats,
      .is_for_reports = true },
    { .name = "deadline",
      .type = MG_OPT_DURATION,
      .argument = "D",
      .help = "start no migration later than this, and wait for nothing longer",
      .offset = COMMON(deadline_ms),
      .min = 1 },
    { .name = "wait-server",
      .type = MG_OPT_DURATION,
      .argument = "D",
      .help = "how long to wait for a server that does not answer, instead of 1min, or 5s for a "
              "local one",
      .offset = COMMON(wait_server_ms) },
    { .name = "state",
      .type = MG_OPT_TEXT,
      .argument = "PATH",
      .help = "the notebook of this machine, instead of migrate/state.db in the cache folder",
      .offset = COMMON(state) },
    { .name = "no-state", .help = "without the notebook", .offset = COMMON(has_no_state) },
    { .name = "yes", .letter = 'y', .help = "do not ask", .offset = COMMON(is_yes) },
    { .name = "quiet",
      .letter = 'q',
      .help = "results, warnings and errors only",
      .offset = COMMON(is_quiet) },
    { .name = "verbose",
      .letter = 'v',
      .help = "show every statement sent",
      .offset = COMMON(is_verbose) },
    { .name = "no-color", .help = "no colour on terminals", .offset = COMMON(is_colorless) },
    { .name = "help", .letter = 'h', .help = "explain", .offset = COMMON(is_help) },
    { .name = "version", .help = "print the version", .offset = COMMON(is_version) },
    { .name = NULL },
};

/* Options of other tools.  golang-migrate writes long ones with one dash, which getopt reads as
 * letters. */
static const struct {
    const char *word, *hint;
} foreign_words[] = {
    { "-path", "The folder is given by --dir PATH." },
    { "-source", "The folder is given by --dir PATH." },
    { "-database", "The database is given by --url URL." },
    { "-url", "The database is given by --url URL." },
    { "-dir", "The folder is given by --dir PATH." },
    { "-verbose", "Long options have two dashes: --verbose." },
    { "-version", "Long options have two dashes: --version." },
    { "-help", "Long options have two dashes: --help." },
    { "-lock-timeout", "How long to wait for another run is given by migrate up --wait-turn D." },
    { "-V", "The version is printed by migrate --version." },
    { "--json", "The format is given by --output json." },
    { "--format", "The format is given by --output FORMAT." },
    { "-o", "The format is given by --output FORMAT." },
    { "-n", "How many is said by a number alone: migrate up 2, migrate down 1" },
    { "-1", "How many is said by a number alone: migrate up 2, migrate down 1" },
    { "--steps", "How many is said by a number alone: migrate up 2, migrate down 1" },
    { "--step", "How many is said by a number alone: migrate up 2, migrate down 1" },
    { "--all", "Everything is applied by migrate up, and reverted by migrate down --to 0." },
    { "--dry-run", "What up would do is shown by migrate plan." },
    { "--force",
      "Nothing is ever left dirty here, so nothing needs force: look at migrate status." },
    { "--database", "The database is given by --url URL." },
    { "--database-url", "The database is given by --url URL." },
    { "--path", "The folder is given by --dir PATH." },
    { "--source", "The folder is given by --dir PATH." },
    { "--migrations-dir", "The folder is given by --dir PATH." },
    { "--migrations-table", "The history table is given by --history TABLE." },
    { "--schema-file", "The schema is written by migrate dump --file FILE." },
    { "--no-dump-schema", "Nothing is dumped but by migrate dump." },
};

typedef struct Row {
    const MgOpt *opt;
    void *ret; /* the struct its table fills */
} Row;

typedef struct Rows {
    const char *command;
    Row items[MAX_OPTS];
    size_t n;
    struct option longs[MAX_OPTS + 1];
    char letters[2 * MAX_OPTS + 3];
} Rows;

static void
build_rows(Rows *rows, const MgOptTable *tables, size_t n_tables, bool stops_at_word)
{
    for (size_t table_i = 0; table_i < n_tables; table_i++) {
        for (const MgOpt *opt = tables[table_i].opts; opt != NULL && opt->name != NULL; opt++) {
            assert(rows->n < MAX_OPTS);
            rows->items[rows->n++] = (Row){ opt, tables[table_i].ret };
        }
    }
    char *letter = rows->letters;
    if (stops_at_word)
        *letter++ = '+';
    *letter++ = ':'; /* a missing value is told from an unknown option */
    for (size_t i = 0; i < rows->n; i++) {
        const MgOpt *opt = rows->items[i].opt;
        bool has_value = opt->type != MG_OPT_FLAG;
        rows->longs[i] = (struct option){ .name = opt->name,
                                          .has_arg = has_value ? required_argument : no_argument,
                                          .val = FIRST_LONG + (int)i };
        if (opt->letter != 0) {
            *letter++ = opt->letter;
            if (has_value)
                *letter++ = ':';
        }
    }
}

static const Row *
find_row(const Rows *rows, int answer)
{
    if (answer >= FIRST_LONG) {
        const Row *row = &rows->items[answer - FIRST_LONG];
        assert((size_t)(answer - FIRST_LONG) < rows->n && row->opt != NULL);
        return row;
    }
    for (size_t i = 0; i < rows->n; i++) {
        if (rows->items[i].opt->letter != 0 && rows->items[i].opt->letter == answer)
            return &rows->items[i];
    }
    return NULL;
}

static const char *
foreign_hint(const char *word, size_t size_bytes)
{
    for (size_t i = 0; i < sizeof foreign_words / sizeof *foreign_words; i++) {
        const char *known = foreign_words[i].word;
        if (strlen(known) == size_bytes && strncmp(known, word, size_bytes) == 0)
            return foreign_words[i].hint;
    }
    return NULL;
}

static bool
refuse_unknown(const Rows *rows, const char *word, MgArena *arena, MgError *err)
{
    /* Without what follows "=": it may be a URL. */
    const char *name = mg_arena_text_n(arena, word + 2, strcspn(word + 2, "="));
    const char *hint = foreign_hint(word, strcspn(word, "="));
    const char *nearest = NULL;
    int nearest_distance = mg_cmd_likeness(name);
    for (size_t i = 0; i < rows->n && hint == NULL; i++) {
        const char *known = rows->items[i].opt->name;
        bool is_cut_short = *name != '\0' && mg_text_starts(known, name);
        int distance = is_cut_short ? 0 : mg_text_distance(known, name);
        /* Of two, the later row: the command's own options are behind the common ones. */
        if (distance <= nearest_distance) {
            nearest = known;
            nearest_distance = distance;
        }
    }
    (void)mg_fail(err, MG_E_USAGE, "unknown option \"--%s\"", mg_cmd_shown(name));
    if (hint != NULL)
        mg_error_hint(err, "%s", hint);
    if (nearest != NULL)
        mg_error_hint(err, "Perhaps \"--%s\" is meant.", nearest);
    mg_cmd_see_help(rows->command, err);
    return false;
}

static bool
set_duration(const Rows *rows, const MgOpt *opt, const char *text, void *field, MgError *err)
{
    int64_t value_ms;
    if (!mg_text_parse_duration_ms(text, &value_ms))
        return mg_cmd_usage(rows->command, err,
                            "option \"--%s\" takes a duration such as 30s or 5min", opt->name);
    if (value_ms < opt->min || (opt->max > 0 && value_ms > opt->max))
        return mg_cmd_usage(rows->command, err, "option \"--%s\" is out of its range", opt->name);
    *(int64_t *)field = value_ms == 0 ? -1 : value_ms;
    return true;
}

static bool
set_choice(const Rows *rows, const MgOpt *opt, const char *text, void *field, MgError *err)
{
    MG_CLEANUP(buf) MgBuf choices = { 0 };
    for (int i = 0; opt->choices[i] != NULL; i++) {
        if (strcmp(opt->choices[i], text) == 0) {
            *(int *)field = i + (int)opt->min;
            return true;
        }
        mg_buf_format(&choices, "%s%s",
                      i == 0                        ? ""
                      : opt->choices[i + 1] == NULL ? " or "
                                                    : ", ",
                      opt->choices[i]);
    }
    return mg_cmd_usage(rows->command, err, "option \"--%s\" takes %s", opt->name,
                        mg_buf_text(&choices));
}

static bool
set_value(const Rows *rows, const Row *row, const char *text, MgError *err)
{
    void *field = (char *)row->ret + row->opt->offset;
    assert(text != NULL || row->opt->type == MG_OPT_FLAG);
    if (row->opt->type == MG_OPT_FLAG)
        *(bool *)field = true;
    else if (row->opt->type == MG_OPT_DURATION)
        return set_duration(rows, row->opt, text, field, err);
    else if (row->opt->type == MG_OPT_CHOICE)
        return set_choice(rows, row->opt, text, field, err);
    else if (*text == '\0')
        return mg_cmd_usage(rows->command, err, "option \"--%s\" has an empty value",
                            row->opt->name);
    else
        *(const char **)field = text;
    return true;
}

static bool
check_foreign_words(const Rows *rows, int argc, char **argv, bool stops_at_word, MgError *err)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (stops_at_word && argv[i][0] != '-')
            break;
        size_t size_bytes = strcspn(argv[i], "=");
        const char *hint = foreign_hint(argv[i], size_bytes);
        /* With two dashes it is getopt's to find, and may be the value of another one. */
        if (hint == NULL || argv[i][1] == '-')
            continue;
        bool is_ours = size_bytes == 2 && find_row(rows, argv[i][1]) != NULL;
        if (is_ours)
            continue;
        (void)mg_fail(err, MG_E_USAGE, "unknown option \"%.*s\"", (int)size_bytes, argv[i]);
        mg_error_hint(err, "%s", hint);
        mg_cmd_see_help(rows->command, err);
        return false;
    }
    return true;
}

/*
 * getopt_long takes the beginning of a name for the whole one.  We do not: an
 * option that is added later would change what a script says, or break it.
 */
static bool
is_cut_short(const Row *row, const char *word)
{
    return strcspn(word + strlen("--"), "=") < strlen(row->opt->name);
}

/* One answer of getopt_long, to argv[optind - 1] or, if that is a value, to what is before it. */
static bool
take_answer(const Rows *rows, int answer, char *const *argv, MgArena *arena, MgError *err)
{
    bool is_error = answer == '?' || answer == ':';
    int asked = is_error ? optopt : answer;
    bool is_value_apart = !is_error && optarg != NULL && optarg == argv[optind - 1];
    const char *word = argv[optind - (is_value_apart ? 2 : 1)];
    const Row *row = find_row(rows, asked);
    bool is_unknown = row == NULL ? asked == 0 && mg_text_starts(word, "--")
                                  : asked >= FIRST_LONG && is_cut_short(row, word);
    if (is_unknown)
        return refuse_unknown(rows, word, arena, err);
    if (!is_error) {
        assert(row != NULL); /* getopt answers with our own letters and numbers only */
        return set_value(rows, row, optarg, err);
    }
    if (row == NULL && asked > ' ' && asked < '\x7f')
        return mg_cmd_usage(rows->command, err, "unknown option \"-%c\"", asked);
    if (row == NULL)
        return mg_cmd_usage(rows->command, err, "unknown option");
    return mg_cmd_usage(rows->command, err, "option \"--%s\" %s", row->opt->name,
                        answer == ':' ? "needs a value" : "takes no value");
}

bool
mg_opt_parse(const char *command, int argc, char **argv, const MgOptTable *tables, size_t n_tables,
             bool stops_at_word, MgArena *arena, MgWords *ret, MgError *err)
{
    Rows rows = { .command = command };
    build_rows(&rows, tables, n_tables, stops_at_word);
    if (!check_foreign_words(&rows, argc, argv, stops_at_word, err))
        return false;
    opterr = 0;
    optind = 0; /* start afresh, in every libc */
    for (;;) {
        int answer = getopt_long(argc, argv, rows.letters, rows.longs, NULL);
        if (answer == -1)
            break;
        if (!take_answer(&rows, answer, argv, arena, err))
            return false;
    }
    *ret = (MgWords){ argv + optind, (size_t)(argc - optind) };
    return true;
}
