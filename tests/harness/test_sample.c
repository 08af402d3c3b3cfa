/* Lengths of a data set's texts: those the tokenizer gives, whether read from rows or from the
 * cache, which may be damaged. */
#include "harness/cell_rows.h"
#include "harness/feed.h"
#include "harness/sample.h"
#include "tests/harness/scene.h"

static void expect_same(const struct sample *a, const struct sample *b)
{
    cr_assert(a->n == b->n && a->n > 0);
    cr_expect(a->n_rows == b->n_rows && a->memory_bytes == b->memory_bytes);
    cr_expect(memcmp(a->length_tok, b->length_tok, (size_t)a->n * sizeof(int)) == 0);
}

static void on_files(struct scene *s, const char *command)
{
    const char *text =
        arena_printf(&s->arena, "for f in %s/cache/lengths/*; do %s; done", s->folder, command);
    cr_assert(system(text) == 0);
}

Test(sample, lengths_are_the_tokenizers_and_the_cache_changes_none)
{
    struct scene s;
    scene_open(&s, "mini-bert-xs", "full", "");
    const struct cell *c = &s.plan.cells[0];
    struct sample first = sample_take(c, &s.arena);

    struct asset_flags flags = {.offline = true};
    const struct dataset *d = dataset_load(c->dataset, &flags, &s.arena, &s.e);
    cr_assert(d != NULL, "%s", s.e.text);
    struct str folder = {0};
    cr_assert(zoo_fetch(&folder, c->model, &flags, &s.e) == 0, "%s", s.e.text);
    struct tokenizer *t = tokenizer_open(str_text(&folder), &s.e);
    cr_assert(t != NULL && d->n <= SAMPLE_ROWS && first.n == d->n && first.n_rows == d->n);
    int *index = arena_array(&s.arena, (size_t)d->n, sizeof *index);
    for (int i = 0; i < d->n; i++)
        index[i] = i;
    struct feed f = {0};
    cr_assert(feed_encode(&f, &(struct feed_source){.data = d, .tokenizer = t, .max_length = 16},
                          &(struct rows){.index = index, .n = d->n}, &s.arena, &s.e) == 0);
    cr_expect(memcmp(f.length_tok, first.length_tok, (size_t)d->n * sizeof(int)) == 0);
    feed_release(&f);
    tokenizer_free(t);
    str_release(&folder);

    struct sample kept = sample_take(c, &s.arena);
    expect_same(&kept, &first);
    on_files(&s, "sed -i 's/^[0-9]*/7/' $f"); /* so it is the file that is read */
    kept = sample_take(c, &s.arena);
    cr_expect(kept.n_rows == 7);
    on_files(&s, "truncate -s 40 $f");
    kept = sample_take(c, &s.arena);
    expect_same(&kept, &first);
    scene_close(&s);
}
