#include "harness/base/clock.h"

#include <assert.h>
#include <time.h>

int64_t clock_ns(void)
{
    struct timespec now;
    int rc = clock_gettime(CLOCK_MONOTONIC, &now);
    assert(rc == 0);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clock_unix(void)
{
    return (int64_t)time(NULL);
}

void clock_utc(char out[21])
{
    time_t now = time(NULL);
    struct tm parts;
    gmtime_r(&now, &parts);
    size_t n = strftime(out, 21, "%Y-%m-%dT%H:%M:%SZ", &parts);
    assert(n == 20);
}
