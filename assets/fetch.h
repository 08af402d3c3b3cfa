/*
 * fetch: the network. One GET into a file or into memory (libcurl).
 *
 * Refused connections, cut bodies, 429 and 5xx are tried again a bounded number of times,
 * waiting longer each time or as long as Retry-After says; other answers are
 * final. What was received of a file stays, so that the next call goes on
 * where this one was cut. http and https only.
 */
#ifndef FT_ASSETS_FETCH_H
#define FT_ASSETS_FETCH_H

#include "assets/asset.h"

struct fetch {
    const char *url;
    const char *name; /* for progress */
    long bytes;       /* expected size, -1 unknown; more is an error */
    bool resume;      /* go on behind what the file holds; false: start anew */
    const struct asset_flags *flags;
};

/* Into the file at path. */
int fetch_file(const struct fetch *f, const char *path, struct err *e) MUST_CHECK;

/* Appended to out; at most 64 MiB. */
int fetch_text(const struct fetch *f, struct str *out, struct err *e) MUST_CHECK;

/* url with the hub's hosts replaced by $FTBENCH_HUB, into an emptied out. */
const char *fetch_hub_url(struct str *out, const char *url);

/* Percent-encodes value for a query, appended to out. */
void fetch_escape(struct str *out, const char *value);

#endif
