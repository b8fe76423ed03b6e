/*
 * Workflow commands and the job summary of GitHub Actions.  A command is a line
 * of its own on either stream: it goes to stderr, since stdout may be a document.
 */
#include "annotate.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "term.h"

enum {
    MAX_ANNOTATIONS = 10,      /* of a kind in a step: GitHub shows no more */
    MAX_PART_BYTES = 64 << 10, /* a summary may have 1 MiB */
};

static const char *const kinds[] = {
    [MG_ANNOTATE_ERROR] = "error",
    [MG_ANNOTATE_WARNING] = "warning",
};

void
mg_annotate_init(char *const *environment, MgAnnotate *ret)
{
    *ret = (MgAnnotate){
        .is_on = strcmp(mg_term_variable(environment, "GITHUB_ACTIONS"), "true") == 0,
        .workspace = mg_term_variable(environment, "GITHUB_WORKSPACE"),
        .path = mg_term_variable(environment, "GITHUB_STEP_SUMMARY"),
        .target = { .max_bytes = MAX_PART_BYTES },
        .session = { .max_bytes = MAX_PART_BYTES },
        .steps = { .max_bytes = MAX_PART_BYTES },
        .result = { .max_bytes = MAX_PART_BYTES },
        .warnings = { .max_bytes = MAX_PART_BYTES },
        .error = { .max_bytes = MAX_PART_BYTES },
    };
}

void
mg_annotate_release(MgAnnotate *annotate)
{
    MgBuf *const parts[] = { &annotate->target, &annotate->session,  &annotate->steps,
                             &annotate->result, &annotate->warnings, &annotate->error };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        mg_buf_release(parts[i]);
}

/* ---- Annotations ------------------------------------------------------------------------ */

/* A message ends with its line, a property with its comma too. */
static void
add_escaped(MgBuf *line, const char *text, const char *special)
{
    for (; *text != '\0'; text++) {
        if (strchr(special, *text) != NULL)
            mg_buf_format(line, "%%%02X", (unsigned)(unsigned char)*text);
        else
            mg_buf_add_char(line, *text);
    }
}

static void
add_property(MgBuf *line, const char *name, const char *value)
{
    mg_buf_format(line, "%s=", name);
    add_escaped(line, value, "%\r\n:,");
}

/* The whole path of a file that may be gone. */
static bool
find_path(const char *file, char ret[PATH_MAX])
{
    if (realpath(file, ret) != NULL)
        return true;
    char folder[PATH_MAX], whole[PATH_MAX];
    const char *slash = strrchr(file, '/');
    size_t folder_bytes = slash == NULL ? 0 : (size_t)(slash - file);
    if (folder_bytes >= sizeof folder)
        return false;
    memcpy(folder, file, folder_bytes);
    folder[folder_bytes] = '\0';
    if (realpath(folder_bytes == 0 ? "." : folder, whole) == NULL)
        return false;
    int size = snprintf(ret, PATH_MAX, "%s/%s", whole, slash == NULL ? file : slash + 1);
    return size > 0 && size < PATH_MAX;
}

/* A place may be "DATABASE_URL in the environment": only a file has lines to show it at, and one
 * that was deleted has them too. */
static void
add_file(const MgAnnotate *annotate, MgBuf *line, const MgError *err)
{
    char whole[PATH_MAX], root[PATH_MAX];
    const char *file = err->place;
    if (*file == '\0' || (err->line == 0 && access(file, F_OK) != 0))
        return;
    if (*annotate->workspace != '\0' && realpath(annotate->workspace, root) != NULL &&
        find_path(file, whole) && mg_text_starts(whole, root) && whole[strlen(root)] == '/')
        file = whole + strlen(root) + 1;
    add_property(line, "file", file);
    if (err->line > 0)
        mg_buf_format(line, ",line=%d", err->line);
    if (err->line > 0 && err->column > 0)
        mg_buf_format(line, ",col=%d", err->column);
    mg_buf_add_char(line, ',');
}

