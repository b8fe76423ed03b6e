/*
 * Database URLs.  libpq decides what a URL means, of what url_split.c leaves it.
 *
 * No message repeats any part of a URL that could belong to a password: neither
 * libpq's own texts nor a key or a host behind an unexpected character.
 */
#include "target/url.h"

#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "base/library.h"
#include "base/text.h"
#include "target/environment.h"
#include "target/host.h"
#include "target/key.h"
#include "target/url_parts.h"

enum {
    MAX_URL_BYTES = 8192,
};

static const char blanks[] = " \t\r\n\f\v";

static void
list_known(MgUrlParse *parse)
{
    PQconninfoOption *options = PQconninfoParse("", NULL);
    /* libpq fails here only without memory. */
    if (options == NULL)
        abort();
    for (const PQconninfoOption *option = options; option->keyword != NULL; option++) {
        MgParam param = { mg_arena_text(parse->arena, option->keyword),
                          mg_arena_text(parse->arena, option->envvar) };
        MG_PUSH(parse->arena, &parse->known, param);
    }
    PQconninfoFree(options);
}

static bool
has_control(const char *text)
{
    while ((unsigned char)*text >= ' ' && *text != '\x7f')
        text++;
    return *text != '\0';
}

/* Let libpq read what was kept; its own texts may quote a password and are not passed on. */
static bool
read_kept(MgUrlParse *parse)
{
    char *libpq_text = NULL;
    PQconninfoOption *options = PQconninfoParse(mg_buf_text(&parse->kept), &libpq_text);
    PQfreemem(libpq_text);
    if (options == NULL)
        return mg_url_refuse(parse, "cannot be read as a database URL", NULL);
    bool ok = true;
    for (PQconninfoOption *option = options; option->keyword != NULL; option++) {
        if (option->val == NULL || *option->val == '\0')
            continue;
        MgParam param = { mg_arena_text(parse->arena, option->keyword),
                          mg_arena_text(parse->arena, option->val) };
        MG_PUSH(parse->arena, &parse->url->params, param);
        /* Encoded ones: host, user and database are shown. */
        ok = ok && (mg_key_is_secret(param.key) || !has_control(param.value));
    }
    PQconninfoFree(options);
    return ok || mg_url_refuse(parse, "holds a control character", NULL);
}

/*
 * libpq's variables as parameters, by libpq's own list of them.  A service file
 * goes before the other variables, so with PGSERVICE they are left to libpq.
 */
static void
read_variables(MgUrlParse *parse, char *const *environment)
{
    bool has_service = mg_environment_get(environment, "PGSERVICE") != NULL;
    for (size_t i = 0; i < parse->known.n; i++) {
        const MgParam *known = &parse->known.items[i];
        const char *value =
            known->value == NULL ? NULL : mg_environment_get(environment, known->value);
        bool is_service = strcmp(known->key, "service") == 0;
        if (value == NULL || (has_service && !is_service) ||
            strcmp(known->key, "application_name") == 0)
            continue;
        MgParam param = { known->key, mg_arena_text(parse->arena, value) };
        MG_PUSH(parse->arena, &parse->url->params, param);
        const char *shown = mg_url_quoted(value, parse->arena);
        mg_buf_format(&parse->display, "%s%s=", parse->display.size_bytes == 0 ? "" : " ",
                      param.key);
        if (mg_key_is_secret(param.key))
            mg_url_hide(parse, shown, strlen(shown));
        else
            mg_buf_add(&parse->display, shown);
    }
}

/* ---- What is known without connecting ---- */

/* What the URL says, else the variable that libpq would read. */
static const char *
find_setting(const MgUrl *url, const char *key, const char *variable, char *const *environment)
{
    const char *value = mg_url_find_param(url, key);
    if (value == NULL && mg_url_find_param(url, "service") == NULL)
        value = mg_environment_get(environment, variable);
    return value;
}

