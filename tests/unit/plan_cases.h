/*
 * A plan, from compact words to compact words.
 *
 * Files: "1 2_name/flags R__view".  Without a name a version is called "m".
 *   =K content K (else the version or name), ! edited, ~ edited cosmetically,
 *   - no down script, D another down script, d mixed down script, x CREATE INDEX
 *   CONCURRENTLY alone, X two of them, k the same alone and marked, M marked
 *   with three statements, v VACUUM alone, m mixed, 1 one file for both directions,
 *   e without statements, n the same on purpose, E a down script without statements,
 *   l a down script of three statements outside a transaction, i one of indexes,
 *   q takes a table away, Q three things, s the same as q on purpose,
 *   F its first statement is known and as it was, G known and another one
 * Rows, in the order they were applied (ids 1, 2, ...): the same words, with
 *   =K content, - no down script, b baseline of all up to it, w of one file, a adopted,
 *   pNM partial: N done, M started of 3, rNM the same of its down script, h stored down
 *   script, H altered, U not readable, N without digest, t no token digest, c commit known,
 *   z neither time nor name known, y no author, S stale, e no statements
 * Goal: "up", "down", "redo", "baseline", a count, "to:V", and words for what is allowed.
 */
#ifndef MG_TEST_PLAN_CASES_H
#define MG_TEST_PLAN_CASES_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cases.h"
#include "plan/plan.h"

static const char stored_down[] = "DROP TABLE t;\n";

/* ---- From words to input -------------------------------------------------- */

static void
set_up_script(const char *flags, const char *content, MgScript *up)
{
    snprintf(up->digest, sizeof up->digest, "%s%s%s-up-digest", content,
             strchr(flags, '!') != NULL ? "!" : "", strchr(flags, '~') != NULL ? "~" : "");
    snprintf(up->token_digest, sizeof up->token_digest, "tokens-%s%s", content,
             strchr(flags, '!') != NULL ? "!" : "");
    up->is_transactional = true;
    up->n_statements = 1;
    if (strpbrk(flags, "xXkMmv") != NULL) {
        up->refusing_label = strchr(flags, 'v') != NULL ? "VACUUM" : "CREATE INDEX CONCURRENTLY";
        up->index_changes = strchr(flags, 'v') != NULL ? 0 : strchr(flags, 'X') != NULL ? 7 : 1;
        up->refusing_line = 7;
        up->is_transactional = false;
    }
    if (strpbrk(flags, "kM") != NULL)
        up->is_marked = true;
    if (strpbrk(flags, "MX") != NULL)
        up->n_statements = 3;
    if (strchr(flags, 'm') != NULL) {
        up->is_mixed = up->is_transactional = true;
        up->refusing_column = 5;
        up->refusing_excerpt = " 7 | its line";
    }
    if (strpbrk(flags, "en") != NULL)
        up->n_statements = 0;
    up->is_nothing = strchr(flags, 'n') != NULL;
    if (strpbrk(flags, "qQs") != NULL) {
        up->destructive_label = "DROP TABLE";
        up->destructive_line = 3;
        up->destructive_column = 2;
        up->destructive_excerpt = " 3 | its line";
        up->n_destructive = strchr(flags, 'Q') != NULL ? 3 : 1;
    }
    up->is_destructive_allowed = strchr(flags, 's') != NULL;
}

/* The digest of its first statement, as a row that stopped behind it has it, or another one. */
static void
set_prefix(const char *flags, const char *before, MgScript *script)
{
    if (strpbrk(flags, "FG") == NULL)
        return;
    script->prefix.n = 1;
    mg_text_copy(script->prefix.digest, sizeof script->prefix.digest,
                 strchr(flags, 'F') != NULL ? before : "edited");
}

