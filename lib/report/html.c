/*
 * Reports as one self-contained page: no script, nothing loaded from elsewhere,
 * light or dark as the reader's system is, narrow enough for a phone.  It is
 * well-formed XML too.  Every text is escaped; all of it may come from strangers.
 */
#include "report/report.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"

enum {
    N_TICKS = 4,      /* of the time axis, its ends among them */
    SHOWN_BYTES = 32, /* a time or a duration */
    DAY_MS = 24 * 3600 * 1000,
    HEIGHT = 220, /* of the timeline, in pixels */
};

/* Columns of what stands in for a name in the page's classes. */
static const struct {
    const char *word, *class;
} tones[] = {
    { "applied", "good" }, { "baseline", "good" },   { "adopted", "good" },
    { "claimed", "good" }, { "pending", "next" },    { "changed", "next" },
    { "stale", "next" },   { "ahead", "next" },      { "late", "warn" },
    { "missing", "warn" }, { "partial", "bad" },     { "drifted", "bad" },
    { "failed", "bad" },   { "reverted", "undone" }, { "released", "undone" },
};

static const char style[] =
    ":root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#1b2330;--soft:#5d6878;"
    "--line:#dfe3e9;--good:#1a7f4b;--next:#1f63c4;--warn:#a15c00;--bad:#c02b35;--undone:#74509c}"
    "@media (prefers-color-scheme:dark){:root{--page:#12161c;--card:#1b212a;--ink:#e6eaf0;"
    "--soft:#98a3b3;--line:#313a46;--good:#4cc38a;--next:#74aaff;--warn:#e2a445;--bad:#ff7b82;"
    "--undone:#bd9be8}}"
    "*{box-sizing:border-box}"
    "body{margin:0;background:var(--page);color:var(--ink);"
    "font:15px/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,sans-serif}"
    "main{max-width:70rem;margin:0 auto;padding:1.5rem 1rem 3rem}"
    "h1{font-size:1.5rem;margin:0;overflow-wrap:anywhere}"
    "h2{font-size:1rem;margin:0 0 .75rem}"
    ".soft{color:var(--soft);margin:.15rem 0;overflow-wrap:anywhere}"
    ".lead{font-size:1.1rem;margin:1rem 0;overflow-wrap:anywhere}"
    ".card{background:var(--card);border:1px solid var(--line);border-radius:.6rem;"
    "padding:1rem;margin:1rem 0}"
    ".tiles{display:flex;flex-wrap:wrap;gap:.6rem;margin:1rem 0;padding:0;list-style:none}"
    ".tiles li{background:var(--card);border:1px solid var(--line);border-radius:.6rem;"
    "padding:.5rem .9rem;min-width:5.5rem}"
    ".tiles b{display:block;font-size:1.5rem;line-height:1.2;font-variant-numeric:tabular-nums}"
    ".good{color:var(--good)}.next{color:var(--next)}.warn{color:var(--warn)}"
    ".bad{color:var(--bad)}.undone{color:var(--undone)}"
    ".error{border-left:.3rem solid var(--bad)}"
    "pre{overflow-x:auto;font:13px/1.45 ui-monospace,Menlo,Consolas,monospace;margin:.5rem 0}"
    ".plot{display:grid;grid-template-columns:auto 1fr;gap:0 .6rem;font-size:.75rem;"
    "color:var(--soft)}"
    ".up{position:relative;width:3rem}"
    ".up span{position:absolute;right:0;transform:translateY(50%);white-space:nowrap}"
    ".plot svg{display:block;width:100%;overflow:visible}"
    ".plot line{stroke:var(--line);stroke-width:1}"
    ".plot g{fill:currentColor;stroke:currentColor}"
    ".plot g line{stroke:currentColor;stroke-width:2;stroke-opacity:.35}"
    ".plot g circle{stroke:var(--card);stroke-width:1.5}"
    ".along{grid-column:2;display:flex;justify-content:space-between;margin-top:.4rem;"
    "font-variant-numeric:tabular-nums}"
    "table{width:100%;border-collapse:collapse;font-variant-numeric:tabular-nums}"
    "th{text-align:left;font-size:.75rem;font-weight:600;color:var(--soft);"
    "padding:.3rem .6rem;border-bottom:1px solid var(--line)}"
    "td{padding:.4rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}"
    "tr:last-child td{border-bottom:0}"
    ".right{text-align:right}td.right,td.tone,td.fixed{white-space:nowrap}"
    ".tone{font-weight:600}"
    "td a{overflow-wrap:anywhere}"
    "summary{cursor:pointer;color:var(--soft);padding:.6rem}"
    "td.name{min-width:12rem}"
    ".name{overflow-wrap:anywhere;font-family:ui-monospace,Menlo,Consolas,monospace;font-size:."
    "85rem}"
    "@media (max-width:46rem){main{padding:1rem .75rem 2rem}"
    ".along .mid{display:none}"
    "table,tbody,tr,td{display:block;width:100%}thead{display:none}"
    "tr{border-bottom:1px solid var(--line);padding:.5rem 0}tr:last-child{border-bottom:0}"
    "td,td.right{border:0;overflow-wrap:anywhere;padding:.1rem "
    "0;text-align:left;white-space:normal}"
    "td:not(.tone):not(.name){display:inline-block;width:auto;margin-right:.8rem}"
    "td:empty,td:not(.tone):not(.name):empty{display:none}"
    "td[data-label]::before{content:attr(data-label) \" \";color:var(--soft);font-size:.8rem;"
    "font-family:system-ui,sans-serif;font-weight:400}}"
    "@media print{body{background:#fff}.card,.tiles li{break-inside:avoid}}";

