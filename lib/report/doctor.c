/* The doctor's report: findings by section, and the verdict. */
#include "report/report.h"

#include <inttypes.h>

#include "base/buf.h"
#include "base/text.h"

static const MgColumn columns[] = {
    { .key = "section", .heading = "section", .is_section = true },
    { .key = "status", .heading = "status", .min_width = 4 },
    { .key = "topic", .heading = "topic", .min_width = 11 },
    { .key = "text", .heading = "finding", .is_prose = true },
    { .key = "hint", .heading = "what to do", .is_below = true, .is_optional = true },
};

enum {
    N_COLUMNS = sizeof columns / sizeof *columns,
};

static const char *
status_name(MgFindingStatus status)
{
    static const char *const names[] = { [MG_FINDING_OK] = "ok",
                                         [MG_FINDING_NOTE] = "note",
                                         [MG_FINDING_WARN] = "warn",
                                         [MG_FINDING_FAIL] = "fail" };
    return names[status];
}

static void
add_finding(const MgFinding *finding, MgArena *arena, MgReport *report)
{
    const MgCell cells[N_COLUMNS] = {
        mg_cell_text(finding->section), mg_cell_text(status_name(finding->status)),
        mg_cell_text(finding->topic),   mg_cell_text(finding->text),
        mg_cell_text(finding->hint),
    };
    for (size_t i = 0; i < N_COLUMNS; i++)
        MG_PUSH(arena, &report->cells, cells[i]);
}

/* The topic of the first failure: what is to be mended before anything else. */
static const char *
first_failure(const MgDiagnosis *diagnosis)
{
    for (size_t i = 0; i < diagnosis->n_findings; i++)
        if (diagnosis->findings[i].status == MG_FINDING_FAIL)
            return diagnosis->findings[i].topic;
    return "";
}

static const char *
verdict(const MgDiagnosis *diagnosis, MgArena *arena)
{
    MG_CLEANUP(buf) MgBuf buf = { 0 };
    int n_warnings = diagnosis->n_warnings, n_failures = diagnosis->n_failures;
    if (diagnosis->code == MG_OK)
        mg_buf_add(&buf, "\"migrate up\" may run here");
    else
        mg_buf_format(&buf, "\"migrate up\" cannot run here (%s): mend \"%s\" first; %d %s",
                      mg_error_slug(diagnosis->code), first_failure(diagnosis), n_failures,
                      mg_text_plural(n_failures, "failure", "failures"));
    if (n_warnings > 0)
        mg_buf_format(&buf, "%s %d %s", diagnosis->code == MG_OK ? ";" : ",", n_warnings,
                      mg_text_plural(n_warnings, "warning", "warnings"));
    return mg_arena_text(arena, mg_buf_text(&buf));
}

static void
add_fields(const MgDiagnosis *diagnosis, const char *verdict_text, MgArena *arena, MgReport *ret)
{
    const MgField fields[] = {
        /* As text: readers of JSON may take numbers for doubles. */
        { "lock_key", mg_cell_text(mg_arena_format(arena, "%" PRId64, diagnosis->lock_key)) },
        { "verdict.code", mg_cell_text(mg_error_slug(diagnosis->code)) },
        { "verdict.exit", mg_cell_int(mg_error_exit_status(diagnosis->code)) },
        { "verdict.text", mg_cell_text(verdict_text) },
        { "verdict.warnings", mg_cell_int(diagnosis->n_warnings) },
        { "verdict.failures", mg_cell_int(diagnosis->n_failures) },
    };
    bool is_known = diagnosis->target.from != NULL;
    mg_report_add_target(ret, is_known ? &diagnosis->target : NULL, arena);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        mg_report_add_field(ret, fields[i].key, fields[i].cell, arena);
}

static void
build(const MgDiagnosis *diagnosis, MgArena *arena, MgReport *ret)
{
    *ret = (MgReport){
        .schema = "migrate.doctor.v1",
        .title = "Diagnosis",
        .list_key = "findings",
        .is_list_unknown = diagnosis == NULL,
        .columns = columns,
        .n_columns = N_COLUMNS,
    };
    if (diagnosis == NULL) {
        mg_report_add_target(ret, NULL, arena);
        mg_report_add_field(ret, "lock_key", mg_cell_text(NULL), arena);
        mg_report_add_field(ret, "verdict", mg_cell_text(NULL), arena);
        return;
    }
    const char *text = verdict(diagnosis, arena);
    add_fields(diagnosis, text, arena, ret);
    for (size_t i = 0; i < diagnosis->n_findings; i++)
        add_finding(&diagnosis->findings[i], arena, ret);
    ret->footer = mg_arena_format(arena, "verdict: %s", text);
}

void
mg_write_doctor(const MgDiagnosis *diagnosis, const MgView *view, MgWrite write, void *payload)
{
    MgArena arena = { 0 };
    MgReport report;
    build(diagnosis, &arena, &report);
    mg_report_write(&report, view, write, payload);
    mg_arena_release(&arena);
}
