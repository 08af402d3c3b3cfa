#include "harness/base/arena.h"
#include "models/tensor/bfloat16.h"
#include "models/tensor/gemm.h"

#include <assert.h>
#include <dnnl.h>
#include <stdlib.h>
#include <string.h>

/* Kernels are made for a shape, which takes as long as a small product, and every batch has
 * a new number of tokens. So tokens (rows of C, or the terms of its sums) go through in
 * pieces: whole ones, a rest of full lines, and what is left filled up with zeros. Pieces of
 * 256 keep their rounded factor in the cache and are no slower than larger ones. */
enum { PIECE = 256, LINE = 32 };

struct shape {
    int m, n, k, lda, ldb, ldc;
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

/* What a thread has to itself; the code of equal kernels is oneDNN's and shared. */
struct worker {
    dnnl_engine_t engine; /* borrowed */
    dnnl_stream_t stream;
    struct kernel *kernels[N_BUCKETS];
    struct room a, c, scratch;
};

struct gemm_half {
    dnnl_engine_t engine;
    struct room a, b; /* rounded factors that all threads read */
    int n_workers;
    struct worker workers[];
};

/* Whatever oneDNN refuses here is our bug, or no memory. */
static void must(dnnl_status_t status)
{
    assert(status == dnnl_success);
    (void)status;
}

static void *room_for(struct room *r, size_t n_bytes)
{
    enum { CACHE_LINE = 64 };
    if (n_bytes > r->n_bytes) {
        free(r->at);
        r->n_bytes = (n_bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
        r->at = aligned_alloc(CACHE_LINE, r->n_bytes);
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

struct gemm_half *gemm_half_new(int n_threads)
{
    assert(gemm_half_supported() && n_threads > 0);
    size_t n_bytes = sizeof(struct gemm_half) + (size_t)n_threads * sizeof(struct worker);
    struct gemm_half *h = xmalloc(n_bytes);
    memset(h, 0, n_bytes);
    must(dnnl_engine_create(&h->engine, dnnl_cpu, 0));
    h->n_workers = n_threads;
    for (int i = 0; i < n_threads; i++) {
        h->workers[i].engine = h->engine;
        must(dnnl_stream_create(&h->workers[i].stream, h->engine, dnnl_stream_default_flags));
    }
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

static void worker_release(struct worker *w)
{
    for (int i = 0; i < N_BUCKETS; i++)
        for (struct kernel *k = w->kernels[i], *next; k; k = next) {
            next = k->next;
            kernel_free(k);
        }
    dnnl_stream_destroy(w->stream);
    free(w->a.at);
    free(w->c.at);
    free(w->scratch.at);
}

void gemm_half_free(struct gemm_half *h)
{
    if (!h)
        return;
    for (int i = 0; i < h->n_workers; i++)
        worker_release(&h->workers[i]);
    dnnl_engine_destroy(h->engine);
    free(h->a.at);
    free(h->b.at);
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

static dnnl_memory_t handle(struct worker *w, const dnnl_memory_desc_t *d)
{
    dnnl_memory_t m;
    must(dnnl_memory_create(&m, d, w->engine, DNNL_MEMORY_NONE));
    return m;
}

static struct kernel *kernel_new(struct worker *w, const struct shape *s)
{
    struct kernel *k = xmalloc(sizeof *k);
    dnnl_memory_desc_t a = matrix(s->m, s->k, s->lda, s->transpose_a, dnnl_bf16);
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
    must(dnnl_primitive_desc_create(&made, &what, how, w->engine, NULL));
    const dnnl_memory_desc_t *scratch =
        dnnl_primitive_desc_query_md(made, dnnl_query_scratchpad_md, 0);
    *k = (struct kernel){.shape = *s,
                         .a = handle(w, &a),
                         .b = handle(w, &b),
                         .c = handle(w, &c),
                         .scratch = handle(w, scratch)};
    room_for(&w->scratch, dnnl_memory_desc_get_size(scratch));
    must(dnnl_primitive_create(&k->primitive, made));
    dnnl_primitive_desc_destroy(made);
    dnnl_post_ops_destroy(after);
    dnnl_primitive_attr_destroy(how);
    return k;
}

static struct kernel *kernel_for(struct worker *w, const struct shape *s)
{
    unsigned hash = 0;
    const int words[] = {s->m,   s->n,           s->k,           s->lda, s->ldb,
                         s->ldc, s->transpose_a, s->transpose_b, s->add};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        hash = (hash ^ (unsigned)words[i]) * 16777619u;
    struct kernel **at = &w->kernels[(hash >> 16) % N_BUCKETS];
    for (struct kernel *k = *at; k; k = k->next)
        if (memcmp(&k->shape, s, sizeof *s) == 0)
            return k;
    struct kernel *k = kernel_new(w, s);
    k->next = *at;
    *at = k;
    return k;
}

static void multiply(struct worker *w, const struct shape *s, const uint16_t *a, const uint16_t *b,
                     float *c)
{
    struct kernel *k = kernel_for(w, s);
    /* oneDNN's handles are not const; it only reads a and b. */
    must(dnnl_memory_set_data_handle(k->a, (void *)(uintptr_t)a));
    must(dnnl_memory_set_data_handle(k->b, (void *)(uintptr_t)b));
    must(dnnl_memory_set_data_handle(k->c, c));
    must(dnnl_memory_set_data_handle(k->scratch, w->scratch.at));
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, k->a},
                                    {DNNL_ARG_WEIGHTS, k->b},
                                    {DNNL_ARG_DST, k->c},
                                    {DNNL_ARG_SCRATCHPAD, k->scratch}};
    must(dnnl_primitive_execute(k->primitive, w->stream, sizeof args / sizeof args[0], args));
    must(dnnl_stream_wait(w->stream));
}

/* --- products ------------------------------------------------------------------- */

/* n rows of x as they are stored, scaled and rounded, end to end. */
static void round_rows(uint16_t *out, const float *x, int ld, int n, int cols, float scale)
{
    size_t width = (size_t)cols;
    if (ld == cols)
        bfloat16_round(out, x, (size_t)n * width, scale);
    else
        for (int i = 0; i < n; i++)
            bfloat16_round(out + (size_t)i * width, x + (size_t)i * (size_t)ld, width, scale);
}

struct rounding {
    uint16_t *out;
    const float *x;
    int ld, cols;
    float scale;
};

static void round_piece(void *state, long first, long end, int thread)
{
    const struct rounding *r = state;
    (void)thread;
    round_rows(r->out + (size_t)first * (size_t)r->cols, r->x + (size_t)first * (size_t)r->ld,
               r->ld, (int)(end - first), r->cols, r->scale);
}

/* The same by all threads, and zeros up to n_room rows. */
static void round_shared(struct pool *pool, const struct rounding *r, int n, int n_room)
{
    enum { ROWS = 32 };
    struct rounding copy = *r;
    pool_run(pool, n, ROWS, round_piece, &copy);
    size_t width = (size_t)r->cols;
    memset(r->out + (size_t)n * width, 0, (size_t)(n_room - n) * width * sizeof *r->out);
}

/* A product of rows of C, or of blocks of it, as threads share it. */
struct share {
    const struct gemm *g;
    const uint16_t *a, *b; /* rounded; a: by_terms only */
    struct shape shape;
    int piece; /* of rows, or of the side of C that is cut */
    bool by_columns;
};

/* n rows of C from row `at` on begin as g->row, where there is one. */
static void begin_rows(const struct gemm *g, int at, int n)
{
    for (int i = at; i < at + n && g->row != NULL; i++)
        memcpy(g->c + (size_t)i * (size_t)g->ldc, g->row, (size_t)g->n * sizeof *g->c);
}

/* n rows of from onto, or over, those of c. */
static void put_rows(const struct gemm *g, float *c, const float *from, int n, bool add)
{
    for (int i = 0; i < n; i++, c += g->ldc, from += g->n)
        for (int j = 0; j < g->n; j++)
            c[j] = add ? c[j] + from[j] : from[j];
}

static void some_rows(void *state, long first, long end, int thread)
{
    const struct share *share = state;
    const struct gemm *g = share->g;
    struct worker *w = &g->half->workers[thread];
    struct shape s = share->shape;
    size_t width = (size_t)g->k;
    uint16_t *a = room_for(&w->a, (size_t)share->piece * width * sizeof *a);
    for (int at = (int)first; at < end; at += s.m) {
        int left = (int)end - at, n = left < share->piece ? left : share->piece;
        n = n > LINE ? n / LINE * LINE : n;
        s.m = n > LINE ? n : LINE;
        float *c = g->c + (size_t)at * (size_t)g->ldc;
        round_rows(a, g->a + (size_t)at * (size_t)g->lda, g->lda, n, g->k, g->alpha);
        begin_rows(g, at, n);
        if (n == s.m) {
            multiply(w, &s, a, share->b, c);
            continue;
        }
        /* The last piece, of which not all has room in C. */
        struct shape alone = s;
        alone.ldc = g->n;
        alone.add = 0;
        float *to = room_for(&w->c, (size_t)s.m * (size_t)g->n * sizeof *to);
        memset(a + (size_t)n * width, 0, (size_t)(s.m - n) * width * sizeof *a);
        multiply(w, &alone, a, share->b, to);
        put_rows(g, c, to, n, share->shape.add);
    }
}

/* A not transposed: pieces of C's rows. What a thread takes at once depends on their number
 * only. */
static void by_rows(const struct gemm *g)
{
    struct gemm_half *h = g->half;
    struct share share = {.g = g,
                          .b = g->b_half,
                          .piece = g->m <= PIECE * 3 / 2 ? PIECE / 2 : PIECE,
                          .shape = {.n = g->n,
                                    .k = g->k,
                                    .lda = g->k,
                                    .ldb = g->ldb,
                                    .ldc = g->ldc,
                                    .transpose_b = g->transpose_b,
                                    .add = g->row != NULL || g->beta != 0}};
    if (!share.b) {
        int rows = g->transpose_b ? g->n : g->k, cols = g->transpose_b ? g->k : g->n;
        uint16_t *b = room_for(&h->b, (size_t)rows * (size_t)cols * sizeof *b);
        struct rounding r = {b, g->b, g->ldb, cols, 1};
        round_shared(g->pool, &r, rows, rows);
        share.b = b;
        share.shape.ldb = cols;
    }
    pool_run(g->pool, g->m, share.piece, some_rows, &share);
}

static void some_blocks(void *state, long first, long end, int thread)
{
    const struct share *share = state;
    struct worker *w = &share->g->half->workers[thread];
    struct shape s = share->shape;
    for (long at = first; at < end; at += share->piece) {
        int length = end - at < share->piece ? (int)(end - at) : share->piece;
        size_t skip = (size_t)at;
        *(share->by_columns ? &s.n : &s.m) = length;
        if (share->by_columns)
            multiply(w, &s, share->a, share->b + skip, share->g->c + skip);
        else
            multiply(w, &s, share->a + skip, share->b, share->g->c + skip * (size_t)s.ldc);
    }
}

/* Length of the blocks of C: what a kernel adds to is to stay in the cache, and two threads
 * are to have as much to do. Depends on C alone, so that threads do not show in the bits. */
static int block_length(int m, int n)
{
    enum { VALUES = 320 << 10, ALIGN = 16 };
    int length = m > n ? m : n;
    long pairs = ((long)m * n + 2 * VALUES - 1) / (2 * VALUES);
    int block = m * (long)n < VALUES / 2 ? length : (int)((length + 2 * pairs - 1) / (2 * pairs));
    return (block + ALIGN - 1) / ALIGN * ALIGN;
}

/* A transposed: pieces of the sums' terms, each by blocks of C along its longer side. */
static void by_terms(const struct gemm *g)
{
    struct gemm_half *h = g->half;
    int length = g->m > g->n ? g->m : g->n, block = block_length(g->m, g->n);
    uint16_t *a = room_for(&h->a, (size_t)PIECE * (size_t)g->m * sizeof *a);
    uint16_t *b = room_for(&h->b, (size_t)PIECE * (size_t)g->n * sizeof *b);
    struct share share = {.g = g, .a = a, .b = b, .by_columns = g->n > g->m, .piece = block};
    for (int at = 0, piece; at < g->k; at += piece) {
        int n = g->k - at < PIECE ? g->k - at : PIECE;
        piece = (n + LINE - 1) / LINE * LINE;
        struct rounding ra = {a, g->a + (size_t)at * (size_t)g->lda, g->lda, g->m, g->alpha};
        struct rounding rb = {b, g->b + (size_t)at * (size_t)g->ldb, g->ldb, g->n, 1};
        round_shared(g->pool, &ra, n, piece);
        round_shared(g->pool, &rb, n, piece);
        share.shape = (struct shape){.m = g->m,
                                     .n = g->n,
                                     .k = piece,
                                     .lda = g->m,
                                     .ldb = g->n,
                                     .ldc = g->ldc,
                                     .transpose_a = 1,
                                     .add = g->beta != 0 || at > 0};
        pool_run(g->pool, length, block, some_blocks, &share);
    }
}

void gemm_half_product(const struct gemm *g)
{
    assert(g->beta == 0 || g->beta == 1);
    assert(!g->transpose_a || (!g->transpose_b && !g->b_half && !g->row));
    assert(pool_threads(g->pool) <= g->half->n_workers);
    if (g->transpose_a)
        by_terms(g);
    else
        by_rows(g);
}
