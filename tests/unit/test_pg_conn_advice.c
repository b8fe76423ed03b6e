/* Whose words an error is in, and what to do then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pg/conn_libpq.h"

#define POOLER "A connection pooler says so: use the URL of the server itself."
#define FULL "A connection pooler has no free backend: use the URL of the server itself."
#define IPV6                                                                                       \
    "This host has an IPv6 address only. Where there is no IPv6, use the session pooler of the "   \
    "project (port 5432) with --connection session, or the IPv4 add-on."

static const char *
or_none(const char *text)
{
    return text == NULL ? "-" : text;
}

static void
test_conn_advice__tells_poolers_from_servers(void **state)
{
    (void)state;
    static const struct {
        const char *reason, *host, *refused, *any;
    } cases[] = {
        { "unsupported startup parameter: options", "h", POOLER, POOLER },
        { "transaction blocks not allowed in statement pooling mode", NULL, POOLER, POOLER },
        { "query_wait_timeout", "h", FULL, FULL },
        { "MaxClientsInSessionMode: max clients reached - in Session mode", "h", FULL, FULL },
        { "no more connections allowed (max_client_conn)", "h", FULL, FULL },
        { "prepared statement \"migrate_fence\" already exists", "h",
          "A migration has dropped it (DEALLOCATE ALL, DISCARD ALL), or a connection pooler has "
          "changed the backend: then use the URL of the server itself.",
          "A migration has dropped it (DEALLOCATE ALL, DISCARD ALL), or a connection pooler has "
          "changed the backend: then use the URL of the server itself." },
        /* A file's own. */
        { "prepared statement \"s0\" does not exist", "h",
          "A connection pooler mixes sessions: use the URL of the server itself.", "-" },
        { "sorry, too many clients already", "h",
          "Close other sessions, or raise max_connections; \"migrate doctor\" shows how many are "
          "used.",
          "-" },
        { "Network is unreachable", "db.abcd.supabase.co", IPV6, "-" },
        { "Network is unreachable", "db.example.com", "-", "-" },
        { "Network is unreachable", NULL, "-", "-" },
        { "could not translate host name \"postgres.railway.internal\" to address: x",
          "postgres.railway.internal",
          "Railway's private network is not there while it builds: migrate in the pre-deploy "
          "command, or set MIGRATE_URL to the database's public URL (DATABASE_PUBLIC_URL).",
          "-" },
        { "Connection refused", "postgres.railway.internal", "-", "-" },
        { "received invalid response to SSL negotiation: H", "h",
          "What answered is not PostgreSQL: check host and port.", "-" },
        { "server does not support SSL, but SSL was required", "h",
          "The server has TLS switched off, or another one answers: check host and port. For one "
          "on this machine sslmode=prefer will do.",
          "-" },
        { "relation \"users\" already exists", "h", "-", "-" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_string_equal(or_none(mg_conn_advice(cases[i].reason, cases[i].host)),
                            cases[i].refused);
        assert_string_equal(or_none(mg_conn_poolers_advice(cases[i].reason)), cases[i].any);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conn_advice__tells_poolers_from_servers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
