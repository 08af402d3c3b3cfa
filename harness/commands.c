#include "harness/command.h"

enum { MANY = 1 << 20 };

const struct command commands[] = {
    {"plan", "SPEC", "list the cells of a spec",
     "One row a cell: cell_id, model, method, dataset, protocol, seed, precision,\n"
     "trainable_params, total_params, est_memory_bytes, est_seconds, status. Needs neither\n"
     "weights nor data. Parameter counts are exact; memory is a dry run of the largest\n"
     "batches that rows of the data set make, or could make where it is not here; seconds\n"
     "are those of one thread of a certain core, and the table ends with what they come to here.",
     FLAG_HELP | FLAG_FORMAT | FLAG_JSON | FLAG_DB | FLAG_ONLY | FLAG_JOBS, 1, 1, cmd_plan},
    {"run", "SPEC", "run the cells of a spec that are not current",
     "Each cell runs in its own process and is stored whole or not at all. A stopped run goes\n"
     "on where it was: type the same command again. Cells start while there are jobs and memory\n"
     "for them; cores left over work as threads of a cell, which changes no bit of its result.\n"
     "--profile tells, for each cell, how many nanoseconds an update spends in gemm, attention,\n"
     "pointwise (norms, activations, dropout, embeddings), loss, optimizer, data (packing),\n"
     "evaluation and other; they add up.",
     FLAG_HELP | FLAG_DB | FLAG_JOBS | FLAG_THREADS | FLAG_MEMORY | FLAG_ONLY | FLAG_LIMIT |
         FLAG_TIMEOUT | FLAG_RETRY_FAILED | FLAG_OFFLINE | FLAG_DRY_RUN | FLAG_KEEP_ADAPTERS |
         FLAG_SNAPSHOT_SECONDS | FLAG_PROFILE,
     1, 1, cmd_run},
    {"status", "[SPEC]", "say what is done, failed, skipped, pending and running",
     "With a spec: of its cells. Without: of everything in the database. Exit status 1 when a\n"
     "cell has failed.",
     FLAG_HELP | FLAG_DB | FLAG_JSON | FLAG_ONLY, 0, 1, cmd_status},
    {"explain", "CELL", "say what a cell's id is made of, and why it is current, stale or failed",
     "CELL is the beginning of an id, looked for in the spec given with --spec and in the\n"
     "database.",
     FLAG_HELP | FLAG_DB | FLAG_SPEC | FLAG_JSON, 1, 1, cmd_explain},
    {"report", "[SPEC]", "write tables, figures and the page",
     "With a spec: of its cells only. Reads the database; changes nothing in it. Writes to\n"
     "reports/out unless --out says otherwise, and nothing where the same results, spec and\n"
     "program wrote before.",
     FLAG_HELP | FLAG_DB | FLAG_OUT | FLAG_ONLY, 0, 1, cmd_report},
    {"claims", "[SPEC]", "test the survey's statements on its numbers and on stored results",
     "reports/claims.yaml has the statements. Each is tested on the published numbers and on the\n"
     "results of each protocol in the database (with a spec: of its cells only): holds, fails,\n"
     "or cannot tell and how many seeds would. A 95 % interval decides, data sets being the\n"
     "sample. Findings that weaken a verdict stand beside it.",
     FLAG_HELP | FLAG_DB | FLAG_ONLY | FLAG_FORMAT | FLAG_JSON | FLAG_PUBLISHED, 0, 1, cmd_claims},
    {"audit", "DATASET... | SPEC.yaml",
     "say what is wrong with data sets, or with a spec's protocol, before anyone trains",
     "Data sets: duplicates and near duplicates within and across splits, texts with two labels,\n"
     "balance, lengths, and rows that two of the named sets share. With --memorise a table\n"
     "instead: the accuracy of a lookup table of the training rows and of their nearest\n"
     "neighbour, on the rows as the survey split them and as `sound` does.\n"
     "A spec: leaks into the judged rows, mixed units, rows shared between sets, unusual\n"
     "learning rates, unequal updates between sizes, lone seeds, cut targets; with the results\n"
     "in the database also models that answer one class. Only what is here already is looked\n"
     "at. Exit status 1 when something was found.",
     FLAG_HELP | FLAG_OFFLINE | FLAG_JSON | FLAG_DB | FLAG_ONLY | FLAG_MEMORISE, 1, MANY,
     cmd_audit},
    {"fetch", "[NAME...]", "bring data sets and models here, verified",
     "NAME is a data set or a model; --spec SPEC fetches all that a spec needs. Files are kept in\n"
     "the cache by their sha256; what is there already is only checked. --dry-run tells what "
     "would\n"
     "come from where, and how much, and fetches nothing.",
     FLAG_HELP | FLAG_SPEC | FLAG_ONLY | FLAG_OFFLINE | FLAG_DRY_RUN, 0, MANY, cmd_fetch},
    {"pretrain", "RECIPE", "train models of a recipe from random weights on running text",
     "Encoders learn to tell hidden words, encoder-decoders hidden spans. OUT/NAME\n"
     "(results/pretrained/NAME) gets config.json, model.safetensors in F16, the tokenizer's files\n"
     "and a model card; the loss on held-out text goes into the database. A stopped training goes\n"
     "on from OUT/NAME.snapshot, with the same bits: type the same command again. What is there\n"
     "already is left alone.",
     FLAG_HELP | FLAG_DB | FLAG_OUT | FLAG_CORPUS | FLAG_ONLY | FLAG_THREADS | FLAG_OFFLINE |
         FLAG_SNAPSHOT_SECONDS | FLAG_PROFILE,
     1, 1, cmd_pretrain},
    {"models", "[show NAME...]", "list models, or show some in full", NULL, FLAG_HELP | FLAG_JSON,
     0, MANY, cmd_models},
    {"methods", "[show NAME...]", "list fine-tuning methods, or show some with their options", NULL,
     FLAG_HELP | FLAG_JSON, 0, MANY, cmd_methods},
    {"datasets", "[show NAME...]", "list data sets, or show some in full", NULL,
     FLAG_HELP | FLAG_JSON, 0, MANY, cmd_datasets},
    {"protocols", "[show NAME...]", "list protocols, or show some with all training options", NULL,
     FLAG_HELP | FLAG_JSON, 0, MANY, cmd_protocols},
    {"tokenizer", "TEXT", "make a vocabulary from a text",
     "TEXT holds one document a line, plain or gzip. Writes into DIR what models/zoo and\n"
     "transformers read: vocab.txt (WordPiece, BERT) or spiece.model (unigram, T5; the hundred\n"
     "extra ids of T5 count), and tokenizer_config.json. The same text gives the same bytes.",
     FLAG_HELP | FLAG_KIND | FLAG_VOCAB_SIZE | FLAG_COVERAGE | FLAG_CASED | FLAG_OUT, 1, 1,
     cmd_tokenizer},
    {"predict", "CELL", "label new text, one text a line from standard input",
     "CELL is the beginning of the id of a finished cell that was trained with\n"
     "`run --keep-adapters`. Prints label, probability and text, tab-separated, or JSON lines;\n"
     "for models that answer in text the classes' log-likelihoods and what it says come before the "
     "text.",
     FLAG_HELP | FLAG_DB | FLAG_OFFLINE | FLAG_JSON, 1, 1, cmd_predict},
    {"doctor", "", "say what this machine has and what is missing",
     "Exit status 1 when something is missing that a command would need.",
     FLAG_HELP | FLAG_DB | FLAG_JSON, 0, 0, cmd_doctor},
    {"help", "[COMMAND]", "this list, or the page of a command", NULL, FLAG_HELP, 0, 1, cmd_help},
    {"version", "", "version of results and build", NULL, FLAG_HELP, 0, 0, cmd_version},
    {0},
};