/* ---- Text ---------------------------------------------------------------------- */

static void
add_escaped(MgBuf *buf, const char *text)
{
    MgArena arena = { 0 };
    char *shown = mg_arena_text(&arena, text);
    mg_text_defuse(shown, true);
    for (; *shown != '\0'; shown++) {
        const char *entity = *shown == '&'    ? "&amp;"
                             : *shown == '<'  ? "&lt;"
                             : *shown == '>'  ? "&gt;"
                             : *shown == '"'  ? "&quot;"
                             : *shown == '\'' ? "&#39;"
                                              : NULL;
        if (entity != NULL)
            mg_buf_add(buf, entity);
        else
            mg_buf_add_char(buf, *shown);
    }
    mg_arena_release(&arena);
}

/* <TAG class="CLASS", without a class when it is "". */
static void
add_begin(MgBuf *buf, const char *tag, const char *class)
{
    mg_buf_format(buf, "<%s", tag);
    if (*class != '\0')
        mg_buf_format(buf, " class=\"%s\"", class);
}

/* <TAG CLASS>text</TAG>; nothing for an absent text. */
static void
add_element(MgBuf *buf, const char *tag, const char *class, const char *text)
{
    if (text == NULL || *text == '\0')
        return;
    add_begin(buf, tag, class);
    mg_buf_add_char(buf, '>');
    add_escaped(buf, text);
    mg_buf_format(buf, "</%s>\n", tag);
}

static const char *
tone_of(const char *word)
{
    for (size_t i = 0; i < sizeof tones / sizeof *tones; i++)
        if (strcmp(tones[i].word, word) == 0)
            return tones[i].class;
    return "";
}

static const MgCell *
find_field(const MgReport *report, const char *name)
{
    for (size_t i = 0; i < report->fields.n; i++)
        if (strcmp(report->fields.items[i].key, name) == 0)
            return &report->fields.items[i].cell;
    return NULL;
}

static const char *
show_field(const MgReport *report, const char *name, MgArena *arena)
{
    const MgCell *cell = find_field(report, name);
    return cell == NULL ? "" : mg_cell_show(cell, arena);
}

/* ---- The top ----------------------------------------------------------------------- */

static void
add_head(const MgReport *report, const char *subject, MgBuf *buf)
{
    mg_buf_add(buf, "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n"
                    "<head>\n<meta charset=\"utf-8\" />\n"
                    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\" />\n"
                    "<meta name=\"color-scheme\" content=\"light dark\" />\n"
                    "<meta http-equiv=\"Content-Security-Policy\""
                    " content=\"default-src 'none'; style-src 'unsafe-inline'\" />\n<title>");
    add_escaped(buf, report->title);
    if (*subject != '\0')
        mg_buf_add(buf, ": ");
    add_escaped(buf, subject);
    mg_buf_format(buf, "</title>\n<style>%s</style>\n</head>\n<body>\n<main>\n", style);
}

/* Where and when, as far as the report tells. */
static void
add_origin(const MgReport *report, const MgView *view, MgArena *arena, MgBuf *buf)
{
    const char *host = show_field(report, "target.host", arena);
    const char *version = show_field(report, "session.server_version", arena);
    const char *as_of = show_field(report, "as_of", arena);
    char now[SHOWN_BYTES];
    mg_text_minute(view->now_ms, now, sizeof now);
    if (*host != '\0')
        add_element(buf, "p", "soft",
                    mg_arena_format(arena, "%s, port %s, PostgreSQL %s, session %s", host,
                                    show_field(report, "target.port", arena), version,
                                    show_field(report, "session.verdict", arena)));
    add_element(buf, "p", "soft",
                *as_of == '\0'
                    ? mg_arena_format(arena, "%s UTC", now)
                    : mg_arena_format(arena, "%s UTC, as this machine saw it at %s", now, as_of));
}

