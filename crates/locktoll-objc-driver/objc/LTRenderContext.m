#import "LTContext.h"

@implementation LTRenderContext

- (void)setRenderPipelineState:(id)state PLAIN(LTD_RENDER, state)
- (void)setViewport:(MTLViewport)viewport PLAIN(LTD_RENDER, viewport)
- (void)setScissorRect:(MTLScissorRect)rectangle PLAIN(LTD_RENDER, rectangle)

- (void)setVertexBuffer:(id)buffer
                 offset:(NSUInteger)offset
                atIndex:(NSUInteger)index PLAIN(LTD_RENDER, buffer, offset, index)
- (void)setFragmentBuffer:(id)buffer
                   offset:(NSUInteger)offset
                  atIndex:(NSUInteger)index PLAIN(LTD_RENDER, buffer, offset, index)

- (void)setVertexBytes:(const void *)bytes length:(NSUInteger)length atIndex:(NSUInteger)index {
    ENTER(LTD_RENDER, LT_FIELD_SPILL);
    NOTE(length, index);
    lt_note(bytes, length);
    EFFECT();
}

- (void)setFragmentBytes:(const void *)bytes length:(NSUInteger)length atIndex:(NSUInteger)index {
    ENTER(LTD_RENDER, LT_FIELD_SPILL);
    NOTE(length, index);
    lt_note(bytes, length);
    EFFECT();
}

- (void)setVertexTexture:(id)texture atIndex:(NSUInteger)index PLAIN(LTD_RENDER, texture, index)
- (void)setFragmentTexture:(id)texture atIndex:(NSUInteger)index PLAIN(LTD_RENDER, texture, index)

- (void)drawPrimitives:(NSUInteger)type
           vertexStart:(NSUInteger)start
           vertexCount:(NSUInteger)count
         instanceCount:(NSUInteger)instances PLAIN(LTD_RENDER, type, start, count, instances)

- (void)drawPrimitives:(NSUInteger)type vertexStart:(NSUInteger)start vertexCount:(NSUInteger)count {
    ENTER(LTD_RENDER, LT_FIELD_DISPATCH);
    NOTE(type, start, count);
    EFFECT();
    [self drawPrimitives:type vertexStart:start vertexCount:count instanceCount:1];
}

- (void)drawIndexedPrimitives:(NSUInteger)type
                   indexCount:(NSUInteger)count
                    indexType:(NSUInteger)indexType
                  indexBuffer:(id)buffer
            indexBufferOffset:(NSUInteger)offset PLAIN(LTD_RENDER, type, count, indexType, buffer, offset)

- (void)endEncoding {
    ENTER(LTD_END, LT_FIELD_ENQUEUE);
    EFFECT();
    [super endEncoding];
}

- (void)dealloc {
    [super dealloc];
}

@end

/* Opens render encoders that encode to the same command buffer side by side, each within a scope of its own. They end
 * before it does. */
@implementation LTParallelRenderContext

- (id)renderCommandEncoder {
    ENTER(LTD_PARALLEL, LT_FIELD_SPILL);
    EFFECT();
    LTRenderContext *encoder = [[LTRenderContext alloc] initWithCommandBuffer:_commandBuffer];
    encoder->_scope = lt_new_scope();
    encoder->_ownsScope = true;
    return [encoder autorelease];
}

- (void)endEncoding {
    ENTER(LTD_END, LT_FIELD_ENQUEUE);
    EFFECT();
    [super endEncoding];
}

@end
