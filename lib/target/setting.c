/* The table of settings, their values, and the order in which they count. */
#include "target/setting.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "target/environment.h"

typedef enum Type {
    TEXT,
    PATH, /* relative to the file it stands in */
    DURATION,
    WORD, /* one of a few */
    YES_OR_NO,
} Type;

enum {
    MAX_VALUE_BYTES = 4096,
    IS_ENVIRONMENTS = 1 << 0, /* makes sense for one environment only */
    MAY_BE_NONE = 1 << 1,     /* "none": no limit */
    MAY_BE_ROLE = 1 << 2,     /* "role": what the role has */
    MAY_BE_ZERO = 1 << 3,
};

static const char *const formats[] = { "native", NULL };
static const char *const connections[] = {
    [MG_CONNECTION_DIRECT] = "direct", [MG_CONNECTION_SESSION] = "session", NULL
};
static const char *const pooled_urls[] = {
    [MG_POOLED_URL_REFUSE] = "refuse", [MG_POOLED_URL_DERIVE] = "derive", NULL
};
static const char *const lates[] = {
    [MG_LATE_AUTO] = "auto", [MG_LATE_ALLOW] = "allow", [MG_LATE_REFUSE] = "refuse", NULL
};
static const char *const outputs[] = { "table", "json", "markdown", NULL };

/* Which words are yes and no, as YAML's readers have always taken them. */
static const struct {
    const char *word;
    bool is_yes;
} answers[] = {
    { "yes", true },    { "no", false }, { "true", true },
    { "false", false }, { "on", true },  { "off", false },
};

typedef struct Row {
    const char *key, *variable;
    Type type;
    unsigned flags;
    const char *const *words;
    const char *standard; /* the default, NULL: none */
} Row;

static const Row rows[MG_N_SETTINGS] = {
    [MG_SET_DIR] = { "dir", "MIGRATE_DIR", PATH, 0, NULL, "migrations" },
    [MG_SET_FORMAT] = { "format", "MIGRATE_FORMAT", WORD, 0, formats, "native" },
    /* MIGRATE_URL is one of the names that are looked up for every URL. */
    [MG_SET_URL] = { "url", NULL, TEXT, 0, NULL, NULL },
    [MG_SET_URL_ENV] = { "url_env", "MIGRATE_URL_ENV", TEXT, 0, NULL, NULL },
    [MG_SET_HISTORY] = { "history", "MIGRATE_HISTORY", TEXT, 0, NULL, "migrate.history" },
    [MG_SET_CONNECTION] = { "connection", "MIGRATE_CONNECTION", WORD, 0, connections, "direct" },
    [MG_SET_POOLED_URL] = { "pooled_url", "MIGRATE_POOLED_URL", WORD, 0, pooled_urls, "refuse" },
    [MG_SET_LATE] = { "late", "MIGRATE_LATE", WORD, 0, lates, "auto" },
    [MG_SET_ROLE] = { "role", "MIGRATE_ROLE", TEXT, 0, NULL, NULL },
    [MG_SET_TIMEZONE] = { "timezone", "MIGRATE_TIMEZONE", TEXT, 0, NULL, "UTC" },
    [MG_SET_LOCK_TIMEOUT] = { "timeouts.lock", "MIGRATE_LOCK_TIMEOUT", DURATION, 0, NULL, "1s" },
    [MG_SET_STATEMENT_TIMEOUT] = { "timeouts.statement", "MIGRATE_STATEMENT_TIMEOUT", DURATION,
                                   MAY_BE_NONE | MAY_BE_ROLE, NULL, "none" },
    [MG_SET_IDLE_TIMEOUT] = { "timeouts.idle", "MIGRATE_IDLE_TIMEOUT", DURATION, MAY_BE_NONE, NULL,
                              "1min" },
    [MG_SET_LOCK_RETRY] = { "lock_retry", "MIGRATE_LOCK_RETRY", DURATION, MAY_BE_ZERO, NULL,
                            "10min" },
    /* Its default depends on the server. */
    [MG_SET_WAIT_SERVER] = { "wait_server", "MIGRATE_WAIT_SERVER", DURATION, MAY_BE_ZERO, NULL,
                             NULL },
    [MG_SET_WAIT_TURN] = { "wait_turn", "MIGRATE_WAIT_TURN", DURATION, MAY_BE_ZERO, NULL, "5min" },
    [MG_SET_DEADLINE] = { "deadline", "MIGRATE_DEADLINE", DURATION, MAY_BE_NONE, NULL, "none" },
    [MG_SET_OUTPUT] = { "output", "MIGRATE_OUTPUT", WORD, 0, outputs, "table" },
    [MG_SET_PRODUCTION_GUARD] = { "production_guard", "MIGRATE_PRODUCTION_GUARD", YES_OR_NO, 0,
                                  NULL, "on" },
    [MG_SET_APPLY] = { "apply", NULL, YES_OR_NO, IS_ENVIRONMENTS, NULL, "yes" },
};

