/* The audit log of a target: read the history as a plan does, then all of its rows. */
#include <string.h>

#include "base/error.h"
#include "context.h"
#include "pg/history_log.h"

static bool
filter(const MgContext *context, const char *word, MgLog *log, MgError *err)
{
    size_t n = 0;
    const char *near = NULL;
    for (size_t i = 0; i < log->n_entries; i++) {
        const MgLogEntry *entry = &log->entries[i];
        if (mg_version_matches(word, entry->version, entry->label))
            log->entries[n++] = *entry;
        else if (near == NULL && entry->label != NULL && strstr(entry->label, word) != NULL)
            near = entry->label;
    }
    log->n_entries = n;
    if (n > 0)
        return true;
    mg_fail(err, MG_E_UNKNOWN_VERSION, "the history of \"%s\" has no migration \"%s\"",
            context->target.database, word);
    if (near != NULL)
        mg_error_hint(err, "Did you mean %s?", near);
    mg_error_hint(err, "List all that it has: migrate log --all");
    return false;
}

bool
mg_log(MgContext *context, const char *word, const MgLog **ret, MgError *err)
{
    static const MgGoal goal = { .kind = MG_GOAL_UP };
    MgLog *log = MG_NEW_IN(&context->arena, MgLog);
    bool is_ok = mg_check_opened(context, err) && mg_begin_reading(context, &goal, err) &&
                 mg_history_log(context->conn, &context->table, &context->arena, &log->entries,
                                &log->n_entries, err);
    mg_disconnect(context);
    if (!is_ok || (word != NULL && !filter(context, word, log, err)))
        return false;
    log->target = context->target;
    mg_notes_seen(context);
    *ret = log;
    return true;
}
