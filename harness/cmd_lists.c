/*
 * ftbench models, methods, datasets, protocols: lists, and `show NAME`.
 */
#include "harness/command.h"
#include "harness/listing.h"
#include "harness/protocol.h"
#include "harness/spec.h"

#include <string.h>

/* Prints one thing in full. */
typedef int show_function(const char *name, struct arena *a, FILE *out, struct err *e);

/* "show NAME..." with each, -1 for other words. */
static int show_each(const struct command_line *cl, show_function *show, FILE *out, struct err *e)
{
    if (strcmp(cl->args[0], "show") != 0)
        return err_usage(e, "\"%s\" is not understood; usage: ftbench %s %s", cl->args[0],
                         cl->command->name, cl->command->args);
    if (cl->n_args == 1)
        return err_usage(e, "show what? usage: ftbench %s show NAME", cl->command->name);
    for (int i = 1; i < cl->n_args; i++) {
        if (i > 1)
            fputc('\n', out);
        if (show(cl->args[i], cl->arena, out, e) != 0)
            return -1;
    }
    return EXIT_DONE;
}

static void print_assets(const struct asset *assets, int n, FILE *out)
{
    struct str s = {0};
    for (int i = 0; i < n; i++) {
        str_clear(&s);
        asset_origin(&s, &assets[i]);
        fprintf(out, "file      %s, sha256 %s, %s\n", assets[i].name,
                assets[i].sha256 ? assets[i].sha256 : "locked on first fetch", str_text(&s));
        if (assets[i].stand_in_sha256)
            fprintf(out, "stand-in  sha256 %s: %s\n", assets[i].stand_in_sha256,
                    assets[i].stand_in_why ? assets[i].stand_in_why : "");
    }
    str_release(&s);
}

/* --- models ---------------------------------------------------------------- */

static int count_params(size_t *n, const struct zoo_entry *z, int n_labels, struct err *e)
{
    struct arena a = {0};
    struct model m = {0};
    int rc = model_declare(&m, z->family, &z->config, n_labels, &a, e);
    if (rc == 0)
        *n = params_total(&m.params);
    model_release(&m);
    arena_release(&a);
    return rc;
}

static int show_model(const char *name, struct arena *a, FILE *out, struct err *e)
{
    struct zoo_entry z;
    size_t n;
    if (zoo_find(&z, name, a, e) != 0 || count_params(&n, &z, 2, e) != 0)
        return -1;
    struct str config = {0};
    options_canonical(&config, &z.config, "          ", false);
    fprintf(out, "model     %s\ntitle     %s\nfamily    %s\nweights   %s\n", z.name, z.title,
            z.family->name, z.random_init ? "random: trained from scratch" : "pretrained");
    fprintf(out, "licence   %s\nsource    %s\n", z.licence, z.source);
    fprintf(out, "parameters %zu with 2 classes\nconfig\n%s", n, str_text(&config));
    print_assets(z.assets, z.n_assets, out);
    str_release(&config);
    return 0;
}

int cmd_models(const struct command_line *cl, FILE *out, struct err *e)
{
    static const struct column columns[] = {{"model", false},
                                            {"family", false},
                                            {"init", false},
                                            {"parameters", true},
                                            {"licence", false},
                                            {"title", false},
                                            {0}};
    if (cl->n_args)
        return show_each(cl, show_model, out, e);
    const char *const *names;
    if (zoo_list(&names, cl->arena, e) < 0)
        return -1;
    struct listing l;
    listing_init(&l, columns, cl->arena);
    for (int i = 0; names[i]; i++) {
        struct zoo_entry z;
        size_t n;
        if (zoo_find(&z, names[i], cl->arena, e) != 0 || count_params(&n, &z, 2, e) != 0)
            return -1;
        listing_row(&l);
        listing_set(&l, "model", z.name);
        listing_set(&l, "family", z.family->name);
        listing_set(&l, "init", z.random_init ? "random" : "pretrained");
        listing_set_int(&l, "parameters", (long long)n);
        listing_set(&l, "licence", z.licence);
        listing_set(&l, "title", z.title);
    }
    listing_print(&l, cl->format, out);
    return EXIT_DONE;
}

/* --- methods ----------------------------------------------------------------- */

