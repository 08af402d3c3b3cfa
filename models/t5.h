/*
 * t5: T5ForConditionalGeneration.
 *
 * Raffel et al., "Exploring the limits of transfer learning with a unified text-to-text
 * transformer", arXiv 1910.10683, in both forms that transformers computes: 1.0 (ReLU, logits
 * from the scaled, shared embedding) and 1.1, which FLAN-T5 kept (gated GELU, a head of its own).
 * All targets of a sequence read its encoder rows as one block of queries, so scoring many
 * candidates costs one pass of the encoder.
 */
#ifndef FT_MODELS_T5_H
#define FT_MODELS_T5_H

#include "models/model.h"

extern const struct family t5_family;

#endif
