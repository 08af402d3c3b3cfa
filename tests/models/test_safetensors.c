/* Files that are not what they say: each is refused with its message. */
#include "models/safetensors.h"

#include "harness/base/arena.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fixture {
    struct arena a;
    struct safetensors s;
    struct err e;
    char path[64];
};

static void begin(struct fixture *f)
{
    *f = (struct fixture){.path = "/tmp/ft-safetensors-XXXXXX"};
    int fd = mkstemp(f->path);
    cr_assert(fd >= 0);
    close(fd);
}

static void end(struct fixture *f)
{
    safetensors_close(&f->s);
    unlink(f->path);
    arena_release(&f->a);
}

/* Writes length, header and n_data bytes 0, 1, 2, ..., and opens that. */
static int open_with(struct fixture *f, uint64_t length, const char *header, size_t n_header,
                     size_t n_data)
{
    struct str file = {0};
    for (int i = 0; i < 8; i++)
        str_add_char(&file, (char)(length >> 8 * i));
    str_add_bytes(&file, header, n_header);
    for (size_t i = 0; i < n_data; i++)
        str_add_char(&file, (char)i);
    int rc = file_write(f->path, file.buf, file.len, &f->e);
    cr_assert(rc == 0);
    str_release(&file);
    return safetensors_open(&f->s, f->path, &f->a, &f->e);
}

static void expect_refused(const char *header, size_t n_data, const char *message)
{
    struct fixture f;
    begin(&f);
    cr_expect(open_with(&f, strlen(header), header, strlen(header), n_data) == -1, "%s", header);
    cr_expect(strstr(f.e.text, message) && strstr(f.e.text, f.path), "%s\n  is not: %s", message,
              f.e.text);
    cr_expect(f.s.map.data == NULL && f.s.n == 0, "nothing stays open");
    end(&f);
}

static void expect_length_refused(uint64_t length, const char *message)
{
    struct fixture f;
    begin(&f);
    cr_expect(open_with(&f, length, "{}", 2, 0) == -1);
    cr_expect(strstr(f.e.text, message), "%s", f.e.text);
    end(&f);
}

#define T(shape, from, to)                                                                         \
    "{\"dtype\":\"F32\",\"shape\":[" shape "],\"data_offsets\":[" from "," to "]}"

Test(safetensors, a_sound_file_opens_sorted_by_name)
{
    struct fixture f;
    begin(&f);
    const char *header =
        "{\"__metadata__\":{\"format\":\"pt\"},\"w\":" T("2,3", "4", "28") ",\"b\":" T(
            "1", "0", "4") ",\"none\":" T("0,9", "28", "28") ",\"one\":" T("", "28", "32") "}   ";
    cr_assert(open_with(&f, strlen(header), header, strlen(header), 32) == 0, "%s", f.e.text);
    cr_assert(f.s.n == 4);
    cr_expect_str_eq(f.s.items[0].name, "b");
    cr_expect_str_eq(f.s.items[3].name, "w");
    const struct safetensor *w = safetensors_find(&f.s, "w");
    cr_assert(w && w->n_dims == 2 && w->dims[0] == 2 && w->dims[1] == 3 && w->n_values == 6);
    cr_expect(w->data[0] == 4 && w->n_bytes == 24);
    cr_expect(safetensors_find(&f.s, "none")->n_values == 0);
    cr_expect(safetensors_find(&f.s, "one")->n_values == 1, "no dimension is a scalar");
    cr_expect(!safetensors_find(&f.s, "x"));
    end(&f);
}

Test(safetensors, an_empty_map_is_an_empty_file)
{
    struct fixture f;
    begin(&f);
    cr_expect(open_with(&f, 2, "{}", 2, 0) == 0 && f.s.n == 0);
    cr_expect(!safetensors_find(&f.s, "x"));
    end(&f);
}

