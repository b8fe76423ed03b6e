#include "complete.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum {
    DIR_BYTES = 512,
    MAX_VERSIONS = 100000,
};

typedef struct Completing {
    const MgRun *run;
    const char *word;   /* what is to be completed */
    const char *before; /* "--to=" of "--to=2026", else "" */
    const MgCmd *cmd;   /* NULL: it comes first */
    const MgOpt *opt;   /* whose value it is, or NULL */
    const char *dir;    /* of --dir, or NULL */
    size_t n_words;     /* of the command, before this one */
    bool is_free;       /* behind "--", or another program's */
    MgBuf *ret;
} Completing;

static void
offer(const Completing *at, const char *prefix, const char *word, const char *meaning)
{
    size_t prefix_bytes = strlen(prefix);
    if (strncmp(at->word, prefix,
                strlen(at->word) < prefix_bytes ? strlen(at->word) : prefix_bytes) != 0)
        return;
    if (strlen(at->word) > prefix_bytes && !mg_text_starts(word, at->word + prefix_bytes))
        return;
    mg_buf_format(at->ret, "%s%s%s%s%s\n", at->before, prefix, word, meaning == NULL ? "" : "\t",
                  meaning == NULL ? "" : meaning);
}

/* ---- Versions ------------------------------------------------------------- */

typedef struct Names {
    char **items;
    size_t n, cap;
} Names;

static int
compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "20260309101500_add_order_totals" of its files' names. */
static void
take_name(MgArena *arena, const char *name, Names *ret)
{
    static const char *const ends[] = { ".up.sql", ".down.sql", ".sql" };
    if (*name < '0' || *name > '9' || mg_text_valid_utf8(name, strlen(name)) != strlen(name))
        return;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        if (!mg_text_ends(name, ends[i]))
            continue;
        MG_PUSH(arena, ret, mg_arena_text_n(arena, name, strlen(name) - strlen(ends[i])));
        return;
    }
}

static void
offer_versions(const Completing *at)
{
    char configured[DIR_BYTES] = "";
    MgOptions options;
    MgError err;
    Names names = { 0 };
    const char *path = at->dir;
    mg_cmd_options(at->run, &options);
    if (path == NULL && mg_setting(&options, "dir", configured, sizeof configured, &err))
        path = configured;
    DIR *folder = path == NULL ? NULL : opendir(path);
    if (folder == NULL)
        return;
    for (struct dirent *entry = NULL; names.n < MAX_VERSIONS && (entry = readdir(folder)) != NULL;)
        take_name(at->run->arena, entry->d_name, &names);
    (void)closedir(folder);
    if (names.n > 0)
        qsort(names.items, names.n, sizeof *names.items, compare_names);
    for (size_t i = 0; i < names.n; i++)
        if (i == 0 || strcmp(names.items[i - 1], names.items[i]) != 0)
            offer(at, "", names.items[i], NULL);
}

/* ---- The line so far -------------------------------------------------------- */

static const MgOpt *
find_in(const MgOpt *opts, const char *word)
{
    for (; opts != NULL && opts->name != NULL; opts++) {
        bool is_long = mg_text_starts(word, "--") && strcmp(opts->name, word + 2) == 0;
        bool is_short =
            opts->letter != 0 && word[0] == '-' && word[1] == opts->letter && word[2] == '\0';
        if (is_long || is_short)
            return opts;
    }
    return NULL;
}

static const MgOpt *
find_opt(const Completing *at, const char *word)
{
    const MgOpt *found = find_in(mg_common_opts, word);
    return found != NULL || at->cmd == NULL ? found : find_in(at->cmd->opts, word);
}

static void
take_word(Completing *at, const char *word)
{
    const MgOpt *opt = at->opt;
    at->opt = NULL;
    if (opt != NULL && strcmp(word, "=") == 0) {
        at->opt = opt; /* bash splits "--to=V" into three */
    } else if (opt != NULL) {
        if (strcmp(opt->name, "dir") == 0)
            at->dir = word;
    } else if (at->is_free) {
        return;
    } else if (strcmp(word, "--") == 0) {
        at->is_free = true;
    } else if (word[0] == '-') {
        if (mg_text_starts(word, "--dir="))
            at->dir = word + strlen("--dir=");
        opt = find_opt(at, word);
        at->opt = opt != NULL && opt->type != MG_OPT_FLAG ? opt : NULL;
    } else if (at->cmd == NULL) {
        at->cmd = mg_cmd_find(word);
        at->is_free = at->cmd == NULL;
    } else {
        at->n_words++;
        at->is_free = at->cmd->stops_at_word;
    }
}

