#include "assets/source.h"

#include "assets/fetch.h"
#include "harness/base/file.h"

#include <jansson.h>

#include <stdlib.h>

enum { PAGE_ROWS = 100 }; /* the most the API gives at once */

/* Writes one page's rows. Row numbers must go on at first; *total is the number
 * of rows the API says there are. Returns the rows written or -1. */
static long write_page(FILE *to, const json_t *page, long first, long *total, struct err *e)
{
    const json_t *rows = json_object_get(page, "rows");
    const json_t *n_total = json_object_get(page, "num_rows_total");
    if (!json_is_array(rows) || !json_is_integer(n_total))
        return err_set(e, "the answer has no rows or no num_rows_total");
    if (*total >= 0 && *total != json_integer_value(n_total))
        return err_set(e, "num_rows_total changed from %ld to %ld between pages", *total,
                       (long)json_integer_value(n_total));
    *total = (long)json_integer_value(n_total);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *entry = json_array_get(rows, i);
        const json_t *index = json_object_get(entry, "row_idx");
        const json_t *row = json_object_get(entry, "row");
        const json_t *cut = json_object_get(entry, "truncated_cells");
        if (!json_is_integer(index) || json_integer_value(index) != first + (long)i)
            return err_set(e, "row %ld is missing or out of order", first + (long)i);
        if (!json_is_object(row) || json_array_size(cut) > 0)
            return err_set(e, "row %ld is no object or has cut cells", first + (long)i);
        if (json_dumpf(row, to, JSON_COMPACT | JSON_SORT_KEYS) < 0 || fputc('\n', to) == EOF)
            return err_errno(e, "cannot write the rows");
    }
    return (long)json_array_size(rows);
}

static void page_url(struct str *url, const struct source *s, long offset)
{
    str_clear(url);
    str_add(url, s->where);
    str_add(url, "/rows?dataset=");
    fetch_escape(url, s->dataset);
    str_add(url, "&config=");
    fetch_escape(url, s->config);
    str_add(url, "&split=");
    fetch_escape(url, s->split);
    str_printf(url, "&offset=%ld&length=%d", offset, (int)PAGE_ROWS);
}

/* Fetches, parses and writes the page at offset. Returns its rows or -1. */
static long one_page(const struct source *s, const struct asset_flags *flags, FILE *to, long offset,
                     long *total, struct err *e)
{
    struct str url = {0}, body = {0};
    page_url(&url, s, offset);
    struct fetch f = {.url = str_text(&url), .name = s->dataset, .bytes = -1, .flags = flags};
    long n = -1;
    if (fetch_text(&f, &body, e) == 0) {
        json_error_t je;
        json_t *page = json_loadb(str_text(&body), body.len, 0, &je);
        if (!page)
            err_set(e, "the answer is not JSON: %s", je.text);
        else
            n = write_page(to, page, offset, total, e);
        json_decref(page);
        if (n < 0)
            err_wrap(e, "%s", str_text(&url));
    }
    str_release(&url);
    str_release(&body);
    return n;
}

int rows_fetch(const struct source *s, const struct asset_flags *flags, const char *to,
               struct err *e)
{
    struct file_out out = {0};
    if (file_create(&out, to, e) < 0)
        return -1;
    long total = -1, have = 0;
    int rc = 0;
    do {
        long n = one_page(s, flags, out.stream, have, &total, e);
        if (n == 0 && have < total)
            rc = err_set(e, "%s/rows: %s ends after %ld of %ld rows", s->where, s->dataset, have,
                         total);
        if (n < 0)
            rc = -1;
        have += n > 0 ? n : 0;
        if (flags && flags->progress)
            flags->progress(flags->context, s->dataset, have, total);
    } while (rc == 0 && have < total);
    if (rc == 0 && s->rows >= 0 && have != s->rows)
        rc = err_set(e, "%s/rows: %s has %ld rows, %ld were published", s->where, s->dataset, have,
                     s->rows);
    if (rc == 0)
        return file_commit(&out, e);
    file_abandon(&out);
    return -1;
}
