#include "reports/family.h"

#include "harness/base/str.h"

#include <ctype.h>
#include <string.h>

/* "base", "xl", "l2", "h128", "3b": a size, where it is not a name's first part. */
static bool is_size(const char *part, size_t n)
{
    static const char *const sizes[] = {"tiny", "mini", "small", "medium", "base", "large",
                                        "xs",   "s",    "m",     "l",      "xl",   "xxl"};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (strlen(sizes[i]) == n && memcmp(sizes[i], part, n) == 0)
            return true;
    size_t n_digits = 0;
    for (size_t i = 0; i < n; i++)
        n_digits += isdigit((unsigned char)part[i]) != 0;
    bool layers = strchr("lLhH", part[0]) && n_digits == n - 1;                  /* l2, H128 */
    bool count = strchr("bBmM", part[n - 1]) && isdigit((unsigned char)part[0]); /* 3b, 1.5b */
    return n > 1 && n_digits > 0 && (layers || count);
}

/* Bytes of the name's part that is the family. */
static size_t family_bytes(const char *model)
{
    for (const char *at = model + strcspn(model, "-:"); *at == '-'; at += strcspn(at, "-:")) {
        size_t n = strcspn(++at, "-:");
        if (n > 0 && is_size(at, n))
            return (size_t)(at - 1 - model);
    }
    return strcspn(model, ":");
}

/* ":random", or "". */
static const char *suffix_of(const char *model)
{
    return model + strcspn(model, ":");
}

bool family_is_same(const char *model, const char *other)
{
    size_t n = family_bytes(model);
    return n == family_bytes(other) && memcmp(model, other, n) == 0 &&
           str_equal(suffix_of(model), suffix_of(other));
}

const char *family_of_model(const char *model, struct arena *a)
{
    return arena_printf(a, "%.*s%s", (int)family_bytes(model), model, suffix_of(model));
}
