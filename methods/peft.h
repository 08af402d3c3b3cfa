/*
 * peft: adapters as PEFT writes them: adapter_config.json and
 * adapter_model.safetensors, the classification head included.
 *
 * PEFT loads what is written here and what PEFT 0.21 saved for a sequence
 * classifier or an encoder-decoder is read here. A method PEFT does not have (full, head, bitfit,
 * adapter, null) is written in the same two files: peft_type is "FTBENCH_" and
 * the method's name in capitals, options stand under their own names, every
 * trained tensor is "base_model.model." and the parameter's name.
 */
#ifndef FT_METHODS_PEFT_H
#define FT_METHODS_PEFT_H

#include "methods/method.h"

#include <stdint.h>

/* Where a parameter stands in the file: its rows go to values first,
 * first + stride, ... of the tensor. Several parameters may share one. */
struct peft_place {
    const char *name;
    int n_dims;
    int64_t dims[2];
    size_t first, stride; /* in values */
    bool spare_rows;      /* a file's tensor may have more rows, which are passed over */
};

/* How PEFT stores a method. Options have PEFT's names and are written by them; a
 * list of roles is written as names of modules that resolve to exactly the
 * targeted ones, and read back from the tensors that are there. */
struct peft_format {
    const char *type;          /* peft_type */
    const char *fixed;         /* JSON map: fields with the only value that means what is
                                  computed here; written, and checked when present */
    const char *tensor_suffix; /* a module is in target_modules when the file has
                                  MODULE.tensor_suffix; or NULL */
    const char *row_option;    /* a second list: those of them whose tensor has one
                                  row; or NULL */
    bool prompt_learning;      /* virtual tokens: sizes in the configuration, and one
                                  "base_model." less in the names of the head */
    /* Changes the place of a PART_METHOD parameter; NULL: the usual one,
     * "base_model.model." + name in its own shape. */
    void (*place)(const struct tuned *t, const struct param *p, struct peft_place *at);
    /* Why PEFT cannot say what is computed on this model, or NULL when it can. Where it
     * cannot, the method is written as one PEFT does not have. May be NULL: it always can. */
    const char *(*unfit)(const struct model *m);
};

/* Writes t's trained parameters to dir (made when missing). base_model: name or
 * folder of the base model, or NULL. */
int peft_write(const struct tuned *t, const char *base_model, const char *dir,
               struct err *e) MUST_CHECK;

/* Method and options from dir, for a model of the kind the adapter was made for
 * (declared, nothing attached). Options are owned by a. What PEFT can say and no
 * method here computes (DoRA, a trained bias, ranks that differ) is ERR_WORLD. */
int peft_config(const struct method **method, struct options *options, const struct model *model,
                const char *dir, struct arena *a, struct err *e) MUST_CHECK;

/* Fills t's trained parameters (attached and allocated) from dir; missing, extra
 * and mis-shaped tensors are reported by name in one message. */
int peft_read(struct tuned *t, const char *dir, struct err *e) MUST_CHECK;

#endif
