#include "reports/gnuplot.h"

#include "harness/base/file.h"
#include "harness/base/paths.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void plot_begin(struct plot *p, const char *name, const char *script)
{
    *p = (struct plot){.name = name, .script = script};
}

/* A text in single quotes, where only the quote itself is special. */
static void add_quoted(struct str *s, const char *text)
{
    str_add_char(s, '\'');
    for (const char *c = text; *c != '\0'; c++) {
        str_add(s, *c == '\'' ? "'" : "");
        str_add_char(s, *c == '\n' ? ' ' : *c);
    }
    str_add_char(s, '\'');
}

static void add_real(struct str *s, double value)
{
    if (isfinite(value)) {
        str_add_double(s, value);
    } else {
        str_add(s, "NaN");
    }
}

void plot_number(struct plot *p, const char *variable, double value)
{
    str_printf(&p->variables, "%s = ", variable);
    add_real(&p->variables, value);
    str_add_char(&p->variables, '\n');
}

void plot_string(struct plot *p, const char *variable, const char *text)
{
    str_printf(&p->variables, "%s = ", variable);
    add_quoted(&p->variables, text);
    str_add_char(&p->variables, '\n');
}

void plot_array_begin(struct plot *p, const char *variable)
{
    str_clear(&p->array);
    p->n_array = 0;
    p->array_name = variable;
}

void plot_array_text(struct plot *p, const char *text)
{
    str_add(&p->array, p->n_array++ > 0 ? ", " : "");
    add_quoted(&p->array, text);
}

void plot_array_real(struct plot *p, double value)
{
    str_add(&p->array, p->n_array++ > 0 ? ", " : "");
    add_real(&p->array, value);
}

int plot_array_end(struct plot *p)
{
    if (p->n_array > 0) { /* gnuplot has no empty arrays */
        str_printf(&p->variables, "array %s[%d] = [%s]\n", p->array_name, p->n_array,
                   str_text(&p->array));
    }
    return p->n_array;
}

void plot_block(struct plot *p, const char *title, const char *columns)
{
    str_printf(&p->data, "%s# %s\n# %s\n", p->n_blocks++ > 0 ? "\n\n" : "", title, columns);
    p->n_columns = 0;
}

static void separate(struct plot *p)
{
    str_add(&p->data, p->n_columns++ > 0 ? " " : "");
}

/* In double quotes, where gnuplot takes no escapes: a quote within becomes '. */
void plot_text(struct plot *p, const char *text)
{
    separate(p);
    str_add_char(&p->data, '"');
    for (const char *c = text; *c != '\0'; c++) {
        str_add_char(&p->data, *c == '"' ? '\'' : *c == '\n' ? ' ' : *c);
    }
    str_add_char(&p->data, '"');
}

void plot_int(struct plot *p, long value)
{
    separate(p);
    str_printf(&p->data, "%ld", value);
}

void plot_real(struct plot *p, double value)
{
    separate(p);
    add_real(&p->data, value);
}

void plot_row_end(struct plot *p)
{
    str_add_char(&p->data, '\n');
    p->n_columns = 0;
}

void plot_abandon(struct plot *p)
{
    str_release(&p->data);
    str_release(&p->variables);
    str_release(&p->array);
}

/* DIR/NAME.ending into path. */
static const char *path_of(struct str *path, const char *dir, const char *name, const char *ending)
{
    str_clear(path);
    str_printf(path, "%s/%s%s", dir, name, ending);
    return str_text(path);
}

static int write_inputs(const struct plot *p, const char *dir, struct err *e)
{
    struct str path = {0}, script = {0};
    str_printf(&script, "# To draw %s.svg and %s.png again: gnuplot %s.gp\nname = ", p->name,
               p->name, p->name);
    add_quoted(&script, p->name);
    str_printf(&script, "\n%sload '%s'\n", str_text(&p->variables), p->script);
    int status =
        file_write(path_of(&path, dir, p->name, ".dat"), str_text(&p->data), p->data.len, e);
    if (status == 0) {
        status = file_write(path_of(&path, dir, p->name, ".gp"), str_text(&script), script.len, e);
    }
    str_release(&path);
    str_release(&script);
    return status;
}

