/*
 * The line grammar.  Which stream, colour and word belongs to an event is a
 * table; the rest is alignment.
 */
#include "talk.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "lay.h"

enum {
    WORD_COLUMNS = 9,
    /* A duration ends here, behind the word: "applied  LABEL      41 ms". */
    DURATION_END = 45,
    MIN_GAP = 2,
    MIN_LABEL_COLUMNS = 24,
    DETAIL_INDENT = 8,
    MAX_DURATION_BYTES = 32,
    MAX_STEP_BYTES = 48,
    MAX_SAID = 256,
    SAME_US = 1000000, /* a statement that runs nearly as long as its migration is all of it */
};

/* How an event is printed. */
enum {
    IS_RESULT = 1 << 0,    /* to stdout */
    HAS_DURATION = 1 << 1, /* label and duration in their columns */
    WHEN_QUIET = 1 << 2,   /* also with --quiet */
    SAID_ONCE = 1 << 3,
    IN_BURSTS = 1 << 4, /* written together: whoever reads our output is woken up by each write */
    OF_STEP = IS_RESULT | HAS_DURATION | WHEN_QUIET | IN_BURSTS,
};

static const struct {
    const char *word;
    MgColour colour;
    unsigned flags;
} looks[] = {
    [MG_EVENT_TARGET] = { "target", MG_BOLD, SAID_ONCE },
    [MG_EVENT_SESSION] = { "session", MG_BOLD, SAID_ONCE },
    [MG_EVENT_WAITING] = { "waiting", MG_YELLOW, 0 },
    [MG_EVENT_RUNNING] = { "running", MG_CYAN, HAS_DURATION },
    [MG_EVENT_PROGRESS] = { "running", MG_PLAIN, HAS_DURATION },
    [MG_EVENT_APPLIED] = { "applied", MG_GREEN, OF_STEP },
    [MG_EVENT_REVERTED] = { "reverted", MG_GREEN, OF_STEP },
    [MG_EVENT_TRIED] = { "tried", MG_GREEN, OF_STEP },
    [MG_EVENT_RECORDED] = { "recorded", MG_GREEN, IS_RESULT | WHEN_QUIET },
    [MG_EVENT_NOTICE] = { "server", MG_CYAN, 0 },
    [MG_EVENT_NOTE] = { "note", MG_CYAN, SAID_ONCE },
    [MG_EVENT_WARNING] = { "warning", MG_YELLOW, WHEN_QUIET | SAID_ONCE },
    [MG_EVENT_DEBUG] = { "debug", MG_PLAIN, 0 },
};

void
mg_talk_init(const MgCommon *common, char *const *environment, MgArena *arena, MgTalk *ret)
{
    *ret =
        (MgTalk){ .is_quiet = common->is_quiet, .is_verbose = common->is_verbose, .arena = arena };
    mg_annotate_init(environment, &ret->annotate);
    mg_term_open(1, common->is_colorless, environment, &ret->out);
    mg_term_open(2, common->is_colorless, environment, &ret->err);
}

static void
clear_live(MgTalk *talk)
{
    if (talk->has_live)
        mg_term_clear_live(&talk->err);
    talk->has_live = false;
}

static void
write_now(MgTalk *talk, const MgTerm *term, const char *text, size_t size_bytes)
{
    clear_live(talk);
    bool is_written = mg_term_write(term, text, size_bytes);
    if (!is_written && term == &talk->out && talk->out_errno == 0)
        talk->out_errno = errno;
}

void
mg_talk_idle(void *payload)
{
    MgTalk *talk = payload;
    if (talk->gathered_bytes > 0)
        write_now(talk, talk->gathered_for, talk->gathered, talk->gathered_bytes);
    talk->gathered_bytes = 0;
}

void
mg_talk_end(MgTalk *talk)
{
    mg_talk_idle(talk);
    clear_live(talk);
}

void
mg_talk_leave_echo(MgTalk *talk)
{
    /* A live line is replaced, and the echo with it. */
    if (talk->err.is_terminal && !talk->has_live)
        (void)mg_term_write(&talk->err, "\n", 1);
}

