/* What all test programs share: clocks, and lines on standard output that tell where things are. */
#ifndef COMMON_H
#define COMMON_H
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Functions that make one lock call each, so that an address inside one names the call site. */
#define SITE __attribute__((noinline))
#define TELL_SITE(function) printf("site %s %p\n", #function, (void *)(function))
#define TELL_LOCK(name) printf("lock %s %p\n", #name, (void *)&(name))

#define CHECK(condition)                                                            \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: %s is false\n", __FILE__, __LINE__, #condition); \
            _exit(99);                                                              \
        }                                                                           \
    } while (0)

static inline int64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static inline void sleep_us(long us) {
    struct timespec time = {us / 1000000, us % 1000000 * 1000};
    while (nanosleep(&time, &time) != 0) {
    }
}

/* A moment of this clock, so many microseconds from now. */
static inline struct timespec in_us(clockid_t clock, long us) {
    struct timespec time;
    clock_gettime(clock, &time);
    time.tv_nsec += us % 1000000 * 1000;
    time.tv_sec += us / 1000000 + time.tv_nsec / 1000000000;
    time.tv_nsec %= 1000000000;
    return time;
}
#endif
