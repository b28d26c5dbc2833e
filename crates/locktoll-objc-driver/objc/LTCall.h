/* One call into the driver: its fault scope, the time spent in it, its arguments, and that it took effect.
 *
 * A method begins with one of the ENTER macros and leaves when it returns. */
#ifndef LT_CALL_H
#define LT_CALL_H

#import <objc/runtime.h>
#include <pthread.h>

#include "LTAtomic.h"
#include "locktoll_driver.h"

/* Who is within a scope: the thread's number in bits 32 to 63, its depth below; 0 when nobody is. All accesses are
 * relaxed: where a lock keeps calls apart it orders this word too, and elsewhere any value read is proof enough. */
typedef struct {
    uint64_t holder;
    SEL call;
} LTScope;

/* Of nobody, to be freed. */
LTScope *lt_new_scope(void);

/* The scopes in which an object's calls lie. What has no encoder yet, or belongs to no queue, has a null. */
typedef struct {
    LTScope *encoder;
    LTScope *queue;
} LTScopes;

/* What a thread counts of its own, so that counting does not make threads meet. */
typedef enum {
    LT_NESTED = LTD_GROUPS,
    LT_ENCODERS_CREATED,
    LT_ENCODERS_ENDED,
    LT_ENCODERS_GONE,
    LT_ENCODERS_RECYCLED,
    LT_COMMAND_BUFFERS_CREATED,
    LT_COMMAND_BUFFERS_GONE,
    LT_ADDED_NS,
    LT_COUNTERS
} LTCounter;

void lt_count(LTCounter counter, uint64_t by);

typedef struct {
    LTScope *scope;
    int group;
} LTCall;

LTCall lt_enter(LTScopes scopes, SEL call, int group);
void lt_leave(LTCall *call);

/* Spends the window's time; lt_enter does so for all calls from outside but destroyImpl. */
void lt_window(void);
/* Whether destroyImpl is in the fault's scope; see ltd_fault_covers_destroy. */
bool lt_covers_destroy(void);

/* Adds a value to the digest of this thread's outermost call. */
void lt_note(const void *value, size_t size);

#define LT_NOTE_1(a) lt_note(&(a), sizeof(a))
#define LT_NOTE_2(a, ...) (LT_NOTE_1(a), LT_NOTE_1(__VA_ARGS__))
#define LT_NOTE_3(a, ...) (LT_NOTE_1(a), LT_NOTE_2(__VA_ARGS__))
#define LT_NOTE_4(a, ...) (LT_NOTE_1(a), LT_NOTE_3(__VA_ARGS__))
#define LT_NOTE_5(a, ...) (LT_NOTE_1(a), LT_NOTE_4(__VA_ARGS__))
#define LT_NOTE_6(a, ...) (LT_NOTE_1(a), LT_NOTE_5(__VA_ARGS__))
#define LT_NOTE_7(a, ...) (LT_NOTE_1(a), LT_NOTE_6(__VA_ARGS__))
#define LT_NOTE_8(a, ...) (LT_NOTE_1(a), LT_NOTE_7(__VA_ARGS__))
#define LT_NOTE_9(a, ...) (LT_NOTE_1(a), LT_NOTE_8(__VA_ARGS__))
#define LT_NOTE_10(a, ...) (LT_NOTE_1(a), LT_NOTE_9(__VA_ARGS__))
#define LT_CHOOSE(a, b, c, d, e, f, g, h, i, j, name, ...) name
/* NOTE(a, b, ...): the arguments of the call, at most ten. */
#define NOTE(...)                                                                                                  \
    LT_CHOOSE(__VA_ARGS__, LT_NOTE_10, LT_NOTE_9, LT_NOTE_8, LT_NOTE_7, LT_NOTE_6, LT_NOTE_5, LT_NOTE_4,           \
              LT_NOTE_3, LT_NOTE_2, LT_NOTE_1)                                                                     \
    (__VA_ARGS__)
/* What a pointer argument points to. */
#define NOTE_ARRAY(pointer, count) lt_note(pointer, (count) * sizeof *(pointer))

/* A call that lasts as long as the block it stands in. */
#define ENTER_SCOPES(scopes, group)                                                                                \
    LTCall lt_call __attribute__((cleanup(lt_leave))) = lt_enter(scopes, _cmd, group);                             \
    (void)lt_call

/* Ends the process by an assertion of the driver's, as Metal does: `-[Class method]: failed assertion ...'. */
_Noreturn void lt_assertion_failed(id object, SEL call, const char *what);

/* Reads the field of an encoder's implementation that the call needs: the real driver's crash if it is null. */
void lt_touch(id object, SEL call, const void *impl, size_t offset);

/* Offsets of the fields that calls of the real driver read, as its crash reports name them. */
enum {
    LT_FIELD_ENQUEUE = 0x98,
    LT_FIELD_SPILL = 0x184,
    LT_FIELD_PIPELINE = 0x5c8,
    LT_FIELD_DISPATCH = 0x5f4,
    LT_IMPL_SIZE = 0x600
};

#endif