static void
write_to(MgTalk *talk, const MgTerm *term, const char *text, size_t size_bytes)
{
    mg_talk_idle(talk);
    write_now(talk, term, text, size_bytes);
}

static void
gather(MgTalk *talk, const MgTerm *term, MgBuf *line)
{
    if (talk->gathered_for != term ||
        talk->gathered_bytes + line->size_bytes > MG_TALK_GATHER_BYTES)
        mg_talk_idle(talk);
    if (!talk->is_gathering || line->size_bytes > MG_TALK_GATHER_BYTES) {
        write_to(talk, term, line->text, line->size_bytes);
        return;
    }
    memcpy(talk->gathered + talk->gathered_bytes, line->text, line->size_bytes);
    talk->gathered_bytes += line->size_bytes;
    talk->gathered_for = term;
}

/* Names and what a server says may come from anybody: defused before colours are added. */
static const char *
defused(const char *text, bool has_lines, MgArena *arena)
{
    if (text == NULL)
        return NULL;
    char *ret = mg_arena_text(arena, text);
    mg_text_defuse(ret, has_lines);
    return ret;
}

static void
print(MgTalk *talk, const MgTerm *term, MgBuf *line)
{
    mg_annotate_defuse(&talk->annotate, line->text);
    write_to(talk, term, mg_buf_text(line), line->size_bytes);
}

void
mg_talk_write(void *payload, const char *text, size_t size_bytes)
{
    MgTalk *talk = payload;
    write_to(talk, &talk->out, text, size_bytes);
}

void
mg_talk_write_err(void *payload, const char *text, size_t size_bytes)
{
    MgTalk *talk = payload;
    write_to(talk, &talk->err, text, size_bytes);
}

/* "word     ", coloured where that is wanted. */
static void
add_word(MgBuf *line, const MgTerm *term, MgColour colour, const char *word)
{
    size_t columns = strlen(word);
    mg_buf_format(line, "%s%s%s", mg_term_begin(term, colour), word, mg_term_end(term, colour));
    mg_buf_add_repeated(line, ' ', columns < WORD_COLUMNS ? WORD_COLUMNS - columns : 1);
}

/* "CREATE INDEX CONCURRENTLY, usually 3 min 20 s"; "UPDATE, 2 min of usually 3 min 20 s" where the
 * statement's time is not the migration's. */
static void
add_expectation(MgBuf *buf, const MgEvent *event)
{
    char expected[MAX_DURATION_BYTES], elapsed[MAX_DURATION_BYTES];
    if (event->text != NULL)
        mg_buf_add(buf, event->text);
    if (event->expected_us <= 0)
        return;
    mg_text_duration(event->expected_us, expected, sizeof expected);
    mg_buf_add(buf, buf->size_bytes > 0 ? ", " : "");
    if (event->elapsed_us - event->duration_us >= SAME_US) {
        mg_text_duration(event->elapsed_us, elapsed, sizeof elapsed);
        mg_buf_format(buf, "%s of ", elapsed);
    }
    mg_buf_format(buf, "usually %s", expected);
}

/* "LABEL     41 ms  text": the columns of applied, reverted and running. */
static void
add_migration(MgBuf *line, const MgTerm *term, const MgEvent *event)
{
    char duration[MAX_DURATION_BYTES];
    mg_text_duration(event->duration_us, duration, sizeof duration);
    size_t duration_columns = strlen(duration);
    MG_CLEANUP(buf) MgBuf text = { 0 };
    add_expectation(&text, event);
    size_t text_columns =
        text.size_bytes == 0 ? 0 : MIN_GAP + mg_text_width(text.text, text.size_bytes);
    size_t max_columns = 0, end = DURATION_END;
    if (term->is_terminal) {
        /* The last column stays free. */
        size_t others = WORD_COLUMNS + text_columns + 1;
        size_t left = (size_t)term->width > others ? (size_t)term->width - others : 0;
        end = left < end ? left : end;
        max_columns = left > MIN_LABEL_COLUMNS + MIN_GAP + duration_columns
                          ? left - MIN_GAP - duration_columns
                          : MIN_LABEL_COLUMNS;
    }
    const char *label = event->migration == NULL ? "" : event->migration;
    size_t label_at = line->size_bytes;
    mg_lay_label(line, label, max_columns);
    size_t label_columns = mg_text_width(mg_buf_text(line) + label_at, line->size_bytes - label_at);
    size_t used = label_columns + duration_columns;
    mg_buf_add_repeated(line, ' ', used + MIN_GAP < end ? end - used : MIN_GAP);
    mg_buf_add(line, duration);
    if (text.size_bytes > 0)
        mg_buf_format(line, "  %s", text.text);
}

