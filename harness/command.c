#include "harness/command.h"

#include "harness/base/environment.h"

#include <assert.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

enum flag_kind { FLAG_IS_SWITCH, FLAG_IS_TEXT, FLAG_IS_NUMBER, FLAG_IS_PAIR };

/* What a flag is called, what it takes and where it goes. */
struct flag {
    unsigned bit;
    const char *name, *value; /* "db", "FILE"; a switch has no value */
    enum flag_kind kind;
    size_t offset; /* in struct command_line */
    const char *help;
};

#define AT(member) offsetof(struct command_line, member)
static const struct flag flags[] = {
    {FLAG_SPEC, "spec", "SPEC", FLAG_IS_TEXT, AT(spec), "what this spec needs"},
    {FLAG_DB, "db", "FILE", FLAG_IS_TEXT, AT(db), "result database (results/ftbench.db)"},
    {FLAG_OUT, "out", "DIR", FLAG_IS_TEXT, AT(out), "folder to write to"},
    {FLAG_CORPUS, "corpus", "FILE", FLAG_IS_TEXT, AT(corpus),
     "the text: one document a line, plain or gzip"},
    {FLAG_FORMAT, "format", "FORMAT", FLAG_IS_TEXT, AT(format), "table, csv or json (table)"},
    {FLAG_JSON, "json", NULL, FLAG_IS_SWITCH, AT(json), "print JSON for programs"},
    {FLAG_JOBS, "jobs", "N", FLAG_IS_NUMBER, AT(jobs), "cells at a time (number of cores)"},
    {FLAG_THREADS, "threads", "N", FLAG_IS_NUMBER, AT(threads),
     "threads of a cell (the cores that no other cell would use), or of a pre-training (1)"},
    {FLAG_MEMORY, "memory", "MIB", FLAG_IS_NUMBER, AT(memory_mib),
     "memory that the cells at work may need together (90 % of what is free)"},
    {FLAG_ONLY, "only", "KEY=VALUE", FLAG_IS_PAIR, AT(only),
     "only cells with this model, method, dataset, init, protocol, seed or cell_id; repeatable"},
    {FLAG_LIMIT, "limit", "N", FLAG_IS_NUMBER, AT(limit), "run N cells at most"},
    {FLAG_TIMEOUT, "timeout", "SECONDS", FLAG_IS_NUMBER, AT(timeout),
     "give a cell up after so long (never)"},
    {FLAG_RETRY_FAILED, "retry-failed", NULL, FLAG_IS_SWITCH, AT(retry_failed),
     "run failed cells again"},
    {FLAG_KEEP_ADAPTERS, "keep-adapters", NULL, FLAG_IS_SWITCH, AT(keep_adapters),
     "keep what was trained, as PEFT writes it, beside the database"},
    {FLAG_PROFILE, "profile", NULL, FLAG_IS_SWITCH, AT(profile),
     "where each cell's time goes, printed and added to DB.profile.tsv"},
    {FLAG_SNAPSHOT_SECONDS, "snapshot-seconds", "N", FLAG_IS_NUMBER, AT(snapshot_seconds),
     "seconds between snapshots of a running cell (60)"},
    {FLAG_DRY_RUN, "dry-run", NULL, FLAG_IS_SWITCH, AT(dry_run),
     "say what would run and stop there"},
    {FLAG_PUBLISHED, "published", NULL, FLAG_IS_SWITCH, AT(published),
     "the survey's logged numbers alone; needs no database"},
    {FLAG_MEMORISE, "memorise", NULL, FLAG_IS_SWITCH, AT(memorise),
     "instead, what a model scores that only remembers its training rows"},
    {FLAG_KIND, "kind", "KIND", FLAG_IS_TEXT, AT(kind),
     "wordpiece (for encoders) or unigram (for encoder-decoders)"},
    {FLAG_VOCAB_SIZE, "vocab_size", "N", FLAG_IS_NUMBER, AT(vocab_size),
     "pieces in all, special tokens included (8000)"},
    {FLAG_COVERAGE, "coverage", "SHARE", FLAG_IS_TEXT, AT(coverage),
     "of the text's characters that get pieces; rarer ones are unknown (0.99999)"},
    {FLAG_CASED, "cased", NULL, FLAG_IS_SWITCH, AT(cased),
     "wordpiece: keep case and accents (unigram always does)"},
    {FLAG_OFFLINE, "offline", NULL, FLAG_IS_SWITCH, AT(offline),
     "use what is here; never the network"},
    {FLAG_HELP, "help", NULL, FLAG_IS_SWITCH, AT(help), "this page"},
};
enum { N_FLAGS = sizeof flags / sizeof *flags };

