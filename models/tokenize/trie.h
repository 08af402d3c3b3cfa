/*
 * trie: byte strings by their prefixes, as a double array (Aoe 1989).
 *
 * All keys that a text begins with are found in one walk over it, one cache line a byte.
 * Keys are non-empty and distinct. Private to models/tokenize.
 */
#ifndef FT_MODELS_TOKENIZE_TRIE_H
#define FT_MODELS_TOKENIZE_TRIE_H

#include <stddef.h>
#include <stdint.h>

struct trie_key {
    const char *text;
    size_t n_bytes;
    int value; /* >= 0 */
};

struct trie_node {
    int32_t base;   /* the child by byte c is node base + c ... */
    int32_t parent; /* ... if that node's parent is this one */
    int32_t value;  /* of the key that ends here, or -1 */
};

struct trie {
    struct trie_node *nodes; /* owned, [n]; 0 is the root */
    int32_t n;
};

/* Of n keys, which are sorted in place. Release with trie_release. */
void trie_init(struct trie *t, struct trie_key *keys, size_t n);
void trie_release(struct trie *t);

/* The node one byte further on, or -1. Bytes of children stay within the array: 256 nodes
 * follow the last base. */
static inline int32_t trie_next(const struct trie *t, int32_t node, unsigned char byte)
{
    int32_t next = t->nodes[node].base + byte;
    return t->nodes[next].parent == node ? next : -1;
}

#endif
