/*
 * save: a model as a Hugging Face folder: config.json and model.safetensors.
 *
 * transformers' AutoModelForMaskedLM and AutoModelForSeq2SeqLM find every tensor there and no other
 * (the first notes the pooler, which it does not read), and checkpoint_load reads it back;
 * tools/check_checkpoint.py compares the two.
 */
#ifndef FT_MODELS_SAVE_H
#define FT_MODELS_SAVE_H

#include "models/model.h"

/* Writes model.safetensors, every parameter in F16 (round to nearest even; a value that F16 cannot
 * hold is an error that names it), and config.json with all that transformers needs. m was declared
 * without labels and has its values. dir exists. Each file is written whole or not at all, the
 * configuration last. A masked language model gets a pooler that copies the first row (the
 * identity), for it has learnt none and a classifier wants one. */
int model_save(const struct model *m, const char *dir, struct err *e) MUST_CHECK;

#endif
