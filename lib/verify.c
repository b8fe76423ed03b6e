/*
 * Verifying: what is wrong with the files, against the history of a target, or
 * against the files of another commit.  What is wrong is a finding, not an error.
 */
#include "context.h"

#include <string.h>

#include "base/error.h"
#include "pg/diagnose.h"
#include "source/format.h"

enum {
    MAX_FILE_BYTES = 16 << 20, /* of a file whose first changed line is looked for */
};

typedef struct Verifying {
    MgContext *context;
    MgArena *arena;
    struct {
        MgError *items;
        size_t n, cap;
    } findings;
} Verifying;

static MgError *
add(Verifying *verifying, const MgError *finding)
{
    MG_PUSH(verifying->arena, &verifying->findings, *finding);
    MgError *added = &verifying->findings.items[verifying->findings.n - 1];
    added->note[0] = '\0'; /* of a run: nothing is run here */
    return added;
}

static void
add_refusals(Verifying *verifying, const MgPlan *plan)
{
    for (size_t i = 0; i < plan->n_refusals; i++)
        (void)add(verifying, &plan->refusals[i]);
}

/* ---- Files alone ------------------------------------------------------------------------- */

/* What "up" would refuse of them in an empty database. */
static void
verify_files(Verifying *verifying)
{
    static const MgGoal goal = { .kind = MG_GOAL_UP };
    const MgHistory nothing = { .is_database_empty = true };
    MgPlanInput input = {
        .goal = &goal, .source = &verifying->context->source, .history = &nothing, .is_local = true
    };
    MgPlan plan;
    mg_plan_build(&input, verifying->arena, &plan);
    add_refusals(verifying, &plan);
}

/* ---- Against another commit ---------------------------------------------------------------- */

typedef struct Tip {
    MgNativeFile *items; /* the migrations at its tip */
    size_t n;
    const MgNativeFile *newest;
} Tip;

static void
read_tip(const MgBase *base, MgArena *arena, Tip *ret)
{
    *ret = (Tip){ .items = mg_arena_alloc_array(arena, base->n_names + 1, sizeof *ret->items) };
    for (size_t i = 0; i < base->n_names; i++) {
        MgNativeFile *file = &ret->items[ret->n];
        MgError ignored;
        if (!mg_native_parse(base->names[i], base->names[i], arena, file, &ignored) ||
            file->version == NULL)
            continue;
        ret->n++;
        if (ret->newest == NULL || mg_version_compare(file->version, ret->newest->version) > 0)
            ret->newest = file;
    }
}

static bool
is_same(const MgScript *a, const MgScript *b)
{
    return strcmp(a->digest, b->digest) == 0 || strcmp(a->token_digest, b->token_digest) == 0;
}

/* The up script of a file that was merged, if it is one of a version. */
static bool
read_merged(const Verifying *verifying, const MgFile *file, MgNativeFile *ret_name,
            MgScript *ret_was)
{
    const MgSourcePlace place = { .files = file, .n_files = 1 };
    MgSource was;
    MgError ignored;
    if (!mg_native_parse(file->name, file->name, verifying->arena, ret_name, &ignored) ||
        ret_name->version == NULL || ret_name->role == MG_NATIVE_DOWN ||
        !mg_source_read(&place, verifying->arena, &was, &ignored))
        return false;
    *ret_was = *was.items[0].up;
    return true;
}

/* Is it what was merged as version and label, under another name? */
static bool
is_renamed(const Verifying *verifying, const MgBase *base, const MgNativeFile *merged,
           const MgMigration *migration)
{
    for (size_t i = 0; i < base->n_changed; i++) {
        MgNativeFile name;
        MgScript was;
        if (read_merged(verifying, &base->changed[i], &name, &was) &&
            strcmp(name.label, merged->label) == 0 && is_same(migration->up, &was))
            return true;
    }
    return false;
}

/* Does the branch have it, or has it had it?  Then no merge would bring it. */
static bool
is_known_here(const Verifying *verifying, const MgBase *base, const MgNativeFile *file)
{
    const MgSource *source = &verifying->context->source;
    for (size_t i = 0; i < source->n; i++)
        if (strcmp(source->items[i].label, file->label) == 0)
            return true;
    for (size_t i = 0; i < base->n_changed; i++) {
        MgNativeFile was;
        MgError ignored;
        const char *name = base->changed[i].name;
        if (mg_native_parse(name, name, verifying->arena, &was, &ignored) &&
            strcmp(was.label, file->label) == 0)
            return true;
    }
    return false;
}

