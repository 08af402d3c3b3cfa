/*
 * dataset: a text-classification data set, from its descriptor to its rows.
 *
 * A descriptor (datasets/NAME.yaml) says what a set is: classes, published
 * splits and row counts, licence, citation, where its files are, how to read
 * them, which rows the survey used and how the `sound` protocol splits them.
 * dataset_describe needs no data; dataset_load reads and checks every row.
 * Not here: which rows train and which test (split.h), what is wrong with
 * them (audit.h), tokens (models/tokenize).
 *
 * Always: examples stand split after split in the descriptor's order, rows in file order;
 * every label is in [0, n_classes); every text is valid UTF-8 and not empty;
 * row counts equal the descriptor's.
 */
#ifndef FT_DATASETS_DATASET_H
#define FT_DATASETS_DATASET_H

#include "assets/asset.h"
#include "harness/base/arena.h"
#include "harness/base/hash.h"

#include <stdint.h>

enum reader_kind {
    READER_CSV,              /* quoted, comma; RFC 4180 */
    READER_TSV,              /* no quoting, tab */
    READER_LABEL_TEXT,       /* "COARSE:fine text" */
    READER_TEXT_AT_LABEL,    /* "text@label" */
    READER_TEXT_LABEL_FILES, /* two files, line i with line i */
    READER_CLASS_LINES,      /* one file a class, one text a line */
    READER_JSONL,            /* one object a line; gzipped when the bytes say so */
    READER_COUNT
};

/* How the files of a set are to be read. */
struct reader_options {
    enum reader_kind kind;
    bool latin1;             /* ISO-8859-1; otherwise UTF-8 */
    bool header;             /* CSV, TSV: the first line names the columns */
    bool trim;               /* take blanks off both ends of a text */
    const char *const *text; /* columns (names, or numbers from 1), joined by " " */
    int n_text;
    const char *label;         /* column */
    const char *const *labels; /* [n_classes] how the file writes each class */
};

struct dataset_split {
    const char *name;         /* train, validation, test */
    const char *const *files; /* names of assets, as the reader wants them */
    int n_files;
    long rows; /* published count */
};

/* The `sound` protocol: either one pool that is split, or official splits. */
struct sound_rows {
    bool pooled;         /* train lists the pool; 80/10/10 */
    uint32_t train;      /* bit s: split s */
    uint32_t validation; /* 0: carved out of train, stratified */
    uint32_t test;
};

/* Which rows the survey's code used and how (the `published` protocol). */
struct survey_rows {
    bool given;                 /* false: not one of the survey's sets */
    const char *rows_of;        /* data set whose rows were really used; NULL: its own */
    uint32_t train, evaluation; /* bit s: split s; evaluation 0: split off train */
    int copies;                 /* times every row was loaded, before any split */
    double evaluation_share;    /* 0 when evaluation is a split of its own */
    long seed;                  /* of the survey's own split; -1: none */
    long n_train, n_evaluation; /* rows after copies and split */
    const char *note;           /* what the code did, one line */
};

/* A descriptor. All owned by the arena it was read into. */
struct dataset_info {
    const char *name, *title, *task, *homepage, *licence, *citation, *path;
    int n_classes;
    const char *const *classes; /* [n_classes] */
    /* For models that answer in text. */
    const char *const *verbalizers; /* [n_classes] what stands for each class; its name where
                                       the descriptor says nothing */
    const char *prompt_template;    /* holds {text} once, or NULL: the text alone */
    int n_splits;
    const struct dataset_split *splits; /* [n_splits] */
    int n_assets;
    const struct asset *assets; /* [n_assets] */
    struct reader_options reader;
    struct sound_rows sound;
    struct survey_rows survey;
};

struct example {
    const char *text; /* UTF-8, not empty */
    int label;
    int split;     /* index into info->splits */
    uint64_t hash; /* first 64 bits of sha256(text, runs of white space as one
                      blank): equal hash = the same row, in any data set */
};

struct dataset {
    const struct dataset_info *info; /* borrowed */
    struct example *examples;        /* [n] */
    int n;
    char data_hash[HASH_HEX_SIZE]; /* of class names, splits, labels and texts */
    const char *stand_in;          /* NULL, or what stands in for the real data */
    const char *served;            /* NULL, or the data set whose rows these really are */
    int n_warnings;
    const char *const *warnings; /* what a reader of results should know */
};

/* Reads home/datasets/NAME.yaml, or the file itself when name ends in .yaml.
 * An unknown name is ERR_USAGE with the nearest good one. NULL on error. */
const struct dataset_info *dataset_describe(const char *name, struct arena *a,
                                            struct err *e) MUST_CHECK;

/* Names of all descriptors in home/datasets, sorted, owned by a. Returns the
 * count or -1. */
int dataset_list(const char *const **names, struct arena *a, struct err *e) MUST_CHECK;

/* Finds or fetches the files, reads and checks them. NULL on error. */
const struct dataset *dataset_load(const struct dataset_info *info, const struct asset_flags *flags,
                                   struct arena *a, struct err *e) MUST_CHECK;

/* The rows that the survey's code served under this name (survey_rows.rows_of), with info's own
 * name and classes and the splits and `sound` of the rows; dataset_load where they are its own.
 * ERR_USAGE when a label of theirs is no class of info, or the rows have no such split. NULL on
 * error. */
const struct dataset *dataset_load_served(const struct dataset_info *info,
                                          const struct asset_flags *flags, struct arena *a,
                                          struct err *e) MUST_CHECK;

/* Where the text goes in a prompt_template. */
#define DATASET_HOLE "{text}"

/* The input of a model that answers in text: the template around text, or text itself. Owned by
 * a. */
char *dataset_prompt(const struct dataset_info *info, const char *text, struct arena *a);

/* Hash of one text, as in struct example. */
uint64_t dataset_row_hash(const char *text);

#endif