static int show_method(const char *name, struct arena *a, FILE *out, struct err *e)
{
    (void)a;
    const struct method *m = method_find(name);
    if (!m)
        return method_unknown(name, e);
    struct str options = {0};
    options_help(&options, m->options, "  ");
    fprintf(out, "method    %s\nwhat      %s\nsource    %s\n", m->name, m->summary, m->source);
    fprintf(out, "starts as the base model: %s\nmerges into the base weights: %s\n",
            m->starts_as_base ? "yes" : "no", m->merge ? "yes" : "no");
    fprintf(out, "options (name, default, meaning, allowed)%s\n%s", options.len ? "" : ": none",
            str_text(&options));
    str_release(&options);
    return 0;
}

int cmd_methods(const struct command_line *cl, FILE *out, struct err *e)
{
    static const struct column columns[] = {
        {"method", false}, {"options", false}, {"summary", false}, {"source", false}, {0}};
    if (cl->n_args)
        return show_each(cl, show_method, out, e);
    struct listing l;
    struct str options = {0};
    listing_init(&l, columns, cl->arena);
    for (int i = 0; methods[i]; i++) {
        str_clear(&options);
        for (const struct option *o = methods[i]->options; o->name; o++)
            str_printf(&options, "%s%s", options.len ? " " : "", o->name);
        listing_row(&l);
        listing_set(&l, "method", methods[i]->name);
        listing_set(&l, "options", str_text(&options));
        listing_set(&l, "summary", methods[i]->summary);
        listing_set(&l, "source", methods[i]->source);
    }
    str_release(&options);
    listing_print(&l, cl->format, out);
    return EXIT_DONE;
}

/* --- data sets --------------------------------------------------------------- */

static int show_dataset(const char *name, struct arena *a, FILE *out, struct err *e)
{
    const struct dataset_info *d = dataset_describe(name, a, e);
    if (!d)
        return -1;
    fprintf(out, "data set  %s\ntitle     %s\ntask      %s\nclasses  ", d->name, d->title, d->task);
    for (int i = 0; i < d->n_classes; i++)
        fprintf(out, "%s %s", i ? "," : "", d->classes[i]);
    fputs("\nwords    ", out);
    for (int i = 0; i < d->n_classes; i++)
        fprintf(out, "%s %s", i ? "," : "", d->verbalizers[i]);
    fprintf(out, "\nprompt    %s\n", d->prompt_template ? d->prompt_template : DATASET_HOLE);
    for (int i = 0; i < d->n_splits; i++)
        fprintf(out, "rows      %s %ld\n", d->splits[i].name, d->splits[i].rows);
    if (d->survey.given)
        fprintf(out, "survey    %s: %ld train, %ld evaluate\n", d->survey.note, d->survey.n_train,
                d->survey.n_evaluation);
    fprintf(out, "licence   %s\ncitation  %s\nhomepage  %s\n", d->licence, d->citation,
            d->homepage);
    print_assets(d->assets, d->n_assets, out);
    return 0;
}

int cmd_datasets(const struct command_line *cl, FILE *out, struct err *e)
{
    static const struct column columns[] = {{"dataset", false},
                                            {"classes", true},
                                            {"rows", true},
                                            {"survey", false},
                                            {"licence", false},
                                            {"title", false},
                                            {0}};
    if (cl->n_args)
        return show_each(cl, show_dataset, out, e);
    const char *const *names;
    int n = dataset_list(&names, cl->arena, e);
    if (n < 0)
        return -1;
    struct listing l;
    listing_init(&l, columns, cl->arena);
    for (int i = 0; i < n; i++) {
        const struct dataset_info *d = dataset_describe(names[i], cl->arena, e);
        if (!d)
            return -1;
        long rows = 0;
        for (int k = 0; k < d->n_splits; k++)
            rows += d->splits[k].rows;
        listing_row(&l);
        listing_set(&l, "dataset", d->name);
        listing_set_int(&l, "classes", d->n_classes);
        listing_set_int(&l, "rows", rows);
        listing_set(&l, "survey", d->survey.given ? "yes" : "no");
        listing_set(&l, "licence", d->licence);
        listing_set(&l, "title", d->title);
    }
    listing_print(&l, cl->format, out);
    return EXIT_DONE;
}

/* --- protocols --------------------------------------------------------------- */

static void print_words(const char *key, const struct yaml *value, FILE *out)
{
    fprintf(out, " %s=", key);
    if (value->kind == YAML_SCALAR)
        fputs(value->text, out);
    for (int i = 0; value->kind == YAML_LIST && i < value->n; i++)
        fprintf(out, "%s%s", i ? "|" : "", value->items[i].text);
}

