/*
 * The text of a URL, split: what other tools put into it, because libpq rejects
 * keys that it does not know, what is left for libpq, and what may be shown.
 */
#include "target/url_parts.h"

#include <string.h>

#include "base/text.h"
#include "target/key.h"

enum {
    MAX_NAME_DISTANCE = 2,
};

static const char stars[] = "***";
static const char sslmode_require[] = "sslmode=require";
static const char example[] = "postgresql://user:password@localhost:5432/shop";

static const struct {
    const char *scheme;
    const char *hint;
} refused_schemes[] = {
    { "prisma", "Use the direct URL of the database, which Prisma calls DIRECT_URL or "
                "DIRECT_DATABASE_URL." },
    { "prisma+postgres", "Use the direct URL of the database: it begins with postgres://." },
    { "mysql", NULL },
    { "mysql2", NULL },
    { "mariadb", NULL },
    { "sqlite", NULL },
    { "sqlite3", NULL },
    { "file", NULL },
    { "sqlserver", NULL },
    { "mongodb", NULL },
    { "mongodb+srv", NULL },
    { "redis", NULL },
    { "http", "This is the address of an API. The database URL begins with postgresql://." },
    { "https", "This is the address of an API. The database URL begins with postgresql://." },
};

static bool
refuse(MgUrlParse *parse, const char *what)
{
    (void)mg_fail(parse->err, MG_E_BAD_URL, "%s %s", parse->url->name, what);
    mg_error_at(parse->err, parse->url->from, 0, 0);
    return false;
}

bool
mg_url_refuse(MgUrlParse *parse, const char *what, const char *detail)
{
    (void)refuse(parse, what);
    if (detail != NULL)
        mg_error_detail(parse->err, "%s", detail);
    mg_error_hint(parse->err, "The usual form is %s", example);
    mg_error_note(parse->err, "no connection was made");
    return false;
}

void
mg_url_hide(MgUrlParse *parse, const char *secret, size_t size_bytes)
{
    MgHole hole = { parse->display.size_bytes, mg_arena_text_n(parse->arena, secret, size_bytes) };
    MG_PUSH(parse->arena, &parse->holes, hole);
    mg_buf_add(&parse->display, stars);
}

static void
add_note(MgUrlParse *parse, const char *note)
{
    MG_PUSH(parse->arena, &parse->notes, note);
}

/* ---- Keys ---- */

bool
mg_url_is_known(const MgUrlParse *parse, const char *key)
{
    for (size_t i = 0; i < parse->known.n; i++) {
        if (strcmp(parse->known.items[i].key, key) == 0)
            return true;
    }
    return false;
}

/* The key of libpq that is meant, or NULL. */
static const char *
find_nearest(const MgUrlParse *parse, const char *key)
{
    const char *nearest = NULL;
    int nearest_distance = MAX_NAME_DISTANCE + 1;
    for (size_t i = 0; i < parse->known.n; i++) {
        int distance = mg_text_distance(parse->known.items[i].key, key);
        if (distance < nearest_distance) {
            nearest = parse->known.items[i].key;
            nearest_distance = distance;
        }
    }
    return nearest;
}

static bool
refuse_key(MgUrlParse *parse, const char *key)
{
    bool is_plain = key[strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "0123456789_-.")] == '\0';
    if (parse->has_secret_key || !is_plain)
        return mg_url_refuse(parse, "holds a key that is not known",
                             "It may be a part of the password, where \"&\" is written %26.");
    const char *nearest = find_nearest(parse, key);
    (void)refuse(parse, mg_arena_format(parse->arena, "holds the unknown key \"%s\"", key));
    if (nearest != NULL)
        mg_error_hint(parse->err, "Perhaps \"%s\" is meant.", nearest);
    else
        mg_error_hint(parse->err, "Remove \"%s\" from it if it is meant for another tool.", key);
    mg_error_note(parse->err, "no connection was made");
    return false;
}

/* What it is to prevent might happen. */
static bool
refuse_guard(MgUrlParse *parse, const char *key)
{
    (void)refuse(parse,
                 mg_arena_format(parse->arena, "holds \"%s\", which needs a newer libpq", key));
    mg_error_detail(parse->err, "It limits how a session is made, so it is not left out.");
    mg_error_hint(parse->err, "Install a newer libpq, or take \"%s\" out of the URL.", key);
    mg_error_note(parse->err, "no connection was made");
    return false;
}

/* Values of "ssl" by which other tools ask for TLS; libpq itself reads "true" only. */
static bool
is_ssl_wanted(const char *value)
{
    static const char *const wanted[] = { "true", "1", "on", "yes", "require" };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        if (mg_text_equal_fold(value, wanted[i]))
            return true;
    }
    return false;
}

