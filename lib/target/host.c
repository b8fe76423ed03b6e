#include "target/host.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

/* Item i of a list with its size; NULL behind the last one. */
static const char *
list_item(const char *list, size_t i, size_t *ret_bytes)
{
    for (; i > 0; i--) {
        list = strchr(list, ',');
        if (list == NULL)
            return NULL;
        list++;
    }
    *ret_bytes = strcspn(list, ",");
    return list;
}

static void
copy_folded(char ret[MG_HOST_MAX_BYTES], const char *text, size_t size_bytes)
{
    if (size_bytes > 0 && text[size_bytes - 1] == '.')
        size_bytes--;
    if (size_bytes >= MG_HOST_MAX_BYTES)
        size_bytes = MG_HOST_MAX_BYTES - 1;
    for (size_t i = 0; i < size_bytes; i++)
        ret[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] - 'A' + 'a') : text[i];
    ret[size_bytes] = '\0';
}

/* One port counts for all hosts; an empty one is the default. */
static int
find_port(const MgUrl *url, size_t i)
{
    const char *ports = mg_url_find_param(url, "port");
    if (ports == NULL)
        return url->port == 0 ? MG_DEFAULT_PORT : url->port;
    size_t size_bytes = 0;
    const char *item = list_item(ports, strchr(ports, ',') == NULL ? 0 : i, &size_bytes);
    int port = 0;
    for (size_t k = 0; item != NULL && k < size_bytes; k++)
        port = port * 10 + (item[k] - '0');
    return port == 0 ? MG_DEFAULT_PORT : port;
}

bool
mg_host_at(const MgUrl *url, size_t i, MgHost *ret)
{
    const char *hosts = mg_url_find_param(url, "host");
    if (hosts == NULL)
        hosts = url->host == NULL ? "" : url->host;
    size_t size_bytes = 0;
    const char *host = list_item(hosts, i, &size_bytes);
    if (host == NULL)
        return false;
    copy_folded(ret->name, host, size_bytes);
    ret->port = find_port(url, i);
    return true;
}

bool
mg_host_is_local(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (host[0] == '/' || host[0] == '@' || mg_text_equal_fold(host, "localhost"))
        return true;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, host, &v6) != 1)
        return false;
    return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
}

bool
mg_hosts_are_local(const char *hosts, MgArena *arena)
{
    size_t size_bytes = 0;
    const char *host = NULL;
    for (size_t i = 0; (host = list_item(hosts, i, &size_bytes)) != NULL; i++) {
        if (size_bytes > 0 && !mg_host_is_local(mg_arena_text_n(arena, host, size_bytes)))
            return false;
    }
    return true;
}

bool
mg_ports_parse(const char *ports, MgArena *arena, int *ret)
{
    int first = 0;
    size_t size_bytes = 0;
    const char *item = NULL;
    for (size_t i = 0; (item = list_item(ports, i, &size_bytes)) != NULL; i++) {
        uint64_t port = 0;
        if (size_bytes > 0 &&
            (!mg_text_parse_uint(mg_arena_text_n(arena, item, size_bytes), UINT16_MAX, &port) ||
             port == 0))
            return false;
        if (i == 0)
            first = (int)port;
    }
    *ret = first;
    return true;
}
