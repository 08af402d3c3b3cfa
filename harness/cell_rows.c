#include "harness/cell_rows.h"

static bool chosen(const struct cell *c, const char *option, const char *word)
{
    return str_equal(option_choice(&c->training, option), word);
}

bool cell_has_survey_split(const struct cell *c)
{
    return chosen(c, "split", "survey");
}

int cell_rows_load(struct cell_rows *out, const struct cell *c, const struct asset_flags *flags,
                   struct arena *a, struct err *e)
{
    const struct options *o = &c->training;
    const struct split_options how = {.seed = (uint64_t)option_int(o, "split_seed"),
                                      .survey = cell_has_survey_split(c),
                                      .copies = chosen(c, "row_copies", "survey"),
                                      .deduplicate = option_bool(o, "deduplicate")};
    long max_train = option_int(o, "max_train_samples");
    long max_eval = option_int(o, "max_eval_samples");

    out->data = chosen(c, "rows", "survey") ? dataset_load_served(c->dataset, flags, a, e)
                                            : dataset_load(c->dataset, flags, a, e);
    if (!out->data || split_make(&out->split, out->data, &how, a, e) != 0)
        return -1;
    if (max_train > 0 && max_train < out->split.train.n)
        split_limit_train(&out->split, out->data, (int)max_train, how.seed, a);
    if (max_eval > 0)
        split_limit_evaluation(&out->split, out->data, (int)max_eval, how.seed, a);
    return 0;
}

const struct rows *cell_rows_judged(const struct cell_rows *r, const struct cell *c)
{
    return cell_has_survey_split(c) ? &r->split.validation : &r->split.test;
}
