#include "assets/cache.h"

#include "harness/base/clock.h"
#include "harness/base/file.h"
#include "harness/base/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int cache_verify(char hex[HASH_HEX_SIZE], const char *path, const struct expected *want,
                 struct err *e)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return err_errno(e, "%s", path);
    if (want->bytes >= 0 && (long)st.st_size != want->bytes)
        return err_set(e, "%s: wrong size: expected %ld bytes, got %ld (from %s)", path,
                       want->bytes, (long)st.st_size, want->from);
    if (hash_file(hex, path, e) < 0)
        return -1;
    if (want->sha256 && !str_equal(hex, want->sha256))
        return err_set(e, "%s: wrong sha256: expected %s, got %s (from %s)", path, want->sha256,
                       hex, want->from);
    return 0;
}

/* $cache/sha256/ab/abcdef... */
static int cache_path(struct str *path, const char *sha256, struct err *e)
{
    str_clear(path);
    if (paths_cache(path, e) < 0)
        return -1;
    str_printf(path, "/sha256/%.2s/%s", sha256, sha256);
    return 0;
}

int cache_find(struct str *path, const struct expected *want, struct err *e)
{
    char hex[HASH_HEX_SIZE];
    if (!want->sha256 || cache_path(path, want->sha256, e) < 0 || !file_exists(str_text(path)))
        return 0;
    if (cache_verify(hex, str_text(path), want, e) == 0)
        return 1;
    struct str aside = {0};
    str_printf(&aside, "%s.damaged", str_text(path));
    if (rename(str_text(path), str_text(&aside)) == 0)
        err_wrap(e, "set aside as %s", str_text(&aside));
    str_release(&aside);
    return 0;
}

/* The path column of the INDEX.tsv line of this hash, into path: 1 or 0. */
static int index_lookup(struct str *path, const char *text, const char *sha256)
{
    for (const char *line = text; line && *line;) {
        const char *end = strchr(line, '\n');
        if (str_starts(line, sha256) && line[HASH_HEX_SIZE - 1] == '\t') {
            const char *name = strchr(line + HASH_HEX_SIZE, '\t');
            if (name && (!end || name < end)) {
                name++;
                str_add_bytes(path, name, strcspn(name, "\t\r\n"));
                return 1;
            }
        }
        line = end ? end + 1 : NULL;
    }
    return 0;
}

/* The path that the mirror's index gives this hash: 1, 0 where there is none, -1. */
static int mirror_path(struct str *path, const char *sha256, struct err *e)
{
    const char *mirror = paths_mirror();
    if (!mirror || !sha256)
        return 0;
    struct str index = {0}, name = {0};
    file_join(&name, mirror, "INDEX.tsv");
    int rc = file_read(&index, str_text(&name), e);
    if (rc < 0)
        err_wrap(e, "FTBENCH_MIRROR");
    str_clear(&name);
    if (rc == 0 && (rc = index_lookup(&name, str_text(&index), sha256)) == 1)
        file_join(path, mirror, str_text(&name));
    str_release(&index);
    str_release(&name);
    return rc;
}

int mirror_find(struct str *path, const struct expected *want, struct err *e)
{
    char hex[HASH_HEX_SIZE];
    int rc = mirror_path(path, want->sha256, e);
    if (rc == 1 && cache_verify(hex, str_text(path), want, e) < 0)
        rc = err_wrap(e, "the mirror holds a damaged file; repair it or unset FTBENCH_MIRROR");
    return rc;
}

static int length_of(long *bytes, const char *path)
{
    struct stat st;
    int found = stat(path, &st) == 0;
    *bytes = found ? (long)st.st_size : -1;
    return found;
}

int cache_has(long *bytes, const char *sha256, struct err *e)
{
    struct str path = {0};
    int rc = cache_path(&path, sha256, e) < 0 ? -1 : length_of(bytes, str_text(&path));
    str_release(&path);
    return rc;
}

int mirror_has(long *bytes, const char *sha256, struct err *e)
{
    struct str path = {0};
    int rc = mirror_path(&path, sha256, e);
    if (rc == 1)
        rc = length_of(bytes, str_text(&path));
    str_release(&path);
    return rc;
}

