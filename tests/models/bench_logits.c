/*
 * What the engine makes of a folder, for tools/check_checkpoint.py:
 *   bench_logits logits FOLDER OUT < texts
 *   bench_logits random CONFIG.json FOLDER
 * logits: a text a line, of an encoder-decoder "text<TAB>what it is to say". OUT is a safetensors
 * file (all F32): input_ids and lengths; of an encoder the logits of every token, of an
 * encoder-decoder target_ids, target_lengths and the logits of every target token.
 * random: a language model of that configuration with initial weights, saved into the folder.
 */
#include "harness/base/file.h"
#include "models/checkpoint.h"
#include "models/safetensors.h"
#include "models/save.h"
#include "models/tokenize/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TEXTS = 64, MAX_CHARS = 4096, MAX_TOK = 256 };

static void must(int rc, const struct err *e)
{
    if (rc != 0) {
        fprintf(stderr, "%s\n", e->text);
        exit(1);
    }
}

/* A language model of this configuration, nothing loaded. */
static void declare(struct model *m, const char *config_path, struct arena *a)
{
    struct err e = {0};
    const struct family *family;
    struct options config;
    must(checkpoint_config(&family, &config, config_path, a, &e), &e);
    must(model_declare(m, family, &config, 0, a, &e), &e);
    params_allocate(&m->params, false);
}

static int save_random(const char *config_path, const char *folder)
{
    struct arena a = {0};
    struct err e = {0};
    struct model m;
    declare(&m, config_path, &a);
    params_init_missing(&m.params, 1);
    must(model_save(&m, folder, &e), &e);
    model_release(&m);
    arena_release(&a);
    return 0;
}

/* Texts as tokens, end to end. */
struct packed {
    int ids[MAX_TEXTS * MAX_TOK], offsets[MAX_TEXTS + 1], n;
};

static void pack(struct packed *p, const struct tokenizer *t, const char *text)
{
    struct err e = {0};
    int *to = p->ids + p->offsets[p->n], n = tokenizer_encode(t, text, MAX_TOK, to, &e);
    must(n > 0 ? 0 : -1, &e);
    p->n++;
    p->offsets[p->n] = p->offsets[p->n - 1] + n;
}

static void read_texts(struct packed *inputs, struct packed *targets, const struct tokenizer *t)
{
    char line[MAX_CHARS];
    while (inputs->n < MAX_TEXTS && fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        char *tab = strchr(line, '\t');
        if (tab)
            *tab = '\0';
        pack(inputs, t, line);
        if (tab)
            pack(targets, t, tab + 1);
    }
}

static struct safetensor_out floats(struct arena *a, const char *name, const int *values, int n)
{
    float *out = arena_array(a, (size_t)n, sizeof *out);
    for (int i = 0; i < n; i++)
        out[i] = (float)values[i];
    return (struct safetensor_out){.name = name, .n_dims = 1, .dims = {n}, .data = out};
}

static struct safetensor_out lengths(struct arena *a, const char *name, const struct packed *p)
{
    int n[MAX_TEXTS];
    for (int i = 0; i < p->n; i++)
        n[i] = p->offsets[i + 1] - p->offsets[i];
    return floats(a, name, n, p->n);
}

static int write_logits(const char *folder, const char *out_path)
{
    static struct packed inputs, targets;
    struct arena a = {0};
    struct err e = {0};
    struct model m;
    declare(&m, arena_printf(&a, "%s/config.json", folder), &a);
    must(checkpoint_load(&m, folder, &e), &e);
    struct tokenizer *tokenizer = tokenizer_open(folder, &e);
    must(tokenizer ? 0 : -1, &e);
    read_texts(&inputs, &targets, tokenizer);

    int numbers[MAX_TEXTS * MAX_TOK];
    for (int i = 0; i < MAX_TEXTS * MAX_TOK; i++)
        numbers[i] = i;
    int n_tok = inputs.offsets[inputs.n];
    struct batch b = {
        .n_seq = inputs.n, .n_tok = n_tok, .offsets = inputs.offsets, .input_ids = inputs.ids};
    struct slab slab;
    struct tape tape;
    slab_init(&slab, (size_t)1 << 32); /* pages come when touched */
    tape_init(&tape, &slab, (size_t)1 << 20);
    tape_begin(&tape, false, 0, 0);
    struct safetensor_out out[5] = {floats(&a, "input_ids", inputs.ids, n_tok),
                                    lengths(&a, "lengths", &inputs)};
    int n_out = 2;
    struct tensor *logits;
    if (model_says_text(&m)) {
        b.n_target = targets.n;
        b.n_target_tok = targets.offsets[targets.n];
        b.target_starts = numbers;
        b.target_offsets = targets.offsets;
        b.target_ids = targets.ids;
        logits = model_logits(&m, &tape, &b, NULL);
        out[n_out++] = floats(&a, "target_ids", targets.ids, b.n_target_tok);
        out[n_out++] = lengths(&a, "target_lengths", &targets);
    } else {
        b.n_masked = n_tok;
        b.masked_rows = b.masked_ids = numbers;
        logits = model_masked(&m, &tape, &b, NULL);
    }
    out[n_out++] = (struct safetensor_out){
        .name = "logits", .n_dims = 2, .dims = {logits->rows, logits->cols}, .data = logits->data};
    must(safetensors_write(out_path, out, n_out, &e), &e);
    tape_release(&tape);
    slab_release(&slab);
    tokenizer_free(tokenizer);
    model_release(&m);
    arena_release(&a);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "logits") == 0)
        return write_logits(argv[2], argv[3]);
    if (argc == 4 && strcmp(argv[1], "random") == 0)
        return save_random(argv[2], argv[3]);
    fprintf(stderr, "usage: bench_logits logits FOLDER OUT < texts | random CONFIG.json FOLDER\n");
    return 2;
}
