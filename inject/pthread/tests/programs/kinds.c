/* Every kind of lock and wait, a known number of times. The argument says which. */
#include "common.h"

#include <dlfcn.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <threads.h>

static pthread_mutex_t lock;

static void init(int type, int robust, int protocol) {
    pthread_mutexattr_t kind;
    pthread_mutexattr_init(&kind);
    CHECK(pthread_mutexattr_settype(&kind, type) == 0);
    CHECK(pthread_mutexattr_setrobust(&kind, robust) == 0);
    CHECK(pthread_mutexattr_setprotocol(&kind, protocol) == 0);
    CHECK(pthread_mutex_init(&lock, &kind) == 0);
}

SITE static int take(pthread_mutex_t *mutex) {
    int result = pthread_mutex_lock(mutex);
    return result;
}

SITE static int again(pthread_mutex_t *mutex) {
    int result = pthread_mutex_lock(mutex);
    return result;
}

static void give(pthread_mutex_t *mutex) { CHECK(pthread_mutex_unlock(mutex) == 0); }

static void use(pthread_mutex_t *mutex, int times) {
    for (int time = 0; time < times; time++) {
        CHECK(take(mutex) == 0);
        give(mutex);
    }
}

static pthread_t started(void *(*body)(void *)) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, body, NULL) == 0);
    return thread;
}

/* A thread that holds `lock` until told, and until another waits for it if that is asked for. */
static atomic_int holds, let_go;
static int until_waited_for;
static int waited_for(void) {
    return __atomic_load_n(&lock.__data.__lock, __ATOMIC_RELAXED) & 0x80000000; /* FUTEX_WAITERS */
}

SITE static void *holder(void *unused) {
    CHECK(pthread_mutex_lock(&lock) == 0);
    atomic_store(&holds, 1);
    while (!atomic_load(&let_go) || (until_waited_for && !waited_for())) {
        sleep_us(100);
    }
    give(&lock);
    return unused;
}

static pthread_t with_holder(void) {
    pthread_t thread = started(holder);
    while (!atomic_load(&holds)) {
        sleep_us(100);
    }
    return thread;
}

static void without_holder(pthread_t thread) {
    atomic_store(&let_go, 1);
    pthread_join(thread, NULL);
}

