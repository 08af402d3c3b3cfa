/* Protocols: what they inherit, in which order it is applied, and what is refused. */
#include "tests/harness/fixture.h"

#include <sys/stat.h>

/* A folder of protocol files for one test. */
static const char *folder(struct arena *a)
{
    const char *dir = arena_printf(a, "/tmp/ftbench_protocols_%ld", (long)getpid());
    mkdir(dir, 0700);
    return dir;
}

static void remove_folder(struct arena *a)
{
    struct err e = {0};
    char **files;
    const char *dir = folder(a);
    int n = file_list(&files, dir, ".yaml", &e);
    for (int i = 0; i < n; i++)
        unlink(arena_printf(a, "%s/%s", dir, files[i]));
    free(files);
    rmdir(dir);
    arena_release(a);
}

static const char *write_protocol(const char *name, const char *text, struct arena *a)
{
    struct err e = {0};
    const char *path = arena_printf(a, "%s/%s.yaml", folder(a), name);
    text = arena_printf(a, "name: %s\ntitle: t\n%s", name, text);
    cr_assert(file_write(path, text, strlen(text), &e) == 0, "%s", e.text);
    return path;
}

/* The training options of a point under the protocol at path. */
static void resolve(struct options *training, const char *path, const char *method, struct arena *a)
{
    struct err e = {0};
    struct protocol p;
    struct options method_options;
    const struct point at = {.word = {"tiny-one", "bert", method, "pets", "random", "x", "1"},
                             .method_label = method};
    cr_assert(protocol_read(&p, path, a, &e) == 0, "%s", e.text);
    options_init(training, training_options, a);
    options_init(&method_options, method_find(method)->options, a);
    const struct settled to = {method_find(method), training, &method_options};
    cr_assert(protocol_apply(&p, &at, &to, &e) == 0, "%s", e.text);
}

/* Parent's set, parent's overrides, child's set, child's overrides. */
Test(protocol, a_child_comes_after_all_of_its_parent)
{
    use_test_home();
    struct arena a = {0};
    struct options o;
    const char *parent = write_protocol(
        "parent",
        "set: {learning_rate: 1e-2, weight_decay: 0.2, max_length: 10, warmup_ratio: 0.1}\n"
        "overrides:\n  - when: {method: full}\n    set: {learning_rate: 2e-2, max_length: 20}\n",
        &a);
    const char *child = write_protocol(
        "child",
        arena_printf(&a,
                     "inherits: %s\nset: {learning_rate: 3e-2, weight_decay: 0.3}\noverrides:\n"
                     "  - when: {family: bert, method: lora}\n    set: {learning_rate: 4e-2}\n",
                     parent),
        &a);
    resolve(&o, child, "full", &a);
    cr_expect(option_float(&o, "learning_rate") == 3e-2);
    cr_expect(option_float(&o, "weight_decay") == 0.3);
    cr_expect(option_float(&o, "warmup_ratio") == 0.1);
    cr_expect(option_int(&o, "max_length") == 20);
    resolve(&o, child, "lora", &a);
    cr_expect(option_float(&o, "learning_rate") == 4e-2);
    cr_expect(option_int(&o, "max_length") == 10);
    resolve(&o, parent, "lora", &a);
    cr_expect(option_float(&o, "learning_rate") == 1e-2);
    remove_folder(&a);
}

/* Three in a row, and one that inherits by name from the home. */
Test(protocol, chains_are_followed_to_the_eldest)
{
    use_test_home();
    struct arena a = {0};
    struct err e = {0};
    struct protocol p;
    const char *one = write_protocol("one", "inherits: plain\nset: {max_length: 5}\n", &a);
    const char *two = write_protocol("two", arena_printf(&a, "inherits: %s\n", one), &a);
    cr_assert(protocol_read(&p, two, &a, &e) == 0, "%s", e.text);
    cr_assert(p.n_layers == 3);
    cr_expect(eq(str, (char *)p.layers[0].name, "plain"));
    cr_expect(eq(str, (char *)p.layers[1].name, "one"));
    cr_expect(eq(str, (char *)p.layers[2].name, "two"));
    cr_expect(eq(str, (char *)p.name, "two"));
    struct options o;
    resolve(&o, two, "lora", &a);
    cr_expect(option_float(&o, "learning_rate") == 1e-3);
    cr_expect(option_int(&o, "max_length") == 5);
    remove_folder(&a);
}