/* "renumber" has to see the newest one, to know which version is behind it. */
static void
hint_renumber(const Verifying *verifying, const MgBase *base, const Tip *tip, const char *label,
              MgError *finding)
{
    if (tip->newest == NULL || is_known_here(verifying, base, tip->newest))
        mg_error_hint(finding, "Put it at the end: migrate renumber %s --files-only", label);
    else
        mg_error_hint(finding,
                      "Put it behind what %s has:\ngit merge %s\nmigrate renumber %s --files-only",
                      base->ref, base->ref, label);
}

static void
find_late(Verifying *verifying, const MgBase *base, const Tip *tip, const MgMigration *migration)
{
    const MgNativeFile *same = NULL;
    for (size_t i = 0; i < tip->n; i++) {
        if (mg_version_compare(tip->items[i].version, migration->version) != 0)
            continue;
        if (strcmp(tip->items[i].label, migration->label) == 0)
            return; /* it is merged already */
        same = &tip->items[i];
    }
    MgError finding;
    if (same != NULL && is_renamed(verifying, base, same, migration))
        return;
    if (same != NULL) {
        mg_fail(&finding, MG_E_SOURCE, "\"%s\" and \"%s\" of %s have one version", migration->label,
                same->label, base->ref);
    } else if (tip->newest != NULL &&
               mg_version_compare(migration->version, tip->newest->version) < 0) {
        mg_fail(&finding, MG_E_LATE, "migration \"%s\" is older than the newest one of %s",
                migration->label, base->ref);
        mg_error_detail(&finding, "There it is %s, and it may be applied before this one is.",
                        tip->newest->label);
    } else {
        return;
    }
    hint_renumber(verifying, base, tip, migration->label, &finding);
    mg_error_at(&finding, migration->path, 1, 0);
    (void)add(verifying, &finding);
}

/* The first line in which the file differs from what it was. */
static int
first_changed_line(const char *path, const MgFile *was, MgArena *arena)
{
    const char *text = "";
    size_t size_bytes = 0;
    if (!mg_file_read(path, MAX_FILE_BYTES, arena, &text, &size_bytes))
        return 1;
    size_t same = 0;
    while (same < size_bytes && same < was->size_bytes && text[same] == was->text[same])
        same++;
    return 1 + mg_count_lines(text, same);
}

/* An up script that was merged: is it still what it was, perhaps under another version? */
static void
find_edit(Verifying *verifying, const MgBase *base, const MgFile *file)
{
    const MgSource *source = &verifying->context->source;
    MgNativeFile name;
    MgScript was;
    MgError finding;
    if (!read_merged(verifying, file, &name, &was))
        return;
    const MgMigration *now = NULL;
    for (size_t i = 0; i < source->n; i++) {
        const MgMigration *migration = &source->items[i];
        if (migration->version == NULL)
            continue;
        if (is_same(migration->up, &was))
            return;
        if (mg_version_compare(migration->version, name.version) == 0)
            now = migration;
    }
    bool is_edited = now != NULL && strcmp(now->label, name.label) == 0;
    if (is_edited) {
        mg_fail(&finding, MG_E_DRIFT, "migration \"%s\" of %s was edited", name.label, base->ref);
        mg_error_at(&finding, now->path, first_changed_line(now->path, file, verifying->arena), 0);
        mg_error_hint(&finding, "Undo the edit, and make it a new migration: migrate new NAME");
    } else if (now != NULL) {
        mg_fail(&finding, MG_E_DRIFT, "migration \"%s\" of %s was replaced by \"%s\"", name.label,
                base->ref, now->label);
        mg_error_at(&finding, now->path, 1, 0);
        mg_error_hint(&finding, "Bring its file back, and make what is new a migration behind it.");
    } else {
        mg_fail(&finding, MG_E_MISSING, "migration \"%s\" of %s was deleted", name.label,
                base->ref);
        mg_error_at(&finding, mg_arena_format(verifying->arena, "%s/%s", source->dir, file->name),
                    1, 0);
        mg_error_hint(&finding, "Bring its file back, and undo it by a new one: migrate new NAME");
    }
    mg_error_detail(&finding, "Databases that have applied it would not agree with the files.");
    (void)add(verifying, &finding);
}

static void
verify_base(Verifying *verifying, const MgBase *base)
{
    const MgSource *source = &verifying->context->source;
    Tip tip;
    read_tip(base, verifying->arena, &tip);
    for (size_t i = 0; i < source->n; i++)
        if (source->items[i].version != NULL)
            find_late(verifying, base, &tip, &source->items[i]);
    for (size_t i = 0; i < base->n_changed; i++)
        find_edit(verifying, base, &base->changed[i]);
}

/* ---- Against a target ------------------------------------------------------------------------ */

