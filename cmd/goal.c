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
    if (!mg_text_parse_uint(word, MAX_COUNT, &count))
        return refuse_word(run, word, err);
    if (count == 0)
        return mg_cmd_usage(name, err, "0 is no number of migrations");
    if (to != NULL)
        return mg_cmd_usage(name, err, "a number of migrations and --to cannot be combined");
    goal->count = (int)count;
    return true;
}
