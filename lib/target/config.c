/*
 * YAML by libyaml: its events tell what we do not read (anchors, tags, a second
 * document), its document gives the nodes with their places.  The only file
 * that knows libyaml.
 */
#include "target/config.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <yaml.h>

#include "base/buf.h"
#include "base/excerpt.h"
#include "base/file.h"
#include "base/mask.h"
#include "base/text.h"

enum {
    MAX_DEPTH = 8,
    MAX_PARENTS = 64, /* folders above the working folder */
    MAX_DISTANCE = 2,
    MAX_ENVIRONMENTS = 100,
};

static const char file_name[] = "migrate.yaml", repository[] = ".git";

typedef struct Reading {
    MgConfigFile *file;
    MgArena *arena;
    MgError *err;
    yaml_document_t *document;
} Reading;

/* ---- Errors ---- */

/* Byte offset of a line (1-based) and a column (1-based, in characters). */
static size_t
offset_of(const char *text, size_t size_bytes, int line, int column)
{
    size_t at = 0;
    for (int i = 1; i < line && at < size_bytes; at++)
        i += text[at] == '\n' || (text[at] == '\r' && text[at + 1] != '\n');
    for (int i = 1; i < column && at < size_bytes && text[at] != '\n'; i++) {
        at++;
        while (at < size_bytes && ((unsigned char)text[at] & 0xc0) == 0x80)
            at++;
    }
    return at;
}

void
mg_config_place(const MgConfigFile *file, int line, int column, size_t width_chars, MgError *err)
{
    MgArena arena = { 0 };
    MG_CLEANUP(buf) MgBuf excerpt = { 0 };
    char *masked = mg_arena_text_n(&arena, file->text, file->size_bytes);
    mg_mask_passwords(masked, file->size_bytes);
    mg_excerpt(masked, file->size_bytes, 1, offset_of(file->text, file->size_bytes, line, column),
               width_chars, &excerpt);
    mg_error_at(err, file->name, line, column);
    mg_text_copy(err->excerpt, sizeof err->excerpt, mg_buf_text(&excerpt));
    mg_arena_release(&arena);
}

static bool
fail_at(const Reading *reading, yaml_mark_t mark, size_t width_chars)
{
    mg_config_place(reading->file, (int)mark.line + 1, (int)mark.column + 1, width_chars,
                    reading->err);
    mg_error_note(reading->err, "no connection was made");
    return false;
}

/* Of one that ends in its line; else 0, which marks nothing. */
static size_t
width_of(const yaml_node_t *node)
{
    bool is_in_line = node->start_mark.line == node->end_mark.line;
    return is_in_line ? node->end_mark.index - node->start_mark.index : 0;
}

static bool
fail_node(const Reading *reading, const yaml_node_t *node)
{
    return fail_at(reading, node->start_mark, width_of(node));
}

static bool
fail_syntax(const Reading *reading, const yaml_parser_t *parser)
{
    (void)mg_fail(reading->err, MG_E_CONFIG, "\"%s\" is not YAML: %s", reading->file->name,
                  parser->problem == NULL ? "it cannot be read" : parser->problem);
    return fail_at(reading, parser->problem_mark, 0);
}

/* ---- What is not read ---- */

static const char *
unread(const yaml_event_t *event, int depth, int n_documents)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;
    if (event->type == YAML_ALIAS_EVENT)
        return "aliases are not read: write the value again";
    if (event->type == YAML_DOCUMENT_START_EVENT && n_documents > 0)
        return "a second document begins here, and only one is read";
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    }
    if (anchor != NULL)
        return "anchors are not read: write the value again";
    if (tag != NULL)
        return "tags are not read";
    return depth > MAX_DEPTH ? "this is nested too deeply" : NULL;
}

static bool
check_events(const Reading *reading, yaml_parser_t *parser)
{
    int depth = 0, n_documents = 0;
    for (bool is_at_end = false; !is_at_end;) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event))
            return fail_syntax(reading, parser);
        depth += event.type == YAML_MAPPING_START_EVENT || event.type == YAML_SEQUENCE_START_EVENT;
        depth -= event.type == YAML_MAPPING_END_EVENT || event.type == YAML_SEQUENCE_END_EVENT;
        const char *reason = unread(&event, depth, n_documents);
        n_documents += event.type == YAML_DOCUMENT_START_EVENT;
        is_at_end = event.type == YAML_STREAM_END_EVENT;
        yaml_mark_t mark = event.start_mark;
        yaml_event_delete(&event);
        if (reason != NULL) {
            (void)mg_fail(reading->err, MG_E_CONFIG, "%s", reason);
            return fail_at(reading, mark, 0);
        }
    }
    return true;
}

/* ---- Nodes ---- */

