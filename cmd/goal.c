#include "goal.h"

#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

enum {
    /* More digits are a version that was meant for --to. */
    MAX_COUNT = 9999,
};

static bool
is_everything(const char *word)
{
    static const char *const words[] = { "all", "latest", "head", "max", "base", "zero" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (mg_text_equal_fold(words[i], word))
            return true;
    return false;
}

static bool
refuse_word(const MgRun *run, const char *word, MgError *err)
{
    const char *name = run->cmd->name;
    if (strstr(word, "://") != NULL) {
        (void)mg_fail(err, MG_E_USAGE, "a database URL is no number of migrations");
        mg_error_hint(err, "The database is given by --url URL.");
        return false;
    }
    (void)mg_fail(err, MG_E_USAGE, "\"%s\" is no number of migrations", mg_cmd_shown(word));
    bool is_version = *word >= '0' && *word <= '9' && strlen(word) > 1;
    if ((is_version || strchr(word, '/') != NULL) && mg_cmd_shown(word) == word)
        mg_error_hint(err, "To name a version: migrate %s --to %s", name, word);
    else if (is_everything(word) && strcmp(name, "down") == 0)
        mg_error_hint(err, "Everything is reverted by migrate down --to 0.");
    else if (is_everything(word))
        mg_error_hint(err, "Without a number it is all that are pending: migrate %s", name);
    else
        mg_cmd_see_help(name, err);
    return false;
}

bool
mg_goal_parse(const MgRun *run, const char *to, MgGoal *goal, MgError *err)
{
    const char *name = run->cmd->name;
    goal->to = to;
    if (run->words.n == 0)
        return true;
    const char *word = run->words.items[0];
    uint64_t count;
    /* "down 0005" names a version of a folder that counts; nobody means five migrations. */
    bool is_padded = *word == '0' && strlen(word) > 1;
    if (is_padded || !mg_text_parse_uint(word, MAX_COUNT, &count))
        return refuse_word(run, word, err);
    if (count == 0)
        return mg_cmd_usage(name, err, "0 is no number of migrations");
    if (to != NULL)
        return mg_cmd_usage(name, err, "a number of migrations and --to cannot be combined");
    goal->count = (int)count;
    return true;
}
