/*
 * phases: `run --profile` told to a person and to a file.
 *
 * The file (DB.profile.tsv) gets a line a cell and phase: where the time of its training went,
 * per update and in per cent of the whole, and how long it took until the first update. It is
 * beside the database and not in it: times are of one machine in one hour, and no result depends on
 * them.
 */
#ifndef FT_HARNESS_PHASES_H
#define FT_HARNESS_PHASES_H

#include "harness/cell.h"
#include "models/tensor/profile.h"

#include <stdio.h>

/* Prints the table of a cell that is done to out and adds its lines to the file at path, which
 * is made where it is not there. A cell that trained nothing here has no table. */
int phases_tell(const struct cell *c, const struct profile *p, const char *path, FILE *out,
                struct err *e) MUST_CHECK;

#endif
