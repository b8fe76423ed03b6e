/*
 * Which addresses a connection goes to.  libpq looks names up itself, in the
 * middle of its calls, where neither a deadline nor a cancel reaches it: so it
 * gets each name together with its addresses.  The name stays, for TLS, the
 * password file and what it says.
 */
#include "pg/conn.h"

#include <string.h>

#include <libpq-fe.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "pg/conn_libpq.h"
#include "pg/conn_resolve.h"
#include "target/host.h"

enum {
    MAX_HOSTS = MG_MAX_LOOKUPS, /* of one URL; longer lists are left to libpq */
};

/* A list of libpq's. */
typedef struct List {
    const char *items[MAX_HOSTS]; /* "" = none */
    size_t n;                     /* more than MAX_HOSTS: too long */
} List;

static List
split(const char *text, MgArena *arena)
{
    List list = { .n = 0 };
    if (text == NULL || *text == '\0')
        return list;
    for (;;) {
        size_t size_bytes = strcspn(text, ",");
        if (list.n < MAX_HOSTS)
            list.items[list.n] = mg_arena_text_n(arena, text, size_bytes);
        list.n++;
        if (text[size_bytes] == '\0')
            return list;
        text += size_bytes + 1;
    }
}

static const char *
value_of(const PQconninfoOption *options, const char *keyword, MgArena *arena)
{
    for (const PQconninfoOption *option = options; option != NULL && option->keyword != NULL;
         option++)
        if (strcmp(option->keyword, keyword) == 0)
            return mg_arena_text(arena, option->val);
    return NULL;
}

typedef struct Route {
    List hosts, addresses, ports;
} Route;

/*
 * What libpq makes of parameters, its variables and a service file.  It is told
 * something that cannot be, which it says before it looks anything up, and a
 * password, or it would read the password file, and warn of its rights, twice.
 */
static bool
read_route(const char **keys, const char **values, size_t n, MgArena *arena, Route *ret)
{
    keys[n] = "target_session_attrs";
    values[n] = "none";
    keys[n + 1] = "password";
    values[n + 1] = "none";
    keys[n + 2] = NULL;
    PGconn *pg = PQconnectStartParams(keys, values, 0);
    keys[n] = NULL;
    PQconninfoOption *options =
        pg == NULL || PQstatus(pg) != CONNECTION_BAD ? NULL : PQconninfo(pg);
    if (options != NULL)
        *ret = (Route){ .hosts = split(value_of(options, "host", arena), arena),
                        .addresses = split(value_of(options, "hostaddr", arena), arena),
                        .ports = split(value_of(options, "port", arena), arena) };
    PQconninfoFree(options);
    PQfinish(pg);
    return options != NULL;
}

/* As libpq decides: neither empty nor the folder or the name of a Unix socket. */
static bool
is_name(const char *host)
{
    return *host != '\0' && *host != '/' && *host != '@' && !mg_is_address(host);
}

static bool
has_names(const List *hosts)
{
    for (size_t i = 0; i < hosts->n && i < MAX_HOSTS; i++)
        if (is_name(hosts->items[i]))
            return true;
    return false;
}

/* Without asking libpq: where hosts are given, the last ones count. */
static bool
may_have_names(const char **keys, const char **values, size_t n, MgArena *arena)
{
    for (size_t i = n; i > 0; i--)
        if (strcmp(keys[i - 1], "host") == 0 && values[i - 1] != NULL && *values[i - 1] != '\0') {
            List hosts = split(values[i - 1], arena);
            return has_names(&hosts);
        }
    return true;
}

/* Lists that libpq will refuse, and those that are too long, are its own business. */
static bool
is_ours(const Route *route)
{
    size_t n = route->hosts.n;
    return n <= MAX_HOSTS && (route->addresses.n == 0 || route->addresses.n == n) &&
           (route->ports.n <= 1 || route->ports.n == n) && has_names(&route->hosts);
}

static const char *
item_of(const List *list, size_t i)
{
    return list->n == 0 ? "" : list->items[list->n == 1 ? 0 : i];
}

