/*
 * recipe: how models are pre-trained, as a YAML file says it.
 *
 *     name, title, models [zoo names], corpus {title, licence, language, sha256},
 *     set {option: value}, overrides [{when: {family: NAME}, set: {option: value}}]
 *
 * One recipe serves all its models, so that size is their only difference; an override is for
 * what a family needs. A model's configuration and tokenizer are those of its zoo entry; weights
 * that the entry may have are not used.
 */
#ifndef FT_PRETRAIN_RECIPE_H
#define FT_PRETRAIN_RECIPE_H

#include "models/zoo.h"

/* The settings: names, meanings and defaults of transformers' and of its pre-training examples
 * where they have them. */
extern const struct option recipe_options[];

struct recipe_corpus {
    const char *title, *licence, *language; /* for the model card */
    const char *sha256;                     /* of the text, unpacked */
};

struct recipe_override {
    const struct yaml *families; /* a word or a list */
    const struct yaml *set;
};

struct recipe {
    const char *name, *title, *path;
    struct recipe_corpus corpus;
    struct zoo_entry *models; /* [n_models] to start from random weights; names as written */
    int n_models;
    const struct yaml *set; /* or NULL */
    struct recipe_override *overrides;
    int n_overrides;
};

/* Reads and checks all of it. Errors carry file and line, and for a wrong word the nearest right
 * one. Owned by a. */
int recipe_read(struct recipe *r, const char *path, struct arena *a, struct err *e) MUST_CHECK;

/* The settings of one of its models, in arena a. */
int recipe_settle(struct options *o, const struct recipe *r, const struct zoo_entry *model,
                  struct arena *a, struct err *e) MUST_CHECK;

#endif
