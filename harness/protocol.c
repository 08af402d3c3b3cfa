#include "harness/protocol.h"

#include "harness/base/file.h"
#include "harness/base/paths.h"
#include "models/tensor/optimizer.h"

#include <stdlib.h>
#include <string.h>

static const char *const metric_names[] = {"accuracy", "macro_f1", "loss", NULL};
static const char *const unit_names[] = {"example", "token", NULL};
static const char *const split_names[] = {"sound", "survey", NULL};
static const char *const rows_names[] = {"own", "survey", NULL};
static const char *const copies_names[] = {"one", "survey", NULL};
static const char *const target_length_names[] = {"full", "n_classes", NULL};
static const char *const precision_names[] = {"float32", "bfloat16", NULL};

/* Names, meanings and defaults of transformers' TrainingArguments where it has them. */
const struct option training_options[] = {
    {.name = "learning_rate",
     .type = OPTION_FLOAT,
     .initial = "5e-5",
     .min = 0,
     .max = 10,
     .help = "peak learning rate"},
    {.name = "lr_scheduler_type",
     .type = OPTION_CHOICE,
     .initial = "linear",
     .choices = schedule_names,
     .help = "how the rate falls after warm-up"},
    {.name = "warmup_ratio",
     .type = OPTION_FLOAT,
     .initial = "0.06",
     .min = 0,
     .max = 1,
     .help = "share of all updates over which the rate rises from 0"},
    {.name = "weight_decay",
     .type = OPTION_FLOAT,
     .initial = "0.01",
     .min = 0,
     .max = 10,
     .help = "decoupled decay of matrices and tables; never of biases and norms"},
    {.name = "adam_beta1",
     .type = OPTION_FLOAT,
     .initial = "0.9",
     .min = 0,
     .max = 0.999999,
     .help = "AdamW: decay of the first moment"},
    {.name = "adam_beta2",
     .type = OPTION_FLOAT,
     .initial = "0.999",
     .min = 0,
     .max = 0.999999,
     .help = "AdamW: decay of the second moment"},
    {.name = "adam_epsilon",
     .type = OPTION_FLOAT,
     .initial = "1e-8",
     .min = 1e-16,
     .max = 1,
     .help = "AdamW: added to the root of the second moment"},
    {.name = "max_grad_norm",
     .type = OPTION_FLOAT,
     .initial = "1",
     .min = 0,
     .max = 1e6,
     .help = "clip the gradient's norm to this; 0: do not"},
    {.name = "num_train_epochs",
     .type = OPTION_INT,
     .initial = "3",
     .min = 0,
     .max = 1000,
     .help = "passes over the training rows"},
    {.name = "train_batch_size",
     .type = OPTION_INT,
     .initial = "32",
     .min = 1,
     .max = 65536,
     .help = "examples per update, however many micro-batches that takes"},
    {.name = "micro_batch_tokens",
     .type = OPTION_INT,
     .initial = "4096",
     .min = 1,
     .max = 1 << 24,
     .help = "tokens that go through the model at once; bounds memory, moves last bits"},
    {.name = "max_length",
     .type = OPTION_INT,
     .initial = "128",
     .min = 3,
     .max = 8192,
     .help = "tokens of a text, special ones included; the rest is cut"},
    {.name = "metric_for_best_model",
     .type = OPTION_CHOICE,
     .initial = "accuracy",
     .choices = metric_names,
     .help = "what chooses the epoch, on validation"},
    {.name = "split_seed",
     .type = OPTION_INT,
     .initial = "42",
     .min = 0,
     .max = 2147483647,
     .help = "seed of the split, apart from a cell's seed so that all cells share rows"},
    {.name = "max_train_samples",
     .type = OPTION_INT,
     .initial = "0",
     .min = 0,
     .max = 2147483647,
     .help = "train on this many rows at most; 0: all"},
    {.name = "max_eval_samples",
     .type = OPTION_INT,
     .initial = "0",
     .min = 0,
     .max = 2147483647,
     .help = "judge this many validation and test rows each at most; 0: all"},
    {.name = "precision",
     .type = OPTION_CHOICE,
     .initial = "float32",
     .choices = precision_names,
     .help = "number format of the products' factors; sums and all else are float32"},
    {.name = "frozen_dropout",
     .type = OPTION_BOOL,
     .initial = "true",
     .help = "dropout in frozen layers too; false: only from where something trains"},
    {.name = "gradient_checkpointing",
     .type = OPTION_BOOL,
     .initial = "false",
     .help = "keep only what enters a layer, compute the rest again: less memory, same bits"},
    {.name = "load_best_model_at_end",
     .type = OPTION_BOOL,
     .initial = "true",
     .help = "judge the best epoch's weights; false: the last epoch's"},
    {.name = "rows",
     .type = OPTION_CHOICE,
     .initial = "own",
     .choices = rows_names,
     .help = "a set's own rows, or those the survey's code served under its name"},
    {.name = "row_copies",
     .type = OPTION_CHOICE,
     .initial = "one",
     .choices = copies_names,
     .help = "load every row once, or as often as the survey's code did, before any split"},
    {.name = "deduplicate",
     .type = OPTION_BOOL,
     .initial = "true",
     .help = "drop duplicates, conflicts and leaks before training"},
    {.name = "split",
     .type = OPTION_CHOICE,
     .initial = "sound",
     .choices = split_names,
     .help = "train, validation and test; or the survey's two parts, validation being judged"},
    {.name = "metric_unit",
     .type = OPTION_CHOICE,
     .initial = "example",
     .choices = unit_names,
     .help = "what the reported accuracy counts; token: target tokens under teacher forcing"},
    {.name = "target_length",
     .type = OPTION_CHOICE,
     .initial = "full",
     .choices = target_length_names,
     .help = "text targets: whole, or cut to as many tokens as there are classes"},
    {.name = "target_eos",
     .type = OPTION_BOOL,
     .initial = "true",
     .help = "text targets: learn and judge the end-of-sequence token"},
    {.name = "use_verbalizers",
     .type = OPTION_BOOL,
     .initial = "true",
     .help = "text targets: the descriptor's verbalizers; false: the class names"},
    {.name = "use_template",
     .type = OPTION_BOOL,
     .initial = "true",
     .help = "text models: put texts into the descriptor's prompt_template, if it has one"},
    {0},
};

