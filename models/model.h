/*
 * model: an architecture with its configuration, parameters and sites.
 *
 * A family (bert, t5) declares parameters and sites from a configuration and
 * computes class logits of a packed batch on a tape. It calls hooks at every
 * site and never asks who is behind them; a method (methods/) sees sites and
 * roles and never asks which family it is in. When a new method needs a change
 * here, a site is missing: add the site, not a special case.
 */
#ifndef FT_MODELS_MODEL_H
#define FT_MODELS_MODEL_H

#include "harness/base/option.h"
#include "models/param.h"
#include "models/tensor/ops.h"

/* Sequences end to end. n_tok = offsets[n_seq]; nothing is padded. */
struct batch {
    int n_seq, n_tok;
    const int *offsets;        /* [n_seq + 1] */
    const int *input_ids;      /* [n_tok] */
    const int *token_type_ids; /* [n_tok], or NULL: all 0 */
    const int *labels;         /* [n_seq], or NULL */

    /* An encoder-decoder's targets, end to end; 0 and NULL for an encoder. Every sequence has
     * one or more, all of which read the encoder's rows of that sequence: its own answer in
     * training, each class's name when classes are to be scored. */
    int n_target, n_target_tok;
    const int *target_starts;  /* [n_seq + 1] first target of each sequence */
    const int *target_offsets; /* [n_target + 1] into target_ids */
    const int *target_ids;     /* [n_target_tok] what the decoder is to say. It reads the
                                  same ids one place to the right within each target,
                                  decoder_start_token_id first */

    /* Of a masked language model: the rows (places in input_ids) whose true ids are to be told;
     * 0 and NULL otherwise. */
    int n_masked;
    const int *masked_rows; /* [n_masked] rising; one or more of every sequence */
    const int *masked_ids;  /* [n_masked] */
};

enum site_kind {
    SITE_INPUT,     /* token embeddings, before positions are added: a hook may
                       put rows in front of every sequence (forward_prepend) or
                       shift positions */
    SITE_LINEAR,    /* a projection: before() may change its input, after() its
                       output */
    SITE_KEY_VALUE, /* one attention's keys and values, about to be used */
    SITE_SUBLAYER,  /* output of attention or feed-forward, after its dropout and
                       before it joins the residual stream */
};

/* Which projection or sub-layer; the same words in every family, and the words
 * users write in `targets`. */
enum site_role {
    ROLE_Q,
    ROLE_K,
    ROLE_V,
    ROLE_O,
    ROLE_FFN_IN,
    ROLE_FFN_OUT,
    ROLE_INPUT,
    ROLE_ATTENTION,
    ROLE_FFN,
    ROLE_COUNT
};
extern const char *const role_names[]; /* "q" "k" "v" "o" "ffn_in" "ffn_out" ... NULL */

struct site {
    enum site_kind kind;
    enum site_role role;
    int index;                     /* in model->sites */
    int layer;                     /* -1 outside the layers; a decoder's are counted on
                                      from the encoder's */
    const char *module;            /* as transformers names it:
                                      "bert.encoder.layer.0.attention.self.query" */
    int in_features, out_features; /* LINEAR: of the projection; else width twice */
    int n_heads;                   /* KEY_VALUE */
    bool decoder;                  /* of a decoder; false in an encoder */
    bool cross;                    /* of an attention that reads the encoder */
    struct param *weight, *bias;   /* LINEAR */
};

struct forward;

/* What a method does at sites. Each may be NULL. They compose ops on f->tape and
 * return the tensor that goes on in place of the one they were given. */
struct hooks {
    void *state; /* borrowed; given back to each */
    struct tensor *(*before)(void *state, struct forward *f, const struct site *s,
                             struct tensor *x);
    /* x: what the site read (NULL for INPUT and SUBLAYER), y: what it made. */
    struct tensor *(*after)(void *state, struct forward *f, const struct site *s, struct tensor *x,
                            struct tensor *y);
    /* May replace a->k, a->v and a->k_offsets. */
    void (*key_value)(void *state, struct forward *f, const struct site *s, struct attention *a);
    /* [n_sites] NULL where after() leaves a SUBLAYER's output as it is; NULL: who knows. */
    void *const *at_site;
};

struct model;

/* One forward pass. offsets start as the batch's; a hook at SITE_INPUT may
 * lengthen the sequences. */
struct forward {
    struct model *model;
    struct tape *tape;
    const struct batch *batch;
    const struct hooks *hooks; /* or NULL */
    int n_tok;
    const int *offsets; /* [n_seq + 1], of what flows through the layers */
    int n_virtual;      /* rows put in front of every sequence so far */
    int position_start; /* position of each sequence's first row */

    /* What the keys' and values' projections made of the encoder's rows, by site, where it
     * is known already: decoding step by step reads the same rows again. Or NULL. */
    struct tensor **cross; /* [n_sites] */
};

/* A key of config.json that must, where it stands, have this value: what else it
 * could say is not implemented, or contradicts another option. */
struct config_demand {
    const char *key, *value;   /* value as JSON text: "false", "\"absolute\"" */
    const char *option, *says; /* only when this choice of the configuration says this; NULL:
                                  always */
};

/* A tensor that a checkpoint may hold with the values of another. Checked where words are told:
 * with other values the checkpoint is a model of two tables that are one here. */
struct tensor_copy {
    const char *name, *of;
};

