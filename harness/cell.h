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
enum { NUMERICS_VERSION = 2 };

enum { CELL_ID_SIZE = 17 }; /* 16 hexadecimal digits and NUL */

struct cell {
    const struct zoo_entry *model;
    const struct method *method;
    struct options method_options;
    const struct dataset_info *dataset;
    const char *protocol;    /* name of the protocol file */
    struct options training; /* of training_options (protocol.h), resolved */
    uint64_t seed;

    const char *swept;        /* " option=value" for each swept training option: a part of
                                 the label, so that tables keep the values apart; "" */
    const char *method_label; /* method, options that differ from default, and swept:
                                 "lora r=64 learning_rate=1e-05"; names the row in tables */
    const char *lines;        /* canonical text but for the seed's line, which goes to seed_at;
                                 one text serves the cells of all seeds */
    size_t seed_at;
    char id[CELL_ID_SIZE]; /* first 16 digits of its SHA-256 */

    /* Filled by plan_estimate. */
    size_t trainable_params, total_params;
    size_t est_memory_bytes;
    double est_seconds;
};

/* Of what a cell is made of; "unresolved" where the files are not here yet: such a cell can be
 * planned but not run. */
struct cell_hashes {
    const char *weights, *tokenizer, *data;
    const char *served; /* of the rows that the survey's code served under the data set's name */
};

/* Whether the model answers in text, as model_says_text, from the cell alone. */
bool cell_says_text(const struct cell *c);

/* Whether its products are of bfloat16. */
bool cell_in_bfloat16(const struct cell *c);

/* Fills lines and id from the rest. */
void cell_identify(struct cell *c, const struct cell_hashes *h, struct arena *a);

/* Makes an identified cell the same one of another seed. */
void cell_take_seed(struct cell *c, uint64_t seed);

/* "key=value" lines in byte order, owned by a: what the id is the hash of. */
const char *cell_canonical(const struct cell *c, struct arena *a);

#endif