/* gnuplot, in dir, with what it says on standard error in a pipe. */
static void become_gnuplot(const char *dir, const char *script, int error_fd)
{
    if (chdir(dir) == 0 && dup2(error_fd, STDERR_FILENO) >= 0) {
        execlp("gnuplot", "gnuplot", "-e", "suffix = '.tmp'", script, (char *)NULL);
    }
    _exit(127);
}

static int run_gnuplot(const char *name, const char *dir, struct err *e)
{
    struct str script = {0}, said = {0};
    str_printf(&script, "%s.gp", name);
    int fds[2], status = 0;
    if (pipe(fds) != 0) {
        str_release(&script);
        return err_errno(e, "pipe");
    }
    pid_t child = fork();
    if (child == 0) {
        become_gnuplot(dir, str_text(&script), fds[1]);
    }
    close(fds[1]);
    char buffer[512];
    ssize_t n;
    while (child > 0 &&
           ((n = read(fds[0], buffer, sizeof buffer)) > 0 || (n < 0 && errno == EINTR))) {
        str_add_bytes(&said, buffer, n > 0 ? (size_t)n : 0);
    }
    close(fds[0]);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    int result = 0;
    if (child < 0) {
        result = err_errno(e, "fork");
    } else if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
        result = err_set(e, "gnuplot could not be started; is it installed (gnuplot-nox)?");
    } else if (status != 0 || said.len > 0) { /* warnings count: a figure must be whole */
        for (size_t i = 0; i < said.len; i++) {
            said.buf[i] = said.buf[i] == '\n' ? ' ' : said.buf[i];
        }
        result = err_set(e, "gnuplot failed on %s/%s: %s", dir, str_text(&script), str_text(&said));
    }
    str_release(&script);
    str_release(&said);
    return result;
}

/* Gives the drawn files their final names, or takes them away. */
static int settle(const char *name, const char *dir, int status, struct err *e)
{
    static const char *const endings[][2] = {{".svg.tmp", ".svg"}, {".png.tmp", ".png"}};
    struct str from = {0}, to = {0};
    for (int i = 0; i < 2; i++) {
        path_of(&from, dir, name, endings[i][0]);
        path_of(&to, dir, name, endings[i][1]);
        if (status != 0) {
            unlink(str_text(&from));
        } else if (rename(str_text(&from), str_text(&to)) != 0) {
            status = err_errno(e, "%s: not drawn", str_text(&to));
        }
    }
    str_release(&from);
    str_release(&to);
    return status;
}

int plot_draw(struct plot *p, const char *dir, struct err *e)
{
    int status = write_inputs(p, dir, e);
    if (status == 0) {
        status = settle(p->name, dir, run_gnuplot(p->name, dir, e), e);
    }
    plot_abandon(p);
    return status;
}

int plot_copy_scripts(const char *dir, struct err *e)
{
    struct str home = {0}, from = {0}, to = {0};
    char **names = NULL;
    int n = -1;
    if (paths_home(&home, e) == 0) {
        str_add(&home, "/reports/figures");
        n = file_list(&names, str_text(&home), ".gp", e);
    }
    int status = n < 0 ? -1 : 0;
    for (int i = 0; status == 0 && i < n; i++) {
        struct str text = {0};
        status = file_read(&text, file_join(&from, str_text(&home), names[i]), e);
        if (status == 0) {
            status = file_write(file_join(&to, dir, names[i]), str_text(&text), text.len, e);
        }
        str_release(&text);
    }
    free(names);
    str_release(&home);
    str_release(&from);
    str_release(&to);
    return status;
}
