/* What is known of a connection that is open. */
#include "pg/conn.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <libpq-fe.h>

#include "base/text.h"
#include "pg/conn_libpq.h"

int
mg_conn_server_version(const MgConn *conn)
{
    return PQserverVersion(conn->pg);
}

const char *
mg_conn_server_version_text(const MgConn *conn)
{
    return conn->server_version;
}

int
mg_conn_key_pid(const MgConn *conn)
{
    return PQbackendPID(conn->pg);
}

int
mg_conn_local_port(const MgConn *conn)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_storage room;
    } address = { 0 };
    socklen_t size = sizeof address;

    if (getsockname(PQsocket(conn->pg), &address.any, &size) != 0)
        return 0;
    if (address.any.sa_family == AF_INET)
        return ntohs(address.v4.sin_port);
    if (address.any.sa_family == AF_INET6)
        return ntohs(address.v6.sin6_port);
    return -1;
}

/* Parent of a process, by /proc (Linux); 0 when it cannot be told. */
static long
parent_of(int pid)
{
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    size_t n = fread(line, 1, sizeof line - 1, file);
    (void)fclose(file);
    line[n] = '\0';
    /* "pid (name) state parent ..."; the name may hold anything, so look for its last ')'. */
    const char *at = strrchr(line, ')');
    long parent = 0;
    char state = 0;
    if (at == NULL || sscanf(at + 1, " %c %ld", &state, &parent) != 2)
        return 0;
    return parent;
}

bool
mg_conn_socket_is_postmasters(const MgConn *conn)
{
#ifdef SO_PEERCRED
    struct ucred peer = { 0 };
    socklen_t size = sizeof peer;
    if (getsockopt(PQsocket(conn->pg), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return false;
    return peer.pid > 0 && parent_of(mg_conn_key_pid(conn)) == peer.pid;
#else
    (void)parent_of;
    return false;
#endif
}

bool
mg_conn_counts_bytes(const MgConn *conn)
{
    const char *encoding = PQparameterStatus(conn->pg, "server_encoding");
    return encoding != NULL && strcmp(encoding, "SQL_ASCII") == 0;
}

bool
mg_conn_has_standard_strings(const MgConn *conn)
{
    const char *value = PQparameterStatus(conn->pg, "standard_conforming_strings");
    return value == NULL || strcmp(value, "on") == 0;
}

const char *
mg_conn_host(const MgConn *conn)
{
    return PQhost(conn->pg);
}

const char *
mg_conn_port(const MgConn *conn)
{
    return PQport(conn->pg);
}

const char *
mg_conn_database(const MgConn *conn)
{
    return PQdb(conn->pg);
}

const char *
mg_conn_user(const MgConn *conn)
{
    return PQuser(conn->pg);
}

bool
mg_conn_is_local(const MgConn *conn)
{
    const char *host = PQhost(conn->pg), *address = PQhostaddr(conn->pg);
    return (host != NULL && host[0] == '/') ||
           (address != NULL && (mg_text_starts(address, "127.") || strcmp(address, "::1") == 0));
}
