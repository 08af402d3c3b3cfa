/*
 * pretrain: the training of one model on running text, from any update onwards.
 *
 * Everything follows from the source and its settings; what a stopped training needs to go on is
 * in struct pretrain_state, the parameters and their moments, which a snapshot holds. So the bits
 * depend neither on kills nor on the number of threads. It stores no results and prints nothing.
 */
#ifndef FT_PRETRAIN_PRETRAIN_H
#define FT_PRETRAIN_PRETRAIN_H

#include "models/update.h"
#include "pretrain/layout.h"
#include "pretrain/objective.h"
#include "pretrain/recipe.h"

/* A micro-batch's number is step * PRETRAIN_MICRO_MAX + i; no update has more of them. */
enum { PRETRAIN_MICRO_MAX = 256 };

/* One look at the held-out text. Losses are mean nats per token that is to be told; an
 * encoder-decoder's sentinels and </s> are among these. */
struct pretrain_point {
    long step;         /* updates before it */
    int64_t n_tok;     /* that went through the model before it, targets included */
    double train_loss; /* of the updates since the point before; NaN at step 0 */
    double held_out_loss;
    double learning_rate; /* of the last of them */
    double seconds;       /* of training and looking, before and with it */
};

struct pretrain_state {
    long step; /* updates done */
    int n_points, n_resumed;
    double loss, learning_rate; /* of the last update */
    double sum_loss;            /* over tokens to be told, since the last point */
    int64_t n_told;             /* of which there were so many */
    int64_t n_tok;
    int64_t train_ns, evaluate_ns;
    struct pretrain_point *points; /* [n_points], room for all */
};

struct pretrain_source {
    const struct zoo_entry *model;     /* borrowed, as all here */
    const struct options *options;     /* recipe_options */
    const struct tokenizer *tokenizer; /* the model's */
    const char *corpus_path;
    const char *corpus_sha256; /* what the text must have; NULL: any */
    struct pool *pool;         /* or NULL: one thread */
};

struct pretrain {
    struct model model;
    struct corpus corpus;
    struct objective objective;
    struct layout train, held_out;
    struct pretrain_state state;
    double unigram_loss; /* nats per held-out token to be told, by the frequencies of what all
                            updates tell, one added to each piece's */
    int64_t n_held_out_told;
    size_t activation_bytes;
    struct profile *profile; /* borrowed; may be set after pretrain_open */

    const struct options *options;
    struct update_rule rule;
    int *train_cost_tok, *held_out_cost_tok; /* by stretch */
    struct objective_packer packer;
    struct slab slab;
    struct tape tape;
    struct gemm_half *half; /* owned */
    struct pool *pool;
};

/* What happens around the loop; every member may be NULL. */
struct pretrain_hooks {
    void *context;
    void (*progress)(void *context, const struct pretrain *p); /* after every update and point */
    bool (*snapshot_due)(void *context);                       /* after every update */
    int (*snapshot)(void *context, const struct pretrain *p, struct err *e);
    bool (*stop)(void *context); /* after every update: true makes a snapshot and stops */
};

/* Reads the text and gets model and memory ready. Release also after an error. */
int pretrain_open(struct pretrain *p, const struct pretrain_source *from, struct arena *a,
                  struct err *e) MUST_CHECK;
void pretrain_release(struct pretrain *p);

enum pretrain_outcome { PRETRAIN_FAILED = -1, PRETRAIN_DONE = 0, PRETRAIN_STOPPED = 1 };

/* From state.step to the end. A loss that is not finite fails, naming the step. */
enum pretrain_outcome pretrain_run(struct pretrain *p, const struct pretrain_hooks *h,
                                   struct err *e);

/* id: of what is trained, and how; at most 23 characters. */
int pretrain_snapshot_write(const struct pretrain *p, const char *path, const char *id,
                            struct err *e) MUST_CHECK;
/* 1: taken up; 0: there is none; -1: unusable, and p is untouched. */
int pretrain_snapshot_read(struct pretrain *p, const char *path, const char *id,
                           struct err *e) MUST_CHECK;

#endif
