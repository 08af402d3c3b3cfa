/*
 * main: sets the stage for the BLAS library, runs a command, says what went wrong.
 *
 * The only file that prints errors and decides the exit status.
 */
#include "harness/command.h"
#include "models/tensor/gemm.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Set for the second start, so that there is never a third. */
static const char guard[] = "FTBENCH_BLAS_IS_SET";

/* The library chooses its kernels while it is loaded, before main: when it was not told
 * which, it is told and the program starts anew. */
static void settle_blas(char **argv)
{
    const char *const *want = gemm_environment();
    bool differs = false;
    for (int i = 0; want[i]; i += 2) {
        const char *have = getenv(want[i]);
        if (str_equal(have, want[i + 1]))
            continue;
        differs = true;
        if (want[i + 1])
            setenv(want[i], want[i + 1], 1);
        else
            unsetenv(want[i]);
    }
    if (!differs || getenv(guard)) {
        unsetenv(guard);
        return;
    }
    setenv(guard, "1", 1);
    execv("/proc/self/exe", argv);
    fprintf(stderr, "ftbench: cannot start anew: %s\n", strerror(errno));
    exit(EXIT_WORLD);
}

int main(int argc, char **argv)
{
    settle_blas(argv);
    signal(SIGPIPE, SIG_DFL);
    struct arena a = {0};
    struct err e = {0};
    struct command_line cl;
    int status;
    if (command_parse(&cl, argc, argv, &a, &e) != 0)
        status = EXIT_USAGE;
    else
        status = command_run(&cl, stdout, &e);
    if (fflush(stdout) != 0 && status == EXIT_DONE) {
        err_errno(&e, "cannot write");
        status = EXIT_WORLD;
    }
    if (e.kind != ERR_NONE)
        fprintf(stderr, "ftbench: %s\n", e.text);
    arena_release(&a);
    return status;
}
