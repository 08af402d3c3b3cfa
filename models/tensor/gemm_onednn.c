#include "harness/base/arena.h"
#include "models/tensor/bfloat16.h"
#include "models/tensor/gemm.h"

#include <assert.h>
#include <dnnl.h>
#include <stdlib.h>
#include <string.h>

/* Kernels are made for a shape, which takes as long as a small product, and every batch
 * has a new number of tokens. So tokens (rows of C, or the terms of its sums) go through
 * in pieces of a few sizes: as large as fits, the last filled up with zeros. Pieces of
 * 256 rows keep their rounded factor in the cache and are no slower than larger ones. */
enum { PIECE_MAX = 256, PIECE_MIN = 16 };

static int next_piece(int left)
{
    int piece = PIECE_MAX;
    while (piece > left && piece > PIECE_MIN)
        piece /= 2;
    return piece;
}

struct shape {
    int m, n, k, ldb, ldc;
    int transpose_a, transpose_b, add; /* add: C += instead of C = */
};

/* One made kernel. */
struct kernel {
    struct shape shape;
    dnnl_primitive_t primitive;
    dnnl_memory_t a, b, c, scratch;
    struct kernel *next;
};

/* A block that grows. */
struct room {
    void *at;
    size_t n_bytes;
};

enum { N_BUCKETS = 256 };

struct gemm_half {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    struct kernel *kernels[N_BUCKETS];
    struct room a, b, c, scratch;
};

/* Whatever oneDNN refuses here is our bug, or no memory. */
static void must(dnnl_status_t status)
{
    assert(status == dnnl_success);
    (void)status;
}

static void *room_for(struct room *r, size_t n_bytes)
{
    enum { LINE = 64 };
    if (n_bytes > r->n_bytes) {
        free(r->at);
        r->n_bytes = (n_bytes + LINE - 1) / LINE * LINE;
        r->at = aligned_alloc(LINE, r->n_bytes);
        assert(r->at);
    }
    return r->at;
}

bool gemm_half_supported(void)
{
    unsigned has = (unsigned)dnnl_get_effective_cpu_isa(), needs = dnnl_cpu_isa_avx512_core_bf16;
    return (has & needs) == needs;
}

const char *gemm_half_name(void)
{
#define VERSION_TEXT_OF(n) #n
#define VERSION_TEXT(n)    VERSION_TEXT_OF(n)
#define ONEDNN_VERSION                                                                             \
    "oneDNN " VERSION_TEXT(DNNL_VERSION_MAJOR) "." VERSION_TEXT(                                   \
        DNNL_VERSION_MINOR) "." VERSION_TEXT(DNNL_VERSION_PATCH)
    if (!gemm_half_supported())
        return ONEDNN_VERSION;
    unsigned has = (unsigned)dnnl_get_effective_cpu_isa(), amx = dnnl_cpu_isa_avx512_core_amx;
    return (has & amx) == amx ? ONEDNN_VERSION " AMX" : ONEDNN_VERSION " AVX512-BF16";
}

struct gemm_half *gemm_half_new(void)
{
    assert(gemm_half_supported());
    struct gemm_half *h = xmalloc(sizeof *h);
    memset(h, 0, sizeof *h);
    must(dnnl_engine_create(&h->engine, dnnl_cpu, 0));
    must(dnnl_stream_create(&h->stream, h->engine, dnnl_stream_default_flags));
    return h;
}

static void kernel_free(struct kernel *k)
{
    dnnl_primitive_destroy(k->primitive);
    dnnl_memory_destroy(k->a);
    dnnl_memory_destroy(k->b);
    dnnl_memory_destroy(k->c);
    dnnl_memory_destroy(k->scratch);
    free(k);
}

void gemm_half_free(struct gemm_half *h)
{
    if (!h)
        return;
    for (int i = 0; i < N_BUCKETS; i++)
        for (struct kernel *k = h->kernels[i], *next; k; k = next) {
            next = k->next;
            kernel_free(k);
        }
    dnnl_stream_destroy(h->stream);
    dnnl_engine_destroy(h->engine);
    free(h->a.at);
    free(h->b.at);
    free(h->c.at);
    free(h->scratch.at);
    free(h);
}