static void
add_error(const MgError *err, MgBuf *buf)
{
    mg_buf_add(buf, "<section class=\"card error\">\n<h2>");
    add_escaped(buf, err->message);
    mg_buf_format(buf, " (%s)</h2>\n", mg_error_slug(err->code));
    add_element(buf, "p", "soft", err->place);
    add_element(buf, "pre", "", err->excerpt);
    add_element(buf, "p", "", err->detail);
    for (size_t i = 0; i < MG_ERROR_MAX_HINTS; i++)
        add_element(buf, "p", "", err->hint[i]);
    add_element(buf, "p", "soft", err->note);
    mg_buf_add(buf, "</section>\n");
}

/* The counts that are not zero. */
static void
add_tiles(const MgReport *report, MgBuf *buf)
{
    static const char prefix[] = "counts.";
    bool has_any = false;
    for (size_t i = 0; i < report->fields.n; i++) {
        const MgField *field = &report->fields.items[i];
        if (!mg_text_starts(field->key, prefix) || field->cell.number == 0)
            continue;
        const char *word = field->key + strlen(prefix);
        mg_buf_add(buf, has_any ? "<li>" : "<ul class=\"tiles\">\n<li>");
        add_begin(buf, "b", tone_of(word));
        mg_buf_format(buf, ">%" PRId64 "</b> %s</li>\n", field->cell.number, word);
        has_any = true;
    }
    if (has_any)
        mg_buf_add(buf, "</ul>\n");
}

/* ---- The timeline -------------------------------------------------------------------- */

/* Durations on a logarithmic scale: marks that people know, not powers of ten. */
static const struct {
    int64_t us;
    const char *text;
} marks[] = {
    { 1000, "1 ms" },
    { 10000, "10 ms" },
    { 100000, "100 ms" },
    { 1000000, "1 s" },
    { 10000000, "10 s" },
    { 60000000, "1 min" },
    { 600000000, "10 min" },
    { INT64_C(3600000000), "1 h" },
    { INT64_C(36000000000), "10 h" },
};

enum {
    N_MARKS = sizeof marks / sizeof *marks,
    MIN_MARKS = 4, /* up to 1 s: else a small difference would look like a large one */
};

typedef struct Timeline {
    const MgReport *report;
    int64_t begin_ms, end_ms;
    int n_marks; /* up to and including the one above the slowest */
} Timeline;

/* Thousandths of the way up: equal steps from mark to mark, straight in between. */
static int
height_of(const Timeline *timeline, int64_t duration_us)
{
    int steps = timeline->n_marks - 1;
    if (duration_us <= marks[0].us)
        return 0;
    for (int i = 1; i <= steps; i++) {
        int64_t low = marks[i - 1].us, high = marks[i].us;
        if (duration_us < high)
            return (int)((1000 * (int64_t)(i - 1) + 1000 * (duration_us - low) / (high - low)) /
                         steps);
    }
    return 1000;
}

/* Thousandths of the way along; a single moment stands in the middle. */
static int
way_of(const Timeline *timeline, int64_t at_ms)
{
    int64_t range_ms = timeline->end_ms - timeline->begin_ms;
    return range_ms == 0 ? 500
                         : (int)((double)(at_ms - timeline->begin_ms) / (double)range_ms * 1000);
}

static Timeline
measure(const MgReport *report)
{
    Timeline timeline = { .report = report, .n_marks = MIN_MARKS };
    timeline.begin_ms = timeline.end_ms = report->moments.items[0].at_ms;
    for (size_t i = 0; i < report->moments.n; i++) {
        const MgMoment *moment = &report->moments.items[i];
        if (moment->at_ms < timeline.begin_ms)
            timeline.begin_ms = moment->at_ms;
        if (moment->at_ms > timeline.end_ms)
            timeline.end_ms = moment->at_ms;
        while (timeline.n_marks < N_MARKS && marks[timeline.n_marks - 1].us < moment->duration_us)
            timeline.n_marks++;
    }
    return timeline;
}

