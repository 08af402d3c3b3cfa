#include "harness/base/file.h"
#include "harness/command.h"
#include "models/tokenize/tokenizer.h"
#include "models/tokenize/train.h"

#include <limits.h>
#include <unistd.h>

/* A pair or candidate that occurs once tells nothing of what others will look like. */
enum { MIN_FREQUENCY = 2 };

static const char *const kinds[] = {
    [TRAIN_WORDPIECE] = "wordpiece", [TRAIN_UNIGRAM] = "unigram", NULL};

static int read_recipe(struct tokenizer_recipe *r, const struct command_line *cl, struct err *e)
{
    if (!cl->out)
        return err_usage(e, "say with --out DIR where the vocabulary goes");
    int kind = cl->kind ? str_index(kinds, cl->kind) : -1;
    *r = (struct tokenizer_recipe){.vocab_size = (int)cl->vocab_size,
                                   .min_frequency = MIN_FREQUENCY,
                                   .lower_case = !cl->cased,
                                   .character_coverage = 0.99999};
    if (kind < 0)
        return err_usage(e, "--kind is wordpiece or unigram%s%s%s", cl->kind ? ", not \"" : "",
                         cl->kind ? cl->kind : "", cl->kind ? "\"" : "");
    r->kind = (enum tokenizer_kind_trained)kind;
    if (cl->coverage && (str_to_double(&r->character_coverage, cl->coverage) < 0 ||
                         !(r->character_coverage > 0 && r->character_coverage <= 1)))
        return err_usage(e, "--coverage wants a share above 0 and up to 1, not \"%s\"",
                         cl->coverage);
    if (cl->cased && r->kind == TRAIN_UNIGRAM)
        return err_usage(e, "--cased goes with --kind wordpiece; unigram always keeps case");
    return 0;
}

/* On a terminal one line that is drawn over. */
static void note(void *to, const char *text)
{
    FILE *out = to;
    bool terminal = isatty(fileno(out)) == 1;
    fprintf(out, terminal ? "\r\033[K%s" : "%s\n", text);
    fflush(out);
}

int cmd_tokenizer(const struct command_line *cl, FILE *out, struct err *e)
{
    struct tokenizer_recipe recipe;
    if (read_recipe(&recipe, cl, e) < 0)
        return -1;
    recipe.note = note;
    recipe.note_to = out;
    if (file_make_dirs(cl->out, e) < 0 || tokenizer_train(&recipe, cl->args[0], cl->out, e) < 0)
        return -1;
    struct tokenizer *t = tokenizer_open(cl->out, e);
    if (!t)
        return -1;
    struct str line = {0};
    str_printf(&line, "%s: %s of %d pieces, hash %.16s", cl->out, kinds[recipe.kind],
               tokenizer_n_vocab(t), tokenizer_hash(t));
    note(out, str_text(&line));
    if (isatty(fileno(out)) == 1)
        fputc('\n', out);
    str_release(&line);
    tokenizer_free(t);
    return EXIT_DONE;
}
