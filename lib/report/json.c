/*
 * Reports as one JSON document.  Absent is null; keys are only ever added.
 * The only file that knows jansson.
 */
#include "report/report.h"

#include <assert.h>
#include <string.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/text.h"

/* Text that is not UTF-8 (a file's name may hold anything) shows "?" for its bad bytes. */
static json_t *
text_value(const char *text)
{
    size_t size_bytes = strlen(text);
    if (mg_text_valid_utf8(text, size_bytes) == size_bytes)
        return json_stringn(text, size_bytes);
    MG_CLEANUP(buf) MgBuf buf = { 0 };
    for (size_t at = 0; at < size_bytes; at++) {
        size_t n = mg_text_valid_utf8(text + at, size_bytes - at);
        mg_buf_add_n(&buf, text + at, n);
        at += n;
        if (at < size_bytes)
            mg_buf_add_char(&buf, '?');
    }
    return json_stringn(mg_buf_text(&buf), buf.size_bytes);
}

/* "" is absent in an MgError. */
static json_t *
field_value(const char *text)
{
    return text[0] != '\0' ? text_value(text) : json_null();
}

static json_t *
position_value(int position)
{
    return position > 0 ? json_integer(position) : json_null();
}

static void
set(json_t *object, const char *key, json_t *value)
{
    int ok = json_object_set_new(object, key, value);
    assert(ok == 0);
}

static void
append(json_t *array, json_t *value)
{
    int ok = json_array_append_new(array, value);
    assert(ok == 0);
}

static json_t *
error_value(const MgError *err)
{
    json_t *hints = json_array();
    for (size_t i = 0; i < MG_ERROR_MAX_HINTS; i++)
        if (err->hint[i][0] != '\0')
            append(hints, text_value(err->hint[i]));

    json_t *object = json_object();
    set(object, "code", text_value(mg_error_slug(err->code)));
    set(object, "message", text_value(err->message));
    set(object, "sqlstate", field_value(err->sqlstate));
    set(object, "place", field_value(err->place));
    set(object, "line", position_value(err->line));
    set(object, "column", position_value(err->column));
    set(object, "excerpt", field_value(err->excerpt));
    set(object, "detail", field_value(err->detail));
    set(object, "hints", hints);
    set(object, "note", field_value(err->note));
    set(object, "exit", json_integer(mg_error_exit_status(err->code)));
    return object;
}

static json_t *
iso_value(int64_t time_ms)
{
    char iso[32];
    mg_text_iso(time_ms, iso, sizeof iso);
    return json_string(iso);
}

static json_t *
list_value(const MgCell *cell)
{
    json_t *array = json_array();
    for (size_t i = 0; i < cell->n_texts; i++)
        append(array, text_value(cell->texts[i]));
    return array;
}

static json_t *
errors_value(const MgCell *cell)
{
    json_t *array = json_array();
    for (size_t i = 0; i < cell->n_errors; i++)
        append(array, error_value(&cell->errors[i]));
    return array;
}

static json_t *
cell_value(const MgCell *cell)
{
    switch (cell->kind) {
    case MG_CELL_NULL:
        return json_null();
    case MG_CELL_TEXT:
        return text_value(cell->text);
    case MG_CELL_INT:
        return json_integer(cell->number);
    case MG_CELL_BOOL:
        return json_boolean(cell->number != 0);
    case MG_CELL_TIME:
        return iso_value(cell->number);
    case MG_CELL_DURATION:
        return json_integer((cell->number + 500) / 1000);
    case MG_CELL_LIST:
        return list_value(cell);
    case MG_CELL_ERRORS:
        return errors_value(cell);
    }
    return json_null();
}

/* A dotted key leads into an object, which is made when it is not there. */
static void
set_field(json_t *object, const MgField *field)
{
    const char *dot = strchr(field->key, '.');
    if (dot == NULL) {
        set(object, field->key, cell_value(&field->cell));
        return;
    }
    char outer[32];
    size_t outer_bytes = (size_t)(dot - field->key);
    assert(outer_bytes < sizeof outer);
    memcpy(outer, field->key, outer_bytes);
    outer[outer_bytes] = '\0';
    if (json_object_get(object, outer) == NULL)
        set(object, outer, json_object());
    set(json_object_get(object, outer), dot + 1, cell_value(&field->cell));
}

static json_t *
row_value(const MgReport *report, size_t first_i)
{
    json_t *row = json_object();
    for (size_t i = 0; i < report->n_columns; i++)
        if (report->columns[i].key != NULL)
            set(row, report->columns[i].key, cell_value(&report->cells.items[first_i + i]));
    return row;
}

static int
add_part(const char *text, size_t size_bytes, void *payload)
{
    mg_buf_add_n(payload, text, size_bytes);
    return 0;
}

/* The value, with depth blanks before each line; without its last drop_bytes. */
static void
add_value(json_t *value, size_t depth, size_t drop_bytes, MgBuf *ret)
{
    MG_CLEANUP(buf) MgBuf buf = { 0 };
    int ok = json_dump_callback(value, add_part, &buf, JSON_INDENT(1));
    assert(ok == 0);
    const char *text = mg_buf_text(&buf);
    const char *end = text + buf.size_bytes - drop_bytes;
    while (text < end) {
        const char *line_end = memchr(text, '\n', (size_t)(end - text));
        size_t n = (size_t)((line_end == NULL ? end : line_end + 1) - text);
        mg_buf_add_repeated(ret, ' ', depth);
        mg_buf_add_n(ret, text, n);
        text += n;
    }
    json_decref(value);
}

/* The document up to its list. */
static void
add_head(const MgReport *report, const MgView *view, MgBuf *ret)
{
    json_t *document = json_object();
    set(document, "schema", text_value(report->schema));
    set(document, "tool", text_value(MG_VERSION));
    set(document, "at", iso_value(view->now_ms));
    set(document, "error", view->error != NULL ? error_value(view->error) : json_null());
    for (size_t i = 0; i < report->fields.n; i++)
        set_field(document, &report->fields.items[i]);
    add_value(document, 0, strlen("\n}"), ret);
    mg_buf_format(ret, ",\n \"%s\": ", report->list_key);
}

/*
 * Row by row, so that the memory for a long report is that of a row.  A list
 * that is not known is null, an empty one [].
 */
void
mg_report_write_json(const MgReport *report, const MgView *view, MgWrite write, void *payload)
{
    MG_CLEANUP(buf) MgBuf buf = { 0 };
    bool is_first = !report->is_continued;
    if (is_first)
        add_head(report, view, &buf);
    for (size_t i = 0; i < report->cells.n; i += report->n_columns) {
        mg_buf_add(&buf, is_first ? "[\n" : ",\n");
        add_value(row_value(report, i), 2, 0, &buf);
        is_first = false;
        write(payload, mg_buf_text(&buf), buf.size_bytes);
        mg_buf_clear(&buf);
    }
    if (!report->has_more)
        mg_buf_format(&buf, "%s\n}\n",
                      !is_first                 ? "\n ]"
                      : report->is_list_unknown ? "null"
                                                : "[]");
    write(payload, mg_buf_text(&buf), buf.size_bytes);
}
