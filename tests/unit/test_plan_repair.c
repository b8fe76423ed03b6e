/*
 * Repairs, from compact words to whole texts.
 *
 * Files and rows: "1_name" or "R__name", with flags behind "/": =K content K (else the version or
 * the name), ~ edited cosmetically, - no down script, D another down script, 3 three statements,
 * i the second one builds an index.
 * Rows, with ids 1, 2, ...: also pNM, N statements done of M started of 3, N without digests.
 * Repair: done|again|accept|reverted|renumber, the version, and the statement or the old version.
 */
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "cases.h"
#include "plan/repair.h"

/* ---- From words to input -------------------------------------------------- */

/* What the word says that files and rows have in common. */
typedef struct Named {
    const char *version, *name, *digest, *token_digest, *down_digest;
    int n_statements;
} Named;

static Named
read_named(MgArena *arena, const char *word, const char *flags)
{
    Named ret = { .n_statements = strchr(flags, '3') != NULL ? 3 : 1 };
    split_label(arena, word, &ret.version, &ret.name);
    const char *content = content_of(arena, flags, ret.version, ret.name);
    ret.token_digest = mg_arena_format(arena, "tokens-%s", content);
    ret.digest = mg_arena_format(arena, "up-%s%s", content, strchr(flags, '~') ? "~" : "");
    if (strchr(flags, '-') == NULL)
        ret.down_digest =
            mg_arena_format(arena, "down-%s%s", content, strchr(flags, 'D') ? "D" : "");
    return ret;
}

static MgMigration
make_file(MgArena *arena, const char *word, const char *flags)
{
    Named named = read_named(arena, word, flags);
    MgMigration file = { .kind = named.version != NULL ? MG_VERSIONED : MG_REPEATABLE,
                         .version = named.version,
                         .name = named.name,
                         .label = word,
                         .has_down = named.down_digest != NULL };
    file.up = MG_NEW_IN(arena, MgScript);
    file.down = MG_NEW_IN(arena, MgScript);
    file.path = file.up->path = mg_arena_format(arena, "migrations/%s.up.sql", word);
    file.up->n_statements = named.n_statements;
    file.up->index_changes = strchr(flags, 'i') != NULL ? 2 : 0;
    file.down->index_changes = strchr(flags, 'j') != NULL ? 2 : 0;
    file.down->path = mg_arena_format(arena, "migrations/%s.down.sql", word);
    mg_text_copy(file.up->digest, sizeof file.up->digest, named.digest);
    mg_text_copy(file.up->token_digest, sizeof file.up->token_digest, named.token_digest);
    if (file.has_down)
        mg_text_copy(file.down->digest, sizeof file.down->digest, named.down_digest);
    file.digest = file.up->digest;
    file.down_digest = file.has_down ? file.down->digest : NULL;
    return file;
}

static MgApplied
make_row(MgArena *arena, int64_t id, const char *word, const char *flags)
{
    Named named = read_named(arena, word, flags);
    const char *partial = strchr(flags, 'p');
    bool has_digest = strchr(flags, 'N') == NULL;
    int n = partial == NULL ? named.n_statements : 3;
    const char *down = strchr(flags, 'r');
    MgProgress progress = { 0 };
    if (down != NULL)
        progress = (MgProgress){ 4, down[2] - '0', down[1] - '0', "down-old" };
    return (MgApplied){ .id = id,
                        .version = named.version,
                        .name = named.name,
                        .kind = named.version != NULL ? MG_VERSIONED : MG_REPEATABLE,
                        .digest = has_digest ? named.digest : NULL,
                        .token_digest = has_digest ? named.token_digest : NULL,
                        .down_digest = named.down_digest,
                        .n_statements = n,
                        .n_statements_done = partial == NULL ? n : partial[1] - '0',
                        .n_statements_started = partial == NULL ? n : partial[2] - '0',
                        .prefix_digest = partial == NULL ? NULL : "prefix-old",
                        .down = progress,
                        .applied_by = "app@desk" };
}

