/* Relaxed atomic accesses to plain words: GCC has no _Atomic in Objective-C. Where order matters, the builtin is
 * written out. */
#ifndef LT_ATOMIC_H
#define LT_ATOMIC_H

#include <stdint.h>

#define LT_LOAD(place) __atomic_load_n(place, __ATOMIC_RELAXED)
#define LT_STORE(place, value) __atomic_store_n(place, value, __ATOMIC_RELAXED)

#endif
