/*
 * usual: the learning rate that protocol `sound` has for a method on a model, for findings.
 */
#ifndef FT_HARNESS_USUAL_H
#define FT_HARNESS_USUAL_H

#include "harness/protocol.h"
#include "reports/facts.h"

/* Reads `sound`; out and all behind it live as long as a. */
int usual_rate_open(struct usual_rate *out, struct arena *a, struct err *e) MUST_CHECK;

/* The rate of `sound` at this point of the matrix. */
double usual_rate_at(const struct protocol *sound, struct point at, const struct method *method,
                     struct arena *a);

#endif
