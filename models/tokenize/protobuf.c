#include "models/tokenize/protobuf.h"

#include <string.h>

static int varint(uint64_t *out, struct protobuf *p, struct err *e)
{
    size_t start = p->at;
    *out = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        if (p->at == p->end)
            return err_set(e, "%s: ends at byte %zu in the middle of a number", p->path, p->end);
        unsigned char byte = p->bytes[p->at++];
        *out |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return 0;
    }
    return err_set(e, "%s: byte %zu: no protocol buffer: a number of more than 64 bits", p->path,
                   start);
}

static int fixed(uint64_t *out, struct protobuf *p, size_t n_bytes, struct err *e)
{
    if (p->end - p->at < n_bytes)
        return err_set(e, "%s: byte %zu: a number of %zu bytes, but its message ends at byte %zu",
                       p->path, p->at, n_bytes, p->end);
    *out = 0;
    for (size_t i = 0; i < n_bytes; i++)
        *out |= (uint64_t)p->bytes[p->at++] << 8 * i;
    return 0;
}

int protobuf_next(struct protobuf_field *f, struct protobuf *p, struct err *e)
{
    uint64_t key;
    *f = (struct protobuf_field){.start = p->at, .contents.path = p->path};
    if (p->at == p->end)
        return 0;
    if (varint(&key, p, e) < 0)
        return -1;
    f->number = key >> 3;
    f->type = (enum protobuf_type)(key & 7);
    if (f->number == 0)
        return err_set(e, "%s: byte %zu: no protocol buffer: field number 0", p->path, f->start);
    int status = 0;
    if (f->type == PROTOBUF_VARINT) {
        status = varint(&f->value, p, e);
    } else if (f->type == PROTOBUF_FIXED64 || f->type == PROTOBUF_FIXED32) {
        status = fixed(&f->value, p, f->type == PROTOBUF_FIXED64 ? 8 : 4, e);
    } else if (f->type != PROTOBUF_BYTES) {
        status = err_set(e, "%s: byte %zu: no protocol buffer: field of type %d", p->path, f->start,
                         (int)f->type);
    } else if (varint(&f->value, p, e) < 0) {
        status = -1;
    } else if (f->value > p->end - p->at) {
        status = err_set(e,
                         "%s: byte %zu: a field of %llu bytes, but its message ends at byte %zu; "
                         "the file is cut or damaged",
                         p->path, f->start, (unsigned long long)f->value, p->end);
    } else {
        f->contents = (struct protobuf){p->bytes, p->at, p->at + (size_t)f->value, p->path};
        p->at += (size_t)f->value;
    }
    return status < 0 ? -1 : 1;
}

int protobuf_expect(const struct protobuf_field *f, enum protobuf_type type, const char *what,
                    struct err *e)
{
    if (f->type == type)
        return 0;
    return err_set(e, "%s: byte %zu: %s is of protocol buffer type %d, not %d", f->contents.path,
                   f->start, what, (int)f->type, (int)type);
}

float protobuf_float(const struct protobuf_field *f)
{
    uint32_t bits = (uint32_t)f->value;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void put_varint(struct str *s, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        str_add_char(s, (char)(value | 0x80));
    str_add_char(s, (char)value);
}

static void put_key(struct str *s, int field, enum protobuf_type type)
{
    put_varint(s, (uint64_t)field << 3 | type);
}

void protobuf_put_number(struct str *s, int field, int64_t value)
{
    put_key(s, field, PROTOBUF_VARINT);
    put_varint(s, (uint64_t)value);
}

void protobuf_put_float(struct str *s, int field, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_key(s, field, PROTOBUF_FIXED32);
    for (int i = 0; i < 4; i++)
        str_add_char(s, (char)(bits >> 8 * i));
}

void protobuf_put_bytes(struct str *s, int field, const void *bytes, size_t n_bytes)
{
    put_key(s, field, PROTOBUF_BYTES);
    put_varint(s, n_bytes);
    str_add_bytes(s, bytes, n_bytes);
}
