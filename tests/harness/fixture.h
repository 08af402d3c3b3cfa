/* A home of its own for tests of planning: two tiny models, two data sets, one protocol, all
 * under tests/harness/home, so that ids do not move when the project's own files do. */
#ifndef FT_TESTS_HARNESS_FIXTURE_H
#define FT_TESTS_HARNESS_FIXTURE_H

#include "harness/base/file.h"
#include "harness/plan.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static inline void use_test_home(void)
{
    setenv("FTBENCH_HOME", "tests/harness/home", 1);
    setenv("FTBENCH_CACHE", "/dev/null/cache", 1);
    unsetenv("FTBENCH_MIRROR");
}

/* Writes text to a file of this process and reads it as a spec called "spec.yaml" in
 * messages: they carry the path that was given, so the folder is entered first. */
static inline int read_spec(struct spec *s, const char *text, struct arena *a, struct err *e)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/ftbench_spec_%ld.yaml", (long)getpid());
    struct err ignored = {0};
    cr_assert(file_write(path, text, strlen(text), &ignored) == 0, "%s", ignored.text);
    int rc = spec_read(s, path, a, e);
    unlink(path);
    return rc;
}

/* The message behind the path. */
static inline const char *place_and_text(const struct err *e)
{
    const char *colon = strstr(e->text, ".yaml:");
    return colon ? colon + strlen(".yaml:") : e->text;
}

#endif
