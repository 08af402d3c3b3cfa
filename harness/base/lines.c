#include "harness/base/lines.h"

#include <archive.h>
#include <archive_entry.h>

#include <string.h>

static int damaged(const struct lines *l, struct err *e)
{
    const char *why = archive_error_string(l->archive);
    return err_set(e, "%s:%ld: damaged or cut file: %s", l->path, l->number + 1,
                   why ? why : "unknown reason");
}

int lines_open(struct lines *l, const char *path, struct err *e)
{
    *l = (struct lines){.path = path};
    l->hash = hash_new();
    l->archive = archive_read_new();
    archive_read_support_filter_gzip(l->archive);
    archive_read_support_format_raw(l->archive);
    archive_read_support_format_empty(l->archive);
    if (archive_read_open_filename(l->archive, path, 1 << 16) != ARCHIVE_OK)
        return err_set(e, "%s: cannot be read: %s", path, archive_error_string(l->archive));
    struct archive_entry *entry;
    int rc = archive_read_next_header(l->archive, &entry);
    l->at_end = rc == ARCHIVE_EOF; /* an empty file */
    return rc == ARCHIVE_OK || l->at_end ? 0 : damaged(l, e);
}

/* Unpacks some more: 1, 0 at the end, -1. */
static int next_block(struct lines *l, struct err *e)
{
    const void *bytes = NULL;
    la_int64_t offset;
    size_t n = 0;
    int rc = ARCHIVE_OK;
    while (!l->at_end && rc == ARCHIVE_OK && n == 0) {
        rc = archive_read_data_block(l->archive, &bytes, &n, &offset);
        l->at_end = rc == ARCHIVE_EOF;
    }
    if (l->at_end)
        return 0;
    if (rc != ARCHIVE_OK)
        return damaged(l, e);
    hash_update(l->hash, bytes, n);
    l->block = bytes;
    l->n_block = n;
    return 1;
}

static int check_text(const struct lines *l, struct err *e)
{
    const char *text = str_text(&l->text);
    long wrong = str_utf8_error(text, l->text.len);
    if (wrong >= 0)
        return err_set(e, "%s:%ld: byte %ld of the line is not UTF-8", l->path, l->number, wrong);
    if (strlen(text) != l->text.len)
        return err_set(e, "%s:%ld: byte %zu of the line is NUL, which is no text", l->path,
                       l->number, strlen(text));
    return 1;
}

int lines_next(struct lines *l, struct err *e)
{
    str_clear(&l->text);
    bool any = false;
    for (;;) {
        if (l->n_block == 0) {
            int more = next_block(l, e);
            if (more < 0)
                return -1;
            if (more == 0)
                break;
        }
        any = true;
        const char *end = memchr(l->block, '\n', l->n_block);
        size_t n = end ? (size_t)(end - l->block) : l->n_block;
        str_add_bytes(&l->text, l->block, n);
        l->block += n + (end != NULL);
        l->n_block -= n + (end != NULL);
        if (end)
            break;
    }
    if (any) {
        l->number++;
        return check_text(l, e);
    }
    return l->number ? 0 : err_set(e, "%s:1: the file holds no text", l->path);
}

void lines_hash(struct lines *l, char hex[HASH_HEX_SIZE])
{
    hash_final(l->hash, hex);
}

void lines_close(struct lines *l)
{
    if (l->archive)
        archive_read_free(l->archive);
    hash_free(l->hash);
    str_release(&l->text);
    *l = (struct lines){0};
}
