#import "LTContext.h"

#include <stdlib.h>
#include <string.h>

static void check_index(id object, SEL call, NSUInteger index) {
    if (index >= LT_ARGUMENTS)
        lt_assertion_failed(object, call, "index must be < 31");
}

static void check_range(id object, SEL call, NSRange range) {
    if (range.location > LT_ARGUMENTS || range.length > LT_ARGUMENTS - range.location)
        lt_assertion_failed(object, call, "range must be within 31 indices");
}

/* The driver's lock is held. Takes over `bytes', retains `buffer'. */
static void put(LTImpl *impl, NSUInteger index, LTBuffer *buffer, void *bytes, size_t offset, size_t length) {
    if (index >= LTD_SLOTS) {
        free(bytes);
        return;
    }
    LTSlot *slot = &impl->slots[index];
    LTSlot old = *slot;
    *slot = (LTSlot){[buffer retain], bytes, offset, length};
    [old.buffer release];
    free(old.bytes);
}

static void *copy_of(const void *bytes, size_t length) {
    void *copy = malloc(length ? length : 1);
    if (!copy)
        abort();
    memcpy(copy, bytes, length);
    return copy;
}

static NSUInteger volume(MTLSize size) { return size.width * size.height * size.depth; }

/* The driver's lock is held. Records one run of the pipeline's kernel with the arguments as they are now. */
static void record(LTCommandBuffer *commands, LTImpl *impl, size_t threads) {
    LTComputePipelineState *pipeline = impl->pipeline;
    if (!pipeline)
        return; // as the stand-in's own encoders may: nothing to run
    commands->_submission->timed_ns += pipeline->_durationNs;
    if (!pipeline->_kernel)
        return;
    LTWork *work = calloc(1, sizeof *work);
    if (!work)
        abort();
    work->kernel = pipeline->_kernel;
    work->arguments.threads = threads;
    memcpy(work->arguments.constants, pipeline->_constants, sizeof pipeline->_constants);
    for (int i = 0; i < LTD_SLOTS; i++) {
        LTSlot *slot = &impl->slots[i];
        if (slot->buffer) {
            work->buffers[i] = [slot->buffer retain];
            work->arguments.slots[i] = (char *)slot->buffer->_contents + slot->offset;
            work->arguments.lengths[i] = slot->buffer->_length - slot->offset;
        } else if (slot->bytes) {
            work->bytes[i] = copy_of(slot->bytes, slot->length);
            work->arguments.slots[i] = work->bytes[i];
            work->arguments.lengths[i] = slot->length;
        }
    }
    lt_submission_add(commands->_submission, work);
}

@implementation LTComputeContext

- (void)setComputePipelineState:(id)state {
    ENTER(LTD_COMPUTE, LT_FIELD_PIPELINE);
    NOTE(state);
    EFFECT({
        [state retain];
        [impl->pipeline release];
        impl->pipeline = state;
    });
}

- (void)setBytes:(const void *)bytes length:(NSUInteger)length atIndex:(NSUInteger)index {
    ENTER(LTD_COMPUTE, LT_FIELD_SPILL);
    NOTE(length, index);
    lt_note(bytes, length);
    check_index(self, _cmd, index);
    EFFECT(put(impl, index, nil, copy_of(bytes, length), 0, length));
}

- (void)setBytes:(const void *)bytes
          length:(NSUInteger)length
 attributeStride:(NSUInteger)stride
         atIndex:(NSUInteger)index {
    ENTER(LTD_COMPUTE, LT_FIELD_SPILL);
    NOTE(length, stride, index);
    lt_note(bytes, length);
    EFFECT();
    [self setBytes:bytes length:length atIndex:index];
}

- (void)setBuffer:(id)buffer offset:(NSUInteger)offset atIndex:(NSUInteger)index {
    ENTER(LTD_COMPUTE, LT_FIELD_SPILL);
    NOTE(buffer, offset, index);
    check_index(self, _cmd, index);
    if (buffer && offset > ((LTBuffer *)buffer)->_length)
        lt_assertion_failed(self, _cmd, "offset must be within the buffer");
    EFFECT(put(impl, index, buffer, NULL, offset, 0));
}

- (void)setBufferOffset:(NSUInteger)offset atIndex:(NSUInteger)index {
    ENTER(LTD_COMPUTE, LT_FIELD_SPILL);
    NOTE(offset, index);
    check_index(self, _cmd, index);
    EFFECT({
        if (index < LTD_SLOTS && impl->slots[index].buffer && offset <= impl->slots[index].buffer->_length)
            impl->slots[index].offset = offset;
    });
}

- (void)setBuffers:(const id *)buffers offsets:(const NSUInteger *)offsets withRange:(NSRange)range {
    ENTER(LTD_COMPUTE, LT_FIELD_SPILL);
    NOTE(range);
    NOTE_ARRAY(buffers, range.length);
    NOTE_ARRAY(offsets, range.length);
    check_range(self, _cmd, range);
    EFFECT();
    for (NSUInteger i = 0; i < range.length; i++)
        [self setBuffer:buffers[i] offset:offsets[i] atIndex:range.location + i];
}

