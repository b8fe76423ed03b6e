/*
 * .env has no standard.  Where dotenv, Docker, Ruby and the shell differ, the
 * reading is the one that keeps a database URL whole: a "#" inside a word is a
 * part of it, and a quote that is never closed is a character.
 */
#include "target/dotenv.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "target/environment.h"

enum {
    MAX_VARIABLES = 1024,
    MAX_VALUE_KIB = 16,
};

typedef struct Lines {
    char **items;
    size_t n, cap;
} Lines;

typedef struct Dotenv {
    char *const *environment;
    MgArena *arena;
    Lines lines;
    const char *text; /* of the whole file */
    const char *name;
    MgError *err;
} Dotenv;

static const char name_letters[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

static const char *
skip_blanks(const char *text)
{
    return text + strspn(text, " \t");
}

static const char *
find_value(const Dotenv *dotenv, const char *name)
{
    const char *value = mg_environment_get(dotenv->environment, name);
    for (size_t i = dotenv->lines.n; value == NULL && i > 0; i--) {
        const char *line = dotenv->lines.items[i - 1];
        size_t name_bytes = strlen(name);
        if (strncmp(line, name, name_bytes) == 0 && line[name_bytes] == '=')
            value = line + name_bytes + 1;
    }
    return value;
}

/* "{NAME}" or "{NAME:-default}" behind a "$": its bytes with the braces, 0 when it is none. */
static size_t
read_braces(const char *text, MgSpan *ret_name, MgSpan *ret_default)
{
    size_t name_end = 1 + strspn(text + 1, name_letters), end = name_end;
    *ret_name = (MgSpan){ 1, name_end };
    *ret_default = (MgSpan){ 0, 0 };
    if (text[end] == '-' || mg_text_starts(text + end, ":-")) {
        size_t begin = end + (text[end] == ':' ? 2 : 1);
        end = begin + strcspn(text + begin, "}${\r\n\"'`");
        *ret_default = (MgSpan){ begin, end };
    }
    return name_end > 1 && text[end] == '}' ? end + 1 : 0;
}

/*
 * "$NAME", "${NAME}" or "${NAME:-default}" at text: its value goes to ret.  The
 * bytes read, 0 when it is none or nobody has a value: a password may have a
 * "$" too.
 */
static size_t
expand(const Dotenv *dotenv, const char *text, MgBuf *ret)
{
    MgSpan name, fallback = { 0, 0 };
    if (*text++ != '$')
        return 0;
    size_t size_bytes = strspn(text, name_letters);
    name = (MgSpan){ 0, size_bytes };
    if (*text == '{')
        size_bytes = read_braces(text, &name, &fallback);
    else if (strspn(text, "0123456789") > 0 || (size_bytes == 1 && *text == '_'))
        size_bytes = 0; /* a shell sets them for itself */
    if (size_bytes == 0)
        return 0;
    const char *value = find_value(
        dotenv, mg_arena_text_n(dotenv->arena, text + name.begin, name.end - name.begin));
    if (value != NULL)
        mg_buf_add(ret, value);
    else if (fallback.begin > 0)
        mg_buf_add_n(ret, text + fallback.begin, fallback.end - fallback.begin);
    else
        return 0;
    return size_bytes + 1;
}

static char
unescape(char c)
{
    static const char from[] = "nrt", to[] = "\n\r\t";
    const char *at = strchr(from, c);
    return at == NULL || c == '\0' ? c : to[at - from];
}

/* Behind the closing quote, or NULL when there is none. */
static const char *
read_quoted(const Dotenv *dotenv, const char *text, MgBuf *ret)
{
    char quote = *text++;
    while (*text != '\0' && *text != quote) {
        size_t size_bytes = quote == '\'' ? 0 : expand(dotenv, text, ret);
        if (size_bytes > 0) {
            text += size_bytes;
        } else if (quote == '`' && mg_text_starts(text, "\\$")) {
            mg_buf_add_char(ret, '$');
            text += 2;
        } else if (quote == '"' && *text == '\\' && text[1] != '\0') {
            mg_buf_add_char(ret, unescape(text[1]));
            text += 2;
        } else {
            mg_buf_add_char(ret, *text++);
        }
    }
    return *text == quote ? text + 1 : NULL;
}

static bool
is_comment(const char *begin, const char *at)
{
    return *at == '#' && (at == begin || at[-1] == ' ' || at[-1] == '\t');
}

static void
read_plain(const Dotenv *dotenv, const char *text, MgBuf *ret)
{
    const char *begin = text;
    while (*text != '\0' && *text != '\n' && *text != '\r' && !is_comment(begin, text)) {
        size_t size_bytes = expand(dotenv, text, ret);
        if (size_bytes == 0 && mg_text_starts(text, "\\$"))
            text++;
        if (size_bytes == 0)
            mg_buf_add_char(ret, *text);
        text += size_bytes == 0 ? 1 : size_bytes;
    }
    while (ret->size_bytes > 0 && strchr(" \t", ret->text[ret->size_bytes - 1]) != NULL)
        ret->text[--ret->size_bytes] = '\0';
}

/* Behind a quoted value only blanks and a comment may stand. */
static bool
is_end_of_line(const char *text)
{
    text = skip_blanks(text);
    return strchr("#\r\n", *text) != NULL;
}

/* The value at text; what follows it on the line is skipped by the caller. */
static const char *
read_value(const Dotenv *dotenv, const char *text, MgBuf *ret)
{
    const char *end = NULL;
    if (*text == '"' || *text == '\'' || *text == '`')
        end = read_quoted(dotenv, text, ret);
    if (end != NULL && is_end_of_line(end))
        return end;
    mg_buf_clear(ret);
    read_plain(dotenv, text, ret);
    return text;
}

/* A variable that would be dropped must not be: it may be the one that names the database. */
static bool
fail_at(const Dotenv *dotenv, const char *at)
{
    int line = 1;
    for (const char *c = dotenv->text; c < at; c++)
        line += *c == '\n' || (*c == '\r' && c[1] != '\n');
    mg_error_at(dotenv->err, dotenv->name, line, 0);
    mg_error_hint(dotenv->err, "Name the database by --url, or by a variable of the environment.");
    mg_error_note(dotenv->err, "no connection was made");
    return false;
}

/* One line, or more where quotes span them; *ret_end is behind what was read. */
static bool
read_line(Dotenv *dotenv, const char *line, const char **ret_end)
{
    const char *name = skip_blanks(line);
    if (mg_text_starts(name, "export ") || mg_text_starts(name, "export\t"))
        name = skip_blanks(name + strlen("export "));
    size_t name_bytes = strspn(name, name_letters);
    const char *equals = skip_blanks(name + name_bytes);
    *ret_end = line;
    if (name_bytes == 0 || *equals != '=')
        return true;
    const char *variable = mg_arena_text_n(dotenv->arena, name, name_bytes);
    if (dotenv->lines.n == MAX_VARIABLES) {
        (void)mg_fail(dotenv->err, MG_E_NO_TARGET, "\"%s\" has more than %d variables",
                      dotenv->name, (int)MAX_VARIABLES);
        return fail_at(dotenv, name);
    }
    MG_CLEANUP(buf) MgBuf value = { .max_bytes = (size_t)MAX_VALUE_KIB * 1024 };
    *ret_end = read_value(dotenv, skip_blanks(equals + 1), &value);
    if (value.is_cut) {
        (void)mg_fail(dotenv->err, MG_E_NO_TARGET, "the value of %s is longer than %d KiB",
                      variable, (int)MAX_VALUE_KIB);
        return fail_at(dotenv, name);
    }
    char *item = mg_arena_format(dotenv->arena, "%s=%s", variable, mg_buf_text(&value));
    MG_PUSH(dotenv->arena, &dotenv->lines, item);
    return true;
}

/* mg_environment_get takes the first of a name, here the last counts. */
static char *const *
reversed(const Dotenv *dotenv)
{
    char **ret = mg_arena_alloc_array(dotenv->arena, dotenv->lines.n + 1, sizeof *ret);
    for (size_t i = 0; i < dotenv->lines.n; i++)
        ret[i] = dotenv->lines.items[dotenv->lines.n - 1 - i];
    return ret;
}

bool
mg_dotenv_parse(const char *text, const char *name, char *const *environment, MgArena *arena,
                char *const **ret, MgError *err)
{
    Dotenv dotenv = {
        .environment = environment, .arena = arena, .text = text, .name = name, .err = err
    };
    if (mg_text_starts(text, "\xef\xbb\xbf"))
        text += 3;
    while (*text != '\0') {
        if (!read_line(&dotenv, text, &text))
            return false;
        text += strcspn(text, "\r\n");
        text += strspn(text, "\r\n");
    }
    *ret = reversed(&dotenv);
    return true;
}
