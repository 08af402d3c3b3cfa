#include "harness/base/err.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The message is made beside e first: an argument may be e->text itself. */
static void fill(struct err *e, enum err_kind kind, const char *fmt, va_list args)
{
    char text[sizeof e->text];
    vsnprintf(text, sizeof text, fmt, args);
    for (char *p = text; *p; p++)
        if (*p == '\n' || *p == '\r')
            *p = ' ';
    memcpy(e->text, text, strlen(text) + 1);
    e->kind = kind;
}

/* Appends what fits. */
static void append(struct err *e, const char *more)
{
    size_t used = strlen(e->text);
    snprintf(e->text + used, sizeof e->text - used, "%s", more);
}

int err_set(struct err *e, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fill(e, ERR_WORLD, fmt, args);
    va_end(args);
    return -1;
}

int err_usage(struct err *e, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fill(e, ERR_USAGE, fmt, args);
    va_end(args);
    return -1;
}

int err_errno(struct err *e, const char *fmt, ...)
{
    char reason[128];
    /* The GNU strerror_r: its result need not lie in reason. */
    const char *why = strerror_r(errno, reason, sizeof reason);
    va_list args;
    va_start(args, fmt);
    fill(e, ERR_WORLD, fmt, args);
    va_end(args);
    append(e, ": ");
    append(e, why);
    return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
    assert(e->kind != ERR_NONE);
    char inner[sizeof e->text];
    memcpy(inner, e->text, sizeof inner);
    va_list args;
    va_start(args, fmt);
    fill(e, e->kind, fmt, args);
    va_end(args);
    append(e, ": ");
    append(e, inner);
    return -1;
}

void err_clear(struct err *e)
{
    e->kind = ERR_NONE;
    e->text[0] = '\0';
}
