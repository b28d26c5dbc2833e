/* GCC's runtime has this function in a header only, and crates that send messages link to it. Weak, so that
 * whoever else defines it may. */
#ifndef __APPLE__
void *object_getClass(void *object);

__attribute__((weak)) void *object_getClass(void *object) { return object ? *(void **)object : 0; }
#endif
