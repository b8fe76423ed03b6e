/*
 * The plan, from compact words to compact words, and its texts in full.
 *
 * Files: "1 2_name/flags R__view".  Without a name a version is called "m".
 *   =K content K (else the version or name), ! edited, ~ edited cosmetically,
 *   - no down script, D another down script, d mixed down script, x CREATE INDEX
 *   CONCURRENTLY alone, X two of them, k the same alone and marked, M marked
 *   with three statements, v VACUUM alone, m mixed, 1 one file for both directions,
 *   e without statements, n the same on purpose, E a down script without statements,
 *   q takes a table away, Q three things, s the same as q on purpose
 * Rows, in the order they were applied (ids 1, 2, ...): the same words, with
 *   =K content, - no down script, b baseline of all up to it, w of one file, a adopted, pNM
 * partial: N done, M started of 3, rNM the same of its down script, h stored down script, H
 * altered, U not readable, N without digest, t no token digest, c commit known, z neither time nor
 * name known, y no author Goal: "up", "down", "redo", "baseline", a count, "to:V", and words for
 * what is allowed.
 */
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
    set_up_script(flags, content, &file.up);
    file.up.path = mg_arena_format(arena, "migrations/%s%s", file.label,
                                   strchr(flags, '1') != NULL ? ".sql" : ".up.sql");
    file.down = (MgScript){ .n_statements = 1, .is_transactional = true };
    file.down.path = mg_arena_format(arena, "migrations/%s.down.sql", file.label);
    snprintf(file.down.digest, sizeof file.down.digest, "down-%s%s", content,
             strchr(flags, 'D') != NULL ? "!" : "");
    if (strpbrk(flags, "li") != NULL) {
        file.down.n_statements = 3;
        file.down.is_transactional = false;
        file.down.index_changes = strchr(flags, 'i') != NULL ? 7 : 0;
    }
    if (strchr(flags, 'd') != NULL) {
        file.down.is_mixed = true;
        file.down.refusing_label = "DROP INDEX CONCURRENTLY";
        file.down.refusing_line = 3;
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
    }
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

static void
build(MgArena *arena, const Case *row, MgPlan *ret)
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

static const char *
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

/* ---- Cases ------------------------------------------------------------------ */

static void
test_plan__finds_states(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "nothing at all", "", "", "up", "" },
        { "pending", "1 2", "1", "up", "1 applied, 2 pending; up 2" },
        { "by number", "009/=a 10/=b", "9/=a 010/=b", "up", "009 applied, 10 applied" },
        { "two rows of one version", "009", "9 009", "up",
          "009 applied, 9 missing; warning: 9_m is applied and has no file; it stays applied" },
        { "cosmetic edit", "1/~", "1", "up", "1 applied (cosmetic-edit)" },
        { "drift", "1/!", "1", "up",
          "1 drifted; refuse drift: migration \"1_m\" was edited after it was applied" },
        { "drift without token digest", "1/~", "1/t", "up",
          "1 drifted; refuse drift: migration \"1_m\" was edited after it was applied" },
        { "a row without digest never drifts", "1/!", "1/aN", "up", "1 applied" },
        { "an adopted row drifts", "1/!", "1/a", "up",
          "1 drifted; refuse drift: migration \"1_m\" was edited after it was applied" },
        { "no down", "1/- 2/-", "1/-", "up",
          "1 applied (no-down), 2 pending (no-down); up 2 [one transaction, no down script]" },
        { "down changed", "1/D", "1", "up", "1 applied (down-changed)" },
        { "down added", "1", "1/-", "up", "1 applied (down-changed)" },
        { "down taken away, still stored", "1/-", "1", "up", "1 applied (down-changed)" },
        { "no down of an adopted one", "1", "1/a-", "up", "1 applied" },
    };
    CHECK(cases, show);
}

static void
test_plan__recognises_renamed_files(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "another name", "1_new", "1_old", "up", "1 applied (renamed)" },
        { "another version", "1 5/=B", "1 2/=B", "up", "1 applied, 5 applied (renamed)" },
        { "down to lower version", "1/=B 2", "2 3/=B", "up", "1 applied (renamed), 2 applied" },
        { "another digest is another migration", "1 5/=C", "1 2/=B", "up",
          "1 applied, 2 missing, 5 pending; up 5; warning: 2_m is applied and has no file; it"
          " stays applied" },
        { "one row for one of two files", "4/=B 5/=B", "2/=B", "up",
          "4 applied (renamed), 5 pending; up 5" },
        { "one file for one of two rows", "4/=B", "1/=B 2/=B", "up",
          "2 missing, 4 applied (renamed); warning: 2_m is applied and has no file; it stays"
          " applied" },
        { "two and two, in order", "4/=B 5/=B 6/=A", "1/=B 2/=A 3/=B", "up",
          "4 applied (renamed), 5 applied (renamed), 6 applied (renamed)" },
        { "a drifted one is not up for it", "1/=B 2", "1/=C 2", "up",
          "1 drifted (down-changed), 2 applied; refuse drift: migration \"1_m\" was edited after "
          "it was applied" },
        { "a half-run one is not", "5/=B", "2/=Bp11", "up",
          "2 partial, 5 pending; refuse partial: migration \"2_m\" stopped half-way, and its file"
          " is not here" },
        { "down of a renamed one", "5/=B", "2/=B", "down", "5 applied (renamed); down 5 row 1" },
    };
    CHECK(cases, show);
}

static void
test_plan__knows_missing_and_ahead(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "missing", "1 3", "1 2 3", "up",
          "1 applied, 2 missing, 3 applied; warning: 2_m is applied and has no file; it stays"
          " applied" },
        { "ahead", "1", "1 2 3", "up",
          "1 applied, 2 ahead, 3 ahead; warning: 2_m, 3_m are applied and newer than every file;"
          " they stay applied" },
        { "no file at all", "", "1", "up",
          "1 ahead; warning: 1_m is applied and newer than every file; it stays applied" },
        { "many", "9", "1 2 3 4 5 9", "up",
          "1 missing, 2 missing, 3 missing, 4 missing, 5 missing, 9 applied; warning: 1_m, 2_m,"
          " 3_m and 2 more are applied and have no files; they stay applied" },
        { "one of each, strict", "2", "1 2 3", "up strict",
          "1 missing, 2 applied, 3 ahead; refuse missing: applied migration \"1_m\" has no file;"
          " refuse missing: applied migration \"3_m\" is newer than every file" },
        { "a repeatable is never ahead", "1", "1 R__view", "up",
          "1 applied, R__view missing; warning: R__view is applied and has no file; it stays"
          " applied" },
        { "ahead makes what is pending late", "1 2", "1 3", "up",
          "1 applied, 2 late, 3 ahead; refuse late: migration \"2_m\" is older than the newest"
          " applied one; warning: 3_m is applied and newer than every file; it stays applied" },
        { "strict is not for down", "1", "1 2", "down to:1 strict stored",
          "1 applied, 2 ahead; refuse no-down: migration \"2_m\" has no down script" },
    };
    CHECK(cases, show);
}

