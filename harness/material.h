/*
 * material: what a cell is made from besides weights: rows, their split, and their tokens.
 *
 * Cells that differ in nothing but method, seed or how they are trained share it, so that one
 * that was loaded serves many (workers.h). Nobody changes it once it is loaded.
 */
#ifndef FT_HARNESS_MATERIAL_H
#define FT_HARNESS_MATERIAL_H

#include "harness/cell_rows.h"
#include "harness/feed.h"

enum part { TRAIN, VALIDATION, TEST, N_PARTS };

struct material {
    struct arena arena;
    struct cell_rows rows;
    struct str folder; /* of checkpoint and tokenizer */
    struct tokenizer *tokenizer;
    struct targets targets; /* where the model answers in text */
    struct feed feeds[N_PARTS];
};

/* Finds or fetches, reads, splits and encodes; m must stay where it is. Released by
 * material_release, after an error too. */
int material_load(struct material *m, const struct cell *c, const struct asset_flags *flags,
                  struct err *e) MUST_CHECK;
void material_release(struct material *m);

/* Whether what was loaded for one of two cells serves the other. */
bool material_serves(const struct cell *a, const struct cell *b);

#endif
