#include "assets/source.h"

#include "harness/base/file.h"

#include <archive.h>
#include <archive_entry.h>

#include <errno.h>
#include <string.h>

static int damaged(struct archive *a, const char *path, struct err *e)
{
    const char *why = archive_error_string(a);
    return err_set(e, "%s: damaged or cut archive: %s", path, why ? why : "unknown reason");
}

/* Moves to member: 0 there, -1 not. */
static int seek_member(struct archive *a, const char *path, const char *member, struct err *e)
{
    struct archive_entry *entry;
    int rc;
    while ((rc = archive_read_next_header(a, &entry)) == ARCHIVE_OK || rc == ARCHIVE_WARN) {
        const char *name = archive_entry_pathname(entry);
        if (name && str_starts(name, "./"))
            name += 2;
        if (name && str_equal(name, member) && archive_entry_filetype(entry) == AE_IFREG)
            return 0;
    }
    if (rc != ARCHIVE_EOF)
        return damaged(a, path, e);
    return err_set(e, "%s: the archive has no member %s", path, member);
}

static int copy_member(struct archive *a, const char *path, long max_bytes, struct file_out *out,
                       struct err *e)
{
    char block[16384];
    long total = 0;
    for (;;) {
        la_ssize_t n = archive_read_data(a, block, sizeof block);
        if (n == 0)
            return 0;
        if (n < 0)
            return damaged(a, path, e);
        total += (long)n;
        if (max_bytes >= 0 && total > max_bytes)
            return err_set(e, "%s: the member is longer than the %ld bytes expected", path,
                           max_bytes);
        if (fwrite(block, 1, (size_t)n, out->stream) != (size_t)n)
            return err_errno(e, "cannot write %s", out->path);
    }
}

int unpack_member(const char *archive, const char *member, long max_bytes, const char *to,
                  struct err *e)
{
    struct file_out out = {0};
    struct archive *a = archive_read_new();
    archive_read_support_filter_all(a);
    archive_read_support_format_zip(a);
    archive_read_support_format_tar(a);
    int rc = -1;
    if (archive_read_open_filename(a, archive, 65536) != ARCHIVE_OK)
        damaged(a, archive, e);
    else if (seek_member(a, archive, member, e) == 0 && file_create(&out, to, e) == 0)
        rc = copy_member(a, archive, max_bytes, &out, e);
    archive_read_free(a);
    if (rc == 0)
        return file_commit(&out, e);
    file_abandon(&out);
    return -1;
}
