/* Threads and processes that begin, end, are interrupted and replaced. The argument says how. */
#include "common.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>

extern char **environ;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t other = PTHREAD_MUTEX_INITIALIZER;

SITE static void use(int times) {
    while (times-- > 0) {
        pthread_mutex_lock(&lock);
        pthread_mutex_unlock(&lock);
    }
}

SITE static void use_other(int times) {
    while (times-- > 0) {
        pthread_mutex_lock(&other);
        pthread_mutex_unlock(&other);
    }
}

static void *two_hundred(void *unused) {
    use(200);
    return unused;
}

/* 600 threads, each of which ends before the next begins: more than there is room for. */
static void one_by_one(void) {
    for (int index = 0; index < 600; index++) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, two_hundred, NULL) == 0);
        pthread_join(thread, NULL);
    }
}

/* 24 threads whose first events come at the same time. */
static atomic_int ready;
static void *at_once(void *unused) {
    atomic_fetch_add(&ready, 1);
    while (atomic_load(&ready) < 24) {
    }
    use(50);
    return unused;
}

static void all_at_once(void) {
    pthread_t threads[24];
    for (int index = 0; index < 24; index++) {
        CHECK(pthread_create(&threads[index], NULL, at_once, NULL) == 0);
    }
    for (int index = 0; index < 24; index++) {
        pthread_join(threads[index], NULL);
    }
}

/* 700 threads at once: some find no room. */
static pthread_barrier_t meeting;
static void *meets(void *unused) {
    use(10);
    pthread_barrier_wait(&meeting);
    use(10);
    return unused;
}

static void crowd(void) {
    static pthread_t threads[700];
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 64 << 10);
    pthread_barrier_init(&meeting, NULL, 700);
    for (int index = 0; index < 700; index++) {
        CHECK(pthread_create(&threads[index], &small, meets, NULL) == 0);
    }
    for (int index = 0; index < 700; index++) {
        pthread_join(threads[index], NULL);
    }
}

static atomic_int stop;
static void *keeps_busy(void *unused) {
    while (!atomic_load(&stop)) {
        use_other(1);
    }
    return unused;
}

/* 5 children, while another thread is at it. Each child has a thread of its own. */
static void forks(void) {
    pthread_t busy;
    CHECK(pthread_create(&busy, NULL, keeps_busy, NULL) == 0);
    use(10);
    for (int index = 0; index < 5; index++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            pthread_t thread;
            use(7);
            CHECK(pthread_create(&thread, NULL, two_hundred, NULL) == 0);
            pthread_join(thread, NULL);
            _exit(0);
        }
        int status;
        CHECK(waitpid(child, &status, 0) == child && status == 0);
    }
    atomic_store(&stop, 1);
    pthread_join(busy, NULL);
    use(10);
}

/* The child of vfork runs in the parent's memory: its locks are the parent's. */
static void vforks(void) {
    use(10);
    for (int index = 0; index < 3; index++) {
        pid_t child = vfork();
        CHECK(child >= 0);
        if (child == 0) {
            use(5);
            _exit(0);
        }
        int status;
        CHECK(waitpid(child, &status, 0) == child && status == 0);
    }
    use(10);
}

static void spawns(char *self) {
    use(10);
    for (int index = 0; index < 3; index++) {
        pid_t child;
        char *arguments[] = {self, "one-by-one", NULL};
        CHECK(posix_spawn(&child, self, NULL, NULL, arguments, environ) == 0);
        int status;
        CHECK(waitpid(child, &status, 0) == child && status == 0);
    }
}

static void execs(char *self) {
    char *arguments[] = {self, "use", NULL};
    use(10);
    execv(self, arguments);
    CHECK(0);
}

/* A handler that locks, every 100 us, whatever it interrupts. */
static atomic_int handled;
static pthread_mutex_t handlers = PTHREAD_MUTEX_INITIALIZER;
SITE static void handler(int signal) {
    (void)signal;
    pthread_mutex_lock(&handlers);
    pthread_mutex_unlock(&handlers);
    atomic_fetch_add(&handled, 1);
}

static void every_100_us(void (*function)(int)) {
    struct sigaction action = {.sa_handler = function, .sa_flags = SA_RESTART};
    struct itimerval timer = {{0, 100}, {0, 100}};
    CHECK(sigaction(SIGPROF, &action, NULL) == 0);
    CHECK(setitimer(ITIMER_PROF, &timer, NULL) == 0);
}

static void no_more(void) {
    struct itimerval timer = {{0, 0}, {0, 0}};
    CHECK(setitimer(ITIMER_PROF, &timer, NULL) == 0);
}

/* Many locks in turn, so that the thread's table is changed all the time. */
#define MANY 3000
static pthread_mutex_t many[MANY];
SITE static void use_many(int index) {
    pthread_mutex_lock(&many[index % MANY]);
    pthread_mutex_unlock(&many[index % MANY]);
}

static void signals(void) {
    int used = 0;
    every_100_us(handler);
    int64_t until = now_ns() + 400000000;
    while (now_ns() < until) {
        for (int index = 0; index < 1000; index++) {
            use_many(used++);
            use(1);
        }
    }
    no_more();
    printf("number used %d\nnumber handled %d\n", used, atomic_load(&handled));
}

/* A handler that forks, and a child that goes on with what was interrupted. */
static atomic_int children;
static void forking_handler(int signal) {
    (void)signal;
    pid_t child = fork();
    if (child == 0) {
        no_more();
        atomic_store(&stop, 1);
    } else if (child > 0) {
        atomic_fetch_add(&children, 1);
    }
}

