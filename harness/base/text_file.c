#include "harness/base/text_file.h"

#include <archive.h>
#include <archive_entry.h>

#include <string.h>

static int damaged(const struct text_file *f, struct err *e)
{
    const char *why = archive_error_string(f->archive);
    return err_set(e, "%s:%ld: damaged or cut file: %s", f->path, f->number + 1,
                   why ? why : "unknown reason");
}

int text_file_open(struct text_file *f, const char *path, struct err *e)
{
    *f = (struct text_file){.path = path};
    f->hash = hash_new();
    f->archive = archive_read_new();
    archive_read_support_filter_gzip(f->archive);
    archive_read_support_format_raw(f->archive);
    archive_read_support_format_empty(f->archive);
    if (archive_read_open_filename(f->archive, path, 1 << 16) != ARCHIVE_OK)
        return err_set(e, "%s: cannot be read: %s", path, archive_error_string(f->archive));
    struct archive_entry *entry;
    int rc = archive_read_next_header(f->archive, &entry);
    f->at_end = rc == ARCHIVE_EOF; /* an empty file */
    return rc == ARCHIVE_OK || f->at_end ? 0 : damaged(f, e);
}

/* Unpacks some more: 1, 0 at the end, -1. */
static int next_block(struct text_file *f, struct err *e)
{
    const void *bytes = NULL;
    la_int64_t offset;
    size_t n = 0;
    int rc = ARCHIVE_OK;
    while (!f->at_end && rc == ARCHIVE_OK && n == 0) {
        rc = archive_read_data_block(f->archive, &bytes, &n, &offset);
        f->at_end = rc == ARCHIVE_EOF;
    }
    if (f->at_end)
        return 0;
    if (rc != ARCHIVE_OK)
        return damaged(f, e);
    hash_update(f->hash, bytes, n);
    f->block = bytes;
    f->n_block = n;
    return 1;
}

static int check_text(const struct text_file *f, struct err *e)
{
    const char *text = str_text(&f->text);
    long wrong = str_utf8_error(text, f->text.len);
    if (wrong >= 0)
        return err_set(e, "%s:%ld: byte %ld of the line is not UTF-8", f->path, f->number, wrong);
    if (strlen(text) != f->text.len)
        return err_set(e, "%s:%ld: byte %zu of the line is NUL, which is no text", f->path,
                       f->number, strlen(text));
    return 1;
}

int text_file_next(struct text_file *f, struct err *e)
{
    str_clear(&f->text);
    bool any = false;
    for (;;) {
        if (f->n_block == 0) {
            int more = next_block(f, e);
            if (more < 0)
                return -1;
            if (more == 0)
                break;
        }
        any = true;
        const char *end = memchr(f->block, '\n', f->n_block);
        size_t n = end ? (size_t)(end - f->block) : f->n_block;
        str_add_bytes(&f->text, f->block, n);
        f->block += n + (end != NULL);
        f->n_block -= n + (end != NULL);
        if (end)
            break;
    }
    if (any) {
        f->number++;
        return check_text(f, e);
    }
    return f->number ? 0 : err_set(e, "%s:1: the file holds no text", f->path);
}

void text_file_hash(struct text_file *f, char hex[HASH_HEX_SIZE])
{
    hash_final(f->hash, hex);
}

void text_file_close(struct text_file *f)
{
    if (f->archive)
        archive_read_free(f->archive);
    hash_free(f->hash);
    str_release(&f->text);
    *f = (struct text_file){0};
}
