/* What one lock and unlock costs.
 *
 *   pairs alone STRETCHES TIMES       one thread, nothing inside; the fastest stretch
 *   pairs together STRETCHES TIMES NS two threads, one lock, so much work inside and half as much
 *                                     outside; the median stretch
 *
 * Prints nanoseconds for each pair, then how many of 1,000 acquisitions were by another thread than
 * the one before. */
#include "common.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t meeting;
static long times, steps;
static int stretches;
static double figures[1000];
static uint64_t total;
static long last, changes;

__attribute__((noinline)) static uint64_t work(uint64_t value, long count) {
    for (long step = 0; step < count; step++) {
        value ^= value << 13;
        value ^= value >> 7;
        value ^= value << 17;
    }
    return value;
}

/* How many steps take so many nanoseconds. */
static long calibrate(double ns) {
    double best = 1e9;
    for (int attempt = 0; attempt < 50; attempt++) {
        int64_t since = now_ns();
        total += work(attempt + 1, 100000);
        double each = (now_ns() - since) / 1e5;
        best = each < best ? each : best;
    }
    return (long)(ns / best);
}

static void *together(void *argument) {
    long me = (long)argument;
    uint64_t outside = me;
    for (int stretch = 0; stretch < stretches; stretch++) {
        pthread_barrier_wait(&meeting);
        int64_t since = now_ns();
        for (long time = 0; time < times; time++) {
            pthread_mutex_lock(&lock);
            total = work(total | 1, steps);
            changes += last != me;
            last = me;
            pthread_mutex_unlock(&lock);
            outside = work(outside, steps / 2);
        }
        pthread_barrier_wait(&meeting);
        if (me == 1) {
            figures[stretch] = (now_ns() - since) / (2.0 * times);
        }
    }
    return (void *)(uintptr_t)outside;
}

static int by_value(const void *a, const void *b) {
    double difference = *(const double *)a - *(const double *)b;
    return (difference > 0) - (difference < 0);
}

int main(int count, char **arguments) {
    CHECK(count >= 4);
    stretches = atoi(arguments[2]);
    times = atol(arguments[3]);
    CHECK(stretches > 0 && stretches <= 1000 && times > 0);
    if (strcmp(arguments[1], "alone") == 0) {
        for (int stretch = 0; stretch < stretches; stretch++) {
            int64_t since = now_ns();
            for (long time = 0; time < times; time++) {
                pthread_mutex_lock(&lock);
                total++;
                pthread_mutex_unlock(&lock);
            }
            figures[stretch] = (now_ns() - since) / (double)times;
        }
        qsort(figures, stretches, sizeof *figures, by_value);
        printf("%.3f 0\n", figures[0]);
    } else {
        CHECK(count == 5);
        steps = calibrate(atof(arguments[4]));
        pthread_t other;
        pthread_barrier_init(&meeting, NULL, 2);
        CHECK(pthread_create(&other, NULL, together, (void *)2) == 0);
        together((void *)1);
        pthread_join(other, NULL);
        qsort(figures, stretches, sizeof *figures, by_value);
        printf("%.3f %.1f\n", figures[stretches / 2],
               changes * 1000.0 / (2.0 * times * stretches));
    }
    return total == 0;
}
