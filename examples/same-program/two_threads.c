/* Two threads that take turns at one mutex: a program whose run time is as noisy as the machine.
 *   two_threads ROUNDS
 * Each thread takes the mutex ROUNDS times, for about a microsecond of arithmetic. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t state = 1;
static long rounds;

static void *work(void *unused)
{
    (void)unused;
    for (long round = 0; round < rounds; round++) {
        pthread_mutex_lock(&lock);
        for (int step = 0; step < 1000; step++)
            state = state * 2862933555777941757u + 3037000493u; /* a congruential generator */
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t other;

    rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
    if (rounds <= 0) {
        fprintf(stderr, "usage: two_threads ROUNDS\n");
        return 2;
    }
    if (pthread_create(&other, NULL, work, NULL) != 0) {
        fprintf(stderr, "two_threads: no thread\n");
        return 1;
    }
    work(NULL);
    pthread_join(other, NULL);
    printf("%llu\n", (unsigned long long)state);
    return 0;
}
