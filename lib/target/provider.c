/*
 * Poolers by their shape.  One row says how a provider's pooler is recognised
 * and how the direct URL is made from the pooled one; the order of the rows
 * matters where patterns overlap.  Ports alone (6432, 6543) prove nothing on an
 * unknown host: there the proof decides.
 */
#include "target/provider.h"

#include <fnmatch.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"

/* How a pooler hands out backends, which is what makes it unfit. */
typedef enum PoolMode { POOL_TRANSACTION, POOL_SESSION, POOL_UNKNOWN } PoolMode;

/* How the direct URL is made. */
typedef enum Twin {
    TWIN_NONE,     /* the URL does not tell */
    TWIN_HOST,     /* `marked` of the host becomes `direct` */
    TWIN_PORT,     /* the port becomes 5432 */
    TWIN_SUPABASE, /* host db.REF.supabase.co, port 5432, user without ".REF" */
} Twin;

typedef struct Rule {
    const char *host;   /* pattern for a folded host */
    int port;           /* 0: any; 5432 also when the URL names none */
    const char *marked; /* the part of the host that gives it away; NULL: the port */
    PoolMode mode;
    Twin twin;
    const char *direct; /* TWIN_HOST: what stands there instead */
    const char *words;  /* behind the carets */
    const char *advice; /* where to find the direct URL, or a fact about it; NULL = none */
} Rule;

static const Rule rules[] = {
    { "*-pooler.*neon.tech", 0, "-pooler", POOL_TRANSACTION, TWIN_HOST, "",
      "Neon's transaction pooler", NULL },
    { "*-pooler.*postgres.vercel-storage.com", 0, "-pooler", POOL_TRANSACTION, TWIN_HOST, "",
      "Vercel's transaction pooler", NULL },
    { "*.pooler.supabase.com", 5432, ".pooler.", POOL_SESSION, TWIN_SUPABASE, NULL,
      "Supabase's session pooler",
      "The direct host has an IPv6 address only, unless the project has the IPv4 add-on." },
    { "*.pooler.supabase.com", 0, ".pooler.", POOL_TRANSACTION, TWIN_SUPABASE, NULL,
      "Supabase's transaction pooler",
      "The direct host has an IPv6 address only, unless the project has the IPv4 add-on." },
    { "db.*.supabase.co", 6543, NULL, POOL_TRANSACTION, TWIN_PORT, NULL,
      "Supabase's dedicated pooler", NULL },
    { "pooled.db.prisma.io", 0, "pooled.", POOL_TRANSACTION, TWIN_HOST, "",
      "Prisma Postgres' transaction pooler", NULL },
    { "*.psdb.cloud", 6432, NULL, POOL_TRANSACTION, TWIN_PORT, NULL, "PlanetScale's PgBouncer",
      NULL },
    { "*.postgres.database.azure.com", 6432, NULL, POOL_UNKNOWN, TWIN_PORT, NULL,
      "Azure's PgBouncer", NULL },
    { "*.postgres.database.azure.com", 8432, NULL, POOL_UNKNOWN, TWIN_PORT, NULL,
      "Azure's PgBouncer", NULL },
    { "*.postgresbridge.com", 5431, NULL, POOL_TRANSACTION, TWIN_PORT, NULL,
      "Crunchy Bridge's PgBouncer", NULL },
    { "pgbouncer.*.flympg.net", 0, "pgbouncer.", POOL_UNKNOWN, TWIN_HOST, "direct.",
      "Fly's PgBouncer", NULL },
    { "*.db.ondigitalocean.com", 25061, NULL, POOL_UNKNOWN, TWIN_NONE, NULL,
      "DigitalOcean's connection pool",
      "The direct URL has port 25060 and the database's own name instead of the pool's." },
    { "*.proxy-*.rds.amazonaws.com", 0, ".proxy-", POOL_TRANSACTION, TWIN_NONE, NULL,
      "Amazon RDS Proxy", "The direct host is the endpoint of the instance or the cluster." },
    { "*.hyperdrive.local", 0, ".hyperdrive.", POOL_TRANSACTION, TWIN_NONE, NULL,
      "Cloudflare Hyperdrive", "The direct URL is the one that Hyperdrive was made with." },
};

/* The user's own word that the host is a pooler, whoever runs it. */
static const char own_word[] = "pgbouncer=true";
static const Rule own_word_rule = {
    .mode = POOL_UNKNOWN,
    .twin = TWIN_NONE,
    .words = "this URL says so itself",
};
/* Neon's clients without SNI name the endpoint in options instead of the host. */
static const Rule neon_options_rule = {
    .marked = "-pooler",
    .mode = POOL_TRANSACTION,
    .twin = TWIN_HOST,
    .direct = "",
    .words = "Neon's transaction pooler",
};

