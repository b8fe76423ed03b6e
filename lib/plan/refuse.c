/*
 * The texts of refusals.  Which of them apply is decided in plan.c; hints name
 * only commands and options that exist.
 */
#include "plan/refuse.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

enum {
    SHORT_DIGEST = 8,  /* characters of a digest that are shown */
    MAX_LISTED = 3,    /* labels in one line */
    MINUTE_BYTES = 32, /* a time as text */
};

static const char strict_hint[] = "Leave out --strict to go on with a warning.";

/* The next refusal, to be filled; one that is never told when there are enough. */
static MgError *
add(MgRefusals *refusals)
{
    if (refusals->items == NULL)
        refusals->items =
            mg_arena_alloc_array(refusals->arena, MG_REFUSALS_MAX + 1, sizeof *refusals->items);
    if (refusals->n == MG_REFUSALS_MAX) {
        refusals->n_left_out++;
        return &refusals->items[MG_REFUSALS_MAX];
    }
    return &refusals->items[refusals->n++];
}

/* What every refusal ends with; place may be NULL. */
static void
finish(const MgRefusals *refusals, MgError *err, const char *place, int line)
{
    if (place != NULL)
        mg_error_at(err, place, line, 0);
    mg_error_note(err, "%s", refusals->note);
}

/* "Check out commit 9b1c7de, which has its file." */
static void
hint_at_file(MgError *err, const MgEntry *entry)
{
    if (entry->commit != NULL)
        mg_error_hint(err, "Bring its file back; commit %s applied it.", entry->commit);
    else
        mg_error_hint(err, "Bring its file back.");
}

/* "It was applied on 2026-03-02 14:31 UTC", without a full stop. */
static const char *
when_applied(const MgEntry *entry, MgArena *arena)
{
    if (entry->applied_at_ms == 0)
        return "It was applied";
    char minute[MINUTE_BYTES];
    mg_text_minute(entry->applied_at_ms, minute, sizeof minute);
    return mg_arena_format(arena, "It was applied on %s UTC", minute);
}

void
mg_refuse_drift(MgRefusals *refusals, const MgMatch *match)
{
    const MgEntry *entry = match->entry;
    MgError *err = add(refusals);
    const char *name = match->row->name;
    bool is_other = name[0] != '\0' && strcmp(name, match->file->name) != 0;
    if (!is_other)
        mg_fail(err, MG_E_DRIFT, "migration \"%s\" was edited after it was applied", entry->label);
    else
        mg_fail(err, MG_E_DRIFT, "version %s was applied as \"%s\", and is another migration now",
                match->row->version, name);
    mg_error_detail(err, "%s as %.*s%s%s; now it is %.*s.", when_applied(entry, refusals->arena),
                    SHORT_DIGEST, match->row->digest, entry->commit != NULL ? ", commit " : "",
                    entry->commit != NULL ? entry->commit : "", SHORT_DIGEST, match->file->digest);
    if (is_other)
        mg_error_hint(err, "If it is a new one, put it to the end: migrate renumber %s",
                      entry->label);
    else if (entry->commit != NULL)
        mg_error_hint(err, "See the edit, undo it, and make it a new migration:\ngit diff %s -- %s",
                      entry->commit, entry->file);
    else
        mg_error_hint(err, "Undo the edit, and make it a new migration: migrate new NAME");
    mg_error_hint(err,
                  "If the database already agrees with the file: migrate repair %s --accept-file",
                  match->row->version);
    finish(refusals, err, entry->file, 0);
}

void
mg_refuse_late(MgRefusals *refusals, const MgMatch *match, const MgEntry *head)
{
    MgError *err = add(refusals);
    mg_fail(err, MG_E_LATE, "migration \"%s\" is older than the newest applied one",
            match->entry->label);
    if (head->applied_at_ms != 0) {
        char minute[MINUTE_BYTES];
        mg_text_minute(head->applied_at_ms, minute, sizeof minute);
        mg_error_detail(err, "The database is at %s since %s UTC.", head->label, minute);
    } else {
        mg_error_detail(err, "The database is at %s.", head->label);
    }
    mg_error_hint(err, "Put it at the end: migrate renumber %s", match->entry->version);
    mg_error_hint(err, "If it does not depend on the order, apply it as it is: migrate up --late");
    finish(refusals, err, match->entry->file, 0);
}

