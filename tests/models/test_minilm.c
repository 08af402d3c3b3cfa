/* Real weights against transformers. Needs a folder of all-MiniLM-L6-v2 and what
 * tests/golden/bert/minilm.py made of it; says so and skips without them. */
#include "tests/models/rig.h"

#include <stdlib.h>
#include <string.h>

Test(minilm, real_weights_give_what_transformers_gives)
{
    const char *folder = getenv("FTBENCH_MINILM"), *out = getenv("FTBENCH_MINILM_GOLDEN");
    if (!folder || !out) {
        printf("skip: FTBENCH_MINILM and FTBENCH_MINILM_GOLDEN are not set\n");
        return;
    }
    struct rig rig, *r = &rig;
    struct safetensors g;
    rig_open(r, folder, 4, true);
    open_golden(&g, r, out);
    golden_batch(r, &g);
    static const char *const head[] = {"classifier.weight", "classifier.bias"};
    for (int i = 0; i < 2; i++) {
        struct param *p = params_find(&r->m.params, head[i]);
        size_t n = param_size(p);
        cr_expect(!p->loaded);
        memcpy(p->t.data, values(r, &g, head[i], n), n * sizeof(float));
    }
    struct forward f;
    tape_begin(&r->tape, false, 0, 0);
    forward_begin(&f, &r->m, &r->tape, &r->batch, NULL);
    struct tensor *hidden = bert_hidden(&f);
    size_t n = (size_t)hidden->rows * (size_t)hidden->cols;
    double worst = largest_difference(hidden->data, values(r, &g, "last_hidden_state", n), n);
    printf("hidden: %.2g\n", worst);
    cr_expect(worst < 1e-4, "%g", worst);

    struct tensor *loss = rig_loss(r, true, 0, 0);
    cr_expect_float_eq(loss->data[0], values(r, &g, "loss", 1)[0], 1e-5);
    tape_backward(&r->tape, loss, 1);
    worst = 0;
    for (int i = 0; i < r->m.params.n; i++) {
        const struct param *p = r->m.params.items[i];
        n = param_size(p);
        if (strstr(p->name, "self.key.bias")) /* zero but for rounding */
            continue;
        double d = relative_difference(
            p->t.grad, values(r, &g, arena_printf(&r->a, "grad/%s", p->name), n), n);
        worst = fmax(worst, d);
        cr_expect(d < 1e-3, "%s: %g", p->name, d);
    }
    printf("gradients: %.2g\n", worst);

    tape_begin(&r->tape, false, 0, 0);
    struct tensor *logits = model_logits(&r->m, &r->tape, &r->batch, NULL);
    n = (size_t)r->batch.n_seq * 4;
    worst = largest_difference(logits->data, values(r, &g, "logits", n), n);
    printf("logits: %.2g\n", worst);
    cr_expect(worst < 1e-4, "%g", worst);
    safetensors_close(&g);
    rig_close(r);
}
