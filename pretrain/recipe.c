#include "pretrain/recipe.h"

#include "harness/base/hash.h"
#include "models/tensor/optimizer.h"

#include <string.h>

static const char *const precision_names[] = {"float32", "bfloat16", NULL};

const struct option recipe_options[] = {
    {"learning_rate", OPTION_FLOAT, "1e-3", 0, 10, NULL, "peak learning rate"},
    {"embedding_lr_scale", OPTION_FLOAT, "1", 1e-6, 1e6, NULL,
     "factor on the learning rate of the token embeddings"},
    {"embedding_initializer_range", OPTION_FLOAT, "0", 0, 10, NULL,
     "standard deviation of initial token embeddings; 0: as the configuration says"},
    {"sinusoidal_position_range", OPTION_FLOAT, "0", 0, 10, NULL,
     "root mean square of learned positions that begin as sines and cosines; 0: as random ones"},
    {"relative_position_slope", OPTION_FLOAT, "0", 0, 100, NULL,
     "relative position biases begin as minus this a bucket, half of it from head to head; 0: "
     "random"},
    {"cross_attention_matches", OPTION_BOOL, "false", 0, 0, NULL,
     "a decoder's queries begin with the weights of their keys: a token finds itself in the "
     "source"},
    {"position_lr_scale", OPTION_FLOAT, "1", 1e-6, 1e6, NULL,
     "factor on the learning rate of learned positions and relative position biases"},
    {"lr_scheduler_type", OPTION_CHOICE, "linear", 0, 0, schedule_names,
     "how the rate falls after warm-up"},
    {"warmup_ratio", OPTION_FLOAT, "0.06", 0, 1, NULL,
     "share of all updates over which the rate rises from 0"},
    {"adam_beta1", OPTION_FLOAT, "0.9", 0, 0.999999, NULL, "AdamW: decay of the first moment"},
    {"adam_beta2", OPTION_FLOAT, "0.98", 0, 0.999999, NULL, "AdamW: decay of the second moment"},
    {"adam_epsilon", OPTION_FLOAT, "1e-6", 1e-16, 1, NULL,
     "AdamW: added to the root of the second moment"},
    {"weight_decay", OPTION_FLOAT, "0.01", 0, 10, NULL,
     "decoupled decay of matrices and tables; never of biases and norms"},
    {"max_grad_norm", OPTION_FLOAT, "1", 0, 1e6, NULL,
     "clip the gradient's norm to this; 0: do not"},
    {"num_train_epochs", OPTION_INT, "3", 1, 1000, NULL, "passes over the training text"},
    {"max_steps", OPTION_INT, "0", 0, 1 << 30, NULL,
     "updates, in as many passes as they take; 0: num_train_epochs passes"},
    {"tokens_per_update", OPTION_INT, "2048", 8, 1 << 24, NULL,
     "tokens of an update, special ones and an encoder-decoder's targets among them"},
    {"micro_batch_tokens", OPTION_INT, "4096", 8, 1 << 24, NULL,
     "tokens that go through the model at once; bounds memory, moves last bits"},
    {"max_length", OPTION_INT, "256", 8, 8192, NULL,
     "tokens of a stretch of text, special ones included"},
    {"min_length", OPTION_INT, "8", 4, 8192, NULL,
     "pieces of a stretch; shorter ones are left out"},
    {"held_out_share", OPTION_FLOAT, "0.005", 1e-6, 0.5, NULL,
     "share of the documents that no update sees"},
    {"mlm_probability", OPTION_FLOAT, "0.15", 0.01, 0.9, NULL,
     "encoders: share of the pieces to be told, by whole words (arXiv 1810.04805)"},
    {"noise_density", OPTION_FLOAT, "0.15", 0.01, 0.9, NULL,
     "encoder-decoders: share of the pieces in spans to be told (arXiv 1910.10683)"},
    {"mean_noise_span_length", OPTION_FLOAT, "3", 1, 64, NULL,
     "encoder-decoders: pieces of a span on average"},
    {"prefix_lm_share", OPTION_FLOAT, "0", 0, 1, NULL,
     "encoder-decoders: share of the stretches that are cut in two, the rest to be told"},
    {"dropout", OPTION_FLOAT, "0", 0, 0.9, NULL,
     "in place of the configuration's; 0 where text is seen few times"},
    {"seed", OPTION_INT, "1", 0, 2147483647, NULL, "of weights, order, what is hidden, dropout"},
    {"precision", OPTION_CHOICE, "bfloat16", 0, 0, precision_names, "of products"},
    {"eval_steps", OPTION_INT, "500", 1, 1 << 30, NULL,
     "updates between two looks at the held-out loss"},
    {"eval_tokens", OPTION_INT, "100000", 8, 1 << 30, NULL,
     "tokens of held-out text that a look takes"},
    {0},
};

/* Whether set names only settings there are, with values they can have. */
static int check_set(const struct yaml *set, struct err *e)
{
    struct arena a = {0};
    struct options o;
    options_init(&o, recipe_options, &a);
    int rc = yaml_expect(set, YAML_MAP, "set", e) ? -1 : options_set_yaml(&o, set, e);
    arena_release(&a);
    return rc;
}

static int read_corpus(struct recipe_corpus *c, const struct yaml *root, struct err *e)
{
    static const char *const keys[] = {"title", "licence", "language", "sha256", NULL};
    const struct yaml *map = yaml_get(root, "corpus");
    if (!map)
        return yaml_error(root, e, "missing key 'corpus'");
    if (yaml_expect(map, YAML_MAP, "corpus", e) != 0 || yaml_only_keys(map, keys, e) != 0 ||
        yaml_text(&c->title, map, "title", e) != 0 ||
        yaml_text(&c->licence, map, "licence", e) != 0 ||
        yaml_text(&c->language, map, "language", e) != 0 ||
        yaml_text(&c->sha256, map, "sha256", e) != 0)
        return -1;
    if (!hash_is_hex(c->sha256))
        return yaml_error(yaml_get(map, "sha256"), e,
                          "sha256 must be 64 lower-case hexadecimal digits");
    return 0;
}