Test(safetensors, wrong_header_lengths_are_refused)
{
    expect_length_refused(3, "says 3 bytes, but only 2 follow: cut short?");
    expect_length_refused(100000001, "says 100000001 bytes; more than 100000000 is refused");
    expect_length_refused(UINT64_MAX, "says 18446744073709551615 bytes; more than");
    expect_length_refused(UINT64_MAX - 7, "more than 100000000 is refused");
    expect_length_refused((uint64_t)1 << 63, "more than 100000000 is refused");
    expect_length_refused(0, "header:");
    expect_length_refused(1, "header:");
}

Test(safetensors, files_too_short_for_a_length_are_refused)
{
    for (size_t n = 0; n < 8; n++) {
        struct fixture f;
        begin(&f);
        cr_assert(file_write(f.path, "\2\0\0\0\0\0\0\0", n, &f.e) == 0);
        cr_expect(safetensors_open(&f.s, f.path, &f.a, &f.e) == -1);
        cr_expect(strstr(f.e.text, "bytes cannot hold the header's length"), "%s", f.e.text);
        end(&f);
    }
}

Test(safetensors, every_truncation_of_a_sound_file_is_refused)
{
    const char *header = "{\"b\":" T("1", "0", "4") ",\"w\":" T("2,3", "4", "28") "}";
    struct fixture f;
    begin(&f);
    cr_assert(open_with(&f, strlen(header), header, strlen(header), 28) == 0);
    safetensors_close(&f.s);
    for (long n = (long)(8 + strlen(header) + 28) - 1; n >= 0; n--) {
        cr_assert(truncate(f.path, n) == 0);
        cr_expect(safetensors_open(&f.s, f.path, &f.a, &f.e) == -1, "%ld bytes", n);
    }
    end(&f);
}

Test(safetensors, headers_that_are_not_a_map_are_refused)
{
    expect_refused("not json", 0, "header:1:");
    expect_refused("", 0, "header:1:");
    expect_refused("[]", 0, "not a map of tensors");
    expect_refused("7", 0, "not a map of tensors");
    expect_refused("null", 0, "not a map of tensors");
    expect_refused("{} {}", 0, "header:1:");
    expect_refused("{\"a\":[]}", 0, "tensor a: entry: a map with the key \"dtype\"");
    expect_refused("{\"a\":{}}", 0, "the key \"dtype\" is missing");
    expect_refused("{\"\xff\":1}", 0, "header:1:");
    expect_refused("{\"__metadata__\":[]}", 0, "__metadata__ is not a map");
    expect_refused("{\"__metadata__\":{\"k\":1}}", 0, "__metadata__: \"k\" is not a text");
}

Test(safetensors, names_that_stand_twice_are_refused)
{
    expect_refused("{\"a\":" T("1", "0", "4") ",\"a\":" T("1", "0", "4") "}", 4, "duplicate");
}

Test(safetensors, wrong_dtypes_and_shapes_are_refused)
{
    expect_refused("{\"a\":{\"dtype\":\"F33\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
                   "tensor a: unknown dtype \"F33\"");
    expect_refused("{\"a\":{\"dtype\":4,\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
                   "\"dtype\" must be a text");
    expect_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":4,\"data_offsets\":[0,4]}}", 4,
                   "\"shape\" must be a list");
    expect_refused("{\"a\":" T("-1", "0", "4") "}", 4, "whole numbers from 0");
    expect_refused("{\"a\":" T("1.0", "0", "4") "}", 4, "whole numbers from 0");
    expect_refused("{\"a\":" T("\"1\"", "0", "4") "}", 4, "whole numbers from 0");
    expect_refused("{\"a\":" T("1,1,1,1,1,1,1,1,1", "0", "4") "}", 4, "9 dimensions");
    expect_refused("{\"a\":" T("4294967296,4294967296", "0", "0") "}", 0,
                   "shape overflows: too many values");
    expect_refused("{\"a\":" T("4611686018427387904", "0", "0") "}", 0,
                   "shape overflows: too many bytes");
    expect_refused("{\"a\":" T("9223372036854775807,9223372036854775807", "0", "4") "}", 4,
                   "shape overflows");
    expect_refused("{\"a\":" T("92233720368547758079", "0", "4") "}", 4, "header:1:");
}

