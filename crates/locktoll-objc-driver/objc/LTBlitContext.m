#import "LTContext.h"

/* Ends, destroys and deallocates as its parent does. */
@implementation LTBlitContext

- (void)fillBuffer:(id)buffer range:(NSRange)range value:(uint8_t)value PLAIN(LTD_BLIT, buffer, range, value)
- (void)generateMipmapsForTexture:(id)texture PLAIN(LTD_BLIT, texture)
- (void)synchronizeResource:(id)resource PLAIN(LTD_BLIT, resource)
- (void)synchronizeTexture:(id)texture
                     slice:(NSUInteger)slice
                     level:(NSUInteger)level PLAIN(LTD_BLIT, texture, slice, level)

- (void)copyFromBuffer:(id)source
          sourceOffset:(NSUInteger)sourceOffset
              toBuffer:(id)destination
     destinationOffset:(NSUInteger)destinationOffset
                  size:(NSUInteger)size PLAIN(LTD_BLIT, source, sourceOffset, destination, destinationOffset, size)

- (void)copyFromBuffer:(id)source
          sourceOffset:(NSUInteger)sourceOffset
     sourceBytesPerRow:(NSUInteger)bytesPerRow
   sourceBytesPerImage:(NSUInteger)bytesPerImage
            sourceSize:(MTLSize)size
             toTexture:(id)destination
      destinationSlice:(NSUInteger)slice
      destinationLevel:(NSUInteger)level
     destinationOrigin:(MTLOrigin)origin
    PLAIN(LTD_BLIT, source, sourceOffset, bytesPerRow, bytesPerImage, size, destination, slice, level, origin)

- (void)copyFromBuffer:(id)source
          sourceOffset:(NSUInteger)sourceOffset
     sourceBytesPerRow:(NSUInteger)bytesPerRow
   sourceBytesPerImage:(NSUInteger)bytesPerImage
            sourceSize:(MTLSize)size
             toTexture:(id)destination
      destinationSlice:(NSUInteger)slice
      destinationLevel:(NSUInteger)level
     destinationOrigin:(MTLOrigin)origin
               options:(NSUInteger)options
    PLAIN(LTD_BLIT, source, sourceOffset, bytesPerRow, bytesPerImage, size, destination, slice, level, origin, options)

- (void)copyFromTexture:(id)source toTexture:(id)destination PLAIN(LTD_BLIT, source, destination)

- (void)copyFromTexture:(id)source
            sourceSlice:(NSUInteger)sourceSlice
            sourceLevel:(NSUInteger)sourceLevel
              toTexture:(id)destination
       destinationSlice:(NSUInteger)slice
       destinationLevel:(NSUInteger)level
             sliceCount:(NSUInteger)sliceCount
             levelCount:(NSUInteger)levelCount
    PLAIN(LTD_BLIT, source, sourceSlice, sourceLevel, destination, slice, level, sliceCount, levelCount)

- (void)copyFromTexture:(id)source
            sourceSlice:(NSUInteger)sourceSlice
            sourceLevel:(NSUInteger)sourceLevel
           sourceOrigin:(MTLOrigin)sourceOrigin
             sourceSize:(MTLSize)size
              toTexture:(id)destination
       destinationSlice:(NSUInteger)slice
       destinationLevel:(NSUInteger)level
      destinationOrigin:(MTLOrigin)origin
    PLAIN(LTD_BLIT, source, sourceSlice, sourceLevel, sourceOrigin, size, destination, slice, level, origin)

- (void)copyFromTexture:(id)source
               sourceSlice:(NSUInteger)sourceSlice
               sourceLevel:(NSUInteger)sourceLevel
              sourceOrigin:(MTLOrigin)sourceOrigin
                sourceSize:(MTLSize)size
                  toBuffer:(id)destination
         destinationOffset:(NSUInteger)offset
    destinationBytesPerRow:(NSUInteger)bytesPerRow
  destinationBytesPerImage:(NSUInteger)bytesPerImage
    PLAIN(LTD_BLIT, source, sourceSlice, sourceLevel, sourceOrigin, size, destination, offset, bytesPerRow,
          bytesPerImage)

- (void)copyFromTexture:(id)source
               sourceSlice:(NSUInteger)sourceSlice
               sourceLevel:(NSUInteger)sourceLevel
              sourceOrigin:(MTLOrigin)sourceOrigin
                sourceSize:(MTLSize)size
                  toBuffer:(id)destination
         destinationOffset:(NSUInteger)offset
    destinationBytesPerRow:(NSUInteger)bytesPerRow
  destinationBytesPerImage:(NSUInteger)bytesPerImage
                   options:(NSUInteger)options
    PLAIN(LTD_BLIT, source, sourceSlice, sourceLevel, sourceOrigin, size, destination, offset, bytesPerRow,
          bytesPerImage, options)

- (void)optimizeContentsForGPUAccess:(id)texture PLAIN(LTD_BLIT, texture)
- (void)optimizeContentsForGPUAccess:(id)texture
                               slice:(NSUInteger)slice
                               level:(NSUInteger)level PLAIN(LTD_BLIT, texture, slice, level)
- (void)optimizeContentsForCPUAccess:(id)texture PLAIN(LTD_BLIT, texture)
- (void)optimizeContentsForCPUAccess:(id)texture
                               slice:(NSUInteger)slice
                               level:(NSUInteger)level PLAIN(LTD_BLIT, texture, slice, level)

- (void)resetCommandsInBuffer:(id)commands withRange:(NSRange)range PLAIN(LTD_BLIT, commands, range)
- (void)copyIndirectCommandBuffer:(id)source
                      sourceRange:(NSRange)range
                      destination:(id)destination
                 destinationIndex:(NSUInteger)index PLAIN(LTD_BLIT, source, range, destination, index)
- (void)optimizeIndirectCommandBuffer:(id)commands withRange:(NSRange)range PLAIN(LTD_BLIT, commands, range)

- (void)getTextureAccessCounters:(id)texture
                          region:(MTLRegion)region
                        mipLevel:(NSUInteger)level
                           slice:(NSUInteger)slice
                   resetCounters:(BOOL)reset
                  countersBuffer:(id)buffer
            countersBufferOffset:(NSUInteger)offset
    PLAIN(LTD_BLIT, texture, region, level, slice, reset, buffer, offset)
- (void)resetTextureAccessCounters:(id)texture
                            region:(MTLRegion)region
                          mipLevel:(NSUInteger)level
                             slice:(NSUInteger)slice PLAIN(LTD_BLIT, texture, region, level, slice)
- (void)sampleCountersInBuffer:(id)buffer
                 atSampleIndex:(NSUInteger)index
                   withBarrier:(BOOL)barrier PLAIN(LTD_BLIT, buffer, index, barrier)
- (void)resolveCounters:(id)buffer
                inRange:(NSRange)range
      destinationBuffer:(id)destination
      destinationOffset:(NSUInteger)offset PLAIN(LTD_BLIT, buffer, range, destination, offset)

- (void)updateFence:(id)fence PLAIN(LTD_BLIT, fence)
- (void)waitForFence:(id)fence PLAIN(LTD_BLIT, fence)

@end
