/*
 * contrast: what a protocol does to the same models on the same data sets, in one figure.
 *
 * The first protocol of a report that is judged on test rows stands beside the first that is not:
 * `sound` and `published` in the project's own specs. A panel a model and data set, a line a
 * method: its accuracy by example under both and, where the second counts target tokens, what it
 * reports. Above it the three causes that a line can move for, in numbers. Not here: why a
 * protocol is wrong (findings.h).
 */
#ifndef FT_REPORTS_CONTRAST_H
#define FT_REPORTS_CONTRAST_H

#include "reports/data.h"

/* Draws NAME.svg and NAME.png into dir; 1: there are no two such protocols, or they have no result
 * of the same model, method and data set. */
int contrast_draw(const struct report_set *r, const char *name, const char *dir,
                  struct err *e) MUST_CHECK;

#endif
