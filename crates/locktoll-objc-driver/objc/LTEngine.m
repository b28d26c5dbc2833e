#import "LTMetal.h"

#import "LTCall.h"

#include <stdlib.h>

#include "LTEngine.h"
#include "LTTime.h"

static uint64_t added_encoding_ns, added_submission_ns, added_execution_ns;

void ltd_add(const struct ltd_added *added) {
    LT_STORE(&added_encoding_ns, added->encoding_ns);
    LT_STORE(&added_submission_ns, added->submission_ns);
    LT_STORE(&added_execution_ns, added->execution_ns);
}

static void spin_added(uint64_t *setting) {
    uint64_t ns = LT_LOAD(setting);
    if (ns)
        lt_count(LT_ADDED_NS, lt_spin(ns));
}

void lt_add_encoding(void) { spin_added(&added_encoding_ns); }

void lt_engine_init(LTEngine *engine, pthread_mutex_t *computing, uint64_t service_ns, uint64_t hold_ns) {
    *engine = (LTEngine){.computing = computing, .service_ns = service_ns, .hold_ns = hold_ns};
    pthread_mutex_init(&engine->lock, NULL);
    pthread_cond_init(&engine->work, NULL);
    pthread_cond_init(&engine->placed, NULL);
}

LTSubmission *lt_submission_new(void) {
    LTSubmission *submission = calloc(1, sizeof *submission);
    if (!submission)
        abort();
    submission->references = 1;
    return submission;
}

void lt_work_free(LTWork *work) {
    for (int slot = 0; slot < LTD_SLOTS; slot++) {
        [(id)work->buffers[slot] release];
        free(work->bytes[slot]);
    }
    free(work);
}

static void free_work(LTSubmission *submission) {
    for (LTWork *work = submission->first; work;) {
        LTWork *next = work->next;
        lt_work_free(work);
        work = next;
    }
    submission->first = submission->last = NULL;
}

void lt_submission_release(LTSubmission *submission) {
    if (__atomic_fetch_sub(&submission->references, 1, __ATOMIC_ACQ_REL) > 1)
        return;
    free_work(submission);
    free(submission);
}

void lt_submission_add(LTSubmission *submission, LTWork *work) {
    work->next = NULL;
    *(submission->last ? &submission->last->next : &submission->first) = work;
    submission->last = work;
}

/* The engine's lock is held. No command buffer starts before it was committed, or before the one before it ended. */
static void place(LTEngine *engine, LTSubmission *submission, uint64_t computed_ns, uint64_t no_end_before_ns) {
    uint64_t least_ns = submission->least_ns > computed_ns ? submission->least_ns : computed_ns;
    submission->start_ns = submission->commit_ns > engine->free_ns ? submission->commit_ns : engine->free_ns;
    submission->end_ns = submission->start_ns + least_ns + submission->added_ns;
    if (submission->end_ns < no_end_before_ns)
        submission->end_ns = no_end_before_ns;
    engine->free_ns = submission->end_ns;
    engine->occupied_ns += submission->end_ns - submission->start_ns;
    submission->placed = true;
}

/* The engine's lock is held; the oldest, which is there, is taken out. */
static LTSubmission *pop(LTEngine *engine) {
    LTSubmission *oldest = engine->first;
    engine->first = oldest->next;
    if (!engine->first)
        engine->last = NULL;
    return oldest;
}

/* The engine's thread, which never ends. */
static void *compute(void *argument) {
    LTEngine *engine = argument;
    pthread_mutex_lock(&engine->lock);
    for (;;) {
        while (!engine->first)
            pthread_cond_wait(&engine->work, &engine->lock);
        LTSubmission *submission = engine->first;
        pthread_mutex_unlock(&engine->lock);
        pthread_mutex_lock(engine->computing);
        uint64_t start_ns = lt_now_ns();
        for (LTWork *work = submission->first; work; work = work->next)
            work->kernel(&work->arguments);
        uint64_t end_ns = lt_now_ns();
        pthread_mutex_unlock(engine->computing);
        free_work(submission);
        pthread_mutex_lock(&engine->lock);
        place(engine, pop(engine), end_ns - start_ns, end_ns);
        for (LTSubmission *done = submission; done;) {
            lt_submission_release(done);
            done = engine->first && !engine->first->computes ? pop(engine) : NULL;
            if (done)
                place(engine, done, 0, 0);
        }
        pthread_cond_broadcast(&engine->placed);
    }
    return NULL;
}

void lt_engine_submit(LTEngine *engine, LTSubmission *submission) {
    pthread_mutex_lock(&engine->lock);
    spin_added(&added_submission_ns);
    submission->added_ns = LT_LOAD(&added_execution_ns);
    if (submission->added_ns)
        lt_count(LT_ADDED_NS, submission->added_ns);
    submission->commit_ns = lt_now_ns();
    submission->least_ns =
        submission->timed_ns > engine->service_ns ? submission->timed_ns : engine->service_ns;
    submission->computes = submission->first != NULL;
    if (!submission->computes && !engine->first) {
        place(engine, submission, 0, 0);
    } else {
        if (!engine->has_thread) {
            if (pthread_create(&engine->thread, NULL, compute, engine))
                abort();
            engine->has_thread = true;
        }
        __atomic_fetch_add(&submission->references, 1, __ATOMIC_RELAXED);
        submission->next = NULL;
        *(engine->last ? &engine->last->next : &engine->first) = submission;
        engine->last = submission;
        pthread_cond_signal(&engine->work);
    }
    pthread_mutex_unlock(&engine->lock);
}

void lt_engine_wait(LTEngine *engine, LTSubmission *submission) {
    pthread_mutex_lock(&engine->lock);
    while (!submission->placed)
        pthread_cond_wait(&engine->placed, &engine->lock);
    uint64_t end_ns = submission->end_ns;
    pthread_mutex_unlock(&engine->lock);
    lt_sleep_until(end_ns);
}

bool lt_engine_interval(LTEngine *engine, LTSubmission *submission, uint64_t *start_ns, uint64_t *end_ns) {
    pthread_mutex_lock(&engine->lock);
    bool placed = submission->placed;
    *start_ns = submission->start_ns;
    *end_ns = submission->end_ns;
    pthread_mutex_unlock(&engine->lock);
    return placed;
}

uint64_t lt_engine_busy_ns(LTEngine *engine) {
    pthread_mutex_lock(&engine->lock);
    uint64_t now_ns = lt_now_ns();
    uint64_t planned_ns = engine->free_ns > now_ns ? engine->free_ns - now_ns : 0;
    uint64_t busy_ns = engine->occupied_ns > planned_ns ? engine->occupied_ns - planned_ns : 0;
    pthread_mutex_unlock(&engine->lock);
    return busy_ns;
}