const char *
mg_setting_key(MgSettingId id)
{
    return rows[id].key;
}

const char *
mg_setting_standard(MgSettingId id)
{
    return rows[id].standard;
}

MgSettingId
mg_setting_find(const char *key)
{
    int id = 0;
    while (id < MG_N_SETTINGS && strcmp(rows[id].key, key) != 0)
        id++;
    return (MgSettingId)id;
}

bool
mg_setting_is_environments(MgSettingId id)
{
    return (rows[id].flags & IS_ENVIRONMENTS) != 0;
}

/* ---- Values ---- */

static const char *
show_duration(int64_t value_ms, MgArena *arena)
{
    char shown[32];
    if (value_ms == 0)
        return "0 s";
    mg_text_duration(value_ms * 1000, shown, sizeof shown);
    return mg_arena_text(arena, shown);
}

static bool
parse_duration(const Row *row, const char *key, const char *text, MgArena *arena,
               MgSettingValue *ret, MgError *err)
{
    int64_t value_ms = 0;
    *ret = (MgSettingValue){ .text = text };
    if ((row->flags & MAY_BE_NONE) != 0 && strcmp(text, "none") == 0) {
        ret->number = MG_DURATION_NONE;
        return true;
    }
    if ((row->flags & MAY_BE_ROLE) != 0 && strcmp(text, "role") == 0) {
        ret->number = MG_DURATION_ROLE;
        return true;
    }
    if (!mg_text_parse_duration_ms(text, &value_ms) ||
        (value_ms == 0 && (row->flags & MAY_BE_ZERO) == 0))
        return mg_fail(err, MG_E_CONFIG, "%s takes a duration such as 30s or 5min%s%s", key,
                       (row->flags & MAY_BE_NONE) != 0 ? ", or none" : "",
                       (row->flags & MAY_BE_ROLE) != 0 ? ", or role for what the role has" : "");
    ret->text = show_duration(value_ms, arena);
    ret->number = value_ms;
    return true;
}

static bool
parse_word(const Row *row, const char *key, const char *text, MgSettingValue *ret, MgError *err)
{
    MG_CLEANUP(buf) MgBuf words = { 0 };
    for (int i = 0; row->words[i] != NULL; i++) {
        if (strcmp(row->words[i], text) == 0) {
            *ret = (MgSettingValue){ .text = row->words[i], .number = i };
            return true;
        }
        const char *gap = i == 0 ? "" : row->words[i + 1] == NULL ? " or " : ", ";
        mg_buf_format(&words, "%s\"%s\"", gap, row->words[i]);
    }
    return mg_fail(err, MG_E_CONFIG, "%s takes %s%s", key, mg_buf_text(&words),
                   row->words[1] == NULL ? " only" : "");
}

static bool
parse_answer(const char *key, const char *text, MgSettingValue *ret, MgError *err)
{
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        if (mg_text_equal_fold(answers[i].word, text)) {
            *ret = (MgSettingValue){ .text = answers[i].word, .number = answers[i].is_yes };
            return true;
        }
    }
    return mg_fail(err, MG_E_CONFIG, "%s takes yes or no", key);
}