static const char *const mode_details[] = {
    [POOL_TRANSACTION] =
        "Each transaction there may get another backend, so locks and settings do not hold.",
    [POOL_SESSION] =
        "Sessions there run on used backends, so a lock may outlive the run that took it.",
    [POOL_UNKNOWN] = "Backends are shared there, so locks and settings may not hold.",
};

enum {
    MAX_EDITS = 4,
    /* A line of the excerpt; a longer URL is cut around the mark. */
    LINE_BYTES = 96,
    LEAD_BYTES = 48,
    /* Of the 768 of a hint. */
    MAX_TWIN_BYTES = 600,
};

/* Where in the shown URL the parts are; empty when the part is not written there. */
typedef struct Places {
    MgSpan user, host, port;
} Places;

typedef struct Edit {
    MgSpan span;
    const char *text;
} Edit;

/* ---- Finding a rule ---- */

static bool
has_option_of_neon_pooler(const MgUrl *url)
{
    for (size_t i = 0; i < url->params.n; i++) {
        const MgParam *param = &url->params.items[i];
        if (strcmp(param->key, "options") == 0 &&
            fnmatch("*endpoint=*-pooler*", param->value, 0) == 0)
            return true;
    }
    return false;
}

static bool
says_pgbouncer(const MgUrl *url)
{
    for (size_t i = 0; i < url->foreign.n; i++) {
        const MgParam *param = &url->foreign.items[i];
        if (strcmp(param->key, "pgbouncer") == 0 && strcmp(param->value, "true") == 0)
            return true;
    }
    return false;
}

static const Rule *
match(const char *host, int port)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        bool is_port = rules[i].port == 0 || rules[i].port == (port == 0 ? 5432 : port);
        if (is_port && fnmatch(rules[i].host, host, 0) == 0)
            return &rules[i];
    }
    return NULL;
}

static const char *
fold(const char *text, size_t size_bytes, MgArena *arena)
{
    char *ret = mg_arena_text_n(arena, text, size_bytes);
    for (char *c = ret; *c != '\0'; c++)
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
    return ret;
}

static const char *
find_param(const MgUrl *url, const char *key)
{
    for (size_t i = 0; i < url->params.n; i++) {
        if (strcmp(url->params.items[i].key, key) == 0)
            return url->params.items[i].value;
    }
    return NULL;
}

/* The nth item of a list, or its last one; *ret_bytes 0 when it is empty. */
static const char *
list_item(const char *text, size_t n, size_t *ret_bytes)
{
    for (; n > 0 && strchr(text, ',') != NULL; n--)
        text = strchr(text, ',') + 1;
    *ret_bytes = strcspn(text, ",");
    return text;
}

/* The first host, of those libpq would try, that a rule knows. */
static const Rule *
find_rule(const MgUrl *url, MgArena *arena, const char **ret_host)
{
    const char *hosts = find_param(url, "host");
    const char *ports = find_param(url, "port");
    if (hosts == NULL)
        hosts = url->host == NULL ? "" : url->host;
    for (size_t i = 0;; i++) {
        size_t host_bytes, port_bytes = 0;
        const char *host = list_item(hosts, i, &host_bytes);
        const char *port_text = ports == NULL ? "" : list_item(ports, i, &port_bytes);
        uint64_t port = 0;
        if (ports == NULL ||
            !mg_text_parse_uint(mg_arena_text_n(arena, port_text, port_bytes), UINT16_MAX, &port))
            port = ports == NULL ? (uint64_t)url->port : 0;
        *ret_host = fold(host, host_bytes, arena);
        /* A dot at the end makes no other host. */
        if (mg_text_ends(*ret_host, "."))
            *ret_host = mg_arena_text_n(arena, *ret_host, strlen(*ret_host) - 1);
        const Rule *rule = match(*ret_host, (int)port);
        if (rule != NULL || host[host_bytes] == '\0')
            return rule;
    }
}

/* ---- Places in the shown URL ---- */

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

static bool
is_found(MgSpan span)
{
    return span.end > span.begin;
}

