/*
 * peft: adapters as PEFT writes them: adapter_config.json and
 * adapter_model.safetensors, the classification head included.
 */
#ifndef FT_METHODS_PEFT_H
#define FT_METHODS_PEFT_H

#include "methods/method.h"

/* Writes t's trained parameters to dir. A method without a PEFT format is
 * written in the same two files with peft_type "FTBENCH_<NAME>". */
int peft_write(const struct tuned *t, const char *base_model, const char *dir,
               struct err *e) MUST_CHECK;

/* Method name and options from dir/adapter_config.json. */
int peft_config(const struct method **method, struct options *options, const char *dir,
                struct arena *a, struct err *e) MUST_CHECK;

/* Fills t's parameters (attached and allocated) from dir; missing, extra and
 * mis-shaped tensors are errors by name. */
int peft_read(struct tuned *t, const char *dir, struct err *e) MUST_CHECK;

#endif