/* Whoever may write the history may plant a down script in it. */
static bool
find_writers(Verifying *verifying, MgError *err)
{
    MgContext *context = verifying->context;
    MgVitals *vitals = MG_NEW_IN(verifying->arena, MgVitals);
    MgVitalsInput input = { .options = &context->conn_options,
                            .claim = &context->claim,
                            .table = &context->table,
                            .lock = &context->lock,
                            .settings = &context->session };
    if (!context->start.history.exists)
        return true;
    if (!mg_vitals_read(context->conn, &input, verifying->arena, vitals, err))
        return false;
    const MgTableVitals *table = &vitals->table;
    if (!vitals->is_answered || table->failure.code != MG_OK || !table->exists) {
        mg_emit(context, MG_EVENT_WARNING, "who may write the history could not be found out");
        return true;
    }
    if (table->writers[0] == '\0')
        return true;
    MgError finding;
    mg_fail(&finding, MG_E_HISTORY, "the history %s may be written by others: %s",
            context->table.shown, table->writers);
    mg_error_hint(&finding, "Take that away: REVOKE ALL ON %s FROM %s;", context->table.sql,
                  table->writers_quoted);
    (void)add(verifying, &finding);
    return true;
}

/* "up" goes on with them unasked, but until it does the database is between two versions. */
static void
find_half_run(Verifying *verifying, const MgPlan *plan)
{
    for (size_t i = 0; i < plan->n_entries; i++) {
        const MgEntry *entry = &plan->entries[i];
        const char *file = entry->file == NULL ? "" : entry->file;
        bool is_told = entry->state != MG_STATE_PARTIAL;
        for (size_t k = 0; k < plan->n_refusals; k++)
            is_told |= plan->refusals[k].code == MG_E_PARTIAL &&
                       strcmp(plan->refusals[k].place, file) == 0;
        if (is_told)
            continue;
        MgError finding;
        mg_fail(&finding, MG_E_PARTIAL, "migration \"%s\" stopped behind statement %d of %d",
                entry->label, entry->n_statements_done, entry->n_statements);
        mg_error_at(&finding, file, 0, 0);
        mg_error_hint(&finding, "Correct its file where it failed, and go on there: migrate up");
        (void)add(verifying, &finding);
    }
}

static bool
verify_target(Verifying *verifying, MgError *err)
{
    MgContext *context = verifying->context;
    static const MgGoal goal = { .kind = MG_GOAL_UP, .is_not_empty_allowed = true };
    if (!mg_begin_reading(context, &goal, err))
        return false;
    MgPlanInput input = { .goal = &goal,
                          .source = &context->source,
                          .history = &context->start.history,
                          .history_name = context->table.shown,
                          .position = &context->position,
                          .is_missing_refused = true };
    MgPlan plan;
    mg_plan_build(&input, verifying->arena, &plan);
    for (size_t i = 0; i < plan.n_warnings; i++)
        mg_emit(context, MG_EVENT_WARNING, plan.warnings[i]);
    add_refusals(verifying, &plan);
    find_half_run(verifying, &plan);
    return find_writers(verifying, err);
}

/* ---- All ---------------------------------------------------------------------------------------
 */

bool
mg_verify(MgContext *context, const MgVerify *verify, const MgVerified **ret, MgError *err)
{
    Verifying verifying = { .context = context, .arena = &context->arena };
    MgVerified *verified = MG_NEW_IN(&context->arena, MgVerified);
    bool has_target = !verify->is_files_only && verify->base == NULL;
    bool is_named = context->target_failure.code != MG_E_NO_TARGET;
    bool is_ok = true;
    /* mg_open has done so, if it was told of a diagnosis. */
    bool is_readable = context->source_failure.code == MG_OK &&
                       mg_files_analyse(context, &context->source_failure);
    if (!is_readable) {
        (void)add(&verifying, &context->source_failure);
        has_target = false;
    } else if (verify->base != NULL) {
        verify_files(&verifying);
        verify_base(&verifying, verify->base);
    } else if (!has_target || !is_named) {
        verify_files(&verifying);
        has_target = false;
    } else {
        is_ok = mg_check_opened(context, err) && verify_target(&verifying, err);
    }
    mg_disconnect(context);
    if (!is_ok)
        return mg_fail_noted(err, "nothing was changed");
    *verified = (MgVerified){ .is_target_asked = has_target,
                              .base = verify->base == NULL ? NULL : verify->base->ref,
                              .is_unsettled = context->source_failure.code != MG_OK,
                              .n_migrations = context->source.n,
                              .findings = verifying.findings.items,
                              .n_findings = verifying.findings.n };
    if (has_target)
        verified->target = context->target;
    *ret = verified;
    return true;
}
