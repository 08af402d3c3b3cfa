/*
 * Reads or writes one adapter, for tests/golden/methods/peft_roundtrip.py:
 *   bench_roundtrip read BASE ADAPTER BATCH
 *   bench_roundtrip write BASE ADAPTER BATCH METHOD [NAME=VALUE ...]
 * write trains a few large steps first, so that nothing is near its start. Both
 * print the logits of the batch, a line a sequence (3 classes) or a target's token.
 */
#include "tests/methods/fixture.h"

static void write_adapter(struct rig *r, const struct batch *b, char **argv)
{
    struct err e = {0};
    declare_folder(r, argv[2], 3);
    must(attach(r, argv[5], (const char *const *)&argv[6], &e), &e);
    params_allocate(&r->model.params, true);
    must(checkpoint_load(&r->model, argv[2], &e), &e);
    params_init_missing(&r->model.params, 4);
    rig_measure(r, b);
    for (long step = 1; step <= 4; step++)
        rig_step(r, b, step, 0.02, 0.01f);
    must(peft_write(&r->tuned, argv[2], argv[3], &e), &e);
}

int main(int argc, char **argv)
{
    struct rig r = {0};
    float logits[4096];
    if (argc < 5 + (argc > 1 && strcmp(argv[1], "write") == 0)) {
        fprintf(stderr, "usage: read|write BASE ADAPTER BATCH [METHOD NAME=VALUE ...]\n");
        return 2;
    }
    struct batch b = read_batch(argv[4], &r.arena);
    if (strcmp(argv[1], "write") == 0) {
        write_adapter(&r, &b, argv);
    } else {
        open_adapter(&r, argv[2], argv[3], 3);
        rig_measure(&r, &b);
    }
    int n_rows = b.n_target_tok ? b.n_target_tok : b.n_seq;
    int n_cols = rig_logits(&r, &b, logits, sizeof logits / sizeof *logits);
    for (int i = 0; i < n_rows * n_cols; i++)
        printf("%.9g%c", (double)logits[i], i % n_cols == n_cols - 1 ? '\n' : ' ');
    rig_release(&r);
    return 0;
}
