#include "models/safetensors.h"

#include "harness/base/arena.h"
#include "harness/base/json.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The same limit as the reference implementation's. */
enum { LENGTH_BYTES = 8, HEADER_MAX_BYTES = 100000000, DIMS_MAX = 8, DATA_ALIGN = 64 };

static const struct {
    const char *name;
    enum dtype dtype;
    size_t n_bytes;
} dtypes[] = {
    {"F32", DTYPE_F32, 4},    {"F16", DTYPE_F16, 2},       {"BF16", DTYPE_BF16, 2},
    {"I64", DTYPE_I64, 8},    {"F64", DTYPE_OTHER, 8},     {"I32", DTYPE_OTHER, 4},
    {"I16", DTYPE_OTHER, 2},  {"I8", DTYPE_OTHER, 1},      {"U64", DTYPE_OTHER, 8},
    {"U32", DTYPE_OTHER, 4},  {"U16", DTYPE_OTHER, 2},     {"U8", DTYPE_OTHER, 1},
    {"BOOL", DTYPE_OTHER, 1}, {"F8_E4M3", DTYPE_OTHER, 1}, {"F8_E5M2", DTYPE_OTHER, 1},
};
enum { N_DTYPES = sizeof dtypes / sizeof dtypes[0] };

/* Bytes of one value, or 0 for an unknown dtype. */
static size_t read_dtype(struct safetensor *t, const char *name)
{
    for (int i = 0; i < N_DTYPES; i++)
        if (strcmp(dtypes[i].name, name) == 0) {
            t->dtype = dtypes[i].dtype;
            t->dtype_name = dtypes[i].name;
            return dtypes[i].n_bytes;
        }
    return 0;
}

/* dims, n_values and, at value_bytes each, n_bytes. */
static int read_shape(struct safetensor *t, const json_t *shape, size_t value_bytes, struct err *e)
{
    if (json_array_size(shape) > DIMS_MAX)
        return err_set(e, "shape has %zu dimensions; at most %d are read", json_array_size(shape),
                       DIMS_MAX);
    t->n_dims = (int)json_array_size(shape);
    t->n_values = 1;
    bool empty = false;
    for (int i = 0; i < t->n_dims; i++) {
        const json_t *dim = json_array_get(shape, (size_t)i);
        if (!json_is_integer(dim) || json_integer_value(dim) < 0)
            return err_set(e, "shape holds something other than whole numbers from 0");
        t->dims[i] = json_integer_value(dim);
        empty = empty || t->dims[i] == 0;
        if (!empty && __builtin_mul_overflow(t->n_values, (size_t)t->dims[i], &t->n_values))
            return err_set(e, "shape overflows: too many values to count");
    }
    if (empty)
        t->n_values = 0;
    if (__builtin_mul_overflow(t->n_values, value_bytes, &t->n_bytes))
        return err_set(e, "shape overflows: too many bytes to count");
    return 0;
}

/* data_offsets [begin, end) into the data block of data_bytes. */
static int read_offsets(struct safetensor *t, const json_t *offsets, const unsigned char *data,
                        size_t data_bytes, struct err *e)
{
    const json_t *from = json_array_get(offsets, 0), *to = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(from) || !json_is_integer(to) ||
        json_integer_value(from) < 0 || json_integer_value(to) < 0)
        return err_set(e, "data_offsets must be two whole numbers from 0");
    size_t begin = (size_t)json_integer_value(from), end = (size_t)json_integer_value(to);
    if (end < begin)
        return err_set(e, "data_offsets end (%zu) before they begin (%zu)", end, begin);
    if (end > data_bytes)
        return err_set(e, "data_offsets end at %zu, but the file holds %zu bytes of data", end,
                       data_bytes);
    if (end - begin != t->n_bytes)
        return err_set(e, "data_offsets span %zu bytes, but shape and dtype %s make %zu",
                       end - begin, t->dtype_name, t->n_bytes);
    t->data = data + begin;
    return 0;
}