/* ---- What fits there ---------------------------------------------------------- */

static void
offer_value(const Completing *at)
{
    const MgOpt *opt = at->opt;
    for (size_t i = 0; opt->choices != NULL && opt->choices[i] != NULL; i++)
        if (!opt->is_for_reports || at->cmd == NULL || i == MG_TABLE ||
            (at->cmd->formats & 1U << i) != 0)
            offer(at, "", opt->choices[i], NULL);
    if (opt->type != MG_OPT_TEXT || opt->argument == NULL || *at->before != '\0')
        return;
    if (strcmp(opt->name, "dir") == 0)
        mg_buf_add(at->ret, ":dir\n");
    else if (strcmp(opt->argument, "FILE") == 0 || strcmp(opt->argument, "PATH") == 0)
        mg_buf_add(at->ret, ":file\n");
}

static void
offer_options(const Completing *at, const MgOpt *opts)
{
    for (; opts != NULL && opts->name != NULL; opts++)
        if (!opts->is_for_reports || (at->cmd != NULL && at->cmd->formats != 0))
            offer(at, "--", opts->name, opts->help);
}

static void
offer_commands(const Completing *at)
{
    for (size_t i = 0; mg_cmds[i] != NULL; i++)
        offer(at, "", mg_cmds[i]->name, mg_cmds[i]->summary);
}

static bool
takes_version(const char *argument)
{
    return argument != NULL && (strcmp(argument, "V") == 0 || strcmp(argument, "[V]") == 0);
}

/* A word of the command's own. */
static void
offer_words(const Completing *at)
{
    const MgCmd *cmd = at->cmd;
    if (cmd->stops_at_word && cmd->max_words > 0 && strcmp(cmd->name, "completion") != 0)
        mg_buf_add(at->ret, at->n_words == 0 ? ":command\n" : ":file\n");
    else if (at->n_words >= cmd->max_words)
        return;
    else if (takes_version(cmd->argument) && at->n_words == 0)
        offer_versions(at);
    else if (strcmp(cmd->name, "help") == 0) {
        offer_commands(at);
        offer(at, "", "exit", "all exit statuses");
        for (int i = 0; i < MG_N_ERRORS; i++)
            offer(at, "", mg_error_slug((MgErrorCode)i), mg_error_summary((MgErrorCode)i));
    } else if (strcmp(cmd->name, "completion") == 0 && at->n_words == 0) {
        offer(at, "", "bash", NULL);
        offer(at, "", "zsh", NULL);
        offer(at, "", "fish", NULL);
    }
}

/* "--to=2026" in one word is the value behind it. */
static void
split_value(Completing *at)
{
    const char *equals = strchr(at->word, '=');
    if (at->opt != NULL || !mg_text_starts(at->word, "--") || equals == NULL)
        return;
    size_t name_bytes = (size_t)(equals - at->word);
    at->opt = find_opt(at, mg_arena_text_n(at->run->arena, at->word, name_bytes));
    at->before = mg_arena_text_n(at->run->arena, at->word, name_bytes + 1);
    at->word = equals + 1;
}

void
mg_complete(const MgRun *run, const MgWords *words, MgBuf *ret)
{
    Completing at = { .run = run, .word = "", .before = "", .ret = ret };
    for (size_t i = 0; i + 1 < words->n; i++)
        take_word(&at, words->items[i]);
    if (words->n > 0)
        at.word = words->items[words->n - 1];
    if (at.opt != NULL && strcmp(at.word, "=") == 0)
        at.word = "";
    if (!at.is_free)
        split_value(&at);
    if (at.opt != NULL && takes_version(at.opt->argument)) {
        offer_versions(&at);
    } else if (at.opt != NULL) {
        offer_value(&at);
    } else if (at.cmd == NULL && at.is_free) {
        return;
    } else if (at.word[0] == '-' && !at.is_free) {
        offer_options(&at, at.cmd == NULL ? NULL : at.cmd->opts);
        offer_options(&at, mg_common_opts);
    } else if (at.cmd == NULL) {
        offer_commands(&at);
    } else {
        offer_words(&at);
    }
}
