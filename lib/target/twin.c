#include "target/twin.h"

#include <string.h>

#include "base/buf.h"
#include "target/host.h"

typedef struct Edits {
    MgUrlEdit *items;
    size_t n, cap;
} Edits;

/* A key and its value as they are written in a shown URL, without quotes. */
typedef struct Pair {
    MgSpan key, value, all;
} Pair;

/* Where the parts of one host are; empty when the part is not written. */
typedef struct Places {
    MgSpan host, port;
} Places;

static const char spaces[] = " \t\r\n\f\v";

/* ---- Places in the shown URL ---- */

static bool
is_found(MgSpan span)
{
    return span.end > span.begin;
}

static bool
is_equal(const char *text, MgSpan span, const char *word)
{
    return mg_text_equal_fold_n(text + span.begin, span.end - span.begin, word);
}

static MgSpan
find_text(const char *text, MgSpan in, const char *part)
{
    size_t size_bytes = strlen(part);
    for (size_t at = in.begin; size_bytes > 0 && at + size_bytes <= in.end; at++) {
        if (mg_text_equal_fold_n(text + at, size_bytes, part))
            return (MgSpan){ at, at + size_bytes };
    }
    return (MgSpan){ 0, 0 };
}

/* Of a URI: behind "//" up to the path; empty when text is no URI. */
static MgSpan
find_authority(const char *text)
{
    const char *scheme_end = strstr(text, "://");
    if (scheme_end == NULL || strcspn(text, spaces) < (size_t)(scheme_end - text) ||
        strcspn(text, "=") < (size_t)(scheme_end - text))
        return (MgSpan){ 0, 0 };
    size_t begin = (size_t)(scheme_end - text) + strlen("://");
    return (MgSpan){ begin, begin + strcspn(text + begin, "/?") };
}

static bool
is_uri(const char *text)
{
    return find_authority(text).begin > 0;
}

/* The pair at text[at] of a query. */
static Pair
read_query_pair(const char *text, size_t at)
{
    size_t end = at + strcspn(text + at, "&");
    size_t equals = at + strcspn(text + at, "=&");
    return (Pair){ .key = { at, equals },
                   .value = { equals < end ? equals + 1 : end, end },
                   .all = { at, end } };
}

/* The pair at text[at] of key=value pairs. */
static Pair
read_spaced_pair(const char *text, size_t at)
{
    Pair ret = { .key = { at, at + strcspn(text + at, "= \t\r\n\f\v") } };
    size_t begin = ret.key.end + strspn(text + ret.key.end, spaces);
    begin += text[begin] == '=';
    begin += strspn(text + begin, spaces);
    bool is_quoted = text[begin] == '\'';
    begin += is_quoted;
    size_t end = begin;
    while (text[end] != '\0' && (is_quoted ? text[end] != '\'' : strchr(spaces, text[end]) == NULL))
        end += text[end] == '\\' && text[end + 1] != '\0' ? 2 : 1;
    ret.value = (MgSpan){ begin, end };
    ret.all = (MgSpan){ at, end + (is_quoted && text[end] == '\'') };
    return ret;
}

/* The last pair with that key, as libpq reads them; all empty when there is none. */
static Pair
find_pair(const char *text, const char *key)
{
    Pair ret = { .all = { 0, 0 } };
    bool is_query = is_uri(text);
    const char *query = strchr(text, '?');
    if (is_query && query == NULL)
        return ret;
    size_t at = is_query ? (size_t)(query - text) + 1 : strspn(text, spaces);
    while (text[at] != '\0') {
        Pair pair = is_query ? read_query_pair(text, at) : read_spaced_pair(text, at);
        if (is_equal(text, pair.key, key))
            ret = pair;
        at = pair.all.end > at ? pair.all.end : at + 1;
        at += is_query ? text[at] == '&' : strspn(text + at, spaces);
    }
    return ret;
}

/* Item i of a list inside a span. */
static MgSpan
span_item(const char *text, MgSpan list, size_t i)
{
    size_t begin = list.begin;
    for (; i > 0 && begin < list.end; i--) {
        const char *comma = memchr(text + begin, ',', list.end - begin);
        begin = comma == NULL ? list.end : (size_t)(comma - text) + 1;
    }
    const char *comma = memchr(text + begin, ',', list.end - begin);
    return (MgSpan){ begin, comma == NULL ? list.end : (size_t)(comma - text) };
}