/* How many notices of the last migration were not shown. */
static void
end_notices(MgTalk *talk)
{
    MG_CLEANUP(buf) MgBuf text = { 0 };
    MG_CLEANUP(buf) MgBuf lines = { 0 };
    mg_notices_end(&talk->notices, &text);
    for (const char *at = mg_buf_text(&text); *at != '\0';) {
        size_t size_bytes = strcspn(at, "\n");
        add_word(&lines, &talk->err, MG_CYAN, "server");
        mg_lay_line(&lines, at, size_bytes, WORD_COLUMNS, WORD_COLUMNS);
        mg_buf_add_char(&lines, '\n');
        at += size_bytes + 1;
    }
    if (lines.size_bytes > 0)
        print(talk, &talk->err, &lines);
}

static void
print_aside(MgTalk *talk, const char *kind, const char *text)
{
    MgColour colour = strcmp(kind, "warning") == 0 ? MG_YELLOW : MG_CYAN;
    MG_CLEANUP(buf) MgBuf line = { 0 };
    mg_buf_format(&line, "%s%s:%s ", mg_term_begin(&talk->err, colour), kind,
                  mg_term_end(&talk->err, colour));
    mg_lay_prose(&line, kind, text, MG_LAY_INDENT);
    print(talk, &talk->err, &line);
}

static void
annotate(MgTalk *talk, MgAnnotation kind, const MgError *err)
{
    MG_CLEANUP(buf) MgBuf line = { 0 };
    mg_annotate_line(&talk->annotate, kind, err, &line);
    if (line.size_bytes > 0)
        write_to(talk, &talk->err, line.text, line.size_bytes);
}

void
mg_talk_annotate(MgTalk *talk, const MgError *finding)
{
    annotate(talk, MG_ANNOTATE_ERROR, finding);
}

static void
print_warning(MgTalk *talk, const char *text)
{
    MgError warning = { .code = MG_OK };
    print_aside(talk, "warning", text);
    mg_text_copy(warning.message, sizeof warning.message, text);
    mg_annotate_warning(&talk->annotate, text);
    annotate(talk, MG_ANNOTATE_WARNING, &warning);
}

void
mg_talk_refusal(MgTalk *talk, const MgError *refusal)
{
    MG_CLEANUP(buf) MgBuf text = { 0 };
    mg_buf_format(&text, "%s (%s)", refusal->message, mg_error_slug(refusal->code));
    print_aside(talk, "warning", mg_buf_text(&text));
    mg_annotate_warning(&talk->annotate, mg_buf_text(&text));
    annotate(talk, MG_ANNOTATE_WARNING, refusal);
}

void
mg_talk_aside(MgTalk *talk, const char *kind, const char *text)
{
    MgArena arena = { 0 };
    const char *shown = defused(text, true, &arena);
    if (strcmp(kind, "warning") == 0)
        print_warning(talk, shown);
    else
        print_aside(talk, kind, shown);
    mg_arena_release(&arena);
}

/* Has this been said before?  Remembers it. */
static bool
is_repeated(MgTalk *talk, const char *text)
{
    for (size_t i = 0; i < talk->said.n; i++) {
        if (strcmp(talk->said.items[i], text) == 0)
            return true;
    }
    if (talk->said.n < MAX_SAID)
        MG_PUSH(talk->arena, &talk->said, mg_arena_text(talk->arena, text));
    return false;
}

