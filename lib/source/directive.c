/*
 * Directives, "-- migrate:NAME VALUE": how they are written, and what each does to
 * its script.  Where one may stand is for script.c and native.c to say.
 */
#include <string.h>

#include "source/format.h"

const char *const mg_directive_names[MG_N_DIRECTIVES] = {
    [MG_DIRECTIVE_NO_TRANSACTION] = "no-transaction",
    [MG_DIRECTIVE_LOCK_TIMEOUT] = "lock-timeout",
    [MG_DIRECTIVE_STATEMENT_TIMEOUT] = "statement-timeout",
    [MG_DIRECTIVE_RETRY] = "retry",
    [MG_DIRECTIVE_DESTRUCTIVE] = "destructive",
    [MG_DIRECTIVE_UP] = "up",
    [MG_DIRECTIVE_DOWN] = "down",
};

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\f' || c == '\v';
}

static bool
begins_with(const char *at, const char *end, const char *mark)
{
    size_t n = strlen(mark);
    return (size_t)(end - at) >= n && mg_text_equal_fold_n(at, n, mark);
}

bool
mg_directive_parse(const char *text, MgSpan comment, MgDirective *ret)
{
    static const char mark[] = "migrate:";
    const char *at = text + comment.begin;
    const char *end = text + comment.end;

    if (end - at < 2 || at[0] != '-' || at[1] != '-')
        return false;
    at += 2;
    while (at < end && is_blank(*at))
        at++;
    while (end > at && is_blank(end[-1]))
        end--;
    const MgForeignMark *foreign = mg_mark_find(text + comment.begin, comment.end - comment.begin);
    if (foreign != NULL) {
        *ret = (MgDirective){ .kind = MG_N_DIRECTIVES,
                              .foreign = foreign,
                              .span = { comment.begin, (size_t)(end - text) } };
        return true;
    }
    if (!begins_with(at, end, mark))
        return false;
    at += sizeof mark - 1;

    MgDirective directive = { .kind = MG_N_DIRECTIVES, .name = at };
    directive.span = (MgSpan){ comment.begin, (size_t)(end - text) };
    while (at < end && !is_blank(*at))
        at++;
    directive.name_bytes = (size_t)(at - directive.name);
    while (at < end && is_blank(*at))
        at++;
    directive.value = at;
    directive.value_bytes = (size_t)(end - at);
    for (size_t i = 0; i < MG_N_DIRECTIVES; i++) {
        const char *name = mg_directive_names[i];
        if (strlen(name) == directive.name_bytes &&
            memcmp(name, directive.name, directive.name_bytes) == 0)
            directive.kind = (MgDirectiveKind)i;
    }
    *ret = directive;
    return true;
}

bool
mg_directive_is_mentioned(const char *text, size_t size_bytes)
{
    static const char mark[] = "migrate:";
    const size_t n = sizeof mark - 1;
    if (size_bytes < n)
        return false;
    const char *end = text + size_bytes;
    for (const char *at = text + n - 1; at < end; at++) {
        at = memchr(at, ':', (size_t)(end - at));
        if (at == NULL)
            return false;
        if (mg_text_equal_fold_n(at + 1 - n, n, mark))
            return true;
    }
    return false;
}

bool
mg_directive_may_stand(const char *text, size_t size_bytes)
{
    return mg_mark_may_stand(text, size_bytes) || mg_directive_is_mentioned(text, size_bytes);
}

typedef struct DirectiveRow {
    bool (*apply)(MgScript *script, const char *value);
    const char *rule; /* behind the quoted directive in a message */
} DirectiveRow;

enum {
    VALUE_MAX_BYTES = 64,
    /* More changes than these are no slip of the pen. */
    NEAR_DISTANCE = 4,
};

static bool
apply_no_transaction(MgScript *script, const char *value)
{
    script->is_marked = true;
    return *value == '\0';
}