static void
add_moment(const Timeline *timeline, const MgMoment *moment, MgBuf *buf)
{
    char when[SHOWN_BYTES], took[SHOWN_BYTES];
    int way = way_of(timeline, moment->at_ms);
    int down = 1000 - height_of(timeline, moment->duration_us);
    mg_text_minute(moment->at_ms, when, sizeof when);
    mg_text_duration(moment->duration_us, took, sizeof took);
    add_begin(buf, "g", tone_of(moment->state));
    mg_buf_add(buf, "><title>");
    add_escaped(buf, moment->label);
    mg_buf_format(buf, ": %s %s UTC", moment->state, when);
    if (moment->duration_us > 0) {
        mg_buf_add(buf, ", ");
        add_escaped(buf, took); /* "<1 ms" */
    }
    mg_buf_add(buf, "</title>");
    mg_buf_format(buf,
                  "<line x1=\"%d.%d%%\" x2=\"%d.%d%%\" y1=\"100%%\" y2=\"%d.%d%%\" />"
                  "<circle cx=\"%d.%d%%\" cy=\"%d.%d%%\" r=\"5\" /></g>\n",
                  way / 10, way % 10, way / 10, way % 10, down / 10, down % 10, way / 10, way % 10,
                  down / 10, down % 10);
}

/* A time of the axis: a day where the range has several, else with its minute or second. */
static void
add_tick(const Timeline *timeline, int tick, MgBuf *buf)
{
    char text[SHOWN_BYTES];
    int64_t range_ms = timeline->end_ms - timeline->begin_ms;
    int64_t at_ms = timeline->begin_ms + range_ms * tick / (N_TICKS - 1);
    mg_text_iso(at_ms, text, sizeof text);
    bool is_end = tick == 0 || tick == N_TICKS - 1;
    if (range_ms > 3 * (int64_t)DAY_MS)
        text[strlen("2026-03-01")] = '\0';
    else
        text[range_ms > DAY_MS / 24 ? strlen("2026-03-01T09:12") : strlen("2026-03-01T09:12:33")] =
            '\0';
    const char *shown = text;
    if (text[strlen("2026-03-01")] == 'T')
        text[strlen("2026-03-01")] = ' ';
    if (!is_end && range_ms <= 3 * (int64_t)DAY_MS)
        shown = text + strlen("2026-");
    mg_buf_format(buf, "<span%s>%s</span>", is_end ? "" : " class=\"mid\"", shown);
}

static const MgMoment *
find_slowest(const MgReport *report)
{
    const MgMoment *slowest = &report->moments.items[0];
    for (size_t i = 1; i < report->moments.n; i++)
        if (report->moments.items[i].duration_us > slowest->duration_us)
            slowest = &report->moments.items[i];
    return slowest;
}

static void
add_timeline(const MgReport *report, MgBuf *buf)
{
    if (report->moments.n == 0)
        return;
    Timeline timeline = measure(report);
    const MgMoment *slowest = find_slowest(report);
    int steps = timeline.n_marks - 1;
    mg_buf_add(buf, "<section class=\"card\">\n<h2>When, and how long each took</h2>\n"
                    "<div class=\"plot\">\n<div class=\"up\">");
    for (int i = 0; i <= steps; i++)
        mg_buf_format(buf, "<span style=\"bottom:%d%%\">%s</span>", 100 * i / steps, marks[i].text);
    mg_buf_format(buf,
                  "</div>\n<svg xmlns=\"http://www.w3.org/2000/svg\" height=\"%d\" role=\"img\""
                  " aria-label=\"timeline\">\n",
                  HEIGHT);
    for (int i = 0; i <= steps; i++)
        mg_buf_format(buf, "<line x1=\"0\" x2=\"100%%\" y1=\"%d%%\" y2=\"%d%%\" />\n",
                      100 - 100 * i / steps, 100 - 100 * i / steps);
    for (size_t i = 0; i < report->moments.n; i++)
        add_moment(&timeline, &report->moments.items[i], buf);
    mg_buf_add(buf, "</svg>\n<div class=\"along\">");
    for (int i = 0; i < N_TICKS && timeline.end_ms > timeline.begin_ms; i++)
        add_tick(&timeline, i, buf);
    mg_buf_add(buf, "</div>\n</div>\n");
    if (slowest->duration_us > 0) {
        char took[SHOWN_BYTES];
        mg_text_duration(slowest->duration_us, took, sizeof took);
        mg_buf_add(buf, "<p class=\"soft\">The slowest: ");
        add_escaped(buf, slowest->label);
        mg_buf_add(buf, ", ");
        add_escaped(buf, took);
        mg_buf_add(buf, ".</p>\n");
    }
    mg_buf_add(buf, "</section>\n");
}

