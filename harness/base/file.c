#include "harness/base/file.h"

#include "harness/base/arena.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int file_read(struct str *out, const char *path, struct err *e)
{
    FILE *in = fopen(path, "rb");
    if (!in)
        return err_errno(e, "cannot open %s", path);
    char block[65536];
    size_t n;
    while ((n = fread(block, 1, sizeof block, in)) > 0)
        str_add_bytes(out, block, n);
    int rc = ferror(in) ? err_errno(e, "cannot read %s", path) : 0;
    fclose(in);
    return rc;
}

int file_map(struct file_map *m, const char *path, struct err *e)
{
    *m = (struct file_map){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(e, "cannot open %s", path);
    struct stat st;
    int rc = 0;
    if (fstat(fd, &st) != 0) {
        rc = err_errno(e, "cannot stat %s", path);
    } else if (!S_ISREG(st.st_mode)) {
        rc = err_set(e, "cannot map %s: not a regular file", path);
    } else if (st.st_size > 0) {
        m->n_bytes = (size_t)st.st_size;
        m->data = mmap(NULL, m->n_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
        if (m->data == MAP_FAILED) {
            *m = (struct file_map){0};
            rc = err_errno(e, "cannot map %s", path);
        }
    }
    close(fd);
    return rc;
}

void file_unmap(struct file_map *m)
{
    if (m->data)
        munmap((void *)m->data, m->n_bytes);
    *m = (struct file_map){0};
}

int file_create(struct file_out *f, const char *path, struct err *e)
{
    *f = (struct file_out){0};
    struct str name = {0};
    int fd = -1;
    /* Not mkstemp: that makes files only their owner can read. A name left
     * behind by a killed process with our number is passed over. */
    for (int i = 0; i < 1000 && fd < 0; i++) {
        str_clear(&name);
        str_printf(&name, "%s.tmp.%ld.%d", path, (long)getpid(), i);
        fd = open(str_text(&name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    if (fd < 0) {
        int rc = err_errno(e, "cannot create %s", path);
        str_release(&name);
        return rc;
    }
    f->stream = fdopen(fd, "wb");
    assert(f->stream);
    f->path = strdup(path);
    assert(f->path);
    f->temporary = name.buf;
    return 0;
}

/* Makes the name itself survive a power cut. Some file systems cannot sync a
 * folder; the file is then as safe as they can make it. */
static void sync_folder(const char *path)
{
    struct str copy = {0};
    str_add(&copy, path);
    int fd = open(dirname(copy.buf), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    str_release(&copy);
}

int file_commit(struct file_out *f, struct err *e)
{
    assert(f->stream);
    bool written = fflush(f->stream) == 0 && !ferror(f->stream) && fsync(fileno(f->stream)) == 0;
    if (!written) {
        int rc = err_errno(e, "cannot write %s", f->path);
        file_abandon(f);
        return rc;
    }
    int closed = fclose(f->stream);
    f->stream = NULL;
    if (closed != 0 || rename(f->temporary, f->path) != 0) {
        int rc = err_errno(e, "cannot write %s", f->path);
        file_abandon(f);
        return rc;
    }
    sync_folder(f->path);
    free(f->path);
    free(f->temporary);
    *f = (struct file_out){0};
    return 0;
}

void file_abandon(struct file_out *f)
{
    if (f->stream)
        fclose(f->stream);
    if (f->temporary)
        unlink(f->temporary);
    free(f->path);
    free(f->temporary);
    *f = (struct file_out){0};
}

int file_write(const char *path, const void *data, size_t n_bytes, struct err *e)
{
    struct file_out f;
    if (file_create(&f, path, e) != 0)
        return -1;
    /* A short write leaves the stream's error mark, which file_commit reads. */
    if (n_bytes)
        fwrite(data, 1, n_bytes, f.stream);
    return file_commit(&f, e);
}

int file_make_dirs(const char *path, struct err *e)
{
    struct str part = {0};
    str_add(&part, path);
    int rc = 0;
    for (size_t i = 1; i <= part.len && rc == 0; i++) {
        char c = part.buf[i];
        if (c != '/' && c != '\0')
            continue;
        part.buf[i] = '\0';
        if (mkdir(part.buf, 0777) != 0 && !file_is_dir(part.buf))
            rc = err_errno(e, "cannot make the folder %s", part.buf);
        part.buf[i] = c;
    }
    str_release(&part);
    return rc;
}

bool file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

bool file_is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* [n pointers][n texts], from texts that lie end to end. */
static char **pack_names(const struct str *texts, int n)
{
    size_t table_bytes = (size_t)n * sizeof(char *);
    char **names = xmalloc(table_bytes + texts->len);
    char *at = (char *)names + table_bytes;
    if (texts->len)
        memcpy(at, texts->buf, texts->len);
    for (int i = 0; i < n; i++) {
        names[i] = at;
        at += strlen(at) + 1;
    }
    qsort(names, (size_t)n, sizeof *names, compare_names);
    return names;
}

int file_list(char ***names, const char *dir, const char *suffix, struct err *e)
{
    *names = NULL;
    DIR *d = opendir(dir);
    if (!d)
        return err_errno(e, "cannot list the folder %s", dir);
    struct str texts = {0}, path = {0};
    int n = 0;
    struct dirent *entry;
    while ((errno = 0, entry = readdir(d))) {
        struct stat st;
        if (!str_ends(entry->d_name, suffix) ||
            stat(file_join(&path, dir, entry->d_name), &st) != 0 || !S_ISREG(st.st_mode))
            continue;
        str_add_bytes(&texts, entry->d_name, strlen(entry->d_name) + 1);
        n++;
    }
    if (errno)
        n = err_errno(e, "cannot list the folder %s", dir);
    else
        *names = pack_names(&texts, n);
    closedir(d);
    str_release(&texts);
    str_release(&path);
    return n;
}

const char *file_join(struct str *out, const char *dir, const char *name)
{
    str_clear(out);
    if (name[0] != '/') {
        str_add(out, dir);
        str_add(out, "/");
    }
    str_add(out, name);
    return str_text(out);
}