static void
test_plan__refuses_late(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "late", "1 2 3", "1 3", "up",
          "1 applied, 2 late, 3 applied; refuse late: migration \"2_m\" is older than the newest"
          " applied one" },
        { "allowed", "1 2 3", "1 3", "up late", "1 applied, 2 late, 3 applied; up 2" },
        { "local", "1 2 3", "1 3", "up local",
          "1 applied, 2 late, 3 applied; up 2; note: 2_m is older than the newest applied one; a"
          " local database takes it late" },
        { "local and allowed", "1 2 3", "1 3", "up local late",
          "1 applied, 2 late, 3 applied; up 2" },
        { "below a drifted head", "1 2/!", "2", "up late",
          "1 late, 2 drifted; refuse drift: migration \"2_m\" was edited after it was applied" },
        { "not in the way of what is asked", "1 2 3 4 5", "1 4", "up 0 to:1",
          "1 applied, 2 late, 3 late, 4 applied, 5 pending; note: 1_m is applied already" },
        { "only those that are asked", "1 2 3 4 5", "1 4", "up to:2",
          "1 applied, 2 late, 3 late, 4 applied, 5 pending; refuse late: migration \"2_m\" is older"
          " than the newest applied one" },
        { "all of a state are told up to eight", "1 2 3 4 5 6 7 8 9 10 11", "11", "up",
          "1 late, 2 late, 3 late, 4 late, 5 late, 6 late, 7 late, 8 late, 9 late, 10 late,"
          " 11 applied"
          "; refuse late: migration \"1_m\" is older than the newest applied one"
          "; refuse late: migration \"2_m\" is older than the newest applied one"
          "; refuse late: migration \"3_m\" is older than the newest applied one"
          "; refuse late: migration \"4_m\" is older than the newest applied one"
          "; refuse late: migration \"5_m\" is older than the newest applied one"
          "; refuse late: migration \"6_m\" is older than the newest applied one"
          "; refuse late: migration \"7_m\" is older than the newest applied one"
          "; refuse late: migration \"8_m\" is older than the newest applied one"
          "; note: 2 more refusals are not shown" },
        { "the worst first", "1/! 2 3 4/m", "1 3", "up",
          "1 drifted, 2 late, 3 applied, 4 pending"
          "; refuse drift: migration \"1_m\" was edited after it was applied"
          "; refuse late: migration \"2_m\" is older than the newest applied one"
          "; refuse mixed: CREATE INDEX CONCURRENTLY cannot run in one transaction with"
          " other statements" },
    };
    CHECK(cases, show);
}

static void
test_plan__counts_and_stops(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "one", "1 2 3", "1", "up 1", "1 applied, 2 pending, 3 pending; up 2" },
        { "more than there are", "1 2 3", "1", "up 9",
          "1 applied, 2 pending, 3 pending; up 2; up 3" },
        { "to, inclusive", "1 2 3", "", "up to:2", "1 pending, 2 pending, 3 pending; up 1; up 2" },
        { "to and a count", "1 2 3", "", "up 1 to:2", "1 pending, 2 pending, 3 pending; up 1" },
        { "to an applied one", "1 2 3", "1 2", "up to:2",
          "1 applied, 2 applied, 3 pending; note: 2_m is applied already" },
        { "to an applied one refuses drift", "1/! 2", "1", "up to:1",
          "1 drifted, 2 pending; refuse drift: migration \"1_m\" was edited after it was applied;"
          " note: 1_m is applied already" },
        { "to an unknown one", "1 2 3", "1", "up to:7",
          "1 applied, 2 pending, 3 pending; refuse unknown-version: no migration has version"
          " \"7\"" },
    };
    CHECK(cases, show);
}

static void
test_plan__runs_repeatables(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "new", "1 R__a R__b", "1 R__a", "up", "1 applied, R__a applied, R__b pending; up R__b" },
        { "applied first", "1 R__a", "R__a 1", "up", "1 applied, R__a applied" },
        { "only they have files", "R__a", "1/b R__a", "up", "1 applied, R__a applied" },
        { "only they were applied", "1", "R__a", "up",
          "1 pending, R__a missing; up 1; warning: R__a is applied and has no file; it stays"
          " applied" },
        { "changed", "1 R__a/!", "1 R__a", "up", "1 applied, R__a changed; up R__a" },
        { "cosmetic edit", "R__a/~", "R__a", "up", "R__a applied (cosmetic-edit)" },
        { "changed without token digest", "R__a/~", "R__a/t", "up", "R__a changed; up R__a" },
        { "no down is nothing to tell", "R__a/-", "", "up", "R__a pending; up R__a" },
        { "behind the versioned ones", "1 2 R__a", "", "up",
          "1 pending, 2 pending, R__a pending; up 1; up 2; up R__a" },
        { "not before all of them", "1 2 R__a", "", "up 1",
          "1 pending, 2 pending, R__a pending; up 1" },
        { "nor at a stop", "1 2 R__a", "", "up to:1", "1 pending, 2 pending, R__a pending; up 1" },
        { "when the count suffices", "1 2 R__a", "1", "up 1",
          "1 applied, 2 pending, R__a pending; up 2; up R__a" },
        { "half-way: again from the start", "R__a/M", "R__a/p12", "up",
          "R__a partial; up R__a [no transaction: CREATE INDEX CONCURRENTLY]" },
    };
    CHECK(cases, show);
}