- (void)setBuffer:(id)buffer
           offset:(NSUInteger)offset
  attributeStride:(NSUInteger)stride
          atIndex:(NSUInteger)index {
    ENTER(LTD_COMPUTE, LT_FIELD_SPILL);
    NOTE(buffer, offset, stride, index);
    EFFECT();
    [self setBuffer:buffer offset:offset atIndex:index];
}

- (void)setBuffers:(const id *)buffers
           offsets:(const NSUInteger *)offsets
  attributeStrides:(const NSUInteger *)strides
         withRange:(NSRange)range {
    ENTER(LTD_COMPUTE, LT_FIELD_SPILL);
    NOTE(range);
    NOTE_ARRAY(strides, range.length);
    NOTE_ARRAY(buffers, range.length);
    NOTE_ARRAY(offsets, range.length);
    EFFECT();
    [self setBuffers:buffers offsets:offsets withRange:range];
}

- (void)setBufferOffset:(NSUInteger)offset attributeStride:(NSUInteger)stride atIndex:(NSUInteger)index {
    ENTER(LTD_COMPUTE, LT_FIELD_SPILL);
    NOTE(offset, stride, index);
    EFFECT();
    [self setBufferOffset:offset atIndex:index];
}

- (void)setTexture:(id)texture atIndex:(NSUInteger)index PLAIN(LTD_COMPUTE, texture, index)

- (void)setTextures:(const id *)textures withRange:(NSRange)range {
    ENTER(LTD_COMPUTE, LT_FIELD_SPILL);
    NOTE(range);
    NOTE_ARRAY(textures, range.length);
    EFFECT();
    for (NSUInteger i = 0; i < range.length; i++)
        [self setTexture:textures[i] atIndex:range.location + i];
}

- (void)setSamplerState:(id)sampler atIndex:(NSUInteger)index PLAIN(LTD_COMPUTE, sampler, index)

- (void)setSamplerStates:(const id *)samplers withRange:(NSRange)range {
    ENTER(LTD_COMPUTE, LT_FIELD_SPILL);
    NOTE(range);
    NOTE_ARRAY(samplers, range.length);
    EFFECT();
    for (NSUInteger i = 0; i < range.length; i++)
        [self setSamplerState:samplers[i] atIndex:range.location + i];
}

- (void)setSamplerState:(id)sampler
            lodMinClamp:(float)minimum
            lodMaxClamp:(float)maximum
                atIndex:(NSUInteger)index PLAIN(LTD_COMPUTE, sampler, minimum, maximum, index)

- (void)setSamplerStates:(const id *)samplers
            lodMinClamps:(const float *)minima
            lodMaxClamps:(const float *)maxima
               withRange:(NSRange)range {
    ENTER(LTD_COMPUTE, LT_FIELD_SPILL);
    NOTE(range);
    NOTE_ARRAY(samplers, range.length);
    NOTE_ARRAY(minima, range.length);
    NOTE_ARRAY(maxima, range.length);
    EFFECT();
    for (NSUInteger i = 0; i < range.length; i++)
        [self setSamplerState:samplers[i]
                  lodMinClamp:minima[i]
                  lodMaxClamp:maxima[i]
                      atIndex:range.location + i];
}

- (void)setThreadgroupMemoryLength:(NSUInteger)length atIndex:(NSUInteger)index PLAIN(LTD_COMPUTE, length, index)
- (void)setImageblockWidth:(NSUInteger)width height:(NSUInteger)height PLAIN(LTD_COMPUTE, width, height)
- (void)setStageInRegion:(MTLRegion)region PLAIN(LTD_COMPUTE, region)
- (void)setStageInRegionWithIndirectBuffer:(id)buffer
                      indirectBufferOffset:(NSUInteger)offset PLAIN(LTD_COMPUTE, buffer, offset)
- (void)setVisibleFunctionTable:(id)table atBufferIndex:(NSUInteger)index PLAIN(LTD_COMPUTE, table, index)

- (void)setVisibleFunctionTables:(const id *)tables withBufferRange:(NSRange)range {
    ENTER(LTD_COMPUTE, LT_FIELD_SPILL);
    NOTE(range);
    NOTE_ARRAY(tables, range.length);
    EFFECT();
    for (NSUInteger i = 0; i < range.length; i++)
        [self setVisibleFunctionTable:tables[i] atBufferIndex:range.location + i];
}

- (void)setIntersectionFunctionTable:(id)table atBufferIndex:(NSUInteger)index PLAIN(LTD_COMPUTE, table, index)

- (void)setIntersectionFunctionTables:(const id *)tables withBufferRange:(NSRange)range {
    ENTER(LTD_COMPUTE, LT_FIELD_SPILL);
    NOTE(range);
    NOTE_ARRAY(tables, range.length);
    EFFECT();
    for (NSUInteger i = 0; i < range.length; i++)
        [self setIntersectionFunctionTable:tables[i] atBufferIndex:range.location + i];
}

- (void)setAccelerationStructure:(id)structure atBufferIndex:(NSUInteger)index PLAIN(LTD_COMPUTE, structure, index)