static MgMigration
make_file(MgArena *arena, const char *word, const char *flags)
{
    MgMigration file = { .has_down = strpbrk(flags, "-E") == NULL,
                         .is_down_empty = strchr(flags, 'E') != NULL };
    split_label(arena, word, &file.version, &file.name);
    file.kind = file.version != NULL ? MG_VERSIONED : MG_REPEATABLE;
    file.label = file.version != NULL ? mg_arena_format(arena, "%s_%s", file.version, file.name)
                                      : mg_arena_format(arena, "R__%s", file.name);
    const char *content = content_of(arena, flags, file.version, file.name);
    file.up = MG_NEW_IN(arena, MgScript);
    file.down = MG_NEW_IN(arena, MgScript);
    set_up_script(flags, content, file.up);
    file.digest = file.up->digest;
    file.path = file.up->path = mg_arena_format(arena, "migrations/%s%s", file.label,
                                                strchr(flags, '1') != NULL ? ".sql" : ".up.sql");
    *file.down = (MgScript){ .n_statements = 1, .is_transactional = true };
    file.down->path = mg_arena_format(arena, "migrations/%s.down.sql", file.label);
    snprintf(file.down->digest, sizeof file.down->digest, "down-%s%s", content,
             strchr(flags, 'D') != NULL ? "!" : "");
    file.down_digest = file.has_down ? file.down->digest : NULL;
    if (strpbrk(flags, "li") != NULL) {
        file.down->n_statements = 3;
        file.down->is_transactional = false;
        file.down->index_changes = strchr(flags, 'i') != NULL ? 7 : 0;
    }
    set_prefix(flags, "of-up", file.up);
    set_prefix(flags, "of-down", file.down);
    if (strchr(flags, 'd') != NULL) {
        file.down->is_mixed = true;
        file.down->refusing_label = "DROP INDEX CONCURRENTLY";
        file.down->refusing_line = 3;
    }
    return file;
}

static void
set_down(MgArena *arena, const char *flags, const char *content, MgApplied *row)
{
    row->down_digest = mg_arena_format(arena, "down-%s", content);
    if (strchr(flags, '-') != NULL)
        row->down_digest = NULL;
    if (strpbrk(flags, "hHU") == NULL)
        return;
    row->down_text = strchr(flags, 'U') != NULL ? "SELECT 'open" : stored_down;
    MgDigest *digest = mg_digest_begin();
    mg_digest_add(digest, row->down_text, strlen(row->down_text));
    char *hex = mg_arena_alloc(arena, MG_DIGEST_HEX_BYTES);
    mg_digest_end(digest, hex);
    if (strchr(flags, 'h') != NULL)
        row->down_digest = hex;
}

static MgApplied
make_row(MgArena *arena, int64_t id, const char *word, const char *flags)
{
    MgApplied row = { .id = id,
                      .n_statements = 1,
                      .n_statements_started = 1,
                      .n_statements_done = 1,
                      .applied_at_ms = INT64_C(1772461860000) + id * 60000,
                      .duration_us = 41000,
                      .applied_by = "app@desk" };
    split_label(arena, word, &row.version, &row.name);
    row.kind = row.version == NULL            ? MG_REPEATABLE
               : strpbrk(flags, "bw") != NULL ? MG_BASELINE
               : strchr(flags, 'a') != NULL   ? MG_ADOPTED
                                              : MG_VERSIONED;
    const char *content = content_of(arena, flags, row.version, row.name);
    row.digest = mg_arena_format(arena, "%s-up-digest", content);
    row.token_digest = mg_arena_format(arena, "tokens-%s", content);
    set_down(arena, flags, content, &row);
    if (row.kind == MG_BASELINE)
        row.down_digest = NULL;
    if (strpbrk(flags, "bN") != NULL)
        row.digest = row.token_digest = NULL;
    if (strchr(flags, 't') != NULL)
        row.token_digest = NULL;
    row.is_stale = strchr(flags, 'S') != NULL;
    if (strchr(flags, 'c') != NULL)
        row.commit = "9b1c7de";
    if (strchr(flags, 'z') != NULL) {
        row.applied_at_ms = 0;
        row.name = "";
    }
    if (strchr(flags, 'y') != NULL) {
        row.applied_by = NULL;
        row.name = NULL;
    }
    const char *partial = strchr(flags, 'p');
    if (partial != NULL) {
        row.n_statements = 3;
        row.n_statements_done = partial[1] - '0';
        row.n_statements_started = partial[2] - '0';
        row.prefix_digest = "of-up";
    }
    if (strchr(flags, 'e') != NULL)
        row.n_statements = row.n_statements_started = row.n_statements_done = 0;
    const char *down = strchr(flags, 'r');
    if (down != NULL)
        row.down = (MgProgress){ .n_statements = 3,
                                 .n_done = down[1] - '0',
                                 .n_started = down[2] - '0',
                                 .prefix_digest = "of-down" };
    return row;
}