static void
test_plan__resumes_partial(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "behind the last finished one", "1 2/M", "1 2/p22", "up",
          "1 applied, 2 partial; up 2 row 2 at 2 of 3 [no transaction: CREATE INDEX CONCURRENTLY,"
          " from statement 3 on]" },
        { "before anything ran", "1/M", "1/p00", "up",
          "1 partial; up 1 row 1 [no transaction: CREATE INDEX CONCURRENTLY]" },
        { "first, whatever its version", "1 2/M", "2/p11", "up",
          "1 pending, 2 partial; up 2 row 1 at 1 of 3 [no transaction: CREATE INDEX CONCURRENTLY,"
          " from statement 2 on]; up 1" },
        { "it counts", "1 2/M", "2/p11", "up 1",
          "1 pending, 2 partial; up 2 row 1 at 1 of 3 [no transaction: CREATE INDEX CONCURRENTLY,"
          " from statement 2 on]" },
        { "not above the stop", "1 2/M", "2/p11", "up to:1", "1 pending, 2 partial; up 1" },
        { "to it", "1/M 2", "1/p11", "up to:1",
          "1 partial, 2 pending; up 1 row 1 at 1 of 3 [no transaction: CREATE INDEX CONCURRENTLY,"
          " from statement 2 on]" },
        { "it is no head", "1 2/M", "2/p11", "up 2",
          "1 pending, 2 partial; up 2 row 1 at 1 of 3 [no transaction: CREATE INDEX CONCURRENTLY,"
          " from statement 2 on]; up 1" },
        { "never in a transaction", "1/", "1/p00", "up", "1 partial; up 1 row 1 [no transaction]" },
        { "fate unknown", "1/M", "1/p12", "up",
          "1 partial; refuse partial: statement 2 of migration \"1_m\" was started and may have"
          " finished" },
        { "fate unknown of the last", "1/M", "1/p23", "up",
          "1 partial; refuse partial: statement 3 of migration \"1_m\" was started and may have"
          " finished" },
        { "started behind the last that was known", "1/M", "1/p34", "up",
          "1 partial; refuse partial: statement 4 of migration \"1_m\" was started and may have"
          " finished" },
        { "fate unknown without a label", "1", "1/p01", "up",
          "1 partial; refuse partial: statement 1 of migration \"1_m\" was started and may have"
          " finished" },
        { "fate of an index build", "1/x", "1/p01", "up",
          "1 partial; up 1 row 1 [no transaction: CREATE INDEX CONCURRENTLY]" },
        { "of several index builds", "1/X", "1/p12", "up",
          "1 partial; up 1 row 1 at 1 of 3 [no transaction: CREATE INDEX CONCURRENTLY, from"
          " statement 2 on]" },
        { "of a marked index build", "1/k", "1/p01", "up",
          "1 partial; up 1 row 1 [no transaction: CREATE INDEX CONCURRENTLY]" },
        { "of a VACUUM", "1/v", "1/p01", "up",
          "1 partial; refuse partial: statement 1 of migration \"1_m\" was started and may have"
          " finished" },
        { "of a mixed file", "1/m", "1/p01", "up",
          "1 partial; refuse partial: statement 1 of migration \"1_m\" was started and may have"
          " finished" },
        { "fewer statements than are done", "1/x", "1/p22", "up",
          "1 partial; refuse partial: half-run migration \"1_m\" lost statements that are done"
          " already" },
        { "no file", "1", "1 2/p11", "up",
          "1 applied, 2 partial; refuse partial: migration \"2_m\" stopped half-way, and its file"
          " is not here" },
        { "down", "1/M", "1/p11", "down",
          "1 partial; refuse partial: migration \"1_m\" stopped half-way and cannot be reverted" },
    };
    CHECK(cases, show);
}

/* A down script that stopped half-way. */
static void
test_plan__resumes_down(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "in doubt", "1 2/l", "1 2/r12", "down",
          "1 applied, 2 partial (half-reverted); refuse partial: statement 2 of the down script of "
          "migration \"2_m\" was started and may have finished" },
        { "goes on where it stopped", "1 2/l", "1 2/r22", "down",
          "1 applied, 2 partial (half-reverted); down 2 row 2 at 2 of 3 [no transaction, from "
          "statement 3 on]" },
        { "an index may be dropped again", "1 2/i", "1 2/r12", "down",
          "1 applied, 2 partial (half-reverted); down 2 row 2 at 1 of 3 [no transaction, from "
          "statement 2 on]" },
        { "also when no longer marked", "1 2", "1 2/r11", "down",
          "1 applied, 2 partial (half-reverted); down 2 row 2 at 1 of 1 [no transaction, from "
          "statement 2 on]" },
        { "it comes before what is newer", "1 2/l 3", "1 2/r11 3", "down",
          "1 applied, 2 partial (half-reverted), 3 applied; down 2 row 2 at 1 of 3 [no "
          "transaction, from statement 2 on]" },
        { "and then the others", "1 2/l 3", "1 2/r11 3", "down 2",
          "1 applied, 2 partial (half-reverted), 3 applied; down 2 row 2 at 1 of 3 [no "
          "transaction, from statement 2 on]; down 3 row 3" },
        { "all of it is done", "1 2/l", "1 2/r33", "down",
          "1 applied, 2 partial (half-reverted); down 2 row 2 at 3 of 3 [no transaction, from "
          "statement 4 on]" },
        { "it is shorter", "1 2", "1 2/r22", "down",
          "1 applied, 2 partial (half-reverted); refuse partial: half-run down script of migration "
          "\"2_m\" lost statements that are done already" },
        { "the stored one", "1", "1 2/hr11", "down stored",
          "1 applied, 2 partial (half-reverted); down 2 row 2 at 1 of 1 stored [no transaction, "
          "from statement 2 on, stored down script]" },
        { "nothing goes up", "1 2/l 3", "1 2/r11", "up",
          "1 applied, 2 partial (half-reverted), 3 pending; refuse partial: the down script of "
          "migration \"2_m\" stopped half-way" },
        { "nor with its file gone", "1 3", "1 2/r11", "up",
          "1 applied, 2 partial (half-reverted), 3 pending; refuse partial: the down script of "
          "migration \"2_m\" stopped half-way" },
        { "redo", "1 2/l", "1 2/r11", "redo",
          "1 applied, 2 partial (half-reverted); down 2 row 2 at 1 of 3 [no transaction, from "
          "statement 2 on]; up 2" },
        { "below what is reverted", "1 2/l", "1 2/r11", "down to:2",
          "1 applied, 2 partial (half-reverted); refuse partial: the down script of migration "
          "\"2_m\" stopped half-way" },
    };
    CHECK(cases, show);
}