/* The digits of the port that belongs to the host. */
static MgSpan
find_port(const char *text, MgSpan host)
{
    size_t at = host.end + (text[host.end] == '.');
    if (is_found(host) && text[at] == ':')
        at++;
    else if (strstr(text, "port=") != NULL)
        at = (size_t)(strstr(text, "port=") - text) + strlen("port=");
    else
        return (MgSpan){ 0, 0 };
    at += text[at] == '\'';
    return (MgSpan){ at, at + strspn(text + at, "0123456789") };
}

static Places
find_places(const MgUrl *url, const char *host)
{
    const char *text = url->display;
    const char *scheme_end = strstr(text, "://");
    size_t begin = scheme_end == NULL ? 0 : (size_t)(scheme_end - text) + strlen("://");
    size_t authority_end = begin + strcspn(text + begin, "/?");
    const char *at_sign =
        scheme_end == NULL ? NULL : memchr(text + begin, '@', authority_end - begin);
    size_t host_begin = at_sign == NULL ? begin : (size_t)(at_sign - text);
    MgSpan behind = { host_begin, strlen(text) };
    Places ret = { .host = find_text(text, behind, host) };
    ret.port = find_port(text, ret.host);
    MgSpan user_in = at_sign == NULL ? (MgSpan){ 0, strlen(text) } : (MgSpan){ begin, host_begin };
    if (url->user != NULL)
        ret.user = find_text(text, user_in, url->user);
    return ret;
}

static MgSpan
find_mark(const MgUrl *url, const Rule *rule, const Places *places)
{
    const char *text = url->display;
    if (rule == &own_word_rule)
        return find_text(text, (MgSpan){ 0, strlen(text) }, own_word);
    if (rule == &neon_options_rule) {
        const char *endpoint = strstr(text, "endpoint");
        size_t begin = endpoint == NULL ? 0 : (size_t)(endpoint - text);
        return find_text(text, (MgSpan){ begin, strlen(text) }, rule->marked);
    }
    if (rule->marked == NULL)
        return is_found(places->port) ? places->port : places->host;
    return find_text(text, places->host, rule->marked);
}

/* The dots round a label tell it from other text, but are not what gave it away. */
static MgSpan
without_dots(const char *text, MgSpan mark)
{
    if (is_found(mark) && text[mark.begin] == '.')
        mark.begin++;
    if (is_found(mark) && text[mark.end - 1] == '.')
        mark.end--;
    return mark;
}

/* ---- The direct twin ---- */

typedef struct Edits {
    Edit items[MAX_EDITS];
    size_t n;
} Edits;

/* In order of their places; what is not written needs no edit. */
static void
add_edit(Edits *edits, MgSpan span, const char *text)
{
    if (!is_found(span))
        return;
    size_t i = edits->n++;
    for (; i > 0 && edits->items[i - 1].span.begin > span.begin; i--)
        edits->items[i] = edits->items[i - 1];
    edits->items[i] = (Edit){ span, text };
}

/* "postgres.abcd" at db.abcd.supabase.co is "postgres". */
static bool
edit_supabase(const MgUrl *url, const Places *places, MgArena *arena, Edits *edits)
{
    const char *dot = url->user == NULL ? NULL : strchr(url->user, '.');
    if (dot == NULL || dot[1] == '\0' || !is_found(places->host) || !is_found(places->user))
        return false;
    add_edit(edits, places->user, mg_arena_text_n(arena, url->user, (size_t)(dot - url->user)));
    add_edit(edits, places->host, mg_arena_format(arena, "db.%s.supabase.co", dot + 1));
    add_edit(edits, places->port, "5432");
    return true;
}

/* "pgbouncer=true" and the sign that joins it: the direct URL must not say so. */
static MgSpan
find_own_word(const char *text)
{
    MgSpan ret = find_text(text, (MgSpan){ 0, strlen(text) }, own_word);
    if (!is_found(ret))
        return ret;
    if (text[ret.end] == '&' || text[ret.end] == ' ')
        ret.end++;
    else if (ret.begin > 0)
        ret.begin--;
    return ret;
}