/* The whole chain, each link with its place; not the heir that only leads into it. */
Test(protocol, a_circle_is_refused_link_by_link)
{
    use_test_home();
    struct arena a = {0};
    struct err e = {0};
    struct protocol p;
    const char *dir = folder(&a);
    write_protocol("red", arena_printf(&a, "inherits: %s/green.yaml\n", dir), &a);
    write_protocol("green", arena_printf(&a, "notes: n\ninherits: %s/blue.yaml\n", dir), &a);
    write_protocol("blue", arena_printf(&a, "inherits: %s/red.yaml\n", dir), &a);
    const char *heir = write_protocol("heir", arena_printf(&a, "inherits: %s/red.yaml\n", dir), &a);
    cr_expect(protocol_read(&p, heir, &a, &e) == -1);
    cr_expect(e.kind == ERR_USAGE);
    const char *wanted = arena_printf(
        &a,
        "%s/blue.yaml:3:11: protocols inherit in a circle: %s/red.yaml:3: %s/red.yaml inherits "
        "%s/green.yaml, %s/green.yaml:4: %s/green.yaml inherits %s/blue.yaml, %s/blue.yaml:3: "
        "%s/blue.yaml inherits %s/red.yaml",
        dir, dir, dir, dir, dir, dir, dir, dir, dir, dir);
    cr_expect(eq(str, e.text, (char *)wanted));

    const char *self =
        write_protocol("self", arena_printf(&a, "inherits: %s/self.yaml\n", dir), &a);
    cr_expect(protocol_read(&p, self, &a, &e) == -1);
    cr_expect(strstr(e.text, "circle") != NULL, "%s", e.text);
    remove_folder(&a);
}

static const struct {
    const char *text, *message; /* behind "FILE.yaml:" */
} bad[] = {
    {"inherits: plian\n", "3:11: unknown protocol \"plian\"; did you mean \"plain\"?"},
    {"inherits: [plain]\n", "3:11: inherits must be a scalar, not a list"},
    {"inherit: plain\n", "3:1: unknown key \"inherit\"; did you mean \"inherits\"?"},
    {"set: {epochs: 3}\n", "3:7: unknown option \"epochs\"; "},
    {"set: {row_copies: two}\n", "3:19: row_copies: \"two\" is not allowed; it takes one, survey"},
    {"overrides:\n  - when: {family: brt}\n    set: {learning_rate: 1}\n",
     "4:20: family must be one of bert"},
};

Test(protocol, bad_ones_are_refused_with_the_place)
{
    use_test_home();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct arena a = {0};
        struct err e = {0};
        struct protocol p;
        const char *path = write_protocol("bad", bad[i].text, &a);
        cr_expect(protocol_read(&p, path, &a, &e) == -1, "accepted: %s", bad[i].text);
        cr_expect(e.kind == ERR_USAGE, "kind of: %s", e.text);
        cr_expect(str_starts(place_and_text(&e), bad[i].message), "%s", e.text);
        remove_folder(&a);
    }
}

/* Every protocol that the project ships can be read. */
Test(protocol, all_shipped_ones_are_good)
{
    setenv("FTBENCH_HOME", ".", 1);
    struct arena a = {0};
    struct err e = {0};
    struct protocol p;
    const char *const *names;
    int n = protocol_list(&names, &a, &e);
    cr_assert(n >= 3);
    for (int i = 0; i < n; i++) {
        cr_expect(protocol_read(&p, names[i], &a, &e) == 0, "%s: %s", names[i], e.text);
        cr_expect(eq(str, (char *)p.name, (char *)names[i]));
    }
    arena_release(&a);
}

/* --- the survey's ------------------------------------------------------------- */

/* The training options of a model, method and data set of the survey. */
static void resolve_survey(struct options *training, const char *protocol, const char *model,
                           const char *method, const char *dataset, struct arena *a)
{
    struct err e = {0};
    struct protocol p;
    struct options method_options;
    const char *family = str_starts(model, "bert") ? "bert" : "t5";
    const struct point at = {.word = {model, family, method, dataset, "pretrained", protocol, "1"},
                             .method_label = method};
    cr_assert(protocol_read(&p, protocol, a, &e) == 0, "%s", e.text);
    options_init(training, training_options, a);
    options_init(&method_options, method_find(method)->options, a);
    const struct settled to = {method_find(method), training, &method_options};
    cr_assert(protocol_apply(&p, &at, &to, &e) == 0, "%s", e.text);
}