static void
test_plan__refuses_empty(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "an untouched template", "1 2/e", "1", "up",
          "1 applied, 2 pending; refuse file: migration \"2_m\" has no statements yet" },
        { "late", "1/e 2", "2", "up late",
          "1 late, 2 applied; refuse file: migration \"1_m\" has no statements yet" },
        { "marked", "1/ek", "", "up",
          "1 pending; refuse file: migration \"1_m\" has no statements yet" },
        { "not when it is left out", "1 2/e", "", "up 1", "1 pending, 2 pending; up 1" },
        { "not when it is applied", "1/e 2", "1", "up", "1 applied, 2 pending; up 2" },
        { "not on purpose", "1/n", "", "up", "1 pending; up 1" },
        { "not a repeatable", "R__a/e", "", "up", "R__a pending; up R__a" },
        { "not its way back", "1/e", "1", "down", "1 applied; down 1 row 1" },
    };
    CHECK(cases, show);
}

static void
test_plan__refuses_mixed(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "up", "1/m", "", "up",
          "1 pending; refuse mixed: CREATE INDEX CONCURRENTLY cannot run in one transaction with"
          " other statements" },
        { "not when it is left out", "1 2/m", "", "up 1", "1 pending, 2 pending; up 1" },
        { "not when it is applied", "1/m 2", "1", "up", "1 applied, 2 pending; up 2" },
        { "down", "1/d", "1", "down",
          "1 applied; refuse mixed: DROP INDEX CONCURRENTLY cannot run in one transaction with"
          " other statements" },
        { "alone it may", "1/x", "", "up",
          "1 pending; up 1 [no transaction: CREATE INDEX CONCURRENTLY]" },
        { "marked it may", "1/M-", "", "up",
          "1 pending (no-down); up 1 [no transaction: CREATE INDEX CONCURRENTLY, no down script]" },
    };
    CHECK(cases, show);
}

static void
test_plan__refuses_tables_without_history(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "tables", "1", "", "up tables",
          "1 pending; refuse not-empty: the database has tables, but no history of migrations" },
        { "allowed", "1", "", "up tables allowed", "1 pending; up 1" },
        { "an empty database", "1", "", "up fresh", "1 pending; up 1" },
        { "nothing to do", "", "", "up tables", "" },
        { "an empty history", "1", "", "up", "1 pending; up 1" },
    };
    CHECK(cases, show);
}

static void
test_plan__guards_what_is_in_use(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "not guarded", "1 2/q", "1", "up", "1 applied, 2 pending; up 2" },
        { "guarded", "1 2/q", "1", "up guarded",
          "1 applied, 2 pending; refuse destructive: migration \"2_m\" takes away what production"
          " may still use: DROP TABLE" },
        { "on purpose", "1 2/s", "1", "up guarded", "1 applied, 2 pending; up 2" },
        { "applied already", "1 2/q 3", "1 2", "up guarded",
          "1 applied, 2 applied, 3 pending; up 3" },
        { "beyond what is asked for", "1 2 3/q", "1", "up 1 guarded",
          "1 applied, 2 pending, 3 pending; up 2" },
        { "a repeatable", "1 R__v/q", "1", "up guarded",
          "1 applied, R__v pending; refuse destructive: migration \"R__v\" takes away what"
          " production may still use: DROP TABLE" },
        { "a new database", "1 2/q", "", "up fresh guarded", "1 pending, 2 pending; up 1; up 2" },
        { "a history without migrations", "1/q", "", "up guarded", "1 pending; up 1" },
        { "tables of others", "1/q", "", "up tables allowed guarded",
          "1 pending; refuse destructive: migration \"1_m\" takes away what production may still"
          " use: DROP TABLE" },
        { "recorded, not run", "1 2/q", "1", "baseline to:2 guarded",
          "1 applied, 2 pending; up 2 [recorded, not run]" },
        { "way back", "1 2/q", "1 2", "down guarded", "1 applied, 2 applied; down 2 row 2" },
    };
    CHECK(cases, show);
}

static void
test_plan__starts_behind_baseline(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "files up to it", "1 2 3", "2_baseline/b", "up",
          "1 applied (baseline), 2 applied, 3 pending; up 3" },
        { "without a file of its own", "1 3", "2/b", "up",
          "1 applied (baseline), 2 applied, 3 pending; up 3" },
        { "the newest one counts", "1 2 3 4", "1/b 3/b", "up",
          "1 applied, 2 applied (baseline), 3 applied, 4 pending; up 4" },
        { "rows below it", "1/! 2", "1 2/b", "up",
          "1 drifted, 2 applied; refuse drift: migration \"1_m\" was edited after it was applied" },
        { "repeatables are not in it", "1 R__a", "1/b", "up", "1 applied, R__a pending; up R__a" },
        { "down to it", "1 2 3", "2/b 3", "down to:2",
          "1 applied (baseline), 2 applied, 3 applied; down 3 row 2" },
        { "down into it", "1 2 3", "2/b 3", "down to:1",
          "1 applied (baseline), 2 applied, 3 applied; refuse no-down: baseline \"2_m\" cannot be"
          " reverted" },
        { "down of it", "1 2 3", "2/b 3", "down 2",
          "1 applied (baseline), 2 applied, 3 applied; refuse no-down: baseline \"2_m\" cannot be"
          " reverted" },
        { "down of an adopted one", "1", "1/a", "down",
          "1 applied; refuse no-down: adopted migration \"1_m\" cannot be reverted" },
    };
    CHECK(cases, show);
}

