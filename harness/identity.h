/*
 * identity: the hashes of weights, tokenizer and data that go into a cell's id.
 *
 * Taken from the published sha256 of assets wherever there is one, so that an id is known
 * before anything is fetched and stays the same afterwards. An asset whose hash nobody
 * published, and which is not here yet, gives "unresolved".
 */
#ifndef FT_HARNESS_IDENTITY_H
#define FT_HARNESS_IDENTITY_H

#include "datasets/dataset.h"
#include "models/zoo.h"

#define IDENTITY_UNRESOLVED "unresolved"

/* Weights: see zoo_weights_hash. */
int identity_weights(char hex[HASH_HEX_SIZE], const struct zoo_entry *z, struct err *e) MUST_CHECK;

/* The files a tokenizer is read from. */
int identity_tokenizer(char hex[HASH_HEX_SIZE], const struct zoo_entry *z,
                       struct err *e) MUST_CHECK;

/* The files of a data set and everything in its descriptor that decides which rows, labels
 * and splits come out of them. Where a stand-in would be used it is the stand-in's hash. */
int identity_data(char hex[HASH_HEX_SIZE], const struct dataset_info *info,
                  struct err *e) MUST_CHECK;

/* identity_data of the set whose rows the survey's code served under this one's name; of info
 * itself where those are its own. */
int identity_served(char hex[HASH_HEX_SIZE], const struct dataset_info *info, struct arena *a,
                    struct err *e) MUST_CHECK;

/* Names of the files that a tokenizer may be made of, NULL-ended. */
extern const char *const tokenizer_files[];

#endif
