/*
 * read: the cells of a report as they stand in the database.
 *
 * Not here: any grouping (data.h), which is the only one to include this.
 */
#ifndef FT_REPORTS_READ_H
#define FT_REPORTS_READ_H

#include "reports/data.h"

/* Fills cells, n_cells and n_missing of a set that has its arena and its store: cells by
 * protocol, then by id, with metrics, epochs and what their options say. */
int report_set_read(struct report_set *r, const char *const *cell_ids, int n_cell_ids,
                    struct err *e) MUST_CHECK;

#endif
