/* How the connection is encrypted, and whose word there is that it is the right server. */
#include "pg/conn.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "base/arena.h"
#include "base/text.h"
#include "pg/conn_libpq.h"

/* The value that the connection was made with, in arena; "" when it has none. */
static const char *
option_of(const PQconninfoOption *options, const char *keyword, MgArena *arena)
{
    for (const PQconninfoOption *option = options; option != NULL && option->keyword != NULL;
         option++)
        if (strcmp(option->keyword, keyword) == 0 && option->val != NULL)
            return mg_arena_text(arena, option->val);
    return "";
}

/* Where libpq looks for root certificates when sslrootcert does not say. */
static bool
has_root_file(const char *named, MgArena *arena)
{
    const char *home = getenv("HOME"); /* libpq asks the process, whatever our caller has */
    if (named[0] != '\0')
        return access(named, R_OK) == 0;
    return home != NULL &&
           access(mg_arena_format(arena, "%s/.postgresql/root.crt", home), R_OK) == 0;
}

MgConnTls
mg_conn_tls(const MgConn *conn, MgArena *arena)
{
    MgConnTls tls = { .is_gss = PQgssEncInUse(conn->pg) == 1 };
    const char *host = PQhost(conn->pg);
    tls.is_socket = host != NULL && host[0] == '/';
    if (PQsslInUse(conn->pg) != 1)
        return tls;

    const char *protocol = PQsslAttribute(conn->pg, "protocol");
    tls.protocol = mg_arena_text(arena, protocol == NULL ? "TLS" : protocol);
    PQconninfoOption *options = PQconninfo(conn->pg);
    tls.mode = option_of(options, "sslmode", arena);
    const char *root = option_of(options, "sslrootcert", arena);
    PQconninfoFree(options);
    tls.is_host_verified = strcmp(tls.mode, "verify-full") == 0;
    /* A root certificate that is there is used in every mode (libpq 15). */
    tls.is_certificate_verified =
        tls.is_host_verified || strcmp(tls.mode, "verify-ca") == 0 || has_root_file(root, arena);
    return tls;
}
