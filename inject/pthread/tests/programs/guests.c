/* Programs that leave the library little to live on, or end in the middle. The argument says which. */
#include "common.h"

#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

extern char **environ;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER, other = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turns = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock;

SITE static void use(int times) {
    for (int time = 0; time < times; time++) {
        CHECK(pthread_mutex_lock(&lock) == 0);
        CHECK(pthread_mutex_unlock(&lock) == 0);
    }
}

static void *uses(void *unused) {
    use(10);
    return unused;
}

/* The smallest stack that a thread may have, whose first lock makes the file. */
static void small_stack(void) {
    pthread_attr_t attributes;
    pthread_t thread;
    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setstacksize(&attributes, PTHREAD_STACK_MIN) == 0);
    CHECK(pthread_create(&thread, &attributes, uses, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

static void handles(int signal) {
    (void)signal;
    use(10);
}

/* The same in a signal handler with a stack of its own, of which it tells how much was used. */
static void signal_stack(void) {
    enum { SIZE = 1 << 16, FILLED = 0x5a };
    unsigned char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    memset(memory, FILLED, SIZE);
    stack_t stack = {.ss_sp = memory, .ss_size = SIZE};
    CHECK(sigaltstack(&stack, NULL) == 0);
    struct sigaction action = {.sa_handler = handles, .sa_flags = SA_ONSTACK};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    CHECK(raise(SIGUSR1) == 0);
    int unused = 0;
    while (unused < SIZE && memory[unused] == FILLED) {
        unused++;
    }
    printf("number used %d\n", SIZE - unused);
}

/* As `setproctitle` does it: the environment moves, and its place is written over. */
static void title(void) {
    int count = 0;
    while (environ[count] != NULL) {
        count++;
    }
    char *first = environ[0], *last = environ[count - 1] + strlen(environ[count - 1]);
    char **copy = calloc(count + 1, sizeof *copy);
    for (int index = 0; index < count; index++) {
        copy[index] = strdup(environ[index]);
    }
    environ = copy;
    memset(first, ' ', last - first);
    use(10);
    pid_t child = fork();
    if (child == 0) {
        use(20);
        exit(0);
    }
    CHECK(waitpid(child, NULL, 0) == child);
}

SITE static void *writes(void *unused) {
    CHECK(pthread_rwlock_wrlock(&rwlock) == 0);
    sleep_us(30000);
    CHECK(pthread_rwlock_unlock(&rwlock) == 0);
    return unused;
}

SITE static void *reads(void *unused) {
    CHECK(pthread_rwlock_rdlock(&rwlock) == 0);
    CHECK(pthread_rwlock_unlock(&rwlock) == 0);
    return unused;
}

/* A reader that comes after a writer that waits for another reader, where writers go first or do not. */
SITE static void after_writer(int preferred) {
    pthread_rwlockattr_t kind;
    pthread_t threads[2];
    CHECK(pthread_rwlockattr_init(&kind) == 0);
    CHECK(pthread_rwlockattr_setkind_np(&kind, preferred) == 0);
    CHECK(pthread_rwlock_init(&rwlock, &kind) == 0);
    CHECK(pthread_rwlock_rdlock(&rwlock) == 0);
    CHECK(pthread_create(&threads[0], NULL, writes, NULL) == 0);
    while (!(__atomic_load_n(&rwlock.__data.__readers, __ATOMIC_RELAXED) & 2)) { /* WRITE_LOCKED */
        sleep_us(100);
    }
    CHECK(pthread_create(&threads[1], NULL, reads, NULL) == 0);
    sleep_us(50000);
    CHECK(pthread_rwlock_unlock(&rwlock) == 0);
    for (int index = 0; index < 2; index++) {
        CHECK(pthread_join(threads[index], NULL) == 0);
    }
}

static atomic_int both;
SITE static void *first_then_other(void *unused) {
    CHECK(pthread_mutex_lock(&lock) == 0);
    atomic_fetch_add(&both, 1);
    while (atomic_load(&both) < 2) {
    }
    CHECK(pthread_mutex_lock(&other) == 0);
    return unused;
}

SITE static void *other_then_first(void *unused) {
    CHECK(pthread_mutex_lock(&other) == 0);
    atomic_fetch_add(&both, 1);
    while (atomic_load(&both) < 2) {
    }
    CHECK(pthread_mutex_lock(&lock) == 0);
    return unused;
}

/* Two threads that wait for each other until the process ends. */
static void deadlock(void) {
    pthread_t threads[2];
    CHECK(pthread_create(&threads[0], NULL, first_then_other, NULL) == 0);
    CHECK(pthread_create(&threads[1], NULL, other_then_first, NULL) == 0);
    sleep_us(200000);
}

/* Two threads take turns; each turn is a hold that a wait has cut in two. */
static int turn;
SITE static void *takes_turns(void *me) {
    for (int time = 0; time < 3000; time++) {
        CHECK(pthread_mutex_lock(&lock) == 0);
        while (turn != (me != NULL)) {
            CHECK(pthread_cond_wait(&turns, &lock) == 0);
        }
        turn = !turn;
        CHECK(pthread_cond_signal(&turns) == 0);
        CHECK(pthread_mutex_unlock(&lock) == 0);
    }
    return me;
}

static void conditions(void) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, takes_turns, &turn) == 0);
    takes_turns(NULL);
    CHECK(pthread_join(thread, NULL) == 0);
}

/* Ends by a signal some time after its last lock. */
static void killed(void) {
    use(10);
    sleep_us(20000);
    use(10);
    sleep_us(100000);
    raise(SIGKILL);
}

SITE static void use_many(void) {
    enum { LOCKS = 10000 };
    pthread_mutex_t *locks = calloc(LOCKS, sizeof *locks);
    for (int time = 0; time < 3; time++) {
        for (int index = 0; index < LOCKS; index++) {
            CHECK(pthread_mutex_lock(&locks[index]) == 0);
            CHECK(pthread_mutex_unlock(&locks[index]) == 0);
        }
    }
}

/* Thousands of locks, where files may be large or not. */
static void many(rlim_t limit) {
    struct rlimit size = {limit, limit};
    CHECK(setrlimit(RLIMIT_FSIZE, &size) == 0);
    use_many();
}

int main(int count, char **arguments) {
    CHECK(count == 2);
    const char *what = arguments[1];
    TELL_LOCK(lock), TELL_LOCK(other), TELL_LOCK(rwlock);
    TELL_SITE(use), TELL_SITE(writes), TELL_SITE(reads), TELL_SITE(first_then_other);
    TELL_SITE(other_then_first), TELL_SITE(takes_turns), TELL_SITE(after_writer), TELL_SITE(use_many);
    fflush(stdout);
    if (strcmp(what, "small-stack") == 0) {
        small_stack();
    } else if (strcmp(what, "signal-stack") == 0) {
        signal_stack();
    } else if (strcmp(what, "title") == 0) {
        title();
    } else if (strcmp(what, "after-writer") == 0) {
        after_writer(PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    } else if (strcmp(what, "with-reader") == 0) {
        after_writer(PTHREAD_RWLOCK_PREFER_READER_NP);
    } else if (strcmp(what, "deadlock") == 0) {
        deadlock();
    } else if (strcmp(what, "conditions") == 0) {
        conditions();
    } else if (strcmp(what, "killed") == 0) {
        killed();
    } else if (strcmp(what, "many") == 0) {
        many(RLIM_INFINITY);
    } else if (strcmp(what, "many-in-little") == 0) {
        many(150 << 20);
    } else {
        CHECK(!"known");
    }
    return 0;
}
