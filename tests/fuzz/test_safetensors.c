/* Mutated safetensors: opened or refused, never read out of bounds.
 *
 * A fixed number of mutations of sound files, the same in every run; what it
 * proves is worth most with V=asan. Every value of what opens is read. */
#include "harness/base/arena.h"
#include "models/safetensors.h"
#include "tests/fuzz/mutate.h"

#include <sys/mman.h>

enum { MUTATIONS = 20000, LENGTH_BYTES = 8 };

static const char *const corpus[] = {"tests/golden/bert/relu-f16/model.safetensors",
                                     "tests/golden/bert/relu-bf16/model.safetensors"};

/* What numbers and text in a header are overwritten with. */
static const char *const tokens[] = {"0",
                                     "-1",
                                     "1e9",
                                     "9223372036854775807",
                                     "18446744073709551615",
                                     "4294967296",
                                     "2147483648",
                                     "null",
                                     "[]",
                                     "{}",
                                     "\"F32\"",
                                     "\"I64\"",
                                     "\"",
                                     "[[[[[[[[",
                                     "{\"a\":",
                                     "\\u0000",
                                     "\xff",
                                     "__metadata__",
                                     "shape",
                                     "dtype",
                                     "data_offsets",
                                     ",",
                                     ":",
                                     "}",
                                     "]"};
enum { N_TOKENS = sizeof tokens / sizeof tokens[0] };

static void set_length(struct str *s, uint64_t length)
{
    for (int i = 0; i < LENGTH_BYTES; i++)
        s->buf[i] = (char)(length >> 8 * i);
}

static uint64_t get_length(const struct str *s)
{
    uint64_t length = 0;
    for (int i = LENGTH_BYTES; i-- > 0;)
        length = length << 8 | (unsigned char)s->buf[i];
    return length;
}

/* token in place of n bytes at `at` of the header; the length field follows. */
static void splice(struct str *s, size_t at, size_t n, const char *token)
{
    struct str out = {0};
    uint64_t length = get_length(s);
    str_add_bytes(&out, s->buf, at);
    str_add(&out, token);
    str_add_bytes(&out, s->buf + at + n, s->len - at - n);
    set_length(&out, length - n + strlen(token));
    str_release(s);
    *s = out;
}

/* The run of digits at or behind `at`, or one byte. */
static size_t find_number(const struct str *s, size_t *at, size_t end)
{
    size_t from = *at;
    while (from < end && (s->buf[from] < '0' || s->buf[from] > '9'))
        from++;
    size_t n = 0;
    while (from + n < end && s->buf[from + n] >= '0' && s->buf[from + n] <= '9')
        n++;
    if (n)
        *at = from;
    return n ? n : 1;
}

static void mutate_header(struct str *s, struct chance *c)
{
    size_t length = get_length(s), end = LENGTH_BYTES + length;
    if (length == 0 || end > s->len)
        return;
    size_t at = LENGTH_BYTES + below(c, length), n = 0;
    switch (below(c, 4)) {
    case 0: /* another number */
        n = find_number(s, &at, end);
        splice(s, at, n, tokens[below(c, 7)]);
        break;
    case 1: /* a token somewhere */
        splice(s, at, 0, tokens[below(c, N_TOKENS)]);
        break;
    case 2: /* a piece gone */
        n = below(c, 40);
        splice(s, at, n < end - at ? n : end - at, "");
        break;
    default: /* one bit */
        s->buf[at] = (char)(s->buf[at] ^ 1 << below(c, 8));
    }
}

static void mutate(struct str *s, struct chance *c)
{
    switch (below(c, 8)) {
    case 0:
        s->len = below(c, s->len + 1);
        break;
    case 1:
        s->buf[below(c, LENGTH_BYTES)] ^= (char)(1 << below(c, 8));
        break;
    case 2:
        str_add(s, tokens[below(c, N_TOKENS)]);
        break;
    default:
        mutate_header(s, c);
    }
}

/* Reads every value, so that a wrong extent is an access out of bounds. */
static void read_all(const struct safetensors *s)
{
    for (int i = 0; i < s->n; i++) {
        const struct safetensor *t = &s->items[i];
        struct err e;
        unsigned char sum = 0;
        for (size_t k = 0; k < t->n_bytes; k++)
            sum ^= t->data[k];
        float *out = malloc(t->n_values * sizeof *out + sum % 2 + 1);
        cr_assert(out);
        int rc = safetensor_to_f32(out, t, &e);
        cr_assert((rc == 0) == (t->dtype != DTYPE_OTHER && t->dtype != DTYPE_I64));
        free(out);
        cr_assert(safetensors_find(s, t->name) == t);
    }
}

Test(fuzz_safetensors, mutations_are_opened_or_refused)
{
    int n_opened = 0, n_refused = 0, fd = memfd_create("fuzz", MFD_CLOEXEC);
    cr_assert(fd >= 0);
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    for (int i = 0; i < MUTATIONS; i++) {
        struct arena a = {0};
        struct str file = {0};
        struct err e = {0};
        struct safetensors s;
        struct chance c = chance_of(i);
        cr_assert(file_read(&file, corpus[i % 2], &e) == 0, "%s", e.text);
        for (uint32_t n = 1 + below(&c, 3); n > 0 && file.len >= LENGTH_BYTES; n--)
            mutate(&file, &c);
        cr_assert(ftruncate(fd, 0) == 0 && pwrite(fd, file.buf, file.len, 0) == (ssize_t)file.len);
        if (safetensors_open(&s, path, &a, &e) == 0) {
            n_opened++;
            read_all(&s);
            safetensors_close(&s);
        } else {
            n_refused++;
            cr_assert(e.kind == ERR_WORLD && strstr(e.text, path), "%s", e.text);
        }
        str_release(&file);
        arena_release(&a);
    }
    close(fd);
    /* Both ends of the parser are reached: some mutations touch only names. */
    cr_expect(n_opened > MUTATIONS / 100 && n_refused > MUTATIONS / 2, "%d opened, %d refused",
              n_opened, n_refused);
}