/* "public" is what sessions have anyway. */
static void
set_search_path(MgUrlParse *parse, const char *value, bool is_one_name)
{
    if (*value == '\0' || strcmp(value, "public") == 0)
        return;
    if (!is_one_name) {
        parse->url->search_path = value;
        return;
    }
    MG_CLEANUP(buf) MgBuf quoted = { 0 };
    mg_buf_add_char(&quoted, '"');
    for (; *value != '\0'; value++)
        mg_buf_format(&quoted, "%s%c", *value == '"' ? "\"" : "", *value);
    mg_buf_add_char(&quoted, '"');
    parse->url->search_path = mg_arena_text(parse->arena, mg_buf_text(&quoted));
}

/* What becomes of a key. */
typedef enum Fate { FATE_KEPT, FATE_DROPPED, FATE_SSLMODE_REQUIRE, FATE_REFUSED } Fate;

/* Sort one key with its decoded value; a refused one has filled the error. */
static Fate
sort_key(MgUrlParse *parse, const char *key, const char *value)
{
    /* node-postgres: encrypt, but check no certificate, which is what libpq calls require. */
    if (strcmp(key, "sslmode") == 0 && strcmp(value, "no-verify") == 0)
        return FATE_SSLMODE_REQUIRE;
    if (strcmp(key, "ssl") == 0)
        return is_ssl_wanted(value) && !parse->has_sslmode ? FATE_SSLMODE_REQUIRE : FATE_DROPPED;
    MgKeyUse use = mg_key_use(key);
    if (use == MG_KEY_DROPPED)
        return FATE_DROPPED;
    if (mg_url_is_known(parse, key))
        return FATE_KEPT;
    if (use == MG_KEY_UNKNOWN)
        return refuse_key(parse, key) ? FATE_DROPPED : FATE_REFUSED;
    if (use == MG_KEY_NEWER_GUARD)
        return refuse_guard(parse, key) ? FATE_DROPPED : FATE_REFUSED;
    MG_PUSH(parse->arena, &parse->url->foreign, ((MgParam){ key, value }));
    if (use == MG_KEY_NEWER)
        add_note(parse,
                 mg_arena_format(parse->arena, "\"%s\" in %s needs a newer libpq and is not used",
                                 key, parse->url->name));
    if (use == MG_KEY_SCHEMA || use == MG_KEY_SEARCH_PATH)
        set_search_path(parse, value, use == MG_KEY_SCHEMA);
    if (use == MG_KEY_NOTED)
        add_note(parse,
                 mg_arena_format(parse->arena, "\"%s\" in %s is not used", key, parse->url->name));
    return FATE_DROPPED;
}

/* ---- URIs ---- */

static int
hex_value(char c)
{
    const char *digits = "0123456789abcdef0123456789ABCDEF";
    const char *at = c == '\0' ? NULL : strchr(digits, c);
    return at == NULL ? -1 : (int)((at - digits) % 16);
}

/* Percent-decoded text; the URI was checked before. */
static char *
decode(const char *text, size_t size_bytes, MgArena *arena)
{
    char *ret = mg_arena_alloc(arena, size_bytes + 1);
    char *to = ret;
    for (size_t i = 0; i < size_bytes; i++) {
        if (text[i] == '%') {
            *to++ = (char)(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
            i += 2;
        } else {
            *to++ = text[i];
        }
    }
    return ret;
}

static bool
is_percent_encoding_valid(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '%' && (hex_value(text[1]) < 0 || hex_value(text[2]) < 0))
            return false;
        if (*text == '%' && text[1] == '0' && text[2] == '0')
            return false;
    }
    return true;
}

static bool
add_query_token(MgUrlParse *parse, const char *token, size_t size_bytes)
{
    const char *equals = memchr(token, '=', size_bytes);
    if (equals == NULL)
        return mg_url_refuse(parse, "holds a key without a value behind its \"?\"", NULL);
    const char *key = decode(token, (size_t)(equals - token), parse->arena);
    const char *value = decode(equals + 1, size_bytes - (size_t)(equals - token) - 1, parse->arena);

    Fate fate = sort_key(parse, key, value);
    if (fate == FATE_REFUSED)
        return false;
    if (fate != FATE_DROPPED)
        mg_buf_add_char(&parse->kept, strchr(mg_buf_text(&parse->kept), '?') == NULL ? '?' : '&');
    if (fate == FATE_KEPT)
        mg_buf_add_n(&parse->kept, token, size_bytes);
    if (fate == FATE_SSLMODE_REQUIRE)
        mg_buf_add(&parse->kept, sslmode_require);
    if (mg_key_is_secret(key)) {
        parse->has_secret_key = true;
        mg_buf_add_n(&parse->display, token, (size_t)(equals - token) + 1);
        mg_url_hide(parse, equals + 1, size_bytes - (size_t)(equals - token) - 1);
    } else {
        mg_buf_add_n(&parse->display, token, size_bytes);
    }
    return true;
}

