/*
 * peft_file: what peft.c (tensors) and peft_config.c (configuration) share. Not
 * for others: peft.h is the door.
 */
#ifndef FT_METHODS_PEFT_FILE_H
#define FT_METHODS_PEFT_FILE_H

#include "methods/peft.h"

#define PEFT_CONFIG_FILE "adapter_config.json"
#define PEFT_TENSOR_FILE "adapter_model.safetensors"

/* How PEFT stores the method on this model, or NULL. */
const struct peft_format *peft_format_of(const struct method *method, const struct model *m);

int peft_write_config(const struct tuned *t, const char *base_model, const char *path,
                      struct err *e) MUST_CHECK;

#endif