void
mg_refuse_missing(MgRefusals *refusals, const MgMatch *match)
{
    const MgEntry *entry = match->entry;
    MgError *err = add(refusals);
    if (entry->state == MG_STATE_AHEAD)
        mg_fail(err, MG_E_MISSING, "applied migration \"%s\" is newer than every file",
                entry->label);
    else
        mg_fail(err, MG_E_MISSING, "applied migration \"%s\" has no file", entry->label);
    if (entry->applied_at_ms != 0 && entry->applied_by != NULL)
        mg_error_detail(err, "%s by %s.", when_applied(entry, refusals->arena), entry->applied_by);
    hint_at_file(err, entry);
    mg_error_hint(err, "%s", strict_hint);
    finish(refusals, err, NULL, 0);
}

void
mg_refuse_mixed(MgRefusals *refusals, const MgStep *step)
{
    const MgScript *script = step->script;
    MgError *err = add(refusals);
    mg_fail(err, MG_E_MIXED, "%s cannot run in one transaction with other statements",
            script->refusing_label);
    mg_error_detail(err, "The other statements of the file would commit without it.");
    mg_error_hint(err, "Put the %s into a migration of its own: migrate new NAME --no-transaction",
                  script->refusing_label);
    mg_error_hint(err, "To run the whole file without a transaction, add this line to it:\n"
                       "-- migrate:no-transaction");
    finish(refusals, err, script->path, script->refusing_line);
    err->column = script->refusing_column;
    if (script->refusing_excerpt != NULL)
        mg_text_copy(err->excerpt, sizeof err->excerpt, script->refusing_excerpt);
}

void
mg_refuse_loose(MgRefusals *refusals, const MgStep *step, bool is_rehearsal)
{
    const MgScript *script = step->script;
    MgError *err = add(refusals);
    mg_fail(err, MG_E_ONE_TRANSACTION, "migration \"%s\" %s", step->entry->label,
            is_rehearsal ? "cannot be rehearsed" : "cannot share a transaction");
    if (script->refusing_label != NULL)
        mg_error_detail(err, "It runs without a transaction: %s cannot be rolled back.",
                        script->refusing_label);
    else
        mg_error_detail(
            err, "It runs without a transaction: the file says \"-- migrate:no-transaction\".");
    mg_error_hint(err, "Stop in front of it with --to, or %s",
                  is_rehearsal ? "try it on a server of its own: migrate up --scratch"
                               : "let each migration commit by itself: migrate up");
    finish(refusals, err, script->path, script->refusing_line);
    err->column = script->refusing_column;
}

void
mg_refuse_empty(MgRefusals *refusals, const MgStep *step)
{
    const MgScript *script = step->script;
    MgError *err = add(refusals);
    mg_fail(err, MG_E_FILE, "migration \"%s\" has no statements yet", step->entry->label);
    mg_error_hint(err, "Write SQL into it: %s", script->path);
    mg_error_hint(err, "If it is to do nothing, let it say \"-- migrate:up nothing\".");
    finish(refusals, err, script->path, 0);
}

void
mg_refuse_destructive(MgRefusals *refusals, const MgStep *step)
{
    const MgScript *script = step->script;
    MgError *err = add(refusals);
    mg_fail(err, MG_E_DESTRUCTIVE, "migration \"%s\" takes away what production may still use: %s",
            step->entry->label, script->destructive_label);
    if (script->n_destructive > 1)
        mg_error_detail(err, "So do %d more of its statements.", script->n_destructive - 1);
    mg_error_hint(err,
                  "Take it away in a later deployment, when no code that runs uses it any more.");
    mg_error_hint(err, "If that is so, let the file say it, with this line:\n"
                       "-- migrate:destructive");
    finish(refusals, err, script->path, script->destructive_line);
    err->column = script->destructive_column;
    if (script->destructive_excerpt != NULL)
        mg_text_copy(err->excerpt, sizeof err->excerpt, script->destructive_excerpt);
}

void
mg_refuse_not_empty(MgRefusals *refusals)
{
    MgError *err = add(refusals);
    mg_fail(err, MG_E_NOT_EMPTY, "the database has tables, but no history of migrations");
    mg_error_detail(err, "They were made by hand or by another tool, and the migrations may clash"
                         " with them.");
    mg_error_hint(err, "If it has the migrations up to a version V already, record them:"
                       " migrate baseline V");
    mg_error_hint(err, "Is this the right database? If so, start a history in it:"
                       " migrate up --allow-not-empty");
    finish(refusals, err, NULL, 0);
}

