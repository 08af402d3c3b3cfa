#include "assets/source.h"

#include "harness/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Runs pip with its output in log_path. */
static int run_pip(const char *package, const char *folder, const char *log_path, struct err *e)
{
    char *argv[] = {"python3",       "-m",
                    "pip",           "download",
                    "--quiet",       "--disable-pip-version-check",
                    "--no-deps",     "--only-binary=:all:",
                    "--dest",        (char *)folder,
                    (char *)package, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log_path,
                                     O_WRONLY | O_CREAT | O_TRUNC, 0666);
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
    pid_t pid;
    int failed = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed) {
        errno = failed;
        return err_errno(e, "cannot run python3 -m pip (Debian: python3-pip)");
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return err_errno(e, "pip");
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    struct str log = {0};
    struct err ignored = {0};
    if (file_read(&log, log_path, &ignored) < 0)
        str_clear(&log);
    const char *tail = str_text(&log) + (log.len > 300 ? log.len - 300 : 0);
    err_set(e, "pip download %s failed: %s", package, tail);
    for (char *p = e->text; *p; p++)
        if (*p == '\n')
            *p = ' ';
    str_release(&log);
    return -1;
}

static void remove_files(const char *folder)
{
    struct err ignored = {0};
    char **names = NULL;
    int n = file_list(&names, folder, "", &ignored);
    struct str path = {0};
    for (int i = 0; i < n; i++)
        unlink(file_join(&path, folder, names[i]));
    rmdir(folder);
    str_release(&path);
    free(names);
}

int pip_fetch(const struct source *s, const char *scratch, long max_bytes, const char *to,
              struct err *e)
{
    struct str path = {0};
    char **wheels = NULL;
    int rc = file_make_dirs(scratch, e);
    if (rc == 0)
        rc = run_pip(s->where, scratch, file_join(&path, scratch, "pip.log"), e);
    if (rc == 0) {
        int n = file_list(&wheels, scratch, ".whl", e);
        if (n == 1)
            rc = unpack_member(file_join(&path, scratch, wheels[0]), s->member, max_bytes, to, e);
        else
            rc = n < 0 ? -1 : err_set(e, "pip download %s gave %d wheels, not one", s->where, n);
    }
    free(wheels);
    str_release(&path);
    remove_files(scratch);
    return rc;
}