static int protocol_folder(struct str *out, struct err *e)
{
    struct str home = {0};
    int rc = paths_home(&home, e);
    if (rc == 0)
        file_join(out, str_text(&home), "harness/protocols");
    str_release(&home);
    return rc;
}

int protocol_list(const char *const **names, struct arena *a, struct err *e)
{
    struct str folder = {0};
    char **files = NULL;
    int n = -1;
    if (protocol_folder(&folder, e) == 0)
        n = file_list(&files, str_text(&folder), ".yaml", e);
    str_release(&folder);
    if (n < 0)
        return -1;
    const char **list = arena_array(a, (size_t)n + 1, sizeof *list);
    for (int i = 0; i < n; i++)
        list[i] = arena_strndup(a, files[i], strlen(files[i]) - strlen(".yaml"));
    free(files);
    *names = list;
    return n;
}

/* The file of a protocol, in arena a; NULL on error. */
static const char *protocol_file(const char *name, struct arena *a, struct err *e)
{
    if (str_ends(name, ".yaml"))
        return name;
    const char *const *names;
    int n = protocol_list(&names, a, e);
    if (n < 0)
        return NULL;
    if (str_index(names, name) < 0) {
        const char *near = str_nearest(names, n, name);
        err_usage(e, "unknown protocol \"%s\"; %s%s%s", name, near ? "did you mean \"" : "",
                  near ? near : "`ftbench protocols` lists what there is", near ? "\"?" : "");
        return NULL;
    }
    struct str folder = {0};
    const char *path = NULL;
    if (protocol_folder(&folder, e) == 0)
        path = arena_printf(a, "%s/%s.yaml", str_text(&folder), name);
    str_release(&folder);
    return path;
}

