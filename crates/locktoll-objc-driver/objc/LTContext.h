/* Encoders: what all of them have, and how a method of one begins. */
#ifndef LT_CONTEXT_H
#define LT_CONTEXT_H

#import "LTObjects.h"

/* Argument slots that a compute encoder has. */
enum { LT_ARGUMENTS = 31 };

typedef struct {
    /* A buffer, retained, or a copy of bytes, or neither. */
    LTBuffer *buffer;
    void *bytes;
    size_t offset, length;
} LTSlot;

/* An encoder's implementation: what the real driver has behind the pointer that is null in its crashes. */
typedef union {
    struct {
        /* Calls that took effect on this encoder. */
        uint64_t effects;
        LTComputePipelineState *pipeline;
        /* Threads of the grid being dispatched, where they do not fill their threadgroups; else 0. */
        size_t exact_threads;
        LTSlot slots[LTD_SLOTS];
    };
    char fields[LT_IMPL_SIZE];
} LTImpl;

@interface LTContext : NSObject {
  @public
    LTCommandBuffer *_commandBuffer;
    /* Within which its calls must not overlap: the command buffer's, or its own, which it frees. */
    LTScope *_scope;
    bool _ownsScope;
    /* Null from the end of destroyImpl on. Read and written by atomic operations. */
    LTImpl *_impl;
    /* Changed under the command buffer's lock, read anywhere. */
    bool _ended;
}
- (id)initWithCommandBuffer:(LTCommandBuffer *)commands;
- (id)device;
- (void)endEncoding;
- (void)deferredEndEncoding;
- (void)destroyImpl;
@end

@interface LTComputeContext : LTContext
@end

@interface LTComputeContextDebug : LTComputeContext
@end

@interface LTBlitContext : LTContext
@end

@interface LTRenderContext : LTContext
@end

@interface LTParallelRenderContext : LTContext
@end

@interface LTResourceStateContext : LTContext
@end

@interface LTAccelerationStructureContext : LTContext
@end

static inline LTScopes lt_scopes_of_encoder(LTContext *encoder) {
    return (LTScopes){encoder->_scope, encoder->_commandBuffer->_queue->_scope};
}

/* The implementation, with the command buffer's lock held until lt_end_effect. Ends the process if the encoder
 * has ended, or its implementation is gone. */
LTImpl *lt_begin_effect(LTContext *encoder, SEL call, size_t field);
void lt_end_effect(LTContext *encoder, LTImpl *impl);

/* Ends the process, as Metal does, if the encoder has ended. */
void lt_check_open(LTContext *encoder, SEL call);

/* Begins an encoding method that reads this field of the implementation. */
#define ENTER(group, field)                                                                                        \
    lt_check_open(self, _cmd);                                                                                     \
    ENTER_SCOPES(lt_scopes_of_encoder(self), group);                                                               \
    enum { lt_field = (field) }

/* Runs the block under the driver's lock, as the call's effect on `impl'. */
#define EFFECT(...)                                                                                                \
    do {                                                                                                           \
        LTImpl *impl = lt_begin_effect(self, _cmd, lt_field);                                                      \
        __VA_ARGS__;                                                                                               \
        lt_end_effect(self, impl);                                                                                 \
    } while (0)

/* A whole method whose only effect is that it is counted; the arguments are digested. */
#define PLAIN(group, ...)                                                                                          \
    {                                                                                                              \
        ENTER(group, LT_FIELD_SPILL);                                                                              \
        NOTE(__VA_ARGS__);                                                                                         \
        EFFECT();                                                                                                  \
    }
#define PLAIN_0(group)                                                                                             \
    {                                                                                                              \
        ENTER(group, LT_FIELD_SPILL);                                                                              \
        EFFECT();                                                                                                  \
    }

#endif