/* --- kernels -------------------------------------------------------------------- */

/* rows x cols as a product sees them; ld: distance of stored rows. */
static dnnl_memory_desc_t matrix(int rows, int cols, int ld, int transposed, dnnl_data_type_t type)
{
    dnnl_dims_t dims = {rows, cols}, apart = {transposed ? 1 : ld, transposed ? ld : 1};
    dnnl_memory_desc_t d;
    must(dnnl_memory_desc_init_by_strides(&d, 2, dims, type, apart));
    return d;
}

static dnnl_memory_t handle(struct gemm_half *h, const dnnl_memory_desc_t *d)
{
    dnnl_memory_t m;
    must(dnnl_memory_create(&m, d, h->engine, DNNL_MEMORY_NONE));
    return m;
}

static struct kernel *kernel_new(struct gemm_half *h, const struct shape *s)
{
    struct kernel *k = xmalloc(sizeof *k);
    dnnl_memory_desc_t a =
        matrix(s->m, s->k, s->transpose_a ? s->m : s->k, s->transpose_a, dnnl_bf16);
    dnnl_memory_desc_t b = matrix(s->k, s->n, s->ldb, s->transpose_b, dnnl_bf16);
    dnnl_memory_desc_t c = matrix(s->m, s->n, s->ldc, 0, dnnl_f32);
    dnnl_matmul_desc_t what;
    dnnl_primitive_attr_t how;
    dnnl_post_ops_t after;
    dnnl_primitive_desc_t made;
    must(dnnl_matmul_desc_init(&what, &a, &b, NULL, &c));
    must(dnnl_primitive_attr_create(&how));
    must(dnnl_primitive_attr_set_scratchpad_mode(how, dnnl_scratchpad_mode_user));
    must(dnnl_post_ops_create(&after));
    if (s->add)
        must(dnnl_post_ops_append_sum(after, 1));
    must(dnnl_primitive_attr_set_post_ops(how, after));
    must(dnnl_primitive_desc_create(&made, &what, how, h->engine, NULL));
    const dnnl_memory_desc_t *scratch =
        dnnl_primitive_desc_query_md(made, dnnl_query_scratchpad_md, 0);
    *k = (struct kernel){.shape = *s,
                         .a = handle(h, &a),
                         .b = handle(h, &b),
                         .c = handle(h, &c),
                         .scratch = handle(h, scratch)};
    room_for(&h->scratch, dnnl_memory_desc_get_size(scratch));
    must(dnnl_primitive_create(&k->primitive, made));
    dnnl_primitive_desc_destroy(made);
    dnnl_post_ops_destroy(after);
    dnnl_primitive_attr_destroy(how);
    return k;
}

static struct kernel *kernel_for(struct gemm_half *h, const struct shape *s)
{
    unsigned hash = 0;
    const int words[] = {s->m, s->n, s->k, s->ldb, s->ldc, s->transpose_a, s->transpose_b, s->add};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        hash = (hash ^ (unsigned)words[i]) * 16777619u;
    struct kernel **at = &h->kernels[(hash >> 16) % N_BUCKETS];
    for (struct kernel *k = *at; k; k = k->next)
        if (memcmp(&k->shape, s, sizeof *s) == 0)
            return k;
    struct kernel *k = kernel_new(h, s);
    k->next = *at;
    *at = k;
    return k;
}

static void multiply(struct gemm_half *h, const struct shape *s, const uint16_t *a,
                     const uint16_t *b, float *c)
{
    struct kernel *k = kernel_for(h, s);
    /* oneDNN's handles are not const; it only reads a and b. */
    must(dnnl_memory_set_data_handle(k->a, (void *)(uintptr_t)a));
    must(dnnl_memory_set_data_handle(k->b, (void *)(uintptr_t)b));
    must(dnnl_memory_set_data_handle(k->c, c));
    must(dnnl_memory_set_data_handle(k->scratch, h->scratch.at));
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, k->a},
                                    {DNNL_ARG_WEIGHTS, k->b},
                                    {DNNL_ARG_DST, k->c},
                                    {DNNL_ARG_SCRATCHPAD, k->scratch}};
    must(dnnl_primitive_execute(k->primitive, h->stream, sizeof args / sizeof args[0], args));
    must(dnnl_stream_wait(h->stream));
}