Test(safetensors, wrong_offsets_are_refused)
{
    expect_refused("{\"a\":" T("2", "0", "4") "}", 4,
                   "span 4 bytes, but shape and dtype F32 make 8");
    expect_refused("{\"a\":" T("1", "0", "8") "}", 8, "span 8 bytes");
    expect_refused("{\"a\":" T("2", "0", "8") "}", 4,
                   "end at 8, but the file holds 4 bytes of data");
    expect_refused("{\"a\":" T("1", "4", "0") "}", 4, "end (0) before they begin (4)");
    expect_refused("{\"a\":" T("1", "-4", "0") "}", 4, "two whole numbers from 0");
    expect_refused("{\"a\":" T("1", "0", "9223372036854775807") "}", 4, "but the file holds");
    expect_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", 4,
                   "two whole numbers from 0");
    expect_refused("{\"a\":" T("1", "0", "4") ",\"b\":" T("1", "0", "4") "}", 4, "overlap");
    expect_refused("{\"a\":" T("2", "0", "8") ",\"b\":" T("2", "4", "12") "}", 12,
                   "a and b overlap");
    expect_refused("{\"a\":" T("1", "0", "4") ",\"b\":" T("1", "8", "12") "}", 12,
                   "4 bytes before b belong to no tensor");
    expect_refused("{\"a\":" T("1", "4", "8") "}", 8, "4 bytes before a belong to no tensor");
    expect_refused("{\"a\":" T("1", "0", "4") "}", 7, "3 bytes at the end belong to no tensor");
    expect_refused("{}", 7, "7 bytes at the end belong to no tensor");
}

Test(safetensors, depth_bombs_are_refused)
{
    enum { DEPTH = 200000 };
    char *bomb = malloc(DEPTH + 1);
    cr_assert(bomb);
    memset(bomb, '[', DEPTH);
    bomb[DEPTH] = '\0';
    expect_refused(bomb, 0, "depth");
    memcpy(bomb, "{\"a\":", 5);
    expect_refused(bomb, 0, "depth");
    free(bomb);
}

Test(safetensors, a_missing_file_and_a_folder_are_named)
{
    struct fixture f;
    begin(&f);
    cr_expect(safetensors_open(&f.s, "/nowhere/x.safetensors", &f.a, &f.e) == -1);
    cr_expect(strstr(f.e.text, "/nowhere/x.safetensors"));
    cr_expect(safetensors_open(&f.s, "/tmp", &f.a, &f.e) == -1);
    cr_expect(strstr(f.e.text, "not a regular file"), "%s", f.e.text);
    end(&f);
}

/* --- values ------------------------------------------------------------------- */

/* All 65536 F16 and BF16 patterns, against their definitions. */
Test(safetensors, half_precision_values_are_exact)
{
    enum { N = 65536 };
    static unsigned char raw[2 * N];
    static float out[N];
    for (int i = 0; i < N; i++) {
        raw[2 * i] = (unsigned char)i;
        raw[2 * i + 1] = (unsigned char)(i >> 8);
    }
    struct err e;
    struct safetensor t = {.name = "t", .dtype = DTYPE_F16, .n_values = N, .data = raw};
    cr_assert(safetensor_to_f32(out, &t, &e) == 0);
    for (int i = 0; i < N; i++) {
        int exponent = i >> 10 & 31, fraction = i & 1023;
        double size = exponent == 31  ? (fraction ? NAN : INFINITY)
                      : exponent == 0 ? ldexp(fraction, -24)
                                      : ldexp(1024 + fraction, exponent - 25);
        double want = i & 0x8000 ? -size : size;
        cr_assert(isnan(want) ? isnan(out[i])
                              : (double)out[i] == want && !signbit(out[i]) == !signbit(want),
                  "%04x: %g not %g", (unsigned)i, (double)out[i], want);
    }
    t.dtype = DTYPE_BF16;
    cr_assert(safetensor_to_f32(out, &t, &e) == 0);
    for (int i = 0; i < N; i++) {
        uint32_t bits;
        memcpy(&bits, &out[i], sizeof bits);
        cr_assert(bits == (uint32_t)i << 16);
    }
}