static yaml_node_t *
node_of(const Reading *reading, int index)
{
    return yaml_document_get_node(reading->document, index);
}

static const char *
text_of(const Reading *reading, const yaml_node_t *node)
{
    return mg_arena_text_n(reading->arena, (const char *)node->data.scalar.value,
                           node->data.scalar.length);
}

/* Nothing behind the colon, or a word that stands for nothing. */
static bool
is_null(const yaml_node_t *node)
{
    const char *text = (const char *)node->data.scalar.value;
    return node->type == YAML_SCALAR_NODE &&
           (*text == '\0' || (node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
                              (strcmp(text, "~") == 0 || strcmp(text, "null") == 0)));
}

/* A key of a mapping as text; it must be one, and the first of its name. */
static bool
read_key(const Reading *reading, const yaml_node_t *mapping, const yaml_node_pair_t *pair,
         const char **ret)
{
    const yaml_node_t *node = node_of(reading, pair->key);
    if (node->type != YAML_SCALAR_NODE) {
        (void)mg_fail(reading->err, MG_E_CONFIG, "a key must be a word");
        return fail_node(reading, node);
    }
    const char *key = text_of(reading, node);
    if (strlen(key) != node->data.scalar.length) {
        (void)mg_fail(reading->err, MG_E_CONFIG, "a key holds a NUL character");
        return fail_node(reading, node);
    }
    for (const yaml_node_pair_t *other = mapping->data.mapping.pairs.start; other < pair; other++) {
        const yaml_node_t *before = node_of(reading, other->key);
        if (strcmp((const char *)before->data.scalar.value, key) != 0)
            continue;
        (void)mg_fail(reading->err, MG_E_CONFIG, "key \"%s\" stands twice", key);
        mg_error_detail(reading->err, "The first one is in line %zu.", before->start_mark.line + 1);
        return fail_node(reading, node);
    }
    *ret = key;
    return true;
}

static bool
check_mapping(const Reading *reading, const char *what, const yaml_node_t *node)
{
    if (node->type == YAML_MAPPING_NODE)
        return true;
    (void)mg_fail(reading->err, MG_E_CONFIG, "%s must hold keys with values", what);
    return fail_node(reading, node);
}

/* Keys that are known where prefix ("timeouts." or "") leads; nested ones by their first word. */
static bool
fail_unknown(const Reading *reading, const yaml_node_t *node, const char *prefix, const char *key,
             bool is_top)
{
    MG_CLEANUP(buf) MgBuf known = { 0 };
    const char *nearest = NULL;
    int nearest_distance = MAX_DISTANCE + 1;
    const char *last = "";
    for (int i = 0; i <= MG_N_SETTINGS; i++) {
        const char *name = i == MG_N_SETTINGS ? "environments" : mg_setting_key((MgSettingId)i);
        if (!mg_text_starts(name, prefix) ||
            (i == MG_N_SETTINGS ? !is_top : is_top && mg_setting_is_environments((MgSettingId)i)))
            continue;
        name += strlen(prefix);
        const char *word = mg_arena_text_n(reading->arena, name, strcspn(name, "."));
        if (strcmp(word, last) == 0)
            continue;
        last = word;
        mg_buf_format(&known, "%s%s", known.size_bytes == 0 ? "" : ", ", word);
        int distance = mg_text_equal_fold(word, key) ? 0 : mg_text_distance(word, key);
        if (distance < nearest_distance) {
            nearest = word;
            nearest_distance = distance;
        }
    }
    (void)mg_fail(reading->err, MG_E_CONFIG, "unknown key \"%s%s\"", prefix, key);
    if (nearest != NULL)
        mg_error_hint(reading->err, "Perhaps \"%s\" is meant.", nearest);
    else
        mg_error_hint(reading->err, "Known here: %s.", mg_buf_text(&known));
    return fail_node(reading, node);
}

static bool
read_value(const Reading *reading, MgSettingId id, const char *environment,
           const yaml_node_t *key_node, const yaml_node_t *node)
{
    const char *key = mg_arena_format(reading->arena, "\"%s\"", mg_setting_key(id));
    MgSettingValue value;
    if (environment == NULL && mg_setting_is_environments(id)) {
        (void)mg_fail(reading->err, MG_E_CONFIG, "%s belongs below an environment", key);
        mg_error_hint(reading->err, "For example: environments: { preview: { apply: no } }");
        return fail_node(reading, key_node);
    }
    if (node->type != YAML_SCALAR_NODE) {
        (void)mg_fail(reading->err, MG_E_CONFIG, "%s takes one value, not a list or keys", key);
        return fail_node(reading, node);
    }
    if (is_null(node)) {
        (void)mg_fail(reading->err, MG_E_CONFIG, "%s has no value", key);
        return fail_node(reading, key_node);
    }
    const char *text = text_of(reading, node);
    if (strlen(text) != node->data.scalar.length) {
        (void)mg_fail(reading->err, MG_E_CONFIG, "%s holds a NUL character", key);
        return fail_node(reading, node);
    }
    /* What refers to variables is known when it is used. */
    if (!mg_setting_has_reference(text) &&
        !mg_setting_parse(id, key, text, reading->arena, &value, reading->err))
        return fail_node(reading, node);
    MgConfigItem item = { .id = id,
                          .environment = environment,
                          .text = text,
                          .line = (int)node->start_mark.line + 1,
                          .column = (int)node->start_mark.column + 1,
                          .width_chars = width_of(node) };
    MG_PUSH(reading->arena, &reading->file->values, item);
    return true;
}

