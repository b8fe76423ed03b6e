/* The report of verify: one row a finding. */
#include "report/report.h"

#include "base/text.h"

static const MgColumn columns[] = {
    { .key = "finding", .heading = "finding" },
    { .key = NULL, .heading = "place", .is_optional = true },
    { .key = "file", .heading = NULL },
    { .key = "line", .heading = NULL },
    { .key = "message", .heading = "what", .is_prose = true },
    { .key = "detail", .heading = NULL },
    { .key = "hints", .heading = NULL },
    { .key = NULL, .heading = "what to do", .is_below = true, .is_optional = true },
};

enum {
    N_COLUMNS = sizeof columns / sizeof *columns,
};

static const char *
text_or_null(const char *text)
{
    return text[0] == '\0' ? NULL : text;
}

static void
add_finding(const MgError *finding, MgArena *arena, MgReport *report)
{
    const char *file = text_or_null(finding->place);
    const char **hints = mg_arena_alloc_array(arena, MG_ERROR_MAX_HINTS, sizeof *hints);
    size_t n_hints = 0;
    for (size_t i = 0; i < MG_ERROR_MAX_HINTS; i++)
        if (finding->hint[i][0] != '\0')
            hints[n_hints++] = finding->hint[i];
    const char *place = file;
    if (file != NULL && finding->line > 0)
        place = mg_arena_format(arena, "%s:%d", file, finding->line);
    const MgCell cells[N_COLUMNS] = {
        mg_cell_text(mg_error_slug(finding->code)),
        mg_cell_text(place),
        mg_cell_text(file),
        finding->line > 0 ? mg_cell_int(finding->line) : mg_cell_text(NULL),
        mg_cell_text(finding->message),
        mg_cell_text(text_or_null(finding->detail)),
        mg_cell_list(hints, n_hints),
        mg_cell_text(n_hints == 0 ? NULL : hints[0]),
    };
    for (size_t i = 0; i < N_COLUMNS; i++)
        MG_PUSH(arena, &report->cells, cells[i]);
}

static const char *
footer(const MgVerified *verified, MgArena *arena)
{
    const char *scope = verified->is_target_asked ? "files and history"
                        : verified->base != NULL
                            ? mg_arena_format(arena, "files, against %s", verified->base)
                            : "files alone";
    size_t n = verified->n_findings;
    const char *what = n == 0 ? "nothing found"
                              : mg_arena_format(arena, "%zu %s", n,
                                                mg_text_plural((int64_t)n, "finding", "findings"));
    if (verified->is_unsettled)
        return mg_arena_format(arena, "%s: no migration can be looked at until it is settled",
                               what);
    return mg_arena_format(
        arena, "%s: %zu %s looked at, %s", what, verified->n_migrations,
        mg_text_plural((int64_t)verified->n_migrations, "migration", "migrations"), scope);
}

void
mg_write_verify(const MgVerified *verified, const MgView *view, MgWrite write, void *payload)
{
    MgArena arena = { 0 };
    MgReport report = {
        .schema = "migrate.verify.v1",
        .title = "Verified migrations",
        .list_key = "findings",
        .is_list_unknown = verified == NULL,
        .columns = columns,
        .n_columns = N_COLUMNS,
    };
    bool has_target = verified != NULL && verified->is_target_asked;
    mg_report_add_target(&report, has_target ? &verified->target : NULL, &arena);
    mg_report_add_field(&report, "base", mg_cell_text(verified == NULL ? NULL : verified->base),
                        &arena);
    mg_report_add_field(&report, "count",
                        verified == NULL || verified->is_unsettled
                            ? mg_cell_text(NULL)
                            : mg_cell_int((int64_t)verified->n_migrations),
                        &arena);
    for (size_t i = 0; verified != NULL && i < verified->n_findings; i++)
        add_finding(&verified->findings[i], &arena, &report);
    if (verified != NULL)
        report.footer = footer(verified, &arena);
    mg_report_write(&report, view, write, payload);
    mg_arena_release(&arena);
}
