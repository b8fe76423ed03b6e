/* Time and chance. */
#include "base/clock.h"

#include <assert.h>
#include <time.h>
#include <unistd.h>

static int64_t
read_us(clockid_t clock)
{
    struct timespec now;
    int rc = clock_gettime(clock, &now);
    assert(rc == 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t
mg_clock_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

int64_t
mg_clock_ms(void)
{
    return mg_clock_us() / 1000;
}

int64_t
mg_clock_wall_ms(void)
{
    return read_us(CLOCK_REALTIME) / 1000;
}

uint64_t
mg_clock_random(void)
{
    uint64_t bits = 0;
    int rc = getentropy(&bits, sizeof bits);
    assert(rc == 0);
    return bits;
}