/* ---- The table -------------------------------------------------------------------------- */

static const char *
class_of(const MgColumn *column, const MgCell *cell)
{
    return column->is_right             ? "right"
           : column->is_cut             ? "name"
           : cell->kind == MG_CELL_TIME ? "fixed"
                                        : "";
}

/* The last part of the path says which run it was; the whole is where the link leads. */
static const char *
link_text(const char *url)
{
    const char *slash = strrchr(url, '/');
    return slash[1] != '\0' ? slash + 1 : url;
}

static void
add_cell(const MgColumn *column, const MgCell *cell, bool is_first, MgArena *arena, MgBuf *buf)
{
    const char *text = mg_cell_show(cell, arena);
    const char *tone = tone_of(text);
    bool is_link = cell->kind == MG_CELL_TEXT && mg_text_starts(text, "https://");
    if (*tone != '\0')
        mg_buf_format(buf, "<td class=\"tone %s\"", tone);
    else
        add_begin(buf, "td", class_of(column, cell));
    if (!is_first && *tone == '\0' && !column->is_cut) {
        mg_buf_add(buf, " data-label=\"");
        add_escaped(buf, column->heading);
        mg_buf_add_char(buf, '"');
    }
    mg_buf_add_char(buf, '>');
    if (is_link) {
        mg_buf_add(buf, "<a rel=\"noreferrer\" href=\"");
        add_escaped(buf, text);
        mg_buf_add(buf, "\">");
        text = link_text(text);
    }
    add_escaped(buf, text);
    mg_buf_format(buf, "%s</td>", is_link ? "</a>" : "");
}

static void
add_rows(const MgReport *report, size_t begin, size_t end, MgArena *arena, MgBuf *buf)
{
    bool is_shown[MG_REPORT_MAX_COLUMNS];
    mg_buf_add(buf, "<table>\n<thead><tr>");
    for (size_t i = 0; i < report->n_columns; i++) {
        is_shown[i] = mg_report_shows(report, i);
        if (is_shown[i]) {
            add_begin(buf, "th", report->columns[i].is_right ? "right" : "");
            mg_buf_format(buf, ">%s</th>", report->columns[i].heading);
        }
    }
    mg_buf_add(buf, "</tr></thead>\n<tbody>\n");
    for (size_t row = begin; row < end; row++) {
        bool is_first = true;
        mg_buf_add(buf, "<tr>");
        for (size_t i = 0; i < report->n_columns; i++) {
            if (!is_shown[i])
                continue;
            add_cell(&report->columns[i], &report->cells.items[row * report->n_columns + i],
                     is_first, arena, buf);
            is_first = false;
        }
        mg_buf_add(buf, "</tr>\n");
    }
    mg_buf_add(buf, "</tbody>\n</table>\n");
}

static void
add_table(const MgReport *report, MgArena *arena, MgBuf *buf)
{
    size_t n_rows = report->cells.n / report->n_columns;
    size_t n_unfolded = report->folded == NULL ? n_rows : report->n_unfolded;
    mg_buf_add(buf, "<section class=\"card\">\n");
    add_rows(report, 0, n_unfolded, arena, buf);
    if (n_unfolded < n_rows) {
        mg_buf_format(buf, "<details>\n<summary>%s</summary>\n", report->folded);
        add_rows(report, n_unfolded, n_rows, arena, buf);
        mg_buf_add(buf, "</details>\n");
    }
    mg_buf_add(buf, "</section>\n");
}

void
mg_report_write_html(const MgReport *report, const MgView *view, MgWrite write, void *payload)
{
    MgArena arena = { 0 };
    MG_CLEANUP(buf) MgBuf buf = { 0 };
    const char *database = show_field(report, "target.database", &arena);
    add_head(report, database, &buf);
    add_element(&buf, "h1", "",
                *database == '\0' ? report->title
                                  : mg_arena_format(&arena, "%s: %s", report->title, database));
    add_origin(report, view, &arena, &buf);
    if (view->error != NULL)
        add_error(view->error, &buf);
    add_element(&buf, "p", "lead", report->footer);
    add_tiles(report, &buf);
    add_timeline(report, &buf);
    if (report->cells.n > 0)
        add_table(report, &arena, &buf);
    add_element(&buf, "p", "soft", report->more);
    add_element(&buf, "p", "soft", "migrate " MG_VERSION);
    mg_buf_add(&buf, "</main>\n</body>\n</html>\n");
    write(payload, mg_buf_text(&buf), buf.size_bytes);
    mg_arena_release(&arena);
}