- (void)dispatchThreadgroups:(MTLSize)groups threadsPerThreadgroup:(MTLSize)threads {
    ENTER(LTD_COMPUTE, LT_FIELD_DISPATCH);
    NOTE(groups, threads);
    EFFECT({
        size_t exact = impl->exact_threads;
        impl->exact_threads = 0;
        record(_commandBuffer, impl, exact ? exact : volume(groups) * volume(threads));
    });
}

- (void)dispatchThreads:(MTLSize)threads threadsPerThreadgroup:(MTLSize)group {
    ENTER(LTD_COMPUTE, LT_FIELD_DISPATCH);
    NOTE(threads, group);
    if (!volume(group))
        lt_assertion_failed(self, _cmd, "threadsPerThreadgroup must not be empty");
    EFFECT(impl->exact_threads = volume(threads));
    MTLSize groups = {
        (threads.width + group.width - 1) / group.width,
        (threads.height + group.height - 1) / group.height,
        (threads.depth + group.depth - 1) / group.depth,
    };
    [self dispatchThreadgroups:groups threadsPerThreadgroup:group];
}

- (void)dispatchThreadgroupsWithIndirectBuffer:(id)buffer
                          indirectBufferOffset:(NSUInteger)offset
                         threadsPerThreadgroup:(MTLSize)threads PLAIN(LTD_COMPUTE, buffer, offset, threads)
- (void)updateFence:(id)fence PLAIN(LTD_COMPUTE, fence)
- (void)waitForFence:(id)fence PLAIN(LTD_COMPUTE, fence)
- (void)useResource:(id)resource usage:(NSUInteger)usage PLAIN(LTD_COMPUTE, resource, usage)

- (void)useResources:(const id *)resources count:(NSUInteger)count usage:(NSUInteger)usage {
    ENTER(LTD_COMPUTE, LT_FIELD_SPILL);
    NOTE(count, usage);
    NOTE_ARRAY(resources, count);
    EFFECT();
    for (NSUInteger i = 0; i < count; i++)
        [self useResource:resources[i] usage:usage];
}

- (void)useHeap:(id)heap PLAIN(LTD_COMPUTE, heap)

- (void)useHeaps:(const id *)heaps count:(NSUInteger)count {
    ENTER(LTD_COMPUTE, LT_FIELD_SPILL);
    NOTE(count);
    NOTE_ARRAY(heaps, count);
    EFFECT();
    for (NSUInteger i = 0; i < count; i++)
        [self useHeap:heaps[i]];
}

- (void)executeCommandsInBuffer:(id)commands withRange:(NSRange)range PLAIN(LTD_COMPUTE, commands, range)
- (void)executeCommandsInBuffer:(id)commands
                 indirectBuffer:(id)buffer
           indirectBufferOffset:(NSUInteger)offset PLAIN(LTD_COMPUTE, commands, buffer, offset)
- (void)memoryBarrierWithScope:(NSUInteger)scope PLAIN(LTD_COMPUTE, scope)

- (void)memoryBarrierWithResources:(const id *)resources count:(NSUInteger)count {
    ENTER(LTD_COMPUTE, LT_FIELD_SPILL);
    NOTE(count);
    NOTE_ARRAY(resources, count);
    EFFECT();
}

- (void)sampleCountersInBuffer:(id)buffer
                 atSampleIndex:(NSUInteger)index
                   withBarrier:(BOOL)barrier PLAIN(LTD_COMPUTE, buffer, index, barrier)

/* The driver's own, not part of Metal's interface. */
- (void)dispatchWaitFlush PLAIN_0(LTD_COMPUTE)
- (void)dispatchFlushInvalidate PLAIN_0(LTD_COMPUTE)
- (void)dispatchFlushOnly PLAIN_0(LTD_COMPUTE)
- (void)dispatchInvalidateOnly PLAIN_0(LTD_COMPUTE)
- (void)dispatchFenceOnly PLAIN_0(LTD_COMPUTE)

- (void)endEncoding {
    ENTER(LTD_END, LT_FIELD_ENQUEUE);
    EFFECT(impl->exact_threads = 0);
    [super endEncoding];
}

- (void)destroyImpl {
    ENTER_SCOPES(lt_scopes_of_encoder(self), LTD_DESTROY);
    [super destroyImpl];
}

@end

@implementation LTComputeContextDebug

- (void)setBuffer:(id)buffer offset:(NSUInteger)offset atIndex:(NSUInteger)index {
    ENTER(LTD_COMPUTE, LT_FIELD_SPILL);
    NOTE(buffer, offset, index);
    EFFECT();
    [super setBuffer:buffer offset:offset atIndex:index];
}

- (void)dispatchThreads:(MTLSize)threads threadsPerThreadgroup:(MTLSize)group {
    ENTER(LTD_COMPUTE, LT_FIELD_DISPATCH);
    NOTE(threads, group);
    EFFECT();
    [super dispatchThreads:threads threadsPerThreadgroup:group];
}

- (void)endEncoding {
    ENTER(LTD_END, LT_FIELD_ENQUEUE);
    EFFECT();
    [super endEncoding];
}

@end