/* Of the authority: what stands behind the user. */
static MgSpan
find_authority_hosts(const char *text)
{
    MgSpan ret = find_authority(text);
    const char *at_sign = memchr(text + ret.begin, '@', ret.end - ret.begin);
    if (at_sign != NULL)
        ret.begin = (size_t)(at_sign - text) + 1;
    return ret;
}

/* "host:port" and "[address]:port". */
static Places
split_host(const char *text, MgSpan item)
{
    Places ret = { .host = item };
    size_t colon = item.begin;
    if (text[colon] == '[') {
        ret.host.begin++;
        while (colon < item.end && text[colon] != ']')
            colon++;
        ret.host.end = colon;
        colon += colon < item.end;
    } else {
        while (colon < item.end && text[colon] != ':')
            colon++;
        ret.host.end = colon;
    }
    if (colon < item.end)
        ret.port = (MgSpan){ colon + 1, item.end };
    return ret;
}

static Places
find_places(const MgUrl *url, size_t host_i)
{
    const char *text = url->display;
    MgSpan hosts = find_authority_hosts(text);
    Places ret = { .host = { 0, 0 } };
    Pair host_pair = find_pair(text, "host"), port_pair = find_pair(text, "port");
    if (is_found(host_pair.value))
        ret.host = span_item(text, host_pair.value, host_i);
    else if (is_found(hosts))
        ret = split_host(text, span_item(text, hosts, host_i));
    if (is_found(port_pair.value)) {
        bool is_list = memchr(text + port_pair.value.begin, ',',
                              port_pair.value.end - port_pair.value.begin) != NULL;
        ret.port = span_item(text, port_pair.value, is_list ? host_i : 0);
    }
    /* What is encoded, or comes from a variable, is not written here. */
    MgHost host;
    MgSpan name = ret.host;
    name.end -= is_found(name) && text[name.end - 1] == '.';
    if (!mg_host_at(url, host_i, &host) || !is_equal(text, name, host.name))
        ret.host = (MgSpan){ 0, 0 };
    return ret;
}

static MgSpan
find_database(const char *text, const char *database)
{
    MgSpan authority = find_authority(text);
    size_t end = authority.end + strcspn(text + authority.end, "?");
    return is_uri(text) ? find_text(text, (MgSpan){ authority.end, end }, database)
                        : find_text(text, find_pair(text, "dbname").value, database);
}

/* The end of the first label. */
static MgSpan
find_label_end(const char *text, MgSpan host, const char *part)
{
    const char *dot = is_found(host) ? memchr(text + host.begin, '.', host.end - host.begin) : NULL;
    size_t part_bytes = strlen(part);
    size_t end = dot == NULL ? host.end : (size_t)(dot - text);
    if (end - host.begin < part_bytes)
        return (MgSpan){ 0, 0 };
    return (MgSpan){ end - part_bytes, end };
}

/* The end of the endpoint's name in options; its equals sign may be encoded. */
static MgSpan
find_endpoint_end(const char *text, const char *part)
{
    MgSpan options = find_pair(text, "options").value;
    MgSpan key = find_text(text, options, "endpoint");
    size_t end = key.end;
    while (end < options.end && strchr(spaces, text[end]) == NULL && text[end] != '+' &&
           !mg_text_equal_fold_n(text + end, 3, "%20"))
        end++;
    size_t part_bytes = strlen(part);
    if (!is_found(key) || end - key.end < part_bytes ||
        !mg_text_equal_fold_n(text + end - part_bytes, part_bytes, part))
        return (MgSpan){ 0, 0 };
    return (MgSpan){ end - part_bytes, end };
}

static MgSpan
find_user(const MgUrl *url)
{
    const char *text = url->display;
    Pair pair = find_pair(text, "user");
    if (is_found(pair.value))
        return pair.value;
    MgSpan ret = find_authority(text);
    const char *at_sign = memchr(text + ret.begin, '@', ret.end - ret.begin);
    if (at_sign == NULL)
        return (MgSpan){ 0, 0 };
    ret.end = ret.begin + strcspn(text + ret.begin, ":@");
    return ret;
}

