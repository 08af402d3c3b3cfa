/*
 * train_seeds: the strings from which a unigram vocabulary is chosen, and the runs they are in.
 *
 * A run is the longest part of a word whose characters are of one sort: letters, or digits and
 * signs; U+2581 goes with what follows it. No piece reaches over runs (nor over scripts, as
 * SentencePiece has it). Characters without a piece end a run and are in none.
 * Private to models/tokenize.
 */
#ifndef FT_MODELS_TOKENIZE_TRAIN_SEEDS_H
#define FT_MODELS_TOKENIZE_TRAIN_SEEDS_H

#include "models/tokenize/words.h"

/* Characters of a candidate, and of a run: longer runs are cut, so that a product of that many
 * probabilities is still a normal double. */
enum { SEED_CHARS = 16, RUN_CHARS = 32 };

/* A candidate; one of a single character is never taken away. */
struct seed {
    const char *text; /* in an arena of the caller */
    uint32_t n_bytes;
    bool single;
    int64_t count;
};

/* The runs of words (which begin with U+2581), counted and sorted, to empty runs. */
void seeds_cut(struct words *runs, const struct words *words, const bool *kept);

/* Every character of the runs, and of the longer parts of runs the max_seeds that cover most
 * text (count times length), of those that occur min_frequency times: sorted by bytes, to *seeds
 * (free with free(), texts in a). A part that is always followed by the same character is left to
 * the longer one. Returns their number. */
size_t seeds_find(struct seed **seeds, const struct words *runs, int min_frequency,
                  size_t max_seeds, struct arena *a);

#endif