static bool
fill_known(MgUrlParse *parse, char *const *environment)
{
    MgUrl *url = parse->url;
    const char *hosts = find_setting(url, "host", "PGHOST", environment);
    const char *addresses = find_setting(url, "hostaddr", "PGHOSTADDR", environment);
    const char *ports = find_setting(url, "port", "PGPORT", environment);
    url->database =
        mg_arena_text(parse->arena, find_setting(url, "dbname", "PGDATABASE", environment));
    url->user = mg_arena_text(parse->arena, find_setting(url, "user", "PGUSER", environment));
    url->password =
        mg_arena_text(parse->arena, find_setting(url, "password", "PGPASSWORD", environment));
    const char *first = hosts == NULL ? addresses : hosts;
    if (first != NULL && strcspn(first, ",") > 0)
        url->host = mg_arena_text_n(parse->arena, first, strcspn(first, ","));
    if (ports != NULL && !mg_ports_parse(ports, parse->arena, &url->port))
        return mg_url_refuse(parse, "has a port that is no number from 1 to 65535", NULL);
    /* libpq connects to the addresses and uses the names for certificates only. */
    const char *reached = addresses == NULL ? hosts : addresses;
    url->is_local = reached == NULL ? mg_url_find_param(url, "service") == NULL
                                    : mg_hosts_are_local(reached, parse->arena);
    return true;
}

/*
 * Variables that an older libpq does not look at, whatever else there is: what
 * one of them is to prevent might happen.
 */
static bool
check_newer_variables(MgUrlParse *parse, char *const *environment)
{
    for (size_t i = 0; i < mg_key_n_newer_variables; i++) {
        const MgKeyVariable *newer = &mg_key_newer_variables[i];
        const char *value = mg_environment_get(environment, newer->variable);
        if (value == NULL || *value == '\0' || mg_url_is_known(parse, newer->key))
            continue;
        if (mg_key_use(newer->key) != MG_KEY_NEWER_GUARD) {
            const char *note = mg_arena_format(
                parse->arena, "%s needs a newer libpq and is not used", newer->variable);
            MG_PUSH(parse->arena, &parse->notes, note);
            continue;
        }
        mg_fail(parse->err, MG_E_BAD_URL, "%s needs a newer libpq", newer->variable);
        mg_error_detail(parse->err, "It limits how a session is made, so it is not left out.");
        mg_error_hint(parse->err, "Install a newer libpq, or unset %s.", newer->variable);
        mg_error_note(parse->err, "no connection was made");
        return false;
    }
    return true;
}

/* ---- All of it ---- */

static bool
check_text(MgUrlParse *parse, const char *text)
{
    size_t size_bytes = strlen(text);
    if (size_bytes > MAX_URL_BYTES)
        return mg_url_refuse(parse, "is longer than 8192 bytes", NULL);
    if (has_control(text))
        return mg_url_refuse(parse, "holds a control character", NULL);
    if (mg_text_valid_utf8(text, size_bytes) != size_bytes)
        return mg_url_refuse(parse, "is not valid UTF-8", NULL);
    return true;
}

static bool
parse_text(MgUrlParse *parse, const char *text, char *const *environment)
{
    /* White space round a value is what "cat" and copying leave behind. */
    const char *begin = text == NULL ? "" : text + strspn(text, blanks);
    size_t size_bytes = strlen(begin);
    while (size_bytes > 0 && strchr(blanks, begin[size_bytes - 1]) != NULL)
        size_bytes--;
    begin = mg_arena_text_n(parse->arena, begin, size_bytes);
    if (text == NULL || *text == '\0') {
        read_variables(parse, environment);
        return fill_known(parse, environment);
    }
    /* What somebody set, even to nothing but blanks, must not become libpq's silent default. */
    if (*begin == '\0')
        return mg_url_refuse(parse, "holds nothing but white space", NULL);
    return check_text(parse, begin) && mg_url_split(parse, begin) && read_kept(parse) &&
           fill_known(parse, environment);
}

bool
mg_url_parse(const char *text, const char *from, char *const *environment, MgArena *arena,
             MgUrl *ret, MgError *err)
{
    if (!mg_library_load(MG_LIBPQ, MG_E_SYSTEM, err))
        return false;
    const char *in = strstr(from, " in ");
    MgUrl url = { .from = mg_arena_text(arena, from),
                  .name = in == NULL ? mg_arena_text(arena, from)
                                     : mg_arena_text_n(arena, from, (size_t)(in - from)) };
    MgUrlParse parse = { .url = &url, .arena = arena, .err = err };
    list_known(&parse);
    bool ok = parse_text(&parse, text, environment) && check_newer_variables(&parse, environment);
    if (ok) {
        url.display = mg_arena_text(arena, mg_buf_text(&parse.display));
        url.notes = parse.notes.items;
        url.n_notes = parse.notes.n;
        url.holes = parse.holes.items;
        url.n_holes = parse.holes.n;
        *ret = url;
    }
    mg_buf_release(&parse.display);
    mg_buf_release(&parse.kept);
    return ok;
}