/* The three lists that libpq gets, one entry for each address. */
typedef struct Written {
    MgBuf hosts, addresses, ports;
    size_t n;
} Written;

static void
write_entry(Written *written, const char *host, const char *address, const char *port)
{
    const char *comma = written->n++ == 0 ? "" : ",";
    mg_buf_format(&written->hosts, "%s%s", comma, host);
    mg_buf_format(&written->addresses, "%s%s", comma, address);
    mg_buf_format(&written->ports, "%s%s", comma, port);
}

static void
write_all(const Route *route, const MgLookup *lookups, MgArena *arena, MgAddressed *ret)
{
    Written written = { .n = 0 };
    const MgLookup *lookup = lookups;
    for (size_t i = 0; i < route->hosts.n; i++) {
        const char *host = route->hosts.items[i], *port = item_of(&route->ports, i);
        const char *address = item_of(&route->addresses, i);
        if (*address != '\0' || !is_name(host)) {
            MgAddress given = { NULL, *address == '\0' ? host : address };
            MG_PUSH(arena, &ret->known, given);
            write_entry(&written, host, address, port);
            continue;
        }
        for (size_t k = 0; k < lookup->n_addresses; k++) {
            write_entry(&written, host, lookup->addresses[k], port);
            MgAddress known = { host, lookup->addresses[k] };
            MG_PUSH(arena, &ret->known, known);
        }
        if (lookup->failure != NULL && ret->failure == NULL)
            ret->failure =
                mg_arena_format(arena, "could not translate host name \"%s\" to address: %s", host,
                                lookup->failure);
        lookup++;
    }
    ret->is_nowhere = written.n == 0;
    ret->hosts = mg_arena_text(arena, mg_buf_text(&written.hosts));
    ret->addresses = mg_arena_text(arena, mg_buf_text(&written.addresses));
    ret->ports = mg_arena_text(arena, mg_buf_text(&written.ports));
    /* "a,b" in a URL has the ports ",".  libpq would take those again in the place of an empty
     * text. */
    if (route->ports.n > 1 && written.ports.size_bytes == 0)
        ret->ports = mg_arena_format(arena, "%d", MG_DEFAULT_PORT);
    mg_buf_release(&written.hosts);
    mg_buf_release(&written.addresses);
    mg_buf_release(&written.ports);
}

bool
mg_conn_look_up(MgConn *conn, const char **keys, const char **values, size_t n, int64_t limit_ms,
                MgAddressed *ret, MgError *err)
{
    MgArena *arena = &conn->arena;
    Route route;
    MgLookup *lookups = mg_arena_alloc_array(arena, MAX_HOSTS, sizeof *lookups);
    size_t n_names = 0;
    if (!may_have_names(keys, values, n, arena) || !read_route(keys, values, n, arena, &route) ||
        !is_ours(&route))
        return true;
    for (size_t i = 0; i < route.hosts.n; i++)
        if (item_of(&route.addresses, i)[0] == '\0' && is_name(route.hosts.items[i]))
            lookups[n_names++].name = route.hosts.items[i];
    if (n_names == 0)
        return true;
    MgLookupLimit limit = { .until_ms = mg_clock_ms() + limit_ms,
                            .limit_ms = limit_ms,
                            .cancel_fd = conn->cancel_fd };
    MgError failure;
    if (mg_resolve(lookups, n_names, &limit, arena, &failure)) {
        MgAddressed addressed = { .hosts = NULL };
        write_all(&route, lookups, arena, &addressed);
        *ret = addressed;
        return true;
    }
    /* Without a child libpq looks up itself. */
    if (failure.code == MG_E_SYSTEM)
        return true;
    *err = failure;
    return false;
}

const char *
mg_conn_name_of(const MgConn *conn, const char *address, size_t size_bytes)
{
    for (size_t i = 0; i < conn->addressed.known.n; i++) {
        const MgAddress *known = &conn->addressed.known.items[i];
        if (strlen(known->address) == size_bytes &&
            strncmp(known->address, address, size_bytes) == 0)
            return known->name;
    }
    return NULL;
}
