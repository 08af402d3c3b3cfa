/* Targets: the classes' words in tokens, whole or as the survey cut them. */
#include "datasets/split.h"
#include "harness/protocol.h"
#include "harness/targets.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char mini[] = "models/zoo/mini-unigram/spiece.model";

/* A data set's words, options and where what comes of them is kept. */
struct trial {
    struct arena arena;
    struct dataset_info info;
    struct options training;
    struct tokenizer *tokenizer;
    struct targets targets;
    struct err e;
};

static void open_trial(struct trial *x, const char *tokenizer, int n, const char *const *classes)
{
    memset(x, 0, sizeof *x);
    x->info = (struct dataset_info){.name = "made up", .n_classes = n, .classes = classes};
    options_init(&x->training, training_options, &x->arena);
    x->tokenizer = tokenizer_open(tokenizer, &x->e);
    cr_assert(x->tokenizer != NULL, "%s", x->e.text);
}

static void set(struct trial *x, const char *name, const char *value)
{
    cr_assert(option_set(&x->training, name, value, &x->e) == 0, "%s", x->e.text);
}

static int encode(struct trial *x)
{
    return targets_encode(&x->targets, &x->info, x->tokenizer, &x->training, &x->arena, &x->e);
}

static void close_trial(struct trial *x)
{
    tokenizer_free(x->tokenizer);
    arena_release(&x->arena);
}

/* The pieces of class c, one blank between two. */
static const char *pieces(struct trial *x, int c)
{
    struct str s = {0};
    for (int i = x->targets.offsets[c]; i < x->targets.offsets[c + 1]; i++)
        str_printf(&s, "%s%s", i > x->targets.offsets[c] ? " " : "",
                   tokenizer_piece(x->tokenizer, x->targets.ids[i]));
    const char *text = arena_strdup(&x->arena, str_text(&s));
    str_release(&s);
    return text;
}

static void expect(struct trial *x, int c, const char *wanted)
{
    const char *got = pieces(x, c);
    cr_expect(strcmp(got, wanted) == 0, "class %d: %s, not %s", c, got, wanted);
}

static void expect_refused(struct trial *x, const char *why)
{
    cr_assert(encode(x) == -1);
    cr_expect(x->e.kind == ERR_USAGE && strstr(x->e.text, why) != NULL, "%s", x->e.text);
    close_trial(x);
}

static const char *const words[] = {"again", "positive .", "the thing"};

Test(targets, whole_words_and_the_end)
{
    struct trial x;
    open_trial(&x, mini, 3, words);
    cr_assert(encode(&x) == 0, "%s", x.e.text);
    expect(&x, 0, "▁again </s>");
    expect(&x, 1, "▁positive ▁ . </s>");
    expect(&x, 2, "▁the ▁ thing </s>");
    cr_expect(x.targets.longest == 4 && x.targets.n_cut == 0 && x.targets.eos);
    cr_expect(x.targets.texts == words && x.targets.n_classes == 3);
    close_trial(&x);
}

Test(targets, without_the_end)
{
    struct trial x;
    open_trial(&x, mini, 3, words);
    set(&x, "target_eos", "false");
    cr_assert(encode(&x) == 0, "%s", x.e.text);
    expect(&x, 0, "▁again");
    expect(&x, 2, "▁the ▁ thing");
    cr_expect(x.targets.longest == 3 && !x.targets.eos);
    close_trial(&x);
}

/* The end-of-sequence token counts and stays; dropping it afterwards leaves one token less. */
Test(targets, cut_to_as_many_tokens_as_classes)
{
    struct trial x;
    open_trial(&x, mini, 3, words);
    set(&x, "target_length", "n_classes");
    cr_assert(encode(&x) == 0, "%s", x.e.text);
    expect(&x, 0, "▁again </s>");
    expect(&x, 1, "▁positive ▁ </s>");
    expect(&x, 2, "▁the ▁ </s>");
    cr_expect(x.targets.longest == 3 && x.targets.n_cut == 2);
    set(&x, "target_eos", "false");
    cr_assert(encode(&x) == 0, "%s", x.e.text);
    expect(&x, 1, "▁positive ▁");
    cr_expect(x.targets.longest == 2 && x.targets.n_cut == 2);
    close_trial(&x);
}

Test(targets, verbalizers_unless_they_are_not_wanted)
{
    static const char *const others[] = {"out", "for", "my"};
    struct trial x;
    open_trial(&x, mini, 3, words);
    x.info.verbalizers = others;
    cr_assert(encode(&x) == 0, "%s", x.e.text);
    expect(&x, 0, "▁out </s>");
    cr_expect(x.targets.texts == others);
    set(&x, "use_verbalizers", "false");
    cr_assert(encode(&x) == 0, "%s", x.e.text);
    expect(&x, 0, "▁again </s>");
    cr_expect(x.targets.texts == words);
    close_trial(&x);
}

