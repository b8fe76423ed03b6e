/* What the notebook has is read back: histories, durations, runs. */
#include <string.h>

#include "base/text.h"
#include "state/notebook.h"

/* ---- A target ----------------------------------------------------------------------- */

typedef struct Sight {
    MgArena *arena;
    int64_t target_id;
    MgSeen *seen;
    MgHistory *history;
} Sight;

static void
take_target(void *payload, const MgStateRow *row)
{
    Sight *sight = payload;
    sight->target_id = mg_state_int(row, 0);
    sight->history = MG_NEW_IN(sight->arena, MgHistory);
    sight->history->exists = mg_state_int(row, 1) != 0;
    sight->history->is_database_empty = mg_state_int(row, 2) != 0;
    *sight->seen = (MgSeen){ .history = sight->history,
                             .server_version = mg_state_text(row, 3, sight->arena),
                             .verdict = mg_state_text(row, 4, sight->arena),
                             .at_ms = mg_state_int(row, 5) };
}

/* A row that has neither version nor name is not one of ours. */
static void
take_applied(void *payload, const MgStateRow *row)
{
    Sight *sight = payload;
    MgArena *arena = sight->arena;
    MgApplied applied = {
        .id = mg_state_int(row, 0),
        .version = mg_state_text(row, 1, arena),
        .name = mg_state_text(row, 2, arena),
        .kind = mg_kind_of(mg_state_text(row, 3, arena)),
        .digest = mg_state_text(row, 4, arena),
        .token_digest = mg_state_text(row, 5, arena),
        .down_digest = mg_state_text(row, 6, arena),
        .prefix_digest = mg_state_text(row, 7, arena),
        .n_statements = (int)mg_state_int(row, 8),
        .n_statements_started = (int)mg_state_int(row, 9),
        .n_statements_done = (int)mg_state_int(row, 10),
        .applied_at_ms = mg_state_int(row, 11),
        .duration_us = mg_state_int(row, 12),
        .applied_by = mg_state_text(row, 13, arena),
        .commit = mg_state_text(row, 14, arena),
        .down = { .n_statements = (int)mg_state_int(row, 15),
                  .n_started = (int)mg_state_int(row, 16),
                  .n_done = (int)mg_state_int(row, 17),
                  .prefix_digest = mg_state_text(row, 18, arena) },
        .is_stale = mg_state_int(row, 19) != 0,
    };
    if (applied.name == NULL)
        applied.name = "";
    if (applied.version != NULL || applied.name[0] != '\0')
        MG_PUSH(arena, sight->history, applied);
}

bool
mg_notebook_seen(MgStateFile *file, const MgAddress *address, MgArena *arena, MgSeen *ret,
                 MgError *err)
{
    MgSeen seen = { 0 };
    Sight sight = { .arena = arena, .seen = &seen };
    const MgValue keys[] = { mg_value_key(address->host), mg_value_int(address->port),
                             mg_value_key(address->user), mg_value_key(address->database),
                             mg_value_key(address->history) };
    if (!mg_state_query(file,
                        "SELECT t.id, t.has_history, t.is_database_empty, t.server_version,"
                        " t.verdict, t.seen_at_ms FROM address a JOIN target t ON t.id = "
                        "a.target_id WHERE a.host = ?"
                        " AND a.port = ? AND a.user = ? AND a.database = ? AND a.history = ?",
                        keys, 5, take_target, &sight, err))
        return false;
    const MgValue target[] = { mg_value_int(sight.target_id) };
    if (sight.history != NULL &&
        !mg_state_query(file,
                        "SELECT id, version, name, kind, digest, token_digest, down_digest,"
                        " prefix_digest, statements, statements_started, statements_done,"
                        " applied_at_ms, duration_us, applied_by, git_commit, down_statements,"
                        " down_started, down_done, down_prefix_digest, is_stale FROM applied"
                        " WHERE target_id = ? ORDER BY id",
                        target, 1, take_applied, &sight, err))
        return false;
    *ret = seen;
    return true;
}

/* ---- Durations ---------------------------------------------------------------------- */

static void
take_duration(void *payload, const MgStateRow *row)
{
    int64_t *duration_us = payload;
    *duration_us = mg_state_int(row, 0);
}

bool
mg_notebook_usual(MgStateFile *file, const char *version, const char *digest, int64_t *ret_us,
                  MgError *err)
{
    int64_t usual_us = 0;
    const MgValue values[] = { mg_value_text(digest), mg_value_text(version) };
    /* What is a target's newest application and also a run of ours counts once more: no harm. */
    if (!mg_state_query(
            file,
            "WITH took AS (SELECT duration_us FROM applied WHERE digest = ?1 AND version IS ?2"
            " AND statements_done = statements AND duration_us > 0"
            " UNION ALL SELECT duration_us FROM step"
            " WHERE digest = ?1 AND version IS ?2 AND what IN ('applied', 'tried')"
            " AND duration_us > 0)"
            " SELECT duration_us FROM took ORDER BY duration_us"
            " LIMIT 1 OFFSET (SELECT count(*) FROM took) / 2",
            values, 2, take_duration, &usual_us, err))
        return false;
    *ret_us = usual_us;
    return true;
}

/* ---- Runs --------------------------------------------------------------------------- */

