/*
 * mask: how a random word decides about dropout. Internal to models/tensor.
 */
#ifndef FT_MODELS_TENSOR_MASK_H
#define FT_MODELS_TENSOR_MASK_H

#include <stdint.h>

/* A value is dropped when its 32-bit word is below this: p 2^32, rounded down. */
static inline uint32_t mask_threshold(float p)
{
    return (uint32_t)((double)p * 4294967296.0);
}

#endif
