/*
 * cell: one point of the matrix, and what makes it that point.
 *
 * A cell's identity is the hash of its canonical text: every option, the hashes
 * of data, weights and tokenizer, and the engine's numerics version. Two cells
 * with one id give the same bits; whatever could change a number is in the text
 * or recorded beside the result. Here is only what a cell is; plan.h makes
 * cells, execute.h runs one.
 */
#ifndef FT_HARNESS_CELL_H
#define FT_HARNESS_CELL_H

#include "datasets/dataset.h"
#include "methods/method.h"
#include "models/zoo.h"

/* Bumped whenever the same options may give other bits than before. */
enum { NUMERICS_VERSION = 1 };

enum { CELL_ID_SIZE = 17 }; /* 16 hexadecimal digits and NUL */

struct cell {
    const struct zoo_entry *model;
    const struct method *method;
    struct options method_options;
    const struct dataset_info *dataset;
    const char *protocol;    /* name of the protocol file */
    struct options training; /* of training_options (protocol.h), resolved */
    uint64_t seed;

    const char *method_label; /* method and options that differ from default:
                                 "lora r=64"; names the row in tables */
    const char *canonical;    /* "key=value" lines */
    char id[CELL_ID_SIZE];    /* first 16 digits of its SHA-256 */

    /* Filled by plan_estimate. */
    size_t trainable_params, total_params;
    size_t est_memory_bytes;
    double est_seconds;
};

/* Fills canonical and id from the rest. weights_hash, tokenizer_hash and
 * data_hash are "unresolved" where the files are not here yet; such a cell can
 * be planned but not run. */
void cell_identify(struct cell *c, const char *weights_hash, const char *tokenizer_hash,
                   const char *data_hash, struct arena *a);

#endif
