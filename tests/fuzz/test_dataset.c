/* Mutated descriptors and mutated files of every format: rows that keep the promises of
 * dataset.h, or a message. */
#include "datasets/reader.h"
#include "datasets/split.h"
#include "tests/fuzz/mutate.h"

#include <utf8proc.h>

enum { DESCRIPTORS = 800, FILES = 1500 };

static void check_text(const char *text, int label, int n_classes, int round)
{
    utf8proc_ssize_t n = (utf8proc_ssize_t)strlen(text);
    cr_assert(n > 0 && label >= 0 && label < n_classes, "round %d", round);
    for (utf8proc_ssize_t at = 0; at < n;) {
        utf8proc_int32_t code;
        utf8proc_ssize_t used = utf8proc_iterate((const unsigned char *)text + at, n - at, &code);
        cr_assert(used > 0, "round %d: not UTF-8", round);
        at += used;
    }
}

Test(fuzz_dataset, descriptors)
{
    static const char *const corpus[] = {"mini_irony", "mini_ag_news", "mini_stance",
                                         "rotten_tomatoes"};
    enum { N_CORPUS = sizeof corpus / sizeof corpus[0] };
    struct fuzz_count count = {0};
    struct str originals[N_CORPUS] = {0}, file = {0};
    const struct asset_flags offline = {.offline = true};
    const struct split_options survey = {.survey = true, .copies = true};
    char folder[64], path[128];
    setenv("FTBENCH_HOME", ".", 1);
    setenv("FTBENCH_CACHE", "/dev/null/cache", 1);
    unsetenv("FTBENCH_MIRROR");
    fuzz_folder(folder);
    for (int i = 0; i < N_CORPUS; i++) {
        snprintf(path, sizeof path, "datasets/%s.yaml", corpus[i]);
        fuzz_read(&originals[i], path);
    }
    for (int round = 0; round < DESCRIPTORS; round++) {
        struct chance c = chance_of(round);
        struct arena a = {0};
        struct err e = {0};
        fuzz_mutate(&file, &originals[round % N_CORPUS], &c);
        /* A descriptor is called as its file is. */
        snprintf(path, sizeof path, "%s/%s.yaml", folder, corpus[round % N_CORPUS]);
        fuzz_write(path, &file);
        const struct dataset_info *info = dataset_describe(path, &a, &e);
        fuzz_count(&count, info ? 0 : -1, &e, round);
        const struct dataset *d = info ? dataset_load(info, &offline, &a, &e) : NULL;
        for (int i = 0; d && i < d->n; i++)
            check_text(d->examples[i].text, d->examples[i].label, info->n_classes, round);
        if (info)
            cr_assert(strstr(dataset_prompt(info, "so\tit goes", &a), "so\tit goes") != NULL);
        d = info ? dataset_load_served(info, &offline, &a, &e) : NULL;
        for (int i = 0; d && i < d->n; i++)
            check_text(d->examples[i].text, d->examples[i].label, info->n_classes, round);
        struct split split;
        if (d && split_make(&split, d, &survey, &a, &e) == 0)
            cr_assert(split.train.n > 0 && split.validation.n > 0);
        arena_release(&a);
    }
    fuzz_both(&count);
    for (int i = 0; i < N_CORPUS; i++)
        str_release(&originals[i]);
    str_release(&file);
    fuzz_folder_gone(folder);
}

static const char *const column[] = {"text"}, *const third[] = {"3", "2"};
static const char *const words[] = {"neg", "pos"}, *const digits[] = {"0", "1"};