bool
mg_setting_parse(MgSettingId id, const char *key, const char *text, MgArena *arena,
                 MgSettingValue *ret, MgError *err)
{
    const Row *row = &rows[id];
    if (strlen(text) > MAX_VALUE_BYTES)
        return mg_fail(err, MG_E_CONFIG, "%s is longer than %d bytes", key, MAX_VALUE_BYTES);
    switch (row->type) {
    case TEXT:
    case PATH:
        *ret = (MgSettingValue){ .text = text };
        return true;
    case DURATION:
        return parse_duration(row, key, text, arena, ret, err);
    case WORD:
        return parse_word(row, key, text, ret, err);
    case YES_OR_NO:
        return parse_answer(key, text, ret, err);
    }
    return false;
}

/* ---- References ---- */

bool
mg_setting_has_reference(const char *text)
{
    return strstr(text, "${") != NULL;
}

/* Put in "${NAME}" and "${NAME:-VALUE}"; text is masked by nobody, so no message repeats it. */
static bool
expand(const char *text, char *const *environment, MgArena *arena, const char **ret, MgError *err)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    /* One byte more is refused as too long by whoever reads it. */
    MG_CLEANUP(buf) MgBuf value = { .max_bytes = MAX_VALUE_BYTES + 1 };
    while (*text != '\0') {
        const char *begin = strstr(text, "${");
        size_t plain_bytes = begin == NULL ? strlen(text) : (size_t)(begin - text);
        mg_buf_add_n(&value, text, plain_bytes);
        if (begin == NULL)
            break;
        const char *end = strchr(begin, '}');
        size_t name_bytes = strspn(begin + 2, letters);
        const char *behind = begin + 2 + name_bytes;
        bool has_default = mg_text_starts(behind, ":-");
        if (end == NULL || name_bytes == 0 || (behind != end && !has_default))
            return mg_fail(err, MG_E_CONFIG,
                           "a variable is written ${NAME} or ${NAME:-VALUE}, and this is not");
        const char *inner = strstr(behind, "${");
        if (inner != NULL && inner < end) {
            (void)mg_fail(err, MG_E_CONFIG, "a default cannot refer to another variable");
            return false;
        }
        const char *name = mg_arena_text_n(arena, begin + 2, name_bytes);
        const char *found = mg_environment_get(environment, name);
        if (found == NULL && !has_default) {
            (void)mg_fail(err, MG_E_CONFIG, "variable \"%s\" is not set", name);
            mg_error_hint(err, "Set it, or say what counts when it is not: ${%s:-VALUE}", name);
            return false;
        }
        if (found != NULL)
            mg_buf_add(&value, found);
        else
            mg_buf_add_n(&value, behind + 2, (size_t)(end - behind - 2));
        text = end + 1;
    }
    *ret = mg_arena_text(arena, mg_buf_text(&value));
    return true;
}

/* ---- Which one counts ---- */

static bool
take_given(const MgSettingsInput *input, MgSettingId id, MgArena *arena, MgSettingValue *ret)
{
    for (size_t i = 0; i < input->n_given; i++) {
        const MgGiven *given = &input->given[i];
        if (given->id != id)
            continue;
        const Row *row = &rows[id];
        const char *text = given->text;
        if (row->type == WORD) {
            text = row->words[given->number];
        } else if (row->type == DURATION) {
            text = show_duration(given->number, arena);
        }
        *ret = (MgSettingValue){ .text = text, .number = given->number, .from = given->from };
        return true;
    }
    return false;
}

/* *ret_is_found says whether the variable is set. */
static bool
take_variable(const MgSettingsInput *input, MgSettingId id, MgArena *arena, bool *ret_is_found,
              MgSettingValue *ret, MgError *err)
{
    const char *variable = rows[id].variable;
    const char *text = variable == NULL ? NULL : mg_environment_get(input->environment, variable);
    *ret_is_found = text != NULL;
    if (text == NULL)
        return true;
    if (!mg_setting_parse(id, variable, text, arena, ret, err)) {
        mg_error_at(err, mg_arena_format(arena, "%s in the environment", variable), 0, 0);
        mg_error_note(err, "no connection was made");
        return false;
    }
    ret->from = variable;
    return true;
}

