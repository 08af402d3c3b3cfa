#include "harness/material.h"

#include <string.h>

static int load(struct material *m, const struct cell *c, const struct asset_flags *flags,
                struct err *e)
{
    bool says_text = cell_says_text(c);

    if (cell_rows_load(&m->rows, c, flags, &m->arena, e) ||
        zoo_fetch(&m->folder, c->model, flags, e))
        return -1;
    m->tokenizer = tokenizer_open(str_text(&m->folder), e);
    if (!m->tokenizer)
        return -1;
    if (says_text &&
        targets_encode(&m->targets, c->dataset, m->tokenizer, &c->training, &m->arena, e))
        return -1;
    struct feed_source from = {.data = m->rows.data,
                               .tokenizer = m->tokenizer,
                               .max_length = (int)option_int(&c->training, "max_length"),
                               .targets = says_text ? &m->targets : NULL,
                               .prompted = says_text && option_bool(&c->training, "use_template")};
    const struct rows *rows[N_PARTS] = {&m->rows.split.train, &m->rows.split.validation,
                                        &m->rows.split.test};
    for (int i = 0; i < N_PARTS; i++)
        if (feed_encode(&m->feeds[i], &from, rows[i], &m->arena, e))
            return -1;
    return 0;
}

int material_load(struct material *m, const struct cell *c, const struct asset_flags *flags,
                  struct err *e)
{
    *m = (struct material){0};
    return load(m, c, flags, e);
}

void material_release(struct material *m)
{
    for (int i = 0; i < N_PARTS; i++)
        feed_release(&m->feeds[i]);
    tokenizer_free(m->tokenizer);
    str_release(&m->folder);
    arena_release(&m->arena);
    *m = (struct material){0};
}

/* Training options that say nothing about rows and tokens; any other one is taken to. */
static bool is_of_training(const char *name)
{
    static const char *const names[] = {"learning_rate",
                                        "lr_scheduler_type",
                                        "warmup_ratio",
                                        "weight_decay",
                                        "adam_beta1",
                                        "adam_beta2",
                                        "adam_epsilon",
                                        "max_grad_norm",
                                        "num_train_epochs",
                                        "train_batch_size",
                                        "micro_batch_tokens",
                                        "metric_for_best_model",
                                        "precision",
                                        "frozen_dropout",
                                        "metric_unit",
                                        "gradient_checkpointing",
                                        "load_best_model_at_end",
                                        NULL};
    return str_index(names, name) >= 0;
}

bool material_serves(const struct cell *a, const struct cell *b)
{
    bool same = a->model == b->model && a->dataset == b->dataset;
    for (int i = 0; i < a->training.n && same; i++) {
        if (is_of_training(a->training.table[i].name))
            continue;
        struct str one = {0}, other = {0};
        option_text(&one, &a->training, i);
        option_text(&other, &b->training, i);
        same = strcmp(str_text(&one), str_text(&other)) == 0;
        str_release(&one);
        str_release(&other);
    }
    return same;
}