static void forked_by_a_handler(void) {
    int used = 0;
    every_100_us(forking_handler);
    while (!atomic_load(&stop) && atomic_load(&children) < 200) {
        use_many(used++);
        use(1);
    }
    if (atomic_load(&stop)) {
        for (int index = 0; index < 50; index++) {
            use_many(used++);
            use(1);
        }
        _exit(0);
    }
    no_more();
    int status;
    for (int index = 0; index < atomic_load(&children); index++) {
        CHECK(wait(&status) > 0 && status == 0);
    }
    printf("number used %d\nnumber children %d\n", used, atomic_load(&children));
}

/* Destructors of thread-specific data lock, some of them again and again. */
static pthread_key_t key;
static void destructor(void *value) {
    long rounds = (long)value;
    use(5);
    if (rounds > 1) {
        pthread_setspecific(key, (void *)(rounds - 1));
    }
}

static void *with_destructor(void *unused) {
    pthread_setspecific(key, (void *)3);
    use_other(1);
    return unused;
}

static void destructors(void) {
    pthread_key_create(&key, destructor);
    for (int index = 0; index < 8; index++) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, with_destructor, NULL) == 0);
        pthread_join(thread, NULL);
    }
}

/* Counts what it has done in a file that outlives it. */
static volatile uint64_t *progress;
static void *counts(void *argument) {
    volatile uint64_t *mine = progress + (long)argument * 8;
    while (!atomic_load(&stop)) {
        pthread_mutex_lock(&other);
        pthread_mutex_unlock(&other);
        *mine += 1;
    }
    return NULL;
}

static void endless(const char *path) {
    int file = open(path, O_RDWR | O_CREAT, 0644);
    CHECK(file >= 0 && ftruncate(file, 4096) == 0);
    progress = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(progress != MAP_FAILED);
    TELL_LOCK(other);
    fflush(stdout);
    for (long index = 1; index < 3; index++) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, counts, (void *)index) == 0);
    }
    counts((void *)0);
}

/* As many events as the machine does in so many milliseconds, in two threads without contention. */
static long budget_ms;
static pthread_mutex_t own[2] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER};
static atomic_llong done;
static void *hurries(void *argument) {
    long long mine = 0;
    int64_t until = now_ns() + budget_ms * 1000000;
    while (now_ns() < until) {
        for (int index = 0; index < 1000; index++) {
            pthread_mutex_lock(&own[(long)argument]);
            pthread_mutex_unlock(&own[(long)argument]);
        }
        mine += 1000;
    }
    atomic_fetch_add(&done, mine);
    return NULL;
}

static void flood(const char *ms) {
    pthread_t thread;
    budget_ms = atol(ms);
    CHECK(pthread_create(&thread, NULL, hurries, (void *)1) == 0);
    hurries((void *)0);
    pthread_join(thread, NULL);
    printf("number done %lld\n", (long long)atomic_load(&done));
}

/* Threads that allocate and free each other's memory. */
static _Atomic(void *) slots[64];
static void *allocates(void *argument) {
    uint32_t random = (uint32_t)(uintptr_t)argument * 2654435761u + 1;
    for (int index = 0; index < 200000; index++) {
        random = random * 1664525 + 1013904223;
        char *memory = malloc(16 + random % 20000);
        CHECK(memory != NULL);
        memory[0] = 1;
        free(atomic_exchange(&slots[random >> 26], memory));
    }
    return NULL;
}

static void memory(void) {
    pthread_t threads[4];
    for (long index = 0; index < 4; index++) {
        CHECK(pthread_create(&threads[index], NULL, allocates, (void *)(index + 1)) == 0);
    }
    for (int index = 0; index < 4; index++) {
        pthread_join(threads[index], NULL);
    }
    for (int index = 0; index < 64; index++) {
        free(slots[index]);
    }
}

int main(int count, char **arguments) {
    CHECK(count >= 2);
    const char *how = arguments[1];
    if (strcmp(how, "endless") == 0) {
        endless(arguments[2]);
    } else if (strcmp(how, "flood") == 0) {
        flood(arguments[2]);
    } else if (strcmp(how, "one-by-one") == 0) {
        one_by_one();
    } else if (strcmp(how, "all-at-once") == 0) {
        all_at_once();
    } else if (strcmp(how, "crowd") == 0) {
        crowd();
    } else if (strcmp(how, "forks") == 0) {
        forks();
    } else if (strcmp(how, "vforks") == 0) {
        vforks();
    } else if (strcmp(how, "spawns") == 0) {
        spawns(arguments[0]);
    } else if (strcmp(how, "execs") == 0) {
        execs(arguments[0]);
    } else if (strcmp(how, "use") == 0) {
        use(20);
    } else if (strcmp(how, "signals") == 0) {
        signals();
    } else if (strcmp(how, "forked-by-a-handler") == 0) {
        forked_by_a_handler();
    } else if (strcmp(how, "destructors") == 0) {
        destructors();
    } else if (strcmp(how, "memory") == 0) {
        memory();
    } else {
        return 98;
    }
    TELL_LOCK(lock);
    TELL_LOCK(other);
    TELL_LOCK(handlers);
    TELL_SITE(use);
    TELL_SITE(use_other);
    TELL_SITE(use_many);
    TELL_SITE(handler);
    return 0;
}
