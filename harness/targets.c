#include "harness/targets.h"

#include <limits.h>
#include <string.h>

/* How options cut and end targets. */
struct form {
    int most; /* pieces of a class's words that stay; INT_MAX: all */
    int eos;  /* id behind them, or -1 */
};

static int form_of(struct form *out, const struct dataset_info *info, const struct tokenizer *t,
                   const struct options *training, struct err *e)
{
    bool cut = str_equal(option_choice(training, "target_length"), "n_classes");

    *out = (struct form){.most = cut ? info->n_classes - 1 : INT_MAX, .eos = -1};
    if (!option_bool(training, "target_eos"))
        return 0;
    out->eos = tokenizer_special(t)->eos;
    if (out->eos < 0)
        return err_usage(e, "target_eos is true, but the tokenizer has no end-of-sequence token; "
                            "set target_eos: false, or take a model with one");
    return 0;
}

/* Appends the target of one class. */
static int encode(struct targets *out, int c, const struct tokenizer *t, const struct form *form,
                  struct arena *a, struct err *e)
{
    /* No normalizer makes more than 18 characters of one (U+FDFA). */
    int room = 18 * (int)strlen(out->texts[c]) + 2;
    int *pieces = arena_array(a, (size_t)room, sizeof *pieces);
    int n = tokenizer_encode_pieces(t, out->texts[c], room, pieces, e), at = out->offsets[c];

    if (n < 0)
        return -1;
    if (n > form->most) {
        n = form->most;
        out->n_cut++;
    }
    if (n < 1)
        return err_usage(e, "no tokens are left of it");
    int *ids = arena_array(a, (size_t)(at + n + 1), sizeof *ids);
    memcpy(ids, out->ids, (size_t)at * sizeof *ids);
    memcpy(ids + at, pieces, (size_t)n * sizeof *ids);
    if (form->eos >= 0)
        ids[at + n++] = form->eos;
    out->ids = ids;
    out->offsets[c + 1] = at + n;
    if (n > out->longest)
        out->longest = n;
    return 0;
}

/* The first class before c with the same tokens; -1: none. */
static int same_as(const struct targets *t, int c)
{
    int length = t->offsets[c + 1] - t->offsets[c];
    for (int i = 0; i < c; i++)
        if (t->offsets[i + 1] - t->offsets[i] == length &&
            memcmp(t->ids + t->offsets[i], t->ids + t->offsets[c],
                   (size_t)length * sizeof *t->ids) == 0)
            return i;
    return -1;
}

int targets_encode(struct targets *out, const struct dataset_info *info, const struct tokenizer *t,
                   const struct options *training, struct arena *a, struct err *e)
{
    bool own = option_bool(training, "use_verbalizers") && info->verbalizers;
    struct form form;

    *out = (struct targets){.n_classes = info->n_classes,
                            .texts = own ? info->verbalizers : info->classes};
    out->offsets = arena_array(a, (size_t)info->n_classes + 1, sizeof *out->offsets);
    out->ids = arena_array(a, 0, sizeof *out->ids);
    if (form_of(&form, info, t, training, e))
        return -1;
    out->eos = form.eos >= 0;
    for (int c = 0; c < info->n_classes; c++) {
        if (encode(out, c, t, &form, a, e))
            return err_wrap(e, "class \"%s\" of data set %s as a target", out->texts[c],
                            info->name);
        int same = same_as(out, c);
        if (same >= 0)
            return err_usage(e,
                             "classes \"%s\" and \"%s\" of data set %s come to the same target "
                             "tokens; set target_length: full or give them other verbalizers",
                             out->texts[same], out->texts[c], info->name);
    }
    return 0;
}
