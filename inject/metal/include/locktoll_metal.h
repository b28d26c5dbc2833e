/* What a program that liblocktoll_metal was slipped under, or that is linked with it (-llocktoll_metal), can ask it.
 *
 * All functions may be called by any thread at any time. In a child that was forked from a guarded process nothing is
 * guarded, and they say so: no counts, no coverage, and an install that fails. */
#ifndef LOCKTOLL_METAL_H
#define LOCKTOLL_METAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Counted since the process began or the last reset. */
struct locktoll_metal_stats {
    /* Locks taken, and those of them that were not free at the first try. */
    uint64_t acquisitions;
    uint64_t contentions;
    /* From asking to having, of the contended ones; the longest since the guard was installed. */
    uint64_t wait_ns_total;
    uint64_t wait_ns_max;
    /* Guarded calls of encoders, nested ones too, ends left out. */
    uint64_t calls;
    /* Encoders: made by a guarded factory; met later than made; ended; freed. */
    uint64_t encoders_made;
    uint64_t encoders_met;
    uint64_t encoders_ended;
    uint64_t encoders_freed;
    uint64_t commits;
    uint64_t events;
    /* Calls on encoders that had ended, and those of them that the driver did not get. */
    uint64_t misuse;
    uint64_t refused;
    /* Factories, commits and events with an encoder of the calling thread open in the command buffer. */
    uint64_t own_encoder_open;
    /* Calls that waited for another thread's encoder; waits left out, since threads would have waited for each
     * other; waits for an encoder or a lock that took too long; waits for a lock that were warned of. */
    uint64_t encoder_waits;
    uint64_t wait_circles;
    uint64_t time_outs;
    uint64_t slow_waits;
    /* Methods that are replaced now, and encoders that have not ended now; a reset leaves these. */
    uint64_t guarded_methods;
    uint64_t encoders_open;
};

/* Installs what the environment asks for (LOCKTOLL_STRATEGY and the other variables of docs/metal.md), if that was not
 * done when the library was loaded; for as long as the process lives. To be called before encoders are made: earlier
 * ones are guarded from their next call on. 1: installed, now or before; 0: LOCKTOLL_STRATEGY is not set; -1: failed,
 * with a line on standard error, and nothing is guarded. */
int locktoll_metal_install(void);

void locktoll_metal_stats(struct locktoll_metal_stats *stats);
/* Begins counting anew, here; what a trace holds goes on. */
void locktoll_metal_reset(void);

/* Whether the guard is installed and does more than pass calls on, which it does not under the strategy off. */
bool locktoll_metal_enabled(void);

/* Which methods of which classes are and are not guarded, as lines for people. A render encoder's class is there once
 * one was made. Writes at most size bytes, a final zero included, and returns the length of the whole text without it;
 * text may be null if size is 0. The text grows with the classes that appear. */
size_t locktoll_metal_coverage(char *text, size_t size);

#ifdef __cplusplus
}
#endif

#endif
