/*
 * err: how a function tells its caller that the world let it down.
 *
 * A function that can fail for a reason outside the program (a file, a spec,
 * the network, a full disk, a NaN) returns -1 (or NULL) and fills a struct err
 * with what happened, where, and what to do. Callers add context with
 * err_wrap. Nothing here prints or exits; only main.c does. A mistake of our
 * own is an assert, not an err.
 */
#ifndef FT_HARNESS_BASE_ERR_H
#define FT_HARNESS_BASE_ERR_H

#define MUST_CHECK             __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

enum err_kind {
    ERR_NONE,
    ERR_USAGE, /* the user's command line, spec or option: exit code 2 */
    ERR_WORLD, /* network, disk, missing or damaged file: exit code 3 */
};

struct err {
    enum err_kind kind;
    char text[1024]; /* one line, no newline at the end, cut if longer */
};

/* Fill e with a formatted message of kind ERR_WORLD. Always returns -1. */
int err_set(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The same, kind ERR_USAGE. Always returns -1. */
int err_usage(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The same as err_set, with ": " and strerror(errno) behind. Returns -1. */
int err_errno(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Put "context: " in front of the message that is there. Returns -1. */
int err_wrap(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Put the message aside: back to ERR_NONE and an empty text. */
void err_clear(struct err *e);

#endif
