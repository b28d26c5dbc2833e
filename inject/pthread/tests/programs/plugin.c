/* A library that a program loads while it runs, with a lock of its own. */
#include <pthread.h>

pthread_mutex_t plugin_lock = PTHREAD_MUTEX_INITIALIZER;

void plugin_work(int times) {
    while (times-- > 0) {
        pthread_mutex_lock(&plugin_lock);
        pthread_mutex_unlock(&plugin_lock);
    }
}