static void
test_plan__reverts(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "the newest", "1 2", "1 2", "down", "1 applied, 2 applied; down 2 row 2" },
        { "the newest application", "1 2 3", "1 3 2", "down 2",
          "1 applied, 2 applied, 3 applied; down 2 row 3; down 3 row 2" },
        { "more than there are", "1 2", "1 2", "down 9",
          "1 applied, 2 applied; down 2 row 2; down 1 row 1" },
        { "to, exclusive", "1 2 3", "1 2 3", "down to:1",
          "1 applied, 2 applied, 3 applied; down 3 row 3; down 2 row 2" },
        { "to the newest", "1 2", "1 2", "down to:2", "1 applied, 2 applied" },
        { "to nothing", "1 2", "1 2", "down to:0",
          "1 applied, 2 applied; down 2 row 2; down 1 row 1" },
        { "to a migration 0", "0 1", "0 1", "down to:0", "0 applied, 1 applied; down 1 row 2" },
        { "to an unknown one", "1", "1", "down to:5",
          "1 applied; refuse unknown-version: no migration has version \"5\"" },
        { "to a pending one", "1 2", "1", "down to:2",
          "1 applied, 2 pending; refuse unknown-version: migration \"2_m\" is not applied" },
        { "repeatables stay", "1 R__a", "1 R__a", "down", "1 applied, R__a applied; down 1 row 1" },
        { "nothing applied", "1", "", "down", "1 pending" },
        { "late ones do not matter", "1 2 3", "1 3", "down",
          "1 applied, 2 late, 3 applied; down 3 row 2" },
        { "an edited file", "1/!", "1", "down",
          "1 drifted; down 1 row 1; warning: 1_m was edited after it was applied; its down script"
          " is run as it is now" },
        { "an edited down script", "1/D", "1", "down",
          "1 applied (down-changed); down 1 row 1; note: the down script of 1_m changed since it"
          " was applied; the file's is used" },
        { "other notes are no matter", "1_new", "1_old", "down",
          "1 applied (renamed); down 1 row 1" },
        { "no down script", "1/-", "1/-", "down",
          "1 applied (no-down); refuse no-down: migration \"1_m\" has no down script" },
    };
    CHECK(cases, show);
}

static void
test_plan__reverts_from_history(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "needs consent", "", "1/h", "down",
          "1 ahead; refuse from-history: the down script of migration \"1_m\" is only in the"
          " history" },
        { "with consent", "", "1/h", "down stored",
          "1 ahead; down 1 row 1 stored [one transaction, stored down script]" },
        { "file without down", "1/-", "1/h", "down stored",
          "1 applied (down-changed); down 1 row 1 stored [one transaction, stored down script]" },
        { "the file wins", "1", "1/h", "down stored",
          "1 applied (down-changed); down 1 row 1; note: the down script of 1_m changed since it"
          " was applied; the file's is used" },
        { "altered", "", "1/H", "down stored",
          "1 ahead; refuse history: the stored down script of migration \"1_m\" was altered" },
        { "without digest", "", "1/h-", "down stored",
          "1 ahead; down 1 row 1 stored [one transaction, stored down script]" },
        { "no digest at all", "", "1/H-", "down stored",
          "1 ahead; refuse history: the stored down script of migration \"1_m\" was altered" },
        { "nothing stored", "", "1", "down stored",
          "1 ahead; refuse no-down: migration \"1_m\" has no down script" },
    };
    CHECK(cases, show);
}

/* ---- Texts in full ------------------------------------------------------------ */

static const char *
show_refusal(const MgError *err, MgArena *arena)
{
    MG_CLEANUP(buf) MgBuf buf = { 0 };
    mg_buf_format(&buf, "%s (%s)\n", err->message, mg_error_slug(err->code));
    if (err->place[0] != '\0')
        mg_buf_format(&buf, "--> %s:%d\n", err->place, err->line);
    if (err->column != 0)
        mg_buf_format(&buf, "%d: %s\n", err->column, err->excerpt);
    if (err->detail[0] != '\0')
        mg_buf_format(&buf, "detail: %s\n", err->detail);
    for (size_t i = 0; i < MG_ERROR_MAX_HINTS && err->hint[i][0] != '\0'; i++)
        mg_buf_format(&buf, "hint: %s\n", err->hint[i]);
    mg_buf_format(&buf, "note: %s\n", err->note);
    return mg_arena_text(arena, mg_buf_text(&buf));
}

/* Down and up of the newest application, whatever its version. */
static void
test_plan__redoes(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "the newest", "1 2 3", "1 2", "redo",
          "1 applied, 2 applied, 3 pending; down 2 row 2; up 2" },
        { "the newest by time, not by version", "1 2", "2 1", "redo",
          "1 applied, 2 applied; down 1 row 2; up 1" },
        { "after an edit", "1 2/!", "1 2", "redo",
          "1 applied, 2 drifted; down 2 row 2; up 2; warning: 2_m was edited after it was applied;"
          " its down script is run as it is now" },
        { "an edit of another one is not in the way", "1/! 2", "1 2", "redo",
          "1 drifted, 2 applied; down 2 row 2; up 2" },
        { "nothing applied", "1", "", "redo", "1 pending" },
        { "without down", "1/-", "1/-", "redo",
          "1 applied (no-down); refuse no-down: migration \"1_m\" has no down script" },
        { "without file", "1", "1 2/h", "redo stored",
          "1 applied, 2 ahead; refuse missing: migration \"2_m\" has no file to apply it again"
          " from" },
        { "half-run", "1 2/X", "1 2/p11", "redo",
          "1 applied, 2 partial; refuse partial: migration \"2_m\" stopped half-way and cannot be"
          " reverted" },
        { "a baseline", "1", "1/w", "redo",
          "1 applied (baseline); refuse no-down: baseline \"1_m\" cannot be reverted" },
        { "edited to be mixed", "1/!m", "1", "redo",
          "1 drifted; refuse mixed: CREATE INDEX CONCURRENTLY cannot run in one transaction with"
          " other statements; warning: 1_m was edited after it was applied; its down script is run"
          " as it is now" },
        { "edited to be empty", "1/!e", "1", "redo",
          "1 drifted; refuse file: migration \"1_m\" has no statements yet; warning: 1_m was edited"
          " after it was applied; its down script is run as it is now" },
    };
    CHECK(cases, show);
}

