#include "harness/sample.h"

#include "harness/base/file.h"
#include "harness/base/paths.h"
#include "harness/feed.h"
#include "harness/identity.h"

#include <stdlib.h>
#include <string.h>

static bool served(const struct cell *c)
{
    return str_equal(option_choice(&c->training, "rows"), "survey");
}

static bool prompted(const struct cell *c)
{
    return cell_says_text(c) && option_bool(&c->training, "use_template");
}

/* $cache/lengths/KEY: of all that decides the numbers. */
static int find_path(struct str *path, const struct cell *c, struct err *e)
{
    char data[HASH_HEX_SIZE], tokenizer[HASH_HEX_SIZE], key[HASH_HEX_SIZE];
    const struct options *o = &c->training;
    struct str cache = {0}, text = {0};
    struct arena scratch = {0};
    int rc = served(c) ? identity_served(data, c->dataset, &scratch, e)
                       : identity_data(data, c->dataset, e);
    if (rc == 0)
        rc = identity_tokenizer(tokenizer, c->model, e);
    if (rc == 0)
        rc = paths_cache(&cache, e);
    if (rc == 0) {
        str_printf(&text, "data=%s\ntokenizer=%s\nmax_length=%ld\ntext=%d\n", data, tokenizer,
                   option_int(o, "max_length"), cell_says_text(c));
        if (cell_says_text(c))
            str_printf(&text, "template=%s\nlength=%s\neos=%d\nverbalizers=%d\n",
                       prompted(c) && c->dataset->prompt_template ? c->dataset->prompt_template
                                                                  : "",
                       option_choice(o, "target_length"), option_bool(o, "target_eos"),
                       option_bool(o, "use_verbalizers"));
        hash_bytes(key, str_text(&text), text.len);
        str_printf(path, "%s/lengths/%s", str_text(&cache), key);
    }
    arena_release(&scratch);
    str_release(&cache);
    str_release(&text);
    return rc;
}

/* Rows 0, k, 2 k, .. of d. */
static struct rows spread(const struct dataset *d, struct arena *a)
{
    struct rows r = {.n = d->n < SAMPLE_ROWS ? d->n : SAMPLE_ROWS};
    r.index = arena_array(a, (size_t)r.n, sizeof *r.index);
    for (int i = 0; i < r.n; i++)
        r.index[i] = (int)((long)i * d->n / r.n);
    return r;
}

static void keep(struct sample *s, const struct feed *f, struct arena *a)
{
    s->n = f->n;
    s->length_tok = arena_array(a, (size_t)f->n, sizeof *s->length_tok);
    memcpy(s->length_tok, f->length_tok, (size_t)f->n * sizeof *s->length_tok);
    if (!f->targets)
        return;
    s->target_tok = arena_array(a, (size_t)f->n_classes, sizeof *s->target_tok);
    for (int i = 0; i < f->n_classes; i++)
        s->target_tok[i] = f->targets->offsets[i + 1] - f->targets->offsets[i];
}

/* Reads and encodes rows; s stays as it is where something is not here. */
static int measure(struct sample *s, const struct cell *c, struct arena *a, struct err *e)
{
    struct arena scratch = {0};
    struct asset_flags flags = {.offline = true};
    struct str folder = {0};
    struct tokenizer *t = NULL;
    struct targets targets;
    const struct dataset *d = served(c) ? dataset_load_served(c->dataset, &flags, &scratch, e)
                                        : dataset_load(c->dataset, &flags, &scratch, e);
    size_t n_bytes = scratch.used_bytes;
    int rc = d ? zoo_fetch(&folder, c->model, &flags, e) : -1;
    if (rc == 0)
        rc = (t = tokenizer_open(str_text(&folder), e)) ? 0 : -1;
    if (rc == 0 && cell_says_text(c))
        rc = targets_encode(&targets, c->dataset, t, &c->training, &scratch, e);
    if (rc == 0) {
        struct feed_source from = {.data = d,
                                   .tokenizer = t,
                                   .max_length = (int)option_int(&c->training, "max_length"),
                                   .targets = cell_says_text(c) ? &targets : NULL,
                                   .prompted = prompted(c)};
        struct rows rows = spread(d, &scratch);
        struct feed f = {0};
        rc = feed_encode(&f, &from, &rows, &scratch, e);
        if (rc == 0) {
            keep(s, &f, a);
            s->n_rows = d->n;
            s->memory_bytes = (long)n_bytes;
        }
        feed_release(&f);
    }
    tokenizer_free(t);
    str_release(&folder);
    arena_release(&scratch);
    return rc;
}

/* "rows N bytes N targets N .. lengths N ..", each number in its place. */
static void write_sample(const struct sample *s, const char *path, int n_targets)
{
    struct str text = {0}, folder = {0};
    struct err ignored = {0};
    str_printf(&text, "%d %ld %d", s->n_rows, s->memory_bytes, s->n);
    for (int i = 0; i < n_targets; i++)
        str_printf(&text, " %d", s->target_tok[i]);
    for (int i = 0; i < s->n; i++)
        str_printf(&text, " %d", s->length_tok[i]);
    str_printf(&folder, "%.*s", (int)(strrchr(path, '/') - path), path);
    if (file_make_dirs(str_text(&folder), &ignored) == 0 &&
        file_write(path, str_text(&text), text.len, &ignored) != 0)
        err_clear(&ignored); /* a plan without a cache reads again */
    str_release(&text);
    str_release(&folder);
}

/* The next number, at least 1; 0 where there is none. */
static long next(const char **at)
{
    char *end;
    long n = strtol(*at, &end, 10);
    bool good = end > *at && n > 0;
    *at = end;
    return good ? n : 0;
}

static int *next_all(const char **at, int n, bool *good, struct arena *a)
{
    int *out = arena_array(a, (size_t)n, sizeof *out);
    for (int i = 0; i < n; i++) {
        long one = next(at);
        *good = *good && one > 0 && one < 1 << 20;
        out[i] = (int)one;
    }
    return out;
}

/* Whether a whole sample stood there. */
static bool read_sample(struct sample *s, const char *path, int n_targets, struct arena *a)
{
    struct str text = {0};
    struct err ignored = {0};
    bool good = false;
    if (file_exists(path) && file_read(&text, path, &ignored) == 0) {
        const char *at = str_text(&text);
        struct sample x = {.n_rows = (int)next(&at), .memory_bytes = next(&at)};
        x.n = (int)next(&at);
        good = x.n_rows > 0 && x.memory_bytes > 0 && x.n > 0 && x.n <= SAMPLE_ROWS;
        if (good) {
            x.target_tok = next_all(&at, n_targets, &good, a);
            x.length_tok = next_all(&at, x.n, &good, a);
        }
        if (good)
            *s = x;
    }
    str_release(&text);
    return good;
}

struct sample sample_take(const struct cell *c, struct arena *a)
{
    struct sample s = {0};
    struct str path = {0};
    struct err ignored = {0};
    int n_targets = cell_says_text(c) ? c->dataset->n_classes : 0;
    if (find_path(&path, c, &ignored) == 0 && !read_sample(&s, str_text(&path), n_targets, a) &&
        measure(&s, c, a, &ignored) == 0)
        write_sample(&s, str_text(&path), n_targets);
    str_release(&path);
    return s;
}