static bool
apply_lock_timeout(MgScript *script, const char *value)
{
    return mg_text_parse_duration_ms(value, &script->lock_timeout_ms);
}

static bool
apply_statement_timeout(MgScript *script, const char *value)
{
    return mg_text_parse_duration_ms(value, &script->statement_timeout_ms);
}

static bool
apply_retry(MgScript *script, const char *value)
{
    script->is_retry_off = true;
    return strcmp(value, "no") == 0;
}

static bool
apply_destructive(MgScript *script, const char *value)
{
    script->is_destructive_allowed = true;
    return *value == '\0';
}

static bool
apply_marker(MgScript *script, const char *value)
{
    script->is_nothing = strcmp(value, "nothing") == 0;
    return *value == '\0' || script->is_nothing;
}

static const DirectiveRow directive_rows[MG_N_DIRECTIVES] = {
    [MG_DIRECTIVE_NO_TRANSACTION] = { apply_no_transaction, "takes no value" },
    [MG_DIRECTIVE_LOCK_TIMEOUT] = { apply_lock_timeout, "needs a duration such as 5s" },
    [MG_DIRECTIVE_STATEMENT_TIMEOUT] = { apply_statement_timeout,
                                         "needs a duration such as 10min" },
    [MG_DIRECTIVE_RETRY] = { apply_retry, "needs the value no" },
    [MG_DIRECTIVE_DESTRUCTIVE] = { apply_destructive, "takes no value" },
    [MG_DIRECTIVE_UP] = { apply_marker, "takes no value or the value nothing" },
    [MG_DIRECTIVE_DOWN] = { apply_marker, "takes no value or the value nothing" },
};

static const char directive_list[] =
    "The directives are no-transaction, lock-timeout 5s, statement-timeout 10min, retry no,"
    " destructive, and the section lines up, up nothing, down and down nothing.";

static bool
fail_unknown(const MgDirective *directive, MgError *err)
{
    char name[VALUE_MAX_BYTES] = { 0 };
    size_t n = mg_text_cut(directive->name, directive->name_bytes, sizeof name - 1);
    memcpy(name, directive->name, n);

    mg_fail(err, MG_E_FILE, "unknown directive \"-- migrate:%s\"", name);
    mg_error_detail(err, "%s", directive_list);
    const char *nearest = NULL;
    int distance = NEAR_DISTANCE;
    for (size_t i = 0; i < MG_N_DIRECTIVES; i++) {
        int other = mg_text_distance(name, mg_directive_names[i]);
        if (other < distance && other < (int)strlen(mg_directive_names[i])) {
            distance = other;
            nearest = mg_directive_names[i];
        }
    }
    if (nearest != NULL)
        mg_error_hint(err, "Perhaps you meant \"-- migrate:%s\".", nearest);
    mg_error_hint(err, "If it is no directive, write the comment without \"migrate:\".");
    return false;
}

bool
mg_directive_apply(MgScript *script, const MgDirective *directive, MgError *err)
{
    if (directive->kind == MG_N_DIRECTIVES)
        return fail_unknown(directive, err);

    const DirectiveRow *row = &directive_rows[directive->kind];
    const char *name = mg_directive_names[directive->kind];
    char value[VALUE_MAX_BYTES] = { 0 };
    size_t n = mg_text_cut(directive->value, directive->value_bytes, sizeof value - 1);
    memcpy(value, directive->value, n);
    if (row->apply(script, value) && n == directive->value_bytes)
        return true;

    if (n == 0)
        mg_fail(err, MG_E_FILE, "\"-- migrate:%s\" %s", name, row->rule);
    else
        mg_fail(err, MG_E_FILE, "\"-- migrate:%s\" %s, not \"%s\"", name, row->rule, value);
    if (strstr(value, "transaction:false") != NULL)
        mg_error_hint(err, "For a migration without a transaction, add the line"
                           " \"-- migrate:no-transaction\".");
    return false;
}