/* One row a file: what comes late below a baseline is still seen. */
static void
test_plan__records_baselines(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "up to V", "1 2 3", "", "baseline to:2",
          "1 pending, 2 pending, 3 pending; up 1 [recorded, not run]; up 2 [recorded, not run]" },
        { "what is there stays", "1 2 3", "1", "baseline to:3_m",
          "1 applied, 2 pending, 3 pending; up 2 [recorded, not run]; up 3 [recorded, not run]" },
        { "what was left out", "1 2 3", "1 3", "baseline to:3",
          "1 applied, 2 late, 3 applied; up 2 [recorded, not run]" },
        { "below what is applied", "1 2 3", "1 3", "baseline to:2",
          "1 applied, 2 late, 3 applied; refuse history-begun: migration \"3_m\" is applied "
          "already, and"
          " newer than \"2_m\"" },
        { "all there", "1 2", "1 2", "baseline to:2",
          "1 applied, 2 applied; note: everything up to 2_m is in the history already" },
        { "unknown", "1", "", "baseline to:7",
          "1 pending; refuse unknown-version: no migration has version \"7\"" },
        { "an empty database", "1", "", "baseline to:1 fresh",
          "1 pending; up 1 [recorded, not run]; warning: this database has no tables, and"
          " a baseline makes none: is it the right one?" },
        { "a database with tables", "1", "", "baseline to:1 tables",
          "1 pending; up 1 [recorded, not run]" },
        { "repeatables run later", "1 R__v", "", "baseline to:1",
          "1 pending, R__v pending; up 1 [recorded, not run]" },
        { "late below it afterwards", "1 2 3", "1/w 3/w", "up",
          "1 applied (baseline), 2 late, 3 applied (baseline); refuse late: migration \"2_m\" is "
          "older than the newest"
          " applied one" },
        { "edited afterwards", "1/! 2", "1/w 2/w", "up",
          "1 drifted (baseline), 2 applied (baseline); refuse drift: migration \"1_m\" was edited "
          "after it was applied" },
    };
    CHECK(cases, show);
}

