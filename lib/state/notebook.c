/* The notebook: its tables, and what is written to them. */
#include "state/notebook.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"

enum {
    MAX_RUNS = 500,
    RUNS_APART = 16,      /* old runs go every so many runs */
    MAX_STEPS = 20000,    /* of all runs */
    MAX_RUN_STEPS = 1000, /* of one */
    MAX_TARGETS = 50,
    MAX_APPLIED = 50000, /* rows of all targets but the newest */
};

static const char *const upgrades[] = {
    "CREATE TABLE target ("
    " id INTEGER PRIMARY KEY,"
    " system_identifier TEXT NOT NULL,"
    " database_oid INTEGER NOT NULL,"
    " database TEXT NOT NULL,"
    " place TEXT NOT NULL,"
    " history TEXT NOT NULL,"
    " server_version TEXT,"
    " verdict TEXT,"
    " has_history INTEGER NOT NULL,"
    " is_database_empty INTEGER NOT NULL,"
    " n_applied INTEGER NOT NULL,"
    " fingerprint INTEGER NOT NULL,"
    " seen_at_ms INTEGER NOT NULL,"
    " UNIQUE (system_identifier, database_oid, database, place, history));"
    "CREATE TABLE address ("
    " host TEXT NOT NULL,"
    " port INTEGER NOT NULL,"
    " user TEXT NOT NULL,"
    " database TEXT NOT NULL,"
    " history TEXT NOT NULL,"
    " target_id INTEGER NOT NULL REFERENCES target ON DELETE CASCADE,"
    " PRIMARY KEY (host, port, user, database, history)) WITHOUT ROWID;"
    "CREATE INDEX address_by_target ON address (target_id);"
    "CREATE TABLE applied ("
    " target_id INTEGER NOT NULL REFERENCES target ON DELETE CASCADE,"
    " id INTEGER NOT NULL,"
    " version TEXT,"
    " name TEXT,"
    " kind TEXT NOT NULL,"
    " digest TEXT,"
    " token_digest TEXT,"
    " down_digest TEXT,"
    " prefix_digest TEXT,"
    " statements INTEGER NOT NULL,"
    " statements_started INTEGER NOT NULL,"
    " statements_done INTEGER NOT NULL,"
    " applied_at_ms INTEGER NOT NULL,"
    " duration_us INTEGER NOT NULL,"
    " applied_by TEXT,"
    " git_commit TEXT,"
    " PRIMARY KEY (target_id, id)) WITHOUT ROWID;"
    "CREATE INDEX applied_by_digest ON applied (digest);"
    "CREATE TABLE run ("
    " id INTEGER PRIMARY KEY," /* never used again: the newest one stays */
    " command TEXT NOT NULL,"
    " began_at_ms INTEGER NOT NULL,"
    " elapsed_us INTEGER NOT NULL,"
    " host TEXT NOT NULL,"
    " port INTEGER NOT NULL,"
    " user TEXT NOT NULL,"
    " database TEXT NOT NULL,"
    " history TEXT NOT NULL,"
    " by TEXT,"
    " tool TEXT NOT NULL,"
    " n_applied INTEGER NOT NULL,"
    " n_reverted INTEGER NOT NULL,"
    " n_recorded INTEGER NOT NULL,"
    " n_tried INTEGER NOT NULL,"
    " head TEXT,"
    " n_steps INTEGER NOT NULL,"
    " slug TEXT,"
    " sqlstate TEXT,"
    " place TEXT,"
    " line INTEGER,"
    " \"column\" INTEGER,"
    " message TEXT,"
    " excerpt TEXT,"
    " detail TEXT,"
    " hint TEXT,"
    " more TEXT,"
    " note TEXT);"
    "CREATE TABLE step ("
    " run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,"
    " number INTEGER NOT NULL,"
    " what TEXT NOT NULL,"
    " label TEXT NOT NULL,"
    " version TEXT,"
    " digest TEXT,"
    " duration_us INTEGER NOT NULL,"
    " PRIMARY KEY (run_id, number)) WITHOUT ROWID;"
    "CREATE INDEX step_by_digest ON step (digest);",
    "ALTER TABLE applied ADD COLUMN down_statements INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE applied ADD COLUMN down_started INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE applied ADD COLUMN down_done INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE applied ADD COLUMN down_prefix_digest TEXT;",
    "ALTER TABLE applied ADD COLUMN is_stale INTEGER NOT NULL DEFAULT 0;",
    /* To look through all rows takes less than a migration that is asked about, and to keep these
     * up took as long as all else that is noted. */
    "DROP INDEX applied_by_digest; DROP INDEX step_by_digest;",
    "ALTER TABLE target ADD COLUMN n_settled INTEGER NOT NULL DEFAULT 0;",
};

