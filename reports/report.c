#include "reports/report.h"

#include "harness/base/file.h"
#include "reports/page.h"
#include "reports/tables.h"

static int write_page(const struct page *p, struct err *e)
{
    doc_begin(p->doc, p->params->title);
    page_summary(p);
    page_accuracy(p);
    page_other_metrics(p);
    page_curves(p);
    page_cost(p);
    page_paired(p);
    page_problems(p);
    if (page_data(p, e) != 0 || page_provenance(p, e) != 0) {
        return -1;
    }
    page_reproduce(p);
    page_runs(p);
    return doc_write(p->doc, p->params->out_dir, e);
}

static int write_all(const struct report_params *params, const struct report_data *d, struct err *e)
{
    struct paired_table *paired;
    struct figures figures;
    if (d->n_cells == 0) {
        return err_set(e, "%s: none of the cells asked for is in it; run them first",
                       params->db_path);
    }
    if (file_make_dirs(params->out_dir, e) != 0 || tables_write(d, params->out_dir, e) != 0 ||
        paired_load(&paired, d, e) != 0 || paired_write(paired, d, params->out_dir, e) != 0 ||
        figures_draw(&figures, d, params->out_dir, e) != 0) {
        return -1;
    }
    struct doc doc = {0};
    struct page page = {&doc, params, d, &figures, paired};
    int status = write_page(&page, e);
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
    struct report_data d;
    int status = report_data_load(&d, store, p->cell_ids, p->n_cell_ids, &a, e);
    if (status == 0) {
        status = write_all(p, &d, e);
    }
    arena_release(&a);
    store_close(store);
    return status != 0 ? err_wrap(e, "report") : 0;
}
