/*
 * protobuf: reads and writes protocol buffers, field by field, without a schema.
 *
 * Reading, nothing is copied and nothing is trusted: every length is checked against what holds it,
 * and errors name the byte of the file. Private to models/tokenize.
 */
#ifndef FT_MODELS_TOKENIZE_PROTOBUF_H
#define FT_MODELS_TOKENIZE_PROTOBUF_H

#include "harness/base/str.h"

#include <stddef.h>
#include <stdint.h>

/* A message: bytes[at..end) of a file. Start with at 0. */
struct protobuf {
    const unsigned char *bytes; /* of the whole file */
    size_t at, end;
    const char *path;
};

enum protobuf_type {
    PROTOBUF_VARINT = 0,
    PROTOBUF_FIXED64 = 1,
    PROTOBUF_BYTES = 2,
    PROTOBUF_FIXED32 = 5
};

struct protobuf_field {
    uint64_t number;
    enum protobuf_type type;
    size_t start;             /* of the field in the file */
    uint64_t value;           /* of a varint or a fixed one */
    struct protobuf contents; /* of bytes, which may be a message */
};

/* The next field: 1, or 0 at the end of the message, or -1. */
int protobuf_next(struct protobuf_field *f, struct protobuf *p, struct err *e) MUST_CHECK;

/* -1 naming the field (what) and its byte unless it is of this type. */
int protobuf_expect(const struct protobuf_field *f, enum protobuf_type type, const char *what,
                    struct err *e) MUST_CHECK;

/* The number of a fixed 32 bit field. */
float protobuf_float(const struct protobuf_field *f);

/* Append a field to a message. A negative number goes in as its 64 bits, as int32 does. */
void protobuf_put_number(struct str *s, int field, int64_t value);
void protobuf_put_float(struct str *s, int field, float value);
void protobuf_put_bytes(struct str *s, int field, const void *bytes, size_t n_bytes);

#endif