/* --- parsing --------------------------------------------------------------- */

static int unknown_command(const char *name, struct err *e)
{
    const char *names[32];
    int n = 0;
    for (; commands[n].name; n++)
        names[n] = commands[n].name;
    assert(n <= 32);
    const char *near = str_nearest(names, n, name);
    if (near)
        return err_usage(e, "unknown command \"%s\"; did you mean \"%s\"?", name, near);
    return err_usage(e, "unknown command \"%s\"; `ftbench help` lists them", name);
}

static int unknown_flag(const struct command *c, const char *name, struct err *e)
{
    const char *names[N_FLAGS];
    int n = 0;
    for (int i = 0; i < N_FLAGS; i++)
        if (c->flags & flags[i].bit)
            names[n++] = flags[i].name;
    const char *near = str_nearest(names, n, name);
    if (near)
        return err_usage(e, "%s: unknown option --%s; did you mean --%s?", c->name, name, near);
    return err_usage(e, "%s: unknown option --%s; `ftbench %s --help` lists them", c->name, name,
                     c->name);
}

/* The flag called name[0..n) that c takes, or NULL. */
static const struct flag *flag_find(const struct command *c, const char *name, size_t n)
{
    for (int i = 0; i < N_FLAGS; i++)
        if (c->flags & flags[i].bit && strlen(flags[i].name) == n &&
            strncmp(flags[i].name, name, n) == 0)
            return &flags[i];
    return NULL;
}

static int set_pair(struct command_line *cl, const struct flag *f, const char *text, struct err *e)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text || !equals[1])
        return err_usage(e, "--%s wants KEY=VALUE, not \"%s\"", f->name, text);
    cl->only[cl->n_only++] =
        (struct only){.key = arena_strndup(cl->arena, text, (size_t)(equals - text)),
                      .value = arena_strdup(cl->arena, equals + 1)};
    return 0;
}

static int set_number(long *out, const struct flag *f, const char *text, struct err *e)
{
    long least = f->bit == FLAG_JOBS ? 1 : 0;
    if (str_to_long(out, text) != 0 || *out < least || *out > INT_MAX)
        return err_usage(e, "--%s wants a whole number from %ld, not \"%s\"", f->name, least, text);
    return 0;
}

static int set_flag(struct command_line *cl, const struct flag *f, const char *text, struct err *e)
{
    char *at = (char *)cl + f->offset;
    switch (f->kind) {
    case FLAG_IS_SWITCH:
        *(bool *)at = true;
        return 0;
    case FLAG_IS_TEXT:
        *(const char **)at = text;
        return 0;
    case FLAG_IS_NUMBER:
        return set_number((long *)at, f, text, e);
    case FLAG_IS_PAIR:
        return set_pair(cl, f, text, e);
    }
    assert(!"a flag_kind");
    return -1;
}

/* argv[*i] is "--name", "--name=value" or "--name" before its value. */
static int parse_flag(struct command_line *cl, int argc, char *const *argv, int *i, struct err *e)
{
    const char *name = argv[*i] + 2;
    const char *equals = strchr(name, '=');
    size_t n = equals ? (size_t)(equals - name) : strlen(name);
    const struct flag *f = flag_find(cl->command, name, n);
    if (!f)
        return unknown_flag(cl->command, arena_strndup(cl->arena, name, n), e);
    if (f->kind == FLAG_IS_SWITCH) {
        if (equals)
            return err_usage(e, "--%s takes no value", f->name);
        return set_flag(cl, f, NULL, e);
    }
    const char *text = equals ? equals + 1 : *i + 1 < argc ? argv[++*i] : NULL;
    if (!text || !*text)
        return err_usage(e, "--%s wants a value: --%s %s", f->name, f->name, f->value);
    return set_flag(cl, f, text, e);
}

static int check_args(const struct command_line *cl, struct err *e)
{
    const struct command *c = cl->command;
    if (cl->help)
        return 0;
    if (cl->n_args < c->min_args)
        return err_usage(e, "usage: ftbench %s %s", c->name, c->args);
    if (cl->n_args > c->max_args)
        return err_usage(e, "%s: \"%s\" is one argument too many; usage: ftbench %s %s", c->name,
                         cl->args[c->max_args], c->name, c->args);
    return 0;
}