static void recursive(void) {
    init(PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
    for (int time = 0; time < 100; time++) {
        CHECK(take(&lock) == 0 && again(&lock) == 0 && again(&lock) == 0);
        give(&lock);
        give(&lock);
        give(&lock);
    }
}

static void error_checking(void) {
    init(PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
    for (int time = 0; time < 100; time++) {
        CHECK(take(&lock) == 0 && again(&lock) == EDEADLK);
        give(&lock);
        CHECK(pthread_mutex_unlock(&lock) == EPERM);
    }
}

static void *dies(void *unused) {
    CHECK(take(&lock) == 0);
    return unused;
}

/* 3 deaths: of two the lock is mended, of the third it is not. */
static void robust(void) {
    init(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE);
    for (int time = 0; time < 3; time++) {
        pthread_join(started(dies), NULL);
        CHECK(again(&lock) == EOWNERDEAD);
        if (time < 2) {
            CHECK(pthread_mutex_consistent(&lock) == 0);
        }
        give(&lock);
    }
    for (int time = 0; time < 5; time++) {
        CHECK(again(&lock) == ENOTRECOVERABLE);
    }
}

static void inherit(void) {
    init(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_INHERIT);
    use(&lock, 100);
    until_waited_for = 1;
    pthread_t thread = with_holder();
    atomic_store(&let_go, 1);
    CHECK(again(&lock) == 0);
    give(&lock);
    pthread_join(thread, NULL);
}

static pthread_mutex_t normal = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t recursing = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_mutex_t checking = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
static pthread_mutex_t adaptive = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP;

static void initialisers(void) {
    use(&normal, 11);
    use(&recursing, 12);
    use(&checking, 13);
    use(&adaptive, 14);
    TELL_LOCK(normal);
    TELL_LOCK(recursing);
    TELL_LOCK(checking);
    TELL_LOCK(adaptive);
}

SITE static int attempt(void) {
    int result = pthread_mutex_trylock(&lock);
    return result;
}

static void tries(void) {
    init(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
    for (int time = 0; time < 7; time++) {
        CHECK(attempt() == 0);
        give(&lock);
    }
    pthread_t thread = with_holder();
    for (int time = 0; time < 5; time++) {
        CHECK(attempt() == EBUSY);
    }
    without_holder(thread);
}

SITE static int timed(long us) {
    struct timespec until = in_us(CLOCK_REALTIME, us);
    int result = pthread_mutex_timedlock(&lock, &until);
    return result;
}

SITE static int clocked(long us) {
    struct timespec until = in_us(CLOCK_MONOTONIC, us);
    int result = pthread_mutex_clocklock(&lock, CLOCK_MONOTONIC, &until);
    return result;
}

static void limits(void) {
    init(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
    for (int time = 0; time < 4; time++) {
        CHECK(timed(1000000) == 0);
        give(&lock);
        CHECK(clocked(1000000) == 0);
        give(&lock);
    }
    pthread_t thread = with_holder();
    for (int time = 0; time < 3; time++) {
        CHECK(timed(2000) == ETIMEDOUT);
        CHECK(clocked(2000) == ETIMEDOUT);
    }
    without_holder(thread);
}

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;

SITE static int reads(void) {
    int result = pthread_rwlock_rdlock(&rwlock);
    return result;
}

SITE static int writes(void) {
    int result = pthread_rwlock_wrlock(&rwlock);
    return result;
}

SITE static int tries_to_read(void) {
    int result = pthread_rwlock_tryrdlock(&rwlock);
    return result;
}

SITE static int tries_to_write(void) {
    int result = pthread_rwlock_trywrlock(&rwlock);
    return result;
}

SITE static int reads_in_time(void) {
    struct timespec until = in_us(CLOCK_REALTIME, 2000);
    int result = pthread_rwlock_timedrdlock(&rwlock, &until);
    return result;
}

SITE static int writes_in_time(void) {
    struct timespec until = in_us(CLOCK_MONOTONIC, 2000);
    int result = pthread_rwlock_clockwrlock(&rwlock, CLOCK_MONOTONIC, &until);
    return result;
}

static void *reader(void *unused) {
    CHECK(reads() == 0);
    pthread_rwlock_unlock(&rwlock);
    return unused;
}

static void rwlocks(void) {
    for (int time = 0; time < 20; time++) {
        CHECK(reads() == 0 && reads() == 0);
        CHECK(tries_to_read() == 0);
        CHECK(tries_to_write() == EBUSY);
        CHECK(writes_in_time() == ETIMEDOUT);
        pthread_rwlock_unlock(&rwlock);
        pthread_rwlock_unlock(&rwlock);
        pthread_rwlock_unlock(&rwlock);
        CHECK(tries_to_write() == 0);
        CHECK(tries_to_read() == EBUSY);
        pthread_rwlock_unlock(&rwlock);
    }
    CHECK(writes() == 0);
    pthread_t thread = started(reader);
    /* Until the reader has put itself among the readers: glibc counts them from the 4th bit on. */
    while (__atomic_load_n(&rwlock.__data.__readers, __ATOMIC_RELAXED) >> 3 == 0) {
        sleep_us(100);
    }
    CHECK(pthread_rwlock_unlock(&rwlock) == 0);
    pthread_join(thread, NULL);
    for (int time = 0; time < 6; time++) {
        CHECK(reads_in_time() == 0);
        pthread_rwlock_unlock(&rwlock);
    }
    TELL_LOCK(rwlock);
    TELL_SITE(reads);
    TELL_SITE(writes);
    TELL_SITE(tries_to_read);
    TELL_SITE(tries_to_write);
    TELL_SITE(reads_in_time);
    TELL_SITE(writes_in_time);
}

static pthread_spinlock_t spin;

SITE static void spins(void) {
    int result = pthread_spin_lock(&spin);
    CHECK(result == 0);
}

SITE static int tries_to_spin(void) {
    int result = pthread_spin_trylock(&spin);
    return result;
}

static void spinlocks(void) {
    pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
    for (int time = 0; time < 500; time++) {
        spins();
        CHECK(tries_to_spin() == EBUSY);
        pthread_spin_unlock(&spin);
        CHECK(tries_to_spin() == 0);
        pthread_spin_unlock(&spin);
    }
    TELL_LOCK(spin);
    TELL_SITE(spins);
    TELL_SITE(tries_to_spin);
}

static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int told;

SITE static void waits(void) {
    int result = pthread_cond_wait(&cond, &lock);
    CHECK(result == 0);
}

SITE static void waits_in_time(void) {
    struct timespec until = in_us(CLOCK_REALTIME, 30000);
    int result = pthread_cond_timedwait(&cond, &lock, &until);
    CHECK(result == ETIMEDOUT);
}

SITE static void waits_by_clock(void) {
    struct timespec until = in_us(CLOCK_MONOTONIC, 30000);
    int result = pthread_cond_clockwait(&cond, &lock, CLOCK_MONOTONIC, &until);
    CHECK(result == ETIMEDOUT);
}

SITE static void *teller(void *unused) {
    sleep_us(50000);
    CHECK(pthread_mutex_lock(&lock) == 0);
    told = 1;
    pthread_cond_signal(&cond);
    give(&lock);
    return unused;
}

static void conditions(void) {
    init(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
    CHECK(take(&lock) == 0);
    pthread_t thread = started(teller);
    while (!told) {
        waits();
    }
    pthread_join(thread, NULL);
    for (int time = 0; time < 4; time++) {
        waits_in_time();
        waits_by_clock();
    }
    give(&lock);
    TELL_LOCK(cond);
    TELL_SITE(waits);
    TELL_SITE(waits_in_time);
    TELL_SITE(waits_by_clock);
    TELL_SITE(teller);
}

static sem_t semaphore;

SITE static void downs(void) {
    int result = sem_wait(&semaphore);
    CHECK(result == 0);
}

SITE static void downs_in_time(void) {
    struct timespec until = in_us(CLOCK_REALTIME, 20000);
    int result = sem_timedwait(&semaphore, &until);
    CHECK(result == -1 && errno == ETIMEDOUT);
}

static void semaphores(void) {
    sem_init(&semaphore, 0, 9);
    for (int time = 0; time < 9; time++) {
        downs();
    }
    downs_in_time();
    downs_in_time();
    TELL_LOCK(semaphore);
    TELL_SITE(downs);
    TELL_SITE(downs_in_time);
}

static pthread_barrier_t barrier;

SITE static void *meets(void *unused) {
    for (int time = 0; time < 10; time++) {
        int result = pthread_barrier_wait(&barrier);
        CHECK(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD);
    }
    return unused;
}

static void barriers(void) {
    pthread_barrier_init(&barrier, NULL, 3);
    pthread_t threads[2] = {started(meets), started(meets)};
    meets(NULL);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    TELL_LOCK(barrier);
    TELL_SITE(meets);
}

static mtx_t c11;
static cnd_t c11_cond;

SITE static void c11_takes(void) {
    int result = mtx_lock(&c11);
    CHECK(result == thrd_success);
}

SITE static int c11_tries(void) {
    int result = mtx_trylock(&c11);
    return result;
}

SITE static void c11_waits(void) {
    struct timespec until = in_us(CLOCK_REALTIME, 30000);
    int result = cnd_timedwait(&c11_cond, &c11, &until);
    CHECK(result == thrd_timedout);
}

static void c11_names(void) {
    CHECK(mtx_init(&c11, mtx_timed) == thrd_success && cnd_init(&c11_cond) == thrd_success);
    for (int time = 0; time < 8; time++) {
        c11_takes();
        CHECK(c11_tries() == thrd_busy);
        mtx_unlock(&c11);
        CHECK(c11_tries() == thrd_success);
        mtx_unlock(&c11);
    }
    c11_takes();
    c11_waits();
    c11_waits();
    mtx_unlock(&c11);
    TELL_LOCK(c11);
    TELL_LOCK(c11_cond);
    TELL_SITE(c11_takes);
    TELL_SITE(c11_tries);
    TELL_SITE(c11_waits);
}

/* The library's own path is the second argument. */
static void loaded(const char *path) {
    void *library = dlopen(path, RTLD_NOW);
    CHECK(library != NULL);
    void (*work)(int) = (void (*)(int))dlsym(library, "plugin_work");
    CHECK(work != NULL);
    work(25);
    printf("site plugin_work %p\nlock plugin_lock %p\n", (void *)work,
           dlsym(library, "plugin_lock"));
    CHECK(dlclose(library) == 0);
}

int main(int count, char **arguments) {
    static const struct {
        const char *name;
        void (*body)(void);
    } bodies[] = {
        {"recursive", recursive},   {"error-checking", error_checking},
        {"robust", robust},         {"inherit", inherit},
        {"initialisers", initialisers}, {"tries", tries},
        {"limits", limits},         {"rwlocks", rwlocks},
        {"spinlocks", spinlocks},   {"conditions", conditions},
        {"semaphores", semaphores}, {"barriers", barriers},
        {"c11", c11_names},
    };
    CHECK(count >= 2);
    if (count == 3) {
        loaded(arguments[2]);
        return 0;
    }
    for (size_t index = 0; index < sizeof bodies / sizeof *bodies; index++) {
        if (strcmp(bodies[index].name, arguments[1]) == 0) {
            bodies[index].body();
            TELL_LOCK(lock);
            TELL_SITE(take);
            TELL_SITE(again);
            TELL_SITE(holder);
            TELL_SITE(attempt);
            TELL_SITE(timed);
            TELL_SITE(clocked);
            return 0;
        }
    }
    return 98;
}