static MgRepair
read_repair(MgArena *arena, const char *text)
{
    static const char *const words[] = {
        [MG_REPAIR_DONE] = "done",          [MG_REPAIR_AGAIN] = "again",
        [MG_REPAIR_ACCEPT_FILE] = "accept", [MG_REPAIR_MARK_REVERTED] = "reverted",
        [MG_REPAIR_RENUMBER] = "renumber",
    };
    const char *flags, *word = next_word(arena, &text, &flags);
    MgRepair ret = { .version = next_word(arena, &text, &flags) };
    const char *last = next_word(arena, &text, &flags);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i], word) == 0)
            ret.kind = (MgRepairKind)i;
    if (last != NULL && ret.kind == MG_REPAIR_RENUMBER)
        ret.from = last;
    else if (last != NULL)
        ret.statement = last[0] - '0';
    return ret;
}

/* ---- From repair to words --------------------------------------------------- */

static void
write_error(const MgError *err, MgBuf *buf)
{
    mg_buf_format(buf, "%s: %s", mg_error_slug(err->code), err->message);
    if (err->place[0] != '\0')
        mg_buf_format(buf, "; at %s", err->place);
    if (err->detail[0] != '\0')
        mg_buf_format(buf, "; detail: %s", err->detail);
    for (size_t i = 0; i < MG_ERROR_MAX_HINTS; i++)
        if (err->hint[i][0] != '\0')
            mg_buf_format(buf, "; hint: %s", err->hint[i]);
    mg_buf_format(buf, "; note: %s", err->note);
}

static void
write_plan(const MgRepairPlan *plan, MgBuf *buf)
{
    mg_buf_format(buf, "%s row %" PRId64 ": %s", plan->label, plan->row_id, plan->outcome);
    for (size_t i = 0; i < plan->n_changes; i++) {
        const MgChange *change = &plan->changes[i];
        const char *from = change->is_blind ? "?" : change->from != NULL ? change->from : "null";
        mg_buf_format(buf, "; %s %s > %s", change->column, from,
                      change->to != NULL ? change->to : "null");
    }
}

static const char *
show(MgArena *arena, const Case *row)
{
    MgSource source = { 0 };
    MgHistory history = { .exists = true };
    MgRepair repair = read_repair(arena, row->wish);
    MgRepairTexts texts = { .prefix_digest = "prefix-new", .by = "app@desk" };
    const char *flags, *word;
    for (const char *text = row->files; (word = next_word(arena, &text, &flags)) != NULL;)
        MG_PUSH(arena, &source, make_file(arena, word, flags));
    for (const char *text = row->rows; (word = next_word(arena, &text, &flags)) != NULL;) {
        MgApplied applied = make_row(arena, (int64_t)history.n + 1, word, flags);
        MG_PUSH(arena, &history, applied);
    }

    MG_CLEANUP(buf) MgBuf buf = { 0 };
    MgMatch match;
    MgError err;
    if (mg_repair_find(&repair, &source, &history, arena, &match, &err)) {
        MgRepairPlan plan;
        if (match.file != NULL && match.file->has_down)
            texts.down_text = "DROP TABLE t;";
        mg_repair_build(&repair, &match, &texts, arena, &plan);
        write_plan(&plan, &buf);
    } else {
        write_error(&err, &buf);
    }
    return mg_arena_text(arena, mg_buf_text(&buf));
}

/* ---- Cases ------------------------------------------------------------------ */

