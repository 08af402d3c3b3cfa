/*
 * profile: where the time of a training goes, by kind of work.
 *
 * One clock runs, and it always runs for one phase: entering a phase books the time
 * so far on the one before. So phases add up to the whole, whatever calls what. It
 * counts clock time of the calling thread. Who has no profile passes NULL, and that
 * costs a branch; there is no other state.
 */
#ifndef FT_MODELS_TENSOR_PROFILE_H
#define FT_MODELS_TENSOR_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

enum phase {
    PHASE_GEMM,       /* products with weights, and those of their gradients */
    PHASE_ATTENTION,  /* scores, softmax, their products, and back */
    PHASE_POINTWISE,  /* every other op: activations, norms, embeddings, dropout, sums */
    PHASE_LOSS,       /* softmax and cross-entropy */
    PHASE_OPTIMIZER,  /* norm of the gradient, clipping, the update */
    PHASE_DATA,       /* packing batches */
    PHASE_EVALUATION, /* validation after an epoch, as a whole */
    PHASE_OTHER,      /* snapshots, progress */
    PHASE_COUNT,
};

/* By phase: "gemm", "attention", ...; ended by NULL. */
extern const char *const phase_names[];

struct profile {
    enum phase at;
    bool whole; /* everything belongs to `at` until profile_leave_whole */
    int64_t since_ns;
    int64_t ns[PHASE_COUNT];
    long n_steps;     /* updates it saw; set by who knows */
    int64_t start_ns; /* from the cell's start to its first update; likewise */
    double cpu_share; /* processor time over clock time; likewise */
};

/* All zero, and the clock runs for PHASE_OTHER. */
void profile_start(struct profile *p);

/* Books the time since the last change. */
void profile_stop(struct profile *p);

/* The clock runs for phase; the one it ran for until now. */
enum phase profile_switch(struct profile *p, enum phase phase);

/* What is done inside stays with phase, for work of which only the sum is of interest.
 * profile_leave_whole takes what profile_enter_whole gave. p may be NULL. */
enum phase profile_enter_whole(struct profile *p, enum phase phase);
void profile_leave_whole(struct profile *p, enum phase before);

int64_t profile_total_ns(const struct profile *p);

/* As profile_switch, and nothing where p is NULL. Leave by entering what it gave. */
static inline enum phase profile_enter(struct profile *p, enum phase phase)
{
    return p ? profile_switch(p, phase) : phase;
}

#endif