Test(targets, a_class_without_tokens_is_refused)
{
    static const char *const blank[] = {"again", " "};
    struct trial x;
    open_trial(&x, mini, 2, blank);
    expect_refused(&x, "class \" \" of data set made up as a target: no tokens are left of it");
}

Test(targets, classes_that_say_the_same_are_refused)
{
    static const char *const same[] = {"again", "the thing", "the"};
    struct trial x;
    open_trial(&x, mini, 3, same);
    cr_assert(encode(&x) == 0, "%s", x.e.text); /* whole, they differ */
    x.info.n_classes = 2;
    x.info.classes = same + 1;
    set(&x, "target_length", "n_classes");
    expect_refused(&x, "classes \"the thing\" and \"the\" of data set made up");
}

Test(targets, an_end_that_the_vocabulary_lacks_is_refused)
{
    struct trial x;
    open_trial(&x, "models/zoo/mini/vocab.txt", 3, words);
    set(&x, "target_eos", "false");
    cr_assert(encode(&x) == 0, "%s", x.e.text);
    expect(&x, 0, "again");
    set(&x, "target_eos", "true");
    expect_refused(&x, "has no end-of-sequence token; set target_eos: false");
}

/* --- the survey's words, with T5's own vocabulary ------------------------------ */

static const char *mirror(void)
{
    const char *dir = getenv("FTBENCH_MIRROR");
    if (!dir || !*dir)
        printf("skip: FTBENCH_MIRROR is not set, so T5's vocabulary is not here\n");
    return dir && *dir ? dir : NULL;
}

static void open_published(struct trial *x, const char *dir, const char *dataset)
{
    open_trial(x, mini, 0, NULL);
    tokenizer_free(x->tokenizer);
    x->tokenizer =
        tokenizer_open(arena_printf(&x->arena, "%s/tokenizers/flan-t5/spiece.model", dir), &x->e);
    cr_assert(x->tokenizer != NULL, "%s", x->e.text);
    const struct dataset_info *info = dataset_describe(dataset, &x->arena, &x->e);
    cr_assert(info != NULL, "%s", x->e.text);
    x->info = *info;
    set(x, "target_length", "n_classes");
    set(x, "target_eos", "false");
    set(x, "use_verbalizers", "false");
    cr_assert(encode(x) == 0, "%s", x->e.text);
}

Test(targets, the_surveys_words_are_cut_as_they_were)
{
    static const struct {
        const char *dataset;
        int n_cut;
        const char *pieces[4];
    } survey[] = {
        {"ag_news", 0, {"▁World", "▁Sports", "▁Business", "▁Sci / Tech"}},
        {"financial_phrasebank", 0, {"▁negative", "▁neutral", "▁positive"}},
        {"auditor_sentiment", 0, {"▁ 0", "▁1", "▁2"}},
        {"imdb_truncated", 1, {"▁", "▁1"}},
        {"tweet_eval_irony", 2, {"▁non", "▁iron"}},
    };
    const char *dir = mirror();
    setenv("FTBENCH_HOME", ".", 1);
    for (size_t i = 0; dir && i < sizeof survey / sizeof *survey; i++) {
        struct trial x;
        open_published(&x, dir, survey[i].dataset);
        for (int c = 0; c < x.info.n_classes; c++)
            expect(&x, c, survey[i].pieces[c]);
        cr_expect(x.targets.n_cut == survey[i].n_cut, "%s: %d", survey[i].dataset, x.targets.n_cut);
        close_trial(&x);
    }
}

/* The denominator of the survey's figures on AG News: 1.5 tokens a row. */
Test(targets, ag_news_has_4560_target_tokens_over_3040_rows)
{
    const char *dir = mirror();
    struct trial x;
    struct split split;
    const struct asset_flags flags = {.offline = true};
    const struct split_options how = {.survey = true, .copies = true};
    setenv("FTBENCH_HOME", ".", 1);
    if (!dir)
        return;
    open_published(&x, dir, "ag_news");
    const struct dataset *d = dataset_load_served(&x.info, &flags, &x.arena, &x.e);
    cr_assert(d != NULL, "%s", x.e.text);
    cr_assert(split_make(&split, d, &how, &x.arena, &x.e) == 0, "%s", x.e.text);
    int n_tok = 0;
    for (int i = 0; i < split.validation.n; i++) {
        int label = d->examples[split.validation.index[i]].label;
        n_tok += x.targets.offsets[label + 1] - x.targets.offsets[label];
    }
    cr_expect(split.validation.n == 3040 && n_tok == 4560, "%d rows, %d tokens", split.validation.n,
              n_tok);
    close_trial(&x);
}