/* The shown URL of the direct server, or NULL where it cannot be known. */
static const char *
make_twin(const MgUrl *url, const Rule *rule, const Places *places, MgSpan mark, MgArena *arena)
{
    Edits edits = { .n = 0 };
    bool is_known = is_found(mark);
    if (rule->twin == TWIN_NONE) {
        is_known = false;
    } else if (rule->twin == TWIN_HOST) {
        add_edit(&edits, mark, rule->direct);
    } else if (rule->twin == TWIN_PORT) {
        is_known = is_found(places->port);
        add_edit(&edits, places->port, "5432");
    } else {
        is_known = edit_supabase(url, places, arena, &edits);
    }
    if (!is_known)
        return NULL;
    add_edit(&edits, find_own_word(url->display), "");

    MG_CLEANUP(buf) MgBuf ret = { 0 };
    size_t at = 0;
    for (size_t i = 0; i < edits.n; i++) {
        /* Parts that overlap are not what they seem to be. */
        if (edits.items[i].span.begin < at)
            return NULL;
        mg_buf_add_n(&ret, url->display + at, edits.items[i].span.begin - at);
        mg_buf_add(&ret, edits.items[i].text);
        at = edits.items[i].span.end;
    }
    mg_buf_add(&ret, url->display + at);
    return mg_arena_text(arena, mg_buf_text(&ret));
}

/* ---- The error ---- */

/* The shown URL with carets; long ones are cut so that the mark stays in sight. */
static void
write_excerpt(MgError *err, const char *text, MgSpan mark, const char *words)
{
    size_t size_bytes = strlen(text);
    size_t begin = 0;
    if (size_bytes > LINE_BYTES && mark.begin > LEAD_BYTES)
        begin = mg_text_cut(text, size_bytes, mark.begin - LEAD_BYTES);
    size_t end = begin + mg_text_cut(text + begin, size_bytes - begin, LINE_BYTES);
    if (end < mark.end)
        end = mark.end;
    const char *before = begin > 0 ? "..." : "";
    size_t lead = strlen(before) + mg_text_width(text + begin, mark.begin - begin);
    MG_CLEANUP(buf) MgBuf line = { 0 };
    mg_buf_format(&line, "   |\n   | %s", before);
    mg_buf_add_n(&line, text + begin, end - begin);
    mg_buf_add(&line, end < size_bytes ? "..." : "");
    if (is_found(mark)) {
        mg_buf_add(&line, "\n   | ");
        mg_buf_add_repeated(&line, ' ', lead);
        mg_buf_add_repeated(&line, '^', mg_text_width(text + mark.begin, mark.end - mark.begin));
        mg_buf_format(&line, " %s", words);
    } else {
        mg_buf_format(&line, "\n   | %s", words);
    }
    mg_text_copy(err->excerpt, sizeof err->excerpt, mg_buf_text(&line));
}

static void
add_hints(const MgUrl *url, const Rule *rule, const char *twin, MgArena *arena, MgError *err)
{
    bool is_option = url->name[0] == '-';
    bool is_libpq = mg_text_starts(url->name, "PG");
    const char *setting = is_option  ? mg_arena_format(arena, "Give %s", url->name)
                          : is_libpq ? "Set the PG variables to"
                                     : mg_arena_format(arena, "Set %s to", url->name);
    if (twin != NULL && strlen(twin) > MAX_TWIN_BYTES)
        twin = NULL;
    if (twin != NULL)
        mg_error_hint(err, "%s the direct %s:\n%s", setting, is_libpq ? "server" : "URL", twin);
    else
        mg_error_hint(err, "%s the direct %s of this database%s", setting,
                      is_libpq ? "server" : "URL",
                      rule->advice == NULL ? ", which does not go through the pooler." : ".");
    if (rule->advice != NULL)
        mg_error_hint(err, "%s", rule->advice);
    if (rule == &own_word_rule)
        mg_error_hint(err, "If the host is no pooler, remove \"%s\" from the URL.", own_word);
}

static bool
refuse(const MgUrl *url, const Rule *rule, const char *host, MgArena *arena, MgError *err)
{
    Places places = find_places(url, host);
    MgSpan mark = find_mark(url, rule, &places);
    const char *twin = make_twin(url, rule, &places, mark, arena);
    (void)mg_fail(err, MG_E_POOLED_URL, "%s leads to a connection pooler", url->name);
    mg_error_at(err, url->from, 0, 0);
    write_excerpt(err, url->display, without_dots(url->display, mark), rule->words);
    mg_error_detail(err, "%s", mode_details[rule->mode]);
    add_hints(url, rule, twin, arena, err);
    mg_error_note(err, "no connection was made");
    return false;
}

bool
mg_provider_check(const MgUrl *url, MgArena *arena, MgError *err)
{
    const char *host = "";
    const Rule *rule = find_rule(url, arena, &host);
    if (rule == NULL && has_option_of_neon_pooler(url))
        rule = &neon_options_rule;
    if (rule == NULL && says_pgbouncer(url))
        rule = &own_word_rule;
    return rule == NULL || refuse(url, rule, host, arena, err);
}
