/* Locks that are held and waited for as long as this program itself has measured.
 *
 * Five locks are held 1 us to 10 ms. Another is taken at two places: `guilty` holds it long while a
 * thread waits for it, `innocent` does not, and takes it ten times as often. */
#include "common.h"

#include <stdatomic.h>

#define LOCKS 5
static const long hold_us[LOCKS] = {1, 10, 100, 1000, 10000};
static const int times[LOCKS] = {4000, 1000, 300, 60, 20};
static pthread_mutex_t held[LOCKS];
static int64_t measured[LOCKS][4000];

SITE static int64_t hold(int lock) {
    pthread_mutex_lock(&held[lock]);
    int64_t since = now_ns(), now;
    do {
        now = now_ns();
    } while (now - since < hold_us[lock] * 1000);
    pthread_mutex_unlock(&held[lock]);
    return now - since;
}

#define ROUNDS 100
static pthread_mutex_t shared = PTHREAD_MUTEX_INITIALIZER;
static atomic_int taken, over;
static int64_t waited[ROUNDS];

SITE static void guilty(int round) {
    pthread_mutex_lock(&shared);
    atomic_store(&taken, round + 1);
    /* Until somebody sleeps there: glibc's lock word is 2 then. */
    while (__atomic_load_n(&shared.__data.__lock, __ATOMIC_RELAXED) != 2) {
        sleep_us(20);
    }
    sleep_us(1000 + round * 40);
    pthread_mutex_unlock(&shared);
}

SITE static void innocent(void) {
    pthread_mutex_lock(&shared);
    pthread_mutex_unlock(&shared);
}

SITE static void victim(void) {
    pthread_mutex_lock(&shared);
    pthread_mutex_unlock(&shared);
}

static void *wait_for_it(void *unused) {
    for (int round = 0; round < ROUNDS; round++) {
        /* A thread that spins has used its time up when its turn comes. */
        while (atomic_load(&taken) != round + 1) {
            sleep_us(20);
        }
        int64_t since = now_ns();
        victim();
        waited[round] = now_ns() - since;
        atomic_store(&over, round + 1);
    }
    return unused;
}

int main(void) {
    pthread_t waiter;
    for (int lock = 0; lock < LOCKS; lock++) {
        pthread_mutex_init(&held[lock], NULL);
        for (int time = 0; time < times[lock]; time++) {
            measured[lock][time] = hold(lock);
        }
    }
    CHECK(pthread_create(&waiter, NULL, wait_for_it, NULL) == 0);
    for (int round = 0; round < ROUNDS; round++) {
        guilty(round);
        while (atomic_load(&over) != round + 1) {
            sleep_us(50);
        }
        for (int time = 0; time < 10; time++) {
            innocent();
        }
    }
    pthread_join(waiter, NULL);

    TELL_SITE(hold);
    TELL_SITE(guilty);
    TELL_SITE(innocent);
    TELL_SITE(victim);
    TELL_LOCK(shared);
    for (int lock = 0; lock < LOCKS; lock++) {
        printf("lock held%ld %p\n", hold_us[lock], (void *)&held[lock]);
        for (int time = 0; time < times[lock]; time++) {
            printf("ns held%ld %lld\n", hold_us[lock], (long long)measured[lock][time]);
        }
    }
    for (int round = 0; round < ROUNDS; round++) {
        printf("ns wait %lld\n", (long long)waited[round]);
    }
    return 0;
}