static bool
add_query(MgUrlParse *parse, const char *query)
{
    mg_buf_add_char(&parse->display, '?');
    while (*query != '\0') {
        size_t size_bytes = strcspn(query, "&");
        if (size_bytes > 0 && !add_query_token(parse, query, size_bytes))
            return false;
        query += size_bytes;
        if (*query == '&') {
            mg_buf_add_char(&parse->display, '&');
            query++;
        }
    }
    return true;
}

/* rest: what follows "://". */
static bool
split_uri(MgUrlParse *parse, const char *rest)
{
    static const char encode_detail[] =
        "In a user name or password, \"@\" is written %40, \"/\" %2F, \"?\" %3F, \":\" %3A and "
        "\"%\" %25.";
    if (!is_percent_encoding_valid(rest))
        return mg_url_refuse(parse, "holds a \"%\" that two hexadecimal digits do not follow",
                             encode_detail);
    size_t authority_bytes = strcspn(rest, "/?");
    const char *at = memchr(rest, '@', authority_bytes);
    size_t query_at = strcspn(rest, "?");
    /* libpq takes the first "@", so that the rest of a raw password would become the host, and be
     * shown as such: up to a "/" that the password has too. */
    if (at == NULL ? strchr(rest, '@') != NULL
                   : memchr(at + 1, '@', query_at - (size_t)(at - rest) - 1) != NULL)
        return mg_url_refuse(parse, "holds an \"@\" at an unexpected place", encode_detail);

    mg_buf_add_n(&parse->kept, rest, query_at);
    size_t user_bytes = at == NULL ? 0 : (size_t)(at - rest);
    const char *colon = at == NULL ? NULL : memchr(rest, ':', user_bytes);
    if (colon != NULL && colon + 1 < at) {
        mg_buf_add_n(&parse->display, rest, (size_t)(colon - rest) + 1);
        mg_url_hide(parse, colon + 1, (size_t)(at - colon) - 1);
        mg_buf_add_n(&parse->display, at, query_at - (size_t)(at - rest));
    } else {
        mg_buf_add_n(&parse->display, rest, query_at);
    }
    return rest[query_at] == '\0' || add_query(parse, rest + query_at + 1);
}

static bool
refuse_scheme(MgUrlParse *parse, const char *scheme)
{
    for (size_t i = 0; i < sizeof refused_schemes / sizeof *refused_schemes; i++) {
        if (!mg_text_equal_fold(refused_schemes[i].scheme, scheme))
            continue;
        (void)refuse(parse, mg_arena_format(parse->arena, "is a %s URL, not one of PostgreSQL",
                                            refused_schemes[i].scheme));
        if (refused_schemes[i].hint != NULL)
            mg_error_hint(parse->err, "%s", refused_schemes[i].hint);
        else
            mg_error_hint(parse->err, "The usual form is %s", example);
        mg_error_note(parse->err, "no connection was made");
        return false;
    }
    return mg_url_refuse(parse, "does not begin with postgresql://", NULL);
}

/* text begins with a scheme of scheme_bytes and "://". */
static bool
split_scheme(MgUrlParse *parse, const char *text, size_t scheme_bytes)
{
    const char *scheme = mg_arena_text_n(parse->arena, text, scheme_bytes);
    size_t plain_bytes = strcspn(scheme, "+");
    bool is_ours = mg_text_equal_fold_n(scheme, plain_bytes, "postgresql") ||
                   mg_text_equal_fold_n(scheme, plain_bytes, "postgres");
    if (!is_ours)
        return refuse_scheme(parse, scheme);
    if (plain_bytes < scheme_bytes)
        add_note(parse, mg_arena_format(parse->arena, "the driver \"%s\" in %s is not used",
                                        scheme + plain_bytes + 1, parse->url->name));
    mg_buf_add(&parse->kept, "postgresql://");
    mg_buf_add_n(&parse->display, text, scheme_bytes + strlen("://"));
    return split_uri(parse, text + scheme_bytes + strlen("://"));
}

/* ---- key=value texts ---- */

static const char *
skip_spaces(const char *text)
{
    return text + strspn(text, " \t\r\n\f\v");
}

