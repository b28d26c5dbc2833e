#define _GNU_SOURCE
#import "LTCall.h"
#import "LTMetal.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "LTTime.h"

/* A thread's counters and its present call. Written by that thread alone; a block whose thread has ended keeps its
 * counts and goes to the next new thread. Blocks are never freed, so the list can be read at any time. */
typedef struct LTThread {
    uint64_t counters[LT_COUNTERS];
    uint32_t number;
    uint32_t depth;
    SEL outermost;
    uint64_t digest;
    struct LTThread *next;
    struct LTThread *next_free;
} __attribute__((aligned(128))) LTThread;

static LTThread *all_threads;
static pthread_mutex_t threads_lock = PTHREAD_MUTEX_INITIALIZER;
static LTThread *free_threads;
static uint32_t last_number;
static uint64_t base[LT_COUNTERS];
static pthread_key_t thread_end;
static pthread_once_t thread_end_made = PTHREAD_ONCE_INIT;
static __thread LTThread *this_thread;

static int fault_scope;
static bool fault_covers_destroy = true;
static uint64_t window_ns;
static LTScope process_scope;

static void thread_ended(void *thread) {
    pthread_mutex_lock(&threads_lock);
    ((LTThread *)thread)->next_free = free_threads;
    free_threads = thread;
    pthread_mutex_unlock(&threads_lock);
    this_thread = NULL;
}

static void make_thread_end(void) { pthread_key_create(&thread_end, thread_ended); }

static LTThread *new_thread(void) {
    pthread_once(&thread_end_made, make_thread_end);
    pthread_mutex_lock(&threads_lock);
    LTThread *thread = free_threads;
    if (thread) {
        free_threads = thread->next_free;
    } else {
        if (posix_memalign((void **)&thread, 128, sizeof *thread))
            abort();
        memset(thread, 0, sizeof *thread);
        thread->next = LT_LOAD(&all_threads);
        __atomic_store_n(&all_threads, thread, __ATOMIC_RELEASE);
    }
    thread->number = ++last_number;
    thread->depth = 0;
    pthread_mutex_unlock(&threads_lock);
    pthread_setspecific(thread_end, thread);
    this_thread = thread;
    return thread;
}

static inline LTThread *current_thread(void) {
    LTThread *thread = this_thread;
    return thread ? thread : new_thread();
}

/* No other thread writes the counter, so no addition can be lost. */
static inline void add(LTThread *thread, int counter, uint64_t by) {
    uint64_t *word = &thread->counters[counter];
    LT_STORE(word, LT_LOAD(word) + by);
}

void lt_count(LTCounter counter, uint64_t by) { add(current_thread(), (int)counter, by); }

/* Ends the calling thread's part in a process that another thread is ending: the first cause is the one to tell. */
static void die_once(void) {
    static bool dying;
    if (__atomic_test_and_set(&dying, __ATOMIC_RELAXED))
        for (;;)
            pause();
}

/* One write, so that the line stays whole. */
static void say(const char *line) {
    if (write(STDERR_FILENO, line, strlen(line)) < 0)
        return; // the signal still tells
}

static bool ends_encoder(SEL call) {
    static const char *const names[] = {"endEncoding", "deferredEndEncoding", "destroyImpl", "dealloc"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(sel_getName(call), names[i]))
            return true;
    return false;
}

/* The read that the real driver makes; volatile, so that it is made. */
static void read_field(const void *impl, size_t offset) {
    (void)*(const volatile char *)((uintptr_t)impl + offset);
}

static _Noreturn void overlap(SEL call, uint32_t number, SEL other, uint32_t other_number) {
    static const char *const scopes[] = {"off", "encoder", "queue", "process"};
    die_once();
    bool ends = ends_encoder(call) || ends_encoder(other);
    char line[400], name[64] = "", shown[80] = "";
    if (!pthread_getname_np(pthread_self(), name, sizeof name) && name[0])
        snprintf(shown, sizeof shown, " (%s)", name);
    snprintf(line, sizeof line,
             "locktoll fault model agx:%s: %s: %s by thread %u%s overlaps %s by thread %u%s\n",
             scopes[LT_LOAD(&fault_scope)], ends ? "SIGSEGV" : "SIGABRT",
             sel_getName(call), number, shown, sel_getName(other), other_number, ends ? " (null _impl at 0x5c8)" : "");
    say(line);
    if (ends) {
        void *volatile impl = NULL;
        read_field(impl, LT_FIELD_PIPELINE);
    }
    abort();
}

LTScope *lt_new_scope(void) {
    LTScope *scope = calloc(1, sizeof *scope);
    if (!scope)
        abort();
    return scope;
}

static const uint64_t DEPTH = 1;