/* One entry of the header. */
static int read_tensor(struct safetensor *t, const json_t *entry, const unsigned char *data,
                       size_t data_bytes, struct err *e)
{
    const char *dtype;
    json_t *shape, *offsets;
    if (json_text(&dtype, entry, "dtype", "entry", e) != 0 ||
        json_list(&shape, entry, "shape", "entry", e) != 0 ||
        json_list(&offsets, entry, "data_offsets", "entry", e) != 0)
        return -1;
    size_t value_bytes = read_dtype(t, dtype);
    if (value_bytes == 0)
        return err_set(e, "unknown dtype \"%s\"", dtype);
    if (read_shape(t, shape, value_bytes, e) != 0)
        return -1;
    return read_offsets(t, offsets, data, data_bytes, e);
}

static int check_metadata(const json_t *map, struct err *e)
{
    if (!json_is_object(map))
        return err_set(e, "__metadata__ is not a map");
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)map, key, value) if (!json_is_string(value)) return err_set(
        e, "__metadata__: \"%s\" is not a text", key);
    return 0;
}

static int compare_places(const void *left, const void *right)
{
    const struct safetensor *a = left, *b = right;
    if (a->data != b->data)
        return a->data < b->data ? -1 : 1;
    return a->n_bytes < b->n_bytes ? -1 : a->n_bytes > b->n_bytes;
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(((const struct safetensor *)left)->name,
                  ((const struct safetensor *)right)->name);
}

/* The tensors must tile the data block: no overlap, no hole, nothing behind.
 * Leaves them sorted by name. */
static int check_tiling(const struct safetensors *s, const unsigned char *data, size_t data_bytes,
                        struct err *e)
{
    qsort(s->items, (size_t)s->n, sizeof *s->items, compare_places);
    const unsigned char *at = data;
    for (int i = 0; i < s->n; i++) {
        const struct safetensor *t = &s->items[i];
        if (t->data < at)
            return err_set(e, "%s and %s overlap", s->items[i - 1].name, t->name);
        if (t->data > at)
            return err_set(e, "%zu bytes before %s belong to no tensor", (size_t)(t->data - at),
                           t->name);
        at = t->data + t->n_bytes;
    }
    if (at != data + data_bytes)
        return err_set(e, "%zu bytes at the end belong to no tensor",
                       (size_t)(data + data_bytes - at));
    qsort(s->items, (size_t)s->n, sizeof *s->items, compare_names);
    return 0;
}

static int read_entries(struct safetensors *s, const json_t *header, size_t header_bytes,
                        struct err *e)
{
    if (!json_is_object(header))
        return err_set(e, "the header is JSON, but not a map of tensors");
    const unsigned char *data = s->map.data + LENGTH_BYTES + header_bytes;
    size_t data_bytes = s->map.n_bytes - LENGTH_BYTES - header_bytes;
    s->items = arena_array(s->arena, json_object_size(header), sizeof *s->items);
    const char *name;
    json_t *entry;
    json_object_foreach((json_t *)header, name, entry)
    {
        if (strcmp(name, "__metadata__") == 0) {
            if (check_metadata(entry, e) != 0)
                return -1;
            continue;
        }
        struct safetensor *t = &s->items[s->n++];
        t->name = arena_strdup(s->arena, name);
        if (read_tensor(t, entry, data, data_bytes, e) != 0)
            return err_wrap(e, "tensor %s", name);
    }
    return check_tiling(s, data, data_bytes, e);
}

static uint64_t little_endian(const unsigned char *at)
{
    uint64_t value = 0;
    for (int i = LENGTH_BYTES; i-- > 0;)
        value = value << 8 | at[i];
    return value;
}

