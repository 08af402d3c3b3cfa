/*
 * cell_rows: the rows of a cell, and which of them train, choose and are judged.
 *
 * What the training options rows, row_copies, deduplicate, split, split_seed,
 * max_train_samples and max_eval_samples come to, for whoever runs a cell (execute.h) and for
 * whoever looks at it beforehand (inspect.h).
 */
#ifndef FT_HARNESS_CELL_ROWS_H
#define FT_HARNESS_CELL_ROWS_H

#include "datasets/split.h"
#include "harness/cell.h"

struct cell_rows {
    const struct dataset *data; /* owned by the arena, as all here */
    struct split split;
};

int cell_rows_load(struct cell_rows *out, const struct cell *c, const struct asset_flags *flags,
                   struct arena *a, struct err *e) MUST_CHECK;

/* Whether the survey's two parts are asked for, of which validation is judged; else test. */
bool cell_has_survey_split(const struct cell *c);
const struct rows *cell_rows_judged(const struct cell_rows *r, const struct cell *c);

#endif
