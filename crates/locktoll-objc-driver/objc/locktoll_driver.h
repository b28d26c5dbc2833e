/* The stand-in driver's C interface: what tests set, and what they read.
 *
 * The driver itself is reached as Metal is: MTLCreateSystemDefaultDevice, then Objective-C. Functions here are
 * callable from any thread at any time unless they say otherwise. */
#ifndef LOCKTOLL_DRIVER_H
#define LOCKTOLL_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Within what two calls of two threads must not overlap. An overlap ends the process: by SIGSEGV, a null _impl,
 * where one of the two ends or destroys an encoder, else by SIGABRT. */
enum ltd_scope {
    LTD_OFF = 0,
    /* A command buffer with the encoders opened on it; an encoder of a parallel one by itself. */
    LTD_ENCODER = 1,
    /* What all command buffers of one queue share. */
    LTD_CONTEXT = 2,
    /* The driver as it is loaded into the process. */
    LTD_PROCESS = 3,
};
/* Calls that make command buffers may overlap with all others. */
void ltd_fault(enum ltd_scope scope);

/* Whether destroyImpl is inside the fault's scope. It is, unless told otherwise; a caller's own lock cannot cover
 * a release that happens wherever the last reference goes. */
void ltd_fault_covers_destroy(bool covers);

/* CPU time spent inside every call from outside the driver, and in destroyImpl, if that is covered, between the
 * unlock and the null. */
void ltd_race_window_ns(uint64_t ns);

/* Whether a deallocated encoder's memory is given to the next encoder of its size, at once and to any thread.
 * Elsewhere than on GNUstep the allocator decides. */
void ltd_recycle(bool recycles);

/* Whether each commit leaves a reference to its command buffer in the calling thread's autorelease pool, as calls of
 * a driver may do with what they use. */
void ltd_lends(bool lends);

/* Groups of calls. A call made by the driver itself, inside another, is in none of them, but nested. (The
 * destroyImpl of a dealloc from outside is LTD_DESTROY: dealloc itself is not a call of any group.) */
enum ltd_group {
    LTD_COMPUTE,
    LTD_BLIT,
    LTD_RENDER,
    LTD_PARALLEL,
    LTD_RESOURCE_STATE,
    LTD_ACCELERATION,
    LTD_FACTORY,
    LTD_COMMIT,
    LTD_EVENT,
    LTD_END,
    LTD_DESTROY,
    LTD_QUEUE,
    LTD_GROUPS
};

/* Calls that took effect and objects, since the last reset; what is live is live now, whenever it was made. */
struct ltd_counts {
    uint64_t calls[LTD_GROUPS];
    uint64_t nested;
    uint64_t encoders_created;
    uint64_t encoders_ended;
    uint64_t encoders_live;
    uint64_t command_buffers_created;
    uint64_t command_buffers_live;
    /* Encoders whose memory was another's before; see ltd_recycle. */
    uint64_t encoders_recycled;
};
void ltd_counts(struct ltd_counts *counts);
void ltd_reset(void);

/* This thread's last call from outside the driver since it was asked last: its selector, or null, and a digest of its
 * arguments' values (what a pointer to an array points to included), which is equal for equal arguments. */
struct ltd_call {
    const char *selector;
    uint64_t arguments;
};
void ltd_last_call(struct ltd_call *call);

/* Threads that wait now, in commandBuffer, for a queue to have room. */
uint32_t ltd_waiting_for_room(void);

/* Calls a function; whether it was left by an Objective-C exception. */
bool ltd_catches(void (*call)(void *argument), void *argument);

/* An autorelease pool, for callers in other languages: calls between the two are this thread's. */
void *ltd_pool_push(void);
void ltd_pool_pop(void *pool);

/* Times and sizes of the devices that are made from now on. */
struct ltd_settings {
    /* Least time for which a command buffer occupies its engine. */
    uint64_t service_ns;
    /* Further time of each endEncoding, on no core. */
    uint64_t hold_ns;
    /* Engines, at least 1. A device's n-th queue is served by engine n modulo engines. */
    uint32_t engines;
};
void ltd_configure(const struct ltd_settings *settings);

/* Known times added to each command buffer: CPU time in its encoders' ends and in its commit, and execution. */
struct ltd_added {
    uint64_t encoding_ns;
    uint64_t submission_ns;
    uint64_t execution_ns;
};
void ltd_add(const struct ltd_added *added);
/* How much of that has been spent, by all threads. */
uint64_t ltd_added_spent_ns(void);

/* For the engine of a device, a union of intervals up to now. */
uint64_t ltd_busy_ns(void *device, uint32_t engine);

/* The argument slots of a compute encoder that a kernel can see. */
enum { LTD_SLOTS = 8 };
/* A dispatch's arguments; slots without one have length 0. Bytes belong to the dispatch, buffers to everyone. */
struct ltd_arguments {
    void *slots[LTD_SLOTS];
    size_t lengths[LTD_SLOTS];
    size_t threads;
    uint32_t constants[4];
};
typedef void (*ltd_kernel)(const struct ltd_arguments *arguments);
/* A pipeline, with one reference for the caller: a kernel that computes, on the engine's thread, or null for one
 * that takes duration_ns only. One kernel of a device runs at a time. */
void *ltd_new_pipeline(void *device, ltd_kernel kernel, const uint32_t constants[4], uint64_t duration_ns);
/* A copy of a buffer's first length bytes, while no kernel runs. */
void ltd_read(void *buffer, void *to, size_t length);

#endif