static void
test_plan__explains_refusals(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "drift", "1/! 2", "1", "up",
          "migration \"1_m\" was edited after it was applied (drift)\n"
          "--> migrations/1_m.up.sql:0\n"
          "detail: It was applied on 2026-03-02 14:32 UTC as 1-up-dig; now it is 1!-up-di.\n"
          "hint: Undo the edit, and make it a new migration: migrate new NAME\n"
          "hint: If the database already agrees with the file: migrate repair 1 --accept-file\n"
          "note: nothing was applied; 1 migration is pending\n" },
        { "drift, commit known", "1/!", "1/c", "up",
          "migration \"1_m\" was edited after it was applied (drift)\n"
          "--> migrations/1_m.up.sql:0\n"
          "detail: It was applied on 2026-03-02 14:32 UTC as 1-up-dig, commit 9b1c7de; now it is"
          " 1!-up-di.\n"
          "hint: See the edit, undo it, and make it a new migration:\n"
          "git diff 9b1c7de -- migrations/1_m.up.sql\n"
          "hint: If the database already agrees with the file: migrate repair 1 --accept-file\n"
          "note: nothing was applied; no migration is pending\n" },
        { "drift, time unknown", "1/! 2 3", "1/z", "up",
          "migration \"1_m\" was edited after it was applied (drift)\n"
          "--> migrations/1_m.up.sql:0\n"
          "detail: It was applied as 1-up-dig; now it is 1!-up-di.\n"
          "hint: Undo the edit, and make it a new migration: migrate new NAME\n"
          "hint: If the database already agrees with the file: migrate repair 1 --accept-file\n"
          "note: nothing was applied; 2 migrations are pending\n" },
        { "late", "1 2 3", "1 3", "up",
          "migration \"2_m\" is older than the newest applied one (late)\n"
          "--> migrations/2_m.up.sql:0\n"
          "detail: The database is at 3_m since 2026-03-02 14:33 UTC.\n"
          "hint: Put it at the end: migrate renumber 2\n"
          "hint: If it does not depend on the order, apply it as it is: migrate up --late\n"
          "note: nothing was applied; 1 migration is pending\n" },
        { "late, time unknown", "2", "3/z", "up",
          "migration \"2_m\" is older than the newest applied one (late)\n"
          "--> migrations/2_m.up.sql:0\n"
          "detail: The database is at 3.\n"
          "hint: Put it at the end: migrate renumber 2\n"
          "hint: If it does not depend on the order, apply it as it is: migrate up --late\n"
          "note: nothing was applied; 1 migration is pending\n" },
        { "missing", "2", "1/c 2", "up strict",
          "applied migration \"1_m\" has no file (missing)\n"
          "detail: It was applied on 2026-03-02 14:32 UTC by app@desk.\n"
          "hint: Bring its file back; commit 9b1c7de applied it.\n"
          "hint: Leave out --strict to go on with a warning.\n"
          "note: nothing was applied; no migration is pending\n" },
        { "missing, author unknown", "2", "1/y 2", "up strict",
          "applied migration \"1\" has no file (missing)\n"
          "hint: Bring its file back.\n"
          "hint: Leave out --strict to go on with a warning.\n"
          "note: nothing was applied; no migration is pending\n" },
        { "ahead", "", "1/z", "up strict",
          "applied migration \"1\" is newer than every file (missing)\n"
          "hint: Bring its file back.\n"
          "hint: Leave out --strict to go on with a warning.\n"
          "note: nothing was applied; no migration is pending\n" },
        { "mixed", "1/m", "", "up",
          "CREATE INDEX CONCURRENTLY cannot run in one transaction with other statements"
          " (mixed)\n"
          "--> migrations/1_m.up.sql:7\n"
          "5:  7 | its line\n"
          "detail: The other statements of the file would commit without it.\n"
          "hint: Put the CREATE INDEX CONCURRENTLY into a migration of its own: migrate new NAME"
          " --no-transaction\n"
          "hint: To run the whole file without a transaction, add this line to it:\n"
          "-- migrate:no-transaction\n"
          "note: nothing was applied; 1 migration is pending\n" },
        { "mixed down", "1/d", "1", "down",
          "DROP INDEX CONCURRENTLY cannot run in one transaction with other statements"
          " (mixed)\n"
          "--> migrations/1_m.down.sql:3\n"
          "detail: The other statements of the file would commit without it.\n"
          "hint: Put the DROP INDEX CONCURRENTLY into a migration of its own: migrate new NAME"
          " --no-transaction\n"
          "hint: To run the whole file without a transaction, add this line to it:\n"
          "-- migrate:no-transaction\n"
          "note: nothing was reverted\n" },
        { "not empty", "1", "", "up tables",
          "the database has tables, but no history of migrations (not-empty)\n"
          "detail: They were made by hand or by another tool, and the migrations may clash with"
          " them.\n"
          "hint: If it has the migrations up to a version V already, record them: migrate baseline"
          " V\n"
          "hint: Is this the right database? If so, start a history in it: migrate up"
          " --allow-not-empty\n"
          "note: nothing was applied; 1 migration is pending\n" },
        { "partial without file", "", "1/p11", "up",
          "migration \"1_m\" stopped half-way, and its file is not here (partial)\n"
          "detail: Done: 1 of 3 statements.\n"
          "hint: Bring its file back.\n"
          "note: nothing was applied; 1 migration is pending\n" },
        { "partial and shortened", "1/x", "1/p22", "up",
          "half-run migration \"1_m\" lost statements that are done already (partial)\n"
          "--> migrations/1_m.up.sql:0\n"
          "detail: Done: 2 of 3 statements. The file now has 1.\n"
          "hint: Bring the statements that are done back into the file, and change only those"
          " behind them.\n"
          "note: nothing was applied; 1 migration is pending\n" },
        { "partial and unknown", "1 2/M", "1 2/p12", "up",
          "statement 2 of migration \"2_m\" was started and may have finished (partial)\n"
          "--> migrations/2_m.up.sql:0\n"
          "detail: The run was cut off before it could record the outcome. Recorded as done: 1"
          " of 3 statements.\n"
          "hint: Look in the database whether statement 2 took effect. If it did, record that, and"
          " run \"migrate up\" again:\n"
          "migrate repair 2 --statement 2 done\n"
          "hint: If it did not, undo what it left behind, record that, and run \"migrate up\""
          " again:\n"
          "migrate repair 2 --statement 2 again\n"
          "note: nothing was applied; 1 migration is pending\n" },
        { "down of a partial one", "1/M", "1/p11", "down",
          "migration \"1_m\" stopped half-way and cannot be reverted (partial)\n"
          "--> migrations/1_m.up.sql:0\n"
          "detail: Done: 1 of 3 statements.\n"
          "hint: Finish it first: migrate up\n"
          "note: nothing was reverted\n" },
        { "up over a half-reverted one", "1/l", "1/r11", "up",
          "the down script of migration \"1_m\" stopped half-way (partial)\n"
          "--> migrations/1_m.down.sql:0\n"
          "detail: Done: 1 of 3 statements of it.\n"
          "hint: Revert it to its end, then run again: migrate down\n"
          "note: nothing was applied; 1 migration is pending\n" },
        { "half-reverted and shortened", "1", "1/r22", "down",
          "half-run down script of migration \"1_m\" lost statements that are done already "
          "(partial)\n"
          "--> migrations/1_m.down.sql:0\n"
          "detail: Done: 2 of 3 statements. It now has 1.\n"
          "hint: Bring the statements that are done back into the file, and change only those "
          "behind them.\n"
          "note: nothing was reverted\n" },
        { "half-reverted and unknown", "1/l", "1/r12", "down",
          "statement 2 of the down script of migration \"1_m\" was started and may have finished "
          "(partial)\n"
          "--> migrations/1_m.down.sql:0\n"
          "detail: The run was cut off before it could record the outcome. Recorded as done: 1 of "
          "3 statements.\n"
          "hint: Look in the database whether statement 2 took effect. If it did, record that, and "
          "run \"migrate down\" again:\n"
          "migrate repair 1 --statement 2 done\n"
          "hint: If it did not, undo what it left behind, record that, and run \"migrate down\" "
          "again:\n"
          "migrate repair 1 --statement 2 again\n"
          "note: nothing was reverted\n" },
        { "unknown, near ones", "20260301 20260302 20260303 20260304", "", "up to:2026030",
          "no migration has version \"2026030\" (unknown-version)\n"
          "hint: Did you mean 20260301_m, 20260302_m or 20260303_m?\n"
          "hint: List all migrations: migrate status\n"
          "note: nothing was applied; 4 migrations are pending\n" },
        { "unknown, a name", "1_add_orders 2_add_totals R__orders", "", "up to:totals",
          "no migration has version \"totals\" (unknown-version)\n"
          "hint: Did you mean 2_add_totals?\n"
          "hint: List all migrations: migrate status\n"
          "note: nothing was applied; 3 migrations are pending\n" },
        { "unknown, a slip", "2_b 20260301_a 20260399_z", "", "up to:20260310",
          "no migration has version \"20260310\" (unknown-version)\n"
          "hint: Did you mean 20260301_a or 20260399_z?\n"
          "hint: List all migrations: migrate status\n"
          "note: nothing was applied; 3 migrations are pending\n" },
        { "unknown, nothing near", "1", "", "down to:777",
          "no migration has version \"777\" (unknown-version)\n"
          "hint: List all migrations: migrate status\n"
          "note: nothing was reverted\n" },
        { "not applied", "1", "", "down to:1",
          "migration \"1_m\" is not applied (unknown-version)\n"
          "--> migrations/1_m.up.sql:0\n"
          "hint: Name an applied one; list them: migrate status\n"
          "note: nothing was reverted\n" },
        { "baseline", "", "2/b", "down",
          "baseline \"2_m\" cannot be reverted (no-down)\n"
          "detail: It was recorded in the history and not run by migrate.\n"
          "hint: Revert only what was applied after it: migrate down --to 2\n"
          "note: nothing was reverted\n" },
        { "no down, two files", "1/-", "1/-", "down",
          "migration \"1_m\" has no down script (no-down)\n"
          "--> migrations/1_m.up.sql:0\n"
          "hint: Write one: migrations/1_m.down.sql\n"
          "hint: If reverting it needs no statement, let that script say \"-- migrate:down"
          " nothing\".\n"
          "note: nothing was reverted\n" },
        { "an empty down script", "1/E", "1/-", "down",
          "the down script of migration \"1_m\" has no statements (no-down)\n"
          "--> migrations/1_m.down.sql:0\n"
          "hint: Write SQL into it: migrations/1_m.down.sql\n"
          "hint: If reverting it needs no statement, let that script say \"-- migrate:down"
          " nothing\".\n"
          "note: nothing was reverted\n" },
        { "no statements yet", "1/e", "", "up",
          "migration \"1_m\" has no statements yet (file)\n"
          "--> migrations/1_m.up.sql:0\n"
          "hint: Write SQL into it: migrations/1_m.up.sql\n"
          "hint: If it is to do nothing, let it say \"-- migrate:up nothing\".\n"
          "note: nothing was applied; 1 migration is pending\n" },
        { "destructive", "1 2/q", "1", "up guarded",
          "migration \"2_m\" takes away what production may still use: DROP TABLE (destructive)\n"
          "--> migrations/2_m.up.sql:3\n"
          "2:  3 | its line\n"
          "hint: Take it away in a later deployment, when no code that runs uses it any more.\n"
          "hint: If that is so, let the file say it, with this line:\n"
          "-- migrate:destructive\n"
          "note: nothing was applied; 1 migration is pending\n" },
        { "more of them", "1 2/Q", "1", "up guarded",
          "migration \"2_m\" takes away what production may still use: DROP TABLE (destructive)\n"
          "--> migrations/2_m.up.sql:3\n"
          "2:  3 | its line\n"
          "detail: So do 2 more of its statements.\n"
          "hint: Take it away in a later deployment, when no code that runs uses it any more.\n"
          "hint: If that is so, let the file say it, with this line:\n"
          "-- migrate:destructive\n"
          "note: nothing was applied; 1 migration is pending\n" },
        { "no down, one file", "1/-1", "1/-", "down",
          "migration \"1_m\" has no down script (no-down)\n"
          "--> migrations/1_m.sql:0\n"
          "hint: Write one, below a line \"-- migrate:down\" in this file.\n"
          "hint: If reverting it needs no statement, let that script say \"-- migrate:down"
          " nothing\".\n"
          "note: nothing was reverted\n" },
        { "no down, no file", "", "1/c-", "down",
          "migration \"1_m\" has no down script (no-down)\n"
          "detail: It has no file here, and none was stored when it was applied.\n"
          "hint: Bring its file back; commit 9b1c7de applied it.\n"
          "note: nothing was reverted\n" },
        { "from history", "", "1/h", "down",
          "the down script of migration \"1_m\" is only in the history (from-history)\n"
          "detail: It was applied on 2026-03-02 14:32 UTC. This is the script that was stored"
          " then:\nDROP TABLE t;\n\n"
          "hint: Read it, then let it run: migrate down --from-history\n"
          "note: nothing was reverted\n" },
        { "altered", "", "1/H", "down named",
          "the stored down script of migration \"1_m\" was altered (history)\n"
          "detail: It does not fit the digest that was stored with it, so it is not run.\n"
          "hint: Bring its file back.\n"
          "hint: Find out who can write to app.\"Schema\".\n"
          "note: nothing was reverted\n" },
    };
    int n_wrong = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        MgPlan plan;
        build(&arena, &cases[i], &plan);
        assert_true(plan.n_refusals > 0);
        const char *got = show_refusal(&plan.refusals[0], &arena);
        if (strcmp(got, cases[i].expect) != 0) {
            print_error("%s\nwant\n%s\ngot\n%s\n", cases[i].name, cases[i].expect, got);
            n_wrong++;
        }
        mg_arena_release(&arena);
    }
    assert_int_equal(n_wrong, 0);
}

