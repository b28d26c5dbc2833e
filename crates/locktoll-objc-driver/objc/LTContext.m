#import "LTContext.h"

#include <stdlib.h>
#include <string.h>

#include "LTTime.h"

/* Memory of deallocated encoders, by size, last in first out. The list runs through the memory itself, behind its
 * class. */
enum { RECYCLED_SIZES = 8 };
typedef struct {
    size_t size;
    void *first;
} LTRecycled;
static bool recycles;
static pthread_mutex_t recycled_lock = PTHREAD_MUTEX_INITIALIZER;
static LTRecycled recycled[RECYCLED_SIZES];

void ltd_recycle(bool on) { LT_STORE(&recycles, on); }

#ifdef GNUSTEP
static void **link_of(void *memory) { return (void **)memory + 1; }

/* The recycled_lock is held. */
static LTRecycled *recycled_of(size_t size) {
    for (int i = 0; i < RECYCLED_SIZES; i++) {
        if (recycled[i].size == 0)
            recycled[i].size = size;
        if (recycled[i].size == size)
            return &recycled[i];
    }
    return NULL;
}

static id take_recycled(Class class) {
    size_t size = class_getInstanceSize(class);
    pthread_mutex_lock(&recycled_lock);
    LTRecycled *list = recycled_of(size);
    void *memory = list ? list->first : NULL;
    if (memory)
        list->first = *link_of(memory);
    pthread_mutex_unlock(&recycled_lock);
    if (!memory)
        return nil;
    memset(link_of(memory), 0, size - sizeof(void *));
    object_setClass((id)memory, class);
    lt_count(LT_ENCODERS_RECYCLED, 1);
    return (id)memory;
}

static bool put_recycled(id object) {
    if (!LT_LOAD(&recycles))
        return false;
    size_t size = class_getInstanceSize(object_getClass(object));
    pthread_mutex_lock(&recycled_lock);
    LTRecycled *list = recycled_of(size);
    if (list) {
        *link_of(object) = list->first;
        list->first = object;
    }
    pthread_mutex_unlock(&recycled_lock);
    return list != NULL;
}
#endif

void lt_check_open(LTContext *encoder, SEL call) {
    if (LT_LOAD(&encoder->_ended))
        lt_assertion_failed(encoder, call, "Command encoder has already ended encoding");
}

LTImpl *lt_begin_effect(LTContext *encoder, SEL call, size_t field) {
    pthread_mutex_lock(&encoder->_commandBuffer->_lock);
    LTImpl *impl = LT_LOAD(&encoder->_impl);
    lt_touch(encoder, call, impl, field);
    lt_check_open(encoder, call);
    return impl;
}

void lt_end_effect(LTContext *encoder, LTImpl *impl) {
    impl->effects++;
    pthread_mutex_unlock(&encoder->_commandBuffer->_lock);
}

@implementation LTContext

#ifdef GNUSTEP
+ (id)allocWithZone:(NSZone *)zone {
    id recycled = LT_LOAD(&recycles) ? take_recycled(self) : nil;
    // The function rather than super's method, so that the linker sees that the library is needed.
    return recycled ? recycled : NSAllocateObject(self, 0, zone);
}
#endif

- (id)initWithCommandBuffer:(LTCommandBuffer *)commands {
    if ((self = [super init])) {
        _commandBuffer = [commands retain];
        _scope = commands->_scope;
        _impl = calloc(1, sizeof *_impl);
        if (!_impl)
            abort();
        lt_count(LT_ENCODERS_CREATED, 1);
    }
    return self;
}

- (id)device {
    return _commandBuffer->_queue->_device;
}

- (void)endEncoding {
    ENTER(LTD_END, LT_FIELD_ENQUEUE);
    lt_hold(_commandBuffer->_queue->_engine->hold_ns);
    lt_add_encoding();
    EFFECT({
        LT_STORE(&_ended, true);
        if (_commandBuffer->_open == self)
            _commandBuffer->_open = nil;
    });
    lt_count(LT_ENCODERS_ENDED, 1);
}

- (void)deferredEndEncoding {
    ENTER(LTD_END, LT_FIELD_ENQUEUE);
    EFFECT();
    [self endEncoding];
}

/* The race of the real driver: between the unlock and the null, another call finds an implementation whose contents
 * are gone, and after the null none at all. */
- (void)destroyImpl {
    ENTER_SCOPES(lt_scopes_of_encoder(self), LTD_DESTROY);
    pthread_mutex_lock(&_commandBuffer->_lock);
    LTImpl *impl = LT_LOAD(&_impl);
    if (impl) {
        [impl->pipeline release];
        impl->pipeline = nil;
        for (int slot = 0; slot < LTD_SLOTS; slot++) {
            [impl->slots[slot].buffer release];
            free(impl->slots[slot].bytes);
            impl->slots[slot] = (LTSlot){0};
        }
    }
    pthread_mutex_unlock(&_commandBuffer->_lock);
    if (lt_covers_destroy())
        lt_window();
    LT_STORE(&_impl, NULL);
    free(impl);
}

- (void)dealloc {
    if (!LT_LOAD(&_ended))
        lt_assertion_failed(self, _cmd, "Command encoder released without endEncoding");
    [self destroyImpl];
    if (_ownsScope)
        free(_scope);
    [_commandBuffer release];
    _commandBuffer = nil;
    lt_count(LT_ENCODERS_GONE, 1);
#ifdef GNUSTEP
    if (put_recycled(self))
        return;
#endif
    [super dealloc];
}

@end