MgSpan
mg_twin_mark(const MgUrl *url, const MgProvider *provider, size_t host_i)
{
    const char *text = url->display;
    if (provider == &mg_provider_own_word)
        return find_pair(text, "pgbouncer").all;
    if (provider == &mg_provider_neon_options)
        return find_endpoint_end(text, provider->pooled_part);
    if (provider == &mg_provider_heroku)
        return (MgSpan){ 0, 0 };
    Places places = find_places(url, host_i);
    if (provider->database != NULL)
        return find_database(text, provider->database);
    if (provider->marked == NULL)
        return is_found(places.port) && provider->port != 0 ? places.port : places.host;
    if (provider->twin == MG_TWIN_LABEL)
        return find_label_end(text, places.host, provider->pooled_part);
    return find_text(text, places.host, provider->marked);
}

/* ---- Edits ---- */

/* In order of their places.  The same place twice is one edit: hosts may share a port. */
static void
add_edit(Edits *edits, MgSpan span, const char *text, MgArena *arena)
{
    for (size_t i = 0; i < edits->n; i++) {
        if (is_found(span) && edits->items[i].span.begin == span.begin)
            return;
    }
    MgUrlEdit edit = { span, text };
    MG_PUSH(arena, edits, edit);
    for (size_t i = edits->n - 1; i > 0 && edits->items[i - 1].span.begin > span.begin; i--) {
        edits->items[i] = edits->items[i - 1];
        edits->items[i - 1] = edit;
    }
}

static bool
has_overlap(const Edits *edits)
{
    for (size_t i = 1; i < edits->n; i++) {
        if (edits->items[i - 1].span.end > edits->items[i].span.begin)
            return true;
    }
    return false;
}

/* "postgres.abcd" at the pooler is "postgres" at db.abcd.supabase.co. */
static bool
edit_supabase(const MgUrl *url, const Places *places, MgArena *arena, Edits *edits)
{
    MgSpan user = find_user(url);
    const char *text = url->display;
    const char *dot = is_found(user) ? memchr(text + user.begin, '.', user.end - user.begin) : NULL;
    if (dot == NULL || !is_found(places->host))
        return false;
    size_t dot_at = (size_t)(dot - text);
    const char *reference = mg_arena_text_n(arena, dot + 1, user.end - dot_at - 1);
    if (*reference == '\0' || reference[strspn(reference, "abcdefghijklmnopqrstuvwxyz"
                                                          "0123456789")] != '\0')
        return false;
    add_edit(edits, (MgSpan){ dot_at, user.end }, "", arena);
    add_edit(edits, places->host, mg_arena_format(arena, "db.%s.supabase.co", reference), arena);
    if (is_found(places->port))
        add_edit(edits, places->port, "5432", arena);
    return true;
}

/* PlanetScale's users name a pooler behind a bar, which the server itself does not know. */
static void
edit_planetscale_user(const MgUrl *url, MgArena *arena, Edits *edits)
{
    MgSpan user = find_user(url);
    MgSpan bar = find_text(url->display, user, "|");
    if (!is_found(bar))
        bar = find_text(url->display, user, "%7C");
    if (is_found(bar))
        add_edit(edits, (MgSpan){ bar.begin, user.end }, "", arena);
}

/* One pooled host; false when its direct twin cannot be known. */
static bool
edit_to_direct(const MgUrl *url, const MgProvider *provider, size_t host_i, MgArena *arena,
               Edits *edits)
{
    Places places = find_places(url, host_i);
    MgSpan mark = mg_twin_mark(url, provider, host_i);
    if (provider->twin == MG_TWIN_NONE || !is_found(mark))
        return false;
    if (provider->twin == MG_TWIN_SUPABASE)
        return edit_supabase(url, &places, arena, edits);
    if (provider->twin == MG_TWIN_PORT) {
        if (!is_found(places.port))
            return false;
        add_edit(edits, places.port, "5432", arena);
        if (strcmp(provider->id, "planetscale") == 0)
            edit_planetscale_user(url, arena, edits);
        return true;
    }
    add_edit(edits, mark, provider->twin == MG_TWIN_PREFIX ? provider->direct_part : "", arena);
    return true;
}

