#import "LTContext.h"

#include <stdlib.h>

static bool lends;

void ltd_lends(bool on) { LT_STORE(&lends, on); }

@implementation LTCommandBuffer

- (id)initWithQueue:(LTCommandQueue *)queue {
    if ((self = [super init])) {
        _queue = [queue retain];
        _scope = lt_new_scope();
        pthread_mutex_init(&_lock, NULL);
        _submission = lt_submission_new();
        lt_count(LT_COMMAND_BUFFERS_CREATED, 1);
    }
    return self;
}

- (void)dealloc {
    lt_submission_release(_submission);
    if (!_committed)
        [_queue makeRoom];
    pthread_mutex_destroy(&_lock);
    free(_scope);
    [_queue release];
    lt_count(LT_COMMAND_BUFFERS_GONE, 1);
    [super dealloc];
}

- (id)device {
    return _queue->_device;
}

- (id)commandQueue {
    return _queue;
}

/* Makes the encoder that is open from now on. */
static id open_encoder(LTCommandBuffer *self, SEL call, Class class) {
    LTContext *encoder = [[class alloc] initWithCommandBuffer:self];
    pthread_mutex_lock(&self->_lock);
    if (self->_committed)
        lt_assertion_failed(self, call, "_status < MTLCommandBufferStatusCommitted");
    if (self->_open)
        lt_assertion_failed(self, call, "A command encoder is already encoding to this command buffer");
    self->_open = encoder;
    pthread_mutex_unlock(&self->_lock);
    return [encoder autorelease];
}

/* The lock is held. */
static void check_no_encoder(LTCommandBuffer *self, SEL call, const char *what) {
    if (self->_committed)
        lt_assertion_failed(self, call, "commit an already committed command buffer");
    if (self->_open)
        lt_assertion_failed(self, call, what);
}

#define FACTORY ENTER_SCOPES(lt_scopes_of(self), LTD_FACTORY)

- (id)computeCommandEncoder {
    FACTORY;
    return [self computeCommandEncoderWithDispatchType:0];
}

- (id)computeCommandEncoderWithDispatchType:(NSUInteger)type {
    FACTORY;
    NOTE(type);
    Class class = _queue->_debugEncoders ? [LTComputeContextDebug class] : [LTComputeContext class];
    return open_encoder(self, _cmd, class);
}

- (id)computeCommandEncoderWithDescriptor:(id)descriptor {
    FACTORY;
    NOTE(descriptor);
    return [self computeCommandEncoderWithDispatchType:0];
}

- (id)blitCommandEncoder {
    FACTORY;
    return [self blitCommandEncoderWithDescriptor:nil];
}

- (id)blitCommandEncoderWithDescriptor:(id)descriptor {
    FACTORY;
    NOTE(descriptor);
    return open_encoder(self, _cmd, [LTBlitContext class]);
}

- (id)renderCommandEncoderWithDescriptor:(id)descriptor {
    FACTORY;
    NOTE(descriptor);
    return open_encoder(self, _cmd, [LTRenderContext class]);
}

- (id)parallelRenderCommandEncoderWithDescriptor:(id)descriptor {
    FACTORY;
    NOTE(descriptor);
    return open_encoder(self, _cmd, [LTParallelRenderContext class]);
}

- (id)resourceStateCommandEncoder {
    FACTORY;
    return [self resourceStateCommandEncoderWithDescriptor:nil];
}

- (id)resourceStateCommandEncoderWithDescriptor:(id)descriptor {
    FACTORY;
    NOTE(descriptor);
    return open_encoder(self, _cmd, [LTResourceStateContext class]);
}

- (id)accelerationStructureCommandEncoder {
    FACTORY;
    return [self accelerationStructureCommandEncoderWithDescriptor:nil];
}

- (id)accelerationStructureCommandEncoderWithDescriptor:(id)descriptor {
    FACTORY;
    NOTE(descriptor);
    return open_encoder(self, _cmd, [LTAccelerationStructureContext class]);
}

/* The value is the event's from here on: the stand-in signals when it encodes, and its waits wait for nothing. */
- (void)encodeSignalEvent:(id)event value:(uint64_t)value {
    ENTER_SCOPES(lt_scopes_of(self), LTD_EVENT);
    NOTE(event, value);
    pthread_mutex_lock(&_lock);
    check_no_encoder(self, _cmd, "encodeSignalEvent:value: with uncommitted encoder");
    pthread_mutex_unlock(&_lock);
    if (event)
        LT_STORE(&((LTEvent *)event)->_signaledValue, value);
}

- (void)encodeWaitForEvent:(id)event value:(uint64_t)value {
    ENTER_SCOPES(lt_scopes_of(self), LTD_EVENT);
    NOTE(event, value);
    pthread_mutex_lock(&_lock);
    check_no_encoder(self, _cmd, "encodeWaitForEvent:value: with uncommitted encoder");
    pthread_mutex_unlock(&_lock);
}

- (void)commit {
    ENTER_SCOPES(lt_scopes_of(self), LTD_COMMIT);
    pthread_mutex_lock(&_lock);
    check_no_encoder(self, _cmd, "commit command buffer with uncommitted encoder");
    _committed = YES;
    pthread_mutex_unlock(&_lock);
    lt_engine_submit(_queue->_engine, _submission);
    [_queue makeRoom];
    if (LT_LOAD(&lends))
        [[self retain] autorelease];
}

- (void)waitUntilCompleted {
    pthread_mutex_lock(&_lock);
    BOOL committed = _committed;
    pthread_mutex_unlock(&_lock);
    if (!committed)
        lt_assertion_failed(self, _cmd, "waitUntilCompleted: the command buffer has not been committed");
    lt_engine_wait(_queue->_engine, _submission);
}

- (double)GPUStartTime {
    uint64_t start_ns, end_ns;
    return lt_engine_interval(_queue->_engine, _submission, &start_ns, &end_ns) ? (double)start_ns / 1e9 : 0;
}

- (double)GPUEndTime {
    uint64_t start_ns, end_ns;
    return lt_engine_interval(_queue->_engine, _submission, &start_ns, &end_ns) ? (double)end_ns / 1e9 : 0;
}

@end