/* Length of the header behind the length field. */
static int read_length(size_t *out, const struct safetensors *s, struct err *e)
{
    if (s->map.n_bytes < LENGTH_BYTES)
        return err_set(e, "too short: %zu bytes cannot hold the header's length", s->map.n_bytes);
    uint64_t n = little_endian(s->map.data);
    if (n > HEADER_MAX_BYTES)
        return err_set(e, "the header's length says %llu bytes; more than %d is refused",
                       (unsigned long long)n, HEADER_MAX_BYTES);
    if (n > s->map.n_bytes - LENGTH_BYTES)
        return err_set(e, "the header's length says %llu bytes, but only %zu follow: cut short?",
                       (unsigned long long)n, s->map.n_bytes - LENGTH_BYTES);
    *out = (size_t)n;
    return 0;
}

static int read_all(struct safetensors *s, struct err *e)
{
    size_t header_bytes = 0;
    if (read_length(&header_bytes, s, e) != 0)
        return -1;
    json_t *header =
        json_parse((const char *)s->map.data + LENGTH_BYTES, header_bytes, "header", e);
    if (!header)
        return -1;
    int rc = read_entries(s, header, header_bytes, e);
    json_decref(header);
    return rc;
}

int safetensors_open(struct safetensors *s, const char *path, struct arena *a, struct err *e)
{
    *s = (struct safetensors){.arena = a};
    if (file_map(&s->map, path, e) != 0)
        return -1;
    if (read_all(s, e) == 0)
        return 0;
    safetensors_close(s);
    return err_wrap(e, "%s is not a sound safetensors file", path);
}

void safetensors_close(struct safetensors *s)
{
    file_unmap(&s->map);
    s->items = NULL;
    s->n = 0;
}

const struct safetensor *safetensors_find(const struct safetensors *s, const char *name)
{
    struct safetensor key = {.name = name};
    return s->n ? bsearch(&key, s->items, (size_t)s->n, sizeof key, compare_names) : NULL;
}

/* --- values ------------------------------------------------------------------- */