typedef struct Reading {
    MgArena *arena;
    struct {
        MgJournalRun *items;
        size_t n, cap;
    } runs;
    struct {
        MgJournalStep *items;
        size_t n, cap;
    } steps;
} Reading;

static MgErrorCode
code_of(const char *slug)
{
    for (int i = 0; i < MG_N_ERRORS; i++)
        if (strcmp(mg_error_slug((MgErrorCode)i), slug) == 0)
            return (MgErrorCode)i;
    return MG_E_SERVER;
}

static void
copy_column(const MgStateRow *row, int column, MgArena *arena, char *ret, size_t ret_bytes)
{
    const char *text = mg_state_text(row, column, arena);
    if (text != NULL)
        mg_text_copy(ret, ret_bytes, text);
}

static const MgError *
take_error(const MgStateRow *row, int first, MgArena *arena)
{
    const char *slug = mg_state_text(row, first, arena);
    if (slug == NULL)
        return NULL;
    MgError *error = MG_NEW_IN(arena, MgError);
    error->code = code_of(slug);
    error->line = (int)mg_state_int(row, first + 3);
    error->column = (int)mg_state_int(row, first + 4);
    copy_column(row, first + 1, arena, error->sqlstate, sizeof error->sqlstate);
    copy_column(row, first + 2, arena, error->place, sizeof error->place);
    copy_column(row, first + 5, arena, error->message, sizeof error->message);
    copy_column(row, first + 6, arena, error->excerpt, sizeof error->excerpt);
    copy_column(row, first + 7, arena, error->detail, sizeof error->detail);
    copy_column(row, first + 8, arena, error->hint[0], sizeof error->hint[0]);
    copy_column(row, first + 9, arena, error->hint[1], sizeof error->hint[1]);
    copy_column(row, first + 10, arena, error->note, sizeof error->note);
    return error;
}

/* A part of a key is never NULL. */
static const char *
named(const MgStateRow *row, int column, MgArena *arena)
{
    const char *text = mg_state_text(row, column, arena);
    return text == NULL || text[0] == '\0' ? NULL : text;
}

static void
take_run(void *payload, const MgStateRow *row)
{
    enum { FIRST_ERROR = 16 };
    Reading *reading = payload;
    MgArena *arena = reading->arena;
    MgJournalRun run = {
        .id = mg_state_int(row, 0),
        .command = mg_state_text(row, 1, arena),
        .began_at_ms = mg_state_int(row, 2),
        .elapsed_us = mg_state_int(row, 3),
        .host = named(row, 4, arena),
        .port = (int)mg_state_int(row, 5),
        .user = named(row, 6, arena),
        .database = named(row, 7, arena),
        .history = mg_state_text(row, 8, arena),
        .by = mg_state_text(row, 9, arena),
        .tool = mg_state_text(row, 10, arena),
        .n_applied = (int)mg_state_int(row, 11),
        .n_reverted = (int)mg_state_int(row, 12),
        .n_recorded = (int)mg_state_int(row, 13),
        .n_tried = (int)mg_state_int(row, 14),
        .head = mg_state_text(row, 15, arena),
        .error = take_error(row, FIRST_ERROR, arena),
    };
    MG_PUSH(arena, &reading->runs, run);
}

static void
take_step(void *payload, const MgStateRow *row)
{
    Reading *reading = payload;
    MgArena *arena = reading->arena;
    MgJournalStep step = { .what = mg_state_text(row, 0, arena),
                           .label = mg_state_text(row, 1, arena),
                           .duration_us = mg_state_int(row, 2) };
    if (step.what != NULL && step.label != NULL)
        MG_PUSH(arena, &reading->steps, step);
}

static void
take_count(void *payload, const MgStateRow *row)
{
    int64_t *count = payload;
    *count = mg_state_int(row, 0);
}

bool
mg_notebook_runs(MgStateFile *file, int64_t id, int64_t limit, MgArena *arena, MgJournal *ret,
                 MgError *err)
{
    Reading reading = { .arena = arena };
    int64_t n_all = 0;
    const MgValue values[] = { mg_value_int(id), mg_value_int(limit > 0 ? limit : -1) };
    bool is_ok =
        mg_state_query(file, "SELECT count(*) FROM run", NULL, 0, take_count, &n_all, err) &&
        mg_state_query(file,
                       "SELECT id, command, began_at_ms, elapsed_us, host, port, user, database,"
                       " history, by, tool, n_applied, n_reverted, n_recorded, n_tried, head, slug,"
                       " sqlstate, place, line, \"column\", message, excerpt, detail, hint, more, "
                       "note FROM run"
                       " WHERE ?1 = 0 OR id = ?1 ORDER BY id DESC LIMIT ?2",
                       values, 2, take_run, &reading, err) &&
        (id == 0 || mg_state_query(file,
                                   "SELECT what, label, duration_us FROM step WHERE run_id = ?"
                                   " ORDER BY number",
                                   values, 1, take_step, &reading, err));
    if (!is_ok)
        return false;
    for (size_t i = 0; i < reading.runs.n && id != 0; i++) {
        reading.runs.items[i].steps = reading.steps.items;
        reading.runs.items[i].n_steps = reading.steps.n;
    }
    *ret = (MgJournal){ .items = reading.runs.items, .n = reading.runs.n, .n_all = n_all };
    return true;
}
