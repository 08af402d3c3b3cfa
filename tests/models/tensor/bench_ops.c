/* Times the hot ops at the shapes of BERT sizes and AG News lengths, beside the
 * machine's sgemm peak. Not a test: build and run it by hand,
 *     make build/gcc-release/tests/models/tensor/bench_ops && build/.../bench_ops
 * Best of many runs, forward and backward apart; an argument picks one width. The
 * BLAS environment is the caller's: OPENBLAS_CORETYPE, OPENBLAS_NUM_THREADS=1. */
#include "harness/base/rng.h"
#include "models/tensor/gemm.h"
#include "models/tensor/ops.h"
#include "models/tensor/optimizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { N_SEQ = 32, RECORDS_BYTES = 1 << 20, N_RUNS = 60 };

/* Processor time of this thread, so that a busy machine disturbs less. */
static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

struct bench {
    struct tape tape;
    int width, n_tok;
    int offsets[N_SEQ + 1];
    double peak_gflops;
};

/* A parameter or input filled with small numbers. */
static struct tensor *filled(struct tape *t, int rows, int cols, bool is_param, float *grad)
{
    struct tensor *x = tape_tensor(t, rows, cols, true);
    struct rng place = {1, RNG_INIT, 0, (uint32_t)(rows + cols)};
    for (int i = 0; i < rows * cols; i++)
        x->data[i] = 0.05f * (rng_uniform(&place, (uint64_t)i) - 0.5f);
    x->is_param = is_param;
    x->grad = grad;
    return x;
}

struct flow_record {
    struct tape_record base;
    struct tensor *y;
};

static void flow_backward(struct tape *t, void *record)
{
    struct tensor *y = ((struct flow_record *)record)->y;
    float beta;
    float *dy = tape_grad(t, y, &beta);
    for (int i = 0; i < y->rows * y->cols; i++)
        dy[i] = 0.01f * (float)(i % 7);
}

typedef struct tensor *subject(struct bench *b, struct tensor **in);

static struct tensor *linear(struct bench *b, struct tensor **in)
{
    return op_linear(&b->tape, in[0], in[1], in[2]);
}

static struct tensor *gelu(struct bench *b, struct tensor **in)
{
    in[0]->overwritable = true;
    return op_act(&b->tape, in[0], ACT_GELU);
}

static struct tensor *norm(struct bench *b, struct tensor **in)
{
    return op_layer_norm(&b->tape, in[0], in[1], in[2], 1e-12f);
}

static struct tensor *dropout(struct bench *b, struct tensor **in)
{
    in[0]->overwritable = true;
    return op_dropout(&b->tape, in[0], 0.1f, RNG_DROPOUT, 1);
}

static struct tensor *add(struct bench *b, struct tensor **in)
{
    in[0]->overwritable = true;
    return op_add(&b->tape, in[0], in[1]);
}

static struct tensor *attend(struct bench *b, struct tensor **in, float p)
{
    struct attention a = {.q = in[0],
                          .k = in[1],
                          .v = in[2],
                          .q_offsets = b->offsets,
                          .k_offsets = b->offsets,
                          .n_seq = N_SEQ,
                          .n_heads = b->width / 64,
                          .scale = 0.125f,
                          .dropout = p,
                          .site = 1};
    return op_attention(&b->tape, &a);
}

static struct tensor *attention(struct bench *b, struct tensor **in)
{
    return attend(b, in, 0);
}

static struct tensor *attention_dropout(struct bench *b, struct tensor **in)
{
    return attend(b, in, 0.1f);
}

/* Multiplications and additions of all heads' two products, one direction. */
static double attention_flops(const struct bench *b)
{
    double flops = 0;
    for (int s = 0; s < N_SEQ; s++) {
        double n = b->offsets[s + 1] - b->offsets[s];
        flops += 4 * n * n * b->width;
    }
    return flops;
}

static void report(const struct bench *b, const char *name, double forward_ns, double backward_ns,
                   double flops)
{
    printf("%-22s %5d  forward %8.1f us  backward %8.1f us", name, b->width, forward_ns / 1e3,
           backward_ns / 1e3);
    if (flops > 0)
        printf("  %6.1f / %6.1f GFLOP/s  %3.0f / %3.0f %% of peak", flops / forward_ns,
               2 * flops / backward_ns, 100 * flops / forward_ns / b->peak_gflops,
               200 * flops / backward_ns / b->peak_gflops);
    printf("\n");
}

/* shapes: of up to three inputs; flops: of the forward. params: a bit for each
 * input that is one. */
static void measure(struct bench *b, const char *name, subject *f, int shapes[3][2],
                    unsigned params, double flops)
{
    double best[2] = {0};
    float *grads[3];
    for (int i = 0; i < 3; i++)
        grads[i] = calloc((size_t)(shapes[i][0] * shapes[i][1]) + 1, sizeof(float));
    for (int run = 0; run < N_RUNS; run++) {
        struct tensor *in[3] = {0};
        tape_begin(&b->tape, true, 1, (uint32_t)run);
        for (int i = 0; i < 3 && shapes[i][0] > 0; i++)
            in[i] = filled(&b->tape, shapes[i][0], shapes[i][1], params >> i & 1,
                           params >> i & 1 ? grads[i] : NULL);
        int64_t start = now_ns();
        struct tensor *y = f(b, in);
        double forward = (double)(now_ns() - start);
        struct tape_record *records = b->tape.last;
        struct flow_record flow = {.y = y};
        flow_backward(&b->tape, &flow);
        start = now_ns();
        for (struct tape_record *r = records; r != NULL; r = r->before)
            r->backward(&b->tape, r);
        double backward = (double)(now_ns() - start);
        best[0] = run == 0 || forward < best[0] ? forward : best[0];
        best[1] = run == 0 || backward < best[1] ? backward : best[1];
    }
    report(b, name, best[0], best[1], flops);
    for (int i = 0; i < 3; i++)
        free(grads[i]);
}

