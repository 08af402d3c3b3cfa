/* Progress: plain lines in a file, one line drawn over on a terminal, and the file for status. */
#include "harness/base/clock.h"
#include "tests/harness/scene.h"

#include <fcntl.h>
#include <sys/ioctl.h>

static const struct dataset_info data = {.name = "news"};
static const struct zoo_entry model = {.name = "small"};
static const struct cell cells[] = {{.model = &model,
                                     .method = NULL,
                                     .dataset = &data,
                                     .method_label = "lora r=4",
                                     .seed = 7,
                                     .id = "00000000000000aa",
                                     .est_seconds = 10},
                                    {.model = &model,
                                     .dataset = &data,
                                     .method_label = "full",
                                     .seed = 8,
                                     .id = "00000000000000bb",
                                     .est_seconds = 30}};
static const struct cell *const both[] = {&cells[0], &cells[1]};

static const char *durations(double seconds)
{
    static char text[32];
    progress_duration(text, seconds);
    return text;
}

Test(progress, durations_are_for_people)
{
    cr_expect(eq(str, (char *)durations(0), "0 s"));
    cr_expect(eq(str, (char *)durations(11.6), "12 s"));
    cr_expect(eq(str, (char *)durations(59.4), "59 s"));
    cr_expect(eq(str, (char *)durations(59.6), "1 min 00 s"));
    cr_expect(eq(str, (char *)durations(200), "3 min 20 s"));
    cr_expect(eq(str, (char *)durations(3599.7), "1 h 00 min"));
    cr_expect(eq(str, (char *)durations(7500), "2 h 05 min"));
    cr_expect(eq(str, (char *)durations(360000), "100 h 00 min"));
}

/* All that was written to f so far. */
static void contents(char *text, size_t size, FILE *f)
{
    rewind(f);
    text[fread(text, 1, size - 1, f)] = '\0';
}

Test(progress, plain_lines_one_a_finished_cell)
{
    char text[1024];
    FILE *f = tmpfile();
    struct progress p;
    progress_init(&p, f, "/nonexistent/state", both, 2, 1);
    cr_assert(p.terminal == false);
    progress_finished(&p, &cells[0], 75, 0.87654, NULL);
    progress_note(&p, &cells[1], "something to know");
    progress_finished(&p, &cells[1], 3, 0, "it broke");
    struct progress_slot idle = {0};
    progress_draw(&p, &idle); /* the file cannot be written: nobody is bothered */
    progress_end(&p);
    contents(text, sizeof text, f);
    cr_expect(eq(str, text,
                 "[1/2] 00000000000000aa news small lora r=4 seed 7 accuracy 0.8765 in 1 min 15 s\n"
                 "00000000000000bb: something to know\n"
                 "[2/2] 00000000000000bb news small full seed 8 FAILED after 3 s: it broke\n"));
    cr_expect(p.n_done == 1 && p.n_failed == 1);
    fclose(f);
}

/* Cells are estimated at 10 and 30 s; time runs in the estimates' proportion. Half a second
 * of slack for the test itself. */
Test(progress, seconds_left_follow_the_pace_so_far)
{
    FILE *f = tmpfile();
    struct progress p;
    struct progress_slot slot = {0};
    progress_init(&p, f, "/nonexistent/state", both, 2, 1);
    cr_expect(progress_seconds_left(&p, &slot) == -1);
    slot.cell = &cells[0];
    cr_expect(progress_seconds_left(&p, &slot) == -1); /* started, not moved */
    p.started_ns = clock_ns() - 5000000000;            /* 5 s ago */
    slot.at = (struct execute_progress){.step = 50, .n_steps = 100};
    double left = progress_seconds_left(&p, &slot); /* 5 of 40 are done in 5 s */
    cr_expect(left >= 35 && left < 38.5, "%g", left);
    slot.cell = NULL;
    progress_finished(&p, &cells[0], 5, 0.5, NULL);
    left = progress_seconds_left(&p, &slot); /* 10 of 40 are done in 5 s */
    cr_expect(left >= 15 && left < 16.5, "%g", left);
    progress_finished(&p, &cells[1], 5, 0.5, NULL);
    cr_expect(progress_seconds_left(&p, &slot) == 0);
    fclose(f);
}

