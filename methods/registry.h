/*
 * registry: the rows of methods[], each defined in the file of its name.
 *
 * To add a method: write methods/NAME.c, declare its row here, list it in
 * registry.c. Everything else (parsing, plan, run, tests) walks the list.
 */
#ifndef FT_METHODS_REGISTRY_H
#define FT_METHODS_REGISTRY_H

#include "methods/method.h"

extern const struct method method_null;
extern const struct method method_full;
extern const struct method method_head;
extern const struct method method_lora;
extern const struct method method_bitfit;
extern const struct method method_ia3;
extern const struct method method_adapter;
extern const struct method method_prefix;
extern const struct method method_prompt;

#endif
