#include "harness/scores.h"

#include <string.h>

static struct generated room_for(int n, int max_new_tokens, struct arena *a)
{
    return (struct generated){.max_new_tokens = max_new_tokens,
                              .ids =
                                  arena_array(a, (size_t)n * (size_t)max_new_tokens, sizeof(int)),
                              .n_ids = arena_array(a, (size_t)n, sizeof(int))};
}

/* Lays the rows' own targets end to end. */
static void lay_targets(struct scores *s, const struct feed *f, struct arena *a)
{
    const struct targets *t = f->targets;

    s->target_length = arena_array(a, (size_t)f->n_classes, sizeof *s->target_length);
    for (int c = 0; c < f->n_classes; c++)
        s->target_length[c] = t->offsets[c + 1] - t->offsets[c];
    s->offsets = arena_array(a, (size_t)f->n + 1, sizeof *s->offsets);
    for (int i = 0; i < f->n; i++)
        s->offsets[i + 1] = s->offsets[i] + s->target_length[f->labels[i]];
    size_t n_tok = (size_t)s->offsets[f->n];
    s->target_ids = arena_array(a, n_tok, sizeof *s->target_ids);
    s->predicted_ids = arena_array(a, n_tok, sizeof *s->predicted_ids);
    s->nll = arena_array(a, n_tok, sizeof *s->nll);
    for (int i = 0; i < f->n; i++)
        memcpy(s->target_ids + s->offsets[i], t->ids + t->offsets[f->labels[i]],
               (size_t)s->target_length[f->labels[i]] * sizeof *s->target_ids);
    s->said = (struct said){.target_length = s->target_length,
                            .offsets = s->offsets,
                            .target_ids = s->target_ids,
                            .predicted_ids = s->predicted_ids,
                            .nll = s->nll,
                            .answer = t->texts};
}

void scores_init(struct scores *s, const struct feed *f, bool generate, struct arena *a)
{
    memset(s, 0, sizeof *s);
    s->logits = arena_array(a, (size_t)f->n * (size_t)f->n_classes, sizeof *s->logits);
    s->predicted = arena_array(a, (size_t)f->n, sizeof *s->predicted);
    if (!f->targets)
        return;
    lay_targets(s, f, a);
    if (generate) {
        s->generated = room_for(f->n, f->targets->longest + 1, a);
        s->by_batch = room_for(f->n, f->targets->longest + 1, a);
    }
}

void scores_decode(struct scores *s, const struct feed *f, const struct tokenizer *t,
                   struct arena *a)
{
    int room = s->generated.max_new_tokens, n_vocab = tokenizer_n_vocab(t);
    struct arena scratch = {0};
    int *ids = arena_array(&scratch, (size_t)room, sizeof *ids);
    struct str words = {0};

    s->text = arena_array(a, (size_t)f->n, sizeof *s->text);
    for (int i = 0; i < f->n; i++) {
        int n = 0;
        /* An embedding may have more rows than the vocabulary has pieces: no words for those. */
        for (int k = 0; k < s->generated.n_ids[i]; k++)
            if (s->generated.ids[i * room + k] < n_vocab)
                ids[n++] = s->generated.ids[i * room + k];
        str_clear(&words);
        tokenizer_decode(&words, t, ids, n);
        s->text[i] = arena_strdup(a, str_text(&words));
    }
    s->said.text = s->text;
    str_release(&words);
    arena_release(&scratch);
}

struct predictions scores_predictions(const struct scores *s, const struct feed *f)
{
    return (struct predictions){.n = f->n,
                                .n_classes = f->n_classes,
                                .label = f->labels,
                                .predicted = s->predicted,
                                .logits = s->logits,
                                .said = f->targets ? &s->said : NULL};
}
