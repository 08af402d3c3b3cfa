#include "harness/command.h"

#include "harness/base/environment.h"
#include "harness/cell.h"

#include <string.h>

int cmd_help(const struct command_line *cl, FILE *out, struct err *e)
{
    struct str s = {0};
    int rc = EXIT_DONE;
    if (cl->n_args == 0) {
        command_list(&s);
    } else {
        struct command_line other;
        char *const argv[] = {"ftbench", (char *)cl->args[0], "--help"};
        rc = command_parse(&other, 3, argv, cl->arena, e);
        if (rc == 0)
            command_help(&s, other.command);
    }
    fputs(str_text(&s), out);
    str_release(&s);
    return rc;
}

int cmd_version(const struct command_line *cl, FILE *out, struct err *e)
{
    (void)e;
    struct environment env;
    environment_read(&env, cl->arena);
    fprintf(out, "ftbench, numerics version %d, commit %s, %s (%s), %s\n", NUMERICS_VERSION,
            env.commit, env.build, env.compiler, env.flags);
    return EXIT_DONE;
}
