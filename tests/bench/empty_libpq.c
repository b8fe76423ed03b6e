/* The least that a client of PostgreSQL takes to start: it loads libpq, and ends. */
#include <libpq-fe.h>

int
main(void)
{
    return PQlibVersion() > 0 ? 0 : 1;
}