/* One format with a small sound file of it (two where it needs two). */
static const struct format {
    struct reader_options options;
    const char *files[2];
} formats[] = {
    {{.kind = READER_CSV,
      .header = true,
      .text = column,
      .n_text = 1,
      .label = "label",
      .labels = digits},
     {"id,text,label\n1,\"a \"\"quoted\"\" text,\nof two lines\",0\n2,plain,1\n3, b ,0\n"}},
    {{.kind = READER_CSV, .text = third, .n_text = 2, .label = "1", .labels = digits},
     {"\"1\",\"Title one\",\"Body one\"\n\"0\",\"Title two\",\"Body, two\"\n"}},
    {{.kind = READER_TSV,
      .header = true,
      .trim = true,
      .text = column,
      .n_text = 1,
      .label = "label",
      .labels = words},
     {"text\tlabel\nfine \"film\"\tpos\ndull\tneg\n"}},
    {{.kind = READER_LABEL_TEXT, .labels = words},
     {"pos:kind What is it ?\nneg:other Who \xc3\xa9 ?\n"}},
    {{.kind = READER_TEXT_AT_LABEL, .latin1 = true, .labels = words},
     {"Profit rose by 3 % .@pos\r\nMail me@home .@neg\r\n"}},
    {{.kind = READER_TEXT_LABEL_FILES, .labels = digits}, {"one\ntwo words\nthree\n", "0\n1\n0\n"}},
    {{.kind = READER_CLASS_LINES, .latin1 = true, .labels = words}, {"bad one\nworse\n", "good\n"}},
    {{.kind = READER_JSONL, .text = column, .n_text = 1, .label = "label", .labels = digits},
     {"{\"text\": \"a \\u00e9 b\", \"label\": 0}\n{\"label\": 1, \"text\": \"c\\nd\"}\n"}},
};
enum { N_FORMATS = sizeof formats / sizeof *formats };

/* A format's files as they are before mutation; [1] is empty where one is needed. */
struct originals {
    struct str file[2];
};

/* gzip(1)'s bytes of text. */
static void pack(struct str *s, const char *folder)
{
    char path[80], command[160];
    snprintf(path, sizeof path, "%s/plain", folder);
    fuzz_write(path, s);
    snprintf(command, sizeof command, "gzip -n -f '%s'", path);
    cr_assert(system(command) == 0);
    snprintf(path, sizeof path, "%s/plain.gz", folder);
    str_release(s);
    *s = (struct str){0};
    fuzz_read(s, path);
}

static int read_mutation(const struct format *f, const struct originals *from, const char *folder,
                         int round, struct err *e)
{
    struct arena a = {0};
    struct chance c = chance_of(round);
    struct reader r = {.options = &f->options, .n_classes = 2, .arena = &a};
    char paths[2][80];
    struct reader_file files[2];
    int n_files = f->files[1] ? 2 : 1;
    struct str file = {0};
    for (int i = 0; i < n_files; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/%d", folder, i);
        fuzz_mutate(&file, &from->file[i], &c);
        fuzz_write(paths[i], &file);
        files[i] = (struct reader_file){paths[i], "the file"};
    }
    int rc = reader_read(&r, files, n_files, e);
    for (int i = 0; rc == 0 && i < r.n; i++)
        check_text(r.rows[i].text, r.rows[i].label, 2, round);
    str_release(&file);
    reader_release(&r);
    arena_release(&a);
    return rc;
}

static void mutate_format(const struct format *f, const char *folder, bool packed)
{
    struct fuzz_count count = {0};
    struct originals from = {0};
    for (int i = 0; i < 2 && f->files[i]; i++) {
        str_add(&from.file[i], f->files[i]);
        if (packed)
            pack(&from.file[i], folder);
    }
    for (int round = 0; round < FILES; round++) {
        struct err e = {0};
        int rc = read_mutation(f, &from, folder, round, &e);
        fuzz_count(&count, rc, &e, round);
    }
    fuzz_both(&count);
    str_release(&from.file[0]);
    str_release(&from.file[1]);
}

Test(fuzz_dataset, files_of_every_format)
{
    char folder[64];
    bool seen[READER_COUNT] = {false};
    fuzz_folder(folder);
    for (int k = 0; k < N_FORMATS; k++) {
        mutate_format(&formats[k], folder, false);
        if (formats[k].options.kind == READER_JSONL)
            mutate_format(&formats[k], folder, true);
        seen[formats[k].options.kind] = true;
    }
    for (int k = 0; k < READER_COUNT; k++)
        cr_expect(seen[k], "no file for format %s", reader_names[k]);
    fuzz_folder_gone(folder);
}
