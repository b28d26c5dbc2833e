/* Locks before main, and after it. */
#include "common.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

SITE static void use(int times) {
    while (times-- > 0) {
        pthread_mutex_lock(&lock);
        pthread_mutex_unlock(&lock);
    }
}

/* Before the initialisers of all libraries but one that asks to be the first. */
static void before_all(void) { use(3); }
__attribute__((section(".preinit_array"), used)) static void (*preinit)(void) = before_all;
__attribute__((constructor(101))) static void constructed(void) { use(40); }
__attribute__((destructor(101))) static void destructed(void) { use(500); }
static void at_exit(void) { use(6000); }

int main(void) {
    atexit(at_exit);
    TELL_LOCK(lock);
    TELL_SITE(use);
    return 0;
}