Test(safetensors, a_dtype_that_cannot_be_used_is_named)
{
    struct err e;
    float out[1];
    unsigned char raw[8] = {0};
    struct safetensor t = {.name = "ids", .dtype = DTYPE_I64, .dtype_name = "I64", .data = raw};
    t.n_values = 1;
    cr_expect(safetensor_to_f32(out, &t, &e) == -1);
    cr_expect_str_eq(e.text, "tensor ids has dtype I64; F32, F16 and BF16 can be used");
}

Test(safetensors, what_was_written_is_read)
{
    struct fixture f;
    begin(&f);
    const float w[6] = {1, -2, 3.5f, 0, 1e-40f, 1e30f}, b[1] = {7};
    const struct safetensor_out items[] = {{"model.w", 2, {2, 3}, w, DTYPE_F32},
                                           {"a \"b\"\\", 1, {1}, b, DTYPE_F32}};
    cr_assert(safetensors_write(f.path, items, 2, &f.e) == 0, "%s", f.e.text);
    cr_assert(safetensors_open(&f.s, f.path, &f.a, &f.e) == 0, "%s", f.e.text);
    const struct safetensor *t = safetensors_find(&f.s, "model.w");
    cr_assert(t && t->n_dims == 2 && t->dims[0] == 2 && t->dims[1] == 3);
    cr_expect(memcmp(t->data, w, sizeof w) == 0);
    cr_expect((size_t)(t->data - f.s.map.data) % 64 == 0, "data begin aligned");
    cr_expect(safetensors_find(&f.s, "a \"b\"\\") != NULL);
    safetensors_close(&f.s);
    cr_expect(safetensors_write("/nowhere/x", items, 2, &f.e) == -1);
    cr_expect(strstr(f.e.text, "/nowhere/x"), "%s", f.e.text);
    end(&f);
}

/* Every F16 is written as itself; halfway between two the even one wins, just beyond it the nearer
 * one (IEEE 754, 4.3.1). */
Test(safetensors, f16_is_rounded_to_the_nearest_and_ties_to_even)
{
    enum { N = 0x7C00 };
    struct fixture f;
    begin(&f);
    static float exact[N], in[4 * (N - 1)], got[4 * (N - 1)];
    for (int i = 0; i < N; i++) /* the i-th F16 from 0 on */
        exact[i] = i < 1024 ? (float)i * 0x1p-24f : ldexpf((float)(1024 + i % 1024), i / 1024 - 25);
    for (int i = 0; i < N - 1; i++) {
        float middle = exact[i] + (exact[i + 1] - exact[i]) / 2;
        in[4 * i] = -exact[i];
        in[4 * i + 1] = middle;
        in[4 * i + 2] = nextafterf(middle, 0);
        in[4 * i + 3] = -nextafterf(middle, INFINITY);
    }
    struct safetensor_out out = {"x", 1, {4 * (N - 1), 0}, in, DTYPE_F16};
    cr_assert(safetensors_write(f.path, &out, 1, &f.e) == 0, "%s", f.e.text);
    cr_assert(safetensors_open(&f.s, f.path, &f.a, &f.e) == 0, "%s", f.e.text);
    cr_assert(f.s.items[0].dtype == DTYPE_F16 && f.s.items[0].n_bytes == sizeof got / 2);
    cr_assert(safetensor_to_f32(got, &f.s.items[0], &f.e) == 0);
    for (int i = 0; i < N - 1; i++) {
        const float want[] = {-exact[i], exact[i + i % 2], exact[i], -exact[i + 1]};
        for (int k = 0; k < 4; k++)
            cr_assert(got[4 * i + k] == want[k] && signbit(got[4 * i + k]) == signbit(want[k]),
                      "%a became %a, not %a", in[4 * i + k], got[4 * i + k], want[k]);
    }
    end(&f);
}