static const MgConfigItem *
find_item(const MgConfigFile *file, MgSettingId id, const char *environment)
{
    for (size_t i = 0; file != NULL && i < file->values.n; i++) {
        const MgConfigItem *item = &file->values.items[i];
        bool is_here = environment == NULL ? item->environment == NULL
                                           : item->environment != NULL &&
                                                 strcmp(item->environment, environment) == 0;
        if (item->id == id && is_here)
            return item;
    }
    return NULL;
}

/* An empty value, which a default may give, is none. */
static bool
take_item(const MgSettingsInput *input, const MgConfigItem *item, MgArena *arena,
          bool *ret_is_found, MgSettingValue *ret, MgError *err)
{
    const MgConfigFile *file = input->file;
    const Row *row = &rows[item->id];
    const char *text = "";
    MgSettingValue value = { .text = "" };
    *ret_is_found = false;
    if (!expand(item->text, input->environment, arena, &text, err) ||
        (*text != '\0' && !mg_setting_parse(item->id, mg_arena_format(arena, "\"%s\"", row->key),
                                            text, arena, &value, err))) {
        mg_config_place(file, item->line, item->column, item->width_chars, err);
        mg_error_note(err, "no connection was made");
        return false;
    }
    if (*text == '\0')
        return true;
    if (row->type == PATH && value.text[0] != '/')
        value.text = mg_arena_format(arena, "%s%s", file->folder, value.text);
    value.from = mg_arena_format(arena, "%s:%d", file->name, item->line);
    value.place = file->name;
    value.line = item->line;
    value.column = item->column;
    *ret_is_found = true;
    *ret = value;
    return true;
}

static bool
take_file(const MgSettingsInput *input, MgSettingId id, MgArena *arena, bool *ret_is_found,
          MgSettingValue *ret, MgError *err)
{
    const MgConfigItem *const items[] = {
        input->name == NULL ? NULL : find_item(input->file, id, input->name),
        find_item(input->file, id, NULL),
    };
    *ret_is_found = false;
    for (size_t i = 0; i < sizeof items / sizeof *items && !*ret_is_found; i++) {
        MgError failure;
        if (items[i] == NULL || take_item(input, items[i], arena, ret_is_found, ret, &failure))
            continue;
        if (id != MG_SET_URL) {
            *err = failure;
            return false;
        }
        /* Another source may name the database. */
        MgError *error = MG_NEW_IN(arena, MgError);
        *error = failure;
        *ret = (MgSettingValue){ .from = mg_arena_format(arena, "%s:%d", input->file->name,
                                                         items[i]->line),
                                 .error = error };
        *ret_is_found = true;
    }
    return true;
}

static void
take_default(const MgSettingsInput *input, MgSettingId id, MgArena *arena, MgSettingValue *ret)
{
    const Row *row = &rows[id];
    MgError never;
    *ret = (MgSettingValue){ .text = row->standard };
    if (id == MG_SET_DEADLINE && input->deadline_ms > 0) {
        MgGiven platform = { id, input->deadline_from, NULL, input->deadline_ms };
        MgSettingsInput only = { .given = &platform, .n_given = 1 };
        (void)take_given(&only, id, arena, ret);
        return;
    }
    bool is_good =
        row->standard == NULL || mg_setting_parse(id, row->key, row->standard, arena, ret, &never);
    assert(is_good); /* as the table above has it */
    if (row->type == PATH && input->file != NULL)
        ret->text = mg_arena_format(arena, "%s%s", input->file->folder, ret->text);
}

bool
mg_settings_resolve(const MgSettingsInput *input, MgArena *arena, MgSettings *ret, MgError *err)
{
    MgSettings settings = { .values = { { .text = NULL } } };
    for (int i = 0; i < MG_N_SETTINGS; i++) {
        MgSettingId id = (MgSettingId)i;
        MgSettingValue *value = &settings.values[i];
        bool is_found = take_given(input, id, arena, value);
        if (!is_found && !take_variable(input, id, arena, &is_found, value, err))
            return false;
        if (!is_found && !take_file(input, id, arena, &is_found, value, err))
            return false;
        if (!is_found)
            take_default(input, id, arena, value);
    }
    *ret = settings;
    return true;
}