void
mg_annotate_line(MgAnnotate *annotate, MgAnnotation kind, const MgError *err, MgBuf *ret)
{
    if (!annotate->is_on || annotate->n_annotations[kind]++ >= MAX_ANNOTATIONS)
        return;
    MG_CLEANUP(buf) MgBuf text = { 0 };
    mg_buf_add(&text, err->message);
    if (err->detail[0] != '\0')
        mg_buf_format(&text, "\n%s", err->detail);
    for (int i = 0; i < MG_ERROR_MAX_HINTS; i++)
        if (err->hint[i][0] != '\0')
            mg_buf_format(&text, "\nhint: %s", err->hint[i]);
    if (err->note[0] != '\0')
        mg_buf_format(&text, "\nnote: %s", err->note);
    mg_buf_format(ret, "::%s ", kinds[kind]);
    add_file(annotate, ret, err);
    mg_buf_add(ret, "title=migrate");
    if (err->code != MG_OK)
        mg_buf_format(ret, " (%s)", mg_error_slug(err->code));
    mg_buf_add(ret, "::");
    add_escaped(ret, mg_buf_text(&text), "%\r\n");
    mg_buf_add_char(ret, '\n');
}

void
mg_annotate_defuse(const MgAnnotate *annotate, char *text)
{
    if (!annotate->is_on || text == NULL)
        return;
    /* "::name::" behind the blanks that a line begins with, and the older "##[name]" anywhere. */
    for (bool is_begin = true; *text != '\0'; text++) {
        if ((is_begin && mg_text_starts(text, "::")) || mg_text_starts(text, "##["))
            *text = '?';
        is_begin = *text == '\n' || (is_begin && (*text == ' ' || *text == '\t'));
    }
}

/* ---- The summary ------------------------------------------------------------------------ */

bool
mg_annotate_wants_summary(const MgAnnotate *annotate)
{
    return annotate->path != NULL && annotate->path[0] != '\0';
}

static void
add_step(MgBuf *steps, const char *word, const MgEvent *event)
{
    char took[32];
    mg_text_duration(event->duration_us, took, sizeof took);
    if (steps->size_bytes == 0)
        mg_buf_add(steps, "| | migration | took | |\n| --- | --- | ---: | --- |\n");
    mg_buf_format(steps, "| %s | ", word);
    mg_buf_add_markdown(steps, event->migration == NULL ? "" : event->migration);
    mg_buf_format(steps, " | %s | ", took);
    mg_buf_add_markdown(steps, event->text == NULL ? "" : event->text);
    mg_buf_add(steps, " |\n");
}

void
mg_annotate_event(MgAnnotate *annotate, const MgEvent *event)
{
    static const struct {
        MgEventKind kind;
        const char *word;
    } words[] = { { MG_EVENT_APPLIED, "applied" },
                  { MG_EVENT_REVERTED, "reverted" },
                  { MG_EVENT_TRIED, "tried" } };
    if (!mg_annotate_wants_summary(annotate))
        return;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i].kind == event->kind)
            add_step(&annotate->steps, words[i].word, event);
    /* Told once more by each connection. */
    MgBuf *once = event->kind == MG_EVENT_TARGET    ? &annotate->target
                  : event->kind == MG_EVENT_SESSION ? &annotate->session
                                                    : NULL;
    if (once != NULL && once->size_bytes == 0) {
        mg_buf_add_markdown(once, event->text);
        mg_buf_add(once, event->kind == MG_EVENT_TARGET ? "\\\n" : "\n");
    }
}

void
mg_annotate_warning(MgAnnotate *annotate, const char *text)
{
    if (!mg_annotate_wants_summary(annotate))
        return;
    mg_buf_add(&annotate->warnings, "- warning: ");
    mg_buf_add_markdown(&annotate->warnings, text);
    mg_buf_add_char(&annotate->warnings, '\n');
}