void
mg_refuse_partial_missing(MgRefusals *refusals, const MgMatch *match)
{
    const MgEntry *entry = match->entry;
    MgError *err = add(refusals);
    mg_fail(err, MG_E_PARTIAL, "migration \"%s\" stopped half-way, and its file is not here",
            entry->label);
    mg_error_detail(err, "Done: %d of %d statements.", entry->n_statements_done,
                    entry->n_statements);
    hint_at_file(err, entry);
    finish(refusals, err, NULL, 0);
}

/* The path of the script that stopped half-way; NULL: it is stored in the history. */
static const char *
path_of(const MgMatch *match)
{
    const MgScript *script = mg_match_script(match);
    return script == NULL ? NULL : script->path;
}

void
mg_refuse_half_reverted(MgRefusals *refusals, const MgMatch *match)
{
    const MgEntry *entry = match->entry;
    MgError *err = add(refusals);
    mg_fail(err, MG_E_PARTIAL, "the down script of migration \"%s\" stopped half-way",
            entry->label);
    mg_error_detail(err, "Done: %d of %d statements of it.", entry->n_statements_done,
                    entry->n_statements);
    mg_error_hint(err, "Revert it to its end, then run again: migrate down");
    finish(refusals, err, path_of(match), 0);
}

void
mg_refuse_partial_short(MgRefusals *refusals, const MgMatch *match, const MgScript *script)
{
    const MgEntry *entry = match->entry;
    MgError *err = add(refusals);
    mg_fail(err, MG_E_PARTIAL, "half-run %s \"%s\" lost statements that are done already",
            entry->is_half_reverted ? "down script of migration" : "migration", entry->label);
    mg_error_detail(err, "Done: %d of %d statements. %s now has %d.", entry->n_statements_done,
                    entry->n_statements, entry->is_half_reverted ? "It" : "The file",
                    script->n_statements);
    mg_error_hint(err, "Bring the statements that are done back into the file, and change only"
                       " those behind them.");
    finish(refusals, err, script->path, 0);
}

void
mg_refuse_partial_edited(MgRefusals *refusals, const MgMatch *match, const MgScript *script)
{
    const MgEntry *entry = match->entry;
    MgError *err = add(refusals);
    mg_fail(err, MG_E_PARTIAL, "statements of \"%s\" were edited after they had run", entry->label);
    mg_error_detail(err, "It stopped half-way; the first %d of its statements are done.",
                    entry->n_statements_done);
    mg_error_hint(err, "Leave those as they were, and mend only what follows.");
    finish(refusals, err, script->path, 0);
}

void
mg_refuse_partial_unknown(MgRefusals *refusals, const MgMatch *match, const MgScript *script)
{
    const MgEntry *entry = match->entry;
    int started = mg_applied_progress(match->row).n_started;
    const char *command = entry->is_half_reverted ? "migrate down" : "migrate up";
    MgError *err = add(refusals);
    mg_fail(err, MG_E_PARTIAL, "statement %d of %s \"%s\" was started and may have finished",
            started, entry->is_half_reverted ? "the down script of migration" : "migration",
            entry->label);
    mg_error_detail(err,
                    "The run was cut off before it could record the outcome. Recorded as done:"
                    " %d of %d statements.",
                    entry->n_statements_done, entry->n_statements);
    const char *name = entry->version != NULL ? entry->version : entry->label;
    mg_error_hint(err,
                  "Look in the database whether statement %d took effect. If it did, record that,"
                  " and run \"%s\" again:\n"
                  "migrate repair %s --statement %d done",
                  started, command, name, started);
    mg_error_hint(err,
                  "If it did not, undo what it left behind, record that, and run \"%s\""
                  " again:\n"
                  "migrate repair %s --statement %d again",
                  command, name, started);
    finish(refusals, err, script->path, 0);
}

void
mg_refuse_partial_down(MgRefusals *refusals, const MgMatch *match)
{
    const MgEntry *entry = match->entry;
    MgError *err = add(refusals);
    mg_fail(err, MG_E_PARTIAL, "migration \"%s\" stopped half-way and cannot be reverted",
            entry->label);
    mg_error_detail(err, "Done: %d of %d statements.", entry->n_statements_done,
                    entry->n_statements);
    mg_error_hint(err, "Finish it first: migrate up");
    finish(refusals, err, entry->file, 0);
}

typedef struct Candidate {
    int distance;
    size_t match_i;
} Candidate;

