#include "harness/keeper.h"

#include "results/store.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* Until the parent lets go, in whatever way. */
static int keep(const char *db, int fd)
{
    struct err e = {0};
    char none;

    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    struct store *store = store_open(db, STORE_WRITE, &e);
    while (store && read(fd, &none, 1) < 0 && errno == EINTR)
        ;
    store_close(store);
    return store ? 0 : 1;
}

void keeper_start(struct keeper *k, const char *db)
{
    int ends[2];

    *k = (struct keeper){0};
    if (pipe(ends))
        return;
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[1]);
        _exit(keep(db, ends[0]));
    }
    close(ends[0]);
    if (pid < 0)
        close(ends[1]);
    else
        *k = (struct keeper){.pid = pid, .fd = ends[1]};
}

void keeper_end(struct keeper *k)
{
    if (!k->pid)
        return;
    close(k->fd);
    while (waitpid(k->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    k->pid = 0;
}