void
mg_annotate_result(MgAnnotate *annotate, const char *word, const char *text)
{
    if (!mg_annotate_wants_summary(annotate))
        return;
    mg_buf_format(&annotate->result, "**%s**: ", word);
    mg_buf_add_markdown(&annotate->result, text);
    mg_buf_add_char(&annotate->result, '\n');
}

void
mg_annotate_report(void *payload, const char *text, size_t size_bytes)
{
    MgAnnotate *annotate = payload;
    annotate->has_report = true;
    mg_buf_add_n(&annotate->result, text, size_bytes);
}

static void
add_place(MgBuf *buf, const MgError *err)
{
    if (err->place[0] == '\0')
        return;
    mg_buf_add(buf, "\n");
    mg_buf_add_markdown(buf, err->place);
    if (err->line > 0)
        mg_buf_format(buf, ":%d", err->line);
    if (err->line > 0 && err->column > 0)
        mg_buf_format(buf, ":%d", err->column);
    mg_buf_add_char(buf, '\n');
}

static void
add_paragraph(MgBuf *buf, const char *word, const char *text)
{
    if (text[0] == '\0')
        return;
    mg_buf_format(buf, "\n%s: ", word);
    mg_buf_add_markdown(buf, text);
    mg_buf_add_char(buf, '\n');
}

void
mg_annotate_error(MgAnnotate *annotate, const MgError *err)
{
    MgBuf *buf = &annotate->error;
    if (!mg_annotate_wants_summary(annotate))
        return;
    mg_buf_add(buf, buf->size_bytes == 0 ? "**error**: " : "\n**error**: ");
    mg_buf_add_markdown(buf, err->message);
    mg_buf_format(buf, " (%s)\n", mg_error_slug(err->code));
    add_place(buf, err);
    if (err->excerpt[0] != '\0') {
        /* Indented: no text of a file can end it, as it could end a fence. */
        mg_buf_add_char(buf, '\n');
        for (const char *at = err->excerpt; *at != '\0';) {
            size_t n = strcspn(at, "\n");
            mg_buf_add(buf, "    ");
            mg_buf_add_n(buf, at, n);
            mg_buf_add_char(buf, '\n');
            at += n + (at[n] == '\n');
        }
    }
    add_paragraph(buf, "detail", err->detail);
    for (int i = 0; i < MG_ERROR_MAX_HINTS; i++)
        add_paragraph(buf, "hint", err->hint[i]);
    add_paragraph(buf, "note", err->note);
}

static bool
append(const char *path, const MgBuf *text)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return false;
    MgTerm file = { .fd = fd };
    bool is_ok = mg_term_write(&file, mg_buf_text(text), text->size_bytes);
    int failure = errno;
    is_ok = close(fd) == 0 && is_ok;
    errno = failure;
    return is_ok;
}

bool
mg_annotate_write(const MgAnnotate *annotate, const char *command)
{
    const MgBuf *const parts[] = { &annotate->steps, &annotate->result, &annotate->warnings,
                                   &annotate->error };
    MG_CLEANUP(buf) MgBuf text = { 0 };
    bool is_told = annotate->steps.size_bytes > 0 || annotate->result.size_bytes > 0 ||
                   annotate->error.size_bytes > 0;
    if (!mg_annotate_wants_summary(annotate) || !is_told)
        return true;
    if (!annotate->has_report)
        mg_buf_format(&text, "## migrate%s%s\n", command == NULL ? "" : " ",
                      command == NULL ? "" : command);
    if (!annotate->has_report && annotate->target.size_bytes > 0)
        mg_buf_format(&text, "\n%s%s", mg_buf_text(&annotate->target),
                      mg_buf_text(&annotate->session));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i]->size_bytes > 0)
            mg_buf_format(&text, "%s%s", text.size_bytes == 0 ? "" : "\n", mg_buf_text(parts[i]));
    mg_buf_add_char(&text, '\n');
    return append(annotate->path, &text);
}
