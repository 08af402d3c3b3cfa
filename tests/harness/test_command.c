/* The command line: what is parsed into what, and what is refused how; rows as table, CSV and
 * JSON. Messages as a user meets them stand in tests/e2e/cli.sh. */
#include "harness/command.h"
#include "harness/listing.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

static int parse(struct command_line *cl, char *const *argv, struct arena *a, struct err *e)
{
    int argc = 0;
    while (argv[argc])
        argc++;
    return command_parse(cl, argc, argv, a, e);
}

Test(command, flags_and_arguments_in_any_order)
{
    struct arena a = {0};
    struct err e = {0};
    struct command_line cl;
    char *const argv[] = {"ftbench", "run",          "--jobs=3",  "s.yaml",    "--only",
                          "seed=1",  "--limit",      "5",         "--offline", "--db",
                          "x.db",    "--only=a=b=c", "--timeout", "9",         NULL};
    cr_assert(parse(&cl, argv, &a, &e) == 0, "%s", e.text);
    cr_expect(eq(str, (char *)cl.command->name, "run"));
    cr_expect(cl.n_args == 1 && strcmp(cl.args[0], "s.yaml") == 0);
    cr_expect(cl.jobs == 3 && cl.limit == 5 && cl.timeout == 9 && cl.offline && !cl.dry_run);
    cr_expect(eq(str, (char *)cl.db, "x.db"));
    cr_assert(cl.n_only == 2);
    cr_expect(eq(str, (char *)cl.only[0].key, "seed"));
    cr_expect(eq(str, (char *)cl.only[1].value, "b=c"));
    arena_release(&a);
}

Test(command, defaults)
{
    struct arena a = {0};
    struct err e = {0};
    struct command_line cl;
    char *const argv[] = {"ftbench", "run", "s.yaml", NULL};
    cr_assert(parse(&cl, argv, &a, &e) == 0, "%s", e.text);
    cr_expect(eq(str, (char *)cl.db, "results/ftbench.db"));
    cr_expect(cl.out == NULL);
    cr_expect(eq(str, (char *)cl.format, "table"));
    cr_expect(cl.jobs >= 1 && cl.limit == 0 && cl.timeout == 0 && cl.n_only == 0);
    cr_expect(cl.offline == false && !cl.json && !cl.retry_failed && !cl.keep_adapters);
    arena_release(&a);
}

Test(command, behind_two_dashes_everything_is_an_argument)
{
    struct arena a = {0};
    struct err e = {0};
    struct command_line cl;
    char *const argv[] = {"ftbench", "plan", "--", "--db", NULL};
    cr_assert(parse(&cl, argv, &a, &e) == 0, "%s", e.text);
    cr_expect(cl.n_args == 1 && strcmp(cl.args[0], "--db") == 0);
    arena_release(&a);
}

Test(command, json_is_a_format)
{
    struct arena a = {0};
    struct err e = {0};
    struct command_line cl;
    char *const argv[] = {"ftbench", "plan", "s.yaml", "--json", NULL};
    cr_assert(parse(&cl, argv, &a, &e) == 0);
    cr_expect(eq(str, (char *)cl.format, "json"));
    char *const other[] = {"ftbench", "plan", "s.yaml", "--format", "json", NULL};
    cr_assert(parse(&cl, other, &a, &e) == 0);
    cr_expect(cl.json);
    arena_release(&a);
}

Test(command, help_needs_no_arguments)
{
    struct arena a = {0};
    struct err e = {0};
    struct command_line cl;
    static const char *const words[] = {"--help", "-h"};
    for (int i = 0; i < 2; i++) {
        char *const argv[] = {"ftbench", "plan", (char *)words[i], NULL};
        cr_assert(parse(&cl, argv, &a, &e) == 0, "%s", e.text);
        cr_expect(cl.help);
    }
    arena_release(&a);
}

/* The table of commands is what help, parsing and dispatch rest on. */
Test(command, every_command_is_complete)
{
    for (const struct command *c = commands; c->name; c++) {
        cr_expect(c->run != NULL, "%s", c->name);
        cr_expect(c->summary && *c->summary && c->args, "%s", c->name);
        cr_expect(c->flags & FLAG_HELP, "%s takes no --help", c->name);
        cr_expect(c->min_args <= c->max_args, "%s", c->name);
        for (const struct command *d = commands; d < c; d++)
            cr_expect(strcmp(c->name, d->name) != 0, "%s stands twice", c->name);
    }
}

static const char *printed(const struct listing *l, const char *format, struct arena *a)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    listing_print(l, format, out);
    fclose(out);
    const char *copy = arena_strdup(a, text);
    free(text);
    return copy;
}

Test(listing, one_description_three_forms)
{
    static const struct column columns[] = {{"name", false}, {"n", true}, {"x", true}, {0}};
    struct arena a = {0};
    struct listing l;
    listing_init(&l, columns, &a);
    for (int i = 0; i < 40; i++) /* past the first room */
        listing_row(&l);
    l.n_rows = 0;
    listing_row(&l);
    listing_set(&l, "name", "a, \"b\"");
    listing_set_int(&l, "n", 12345);
    listing_set_double(&l, "x", 0.5);
    listing_row(&l);
    listing_set(&l, "name", "é");
    cr_expect(eq(str, (char *)printed(&l, "csv", &a),
                 "name,n,x\n\"a, \"\"b\"\"\",12345,0.5\n\xc3\xa9,,\n"));
    cr_expect(eq(str, (char *)printed(&l, "table", &a),
                 "name        n    x\na, \"b\"  12345  0.5\n\xc3\xa9                 \n"));
    cr_expect(eq(str, (char *)printed(&l, "json", &a),
                 "[\n {\"name\": \"a, \\\"b\\\"\", \"n\": 12345, \"x\": 0.5},\n"
                 " {\"name\": \"\xc3\xa9\", \"n\": null, \"x\": null}\n]\n"));
    arena_release(&a);
}
