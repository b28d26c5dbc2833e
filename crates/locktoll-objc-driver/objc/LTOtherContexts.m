#import "LTContext.h"

/* Ends, destroys and deallocates as its parent does. */
@implementation LTResourceStateContext

- (void)updateTextureMapping:(id)texture
                        mode:(NSUInteger)mode
                      region:(MTLRegion)region
                    mipLevel:(NSUInteger)level
                       slice:(NSUInteger)slice PLAIN(LTD_RESOURCE_STATE, texture, mode, region, level, slice)
- (void)updateFence:(id)fence PLAIN(LTD_RESOURCE_STATE, fence)
- (void)waitForFence:(id)fence PLAIN(LTD_RESOURCE_STATE, fence)

@end

@implementation LTAccelerationStructureContext

- (void)buildAccelerationStructure:(id)structure
                        descriptor:(id)descriptor
                     scratchBuffer:(id)buffer
               scratchBufferOffset:(NSUInteger)offset PLAIN(LTD_ACCELERATION, structure, descriptor, buffer, offset)
- (void)copyAccelerationStructure:(id)source toAccelerationStructure:(id)destination
    PLAIN(LTD_ACCELERATION, source, destination)
- (void)updateFence:(id)fence PLAIN(LTD_ACCELERATION, fence)
- (void)waitForFence:(id)fence PLAIN(LTD_ACCELERATION, fence)

- (void)dealloc {
    [super dealloc];
}

@end
