#include "harness/progress.h"

#include "harness/base/clock.h"
#include "harness/base/file.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const int64_t DRAW_EVERY_NS = 500000000;

void progress_init(struct progress *p, FILE *out, const char *state_dir,
                   const struct cell *const *cells, int n, int n_jobs)
{
    memset(p, 0, sizeof *p);
    p->out = out;
    p->terminal = isatty(fileno(out));
    p->state_dir = state_dir;
    p->n_cells = n;
    p->n_jobs = n_jobs;
    p->started_ns = clock_ns();
    for (int i = 0; i < n; i++)
        p->est_left += cells[i]->est_seconds;
}

void progress_duration(char out[32], double seconds)
{
    long s = (long)(seconds + 0.5);
    if (s >= 3600)
        snprintf(out, 32, "%ld h %02ld min", s / 3600, s / 60 % 60);
    else if (s >= 60)
        snprintf(out, 32, "%ld min %02ld s", s / 60, s % 60);
    else
        snprintf(out, 32, "%ld s", s);
}

/* Share of a running cell's training that is behind it. */
static double share_done(const struct progress_slot *s)
{
    return s->cell && s->at.n_steps ? (double)s->at.step / (double)s->at.n_steps : 0;
}

double progress_seconds_left(const struct progress *p, const struct progress_slot *slots)
{
    double done = p->est_done, left = p->est_left;
    for (int i = 0; i < p->n_jobs; i++) {
        double part = slots[i].cell ? share_done(&slots[i]) * slots[i].cell->est_seconds : 0;
        done += part;
        left -= part;
    }
    if (!(done > 0))
        return -1;
    return left / done * 1e-9 * (double)(clock_ns() - p->started_ns);
}

static void clear_line(const struct progress *p)
{
    if (p->terminal)
        fputs("\r\033[K", p->out);
}

static void describe(struct str *s, const struct cell *c)
{
    str_printf(s, "%s %s %s seed %llu", c->dataset->name, c->model->name, c->method_label,
               (unsigned long long)c->seed);
}

void progress_finished(struct progress *p, const struct cell *c, double seconds, double accuracy,
                       const char *message)
{
    struct str line = {0};
    char took[32];

    p->est_left -= c->est_seconds;
    p->est_done += c->est_seconds;
    if (message)
        p->n_failed++;
    else
        p->n_done++;
    progress_duration(took, seconds);
    describe(&line, c);
    if (message)
        str_printf(&line, " FAILED after %s: %s", took, message);
    else
        str_printf(&line, " accuracy %.4f in %s", accuracy, took);
    clear_line(p);
    fprintf(p->out, "[%d/%d] %s %s\n", p->n_done + p->n_failed, p->n_cells, c->id, str_text(&line));
    fflush(p->out);
    str_release(&line);
}

void progress_note(struct progress *p, const struct cell *c, const char *text)
{
    clear_line(p);
    fprintf(p->out, "%s: %s\n", c->id, text);
    fflush(p->out);
}

static double tokens_per_second(const struct execute_progress *at)
{
    return at->train_seconds > 0 ? (double)at->n_tok / at->train_seconds : 0;
}

/* Columns of the terminal less one: a line that wraps cannot be drawn over. */
static int width_of(const struct progress *p)
{
    struct winsize size;
    return ioctl(fileno(p->out), TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1 : 79;
}

static void draw_line(struct progress *p, const struct progress_slot *slots)
{
    struct str line = {0};
    char left[32];
    double seconds = progress_seconds_left(p, slots);

    str_printf(&line, "[%d/%d]", p->n_done + p->n_failed, p->n_cells);
    for (int i = 0; i < p->n_jobs; i++) {
        const struct execute_progress *at = &slots[i].at;
        if (!slots[i].cell)
            continue;
        str_printf(&line, " %s %s %ld/%ld %.0f tok/s loss %.3f;", slots[i].cell->dataset->name,
                   slots[i].cell->method->name, at->step, at->n_steps, tokens_per_second(at),
                   at->loss);
    }
    if (seconds >= 0) {
        progress_duration(left, seconds);
        str_printf(&line, " %s left", left);
    }
    fprintf(p->out, "\r\033[K%.*s", width_of(p), str_text(&line));
    fflush(p->out);
    str_release(&line);
}

static void running_path(struct str *s, const struct progress *p)
{
    str_printf(s, "%s/running.tsv", p->state_dir);
}

/* For `ftbench status`; that it cannot be written must not stop a matrix. */
static void write_running(const struct progress *p, const struct progress_slot *slots)
{
    struct str path = {0}, text = {0};
    struct err ignored = {0};

    str_add(&text, "cell_id\tepoch\tn_epochs\tstep\tn_steps\ttokens_per_second\tseconds\n");
    for (int i = 0; i < p->n_jobs; i++)
        if (slots[i].cell)
            str_printf(&text, "%s\t%d\t%d\t%ld\t%ld\t%.1f\t%.1f\n", slots[i].cell->id,
                       slots[i].at.epoch, slots[i].at.n_epochs, slots[i].at.step,
                       slots[i].at.n_steps, tokens_per_second(&slots[i].at),
                       1e-9 * (double)(clock_ns() - slots[i].started_ns));
    running_path(&path, p);
    if (file_write(str_text(&path), text.buf, text.len, &ignored))
        err_clear(&ignored);
    str_release(&path);
    str_release(&text);
}

void progress_draw(struct progress *p, const struct progress_slot *slots)
{
    if (clock_ns() - p->drawn_ns < DRAW_EVERY_NS)
        return;
    p->drawn_ns = clock_ns();
    if (p->terminal)
        draw_line(p, slots);
    write_running(p, slots);
}

void progress_end(struct progress *p)
{
    struct str path = {0};
    clear_line(p);
    fflush(p->out);
    running_path(&path, p);
    unlink(str_text(&path));
    str_release(&path);
}
