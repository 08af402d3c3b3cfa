#include "models/tokenize/trie.h"

#include "harness/base/arena.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A node whose children are not placed yet: keys[first..end) share depth bytes. */
struct range {
    int32_t node;
    size_t first, end, depth;
};

struct builder {
    struct trie *trie;
    const struct trie_key *keys;
    struct range *waiting; /* [n_waiting] a stack */
    size_t n_waiting, waiting_room;
    int32_t first_free; /* no node before it is free */
};

enum { FREE = -2, ROOT = -3 };

static int compare_keys(const void *a, const void *b)
{
    const struct trie_key *x = a, *y = b;
    size_t shorter = x->n_bytes < y->n_bytes ? x->n_bytes : y->n_bytes;
    int order = memcmp(x->text, y->text, shorter);
    return order ? order : (x->n_bytes > y->n_bytes) - (x->n_bytes < y->n_bytes);
}

static void grow(struct trie *t, int32_t n)
{
    t->nodes = xrealloc(t->nodes, (size_t)n * sizeof *t->nodes);
    for (int32_t i = t->n; i < n; i++)
        t->nodes[i] = (struct trie_node){.parent = FREE, .value = -1};
    t->n = n;
}

static void push(struct builder *b, struct range r)
{
    if (b->n_waiting == b->waiting_room) {
        b->waiting_room = 2 * b->waiting_room + 64;
        b->waiting = xrealloc(b->waiting, b->waiting_room * sizeof *b->waiting);
    }
    b->waiting[b->n_waiting++] = r;
}

/* A base under which every one of the bytes (ascending) is free. */
static int32_t find_base(struct builder *b, const unsigned char *bytes, int n)
{
    struct trie *t = b->trie;
    while (b->first_free < t->n && t->nodes[b->first_free].parent != FREE)
        b->first_free++;
    int tried = 0;
    for (int32_t at = b->first_free > bytes[0] ? b->first_free : bytes[0] + 1;; at++) {
        int32_t base = at - bytes[0];
        if (base + 256 >= t->n)
            grow(t, 2 * t->n + 512);
        if (t->nodes[at].parent != FREE)
            continue;
        int fits = 1;
        while (fits < n && t->nodes[base + bytes[fits]].parent == FREE)
            fits++;
        if (fits == n)
            return base;
        /* Holes that fit nobody would be tried by everybody. */
        if (++tried == 64 && n > 1)
            b->first_free = at;
    }
}

static void place(struct builder *b, struct range r)
{
    unsigned char bytes[256];
    size_t starts[257];
    int n = 0;
    if (b->keys[r.first].n_bytes == r.depth) {
        b->trie->nodes[r.node].value = b->keys[r.first].value;
        r.first++;
    }
    for (size_t i = r.first; i < r.end; i++) {
        unsigned char byte = (unsigned char)b->keys[i].text[r.depth];
        if (n == 0 || bytes[n - 1] != byte) {
            bytes[n] = byte;
            starts[n++] = i;
        }
    }
    if (n == 0)
        return;
    starts[n] = r.end;
    int32_t base = find_base(b, bytes, n);
    b->trie->nodes[r.node].base = base;
    for (int i = 0; i < n; i++) {
        b->trie->nodes[base + bytes[i]].parent = r.node;
        push(b, (struct range){base + bytes[i], starts[i], starts[i + 1], r.depth + 1});
    }
}

void trie_init(struct trie *t, struct trie_key *keys, size_t n)
{
    *t = (struct trie){0};
    grow(t, 512);
    t->nodes[0].parent = ROOT;
    qsort(keys, n, sizeof *keys, compare_keys);
    struct builder b = {.trie = t, .keys = keys, .first_free = 1};
    if (n > 0)
        push(&b, (struct range){0, 0, n, 0});
    while (b.n_waiting > 0)
        place(&b, b.waiting[--b.n_waiting]);
    free(b.waiting);
}

void trie_release(struct trie *t)
{
    free(t->nodes);
    *t = (struct trie){0};
}
