#include "harness/base/hash.h"

#include "harness/base/arena.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct hash {
    EVP_MD_CTX *context; /* owned */
};

struct hash *hash_new(void)
{
    struct hash *h = xmalloc(sizeof *h);
    h->context = EVP_MD_CTX_new();
    assert(h->context);
    int ok = EVP_DigestInit_ex(h->context, EVP_sha256(), NULL);
    assert(ok == 1);
    return h;
}

void hash_free(struct hash *h)
{
    if (h)
        EVP_MD_CTX_free(h->context);
    free(h);
}

void hash_update(struct hash *h, const void *data, size_t n_bytes)
{
    int ok = EVP_DigestUpdate(h->context, data, n_bytes);
    assert(ok == 1);
}

void hash_final(struct hash *h, char hex[HASH_HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    int ok = EVP_DigestFinal_ex(h->context, digest, &n);
    assert(ok == 1 && n == 32);
    for (unsigned i = 0; i < n; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    hex[2 * n] = '\0';
}

void hash_bytes(char hex[HASH_HEX_SIZE], const void *data, size_t n_bytes)
{
    struct hash *h = hash_new();
    hash_update(h, data, n_bytes);
    hash_final(h, hex);
    hash_free(h);
}

int hash_file(char hex[HASH_HEX_SIZE], const char *path, struct err *e)
{
    FILE *in = fopen(path, "rb");
    if (!in)
        return err_errno(e, "cannot open %s", path);
    unsigned char block[65536];
    struct hash *h = hash_new();
    size_t n;
    while ((n = fread(block, 1, sizeof block, in)) > 0)
        hash_update(h, block, n);
    int rc = ferror(in) ? err_errno(e, "cannot read %s", path) : 0;
    if (rc == 0)
        hash_final(h, hex);
    hash_free(h);
    fclose(in);
    return rc;
}

int hash_is_hex(const char *text)
{
    return strlen(text) == HASH_HEX_SIZE - 1 &&
           strspn(text, "0123456789abcdef") == HASH_HEX_SIZE - 1;
}
