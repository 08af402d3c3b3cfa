/*
 * family: which models are sizes of one thing, as their names tell it.
 *
 * A name's family ends before its first part that is a size: "flan-t5-xl" is of "flan-t5",
 * "bert-base-cased" of "bert", "mini-bert-xs" of "mini-bert", "bert-l2-h128" of "bert". A
 * name without a size is a family of its own. What stands behind a colon belongs to the family:
 * "mini-enc-xs:random" is of "mini-enc:random".
 */
#ifndef FT_REPORTS_FAMILY_H
#define FT_REPORTS_FAMILY_H

#include "harness/base/arena.h"

#include <stdbool.h>

bool family_is_same(const char *model, const char *other);

const char *family_of_model(const char *model, struct arena *a);

#endif
