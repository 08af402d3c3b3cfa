#include "harness/scores.h"

#include <string.h>

void scores_init(struct scores *s, const struct feed *f, struct arena *a)
{
    memset(s, 0, sizeof *s);
    s->logits = arena_array(a, (size_t)f->n * (size_t)f->n_classes, sizeof *s->logits);
    s->predicted = arena_array(a, (size_t)f->n, sizeof *s->predicted);
}

struct predictions scores_predictions(const struct scores *s, const struct feed *f)
{
    return (struct predictions){.n = f->n,
                                .n_classes = f->n_classes,
                                .label = f->labels,
                                .predicted = s->predicted,
                                .logits = s->logits};
}