/* A file that is being read, and who inherits it. */
struct link {
    const char *name, *path;
    const struct yaml *heir;         /* where it is named: NULL for the first */
    const struct link *inherited_by; /* or NULL */
};

/* The links of a circle, each with its place, the one that closes it last. */
static int circle(const struct link *l, struct err *e)
{
    const struct link *links[64];
    int n = 0;
    for (const struct link *at = l; at->heir && n < 64; at = at->inherited_by) {
        links[n++] = at;
        if (strcmp(at->inherited_by->path, l->path) == 0)
            break;
    }
    struct str chain = {0};
    for (int i = n - 1; i >= 0; i--)
        str_printf(&chain, "%s%s:%d: %s inherits %s", i == n - 1 ? "" : ", ", links[i]->heir->file,
                   links[i]->heir->line, links[i]->inherited_by->name, links[i]->name);
    yaml_error(l->heir, e, "protocols inherit in a circle: %s", str_text(&chain));
    str_release(&chain);
    return -1;
}

static int read_layers(struct protocol *p, const struct link *l, int depth, struct arena *a,
                       struct err *e);

/* The layers of the protocol that is named at node. */
static int read_parent(struct protocol *p, const struct yaml *node, const struct link *heir,
                       int depth, struct arena *a, struct err *e)
{
    if (yaml_expect(node, YAML_SCALAR, "inherits", e) != 0)
        return -1;
    struct link parent = {.name = node->text, .heir = node, .inherited_by = heir};
    parent.path = protocol_file(node->text, a, e);
    if (!parent.path) {
        struct err inner = *e;
        yaml_error(node, e, "%s", inner.text);
        e->kind = inner.kind;
        return -1;
    }
    for (const struct link *at = heir; at; at = at->inherited_by)
        if (strcmp(at->path, parent.path) == 0)
            return circle(&parent, e);
    return read_layers(p, &parent, depth + 1, a, e);
}

/* Reads a file and, before it, what it inherits; depth counts its heirs. p says of itself what
 * the file at depth 0 says. */
static int read_layers(struct protocol *p, const struct link *l, int depth, struct arena *a,
                       struct err *e)
{
    static const char *const keys[] = {"name", "title",     "notes", "inherits",
                                       "set",  "overrides", NULL};
    const struct yaml *root = yaml_read(a, l->path, e);
    const char *name, *title;
    if (!root || yaml_only_keys(root, keys, e) != 0 || yaml_text(&name, root, "name", e) != 0 ||
        yaml_text(&title, root, "title", e) != 0)
        return -1;
    const struct yaml *inherits = yaml_get(root, "inherits");
    if (inherits) {
        if (read_parent(p, inherits, l, depth, a, e) != 0)
            return -1;
    } else {
        p->layers = arena_array(a, (size_t)depth + 1, sizeof *p->layers);
    }
    struct protocol_layer *layer = &p->layers[p->n_layers++];
    *layer = (struct protocol_layer){.name = name, .path = l->path, .set = yaml_get(root, "set")};
    p->name = name;
    p->title = title;
    p->path = l->path;
    p->notes = yaml_text_or(root, "notes", "");
    if (layer->set && settings_check(layer->set, e) != 0)
        return -1;
    return rules_read(&layer->overrides, &layer->n_overrides, yaml_get(root, "overrides"), false, a,
                      e);
}

int protocol_read(struct protocol *p, const char *name, struct arena *a, struct err *e)
{
    *p = (struct protocol){0};
    struct link first = {.name = name, .path = protocol_file(name, a, e)};
    return first.path ? read_layers(p, &first, 0, a, e) : -1;
}

int protocol_apply(const struct protocol *p, const struct point *at, const struct settled *to,
                   struct err *e)
{
    for (int i = 0; i < p->n_layers; i++) {
        const struct protocol_layer *l = &p->layers[i];
        if ((l->set && settings_apply(l->set, NULL, to, e) != 0) ||
            rules_apply(l->overrides, l->n_overrides, at, to, e) != 0)
            return -1;
    }
    return 0;
}
