/* results/metrics against scikit-learn (tests/golden/metrics/make.py). */
#include "results/metrics.h"

#include "harness/base/arena.h"
#include "harness/base/str.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

/* Both sides work in double on fewer than 100 rows: 100 roundings of 1.1e-16
 * each, relative to values of at most a few hundred (the largest loss). */
#define TOLERANCE 1e-13

static void read_case(FILE *in, struct predictions *p, struct arena *a)
{
    int *label = arena_array(a, (size_t)p->n, sizeof *label);
    int *predicted = arena_array(a, (size_t)p->n, sizeof *predicted);
    size_t n_logits = (size_t)p->n * (size_t)p->n_classes;
    float *logits = arena_array(a, n_logits, sizeof *logits);
    for (int i = 0; i < p->n; i++) {
        cr_assert(fscanf(in, "%d", &label[i]) == 1);
    }
    for (int i = 0; i < p->n; i++) {
        cr_assert(fscanf(in, "%d", &predicted[i]) == 1);
    }
    for (size_t i = 0; i < n_logits; i++) {
        cr_assert(fscanf(in, "%a", &logits[i]) == 1);
    }
    p->label = label;
    p->predicted = predicted;
    p->logits = logits;
}

static int check_values(FILE *in, const char *name, const double *values)
{
    char metric[40], text[60];
    int n_checked = 0;
    while (fscanf(in, "%39s", metric) == 1 && !str_equal(metric, "end")) {
        double want;
        cr_assert(fscanf(in, "%59s", text) == 1 && str_to_double(&want, text) == 0);
        for (int m = 0; m < METRIC_COUNT; m++) {
            if (str_equal(metric, metric_name((enum metric)m))) {
                cr_expect(fabs(values[m] - want) <= TOLERANCE * fmax(1, fabs(want)),
                          "%s of %s: %.17g, want %.17g", metric, name, values[m], want);
                n_checked++;
            }
        }
    }
    return n_checked;
}

Test(metrics, equal_scikit_learn)
{
    FILE *in = fopen("tests/golden/metrics/metrics.txt", "r");
    cr_assert(in != NULL, "run from the project's folder");
    struct arena a = {0};
    struct predictions p;
    char name[60];
    int n_cases = 0;
    while (fscanf(in, " case %59s %d %d", name, &p.n, &p.n_classes) == 3) {
        read_case(in, &p, &a);
        double values[METRIC_COUNT];
        metrics_compute(values, &p);
        cr_expect(check_values(in, name, values) == METRIC_COUNT, "%s", name);
        for (int i = 0; i < p.n; i++) {
            cr_expect(metrics_argmax(p.logits + i * p.n_classes, p.n_classes) == p.predicted[i]);
        }
        n_cases++;
    }
    cr_expect(n_cases == 12);
    fclose(in);
    arena_release(&a);
}

Test(metrics, confusion_counts_label_by_prediction)
{
    struct predictions p = {.n = 4,
                            .n_classes = 2,
                            .label = (const int[]){0, 0, 1, 0},
                            .predicted = (const int[]){0, 1, 1, 1}};
    long confusion[4];
    metrics_confusion(confusion, &p);
    cr_expect(confusion[0] == 1 && confusion[1] == 2 && confusion[2] == 0 && confusion[3] == 1);
}

Test(metrics, no_logits_no_loss)
{
    struct predictions p = {
        .n = 1, .n_classes = 2, .label = (const int[]){0}, .predicted = (const int[]){0}};
    double values[METRIC_COUNT];
    metrics_compute(values, &p);
    cr_expect(isnan(values[METRIC_LOSS]) && values[METRIC_ACCURACY] == 1);
}