const MgStateLayout mg_notebook_layout = {
    .application_id = 0x4d696772, /* "Migr" */
    .upgrades = upgrades,
    .n_upgrades = sizeof upgrades / sizeof *upgrades,
};

#define TEXT(value) mg_value_text(value)
#define INT(value) mg_value_int(value)
#define KEY(value) mg_value_key(value)

/* ---- Writing: a target --------------------------------------------------------------------- */

/* In the manner of FNV-1a, eight bytes at a time: have rows changed since they were noted? */
static uint64_t
add_number(uint64_t hash, uint64_t number)
{
    hash = (hash ^ number) * UINT64_C(0x100000001b3);
    return hash ^ hash >> 32;
}

/* Of what a row says. */
static uint64_t
add_text(uint64_t hash, const char *text)
{
    size_t size_bytes = text == NULL ? 0 : strlen(text);
    uint64_t number;
    for (; size_bytes >= sizeof number; size_bytes -= sizeof number, text += sizeof number) {
        memcpy(&number, text, sizeof number);
        hash = add_number(hash, number);
    }
    number = size_bytes;
    for (; size_bytes > 0; size_bytes--, text++)
        number = number << 8 | (unsigned char)*text;
    return add_number(hash, number);
}

static int64_t
fingerprint(const MgHistory *history, size_t n)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < n; i++) {
        const MgApplied *row = &history->items[i];
        hash = add_number(hash, (uint64_t)row->id);
        hash = add_number(hash, (uint64_t)row->n_statements_done);
        hash = add_number(hash, (uint64_t)row->n_statements_started);
        hash = add_number(hash, (uint64_t)row->down.n_done);
        hash = add_number(hash, (uint64_t)row->down.n_started);
        hash = add_number(hash, (uint64_t)row->applied_at_ms);
        hash = add_number(hash, row->is_stale);
        hash = add_text(hash, row->version);
        hash = add_text(hash, row->name);
        hash = add_text(hash, row->digest);
        hash = add_text(hash, row->down_digest);
    }
    return (int64_t)(hash >> 1);
}

typedef struct Found {
    int64_t id, n_settled, fingerprint; /* of those */
} Found;

static void
take_found(void *payload, const MgStateRow *row)
{
    Found *found = payload;
    *found = (Found){ mg_state_int(row, 0), mg_state_int(row, 1), mg_state_int(row, 2) };
}

/* How many rows are noted as they are: mostly all but the newest, of tens of thousands. */
static size_t
count_noted(const Found *found, const MgHistory *history)
{
    size_t n = (size_t)found->n_settled;
    return found->n_settled >= 0 && n <= history->n && fingerprint(history, n) == found->fingerprint
               ? n
               : 0;
}

