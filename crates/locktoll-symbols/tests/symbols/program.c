/* Tells of itself what a recorder would have kept: registers, a piece of its stack, its mappings. */
#include <stdint.h>
#include <stdio.h>

static long zeroed[8];
long initialised[4] = {1};

__attribute__((noinline, optimize("no-omit-frame-pointer"))) void record(void) {
    char *frame = __builtin_frame_address(0);
    char *sp = frame + 16;
    printf("pc %lx\nsp %lx\nfp %lx\n", (unsigned long)__builtin_return_address(0), (unsigned long)sp,
           *(unsigned long *)frame);
    printf("zeroed %lx\ninitialised %lx\n", (unsigned long)&zeroed[3], (unsigned long)&initialised[1]);
    printf("stack ");
    for (int i = 0; i < 1024; i++) {
        printf("%02x", (unsigned char)sp[i]);
    }
    printf("\nmaps\n");
    FILE *maps = fopen("/proc/self/maps", "r");
    for (int c = getc(maps); c != EOF; c = getc(maps)) {
        putchar(c);
    }
}

static inline __attribute__((always_inline)) void inlined(void) {
    record(); /* line: inlined */
    __asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) void middle(int n) {
    volatile char room[n * 8];
    room[0] = 1;
    inlined(); /* line: middle */
    room[n] = 2;
}

int main(void) {
    middle(9); /* line: main */
    zeroed[0]++;
    return 0;
}
