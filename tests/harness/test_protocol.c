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
    cr_assert(protocol_apply(&p, &at, method_find(method), training, &method_options, &e) == 0,
              "%s", e.text);
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
