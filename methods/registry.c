#include "methods/registry.h"

#include <stddef.h>

const struct method *const methods[] = {
    &method_null, &method_full,    &method_head,   &method_lora,   &method_bitfit,
    &method_ia3,  &method_adapter, &method_prefix, &method_prompt, NULL,
};