/* The entry without its weights, under the name that was written. */
static int find_model(struct zoo_entry *z, const char *name, struct arena *a, struct err *e)
{
    if (zoo_find(z, name, a, e) != 0)
        return -1;
    if (!z->random_init) {
        if (zoo_find(z, arena_printf(a, "%s:random", name), a, e) != 0)
            return -1;
        z->name = arena_strdup(a, name);
    }
    return 0;
}

static int read_models(struct recipe *r, const struct yaml *root, struct arena *a, struct err *e)
{
    const struct yaml *list = yaml_get(root, "models");
    if (!list)
        return yaml_error(root, e, "missing key 'models'");
    if (yaml_expect(list, YAML_LIST, "models", e) != 0)
        return -1;
    if (list->n == 0)
        return yaml_error(list, e, "models is empty");
    r->models = arena_array(a, (size_t)list->n, sizeof *r->models);
    for (int i = 0; i < list->n; i++) {
        const struct yaml *item = &list->items[i];
        if (yaml_expect(item, YAML_SCALAR, "a model", e) != 0)
            return -1;
        for (int k = 0; k < i; k++)
            if (strcmp(list->items[k].text, item->text) == 0)
                return yaml_error(item, e, "model %s stands here twice", item->text);
        if (find_model(&r->models[i], item->text, a, e) != 0) {
            struct err inner = *e;
            yaml_error(item, e, "%s", inner.text);
            e->kind = inner.kind;
            return -1;
        }
    }
    r->n_models = list->n;
    return 0;
}

static int check_families(const struct yaml *value, struct err *e)
{
    int n = value->kind == YAML_LIST ? value->n : 1;
    const struct yaml *items = value->kind == YAML_LIST ? value->items : value;
    for (int i = 0; i < n; i++) {
        if (yaml_expect(&items[i], YAML_SCALAR, "family", e) != 0)
            return -1;
        if (!family_find(items[i].text))
            return yaml_error(&items[i], e, "family %s is not implemented", items[i].text);
    }
    return 0;
}

static int read_override(struct recipe_override *o, const struct yaml *node, struct err *e)
{
    static const char *const keys[] = {"when", "set", NULL}, *const conditions[] = {"family", NULL};
    if (yaml_expect(node, YAML_MAP, "an override", e) != 0 || yaml_only_keys(node, keys, e) != 0)
        return -1;
    const struct yaml *when = yaml_get(node, "when");
    o->set = yaml_get(node, "set");
    if (!when || !o->set)
        return yaml_error(node, e, "an override needs both \"when\" and \"set\"");
    if (yaml_expect(when, YAML_MAP, "when", e) != 0 || yaml_only_keys(when, conditions, e) != 0)
        return -1;
    o->families = yaml_get(when, "family");
    if (!o->families)
        return yaml_error(when, e, "the condition is family");
    return check_families(o->families, e) != 0 ? -1 : check_set(o->set, e);
}

static int read_overrides(struct recipe *r, const struct yaml *root, struct arena *a, struct err *e)
{
    const struct yaml *list = yaml_get(root, "overrides");
    if (!list)
        return 0;
    if (yaml_expect(list, YAML_LIST, "overrides", e) != 0)
        return -1;
    r->overrides = arena_array(a, (size_t)list->n, sizeof *r->overrides);
    for (int i = 0; i < list->n; i++)
        if (read_override(&r->overrides[i], &list->items[i], e) != 0)
            return -1;
    r->n_overrides = list->n;
    return 0;
}

int recipe_read(struct recipe *r, const char *path, struct arena *a, struct err *e)
{
    static const char *const keys[] = {"name", "title",     "models", "corpus",
                                       "set",  "overrides", NULL};
    *r = (struct recipe){.path = arena_strdup(a, path)};
    const struct yaml *root = yaml_read(a, path, e);
    if (!root || yaml_expect(root, YAML_MAP, "a recipe", e) != 0 ||
        yaml_only_keys(root, keys, e) != 0 || yaml_text(&r->name, root, "name", e) != 0 ||
        yaml_text(&r->title, root, "title", e) != 0 || read_models(r, root, a, e) != 0 ||
        read_corpus(&r->corpus, root, e) != 0)
        return -1;
    r->set = yaml_get(root, "set");
    if (r->set && check_set(r->set, e) != 0)
        return -1;
    return read_overrides(r, root, a, e);
}

static bool names(const struct yaml *value, const char *word)
{
    int n = value->kind == YAML_LIST ? value->n : 1;
    const struct yaml *items = value->kind == YAML_LIST ? value->items : value;
    for (int i = 0; i < n; i++)
        if (strcmp(items[i].text, word) == 0)
            return true;
    return false;
}

int recipe_settle(struct options *o, const struct recipe *r, const struct zoo_entry *model,
                  struct arena *a, struct err *e)
{
    options_init(o, recipe_options, a);
    if (r->set && options_set_yaml(o, r->set, e) != 0)
        return -1;
    for (int i = 0; i < r->n_overrides; i++)
        if (names(r->overrides[i].families, model->family->name) &&
            options_set_yaml(o, r->overrides[i].set, e) != 0)
            return -1;
    if (option_int(o, "min_length") > option_int(o, "max_length") - 2)
        return err_usage(e, "%s: min_length %ld leaves nothing below max_length %ld", r->path,
                         option_int(o, "min_length"), option_int(o, "max_length"));
    return 0;
}