/* "FILE:LINE" of node, the file without the folders that all protocols share. */
static const char *place_of(const struct yaml *node, struct arena *a)
{
    const char *slash = strrchr(node->file, '/');
    return arena_printf(a, "%s:%d", slash ? slash + 1 : node->file, node->line);
}

/* Where the protocol's sets decide a training option; NULL: nowhere, the default holds. */
static const struct yaml *set_at(const struct protocol *p, const char *option)
{
    for (int i = p->n_layers - 1; i >= 0; i--) {
        const struct yaml *set = p->layers[i].set;
        for (int k = 0; set && k < set->n; k++)
            if (strcmp(set->keys[k].text, option) == 0)
                return &set->keys[k];
    }
    return NULL;
}

/* Every training option as the protocol's sets leave it, with the place that says so. */
static int print_settings(const struct protocol *p, struct arena *a, FILE *out, struct err *e)
{
    struct options o;
    struct str value = {0};
    options_init(&o, training_options, a);
    for (int i = 0; i < p->n_layers; i++)
        if (p->layers[i].set &&
            settings_apply(p->layers[i].set, NULL, &(struct settled){.training = &o}, e) != 0)
            return -1;
    fputs("settings (value, and where it comes from)\n", out);
    for (int i = 0; i < o.n; i++) {
        const struct yaml *at = set_at(p, training_options[i].name);
        str_clear(&value);
        option_text(&value, &o, i);
        fprintf(out, "  %-24s %-10s %s\n", training_options[i].name, str_text(&value),
                at ? place_of(at, a) : "default");
    }
    str_release(&value);
    return 0;
}

/* ": option=value ... (FILE:LINE)". */
static void print_set(const struct yaml *set, const struct yaml *at, struct arena *a, FILE *out)
{
    fputc(':', out);
    for (int k = 0; k < set->n; k++)
        print_words(set->keys[k].text, &set->items[k], out);
    fprintf(out, " (%s)\n", place_of(at, a));
}

/* What is set after the settings above, in order: overrides, and again the own settings of a
 * protocol that inherits. */
static void print_layer(const struct protocol *p, int layer, struct arena *a, FILE *out)
{
    const struct protocol_layer *l = &p->layers[layer];
    if (layer > 0 && l->set) {
        fputs("always", out);
        print_set(l->set, l->set, a, out);
    }
    for (int i = 0; i < l->n_overrides; i++) {
        const struct rule *r = &l->overrides[i];
        fputs("when", out);
        for (int k = 0; k < RULE_KEY_COUNT; k++)
            if (r->when[k])
                print_words(rule_keys[k], r->when[k], out);
        print_set(r->set, r->node, a, out);
    }
}

static int show_protocol(const char *name, struct arena *a, FILE *out, struct err *e)
{
    struct protocol p;
    if (protocol_read(&p, name, a, e) != 0)
        return -1;
    fprintf(out, "protocol  %s\ntitle     %s\nfile      %s\n", p.name, p.title, p.path);
    for (int i = p.n_layers - 2; i >= 0; i--)
        fprintf(out, "inherits  %s (%s)\n", p.layers[i].name, p.layers[i].path);
    fprintf(out, "%s%s", p.notes, *p.notes ? "\n" : "");
    if (print_settings(&p, a, out, e) != 0)
        return -1;
    for (int i = 0; i < p.n_layers; i++)
        print_layer(&p, i, a, out);
    struct str text = {0};
    options_help(&text, training_options, "  ");
    fprintf(out, "options (name, default, meaning, allowed)\n%s", str_text(&text));
    str_release(&text);
    return 0;
}

int cmd_protocols(const struct command_line *cl, FILE *out, struct err *e)
{
    static const struct column columns[] = {{"protocol", false}, {"title", false}, {0}};
    if (cl->n_args)
        return show_each(cl, show_protocol, out, e);
    const char *const *names;
    int n = protocol_list(&names, cl->arena, e);
    if (n < 0)
        return -1;
    struct listing l;
    listing_init(&l, columns, cl->arena);
    for (int i = 0; i < n; i++) {
        struct protocol p;
        if (protocol_read(&p, names[i], cl->arena, e) != 0)
            return -1;
        listing_row(&l);
        listing_set(&l, "protocol", p.name);
        listing_set(&l, "title", p.title);
    }
    listing_print(&l, cl->format, out);
    return EXIT_DONE;
}