static void enter_scope(LTScope *scope, SEL call, uint32_t number) {
    uint64_t found = 0;
    if (__atomic_compare_exchange_n(&scope->holder, &found, (uint64_t)number << 32 | DEPTH, false,
                                    __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        LT_STORE(&scope->call, call);
    } else if (found >> 32 == number) {
        __atomic_fetch_add(&scope->holder, DEPTH, __ATOMIC_RELAXED);
    } else {
        SEL other = LT_LOAD(&scope->call);
        overlap(call, number, other ? other : call, (uint32_t)(found >> 32));
    }
}

static void leave_scope(LTScope *scope) {
    uint64_t held = LT_LOAD(&scope->holder);
    bool outermost = (uint32_t)held == DEPTH;
    LT_STORE(&scope->holder, outermost ? 0 : held - DEPTH);
}

bool lt_covers_destroy(void) { return LT_LOAD(&fault_covers_destroy); }

static LTScope *scope_in_force(LTScopes scopes, int group) {
    if (group == LTD_DESTROY && !lt_covers_destroy())
        return NULL;
    // Command queues may be used by any thread at any time, as Metal's documents say.
    if (group == LTD_QUEUE)
        return NULL;
    switch (LT_LOAD(&fault_scope)) {
    case LTD_ENCODER:
        return scopes.encoder;
    case LTD_CONTEXT:
        return scopes.queue;
    case LTD_PROCESS:
        return &process_scope;
    default:
        return NULL;
    }
}

static const uint64_t FNV_BASIS = 0xcbf29ce484222325, FNV_PRIME = 0x100000001b3;

LTCall lt_enter(LTScopes scopes, SEL call, int group) {
    LTThread *thread = current_thread();
    LTCall entered = {scope_in_force(scopes, group), group};
    if (thread->depth++ == 0) {
        thread->outermost = call;
        thread->digest = FNV_BASIS;
    } else {
        entered.group = LT_NESTED;
    }
    if (entered.scope)
        enter_scope(entered.scope, call, thread->number);
    if (thread->depth == 1 && group != LTD_DESTROY)
        lt_window();
    return entered;
}

void lt_leave(LTCall *call) {
    LTThread *thread = current_thread();
    if (call->scope)
        leave_scope(call->scope);
    thread->depth--;
    add(thread, call->group, 1);
}

void lt_window(void) {
    uint64_t ns = LT_LOAD(&window_ns);
    if (ns)
        lt_spin(ns);
}

void lt_note(const void *value, size_t size) {
    LTThread *thread = current_thread();
    if (thread->depth != 1)
        return;
    uint64_t digest = thread->digest;
    const unsigned char *bytes = value;
    for (; size >= 8; size -= 8, bytes += 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        digest = (digest ^ word) * FNV_PRIME;
        digest ^= digest >> 29;
    }
    for (; size; size--, bytes++)
        digest = (digest ^ *bytes) * FNV_PRIME;
    thread->digest = digest;
}

_Noreturn void lt_assertion_failed(id object, SEL call, const char *what) {
    die_once();
    char line[400];
    snprintf(line, sizeof line, "-[%s %s]: failed assertion `%s'\n", class_getName(object_getClass(object)),
             sel_getName(call), what);
    say(line);
    abort();
}

void lt_touch(id object, SEL call, const void *impl, size_t offset) {
    if (!impl) {
        die_once();
        char line[400];
        snprintf(line, sizeof line, "-[%s %s]: null _impl at 0x%zx\n", class_getName(object_getClass(object)),
                 sel_getName(call), offset);
        say(line);
    }
    read_field(impl, offset);
}

void ltd_fault(enum ltd_scope scope) { LT_STORE(&fault_scope, (int)scope); }

void ltd_fault_covers_destroy(bool covers) { LT_STORE(&fault_covers_destroy, covers); }

void ltd_race_window_ns(uint64_t ns) { LT_STORE(&window_ns, ns); }

static uint64_t sum(int counter) {
    uint64_t total = 0;
    for (LTThread *thread = __atomic_load_n(&all_threads, __ATOMIC_ACQUIRE); thread; thread = thread->next)
        total += LT_LOAD(&thread->counters[counter]);
    return total;
}

void ltd_counts(struct ltd_counts *counts) {
    pthread_mutex_lock(&threads_lock);
    for (int group = 0; group < LTD_GROUPS; group++)
        counts->calls[group] = sum(group) - base[group];
    counts->nested = sum(LT_NESTED) - base[LT_NESTED];
    counts->encoders_created = sum(LT_ENCODERS_CREATED) - base[LT_ENCODERS_CREATED];
    counts->encoders_ended = sum(LT_ENCODERS_ENDED) - base[LT_ENCODERS_ENDED];
    counts->encoders_recycled = sum(LT_ENCODERS_RECYCLED) - base[LT_ENCODERS_RECYCLED];
    counts->command_buffers_created = sum(LT_COMMAND_BUFFERS_CREATED) - base[LT_COMMAND_BUFFERS_CREATED];
    // What is gone is read before what was created: an object counted as gone was created before.
    uint64_t gone = sum(LT_ENCODERS_GONE);
    counts->encoders_live = sum(LT_ENCODERS_CREATED) - gone;
    gone = sum(LT_COMMAND_BUFFERS_GONE);
    counts->command_buffers_live = sum(LT_COMMAND_BUFFERS_CREATED) - gone;
    pthread_mutex_unlock(&threads_lock);
}

void ltd_reset(void) {
    pthread_mutex_lock(&threads_lock);
    for (int counter = 0; counter < LT_COUNTERS; counter++)
        base[counter] = sum(counter);
    pthread_mutex_unlock(&threads_lock);
}

void ltd_last_call(struct ltd_call *call) {
    LTThread *thread = current_thread();
    call->selector = thread->outermost ? sel_getName(thread->outermost) : NULL;
    call->arguments = thread->digest;
    thread->outermost = NULL;
}

uint64_t ltd_added_spent_ns(void) { return sum(LT_ADDED_NS); }

bool ltd_catches(void (*call)(void *argument), void *argument) {
    @try {
        call(argument);
    } @catch (id thrown) {
        return true;
    }
    return false;
}

void *ltd_pool_push(void) { return [[NSAutoreleasePool alloc] init]; }

void ltd_pool_pop(void *pool) { [(NSAutoreleasePool *)pool drain]; }
