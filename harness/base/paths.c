#include "harness/base/paths.h"

#include "harness/base/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static bool is_home(const char *folder)
{
    struct str path = {0};
    bool found = file_is_dir(file_join(&path, folder, "models/zoo")) &&
                 file_is_dir(file_join(&path, folder, "datasets"));
    str_release(&path);
    return found;
}

/* path made absolute against the working folder. */
static int absolute(struct str *out, const char *path, struct err *e)
{
    if (path[0] == '/') {
        file_join(out, "", path);
        return 0;
    }
    char *folder = getcwd(NULL, 0);
    if (!folder)
        return err_errno(e, "cannot tell the working folder");
    file_join(out, folder, path);
    free(folder);
    return 0;
}

/* The program file lies in home or below it (build/...): the nearest folder
 * upwards that is a home. */
static int home_above_program(struct str *out, struct err *e)
{
    char program[4096];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    if (n < 0)
        return err_errno(e, "cannot tell where the program lies; set FTBENCH_HOME");
    program[n] = '\0';
    for (char *slash; (slash = strrchr(program, '/')) != NULL;) {
        *slash = '\0';
        if (is_home(program)) {
            file_join(out, "", program);
            return 0;
        }
    }
    return err_set(e, "no folder above the program holds models/zoo and datasets; set FTBENCH_HOME "
                      "to the project's folder");
}

int paths_home(struct str *out, struct err *e)
{
    const char *given = variable("FTBENCH_HOME");
    if (!given)
        return home_above_program(out, e);
    if (absolute(out, given, e) != 0)
        return -1;
    if (!is_home(str_text(out)))
        return err_set(e,
                       "FTBENCH_HOME=%s holds no models/zoo and datasets; set it to the "
                       "project's folder",
                       given);
    return 0;
}

int paths_cache(struct str *out, struct err *e)
{
    const char *given = variable("FTBENCH_CACHE");
    if (given)
        return absolute(out, given, e);
    const char *base = variable("XDG_CACHE_HOME");
    const char *tail = "/ftbench";
    if (!base) {
        base = variable("HOME");
        tail = "/.cache/ftbench";
    }
    if (!base)
        return err_set(e, "no place for the cache: set FTBENCH_CACHE or HOME");
    if (absolute(out, base, e) != 0)
        return -1;
    str_add(out, tail);
    return 0;
}

const char *paths_mirror(void)
{
    return variable("FTBENCH_MIRROR");
}
