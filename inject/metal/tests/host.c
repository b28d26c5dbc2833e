/* A program in C that asks the library through its header. The test compiles and links it with both libraries. */
#include "locktoll_metal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char *what) {
    fprintf(stderr, "failed: %s\n", what);
    return 1;
}

int locktoll_test_host(void (*encode)(void)) {
    if (locktoll_metal_enabled())
        return fail("enabled before it was installed");
    if (locktoll_metal_install() != 1)
        return fail("install");
    if (!locktoll_metal_enabled())
        return fail("not enabled");
    locktoll_metal_reset();
    encode();
    struct locktoll_metal_stats stats;
    memset(&stats, 0xff, sizeof stats);
    locktoll_metal_stats(&stats);
    if (stats.encoders_made != 1 || stats.encoders_ended != 1 || stats.encoders_freed != 1)
        return fail("encoders");
    if (stats.commits != 1 || stats.calls < 3 || stats.acquisitions < 3)
        return fail("calls");
    /* Asking once more changes nothing, neither here nor in the trace. */
    if (locktoll_metal_install() != 1)
        return fail("install again");
    if (stats.contentions != 0 || stats.misuse != 0 || stats.guarded_methods < 100)
        return fail("figures");
    locktoll_metal_reset();
    locktoll_metal_stats(&stats);
    if (stats.calls != 0 || stats.acquisitions != 0 || stats.guarded_methods < 100)
        return fail("reset");
    size_t length = locktoll_metal_coverage(NULL, 0);
    char *text = malloc(length + 1);
    if (!text || locktoll_metal_coverage(text, length + 1) != length || strlen(text) != length)
        return fail("coverage");
    if (!strstr(text, "LTComputeContext (compute encoder)"))
        return fail("coverage text");
    char beginning[8];
    locktoll_metal_coverage(beginning, sizeof beginning);
    if (strlen(beginning) != 7 || strncmp(beginning, text, 7))
        return fail("cut");
    free(text);
    return 0;
}
