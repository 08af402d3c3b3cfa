/*
 * hash: SHA-256, as lower-case hexadecimal text (OpenSSL underneath).
 */
#ifndef FT_HARNESS_BASE_HASH_H
#define FT_HARNESS_BASE_HASH_H

#include "harness/base/err.h"

#include <stddef.h>

#define HASH_HEX_SIZE 65 /* 64 digits and NUL */

struct hash; /* a running digest */

struct hash *hash_new(void);
void hash_free(struct hash *h);
void hash_update(struct hash *h, const void *data, size_t n_bytes);
/* Ends the digest; h may only be freed afterwards. */
void hash_final(struct hash *h, char hex[HASH_HEX_SIZE]);

/* Digest of one block of memory. */
void hash_bytes(char hex[HASH_HEX_SIZE], const void *data, size_t n_bytes);

/* Digest of a whole file. -1 when it cannot be read. */
int hash_file(char hex[HASH_HEX_SIZE], const char *path, struct err *e) MUST_CHECK;

/* 1 when text is 64 lower-case hexadecimal digits. */
int hash_is_hex(const char *text);

#endif
