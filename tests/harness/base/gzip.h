/* A text as a gzip file, for tests of what reads one. */
#ifndef FT_TESTS_HARNESS_BASE_GZIP_H
#define FT_TESTS_HARNESS_BASE_GZIP_H

#include <archive.h>
#include <archive_entry.h>
#include <criterion/criterion.h>

static inline void write_gzip(const char *path, const char *text, size_t n_bytes)
{
    struct archive *a = archive_write_new();
    cr_assert_eq(archive_write_add_filter_gzip(a), ARCHIVE_OK);
    cr_assert_eq(archive_write_set_format_raw(a), ARCHIVE_OK);
    cr_assert_eq(archive_write_open_filename(a, path), ARCHIVE_OK);
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_filetype(entry, AE_IFREG);
    cr_assert_eq(archive_write_header(a, entry), ARCHIVE_OK);
    cr_assert_eq(archive_write_data(a, text, n_bytes), (la_ssize_t)n_bytes);
    cr_assert_eq(archive_write_close(a), ARCHIVE_OK);
    archive_entry_free(entry);
    archive_write_free(a);
}

#endif
