/* figures of several models and protocols, from made-up databases. */
#include "reports/figures.h"

#include "tests/reports/make_report.h"

TestSuite(figures, .init = set_up, .fini = tear_down, .timeout = 120);

/* Two families of two sizes: a colour a method, a marker a family, intervals over seeds, and no
 * curve that nobody ran. */
Test(figures, accuracy_by_size_tells_families_and_methods_apart)
{
    static const char *const models[] = {"mini-enc-xs", "mini-enc-s", "mini-encdec-xs",
                                         "mini-encdec-s"};
    struct made_cell cells[18];
    for (int i = 0; i < 18; i++) {
        int model = i < 16 ? i / 4 : i - 16;
        cells[i] = cell(i >= 16 ? "head" : i % 4 < 2 ? "full" : "lora", "trec", 1 + i % 2);
        cells[i].model = models[model];
        cells[i].total_params = 1000000 * (1 + model % 2);
        cells[i].trainable_params = i >= 16 ? 100 : i % 4 < 2 ? 300 : 200;
        cells[i].accuracy = i % 2 ? 0.7 : 0.6;
    }
    store_cells(cells, 18);
    write_report(NULL);
    expect_figure("accuracy_by_size");
    static const char *const parts[] = {
        "= ['mini-enc full', 'mini-enc lora', 'mini-enc head', 'mini-encdec full', 'mini-encdec",
        "series_colour[5] = [0, 1, 2, 0, 1]", "series_family[5] = [0, 0, 0, 1, 1]",
        "y_low = 0\ny_high = 1\n", /* integers, which gnuplot divides as such */
        "x_low = 1000000\nx_high = 2000000\n"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        expect_in("figures/accuracy_by_size.gp", parts[i]);
    }
    expect_in("figures/accuracy_by_size.dat", "\"majority\" -1 0 NaN NaN");
    const char *at = strstr(text_of("figures/accuracy_by_size.dat"), "# mini-encdec lora\n");
    double mean = 0, low = 0, high = 0;
    cr_assert(at != NULL);
    cr_assert(sscanf(at, "%*[^\n] %*[^\n] 1000000 %lf %lf %lf", &mean, &low, &high) == 3);
    cr_expect(low < mean && mean < high, "%g in %g to %g", mean, low, high);
}

/* Two models under `sound` and under a protocol without test rows: 80 % of what it judges was
 * trained on, full fine-tuning of its first model answers one class, and its text is counted by
 * token. */
static void store_contrast(void)
{
    static const char published[] = "learning_rate=0.001\nmetric_unit=token\ntrain_batch_size=32\n";
    struct err e = {0};
    struct store *s = store_open(db, STORE_WRITE, &e);
    cr_assert(s != NULL, "%s", e.text);
    for (int i = 0; i < 8; i++) {
        struct made_cell one = cell(i % 2 ? "lora" : "full", "trec", 1);
        one.model = i % 4 < 2 ? "bert-l2-h128" : "flan-t5-xs";
        one.says_text = i % 4 >= 2;
        one.protocol = i < 4 ? "published" : NULL;
        one.protocol_options = i < 4 ? published : NULL;
        one.accuracy = i < 4 ? 0.9 : 0.6;
        struct result r = made_result(&memory, one);
        if (i < 4) {
            r.n_splits = 1; /* validation alone */
            r.run.n_test = 0;
            r.run.leak_rate = 0.8;
        }
        if (i == 0) {
            int *all_one = arena_array(&memory, 100, sizeof *all_one);
            for (int k = 0; k < 100; k++) {
                all_one[k] = 1;
            }
            struct result_split *only = arena_alloc(&memory, sizeof *only);
            *only = r.splits[0];
            only->rows.predicted = all_one;
            r.splits = only;
        }
        cr_assert(store_put_result(s, &r, &e) == 0, "%s", e.text);
    }
    store_close(s);
}

Test(figures, two_protocols_in_one_figure)
{
    store_contrast();
    write_report(NULL);
    expect_figure("protocols");
    expect_in("report.md", "figures/protocols");
    expect_in("figures/protocols.gp", "sound = 'sound'\nother = 'published'\n");
    expect_in("figures/protocols.gp",
              "'Leak (shaded): in 2 of 2 panels published judges rows that it also trained on, "
              "80 %; what learns there reads +0.");
    expect_in("figures/protocols.gp", "full at 0.001 in 1 of 2 panels (sound at ");
    expect_in("figures/protocols.gp", "lora at 0.001 in 0 of 2 panels (sound at ");
    expect_in("figures/protocols.gp", "'Unit (dashed): where models answer in text published "
                                      "counts target tokens");
    expect_in("figures/protocols.gp", "array n_places[2] = [2, 3]");
    /* The cross is at published, not at sound, and its line says so at the end. */
    int sound_is_one = 0, published_is_one = 0;
    const char *points = strstr(text_of("figures/protocols.dat"), "# full\n");
    cr_assert(points != NULL);
    cr_expect(sscanf(points,
                     "# full\n# x mean low high one_class\n1 %*s %*s %*s %d\n2 %*s %*s %*s %d",
                     &sound_is_one, &published_is_one) == 2);
    cr_expect(sound_is_one == 0 && published_is_one == 1);
    expect_in("figures/protocols.dat", "\"full: one class\" 0\n");
    expect_in("figures/protocols.dat", "\"lora\" 1\n");
    expect_not_in("figures/protocols.dat", "\"lora: one class\"");
}
