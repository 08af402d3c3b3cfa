/*
 * clock: the only place that asks what time it is.
 */
#ifndef FT_HARNESS_BASE_CLOCK_H
#define FT_HARNESS_BASE_CLOCK_H

#include <stdint.h>

/* Nanoseconds that only go forward. */
int64_t clock_ns(void);

/* Seconds since 1970, the clock of file times. It may be set back. */
int64_t clock_unix(void);

/* "2026-01-31T12:00:00Z" into out. */
void clock_utc(char out[21]);

#endif