static void
test_repair__settles_a_statement(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "done", "1_a/3", "1_a/p12", "done 1 2",
          "1_a row 1: statement 2 of 1_a is recorded as done; statements_done 1 > 2; prefix_digest "
          "prefix-old > prefix-new" },
        { "again", "1_a/3", "1_a/p12", "again 1 2",
          "1_a row 1: statement 2 of 1_a is recorded as not done; statements_started 2 > 1" },
        { "again, and the next run does so by itself", "1_a/3i", "1_a/p12", "again 1 2",
          "1_a row 1: nothing to do, \"migrate up\" runs statement 2 of 1_a again by itself" },
        { "again, not the one that builds an index", "1_a/3i", "1_a/p23", "again 1 3",
          "1_a row 1: statement 3 of 1_a is recorded as not done; statements_started 3 > 2" },
        { "by label", "1_a/3", "1_a/p01", "done 1_a 1",
          "1_a row 1: statement 1 of 1_a is recorded as done; statements_done 0 > 1; prefix_digest "
          "prefix-old > prefix-new" },
        { "a repeatable", "R__v/3", "R__v/p01", "again R__v 1",
          "R__v row 1: statement 1 of R__v is recorded as not done; statements_started 1 > 0" },
        { "no file", "", "1_a/p12", "again 1 2",
          "1_a row 1: statement 2 of 1_a is recorded as not done; statements_started 2 > 1" },
        { "another one", "1_a/3", "1_a/p12", "done 1 1",
          "usage: statement 1 of migration \"1_a\" is not in doubt; detail: Statement 2 was "
          "started and may have finished.; hint: Settle that one: migrate repair 1 --statement 2 "
          "done|again; hint: See how it stands: migrate status; note: nothing was changed" },
        { "another one of a repeatable", "R__v/3", "R__v/p12", "done R__v 3",
          "usage: statement 3 of migration \"R__v\" is not in doubt; detail: Statement 2 was "
          "started and may have finished.; hint: Settle that one: migrate repair R__v --statement "
          "2 done|again; hint: See how it stands: migrate status; note: nothing was changed" },
        { "of a down script, done", "1_a", "1_a/r12", "done 1 2",
          "1_a row 1: statement 2 of the down script of 1_a is recorded as done; down_done 1 > 2; "
          "down_prefix_digest down-old > prefix-new" },
        { "of a down script, again", "1_a", "1_a/r12", "again 1 2",
          "1_a row 1: statement 2 of the down script of 1_a is recorded as not done; down_started "
          "2 > 1" },
        { "of a down script, by itself", "1_a/j", "1_a/r12", "again 1 2",
          "1_a row 1: nothing to do, \"migrate down\" runs statement 2 of the down script of 1_a "
          "again by itself" },
        { "of a down script, not the up script's index", "1_a/i", "1_a/r12", "again 1 2",
          "1_a row 1: statement 2 of the down script of 1_a is recorded as not done; down_started "
          "2 > 1" },
        { "of a stored down script", "", "1_a/r12", "again 1 2",
          "1_a row 1: statement 2 of the down script of 1_a is recorded as not done; down_started "
          "2 > 1" },
        { "of a down script, another one", "1_a", "1_a/r12", "done 1 1",
          "usage: statement 1 of migration \"1_a\" is not in doubt; detail: Statement 2 of the "
          "down script was started and may have finished.; hint: Settle that one: migrate repair "
          "1 --statement 2 done|again; hint: See how it stands: migrate status; note: nothing was "
          "changed" },
        { "none in doubt", "1_a/3", "1_a/p22", "done 1 2",
          "usage: no statement of migration \"1_a\" is in doubt; detail: Done: 2 of 3 statements.; "
          "hint: See how it stands: migrate status; note: nothing was changed" },
        { "all done", "1_a/3", "1_a/3", "again 1 3",
          "usage: no statement of migration \"1_a\" is in doubt; detail: Done: 3 of 3 statements.; "
          "hint: See how it stands: migrate status; note: nothing was changed" },
        { "has not run", "1_a/3", "", "done 1 1",
          "usage: migration \"1_a\" has not run; hint: See how it stands: migrate status; note: "
          "nothing was changed" },
        { "not there", "1_a/3", "1_a/p12", "done 7 1",
          "unknown-version: no migration has version \"7\"; hint: Did you mean 1_a?; hint: List "
          "all migrations: migrate status --all; note: nothing was changed" },
    };
    CHECK(cases, show);
}

