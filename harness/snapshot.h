/*
 * snapshot: a training's state on disk, so that a killed cell goes on where it was.
 *
 * One file a cell, written atomically: a header (magic, cell id, sizes), the
 * state, parameters and both AdamW moments, and the SHA-256 of all that. A file
 * that is cut, changed, of another cell or made with other BLAS kernels is refused; the cell then
 * starts from its first step, which gives the same bits, only later.
 */
#ifndef FT_HARNESS_SNAPSHOT_H
#define FT_HARNESS_SNAPSHOT_H

#include "harness/cell.h"
#include "harness/train.h"

/* Writes s and the parameters. */
int snapshot_write(const char *path, const struct cell *c, const struct train_state *s,
                   const struct params *params, struct err *e) MUST_CHECK;

/* Fills s and the parameters. 1: taken up; 0: there is none; -1: unusable (s and
 * params are untouched). steps tells the sizes to expect. */
int snapshot_read(const char *path, const struct cell *c, const struct steps *steps,
                  struct train_state *s, struct params *params, struct err *e) MUST_CHECK;

#endif