/* --- products ------------------------------------------------------------------- */

/* scale times n rows of x, and zeros up to n_room rows, end to end. */
static void round_rows(uint16_t *out, const float *x, int ld, int n, int n_room, int cols,
                       float scale)
{
    size_t width = (size_t)cols;
    if (ld == cols)
        bfloat16_round(out, x, (size_t)n * width, scale);
    else
        for (int i = 0; i < n; i++)
            bfloat16_round(out + (size_t)i * width, x + (size_t)i * (size_t)ld, width, scale);
    memset(out + (size_t)n * width, 0, (size_t)(n_room - n) * width * sizeof *out);
}

/* n rows of from onto, or over, those of c. */
static void put_rows(const struct gemm *g, float *c, const float *from, int n)
{
    for (int i = 0; i < n; i++, c += g->ldc, from += g->n)
        for (int j = 0; j < g->n; j++)
            c[j] = g->beta != 0 ? c[j] + from[j] : from[j];
}

/* A not transposed: pieces of C's rows. */
static void by_rows(const struct gemm *g)
{
    struct gemm_half *h = g->half;
    const uint16_t *b = g->b_half;
    int ldb = g->ldb;
    if (!b) {
        int rows = g->transpose_b ? g->n : g->k, cols = g->transpose_b ? g->k : g->n;
        uint16_t *room = room_for(&h->b, (size_t)rows * (size_t)cols * sizeof *room);
        round_rows(room, g->b, g->ldb, rows, rows, cols, 1);
        b = room;
        ldb = cols;
    }
    uint16_t *a = room_for(&h->a, (size_t)PIECE_MAX * (size_t)g->k * sizeof *a);
    for (int at = 0, piece; at < g->m; at += piece) {
        piece = next_piece(g->m - at);
        int n = piece < g->m - at ? piece : g->m - at;
        float *c = g->c + (size_t)at * (size_t)g->ldc, *to = c;
        struct shape s = {.m = piece,
                          .n = g->n,
                          .k = g->k,
                          .ldb = ldb,
                          .ldc = g->ldc,
                          .transpose_b = g->transpose_b,
                          .add = g->beta != 0};
        if (n < piece) { /* not all of it has room in C */
            to = room_for(&h->c, (size_t)piece * (size_t)g->n * sizeof *to);
            s.ldc = g->n;
            s.add = 0;
        }
        round_rows(a, g->a + (size_t)at * (size_t)g->lda, g->lda, n, piece, g->k, g->alpha);
        multiply(h, &s, a, b, to);
        if (n < piece)
            put_rows(g, c, to, n);
    }
}

/* A transposed: pieces of the sums' terms. */
static void by_terms(const struct gemm *g)
{
    struct gemm_half *h = g->half;
    uint16_t *a = room_for(&h->a, (size_t)PIECE_MAX * (size_t)g->m * sizeof *a);
    uint16_t *b = room_for(&h->b, (size_t)PIECE_MAX * (size_t)g->n * sizeof *b);
    for (int at = 0, piece; at < g->k; at += piece) {
        piece = next_piece(g->k - at);
        int n = piece < g->k - at ? piece : g->k - at;
        struct shape s = {.m = g->m,
                          .n = g->n,
                          .k = piece,
                          .ldb = g->n,
                          .ldc = g->ldc,
                          .transpose_a = 1,
                          .add = g->beta != 0 || at > 0};
        round_rows(a, g->a + (size_t)at * (size_t)g->lda, g->lda, n, piece, g->m, g->alpha);
        round_rows(b, g->b + (size_t)at * (size_t)g->ldb, g->ldb, n, piece, g->n, 1);
        multiply(h, &s, a, b, g->c);
    }
}

void gemm_half_product(const struct gemm *g)
{
    assert(g->beta == 0 || g->beta == 1);
    assert(!g->transpose_a || (!g->transpose_b && !g->b_half));
    if (g->transpose_a)
        by_terms(g);
    else
        by_rows(g);
}
