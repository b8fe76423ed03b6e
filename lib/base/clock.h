/* Time and chance: the only place that asks the system for either. */
#ifndef MG_BASE_CLOCK_H
#define MG_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Monotonic, for deadlines and durations. */
int64_t mg_clock_ms(void);
int64_t mg_clock_us(void);
/* Since 1970 UTC. */
int64_t mg_clock_wall_ms(void);
/* Unpredictable bits from the system. */
uint64_t mg_clock_random(void);

#endif
