/* Metal's value types, as Metal declares them, and its entry. */
#ifndef LT_METAL_H
#define LT_METAL_H

#import <Foundation/Foundation.h>

typedef struct {
    NSUInteger width, height, depth;
} MTLSize;

typedef struct {
    NSUInteger x, y, z;
} MTLOrigin;

typedef struct {
    MTLOrigin origin;
    MTLSize size;
} MTLRegion;

typedef struct {
    double originX, originY, width, height, znear, zfar;
} MTLViewport;

typedef struct {
    NSUInteger x, y, width, height;
} MTLScissorRect;

id MTLCreateSystemDefaultDevice(void);

#endif
