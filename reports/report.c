#include "reports/report.h"

#include "harness/base/file.h"
#include "harness/base/str.h"
#include "reports/contrast.h"
#include "reports/page.h"
#include "reports/tables.h"
#include "reports/worth.h"

/* All sections of one protocol; p->data is set. */
static void write_protocol(const struct page *p)
{
    page_protocol(p);
    page_accuracy(p);
    page_worth(p);
    page_text(p);
    page_other_metrics(p);
    page_curves(p);
    page_cost(p);
    page_paired(p);
    page_problems(p);
}

static void write_survey(const struct page *p)
{
    page_survey(p);
    page_claims(p);
    page_findings(p);
}

static int write_page(struct page *p, const struct figures *figures,
                      struct paired_table *const *paired, struct err *e)
{
    doc_begin(p->doc, p->params->title);
    page_summary(p);
    page_protocols(p);
    bool of_survey = p->survey->n_measured > 0; /* then its question comes first */
    if (of_survey) {
        write_survey(p);
    }
    for (int i = 0; i < p->set->n; i++) {
        p->data = &p->set->items[i];
        p->figures = &figures[i];
        p->paired = paired[i];
        write_protocol(p);
    }
    if (!of_survey) {
        write_survey(p);
    }
    if (page_data(p, e) != 0 || page_provenance(p, e) != 0) {
        return -1;
    }
    page_reproduce(p);
    page_runs(p);
    return doc_write(p->doc, p->params->out_dir, e);
}

/* The figure of two protocols; *drawn is its name, or NULL. */
static int draw_contrast(const char **drawn, const struct report_set *r, const char *dir,
                         struct err *e)
{
    struct str folder = {0};
    file_join(&folder, dir, "figures");
    int status = contrast_draw(r, "protocols", str_text(&folder), e);
    *drawn = status == 0 ? "protocols" : NULL;
    str_release(&folder);
    return status < 0 ? -1 : 0;
}

/* Tables and figures of all protocols. */
static int write_files(const struct report_params *params, const struct report_set *r,
                       struct survey *survey, struct figures *figures, struct paired_table **paired,
                       struct err *e)
{
    const char *dir = params->out_dir;
    if (file_make_dirs(dir, e) != 0 || tables_write(r, dir, e) != 0 ||
        worth_write(r, dir, e) != 0) {
        return -1;
    }
    for (int i = 0; i < r->n; i++) {
        if (paired_load(&paired[i], &r->items[i], e) != 0 ||
            figures_draw(&figures[i], &r->items[i], dir, e) != 0) {
            return -1;
        }
    }
    if (paired_write(paired, r, dir, e) != 0 || survey_load(survey, r, e) != 0 ||
        survey_write(survey, dir, e) != 0) {
        return -1;
    }
    return survey_draw(survey, dir, e);
}

static int write_all(const struct report_params *params, const struct report_set *r, struct err *e)
{
    if (r->n_cells == 0) {
        return err_set(e, "%s: none of the cells asked for is in it; run them first",
                       params->db_path);
    }
    struct figures *figures = arena_array(r->arena, (size_t)r->n, sizeof *figures);
    struct paired_table **paired =
        arena_array(r->arena, (size_t)r->n, sizeof(struct paired_table *));
    struct survey survey;
    struct verdicts verdicts;
    const char *contrast;
    if (write_files(params, r, &survey, figures, paired, e) != 0 ||
        draw_contrast(&contrast, r, params->out_dir, e) != 0 ||
        verdicts_load(&verdicts, r, params->usual_rate, r->arena, e) != 0 ||
        verdicts_write(&verdicts, params->out_dir, e) != 0) {
        return -1;
    }
    struct doc doc = {0};
    struct page page = {.doc = &doc,
                        .params = params,
                        .set = r,
                        .contrast = contrast,
                        .survey = &survey,
                        .verdicts = &verdicts,
                        .level = r->n > 1 ? 3 : 2};
    int status = write_page(&page, figures, paired, e);
    doc_release(&doc);
    return status;
}

int report_write(const struct report_params *p, struct err *e)
{
    struct store *store = store_open(p->db_path, STORE_READ, e);
    if (store == NULL) {
        return -1;
    }
    struct arena a = {0};
    struct report_set r;
    int status = report_set_load(&r, store, p->cell_ids, p->n_cell_ids, &a, e);
    if (status == 0) {
        status = write_all(p, &r, e);
    }
    arena_release(&a);
    store_close(store);
    return status != 0 ? err_wrap(e, "report") : 0;
}
