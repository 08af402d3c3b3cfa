/*
 * checkpoint: a Hugging Face folder in, a model's parameters filled.
 *
 * config.json gives the family and its options; model.safetensors, or the shards
 * of model.safetensors.index.json, give the tensors in F32, F16 or BF16. Frozen
 * tensors stay in the mapped file where they have the format to be kept in (F32, or
 * BF16 under params.bfloat16). Others are converted by each process: 2 ms for ten million values of
 * F16 and a copy that processes do not share, which a file of converted values beside a
 * checkpoint of gigabytes would not be worth. A file is hostile until checked.
 */
#ifndef FT_MODELS_CHECKPOINT_H
#define FT_MODELS_CHECKPOINT_H

#include "models/model.h"

/* The weight file of a folder, or the index of its shards. */
#define CHECKPOINT_SINGLE "model.safetensors"
#define CHECKPOINT_INDEX  "model.safetensors.index.json"

/* Family and configuration from DIR/config.json (keys the family does not know
 * are passed over; values that contradict what is implemented are errors).
 * config is initialised in arena a. */
int checkpoint_config(const struct family **family, struct options *config, const char *path,
                      struct arena *a, struct err *e) MUST_CHECK;

/* Fills every PART_BASE parameter (and PART_HEAD when the file has it in the
 * right shape) from the folder. After params_allocate. All missing, extra or
 * mis-shaped tensors are reported by name in one message. */
int checkpoint_load(struct model *m, const char *dir, struct err *e) MUST_CHECK;

/* SHA-256 over the weight files' own SHA-256, in name order. */
int checkpoint_hash(char hex[65], const char *dir, struct err *e) MUST_CHECK;

#endif
