/* An engine: it is occupied by one submission at a time, in the order of commits.
 *
 * A submission occupies its engine from max(commit, end of the one before) for the largest of the device's service
 * time, its timed dispatches' durations, and the time that its kernels really took. One without kernels is placed on
 * this timeline when it is committed, and nobody wakes up for it; one with kernels is computed by the engine's
 * thread, and what was committed behind it is placed after it. Engines live as long as the process. */
#ifndef LT_ENGINE_H
#define LT_ENGINE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "locktoll_driver.h"

/* One dispatch of a kernel that computes; see lt_work_free for what it owns. */
typedef struct LTWork {
    ltd_kernel kernel;
    struct ltd_arguments arguments;
    /* Objects to release, and copies to free, once it is done. */
    void *buffers[LTD_SLOTS];
    void *bytes[LTD_SLOTS];
    struct LTWork *next;
} LTWork;

/* A command buffer as its engine sees it. Owned by the command buffer; the engine keeps a reference. */
typedef struct LTSubmission {
    uint32_t references;
    uint64_t timed_ns;
    LTWork *first, *last;
    struct LTSubmission *next;
    uint64_t commit_ns, least_ns, added_ns;
    bool computes;
    /* From here on under the engine's lock. */
    bool placed;
    uint64_t start_ns, end_ns;
} LTSubmission;

typedef struct LTEngine {
    pthread_mutex_t lock;
    pthread_cond_t work, placed;
    pthread_mutex_t *computing;
    uint64_t service_ns, hold_ns;
    uint64_t free_ns, occupied_ns;
    /* Not placed, oldest first; empty unless the first computes. */
    LTSubmission *first, *last;
    bool has_thread;
    pthread_t thread;
} LTEngine;

void lt_engine_init(LTEngine *engine, pthread_mutex_t *computing, uint64_t service_ns, uint64_t hold_ns);

LTSubmission *lt_submission_new(void);
void lt_submission_release(LTSubmission *submission);
void lt_submission_add(LTSubmission *submission, LTWork *work);
void lt_work_free(LTWork *work);

void lt_engine_submit(LTEngine *engine, LTSubmission *submission);
/* Returns once the submission's end has passed. */
void lt_engine_wait(LTEngine *engine, LTSubmission *submission);
/* Whether the submission is placed, and where if so. */
bool lt_engine_interval(LTEngine *engine, LTSubmission *submission, uint64_t *start_ns, uint64_t *end_ns);
uint64_t lt_engine_busy_ns(LTEngine *engine);

/* What the device in whole was told to add; see ltd_add. */
void lt_add_encoding(void);

#endif