static bool
write_applied(MgStateFile *file, int64_t target_id, const MgHistory *history, size_t first,
              MgError *err)
{
    const MgValue behind[] = { INT(target_id),
                               INT(first == 0 ? INT64_MIN : history->items[first - 1].id) };
    if (!mg_state_run(file, "DELETE FROM applied WHERE target_id = ? AND id > ?", behind, 2, err))
        return false;
    /* OR REPLACE would have SQLite save every page to a journal of the statement first. */
    static const char insert[] = "INSERT OR IGNORE INTO applied"
                                 " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
    for (size_t i = first; i < history->n; i++) {
        const MgApplied *row = &history->items[i];
        const MgValue values[] = {
            INT(target_id),
            INT(row->id),
            TEXT(row->version),
            TEXT(row->name),
            TEXT(mg_kind_name(row->kind)),
            TEXT(row->digest),
            TEXT(row->token_digest),
            TEXT(row->down_digest),
            TEXT(row->prefix_digest),
            INT(row->n_statements),
            INT(row->n_statements_started),
            INT(row->n_statements_done),
            INT(row->applied_at_ms),
            INT(row->duration_us),
            TEXT(row->applied_by),
            TEXT(row->commit),
            INT(row->down.n_statements),
            INT(row->down.n_started),
            INT(row->down.n_done),
            TEXT(row->down.prefix_digest),
            INT(row->is_stale),
        };
        if (!mg_state_run(file, insert, values, sizeof values / sizeof *values, err))
            return false;
    }
    return true;
}

static bool
write_target(MgStateFile *file, const MgAddress *address, const MgSeen *seen, bool *ret_is_new,
             MgError *err)
{
    const MgTargetIdentity *identity = &seen->identity;
    const MgValue keys[] = { KEY(identity->system_identifier), INT(identity->database_oid),
                             KEY(address->database), KEY(identity->place), KEY(address->history) };
    Found found = { 0 };
    if (!mg_state_query(file,
                        "SELECT id, n_settled, fingerprint FROM target WHERE system_identifier = ?"
                        " AND database_oid = ? AND database = ? AND place = ? AND history = ?",
                        keys, 5, take_found, &found, err))
        return false;

    const MgValue values[] = {
        keys[0],
        keys[1],
        keys[2],
        keys[3],
        keys[4],
        TEXT(seen->server_version),
        TEXT(seen->verdict),
        INT(seen->history->exists),
        INT(seen->history->is_database_empty),
        INT((int64_t)seen->history->n),
        INT(fingerprint(seen->history, seen->n_settled)),
        INT(seen->at_ms),
        INT((int64_t)seen->n_settled),
    };
    if (!mg_state_run(
            file,
            "INSERT INTO target (system_identifier, database_oid, database, place,"
            " history, server_version, verdict, has_history, is_database_empty, n_applied,"
            " fingerprint, seen_at_ms, n_settled) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT "
            "(system_identifier,"
            " database_oid, database, place, history) DO UPDATE SET"
            " server_version = excluded.server_version, verdict = excluded.verdict,"
            " has_history = excluded.has_history,"
            " is_database_empty = excluded.is_database_empty,"
            " n_applied = excluded.n_applied, fingerprint = excluded.fingerprint,"
            " seen_at_ms = excluded.seen_at_ms, n_settled = excluded.n_settled",
            values, sizeof values / sizeof *values, err))
        return false;
    int64_t id = found.id != 0 ? found.id : mg_state_last_id(file);
    *ret_is_new = found.id == 0;
    if (!write_applied(file, id, seen->history, count_noted(&found, seen->history), err))
        return false;
    const MgValue where[] = {
        KEY(address->host), INT(address->port), KEY(address->user), keys[2], keys[4], INT(id)
    };
    /* Mostly it is there already: then nothing is written. */
    return mg_state_run(file,
                        "INSERT INTO address VALUES (?,?,?,?,?,?)"
                        " ON CONFLICT (host, port, user, database, history) DO UPDATE"
                        " SET target_id = excluded.target_id WHERE target_id <> excluded.target_id",
                        where, 6, err);
}

/* ---- Writing: a run -------------------------------------------------------------------------- */

static const char *
present(const char *text)
{
    return text != NULL && text[0] != '\0' ? text : NULL;
}

