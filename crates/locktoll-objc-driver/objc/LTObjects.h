/* What the driver's classes know of one another. */
#ifndef LT_OBJECTS_H
#define LT_OBJECTS_H

#import "LTCall.h"
#import "LTMetal.h"

#include "LTEngine.h"

/* What kernels of one device share: one runs at a time, so that buffers need no lock each. */
typedef struct {
    pthread_mutex_t computing;
    uint32_t engine_count;
    LTEngine *engines;
    uint32_t queues;
} LTDeviceCore;

@interface LTDevice : NSObject {
  @public
    LTDeviceCore *_core;
}
- (NSString *)name;
- (id)newCommandQueue;
/* A queue of which no more command buffers can be uncommitted at once: commandBuffer waits until there is room. */
- (id)newCommandQueueWithMaxCommandBufferCount:(NSUInteger)count;
- (id)newBufferWithLength:(NSUInteger)length options:(NSUInteger)options;
- (id)newBufferWithBytes:(const void *)bytes length:(NSUInteger)length options:(NSUInteger)options;
- (id)newEvent;
- (id)newFence;
@end

@interface LTCommandQueue : NSObject {
  @public
    LTDevice *_device;
    LTEngine *_engine;
    LTScope *_scope;
    BOOL _debugEncoders;
    /* Command buffers that may still be made, where there is a limit. */
    BOOL _isLimited;
    NSUInteger _room;
    pthread_mutex_t _roomLock;
    pthread_cond_t _roomMade;
}
- (id)initWithDevice:(LTDevice *)device;
- (id)commandBuffer;
- (id)device;
/* A command buffer that took room was committed, or is gone. */
- (void)makeRoom;
/* Whether compute encoders made from now on are of the class LTComputeContextDebug. */
- (void)setDebugEncoders:(BOOL)debug;
@end

@interface LTBuffer : NSObject {
  @public
    LTDevice *_device;
    void *_contents;
    NSUInteger _length;
}
- (id)initWithDevice:(LTDevice *)device length:(NSUInteger)length;
- (void *)contents;
- (NSUInteger)length;
@end

@interface LTComputePipelineState : NSObject {
  @public
    LTDevice *_device;
    ltd_kernel _kernel;
    uint32_t _constants[4];
    uint64_t _durationNs;
}
@end

@interface LTEvent : NSObject {
  @public
    uint64_t _signaledValue;
}
- (uint64_t)signaledValue;
@end

@interface LTFence : NSObject
@end

@class LTContext;

@interface LTCommandBuffer : NSObject {
  @public
    LTCommandQueue *_queue;
    LTScope *_scope;
    /* Protects what follows. The driver's own, held for no longer than a change takes. */
    pthread_mutex_t _lock;
    LTContext *_open;
    BOOL _committed;
    LTSubmission *_submission;
}
- (id)initWithQueue:(LTCommandQueue *)queue;
- (id)device;
- (id)commandQueue;
- (id)computeCommandEncoder;
- (id)computeCommandEncoderWithDispatchType:(NSUInteger)type;
- (id)computeCommandEncoderWithDescriptor:(id)descriptor;
- (id)blitCommandEncoder;
- (id)blitCommandEncoderWithDescriptor:(id)descriptor;
- (id)renderCommandEncoderWithDescriptor:(id)descriptor;
- (id)parallelRenderCommandEncoderWithDescriptor:(id)descriptor;
- (id)resourceStateCommandEncoder;
- (id)resourceStateCommandEncoderWithDescriptor:(id)descriptor;
- (id)accelerationStructureCommandEncoder;
- (id)accelerationStructureCommandEncoderWithDescriptor:(id)descriptor;
- (void)encodeSignalEvent:(id)event value:(uint64_t)value;
- (void)encodeWaitForEvent:(id)event value:(uint64_t)value;
- (void)commit;
- (void)waitUntilCompleted;
/* In seconds of the monotonic clock; 0 until it is known. */
- (double)GPUStartTime;
- (double)GPUEndTime;
@end

static inline LTScopes lt_scopes_of(LTCommandBuffer *commands) {
    return (LTScopes){commands->_scope, commands->_queue->_scope};
}

#endif