static int
compare_candidates(const void *a, const void *b)
{
    const Candidate *candidate_a = a, *candidate_b = b;
    if (candidate_a->distance != candidate_b->distance)
        return candidate_a->distance - candidate_b->distance;
    return (candidate_a->match_i > candidate_b->match_i) -
           (candidate_a->match_i < candidate_b->match_i);
}

/* How far a word is from a migration; what contains the word is near. */
static int
distance_of(const char *word, const MgEntry *entry)
{
    if (strstr(entry->label, word) != NULL)
        return 0;
    int by_version = mg_text_distance(word, entry->version);
    int by_label = mg_text_distance(word, entry->label);
    return by_version < by_label ? by_version : by_label;
}

void
mg_refuse_unknown(MgRefusals *refusals, const char *word, const MgMatches *matches)
{
    MgError *err = add(refusals);
    mg_fail(err, MG_E_UNKNOWN_VERSION, "no migration has version \"%s\"", word);

    Candidate *candidates = mg_arena_alloc_array(refusals->arena, matches->n, sizeof *candidates);
    int max_distance = 1 + (int)strlen(word) / 4;
    size_t n = 0;
    for (size_t i = 0; i < matches->n && matches->entries[i].version != NULL; i++) {
        Candidate candidate = { distance_of(word, &matches->entries[i]), i };
        if (candidate.distance <= max_distance)
            candidates[n++] = candidate;
    }
    qsort(candidates, n, sizeof *candidates, compare_candidates);

    MG_CLEANUP(buf) MgBuf names = { 0 };
    for (size_t i = 0; i < n && i < MAX_LISTED; i++) {
        if (i > 0)
            mg_buf_add(&names, i + 1 == n || i + 1 == MAX_LISTED ? " or " : ", ");
        mg_buf_add(&names, matches->entries[candidates[i].match_i].label);
    }
    if (n > 0)
        mg_error_hint(err, "Did you mean %s?", mg_buf_text(&names));
    mg_error_hint(err, "List all migrations: migrate status --all");
    finish(refusals, err, NULL, 0);
}

void
mg_refuse_not_applied(MgRefusals *refusals, const MgMatch *match)
{
    MgError *err = add(refusals);
    mg_fail(err, MG_E_UNKNOWN_VERSION, "migration \"%s\" is not applied", match->entry->label);
    mg_error_hint(err, "Name an applied one; list them: migrate status");
    finish(refusals, err, match->entry->file, 0);
}

void
mg_refuse_recorded(MgRefusals *refusals, const MgMatch *match)
{
    bool is_baseline = match->row->kind == MG_BASELINE;
    MgError *err = add(refusals);
    mg_fail(err, MG_E_NO_DOWN, "%s \"%s\" cannot be reverted",
            is_baseline ? "baseline" : "adopted migration", match->entry->label);
    mg_error_detail(err, "It was recorded in the history and not run by migrate.");
    mg_error_hint(err, "Revert only what was applied after it: migrate down --to %s",
                  match->entry->version);
    finish(refusals, err, match->entry->file, 0);
}

static void
fail_empty_down(const MgMatch *match, MgError *err)
{
    mg_fail(err, MG_E_NO_DOWN, "the down script of migration \"%s\" has no statements",
            match->entry->label);
    mg_error_hint(err, "Write SQL into it: %s", match->file->down->path);
}

/* Where a missing down script should stand. */
static void
hint_at_down_file(MgError *err, const char *up_path, MgArena *arena)
{
    static const char up_ending[] = ".up.sql";
    if (!mg_text_ends(up_path, up_ending)) {
        mg_error_hint(err, "Write one, below a line \"-- migrate:down\" in this file.");
        return;
    }
    size_t stem_bytes = strlen(up_path) - strlen(up_ending);
    mg_error_hint(err, "Write one: %s.down.sql", mg_arena_text_n(arena, up_path, stem_bytes));
}

void
mg_refuse_no_down(MgRefusals *refusals, const MgMatch *match)
{
    const MgEntry *entry = match->entry;
    MgError *err = add(refusals);
    bool is_empty = match->file != NULL && match->file->is_down_empty;
    if (is_empty)
        fail_empty_down(match, err);
    else
        mg_fail(err, MG_E_NO_DOWN, "migration \"%s\" has no down script", entry->label);
    if (match->file != NULL) {
        if (!is_empty)
            hint_at_down_file(err, entry->file, refusals->arena);
        mg_error_hint(err, "If reverting it needs no statement, let that script say"
                           " \"-- migrate:down nothing\".");
    } else {
        mg_error_detail(err, "It has no file here, and none was stored when it was applied.");
        hint_at_file(err, entry);
    }
    finish(refusals, err, is_empty ? match->file->down->path : entry->file, 0);
}