/* The scanner's own words stay; only the state of the database is added. */
static void
test_plan__passes_on_unreadable_stored_script(void **state)
{
    (void)state;
    MgArena arena = { 0 };
    MgPlan plan;
    build(&arena, &(Case){ .files = "", .rows = "1/U", .wish = "down stored" }, &plan);
    assert_int_equal(plan.n_refusals, 1);
    assert_int_equal(plan.refusals[0].code, MG_E_FILE);
    assert_string_equal(plan.refusals[0].place, "history of 1_m");
    assert_string_equal(plan.refusals[0].note, "nothing was reverted");
    assert_int_equal(plan.n_steps, 0);
    mg_arena_release(&arena);
}

static void
test_plan__describes_entries(void **state)
{
    (void)state;
    MgArena arena = { 0 };
    MgPlan plan;
    build(&arena, &(Case){ .files = "1 2/M- 3 R__v", .rows = "1/b 2/p21c R__v", .wish = "up" },
          &plan);
    assert_string_equal(plan.head, "1_m");
    assert_int_equal(plan.counts[MG_STATE_APPLIED], 2);
    assert_int_equal(plan.counts[MG_STATE_PARTIAL], 1);
    assert_int_equal(plan.counts[MG_STATE_PENDING], 1);
    assert_int_equal(plan.counts[MG_STATE_LATE], 0);

    assert_int_equal(plan.n_entries, 4);
    assert_int_equal(plan.entries[0].kind, MG_BASELINE);
    const MgEntry *partial = &plan.entries[1];
    assert_string_equal(partial->label, "2_m");
    assert_string_equal(partial->name, "m");
    assert_string_equal(partial->file, "migrations/2_m.up.sql");
    assert_string_equal(partial->applied_by, "app@desk");
    assert_string_equal(partial->commit, "9b1c7de");
    assert_int_equal(partial->n_statements, 3);
    assert_int_equal(partial->n_statements_done, 2);
    assert_int_equal(partial->applied_at_ms, INT64_C(1772461860000) + 120000);
    assert_int_equal(partial->duration_us, 41000);
    assert_true(partial->has_down); /* stored, though the file has none */

    const MgEntry *pending = &plan.entries[2];
    assert_int_equal(pending->applied_at_ms, 0);
    assert_int_equal(pending->n_statements, 1);
    assert_int_equal(pending->n_statements_done, 0);
    assert_null(pending->applied_by);
    assert_null(plan.entries[3].version);
    assert_string_equal(plan.entries[3].label, "R__v");
    mg_arena_release(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan__finds_states),
        cmocka_unit_test(test_plan__recognises_renamed_files),
        cmocka_unit_test(test_plan__knows_missing_and_ahead),
        cmocka_unit_test(test_plan__refuses_late),
        cmocka_unit_test(test_plan__counts_and_stops),
        cmocka_unit_test(test_plan__runs_repeatables),
        cmocka_unit_test(test_plan__resumes_partial),
        cmocka_unit_test(test_plan__resumes_down),
        cmocka_unit_test(test_plan__refuses_empty),
        cmocka_unit_test(test_plan__refuses_mixed),
        cmocka_unit_test(test_plan__refuses_tables_without_history),
        cmocka_unit_test(test_plan__guards_what_is_in_use),
        cmocka_unit_test(test_plan__starts_behind_baseline),
        cmocka_unit_test(test_plan__reverts),
        cmocka_unit_test(test_plan__reverts_from_history),
        cmocka_unit_test(test_plan__redoes),
        cmocka_unit_test(test_plan__records_baselines),
        cmocka_unit_test(test_plan__explains_refusals),
        cmocka_unit_test(test_plan__passes_on_unreadable_stored_script),
        cmocka_unit_test(test_plan__describes_entries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