Test(progress, a_file_says_what_runs_until_the_end)
{
    struct scene s;
    struct str text = {0};
    scene_open(&s, "mini-bert-xs", "head", "");
    FILE *f = tmpfile();
    struct progress p;
    struct progress_slot slots[2] = {{.cell = &cells[1], .started_ns = clock_ns()}};
    slots[0].at = (struct execute_progress){
        .step = 3, .n_steps = 9, .n_tok = 500, .train_seconds = 2, .epoch = 1, .n_epochs = 3};
    progress_init(&p, f, s.folder, both, 2, 2);
    progress_draw(&p, slots);
    const char *path = arena_printf(&s.arena, "%s/running.tsv", s.folder);
    cr_assert(file_read(&text, path, &s.e) == 0, "%s", s.e.text);
    cr_expect(says(text.buf, "cell_id\tepoch\tn_epochs\tstep\tn_steps\ttokens_per_second\t"));
    cr_expect(says(text.buf, "\n00000000000000bb\t1\t3\t3\t9\t250.0\t"), "%s", text.buf);
    /* Drawn again at once, nothing is written: at most every half second. */
    unlink(path);
    progress_draw(&p, slots);
    cr_expect(file_exists(path) == false);
    p.drawn_ns = 0;
    progress_draw(&p, slots);
    cr_expect(file_exists(path));
    progress_end(&p);
    cr_expect(file_exists(path) == false);
    str_release(&text);
    fclose(f);
    scene_close(&s);
}

/* A pseudo-terminal of so many columns; *screen reads what is written to the result. */
static FILE *terminal(int *screen, unsigned short columns)
{
    struct winsize size = {.ws_row = 24, .ws_col = columns};
    *screen = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (*screen < 0)
        cr_skip_test("skip: this machine gives out no pseudo-terminals");
    cr_assert(grantpt(*screen) == 0 && unlockpt(*screen) == 0);
    int fd = open(ptsname(*screen), O_RDWR | O_NOCTTY);
    cr_assert(fd >= 0 && ioctl(fd, TIOCSWINSZ, &size) == 0);
    return fdopen(fd, "r+");
}

Test(progress, a_terminal_gets_one_line_that_fits_and_is_drawn_over)
{
    int screen;
    char text[2048];
    FILE *f = terminal(&screen, 40);
    struct method method = {.name = "full"};
    struct cell cell = cells[1];
    cell.method = &method;
    struct progress p;
    struct progress_slot slot = {.cell = &cell};
    slot.at = (struct execute_progress){
        .step = 3, .n_steps = 9, .n_tok = 500, .train_seconds = 2, .loss = 0.5};
    progress_init(&p, f, "/nonexistent/state", both, 2, 1);
    cr_assert(p.terminal);
    progress_draw(&p, &slot);
    ssize_t n = read(screen, text, sizeof text - 1);
    cr_assert(n > 0);
    text[n] = '\0';
    cr_expect(eq(str, text, "\r\033[K[0/2] news full 3/9 250 tok/s loss 0.50"), "%s", text);
    cr_expect(strlen(text) - strlen("\r\033[K") == 39); /* a fortieth would wrap */
    progress_finished(&p, &cell, 1, 0.5, NULL);
    n = read(screen, text, sizeof text - 1);
    cr_assert(n > 0);
    text[n] = '\0';
    cr_expect(strncmp(text, "\r\033[K[1/2] ", 10) == 0 && text[n - 1] == '\n', "%s", text);
    fclose(f);
    close(screen);
}