void
mg_refuse_from_history(MgRefusals *refusals, const MgGoal *goal, const MgMatch *match)
{
    const MgEntry *entry = match->entry;
    MgError *err = add(refusals);
    mg_fail(err, MG_E_FROM_HISTORY, "the down script of migration \"%s\" is only in the history",
            entry->label);
    mg_error_detail(err, "%s. This is the script that was stored then:\n%s",
                    when_applied(entry, refusals->arena), match->row->down_text);
    const char *how_far = "";
    if (goal->to != NULL)
        how_far = mg_arena_format(refusals->arena, " --to %s", goal->to);
    else if (goal->count > 0)
        how_far = mg_arena_format(refusals->arena, " %d", goal->count);
    mg_error_hint(err, "Read it, then let it run: migrate %s%s --from-history",
                  goal->kind == MG_GOAL_REDO ? "redo" : "down", how_far);
    finish(refusals, err, NULL, 0);
}

void
mg_refuse_altered(MgRefusals *refusals, const MgMatch *match)
{
    MgError *err = add(refusals);
    mg_fail(err, MG_E_HISTORY, "the stored down script of migration \"%s\" was altered",
            match->entry->label);
    mg_error_detail(err, "It does not fit the digest that was stored with it, so it is not run.");
    hint_at_file(err, match->entry);
    mg_error_hint(err, "Find out who can write to %s.", refusals->history_name);
    finish(refusals, err, NULL, 0);
}

void
mg_refuse_not_shown(MgRefusals *refusals, const MgStep *step)
{
    MgError *err = add(refusals);
    mg_fail(err, MG_E_CHANGED, "migration \"%s\" was not among what was shown", step->entry->label);
    mg_error_detail(err, "The history has changed since the question was asked.");
    mg_error_hint(err, "Run again, and look at what is to be done now.");
    finish(refusals, err, NULL, 0);
}

void
mg_refuse_other_script(MgRefusals *refusals, const MgStep *step)
{
    MgError *err = add(refusals);
    mg_fail(err, MG_E_CHANGED, "the %s script of migration \"%s\" is not the one that was shown",
            step->direction == MG_UP ? "up" : "down", step->entry->label);
    if (step->is_from_history) {
        mg_error_detail(err, "It was changed in the history since the question was asked.");
        mg_error_hint(err, "Find out who can write to %s.", refusals->history_name);
    }
    finish(refusals, err, NULL, 0);
}

void
mg_refuse_redo_missing(MgRefusals *refusals, const MgMatch *match)
{
    MgError *err = add(refusals);
    mg_fail(err, MG_E_MISSING, "migration \"%s\" has no file to apply it again from",
            match->entry->label);
    hint_at_file(err, match->entry);
    mg_error_hint(err, "To revert it and leave it at that: migrate down");
    finish(refusals, err, NULL, 0);
}

void
mg_refuse_baseline(MgRefusals *refusals, const MgMatch *to, const MgMatch *head)
{
    MgError *err = add(refusals);
    mg_fail(err, MG_E_BASELINE, "migration \"%s\" is applied already, and newer than \"%s\"",
            head->entry->label, to->entry->label);
    mg_error_detail(err, "A baseline is the beginning of a history: what was there before it.");
    mg_error_hint(err, "See what is applied and what is not: migrate status");
    if (to->entry->state == MG_STATE_LATE)
        mg_error_hint(err, "If it is to run in spite of its version: migrate up --late");
    finish(refusals, err, NULL, 0);
}

void
mg_refuse_unreadable(MgRefusals *refusals, const MgError *why)
{
    MgError *err = add(refusals);
    *err = *why;
    finish(refusals, err, NULL, 0);
}

void
mg_refuse_list(const MgMatches *matches, MgState state, MgBuf *ret)
{
    size_t n = 0;
    for (size_t i = 0; i < matches->n; i++) {
        if (matches->entries[i].state != state)
            continue;
        if (n < MAX_LISTED)
            mg_buf_format(ret, "%s%s", n == 0 ? "" : ", ", matches->entries[i].label);
        n++;
    }
    if (n > MAX_LISTED)
        mg_buf_format(ret, " and %zu more", n - MAX_LISTED);
}