struct family {
    const char *name;                    /* config.json's model_type */
    const struct option *config;         /* names and defaults as in config.json */
    const struct config_demand *demands; /* ended by a NULL key */
    const char *base_prefix;             /* "bert.": absent in bare base checkpoints */
    const char *const *ignored_tensors;  /* name prefixes a checkpoint may hold that
                                            a model does not use; NULL-ended */
    const struct tensor_copy *copies;    /* ended by a NULL name */
    /* Of a language model's folder (save.h): transformers' class; options, as "name=value", that
     * mean what an absent key means there, NULL-ended; and the name of a projection [width, width]
     * that is saved as the identity, or NULL. */
    const char *architecture;
    const char *const *unset;
    const char *identity;
    /* Declares parameters and sites from model->config and n_labels. ERR_USAGE
     * when the configuration contradicts itself. */
    int (*declare)(struct model *m, struct err *e);
    /* Encoders: features: what the classifier reads of every sequence [n_seq, width]; classify:
     * class logits [n_seq, n_labels] of that. NULL for an encoder-decoder. */
    struct tensor *(*features)(struct forward *f);
    struct tensor *(*classify)(const struct model *m, struct tape *t, struct tensor *features);
    /* Encoder-decoders, which classify by saying a class's name; NULL for encoders.
     * encode: the encoder's rows [f->n_tok, width]. decode: for every token of the batch's
     * targets the logits of the vocabulary [n_target_tok, vocab_size]. */
    struct tensor *(*encode)(struct forward *f);
    struct tensor *(*decode)(struct forward *f, struct tensor *encoded);
    /* Encoders, declared without labels: for each masked row of the batch the logits of the
     * vocabulary [n_masked, vocab_size]. */
    struct tensor *(*masked)(struct forward *f);
    const char *output_layer; /* of a model that answers in text: the parameter that makes the
                                 logits where it is none of the input's too */
    /* The longest sequence, prepended rows and position_start included; INT_MAX when
     * positions are relative. */
    int (*max_tokens)(const struct model *m);
};
extern const struct family *const families[]; /* NULL-ended */
const struct family *family_find(const char *name);

struct model {
    const struct family *family;
    struct options config;
    int n_labels;
    struct params params;
    struct site *sites; /* [n_sites] owned by arena */
    int n_sites;
    void *parts;           /* the family's own handles on its parameters */
    struct arena *arena;   /* borrowed */
    struct file_map *maps; /* mapped checkpoint files that params point into */
    int n_maps;
};

/* Declares a model of this configuration; no weights yet. n_labels 0: an encoder is a masked
 * language model, with the head that tells hidden tokens and neither pooler nor classifier
 * (transformers' BertForMaskedLM); an encoder-decoder is what it always is. */
int model_declare(struct model *m, const struct family *family, const struct options *config,
                  int n_labels, struct arena *a, struct err *e) MUST_CHECK;
/* Unmaps checkpoint files. The arena's owner frees the rest. */
void model_release(struct model *m);

/* The longest sequence the model takes. A longer one is our bug in model_logits. */
int model_max_tokens(const struct model *m);

/* Columns of what flows through the layers, and of what a classifier reads. */
int model_width(const struct model *m);

/* Whether the model answers in text: its logits are those of target tokens. */
bool model_says_text(const struct model *m);

/* Logits of a batch with a fresh struct forward: class logits [n_seq, n_labels], or of a model
 * that answers in text [n_target_tok, vocab_size]. tape_begin is the caller's.
 * On a dry tape the parameters need no memory. */
struct tensor *model_logits(struct model *m, struct tape *t, const struct batch *b,
                            const struct hooks *hooks);

/* Logits of a batch's masked rows [n_masked, vocab_size], of an encoder without labels. No hook
 * may put rows in front of sequences. */
struct tensor *model_masked(struct model *m, struct tape *t, const struct batch *b,
                            const struct hooks *hooks);

/* Whether what the classifier reads is a function of the row alone, whatever is learnt: nothing
 * below the classifier trains. False where there is no classifier. After marking what trains. */
bool model_features_fixed(const struct model *m);

/* The two halves of model_logits of an encoder. */
struct tensor *model_features(struct model *m, struct tape *t, const struct batch *b,
                              const struct hooks *hooks);
struct tensor *model_classify(struct model *m, struct tape *t, struct tensor *features);

/* --- for families ------------------------------------------------------- */

/* A forward pass that has not run any layer. */
void forward_begin(struct forward *f, struct model *m, struct tape *t, const struct batch *b,
                   const struct hooks *hooks);

/* y = x W^T + b at a LINEAR site, hooks applied. */
struct tensor *forward_linear(struct forward *f, const struct site *s, struct tensor *x);
/* after() at an INPUT or SUBLAYER site. */
struct tensor *forward_after(struct forward *f, const struct site *s, struct tensor *y);
/* The output y of a SUBLAYER after dropout with probability p (of stream RNG_DROPOUT) and after(),
 * onto x. */
struct tensor *forward_join(struct forward *f, const struct site *s, struct tensor *y,
                            struct tensor *x, float p, uint32_t dropout_site);
/* op_attention with key_value() applied. */
struct tensor *forward_attention(struct forward *f, const struct site *s, struct attention *a);

/* --- for methods -------------------------------------------------------- */

/* At SITE_INPUT: the n rows of prefix in front of every sequence of x; offsets,
 * n_tok and n_virtual follow. */
struct tensor *forward_prepend(struct forward *f, struct tensor *prefix, struct tensor *x);

/* Offsets [n_seq + 1] of sequences that are n rows longer each; on the tape. n_seq: an
 * attention's own number, for a decoder's sequences are the batch's targets. */
const int *forward_longer_offsets(struct forward *f, const int *offsets, int n_seq, int n);

#endif
