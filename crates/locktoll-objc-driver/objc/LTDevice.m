#import "LTObjects.h"

#include <stdlib.h>
#include <string.h>

static pthread_mutex_t settings_lock = PTHREAD_MUTEX_INITIALIZER;
static struct ltd_settings settings = {.engines = 1};

void ltd_configure(const struct ltd_settings *wanted) {
    pthread_mutex_lock(&settings_lock);
    settings = *wanted;
    if (!settings.engines)
        settings.engines = 1;
    pthread_mutex_unlock(&settings_lock);
}

static void *allocated(void *memory) {
    if (!memory)
        abort();
    return memory;
}

@implementation LTDevice

/* Its engines outlive it, as a GPU outlives the programs that use it: their threads never end. */
- (id)init {
    if ((self = [super init])) {
        pthread_mutex_lock(&settings_lock);
        struct ltd_settings now = settings;
        pthread_mutex_unlock(&settings_lock);
        _core = allocated(calloc(1, sizeof *_core));
        pthread_mutex_init(&_core->computing, NULL);
        _core->engine_count = now.engines;
        _core->engines = allocated(calloc(now.engines, sizeof *_core->engines));
        for (uint32_t i = 0; i < now.engines; i++)
            lt_engine_init(&_core->engines[i], &_core->computing, now.service_ns, now.hold_ns);
    }
    return self;
}

- (NSString *)name {
    return @"locktoll stand-in driver";
}

- (id)newCommandQueue {
    return [[LTCommandQueue alloc] initWithDevice:self];
}

- (id)newCommandQueueWithMaxCommandBufferCount:(NSUInteger)count {
    LTCommandQueue *queue = [self newCommandQueue];
    queue->_isLimited = YES;
    queue->_room = count;
    return queue;
}

- (id)newBufferWithLength:(NSUInteger)length options:(NSUInteger)options {
    return [[LTBuffer alloc] initWithDevice:self length:length];
}

- (id)newBufferWithBytes:(const void *)bytes length:(NSUInteger)length options:(NSUInteger)options {
    LTBuffer *buffer = [[LTBuffer alloc] initWithDevice:self length:length];
    memcpy(buffer->_contents, bytes, length);
    return buffer;
}

- (id)newEvent {
    return [[LTEvent alloc] init];
}

- (id)newFence {
    return [[LTFence alloc] init];
}

@end

/* Threads that wait in commandBuffer. */
static uint32_t waiting_for_room;

uint32_t ltd_waiting_for_room(void) { return LT_LOAD(&waiting_for_room); }

@implementation LTCommandQueue

- (id)initWithDevice:(LTDevice *)device {
    if ((self = [super init])) {
        _device = [device retain];
        _scope = allocated(calloc(1, sizeof *_scope));
        uint32_t number = __atomic_fetch_add(&device->_core->queues, 1, __ATOMIC_RELAXED);
        _engine = &device->_core->engines[number % device->_core->engine_count];
        pthread_mutex_init(&_roomLock, NULL);
        pthread_cond_init(&_roomMade, NULL);
    }
    return self;
}

- (void)dealloc {
    pthread_cond_destroy(&_roomMade);
    pthread_mutex_destroy(&_roomLock);
    free(_scope);
    [_device release];
    [super dealloc];
}

- (id)device {
    return _device;
}

- (void)setDebugEncoders:(BOOL)debug {
    _debugEncoders = debug;
}

static void take_room(LTCommandQueue *self) {
    if (!self->_isLimited)
        return;
    pthread_mutex_lock(&self->_roomLock);
    __atomic_fetch_add(&waiting_for_room, 1, __ATOMIC_RELAXED);
    while (!self->_room)
        pthread_cond_wait(&self->_roomMade, &self->_roomLock);
    __atomic_fetch_sub(&waiting_for_room, 1, __ATOMIC_RELAXED);
    self->_room--;
    pthread_mutex_unlock(&self->_roomLock);
}

- (void)makeRoom {
    if (!_isLimited)
        return;
    pthread_mutex_lock(&_roomLock);
    _room++;
    pthread_cond_signal(&_roomMade);
    pthread_mutex_unlock(&_roomLock);
}

- (id)commandBuffer {
    take_room(self);
    LTScopes scopes = {NULL, _scope};
    ENTER_SCOPES(scopes, LTD_QUEUE);
    return [[[LTCommandBuffer alloc] initWithQueue:self] autorelease];
}

@end

@implementation LTBuffer

- (id)initWithDevice:(LTDevice *)device length:(NSUInteger)length {
    if ((self = [super init])) {
        _device = [device retain];
        _contents = allocated(calloc(1, length ? length : 1));
        _length = length;
    }
    return self;
}

- (void)dealloc {
    free(_contents);
    [_device release];
    [super dealloc];
}

- (void *)contents {
    return _contents;
}

- (NSUInteger)length {
    return _length;
}

@end

@implementation LTComputePipelineState

- (void)dealloc {
    [_device release];
    [super dealloc];
}

@end

@implementation LTEvent

- (uint64_t)signaledValue {
    return LT_LOAD(&_signaledValue);
}

@end

@implementation LTFence
@end

id MTLCreateSystemDefaultDevice(void) { return [[LTDevice alloc] init]; }

void *ltd_new_pipeline(void *device, ltd_kernel kernel, const uint32_t constants[4], uint64_t duration_ns) {
    LTComputePipelineState *pipeline = [[LTComputePipelineState alloc] init];
    pipeline->_device = [(LTDevice *)device retain];
    pipeline->_kernel = kernel;
    memcpy(pipeline->_constants, constants, sizeof pipeline->_constants);
    pipeline->_durationNs = duration_ns;
    return pipeline;
}

void ltd_read(void *buffer, void *to, size_t length) {
    LTBuffer *source = buffer;
    pthread_mutex_t *computing = &source->_device->_core->computing;
    pthread_mutex_lock(computing);
    memcpy(to, source->_contents, length < source->_length ? length : source->_length);
    pthread_mutex_unlock(computing);
}

uint64_t ltd_busy_ns(void *device, uint32_t engine) {
    LTDeviceCore *core = ((LTDevice *)device)->_core;
    return engine < core->engine_count ? lt_engine_busy_ns(&core->engines[engine]) : 0;
}
