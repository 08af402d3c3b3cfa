/* The YAML of asset lists: what is read, and what is refused where. */
#include "assets/asset.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <string.h>

#define SHA "1111111111111111111111111111111111111111111111111111111111111111"

static int parse(const struct asset **out, int *n, const char *text, struct arena *a, struct err *e)
{
    struct yaml *root = yaml_parse(a, text, strlen(text), "list.yaml", e);
    return root ? assets_from_yaml(out, n, root, a, e) : -1;
}

Test(asset_yaml, every_kind_of_source)
{
    static const char text[] = "- name: a.txt\n"
                               "  sha256: " SHA "\n"
                               "  bytes: 12\n"
                               "  sources:\n"
                               "    - path: datasets/a.txt\n"
                               "    - url: https://example.org/a.txt\n"
                               "    - {archive: https://example.org/a.zip, member: x/a.txt}\n"
                               "    - {pip: some-package==1.0, member: some/a.txt}\n"
                               "- name: b.jsonl\n"
                               "  sources:\n"
                               "    - rows_api: {dataset: o/b, split: train, rows: 5}\n"
                               "  stand_in: {sha256: " SHA ", why: not b}\n";
    struct arena a = {0};
    struct err e = {0};
    const struct asset *assets;
    int n;
    cr_assert(parse(&assets, &n, text, &a, &e) == 0, "%s", e.text);
    cr_assert(n == 2 && assets[0].n_sources == 4);
    cr_expect(eq(long, assets[0].bytes, 12));
    cr_expect_str_eq(assets[0].sha256, SHA);
    static const enum source_kind kinds[] = {SOURCE_PATH, SOURCE_URL, SOURCE_ARCHIVE, SOURCE_PIP};
    for (int i = 0; i < 4; i++)
        cr_expect(assets[0].sources[i].kind == kinds[i]);
    cr_expect_str_eq(assets[0].sources[2].member, "x/a.txt");
    const struct asset *b = asset_named(assets, n, "b.jsonl");
    cr_assert(b != NULL && b->sha256 == NULL && b->bytes == -1);
    cr_expect_str_eq(b->sources[0].config, "default");
    cr_expect(eq(long, b->sources[0].rows, 5));
    cr_expect_str_eq(b->stand_in_why, "not b");
    cr_expect(asset_named(assets, n, "c") == NULL);
    arena_release(&a);
}

Test(asset_yaml, refusals_say_where)
{
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"- name: a\n  sources: [{url: u}]\n  sha265: x\n", "list.yaml:3:3"},
        {"- name: a\n  sha256: abc\n  sources: [{url: u}]\n", "64 lower-case"},
        {"- name: a\n  sources: []\n", "at least one source"},
        {"- name: a\n", "has no sources"},
        {"- name: a\n  sources: [{url: u, path: p}]\n", "needs one of"},
        {"- name: a\n  sources: [{archive: u}]\n", "member"},
        {"- name: a\n  sources: [{url: u, member: m}]\n", "belongs to archive or pip"},
        {"- name: a\n  bytes: -3\n  sources: [{url: u}]\n", "bytes"},
        {"- {name: a, sources: [{url: u}]}\n- {name: a, sources: [{url: u}]}\n", "twice"},
        {"- name: a\n  sources: [{url: u}]\n  stand_in: {why: w}\n", "needs its sha256"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct arena a = {0};
        struct err e = {0};
        const struct asset *assets;
        int n;
        cr_expect(parse(&assets, &n, bad[i].text, &a, &e) == -1, "accepted: %s", bad[i].text);
        cr_expect(strstr(e.text, bad[i].message) != NULL, "no '%s' in: %s", bad[i].message, e.text);
        cr_expect(str_starts(e.text, "list.yaml:"), "%s", e.text);
        arena_release(&a);
    }
}
