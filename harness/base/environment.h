/*
 * environment: what a measurement was made on.
 *
 * Everything that may change a number or a speed and can be known here: machine,
 * system, compiler, commit. Versions of libraries and the BLAS core are added
 * by those who use them. The machine's name is left out: it says nothing about
 * the numbers and something about the person.
 */
#ifndef FT_HARNESS_BASE_ENVIRONMENT_H
#define FT_HARNESS_BASE_ENVIRONMENT_H

#include "harness/base/arena.h"

#include <stdint.h>

/* Texts are owned by the arena given to environment_read, "unknown" where the
 * system does not say. */
struct environment {
    const char *cpu_model;
    const char *cpu_flags; /* those of interest, sorted, one blank between: "avx2 fma" */
    long n_cores;          /* that this process may use */
    int64_t memory_bytes;  /* of the machine */
    const char *system;    /* "Linux 6.1.0 x86_64" */
    const char *os;        /* "Debian GNU/Linux 12 (bookworm)" */
    const char *build;     /* compiler command and variant: "gcc release" */
    const char *compiler;  /* its version */
    const char *flags;     /* those that may change a number */
    const char *commit;    /* git commit of the project's folder, 40 digits */
};

/* Never fails. */
void environment_read(struct environment *env, struct arena *a);

/* Cores that this process may use. */
long environment_cores(void);

/* Memory that processes started now may fill before something is killed: what the system says
 * is available, or less where a control group sets a limit. */
int64_t environment_free_bytes(void);

/* One fact as text. */
struct environment_fact {
    const char *key, *value;
};

enum { ENVIRONMENT_FACTS = 10 };

/* The facts in a fixed order, keys as the members are named, values owned by a. */
void environment_facts(struct environment_fact out[ENVIRONMENT_FACTS],
                       const struct environment *env, struct arena *a);

/* What this process has used so far. */
struct process_usage {
    int64_t peak_rss_bytes; /* largest resident set */
    double cpu_seconds;     /* user and system, all threads */
};
struct process_usage process_usage(void);

#endif