static bool
read_timeouts(const Reading *reading, const char *environment, const yaml_node_t *mapping)
{
    static const char prefix[] = "timeouts.";
    if (!check_mapping(reading, "\"timeouts\"", mapping))
        return false;
    for (const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
         pair < mapping->data.mapping.pairs.top; pair++) {
        const char *key = NULL;
        const yaml_node_t *key_node = node_of(reading, pair->key);
        if (!read_key(reading, mapping, pair, &key))
            return false;
        MgSettingId id = mg_setting_find(mg_arena_format(reading->arena, "%s%s", prefix, key));
        if (id == MG_N_SETTINGS)
            return fail_unknown(reading, key_node, prefix, key, environment == NULL);
        if (!read_value(reading, id, environment, key_node, node_of(reading, pair->value)))
            return false;
    }
    return true;
}

static bool read_environments(const Reading *reading, const yaml_node_t *mapping);

/* The top, or the part of one environment. */
static bool
read_settings(const Reading *reading, const char *environment, const yaml_node_t *mapping)
{
    for (const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
         pair < mapping->data.mapping.pairs.top; pair++) {
        const char *key = "";
        const yaml_node_t *key_node = node_of(reading, pair->key);
        const yaml_node_t *node = node_of(reading, pair->value);
        if (!read_key(reading, mapping, pair, &key))
            return false;
        MgSettingId id = strchr(key, '.') == NULL ? mg_setting_find(key) : MG_N_SETTINGS;
        bool is_read = false;
        if (id != MG_N_SETTINGS)
            is_read = read_value(reading, id, environment, key_node, node);
        else if (strcmp(key, "timeouts") == 0)
            is_read = read_timeouts(reading, environment, node);
        else if (strcmp(key, "environments") == 0 && environment == NULL)
            is_read = read_environments(reading, node);
        else
            is_read = fail_unknown(reading, key_node, "", key, environment == NULL);
        if (!is_read)
            return false;
    }
    return true;
}

static bool
read_environments(const Reading *reading, const yaml_node_t *mapping)
{
    if (!check_mapping(reading, "\"environments\"", mapping))
        return false;
    for (const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
         pair < mapping->data.mapping.pairs.top; pair++) {
        const char *name = NULL;
        const yaml_node_t *node = node_of(reading, pair->value);
        if (!read_key(reading, mapping, pair, &name))
            return false;
        if (reading->file->environments.n == MAX_ENVIRONMENTS) {
            (void)mg_fail(reading->err, MG_E_CONFIG, "more than %d environments", MAX_ENVIRONMENTS);
            return fail_node(reading, node_of(reading, pair->key));
        }
        MG_PUSH(reading->arena, &reading->file->environments, name);
        /* "preview:" and nothing else: all settings as everywhere. */
        if (is_null(node))
            continue;
        const char *what = mg_arena_format(reading->arena, "environment \"%s\"", name);
        if (!check_mapping(reading, what, node) || !read_settings(reading, name, node))
            return false;
    }
    return true;
}

/* ---- The file ---- */

static bool
begin(const Reading *reading, yaml_parser_t *parser)
{
    const MgConfigFile *file = reading->file;
    if (!yaml_parser_initialize(parser))
        return mg_fail(reading->err, MG_E_SYSTEM, "no memory is left to read \"%s\"", file->name);
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(parser, (const unsigned char *)file->text, file->size_bytes);
    return true;
}

static bool
read_document(Reading *reading)
{
    yaml_parser_t parser;
    yaml_document_t document;
    if (!begin(reading, &parser))
        return false;
    bool is_good = check_events(reading, &parser);
    yaml_parser_delete(&parser);
    if (!is_good || !begin(reading, &parser))
        return false;
    if (!yaml_parser_load(&parser, &document)) {
        (void)fail_syntax(reading, &parser);
        yaml_parser_delete(&parser);
        return false;
    }
    reading->document = &document;
    const yaml_node_t *root = yaml_document_get_root_node(&document);
    /* A file of comments sets nothing. */
    is_good = root == NULL || is_null(root) ||
              (check_mapping(reading, "the file", root) && read_settings(reading, NULL, root));
    reading->document = NULL;
    yaml_document_delete(&document);
    yaml_parser_delete(&parser);
    return is_good;
}