/* "pgbouncer=true" and the sign that joins it: the direct URL must not say so. */
static void
edit_own_word(const char *text, MgArena *arena, Edits *edits)
{
    MgSpan span = find_pair(text, "pgbouncer").all;
    if (!is_found(span))
        return;
    if (text[span.end] == '&' || text[span.end] == ' ')
        span.end++;
    else if (span.begin > 0)
        span.begin--;
    add_edit(edits, span, "", arena);
}

/* What was made must be a URL that no rule refuses any more. */
static bool
is_direct(const MgUrl *url, const char *shown, MgArena *arena)
{
    MgUrl twin;
    MgError err;
    size_t host_i;
    return mg_url_parse(shown, url->name, NULL, arena, &twin, &err) &&
           mg_provider_find(&twin, &host_i) == NULL;
}

const char *
mg_twin_direct(const MgUrl *url, bool is_revealed, MgArena *arena)
{
    size_t host_i;
    const MgProvider *provider = mg_provider_find(url, &host_i);
    Edits edits = { .n = 0 };
    MgHost host;
    if (provider == NULL)
        return mg_url_rewrite(url, NULL, 0, is_revealed, arena);
    MgSpan option = mg_twin_mark(url, &mg_provider_neon_options, 0);
    if (is_found(option))
        add_edit(&edits, option, "", arena);
    for (size_t i = 0; mg_host_at(url, i, &host); i++) {
        const MgProvider *of_host = mg_provider_of_host(&host, url);
        if (of_host != NULL && !edit_to_direct(url, of_host, i, arena, &edits))
            return NULL;
    }
    if (edits.n == 0)
        return NULL;
    edit_own_word(url->display, arena, &edits);
    if (has_overlap(&edits) ||
        !is_direct(url, mg_url_rewrite(url, edits.items, edits.n, false, arena), arena))
        return NULL;
    return mg_url_rewrite(url, edits.items, edits.n, is_revealed, arena);
}

/* ---- The way back ---- */

static void
edit_port(const MgUrl *url, const Places *places, int port, MgArena *arena, Edits *edits)
{
    const char *text = url->display;
    const char *digits = mg_arena_format(arena, "%d", port);
    if (is_found(places->port)) {
        add_edit(edits, places->port, digits, arena);
    } else if (is_uri(text) && !is_found(find_pair(text, "host").value)) {
        size_t behind = places->host.end + (text[places->host.end] == ']');
        /* An empty port has its colon already. */
        add_edit(edits, (MgSpan){ behind, behind + (text[behind] == ':') },
                 mg_arena_format(arena, ":%s", digits), arena);
    } else {
        /* Not at the end of the text: it may be an empty value, which takes what follows. */
        size_t end = find_pair(text, "host").all.end;
        add_edit(edits, (MgSpan){ end, end },
                 mg_arena_format(arena, "%sport=%s", is_uri(text) ? "&" : " ", digits), arena);
    }
}

static void
edit_to_pooled(const MgUrl *url, const MgProvider *provider, const Places *places, MgArena *arena,
               Edits *edits)
{
    const char *text = url->display;
    if (provider->twin == MG_TWIN_LABEL) {
        size_t dot = places->host.begin + strcspn(text + places->host.begin, ".");
        add_edit(edits, (MgSpan){ dot, dot }, provider->pooled_part, arena);
    } else if (provider->twin == MG_TWIN_PREFIX) {
        size_t begin = places->host.begin;
        add_edit(edits, (MgSpan){ begin, begin + strlen(provider->direct_part) },
                 provider->pooled_part, arena);
    } else {
        edit_port(url, places, provider->port, arena, edits);
    }
}

