/*
 * paths: where things are on this machine.
 *
 * home    the project's folder: $FTBENCH_HOME, or where the program file lies
 * cache   $FTBENCH_CACHE, or $XDG_CACHE_HOME/ftbench, or ~/.cache/ftbench
 * mirror  $FTBENCH_MIRROR, or none
 */
#ifndef FT_HARNESS_BASE_PATHS_H
#define FT_HARNESS_BASE_PATHS_H

#include "harness/base/str.h"

/* Each fills out with an absolute path. Home holds models/zoo and datasets; it
 * is an error (what, where, what to do) when it does not. */
int paths_home(struct str *out, struct err *e) MUST_CHECK;
int paths_cache(struct str *out, struct err *e) MUST_CHECK;

/* The mirror's folder, or NULL when FTBENCH_MIRROR is unset or empty. */
const char *paths_mirror(void);

#endif