static void
test_repair__accepts_a_file(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "edited", "1_a/=x", "1_a", "accept 1",
          "1_a row 1: 1_a is recorded as its file is now; up_digest up-1 > up-x; token_digest "
          "tokens-1 > tokens-x; down_digest down-1 > down-x; down_script ? > DROP TABLE t;" },
        { "only spaces", "1_a/~", "1_a", "accept 1",
          "1_a row 1: 1_a is recorded as its file is now; up_digest up-1 > up-1~" },
        { "more statements", "1_a/=x3-", "1_a/-", "accept 1",
          "1_a row 1: 1_a is recorded as its file is now; up_digest up-1 > up-x; token_digest "
          "tokens-1 > tokens-x; statements 1 > 3; statements_started 1 > 3; statements_done 1 > "
          "3" },
        { "another name", "1_b", "1_a", "accept 1",
          "1_b row 1: 1_b is recorded as its file is now; name a > b" },
        { "another down", "1_a/D", "1_a", "accept 1",
          "1_a row 1: 1_a is recorded as its file is now; down_digest down-1 > down-1D; "
          "down_script ? > DROP TABLE t;" },
        { "a down more", "1_a", "1_a/-", "accept 1",
          "1_a row 1: 1_a is recorded as its file is now; down_digest null > down-1; down_script ? "
          "> DROP TABLE t;" },
        { "a down less", "1_a/-", "1_a", "accept 1",
          "1_a row 1: 1_a is recorded as its file is now; down_digest down-1 > null; down_script ? "
          "> null" },
        { "a row without digests", "1_a/-", "1_a/N-", "accept 1",
          "1_a row 1: 1_a is recorded as its file is now; up_digest null > up-1; token_digest null "
          "> tokens-1" },
        { "a repeatable", "R__v/=x", "R__v", "accept R__v",
          "R__v row 1: R__v is recorded as its file is now; up_digest up-v > up-x; token_digest "
          "tokens-v > tokens-x" },
        { "it agrees", "1_a", "1_a", "accept 1",
          "1_a row 1: nothing to do, the row of 1_a agrees with it" },
        { "not applied", "1_a", "", "accept 1",
          "unknown-version: migration \"1_a\" is not applied; hint: Name an applied one; list "
          "them: migrate status; note: nothing was changed" },
        { "no file", "", "1_a", "accept 1",
          "missing: migration \"1_a\" has no file to accept; hint: Bring its file back.; hint: If "
          "the database is without it: migrate repair 1 --mark-reverted; note: nothing was "
          "changed" },
        { "no file of a repeatable", "", "R__v", "accept R__v",
          "missing: migration \"R__v\" has no file to accept; hint: Bring its file back.; hint: If "
          "the database is without it: migrate repair R__v --mark-reverted; note: nothing was "
          "changed" },
        { "half-way", "1_a/3=x", "1_a/p11", "accept 1",
          "partial: migration \"1_a\" stopped half-way, and its file is no record of it; detail: "
          "Done: 1 of 3 statements.; hint: Undo edits of what is done, and bring it to its end "
          "first: migrate up; hint: An edit can be accepted when it is finished.; note: nothing "
          "was changed" },
        { "half-way, nothing is done", "1_a/3=x", "1_a/p01", "accept 1",
          "partial: migration \"1_a\" stopped half-way, and its file is no record of it; detail: "
          "Done: 0 of 3 statements.; hint: Bring it to its end first: migrate up; hint: An edit "
          "can be accepted when it is finished.; note: nothing was changed" },
        { "half reverted", "1_a/=x", "1_a/r11", "accept 1",
          "partial: migration \"1_a\" stopped half-way, and its file is no record of it; detail: "
          "Done: 1 of 4 statements of the down script.; hint: Undo edits of what is done, and "
          "bring it to its end first: migrate down; hint: An edit can be accepted when it is "
          "finished.; note: nothing was changed" },
    };
    CHECK(cases, show);
}