const char *
mg_twin_pooled(const MgUrl *url, bool is_revealed, MgArena *arena)
{
    size_t host_i;
    Edits edits = { .n = 0 };
    MgHost host;
    if (mg_provider_find(url, &host_i) != NULL)
        return mg_url_rewrite(url, NULL, 0, is_revealed, arena);
    for (size_t i = 0; mg_host_at(url, i, &host); i++) {
        const MgProvider *provider = mg_provider_of_direct_host(&host);
        Places places = find_places(url, i);
        if (provider == NULL || !is_found(places.host))
            return NULL;
        edit_to_pooled(url, provider, &places, arena, &edits);
    }
    return has_overlap(&edits) ? NULL
                               : mg_url_rewrite(url, edits.items, edits.n, is_revealed, arena);
}

/* ---- The same database ---- */

/* A pooler's usual port and the server's are one class: they stand for the same server. */
static int
port_class(int port)
{
    return port == 6432 || port == 6543 ? MG_DEFAULT_PORT : port;
}

static const char *
host_class(const MgHost *host)
{
    bool is_loopback = host->name[0] != '/' && host->name[0] != '@' && mg_host_is_local(host->name);
    return host->name[0] == '\0' || is_loopback ? "localhost" : host->name;
}

/* "host:port,host:port/database"; no rule changes the database. */
static const char *
describe_place(const MgUrl *url, const char *database, MgArena *arena)
{
    MG_CLEANUP(buf) MgBuf ret = { 0 };
    MgHost host;
    for (size_t i = 0; mg_host_at(url, i, &host); i++)
        mg_buf_format(&ret, "%s:%d,", host_class(&host), port_class(host.port));
    if (database == NULL)
        database = url->user;
    mg_buf_format(&ret, "/%s", database == NULL ? "" : database);
    return mg_arena_text(arena, mg_buf_text(&ret));
}

static const char *
describe_hosts(const MgUrl *url, MgArena *arena)
{
    MG_CLEANUP(buf) MgBuf ret = { 0 };
    MgHost host;
    for (size_t i = 0; mg_host_at(url, i, &host); i++) {
        mg_buf_format(&ret, "%s%s", i == 0 ? "" : ",", host_class(&host));
        if (port_class(host.port) != MG_DEFAULT_PORT)
            mg_buf_format(&ret, ":%d", host.port);
    }
    return mg_arena_text(arena, mg_buf_text(&ret));
}

const char *
mg_twin_hosts(const MgUrl *url, MgArena *arena)
{
    const char *direct = mg_twin_direct(url, false, arena);
    MgUrl twin;
    MgError err;
    size_t host_i;
    bool has_twin = direct != NULL && mg_provider_find(url, &host_i) != NULL &&
                    mg_url_parse(direct, url->name, NULL, arena, &twin, &err);
    return describe_hosts(has_twin ? &twin : url, arena);
}

/* Of the direct twin; *ret_is_known false when the URL is pooled and has none. */
static const char *
place_of(const MgUrl *url, MgArena *arena, bool *ret_is_known)
{
    const char *direct = mg_twin_direct(url, false, arena);
    MgUrl twin;
    MgError err;
    size_t host_i;
    *ret_is_known = direct != NULL;
    if (direct != NULL && mg_provider_find(url, &host_i) != NULL &&
        mg_url_parse(direct, url->name, NULL, arena, &twin, &err))
        return describe_place(&twin, url->database, arena);
    return describe_place(url, url->database, arena);
}

/* The URLs of one server and its pooler, of which no rule tells which is which. */
static bool
are_ports_of_one(const MgUrl *a, const MgUrl *b)
{
    MgHost host_a, host_b, another;
    return mg_provider_is_by_port(a) && mg_host_at(a, 0, &host_a) && mg_host_at(b, 0, &host_b) &&
           strcmp(host_a.name, host_b.name) == 0 && host_a.port != host_b.port &&
           !mg_host_at(a, 1, &another) && !mg_host_at(b, 1, &another);
}

bool
mg_twin_is_same_database(const MgUrl *a, const MgUrl *b, MgArena *arena)
{
    bool is_a_known, is_b_known;
    const char *place_a = place_of(a, arena, &is_a_known);
    const char *place_b = place_of(b, arena, &is_b_known);
    return is_a_known != is_b_known || strcmp(place_a, place_b) == 0 || are_ports_of_one(a, b);
}