static double measure_peak(void)
{
    enum { N = 1024 };
    float *block = calloc(3 * N * N, sizeof *block);
    double best = 0;
    for (int run = 0; run < N_RUNS; run++) {
        int64_t start = now_ns();
        gemm(&(struct gemm){.m = N,
                            .n = N,
                            .k = N,
                            .alpha = 1,
                            .a = block,
                            .lda = N,
                            .b = block + N * N,
                            .ldb = N,
                            .c = block + 2 * N * N,
                            .ldc = N});
        double ns = (double)(now_ns() - start);
        best = run == 0 || ns < best ? ns : best;
    }
    free(block);
    return 2.0 * N * N * N / best;
}

static void measure_adamw(size_t n)
{
    float *block = calloc(4 * n, sizeof *block);
    struct adamw_slice slice = {.n = n, .decays = 1, .lr_scale = 1};
    struct adamw_state s = {block, block + n, block + 2 * n, block + 3 * n, &slice, 1};
    double best = 0;
    for (int run = 0; run < N_RUNS; run++) {
        int64_t start = now_ns();
        adamw_step(&(struct adamw){0.9f, 0.999f, 1e-8f, 0.01f}, &s, run + 1, 1e-3, 1, NULL);
        double ns = (double)(now_ns() - start);
        best = run == 0 || ns < best ? ns : best;
    }
    printf("adamw %zu values: %.1f us, %.1f GB/s\n", n, best / 1e3, 32.0 * (double)n / best);
    free(block);
}

int main(int argc, char **argv)
{
    int only = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 0;
    /* Token counts of 32 AG News texts, much like any other 32: mean 53. */
    static const int lengths[N_SEQ] = {45, 38, 61, 52, 49, 44, 57,  39, 42, 66, 50,
                                       47, 53, 41, 58, 36, 71, 48,  55, 43, 62, 46,
                                       40, 54, 51, 37, 59, 68, 103, 64, 35, 97};
    struct slab slab;
    struct bench b = {0};
    slab_init(&slab, (size_t)1 << 30);
    tape_init(&b.tape, &slab, RECORDS_BYTES);
    for (int s = 0; s < N_SEQ; s++)
        b.offsets[s + 1] = b.offsets[s] + lengths[s];
    b.n_tok = b.offsets[N_SEQ];
    b.peak_gflops = measure_peak();
    printf("%s, %s: peak %.0f GFLOP/s, %d tokens\n", gemm_library(), gemm_core_name(),
           b.peak_gflops, b.n_tok);
    static const int widths[] = {128, 256, 512, 768};
    for (int i = 0; i < 4; i++) {
        int h = widths[i], n = b.n_tok;
        if (only != 0 && only != h)
            continue;
        b.width = h;
        double flops = 2.0 * n * h * h;
        measure(&b, "linear h h", linear, (int[3][2]){{n, h}, {h, h}, {1, h}}, 6, flops);
        measure(&b, "linear h 3h", linear, (int[3][2]){{n, h}, {3 * h, h}, {1, 3 * h}}, 6,
                3 * flops);
        measure(&b, "linear h 4h", linear, (int[3][2]){{n, h}, {4 * h, h}, {1, 4 * h}}, 6,
                4 * flops);
        measure(&b, "linear 4h h", linear, (int[3][2]){{n, 4 * h}, {h, 4 * h}, {1, h}}, 6,
                4 * flops);
        measure(&b, "linear h 8", linear, (int[3][2]){{n, h}, {8, h}, {1, 8}}, 6, flops * 8 / h);
        measure(&b, "linear 8 h", linear, (int[3][2]){{n, 8}, {h, 8}, {1, h}}, 6, flops * 8 / h);
        measure(&b, "attention", attention, (int[3][2]){{n, h}, {n, h}, {n, h}}, 0,
                attention_flops(&b));
        measure(&b, "attention, dropout", attention_dropout, (int[3][2]){{n, h}, {n, h}, {n, h}}, 0,
                attention_flops(&b));
        measure(&b, "gelu 4h", gelu, (int[3][2]){{n, 4 * h}}, 0, 0);
        measure(&b, "layer norm", norm, (int[3][2]){{n, h}, {1, h}, {1, h}}, 6, 0);
        measure(&b, "dropout", dropout, (int[3][2]){{n, h}}, 0, 0);
        measure(&b, "add", add, (int[3][2]){{n, h}, {n, h}}, 0, 0);
    }
    measure_adamw(400000);
    measure_adamw(4000000);
    measure_adamw(30000000);
    tape_release(&b.tape);
    slab_release(&slab);
    return 0;
}
