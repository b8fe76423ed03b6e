#include "show.h"

#include <time.h>

#include "talk.h"

static int64_t
now_ms(void)
{
    struct timespec now = { .tv_sec = 0 };
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void
mg_show_view(const MgRun *run, const MgError *error, MgView *ret)
{
    *ret = (MgView){ .format = (MgFormat)run->common->format,
                     .now_ms = now_ms(),
                     .width = run->talk->out.width,
                     .error = error };
}

bool
mg_show_has_errors(const MgRun *run)
{
    return run->common->format == MG_JSON || run->common->format == MG_HTML;
}

static void
write_plan(const MgRun *run, const MgShow *show, const MgPlan *plan, const MgError *error)
{
    MgTalk *talk = run->talk;
    MgView view;
    mg_show_view(run, error, &view);
    view.rows = show->rows;
    bool is_table = view.format == MG_TABLE;
    if (is_table && show->has_table != NULL && !show->has_table(plan))
        return;
    /* The table is set off from the talk above it. */
    if (is_table && !talk->is_quiet)
        mg_talk_write_err(talk, "\n", 1);
    show->write(plan, &view, mg_talk_write, talk);
    /* Whoever asks for Markdown puts it into the summary without us. */
    if (error == NULL && view.format != MG_MARKDOWN && mg_annotate_wants_summary(&talk->annotate)) {
        view.format = MG_MARKDOWN;
        show->write(plan, &view, mg_annotate_report, &talk->annotate);
    }
}

bool
mg_show(const MgRun *run, const MgShow *show, int *ret_status, MgError *err)
{
    MgOptions options;
    mg_cmd_options(run, &options);
    options.is_reading = true;
    options.is_offline = show->is_offline;
    MgContext *context = NULL;
    const MgPlan *plan = NULL;
    bool ok = mg_open(&options, &context, err) && mg_plan(context, &show->goal, &plan, err);
    if (ok) {
        *ret_status = show->judge(run, plan);
        write_plan(run, show, plan, NULL);
    } else if (mg_show_has_errors(run)) {
        write_plan(run, show, NULL, err);
    }
    mg_close(context);
    return ok;
}

bool
mg_show_begin_document(const MgRun *run)
{
    run->talk->has_document = run->common->format != MG_TABLE;
    return run->talk->has_document;
}

void
mg_show_outcome(const MgRun *run, const MgRunResult *result, const MgError *error)
{
    MgView view;
    mg_show_view(run, error, &view);
    mg_write_outcome(result, &view, mg_talk_write, run->talk);
}