int cache_part(struct str *path, const char *key, const char *suffix, struct err *e)
{
    char hex[HASH_HEX_SIZE];
    hash_bytes(hex, key, strlen(key));
    str_clear(path);
    if (paths_cache(path, e) < 0)
        return -1;
    str_add(path, "/part");
    if (file_make_dirs(str_text(path), e) < 0)
        return err_wrap(e, "the cache cannot be written (FTBENCH_CACHE names another place)");
    str_printf(path, "/%.32s%s", hex, suffix);
    return 0;
}

int cache_accept(struct str *path, char hex[HASH_HEX_SIZE], const char *part,
                 const struct expected *want, struct err *e)
{
    if (cache_verify(hex, part, want, e) < 0) {
        unlink(part);
        return err_wrap(e, "refused and removed");
    }
    if (cache_path(path, hex, e) < 0)
        return -1;
    struct str dir = {0};
    const char *slash = strrchr(str_text(path), '/');
    str_add_bytes(&dir, str_text(path), (size_t)(slash - str_text(path)));
    int rc = file_make_dirs(str_text(&dir), e);
    str_release(&dir);
    if (rc < 0)
        return err_wrap(e, "the cache cannot be written");
    if (rename(part, str_text(path)) < 0)
        return err_errno(e, "cannot move %s to %s", part, str_text(path));
    return 0;
}

int cache_guard(const char *key, struct err *e)
{
    struct str path = {0};
    if (cache_part(&path, key, ".guard", e) < 0) {
        str_release(&path);
        return -1;
    }
    int fd = open(str_text(&path), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        err_errno(e, "the cache cannot be written: %s", str_text(&path));
    while (fd >= 0 && flock(fd, LOCK_EX) < 0) {
        if (errno == EINTR)
            continue;
        err_errno(e, "cannot lock %s", str_text(&path));
        close(fd);
        fd = -1;
    }
    str_release(&path);
    return fd;
}

void cache_unguard(int guard)
{
    if (guard >= 0)
        close(guard);
}

static int locks_path(struct str *path, struct err *e)
{
    if (paths_cache(path, e) < 0)
        return -1;
    str_add(path, "/locks.tsv");
    return 0;
}

int cache_lock_find(char hex[HASH_HEX_SIZE], const char *origin, struct err *e)
{
    struct str path = {0}, text = {0};
    int rc = locks_path(&path, e);
    if (rc == 0 && file_exists(str_text(&path)))
        rc = file_read(&text, str_text(&path), e);
    for (char *line = text.buf; rc == 0 && line && *line;) {
        char *end = strchr(line, '\n');
        if (end)
            *end = '\0';
        const char *last = strrchr(line, '\t');
        if (last && str_equal(last + 1, origin) && strlen(line) >= HASH_HEX_SIZE) {
            memcpy(hex, line, HASH_HEX_SIZE - 1);
            hex[HASH_HEX_SIZE - 1] = '\0';
            rc = hash_is_hex(hex) ? 1
                                  : err_set(e, "%s: damaged line for %s", str_text(&path), origin);
        }
        line = end ? end + 1 : NULL;
    }
    str_release(&path);
    str_release(&text);
    return rc;
}

int cache_lock_add(const char *hex, long bytes, const char *origin, struct err *e)
{
    struct str path = {0}, line = {0};
    char now[21];
    clock_utc(now);
    int rc = locks_path(&path, e);
    str_printf(&line, "%s\t%ld\t%s\t%s\n", hex, bytes, now, origin);
    int fd = rc < 0 ? -1 : open(str_text(&path), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (rc == 0 && fd < 0)
        rc = err_errno(e, "cannot write %s", str_text(&path));
    if (fd >= 0 && write(fd, line.buf, line.len) != (ssize_t)line.len)
        rc = err_errno(e, "cannot write %s", str_text(&path));
    if (fd >= 0 && close(fd) < 0 && rc == 0)
        rc = err_errno(e, "cannot write %s", str_text(&path));
    str_release(&path);
    str_release(&line);
    return rc;
}