static bool
is_wanted(MgTalk *talk, const MgEvent *event)
{
    unsigned flags = looks[event->kind].flags;
    bool is_said_again = talk->has_document && (flags & IS_RESULT) != 0;
    if (talk->is_quiet && ((flags & WHEN_QUIET) == 0 || is_said_again))
        return false;
    if (event->kind == MG_EVENT_DEBUG)
        return talk->is_verbose;
    /* The same news: in a line that is replaced where there can be one, else in lines. */
    if (event->kind == MG_EVENT_PROGRESS || event->kind == MG_EVENT_RUNNING)
        return talk->err.has_live == (event->kind == MG_EVENT_PROGRESS);
    return (flags & SAID_ONCE) == 0 || event->text == NULL || !is_repeated(talk, event->text);
}

/* What we wait for is told in a sentence; names and what a server says keep their lines. */
static void
add_text(MgBuf *line, const MgEvent *event)
{
    const char *text = event->text == NULL ? "" : event->text;
    if (event->kind == MG_EVENT_WAITING) {
        size_t size_bytes = strcspn(text, "\n");
        mg_lay_line(line, text, size_bytes, WORD_COLUMNS, WORD_COLUMNS);
        text += size_bytes;
    }
    mg_lay_lines(line, text, WORD_COLUMNS);
}

static void
print_event(MgTalk *talk, const MgEvent *event)
{
    const char *word = looks[event->kind].word;
    unsigned flags = looks[event->kind].flags;
    if (event->kind == MG_EVENT_WARNING) {
        print_warning(talk, event->text);
        return;
    }
    if (event->kind == MG_EVENT_NOTE) {
        print_aside(talk, word, event->text);
        return;
    }
    bool is_live = event->kind == MG_EVENT_PROGRESS;
    bool is_result = (flags & IS_RESULT) != 0 && !talk->has_document;
    const MgTerm *term = is_result ? &talk->out : &talk->err;
    char step[MAX_STEP_BYTES];
    if (is_live && event->n_steps > 0) {
        snprintf(step, sizeof step, "%zu of %zu", event->step, event->n_steps);
        word = step;
    }
    if (is_live)
        mg_term_measure(&talk->err);
    MG_CLEANUP(buf) MgBuf line = { 0 };
    add_word(&line, term, looks[event->kind].colour, word);
    if ((flags & HAS_DURATION) != 0) {
        add_migration(&line, term, event);
        if (!is_live)
            mg_buf_add_char(&line, '\n');
    } else {
        if (event->migration != NULL)
            mg_buf_format(&line, "%s: ", event->migration);
        add_text(&line, event);
    }
    if (is_live) {
        mg_talk_idle(talk);
        mg_term_live(term, mg_buf_text(&line));
        talk->has_live = true;
    } else if ((flags & IN_BURSTS) != 0) {
        mg_annotate_defuse(&talk->annotate, line.text);
        gather(talk, term, &line);
    } else {
        print(talk, term, &line);
    }
}

void
mg_talk_event(void *payload, const MgEvent *event)
{
    MgTalk *talk = payload;
    MgArena arena = { 0 };
    MgEvent shown = *event;
    shown.migration = defused(event->migration, false, &arena);
    shown.text = defused(event->text, true, &arena);
    mg_annotate_event(&talk->annotate, &shown);
    bool is_end = (looks[event->kind].flags & IS_RESULT) != 0;
    if (is_end || (event->migration != NULL && mg_notices_is_over(&talk->notices, shown.migration)))
        end_notices(talk);
    if (is_wanted(talk, event) && (event->kind != MG_EVENT_NOTICE || talk->is_verbose ||
                                   mg_notices_take(&talk->notices, shown.migration, shown.text)))
        print_event(talk, &shown);
    mg_arena_release(&arena);
}

void
mg_talk_result(MgTalk *talk, const char *word, const char *format, ...)
{
    end_notices(talk);
    MG_CLEANUP(buf) MgBuf line = { 0 };
    MG_CLEANUP(buf) MgBuf text = { 0 };
    va_list args;
    va_start(args, format);
    mg_buf_vformat(&text, format, args);
    va_end(args);
    mg_text_defuse(text.text, false);
    add_word(&line, &talk->out, MG_BOLD, word);
    mg_buf_add(&line, mg_buf_text(&text));
    mg_buf_add_char(&line, '\n');
    print(talk, &talk->out, &line);
    mg_annotate_result(&talk->annotate, word, mg_buf_text(&text));
}

