#include "harness/base/clock.h"

#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

Test(clock, goes_forward_in_nanoseconds)
{
    int64_t before = clock_ns();
    struct timespec wait = {0, 20 * 1000 * 1000};
    nanosleep(&wait, NULL);
    int64_t slept = clock_ns() - before;
    cr_assert_geq(slept, 20 * 1000 * 1000);
    cr_assert_lt(slept, INT64_C(60) * 1000 * 1000 * 1000); /* the unit, not the speed */
}

Test(clock, utc_is_now)
{
    char text[21];
    time_t before = time(NULL);
    clock_utc(text);
    cr_assert_eq(strlen(text), 20);
    struct tm parts = {0};
    char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    cr_assert(end && !*end);
    time_t said = timegm(&parts);
    cr_assert(said >= before && said <= time(NULL));
    cr_assert(clock_unix() >= said && clock_unix() <= time(NULL));
}
