/* Time: the monotonic clock in nanoseconds, spinning and sleeping. */
#ifndef LT_TIME_H
#define LT_TIME_H

#include <stdint.h>

uint64_t lt_now_ns(void);
/* Uses the core for so long, by the clock; the time that passed. */
uint64_t lt_spin(uint64_t ns);
/* Returns at once if the time has passed. */
void lt_sleep_until(uint64_t deadline_ns);
/* Lets so much time pass, on no core but for the last 60 us, which makes it exact. */
void lt_hold(uint64_t ns);

#endif
