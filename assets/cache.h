/*
 * cache: the content-addressed store of fetched files, its locks, the mirror.
 *
 * $cache/sha256/ab/abcdef...  complete, verified files; names never change meaning
 * $cache/part/                what is still being fetched
 * $cache/locks.tsv            sha256, bytes, date, origin of what had no published hash
 *
 * Several processes may use one cache: a file appears by rename, and fetching
 * one thing is guarded by a lock that the kernel drops when its holder dies.
 */
#ifndef FT_ASSETS_CACHE_H
#define FT_ASSETS_CACHE_H

#include "harness/base/err.h"
#include "harness/base/hash.h"
#include "harness/base/str.h"

/* What a file must be. */
struct expected {
    const char *sha256; /* NULL: not known yet */
    long bytes;         /* -1: not known */
    const char *from;   /* where it comes from, for messages */
};

/* Hashes the file at path into hex and compares. */
int cache_verify(char hex[HASH_HEX_SIZE], const char *path, const struct expected *want,
                 struct err *e) MUST_CHECK;

/* 1 and its path when the cache holds want->sha256 intact. A damaged file is
 * renamed to NAME.damaged, described in e, and counts as absent: 0. */
int cache_find(struct str *path, const struct expected *want, struct err *e);

/* The same in the mirror; there a damaged file is an error: -1. */
int mirror_find(struct str *path, const struct expected *want, struct err *e) MUST_CHECK;

/* Whether the cache, the mirror have a file of this name and how long it is, unread: 1, 0 or -1. */
int cache_has(long *bytes, const char *sha256, struct err *e) MUST_CHECK;
int mirror_has(long *bytes, const char *sha256, struct err *e) MUST_CHECK;

/* $cache/part/KEY + suffix, with the folder made; key is any text. */
int cache_part(struct str *path, const char *key, const char *suffix, struct err *e) MUST_CHECK;

/* Moves a complete file into the cache after checking it against want; hex gets its
 * sha256, path its new place. A wrong file is removed. */
int cache_accept(struct str *path, char hex[HASH_HEX_SIZE], const char *part,
                 const struct expected *want, struct err *e) MUST_CHECK;

/* Waits until this process alone may fetch key. Returns a descriptor for
 * cache_unguard, or -1. */
int cache_guard(const char *key, struct err *e) MUST_CHECK;
void cache_unguard(int guard);

/* The hash recorded for an origin on its first fetch: 1 found, 0 not, -1 error. */
int cache_lock_find(char hex[HASH_HEX_SIZE], const char *origin, struct err *e) MUST_CHECK;
int cache_lock_add(const char *hex, long bytes, const char *origin, struct err *e) MUST_CHECK;

#endif