/* ---- Errors ---- */

static void
add_part(MgBuf *line, const MgTerm *term, MgColour colour, const char *word, const char *text,
         size_t indent)
{
    if (*text == '\0')
        return;
    mg_buf_format(line, "%s%s:%s ", mg_term_begin(term, colour), word, mg_term_end(term, colour));
    mg_lay_prose(line, word, text, indent);
}

static void
add_place(MgBuf *line, const MgError *err)
{
    if (*err->place == '\0')
        return;
    mg_buf_format(line, "  --> %s", err->place);
    if (err->line > 0)
        mg_buf_format(line, ":%d", err->line);
    if (err->line > 0 && err->column > 0)
        mg_buf_format(line, ":%d", err->column);
    mg_buf_add_char(line, '\n');
}

/* The SQLSTATE where the server spoke, else the slug that "migrate help" explains. */
static const char *
bracket(const MgError *err)
{
    bool is_server = err->code == MG_E_SQL || err->code == MG_E_SERVER;
    return is_server && *err->sqlstate != '\0' ? err->sqlstate : mg_error_slug(err->code);
}

static void
print_error(MgTalk *talk, const MgTerm *term, const MgError *err)
{
    MG_CLEANUP(buf) MgBuf block = { 0 };
    MgArena arena = { 0 };
    const char *what = mg_arena_format(&arena, "%s (%s)", err->message, bracket(err));
    add_part(&block, term, MG_RED, "error", what, MG_LAY_INDENT);
    mg_arena_release(&arena);
    add_place(&block, err);
    if (*err->excerpt != '\0')
        mg_lay_lines(&block, err->excerpt, 0);
    if (*err->sqlstate != '\0' && *err->detail != '\0') {
        mg_buf_format(&block, "%sdetail:%s ", mg_term_begin(term, MG_BOLD),
                      mg_term_end(term, MG_BOLD));
        mg_lay_paragraphs(&block, "detail", err->detail, DETAIL_INDENT);
    } else {
        add_part(&block, term, MG_BOLD, "detail", err->detail, DETAIL_INDENT);
    }
    for (int i = 0; i < MG_ERROR_MAX_HINTS; i++)
        add_part(&block, term, MG_CYAN, "hint", err->hint[i], MG_LAY_INDENT);
    add_part(&block, term, MG_BOLD, "note", err->note, MG_LAY_INDENT);
    print(talk, term, &block);
}

void
mg_talk_error(MgTalk *talk, const MgError *err)
{
    end_notices(talk);
    print_error(talk, &talk->err, err);
    annotate(talk, MG_ANNOTATE_ERROR, err);
    mg_annotate_error(&talk->annotate, err);
}

void
mg_talk_summary(MgTalk *talk)
{
    end_notices(talk);
    MG_CLEANUP(buf) MgBuf text = { 0 };
    if (!mg_annotate_write(&talk->annotate, talk->command)) {
        mg_buf_format(&text, "the summary could not be written to GITHUB_STEP_SUMMARY: %s",
                      strerror(errno));
        print_warning(talk, mg_buf_text(&text));
    }
    mg_annotate_release(&talk->annotate);
}

/* As it was noted, and a notebook may come from anybody. */
static void
defuse_error(MgError *err)
{
    mg_text_defuse(err->place, false);
    mg_text_defuse(err->message, false);
    mg_text_defuse(err->excerpt, true);
    mg_text_defuse(err->detail, true);
    for (int i = 0; i < MG_ERROR_MAX_HINTS; i++)
        mg_text_defuse(err->hint[i], true);
    mg_text_defuse(err->note, false);
}

void
mg_talk_past_error(MgTalk *talk, const MgError *err)
{
    MgError shown = *err;
    defuse_error(&shown);
    print_error(talk, &talk->out, &shown);
}