static int check_format(struct command_line *cl, struct err *e)
{
    static const char *const formats[] = {"table", "csv", "json", NULL};
    if (cl->json)
        cl->format = "json";
    if (str_index(formats, cl->format) < 0)
        return err_usage(e, "--format is table, csv or json, not \"%s\"", cl->format);
    cl->json = str_equal(cl->format, "json");
    return 0;
}

static const struct command *command_find(const char *name)
{
    for (const struct command *c = commands; c->name; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

static void set_defaults(struct command_line *cl, int argc, struct arena *a)
{
    struct environment env;
    environment_read(&env, a);
    *cl = (struct command_line){.db = "results/ftbench.db",
                                .format = "table",
                                .snapshot_seconds = 60,
                                .vocab_size = 8000,
                                .jobs = env.n_cores > 0 ? env.n_cores : 1,
                                .arena = a};
    cl->only = arena_array(a, (size_t)argc, sizeof *cl->only);
}

int command_parse(struct command_line *cl, int argc, char *const *argv, struct arena *a,
                  struct err *e)
{
    set_defaults(cl, argc, a);
    const char *name = argc > 1 ? argv[1] : "help";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    if (strcmp(name, "--version") == 0)
        name = "version";
    cl->command = command_find(name);
    if (!cl->command)
        return unknown_command(name, e);
    const char **args = arena_array(a, (size_t)argc, sizeof *args);
    bool only_args = false;
    for (int i = 2; i < argc; i++) {
        if (!only_args && strcmp(argv[i], "--") == 0)
            only_args = true;
        else if (!only_args && strcmp(argv[i], "-h") == 0)
            cl->help = true;
        else if (!only_args && str_starts(argv[i], "--")) {
            if (parse_flag(cl, argc, argv, &i, e) != 0)
                return -1;
        } else if (!only_args && argv[i][0] == '-' && argv[i][1]) {
            return err_usage(e, "%s: unknown option %s; `ftbench %s --help` lists them",
                             cl->command->name, argv[i], cl->command->name);
        } else {
            args[cl->n_args++] = argv[i];
        }
    }
    cl->args = args;
    return check_args(cl, e) != 0 ? -1 : check_format(cl, e);
}

/* --- help ----------------------------------------------------------------- */

void command_list(struct str *s)
{
    str_add(s, "ftbench runs a matrix of models x fine-tuning methods x data sets x seeds,\n"
               "keeps every measurement, and reports them.\n\n"
               "usage: ftbench COMMAND [ARGUMENTS] [OPTIONS]\n\n");
    for (const struct command *c = commands; c->name; c++)
        str_printf(s, "  %-10s %-22s %s\n", c->name, c->args, c->summary);
    str_add(s, "\n`ftbench COMMAND --help` tells more. Exit status: 0 done; 1 the thing asked\n"
               "about is bad; 2 usage or spec error; 3 network, disk or a missing file.\n");
}

void command_help(struct str *s, const struct command *c)
{
    str_printf(s, "usage: ftbench %s%s%s [OPTIONS]\n\n%s.\n", c->name, *c->args ? " " : "", c->args,
               c->summary);
    if (c->detail)
        str_printf(s, "\n%s\n", c->detail);
    str_add(s, "\n");
    for (int i = 0; i < N_FLAGS; i++) {
        if (!(c->flags & flags[i].bit))
            continue;
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", flags[i].name, flags[i].value ? " " : "",
                 flags[i].value ? flags[i].value : "");
        str_printf(s, "  %-20s %s\n", left, flags[i].help);
    }
}

int command_run(const struct command_line *cl, FILE *out, struct err *e)
{
    if (cl->help) {
        struct str s = {0};
        command_help(&s, cl->command);
        fputs(str_text(&s), out);
        str_release(&s);
        return EXIT_DONE;
    }
    int rc = cl->command->run(cl, out, e);
    if (rc >= 0)
        return rc;
    assert(e->kind != ERR_NONE);
    return e->kind == ERR_USAGE ? EXIT_USAGE : EXIT_WORLD;
}

struct asset_flags command_asset_flags(const struct command_line *cl)
{
    return (struct asset_flags){.offline = cl->offline};
}
