/*
 * claim_tests: the kinds of tests that claims.yaml may name.
 *
 * A kind is a row of a table: its name, the parameters it takes and a function that fills an
 * answer. Not here: the file, the table of answers and Holm's adjustment (claims.c).
 */
#ifndef FT_REPORTS_CLAIM_TESTS_H
#define FT_REPORTS_CLAIM_TESTS_H

#include "reports/claims.h"

/* Checks a claim's kind and parameters; errors carry file:line:column. */
int claim_check(const struct claim *c, struct err *e) MUST_CHECK;

/* Fills one answer; p_value is not adjusted yet. claim_check must have passed. */
void claim_test(struct answer *out, const struct claim *c, const struct observations *o,
                struct arena *a);

#endif