static float from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits. */
static float from_f16(uint32_t half)
{
    uint32_t sign = (half & 0x8000u) << 16, exponent = half >> 10 & 31, fraction = half & 1023;
    if (exponent == 31) /* infinity, NaN */
        return from_bits(sign | 0x7F800000u | fraction << 13);
    if (exponent == 0) /* 0 and subnormal: fraction * 2^-24 */
        return sign ? -(float)fraction * 0x1p-24f : (float)fraction * 0x1p-24f;
    return from_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

int safetensor_to_f32(float *out, const struct safetensor *t, struct err *e)
{
    const unsigned char *at = t->data;
    switch (t->dtype) {
    case DTYPE_F32:
        if (t->n_bytes)
            memcpy(out, at, t->n_bytes);
        return 0;
    case DTYPE_F16:
        for (size_t i = 0; i < t->n_values; i++)
            out[i] = from_f16((uint32_t)(at[2 * i] | at[2 * i + 1] << 8));
        return 0;
    case DTYPE_BF16:
        for (size_t i = 0; i < t->n_values; i++)
            out[i] = from_bits((uint32_t)(at[2 * i] | at[2 * i + 1] << 8) << 16);
        return 0;
    case DTYPE_I64:
    case DTYPE_OTHER:
        break;
    }
    return err_set(e, "tensor %s has dtype %s; F32, F16 and BF16 can be used", t->name,
                   t->dtype_name);
}

/* --- writing ------------------------------------------------------------------ */

static size_t out_values(const struct safetensor_out *t)
{
    size_t n = 1;
    for (int i = 0; i < t->n_dims; i++)
        n *= (size_t)t->dims[i];
    return n;
}

static size_t out_bytes(const struct safetensor_out *t)
{
    return out_values(t) * (t->dtype == DTYPE_F16 ? sizeof(uint16_t) : sizeof(float));
}

/* The header's text, padded with blanks so that data begin aligned. */
static void add_header(struct str *s, const struct safetensor_out *items, int n)
{
    json_t *header = json_pack("{s:{s:s}}", "__metadata__", "format", "pt");
    size_t at = 0;
    for (int i = 0; i < n; i++) {
        json_t *shape = json_array();
        for (int d = 0; d < items[i].n_dims; d++)
            json_array_append_new(shape, json_integer(items[i].dims[d]));
        size_t end = at + out_bytes(&items[i]);
        json_t *entry =
            json_pack("{s:s, s:o, s:[I, I]}", "dtype", items[i].dtype == DTYPE_F16 ? "F16" : "F32",
                      "shape", shape, "data_offsets", (json_int_t)at, (json_int_t)end);
        assert(entry && !json_object_get(header, items[i].name));
        json_object_set_new(header, items[i].name, entry);
        at = end;
    }
    char *text = json_dumps(header, JSON_COMPACT);
    assert(text);
    str_add(s, text);
    while ((s->len + LENGTH_BYTES) % DATA_ALIGN)
        str_add_char(s, ' ');
    free(text);
    json_decref(header);
}

/* Infinity for what is too large. */
static uint16_t to_f16(float value)
{
    uint32_t bits, half;
    memcpy(&bits, &value, sizeof bits);
    uint32_t sign = bits >> 16 & 0x8000u, size = bits & 0x7FFFFFFFu;
    if (size >= 0x47800000u) { /* 2^16 */
        half = 0x7C00u;
    } else if (size <
               0x38800000u) { /* below 2^-14, subnormal: floats from 0.5 on are as far apart */
        float moved = from_bits(size) + 0.5f;
        memcpy(&half, &moved, sizeof half);
        half -= 0x3F000000u;
    } else { /* a carry out of the fraction raises the exponent, as it should */
        half = (size + 0xFFFu + (size >> 13 & 1) - (112u << 23)) >> 13;
    }
    return (uint16_t)(sign | half);
}

static int check_range(const struct safetensor_out *t, struct err *e)
{
    size_t n = t->dtype == DTYPE_F16 ? out_values(t) : 0;
    for (size_t i = 0; i < n; i++)
        if ((to_f16(t->data[i]) & 0x7C00) == 0x7C00)
            return err_set(e, "tensor %s holds %g, which F16 cannot (its largest is 65504)",
                           t->name, (double)t->data[i]);
    return 0;
}

/* A failed write leaves the stream's error mark, which file_commit reads. */
static void write_values(FILE *to, const struct safetensor_out *t)
{
    enum { PIECE = 4096 };
    unsigned char bytes[2 * PIECE];
    if (t->dtype == DTYPE_F32)
        fwrite(t->data, 1, out_bytes(t), to);
    size_t n = t->dtype == DTYPE_F16 ? out_values(t) : 0, used = 0;
    for (size_t i = 0; i < n; i++) {
        uint16_t half = to_f16(t->data[i]);
        bytes[used++] = (unsigned char)half;
        bytes[used++] = (unsigned char)(half >> 8);
        if (used == sizeof bytes || i + 1 == n) {
            fwrite(bytes, 1, used, to);
            used = 0;
        }
    }
}

int safetensors_write(const char *path, const struct safetensor_out *items, int n, struct err *e)
{
    struct file_out f;
    for (int i = 0; i < n; i++)
        if (check_range(&items[i], e) != 0)
            return err_wrap(e, "%s", path);
    if (file_create(&f, path, e) != 0)
        return -1;
    struct str header = {0};
    add_header(&header, items, n);
    unsigned char length[LENGTH_BYTES];
    for (int i = 0; i < LENGTH_BYTES; i++)
        length[i] = (unsigned char)((uint64_t)header.len >> 8 * i);
    fwrite(length, 1, sizeof length, f.stream);
    fwrite(header.buf, 1, header.len, f.stream);
    for (int i = 0; i < n; i++)
        write_values(f.stream, &items[i]);
    str_release(&header);
    return file_commit(&f, e);
}
