/*
 * safetensors: the file format of tensors, read and written.
 *
 * 8 bytes little-endian header length, JSON header {name: {dtype, shape,
 * data_offsets}}, data. Checked on opening: header length, JSON, dtype, shape
 * overflow, offsets inside the file, no overlap, no hole, size = shape x dtype.
 */
#ifndef FT_MODELS_SAFETENSORS_H
#define FT_MODELS_SAFETENSORS_H

#include "harness/base/file.h"

#include <stdint.h>

enum dtype { DTYPE_F32, DTYPE_F16, DTYPE_BF16, DTYPE_I64, DTYPE_OTHER };

struct safetensor {
    const char *name;
    enum dtype dtype;
    const char *dtype_name;
    int n_dims;
    int64_t dims[8];
    size_t n_values, n_bytes;
    const unsigned char *data; /* in the map, maybe unaligned */
};

struct arena;

struct safetensors {
    struct file_map map;      /* owned unless handed on */
    struct safetensor *items; /* owned, sorted by name */
    int n;
    struct arena *arena; /* borrowed */
};

int safetensors_open(struct safetensors *s, const char *path, struct arena *a,
                     struct err *e) MUST_CHECK;
void safetensors_close(struct safetensors *s);
const struct safetensor *safetensors_find(const struct safetensors *s, const char *name);

/* out[n_values] from F32, F16 or BF16; exact. -1 for another dtype. */
int safetensor_to_f32(float *out, const struct safetensor *t, struct err *e) MUST_CHECK;

/* One tensor to write, as F32 or F16. */
struct safetensor_out {
    const char *name;
    int n_dims;
    int64_t dims[2];
    const float *data;
    enum dtype dtype; /* DTYPE_F16: rounded to the nearest, ties to even */
};
/* Header metadata {"format": "pt"}, data 64-byte aligned; atomic. A value that F16
 * cannot hold (from 65520 on, infinity, NaN) is an error that names the tensor. */
int safetensors_write(const char *path, const struct safetensor_out *items, int n,
                      struct err *e) MUST_CHECK;

#endif
