/*
 * save: a model as a Hugging Face folder: config.json and model.safetensors.
 *
 * What transformers' AutoModelForMaskedLM and AutoModelForSeq2SeqLM load without a word, and what
 * checkpoint_load reads back.
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