/* The value at text, unquoted into ret; its end, or NULL when a quote never closes. */
static const char *
read_value(const char *text, MgBuf *ret)
{
    bool is_quoted = *text == '\'';
    text += is_quoted;
    for (; *text != '\0'; text++) {
        if (is_quoted ? *text == '\'' : strchr(" \t\r\n\f\v", *text) != NULL)
            break;
        if (*text == '\\' && text[1] != '\0')
            text++;
        mg_buf_add_char(ret, *text);
    }
    if (!is_quoted)
        return text;
    return *text == '\'' ? text + 1 : NULL;
}

static void
add_quoted(MgBuf *ret, const char *value)
{
    mg_buf_add_char(ret, '\'');
    for (; *value != '\0'; value++) {
        if (*value == '\'' || *value == '\\')
            mg_buf_add_char(ret, '\\');
        mg_buf_add_char(ret, *value);
    }
    mg_buf_add_char(ret, '\'');
}

static void
add_kept(MgBuf *ret, const char *key, const char *value)
{
    mg_buf_format(ret, "%s%s=", ret->size_bytes == 0 ? "" : " ", key);
    add_quoted(ret, value);
}

const char *
mg_url_quoted(const char *value, MgArena *arena)
{
    if (strpbrk(value, " \t\r\n\f\v'\\") == NULL)
        return value;
    MG_CLEANUP(buf) MgBuf ret = { 0 };
    add_quoted(&ret, value);
    return mg_arena_text(arena, mg_buf_text(&ret));
}

/* One key = value; *text moves behind it and the spaces that follow. */
static bool
add_pair(MgUrlParse *parse, const char **text)
{
    const char *begin = *text;
    size_t key_bytes = strcspn(begin, "= \t\r\n\f\v");
    const char *equals = skip_spaces(begin + key_bytes);
    if (*equals != '=' || key_bytes == 0)
        return mg_url_refuse(parse, "holds a word without \"=\" behind it",
                             "A value with spaces is put into single quotes.");
    const char *key = mg_arena_text_n(parse->arena, begin, key_bytes);
    const char *value_at = skip_spaces(equals + 1);
    MG_CLEANUP(buf) MgBuf value = { 0 };
    const char *end = read_value(value_at, &value);
    if (end == NULL)
        return mg_url_refuse(parse, "holds a single quote that is never closed", NULL);

    Fate fate = sort_key(parse, key, mg_arena_text(parse->arena, mg_buf_text(&value)));
    if (fate == FATE_REFUSED)
        return false;
    if (fate == FATE_KEPT)
        add_kept(&parse->kept, key, mg_buf_text(&value));
    if (fate == FATE_SSLMODE_REQUIRE)
        mg_buf_format(&parse->kept, " %s", sslmode_require);
    mg_buf_add_n(&parse->display, begin, (size_t)(value_at - begin));
    if (mg_key_is_secret(key)) {
        parse->has_secret_key = true;
        mg_url_hide(parse, value_at, (size_t)(end - value_at));
    } else {
        mg_buf_add_n(&parse->display, value_at, (size_t)(end - value_at));
    }
    *text = skip_spaces(end);
    mg_buf_add_n(&parse->display, end, (size_t)(*text - end));
    return true;
}

/* ---- All of it ---- */

bool
mg_url_split(MgUrlParse *parse, const char *text)
{
    /* JDBC's prefix; user and password stand in its query, where libpq reads them. */
    if (mg_text_starts(text, "jdbc:postgresql://")) {
        text += strlen("jdbc:");
        add_note(parse, mg_arena_format(parse->arena, "the \"jdbc:\" in front of %s was dropped",
                                        parse->url->name));
    }
    parse->has_sslmode = strstr(text, "sslmode=") != NULL;
    if (*text == '"' || *text == '\'')
        return mg_url_refuse(parse, "begins with a quote",
                             "Some tools take the quotes of an env file as a part of the value.");
    size_t word_bytes = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "0123456789+.-");
    if (mg_text_starts(text + word_bytes, "://"))
        return split_scheme(parse, text, word_bytes);
    if (strstr(text, "://") != NULL && strchr(text, '=') == NULL)
        return mg_url_refuse(parse, "does not begin with postgresql://", NULL);
    if (strchr(text, '=') == NULL)
        return mg_url_refuse(parse, "is neither a database URL nor key=value pairs", NULL);
    while (*text != '\0') {
        if (!add_pair(parse, &text))
            return false;
    }
    return true;
}

bool
mg_url_is_of_another_kind(const char *text)
{
    text = skip_spaces(text);
    size_t scheme_bytes = strcspn(text, ":");
    const char *scheme_end = text + scheme_bytes;
    if (!mg_text_starts(scheme_end, "://"))
        return false;
    for (size_t i = 0; i < sizeof refused_schemes / sizeof *refused_schemes; i++) {
        if (mg_text_equal_fold_n(text, scheme_bytes, refused_schemes[i].scheme))
            return true;
    }
    return false;
}
