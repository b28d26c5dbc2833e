#define _GNU_SOURCE

#include "LTTime.h"

#include <time.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

/* More than a sleeping thread usually needs to get its core back. */
static const uint64_t WAKE_UP_NS = 60000;

uint64_t lt_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t spin_until(uint64_t deadline_ns) {
    for (;;) {
        uint64_t now_ns = lt_now_ns();
        if (now_ns >= deadline_ns)
            return now_ns;
    }
}

uint64_t lt_spin(uint64_t ns) {
    if (!ns)
        return 0;
    uint64_t started_ns = lt_now_ns();
    return spin_until(started_ns + ns) - started_ns;
}

void lt_sleep_until(uint64_t deadline_ns) {
    if (lt_now_ns() >= deadline_ns)
        return;
#ifdef __linux__
    // The usual timer slack of 50 us would be half a default service.
    static __thread int sharp;
    if (!sharp) {
        prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
        sharp = 1;
    }
    struct timespec deadline = {(time_t)(deadline_ns / 1000000000), (long)(deadline_ns % 1000000000)};
    // A signal ends the sleep early; then it goes on to the same absolute time.
    while (lt_now_ns() < deadline_ns)
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL);
#else
    for (uint64_t now_ns; (now_ns = lt_now_ns()) < deadline_ns;) {
        uint64_t left_ns = deadline_ns - now_ns;
        struct timespec left = {(time_t)(left_ns / 1000000000), (long)(left_ns % 1000000000)};
        nanosleep(&left, NULL);
    }
#endif
}

void lt_hold(uint64_t ns) {
    if (!ns)
        return;
    uint64_t deadline_ns = lt_now_ns() + ns;
    lt_sleep_until(deadline_ns > WAKE_UP_NS ? deadline_ns - WAKE_UP_NS : 0);
    spin_until(deadline_ns);
}