static void
read_goal(MgArena *arena, const char *text, MgGoal *goal, MgPlanInput *input, MgHistory *history)
{
    const char *flags;
    for (const char *word; (word = next_word(arena, &text, &flags)) != NULL;) {
        if (strcmp(word, "down") == 0)
            goal->kind = MG_GOAL_DOWN;
        else if (strcmp(word, "redo") == 0)
            goal->kind = MG_GOAL_REDO;
        else if (strcmp(word, "baseline") == 0)
            goal->kind = MG_GOAL_BASELINE;
        else if (strncmp(word, "to:", 3) == 0)
            goal->to = word + 3;
        else if (strcmp(word, "late") == 0)
            goal->is_late_allowed = true;
        else if (strcmp(word, "guarded") == 0)
            input->is_guarded = true;
        else if (strcmp(word, "strict") == 0)
            goal->is_strict = true;
        else if (strcmp(word, "local") == 0)
            input->is_local = true;
        else if (strcmp(word, "tables") == 0)
            *history = (MgHistory){ .exists = false, .is_database_empty = false };
        else if (strcmp(word, "fresh") == 0)
            *history = (MgHistory){ .exists = false, .is_database_empty = true };
        else if (strcmp(word, "allowed") == 0)
            goal->is_not_empty_allowed = true;
        else if (strcmp(word, "stored") == 0)
            goal->is_from_history_allowed = true;
        else if (strcmp(word, "named") == 0)
            input->history_name = "app.\"Schema\"";
        else if (strcmp(word, "up") != 0)
            goal->count = word[0] - '0';
    }
}

static MgPlanInput
make_input(MgArena *arena, const Case *row)
{
    MgSource *source = MG_NEW_IN(arena, MgSource);
    MgHistory *history = MG_NEW_IN(arena, MgHistory);
    MgGoal *goal = MG_NEW_IN(arena, MgGoal);
    const char *flags, *word;
    for (const char *text = row->files; (word = next_word(arena, &text, &flags)) != NULL;)
        MG_PUSH(arena, source, make_file(arena, word, flags));
    history->exists = true;
    for (const char *text = row->rows; (word = next_word(arena, &text, &flags)) != NULL;) {
        MgApplied applied = make_row(arena, (int64_t)history->n + 1, word, flags);
        MG_PUSH(arena, history, applied);
    }
    MgPlanInput input = { .goal = goal, .source = source, .history = history };
    read_goal(arena, row->wish, goal, &input, history);
    return input;
}

static inline void
build(MgArena *arena, const Case *row, MgPlan *ret)
{
    MgPlanInput input = make_input(arena, row);
    mg_plan_build(&input, arena, ret);
}

/* ---- From plan to words ---------------------------------------------------- */

static void
write_entries(const MgPlan *plan, MgBuf *buf)
{
    for (size_t i = 0; i < plan->n_entries; i++) {
        const MgEntry *entry = &plan->entries[i];
        mg_buf_format(buf, "%s%s %s", i == 0 ? "" : ", ",
                      entry->version != NULL ? entry->version : entry->label,
                      mg_state_name(entry->state));
        for (size_t j = 0; j < entry->n_notes; j++)
            mg_buf_format(buf, " (%s)", entry->notes[j]);
    }
}

static void
write_steps(const MgPlan *plan, MgBuf *buf)
{
    for (size_t i = 0; i < plan->n_steps && plan->n_refusals == 0; i++) {
        const MgStep *step = &plan->steps[i];
        mg_buf_format(buf, "; %s %s", step->direction == MG_UP ? "up" : "down",
                      step->entry->version != NULL ? step->entry->version : step->entry->label);
        if (step->row_id != 0)
            mg_buf_format(buf, " row %" PRId64, step->row_id);
        if (step->resume_at != 0)
            mg_buf_format(buf, " at %d of %d", step->resume_at, step->n_statements);
        if (step->is_from_history)
            mg_buf_add(buf, " stored");
        if (step->is_transactional == (strncmp(step->how, "no ", 3) == 0))
            mg_buf_add(buf, " HOW AND MODE DIFFER");
        if ((step->migration != NULL) != (step->entry->file != NULL))
            mg_buf_add(buf, " WRONG MIGRATION");
        if (strcmp(step->how, "one transaction") != 0)
            mg_buf_format(buf, " [%s]", step->how);
    }
}

static inline const char *
show(MgArena *arena, const Case *row)
{
    MG_CLEANUP(buf) MgBuf buf = { 0 };
    MgPlan plan;
    build(arena, row, &plan);
    write_entries(&plan, &buf);
    write_steps(&plan, &buf);
    for (size_t i = 0; i < plan.n_refusals; i++)
        mg_buf_format(&buf, "; refuse %s: %s", mg_error_slug(plan.refusals[i].code),
                      plan.refusals[i].message);
    for (size_t i = 0; i < plan.n_warnings; i++)
        mg_buf_format(&buf, "; warning: %s", plan.warnings[i]);
    for (size_t i = 0; i < plan.n_notes; i++)
        mg_buf_format(&buf, "; note: %s", plan.notes[i]);
    return mg_arena_text(arena, mg_buf_text(&buf));
}

#endif
