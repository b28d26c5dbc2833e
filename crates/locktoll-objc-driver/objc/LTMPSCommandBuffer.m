#import "LTObjects.h"

/* A command buffer that hands its calls to another of the driver's: each call is a call within a call. It does not tell
 * to which. */
@interface LTWrappingCommandBuffer : NSObject {
    LTCommandBuffer *_root;
}
+ (id)commandBufferFromCommandQueue:(id)queue;
/* Commits that one, and goes on with a new one of its queue. */
- (void)commitAndContinue;
@end

/* One that tells. */
@interface LTMPSCommandBuffer : LTWrappingCommandBuffer
- (id)rootCommandBuffer;
@end

@implementation LTWrappingCommandBuffer

+ (id)commandBufferFromCommandQueue:(id)queue {
    LTWrappingCommandBuffer *commands = [[self alloc] init];
    if (commands)
        commands->_root = [[(LTCommandQueue *)queue commandBuffer] retain];
    return [commands autorelease];
}

- (void)dealloc {
    [_root release];
    [super dealloc];
}

- (id)device {
    return [_root device];
}

- (id)commandQueue {
    return _root->_queue;
}

#define FORWARD(group) ENTER_SCOPES(lt_scopes_of(_root), group)

- (id)computeCommandEncoder {
    FORWARD(LTD_FACTORY);
    return [_root computeCommandEncoder];
}

- (id)computeCommandEncoderWithDispatchType:(NSUInteger)type {
    FORWARD(LTD_FACTORY);
    NOTE(type);
    return [_root computeCommandEncoderWithDispatchType:type];
}

- (id)computeCommandEncoderWithDescriptor:(id)descriptor {
    FORWARD(LTD_FACTORY);
    NOTE(descriptor);
    return [_root computeCommandEncoderWithDescriptor:descriptor];
}

- (id)blitCommandEncoder {
    FORWARD(LTD_FACTORY);
    return [_root blitCommandEncoder];
}

- (id)blitCommandEncoderWithDescriptor:(id)descriptor {
    FORWARD(LTD_FACTORY);
    NOTE(descriptor);
    return [_root blitCommandEncoderWithDescriptor:descriptor];
}

- (id)renderCommandEncoderWithDescriptor:(id)descriptor {
    FORWARD(LTD_FACTORY);
    NOTE(descriptor);
    return [_root renderCommandEncoderWithDescriptor:descriptor];
}

- (id)parallelRenderCommandEncoderWithDescriptor:(id)descriptor {
    FORWARD(LTD_FACTORY);
    NOTE(descriptor);
    return [_root parallelRenderCommandEncoderWithDescriptor:descriptor];
}

- (id)resourceStateCommandEncoder {
    FORWARD(LTD_FACTORY);
    return [_root resourceStateCommandEncoder];
}

- (id)resourceStateCommandEncoderWithDescriptor:(id)descriptor {
    FORWARD(LTD_FACTORY);
    NOTE(descriptor);
    return [_root resourceStateCommandEncoderWithDescriptor:descriptor];
}

- (id)accelerationStructureCommandEncoder {
    FORWARD(LTD_FACTORY);
    return [_root accelerationStructureCommandEncoder];
}

- (id)accelerationStructureCommandEncoderWithDescriptor:(id)descriptor {
    FORWARD(LTD_FACTORY);
    NOTE(descriptor);
    return [_root accelerationStructureCommandEncoderWithDescriptor:descriptor];
}

- (void)encodeSignalEvent:(id)event value:(uint64_t)value {
    FORWARD(LTD_EVENT);
    NOTE(event, value);
    [_root encodeSignalEvent:event value:value];
}

- (void)encodeWaitForEvent:(id)event value:(uint64_t)value {
    FORWARD(LTD_EVENT);
    NOTE(event, value);
    [_root encodeWaitForEvent:event value:value];
}

- (void)commit {
    FORWARD(LTD_COMMIT);
    [_root commit];
}

- (void)commitAndContinue {
    LTCommandBuffer *committed = _root;
    [committed commit];
    _root = [[committed->_queue commandBuffer] retain];
    [committed release];
}

- (void)waitUntilCompleted {
    [_root waitUntilCompleted];
}

- (double)GPUStartTime {
    return [_root GPUStartTime];
}

- (double)GPUEndTime {
    return [_root GPUEndTime];
}

@end

@implementation LTMPSCommandBuffer

- (id)rootCommandBuffer {
    return _root;
}

@end
