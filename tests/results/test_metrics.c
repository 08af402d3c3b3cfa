/* results/metrics against scikit-learn (tests/golden/metrics/make.py). */
#include "results/metrics.h"

#include "harness/base/arena.h"
#include "harness/base/str.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* "496f" as "Io", "-" as "". */
static const char *read_words(FILE *in, struct arena *a)
{
    char hex[100];
    cr_assert(fscanf(in, "%99s", hex) == 1);
    char *text = arena_alloc(a, strlen(hex) / 2 + 1);
    for (size_t i = 0; hex[0] != '-' && 2 * i < strlen(hex); i++) {
        const char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        text[i] = (char)strtol(digits, NULL, 16);
    }
    return text;
}

/* What a model that answers in text said, if the case has it. */
static void read_said(FILE *in, struct predictions *p, struct arena *a)
{
    int has_said;
    cr_assert(fscanf(in, " said %d", &has_said) == 1);
    p->said = NULL;
    if (!has_said) {
        return;
    }
    struct said *s = arena_alloc(a, sizeof *s);
    size_t n_classes = (size_t)p->n_classes, n = (size_t)p->n;
    const char **answer = arena_array(a, n_classes, sizeof *answer);
    const char **text = arena_array(a, n, sizeof *text);
    int *length = arena_array(a, n_classes, sizeof *length);
    int *offsets = arena_array(a, n + 1, sizeof *offsets);
    int *target = arena_array(a, 4 * n, sizeof *target);
    int *predicted = arena_array(a, 4 * n, sizeof *predicted);
    float *nll = arena_array(a, 4 * n, sizeof *nll);
    for (size_t c = 0; c < n_classes; c++) {
        answer[c] = read_words(in, a);
    }
    for (size_t c = 0; c < n_classes; c++) {
        cr_assert(fscanf(in, "%d", &length[c]) == 1 && length[c] <= 4);
    }
    for (size_t i = 0; i < n; i++) {
        text[i] = read_words(in, a);
        offsets[i + 1] = offsets[i] + length[p->label[i]];
        for (int k = offsets[i]; k < offsets[i + 1]; k++) {
            cr_assert(fscanf(in, "%d %d %a", &target[k], &predicted[k], &nll[k]) == 3);
        }
    }
    *s = (struct said){length, offsets, target, predicted, nll, text, answer};
    p->said = s;
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
        read_said(in, &p, &a);
        double values[METRIC_COUNT];
        metrics_compute(values, &p);
        int n_values = p.said != NULL ? METRIC_COUNT : METRIC_ACCURACY_NORM;
        cr_expect(check_values(in, name, values) == n_values, "%s", name);
        for (int m = n_values; m < METRIC_COUNT; m++) {
            cr_expect(isnan(values[m]), "%s of %s", metric_name((enum metric)m), name);
        }
        for (int i = 0; i < p.n; i++) {
            cr_expect(metrics_argmax(p.logits + i * p.n_classes, p.n_classes) == p.predicted[i]);
        }
        n_cases++;
    }
    cr_expect(n_cases == 16);
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

Test(metrics, nothing_decoded_no_exact_match)
{
    const struct said said = {.target_length = (const int[]){1, 2},
                              .offsets = (const int[]){0, 1, 3},
                              .target_ids = (const int[]){7, 8, 9},
                              .predicted_ids = (const int[]){7, 8, 1},
                              .nll = (const float[]){0.5F, 1, 1.5F},
                              .answer = (const char *const[]){"a", "b"}};
    struct predictions p = {.n = 2,
                            .n_classes = 2,
                            .label = (const int[]){0, 1},
                            .predicted = (const int[]){0, 0},
                            .logits = (const float[]){-1, -3, -1, -1.5F},
                            .said = &said};
    double values[METRIC_COUNT];
    metrics_compute(values, &p);
    cr_expect(isnan(values[METRIC_EXACT_MATCH]));
    cr_expect(values[METRIC_ACCURACY] == 0.5 && values[METRIC_ACCURACY_NORM] == 1);
    cr_expect(values[METRIC_TOKEN_ACCURACY] == 2.0 / 3 && values[METRIC_TOKEN_LOSS] == 1);
}