static void
test_repair__marks_as_reverted(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "its file is gone", "2_b", "1_a 2_b", "reverted 1",
          "1_a row 1: 1_a is recorded as reverted; reverted_at null > now; reverted_by null > "
          "app@desk (repair, nothing was run)" },
        { "half-way", "", "1_a/p12", "reverted 1",
          "1_a row 1: 1_a is recorded as reverted; reverted_at null > now; reverted_by null > "
          "app@desk (repair, nothing was run)" },
        { "a repeatable", "", "R__v", "reverted R__v",
          "R__v row 1: R__v is recorded as reverted; reverted_at null > now; reverted_by null > "
          "app@desk (repair, nothing was run)" },
        { "half reverted, it may have a file", "1_a", "1_a/r12", "reverted 1",
          "1_a row 1: 1_a is recorded as reverted; reverted_at null > now; reverted_by null > "
          "app@desk (repair, nothing was run)" },
        { "it has a file", "1_a", "1_a", "reverted 1",
          "usage: migration \"1_a\" has a file, so the next run would apply it again; at "
          "migrations/1_a.up.sql; hint: Revert it by its down script: migrate down; hint: If the "
          "database is without it already, delete the file first.; note: nothing was changed" },
        { "a repeatable has a file", "R__v", "R__v", "reverted R__v",
          "usage: migration \"R__v\" has a file, so the next run would apply it again; at "
          "migrations/R__v.up.sql; hint: It has no way back: drop what it made in a new migration, "
          "and delete its file.; hint: If the database is without it already, delete the file "
          "first.; note: nothing was changed" },
        { "not applied", "1_a", "", "reverted 1",
          "unknown-version: migration \"1_a\" is not applied; hint: Name an applied one; list "
          "them: migrate status; note: nothing was changed" },
    };
    CHECK(cases, show);
}

static void
test_repair__renumbers(void **state)
{
    (void)state;
    static const Case cases[] = {
        { "applied", "3_a/=a", "1_a/=a 2_b", "renumber 3 1",
          "3_a row 1: a has version 3 in the history too; version 1 > 3" },
        { "edited cosmetically", "3_a/=a~", "1_a/=a", "renumber 3 1",
          "3_a row 1: a has version 3 in the history too; version 1 > 3" },
        { "edited", "3_a/=x", "1_a/=a", "renumber 3 1",
          "drift: version 1 is applied here, and its file was edited since; detail: Under another "
          "version, the next run would apply it a second time.; hint: Undo the edit, or record it "
          "first: migrate repair 1 --accept-file; note: nothing was changed" },
        { "the row is of the other file", "1_b/=b 3_a/=a", "1_b/=b", "renumber 3 1",
          "3_a row 0: nothing to do, version 1 is not applied here" },
        { "the row went to the other file", "1_b/=b 3_a/=a", "1_a/=a", "renumber 3 1",
          "3_a row 1: a has version 3 in the history too; version 1 > 3" },
        { "never applied", "3_a/=a", "2_b", "renumber 3 1",
          "3_a row 0: nothing to do, version 1 is not applied here" },
        { "applied as it is", "3_a/=a", "3_a/=a", "renumber 3 1",
          "3_a row 0: nothing to do, version 1 is not applied here" },
        { "not there", "3_a/=a", "1_a/=a", "renumber 4 1",
          "unknown-version: no migration has version \"4\"; hint: Did you mean 3_a?; hint: List "
          "all migrations: migrate status --all; note: nothing was changed" },
    };
    CHECK(cases, show);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_repair__settles_a_statement),
        cmocka_unit_test(test_repair__accepts_a_file),
        cmocka_unit_test(test_repair__marks_as_reverted),
        cmocka_unit_test(test_repair__renumbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
