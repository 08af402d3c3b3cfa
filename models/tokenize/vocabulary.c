#include "models/tokenize/vocabulary.h"

#include <assert.h>
#include <string.h>

void vocabulary_init(struct vocabulary *v, int n)
{
    assert(n > 0);
    *v = (struct vocabulary){.n = n, .n_slots = 4};
    arena_init(&v->arena);
    v->pieces = arena_array(&v->arena, (size_t)n, sizeof *v->pieces);
    while (v->n_slots < 2 * (uint32_t)n)
        v->n_slots *= 2;
    v->slots = arena_array(&v->arena, v->n_slots, sizeof *v->slots);
    for (uint32_t i = 0; i < v->n_slots; i++)
        v->slots[i] = -1;
}

void vocabulary_release(struct vocabulary *v)
{
    arena_release(&v->arena);
    *v = (struct vocabulary){0};
}

static uint32_t hash_of(const char *text, size_t n_bytes)
{
    uint32_t hash = VOCABULARY_HASH_START;
    for (size_t i = 0; i < n_bytes; i++)
        hash = vocabulary_hash(hash, (unsigned char)text[i]);
    return hash;
}

/* FNV's low bits alone are weak; one multiply spreads the high ones over them. */
static uint32_t first_slot(const struct vocabulary *v, uint32_t hash)
{
    return ((hash ^ (hash >> 15)) * 0x9e3779b1u) >> 7 & (v->n_slots - 1);
}

int vocabulary_find_joined(const struct vocabulary *v, const char *prefix, size_t prefix_bytes,
                           const char *text, size_t n_bytes, uint32_t hash)
{
    for (uint32_t i = first_slot(v, hash);; i = (i + 1) & (v->n_slots - 1)) {
        int id = v->slots[i];
        if (id < 0)
            return -1;
        const struct vocabulary_piece *p = &v->pieces[id];
        if (p->hash == hash && p->n_bytes == prefix_bytes + n_bytes &&
            memcmp(p->text, prefix, prefix_bytes) == 0 &&
            memcmp(p->text + prefix_bytes, text, n_bytes) == 0)
            return id;
    }
}

int vocabulary_find(const struct vocabulary *v, const char *text, size_t n_bytes, uint32_t hash)
{
    return vocabulary_find_joined(v, "", 0, text, n_bytes, hash);
}

int vocabulary_id(const struct vocabulary *v, const char *text)
{
    size_t n_bytes = strlen(text);
    return vocabulary_find(v, text, n_bytes, hash_of(text, n_bytes));
}

int vocabulary_add(struct vocabulary *v, int id, const char *text, size_t n_bytes)
{
    assert(id >= 0 && id < v->n && !v->pieces[id].text && n_bytes > 0);
    uint32_t hash = hash_of(text, n_bytes);
    int other = vocabulary_find(v, text, n_bytes, hash);
    if (other >= 0)
        return other;
    v->pieces[id] = (struct vocabulary_piece){
        .text = arena_strndup(&v->arena, text, n_bytes),
        .n_bytes = (uint32_t)n_bytes,
        .hash = hash,
    };
    uint32_t i = first_slot(v, hash);
    while (v->slots[i] >= 0)
        i = (i + 1) & (v->n_slots - 1);
    v->slots[i] = id;
    if (v->max_bytes < n_bytes)
        v->max_bytes = (uint32_t)n_bytes;
    return -1;
}
