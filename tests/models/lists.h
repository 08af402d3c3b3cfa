/*
 * lists: JSON lists of numbers, as golden files and batches hold them.
 *
 * For the tests of models/ and methods/ alike; asserts what it takes for granted.
 */
#ifndef FT_TESTS_MODELS_LISTS_H
#define FT_TESTS_MODELS_LISTS_H

#include "harness/base/arena.h"
#include "harness/base/json.h"

#include <assert.h>

static inline double number(const json_t *list, size_t i)
{
    assert(json_is_number(json_array_get(list, i)));
    return json_number_value(json_array_get(list, i));
}

/* The numbers of a list of lists end to end; offsets[n + 1] of the lists. */
static inline int *read_lists(const json_t *lists, int *offsets, struct arena *a)
{
    size_t n = json_array_size(lists);
    for (size_t i = 0; i < n; i++)
        offsets[i + 1] = offsets[i] + (int)json_array_size(json_array_get(lists, i));
    int *flat = arena_array(a, (size_t)offsets[n] + 1, sizeof *flat);
    for (size_t i = 0; i < n; i++)
        for (int k = offsets[i]; k < offsets[i + 1]; k++)
            flat[k] = (int)json_integer_value(
                json_array_get(json_array_get(lists, i), (size_t)(k - offsets[i])));
    return flat;
}

#endif
