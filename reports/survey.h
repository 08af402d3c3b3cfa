/*
 * survey: the survey's published numbers with what was measured of the same cells.
 *
 * "Published" is the author's logged runs (results/published). A measured cell belongs to the
 * survey when its model and its data set are among the published ones, by name; protocols stay
 * apart, and every number keeps the unit it counts in. Not here: the page (page_survey.c).
 */
#ifndef FT_REPORTS_SURVEY_H
#define FT_REPORTS_SURVEY_H

#include "reports/data.h"
#include "reports/observation.h"

/* One line of the survey's table. */
struct survey_row {
    const char *model, *method; /* "lora" */
};

struct survey_figures {   /* names without ending; NULL: nothing to draw */
    const char *protocol; /* measured beside the published; NULL: the published alone */
    const char *sizes, *methods, *parameters;
};

struct survey {
    const struct report_set *set; /* borrowed */
    struct observations published;
    struct survey_row *rows; /* [n_rows] as published, then what was only measured */
    const char **datasets;   /* [n_datasets] as published */
    int n_rows, n_published_rows, n_datasets;
    int n_measured;                 /* done cells that belong to the survey */
    struct survey_figures *figures; /* [n_figures] one a protocol that has some */
    int n_figures;
};

int survey_load(struct survey *s, const struct report_set *set, struct err *e) MUST_CHECK;

/* The published run of a place; NULL: none. */
const struct observation *survey_published(const struct survey *s, const char *model,
                                           const char *method, const char *dataset);

/* Whether the method that a label stands for is the survey's: "lora" of "lora r=64". */
bool survey_is_method(const char *label, const char *method);

/* Whether a protocol has cells of the survey, done or not. */
bool survey_has(const struct survey *s, const struct report_data *d);

/* The measured group of a place; NULL: no such cell. dataset is the survey's name; stand-ins
 * are taken where the real data set is not there. */
const struct report_group *survey_group(const struct report_data *d, const char *model, int method,
                                        const char *dataset);

/* Writes survey.csv: each published run and each measured group, side by side. */
int survey_write(const struct survey *s, const char *dir, struct err *e) MUST_CHECK;

/* Draws both epoch figures, unstacked, and accuracy by size into DIR/figures (survey_figures.c). */
int survey_draw(struct survey *s, const char *dir, struct err *e) MUST_CHECK;

#endif