static bool
write_run(MgStateFile *file, const MgAddress *address, const MgNotedRun *noted, int64_t *ret_id,
          MgError *err)
{
    static const MgError none = { .code = MG_OK };
    const MgJournalRun *run = noted->run;
    const MgError *error = run->error != NULL ? run->error : &none;
    const MgValue values[] = {
        TEXT(run->command),
        INT(run->began_at_ms),
        INT(run->elapsed_us),
        KEY(address->host),
        INT(address->port),
        KEY(address->user),
        KEY(address->database),
        KEY(address->history),
        TEXT(run->by),
        TEXT(run->tool),
        INT(run->n_applied),
        INT(run->n_reverted),
        INT(run->n_recorded),
        INT(run->n_tried),
        TEXT(run->head),
        INT((int64_t)noted->n_steps),
        TEXT(run->error != NULL ? mg_error_slug(error->code) : NULL),
        TEXT(present(error->sqlstate)),
        TEXT(present(error->place)),
        INT(error->line),
        INT(error->column),
        TEXT(present(error->message)),
        TEXT(present(error->excerpt)),
        TEXT(present(error->detail)),
        TEXT(present(error->hint[0])),
        TEXT(present(error->hint[1])),
        TEXT(present(error->note)),
    };
    if (!mg_state_run(file,
                      "INSERT INTO run VALUES"
                      " (NULL,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                      values, sizeof values / sizeof *values, err))
        return false;
    *ret_id = mg_state_last_id(file);
    return true;
}

static bool
write_steps(MgStateFile *file, int64_t run_id, const MgNotedRun *noted, MgError *err)
{
    /* The last one is worth more than the first: it may have failed. */
    size_t first = noted->n_steps > MAX_RUN_STEPS ? noted->n_steps - MAX_RUN_STEPS : 0;
    static const char insert[] = "INSERT INTO step VALUES (?,?,?,?,?,?,?)";
    for (size_t i = first; i < noted->n_steps; i++) {
        const MgNotedStep *step = &noted->steps[i];
        const MgValue values[] = {
            INT(run_id),         INT((int64_t)i + 1), TEXT(step->what),       TEXT(step->label),
            TEXT(step->version), TEXT(step->digest),  INT(step->duration_us),
        };
        if (!mg_state_run(file, insert, values, sizeof values / sizeof *values, err))
            return false;
    }
    return true;
}

/* ---- Writing: all of it ---------------------------------------------------------------------- */

static bool
forget_targets(MgStateFile *file, MgError *err)
{
    const MgValue values[] = { INT(MAX_TARGETS), INT(MAX_APPLIED) };
    return mg_state_run(
        file,
        "DELETE FROM target WHERE id IN (SELECT id FROM (SELECT id, row_number() OVER w AS age,"
        " sum(n_applied) OVER w AS total FROM target"
        " WINDOW w AS (ORDER BY seen_at_ms DESC, id DESC))"
        " WHERE age > 1 AND (age > ? OR total > ?))",
        values, 2, err);
}

static bool
forget_runs(MgStateFile *file, MgError *err)
{
    const MgValue values[] = { INT(MAX_RUNS), INT(MAX_STEPS) };
    return mg_state_run(file,
                        "DELETE FROM run WHERE id IN (SELECT id FROM (SELECT id,"
                        " row_number() OVER w AS age, sum(n_steps) OVER w AS total FROM run"
                        " WINDOW w AS (ORDER BY id DESC))"
                        " WHERE age > 1 AND (age > ? OR total > ?))",
                        values, 2, err);
}

static bool
note_target(MgStateFile *file, const MgNote *note, MgError *err)
{
    bool is_new = false;
    return write_target(file, &note->address, note->seen, &is_new, err) &&
           (!is_new || forget_targets(file, err));
}

static bool
note_run(MgStateFile *file, const MgNote *note, MgError *err)
{
    int64_t id = 0;
    return write_run(file, &note->address, note->run, &id, err) &&
           write_steps(file, id, note->run, err) &&
           (id % RUNS_APART != 0 || forget_runs(file, err));
}

bool
mg_notebook_note(MgStateFile *file, const MgNote *note, MgError *err)
{
    return mg_state_begin(file, err) && (note->seen == NULL || note_target(file, note, err)) &&
           (note->run == NULL || note_run(file, note, err)) && mg_state_end(file, err);
}