bool
mg_config_parse(const char *text, size_t size_bytes, const char *name, const char *folder,
                MgArena *arena, MgConfigFile *ret, MgError *err)
{
    static const char mark[] = "\xEF\xBB\xBF"; /* of UTF-8, which editors put in front */
    if (size_bytes >= strlen(mark) && memcmp(text, mark, strlen(mark)) == 0) {
        text += strlen(mark);
        size_bytes -= strlen(mark);
    }
    MgConfigFile file = { .name = name, .folder = folder, .text = text, .size_bytes = size_bytes };
    Reading reading = { .file = &file, .arena = arena, .err = err };
    size_t valid_bytes = mg_text_valid_utf8(text, size_bytes);
    if (size_bytes > MG_CONFIG_MAX_BYTES || valid_bytes != size_bytes) {
        if (size_bytes > MG_CONFIG_MAX_BYTES)
            (void)mg_fail(err, MG_E_CONFIG, "\"%s\" is larger than %d KiB", name,
                          MG_CONFIG_MAX_BYTES >> 10);
        else
            (void)mg_fail(err, MG_E_CONFIG, "\"%s\" is not UTF-8 text", name);
        mg_error_at(err, name, mg_count_lines(text, valid_bytes) + 1, 0);
        mg_error_note(err, "no connection was made");
        return false;
    }
    if (!read_document(&reading))
        return false;
    *ret = file;
    return true;
}

/* ---- Finding it ---- */

static bool
exists(const char *folder, const char *name, MgArena *arena)
{
    return access(mg_arena_format(arena, "%s%s", folder, name), F_OK) == 0;
}

/*
 * The folder that holds name: "../" as often as it takes, "" for the working
 * folder; NULL when there is none up to the root of the repository.
 */
static const char *
find_above(const char *name, MgArena *arena)
{
    const char *folder = "", *found = NULL;
    char here[4096];
    if (getcwd(here, sizeof here) == NULL)
        return NULL;
    for (int i = 0; i < MAX_PARENTS; i++) {
        if (found == NULL && exists(folder, name, arena))
            found = folder;
        /* What lies above the repository is not this project's. */
        if (exists(folder, repository, arena))
            return found;
        char *slash = strrchr(here, '/');
        if (slash == NULL || slash[1] == '\0')
            break;
        *(slash == here ? slash + 1 : slash) = '\0';
        folder = mg_arena_format(arena, "%s../", folder);
    }
    return NULL;
}

const char *
mg_config_root(MgArena *arena)
{
    const char *root = find_above(repository, arena);
    return root == NULL ? "" : root;
}

bool
mg_config_has_repository(MgArena *arena)
{
    return find_above(repository, arena) != NULL;
}

static const char *
find_folder(MgArena *arena)
{
    return exists("", file_name, arena) ? "" : find_above(file_name, arena);
}

static bool
refuse_misnamed(MgError *err)
{
    (void)mg_fail(err, MG_E_CONFIG, "\"migrate.yml\" is not read");
    mg_error_hint(err, "Call it %s.", file_name);
    mg_error_note(err, "no connection was made");
    return false;
}

bool
mg_config_read(const char *path, MgArena *arena, const MgConfigFile **ret, MgError *err)
{
    const char *folder = path == NULL ? find_folder(arena) : "";
    *ret = NULL;
    if (folder == NULL)
        return !exists("", "migrate.yml", arena) || refuse_misnamed(err);
    if (path == NULL) {
        path = mg_arena_format(arena, "%s%s", folder, file_name);
    } else {
        const char *slash = strrchr(path, '/');
        if (slash != NULL)
            folder = mg_arena_text_n(arena, path, (size_t)(slash + 1 - path));
    }
    const char *text = NULL;
    size_t size_bytes = 0;
    if (!mg_file_read(path, MG_CONFIG_MAX_BYTES, arena, &text, &size_bytes)) {
        if (errno == EFBIG)
            (void)mg_fail(err, MG_E_CONFIG, "\"%s\" is larger than %d KiB", path,
                          MG_CONFIG_MAX_BYTES >> 10);
        else
            (void)mg_fail_sys(err, MG_E_CONFIG, "could not read \"%s\"", path);
        mg_error_note(err, "no connection was made");
        return false;
    }
    MgConfigFile *file = MG_NEW_IN(arena, MgConfigFile);
    if (!mg_config_parse(text, size_bytes, mg_arena_text(arena, path), folder, arena, file, err))
        return false;
    *ret = file;
    return true;
}