/* Every run that was logged: batch and epochs as in results/published, 1e-3 for all. */
Test(protocol, published_has_every_logged_run)
{
    setenv("FTBENCH_HOME", ".", 1);
    struct err e = {0};
    struct str text = {0};
    int n = 0;
    cr_assert(file_read(&text, "results/published/final.csv", &e) == 0, "%s", e.text);
    char *rest = text.buf, *line = strtok_r(rest, "\n", &rest);
    cr_assert(str_starts(line, "model,method,dataset,epochs,effective_batch,"));
    for (; (line = strtok_r(rest, "\n", &rest)); n++) {
        struct arena a = {0};
        struct options o;
        char *model = strtok_r(line, ",", &line), *method = strtok_r(line, ",", &line);
        char *dataset = strtok_r(line, ",", &line);
        long epochs, batch;
        cr_assert(str_to_long(&epochs, strtok_r(line, ",", &line)) == 0);
        cr_assert(str_to_long(&batch, strtok_r(line, ",", &line)) == 0);
        resolve_survey(&o, "published", model, method, dataset, &a);
        cr_expect(option_int(&o, "train_batch_size") == batch, "%s %s %s: batch %ld", model, method,
                  dataset, option_int(&o, "train_batch_size"));
        cr_expect(option_int(&o, "num_train_epochs") == epochs, "%s %s %s: epochs", model, method,
                  dataset);
        cr_expect(option_float(&o, "learning_rate") == 1e-3);
        arena_release(&a);
    }
    cr_expect(n == 40);
    str_release(&text);
}

/* Every switch of the survey's code, and none of them in `sound`. */
Test(protocol, published_and_sound_differ_in_every_switch)
{
    static const struct {
        const char *option, *published, *sound;
    } switches[] = {
        {"rows", "survey", "own"},
        {"row_copies", "survey", "one"},
        {"deduplicate", "false", "true"},
        {"split", "survey", "sound"},
        {"metric_unit", "token", "example"},
        {"target_length", "n_classes", "full"},
        {"target_eos", "false", "true"},
        {"use_verbalizers", "false", "true"},
        {"use_template", "false", "true"},
        {"load_best_model_at_end", "false", "true"},
        {"weight_decay", "0", "0.01"},
        {"warmup_ratio", "0", "0.06"},
        {"max_length", "128", "128"},
        {"max_grad_norm", "1", "1"},
        {"lr_scheduler_type", "linear", "linear"},
    };
    setenv("FTBENCH_HOME", ".", 1);
    struct arena a = {0};
    struct options published, sound;
    resolve_survey(&published, "published", "bert-base-cased", "lora", "ag_news", &a);
    resolve_survey(&sound, "sound", "bert-base-cased", "lora", "ag_news", &a);
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++) {
        int k = 0;
        while (strcmp(training_options[k].name, switches[i].option) != 0)
            k++;
        struct str one = {0}, other = {0};
        option_text(&one, &published, k);
        option_text(&other, &sound, k);
        cr_expect(strcmp(str_text(&one), switches[i].published) == 0, "%s is %s",
                  switches[i].option, str_text(&one));
        cr_expect(strcmp(str_text(&other), switches[i].sound) == 0, "sound: %s is %s",
                  switches[i].option, str_text(&other));
        str_release(&one);
        str_release(&other);
    }
    arena_release(&a);
}

/* published-fixed-lr changes the rate of full fine-tuning and nothing else. */
Test(protocol, one_cause_alone)
{
    static const struct {
        const char *model, *method;
        double rate;
    } cases[] = {{"bert-base-cased", "full", 2e-5},
                 {"bert-base-cased", "lora", 1e-3},
                 {"flan-t5-base", "full", 1e-4},
                 {"flan-t5-xl", "lora", 1e-3}};
    setenv("FTBENCH_HOME", ".", 1);
    struct err e = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena a = {0};
        struct options o, fixed;
        struct str one = {0}, other = {0};
        resolve_survey(&o, "published", cases[i].model, cases[i].method, "imdb_truncated", &a);
        resolve_survey(&fixed, "published-fixed-lr", cases[i].model, cases[i].method,
                       "imdb_truncated", &a);
        cr_expect(option_float(&fixed, "learning_rate") == cases[i].rate, "%s %s: %g",
                  cases[i].model, cases[i].method, option_float(&fixed, "learning_rate"));
        cr_assert(option_set(&fixed, "learning_rate", "1e-3", &e) == 0);
        options_canonical(&one, &o, NULL, false);
        options_canonical(&other, &fixed, NULL, false);
        cr_expect(strcmp(str_text(&one), str_text(&other)) == 0);
        str_release(&one);
        str_release(&other);
        arena_release(&a);
    }
}
