#include "harness/phases.h"

#include "harness/base/file.h"

static double percent(const struct profile *p, int phase)
{
    return 100.0 * (double)p->ns[phase] / (double)profile_total_ns(p);
}

static long long ns_per_step(const struct profile *p, int64_t ns)
{
    return (long long)(ns / p->n_steps);
}

static void print_table(const struct profile *p, FILE *out)
{
    fprintf(out, "  start %.1f ms before the first step\n", 1e-6 * (double)p->start_ns);
    fprintf(out, "  %-11s %14s %7s\n", "phase", "ns a step", "%");
    for (int i = 0; i < PHASE_COUNT; i++)
        fprintf(out, "  %-11s %14lld %7.2f\n", phase_names[i], ns_per_step(p, p->ns[i]),
                percent(p, i));
    fprintf(out, "  %-11s %14lld %7.2f  %ld steps, %.2f processors busy\n", "all",
            ns_per_step(p, profile_total_ns(p)), 100.0, p->n_steps, p->cpu_share);
    fflush(out);
}

int phases_tell(const struct cell *c, const struct profile *p, const char *path, FILE *out,
                struct err *e)
{
    if (p->n_steps == 0)
        return 0;
    bool is_new = !file_exists(path);
    FILE *f = fopen(path, "a");
    if (!f)
        return err_errno(e, "cannot write %s", path);
    if (is_new)
        fprintf(f,
                "cell_id\tmodel\tmethod\tdataset\tseed\tstart_ns\tsteps\tprocessors_busy\tphase\t"
                "ns_per_step\tpercent\n");
    for (int i = 0; i < PHASE_COUNT; i++)
        fprintf(f, "%s\t%s\t%s\t%s\t%llu\t%lld\t%ld\t%.3f\t%s\t%lld\t%.3f\n", c->id, c->model->name,
                c->method_label, c->dataset->name, (unsigned long long)c->seed,
                (long long)p->start_ns, p->n_steps, p->cpu_share, phase_names[i],
                ns_per_step(p, p->ns[i]), percent(p, i));
    bool failed = ferror(f);
    if (fclose(f) || failed)
        return err_errno(e, "cannot write %s", path);
    print_table(p, out);
    return 0;
}
