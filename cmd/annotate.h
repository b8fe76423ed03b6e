/*
 * GitHub Actions: errors and warnings also as annotations beside the code, and
 * a summary of the run.  Beside the plain lines, never in their place.
 */
#ifndef MG_CMD_ANNOTATE_H
#define MG_CMD_ANNOTATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "migrate.h"

typedef enum MgAnnotation { MG_ANNOTATE_ERROR, MG_ANNOTATE_WARNING, MG_N_ANNOTATIONS } MgAnnotation;

/* Zeroed it is that of everywhere else. */
typedef struct MgAnnotate {
    bool is_on;            /* GITHUB_ACTIONS is "true" */
    const char *workspace; /* GITHUB_WORKSPACE: GitHub knows files by their path in it; or "" */
    const char *path;      /* GITHUB_STEP_SUMMARY, or "" */
    int n_annotations[MG_N_ANNOTATIONS];
    /* The parts of the summary, in its order. */
    MgBuf target, session, steps, result, warnings, error;
    bool has_report; /* result is one, with a heading of its own */
} MgAnnotate;

void mg_annotate_init(char *const *environment, MgAnnotate *ret);
void mg_annotate_release(MgAnnotate *annotate);

/*
 * Add to *ret the line that GitHub takes for an annotation; nothing elsewhere,
 * and nothing behind the tenth of a kind, which it would not show.  Of err
 * everything is used but the excerpt.
 */
void mg_annotate_line(MgAnnotate *annotate, MgAnnotation kind, const MgError *err, MgBuf *ret);

/* Lines of ours that quote somebody else's words give GitHub no commands: '?' in their place. */
void mg_annotate_defuse(const MgAnnotate *annotate, char *text);

/* For the summary: what happened, what became of it, a report in Markdown, warnings, a failure. */
bool mg_annotate_wants_summary(const MgAnnotate *annotate);
void mg_annotate_event(MgAnnotate *annotate, const MgEvent *event);
void mg_annotate_result(MgAnnotate *annotate, const char *word, const char *text);
void mg_annotate_report(void *payload, const char *text, size_t size_bytes); /* an MgWrite */
void mg_annotate_warning(MgAnnotate *annotate, const char *text);
void mg_annotate_error(MgAnnotate *annotate, const MgError *err);

/*
 * Append the summary of command to its file, if there is anything to tell.
 * False, with errno, when that cannot be done.
 */
bool mg_annotate_write(const MgAnnotate *annotate, const char *command);

#endif
